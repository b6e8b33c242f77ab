// SPDX-License-Identifier: GPL-2.0-or-later
// RISC-V: whom a fence reaches and how, what it drops, and address-space identifiers.
#include "arch/riscv/riscv.h"

#include "arch/chosen.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;

// As the backend stands with these options; with none of them afterwards.
class Riscv : public testing::TestWithParam<const char*> {
 protected:
  Riscv() {
    chosen_arch::choose<riscv>();
    EXPECT_TRUE(riscv::set_option(GetParam()));
  }
  ~Riscv() override { static_cast<void>(riscv::set_option("")); }
};

using Rig = MmRig<chosen_arch>;

unsigned cached_on(unsigned cpu, vaddr_t va) {
  unsigned entries = 0;
  riscv::mmu_of(cpu).tlb.for_each(va, va + page_size, [&](const hw::TlbView&) { ++entries; });
  return entries;
}
bool table_cached(vaddr_t va) {
  const hw::Mmu& mmu = riscv::mmu_of(0);
  return mmu.walk_cache.lookup(mmu.asid(), va, 0) != nullptr;
}
void fill_on_both(Rig& rig, std::uint64_t pages) {
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, pages);
    fill<chosen_arch>(rig.mm(), 0, pages);
  });
  rig.on(1, [&] {
    use_mm<chosen_arch>(rig.mm());
    for (unsigned page = 0; page < pages; ++page)
      static_cast<void>(peek<chosen_arch>(rig.mm(), page));
  });
}

TEST_P(Riscv, AFenceReachesWhoIsInTheSet) {
  Rig rig({.machine = {.cpus = 2}});
  fill_on_both(rig, 2);
  rig.run([&] {
    riscv::flush_tlb_page(rig.mm(), page_at(0));
    EXPECT_EQ(cached_on(0, page_at(0)), 0U);
    EXPECT_EQ(cached_on(1, page_at(0)), 0U);
    EXPECT_EQ(cached_on(1, page_at(1)), 1U);
    mm_cpumask_clear(rig.mm(), 1);
    riscv::flush_tlb_page(rig.mm(), page_at(1));
    EXPECT_EQ(cached_on(0, page_at(1)), 0U);
    EXPECT_EQ(cached_on(1, page_at(1)), 1U) << "nobody was asked";
    mm_cpumask_set(rig.mm(), 1);
    riscv::flush_tlb_mm(rig.mm());
  });
}

TEST_P(Riscv, MoreThan64PagesAreTheWholeAddressSpace) {
  Rig rig;
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, 70);
    fill<chosen_arch>(rig.mm(), 0, 70);
    rig.log().clear();
    riscv::flush_tlb_range(rig.mm(), page_at(0), page_at(64), page_shift, false);
    EXPECT_EQ(cached_on(0, page_at(63)), 0U);
    EXPECT_EQ(cached_on(0, page_at(64)), 1U);
    riscv::flush_tlb_range(rig.mm(), page_at(0), page_at(65), page_shift, false);
    EXPECT_EQ(cached_on(0, page_at(69)), 0U);
    EXPECT_THAT(rig.flushes(), ElementsAre(64, full_flush));
  });
}

// Firmware is told no stride: a range that is one huge page is many pages to it.
TEST_P(Riscv, TheFirmwareKnowsNoStride) {
  Rig rig({.machine = {.cpus = 2}});
  fill_on_both(rig, 1);
  rig.run([&] {
    riscv::flush_tlb_range(rig.mm(), page_at(512), page_at(1024), 21, false);
    const bool by_firmware = !riscv::opted.ipi;
    EXPECT_EQ(cached_on(1, page_at(0)), by_firmware ? 0U : 1U);
  });
}

