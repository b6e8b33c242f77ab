// SPDX-License-Identifier: GPL-2.0-or-later
// clear_refs comes by while a page is under migration. From a present entry it takes the soft-dirty mark and
// the right to write, so that the next store faults and leaves a mark. From the entry that stands for a page
// under migration Linux takes the mark only: the page comes back writable, the next store does not fault,
// and the next checkpoint leaves the page out. Found with this port; fork and mprotect do take the right
// (make_readable_migration_entry).
//
//   CPU0 migration               CPU1 user
//                                store x: marked
//   pte[x] = migration, W
//   invalidate, copy
//                                clear_refs: migration, W, no mark
//   pte[x] = the copy, W
//                                store x: no fault, no mark
//                                pagemap: x was not written
//
// No TLB has a part in it. Read in the source of 6.12; not seen on a real kernel.
//
// Real threads: yes.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct clear_refs_vs_migration {
  static constexpr Expectation expected[]{
      {},
      {.set = "clear-refs-migration", .kind = "store_not_soft_dirty"},
  };
  static constexpr ScenarioInfo info{
      .name = "clear-refs-vs-migration",
      .line = "a store after clear_refs leaves no mark: its page was under migration",
      .fixes = "clear-refs-migration",
      .real_threads = "yes",
      .cpus = 2,
      .crowd_role = 1,
      .kinds = "store_not_soft_dirty",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, 1);
      lab.write(x, 1);
      Lab<A>::must(lab.clear_refs());  // from here on the area has no mark of its own
      lab.write(x, 2);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        do {
          lab.migrate(x);
        } while (!lab.explored() && lab.again());
        return;
      }
      lab.stall();
      Lab<A>::must(lab.clear_refs());
      lab.write(x, 3);
      lab.forbid(!lab.soft_dirty(x), "store_not_soft_dirty",
                 "the store after clear_refs had returned left no mark");
      lab.finish_round();
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

   private:
    static constexpr vaddr_t x = 0x4000;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
