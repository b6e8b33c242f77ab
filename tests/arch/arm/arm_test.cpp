// SPDX-License-Identifier: GPL-2.0-or-later
// What 32-bit Arm does otherwise than others: software's young and dirty, purges without ranges and levels,
// 8-bit ASIDs, CPUs whose operations stay at home.
#include "arch/arm/arm.h"

#include "arch/chosen.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

class Arm : public testing::TestWithParam<const char*> {
 protected:
  Arm() {
    chosen_arch::choose<arm>();
    EXPECT_TRUE(arm::set_option(GetParam()));
  }
  ~Arm() override { static_cast<void>(arm::set_option("")); }
  static bool holds(unsigned cpu, std::uint64_t page) {
    bool found = false;
    arm::mmu_of(cpu).tlb.for_each(page_at(page), page_at(page) + 1,
                                  [&](const hw::TlbView&) { found = true; });
    return found;
  }
};
INSTANTIATE_TEST_SUITE_P(With, Arm, testing::Values("", "ipi"), [](const auto& of) {
  return std::string(*of.param == '\0' ? "broadcast" : of.param);
});

// Hardware sets neither: a store to a clean page is a page fault, and an access to an old one.
TEST_P(Arm, CleanAndOldPagesFault) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1);
    EXPECT_EQ(do_madvise_free<A>(rig.mm(), page_at(0), page_size), 0);  // clean and old
    rig.log().clear();
    rig.log().keep_all(true);
    EXPECT_EQ(peek<A>(rig.mm(), 0), 1U);
    EXPECT_EQ(rig.log().count(EventKind::page_fault), 1U) << "old";
    fill<A>(rig.mm(), 0, 1, 2);
    EXPECT_EQ(rig.log().count(EventKind::page_fault), 2U) << "clean";
    fill<A>(rig.mm(), 0, 1, 3);
    EXPECT_EQ(rig.log().count(EventKind::page_fault), 2U);
    rig.log().keep_all(false);
  });
}

// There is no operation for last levels only.
TEST_P(Arm, APageGoesWithTheUpperLevelsOnTheWay) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 2);
    fill<A>(rig.mm(), 0, 2);
    const hw::Mmu& mmu = arm::mmu_of(0);
    ASSERT_NE(mmu.walk_cache.lookup(mmu.asid(), page_at(0), 0), nullptr);
    arm::flush_tlb_page(rig.mm(), page_at(0));
    EXPECT_EQ(mmu.walk_cache.lookup(mmu.asid(), page_at(0), 0), nullptr);
    EXPECT_FALSE(holds(0, 0));
    EXPECT_TRUE(holds(0, 1));
  });
}

// CPU 1 has used both pages; it is interrupted if operations reach one CPU only.
TEST_P(Arm, AnotherCpuLosesThePage) {
  MmRig<A> rig({.machine = {.cpus = 2}});
  rig.run([&] {
    map<A>(rig.mm(), 0, 2);
    fill<A>(rig.mm(), 0, 2);
  });
  Meeting meeting;
  rig.run_all([&](unsigned cpu) {
    if (cpu == 1) {
      EXPECT_EQ(peek<A>(rig.mm(), 0) + peek<A>(rig.mm(), 1), 3U);
    }
    meeting.meet();
    if (cpu == 0) {
      const std::uint64_t sent = rig.machine().counters(0).ipis_sent;
      dontneed<A>(rig.mm(), 0, 1);
      EXPECT_EQ(rig.machine().counters(0).ipis_sent > sent, arm::opted.ipi);
    }
    meeting.meet();
    if (cpu == 1) {
      EXPECT_FALSE(holds(1, 0));
      EXPECT_TRUE(holds(1, 1));
    }
    unuse_mm<A>();
  });
}

TEST_P(Arm, AsidsAreGivenOutAgain) {
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

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
