// SPDX-License-Identifier: GPL-2.0-or-later
// Every entry point of mm for one backend: one line `template struct MmEntryPoints<x86>;` in the
// backend's instances file compiles them all.
#pragma once

#include "mm/access.tcc"
#include "mm/fork.tcc"
#include "mm/gup.tcc"
#include "mm/khugepaged.tcc"
#include "mm/ksm.tcc"
#include "mm/madvise.tcc"
#include "mm/madvise_file.tcc"
#include "mm/madvise_guard.tcc"
#include "mm/madvise_lru.tcc"
#include "mm/madvise_pageout.tcc"
#include "mm/migrate.tcc"
#include "mm/mlock.tcc"
#include "mm/mm.h"
#include "mm/mmap.tcc"
#include "mm/mprotect.tcc"
#include "mm/mremap.tcc"
#include "mm/rmap.tcc"
#include "mm/soft_dirty.tcc"
#include "mm/userfaultfd.tcc"
#include "mm/vmscan.tcc"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
struct MmEntryPoints {
  static constexpr auto alloc = &mm_alloc<A>;
  static constexpr auto dup = &dup_mm<A>;
  static constexpr auto put = &mmput<A>;
  static constexpr auto use = &use_mm<A>;
  static constexpr auto unuse = &unuse_mm<A>;
  static constexpr auto mmap = &do_mmap<A>;
  static constexpr auto munmap = &do_munmap<A>;
  static constexpr auto mprotect = &do_mprotect<A>;
  static constexpr auto madvise_dontneed = &do_madvise_dontneed<A>;
  static constexpr auto madvise_flags = &do_madvise_flags<A>;
  static constexpr auto madvise_free = &do_madvise_free<A>;
  static constexpr auto madvise_cold = &do_madvise_cold<A>;
  static constexpr auto madvise_pageout = &do_madvise_pageout<A>;
  static constexpr auto madvise_populate = &do_madvise_populate<A>;
  static constexpr auto madvise_willneed = &do_madvise_willneed<A>;
  static constexpr auto madvise_remove = &do_madvise_remove<A>;
  static constexpr auto madvise_guard = &do_madvise_guard<A>;
  static constexpr auto mlock = &do_mlock<A>;
  static constexpr auto munlock = &do_munlock<A>;
  static constexpr auto mkclean = &page_mkclean<A>;
  static constexpr auto write_back = &filemap_write_and_wait<A>;
  static constexpr auto mremap = &do_mremap<A>;
  static constexpr auto brk = &do_brk<A>;
  static constexpr auto fault = &detail::fault_of_access<A>;
  static constexpr auto touch = &user_touch<A>;
  static constexpr auto gup = &get_user_pages_fast<A>;
  static constexpr auto uffd_register = &do_uffd_register<A>;
  static constexpr auto uffd_unregister = &do_uffd_unregister<A>;
  static constexpr auto uffd_writeprotect = &do_uffd_writeprotect<A>;
  static constexpr auto uffd_zeropage = &do_uffd_zeropage<A>;
  static constexpr auto uffd_copy = &do_uffd_copy<A>;
  static constexpr auto uffd_move = &do_uffd_move<A>;
  static constexpr auto prot_numa = &do_change_prot_numa<A>;
  static constexpr auto migrate = &migrate_page_at<A>;
  static constexpr auto swap_out = &swap_out_page<A>;
  static constexpr auto ksm_merge = &ksm_merge_pages<A>;
  static constexpr auto collapse = &collapse_huge_page<A>;
  static constexpr auto clear_refs = &do_clear_refs<A>;
  static constexpr auto soft_dirty = &page_soft_dirty<A>;
  static constexpr auto gup_only = &get_user_pages_fast_only<A>;
};

}  // namespace tlblab::inline TLBLAB_WORLD
