// SPDX-License-Identifier: GPL-2.0-or-later
// A backend that is chosen at run time: its hooks are variables.
//
// mm, a scenario or a test that is compiled for chosen_arch runs on any architecture. A call through a
// pointer for each hook buys that one compiled mm serves them all: with everything compiled for each of
// them a build would take several times as long. Where that call would be measured (benches, x86 on real
// threads) a backend is named at compile time instead.
#pragma once

#include "arch/arch.h"
#include "arch/hw/mmu.h"

namespace tlblab::inline TLBLAB_WORLD {

struct chosen_arch {
  // While no machine stands. A backend may have options; "": none of them.
  template <ArchBackend A>
  static void choose() noexcept {
    if constexpr (requires { A::set_option(""); }) static_cast<void>(A::set_option(""));
    name = A::name;
    features = A::features;
    facts = A::facts;
    context_type = context_type_of<A>();
    task_size = A::task_size;
    choose_encoding<A>();
    choose_hooks<A>();
    choose_optional<A>();
  }

  static inline const char* name = nullptr;
  static inline mmu_gather_features features;
  static inline arch_facts facts;
  struct mm_context {};  // context_type says what it is
  static inline struct context_type context_type;

  // Hooks, as arch/arch.h describes them.
  static inline vaddr_t (*task_size)(unsigned) noexcept = nullptr;
  static inline pte_t (*mk_pte)(pfn_t, std::uint32_t) noexcept = nullptr;
  static inline pte_t (*mk_table)(pfn_t) noexcept = nullptr;
  static inline bool (*pte_none)(pte_t) noexcept = nullptr;
  static inline bool (*pte_present)(pte_t) noexcept = nullptr;
  static inline bool (*pte_write)(pte_t) noexcept = nullptr;
  static inline bool (*pte_dirty)(pte_t) noexcept = nullptr;
  static inline bool (*pte_young)(pte_t) noexcept = nullptr;
  static inline bool (*pte_protnone)(pte_t) noexcept = nullptr;
  static inline bool (*pte_uffd_wp)(pte_t) noexcept = nullptr;
  static inline bool (*pte_soft_dirty)(pte_t) noexcept = nullptr;
  static inline bool (*pmd_leaf)(pte_t) noexcept = nullptr;
  static inline pfn_t (*pte_pfn)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_mkwrite)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_wrprotect)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_mkdirty)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_mkclean)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_mkyoung)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_mkold)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_modify)(pte_t, std::uint32_t) noexcept = nullptr;
  static inline pte_t (*pte_mkuffd_wp)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_mksoft_dirty)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_clear_uffd_wp)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_clear_soft_dirty)(pte_t) noexcept = nullptr;
  static inline pte_t (*pmd_mkhuge)(pte_t) noexcept = nullptr;
  static inline pte_t (*pmd_clrhuge)(pte_t) noexcept = nullptr;
  static inline pte_t (*pmd_mkinvalid)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_advance_pfn)(pte_t, std::uint64_t) noexcept = nullptr;
  static inline bool (*hw_present)(pte_t) noexcept = nullptr;
  static inline bool (*hw_allows)(pte_t, Access) noexcept = nullptr;
  static inline pte_t (*mk_swap_pte)(swp_entry_t) noexcept = nullptr;
  static inline swp_entry_t (*pte_swap_entry)(pte_t) noexcept = nullptr;
  static inline bool (*pte_swp_exclusive)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_swp_mkexclusive)(pte_t) noexcept = nullptr;
  static inline bool (*pte_swp_uffd_wp)(pte_t) noexcept = nullptr;
  static inline bool (*pte_swp_soft_dirty)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_swp_mkuffd_wp)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_swp_mksoft_dirty)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_swp_clear_uffd_wp)(pte_t) noexcept = nullptr;
  static inline pte_t (*pte_swp_clear_soft_dirty)(pte_t) noexcept = nullptr;
  static inline pte_t (*ptep_get_and_clear)(mm_struct&,
                                            vaddr_t,
                                            Atomic<std::uint64_t>&,
                                            bool) noexcept = nullptr;
  static inline pte_t (*pmdp_establish)(mm_struct&,
                                        vaddr_t,
                                        Atomic<std::uint64_t>&,
                                        pte_t) noexcept = nullptr;
  static inline void (*ptep_set_wrprotect)(mm_struct&,
                                           vaddr_t,
                                           Atomic<std::uint64_t>&) noexcept = nullptr;
  static inline bool (*ptep_test_and_clear_young)(mm_struct&,
                                                  vaddr_t,
                                                  Atomic<std::uint64_t>&) noexcept = nullptr;
  static inline bool (*ptep_set_access_flags)(
      mm_struct&, vaddr_t, Atomic<std::uint64_t>&, pte_t, bool) noexcept = nullptr;
  static inline bool (*pte_needs_flush)(pte_t, pte_t) noexcept = nullptr;
  static inline bool (*huge_pmd_needs_flush)(pte_t, pte_t) noexcept = nullptr;
  static inline bool (*pte_accessible)(const mm_struct&, pte_t) noexcept = nullptr;
  static inline void (*arch_tlb_gather_mmu)(gather_range&, vaddr_t, vaddr_t) noexcept = nullptr;
  static inline bool (*arch_tlb_finish_mmu)(gather_range&,
                                            vaddr_t,
                                            vaddr_t,
                                            bool) noexcept = nullptr;
  static inline void (*tlb_flush)(gather_range&) noexcept = nullptr;
  static inline void (*flush_tlb_mm)(mm_struct&) noexcept = nullptr;
  static inline void (*flush_tlb_range)(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept =
      nullptr;
  static inline void (*flush_tlb_page)(mm_struct&, vaddr_t) noexcept = nullptr;
  static inline void (*init_new_context)(mm_struct&) noexcept = nullptr;
  static inline void (*switch_mm_irqs_off)(mm_struct&) noexcept = nullptr;
  static inline void (*enter_lazy_tlb)() noexcept = nullptr;
  static inline mm_struct* (*loaded_mm)() noexcept = nullptr;
  static inline const mm_struct* (*loaded_mm_on)(unsigned) noexcept = nullptr;
  static inline mm_struct& (*init_mm)() noexcept = nullptr;
  static inline void (*forget_mm)(mm_struct&) noexcept = nullptr;
  static inline bool (*hardware_init)(const TlbGeometry&) noexcept = nullptr;
  static inline void (*hardware_exit)() noexcept = nullptr;
  static inline Translation (*translate)(vaddr_t, Access) noexcept = nullptr;
  static inline const hw::Mmu& (*mmu_of)(unsigned) noexcept = nullptr;

  // Optional there. walk_ahead, evict and arrive are null where the architecture has no such hardware,
  // and flush_owed_on where no flush is put off.
  static inline pte_t (*ptep_clear_flush)(mm_struct&,
                                          vaddr_t,
                                          Atomic<std::uint64_t>&) noexcept = nullptr;
  static inline void (*arch_flush_tlb_batched_pending)(mm_struct&) noexcept = nullptr;
  static inline void (*update_mmu_cache)(mm_struct&, vaddr_t, pte_t) noexcept = nullptr;
  static inline void (*fix_spurious_fault)(mm_struct&, vaddr_t) noexcept = nullptr;
  static inline bool (*tlb_miss)(mm_struct&, vaddr_t, Access) noexcept = nullptr;
  static inline void (*table_unhooked)(gather_range&, unsigned) noexcept = nullptr;
  static inline void (*walk_ahead)(vaddr_t) noexcept = nullptr;
  static inline void (*evict)(vaddr_t) noexcept = nullptr;
  static inline void (*arrive)(vaddr_t) noexcept = nullptr;
  static inline bool (*flush_owed_on)(unsigned) noexcept = nullptr;
  static inline bool (*arch_tlbbatch_should_defer)(mm_struct&) noexcept = nullptr;
  static inline void (*arch_tlbbatch_add_pending)(arch_tlbflush_unmap_batch&,
                                                  mm_struct&,
                                                  vaddr_t) noexcept = nullptr;
  static inline void (*arch_tlbbatch_flush)(arch_tlbflush_unmap_batch&) noexcept = nullptr;
  static inline void (*arch_enter_lazy_mmu_mode)() noexcept = nullptr;
  static inline void (*arch_leave_lazy_mmu_mode)() noexcept = nullptr;
  static inline void (*remove_tlb_entry)(gather_range&, vaddr_t) noexcept = nullptr;
  static inline void (*remove_pmd_tlb_entry)(gather_range&, vaddr_t) noexcept = nullptr;
  static inline pte_t (*contpte_gather)(vaddr_t, Atomic<std::uint64_t>&, pte_t) noexcept = nullptr;
  static inline void (*contpte_unfold_partial)(mm_struct&,
                                               vaddr_t,
                                               Atomic<std::uint64_t>&,
                                               unsigned) noexcept = nullptr;
  static inline pte_t (*contpte_get_and_clear)(Atomic<std::uint64_t>&) noexcept = nullptr;
  static inline void (*contpte_set_wrprotect)(Atomic<std::uint64_t>&) noexcept = nullptr;
  static inline void (*contpte_try_fold)(mm_struct&,
                                         vaddr_t,
                                         Atomic<std::uint64_t>&,
                                         pte_t) noexcept = nullptr;
  static inline pte_t (*contpte_mkcont)(vaddr_t, pte_t, unsigned, unsigned) noexcept = nullptr;
  static inline bool (*hw_contiguous)(pte_t) noexcept = nullptr;
  static inline const char* (*context_word)(mm_struct&, const void*) noexcept = nullptr;
  static inline const char* (*cpu_word)(unsigned, const void*) noexcept = nullptr;

 private:
  template <ArchBackend A>
  static void choose_encoding() noexcept {
    mk_pte = A::mk_pte;
    mk_table = A::mk_table;
    pte_none = A::pte_none;
    pte_present = A::pte_present;
    pte_write = A::pte_write;
    pte_dirty = A::pte_dirty;
    pte_young = A::pte_young;
    pte_protnone = A::pte_protnone;
    pte_uffd_wp = A::pte_uffd_wp;
    pte_soft_dirty = A::pte_soft_dirty;
    pmd_leaf = A::pmd_leaf;
    pte_pfn = A::pte_pfn;
    pte_mkwrite = A::pte_mkwrite;
    pte_wrprotect = A::pte_wrprotect;
    pte_mkdirty = A::pte_mkdirty;
    pte_mkclean = A::pte_mkclean;
    pte_mkyoung = A::pte_mkyoung;
    pte_mkold = A::pte_mkold;
    pte_modify = A::pte_modify;
    pte_mkuffd_wp = A::pte_mkuffd_wp;
    pte_mksoft_dirty = A::pte_mksoft_dirty;
    pte_clear_uffd_wp = A::pte_clear_uffd_wp;
    pte_clear_soft_dirty = A::pte_clear_soft_dirty;
    pmd_mkhuge = A::pmd_mkhuge;
    pmd_clrhuge = A::pmd_clrhuge;
    pmd_mkinvalid = A::pmd_mkinvalid;
    pte_advance_pfn = A::pte_advance_pfn;
    hw_present = A::hw_present;
    hw_allows = A::hw_allows;
    mk_swap_pte = A::mk_swap_pte;
    pte_swap_entry = A::pte_swap_entry;
    pte_swp_exclusive = A::pte_swp_exclusive;
    pte_swp_mkexclusive = A::pte_swp_mkexclusive;
    pte_swp_uffd_wp = A::pte_swp_uffd_wp;
    pte_swp_soft_dirty = A::pte_swp_soft_dirty;
    pte_swp_mkuffd_wp = A::pte_swp_mkuffd_wp;
    pte_swp_mksoft_dirty = A::pte_swp_mksoft_dirty;
    pte_swp_clear_uffd_wp = A::pte_swp_clear_uffd_wp;
    pte_swp_clear_soft_dirty = A::pte_swp_clear_soft_dirty;
  }
  template <ArchBackend A>
  static void choose_hooks() noexcept {
    ptep_get_and_clear = A::ptep_get_and_clear;
    pmdp_establish = A::pmdp_establish;
    ptep_set_wrprotect = A::ptep_set_wrprotect;
    ptep_test_and_clear_young = A::ptep_test_and_clear_young;
    ptep_set_access_flags = A::ptep_set_access_flags;
    pte_needs_flush = A::pte_needs_flush;
    huge_pmd_needs_flush = A::huge_pmd_needs_flush;
    pte_accessible = A::pte_accessible;
    arch_tlb_gather_mmu = A::arch_tlb_gather_mmu;
    arch_tlb_finish_mmu = A::arch_tlb_finish_mmu;
    tlb_flush = A::tlb_flush;
    flush_tlb_mm = A::flush_tlb_mm;
    flush_tlb_range = A::flush_tlb_range;
    flush_tlb_page = A::flush_tlb_page;
    init_new_context = A::init_new_context;
    switch_mm_irqs_off = A::switch_mm_irqs_off;
    enter_lazy_tlb = A::enter_lazy_tlb;
    loaded_mm = A::loaded_mm;
    loaded_mm_on = A::loaded_mm_on;
    init_mm = A::init_mm;
    forget_mm = A::forget_mm;
    hardware_init = A::hardware_init;
    hardware_exit = A::hardware_exit;
    translate = A::translate;
    mmu_of = A::mmu_of;
  }
  template <ArchBackend A>
  static void choose_contpte() noexcept {
    contpte_gather = A::contpte_gather;
    contpte_unfold_partial = A::contpte_unfold_partial;
    contpte_get_and_clear = A::contpte_get_and_clear;
    contpte_set_wrprotect = A::contpte_set_wrprotect;
    contpte_try_fold = A::contpte_try_fold;
    contpte_mkcont = A::contpte_mkcont;
    hw_contiguous = A::hw_contiguous;
  }
  template <ArchBackend A>
  static void choose_optional() noexcept {
    ptep_clear_flush = arch_ptep_clear_flush<A>;
    arch_flush_tlb_batched_pending = tlblab::arch_flush_tlb_batched_pending<A>;
    update_mmu_cache = arch_update_mmu_cache<A>;
    fix_spurious_fault = arch_fix_spurious_fault<A>;
    tlb_miss = arch_tlb_miss<A>;
    table_unhooked = arch_table_unhooked<A>;
    arch_enter_lazy_mmu_mode = enter_lazy_mmu_mode<A>;
    arch_leave_lazy_mmu_mode = leave_lazy_mmu_mode<A>;
    remove_tlb_entry = arch_remove_tlb_entry<A>;
    remove_pmd_tlb_entry = arch_remove_pmd_tlb_entry<A>;
    context_word = arch_context_word<A>;
    cpu_word = arch_cpu_word<A>;
    walk_ahead = nullptr;
    if constexpr (WalksAhead<A>) walk_ahead = A::walk_ahead;
    evict = nullptr;
    if constexpr (EvictsTranslations<A>) evict = A::evict;
    arrive = nullptr;
    if constexpr (InvalidatesArrive<A>) arrive = A::arrive;
    flush_owed_on = nullptr;
    if constexpr (requires { A::flush_owed_on; }) flush_owed_on = A::flush_owed_on;
    if constexpr (BatchesUnmaps<A>) {  // asked for only with the feature
      arch_tlbbatch_should_defer = A::arch_tlbbatch_should_defer;
      arch_tlbbatch_add_pending = A::arch_tlbbatch_add_pending;
      arch_tlbbatch_flush = A::arch_tlbbatch_flush;
    }
    if constexpr (FoldsEntries<A>) choose_contpte<A>();  // else features.contpte is false
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
