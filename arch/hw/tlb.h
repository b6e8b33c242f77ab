// SPDX-License-Identifier: GPL-2.0-or-later
// A TLB: set-associative, tagged by ASID, one array per page size.
//
// An entry is valid if the context number in its key is the one that its ASID has now. Flushing an
// ASID gives it a new number, so a full flush costs one store; when the numbers run out the arrays
// are cleared for real. Words are relaxed atomics: only the owning CPU writes, oracles read from
// elsewhere. What an oracle wants to know of an entry (frame generation, slot, count of changes of
// the slot) is written only when somebody listens.
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::hw {

enum tlb_flag : std::uint32_t {
  tlb_write = 1U << 0,
  tlb_dirty = 1U << 1,  // a write needs no second look at the PTE
  tlb_exec = 1U << 2,
};

inline constexpr unsigned page_sizes = 3;  // 4 KiB, 2 MiB, 1 GiB

constexpr unsigned size_shift(unsigned size) noexcept { return page_shift + 9 * size; }

// What a walk found, and what the TLB holds.
struct TlbData {
  page* frame = nullptr;
  void* host = nullptr;     // of the first byte of the mapping
  std::uint32_t flags = 0;  // tlb_flag
  unsigned size = 0;        // 0: 4 KiB, 1: 2 MiB, 2: 1 GiB
  // For oracles:
  std::uint32_t frame_generation = 0;
  std::uint32_t slot_changes = 0;
  std::uint64_t slot = 0;  // pte_ref::id()
  std::uint64_t mm_id = 0;
};

class Tlb {
 public:
  static constexpr unsigned asid_shift = 16;

  struct Entry {
    Atomic<std::uint64_t> key{0};  // page number << context_bits | context; 0: never used
    Atomic<void*> host{nullptr};
    Atomic<page*> frame{nullptr};
    Atomic<std::uint32_t> flags{0};  // tlb_flag, and the ASID above asid_shift
    Atomic<std::uint32_t> frame_generation{0};
    Atomic<std::uint32_t> slot_changes{0};
    Atomic<std::uint64_t> slot{0};
    Atomic<std::uint64_t> mm_id{0};
  };

  // asids: how many there are; they are numbered from 0.
  [[nodiscard]] bool init(const TlbGeometry& geometry, unsigned asids) noexcept;
  void exit() noexcept;

  // Null: a miss.
  [[nodiscard]] Entry* lookup(unsigned asid, vaddr_t va) noexcept;
  void insert(unsigned asid, vaddr_t va, const TlbData& data, bool for_oracles) noexcept;
  // Entries of any size that cover va.
  void invalidate_page(unsigned asid, vaddr_t va) noexcept;
  void invalidate_asid(unsigned asid) noexcept;
  void invalidate_all() noexcept;

  // visit(va, size, const Entry&) for every valid entry. May run on another CPU: then what it sees
  // may be torn, and whoever reports must look a second time.
  template <class Visit>
  void for_each(Visit visit) const noexcept {
    for (unsigned size = 0; size < page_sizes; ++size)
      for (unsigned i = 0; i < arrays_[size].sets * arrays_[size].ways; ++i)
        visit_entry(size, arrays_[size].entries[i], visit);
  }

 private:
  static constexpr unsigned context_bits = 19;
  static constexpr std::uint64_t context_mask = (1ULL << context_bits) - 1;
  struct Array {
    Entry* entries = nullptr;
    unsigned sets = 0, ways = 0;
    bool used = false;  // ever filled: spares the probe of sizes that nobody maps
  };

  template <class Visit>
  void visit_entry(unsigned size, const Entry& entry, Visit visit) const noexcept {
    const std::uint64_t key = entry.key.load(order::acquire);
    const unsigned asid = entry.flags.load(order::relaxed) >> asid_shift;
    if (key != 0 && (key & context_mask) == contexts_[asid].load(order::relaxed))
      visit(key >> context_bits << size_shift(size), size, entry);
  }
  [[nodiscard]] std::uint64_t key_of(unsigned asid, vaddr_t va, unsigned size) const noexcept {
    return (va >> size_shift(size)) << context_bits | contexts_[asid].load(order::relaxed);
  }
  [[nodiscard]] Entry* set_of(Array& array, vaddr_t va, unsigned size) const noexcept {
    return array.entries + ((va >> size_shift(size)) & (array.sets - 1)) * array.ways;
  }
  [[nodiscard]] Entry* find(unsigned asid, vaddr_t va, unsigned size) noexcept;

  Array arrays_[page_sizes];
  Atomic<std::uint32_t>* contexts_ = nullptr;  // of each ASID
  unsigned asids_ = 0;
  std::uint32_t last_context_ = 0;
  unsigned next_victim_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::hw
