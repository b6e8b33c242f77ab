// SPDX-License-Identifier: GPL-2.0-or-later
// SuperH as Linux 6.12 runs it: software loads the TLB (ldtlb), ASIDs of each CPU by itself, flushes by
// interrupt or by taking ASIDs. Kernel files: arch/sh/mm/{tlbex_32,tlb-sh4,tlbflush_32}.c, kernel/smp.c,
// asm/mmu_context.h. The miss handler is told in tlbex.cpp, flushes in flush.cpp, ASIDs in
// generic/cpu_asids.h, the gather that it had in 2017 in tlb_2017.h; what differs is in README.md.
#pragma once

#include "arch/generic/cpu_asids.h"
#include "arch/generic/gather.h"
#include "arch/sh/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

struct sh_cpu : generic::asid_cpu {
  Atomic<bool> flush_owed{false};  // 2017: it has freed pages and not flushed
};

// sh+plain-store: the handler stores what it has read of the PTE, as 6.12 does (README.md).
struct sh_options {
  bool plain_store = false;
};

struct sh : sh_pte, generic::cpus<sh, sh_cpu> {
  using asid = generic::cpu_asids<sh>;
  static constexpr const char* name = "sh";
  static constexpr mmu_gather_features features{};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, tagged by an ASID of the CPU",
      .filled_by = "software",
      .debt_paid = "tlb_finish_mmu and the end of each area, by interrupt",
      .interrupts_walkers = true,
      .options = "plain-store",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  static inline sh_options opted;
  static bool set_option(std::string_view option) noexcept {
    opted.plain_store = option == "plain-store";
    return option.empty() || opted.plain_store;
  }

  using mm_context = generic::cpu_asids_context;
  static constexpr unsigned max_asids = 1U << 8;
  static constexpr unsigned tlb_entries = 64;  // MMU_NTLB_ENTRIES
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? max_asids : std::max(geometry.asids, 2U);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept {
    if (!cpus::hardware_init(geometry)) return false;
    asid::init(asids(geometry));
    return true;
  }

  // ---- TLB exceptions ---------------------------------------------------------------------------

  static Translation translate(vaddr_t va, Access access) noexcept {
    return this_cpu().mmu.look_up(va, access);
  }
  static bool tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept;
  static void walk_ahead(vaddr_t va) noexcept = delete;
  static void update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t pte) noexcept;

  // ---- entries: handlers on any CPU set young and dirty meanwhile -------------------------------

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
    word.fetch_and(~write, order::relaxed);
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return pte_young({word.fetch_and(~accessed, order::relaxed)});
  }
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;
  static bool pte_accessible(const mm_struct&, pte_t pte) noexcept { return pte_present(pte); }

  // ---- flushes ----------------------------------------------------------------------------------

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<sh>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;
  static void local_flush_tlb_all() noexcept;

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept { asid::init_new_context(mm); }
  static void switch_mm_irqs_off(mm_struct& next) noexcept { asid::switch_mm(next); }
  static void enter_lazy_tlb() noexcept { asid::enter_lazy_tlb(); }
  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    return asid::context_word(mm, address);
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
