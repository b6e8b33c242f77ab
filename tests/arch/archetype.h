// SPDX-License-Identifier: GPL-2.0-or-later
// The poorest legal backend: what ArchBackend asks for and nothing else. No feature, no optional
// hook, an encoding unlike any other, a flush that empties every TLB. If mm comes to use something
// that the concept does not list, it fails here and not in the next port.
#pragma once

#include <new>

#include "arch/generic/gather.h"
#include "arch/hw/mmu.h"

namespace tlblab::inline TLBLAB_WORLD {

struct archetype {
  // ---- encoding ---------------------------------------------------------------------------------
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 63, writable = 1ULL << 62, executable = 1ULL << 61;
  static constexpr bits used = 1ULL << 60, written = 1ULL << 59, no_access = 1ULL << 58;
  static constexpr bits leaf = 1ULL << 57, watched = 1ULL << 56, frame = (1ULL << 48) - 1;
  static constexpr bits absent = 1ULL << 55, absent_alone = 1ULL << 54, absent_watched = 1ULL << 53;
  static constexpr bits marked = 1ULL << 52, absent_marked = 1ULL << 51;  // soft-dirty

  static constexpr bits protection(std::uint32_t prot) noexcept {
    if ((prot & vm_access_flags) == 0) return no_access;
    constexpr std::uint32_t shared_write = VM_SHARED | VM_WRITE;
    return valid | ((prot & shared_write) == shared_write ? writable : 0) |
           ((prot & VM_EXEC) != 0 ? executable : 0);
  }
  static constexpr pte_t mk_pte(pfn_t pfn, std::uint32_t prot) noexcept {
    return {pfn | protection(prot)};
  }
  static constexpr pte_t mk_table(pfn_t pfn) noexcept { return {pfn | valid}; }
  static constexpr bool pte_none(pte_t pte) noexcept { return pte.val == 0; }
  static constexpr bool pte_present(pte_t pte) noexcept {
    return (pte.val & (valid | no_access)) != 0;
  }
  static constexpr bool pte_protnone(pte_t pte) noexcept { return (pte.val & no_access) != 0; }
  static constexpr bool pte_write(pte_t pte) noexcept { return (pte.val & writable) != 0; }
  static constexpr bool pte_dirty(pte_t pte) noexcept { return (pte.val & written) != 0; }
  static constexpr bool pte_young(pte_t pte) noexcept { return (pte.val & used) != 0; }
  static constexpr bool pmd_leaf(pte_t pte) noexcept { return (pte.val & leaf) != 0; }
  static constexpr pfn_t pte_pfn(pte_t pte) noexcept { return pte.val & frame; }
  static constexpr pte_t pte_mkwrite(pte_t pte) noexcept { return {pte.val | writable}; }
  static constexpr pte_t pte_wrprotect(pte_t pte) noexcept { return {pte.val & ~writable}; }
  static constexpr pte_t pte_mkdirty(pte_t pte) noexcept { return {pte.val | written | marked}; }
  static constexpr pte_t hw_mkdirty(pte_t pte) noexcept { return {pte.val | written}; }
  static constexpr pte_t pte_mkclean(pte_t pte) noexcept { return {pte.val & ~written}; }
  static constexpr pte_t pte_mkyoung(pte_t pte) noexcept { return {pte.val | used}; }
  static constexpr pte_t pte_mkold(pte_t pte) noexcept { return {pte.val & ~used}; }
  static constexpr pte_t pte_modify(pte_t pte, std::uint32_t prot) noexcept {
    return {(pte.val & (frame | used | written | watched | marked | leaf)) | protection(prot)};
  }
  static constexpr bool pte_uffd_wp(pte_t pte) noexcept { return (pte.val & watched) != 0; }
  static constexpr pte_t pte_mkuffd_wp(pte_t pte) noexcept {
    return {(pte.val & ~writable) | watched};
  }
  static constexpr pte_t pte_clear_uffd_wp(pte_t pte) noexcept { return {pte.val & ~watched}; }
  static constexpr bool pte_soft_dirty(pte_t pte) noexcept { return (pte.val & marked) != 0; }
  static constexpr pte_t pte_mksoft_dirty(pte_t pte) noexcept { return {pte.val | marked}; }
  static constexpr pte_t pte_clear_soft_dirty(pte_t pte) noexcept { return {pte.val & ~marked}; }
  static constexpr pte_t pmd_mkhuge(pte_t pte) noexcept { return {pte.val | leaf}; }
  static constexpr pte_t pmd_clrhuge(pte_t pte) noexcept { return {pte.val & ~leaf}; }
  static constexpr pte_t pmd_mkinvalid(pte_t pte) noexcept {
    return {pte.val & ~(valid | no_access)};
  }
  static constexpr pte_t pte_advance_pfn(pte_t pte, std::uint64_t frames) noexcept {
    return {(pte.val & ~frame) | ((pte.val + frames) & frame)};
  }
  static constexpr pte_t mk_swap_pte(swp_entry_t entry) noexcept {
    return {absent | static_cast<bits>(entry.type) << 48 | entry.offset};
  }
  static constexpr swp_entry_t pte_swap_entry(pte_t pte) noexcept {
    return {static_cast<SwapType>(pte.val >> 48 & 1), pte.val & frame};
  }
  static constexpr bool pte_swp_exclusive(pte_t pte) noexcept {
    return (pte.val & absent_alone) != 0;
  }
  static constexpr pte_t pte_swp_mkexclusive(pte_t pte) noexcept {
    return {pte.val | absent_alone};
  }
  static constexpr bool pte_swp_uffd_wp(pte_t pte) noexcept {
    return (pte.val & absent_watched) != 0;
  }
  static constexpr pte_t pte_swp_mkuffd_wp(pte_t pte) noexcept {
    return {pte.val | absent_watched};
  }
  static constexpr pte_t pte_swp_clear_uffd_wp(pte_t pte) noexcept {
    return {pte.val & ~absent_watched};
  }

