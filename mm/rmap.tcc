// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cerrno>

#include "mm/anon_vma.h"
#include "mm/page_cache.h"
#include "mm/pgtable.tcc"
#include "mm/rmap.h"
#include "mm/zap.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

struct index_range {
  std::uint64_t first, end;
};
// What the area shows of the pages; empty: end <= first.
inline index_range shown_by(const vm_area_struct& vma, index_range pages) noexcept {
  const std::uint64_t end = linear_page_index(vma, vma.vm_end);
  return {pages.first > vma.vm_pgoff ? pages.first : vma.vm_pgoff,
          pages.end < end ? pages.end : end};
}
inline vaddr_t vma_address(const vm_area_struct& vma, std::uint64_t index) noexcept {
  return vma.vm_start + ((index - vma.vm_pgoff) << page_shift);
}

// visit(vma, pages) for every area that shows some of them. Kernel: vma_interval_tree_foreach.
template <class Visit>
void for_each_mapping(address_space& file, index_range pages, Visit visit) noexcept {
  file.i_mmap_rwsem.down_read();
  for (vm_area_struct& vma : file.i_mmap) {
    const index_range shown = shown_by(vma, pages);
    if (shown.first < shown.end) visit(vma, shown);
  }
  file.i_mmap_rwsem.up_read();
}

// visit(vma, va) for every place where the page may be mapped, until it says false. Page lock held, and a
// reference. Kernel: rmap_walk.
template <class Visit>
void rmap_walk_anon(page* p, Visit visit) noexcept {
  anon_vma* av = folio_lock_anon_vma_read(p);
  if (av == nullptr) return;
  const std::uint64_t index = read_once(p->index);
  for (const anon_vma_chain& avc : av->areas) {
    vm_area_struct& vma = *avc.vma;
    const bool shown = index >= vma.vm_pgoff && index < linear_page_index(vma, vma.vm_end);
    if (shown && (!visit(vma, vma_address(vma, index)) || !folio_mapped(p))) break;
  }
  anon_vma_unlock_read(*av);
}
template <class Visit>
void rmap_walk_file(page* p, Visit visit) noexcept {
  if (p->mapping == nullptr) return;
  bool more = true;
  for_each_mapping(*p->mapping, {p->index, p->index + 1}, [&](vm_area_struct& vma, index_range at) {
    more = more && visit(vma, vma_address(vma, at.first));
  });
}
template <class Visit>
void rmap_walk(page* p, Visit visit) noexcept {
  if (page_test(p, PG_anon)) return rmap_walk_anon(p, visit);
  rmap_walk_file(p, visit);
}

// Kernel: page_vma_mkclean_one for one entry. PTL held. No CPU may write through an old translation
// after this, so the invalidate is part of it.
template <ArchBackend A>
bool mkclean_pte(mm_struct& mm, pte_ref ref, vaddr_t va) noexcept {
  const pte_t pte = ptep_get(ref);
  if (!A::pte_dirty(pte) && !A::pte_write(pte)) return false;
  const pte_t was = ptep_clear_flush<A>(mm, ref, va);
  set_pte_at(mm, ref, va, A::pte_mkclean(A::pte_wrprotect(was)));
  return true;
}

template <ArchBackend A>
bool mkclean_one(const vm_area_struct& vma, vaddr_t va, const page* p) noexcept {
  mm_struct& mm = *vma.vm_mm;
  const pte_ref ref = pte_offset_map_lock<A>(mm, va);
  if (!ref) return false;
  const pte_t pte = ptep_get(ref);
  const bool maps_it = A::pte_present(pte) && A::pte_pfn(pte) == p->pfn;
  const bool cleaned = maps_it && mkclean_pte<A>(mm, ref, va);
  pte_unmap_unlock(mm, ref);
  return cleaned;
}

}  // namespace detail

