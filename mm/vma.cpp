// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/vma.h"

#include <new>

#include "mm/anon_vma.h"
#include "mm/page_cache.h"
#include "mm/vma_lock.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

vm_area_struct* vma_alloc(mm_struct& mm, const vma_request& request) noexcept {
  void* memory = kmalloc(sizeof(vm_area_struct), AllocSite::object);
  if (memory == nullptr) return nullptr;
  auto* vma = new (memory) vm_area_struct;
  vma->vm_start = request.start;
  vma->vm_end = request.end;
  vma->vm_flags = request.flags;
  vma->vm_mm = &mm;
  vma->vm_file = request.file;
  vma->vm_pgoff = request.pgoff;
  return vma;
}

bool can_merge(const vm_area_struct& low, const vm_area_struct& high) noexcept {
  return (low.vm_flags & VM_PFNMAP) == 0 && low.vm_end == high.vm_start &&
         ((low.vm_flags ^ high.vm_flags) & ~VM_SOFTDIRTY) == 0 && low.vm_file == high.vm_file &&
         linear_page_index(low, low.vm_end) == high.vm_pgoff && anon_vmas_mergeable(low, high);
}

// Nobody has seen it, or no more.
void vma_discard(vm_area_struct& vma) noexcept {
  vma.~vm_area_struct();
  kfree(&vma);
}
void vma_free_rcu(rcu_head* head) noexcept { vma_discard(*reinterpret_cast<vma_rcu*>(head)->vma); }

// The area can be found from the map of its mm, and from the pages of its file.
void vma_link(mm_struct& mm, vm_area_struct& vma) noexcept {
  mm.vmas.insert(vma);
  link_file_vma(vma);
}

// The pages of src are found through dst too from now on, unless that has an anon_vma already, which is
// the same one then. False: no memory. Kernel: dup_anon_vma.
bool dup_anon_vma(vm_area_struct& dst, const vm_area_struct& src) noexcept {
  anon_vma* av = src.anon_vma.load(order::relaxed);
  if (av == nullptr || dst.anon_vma.load(order::relaxed) != nullptr) return true;
  dst.anon_vma.store(av, order::release);
  if (anon_vma_clone(dst, src)) return true;
  dst.anon_vma.store(nullptr, order::relaxed);
  return false;
}

// False: no memory, two areas as before.
bool absorb(mm_struct& mm, vm_area_struct& low, vm_area_struct& high) noexcept {
  vma_start_write(low);  // before i_mmap_rwsem: a fault may wait for it with the area locked
  vma_start_write(high);
  if (!dup_anon_vma(low, high)) return false;
  // Pages of high that have no mark of their own stay marked. In 6.12 the area that grows has its say.
  vm_flags_reset(low, low.vm_flags | (high.vm_flags & VM_SOFTDIRTY));
  {
    const rmap_write_lock lock(low);  // a page of high is found in one of them
    low.vm_end = high.vm_end;
    if (low.vm_file != nullptr) low.vm_file->i_mmap.erase(low.vm_file->i_mmap.iterator_to(high));
  }
  vma_detach(mm, high);
  vma_free(high);
  return true;
}

}  // namespace

vm_area_struct* find_vma(mm_struct& mm, vaddr_t va) noexcept {
  auto above = mm.vmas.upper_bound(va);
  if (above != mm.vmas.begin()) {
    auto below = above;
    --below;
    if (below->vm_end > va) return &*below;
  }
  return above == mm.vmas.end() ? nullptr : &*above;
}

vm_area_struct* vma_lookup(mm_struct& mm, vaddr_t va) noexcept {
  vm_area_struct* vma = find_vma(mm, va);
  return vma != nullptr && vma->vm_start <= va ? vma : nullptr;
}

vm_area_struct* vma_next(mm_struct& mm, vm_area_struct& vma) noexcept {
  auto next = mm.vmas.iterator_to(vma);
  return ++next == mm.vmas.end() ? nullptr : &*next;
}

vm_area_struct* vma_prev(mm_struct& mm, vm_area_struct& vma) noexcept {
  auto at = mm.vmas.iterator_to(vma);
  return at == mm.vmas.begin() ? nullptr : &*--at;
}

bool range_is_mapped(mm_struct& mm, vaddr_t start, vaddr_t end) noexcept {
  for (vaddr_t at = start; at < end;) {
    const vm_area_struct* vma = vma_lookup(mm, at);
    if (vma == nullptr) return false;
    at = vma->vm_end;
  }
  return true;
}

