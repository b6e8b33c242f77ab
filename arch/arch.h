// SPDX-License-Identifier: GPL-2.0-or-later
// The contract between core and architecture, in the shape that Mel Gorman asked for in 2017: core
// owns the pending count, the nested decision, the batches and every free; a backend owns the
// encoding of a PTE, the invalidates and the switch of address spaces. The rules in prose, D1 to
// D42, are in arch/README.md; here is what a compiler can check.
//
// A backend is a type whose static members are the hooks. Hooks take the plain part of a gather
// (gather_range), never mmu_gather, do the invalidate and say what they did; nothing that a hook
// is handed may it free or allocate.
//
// What hardware operations promise when they are complete, and as memory barriers: operations.md.
// Backends may rely on that and no more.
#pragma once

#include <concepts>
#include <string_view>

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace hw {
class Mmu;  // arch/hw/mmu.h
}

// What asm-generic/tlb.h of Linux asks of an architecture by configuration switches.
struct mmu_gather_features {
  bool rcu_table_free = false;   // tables are freed after a grace period, for walkers that no
                                 // interrupt stops
  bool table_invalidate = true;  // hardware walks the tables: invalidate before they are freed
  bool merge_vmas = false;       // a gather may keep its range over several areas
  bool no_gather = false;        // clearing a PTE invalidates at once, pages are freed at once
  bool page_size = false;        // a gather holds one page size at a time
  bool pt_reclaim = false;       // MADV_DONTNEED frees page tables that it emptied
  bool move_tables =
      false;  // mremap may move a whole table: walks cache no more than flushes reach
  bool batched_unmap = false;     // reclaim may clear many entries and flush once
  bool async_invalidate = false;  // other CPUs remove entries: access windows must be tracked
  bool contpte =
      false;  // entries of one folio may be one translation: the hooks contpte_* are there
  // Whole shapes of 2017 (arch/generic/owned_gather.h), in which an architecture had a gather of its own.
  bool owns_gather = false;   // pages wait in one array, not in a list of batches
  bool owns_pending = false;  // its gather hooks count tlb_flush_pending, and look for nested ones
};

// When other CPUs have lost what was taken away from an entry.
enum class DebtPaid : std::uint8_t {
  with_the_entry,  // the change of the entry invalidates
  before_unlock,   // before the entry's lock is dropped
  at_finish,       // in tlb_finish_mmu, or before it where a gather is full
};

// What a backend says of itself, for who lists it; tests/arch/facts_test.cpp holds it to that.
struct arch_facts {
  const char* memory = nullptr;     // the explorer's default model: sc, tso or weak
  const char* tlb = nullptr;        // what kind, and how entries are told apart
  bool tagged = true;               // entries of several address spaces stay side by side
  const char* filled_by = nullptr;  // "hardware", perhaps from what; else software
  DebtPaid debt = DebtPaid::at_finish;
  const char* debt_paid = nullptr;  // the same in words, and by what
  bool interrupts_walkers = false;  // does paying it wait for walkers with interrupts off?
  unsigned most_cpus = 1024;        // that the kernel of this form runs on
  const char* options = "";         // that set_option takes, with spaces between
};

// The plain part of a gather: what has been cleared and not been flushed yet, at which levels.
// Kernel: the fields of struct mmu_gather that an architecture's tlb_flush may look at.
struct gather_range {
  mm_struct* mm = nullptr;
  // What was asked for at tlb_gather_mmu(tlb, mm, start, end): eras in which a nested flush
  // repeats the request need it.
  vaddr_t request_start = 0, request_end = tlb_flush_all;
  // What was recorded. Empty: start = ~0, end = 0. With fullmm both are ~0.
  vaddr_t start = ~0ULL, end = 0;
  bool fullmm = false;
  bool need_flush_all = false;  // survives a reset
  bool freed_tables = false;
  bool cleared_ptes = false, cleared_pmds = false, cleared_puds = false, cleared_p4ds = false;
  bool vma_exec = false, vma_huge = false, vma_pfn = false;  // of the current area; survive a reset

