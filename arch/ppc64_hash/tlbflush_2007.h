// SPDX-License-Identifier: GPL-2.0-or-later
// Linux 2.6.20, as Ben Herrenschmidt found it in February 2007 (thread 004): a batch is always open, and
// is flushed when it is full, when the mm changes, and by flush_tlb_* and tlb_flush, which come after
// the page-table lock has been dropped. Between the two another CPU may fault a new entry in, find
// no HASHPTE in it, and put a second copy into the hash page table. Since 2.6.22 (a741e6796957) the batch is
// flushed when lazy MMU mode is left, under the lock.
#pragma once

#include "arch/ppc64_hash/ppc64_hash.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ppc64_hash_2007 : ppc64_hash {
  static constexpr const char* name = "ppc64_hash@2007";
  static constexpr arch_facts facts{
      .memory = ppc64_hash::facts.memory,
      .tlb = ppc64_hash::facts.tlb,
      .filled_by = ppc64_hash::facts.filled_by,
      .debt_paid =
          "tlb_finish_mmu and flush_tlb_*, after the page-table lock, by tlbie and ptesync",
      .options = ppc64_hash::facts.options,
  };
  static bool hardware_init(const TlbGeometry& geometry) noexcept {
    const bool done = ppc64_hash::hardware_init(geometry);
    always_batches = true;
    return done;
  }
  static void arch_enter_lazy_mmu_mode() noexcept {}
  static void arch_leave_lazy_mmu_mode() noexcept {}

  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<ppc64_hash_2007>(tlb, start, end, force);
  }
  static void flush_tlb_mm(mm_struct&) noexcept { flush_tlb_pending(); }
  static void flush_tlb_range(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept {
    flush_tlb_pending();
  }
  static void flush_tlb_page(mm_struct&, vaddr_t) noexcept { flush_tlb_pending(); }
};

}  // namespace tlblab::inline TLBLAB_WORLD
