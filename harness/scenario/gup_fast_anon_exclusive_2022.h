// SPDX-License-Identifier: GPL-2.0-or-later
// KSM takes a page away from its only owner, while a device's driver pins it without a lock. David
// Hildenbrand, 2022, mail 002 of the threads ("of theoretical nature so far"); fixed by 088b8aa537c2.
//
//   CPU0 ksmd                            CPU1 GUP-fast
//                                        read pte[x]
//   clear pte[x] (and flush)             pin the page
//   (ksm-clear-mb)                       (gup-pin-mb)
//   not pinned?                          pte[x] as before?
//   not exclusive any more               exclusive?
//   (ksm-exclusive-wmb)                  (gup-exclusive-rmb)
//   write pte[x] back                    both: the device has a page
//                                        that the program will not keep
//
// The first pair of fences: either side sees the other. The second pair: pte[x] was read-only and clean
// before, so it comes back the same, and the look at it tells CPU1 nothing; it must not see the entry that
// came back and the flag from before. So x is in an area that is read-only, and came from swap: exclusive
// and clean.
//
// ksmd flushes between the clear and the look. Where that is a full barrier on its own, or waits until
// walkers with interrupts off are gone, it hides what the first pair is for: see the rows. The other form
// of the scenario (-bare) clears the entry and puts it back without a flush.
//
// Real threads: explorer only, where clearing an entry is a full barrier.
#pragma once

#include <vector>

#include "harness/lab.h"
#include "mm/pgtable.tcc"

namespace tlblab::inline TLBLAB_WORLD {

// Bare: the protocol of the mail alone, made of the port's own functions.
template <bool bare>
struct gup_fast_anon_exclusive {
  // Where invalidates are broadcast, the flush waits for no walker that has its interrupts off.
  static constexpr std::string_view broadcasts =
      "arm64,ppc64_radix,riscv,arm,arm@2017-posted,arm@2017-merged,ia64@2017-posted,ia64@2017-"
      "merged";
  static constexpr Expectation of_ksm[]{
      {},
      {.set = "gup-pin-mb", .masked_by = "the flush waits for walkers, or the pin orders"},
      {.set = "gup-pin-mb", .arches = broadcasts, .kind = "unreliable_pin"},
      {.set = "gup-pin-mb", .arches = "ppc64_hash,ppc64_hash@2007", .kind = "unreliable_pin"},
      {.set = "gup-exclusive-rmb",
       .masked_by = "the flush waits for walkers, or loads are in order"},
      {.set = "gup-exclusive-rmb", .arches = broadcasts, .kind = "unreliable_pin"},
      {.set = "ksm-clear-mb", .masked_by = "the flush, or clearing the entry, is a full barrier"},
      // The entry of a page that was not used lately is invalid to hardware: no IPTE, and no barrier.
      {.set = "ksm-clear-mb", .arches = "s390", .kind = "unreliable_pin"},
      {.set = "ksm-exclusive-wmb", .masked_by = "the store of the new entry releases"},
  };
  static constexpr Expectation of_the_protocol[]{
      {},
      {.set = "gup-pin-mb", .kind = "unreliable_pin"},
      {.set = "gup-exclusive-rmb", .kind = "unreliable_pin"},
      {.set = "ksm-clear-mb", .kind = "unreliable_pin"},
      {.set = "ksm-clear-mb",
       .arches = "riscv",
       .masked_by = "clearing the entry is a full barrier"},
      {.set = "ksm-exclusive-wmb", .kind = "unreliable_pin"},
  };
  static constexpr ScenarioInfo info{
      .name = bare ? "gup-fast-anon-exclusive-2022-bare" : "gup-fast-anon-exclusive-2022",
      .thread = "002",
      .line =
          "a page is pinned and stops being exclusive at once, as neither side has seen the other",
      .fixes = "gup-pin-mb,ksm-clear-mb,ksm-exclusive-wmb,gup-exclusive-rmb",
      .real_threads = "explorer only",
      .cpus = 2,
      .crowd_role = 1,
      .arches = bare ? "arm64,ppc64_radix,riscv,arm" : "",
      .expected = bare ? std::span<const Expectation>(of_the_protocol) : of_ksm,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      teardown(lab);
      lab.have_swap(2);
      lab.map(kept, 2);
      Lab<A>::must(lab.madvise_mergeable(kept, 2));
      lab.write(x, 1);
      Lab<A>::must(lab.reclaim(x));
      Lab<A>::must(lab.mprotect(x, 1, VM_READ));
      static_cast<void>(lab.read(x));
      if (!bare) lab.write(kept, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 0)
        pinned_ = lab.get_page_fast(x, FOLL_PIN);
      else if (bare)
        share(lab);
      else
        lab.ksm_merge(kept, x);
    }
    void teardown(Lab<A>& lab) {
      if (pinned_ != nullptr) unpin_user_page(pinned_);
      pinned_ = nullptr;
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

   private:
    static constexpr vaddr_t kept = 0x4000, x = kept + page_size;

    static void share(Lab<A>& lab) noexcept {
      lab.did_one();
      mm_struct& mm = lab.mm();
      const pte_ref ref = pte_offset_map_lock<A>(mm, x);
      if (!ref) return;
      const pte_t was = ptep_get_and_clear<A>(mm, ref, x);
      static_cast<void>(folio_try_share_anon_rmap_pte(pfn_to_page(A::pte_pfn(was))));
      // Relaxed: a set_pte_at that releases, as some have, would order it after the flag by itself.
      ref.word().store(was.val, order::relaxed);
      note_change(mm, ref, x, {}, was);
      pte_unmap_unlock(mm, ref);
    }

    page* pinned_ = nullptr;
  };
};
using gup_fast_anon_exclusive_2022 = gup_fast_anon_exclusive<false>;
using gup_fast_anon_exclusive_2022_bare = gup_fast_anon_exclusive<true>;

}  // namespace tlblab::inline TLBLAB_WORLD
