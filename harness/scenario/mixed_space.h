// SPDX-License-Identifier: GPL-2.0-or-later
// What the mixed workload works on: regions and their sizes, and address spaces as one CPU sees
// them.
#pragma once

#include <array>
#include <vector>

#include "harness/scenario/mixed_pages.h"

namespace tlblab::inline TLBLAB_WORLD::mixed {

struct Sizes {
  std::uint64_t apart;   // pages from one region for everybody to the next: whole page tables
  std::uint64_t beside;  // the same of the other regions
  std::uint64_t common;  // pages of a region for everybody, of the files and of the heap
  std::uint64_t wide;    // pages of the wide region
  std::uint64_t own;     // pages of each CPU
  unsigned roots;        // address spaces that all share
  unsigned operations;   // of each CPU in one round
  std::uint64_t swap_slots;
};
// The wide region needs two gather batches. Each page more costs the explorer schedules.
inline constexpr Sizes on_threads{2048, 2048, 64, 700, 16, 3, 500, 512};
inline constexpr Sizes explored{512, 8, 3, 4, 3, 2, 6, 4};

enum Region : unsigned { everybody, wide = 3, shared_file, private_file, heap, own };

inline constexpr vaddr_t base = 0x200000000000;
constexpr vaddr_t place(const Sizes& sizes, unsigned region, std::uint64_t page = 0) {
  const vaddr_t start = region < wide ? base : base + wide * sizes.apart * page_size + pmd_size;
  const unsigned there = region < wide ? region : region - wide;
  return start + (there * (region < wide ? sizes.apart : sizes.beside) + page) * page_size;
}
// Those that there are few of.
inline std::vector<vaddr_t> used_pages(const Sizes& sizes, unsigned cpus) {
  std::vector<vaddr_t> pages;
  for (unsigned region = everybody; region <= own; ++region)
    for (std::uint64_t page = 0; page < (region == own ? sizes.own * cpus : sizes.common); ++page)
      pages.push_back(place(sizes, region, page));
  return pages;
}

// An address space as one CPU sees it.
struct Space {
  mm_struct* mm = nullptr;
  unsigned root = 0;                       // which of the roots it is, or descends from
  std::array<std::uint64_t, 3> lineage{};  // ids: its own, its parent's, ...; 0: none
  OwnPages own{0};
};

// What all CPUs share.
struct Shared {
  Sizes sizes{};
  std::vector<mm_struct*> roots;
  address_space* file = nullptr;
};

constexpr std::uint64_t file_root = 0x80;  // in place of a root: written through a shared mapping

}  // namespace tlblab::inline TLBLAB_WORLD::mixed
