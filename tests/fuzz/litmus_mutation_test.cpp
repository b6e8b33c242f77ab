// SPDX-License-Identifier: GPL-2.0-or-later
// Some thousand damaged litmus tests by fixed seeds. Each has to be read or refused, and under ASan
// and UBSan without a report.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/fuzz/litmus_fuzz.h"
#include "tests/fuzz/mutator.h"

namespace tlblab {
namespace {

constexpr std::string_view good =
    "C every.thing+1\n\"quoted\"\nHash=12\n(* of (* all *) kinds *)\n"
    "{ x=1; [y]=-2; int z; int *p = &x; 0:r9=y; atomic_t v = ATOMIC_INIT(3); }\n"
    "P0(int *x, int *y, int **p, atomic_t *v, spinlock_t *s) { // comment\n"
    "  int r0; int *q = rcu_dereference(*p), *t; unsigned long u = 0x10;\n"
    "  r0 = -(-1) - - -2 + !u * (3 - (4 - 5)) - (6 - 7) - 8;\n"
    "  r0 = (r0 & 1) == 1 && r0 != 2 || r0 < 3 | r0 >= 4 ^ r0 > 5 && r0 <= 6;\n"
    "  if (r0) { spin_lock(s); { *x = 1; } spin_unlock(s); } else if (!r0) **p = 2; else ;\n"
    "  if (*x == 1) /* no */ ; (void)atomic_add_unless(v, 1, 0); smp_mb();\n"
    "  WRITE_ONCE(*x, READ_ONCE(*q) + 1); r0 = cmpxchg(x, 0, atomic_inc_return(v));\n"
    "}\nP1(int *z) { rcu_read_lock(); smp_store_release(z, 1); rcu_read_unlock(); }\n"
    "locations [x; 0:r0]\nfilter (0:r0=1 \\/ x=2 /\\ y=x)\n"
    "~exists ((x=1 => y=1) => (z=1 \\/ ~(z=2)) /\\ true)\n";

bool reads(std::string_view text) {
  return read_as_litmus(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

TEST(LitmusMutations, AreReadOrRefused) {
  unsigned read = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed)
    ++(reads(Mutator(seed).mutate(std::string(good))) ? read : refused);
  EXPECT_GT(read, 100U);
  EXPECT_GT(refused, 1000U);
}

TEST(LitmusMutations, EveryPrefixIsReadOrRefused) {
  ASSERT_TRUE(reads(good));
  for (std::size_t length = 0; length < good.size(); ++length) reads(good.substr(0, length));
}

}  // namespace
}  // namespace tlblab
