// SPDX-License-Identifier: GPL-2.0-or-later
// Tables as the kernel's own miss handlers walk them, where software fills the TLB.
//
// Such a walk is code: it runs between two accesses of its CPU, with interrupts off, so an interrupt
// that invalidates waits for its end; each of its loads is a load like any other, and others may run
// between two of them. It takes no lock.
#pragma once

#include "arch/hw/mmu.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

// Where an entry lies; table null: nowhere.
struct table_slot {
  page* table = nullptr;
  unsigned index = 0;
  [[nodiscard]] std::uint64_t id() const noexcept { return table->pfn << 9 | index; }
  [[nodiscard]] Atomic<std::uint64_t>& word() const noexcept { return table->table->entry[index]; }
};

// What it says, and the label of what is made of it (hw::Mmu::changes_of).
struct slot_value {
  pte_t entry;
  std::uint32_t changes = 0;
};

constexpr unsigned table_index(vaddr_t va, unsigned level) noexcept {
  return static_cast<unsigned>(va >> (page_shift + 9 * level)) & (ptrs_per_table - 1);
}

// The PTE for va, or a leaf above. The upper levels are read, the slot itself is not.
// Consume: the next table by the dependency of its address; pairs with the release in set_pte_at;
// without it the walk finds a new table's old contents.
template <class A>
[[nodiscard]] table_slot find_slot(page* root, vaddr_t va) noexcept {
  for (page* table = root; table != nullptr;) {
    vm_bug_on(table->table == nullptr, "walk_of_a_freed_table");
    const unsigned index = table_index(va, table->level);
    if (table->level == 0) return {table, index};
    const pte_t entry{table->table->entry[index].load(order::consume)};
    if (A::pte_none(entry)) return {};
    if (A::pmd_leaf(entry)) return {table, index};
    table = led_to(entry.val, pfn_to_page(A::pte_pfn(entry)));
    led_to(entry.val, table->table);
  }
  return {};
}

// One load. The window is for the label: it is no part of what the handler does.
template <class A>
[[nodiscard]] slot_value read_slot(const table_slot& slot) noexcept {
  const access_window_of<A> window;
  for (;;) {
    const std::uint32_t changes = hw::Mmu::changes_of(*slot.table, slot.index);
    const pte_t entry{slot.word().load(order::consume)};  // the frame behind it, as above
    if (hw::Mmu::changes_of(*slot.table, slot.index) == changes) return {entry, changes};
  }
}

// What a TLB is to hold of it.
template <class A>
[[nodiscard]] hw::TlbData tlb_data(const table_slot& slot,
                                   const slot_value& value,
                                   std::uint32_t flags) noexcept {
  page* frame = led_to(value.entry.val, pfn_to_page(A::pte_pfn(value.entry)));
  led_to(value.entry.val, static_cast<std::byte*>(frame->frame),
         std::size_t{1} << hw::size_shift(slot.table->level));
  hw::TlbData data{frame, frame->frame, flags, slot.table->level};
  if (tracing()) {
    data.frame_generation = frame->generation.load(order::consume);
    data.slot_changes = value.changes;
    data.slot = slot.id();
  }
  return data;
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
