// SPDX-License-Identifier: GPL-2.0-or-later
// A program unmaps memory of a device while the driver takes it back. Frames of VM_PFNMAP are not counted:
// what keeps the driver honest is that it finds every area that shows one. munmap takes the area out of the
// file's list before its flush. Found by Jann Horn in 2022 (CVE-2022-39188), fixed by Peter Zijlstra's
// b67fbebd4cf9: such an area is flushed as soon as it is zapped.
//
//   CPU0 munmap x              CPU1 driver                   CPU2 user
//                                                            load x: TLB{x}
//   clear pte[x]
//   area leaves i_mmap
//                              unmap_mapping_range: no area
//                              free the frame
//                                                            load x via TLB{x}:
//                                                            somebody else's memory
//   flush: too late
//
// That is half of it. A driver that comes between the clear and the flush finds the area, and an empty entry;
// it flushes all the same because another gather is open (nested-flush; Jann Horn said so in the thread of the
// fix). Either one missing, the frame is free too early.
//
// Real threads: yes+delay; CPU0 has tables to free between the list and the flush.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

struct pfnmap_revoke_2022 {
  static constexpr std::uint64_t few = 400;  // where the port leaves no window
  static constexpr Expectation expected[]{
      {},
      {.set = "pfnmap-flush-first", .kind = "frame_freed_while_cached"},
      {.set = "pfnmap-flush-first",
       .arches = "arm64,x86@2018,riscv,mips,sparc64@2007,arm,arm@2017-posted,arm@2017-merged,sh,"
                 "sh@2017-posted,sh@2017-merged,um",
       .masked_by = "every area is flushed at its end",
       .executions = few},
      {.set = "nested-flush", .kind = "frame_freed_while_cached"},
      {.set = "pfnmap-flush-first",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes",
       .executions = few},
      {.set = "nested-flush",
       .arches = "s390",
       .masked_by = "the entry is invalidated as it changes",
       .executions = few},
      {.set = "pfnmap-flush-first",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped",
       .executions = few},
      {.set = "nested-flush",
       .arches = "ppc64_hash,sparc64",
       .masked_by = "flushed before the page-table lock is dropped",
       .executions = few},
      // What another CPU has in its batch no flush of this one reaches.
      {.arches = "ppc64_hash@2007", .kind = "frame_freed_while_cached"},
  };
  static constexpr ScenarioInfo info{
      .name = "pfnmap-revoke-2022",
      .line = "a driver frees memory that munmap has cleared and not yet flushed",
      .fixes = "pfnmap-flush-first,nested-flush",
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
      device_ = &lab.new_file(FileKind::device, 1);
      lab.map_shared(x, 1, *device_);
      lab.map(x - page_size, 1);  // the table of x stays
      for (unsigned n = 1; n < tables(lab); ++n) {
        lab.map(x + n * pmd_size, 1);
        lab.write(x + n * pmd_size, 1);
      }
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role != 2) lab.wait_for(seen_);
      switch (role) {
        case 0:
          lab.munmap(x, 1 + (tables(lab) - 1) * (pmd_size / page_size));
          lab.finish_round();
          break;
        case 1:
          lab.stall();
          lab.revoke(*device_, 0);
          break;
        default: use(lab); break;
      }
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }
    template <class Name>
    void name_words(Name name) const {
      name(seen_, "seen");
    }

   private:
    static constexpr vaddr_t x = 0x401000;
    static std::uint64_t tables(Lab<A>& lab) noexcept { return lab.explored() ? 1 : 5; }

    void use(Lab<A>& lab) noexcept {
      static_cast<void>(lab.read(x));
      lab.tell(seen_);
      do {
        static_cast<void>(lab.read(x));
      } while (!lab.explored() && lab.again());
    }

    address_space* device_ = nullptr;
    Signal seen_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
