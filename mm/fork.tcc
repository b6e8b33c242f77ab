// SPDX-License-Identifier: GPL-2.0-or-later
// Life of an address space. Kernel: mm_alloc, dup_mmap and mmput in fork.c, exit_mmap in mmap.c.
#pragma once

#include <new>

#include "mm/anon_vma.h"
#include "mm/copy.tcc"
#include "mm/free_pgtables.tcc"
#include "mm/huge_memory.tcc"
#include "mm/mm.h"
#include "mm/page_cache.h"
#include "mm/userfaultfd.h"
#include "mm/vma_lock.h"
#include "mm/zap.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

// Kernel: dup_mmap, one area. False: no memory.
template <ArchBackend A>
bool dup_area(mm_struct& child, vm_area_struct& vma) noexcept {
  // No fault decides anything before the flush (trap T62).
  if (vma.vm_mm->fixes.fork_lock_vmas) vma_start_write(vma);
  if ((vma.vm_flags & VM_DONTCOPY) != 0) return true;
  vm_area_struct* copy = vma_dup(child, vma, without_userfaultfd(vma.vm_flags) & ~VM_LOCKED);
  if (copy == nullptr) return false;
  if ((vma.vm_flags & VM_WIPEONFORK) != 0) return true;
  return anon_vma_fork(*copy, vma) && copy_page_range<A>(*copy, vma);
}

template <ArchBackend A>
bool dup_mmap(mm_struct& child, mm_struct& parent) noexcept {
  bool copied = true;
  for (auto vma = parent.vmas.begin(); copied && vma != parent.vmas.end(); ++vma)
    copied = dup_area<A>(child, *vma);
  return copied;
}

template <ArchBackend A>
void exit_mmap(mm_struct& mm) noexcept {
  constexpr auto call = static_cast<std::uint64_t>(MmCall::exit_mmap);
  trace(EventKind::call_begin, mm.id, call, 0, mm.task_size);
  mm.mmap_lock.down_read();
  mmu_gather<A> tlb;
  tlb_gather_mmu_fullmm(tlb, mm);
  for (vm_area_struct& vma : mm.vmas)
    unmap_page_range(tlb, vma, vma.vm_start, vma.vm_end, {.drop_markers = true});
  mm.mmap_lock.up_read();
  mm.mmap_lock.down_write();
  free_pgtables(tlb, mm.vmas, 0, 0);
  tlb_finish_mmu(tlb);
  mm.vmas.clear_and_dispose([](vm_area_struct* vma) { vma_free(*vma); });
  mmap_write_unlock(mm);
  trace(EventKind::call_end, mm.id, call, 0, mm.task_size);
}

template <ArchBackend A>
void check_mm(const mm_struct& mm) noexcept {
  vm_bug_on(mm.rss.load(order::relaxed) != 0, "rss_not_zero_at_exit");
  vm_bug_on(mm.pgtables.load(order::relaxed) != 0, "page_tables_left_at_exit");
  vm_bug_on(mm.tlb_flush_pending.load(order::relaxed) != 0, "flush_pending_at_exit");
}

}  // namespace detail

template <ArchBackend A>
mm_struct* mm_alloc(unsigned top_level) noexcept {
  mm_struct* mm = create_mm<A>();
  if (mm == nullptr) return nullptr;
  mm->pgd = alloc_table(top_level);
  if (mm->pgd == nullptr) {
    destroy_mm<A>(*mm);
    return nullptr;
  }
  // Relaxed: only the number's being fresh matters.
  mm->id = last_mm_ctx_id.fetch_add(1, order::relaxed) + 1;
  mm->top_level = top_level;
  mm->task_size = A::task_size(top_level);
  mm->split_huge_pmd = vma_adjust_trans_huge<A>;
  mm->mmap_base = mm->task_size - (1ULL << 30);
  A::init_new_context(*mm);
  return mm;
}

// One flush of the parent, after all its pages are read-only and before its lock is dropped.
template <ArchBackend A>
mm_struct* dup_mm(mm_struct& parent) noexcept {
  mm_struct* child = mm_alloc<A>(parent.top_level);
  if (child == nullptr) return nullptr;
  constexpr auto call = static_cast<std::uint64_t>(MmCall::fork);
  trace(EventKind::call_begin, parent.id, call, 0, parent.task_size);
  parent.mmap_lock.down_write();
  child->mmap_lock.down_write();
  child->start_brk = parent.start_brk;
  child->brk = parent.brk;
  child->fixes = parent.fixes;
  const bool copied = detail::dup_mmap<A>(*child, parent);
  mmap_write_unlock(*child);
  A::flush_tlb_mm(parent);
  trace(EventKind::call_end, parent.id, call, 0, parent.task_size);
  mmap_write_unlock(parent);
  if (copied) return child;
  mmput<A>(*child);
  return nullptr;
}

template <ArchBackend A>
void mmput(mm_struct& mm) noexcept {
  detail::exit_mmap<A>(mm);
  detail::check_mm<A>(mm);
  A::forget_mm(mm);
  free_table(mm.pgd);
  destroy_mm<A>(mm);
}

template <ArchBackend A>
void use_mm(mm_struct& mm) noexcept {
  trace(EventKind::runs_mm);  // until the switch is done, what is cached may be out of date
  local_irq_save();
  A::switch_mm_irqs_off(mm);
  local_irq_restore();
  trace(EventKind::runs_mm, mm.id);
  cpu_event(CpuEvent::context_switch);
}

template <ArchBackend A>
void unuse_mm() noexcept {
  trace(EventKind::runs_mm);
  A::enter_lazy_tlb();
  cpu_event(CpuEvent::idle);
}

}  // namespace tlblab::inline TLBLAB_WORLD
