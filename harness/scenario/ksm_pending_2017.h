// SPDX-License-Identifier: GPL-2.0-or-later
// Two calls each take half of what KSM looks for, and neither has flushed yet. MADV_FREE makes the entry
// clean, clear_refs makes it read-only: KSM, which flushes a page that can be written or is dirty, finds
// nothing to do. It compares and exchanges the page while CPU0 still stores to it. Minchan Kim, mail 000 of
// the threads; fixed by b3a81d0841a9: KSM flushes too if any flush is due in the mm.
//
//   CPU0 user              CPU1 madvise(FREE)   CPU2 clear_refs      CPU3 ksmd
//   store x: TLB{x, W, D}
//                          lock, pte[x] loses D
//                          unlock
//                                               lock, pte[x] loses W
//                                               unlock
//                                                                    lock x: read-only, clean
//                                                                    unlock, compare: the same
//   store x via TLB{x, W, D}
//                                                                    lock x, map the KSM page
//                          flush                flush
//
// All three held mmap_lock for reading. Today clear_refs holds it for writing (29a951dfb3c3), and a page
// that is known to be this mm's own is flushed in any case (6c287605fd56): either hides the race.
//
// Where a flush interrupts, the two windows last as long as CPU0 does not answer. Where it is broadcast they
// are a few steps each; a search by chance did not see them meet (200 000 executions on arm64 and riscv), so
// the scenario is on backends that interrupt, and on some that are immune.
//
// Real threads: yes+delay, and three windows have to meet.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ksm_pending_2017 {
  static constexpr Expectation expected[]{
      {},
      {.set = "ksm-check-pending", .masked_by = "clear_refs keeps ksm out until it has flushed"},
      {.set = "anon-exclusive,clear-refs=read-flush"},
      {.set = "ksm-check-pending,anon-exclusive",
       .masked_by = "clear_refs keeps ksm out until it has flushed"},
      {.set = "ksm-check-pending,clear-refs=read-flush",
       .masked_by = "a page that is exclusive is flushed in any case"},
      {.set = "ksm-check-pending,anon-exclusive,clear-refs=read-flush",
       .kind = "store_during_copy"},
      {.set = "ksm-check-pending,anon-exclusive,clear-refs=read-flush",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "ksm-check-pending,anon-exclusive,clear-refs=read-flush",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
  };
  static constexpr ScenarioInfo info{
      .name = "ksm-pending-2017",
      .thread = "000",
      .line = "ksm takes a page for read-only and clean while two calls still owe the flushes",
      .fixes = "ksm-check-pending,anon-exclusive,clear-refs=read-flush",
      .real_threads = "yes+delay",
      .cpus = 4,
      .crowd_role = 0,
      .arches = "x86,x86@2018,x86@6.12,mips,sh,s390,ppc64_hash,sparc64",
      .kinds = "store_during_copy",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(kept, 3);
      Lab<A>::must(lab.madvise_mergeable(kept, 3));
      Lab<A>::must(lab.clear_refs());
      for (const vaddr_t page : {kept, twin, x}) lab.write(page, 1);
      Lab<A>::must(lab.ksm_merge(kept, twin));
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 0) {
        lab.wait_for(seen_);
        lab.stall();
      }
      switch (role) {
        case 1: lab.madvise_free(x, 1); break;
        case 2: Lab<A>::must(lab.clear_refs()); break;
        case 3:
          lab.ksm_merge(kept, x);
          lab.finish_round();
          break;
        default:
          lab.write(x, 1);
          lab.tell(seen_);
          do {
            lab.write(x, 1);
          } while (!lab.explored() && lab.again());
          break;
      }
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    // Stores are of one value, so that ksm finds the same whenever it looks; the oracle sees where they go.
    static constexpr vaddr_t kept = 0x4000, twin = kept + page_size, x = twin + page_size;
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
