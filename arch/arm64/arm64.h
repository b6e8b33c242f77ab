// SPDX-License-Identifier: GPL-2.0-or-later
// arm64 as Linux 6.12 runs it: TLBI and DSB, no interrupt; last-level and all-level operations with level
// hints, range operations, ASIDs by generation. Kernel files: arch/arm64/include/asm/tlbflush.h, tlb.h,
// mm/context.c. The invalidates are told in flush.cpp, the switch of address spaces in context.cpp.
#pragma once

#include "arch/arm64/pte.h"
#include "arch/generic/asid.h"
#include "arch/generic/broadcast.h"
#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"
#include "arch/generic/pte_accessible.h"

namespace tlblab::inline TLBLAB_WORLD {

struct arm64_cpu : generic::cpu_state {
  generic::in_flight tlbi;  // since its last DSB
};

// arm64+no-range: a CPU without FEAT_TLBIRANGE.
// arm64+no-contpte: no 16 entries are ever made one (contpte.h).
// arm64+skip-broadcast: Andrea Arcangeli's proposal of 2020 (context.cpp).
struct arm64_options {
  bool no_range = false, no_contpte = false, skip_broadcast = false;
};

struct arm64 : arm64_pte, generic::cpus<arm64, arm64_cpu> {
  static constexpr const char* name = "arm64";
  static constexpr mmu_gather_features features{.rcu_table_free = true,
                                                .pt_reclaim = false,
                                                .move_tables = true,
                                                .batched_unmap = true,
                                                .async_invalidate = true,
                                                .contpte = true};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, tagged by ASID (one for an mm, by generations), walk cache",
      .filled_by = "hardware",
      .debt_paid = "tlb_finish_mmu and the end of each area, by TLBI and DSB",
      .options = "no-range no-contpte skip-broadcast",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  static inline arm64_options opted;
  static bool set_option(std::string_view option) noexcept;

  struct mm_context {
    Atomic<std::uint64_t> id{0};  // generation and ASID; 0: none yet
    Atomic<int> nr_active_mm{0};  // skip-broadcast: CPUs that have it loaded
  };
  static constexpr unsigned max_asids = 1U << 16;
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? max_asids : std::max(geometry.asids + 1, nr_cpu_ids() + 2);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;

  // ---- entries: all relaxed, what orders them is the DSB before a TLBI --------------------------
  //
  // Of a block of 16 the first four do the part of the others too (contpte.cpp).

  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool) noexcept {
    const pte_t was = contpte_get_and_clear(word);
    return pte_valid_cont(was) ? unfold_behind(mm, va, word, was) : was;
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return {word.exchange(pmd.val, order::relaxed)};
  }
  static void ptep_set_wrprotect(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept;
  static bool ptep_test_and_clear_young(mm_struct&,
                                        vaddr_t va,
                                        Atomic<std::uint64_t>& word) noexcept;
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;

  static pte_t contpte_gather(vaddr_t va, Atomic<std::uint64_t>& word, pte_t pte) noexcept;
  static void contpte_unfold_partial(mm_struct& mm,
                                     vaddr_t va,
                                     Atomic<std::uint64_t>& word,
                                     unsigned nr) noexcept;
  static pte_t contpte_get_and_clear(Atomic<std::uint64_t>& word) noexcept {
    return {word.exchange(0, order::relaxed)};
  }
  static void contpte_set_wrprotect(Atomic<std::uint64_t>& word) noexcept {
    std::uint64_t was = word.load(order::relaxed);  // walkers set AF and clear RDONLY meanwhile
    while (!word.compare_exchange(was, pte_wrprotect({was}).val, order::relaxed)) {
    }
  }
  static void contpte_try_fold(mm_struct& mm,
                               vaddr_t va,
                               Atomic<std::uint64_t>& word,
                               pte_t pte) noexcept;
  static pte_t contpte_mkcont(vaddr_t va, pte_t pte, unsigned before, unsigned behind) noexcept;

  static void fix_spurious_fault(mm_struct&, vaddr_t) noexcept {}  // hardware has looked again
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
    return generic::arch_tlb_finish_mmu<arm64>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;
  // The 16 pages from start on, of last levels only.
  static void flush_tlb_block(mm_struct& mm, vaddr_t start) noexcept;

  static bool arch_tlbbatch_should_defer(mm_struct&) noexcept { return true; }
  static void arch_tlbbatch_add_pending(arch_tlbflush_unmap_batch& batch,
                                        mm_struct& mm,
                                        vaddr_t va) noexcept;
  static void arch_tlbbatch_flush(arch_tlbflush_unmap_batch& batch) noexcept;
  static void arch_flush_tlb_batched_pending(mm_struct& mm) noexcept;

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept {
    context_of<arm64>(mm).id.store(0, order::relaxed);
  }
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept;

  // Whose TLBs an invalidate has to reach; after the changed entries are seen by walkers (context.cpp).
  enum class Scope : std::uint8_t { nobody, this_cpu, everybody };
  [[nodiscard]] static Scope scope_of(mm_struct& mm) noexcept;

  static void arrive(vaddr_t va) noexcept {
    generic::arrives(this_cpu().mmu, va,
                     [](unsigned id) -> generic::in_flight& { return cpu(id).tlbi; });
  }

  // Of a block; the entry of va was cleared and had this.
  static pte_t unfold_behind(mm_struct& mm,
                             vaddr_t va,
                             Atomic<std::uint64_t>& word,
                             pte_t was) noexcept;

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    const mm_context& context = context_of<arm64>(mm);
    if (address == &context.id) return "id";
    return address == &context.nr_active_mm ? "nr_active_mm" : nullptr;
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
