// SPDX-License-Identifier: GPL-2.0-or-later
// Entries of the hash page table, as software without a hypervisor makes, changes and removes them.
// Kernel: hash_native.c. Interrupts are off.
#pragma once

#include "arch/ppc64_hash/ppc64_hash.h"

namespace tlblab::inline TLBLAB_WORLD::native {

// What an entry is for and what it says.
struct Hpte {
  const mm_struct& mm;
  vaddr_t va;
  std::uint64_t tag;
  std::uint64_t r;
  hw::HashLabel label;
};

inline constexpr std::uint64_t no_slot = ~0ULL;

// The slot that it took; no_slot: the group is full.
[[nodiscard]] std::uint64_t hpte_insert(const Hpte& hpte, bool secondary) noexcept;
// Makes room: some entry of the group goes. Neither a tlbie nor a word to its owner.
void hpte_remove(std::uint64_t group) noexcept;
// New rights for the entry in the slot; false: it is not (any more) the one of the tag.
[[nodiscard]] bool hpte_update(const Hpte& hpte, std::uint64_t slot) noexcept;
// The entry of the tag in the slot goes, if it is there.
void hpte_clear(const mm_struct& mm, std::uint64_t slot, std::uint64_t tag) noexcept;

// Translations of one page.
struct Tlbie {
  unsigned asid;
  vaddr_t va;
  bool large;
};
void ptesync() noexcept;
void tlbie(const Tlbie& what, bool local) noexcept;
// Until all that were issued have worked.
void tlbsync(bool local) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD::native
