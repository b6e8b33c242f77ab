// SPDX-License-Identifier: GPL-2.0-or-later
// khugepaged takes a page table away, copies its pages into a huge page and maps that, while a device's
// driver pins one of them by that table, without a lock. Two fixes of 2022: 70cbc3cc78a9 (Yang Shi), GUP-fast
// looks at the PMD again; 2ba99c5e0881 (Jann Horn), collapse waits for who is still in the table.
//
//   CPU0 khugepaged                      CPU1 GUP-fast, interrupts off
//                                        read pmd[x], pte[x]
//   clear pmd[x], flush
//   (collapse-sync: wait for CPU1)
//   the page has no other users; copy it
//                                        pin the page
//                                        pte[x] as before? It is
//                                        (gup-recheck-pmd: pmd[x] as before?)
//   clear pte[x], set pmd[x] to the copy
//                                        the device has a page that
//                                        the program has no more
//
// Either fix saves the page: who waits for CPU1 sees the pin. The second is for the table. It is laid by
// for the huge page, and goes with it, without a grace period: in the other form of the scenario (-table)
// CPU0 goes on to MADV_DONTNEED, and CPU1 reads a table that has been freed.
//
// Where the flush interrupts CPU1, CPU0 has waited for it before it looks at the page, with neither fix.
//
// Real threads: yes+delay; GUP-fast has interrupts off in its window, so only a CPU that is slow shows it.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

template <bool table_goes>
struct gup_fast_vs_collapse {
  static constexpr std::string_view interrupts = "the flush waits for walkers",
                                    broadcasts =
                                        "arm64,ppc64_radix,riscv,s390,um,um@2017-posted,"
                                        "um@2017-merged,arm,arm@2017-posted,arm@2017-merged,"
                                        "ia64@2017-posted,ia64@2017-merged";
  static constexpr Expectation of_the_page[]{
      {.executions = 120},
      {.set = "gup-recheck-pmd,collapse-sync", .masked_by = interrupts, .executions = 120},
      {.set = "gup-recheck-pmd,collapse-sync", .arches = broadcasts, .kind = "unreliable_pin"},
      {.set = "gup-recheck-pmd", .masked_by = "collapse waits for walkers", .executions = 120},
      {.set = "collapse-sync", .masked_by = "GUP-fast looks again", .executions = 120},
  };
  static constexpr Expectation of_the_table[]{
      {.executions = 120},
      {.set = "collapse-sync", .masked_by = interrupts, .executions = 120},
      {.set = "collapse-sync", .arches = broadcasts, .kind = "walk_of_a_freed_table"},
  };
  static constexpr ScenarioInfo info{
      .name = table_goes ? "gup-fast-vs-collapse-2022-table" : "gup-fast-vs-collapse-2022",
      .line = table_goes ? "GUP-fast reads a page table that a collapse into a huge page took away"
                         : "a page is pinned while a collapse into a huge page replaces it",
      .fixes = table_goes ? "collapse-sync" : "gup-recheck-pmd,collapse-sync",
      .real_threads = "yes+delay",
      .cpus = 2,
      .crowd_role = 1,
      .explored_frames = 2 * 1024,
      .kinds = table_goes ? "walk_of_a_freed_table" : "unreliable_pin",
      .stalls = "anywhere",
      .expected = table_goes ? std::span<const Expectation>(of_the_table) : of_the_page,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      teardown(lab);
      map_huge(lab, elsewhere);  // so that 512 frames in a row are had in few steps
      lab.munmap(elsewhere, ptrs_per_table);
      lab.map(x, ptrs_per_table);
      lab.write(x, 1);  // small: nobody asked for more yet
      Lab<A>::must(lab.madvise_hugepage(x, ptrs_per_table));
    }
    void act(Lab<A>& lab, unsigned role) {
      if (role != 0) return pin(lab);
      const bool collapsed = lab.collapse(x) == 0;
      lab.tell(done_);
      if (table_goes && collapsed) lab.madvise_dontneed(x, ptrs_per_table);
    }
    void teardown(Lab<A>& lab) {
      if (pinned_ != nullptr) unpin_user_page(pinned_);
      pinned_ = nullptr;
      lab.clear();
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(done_, "done");
    }

   private:
    static constexpr vaddr_t x = 0x400000, elsewhere = 0x800000;

    static void map_huge(Lab<A>& lab, vaddr_t start) {
      lab.map(start, ptrs_per_table);
      Lab<A>::must(lab.madvise_hugepage(start, ptrs_per_table));
      lab.write(start, 1);
    }
    void pin(Lab<A>& lab) {
      pinned_ = lab.get_page_fast(x, FOLL_PIN | FOLL_WRITE);
      if (table_goes || pinned_ == nullptr) return;
      lab.wait_for(done_);
      page* shown = lab.get_page_at(x, FOLL_WRITE);
      lab.forbid(shown != pinned_, "unreliable_pin",
                 "a page is pinned to be written to, and its address shows another one");
      if (shown != nullptr) put_page(shown);
    }

    page* pinned_ = nullptr;
    Signal done_;
  };
};
using gup_fast_vs_collapse_2022 = gup_fast_vs_collapse<false>;
using gup_fast_vs_collapse_2022_table = gup_fast_vs_collapse<true>;

}  // namespace tlblab::inline TLBLAB_WORLD
