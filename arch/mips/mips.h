// SPDX-License-Identifier: GPL-2.0-or-later
// MIPS as Linux 6.12 runs an R4000-class SMP machine without MMIDs and without a hardware walker: a
// joint TLB that software fills, ASIDs of each CPU by itself, flushes by interrupt. Kernel files:
// arch/mips/mm/{tlbex,tlb-r4k,context}.c, kernel/smp.c, asm/mmu_context.h. The TLB exceptions are told in
// tlbex.cpp, flushes in flush.cpp, ASIDs in generic/cpu_asids.h; what differs is in README.md.
#pragma once

#include "arch/generic/cpu_asids.h"
#include "arch/generic/gather.h"
#include "arch/generic/pte_accessible.h"
#include "arch/hw/soft_tlb.h"
#include "arch/mips/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

struct mips_cpu : generic::asid_cpu {
  hw::JointTlb joint;
};

// mips+no-probe: whoever writes an entry after a fault does not look for one that matches (question 13).
struct mips_options {
  bool no_probe = false;
};

struct mips : mips_pte, generic::cpus<mips, mips_cpu> {
  using asid = generic::cpu_asids<mips>;
  static constexpr const char* name = "mips";
  static constexpr mmu_gather_features features{};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, joint, pairs of pages, tagged by an ASID of the CPU",
      .filled_by = "software",
      .debt_paid = "tlb_finish_mmu and the end of each area, by interrupt",
      .interrupts_walkers = true,
      .options = "no-probe",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  static inline mips_options opted;
  static bool set_option(std::string_view option) noexcept {
    opted.no_probe = option == "no-probe";
    return option.empty() || opted.no_probe;
  }

  using mm_context = generic::cpu_asids_context;
  static constexpr unsigned max_asids = 1U << 8;
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? max_asids : std::max(geometry.asids, 2U);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;

  // ---- TLB exceptions ---------------------------------------------------------------------------

  static Translation translate(vaddr_t va, Access access) noexcept {
    return this_cpu().mmu.look_up(va, access);
  }
  static bool tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept;
  static void walk_ahead(vaddr_t va) noexcept = delete;
  static void evict(vaddr_t va) noexcept = delete;  // software writes over entries
  static void update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t pte) noexcept;
  // What a refill puts in, for the pair that va is in, or for a huge page.
  [[nodiscard]] static hw::JointTlb::Entry read_pair(page* root, vaddr_t va) noexcept;

  // ---- entries ----------------------------------------------------------------------------------

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
    std::uint64_t was = word.load(order::relaxed);  // handlers set young and dirty meanwhile
    while (!word.compare_exchange(was, pte_wrprotect({was}).val, order::relaxed)) {
    }
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return pte_young({word.fetch_and(~(accessed | valid), order::relaxed)});
  }
  static bool ptep_set_access_flags(
      mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept;
  static void fix_spurious_fault(mm_struct&, vaddr_t) noexcept {
  }  // update_mmu_cache has written it
  // A page that is old or not readable has no V, but may have had it while a flush is pending.
  static bool pte_accessible(const mm_struct& mm, pte_t pte) noexcept {
    return generic::entry_without_rights_accessible(mm) ? pte_present(pte) : hw_present(pte);
  }

  // ---- flushes ----------------------------------------------------------------------------------

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<mips>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept { asid::init_new_context(mm); }
  static void switch_mm_irqs_off(mm_struct& next) noexcept { asid::switch_mm(next); }
  static void enter_lazy_tlb() noexcept { asid::enter_lazy_tlb(); }
  static void local_flush_tlb_all() noexcept;
  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    return asid::context_word(mm, address);
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
