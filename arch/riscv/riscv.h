// SPDX-License-Identifier: GPL-2.0-or-later
// RISC-V as Linux 6.12 runs it: sfence.vma here, and on other CPUs by a call to the firmware or by an
// interrupt; ASIDs by generation; a set of CPUs that only grows. Kernel files: arch/riscv/mm/tlbflush.c,
// mm/context.c, asm/tlb.h, asm/pgtable.h. The invalidates are told in flush.cpp, the switch of address
// spaces in context.cpp.
#pragma once

#include "arch/generic/asid.h"
#include "arch/generic/broadcast.h"
#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"
#include "arch/generic/pte_accessible.h"
#include "arch/riscv/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

// Hardware may remember that an entry was not valid, until the next fence for it. Here the last such walk
// is remembered, and refuses one access: the least that shows who relies on it not being so.
struct cached_absence {
  bool known = false;
  unsigned asid = 0;
  vaddr_t page = 0;
};

struct riscv_cpu : generic::cpu_state {
  cached_absence absent;
};

// ipi: fences on other CPUs by an interrupt of the kernel's own.
// svinval: invalidates of one request between two fences.
// no-asid: a CPU with one address space; it is emptied at each switch.
struct riscv_options {
  bool ipi = false, svinval = false, no_asid = false;
};

struct riscv : riscv_pte, generic::cpus<riscv, riscv_cpu> {
  static constexpr const char* name = "riscv";
  // No interrupt reaches who walks tables with interrupts off (firmware): tables wait for RCU.
  static constexpr mmu_gather_features features{
      .rcu_table_free = true, .move_tables = true, .batched_unmap = true, .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, tagged by ASID (one for an mm, by generations), walk cache, absent entries",
      .filled_by = "hardware",
      .debt_paid = "tlb_finish_mmu and the end of each area, by a call to the firmware (SBI)",
      .options = "ipi svinval no-asid",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 56 : 47);
  }

  static inline riscv_options opted;
  static bool set_option(std::string_view option) noexcept;

  struct mm_context {
    Atomic<std::uint64_t> id{0};  // generation and ASID; 0: none
  };
  // More fences than that are dearer than one of the whole ASID.
  static constexpr std::uint64_t tlb_flush_all_threshold = 64;
  static constexpr unsigned max_asids = 1U << 16;
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? max_asids : std::max(geometry.asids + 1, nr_cpu_ids() + 2);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;
  static Translation translate(vaddr_t va, Access access) noexcept;

  // ---- entries ----------------------------------------------------------------------------------

  static pte_t ptep_get_and_clear(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, bool) noexcept {
    return {word.exchange(0, order::full)};
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return {word.exchange(pmd.val, order::full)};
  }
  // Relaxed: atomic_and orders nothing. What orders it is the fence of the flush.
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    word.fetch_and(~write, order::relaxed);
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return pte_young({word.fetch_and(~accessed, order::full)});
  }
  // Always "changed": update_mmu_cache then fences, for a change and for an entry that was there already
  // (a fault for nothing). Bits are only added, as hardware adds A and D meanwhile; the kernel stores
  // the entry plainly, which is right where the software keeps A and D.
  static bool ptep_set_access_flags(
      mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
    if (word.load(order::relaxed) != entry.val) word.fetch_or(entry.val, order::relaxed);
    return true;
  }
  static void update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t pte) noexcept;
  // An entry that is not valid may still be cached while a gather is open (trap T22).
  static bool pte_accessible(const mm_struct& mm, pte_t pte) noexcept {
    return hw_present(pte) || (pte_protnone(pte) && generic::entry_without_rights_accessible(mm));
  }

  // ---- invalidates ------------------------------------------------------------------------------

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<riscv>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  static bool arch_tlbbatch_should_defer(mm_struct&) noexcept { return true; }
  static void arch_tlbbatch_add_pending(arch_tlbflush_unmap_batch& batch,
                                        mm_struct& mm,
                                        vaddr_t va) noexcept;
  static void arch_tlbbatch_flush(arch_tlbflush_unmap_batch& batch) noexcept;

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept {
    context_of<riscv>(mm).id.store(0, order::relaxed);
  }
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  // What is loaded stays, and so does the CPU in the mm's set: fences reach it like any other.
  static void enter_lazy_tlb() noexcept {}

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    return address == &context_of<riscv>(mm).id ? "id" : nullptr;
  }
};

// One sfence.vma, on the MMU of a CPU that nobody else uses meanwhile.
void sfence_vma(riscv_cpu& cpu, const generic::invalidation& what) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
