// SPDX-License-Identifier: GPL-2.0-or-later
// s390 from inside: what a CPU's TLB holds, and what an mm owes. mm is compiled for the backend that is
// chosen at run time; a test may choose one with a planted bug.
#pragma once

#include "arch/s390/s390.h"
#include "harness/instances/backends.h"
#include "mm/pgtable.tcc"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

using Chosen = chosen_arch;
using S390Rig = MmRig<Chosen>;

class S390 : public testing::Test {
 protected:
  void SetUp() override { choose_backend("s390"); }
};

inline bool owes(mm_struct& mm) noexcept {
  return context_of<s390>(mm).flush_mm.load(order::relaxed) != 0;
}
// Translations of this page that a CPU holds.
inline unsigned cached_by(unsigned cpu, std::uint64_t page) noexcept {
  unsigned entries = 0;
  s390::mmu_of(cpu).tlb.for_each(page_at(page), page_at(page + 1),
                                 [&](const hw::TlbView&) { ++entries; });
  return entries;
}
inline Atomic<std::uint64_t>& entry_of(mm_struct& mm, std::uint64_t page) noexcept {
  return entry_in(find_table<Chosen>(mm, page_at(page), 0), page_at(page), 0).word();
}
inline pte_t value_of(const Atomic<std::uint64_t>& word) noexcept {
  return {word.load(order::relaxed)};
}

}  // namespace tlblab::inline TLBLAB_WORLD
