// SPDX-License-Identifier: GPL-2.0-or-later
// The TSB of sparc64: a table in memory, one for each mm and page size, direct-mapped, of tags and
// entries. Miss handlers of all CPUs look there before they walk tables, and fill it.
//
// A tag word is
//
//   0..44   number of the page         46   nothing here: what a flush leaves
//   47      locked: somebody fills it  48.. a count of fills
//
// The kernel's tag has no more of the address than the index leaves out; here a TSB may be as small as a
// test wants. The count stands for the load of 128 bits by which hardware reads tag and entry as
// one: who sees the same tag word before and after has read one entry. Beside the entry lies its label for
// oracles (hw/tlb.h), which is no part of the machine.
#pragma once

#include "arch/generic/software_walk.h"

namespace tlblab::inline TLBLAB_WORLD {

class tsb_entry {
 public:
  // What a fill puts in, and a hit finds.
  struct contents {
    pte_t pte;
    std::uint64_t slot = 0;
    std::uint32_t slot_changes = 0, frame_generation = 0;
  };

  void clear() noexcept { tag_.store(invalid, order::relaxed); }

  // A locked entry is a miss.
  [[nodiscard]] bool look_up(std::uint64_t page_number, contents& found) const noexcept {
    // Acquire: the entry after its tag; pairs with the release in fill.
    const std::uint64_t tag = tag_.load(order::acquire);
    if ((tag & matched) != page_number) return false;
    found.pte = {pte_.load(order::consume)};
    found.slot = slot_.load(order::relaxed);
    const std::uint64_t label = label_.load(order::relaxed);
    found.slot_changes = static_cast<std::uint32_t>(label);
    found.frame_generation = static_cast<std::uint32_t>(label >> 32);
    smp_rmb();  // the words before the second look at the tag; pairs with the RMW in lock
    return tag_.load(order::relaxed) == tag;
  }

  // Interrupts are off until fill or unlock: nobody waits for an interrupt to be answered in between.
  void lock() noexcept {
    for (;;) {
      std::uint64_t tag = wait_unlocked();
      // Full, as every atomic instruction of sparc64: the lock before the load of the PTE; pairs with
      // smp_mb in flush_tsb_user. Without it the flush sees no lock and the fill an old PTE.
      if (tag_.compare_exchange(tag, tag | locked, order::full)) return;
    }
  }
  void unlock_invalid() noexcept { tag_.store(next_count() | invalid, order::release); }
  void fill(std::uint64_t page_number, const contents& what) noexcept {
    pte_.store(what.pte.val, order::relaxed);
    slot_.store(what.slot, order::relaxed);
    label_.store(std::uint64_t{what.frame_generation} << 32 | what.slot_changes, order::relaxed);
    tag_.store(next_count() | page_number, order::release);  // also unlocks
  }

  // Waits for who fills it; takes the page away if it is there.
  void flush(std::uint64_t page_number) noexcept {
    flush_if([&](std::uint64_t tag) { return (tag & matched) == page_number; });
  }
  void flush() noexcept {
    flush_if([](std::uint64_t tag) { return (tag & invalid) == 0; });
  }

  // For tests.
  [[nodiscard]] bool holds(std::uint64_t page_number) const noexcept {
    return (tag_.load(order::relaxed) & matched) == page_number;
  }

 private:
  static constexpr std::uint64_t invalid = 1ULL << 46, locked = 1ULL << 47;
  static constexpr unsigned count_shift = 48;
  static constexpr std::uint64_t matched = (1ULL << count_shift) - 1;

  [[nodiscard]] std::uint64_t wait_unlocked() const noexcept {
    for (;;) {
      const std::uint64_t tag = tag_.load(order::relaxed);
      if ((tag & locked) == 0) return tag;
      cpu_relax();
    }
  }
  template <class Matches>
  void flush_if(Matches matches) noexcept {
    for (;;) {
      std::uint64_t tag = wait_unlocked();
      if (!matches(tag)) return;
      if (tag_.compare_exchange(tag, (tag & ~matched) | invalid, order::full)) return;
    }
  }
  [[nodiscard]] std::uint64_t next_count() const noexcept {
    return ((tag_.load(order::relaxed) >> count_shift) + 1) << count_shift;
  }

  Atomic<std::uint64_t> tag_{invalid};
  Atomic<std::uint64_t> pte_{0};
  Atomic<std::uint64_t> slot_{0}, label_{0};
};

// Of one size of pages: 4 KiB, or 2 MiB (REAL_HPAGE of the kernel is 4 MiB).
template <unsigned Shift, unsigned Room>
class tsb {
 public:
  static constexpr unsigned shift = Shift, room = Room;
  void init(unsigned entries) noexcept {
    mask_ = entries - 1;
    for (unsigned n = 0; n < entries; ++n) entries_[n].clear();
  }
  [[nodiscard]] tsb_entry& at(vaddr_t va) noexcept { return entries_[(va >> Shift) & mask_]; }
  static constexpr std::uint64_t tag_of(vaddr_t va) noexcept { return va >> Shift; }
  [[nodiscard]] bool look_up(vaddr_t va, tsb_entry::contents& found) noexcept {
    return at(va).look_up(tag_of(va), found);
  }
  void flush(vaddr_t va) noexcept { at(va).flush(tag_of(va)); }
  void flush_all() noexcept {
    for (unsigned n = 0; n <= mask_; ++n) entries_[n].flush();
  }

 private:
  tsb_entry entries_[Room];
  unsigned mask_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD
