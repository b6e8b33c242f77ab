// SPDX-License-Identifier: GPL-2.0-or-later
// sparc64 as Linux 6.12 runs it: software fills the TLBs, out of a TSB for each mm and page size and
// then out of the tables; what is changed under a PTL is flushed before the PTL is dropped. Kernel
// files: arch/sparc/mm/{tlb,tsb,init_64}.c, kernel/{tsb.S,smp_64.c}, asm/mmu_context_64.h. Misses are
// told in miss.cpp, flushes in flush.cpp, contexts in context.cpp; what differs is in README.md.
#pragma once

#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"
#include "arch/generic/pte_accessible.h"
#include "arch/sparc64/pte.h"
#include "arch/sparc64/tsb.h"

namespace tlblab::inline TLBLAB_WORLD {

// What a CPU has changed and not flushed yet. Its own: interrupts change no entries here.
struct sparc64_tlb_batch {
  static constexpr unsigned room = 192;  // TLB_BATCH_NR
  mm_struct* mm = nullptr;
  unsigned nr = 0;
  unsigned hugepage_shift = page_shift;  // of all of them
  bool active = false;                   // else nothing waits
  vaddr_t vaddrs[room];
};

struct sparc64_cpu : generic::cpu_state {
  Atomic<mm_struct*> secondary_mm{nullptr};  // read by who starts a new version of contexts
  sparc64_tlb_batch batch;
};

// sparc64+pte-before-lock: the miss handler reads the PTE before it locks the TSB entry, as it has
// done since transparent huge pages came (README.md).
// sparc64+flush-if-valid: a flush leaves TLBs alone if the context is of an old version, as the kernel
// does (README.md).
struct sparc64_options {
  bool pte_before_lock = false, flush_if_valid = false;
};

struct sparc64 : sparc64_pte, generic::cpus<sparc64, sparc64_cpu> {
  static constexpr const char* name = "sparc64";
  static constexpr mmu_gather_features features{.rcu_table_free = true, .table_invalidate = false};
  static constexpr arch_facts facts{
      .memory = "tso",
      .tlb = "per CPU, tagged by context; a TSB for each mm and page size",
      .filled_by = "software",
      .debt = DebtPaid::before_unlock,
      .debt_paid = "leaving lazy MMU mode, under the PTL, by cross call",
      .interrupts_walkers = true,
      .options = "pte-before-lock flush-if-valid",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  static inline sparc64_options opted;
  static bool set_option(std::string_view option) noexcept;

  struct mm_context {
    Spinlock lock;                        // of the TSBs and of taking a context
    Atomic<std::uint64_t> ctx_val{0};     // version and number; 0: none yet
    Atomic<unsigned> old_number{0};       // for oracles: the one before
    tsb<page_shift, 512> tsb_base;        // MM_TSB_BASE
    tsb<hw::size_shift(1), 64> tsb_huge;  // MM_TSB_HUGE
  };
  static constexpr unsigned max_contexts = 1U << 13;
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? max_contexts : std::max(geometry.asids, nr_cpu_ids() + 2);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;

  // ---- misses -----------------------------------------------------------------------------------

  static Translation translate(vaddr_t va, Access access) noexcept {
    return this_cpu().mmu.look_up(va, access);
  }
  static bool tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept;
  static void walk_ahead(vaddr_t va) noexcept = delete;
  // Into the TSB. PTL held.
  static void update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t pte) noexcept;

  // ---- entries: nobody but software changes them, under the PTL, with plain stores --------------

  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept;
  static pte_t pmdp_establish(mm_struct& mm,
                              vaddr_t va,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept;
  static void ptep_set_wrprotect(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept;
  static bool ptep_test_and_clear_young(mm_struct& mm,
                                        vaddr_t va,
                                        Atomic<std::uint64_t>& word) noexcept;
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;
  static void fix_spurious_fault(mm_struct&, vaddr_t) noexcept {
  }  // who added the right has flushed
  // What is not valid is in no TSB and no TLB when the PTL is dropped, pending or not.
  static bool pte_accessible(const mm_struct&, pte_t pte) noexcept { return hw_present(pte); }

  // ---- flushes ----------------------------------------------------------------------------------

  static void arch_enter_lazy_mmu_mode() noexcept;
  static void arch_leave_lazy_mmu_mode() noexcept;
  static void flush_tlb_pending() noexcept;
  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    // The kernel leaves what an exiting mm has under its dead context; a replay may still have the mm
    // loaded elsewhere. Not for force: what that is for has been done under the PTLs.
    if (tlb.fullmm) flush_everything_of(*tlb.mm);
    return generic::arch_tlb_finish_mmu<sparc64>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range&) noexcept { flush_tlb_pending(); }
  // What they are for has been done when the PTL was dropped.
  static void flush_tlb_mm(mm_struct&) noexcept {}
  static void flush_tlb_range(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept {}
  static void flush_tlb_page(mm_struct&, vaddr_t) noexcept {}

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept;
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept;
  static void forget_mm(mm_struct& mm) noexcept;
  // Is its number of the present version? If not no CPU can hold anything under it.
  [[nodiscard]] static bool ctx_valid(mm_struct& mm) noexcept;
  [[nodiscard]] static unsigned ctx_number(mm_struct& mm) noexcept;

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    const mm_context& context = context_of<sparc64>(mm);
    if (address == &context.ctx_val) return "ctx_val";
    if (lies_in(context.tsb_base, address)) return "tsb";
    return lies_in(context.tsb_huge, address) ? "huge_tsb" : nullptr;
  }
  static const char* cpu_word(unsigned id, const void* address) noexcept {
    return address == &cpu(id).secondary_mm ? "secondary_mm" : cpus::cpu_word(id, address);
  }

 protected:
  // Of all CPUs that may have run the mm; and the TSBs.
  static void flush_everything_of(mm_struct& mm) noexcept;
  static void flush_one_page(mm_struct& mm, vaddr_t va, unsigned shift) noexcept;
};

// sparc64 before 2013 (README.md): changes wait in a batch of the CPU until tlb_finish_mmu, or until
// somebody on the CPU flushes anything.
struct sparc64_2007 : sparc64 {
  static constexpr const char* name = "sparc64@2007";
  static constexpr arch_facts facts{
      .memory = "tso",
      .tlb = "per CPU, tagged by context; a TSB for each mm and page size",
      .filled_by = "software",
      .debt_paid = "tlb_finish_mmu, by cross call",
      .interrupts_walkers = true,
      .options = "pte-before-lock flush-if-valid",
  };
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static bool ptep_test_and_clear_young(mm_struct& mm,
                                        vaddr_t va,
                                        Atomic<std::uint64_t>& word) noexcept;
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;
  // With a flush pending another CPU may have it in its batch.
  static bool pte_accessible(const mm_struct& mm, pte_t pte) noexcept {
    return generic::entry_without_rights_accessible(mm) ? pte_present(pte) : hw_present(pte);
  }
  static void arch_enter_lazy_mmu_mode() noexcept {}
  static void arch_leave_lazy_mmu_mode() noexcept {}
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;
};

}  // namespace tlblab::inline TLBLAB_WORLD
