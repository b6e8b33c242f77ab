// SPDX-License-Identifier: GPL-2.0-or-later
// A cache of upper levels: for an address, the table of a given level, so that a walk need not
// start at the root. Intel calls it a paging-structure cache, Arm a walk cache. Freed tables make
// it dangerous: an entry that outlives its table sends the walker into somebody else's page.
//
// Direct-mapped, one array per level (0: finds PTE tables, 1: PMD tables). An entry carries the
// generation of its table, so that a use after the free can be told (oracle I2).
#pragma once

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::hw {

class WalkCache {
 public:
  static constexpr unsigned levels = 2;
  struct Entry {
    Atomic<std::uint64_t> key{0};  // prefix of the address and ASID, plus one; 0: empty
    Atomic<page*> table{nullptr};
    Atomic<std::uint32_t> generation{0};
    // For oracles, which read from other CPUs: both of the above in one word, and the mm.
    Atomic<std::uint64_t> tag{0};
    Atomic<std::uint64_t> mm_id{0};
  };
  static constexpr std::uint64_t tag_of(pfn_t table, std::uint32_t generation) noexcept {
    return table << 32 | generation;
  }

  [[nodiscard]] bool init(const TlbGeometry& geometry) noexcept;
  void exit() noexcept;

  // The table of this level for va; null if it is not cached.
  [[nodiscard]] const Entry* lookup(unsigned asid, vaddr_t va, unsigned level) const noexcept;
  void insert(unsigned asid,
              vaddr_t va,
              page* table,
              std::uint32_t generation,
              std::uint64_t mm_id) noexcept;
  // The tables on the way to va.
  void invalidate_page(unsigned asid, vaddr_t va) noexcept;
  void invalidate_asid(unsigned asid) noexcept;
  void invalidate_all() noexcept;

  // visit(mm id) for every entry that leads to this table in this life of its frame. May run on any
  // CPU: the key is looked at before and after, so what is visited was valid meanwhile.
  template <class Visit>
  void for_each_of(pfn_t table, std::uint32_t generation, Visit visit) const noexcept {
    for (unsigned i = 0; i < levels * size_; ++i) {
      const Entry& entry = entries_[i];
      if (entry.key.load(order::acquire) == 0) continue;
      if (entry.tag.load(order::acquire) != tag_of(table, generation)) continue;
      const std::uint64_t mm_id = entry.mm_id.load(order::acquire);
      if (entry.tag.load(order::acquire) == tag_of(table, generation) &&
          entry.key.load(order::relaxed) != 0)
        visit(mm_id);
    }
  }

 private:
  static constexpr unsigned asid_bits = 16;
  static std::uint64_t key_of(unsigned asid, vaddr_t va, unsigned level) noexcept {
    return ((va >> (page_shift + 9 * (level + 1)) << asid_bits) | asid) + 1;
  }
  [[nodiscard]] Entry& slot(vaddr_t va, unsigned level) const noexcept {
    return entries_[level * size_ + (va >> (page_shift + 9 * (level + 1))) % size_];
  }
  Entry* entries_ = nullptr;
  unsigned size_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::hw
