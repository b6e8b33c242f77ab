// SPDX-License-Identifier: GPL-2.0-or-later
// Contiguous entries. Kernel files: arch/arm64/mm/contpte.c, and their users in asm/pgtable.h.
//
// CONT (bit 52) in an entry of the last level is a promise of software: the entry is one of 16, aligned
// in the table, that show 16 consecutive frames, aligned too, with equal rights. Hardware reads one of
// them and may keep what it read as a translation of 64 KiB, of the whole block. It sets A and D in the
// one that it walked, so those two bits are the block's wherever they stand: who reads them reads all 16
// (contpte_gather), who clears them clears all 16. Core mm knows pages of 4 KiB and nothing of this.
//
// The promise holds whenever a walker can look, so it cannot be taken back in a part of the block, nor
// made entry by entry while small translations are about: a TLB with two sizes for one address may stop
// the CPU (conflict abort) or mix both. Break before make: all 16 are cleared, then the block is flushed,
// then all 16 are set again, with the bit (fold) or without it (unfold), and with A and D gathered over
// all. The flush must come after the last is cleared: until then a walk through one that still stands
// makes a translation of all. It must come before the first is set: from then on walks make those of the
// other size. Who walks meanwhile finds nothing, faults and waits for the PTL.
//
// The PTL of the table is held from the first look at the block to the end: whoever changes entries of it
// holds the same lock, hardware changes A and D only. Without the lock an entry may be read (GUP-fast): its
// frame and its rights are right by themselves, and a fold or unfold looks like a change.
//
//   set         core sets many pages of a folio (a split, fork's child): with the bit at once, nothing was
//               there. Page by page: when the last of a block is set and all 16 agree, they are folded. Bits that
//               hardware sets are not looked at; that one folio has all 16 is, since A and D are then the
//               same folio's
//   changed     one entry: unfolded first. Several alike: blocks that the range has only a part of are
//               unfolded, at its two ends; the others change 16 times alike, and until the flush
//               that is due for it anyway a TLB may have the old or the new for all of the block
//   A, D, write added (a fault): A and D in all 16; to add the right to write to one page unfolds
//
// A zap of a block and a fault of a small page over it, both before the zap's flush, leave an old
// translation of 64 KiB beside a new one of 4. The kernel has that too: what they show differs, and the
// flush that is due takes the old one.
#pragma once

#include "arch/arm64/arm64.h"

namespace tlblab::inline TLBLAB_WORLD {

inline constexpr unsigned CONT_PTES = 16;
inline constexpr std::uint64_t CONT_PTE_SIZE = CONT_PTES * page_size;

// Where the block of an entry lies. Tables are aligned as addresses are.
struct contpte_block {
  Atomic<std::uint64_t>* first;
  vaddr_t start;
  unsigned index;  // of the entry in it
};
inline contpte_block contpte_block_of(vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  const unsigned index = static_cast<unsigned>(va >> page_shift) & (CONT_PTES - 1);
  return {&word - index, va & ~(CONT_PTE_SIZE - 1), index};
}

inline pte_t with_flags_of(pte_t pte, pte_t other) noexcept {
  if (arm64::pte_dirty(other)) pte = arm64::mkdirty_alone(pte);
  return arm64::pte_young(other) ? arm64::pte_mkyoung(pte) : pte;
}

// Break before make. pte: what the entry of va is to be, of the same frame. What stays out is not set
// again. flush(start). PTL held. Returns the entry with the flags of all.
template <class Flush>
pte_t contpte_convert(const contpte_block& at, pte_t pte, bool but_this, Flush flush) noexcept {
  for (unsigned i = 0; i < CONT_PTES; ++i)
    pte = with_flags_of(pte, {at.first[i].exchange(0, order::relaxed)});
  flush(at.start);
  for (unsigned i = 0; i < CONT_PTES; ++i) {
    const std::uint64_t ahead = std::uint64_t{i} - at.index;
    // Release, as set_pte_at: who finds the page by it finds it as its owner left it.
    if (!but_this || i != at.index)
      at.first[i].store(arm64::pte_advance_pfn(pte, ahead).val, order::release);
  }
  return pte;
}

}  // namespace tlblab::inline TLBLAB_WORLD