TEST_P(Riscv, AFenceForPagesLeavesUpperLevels) {
  Rig rig;
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, 2);
    fill<chosen_arch>(rig.mm(), 0, 2);
    dontneed<chosen_arch>(rig.mm(), 0, 1);
    EXPECT_TRUE(table_cached(page_at(0)));
    unmap<chosen_arch>(rig.mm(), 0, 2);
    EXPECT_FALSE(table_cached(page_at(0)));
  });
}

// Reaches a CPU that has its interrupts off, if the firmware carries it; with an interrupt it would wait
// for ever.
TEST(RiscvFirmware, DoesNotWaitForInterrupts) {
  chosen_arch::choose<riscv>();
  Rig rig({.machine = {.cpus = 2}});
  Signal ready, flushed;
  rig.run([&] { map<chosen_arch>(rig.mm(), 0, 1); });
  rig.run_all([&](unsigned cpu) {
    if (cpu == 0) {
      ready.await();
      riscv::flush_tlb_page(rig.mm(), page_at(0));
      flushed.give();
      return;
    }
    static_cast<void>(peek<chosen_arch>(rig.mm(), 0));
    local_irq_save();
    EXPECT_EQ(cached_on(1, page_at(0)), 1U);
    ready.give();
    flushed.await();
    EXPECT_EQ(cached_on(1, page_at(0)), 0U);
    local_irq_restore();
  });
}

TEST_P(Riscv, WhoHasEntriesIsInTheSet) {
  Rig rig({.machine = {.cpus = 2}});
  fill_on_both(rig, 1);
  rig.on(1, [&] { riscv::switch_mm_irqs_off(riscv::init_mm()); });
  const bool stays = !riscv::opted.no_asid;
  EXPECT_EQ(mm_cpumask_test(rig.mm(), 1), stays);
  EXPECT_EQ(cached_on(1, page_at(0)), stays ? 1U : 0U);
}

// ---- entries that were not valid ----------------------------------------------------------------

struct riscv_unasked : riscv {
  static void update_mmu_cache(mm_struct&, vaddr_t, pte_t) noexcept {}
};

std::size_t faults_of_first_touch() {
  Rig rig;
  std::size_t faults = 0;
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, 1);
    rig.log().keep_all(true);
    rig.log().clear();
    EXPECT_EQ(peek<chosen_arch>(rig.mm(), 0), 0U);
    faults = rig.log().count(EventKind::page_fault);
    rig.log().keep_all(false);
  });
  return faults;
}

TEST_P(Riscv, WhatWasAbsentIsForgottenWithTheFault) {
  EXPECT_EQ(faults_of_first_touch(), 1U);
  chosen_arch::choose<riscv_unasked>();
  EXPECT_EQ(faults_of_first_touch(), 2U) << "planted: no fence for a new entry";
}

// Somebody else made the entry: one fault for nothing, and no more.
TEST_P(Riscv, AFaultForNothingComesOnce) {
  Rig rig({.machine = {.cpus = 2}});
  rig.on(1, [&] {
    use_mm<chosen_arch>(rig.mm());
    EXPECT_EQ(riscv::translate(page_at(0), Access::read).host, nullptr);
  });
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, 1);
    fill<chosen_arch>(rig.mm(), 0, 1, 7);
  });
  rig.log(1).keep_all(true);
  rig.on(1, [&] {
    EXPECT_EQ(peek<chosen_arch>(rig.mm(), 0), 7U);
    EXPECT_EQ(rig.log(1).count(EventKind::page_fault), 1U);
    EXPECT_EQ(peek<chosen_arch>(rig.mm(), 0), 7U);
    EXPECT_EQ(rig.log(1).count(EventKind::page_fault), 1U);
  });
}

// ---- tables -------------------------------------------------------------------------------------

// Pages are fenced one by one although a table goes: its entry in the walk cache is left.
struct riscv_tables_by_page : riscv {
  static void tlb_flush(gather_range& tlb) noexcept {
    if (tlb.fullmm) return riscv::tlb_flush(tlb);
    riscv::flush_tlb_range(*tlb.mm, tlb.start, tlb.end, page_shift, false);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb, vaddr_t a, vaddr_t b, bool force) noexcept {
    return generic::arch_tlb_finish_mmu<riscv_tables_by_page>(tlb, a, b, force);
  }
};

