// SPDX-License-Identifier: GPL-2.0-or-later
// Some thousand damaged scripts by fixed seeds. Each has to be read or refused, and under ASan and
// UBSan without a report.
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "tests/fuzz/mutator.h"
#include "tests/fuzz/script_fuzz.h"

namespace tlblab {
namespace {

constexpr std::string_view good =
    "option no-rt\noption child-cpu 1\narea B 512 # a place\nmmap A 64 rw shared memfd\n"
    "mmap S 8 r at=A+100 populate\nmmap T 8 none skew=3 fixed\ntouch A 0 64 w\nwrite A 5\n"
    "mprotect A 0 8 rwx\nmremap A 0 8 16 to=B+5 dontunmap maymove\nfork\nchild: write A 6\n"
    "exit\nthread 1: dontneed A 0 8\nuffdreg A 0 8 wp\nuffdwp A 0 8 on\nuffdcopy A 0 1 S 0\n"
    "ksmscan 4\nsleep1\nwake1\nt1exit\nmsleep 10\nnop\n";

bool reads(std::string_view text) {
  return read_as_script(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

TEST(ScriptMutations, AreReadOrRefused) {
  unsigned read = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed)
    ++(reads(Mutator(seed).mutate(std::string(good))) ? read : refused);
  EXPECT_GT(read, 100U);
  EXPECT_GT(refused, 1000U);
}

TEST(ScriptMutations, EveryPrefixIsReadOrRefused) {
  ASSERT_TRUE(reads(good));
  for (std::size_t length = 0; length < good.size(); ++length) reads(good.substr(0, length));
}

}  // namespace
}  // namespace tlblab
