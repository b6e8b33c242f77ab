// SPDX-License-Identifier: GPL-2.0-or-later
// User-mode Linux 6.12: an mm is an address space of the host, its TLB what the host has mapped there. A
// flush notes a range; the sync makes the host map what the tables say. Kernel files: arch/um/kernel/
// {tlb,trap}.c, asm/{tlbflush,mmu_context}.h. The sync is told in tlb.cpp, the gather of 2017 in tlb_2017.h;
// what differs is in README.md.
#pragma once

#include "arch/generic/broadcast.h"
#include "arch/generic/context_ids.h"
#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"
#include "arch/um/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

struct um_cpu : generic::cpu_state {
  generic::in_flight munmap;       // what the host is about to do
  Atomic<bool> flush_owed{false};  // 2017: it has freed pages and not flushed
};

struct um : um_pte, generic::cpus<um, um_cpu> {
  static constexpr const char* name = "um";
  // Tables by RCU: the kernel has one CPU and needs none, the lab may have more.
  static constexpr mmu_gather_features features{.rcu_table_free = true, .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "tso",
      .tlb = "the host's mappings, of each mm",
      .filled_by = "software, through the host",
      .debt_paid = "tlb_finish_mmu and the end of each area, by the host's munmap",
      .most_cpus = 1,
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  struct mm_context {
    unsigned host_mm = 0;                            // the host's address space
    Spinlock sync_lock;                              // of what follows, and of the sync
    vaddr_t sync_range_from = 0, sync_range_to = 0;  // from < to: noted
  };
  // Every mm has one of its own, so a tiny geometry cannot have as few as it likes.
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? 1U << 14 : 1U << 10;
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;

  // ---- SIGSEGV from the host --------------------------------------------------------------------

  static Translation translate(vaddr_t va, Access access) noexcept {
    return this_cpu().mmu.look_up(va, access);
  }
  static bool tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept;
  static void walk_ahead(vaddr_t va) noexcept = delete;

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
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
    if (exchange(word, entry) == entry) return false;
    flush_tlb_page(mm, va);  // what the host has mapped with fewer rights
    return true;
  }
  static bool pte_accessible(const mm_struct&, pte_t pte) noexcept { return pte_present(pte); }

  // ---- flushes ----------------------------------------------------------------------------------

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<um>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept;
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept {}
  static void forget_mm(mm_struct& mm) noexcept;

 private:
  static pte_t exchange(Atomic<std::uint64_t>& word, pte_t now) noexcept {
    const pte_t was{word.load(order::relaxed)};
    word.store(now.val, order::relaxed);
    return was;
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
