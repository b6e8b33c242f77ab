// SPDX-License-Identifier: GPL-2.0-or-later
#include <iostream>

#include "tests/explore/load_buffering_compare.h"

namespace tlblab {
namespace {

TEST(LoadBufferingStress, TwentyThousandPrograms) {
  const BufferingScore sum = score_all_shapes(1'000'000, 2'000);
  std::cout << sum.programs << " programs: the kernel's model has more states of " << sum.more
            << ", not exact is said of " << sum.not_exact << "\n";
  EXPECT_GT(sum.more, sum.programs / 100);
  EXPECT_LT(sum.not_exact, 4 * sum.more);
}

TEST(LoadBufferingStress, LargerPrograms) {
  BufferingScore sum;
  score_all({.threads = 3, .ops = 4, .void_adds = false, .dependencies = true}, 1, 400, sum);
  score_all({.threads = 4, .ops = 3, .locations = 3, .locks = 0}, 1, 150, sum);
  score_all({.ops = 7, .locations = 3, .dependencies = true}, 1, 600, sum);
  EXPECT_GT(sum.more, 0U);
}

}  // namespace
}  // namespace tlblab
