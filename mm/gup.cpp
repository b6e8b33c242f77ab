// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/gup.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

int references_of(const page* folio, int refs, GupFlags flags) noexcept {
  const bool biased = (flags & FOLL_PIN) != 0 && !folio_test_large(folio);
  return biased ? refs * GUP_PIN_COUNTING_BIAS : refs;
}

}  // namespace

void try_grab_folio(page* folio, int refs, GupFlags flags) noexcept {
  if (page_test(folio, PG_reserved)) return;
  const int before = folio->refcount.fetch_add(references_of(folio, refs, flags), order::relaxed);
  vm_bug_on(before <= 0, "reference_to_free_page");
  if ((flags & FOLL_PIN) != 0 && folio_test_large(folio))
    folio->pincount.fetch_add(refs, order::relaxed);
}

void gup_put_folio(page* folio, int refs, GupFlags flags) noexcept {
  if (page_test(folio, PG_reserved)) return;
  if ((flags & FOLL_PIN) != 0 && folio_test_large(folio))
    vm_bug_on(folio->pincount.fetch_sub(refs, order::relaxed) < refs, "unpinned_more_than_pinned");
  folio_put_refs(folio, references_of(folio, refs, flags));
}

void unpin_user_page(page* p) noexcept {
  trace(EventKind::page_unpin, 0, p->pfn);
  gup_put_folio(folio_of(p), 1, FOLL_PIN);
}

void unpin_user_pages(page** pages, std::uint64_t nr) noexcept {
  for (std::uint64_t n = 0; n < nr; ++n) unpin_user_page(pages[n]);
}

}  // namespace tlblab::inline TLBLAB_WORLD
