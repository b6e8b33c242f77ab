// SPDX-License-Identifier: GPL-2.0-or-later
// mremap moves a whole page table to its new place while reclaim is about to take the lock of that table,
// which the move does not take. Found by Linus Torvalds in 2021, mail 001 of the threads; fixed by
// 97113eb39fa7: the move keeps reverse mapping out.
//
//   CPU0 mremap                CPU1 reclaim                  CPU2 user
//                              finds the page's table by
//                              the old address
//   clear the old PMD
//   flush old
//   set the new PMD
//                                                            load new: TLB{new}
//                              lock the table, clear the
//                              entry, flush old
//                              free the page
//                                                            load new via TLB{new}:
//                                                            somebody else's memory
//
// To flush between the clear and the insert, as was proposed first, changes nothing: CPU1 names the wrong
// address either way. Three things cure it: reverse mapping is kept out (as merged; then the flush may even
// wait until the locks of the PMDs are dropped), the table's own lock is taken too, or CPU1 flushes every
// address. The last is what reclaim does where it flushes whole address spaces, and hides the race there.
//
// Real threads: yes+delay.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct mremap_pmd_vs_reclaim_2021 {
  static constexpr std::string_view freed = "frame_freed_while_cached",
                                    flush_all = "x86,x86@2018,x86@6.12,x86_invlpgb,riscv",
                                    by_place = "IPTE names the entry, not an address",
                                    why = "reclaim flushes whole address spaces";
  static constexpr Expectation expected[]{
      {},
      {.set = "mremap-rmap-lock", .kind = freed, .executions = 40'000},
      {.set = "mremap-rmap-lock", .arches = flush_all, .masked_by = why},
      {.set = "mremap-rmap-lock=flush-after-unlock", .kind = freed, .executions = 40'000},
      {.set = "mremap-rmap-lock=flush-after-unlock", .arches = flush_all, .masked_by = why},
      {.set = "mremap-rmap-lock=flush-between", .kind = freed, .executions = 40'000},
      {.set = "mremap-rmap-lock=flush-between", .arches = flush_all, .masked_by = why},
      {.set = "mremap-rmap-lock=flush-between",
       .arches = "s390",
       .masked_by = "tables do not move"},
      {.set = "mremap-rmap-lock=flush-between",
       .arches = "s390+move-tables",
       .masked_by = by_place},
      {.set = "mremap-rmap-lock", .arches = "s390", .masked_by = "tables do not move"},
      {.set = "mremap-rmap-lock", .arches = "s390+move-tables", .masked_by = by_place},
      {.set = "mremap-rmap-lock=flush-after-unlock",
       .arches = "s390",
       .masked_by = "tables do not move"},
      {.set = "mremap-rmap-lock=flush-after-unlock",
       .arches = "s390+move-tables",
       .masked_by = by_place},
      {.set = "mremap-rmap-lock=pte-lock", .masked_by = "nothing: another cure"},
      {.set = "mremap-rmap-lock=unmap-flushes-mm", .masked_by = "nothing: another cure"},
      {.set = "mremap-rmap-lock=on-flush-outside", .masked_by = "nothing: another cure"},
  };
  static constexpr ScenarioInfo info{
      .name = "mremap-pmd-vs-reclaim-2021",
      .thread = "001",
      .line =
          "reclaim frees a page while its table moves, and a TLB entry shows it at the new place",
      .fixes = "mremap-rmap-lock",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .arches = "x86,x86@2018,x86@6.12,x86_invlpgb,arm64,ppc64_radix,riscv,s390",
      .kinds = "frame_freed_while_cached,freed_frame_use",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.have_swap(2);
      lab.map(from, ptrs_per_table);
      lab.write(from, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      switch (role) {
        case 0:
          lab.wait_for(isolated_);
          lab.mremap(from, ptrs_per_table, to);
          lab.tell(moved_);
          lab.finish_round();
          break;
        case 1: lab.reclaim(from, isolated_); break;
        default:
          lab.wait_for_table(to, moved_);
          do {
            static_cast<void>(lab.read(to));
          } while (!lab.explored() && lab.again());
          break;
      }
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {from, to}; }
    template <class Name>
    void name_words(Name name) const {
      name(isolated_, "isolated");
      name(moved_, "moved");
    }

   private:
    static constexpr vaddr_t from = 0x400000, to = 0x800000;
    Signal isolated_, moved_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
