// SPDX-License-Identifier: GPL-2.0-or-later
// Itanium as Linux 4.13 ran it, as far as its headers show it: asm/{tlb,tlbflush,pgtable,mmu_context}.h (the
// architecture was removed in 6.7). A hardware walker over a virtual page table, region ids, global purges one
// at a time. Misses are told in exceptions.cpp, purges and region ids in tlb.cpp; the gather, which was its own,
// is here. What differs is in README.md.
#pragma once

#include "arch/generic/asid.h"
#include "arch/generic/broadcast.h"
#include "arch/generic/cpus.h"
#include "arch/generic/owned_gather.h"
#include "arch/ia64/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ia64_cpu : generic::cpu_state {
  generic::in_flight ptc_ga;  // on their way
};

// Both forms. What it lacks of a backend is whose hooks gather.
struct ia64 : ia64_pte, generic::cpus<ia64, ia64_cpu> {
  // tlb_start_vma and tlb_end_vma do nothing. Tables by RCU for the sake of the lab's GUP-fast.
  static constexpr mmu_gather_features features{
      .rcu_table_free = true, .merge_vmas = true, .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, tagged by region id, with translations of the virtual page table",
      .filled_by = "hardware, from a virtual page table (VHPT)",
      .debt_paid = "tlb_finish_mmu, by global purges (ptc.ga) under a lock",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  struct mm_context {
    Atomic<std::uint64_t> rid{0};  // generation and region id; 0: none yet
  };
  static constexpr unsigned max_rids = 1U << 15;  // of 18 bits, eight for an mm
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? max_rids : std::max(geometry.asids + 1, nr_cpu_ids() + 2);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;

  static bool tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept;

  // ---- entries: handlers on any CPU set A and D meanwhile ---------------------------------------

  static pte_t ptep_get_and_clear(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, bool) noexcept {
    return {word.exchange(0, order::acquire)};  // xchg
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return {word.exchange(pmd.val, order::acquire)};
  }
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    word.fetch_and(~write, order::acquire);
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return pte_young({word.fetch_and(~accessed, order::acquire)});
  }
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;
  static bool pte_accessible(const mm_struct&, pte_t pte) noexcept { return pte_present(pte); }

  // ---- purges -----------------------------------------------------------------------------------

  static constexpr unsigned region_shift = 61;
  static constexpr vaddr_t huge_range = 1ULL << 40;  // a terabyte: everything goes
  static void flush_tlb_all() noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  // ---- the gather: ia64_tlb_flush_mmu -----------------------------------------------------------

  static void tlb_flush(gather_range& tlb) noexcept;
  // need_flush: of what was asked for at the finish, not of what was removed.
  static bool flush_gather(gather_range& tlb, vaddr_t start, vaddr_t end, bool force) noexcept {
    if (!force && !tlb.recorded()) return false;
    if (!tlb.fullmm) {
      tlb.start = start;
      tlb.end = end;
    }
    tlb_flush(tlb);
    return true;
  }

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept {
    context_of<ia64>(mm).rid.store(0, order::relaxed);
  }
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept {}
  static void arrive(vaddr_t va) noexcept {
    generic::arrives(this_cpu().mmu, va,
                     [](unsigned id) -> generic::in_flight& { return cpu(id).ptc_ga; });
  }

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    return address == &context_of<ia64>(mm).rid ? "rid" : nullptr;
  }
};

struct ia64_2017_merged : generic::merged_gather<ia64> {
  static constexpr const char* name = "ia64@2017-merged";
};
struct ia64_2017_posted : generic::posted_gather<ia64> {
  static constexpr const char* name = "ia64@2017-posted";
};

}  // namespace tlblab::inline TLBLAB_WORLD
