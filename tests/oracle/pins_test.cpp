// SPDX-License-Identifier: GPL-2.0-or-later
// I7: a pinned anonymous page stays exclusive until it is unpinned. Here the pin is one that fork is
// not told of.
#include "mm/pgtable.tcc"
#include "tests/oracle/case.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = x86;

struct Pinned {
  OracleCase<A> c;
  mm_struct* child = nullptr;

  [[nodiscard]] pfn_t pfn() { return A::pte_pfn(peek_pte<A>(c.mm(), x)); }
  void pin() { trace(EventKind::page_pin, c.mm().id, pfn(), x); }
  void unpin() { trace(EventKind::page_unpin, c.mm().id, pfn()); }
  void fork() {
    child = dup_mm<A>(c.mm());
    ASSERT_NE(child, nullptr);
  }
  template <class Act>
  Kinds run(Act act) {
    c.run(
        [&] {
          c.turn(1, [&] {
            c.write(x);
            act();
          });
        },
        nothing, nothing);
    return c.rig_.kinds();
  }
};

const Kinds unreliable = kinds_of({kind::unreliable_pin});

TEST(OraclePins, ForkOfAPinnedPage) {
  Pinned p;
  EXPECT_EQ(p.run([&] {
    p.pin();
    p.fork();
    p.unpin();
    mmput<A>(*p.child);
  }),
            unreliable);
  EXPECT_EQ(p.c.rig_.oracles().total(), 1U) << p.c.rig_.text();
}

TEST(OraclePins, PinOfASharedPage) {
  Pinned p;
  EXPECT_EQ(p.run([&] {
    p.fork();
    p.pin();
    p.unpin();
    mmput<A>(*p.child);
  }),
            unreliable);
}

TEST(OraclePins, FreedWhilePinned) {
  Pinned p;
  EXPECT_EQ(p.run([&] {
    p.pin();
    EXPECT_EQ(do_munmap<A>(p.c.mm(), x, page_size), 0);
  }),
            unreliable);
}

TEST(OraclePins, PinAndUnpinBeforeFork) {
  Pinned p;
  EXPECT_EQ(p.run([&] {
    p.pin();
    p.pin();
    p.unpin();
    p.unpin();
    p.fork();
    mmput<A>(*p.child);
  }),
            Kinds{});
}

TEST(OraclePins, OnlyTheLastUnpinLetsGo) {
  Pinned p;
  EXPECT_EQ(p.run([&] {
    p.pin();
    p.pin();
    p.unpin();
    p.fork();
    p.unpin();
    mmput<A>(*p.child);
  }),
            unreliable);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
