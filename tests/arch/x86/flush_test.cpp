// SPDX-License-Identifier: GPL-2.0-or-later
// Flushes: how much, on which CPUs, and the count by which a CPU knows what it has done.
#include "tests/arch/x86/x86_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr unsigned pmd_shift = 21;

TEST(X86Flush, TheCeilingIs33Strides) {
  X86Rig rig;
  rig.run([&] {
    const auto flushed = [&](std::uint64_t strides, unsigned shift) {
      x86::flush_tlb_range(rig.mm(), test_base, test_base + (strides << shift), shift, false);
      const auto pages = rig.flushes();
      EXPECT_EQ(pages.size(), 1U);
      return pages.at(0);
    };
    for (const unsigned shift : {12U, pmd_shift, 30U}) {
      EXPECT_EQ(flushed(1, shift), 1);
      EXPECT_EQ(flushed(33, shift), 33);
      EXPECT_EQ(flushed(34, shift), full_flush);
    }
    x86::flush_tlb_range(rig.mm(), test_base, test_base + page_size, pmd_shift, true);
    EXPECT_THAT(rig.flushes(), ElementsAre(0)) << "less than a stride is shown as 0";
    x86::flush_tlb_mm(rig.mm());
    x86::flush_tlb_page(rig.mm(), test_base + 123);
    EXPECT_THAT(rig.flushes(), ElementsAre(full_flush, 1));
  });
}

TEST(X86Flush, TheInterruptIsCountedInPagesWhateverTheStride) {
  X86Rig rig({.machine = {.cpus = 2}});
  rig.on(1, [&] { use_mm<x86>(rig.mm()); });
  rig.run([&] {
    x86::flush_tlb_range(rig.mm(), test_base, test_base + (2ULL << pmd_shift), pmd_shift, false);
    x86::flush_tlb_range(rig.mm(), test_base, test_base + page_size, pmd_shift, true);
    EXPECT_THAT(rig.log().flushes(FlushReason::remote_send_ipi), ElementsAre(1024, 1));
    EXPECT_THAT(rig.flushes(), ElementsAre(2, 0));
  });
  EXPECT_THAT(rig.log(1).flushes(FlushReason::remote_shootdown), ElementsAre(2, 0));
}

// Less than a stride is shown as 0 and is one invalidate all the same: upper levels must go.
TEST(X86Flush, OneTableIsOneInvalidate) {
  X86Rig rig;
  rig.run([&] {
    map<x86>(rig.mm(), 0, 4);
    fill<x86>(rig.mm(), 0, 4);
    const hw::WalkCache& cache = x86::mmu_of(0).walk_cache;
    const unsigned asid = x86::mmu_of(0).asid();
    EXPECT_NE(cache.lookup(asid, test_base, 0), nullptr);
    x86::flush_tlb_range(rig.mm(), test_base, test_base + page_size, pmd_shift, true);
    EXPECT_EQ(cache.lookup(asid, test_base, 0), nullptr);
    EXPECT_EQ(cache.lookup(asid, test_base, 1), nullptr);
    EXPECT_EQ(cached_on(0, page_at(3)), 1U) << "pages beside it stay";
  });
}

TEST(X86Flush, APartialFlushTakesItsPagesOnEveryCpu) {
  X86Rig rig({.machine = {.cpus = 3}});
  rig.run([&] {
    map<x86>(rig.mm(), 0, 8);
    fill<x86>(rig.mm(), 0, 8);
  });
  for (unsigned cpu = 1; cpu < 3; ++cpu)
    rig.on(cpu, [&] {
      use_mm<x86>(rig.mm());
      for (unsigned page = 0; page < 8; ++page) static_cast<void>(peek<x86>(rig.mm(), page));
    });
  rig.run([&] { x86::flush_tlb_range(rig.mm(), page_at(2), page_at(5), page_shift, false); });
  for (unsigned cpu = 0; cpu < 3; ++cpu)
    for (unsigned page = 0; page < 8; ++page)
      EXPECT_EQ(cached_on(cpu, page_at(page)), page >= 2 && page < 5 ? 0U : 1U) << cpu << page;
  rig.run([&] { x86::flush_tlb_mm(rig.mm()); });
  for (unsigned cpu = 0; cpu < 3; ++cpu) EXPECT_EQ(cached_on(cpu, page_at(7)), 0U);
}

