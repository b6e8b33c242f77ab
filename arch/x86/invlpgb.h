// SPDX-License-Identifier: GPL-2.0-or-later
// x86 with INVLPGB (AMD), as Linux 6.15 and later run it: broadcast flushes of an mm that is busy on many
// CPUs, interrupts for the rest. Kernel files: arch/x86/mm/tlb.c, asm/tlb.h. Told in invlpgb.cpp.
#pragma once

#include "arch/x86/x86.h"

namespace tlblab::inline TLBLAB_WORLD {

struct x86_invlpgb : x86 {
  static constexpr const char* name = "x86_invlpgb";
  static constexpr mmu_gather_features features{.rcu_table_free = true,
                                                .merge_vmas = true,
                                                .pt_reclaim = true,
                                                .move_tables = true,
                                                .batched_unmap = true,
                                                .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "tso",
      .tlb = "per CPU, tagged by PCID (6 slots, and one that all share for an mm), walk cache",
      .filled_by = "hardware",
      .debt_paid = "tlb_finish_mmu, by interrupt, or by INVLPGB and TLBSYNC",
      .options = "eager",
  };
  // eager: an mm gets a global ASID with the first flush that another CPU has to hear of.
  static bool set_option(std::string_view option) noexcept;

  // Of x86 first, and as x86 sees it.
  struct mm_context : x86::mm_context {
    Atomic<unsigned> global_asid{0};  // 0: none
    Atomic<bool> asid_transition{false};
  };
  // More CPUs than that must run the mm.
  static inline unsigned global_asid_threshold = 3;
  // Pages that one INVLPGB takes.
  static constexpr std::uint64_t invlpgb_count_max = 8;
  static constexpr unsigned max_asid_available = 4094;

  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;
  static void init_new_context(mm_struct& mm) noexcept;
  static void forget_mm(mm_struct& mm) noexcept;

  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<x86_invlpgb>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept { flush_gather<true>(tlb); }
  static void flush_tlb_mm(mm_struct& mm) noexcept {
    flush_tlb_mm_range<true>(mm, 0, tlb_flush_all, page_shift, true);
  }
  static void flush_tlb_range(mm_struct& mm,
                              vaddr_t start,
                              vaddr_t end,
                              unsigned stride_shift,
                              bool freed_tables) noexcept {
    flush_tlb_mm_range<true>(mm, start, end, stride_shift, freed_tables);
  }
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
    const vaddr_t start = va & page_mask;
    flush_tlb_mm_range<true>(mm, start, start + page_size, page_shift, false);
  }

  static void arch_tlbbatch_flush(arch_tlbflush_unmap_batch& batch) noexcept;

  static void arrive(vaddr_t va) noexcept;

  static const char* context_word(mm_struct& mm, const void* address) noexcept;
};

}  // namespace tlblab::inline TLBLAB_WORLD
