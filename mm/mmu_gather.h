// SPDX-License-Identifier: GPL-2.0-or-later
// mmu_gather: taking pages and page tables out of use. Kernel files: mmu_gather.c,
// asm-generic/tlb.h.
//
// The one rule. A page may be used for something else only after (1) no page table points at it,
// (2) every TLB that may still hold the old translation has been invalidated and every access
// that began through one has ended, and only then (3) it is freed. The same holds for the pages
// that are page tables, with walkers and their caches in the place of TLBs. To pay for (2) once
// and not per page, step 1 is done for many, what was cleared is recorded, and the pages wait in
// the gather.
//
// In the order in which a caller uses it:
//
//   tlb_gather_mmu            begin; from here to the end the mm counts as "flush pending". Before
//   tlb_gather_mmu_fullmm     the first PTL of the change, on the caller's stack. _fullmm: nobody
//                             will run on this mm again
//   tlb_start_vma             an area begins: its kind decides how a range is flushed
//   tlb_change_page_size      before entries of another size; may flush, so no PTL may be held
//   tlb_remove_tlb_entry      the entry at this address was cleared; under its PTL, before its page
//                             is queued. tlb_flush_pte_range for a change that frees nothing
//   tlb_remove_page_ptl       queue the page; true means "queued, and the batch is full": flush
//                             before queueing another, after dropping the PTL
//   tlb_delay_rmap            may the page's mapcount stay up until the flush? (files only)
//   tlb_flush_mmu_tlbonly     invalidate what was recorded, free nothing; may be called under PTLs
//   tlb_flush_rmaps           then drop the mapcounts that were kept, under the same PTL
//   pte_free_tlb and its kin  a table was unhooked: record its place, queue it
//   tlb_flush_mmu             invalidate and free; no spinlock may be held
//   tlb_end_vma               an area ends
//   tlb_finish_mmu            the last invalidate, everything freed, no longer pending
//
// A request for a batch page may fail: then the gather is full earlier. A request for a table
// batch may fail: then one table is freed by itself (table_free.tcc).
//
// The end is split as Mel Gorman asked in 2017: core decides whether another gather is open on
// the mm (nested) and frees; the backend's arch_tlb_finish_mmu invalidates. Before the split each
// architecture did all of that; what core still has to know of such a shape are the features owns_gather
// and owns_pending.
#pragma once

#include "arch/arch.h"
#include "mm/page_alloc.h"
#include "mm/tlb_flush_pending.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr unsigned mmu_gather_bundle = 8;  // slots inside the gather itself

// A page pointer with two flags in its low bits; or, after a page with nr_pages_next, a number.
class encoded_page {
 public:
  static constexpr std::uintptr_t delay_rmap = 1;     // its mapcount is dropped after the flush
  static constexpr std::uintptr_t nr_pages_next = 2;  // the next slot is a number of pages
  encoded_page() noexcept = default;
  encoded_page(page* p, std::uintptr_t flags) noexcept
      : bits_(reinterpret_cast<std::uintptr_t>(p) | flags) {}
  static encoded_page number(std::uintptr_t pages) noexcept {
    encoded_page e;
    e.bits_ = pages << 2;
    return e;
  }
  [[nodiscard]] page* ptr() const noexcept {
    return reinterpret_cast<page*>(bits_ & ~(delay_rmap | nr_pages_next));
  }
  [[nodiscard]] bool has(std::uintptr_t flag) const noexcept { return (bits_ & flag) != 0; }
  [[nodiscard]] unsigned pages() const noexcept { return static_cast<unsigned>(bits_ >> 2); }

 private:
  std::uintptr_t bits_ = 0;
};

struct mmu_gather_batch {
  mmu_gather_batch* next = nullptr;
  unsigned nr = 0;
  unsigned max = 0;
  [[nodiscard]] encoded_page* slots() noexcept { return reinterpret_cast<encoded_page*>(this + 1); }
};
static_assert(sizeof(mmu_gather_batch) == 16);

inline constexpr unsigned max_gather_batch =
    (page_size - sizeof(mmu_gather_batch)) / sizeof(encoded_page);  // 510
// Batches beyond the first: bounds the work between two points where others may run.
inline constexpr unsigned max_gather_batch_count = 10000 / max_gather_batch;  // 19
// Pages freed in one go, a page/number pair never split.
inline constexpr unsigned max_nr_folios_per_free = 512;

struct mmu_table_batch {
  rcu_head rcu;
  unsigned nr = 0;
  [[nodiscard]] page** tables() noexcept { return reinterpret_cast<page**>(this + 1); }
};
// The kernel's header is 24 bytes; ours has room for the library's part of an rcu_head, and the
// limit stays the kernel's.
inline constexpr unsigned max_table_batch = 509;

