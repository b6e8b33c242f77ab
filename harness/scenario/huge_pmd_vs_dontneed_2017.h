// SPDX-License-Identifier: GPL-2.0-or-later
// A huge page changes its entry while a second thread gives the page back. The change took the entry out
// and put it in again: for a moment it was none, under its lock; but MADV_DONTNEED looks without the lock,
// and has nothing to do where nothing is mapped. Kirill Shutemov, 2017: 58ceeb6bec86 for MADV_FREE,
// ced108037c2a for hints of NUMA balancing, and so for all who change rights under mmap_lock for reading.
// Since then the entry is one that hardware finds absent and software still huge.
//
//   CPU0 MADV_FREE, or write-protection    CPU1 MADV_DONTNEED
//        by userfaultfd
//   lock the PMD's table
//   clear pmd[x]
//                                          pmd[x] none: nothing to do
//                                          returns
//   set pmd[x], clean, or read-only
//                                          load x: the old contents
//
// No TLB has a part in it.
//
// Real threads: yes+delay; there CPU0 goes on as long as the round does.
#pragma once

#include <vector>

#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

// What CPU0 does besides.
enum class HugePmdChange : std::uint8_t { free, write_protect };

template <HugePmdChange change>
struct huge_pmd_vs_dontneed {
  static constexpr bool frees = change == HugePmdChange::free;
  static constexpr Expectation expected[]{
      {.executions = 120},
      {.set = "huge-pmd-invalidate", .kind = "page_left_after_return"},
  };
  static constexpr Expectation expected_of_protection[]{
      {.executions = 120},
      // The batch that holds the hash entry is another CPU's, and is flushed later.
      {.arches = "ppc64_hash@2007", .kind = "page_left_after_return"},
      {.set = "huge-pmd-invalidate", .kind = "page_left_after_return"},
  };
  static constexpr ScenarioInfo info{
      .name = frees ? "huge-pmd-vs-dontneed-2017" : "huge-pmd-wp-vs-dontneed-2017",
      .line = frees ? "MADV_DONTNEED overlooks a huge page that MADV_FREE is just about to clean"
                    : "MADV_DONTNEED overlooks a huge page that is just being write-protected",
      .fixes = "huge-pmd-invalidate",
      .real_threads = "yes+delay",
      .cpus = 2,
      .crowd_role = 1,
      .explored_frames = 2 * 1024,
      .kinds = "page_left_after_return",
      .stalls = "page_fault,copy_begin",
      .expected = frees ? std::span<const Expectation>(expected) : expected_of_protection,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.map(x, ptrs_per_table);
      Lab<A>::must(lab.madvise_hugepage(x, ptrs_per_table));
      if (!frees) Lab<A>::must(lab.uffd_register(x, ptrs_per_table, VM_UFFD_WP));
      lab.write(x, old);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) {
        if (frees)
          lab.madvise_free(x, ptrs_per_table);
        else
          lab.uffd_writeprotect(x, ptrs_per_table, true);
        return;
      }
      lab.stall();
      lab.madvise_dontneed(x, ptrs_per_table);
      lab.forbid(
          lab.read(x) == old, "page_left_after_return",
          "MADV_DONTNEED had returned, nobody wrote after it, and a read found the old value");
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

   private:
    static constexpr vaddr_t x = 0x400000;
    static constexpr std::uint64_t old = 1;
  };
};
using huge_pmd_vs_dontneed_2017 = huge_pmd_vs_dontneed<HugePmdChange::free>;
using huge_pmd_wp_vs_dontneed_2017 = huge_pmd_vs_dontneed<HugePmdChange::write_protect>;

}  // namespace tlblab::inline TLBLAB_WORLD
