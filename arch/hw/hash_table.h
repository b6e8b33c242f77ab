// SPDX-License-Identifier: GPL-2.0-or-later
// A hash page table in memory, as POWER has it: groups of 8 entries; a page is in its primary group
// or, marked so, in its secondary one. Hardware searches both when a TLB misses and changes nothing
// that software relies on; software makes and removes entries.
//
// An entry is two words. v has the tag and the valid bit, and software's lock bit, which hardware does
// not look at; r has the frame, the rights, R and C. v says "valid" last and stops saying so first.
//
// The hash is of the lab: neighbouring pages go to neighbouring groups, address spaces are spread. The
// tag is the whole virtual page number. A large page is one entry, found under the hash of its own size;
// hardware looks for a small one first (the real one knows the size by the segment).
#pragma once

#include "arch/hw/tlb.h"

namespace tlblab::inline TLBLAB_WORLD::hw {

// Of v.
inline constexpr std::uint64_t hash_valid = 1ULL << 0;
inline constexpr std::uint64_t hash_secondary = 1ULL << 1;
inline constexpr std::uint64_t hash_lock = 1ULL << 2;
inline constexpr std::uint64_t hash_large = 1ULL << 3;  // part of the tag
// Of r.
inline constexpr std::uint64_t hash_read_only = 1ULL << 0;
inline constexpr std::uint64_t hash_no_exec = 1ULL << 1;
inline constexpr std::uint64_t hash_changed = 1ULL << 7;
inline constexpr std::uint64_t hash_referenced = 1ULL << 8;

// What a TLB entry made of it is labelled with, for oracles.
struct HashLabel {
  std::uint32_t frame_generation = 0;
  std::uint32_t slot_changes = 0;
  std::uint64_t slot = 0;
};

struct HashEntry {
  Atomic<std::uint64_t> v{0};
  Atomic<std::uint64_t> r{0};
  // The label, written while somebody listens, under the lock bit; odd while it changes.
  Atomic<std::uint32_t> version{0};
  Atomic<std::uint32_t> frame_generation{0};
  Atomic<std::uint32_t> slot_changes{0};
  Atomic<std::uint64_t> slot{0};

  void set_label(const HashLabel& label) noexcept;
};

struct HashHit {
  std::uint64_t r = 0;
  HashLabel label;
};

class HashTable {
 public:
  static constexpr unsigned group_entries = 8;
  static constexpr unsigned usual_groups = 512;

  // groups: a power of two; 0: as usual.
  [[nodiscard]] bool init(unsigned groups) noexcept;
  void exit() noexcept;

  // Without flags but hash_large.
  static constexpr std::uint64_t tag_of(unsigned asid, vaddr_t va, bool large) noexcept {
    const std::uint64_t number = (va & ((1ULL << va_bits) - 1)) >> page_shift;
    const std::uint64_t aligned = large ? number & ~((1ULL << large_bits) - 1) : number;
    return (std::uint64_t{asid} << (va_bits - page_shift) | aligned) << flag_bits |
           (large ? hash_large : 0);
  }
  static constexpr vaddr_t va_of(std::uint64_t tag) noexcept {
    return (tag >> flag_bits << page_shift) & ((1ULL << va_bits) - 1);
  }
  // Is v the valid entry of the tag?
  static constexpr bool matches(std::uint64_t v, std::uint64_t tag) noexcept {
    constexpr std::uint64_t state = hash_secondary | hash_lock;
    return (v & ~state) == (tag | hash_valid);
  }

  // The first slot of a group of the tag.
  [[nodiscard]] std::uint64_t group_of(std::uint64_t tag, bool secondary) const noexcept {
    const std::uint64_t number = tag >> (flag_bits + ((tag & hash_large) != 0 ? large_bits : 0));
    const std::uint64_t hash = number ^ (tag >> (flag_bits + va_bits - page_shift)) * 0x9E3779B1;
    return ((secondary ? ~hash : hash) & (groups_ - 1)) * group_entries;
  }
  [[nodiscard]] HashEntry& entry(std::uint64_t slot) noexcept { return entries_[slot]; }

  // Hardware: is there an entry for the tag? Inside an access window.
  [[nodiscard]] bool search(std::uint64_t tag, HashHit& hit) const noexcept;

  [[nodiscard]] bool contains(const void* address) const noexcept;

 private:
  static constexpr unsigned flag_bits = 4, va_bits = 52, large_bits = 9;
  [[nodiscard]] bool read(const HashEntry& entry, std::uint64_t v, HashHit& hit) const noexcept;

  HashEntry* entries_ = nullptr;
  std::uint64_t groups_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::hw
