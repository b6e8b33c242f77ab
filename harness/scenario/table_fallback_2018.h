// SPDX-License-Identifier: GPL-2.0-or-later
// Page tables wait in a batch for the flush and for walkers without locks. Without memory for a batch a
// table is freed at once, after an interrupt to every CPU that stops those walkers; but hardware keeps what
// its walk caches have. Found by Peter Zijlstra in 2018, fixed by d86564a2f085: an invalidate comes first.
//
//   CPU0 munmap x                        CPU1 user
//                                        load x: walk cache {PMD of x}
//   clear pte[x], unhook the table
//   no memory for a batch:
//   interrupt all, free the table
//                                        walk by {PMD of x}: through
//                                        whatever is there now
//   flush
//
// Real threads: yes.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct table_fallback_2018 {
  static constexpr Expectation expected[]{
      {},
      {.set = "table-fallback-flush", .kind = "table_freed_before_flush"},
      {.set = "table-fallback-flush",
       .arches = "ppc64_hash,ppc64_hash@2007,sparc64,sparc64@2007",
       .masked_by = "hardware walks no page tables"},
      // These free pages before they flush, whatever becomes of tables.
      {.arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
      {.set = "table-fallback-flush",
       .arches = "sh@2017-posted,sh@2017-merged,um@2017-posted,um@2017-merged",
       .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "table-fallback-2018",
      .line = "without memory for a batch a page table is freed while walk caches still lead to it",
      .fixes = "table-fallback-flush",
      .real_threads = "yes",
      .cpus = 2,
      .crowd_role = 1,
      .fail_alloc = "site=table_batch",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 1);
      lab.write(x, 1);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        lab.wait_for(seen_);
        lab.munmap(x, 1);
        return;
      }
      static_cast<void>(lab.read(x));
      lab.tell(seen_);
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t x = 0x400000;
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
