// SPDX-License-Identifier: GPL-2.0-or-later
// Some thousand damaged scenarios by fixed seeds. Each has to be read or refused, and what is read
// survives being printed.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/fuzz/mutator.h"
#include "tests/fuzz/scenario_text_fuzz.h"

namespace tlblab {
namespace {

constexpr std::string_view good =
    "arch x86\nwithout nested-flush, delayed-rmap # fixes\nfile F 4\nshmem S 2\nswap 8\n"
    "map 0x4000 8 rw\nmmap 0x10000 4 r shared F\nmmap 0x20000 1 rwx private S 1 populate\n"
    "write 0x4000 1\nfork kid\nP0: munmap 0x4000 1\nP0: r0 = mprotect 0x5000 2 none\n"
    "P1: r1 = load 0x4000\nP0: mremap 0x5000 1 1 to 0x9000 dontunmap\nP0: meet\nP1: meet\n"
    "P1: uffd_register 0x4000 1 wp\nP1: uffd_copy 0x4000 1 from 0x5000\nP1: swap_out 0x4000\n"
    "P1: pin 0x4000 w\nP1: dma_store 5\nP1: unpin\nP1: use kid\nP1: fork other\nP1: exit other\n"
    "P0: signal done\nP1: wait done\nP1: r3 = seen done\nP1: sleep\nP1: wake\n"
    "forbid stale_translation_use, wrong_value\nforbid P0:r0 == -EINVAL && (P1:r1 != 0x10)\n"
    "exists ~(P1:r3 = 1 \\/ P1:r1 < 5)\n";

bool reads(std::string_view text) {
  return read_as_scenario(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

TEST(ScenarioTextMutations, AreReadOrRefused) {
  unsigned read = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed)
    ++(reads(Mutator(seed).mutate(std::string(good))) ? read : refused);
  EXPECT_GT(read, 100U);
  EXPECT_GT(refused, 1000U);
}

TEST(ScenarioTextMutations, EveryPrefixIsReadOrRefused) {
  ASSERT_TRUE(reads(good));
  for (std::size_t length = 0; length < good.size(); ++length) reads(good.substr(0, length));
}

}  // namespace
}  // namespace tlblab
