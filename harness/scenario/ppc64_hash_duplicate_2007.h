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
// His other cure was to flush in zap_pte_range (zap-flush-before-unlock). That leaves whoever else changes
// entries in batches: in the form -mprotect CPU0 makes x writable instead, and the old hash entry is in the
// batch while CPU1 faults on it. There lazy MMU mode does not help either: the new entry is valid, and
// without its hash bits, before the batch is flushed, and a hash fault takes no page-table lock. So it is in
// 6.12 by reading (ptep_modify_prot_start queues the old entry, set_pte_filter_hash drops the bits); seen in
// the model only.
//
// Real threads: yes+delay.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <bool by_mprotect>
struct ppc64_hash_duplicate {
  static constexpr Expectation of_mprotect[]{
      {.kind = "duplicate_hash_entry"},
      {.set = "zap-flush-before-unlock=on", .kind = "duplicate_hash_entry"},
  };
  static constexpr Expectation of_zap[]{
      {},
      {.arches = "ppc64_hash@2007", .kind = "duplicate_hash_entry"},
      {.set = "zap-flush-before-unlock=on", .masked_by = "nothing: another cure"},
      // These free pages before they flush.
      {.arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
      {.set = "zap-flush-before-unlock=on",
       .arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = by_mprotect ? "ppc64-hash-duplicate-mprotect-2007" : "ppc64-hash-duplicate-2007",
      .thread = "004",
      .line = "the hash page table gets a second entry for an address whose first is still to go",
      .fixes = "zap-flush-before-unlock",
      .real_threads = "yes+delay",
      .cpus = 2,
      .crowd_role = 1,
      .arches = by_mprotect ? "ppc64_hash,ppc64_hash@2007" : "",
      .expected = by_mprotect ? std::span<const Expectation>(of_mprotect) : of_zap,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, pages(lab));
      for (std::uint64_t page = by_mprotect ? 0 : 1; page < pages(lab); ++page)
        lab.write(x + page * page_size, 1);
      if (by_mprotect) Lab<A>::must(lab.mprotect(x, pages(lab), VM_READ));
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.wait_for(seen_);
        take_away(lab);
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
    static void take_away(Lab<A>& lab) noexcept {
      if (by_mprotect)
        lab.mprotect(x, pages(lab), VM_READ | VM_WRITE);
      else
        lab.madvise_dontneed(x, pages(lab));
    }
    static std::uint64_t pages(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 100; }
    Signal seen_;
  };
};
using ppc64_hash_duplicate_2007 = ppc64_hash_duplicate<false>;
using ppc64_hash_duplicate_mprotect_2007 = ppc64_hash_duplicate<true>;

}  // namespace tlblab::inline TLBLAB_WORLD