  // Anything to flush? The bits decide, not start and end (trap T2).
  [[nodiscard]] bool recorded() const noexcept {
    return freed_tables || cleared_ptes || cleared_pmds || cleared_puds || cleared_p4ds;
  }
  void adjust(vaddr_t address, std::uint64_t size) noexcept {
    if (address < start) start = address;
    if (address + size > end) end = address + size;
  }
  // After a flush. Leaves what must outlive it: vma_*, need_flush_all, fullmm (trap T5).
  void reset() noexcept {
    start = ~0ULL;
    end = fullmm ? ~0ULL : 0;
    freed_tables = cleared_ptes = cleared_pmds = cleared_puds = cleared_p4ds = false;
  }
  // The smallest level that was cleared: a larger stride would step over entries (trap T37).
  [[nodiscard]] unsigned unmap_shift() const noexcept {
    if (cleared_ptes) return page_shift;
    if (cleared_pmds) return page_shift + 9;
    if (cleared_puds) return page_shift + 18;
    if (cleared_p4ds) return page_shift + 27;
    return page_shift;
  }
};

// A request to flush, as it travels to other CPUs. Kernel: struct flush_tlb_info of x86.
struct flush_tlb_info {
  mm_struct* mm = nullptr;
  vaddr_t start = 0, end = tlb_flush_all;
  std::uint64_t new_tlb_gen = 0;  // 0: whatever is behind
  unsigned stride_shift = page_shift;
  unsigned initiating_cpu = 0;
  bool freed_tables = false;
};

// Entries that a reclaimer has cleared and not flushed. Kernel: struct arch_tlbflush_unmap_batch. Which of
// it a backend uses is its business.
struct arch_tlbflush_unmap_batch {
  cpumask mask;  // CPUs that may have them
};

// Sizes of the simulated translation caches; sets are powers of two. The default is of the order of
// a second-level TLB of today; the explorer takes a tiny one.
struct TlbGeometry {
  unsigned sets = 128, ways = 8;            // 4 KiB pages
  unsigned huge_sets = 8, huge_ways = 4;    // 2 MiB
  unsigned giant_sets = 1, giant_ways = 4;  // 1 GiB
  unsigned walk_entries = 16;               // per level of the walk cache
  unsigned front = 256;                     // first level, direct-mapped; a power of two
  unsigned asids = 0;                       // address spaces told apart; 0: as the architecture has
  unsigned hash_groups = 0;  // of 8 entries, of a hash page table; a power of two; 0: as usual
  unsigned tsb_entries = 0;  // sparc64: of each TSB; 0: as the architecture has
};

enum class Access : std::uint8_t { read, write, exec };

// What one attempt of an access came to.
struct Translation {
  void* host = nullptr;  // null: a fault
  bool present = false;  // of a fault: the page was there, the right was not
};

// For backends that name their words: does the object contain the address?
template <class T>
bool lies_in(const T& object, const void* address) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto begin = reinterpret_cast<std::uintptr_t>(&object);
  return at >= begin && at < begin + sizeof object;
}

// ---- the parts of the contract ------------------------------------------------------------------

// A hook is a function of exactly this type, or a variable that points to one (arch/chosen.h).
template <class H, class Type>
concept hook = std::convertible_to<H, Type*>;

template <class A>
concept PagingGeometry = requires {
  { A::name } -> std::convertible_to<const char*>;
  { A::features } -> std::convertible_to<mmu_gather_features>;
  { A::facts } -> std::convertible_to<arch_facts>;
  { A::task_size } -> hook<vaddr_t(unsigned) noexcept>;  // by top level
};