// The batch that is part of the gather, on the caller's stack.
struct local_gather_batch : mmu_gather_batch {
  encoded_page bundle[mmu_gather_bundle];
};

template <ArchBackend A>
struct mmu_gather : gather_range {
  mmu_table_batch* table_batch = nullptr;
  bool delayed_rmap = false;  // some queued page still holds its mapcount
  unsigned batch_count = 0;   // batches beyond the local one
  mmu_gather_batch* active = nullptr;
  unsigned entry_size_shift = 0;  // of entries cleared since the last flush; 0: none yet
  local_gather_batch local;

  mmu_gather() noexcept = default;
  mmu_gather(const mmu_gather&) = delete;
  mmu_gather& operator=(const mmu_gather&) = delete;
};

// start and end are the request, for eras in which a nested flush repeats it.
template <ArchBackend A>
void tlb_gather_mmu(mmu_gather<A>& tlb, mm_struct& mm, vaddr_t start, vaddr_t end) noexcept;
template <ArchBackend A>
void tlb_gather_mmu(mmu_gather<A>& tlb, mm_struct& mm) noexcept;
template <ArchBackend A>
void tlb_gather_mmu_fullmm(mmu_gather<A>& tlb, mm_struct& mm) noexcept;
template <ArchBackend A>
void tlb_gather_mmu_vma(mmu_gather<A>& tlb, vm_area_struct& vma) noexcept;
// REQUIRES: no spinlock held, no delayed mapcount left.
template <ArchBackend A>
void tlb_finish_mmu(mmu_gather<A>& tlb) noexcept;

template <ArchBackend A>
void tlb_start_vma(mmu_gather<A>& tlb, const vm_area_struct& vma) noexcept;
template <ArchBackend A>
void tlb_end_vma(mmu_gather<A>& tlb) noexcept;
template <ArchBackend A>
void tlb_change_page_size(mmu_gather<A>& tlb, unsigned size_shift) noexcept;

// Levels: 0 an entry of a PTE table, 1 of a PMD table, and so on. PTL of the entry held.
inline void tlb_flush_level_range(gather_range& tlb,
                                  vaddr_t va,
                                  std::uint64_t size,
                                  unsigned level) noexcept {
  tlb.adjust(va, size);
  switch (level) {
    case 0: tlb.cleared_ptes = true; break;
    case 1: tlb.cleared_pmds = true; break;
    case 2: tlb.cleared_puds = true; break;
    case 3: tlb.cleared_p4ds = true; break;
    default: break;  // the kernel has no bit for the top of five levels
  }
}
inline void tlb_flush_pte_range(gather_range& tlb, vaddr_t va, std::uint64_t size) noexcept {
  tlb_flush_level_range(tlb, va, size, 0);
}
template <ArchBackend A>
void tlb_remove_tlb_entries(mmu_gather<A>& tlb, vaddr_t va, unsigned nr) noexcept {
  tlb_flush_pte_range(tlb, va, nr * page_size);
  for (unsigned i = 0; i < nr; ++i) arch_remove_tlb_entry<A>(tlb, va + i * page_size);
}

// A huge entry; the hook is for machines that keep track of each.
template <ArchBackend A>
void tlb_remove_pmd_tlb_entry(mmu_gather<A>& tlb, vaddr_t va) noexcept {
  tlb_flush_level_range(tlb, va, page_size << 9, 1);
  arch_remove_pmd_tlb_entry<A>(tlb, va);
}

// True: queued, and full (trap T7). nr pages of one folio take two slots, one page takes one.
template <ArchBackend A>
[[nodiscard]] bool tlb_remove_pages_ptl(mmu_gather<A>& tlb,
                                        page* first,
                                        unsigned nr,
                                        bool delay_rmap) noexcept;
// Where no PTL is held: flushes by itself when full.
template <ArchBackend A>
void tlb_remove_page(mmu_gather<A>& tlb, page* p) noexcept;
template <ArchBackend A>
[[nodiscard]] bool tlb_delay_rmap(mmu_gather<A>& tlb) noexcept;
template <ArchBackend A>
void tlb_flush_rmaps(mmu_gather<A>& tlb) noexcept;

template <ArchBackend A>
void tlb_flush_mmu_tlbonly(mmu_gather<A>& tlb) noexcept;
template <ArchBackend A>
void tlb_flush_mmu(mmu_gather<A>& tlb) noexcept;

// The table was unhooked from its parent; va lies in its span (trap T57).
template <ArchBackend A>
void table_free_tlb(mmu_gather<A>& tlb, page* table, vaddr_t va) noexcept;

// table_free.tcc
template <ArchBackend A>
void tlb_remove_table(mmu_gather<A>& tlb, page* table) noexcept;
template <ArchBackend A>
void tlb_table_flush(mmu_gather<A>& tlb) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