template <ArchBackend A>
unsigned page_mkclean(page* p) noexcept {
  if (!folio_mapped(p)) return 0;
  unsigned cleaned = 0;
  detail::rmap_walk_file(p, [&](vm_area_struct& vma, vaddr_t va) {
    if (!is_cow_mapping(vma) && detail::mkclean_one<A>(vma, va, p)) ++cleaned;
    return true;
  });
  return cleaned;
}

template <ArchBackend A>
void unmap_mapping_range(address_space& file,
                         std::uint64_t first,
                         std::uint64_t nr,
                         bool even_cows) noexcept {
  detail::for_each_mapping(file, {first, first + nr},
                           [&](vm_area_struct& vma, detail::index_range shown) {
                             const vaddr_t start = detail::vma_address(vma, shown.first);
                             const vaddr_t end = detail::vma_address(vma, shown.end);
                             mmu_gather<A> tlb;
                             tlb_gather_mmu(tlb, *vma.vm_mm, start, end);
                             unmap_page_range(tlb, vma, start, end, {.even_cows = even_cows});
                             tlb_finish_mmu(tlb);
                           });
}

// Faults take the page lock before they map the page: once it is unmapped under the lock, and
// dropped before the lock is, it stays unmapped.
template <ArchBackend A>
void file_punch_hole(address_space& file, std::uint64_t first, std::uint64_t nr) noexcept {
  unmap_mapping_range<A>(file, first, nr, false);
  const std::uint64_t end = first + nr;
  file_forget_disk(file, first, end);
  for (std::uint64_t index = first; index < end; ++index) {
    page* p = find_next_page(file, index, end);
    if (p == nullptr) break;
    index = p->index;
    lock_page(p);
    if (p->mapping == &file) {
      wait_on_page_writeback(p);
      if (p->mapcount.load(order::relaxed) != 0) unmap_mapping_range<A>(file, index, 1, false);
      filemap_punch_page(p);
    }
    unlock_page(p);
    put_page(p);
  }
}

// ---- write-back ---------------------------------------------------------------------------------

// The order: mappings first. What their entries knew goes into PG_dirty, and only then PG_dirty
// goes; a write that comes later faults, waits for the page lock and makes the page dirty again.
template <ArchBackend A>
bool folio_clear_dirty_for_io(page* p) noexcept {
  if (page_mkclean<A>(p) != 0) page_set(p, PG_dirty);
  trace(EventKind::page_clean_act, 0, p->pfn, static_cast<std::uint64_t>(CleanAct::write_back));
  // Full, as the kernel's test_and_clear: before the contents are read.
  return (p->flags.fetch_and(~PG_dirty, order::full) & PG_dirty) != 0;
}

namespace detail {

// Page lock held; the caller unlocks. False: no room.
template <ArchBackend A>
bool writeback_page(address_space& file, page* p) noexcept {
  wait_on_page_writeback(p);
  if (!page_test(p, PG_dirty)) return true;
  if (!file_prepare_disk(file, p->index)) return false;
  if (folio_clear_dirty_for_io<A>(p)) page_set(p, PG_writeback);
  return true;
}

// Kernel: folio_end_writeback, in the interrupt of the disk. Release: the copy before the flag.
inline void end_page_writeback(page* p) noexcept {
  p->flags.fetch_and(~PG_writeback, order::release);
}

}  // namespace detail

// The disk reads the page with the page lock dropped: programs may write, and fault, meanwhile.
template <ArchBackend A>
std::int64_t filemap_write_and_wait(address_space& file) noexcept {
  if (file.made_as.kind != FileKind::disk) return 0;
  std::int64_t result = 0;
  std::uint64_t index = 0;
  while (page* p = find_next_page(file, index, ~0ULL)) {
    index = p->index + 1;
    lock_page(p);
    const bool ours = p->mapping == &file;
    if (ours && !detail::writeback_page<A>(file, p)) result = -ENOMEM;
    const bool begun = ours && page_test(p, PG_writeback);
    unlock_page(p);
    if (begun) {
      file_write_to_disk(p);
      detail::end_page_writeback(p);
    }
    put_page(p);
  }
  return result;
}

}  // namespace tlblab::inline TLBLAB_WORLD
