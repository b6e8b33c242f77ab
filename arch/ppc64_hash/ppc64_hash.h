// SPDX-License-Identifier: GPL-2.0-or-later
// 64-bit POWER with a hash page table, as Linux 6.12 runs it. The table of the mm and the one that
// hardware searches are two: an entry of the second is a copy, made by a hash fault and removed when
// the first one changes. Kernel: arch/powerpc/mm/book3s64/hash_*.c, asm/book3s/64/tlbflush-hash.h.
//
//   hash_page.cpp  a translation that hardware did not find: the hash fault
//   hash_tlb.cpp   an entry changed: its copy goes, at once or with a batch
//   native.cpp     entries of the hash page table, one by one; tlbie
//   context.cpp    address spaces
#pragma once

#include "arch/generic/broadcast.h"
#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"
#include "arch/hw/hash_table.h"
#include "arch/ppc64_hash/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

// What a CPU has changed under a page-table lock and not yet removed from the hash page table: one mm, one
// page size. Kernel: struct ppc64_tlb_batch.
struct ppc64_tlb_batch {
  static constexpr unsigned room = 192;
  bool active = false;
  unsigned index = 0;
  mm_struct* mm = nullptr;
  bool large = false;
  vaddr_t va[room];
  std::uint64_t pte[room];  // as it was: says where the copy is
};

struct ppc64_hash_cpu : generic::cpu_state {
  generic::in_flight tlbie;  // since its last tlbsync
  ppc64_tlb_batch batch;
  bool nohpte =
      false;  // its last fault: hardware found no entry (else: one that forbids the access)
};

// ppc64_hash+early-local: whether tlbiel is enough is decided before the copies are removed, as in the
// kernel (README.md).
struct ppc64_hash_options {
  bool early_local = false;
};

struct ppc64_hash : ppc64_hash_pte, generic::cpus<ppc64_hash, ppc64_hash_cpu> {
  static constexpr const char* name = "ppc64_hash";
  static constexpr mmu_gather_features features{.rcu_table_free = true,
                                                .table_invalidate = false,
                                                .merge_vmas = true,
                                                .page_size = true,
                                                .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "weak",
      .tlb = "per CPU, tagged by context number; behind it a hash page table that all CPUs share",
      .filled_by = "hardware, from the hash page table, which software fills",
      .debt = DebtPaid::before_unlock,
      .debt_paid = "leaving lazy MMU mode, under the page-table lock, by tlbie and ptesync",
      .options = "early-local",
  };
  static inline ppc64_hash_options opted;
  static bool set_option(std::string_view option) noexcept {
    opted.early_local = option == "early-local";
    return option.empty() || opted.early_local;
  }
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 52 : 48);
  }

  struct mm_context : generic::book3s64_context {
    unsigned id = 0;  // fixed while the mm lives
  };
  // Every mm has one of its own, so a tiny geometry cannot have as few as it likes.
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return geometry.asids == 0 ? 1U << 16 : 1U << 10;
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;

  // ---- entries: whoever changes one waits while it is BUSY (hash_tlb.cpp) -----------------------

  static std::uint64_t pte_update(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, bits clear, bits set) noexcept;
  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool) noexcept {
    return filter({pte_update(mm, va, word, ~0ULL, 0)});
  }
  static pte_t pmdp_establish(mm_struct& mm,
                              vaddr_t va,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    const pte_t was{word.load(order::relaxed)};
    if (!pte_none(was) && !pmd_leaf(was)) return establish_over_table(mm, va, word, pmd);
    return filter({pte_update(mm, va, word, ~0ULL, pmd.val)});
  }
  // No copy of an entry of the table is left when it returns.
  static pte_t establish_over_table(mm_struct& mm,
                                    vaddr_t va,
                                    Atomic<std::uint64_t>& word,
                                    pte_t pmd) noexcept;
  static void ptep_set_wrprotect(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
    if ((word.load(order::relaxed) & write) != 0) pte_update(mm, va, word, write, 0);
  }
  static bool ptep_test_and_clear_young(mm_struct& mm,
                                        vaddr_t va,
                                        Atomic<std::uint64_t>& word) noexcept {
    if ((word.load(order::relaxed) & (accessed | hashpte)) == 0) return false;
    return pte_young({pte_update(mm, va, word, accessed, 0)});
  }
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;
  static void fix_spurious_fault(mm_struct&, vaddr_t) noexcept {}  // the hash fault has seen to it
  static bool pte_accessible(const mm_struct&, pte_t pte) noexcept { return pte_present(pte); }

  // ---- invalidates: all is done when lazy MMU mode is left ---------------------------------------

  static void arch_enter_lazy_mmu_mode() noexcept;
  static void arch_leave_lazy_mmu_mode() noexcept;
  static void flush_tlb_pending() noexcept;

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<ppc64_hash>(tlb, start, end, force);
  }
  // What is left over in the batch, which is nothing if all went well.
  static void tlb_flush(gather_range&) noexcept { flush_tlb_pending(); }
  static void flush_tlb_mm(mm_struct&) noexcept {}
  static void flush_tlb_range(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept {}
  static void flush_tlb_page(mm_struct&, vaddr_t) noexcept {}

  // ---- address spaces ---------------------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept;
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept {}
  static void forget_mm(mm_struct& mm) noexcept;

  // ---- the hash page table ----------------------------------------------------------------------

  static inline hw::HashTable htab;
  static Translation translate(vaddr_t va, Access access) noexcept;
  static void walk_ahead(vaddr_t va) noexcept;
  static bool tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept;

  static void arrive(vaddr_t va) noexcept {
    generic::arrives(this_cpu().mmu, va,
                     [](unsigned id) -> generic::in_flight& { return cpu(id).tlbie; });
  }

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    const mm_context& context = context_of<ppc64_hash>(mm);
    return address == &context.active_cpus ? "active_cpus" : nullptr;
  }
  static const char* cpu_word(unsigned id, const void* address) noexcept {
    if (htab.contains(address)) return "hash_table";
    return cpus::cpu_word(id, address);
  }

 protected:
  // Of 2007: a batch is always open (tlbflush_2007.h).
  static inline bool always_batches = false;
};

}  // namespace tlblab::inline TLBLAB_WORLD