// Encoding of a PTE. Pure functions; prot is a set of vm_flags.
template <class A>
concept PteCodec = requires {
  { A::mk_pte } -> hook<pte_t(pfn_t, std::uint32_t) noexcept>;
  { A::pte_none } -> hook<bool(pte_t) noexcept>;
  { A::pte_present } -> hook<bool(pte_t) noexcept>;
  { A::pte_write } -> hook<bool(pte_t) noexcept>;
  { A::pte_dirty } -> hook<bool(pte_t) noexcept>;
  { A::pte_young } -> hook<bool(pte_t) noexcept>;
  { A::pte_protnone } -> hook<bool(pte_t) noexcept>;
  { A::pte_pfn } -> hook<pfn_t(pte_t) noexcept>;
  { A::pte_mkwrite } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_wrprotect } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_mkdirty } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_mkclean } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_mkyoung } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_mkold } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_modify } -> hook<pte_t(pte_t, std::uint32_t) noexcept>;
  // Write-protected by userfaultfd: survives every change but the one that takes it away.
  { A::pte_uffd_wp } -> hook<bool(pte_t) noexcept>;
  { A::pte_mkuffd_wp } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_clear_uffd_wp } -> hook<pte_t(pte_t) noexcept>;
  // Written since /proc/PID/clear_refs took the mark away: pte_mkdirty sets it, hardware does not.
  { A::pte_soft_dirty } -> hook<bool(pte_t) noexcept>;
  { A::pte_mksoft_dirty } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_clear_soft_dirty } -> hook<pte_t(pte_t) noexcept>;
  // An entry above the PTEs: a pointer to the next table, or a leaf.
  { A::mk_table } -> hook<pte_t(pfn_t) noexcept>;
  { A::pmd_leaf } -> hook<bool(pte_t) noexcept>;
  // A leaf of an upper level from the encoding of a PTE, and back.
  { A::pmd_mkhuge } -> hook<pte_t(pte_t) noexcept>;
  { A::pmd_clrhuge } -> hook<pte_t(pte_t) noexcept>;
  // Absent for hardware, a leaf for the kernel: while a huge entry is being replaced.
  { A::pmd_mkinvalid } -> hook<pte_t(pte_t) noexcept>;
  // The same entry for the frame so many further on; modulo 2^64, so backwards too.
  { A::pte_advance_pfn } -> hook<pte_t(pte_t, std::uint64_t) noexcept>;
  // What hardware sees in it.
  { A::hw_present } -> hook<bool(pte_t) noexcept>;
  { A::hw_allows } -> hook<bool(pte_t, Access) noexcept>;
};

// Entries that hardware takes for absent and that say more than "nothing": neither none nor
// present. The three bits beside a swap entry are the kernel's own.
template <class A>
concept SwapCodec = requires {
  { A::mk_swap_pte } -> hook<pte_t(swp_entry_t) noexcept>;
  { A::pte_swap_entry } -> hook<swp_entry_t(pte_t) noexcept>;
  { A::pte_swp_exclusive } -> hook<bool(pte_t) noexcept>;
  { A::pte_swp_mkexclusive } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_swp_uffd_wp } -> hook<bool(pte_t) noexcept>;
  { A::pte_swp_mkuffd_wp } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_swp_clear_uffd_wp } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_swp_soft_dirty } -> hook<bool(pte_t) noexcept>;
  { A::pte_swp_mksoft_dirty } -> hook<pte_t(pte_t) noexcept>;
  { A::pte_swp_clear_soft_dirty } -> hook<pte_t(pte_t) noexcept>;
};

// Changes of a present PTE. All are called under the PTL of the entry.
template <class A>
concept PteOperations = requires {
  // Returns the final A and D bits (D31); full: nobody else runs on the mm.
  {
    A::ptep_get_and_clear
  } -> hook<pte_t(mm_struct&, vaddr_t, Atomic<std::uint64_t>&, bool) noexcept>;
  // Exchanges a huge entry: returns the old one with its final A and D bits.
  { A::pmdp_establish } -> hook<pte_t(mm_struct&, vaddr_t, Atomic<std::uint64_t>&, pte_t) noexcept>;
  { A::ptep_set_wrprotect } -> hook<void(mm_struct&, vaddr_t, Atomic<std::uint64_t>&) noexcept>;
  // Takes A away, atomically with what hardware sets meanwhile. True if it was set.
  {
    A::ptep_test_and_clear_young
  } -> hook<bool(mm_struct&, vaddr_t, Atomic<std::uint64_t>&) noexcept>;
  // Adds rights, and D if dirty (a write). True if the entry changed.
  {
    A::ptep_set_access_flags
  } -> hook<bool(mm_struct&, vaddr_t, Atomic<std::uint64_t>&, pte_t, bool) noexcept>;
  // False only where no TLB can hold what the change takes away (D35).
  { A::pte_needs_flush } -> hook<bool(pte_t, pte_t) noexcept>;
  { A::huge_pmd_needs_flush } -> hook<bool(pte_t, pte_t) noexcept>;
  // May a TLB hold it? Conservative while a flush is pending (D34).
  { A::pte_accessible } -> hook<bool(const mm_struct&, pte_t) noexcept>;
};