TEST(X86Flush, OtherAddressSpacesKeepTheirs) {
  X86Rig rig;
  rig.run([&] {
    map<x86>(rig.mm(), 0, 1);
    fill<x86>(rig.mm(), 0, 1);
    mm_struct* other = mm_alloc<x86>(3);
    use_mm<x86>(*other);
    map<x86>(*other, 0, 1);
    fill<x86>(*other, 0, 1);
    x86::flush_tlb_mm(*other);
    EXPECT_EQ(cached_on(0, test_base), 1U);
    use_mm<x86>(rig.mm());
    x86::flush_tlb_mm(rig.mm());
    mmput<x86>(*other);
  });
}

TEST(X86Flush, WhatNobodyHasLoadedIsOnlyCounted) {
  X86Rig rig;
  rig.run([&] {
    mm_struct* other = mm_alloc<x86>(3);
    const std::uint64_t gen = tlb_gen(*other);
    rig.log().clear();
    x86::flush_tlb_mm(*other);
    EXPECT_EQ(tlb_gen(*other), gen + 1);
    EXPECT_THAT(rig.log().events(), IsEmpty());
    mmput<x86>(*other);
  });
}

// The initiator may run something else (reclaim, process_madvise).
TEST(X86Flush, TheInitiatorNeedNotRunTheMm) {
  X86Rig rig({.machine = {.cpus = 2}});
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    map<x86>(rig.mm(), 0, 1);
    fill<x86>(rig.mm(), 0, 1);
  });
  rig.on(0, [&] { x86::flush_tlb_page(rig.mm(), test_base); });
  EXPECT_THAT(rig.flushes(), IsEmpty());
  EXPECT_THAT(rig.log(1).flushes(FlushReason::remote_shootdown), ElementsAre(1));
  EXPECT_EQ(cached_on(1, test_base), 0U);
}

// ---- the count ----------------------------------------------------------------------------------

// T32: two flushes while a CPU has its interrupts off. The first interrupt finds the count two
// ahead and flushes all; the second finds nothing left to do.
TEST(X86Generations, WhoMissedTwoFlushesAll) {
  each_trial(3, 100, [](const MachineOptions& options) {
    X86Rig rig({.machine = options, .tlb = tiny_tlb});
    Signal off;
    Meeting meeting;
    std::uint64_t start = 0;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) start = tlb_gen(rig.mm());
      meeting.meet();
      rig.log(cpu).clear();
      if (cpu == 1) {
        local_irq_save();
        off.give();
        while (context_of<x86>(rig.mm()).tlb_gen.load(order::acquire) != start + 2) cpu_relax();
        EXPECT_EQ(clean_up_to(1), start);
        local_irq_restore();
      } else {
        off.await();
        x86::flush_tlb_page(rig.mm(), page_at(cpu));
      }
    });
    EXPECT_THAT(rig.log(1).flushes(FlushReason::remote_shootdown), ElementsAre(full_flush));
    EXPECT_EQ(clean_up_to(1), start + 2);
  });
}

// Flushes come one after the other: each is the next, so each is partial.
TEST(X86Generations, WhoIsUpToDateFlushesPages) {
  X86Rig rig({.machine = {.cpus = 2}});
  rig.on(1, [&] { use_mm<x86>(rig.mm()); });
  rig.run([&] {
    for (unsigned n = 0; n < 5; ++n) {
      x86::flush_tlb_page(rig.mm(), page_at(n));
      EXPECT_EQ(clean_up_to(0), tlb_gen(rig.mm()));
      EXPECT_EQ(clean_up_to(1), tlb_gen(rig.mm()));
    }
  });
  EXPECT_THAT(rig.log(1).flushes(FlushReason::remote_shootdown), ElementsAre(1, 1, 1, 1, 1));
}

