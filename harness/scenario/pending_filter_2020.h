// SPDX-License-Identifier: GPL-2.0-or-later
// uffd-wp-cow-2020 with a filter: the write fault asks whether flushes are due near its address, where the
// kernel asks for the mm. Nadav Amit and Andrea Arcangeli in thread 003: "range invalidates and bloom filter
// to index them by the address in the page fault since it'd help MADV_PAGEOUT". The filter counts by blocks of
// addresses (mm/tlb_flush_pending.h). Two ways to get it wrong:
//
//   flag: a mark and no count                        late: filed when the entries have changed
//   CPU0                  CPU1         CPU2          CPU0                CPU1           CPU2
//                                      TLB{x, W}                                        TLB{x, W}
//   mark x's block
//                         protects y of
//                         that block
//   pte[x] loses W                                   pte[x] loses W
//                         flushes y
//                         mark gone                                      store x: faults
//                         store x: faults                                filter: none due
//                         filter: none due                               copies the page
//                         copies the page            counts x's block
//                                      store x                                          store x
//   flush                                            flush
//
// pageout-beside-faults-2020 is not a race but what the filter is for: CPU0 pages out another place, which
// leaves a flush due for long, while CPU1 takes write faults; without a filter each of them flushes. How many
// flushes that are is counted by tlblab questions 9.
//
// Real threads: yes+delay.
#pragma once

#include <vector>

#include "harness/scenario/copy_race.h"

namespace tlblab::inline TLBLAB_WORLD {

// The oldest form is what the kernel has: no filter.
template <bool with_flag>
struct pending_filter {
  static constexpr std::string_view under_lock = "flushed before the page-table lock is dropped",
                                    as_it_changes = "the entry is invalidated as it changes";
  static constexpr Expectation of_late[]{
      {.set = "anon-exclusive,pending-filter=count"},
      {.set = "anon-exclusive,pending-filter=late", .kind = "store_during_copy"},
      {.set = "anon-exclusive,pending-filter=late", .arches = "s390", .masked_by = as_it_changes},
      {.set = "anon-exclusive,pending-filter=late",
       .arches = "ppc64_hash,sparc64",
       .masked_by = under_lock},
  };
  static constexpr Expectation of_flag[]{
      {.set = "anon-exclusive,pending-filter=count"},
      {.set = "anon-exclusive,pending-filter=flag",
       .kind = "store_during_copy",
       .executions = 60'000},
      {.set = "anon-exclusive,pending-filter=flag", .arches = "s390", .masked_by = as_it_changes},
  };
  static constexpr ScenarioInfo info{
      .name = with_flag ? "pending-filter-flag-2020" : "pending-filter-late-2020",
      .thread = "003",
      .line = with_flag ? "a filter by address says that no flush is due, as another one is done"
                        : "a filter by address hears of a change when a fault has seen it already",
      .fixes = "pending-filter,anon-exclusive",
      .real_threads = "yes+delay",
      .cpus = 3,
      .crowd_role = 2,
      .arches = with_flag ? "x86,x86_invlpgb,mips,s390"
                          : "x86,x86_invlpgb,arm64,riscv,ppc64_radix,mips,s390,ppc64_hash,sparc64",
      .stalls = "flush",
      .expected = with_flag ? std::span<const Expectation>(of_flag) : of_late,
  };

  template <ArchBackend A>
  struct Race {
    static constexpr vaddr_t y = 0x1a0000;  // in the block of addresses that x is in
    static void prepare(Lab<A>& lab, vaddr_t start, std::uint64_t pages) {
      Lab<A>::must(lab.uffd_register(start, pages, VM_UFFD_WP));
      lab.map(y, 1);
      Lab<A>::must(lab.uffd_register(y, 1, VM_UFFD_WP));
      lab.write(y, 1);
    }
    static void take_right(Lab<A>& lab, vaddr_t start, std::uint64_t pages) noexcept {
      lab.uffd_writeprotect(start, pages, true);
    }
    static void before_store(Lab<A>& lab) noexcept {
      if constexpr (with_flag) lab.uffd_writeprotect(y, 1, true);
    }
  };
  template <ArchBackend A>
  class Body : public CopyRace<A, Race<A>> {};
};
using pending_filter_late_2020 = pending_filter<false>;
using pending_filter_flag_2020 = pending_filter<true>;

struct pageout_beside_faults_2020 {
  static constexpr Expectation expected[]{{}, {.set = "pending-filter=count"}};
  static constexpr ScenarioInfo info{
      .name = "pageout-beside-faults-2020",
      .thread = "003",
      .line = "write faults flush for nothing while another place is paged out",
      .fixes = "pending-filter",
      .real_threads = "explorer only",
      .cpus = 3,
      .crowd_role = 2,
      .arches = "x86,arm64,riscv,x86_invlpgb",  // that have userfaultfd's protection
      .expected = expected,
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      lab.clear();
      lab.have_swap(2 * pages);
      lab.map(x, pages);
      lab.map(elsewhere, pages);
      Lab<A>::must(lab.uffd_register(x, pages, VM_UFFD_WP));
      for (std::uint64_t page = 0; page < pages; ++page) {
        lab.write(x + page * page_size, 1);
        lab.write(elsewhere + page * page_size, 1);
      }
      lab.uffd_writeprotect(x, pages, true);
    }
    void act(Lab<A>& lab, unsigned role) noexcept {
      if (role == 0) lab.madvise_pageout(elsewhere, pages);
      for (std::uint64_t page = 0; role == 1 && page < pages; ++page)
        lab.write(x + page * page_size, 2);
      if (role == 2) static_cast<void>(lab.read(x));
    }
    void teardown(Lab<A>& lab) { lab.clear(); }
    [[nodiscard]] std::vector<vaddr_t> addresses() const { return {x}; }

   private:
    static constexpr std::uint64_t pages = 4;
    static constexpr vaddr_t x = 0x4000, elsewhere = 0x604000;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
