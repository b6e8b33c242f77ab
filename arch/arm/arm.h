// SPDX-License-Identifier: GPL-2.0-or-later
// 32-bit Arm as Linux 6.12 runs it: ARMv7, LPAE, SMP. TLBI and DSB, page after page; ASIDs by generation.
// Kernel files: arch/arm/include/asm/{tlb,tlbflush,pgtable-3level}.h, kernel/smp_tlb.c, mm/tlb-v7.S,
// mm/context.c. The invalidates are told in flush.cpp, the switch of address spaces in context.cpp, the
// gather that it had in 2017 in tlb_2017.h; what differs is in README.md.
#pragma once

#include "arch/arm/pte.h"
#include "arch/generic/asid.h"
#include "arch/generic/broadcast.h"
#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"
#include "arch/generic/pte_accessible.h"

namespace tlblab::inline TLBLAB_WORLD {

struct arm_cpu : generic::cpu_state {
  generic::in_flight tlbi;  // since its last DSB
};

// arm+ipi: TLB operations that reach this CPU only (ARM11 MPCore); other CPUs are interrupted.
// arm+asid-before-dsb: flushes of pages and ranges read the ASID first, as 6.12 does (README.md).
struct arm_options {
  bool ipi = false, asid_before_dsb = false;
};

struct arm : arm_pte, generic::cpus<arm, arm_cpu> {
  static constexpr const char* name = "arm";
  static constexpr mmu_gather_features features{.rcu_table_free = true, .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, tagged by ASID (one for an mm, by generations), walk cache",
      .filled_by = "hardware",
      .debt_paid = "tlb_finish_mmu and the end of each area, by TLBI of each page and DSB",
      .options = "ipi asid-before-dsb",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  static inline arm_options opted;
  static bool set_option(std::string_view option) noexcept;

  struct mm_context {
    Atomic<std::uint64_t> id{0};  // generation and ASID; 0: none yet
  };
  static constexpr unsigned max_asids = 1U << 8;
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return std::max(geometry.asids == 0 ? max_asids : geometry.asids + 1, nr_cpu_ids() + 2);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;

  // ---- entries: nobody but software changes them, under the PTL, with plain stores --------------

  static pte_t ptep_get_and_clear(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, bool) noexcept {
    return exchange(word, {});
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return exchange(word, pmd);
  }
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    exchange(word, pte_wrprotect({word.load(order::relaxed)}));
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return pte_young(exchange(word, pte_mkold({word.load(order::relaxed)})));
  }
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;
  // An entry that is not valid may still be cached while a gather is open (trap T22).
  static bool pte_accessible(const mm_struct& mm, pte_t pte) noexcept {
    return generic::entry_without_rights_accessible(mm) ? pte_present(pte) : hw_present(pte);
  }

  // ---- invalidates ------------------------------------------------------------------------------

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<arm>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept {
    context_of<arm>(mm).id.store(0, order::relaxed);
  }
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  // What is loaded stays: TLBI reaches it, and so does an interrupt.
  static void enter_lazy_tlb() noexcept {}

  static void arrive(vaddr_t va) noexcept {
    generic::arrives(this_cpu().mmu, va,
                     [](unsigned id) -> generic::in_flight& { return cpu(id).tlbi; });
  }

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    return address == &context_of<arm>(mm).id ? "id" : nullptr;
  }

 private:
  static pte_t exchange(Atomic<std::uint64_t>& word, pte_t now) noexcept {
    const pte_t was{word.load(order::relaxed)};
    word.store(now.val, order::relaxed);
    return was;
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