// ---- CPUs that have something else loaded -------------------------------------------------------

TEST(X86WrongMm, IsNotInterruptedForPages) {
  X86Rig rig({.machine = {.cpus = 2}});
  mm_struct* other = nullptr;
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    map<x86>(rig.mm(), 0, 1);
    fill<x86>(rig.mm(), 0, 1);
    other = mm_alloc<x86>(3);
    use_mm<x86>(*other);
  });
  rig.run([&] {
    dontneed<x86>(rig.mm(), 0, 1);
    EXPECT_EQ(rig.machine().counters(0).ipis_sent, 0U);
    EXPECT_THAT(rig.log().flushes(FlushReason::remote_send_ipi), ElementsAre(1));
  });
  EXPECT_EQ(cached_on(1, test_base), 1U);
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    EXPECT_EQ(peek<x86>(rig.mm(), 0), 0U);
    mmput<x86>(*other);
  });
}

// T33: it leaves the set and leaves the slot alone; the count tells when the mm comes back.
TEST(X86WrongMm, LeavesTheSetAndItsSlotAlone) {
  X86Rig rig({.machine = {.cpus = 2}});
  mm_struct* other = nullptr;
  unsigned slot = 0;
  std::uint64_t clean = 0;
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    map<x86>(rig.mm(), 0, 1);
    fill<x86>(rig.mm(), 0, 1);
    slot = x86::cpu(1).loaded_mm_asid;
    clean = x86::cpu(1).ctxs[slot].tlb_gen;
    other = mm_alloc<x86>(3);
    use_mm<x86>(*other);
  });
  const auto is_left_alone = [&] {
    EXPECT_FALSE(mm_cpumask_test(rig.mm(), 1));
    EXPECT_EQ(x86::cpu(1).ctxs[slot].tlb_gen, clean);
    EXPECT_EQ(x86::cpu(1).ctxs[slot].ctx_id, rig.mm().id);
    EXPECT_EQ(cached_on(1, test_base), 1U);
  };
  rig.run([&] { x86::flush_tlb_mm(rig.mm()); });
  EXPECT_EQ(rig.log(1).flushes(FlushReason::remote_wrong_cpu).size(), 1U);
  is_left_alone();
  rig.run([&] {
    rig.log().clear();
    x86::flush_tlb_mm(rig.mm());
    EXPECT_THAT(rig.log().flushes(FlushReason::remote_send_ipi), IsEmpty());
  });
  is_left_alone();
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    EXPECT_EQ(cached_on(1, test_base), 0U);
    EXPECT_TRUE(mm_cpumask_test(rig.mm(), 1));
    mmput<x86>(*other);
  });
}

// Between two address spaces: it may be on its way to the one that is flushed.
TEST(X86WrongMm, ACpuThatSwitchesIsInterrupted) {
  X86Rig rig({.machine = {.cpus = 2}});
  rig.on(1, [&] {
    use_mm<x86>(rig.mm());
    x86::cpu(1).loaded_mm.store(x86::switching(), order::relaxed);
  });
  rig.run([&] { x86::flush_tlb_page(rig.mm(), test_base); });
  EXPECT_EQ(rig.machine().counters(1).interrupts, 1U);
  rig.on(1, [&] { x86::cpu(1).loaded_mm.store(&rig.mm(), order::relaxed); });
}

// ---- T38 ----------------------------------------------------------------------------------------

// Two CPUs that flush with interrupts off would wait for each other for ever.
void flush_with_interrupts_off(Machine& machine) {
  Session<x86> session({.frames = 64, .tlb = tiny_tlb});
  machine.run([&](unsigned) {
    session.start();
    mm_struct* mm = mm_alloc<x86>(3);
    use_mm<x86>(*mm);
    local_irq_save();
    x86::flush_tlb_mm(*mm);
    local_irq_restore();
  });
}

TEST(X86FlushDeathTest, WithInterruptsOffIsABug) {
  expect_broken("flush_with_interrupts_off", flush_with_interrupts_off);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
