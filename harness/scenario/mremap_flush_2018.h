// SPDX-License-Identifier: GPL-2.0-or-later
// mremap moves a page; somebody unmaps and frees it by looking at the new place, and flushes that. Found by
// Jann Horn in 2018 (CVE-2018-18281), fixed by eb66ae030829: the old address is flushed before either
// page-table lock is dropped. 5d1904204c99 had done so in 2016 for the lock of the old place alone, and
// for dirty entries only.
//
//   CPU0 mremap                CPU1 fallocate(PUNCH_HOLE)    CPU2 user
//                                                            load old: TLB{old}
//   lock old, lock new
//   move the entry
//   unlock new, unlock old
//                              lock old: nothing there
//                              lock new, clear, flush new
//                              unlock, free the page
//                                                            load old via TLB{old}:
//                                                            somebody else's memory
//   flush old: too late
//
// CPU1 comes by reverse mapping, so mmap_lock, which CPU0 holds for writing, does not keep it out. It takes
// the lock of the old place first: that is what a flush before that unlock was good for, and why the form of
// 2016 is wrong for clean entries only.
//
// Real threads: yes+delay; CPU0 moves many pages after the one in question.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct mremap_flush_2018 {
  static constexpr Expectation expected[]{
      {},
      // These free tables before they flush.
      {.arches = "sh@2017-posted,sh@2017-merged", .kind = "walk_of_a_freed_table"},
      {.set = "mremap-flush=before-old-unlock", .kind = "frame_freed_while_cached"},
      {.set = "mremap-flush=after", .kind = "frame_freed_while_cached"},
      {.set = "mremap-flush=before-old-unlock",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "mremap-flush=before-old-unlock",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
      {.set = "mremap-flush=after",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes"},
      {.set = "mremap-flush=after",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped"},
  };
  static constexpr ScenarioInfo info{
      .name = "mremap-flush-2018",
      .line = "a page is freed by its new address while a TLB entry still shows it at the old one",
      .fixes = "mremap-flush",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .kinds = "frame_freed_while_cached,freed_frame_use",
      .stalls = "flush",
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      file_ = &lab.new_file(FileKind::shmem, pages(lab));
      lab.map_shared(from, pages(lab), *file_);
      for (std::uint64_t page = 1; page < pages(lab); ++page)
        static_cast<void>(lab.read(from + page * page_size));
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 2) lab.wait_for(seen_);
      switch (role) {
        case 0:
          lab.mremap(from, pages(lab), to);
          lab.finish_round();
          break;
        case 1:
          lab.stall();
          lab.punch_hole(*file_, 0, 1);
          break;
        default: use(lab); break;
      }
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {from}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t from = 0x400000, to = from + 2 * pmd_size;
    static std::uint64_t pages(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 200; }

    void use(Lab<A>& lab) noexcept {
      static_cast<void>(lab.read(from));
      lab.tell(seen_);
      while (lab.again()) static_cast<void>(lab.read(from));
    }

    address_space* file_ = nullptr;
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
