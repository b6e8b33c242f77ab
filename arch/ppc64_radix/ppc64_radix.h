// SPDX-License-Identifier: GPL-2.0-or-later
// 64-bit POWER with tables that hardware walks (POWER9 and later), as Linux 6.12 runs it: tlbie and
// tlbiel by PID, walk caches that a tlbie of a page does not reach, local or global by the set of CPUs.
// Kernel: arch/powerpc/mm/book3s64/radix_tlb.c. The invalidates are told in radix_tlb.cpp, who is in
// the set of CPUs in context.cpp.
#pragma once

#include "arch/generic/book3s64.h"
#include "arch/generic/broadcast.h"
#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ppc64_radix_pte : generic::pte_bits<generic::book3s64_bits>, generic::book3s64_bits {
  using bits = std::uint64_t;
  // Present for the kernel still: who meets it waits for the lock.
  static constexpr pte_t pmd_mkinvalid(pte_t pmd) noexcept {
    return with(without(pmd, valid), protnone);
  }
  // More rights, and A going, need none: a CPU that faults looks at the entry again.
  static constexpr bool pte_needs_flush(pte_t was, pte_t now) noexcept {
    constexpr bits given = valid | leaf | write | exec | dirty;
    return pte_present(was) && ((was.val & ~now.val & given) != 0 || pte_pfn(was) != pte_pfn(now));
  }
  static constexpr bool huge_pmd_needs_flush(pte_t was, pte_t now) noexcept {
    return pte_needs_flush(was, now);
  }
};

struct ppc64_radix_cpu : generic::cpu_state {
  generic::in_flight tlbie;  // since its last tlbsync
  bool lazy = false;         // it runs no program; touched by this CPU alone
  unsigned trim_clock = 0;   // flushes since it last tried to make a set smaller
};

struct ppc64_radix : ppc64_radix_pte, generic::cpus<ppc64_radix, ppc64_radix_cpu> {
  static constexpr const char* name = "ppc64_radix";
  static constexpr mmu_gather_features features{.rcu_table_free = true,
                                                .merge_vmas = true,
                                                .page_size = true,
                                                .move_tables = true,
                                                .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, tagged by PID (fixed for an mm), walk cache",
      .filled_by = "hardware",
      .debt_paid = "tlb_finish_mmu, by tlbie and ptesync; by tlbiel if no other CPU has the mm",
      .options = "",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  struct mm_context : generic::book3s64_context {
    unsigned id = 0;  // PID; fixed while the mm lives
  };
  // Every mm has one of its own, so a tiny geometry cannot have as few as it likes.
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? 1U << 16 : 1U << 10;
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;

  // ---- entries: all relaxed, what orders them is the barrier before the set of CPUs is read -------

  static pte_t ptep_get_and_clear(mm_struct&,
                                  vaddr_t,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept {
    if (!full) return {word.exchange(0, order::relaxed)};
    const pte_t was{word.load(order::relaxed)};
    word.store(0, order::relaxed);
    return was;
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return {word.exchange(pmd.val, order::relaxed)};
  }
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    if ((word.load(order::relaxed) & write) != 0) word.fetch_and(~write, order::relaxed);
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    if ((word.load(order::relaxed) & accessed) == 0) return false;
    return pte_young({word.fetch_and(~accessed, order::relaxed)});
  }
  // Nobody is told: a CPU that has the old rights looks at the entry again when it faults.
  static bool ptep_set_access_flags(
      mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
    if (word.load(order::relaxed) == entry.val) return false;
    word.fetch_or(entry.val & (dirty | soft_dirty | accessed | write | exec), order::relaxed);
    return true;
  }
  static void fix_spurious_fault(mm_struct&, vaddr_t) noexcept {}
  static bool pte_accessible(const mm_struct&, pte_t pte) noexcept { return pte_present(pte); }

  // ---- invalidates ------------------------------------------------------------------------------

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<ppc64_radix>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept;
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept { this_cpu().lazy = true; }
  static void forget_mm(mm_struct& mm) noexcept;

  // Whose TLBs an invalidate has to reach (context.cpp). After a full barrier behind the changed entries.
  enum class Scope : std::uint8_t { nobody, this_cpu, everybody };
  [[nodiscard]] static Scope flush_type_needed(mm_struct& mm, bool fullmm) noexcept;
  // The CPUs of the mm that run no program let go of it; those that run one empty its PID.
  static void exit_flush_lazy_tlbs(mm_struct& mm) noexcept;
  static constexpr unsigned trim_interval = 1073;  // flushes

  static void arrive(vaddr_t va) noexcept {
    generic::arrives(this_cpu().mmu, va,
                     [](unsigned id) -> generic::in_flight& { return cpu(id).tlbie; });
  }

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    const mm_context& context = context_of<ppc64_radix>(mm);
    return address == &context.active_cpus ? "active_cpus" : nullptr;
  }
};

// tlbiel by PID on this CPU, RIC=2.
void tlbiel_pid_all(mm_struct& mm) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
