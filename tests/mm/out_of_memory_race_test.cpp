// SPDX-License-Identifier: GPL-2.0-or-later
// One allocation fails while two CPUs are at the same pages: which one, and who comes first, is
// tried at random. Two calls and accesses at a time, each pair of those that share page tables,
// pages or areas. The oracles listen; what neither call takes away must still be there.
#include <array>

#include "harness/oracle/oracles.h"
#include "mm/page_cache.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr std::uint64_t pages = 6;
constexpr std::uint64_t neighbour = ptrs_per_table - 1;  // of another area, in the same table
constexpr std::uint64_t elsewhere = 4 * ptrs_per_table;

// What a program does to the pages; all of it may fail. None touches the neighbour.
template <class A>
struct Acts {
  static void give_back_table(mm_struct& mm) {
    static_cast<void>(dontneed<A>(mm, 0, neighbour));
    static_cast<void>(do_madvise_dontneed<A>(mm, page_at(elsewhere), pmd_size));
  }
  static void unmap_some(mm_struct& mm) { static_cast<void>(unmap<A>(mm, 1, 3)); }
  static void unmap_all(mm_struct& mm) {
    static_cast<void>(unmap<A>(mm, 0, neighbour));
    static_cast<void>(unmap<A>(mm, elsewhere, pages));
  }
  static void map_over(mm_struct& mm) { static_cast<void>(map<A>(mm, 0, pages)); }
  static void protect_some(mm_struct& mm) {
    static_cast<void>(protect<A>(mm, 1, 3, VM_READ));
    static_cast<void>(protect<A>(mm, 0, pages, rw));
  }
  static void move_some(mm_struct& mm) {
    static_cast<void>(move_to<A>(mm, 1, 3, elsewhere + 1));
    static_cast<void>(move_to<A>(mm, elsewhere + 1, 3, 1));
  }
  static void write_all(mm_struct& mm) {
    for (const std::uint64_t first : {std::uint64_t{0}, elsewhere})
      for (std::uint64_t page = first; page < first + pages; ++page)
        static_cast<void>(user_write<A>(mm, page_at(page), page + 1));
  }
  static void read_all(mm_struct& mm) {
    for (const std::uint64_t first : {std::uint64_t{0}, elsewhere})
      for (std::uint64_t page = first; page < first + pages; ++page) {
        const std::uint64_t seen = peek<A>(mm, page);
        const std::uint64_t place = page % elsewhere;
        EXPECT_TRUE(seen == unreadable || seen == 0 || seen % elsewhere == place + 1)
            << "page " << page << " shows " << seen;
      }
  }
  static void have_child(mm_struct& mm) {
    mm_struct* child = dup_mm<A>(mm);
    if (child == nullptr) return;
    use_mm<A>(*child);
    read_all(*child);
    static_cast<void>(user_write<A>(*child, page_at(neighbour), 77));
    use_mm<A>(mm);
    mmput<A>(*child);
  }
  static constexpr std::array all{give_back_table, unmap_some, unmap_all, map_over,  protect_some,
                                  move_some,       write_all,  read_all,  have_child};
};

template <class A>
class OutOfMemoryRace : public testing::Test {
 protected:
  struct Pair {
    std::size_t first, second;
  };
  // Returns whether the chosen allocation was asked for.
  static bool trial(const MachineOptions& options, const Pair& pair) {
    constexpr unsigned last_number = 24;
    Oracles oracles(oracle_table<A>(options.cpus));
    MmRig<A> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    for (unsigned cpu = 0; cpu < rig.cpus(); ++cpu) rig.machine().attach(cpu, oracles.sink(cpu));
    rig.run([&] {
      prepare(rig.mm());
      unuse_mm<A>();
    });
    Meeting start;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) rig.allocations.fail(std::nullopt, 1 + choose(last_number));
      start.meet();
      Acts<A>::all[cpu == 0 ? pair.first : pair.second](rig.mm());
      unuse_mm<A>();
    });
    const bool failed = rig.allocations.failed();
    rig.allocations.fail_none();
    rig.run([&] {
      EXPECT_EQ(peek<A>(rig.mm(), neighbour), 4711U) << "nobody took it away";
      Acts<A>::read_all(rig.mm());
      EXPECT_EQ(rig.mm().tlb_flush_pending.load(order::relaxed), 0);
      EXPECT_FALSE(rig.mm().mmap_lock.is_locked());
      unuse_mm<A>();
    });
    oracles.finish();
    for (const Violation& seen : oracles.examples())
      ADD_FAILURE() << seen.kind << ": " << seen.text;
    EXPECT_EQ(abnormal_end(rig.machine()), "");
    return failed;
  }

 private:
  static void prepare(mm_struct& mm) {
    map<A>(mm, 0, pages);
    map<A>(mm, neighbour, 1);
    map<A>(mm, elsewhere, pages);
    Acts<A>::write_all(mm);
    ASSERT_EQ(user_write<A>(mm, page_at(neighbour), 4711), AccessResult::done);
  }
};
TYPED_TEST_SUITE(OutOfMemoryRace, Backends);

TYPED_TEST(OutOfMemoryRace, EachPair) {
  constexpr unsigned schedules = 600;
  constexpr std::size_t acts = Acts<TypeParam>::all.size();
  unsigned tried = 0, failed = 0;
  for (std::size_t first = 0; first < acts; ++first)
    for (std::size_t second = 0; second < acts; ++second) {
      SCOPED_TRACE(testing::Message() << "acts " << first << " and " << second);
      each_trial(2, schedules, [&](const MachineOptions& options) {
        ++tried;
        failed += this->trial(options, {first, second}) ? 1U : 0U;
      });
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  EXPECT_GT(failed, tried / 20) << "of " << tried;
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
