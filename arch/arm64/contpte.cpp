// SPDX-License-Identifier: GPL-2.0-or-later
// Entries that may be one of a block of 16. The essay is in contpte.h.
#include "arch/arm64/contpte.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

pte_t at_word(const Atomic<std::uint64_t>& word) noexcept { return {word.load(order::relaxed)}; }

// With the bit in `pte` or without.
void convert(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t pte) noexcept {
  static_cast<void>(contpte_convert(contpte_block_of(va, word), pte, false,
                                    [&](vaddr_t start) { arm64::flush_tlb_block(mm, start); }));
}

// pte: what stands there.
void try_unfold(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t pte) noexcept {
  if (arm64::pte_valid_cont(pte)) convert(mm, va, word, arm64::pte_mknoncont(pte));
}

// Adds AF, dirty and the right to write, and takes nothing away: hardware may set the same bits
// meanwhile. RDONLY says its thing by being clear, so it is turned round for that.
void add_access_flags(Atomic<std::uint64_t>& word, std::uint64_t was, pte_t entry) noexcept {
  constexpr arm64::bits set =
      arm64_bits::accessed | arm64_bits::write | arm64_bits::dirty | arm64_bits::soft_dirty;
  const arm64::bits added = (entry.val & set) | (~entry.val & arm64_bits::rdonly);
  std::uint64_t now = 0;
  do now = ((was ^ arm64_bits::rdonly) | added) ^ arm64_bits::rdonly;
  while (!word.compare_exchange(was, now, order::relaxed));
}

// Each by itself, whatever the others have: a walker without hardware's A and D goes by the one it reads.
bool all_have_flags(const contpte_block& at, pte_t entry) noexcept {
  constexpr arm64::bits flags = arm64_bits::accessed | arm64_bits::write | arm64_bits::dirty |
                                arm64_bits::soft_dirty | arm64_bits::rdonly;
  for (unsigned i = 0; i < CONT_PTES; ++i)
    if (((at_word(at.first[i]).val ^ entry.val) & flags) != 0) return false;
  return true;
}

// REQUIRES: entry gives no right that the block has not.
bool add_flags_to_block(mm_struct& mm, const contpte_block& at, pte_t entry, bool dirty) noexcept {
  if (all_have_flags(at, entry)) return false;
  for (unsigned i = 0; i < CONT_PTES; ++i)
    add_access_flags(at.first[i], at_word(at.first[i]).val, entry);
  if (dirty) arm64::flush_tlb_block(mm, at.start);
  return true;
}

// The page's folio has the whole block. pte is the last of it.
bool folio_has_block(pte_t pte) noexcept {
  const page* folio = folio_of(pfn_to_page(arm64::pte_pfn(pte)));
  const pfn_t last = arm64::pte_pfn(pte);
  return folio->pfn + CONT_PTES <= last + 1 && last < folio->pfn + (1ULL << folio_order(folio));
}

// Whatever hardware has set in them.
bool block_agrees(const contpte_block& at, pte_t pte) noexcept {
  const pte_t last = arm64::pte_mkold(arm64::pte_mkclean(pte));
  for (unsigned i = 0; i < CONT_PTES; ++i) {
    const pte_t other = arm64::pte_mkold(arm64::pte_mkclean(at_word(at.first[i])));
    if (other != arm64::pte_advance_pfn(last, std::uint64_t{i} - at.index)) return false;
  }
  return true;
}

}  // namespace

pte_t arm64::unfold_behind(mm_struct& mm,
                           vaddr_t va,
                           Atomic<std::uint64_t>& word,
                           pte_t was) noexcept {
  return contpte_convert(contpte_block_of(va, word), pte_mknoncont(was), true,
                         [&](vaddr_t start) { flush_tlb_block(mm, start); });
}

void arm64::ptep_set_wrprotect(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  std::uint64_t was = word.load(order::relaxed);
  if (pte_valid_cont({was})) {
    try_unfold(mm, va, word, {was});
    was = word.load(order::relaxed);
  }
  while (!word.compare_exchange(was, pte_wrprotect({was}).val, order::relaxed)) {
  }
}

bool arm64::ptep_test_and_clear_young(mm_struct&,
                                      vaddr_t va,
                                      Atomic<std::uint64_t>& word) noexcept {
  const pte_t was{word.fetch_and(~accessed, order::relaxed)};
  bool young = pte_young(was);
  if (!pte_valid_cont(was)) return young;
  const contpte_block at = contpte_block_of(va, word);
  for (unsigned i = 0; i < CONT_PTES; ++i)
    young |= pte_young({at.first[i].fetch_and(~accessed, order::relaxed)});
  return young;
}

bool arm64::ptep_set_access_flags(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept {
  std::uint64_t was = word.load(order::relaxed);
  entry = pte_mknoncont(entry);
  if (pte_valid_cont({was})) {
    if (pte_write({was}) == pte_write(entry))
      return add_flags_to_block(mm, contpte_block_of(va, word), entry, dirty);
    try_unfold(mm, va, word, {was});
    was = word.load(order::relaxed);
  }
  if (was == entry.val) return false;
  add_access_flags(word, was, entry);
  if (dirty) flush_tlb_page(mm, va);  // an entry that forbids the write
  return true;
}

pte_t arm64::contpte_gather(vaddr_t va, Atomic<std::uint64_t>& word, pte_t pte) noexcept {
  if (!pte_valid_cont(pte)) return pte;
  const contpte_block at = contpte_block_of(va, word);
  for (unsigned i = 0; i < CONT_PTES; ++i) pte = with_flags_of(pte, at_word(at.first[i]));
  return pte_mknoncont(pte);
}

void arm64::contpte_unfold_partial(mm_struct& mm,
                                   vaddr_t va,
                                   Atomic<std::uint64_t>& word,
                                   unsigned nr) noexcept {
  const unsigned first = contpte_block_of(va, word).index;
  if (first != 0 || nr < CONT_PTES) try_unfold(mm, va, word, at_word(word));
  Atomic<std::uint64_t>& last = *(&word + nr - 1);
  if ((first + nr) % CONT_PTES != 0) try_unfold(mm, va + (nr - 1) * page_size, last, at_word(last));
}

pte_t arm64::contpte_mkcont(vaddr_t va, pte_t pte, unsigned before, unsigned behind) noexcept {
  const std::uint64_t index = va >> page_shift & (CONT_PTES - 1);
  const bool whole = index <= before && CONT_PTES - index <= behind;
  const bool may = whole && pte_pfn(pte) % CONT_PTES == index && has(pte, valid);
  return may && !opted.no_contpte ? pte_mkcont(pte) : pte;
}

void arm64::contpte_try_fold(mm_struct& mm,
                             vaddr_t va,
                             Atomic<std::uint64_t>& word,
                             pte_t pte) noexcept {
  const contpte_block at = contpte_block_of(va, word);
  if (at.index != CONT_PTES - 1 || pte_pfn(pte) % CONT_PTES != CONT_PTES - 1) return;
  if (opted.no_contpte || !has(pte, valid) || has(pte, special)) return;
  if (folio_has_block(pte) && block_agrees(at, pte)) convert(mm, va, word, pte_mkcont(pte));
}

}  // namespace tlblab::inline TLBLAB_WORLD