template <class A>
concept TlbMaintenance = requires {
  // Local: no lock, no sleep, no change of a TLB or PTE (D2).
  { A::arch_tlb_gather_mmu } -> hook<void(gather_range&, vaddr_t, vaddr_t) noexcept>;
  // The last invalidate of a gather. force: another gather was open on the mm (D3 to D6). Returns
  // whether it invalidated; the recorded range is empty afterwards.
  { A::arch_tlb_finish_mmu } -> hook<bool(gather_range&, vaddr_t, vaddr_t, bool) noexcept>;
  // One in between: invalidates what was recorded. Complete when it returns (D20, D21).
  { A::tlb_flush } -> hook<void(gather_range&) noexcept>;
  { A::flush_tlb_mm } -> hook<void(mm_struct&) noexcept>;
  { A::flush_tlb_range } -> hook<void(mm_struct&, vaddr_t, vaddr_t, unsigned, bool) noexcept>;
  { A::flush_tlb_page } -> hook<void(mm_struct&, vaddr_t) noexcept>;
};

// Flushes put off by reclaim (mm/tlb_flush_batched.h).
template <class A>
concept BatchesUnmaps = requires {
  // Would it save anything for this mm?
  { A::arch_tlbbatch_should_defer } -> hook<bool(mm_struct&) noexcept>;
  // The entry at va has been cleared; PTL held.
  {
    A::arch_tlbbatch_add_pending
  } -> hook<void(arch_tlbflush_unmap_batch&, mm_struct&, vaddr_t) noexcept>;
  // What was added, on this CPU, is invalidated everywhere when it returns; the batch is empty again.
  { A::arch_tlbbatch_flush } -> hook<void(arch_tlbflush_unmap_batch&) noexcept>;
};

template <class A>
concept ContextSwitch = requires {
  typename A::mm_context;
  { A::init_new_context } -> hook<void(mm_struct&) noexcept>;
  // Loads mm on this CPU; interrupts are off.
  { A::switch_mm_irqs_off } -> hook<void(mm_struct&) noexcept>;
  // This CPU runs no program: it may keep mm loaded, and may put off flushes.
  { A::enter_lazy_tlb } -> hook<void() noexcept>;
  // What user accesses of this CPU go to.
  { A::loaded_mm } -> hook<mm_struct*() noexcept>;
  // The same of any CPU, asked there only; null: it is between two.
  { A::loaded_mm_on } -> hook<const mm_struct*(unsigned) noexcept>;
  // Loaded while no program runs: no user page can be translated through it.
  { A::init_mm } -> hook<mm_struct&() noexcept>;
  // No CPU has mm loaded afterwards; before its tables' root is freed.
  { A::forget_mm } -> hook<void(mm_struct&) noexcept>;
};

// The machine under the kernel: one TLB, walk cache and walker per CPU.
template <class A>
concept SimulatedHardware = requires {
  { A::hardware_init } -> hook<bool(const TlbGeometry&) noexcept>;
  { A::hardware_exit } -> hook<void() noexcept>;
  { A::mmu_of } -> hook<const hw::Mmu&(unsigned) noexcept>;
  // One attempt, inside an access window: look up, walk, set A and D.
  { A::translate } -> hook<Translation(vaddr_t, Access) noexcept>;
};

// What hardware may do unasked with the loaded tables, inside an access window; on an architecture that
// has no such walker, or whose TLB software fills and empties, it is not there.
template <class A>
concept WalksAhead = requires(vaddr_t va) {
  { A::walk_ahead(va) } noexcept;
};
template <class A>
concept EvictsTranslations = requires(vaddr_t va) {
  { A::evict(va) } noexcept;
};

// The same where invalidates are broadcast: one of another CPU takes effect before it is waited for.
template <class A>
concept InvalidatesArrive = requires(vaddr_t va) {
  { A::arrive(va) } noexcept;
};

// Where hardware may hold entries of one folio as one translation (features.contpte; arch/arm64/contpte.h
// is the one that does). Core changes entries by the hooks above, which see to the others of a block; by
// these it says what it alone knows. All under the PTL.
template <class A>
concept FoldsEntries =
    requires(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t pte, unsigned nr) {
      // What stands in the word, with the A and D of all that hardware may hold together with it.
      { A::contpte_gather(va, word, pte) } noexcept -> std::same_as<pte_t>;
      // nr entries from word on are about to be changed alike, by the next two or by a store.
      { A::contpte_unfold_partial(mm, va, word, nr) } noexcept;
      { A::contpte_get_and_clear(word) } noexcept -> std::same_as<pte_t>;
      { A::contpte_set_wrprotect(word) } noexcept;
      // The entry was set, for a page of any folio.
      { A::contpte_try_fold(mm, va, word, pte) } noexcept;
      // It will be, and of the same run of one folio's pages nr before it and nr from it on.
      { A::contpte_mkcont(va, pte, nr, nr) } noexcept -> std::same_as<pte_t>;
      // May hardware hold the 16 entries around it as one translation?
      { A::hw_contiguous(pte) } noexcept -> std::same_as<bool>;
    };

