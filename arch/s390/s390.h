// SPDX-License-Identifier: GPL-2.0-or-later
// s390 as Linux 6.12 runs it: an entry is invalidated as it is changed, by an instruction that reaches
// every CPU; or it is only marked, if no other CPU is attached to the mm, and the mm owes a flush. Kernel
// files: arch/s390/mm/pgtable.c, include/asm/{tlbflush,mmu_context,tlb,pgtable}.h. Changes of entries are
// told in entries.cpp, the debt and the switch of address spaces in context.cpp.
//
// Memory is ordered as TSO, and interlocked updates are barriers. Where the kernel relies on that, the port
// says full, acquire or release, which on this memory is what a plain access is.
#pragma once

#include "arch/generic/cpus.h"
#include "arch/generic/gather.h"
#include "arch/s390/asce_tags.h"
#include "arch/s390/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

struct s390_cpu : generic::cpu_state {
  asce_tags tags;
  // It has marked entries of the loaded mm and not been to a flush of it since. The lab's own, for
  // flush_owed_on: the kernel has no use for it.
  Atomic<bool> flush_owed{false};
};

// s390+no-rdp: a machine without RESET DAT PROTECTION; s390+no-lc: without local clearing.
// s390+move-tables: mremap moves whole tables, which Linux does not do here; question 4 asks what if.
struct s390_options {
  bool no_rdp = false, no_lc = false, move_tables = false;
};

struct s390 : s390_pte, generic::cpus<s390, s390_cpu> {
  static constexpr const char* name = "s390";
  static constexpr mmu_gather_features features{
      .rcu_table_free = true, .merge_vmas = true, .no_gather = true, .async_invalidate = true};
  static constexpr arch_facts facts{
      .memory = "tso",
      .tlb = "per CPU, tagged by ASCE (the root of the tables), walk cache",
      .filled_by = "hardware, which sets no A or D",
      .debt = DebtPaid::with_the_entry,
      .debt_paid =
          "as an entry changes, by IPTE; if one CPU alone is attached, tlb_finish_mmu or "
          "the next CPU that attaches, by IDTE",
      .options = "no-rdp no-lc move-tables",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return 1ULL << (top_level == 4 ? 57 : 48);
  }

  static inline s390_options opted;
  static bool set_option(std::string_view option) noexcept;
  static mmu_gather_features opted_features() noexcept {
    mmu_gather_features wanted = features;
    wanted.move_tables = opted.move_tables;
    return wanted;
  }

  struct mm_context {
    Spinlock lock;
    // CPUs that may walk the tables: between the two ends of a switch.
    Atomic<std::uint64_t> cpu_attach_mask[cpumask::words];
    Atomic<int> flush_count{0};         // changes and flushes under way
    Atomic<std::uint32_t> flush_mm{0};  // entries were marked, or tables unhooked, and not flushed
  };
  static unsigned asids(const TlbGeometry& geometry) noexcept {
    return asce_tags::tags(geometry.asids);
  }
  static bool hardware_init(const TlbGeometry& geometry) noexcept;

  // ---- entries (entries.cpp). The PTL is held ---------------------------------------------------

  static pte_t ptep_get_and_clear(mm_struct& mm,
                                  vaddr_t va,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept;
  static pte_t ptep_clear_flush(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
    return ptep_xchg_direct(mm, va, word, {});
  }
  static pte_t pmdp_establish(mm_struct& mm,
                              vaddr_t va,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    const pte_t was{word.load(order::relaxed)};
    if (pmd_leaf(was)) return ptep_xchg_direct(mm, va, word, pmd);
    // A table: all that was found by it is to go with the next flush, which is the caller's.
    word.store(pmd.val, order::release);
    context_of<s390>(mm).flush_mm.store(1, order::release);
    return was;
  }
  static void ptep_set_wrprotect(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept;
  static bool ptep_test_and_clear_young(mm_struct& mm,
                                        vaddr_t va,
                                        Atomic<std::uint64_t>& word) noexcept;
  static bool ptep_set_access_flags(
      mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept;
  static void fix_spurious_fault(mm_struct& mm, vaddr_t va) noexcept;
  static bool pte_accessible(const mm_struct&, pte_t) noexcept { return true; }

  static pte_t ptep_xchg_direct(mm_struct& mm,
                                vaddr_t va,
                                Atomic<std::uint64_t>& word,
                                pte_t now) noexcept;
  static pte_t ptep_xchg_lazy(mm_struct& mm,
                              vaddr_t va,
                              Atomic<std::uint64_t>& word,
                              pte_t now) noexcept;

  // ---- the debt (context.cpp) -------------------------------------------------------------------

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  // force adds nothing: whether there is a debt, the mm knows.
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<s390>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept { tlb_flush_mm_lazy(*tlb.mm); }
  static void flush_tlb_mm(mm_struct& mm) noexcept { tlb_flush_mm_lazy(mm); }
  static void flush_tlb_range(mm_struct& mm, vaddr_t, vaddr_t, unsigned, bool) noexcept {
    // Nobody has marked the entries of a table that moved: the mm owes a flush nevertheless.
    if (opted.move_tables) context_of<s390>(mm).flush_mm.store(1, order::release);
    tlb_flush_mm_lazy(mm);
  }
  static void flush_tlb_page(mm_struct&, vaddr_t) noexcept {}  // done as the entry was changed
  static void table_unhooked(gather_range& tlb, unsigned level) noexcept;
  static void tlb_flush_mm_lazy(mm_struct& mm) noexcept;
  // May the CPU's TLB hold what was taken away by itself, to be flushed before it runs a program?
  static bool flush_owed_on(unsigned id) noexcept {
    return cpu(id).flush_owed.load(order::acquire);  // pairs with the release in tlb_flush_mm_lazy
  }

  // ---- address spaces (context.cpp) -------------------------------------------------------------

  static void init_new_context(mm_struct& mm) noexcept;
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept {}  // stays attached: it may walk

  // Is this CPU the only one of the mask?
  static bool only_this_cpu(const Atomic<std::uint64_t>* mask) noexcept;

  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    const mm_context& context = context_of<s390>(mm);
    if (address == &context.flush_count) return "flush_count";
    if (address == &context.flush_mm) return "flush_mm";
    return lies_in(context.cpu_attach_mask, address) ? "cpu_attach_mask" : nullptr;
  }
  static const char* cpu_word(unsigned id, const void* address) noexcept {
    if (address == &cpu(id).flush_owed) return "flush_owed";
    return cpus::cpu_word(id, address);
  }
};

}  // namespace tlblab::inline TLBLAB_WORLD
