// SPDX-License-Identifier: GPL-2.0-or-later
// CPU0 gives a page back while CPU1 stores to it. The page had been read only, so the hash page table has
// an entry that forbids the store. Ben Herrenschmidt, 2007, mail 004 of the threads; fixed by
// a741e6796957: the batch of hash entries to remove is flushed before the page-table lock is dropped.
//
//   CPU0 madvise(DONTNEED)     CPU1 user
//                              load x: hash entry (read)
//   lock, clear pte[x]; its
//   hash entry: in the batch
//   unlock
//                              store x: faults, pte[x] is none
//                              a new page, and a second hash
//                              entry for x
//   tlb_finish: remove the
//   first one
//
// What would have told CPU1 that x has an entry already stood in the old PTE. Two entries for one address
// stop the machine.
//
// Real threads: yes+delay.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct ppc64_hash_duplicate_2007 {
  static constexpr Expectation expected[]{
      {},
      {.arches = "ppc64_hash@2007", .kind = "duplicate_hash_entry"},
      // These free pages before they flush.
      {.arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "ppc64-hash-duplicate-2007",
      .thread = "004",
      .line = "the hash page table gets a second entry for an address whose first is still to go",
      .real_threads = "yes+delay",
      .cpus = 2,
      .crowd_role = 1,
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, pages(lab));
      for (std::uint64_t page = 1; page < pages(lab); ++page) lab.write(x + page * page_size, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.wait_for(seen_);
        lab.madvise_dontneed(x, pages(lab));
        return;
      }
      static_cast<void>(lab.read(x));  // the zero page: an entry for reading only
      lab.tell(seen_);
      lab.stall();
      lab.write(x, 1);
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t x = 0x400000 - page_size;  // the last page of its table
    static std::uint64_t pages(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 100; }
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