// Where the features are known at compile time they imply each other. What invalidates without an
// interrupt holds back nobody who walks tables in software (D16).
template <class A>
concept KnowsFeatures = requires { typename std::bool_constant<A::features.async_invalidate>; };
template <class A>
concept FeaturesAgree =
    !KnowsFeatures<A> || ((!A::features.async_invalidate || A::features.rcu_table_free) &&
                          (!A::features.batched_unmap || BatchesUnmaps<A>) &&
                          (!A::features.owns_pending || A::features.owns_gather) &&
                          (!A::features.contpte || FoldsEntries<A>));

template <class A>
concept ArchBackend =
    PagingGeometry<A> && PteCodec<A> && SwapCodec<A> && PteOperations<A> && TlbMaintenance<A> &&
    ContextSwitch<A> && SimulatedHardware<A> && FeaturesAgree<A>;

// One attempt of an access. Its windows are tracked unless it is known that nobody waits for them.
template <class A>
constexpr bool tracks_windows() noexcept {
  if constexpr (KnowsFeatures<A>) return A::features.async_invalidate;
  return true;
}
template <class A>
using access_window_of = access_window<tracks_windows<A>()>;

// ---- optional hooks ------------------------------------------------------------------------------
//
// What a backend does otherwise, if it has such a member; mm calls these functions.
//   ptep_clear_flush(mm, va, word)   clears an entry, which no TLB holds when it returns. PTL held
//   update_mmu_cache(mm, va, pte)    an entry was made, or given more rights. PTL held
//   fix_spurious_fault(mm, va)       a write faulted on an entry that allows it
//   table_unhooked(tlb, level)       a table is on its way to be freed
//   arch_enter_lazy_mmu_mode()       entries of one table are changed from here to
//   arch_leave_lazy_mmu_mode()       here. PTL held; may be nested
//   remove_tlb_entry(tlb, va)        an entry was cleared; remove_pmd_tlb_entry, a huge one
//   walk_ahead(va)  evict(va)  arrive(va)   what hardware may do unasked (above)
//   tlb_miss(mm, va, access)         translate found no entry, or one without the right: what the
//                                    kernel's handlers do where software fills the TLB. No window is
//                                    open. True: to be tried again; false: a fault
//   hw_mkdirty(pte)                  as hardware sets D, if that is not pte_mkdirty
//   arch_flush_tlb_batched_pending(mm)   what reclaim cleared and will flush later, all of the mm, is
//                                    invalidated when it returns; with batched_unmap
//   flush_owed_on(cpu)               may the CPU's TLB hold what the CPU itself took away and will flush
//                                    before it runs a program? Pages may then be freed before that
//   set_option(word)                 switches one of facts.options on; "": all off
//   context_word(mm, address)        names for reports, null if it is none of these:
//   cpu_word(cpu, address)           a word of an mm's context, of a CPU

template <ArchBackend A>
constexpr bool arch_batches_unmaps() noexcept {
  if constexpr (BatchesUnmaps<A>) return A::features.batched_unmap;
  return false;
}

template <ArchBackend A>
void arch_flush_tlb_batched_pending(mm_struct& mm) noexcept {
  if constexpr (requires { A::arch_flush_tlb_batched_pending; })
    A::arch_flush_tlb_batched_pending(mm);
  else
    A::flush_tlb_mm(mm);
}

template <ArchBackend A>
pte_t arch_ptep_clear_flush(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  if constexpr (requires { A::ptep_clear_flush; }) {
    return A::ptep_clear_flush(mm, va, word);
  } else {
    // Clear, then invalidate before anybody can see another frame here (trap T29).
    const pte_t was = A::ptep_get_and_clear(mm, va, word, false);
    if (A::pte_accessible(mm, was)) A::flush_tlb_page(mm, va);
    return was;
  }
}

