// SPDX-License-Identifier: GPL-2.0-or-later
// The gather of an architecture that had one of its own, until Linux 5.2: arm, ia64, sh, um (s390 too). Each
// kept its own range and array of pages, or none, and wrote tlb_gather_mmu and tlb_finish_mmu itself. So the
// pending count of July 2017, which tells who finishes that another gather is open, came in two shapes:
//
//   posted  Minchan Kim's patch: each architecture's tlb_gather_mmu counts up; its tlb_finish_mmu looks for
//           a count above 1, invalidates what was asked for, and counts down. What 1 means is known in
//           six places
//   merged  as Mel Gorman asked (99baac21e458): core counts and decides, and hands force to
//           arch_tlb_finish_mmu
//
// Base is a backend with flush_gather(tlb, start, end, force): the last invalidate, of what was recorded or, by
// force, of what was asked for; true: there was one.
//
// What core keeps for them: the queue of pages (owns_gather: one array; no_gather: none, pages are freed as
// they are handed in), the tables, and that the last invalidate comes before what waits is freed. In the
// posted kernel the count went down after that; here before it, and after the invalidate as well, which is
// all that those who read the count rely on (D1).
#pragma once

#include "arch/arch.h"
#include "mm/tlb_flush_pending.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

template <class Base>
struct merged_gather : Base {
  static constexpr mmu_gather_features features = [] {
    mmu_gather_features all = Base::features;
    all.owns_gather = true;
    return all;
  }();
  static void arch_tlb_gather_mmu(gather_range&, vaddr_t, vaddr_t) noexcept {}
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    const bool flushed = Base::flush_gather(tlb, start, end, force);
    tlb.reset();
    return flushed;
  }
};

template <class Base>
struct posted_gather : merged_gather<Base> {
  static constexpr mmu_gather_features features = [] {
    mmu_gather_features all = merged_gather<Base>::features;
    all.owns_pending = true;
    return all;
  }();
  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t, vaddr_t) noexcept {
    inc_tlb_flush_pending(*tlb.mm);
  }
  // force is false: core does not count.
  static bool arch_tlb_finish_mmu(gather_range& tlb, vaddr_t start, vaddr_t end, bool) noexcept {
    mm_struct& mm = *tlb.mm;
    const bool parallel = mm.fixes.nested_flush && mm.tlb_flush_pending.load(order::relaxed) > 1;
    late_tlb_flush_pending(mm);
    const bool flushed = merged_gather<Base>::arch_tlb_finish_mmu(tlb, start, end, parallel);
    dec_tlb_flush_pending(mm);
    return flushed;
  }
};

// Pages are freed as they are handed in, before any flush. On one CPU that is right: it runs no program until
// it has flushed, and says so (flush_owed_on, for oracles). On several it is not, and a page that is dirty and of
// a file is not flushed under its PTL either. The CPU's state has the word flush_owed.
template <class Base>
struct freed_before_the_flush : Base {
  static constexpr mmu_gather_features features = [] {
    mmu_gather_features all = Base::features;
    all.no_gather = true;
    return all;
  }();
  static void remove_tlb_entry(gather_range&, vaddr_t) noexcept {
    Base::this_cpu().flush_owed.store(true, order::relaxed);
  }
  static void remove_pmd_tlb_entry(gather_range&, vaddr_t) noexcept {
    Base::this_cpu().flush_owed.store(true, order::relaxed);
  }
  static bool flush_owed_on(unsigned id) noexcept {
    return Base::cpu(id).flush_owed.load(order::acquire);  // pairs with the release in paid
  }
  static void paid() noexcept { Base::this_cpu().flush_owed.store(false, order::release); }
};

}  // namespace tlblab::inline TLBLAB_WORLD::generic
