// SPDX-License-Identifier: GPL-2.0-or-later
// Pages are freed before the flush, and the oracles know it; what breaks the rule behind it they find.
#include "harness/oracle/oracles.h"
#include "tests/arch/s390/s390_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Detaches: nothing is loaded any more.
void leave() {
  local_irq_save();
  Chosen::switch_mm_irqs_off(Chosen::init_mm());
  local_irq_restore();
}

// The first kind that is seen; "": none. CPU 0 gives pages back, CPU 1 comes and goes and reads them.
std::string first_violation(unsigned cpus) {
  std::string kind;
  each_trial(cpus, 20000, [&](const MachineOptions& options) {
    if (!kind.empty()) return;
    Oracles oracles(oracle_table<Chosen>(cpus));
    {
      MachineOptions machine = options;
      machine.poison_frames = false;  // a freed one may be written through a stale entry
      S390Rig rig({.machine = machine, .frames = trial_frames, .tlb = tiny_tlb});
      for (unsigned cpu = 0; cpu < cpus; ++cpu) rig.machine().attach(cpu, oracles.sink(cpu));
      Meeting meeting;
      rig.on_all([&](unsigned cpu) {
        mm_struct& mm = rig.mm();
        if (cpu == 0) {
          use_mm<Chosen>(mm);
          map<Chosen>(mm, 0, 2);
          fill<Chosen>(mm, 0, 2);
        }
        meeting.meet();
        for (unsigned n = 0; n < trial_rounds; ++n) {
          if (cpu == 0) {
            fill<Chosen>(mm, 0, 2, n + 1);
            dontneed<Chosen>(mm, 0, 2);
          } else {
            use_mm<Chosen>(mm);
            static_cast<void>(peek<Chosen>(mm, 0));
            unuse_mm<Chosen>();
            leave();
          }
        }
        unuse_mm<Chosen>();
      });
      oracles.finish();
    }
    if (oracles.total() != 0) kind = oracles.examples().front().kind;
  });
  return kind;
}

template <class Planted>
std::string first_violation_of(unsigned cpus) {
  chosen_arch::choose<Planted>();
  return first_violation(cpus);
}

// Its hooks call each other by name: those that lead to a flush are to lead to the planted one.
template <class A>
struct planted : s390 {
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<A>(tlb, start, end, force);
  }

 private:
  planted() = default;
  friend A;
};
struct never_pays : planted<never_pays> {
  static void tlb_flush(gather_range&) noexcept {}
};
struct pays_for_another : planted<pays_for_another> {
  static void tlb_flush(gather_range& tlb) noexcept {
    if (tlb.mm != loaded_mm()) s390::tlb_flush(tlb);
  }
};
// Marks without saying that it owes.
struct owes_in_silence : s390 {
  static pte_t ptep_get_and_clear(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, bool) noexcept {
    return {word.exchange(0, order::full)};
  }
};
// A CPU may attach between the look at the mask and the mark.
struct does_not_count : s390 {
  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept {
    mm_context& context = context_of<s390>(mm);
    if (full || !only_this_cpu(context.cpu_attach_mask))
      return s390::ptep_get_and_clear(mm, va, word, full);
    this_cpu().flush_owed.store(true, order::relaxed);
    const pte_t was{word.exchange(0, order::full)};
    context.flush_mm.store(1, order::release);
    return was;
  }
};

TEST_F(S390, TheOraclesAreSilent) {
  EXPECT_EQ(first_violation(1), "");
  EXPECT_EQ(first_violation(2), "");
}
// It is the fact that excuses the free, nothing else.
TEST_F(S390, WithoutTheFactAFreeBeforeTheFlushIsFound) {
  chosen_arch::flush_owed_on = nullptr;
  EXPECT_EQ(first_violation(1), "frame_freed_while_cached");
}
TEST_F(S390, ADebtThatIsNeverPaidIsFound) {
  EXPECT_EQ(first_violation_of<never_pays>(1), "stale_translation_after_return");
}
TEST_F(S390, ADebtThatIsPaidForAnotherMmIsFound) {
  EXPECT_EQ(first_violation_of<pays_for_another>(1), "stale_translation_after_return");
}
TEST_F(S390, AMarkWithoutADebtIsFound) {
  EXPECT_EQ(first_violation_of<owes_in_silence>(1), "frame_freed_while_cached");
}
TEST_F(S390, AChangeThatIsNotCountedIsFound) {
  EXPECT_EQ(first_violation_of<does_not_count>(2), "frame_freed_while_cached");
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
