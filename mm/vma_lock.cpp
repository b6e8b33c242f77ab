// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/vma_lock.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// In vm_refcnt beside the number of readers.
constexpr unsigned writer = 1U << 30;

Atomic<vm_area_struct*>& slot_of(mm_struct& mm, vaddr_t va) noexcept {
  constexpr unsigned span = 21;  // neighbours in one table share a slot
  return mm.vma_slots[(va >> span) % mm_struct::nr_vma_slots];
}

bool is_write_locked(const mm_struct& mm, const vm_area_struct& vma) noexcept {
  // Acquire: pairs with the release in vma_end_write_all. Whoever sees the mm's new number sees
  // what the writer left.
  const unsigned seq = mm.mm_lock_seq.load(order::acquire);
  return vma.vm_lock_seq.load(order::relaxed) == seq;
}

bool vma_start_read(const mm_struct& mm, vm_area_struct& vma) noexcept {
  if (is_write_locked(mm, vma)) return false;
  unsigned had = vma.vm_refcnt.load(order::relaxed);
  do {
    if ((had & writer) != 0) return false;
    // Acquire: pairs with the release at the end of vma_start_write, so that the number that it
    // left is seen below.
  } while (!vma.vm_refcnt.compare_exchange(had, had + 1, order::acquire));
  if (!is_write_locked(mm, vma)) return true;
  vma_end_read(vma);
  return false;
}

// Keeps new readers out and waits for those that are inside.
void wait_for_readers(vm_area_struct& vma) noexcept {
  vma.vm_refcnt.fetch_add(writer, order::relaxed);
  // Acquire: what the readers did; pairs with the release in vma_end_read.
  while ((vma.vm_refcnt.load(order::acquire) & ~writer) != 0) cpu_relax();
}

}  // namespace

void vma_start_write(vm_area_struct& vma) noexcept {
  const mm_struct& mm = *vma.vm_mm;
  vm_bug_on(!mm.mmap_lock.is_write_locked(), "area_written_without_mmap_lock");
  if (!vma.remembered.load(order::relaxed)) return;  // nobody can find it until mmap_write_unlock
  const unsigned seq = mm.mm_lock_seq.load(order::relaxed);  // only writers change it
  if (vma.vm_lock_seq.load(order::relaxed) == seq) return;
  wait_for_readers(vma);
  vma.vm_lock_seq.store(seq, order::relaxed);
  // No reader is inside and none comes in past the writer's bit: nobody else writes the word.
  vma.vm_refcnt.store(0, order::release);  // pairs with the acquire in vma_start_read
}

void vma_mark_detached(vm_area_struct& vma) noexcept {
  vm_bug_on(!vma.vm_mm->mmap_lock.is_write_locked(), "area_written_without_mmap_lock");
  if (!vma.remembered.load(order::relaxed)) return;  // nobody can find it
  for (auto& slot : vma.vm_mm->vma_slots)
    if (slot.load(order::relaxed) == &vma) slot.store(nullptr, order::relaxed);
  wait_for_readers(vma);  // the writer's bit stays
}

vm_area_struct* lock_vma_under_rcu(mm_struct& mm, vaddr_t va) noexcept {
  rcu_read_lock();
  vm_area_struct* vma = rcu_dereference(slot_of(mm, va));
  if (vma != nullptr && !vma_start_read(mm, *vma)) vma = nullptr;
  rcu_read_unlock();
  if (vma == nullptr || (vma->vm_start <= va && va < vma->vm_end)) return vma;
  vma_end_read(*vma);
  return nullptr;
}

void vma_end_read(vm_area_struct& vma) noexcept {
  vma.vm_refcnt.fetch_sub(1, order::release);  // pairs with the acquire in wait_for_readers
}

void vma_remember(vm_area_struct& vma, vaddr_t va) noexcept {
  Atomic<vm_area_struct*>& slot = slot_of(*vma.vm_mm, va);
  if (slot.load(order::relaxed) == &vma) return;
  if (!vma.remembered.load(order::relaxed)) vma.remembered.store(true, order::relaxed);
  rcu_assign_pointer(slot, &vma);
}

}  // namespace tlblab::inline TLBLAB_WORLD
