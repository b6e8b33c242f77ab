// SPDX-License-Identifier: GPL-2.0-or-later
// What SuperH does otherwise than others: one handler for misses and first stores, ASIDs of each CPU, who is
// interrupted, when a flush is a new ASID.
#include "arch/sh/sh.h"

#include "arch/chosen.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

class Sh : public testing::Test {
 protected:
  Sh() { chosen_arch::choose<sh>(); }
  static bool holds(std::uint64_t page) {
    return A::translate(page_at(page), Access::read).host != nullptr;
  }
};

TEST_F(Sh, TheHandlerSetsYoungAndDirtyWithoutAFault) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1);
    EXPECT_EQ(do_madvise_free<A>(rig.mm(), page_at(0), page_size), 0);  // clean and old
    rig.log().clear();
    rig.log().keep_all(true);
    EXPECT_EQ(peek<A>(rig.mm(), 0), 1U);
    EXPECT_FALSE(A::pte_dirty(peek_pte<A>(rig.mm(), page_at(0))));
    fill<A>(rig.mm(), 0, 1, 2);
    rig.log().keep_all(false);
    EXPECT_EQ(rig.log().count(EventKind::page_fault), 0U);
    EXPECT_TRUE(A::pte_dirty(peek_pte<A>(rig.mm(), page_at(0))));
    EXPECT_TRUE(A::pte_young(peek_pte<A>(rig.mm(), page_at(0))));
  });
}

// 16 of 64 entries.
TEST_F(Sh, MoreThanAQuarterOfTheTlbIsANewAsid) {
  MmRig<A> rig;
  rig.run([&] {
    constexpr std::uint64_t quarter = sh::tlb_entries / 4;
    map<A>(rig.mm(), 0, 2 * quarter);
    fill<A>(rig.mm(), 0, 2 * quarter);
    const unsigned asid = sh::asid::cpu_asid(0, rig.mm());
    sh::flush_tlb_range(rig.mm(), page_at(0), page_at(quarter), page_shift, false);
    EXPECT_EQ(sh::asid::cpu_asid(0, rig.mm()), asid);
    EXPECT_FALSE(holds(0));
    EXPECT_TRUE(holds(quarter));
    sh::flush_tlb_range(rig.mm(), page_at(0), page_at(quarter + 1), page_shift, false);
    EXPECT_NE(sh::asid::cpu_asid(0, rig.mm()), asid);
    EXPECT_FALSE(holds(quarter + 1)) << "all of the mm";
    EXPECT_EQ(peek<A>(rig.mm(), quarter + 1), quarter + 2);
  });
}

TEST_F(Sh, AsidsAreGivenOutAgain) {
  TlbGeometry geometry = tiny_tlb;
  geometry.asids = 3;
  MmRig<A> rig({.tlb = geometry});
  rig.run([&] {
    constexpr unsigned spaces = 7;
    mm_struct* mms[spaces];
    for (unsigned n = 0; n < spaces; ++n) {
      mms[n] = mm_alloc<A>(3);
      use_mm<A>(*mms[n]);
      map<A>(*mms[n], 0, 1);
      fill<A>(*mms[n], 0, 1, 100 + n);
    }
    for (unsigned turn = 0; turn < 3 * spaces; ++turn) {
      use_mm<A>(*mms[turn * 3 % spaces]);
      EXPECT_EQ(peek<A>(*mms[turn * 3 % spaces], 0), 100 + turn * 3 % spaces);
    }
    use_mm<A>(rig.mm());
    for (mm_struct* mm : mms) mmput<A>(*mm);
  });
}

// CPU 1 has run the mm and left: it is not interrupted, but loses its ASID.
TEST_F(Sh, ASingleUserInterruptsNobody) {
  MmRig<A> rig({.machine = {.cpus = 2}});
  Meeting meeting;
  rig.on_all([&](unsigned cpu) {
    use_mm<A>(rig.mm());
    if (cpu == 0) map<A>(rig.mm(), 0, 1);
    meeting.meet();
    if (cpu == 0) fill<A>(rig.mm(), 0, 1);
    meeting.meet();
    EXPECT_EQ(peek<A>(rig.mm(), 0), 1U);
    if (cpu == 1) unuse_mm<A>();
    meeting.meet();
    if (cpu == 0) {
      EXPECT_NE(sh::asid::cpu_context(1, rig.mm()).load(order::relaxed), 0U);
      const std::uint64_t sent = rig.machine().counters(0).ipis_sent;
      dontneed<A>(rig.mm(), 0, 1);
      EXPECT_EQ(rig.machine().counters(0).ipis_sent, sent);
      EXPECT_EQ(sh::asid::cpu_context(1, rig.mm()).load(order::relaxed), 0U);
    }
    meeting.meet();
    use_mm<A>(rig.mm());
    EXPECT_EQ(peek<A>(rig.mm(), 0), 0U);
    meeting.meet();
    if (cpu == 0) {
      dontneed<A>(rig.mm(), 0, 1);
      EXPECT_NE(sh::asid::cpu_context(1, rig.mm()).load(order::relaxed), 0U) << "interrupted";
    }
    meeting.meet();
    unuse_mm<A>();
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