TEST(RiscvPlanted, AFenceByPageLeavesTheFreedTableCached) {
  chosen_arch::choose<riscv_tables_by_page>();
  Rig rig;
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, 2);
    fill<chosen_arch>(rig.mm(), 0, 2);
    unmap<chosen_arch>(rig.mm(), 0, 2);
    EXPECT_TRUE(table_cached(page_at(0)));
    riscv::flush_tlb_mm(rig.mm());
  });
}

// ---- address-space identifiers ------------------------------------------------------------------

// Four to give out, and nine address spaces that come one after another: each finds its own page.
TEST(RiscvAsid, ANumberIsUsedAgainWhenNothingIsLeftOfIt) {
  chosen_arch::choose<riscv>();
  TlbGeometry few = test_tlb;
  few.asids = 4;
  Rig rig({.machine = {.cpus = 2}, .tlb = few});
  rig.on(0, [&] {
    mm_struct* mms[9];
    for (std::uint64_t n = 0; n < std::size(mms); ++n) {
      mms[n] = mm_alloc<chosen_arch>(3);
      use_mm<chosen_arch>(*mms[n]);
      map<chosen_arch>(*mms[n], 0, 1);
      fill<chosen_arch>(*mms[n], 0, 1, n);
    }
    for (unsigned round = 0; round < 3; ++round)
      for (std::uint64_t n = 0; n < std::size(mms); ++n) {
        use_mm<chosen_arch>(*mms[n]);
        EXPECT_EQ(peek<chosen_arch>(*mms[n], 0), n);
      }
    use_mm<chosen_arch>(rig.mm());
    for (mm_struct* mm : mms) mmput<chosen_arch>(*mm);
  });
}

// Two address spaces; both CPUs go from one to the other while each flushes both.
TEST_P(Riscv, EachSeesItsOwn) {
  TlbGeometry few = tiny_tlb;
  few.asids = 3;
  each_trial(2, 100, [&](const MachineOptions& options) {
    Rig rig({.machine = options, .frames = trial_frames, .tlb = few});
    mm_struct* spaces[3] = {&rig.mm(), nullptr, nullptr};
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0)
        for (mm_struct*& mm : spaces) {
          if (mm == nullptr) mm = mm_alloc<chosen_arch>(3);
          map<chosen_arch>(*mm, 0, 8);
        }
      meeting.meet();
      for (unsigned n = 0; n < 3 * trial_rounds; ++n) {
        mm_struct& mm = *spaces[(n + cpu) % 3];
        use_mm<chosen_arch>(mm);
        const std::uint64_t mine = 1000 * (mm.id + 1) + n;
        EXPECT_EQ(user_write<chosen_arch>(mm, page_at(cpu), mine), AccessResult::done);
        EXPECT_EQ(peek<chosen_arch>(mm, cpu), mine);
        dontneed<chosen_arch>(mm, cpu, 1);
        EXPECT_EQ(peek<chosen_arch>(mm, cpu), 0U);
        const std::uint64_t others = peek<chosen_arch>(mm, 1 - cpu);
        EXPECT_TRUE(others == 0 || others / 1000 == mm.id + 1) << "a page of another mm";
      }
      unuse_mm<chosen_arch>();
    });
    rig.on(0, [&] {
      mmput<chosen_arch>(*spaces[1]);
      mmput<chosen_arch>(*spaces[2]);
    });
  });
}

INSTANTIATE_TEST_SUITE_P(All,
                         Riscv,
                         testing::Values("", "ipi", "svinval", "no-asid"),
                         [](const auto& c) {
                           const std::string name = c.param;
                           return name.empty()        ? std::string("plain")
                                  : name == "no-asid" ? std::string("no_asid")
                                                      : name;
                         });

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
