// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64 as Linux 6.18 runs it: invalidates by interrupt, PCIDs, lazy TLB mode, a generation per
// mm. Kernel files: arch/x86/mm/tlb.c, asm/tlbflush.h, asm/tlb.h. The protocol is told in
// flush.cpp, the switch of address spaces in switch.cpp.
#pragma once

#include "arch/generic/gather.h"
#include "arch/hw/mmu.h"
#include "arch/x86/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

struct x86 : x86_pte {
  static constexpr const char* name = "x86";
  // Tables go by RCU since 6.15: a flush need not interrupt every CPU that could walk.
  static constexpr mmu_gather_features features{.table_free = true,
                                                .rcu_table_free = true,
                                                .merge_vmas = true,
                                                .pt_reclaim = true,
                                                .move_tables = true};
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return (1ULL << (top_level == 4 ? 56 : 47)) - page_size;
  }

  // ---- state -----------------------------------------------------------------------------------

  struct mm_context {
    // Grows with each flush of the mm. An mm starts at 1 here: 0 as a requested generation means
    // "whatever is behind".
    Atomic<std::uint64_t> tlb_gen{1};
  };

  static constexpr unsigned tlb_nr_dyn_asids = 6;
  // Above this many strides one full flush costs less: tlb_single_page_flush_ceiling.
  static constexpr std::uint64_t single_page_flush_ceiling = 33;

  struct tlb_context {
    std::uint64_t ctx_id = 0;   // id of the mm whose entries the slot holds (trap T36)
    std::uint64_t tlb_gen = 0;  // every flush up to this one has been done in the slot
  };

  // cpu_tlbstate. loaded_mm and is_lazy are read by CPUs that flush, info by those that are asked
  // to; the rest is the CPU's own. Each kind in cache lines of its own: the CPU's counts change with
  // every flush, and who flushes should not wait for that line too.
  struct cpu_state {
    Atomic<mm_struct*> loaded_mm{nullptr};
    Atomic<bool> is_lazy{false};
    std::byte apart_from_own[64];
    std::uint16_t loaded_mm_asid = 0;
    std::uint16_t next_asid = 0;
    tlb_context ctxs[tlb_nr_dyn_asids];
    bool info_in_use = false;
    std::byte apart_from_info[64];
    flush_tlb_info info;  // of the flush that this CPU asks for; one at a time
    std::byte apart_from_mmu[64];
    hw::Mmu mmu;
    std::byte apart[128];  // the next CPU's words are in other cache lines
  };

  static cpu_state& this_cpu() noexcept { return cpus[smp_processor_id()]; }
  static cpu_state& cpu(unsigned id) noexcept { return cpus[id]; }
  // Loaded while no program runs: no user page can be translated through it.
  static mm_struct& init_mm() noexcept { return *kernel_mm; }

  // ---- hooks (arch/arch.h) ---------------------------------------------------------------------

  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;
  static Translation translate(vaddr_t va, Access access) noexcept {
    return this_cpu().mmu.translate<x86>(va, access);
  }

  static pte_t ptep_get_and_clear(mm_struct&,
                                  vaddr_t,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept {
    if (!full) return {word.exchange(0, order::full)};  // xchg: no A or D bit is lost (trap T28)
    const pte_t was{word.load(order::relaxed)};         // nobody else runs on this mm
    word.store(0, order::relaxed);
    return was;
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return {word.exchange(pmd.val, order::full)};  // xchg, as above
  }
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    std::uint64_t was = word.load(order::relaxed);  // walkers set A and D meanwhile
    while (!word.compare_exchange(was, pte_wrprotect({was}).val, order::full)) {
    }
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return pte_young({word.fetch_and(~accessed, order::full)});
  }
  // Only adds rights or A and D; no flush: hardware looks again when it faults. Nothing is stored
  // for a read: hardware sets A by itself, and a D that it sets meanwhile would be lost.
  static bool ptep_set_access_flags(Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept {
    if (!dirty || word.load(order::relaxed) == entry.val) return false;
    word.store(entry.val, order::relaxed);  // has A and D: none can be lost
    return true;
  }
  // An entry that hardware does not see may still be cached while a gather is open (trap T22).
  static bool pte_accessible(const mm_struct& mm, pte_t pte) noexcept {
    return hw_present(pte) || (pte_protnone(pte) && mm.tlb_flush_pending.load(order::relaxed) != 0);
  }

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<x86>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  static void init_new_context(mm_struct& mm) noexcept;
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept;
  static void forget_mm(mm_struct& mm) noexcept;

  // The mm that user accesses of this CPU go to; init_mm: none.
  static mm_struct* loaded_mm() noexcept { return this_cpu().loaded_mm.load(order::relaxed); }
  static const hw::Mmu& mmu_of(unsigned id) noexcept { return cpus[id].mmu; }

  // A CPU between two address spaces: flushes of either must reach it.
  static mm_struct* switching() noexcept { return reinterpret_cast<mm_struct*>(1); }

 private:
  static inline cpu_state* cpus = nullptr;
  static inline mm_struct* kernel_mm = nullptr;
};

}  // namespace tlblab::inline TLBLAB_WORLD
