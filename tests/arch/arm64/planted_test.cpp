// SPDX-License-Identifier: GPL-2.0-or-later
// Break before make: a step of it left out is found, under the explorer, and the whole of it is not.
#include "harness/explore/choosers.h"
#include "harness/oracle/oracles.h"
#include "tests/arch/arm64/contpte_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr unsigned tries = 1000, longest = 150;

// What one execution came to; empty: nothing is wrong. CPU 0 changes block 0, CPU 1 uses it meanwhile.
template <class Prepare, class Change, class Use>
std::string violation_of(std::uint64_t seed, Prepare prepare, Change change, Use use) {
  RandomChooser chooser(seed);
  MachineOptions options;
  options.cpus = 2;
  options.poison_frames = false;
  options.step_limit = 1ULL << 22;
  options.chooser = &chooser;
  options.tracked_windows = true;
  Oracles oracles(oracle_table<Chosen>(2));
  Machine machine(options);
  Session<Chosen> session({.frames = 1 << 11, .tlb = test_tlb});
  mm_struct* mm = nullptr;
  const auto on_cpu_0 = [&](auto act) {
    machine.run([&](unsigned cpu) {
      if (cpu == 0) act();
    });
  };
  on_cpu_0([&] {
    session.start();
    mm = mm_alloc<Chosen>(3);
  });
  for (unsigned cpu = 0; cpu < 2; ++cpu) machine.attach(cpu, oracles.sink(cpu));
  machine.run([&](unsigned) { use_mm<Chosen>(*mm); });
  on_cpu_0([&] { map_blocks(*mm); });
  on_cpu_0([&] { prepare(*mm); });
  Meeting meeting;
  machine.run([&](unsigned cpu) {
    meeting.meet();
    cpu == 0 ? change(*mm) : use(*mm, seed % longest);
  });
  machine.run([](unsigned) { unuse_mm<Chosen>(); });
  on_cpu_0([&] { mmput<Chosen>(*mm); });
  oracles.finish();
  for (unsigned cpu = 0; cpu < 2; ++cpu) machine.attach(cpu, nullptr);
  on_cpu_0([&] { session.stop(); });
  if (!machine.result().violation.empty()) return std::string(machine.result().violation);
  return oracles.total() == 0 ? "" : oracles.examples().front().kind;
}

template <class Backend, class Prepare, class Change, class Use>
std::string first_violation(Prepare prepare, Change change, Use use) {
  chosen_arch::choose<Backend>();
  std::string found;
  for (unsigned seed = 1; seed <= tries && found.empty(); ++seed)
    found = violation_of(seed, prepare, change, use);
  return found;
}

// A clean page is read, and after a while one of its block is stored to: that looks at the entry again.
void store_later(mm_struct& mm, std::uint64_t later) {
  for (std::uint64_t n = 0; n <= later; ++n) static_cast<void>(peek<Chosen>(mm, 3));
  static_cast<void>(user_write<Chosen>(mm, page_at(5), 50));
}
// One page is read, and after a while another one.
void read_later(mm_struct& mm, std::uint64_t later) {
  for (std::uint64_t n = 0; n <= later; ++n) static_cast<void>(peek<Chosen>(mm, 3));
  static_cast<void>(peek<Chosen>(mm, 9));
}
void clean(mm_struct& mm) {
  static_cast<void>(do_madvise_free<Chosen>(mm, page_at(0), 16 * page_size));
}
void zap_one(mm_struct& mm) { dontneed<Chosen>(mm, 0, 1); }
void unfold(mm_struct& mm) { protect<Chosen>(mm, 4, 1, VM_READ); }
void fold(mm_struct& mm) { protect<Chosen>(mm, 0, 16, VM_READ); }

pte_t unfold_unflushed(vaddr_t va, Atomic<std::uint64_t>& word) {
  const pte_t was = arm64::contpte_get_and_clear(word);
  if (!arm64::pte_valid_cont(was)) return was;
  return contpte_convert(contpte_block_of(va, word), arm64::pte_mknoncont(was), true,
                         [](vaddr_t) {});
}

// The block may be cached whole when its entries stand by themselves.
struct makes_without_break : arm64 {
  static pte_t ptep_get_and_clear(mm_struct&,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool) noexcept {
    return unfold_unflushed(va, word);
  }
};
// An entry that still stands is walked after the flush.
struct flushes_before_the_last_is_clear : arm64 {
  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool) noexcept {
    flush_tlb_block(mm, va & ~(CONT_PTE_SIZE - 1));
    return unfold_unflushed(va, word);
  }
};
// Small translations are about when the entries say that they are one.
struct folds_without_flush : arm64 {
  static void contpte_try_fold(mm_struct&,
                               vaddr_t va,
                               Atomic<std::uint64_t>& word,
                               pte_t pte) noexcept {
    if (contpte_block_of(va, word).index == CONT_PTES - 1 && pte_pfn(pte) % CONT_PTES == 15)
      contpte_convert(contpte_block_of(va, word), pte_mkcont(pte), false, [](vaddr_t) {});
  }
};
// Core's view: an entry is an entry.
struct knows_no_blocks : arm64 {
  static pte_t ptep_get_and_clear(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, bool) noexcept {
    return contpte_get_and_clear(word);
  }
};

TEST(ContptePlanted, BreakBeforeMakeIsClean) {
  EXPECT_EQ(first_violation<arm64>(clean, zap_one, store_later), "");
  EXPECT_EQ(first_violation<arm64>(unfold, fold, read_later), "");
  EXPECT_EQ(first_violation<arm64>(unfold, fold, store_later), "");
}
TEST(ContptePlanted, AnUnfoldWithoutFlushIsFound) {
  EXPECT_EQ(first_violation<makes_without_break>(clean, zap_one, store_later), "tlb_conflict");
}
TEST(ContptePlanted, AnUnfoldThatFlushesTooEarlyIsFound) {
  EXPECT_EQ(first_violation<flushes_before_the_last_is_clear>(clean, zap_one, store_later),
            "tlb_conflict");
}
TEST(ContptePlanted, AFoldWithoutFlushIsFound) {
  EXPECT_EQ(first_violation<folds_without_flush>(unfold, fold, read_later), "tlb_conflict");
}
TEST(ContptePlanted, AChangeWithoutUnfoldIsFound) {
  EXPECT_EQ(first_violation<knows_no_blocks>(clean, zap_one, store_later),
            "mixed_contiguous_entries");
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