template <ArchBackend A>
bool arch_tlb_miss(mm_struct& mm, vaddr_t va, Access access) noexcept {
  if constexpr (requires { A::tlb_miss; }) return A::tlb_miss(mm, va, access);
  return false;
}

template <ArchBackend A>
void arch_update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t pte) noexcept {
  if constexpr (requires { A::update_mmu_cache; }) A::update_mmu_cache(mm, va, pte);
}

template <ArchBackend A>
void arch_fix_spurious_fault(mm_struct& mm, vaddr_t va) noexcept {
  if constexpr (requires { A::fix_spurious_fault; })
    A::fix_spurious_fault(mm, va);
  else
    A::flush_tlb_page(mm, va);
}

template <ArchBackend A>
void arch_table_unhooked(gather_range& tlb, unsigned level) noexcept {
  if constexpr (requires { A::table_unhooked; }) A::table_unhooked(tlb, level);
}

template <ArchBackend A>
void enter_lazy_mmu_mode() noexcept {
  if constexpr (requires { A::arch_enter_lazy_mmu_mode; }) A::arch_enter_lazy_mmu_mode();
}
template <ArchBackend A>
void leave_lazy_mmu_mode() noexcept {
  if constexpr (requires { A::arch_leave_lazy_mmu_mode; }) A::arch_leave_lazy_mmu_mode();
}

template <ArchBackend A>
void arch_remove_tlb_entry(gather_range& tlb, vaddr_t va) noexcept {
  if constexpr (requires { A::remove_tlb_entry; }) A::remove_tlb_entry(tlb, va);
}
template <ArchBackend A>
void arch_remove_pmd_tlb_entry(gather_range& tlb, vaddr_t va) noexcept {
  if constexpr (requires { A::remove_pmd_tlb_entry; }) A::remove_pmd_tlb_entry(tlb, va);
}

template <ArchBackend A>
pte_t arch_contpte_gather(vaddr_t va, Atomic<std::uint64_t>& word, pte_t pte) noexcept {
  if constexpr (FoldsEntries<A>)
    if (A::features.contpte) return A::contpte_gather(va, word, pte);
  return pte;
}
template <ArchBackend A>
void arch_contpte_unfold_partial(mm_struct& mm,
                                 vaddr_t va,
                                 Atomic<std::uint64_t>& word,
                                 unsigned nr) noexcept {
  if constexpr (FoldsEntries<A>)
    if (A::features.contpte) A::contpte_unfold_partial(mm, va, word, nr);
}
// One of several after arch_contpte_unfold_partial.
template <ArchBackend A>
pte_t arch_get_and_clear_one_of(mm_struct& mm,
                                vaddr_t va,
                                Atomic<std::uint64_t>& word,
                                bool full) noexcept {
  if constexpr (FoldsEntries<A>)
    if (A::features.contpte) return A::contpte_get_and_clear(word);
  return A::ptep_get_and_clear(mm, va, word, full);
}
template <ArchBackend A>
void arch_set_wrprotect_one_of(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  if constexpr (FoldsEntries<A>)
    if (A::features.contpte) return A::contpte_set_wrprotect(word);
  A::ptep_set_wrprotect(mm, va, word);
}
template <ArchBackend A>
void arch_contpte_try_fold(mm_struct& mm,
                           vaddr_t va,
                           Atomic<std::uint64_t>& word,
                           pte_t pte) noexcept {
  if constexpr (FoldsEntries<A>)
    if (A::features.contpte) A::contpte_try_fold(mm, va, word, pte);
}
template <ArchBackend A>
pte_t arch_contpte_mkcont(vaddr_t va, pte_t pte, unsigned before, unsigned behind) noexcept {
  if constexpr (FoldsEntries<A>)
    if (A::features.contpte) return A::contpte_mkcont(va, pte, before, behind);
  return pte;
}

template <ArchBackend A>
const char* arch_context_word(mm_struct& mm, const void* address) noexcept {
  if constexpr (requires { A::context_word; }) return A::context_word(mm, address);
  return nullptr;
}
template <ArchBackend A>
const char* arch_cpu_word(unsigned cpu, const void* address) noexcept {
  if constexpr (requires { A::cpu_word; }) return A::cpu_word(cpu, address);
  return nullptr;
}

}  // namespace tlblab::inline TLBLAB_WORLD
