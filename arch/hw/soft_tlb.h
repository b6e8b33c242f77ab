// SPDX-License-Identifier: GPL-2.0-or-later
// A joint TLB that software writes by index, as MIPS has it: a few entries, each for a pair of pages
// side by side or for one huge page, matched all at once.
//
// Software writes entries, hardware matches them and chooses an index when asked for a random one; the
// first `wired` are never chosen. Two entries that match one address are a machine check, and it comes when
// the second is written. An entry of which a half is not valid matches too: that is an exception of
// its own, so a refill that finds nothing mapped still leaves an entry behind.
//
// What the valid halves translate to lies in an hw::Tlb, which accesses use and oracles read; it is
// large enough to hold all of it.
#pragma once

#include "arch/hw/mmu.h"

namespace tlblab::inline TLBLAB_WORLD::hw {

class JointTlb {
 public:
  static constexpr unsigned max_entries = 64;
  static constexpr int none = -1;
  static constexpr unsigned pair_shift = page_shift + 1;

  struct Entry {
    vaddr_t start = 0;   // of both halves
    unsigned size = 0;   // of a half: 0: 4 KiB; 1: there is one, of 2 MiB
    bool valid[2] = {};  // V of the halves
    TlbData half[2];
  };

  void init(unsigned entries, Mmu& mmu) noexcept {
    entries_ = entries;
    mmu_ = &mmu;
    wired_ = 0;
    next_random_ = 0;
    for (Slot& slot : slots_) slot = {};
  }
  static TlbGeometry storage(TlbGeometry geometry, unsigned entries) noexcept {
    geometry.sets = geometry.sets < 16 ? geometry.sets : 16;
    geometry.ways = 2 * entries;
    geometry.huge_sets = 1;
    geometry.huge_ways = entries;
    return geometry;
  }

  [[nodiscard]] unsigned size() const noexcept { return entries_; }
  [[nodiscard]] unsigned wired() const noexcept { return wired_; }
  void set_wired(unsigned wired) noexcept { wired_ = wired; }

  // TLBP. The first that matches, or none.
  [[nodiscard]] int probe(vaddr_t va, unsigned asid) const noexcept {
    for (unsigned index = 0; index < entries_; ++index)
      if (matches(slots_[index], va, asid)) return static_cast<int>(index);
    return none;
  }
  // V of the half that va is in.
  [[nodiscard]] bool valid(int index, vaddr_t va) const noexcept {
    const Entry& entry = slots_[index].entry;
    return entry.valid[half_of(entry, va)];
  }
  // The Random register: counts down from the last entry to the first that is not wired.
  [[nodiscard]] int random() noexcept {
    const unsigned free = entries_ - wired_;
    next_random_ = (next_random_ + 1) % free;
    return static_cast<int>(entries_ - 1 - next_random_);
  }
  // TLBWI, TLBWR: for the loaded address space.
  void write(int index, const Entry& entry) noexcept {
    const auto at = static_cast<unsigned>(index);
    erase(at);
    for (unsigned other = 0; other < entries_; ++other)
      vm_bug_on(overlaps(slots_[other], entry, mmu_->asid()), "tlb_duplicate_machine_check");
    slots_[at] = {true, mmu_->asid(), entry};
    for (unsigned half = 0; half < 2; ++half)
      if (entry.valid[half]) mmu_->fill(entry.start + half * page_size, entry.half[half]);
  }
  // TLBWI of an address that nobody uses, another one for each index.
  void erase(unsigned index) noexcept {
    if (slots_[index].used) withdraw(slots_[index]);
    slots_[index].used = false;
  }
  // Entries inside this one of which no half is valid, of the loaded address space: TLBR and TLBWI of each.
  // A valid one stays, and is a machine check.
  void erase_invalid_inside(const Entry& entry) noexcept {
    for (unsigned index = 0; index < entries_; ++index) {
      const Entry& old = slots_[index].entry;
      if (overlaps(slots_[index], entry, mmu_->asid()) && !old.valid[0] && !old.valid[1])
        erase(index);
    }
  }
  void erase_all() noexcept {
    for (unsigned index = wired_; index < entries_; ++index) erase(index);
  }

  // For tests.
  [[nodiscard]] unsigned matching(vaddr_t va, unsigned asid) const noexcept {
    unsigned count = 0;
    for (const Slot& slot : slots_) count += matches(slot, va, asid) ? 1U : 0U;
    return count;
  }

 private:
  struct Slot {
    bool used = false;
    unsigned asid = 0;
    Entry entry;
  };
  static constexpr vaddr_t bytes_of(const Entry& entry) noexcept {
    return 1ULL << (entry.size == 0 ? pair_shift : size_shift(entry.size));
  }
  static unsigned half_of(const Entry& entry, vaddr_t va) noexcept {
    return entry.size == 0 ? static_cast<unsigned>(va >> page_shift) & 1 : 0;
  }
  static bool matches(const Slot& slot, vaddr_t va, unsigned asid) noexcept {
    return slot.used && slot.asid == asid && va - slot.entry.start < bytes_of(slot.entry);
  }
  static bool overlaps(const Slot& slot, const Entry& entry, unsigned asid) noexcept {
    return slot.used && slot.asid == asid && slot.entry.start < entry.start + bytes_of(entry) &&
           entry.start < slot.entry.start + bytes_of(slot.entry);
  }
  void withdraw(const Slot& slot) noexcept {
    for (unsigned half = 0; half < 2; ++half)
      if (slot.entry.valid[half])
        mmu_->tlb.invalidate_page(slot.asid, slot.entry.start + half * page_size, slot.entry.size);
  }

  Slot slots_[max_entries];
  Mmu* mmu_ = nullptr;
  unsigned entries_ = 0, wired_ = 0, next_random_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::hw