  static constexpr bool pte_swp_soft_dirty(pte_t pte) noexcept {
    return (pte.val & absent_marked) != 0;
  }
  static constexpr pte_t pte_swp_mksoft_dirty(pte_t pte) noexcept {
    return {pte.val | absent_marked};
  }
  static constexpr pte_t pte_swp_clear_soft_dirty(pte_t pte) noexcept {
    return {pte.val & ~absent_marked};
  }

  // ---- what the contract asks for ---------------------------------------------------------------
  static constexpr const char* name = "archetype";
  static constexpr mmu_gather_features features{};
  static constexpr arch_facts facts{.memory = "sc",
                                    .tlb = "per CPU",
                                    .filled_by = "hardware",
                                    .debt_paid = "tlb_finish_mmu, by interrupt",
                                    .interrupts_walkers = true};
  static constexpr vaddr_t task_size(unsigned) noexcept { return 1ULL << 46; }
  struct mm_context {};

  static pte_t ptep_get_and_clear(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, bool) noexcept {
    return {word.exchange(0, order::relaxed)};
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return {word.exchange(pmd.val, order::relaxed)};
  }
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    word.fetch_and(~writable, order::relaxed);
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return (word.fetch_and(~used, order::relaxed) & used) != 0;
  }
  static bool ptep_set_access_flags(
      mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept {
    return dirty && word.exchange(entry.val, order::relaxed) != entry.val;
  }
  static bool pte_needs_flush(pte_t, pte_t) noexcept { return true; }
  static bool huge_pmd_needs_flush(pte_t, pte_t) noexcept { return true; }
  static bool pte_accessible(const mm_struct&, pte_t) noexcept { return true; }

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<archetype>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range&) noexcept { flush_everything(); }
  static void flush_tlb_mm(mm_struct&) noexcept { flush_everything(); }
  static void flush_tlb_range(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept {
    flush_everything();
  }
  static void flush_tlb_page(mm_struct&, vaddr_t) noexcept { flush_everything(); }

  static void init_new_context(mm_struct&) noexcept {}
  static void switch_mm_irqs_off(mm_struct& next) noexcept {
    cpu_state& cpu = cpus[smp_processor_id()];
    cpu.loaded = &next;
    invalidate(&next == idle ? nullptr : next.pgd, next.id);
  }
  static void enter_lazy_tlb() noexcept {
    local_irq_save();
    switch_mm_irqs_off(*idle);
    local_irq_restore();
  }
  static mm_struct* loaded_mm() noexcept { return cpus[smp_processor_id()].loaded; }
  static const mm_struct* loaded_mm_on(unsigned id) noexcept { return cpus[id].loaded; }
  static mm_struct& init_mm() noexcept { return *idle; }
  static void forget_mm(mm_struct&) noexcept {}  // a CPU that runs no program has none loaded

  static bool hardware_init(const TlbGeometry& geometry) noexcept {
    cpus = static_cast<cpu_state*>(kmalloc(nr_cpu_ids() * sizeof(cpu_state), AllocSite::object));
    idle = create_mm<archetype>();
    if (cpus == nullptr || idle == nullptr) return false;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      cpu_state& cpu = *new (&cpus[id]) cpu_state;
      cpu.loaded = idle;
      if (!cpu.mmu.init(geometry, 1)) return false;
    }
    return true;
  }
  static void hardware_exit() noexcept {
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      cpus[id].mmu.exit();
      cpus[id].~cpu_state();
    }
    kfree(cpus);
    destroy_mm<archetype>(*idle);
  }
  static const hw::Mmu& mmu_of(unsigned id) noexcept { return cpus[id].mmu; }
  static Translation translate(vaddr_t va, Access access) noexcept {
    return cpus[smp_processor_id()].mmu.translate<archetype>(va, access);
  }

  // What hw::Mmu asks of an encoding.
  static constexpr bool hw_present(pte_t pte) noexcept { return (pte.val & valid) != 0; }
  static constexpr bool hw_allows(pte_t pte, Access access) noexcept {
    if (access == Access::write) return pte_write(pte);
    return access == Access::read || (pte.val & executable) != 0;
  }

 private:
  struct cpu_state {
    hw::Mmu mmu;
    mm_struct* loaded = nullptr;
  };
  static void invalidate(page* root, std::uint64_t mm_id) noexcept {
    const access_window_of<archetype> window;
    hw::Mmu& mmu = cpus[smp_processor_id()].mmu;
    mmu.invalidate_asid(0);
    mmu.load(root, 0, mm_id);
  }
  static void flush_everything() noexcept {
    cpumask all;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) all.set(id);
    on_each_cpu_mask(
        all,
        [](void*) {
          const mm_struct& mm = *cpus[smp_processor_id()].loaded;
          invalidate(&mm == idle ? nullptr : mm.pgd, mm.id);
        },
        nullptr);
  }
  static inline cpu_state* cpus = nullptr;
  static inline mm_struct* idle = nullptr;
};

}  // namespace tlblab::inline TLBLAB_WORLD
