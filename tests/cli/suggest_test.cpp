// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/suggest.h"

#include <vector>

#include <gtest/gtest.h>

namespace tlblab {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("trace", "trace"), 0U);
  EXPECT_EQ(edit_distance("trac", "trace"), 1U);
  EXPECT_EQ(edit_distance("ttrace", "trace"), 1U);
  EXPECT_EQ(edit_distance("trbce", "trace"), 1U);
  EXPECT_EQ(edit_distance("rtace", "trace"), 1U);
  EXPECT_EQ(edit_distance("", "trace"), 5U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(EditDistance, IsSymmetric) {
  const std::vector<std::string> words{"", "a", "ab", "ba", "stress", "trace", "replay", "explore"};
  for (const std::string& a : words)
    for (const std::string& b : words) EXPECT_EQ(edit_distance(a, b), edit_distance(b, a));
}

TEST(Nearest, IsTheOneProbablyMeant) {
  const std::vector<std::string> names{"list", "trace", "stress", "explore", "explain"};
  EXPECT_EQ(nearest_of("trcae", names), "trace");
  EXPECT_EQ(nearest_of("exlpore", names), "explore");
  EXPECT_EQ(nearest_of("str", names), "stress");
  EXPECT_EQ(nearest_of("expl", names), "");  // two begin so
  EXPECT_EQ(nearest_of("zebra", names), "");
  EXPECT_EQ(nearest_of("", names), "");
  EXPECT_EQ(nearest_of("trace", {}), "");
}

TEST(Nearest, TakesNoTimeForWordsThatAreNoNames) {
  const std::vector<std::string> names{std::string(60, 'x')};
  EXPECT_EQ(nearest_of(std::string(1 << 20, 'x'), names), "");
}

}  // namespace
}  // namespace tlblab