vm_area_struct* vma_insert(mm_struct& mm, const vma_request& request) noexcept {
  vm_area_struct* vma = vma_alloc(mm, request);
  if (vma == nullptr) {
    if (request.file != nullptr) put_file(*request.file);
    return nullptr;
  }
  vma->vm_flags |= VM_SOFTDIRTY;  // what was there before is another thing
  vma_link(mm, *vma);
  return &vma_merge(mm, *vma);
}

vm_area_struct* vma_dup(mm_struct& child, const vm_area_struct& vma, std::uint32_t flags) noexcept {
  vm_area_struct* copy =
      vma_alloc(child, {vma.vm_start, vma.vm_end, flags, vma.vm_file, vma.vm_pgoff});
  if (copy == nullptr) return nullptr;
  if (vma.vm_file != nullptr) get_file(*vma.vm_file);
  vma_link(child, *copy);
  return copy;
}

vm_area_struct* vma_copy(mm_struct& mm,
                         const vm_area_struct& old,
                         const vma_request& request,
                         bool& joined) noexcept {
  vm_area_struct* fresh = vma_alloc(mm, request);
  if (fresh == nullptr) return nullptr;
  if (!dup_anon_vma(*fresh, old)) {
    vma_discard(*fresh);
    return nullptr;
  }
  if (request.file != nullptr) get_file(*request.file);
  vma_link(mm, *fresh);
  vm_area_struct& left = vma_merge(mm, *fresh);
  joined = &left != fresh;
  return &left;
}

bool vma_split_at(mm_struct& mm, vaddr_t va) noexcept {
  vm_area_struct* low = vma_lookup(mm, va);
  if (low == nullptr || low->vm_start == va) return true;
  vm_area_struct* high =
      vma_alloc(mm, {va, low->vm_end, low->vm_flags, low->vm_file, linear_page_index(*low, va)});
  if (high == nullptr) return false;
  vma_start_write(*low);  // no fault makes a huge page over the border again
  if (!dup_anon_vma(*high, *low)) {
    vma_discard(*high);
    return false;
  }
  mm.split_huge_pmd(mm, va);  // while the area still covers both sides
  if (low->vm_file != nullptr) get_file(*low->vm_file);
  {
    const rmap_write_lock lock(*low);  // a page of high is found in one of them
    low->vm_end = va;
    if (low->vm_file != nullptr) low->vm_file->i_mmap.push_back(*high);
  }
  mm.vmas.insert(*high);
  return true;
}

void vma_grow(vm_area_struct& vma, std::uint64_t by) noexcept {
  vma_start_write(vma);
  const rmap_write_lock lock(vma);
  vma.vm_end += by;
}

// The one before first: it has an anon_vma more often than a new area, and then nothing is allocated.
vm_area_struct& vma_merge(mm_struct& mm, vm_area_struct& vma) noexcept {
  vm_area_struct* left = &vma;
  vm_area_struct* prev = vma_prev(mm, vma);
  if (prev != nullptr && can_merge(*prev, vma) && absorb(mm, *prev, vma)) left = prev;
  vm_area_struct* next = vma_next(mm, *left);
  if (next != nullptr && can_merge(*left, *next)) static_cast<void>(absorb(mm, *left, *next));
  return *left;
}

void vma_detach(mm_struct& mm, vm_area_struct& vma) noexcept {
  vma_mark_detached(vma);
  mm.vmas.erase(mm.vmas.iterator_to(vma));
}

void vma_free(vm_area_struct& vma) noexcept {
  unlink_anon_vmas(vma);
  unlink_file_vma(vma);
  if (vma.vm_file != nullptr) put_file(*vma.vm_file);
  vma.rcu.vma = &vma;
  if (vma.remembered.load(order::relaxed))
    call_rcu(&vma.rcu.head, vma_free_rcu);  // lock_vma_under_rcu may be looking at it
  else
    vma_free_rcu(&vma.rcu.head);
}

vaddr_t get_unmapped_area(mm_struct& mm, std::uint64_t length) noexcept {
  vaddr_t top = mm.mmap_base;
  for (auto vma = mm.vmas.rbegin(); vma != mm.vmas.rend(); ++vma) {
    if (vma->vm_start >= top) continue;
    if (vma->vm_end <= top && top - vma->vm_end >= length) return top - length;
    top = vma->vm_start;
  }
  return top > length ? top - length : 0;
}

}  // namespace tlblab::inline TLBLAB_WORLD
