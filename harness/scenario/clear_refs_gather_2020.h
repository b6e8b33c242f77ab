// SPDX-License-Identifier: GPL-2.0-or-later
// A checkpoint takes the soft-dirty marks away (/proc/PID/clear_refs), to learn later what was written
// since. The walk stands between tlb_gather_mmu and tlb_finish_mmu, and records nothing: so nothing is
// flushed. A CPU that has the page in its TLB writes on for ever, the mark never comes, and the next
// checkpoint leaves the page out. Andrea Arcangeli in thread 003: a gather "is for freeing memory", would
// inc_tlb_flush_pending, flush_tlb_mm, dec_tlb_flush_pending not be enough? For this they are:
// 912efa17e512. What the lock has to do with it: clear-refs-cow-2020.
//
//   CPU0 clear_refs            CPU1 user
//                              store x: TLB{x, W, D}
//   tlb_gather_mmu
//   pte[x] loses W, the mark
//   tlb_finish_mmu: nothing
//   is recorded
//   returns
//                              store x via TLB{x, W, D}
//                              pagemap: x was not written
//
// Nothing has to meet: it goes wrong each time.
//
// Real threads: yes.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct clear_refs_gather_2020 {
  static constexpr Expectation expected[]{
      {},
      {.set = "clear-refs=read-flush"},
      {.set = "clear-refs=gather", .kind = "stale_translation_after_return"},
      {.set = "clear-refs=gather",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "clear-refs=gather",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
      {.set = "clear-refs=gather",
       .arches = "arm@2017-posted,arm@2017-merged,sh@2017-posted,sh@2017-merged,sparc64@2007",
       .masked_by = "a gather for all of an mm flushes, recorded or not"},
  };
  static constexpr ScenarioInfo info{
      .name = "clear-refs-gather-2020",
      .thread = "003",
      .line =
          "clear_refs leaves its flush to a gather, which has recorded nothing and does nothing",
      .fixes = "clear-refs",
      .real_threads = "yes",
      .cpus = 2,
      .crowd_role = 1,
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.wait_for(written_);
        Lab<A>::must(lab.clear_refs());
        lab.tell(cleared_);
        return;
      }
      lab.write(x, 1);
      lab.tell(written_);
      lab.wait_for(cleared_);
      lab.write(x, 2);
      lab.forbid(!lab.soft_dirty(x), "store_not_soft_dirty",
                 "the store after clear_refs had returned left no mark");
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(written_, "written");
      name(cleared_, "cleared");
    }

   private:
    static constexpr vaddr_t x = 0x4000;
    Signal written_, cleared_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
