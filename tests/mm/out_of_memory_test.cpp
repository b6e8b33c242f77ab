// SPDX-License-Identifier: GPL-2.0-or-later
// Every allocation of every call fails once, by number over all sites and by number at each site:
// the call says so or does without, nothing is lost that was not to be lost, no oracle has anything
// to say, nothing leaks (the rig counts frames and objects at its end), and the address space goes
// on.
#include <cerrno>
#include <functional>

#include "harness/instances/mm_entry.h"
#include "harness/oracle/oracles.h"
#include "mm/page_cache.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Of what a gather asks for where it has a list of batches.
template <class A>
unsigned most_page_batches(unsigned of_a_list) {
  if (A::features.no_gather) return 0;
  return A::features.owns_gather ? 1 : of_a_list;
}

template <class A>
class OutOfMemory : public testing::Test {
 protected:
  struct Attempt {
    std::function<void(mm_struct&)> before;       // nothing fails here
    std::function<bool(mm_struct&)> call;         // true: it did what it was asked for
    std::function<void(mm_struct&, bool)> after;  // contents, by what the call said
  };
  // Returns how many allocations the call makes when none fails.
  static unsigned each_allocation(const Attempt& attempt) {
    const unsigned all = each_allocation_at(std::nullopt, attempt);
    for (const AllocSite site :
         {AllocSite::user_page, AllocSite::page_table, AllocSite::gather_batch,
          AllocSite::table_batch, AllocSite::object}) {
      SCOPED_TRACE(testing::Message() << "site " << static_cast<int>(site));
      EXPECT_LE(each_allocation_at(site, attempt), all);
    }
    return all;
  }
  // Fails allocation 1, 2, ... until the call no longer makes that many. Returns how many failed.
  static unsigned each_allocation_at(std::optional<AllocSite> site, const Attempt& attempt) {
    for (unsigned nth = 1;; ++nth) {
      SCOPED_TRACE(testing::Message() << "number " << nth);
      if (!one_fails(site, nth, attempt) || testing::Test::HasFailure()) return nth - 1;
    }
  }
  // False: so many were not asked for.
  static bool one_fails(std::optional<AllocSite> site, unsigned nth, const Attempt& attempt) {
    Oracles oracles(oracle_table<A>(1));
    MmRig<A> rig;
    rig.machine().attach(0, oracles.sink(0));
    bool reached = true;
    rig.run([&] {
      attempt.before(rig.mm());
      rig.allocations.fail(site, nth);
      const bool done = attempt.call(rig.mm());
      reached = rig.allocations.failed();
      rig.allocations.fail_none();
      EXPECT_TRUE(reached || done) << "failed with all the memory it wanted";
      attempt.after(rig.mm(), done);
      still_usable(rig.mm());
    });
    oracles.finish();
    for (const Violation& seen : oracles.examples())
      ADD_FAILURE() << seen.kind << ": " << seen.text;
    return reached;
  }
  static void still_usable(mm_struct& mm) {
    constexpr std::uint64_t elsewhere = 100000;
    EXPECT_EQ(map<A>(mm, elsewhere, 4), static_cast<std::int64_t>(page_at(elsewhere)));
    fill<A>(mm, elsewhere, 4, 3);
    EXPECT_EQ(peek<A>(mm, elsewhere + 3), 6U);
    EXPECT_EQ(mm.tlb_flush_pending.load(order::relaxed), 0);
    EXPECT_FALSE(mm.mmap_lock.is_locked());
  }
  static void eight_pages(mm_struct& mm) {
    map<A>(mm, 0, 8);
    fill<A>(mm, 0, 8);
  }
  static void expect_eight_pages(mm_struct& mm) {
    for (unsigned page = 0; page < 8; ++page) EXPECT_EQ(peek<A>(mm, page), page + 1) << page;
  }
};
TYPED_TEST_SUITE(OutOfMemory, Backends);

TYPED_TEST(OutOfMemory, Mmap) {
  const unsigned failed = this->each_allocation(
      {.before = [](mm_struct&) {},
       .call = [](mm_struct& mm) { return map<TypeParam>(mm, 0, 8) != -ENOMEM; },
       .after =
           [](mm_struct& mm, bool done) {
             EXPECT_EQ(user_touch<TypeParam>(mm, page_at(0), Access::write),
                       done ? AccessResult::done : AccessResult::sigsegv);
           }});
  EXPECT_EQ(failed, 1U) << "the area";
}

TYPED_TEST(OutOfMemory, MmapOver) {
  const unsigned failed = this->each_allocation(
      {.before = [](mm_struct& mm) { TestFixture::eight_pages(mm); },
       .call = [](mm_struct& mm) { return map<TypeParam>(mm, 2, 3) != -ENOMEM; },
       .after =
           [](mm_struct& mm, bool done) {
             EXPECT_EQ(peek<TypeParam>(mm, 1), 2U);
             EXPECT_EQ(peek<TypeParam>(mm, 5), 6U);
             const std::uint64_t seen = peek<TypeParam>(mm, 3);
             EXPECT_TRUE(seen == 0 || (!done && (seen == 4 || seen == unreadable))) << seen;
           }});
  EXPECT_EQ(failed, 5U) << "two cuts, each an area and its chain, and the area";
}

TYPED_TEST(OutOfMemory, Munmap) {
  const unsigned failed =
      this->each_allocation({.before = [](mm_struct& mm) { TestFixture::eight_pages(mm); },
                             .call = [](mm_struct& mm) { return unmap<TypeParam>(mm, 2, 3) == 0; },
                             .after =
                                 [](mm_struct& mm, bool done) {
                                   if (!done) return TestFixture::expect_eight_pages(mm);
                                   EXPECT_EQ(peek<TypeParam>(mm, 3), unreadable);
                                   EXPECT_EQ(peek<TypeParam>(mm, 5), 6U);
                                 }});
  EXPECT_EQ(failed, 4U) << "two cuts, each an area and its chain";
}

// Batches only: the call does without.
TYPED_TEST(OutOfMemory, MunmapOfAWholeAreaDoesNotFail) {
  const unsigned failed = this->each_allocation(
      {.before =
           [](mm_struct& mm) {
             map<TypeParam>(mm, 0, 1100);
             fill<TypeParam>(mm, 0, 1100);
           },
       .call = [](mm_struct& mm) { return unmap<TypeParam>(mm, 0, 1100) == 0; },
       .after =
           [](mm_struct& mm, bool done) {
             EXPECT_TRUE(done);
             EXPECT_EQ(mm.rss.load(order::relaxed), 0);
             EXPECT_EQ(mm.pgtables.load(order::relaxed), 0);
           }});
  EXPECT_GE(failed, most_page_batches<TypeParam>(2) + 1) << "page batches and the table batch";
}

TYPED_TEST(OutOfMemory, Dontneed) {
  const unsigned failed = this->each_allocation(
      {.before =
           [](mm_struct& mm) {
             map<TypeParam>(mm, 0, 512);
             fill<TypeParam>(mm, 0, 512);
           },
       .call = [](mm_struct& mm) { return dontneed<TypeParam>(mm, 0, 512) == 0; },
       .after =
           [](mm_struct& mm, bool done) {
             EXPECT_TRUE(done);
             EXPECT_EQ(peek<TypeParam>(mm, 511), 0U);
           }});
  const unsigned batches = most_page_batches<TypeParam>(1);
  EXPECT_GE(failed, batches + (TypeParam::features.pt_reclaim ? 1 : 0));
}

TYPED_TEST(OutOfMemory, Mprotect) {
  const unsigned failed = this->each_allocation(
      {.before = [](mm_struct& mm) { TestFixture::eight_pages(mm); },
       .call = [](mm_struct& mm) { return protect<TypeParam>(mm, 2, 3, VM_READ) == 0; },
       .after =
           [](mm_struct& mm, bool done) {
             TestFixture::expect_eight_pages(mm);
             EXPECT_EQ(user_touch<TypeParam>(mm, page_at(3), Access::write),
                       done ? AccessResult::sigsegv : AccessResult::done);
             EXPECT_EQ(user_touch<TypeParam>(mm, page_at(5), Access::write), AccessResult::done);
           }});
  EXPECT_EQ(failed, 4U);
}

TYPED_TEST(OutOfMemory, AdviceThatIsAFlag) {
  const unsigned failed = this->each_allocation(
      {.before = [](mm_struct& mm) { TestFixture::eight_pages(mm); },
       .call =
           [](mm_struct& mm) {
             return do_madvise_flags<TypeParam>(mm, page_at(2), 3 * page_size, VM_DONTCOPY, 0) == 0;
           },
       .after = [](mm_struct& mm, bool) { TestFixture::expect_eight_pages(mm); }});
  EXPECT_EQ(failed, 4U);
}

TYPED_TEST(OutOfMemory, Fault) {
  for (const Access access : {Access::read, Access::write}) {
    const unsigned failed = this->each_allocation(
        {.before = [](mm_struct& mm) { map<TypeParam>(mm, 0, 8); },
         .call =
             [access](mm_struct& mm) {
               const AccessResult result = user_touch<TypeParam>(mm, page_at(0), access);
               EXPECT_NE(result, AccessResult::sigsegv);
               return result == AccessResult::done;
             },
         .after =
             [](mm_struct& mm, bool) {
               EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 4), AccessResult::done);
               EXPECT_EQ(peek<TypeParam>(mm, 0), 4U);
             }});
    EXPECT_EQ(failed, access == Access::read ? 3U : 6U)
        << "three tables, and to write: the anon_vma, its chain, a page";
  }
}

TYPED_TEST(OutOfMemory, FaultOfAFile) {
  for (const std::uint32_t flags : {rw, rw | VM_SHARED}) {
    const unsigned failed = this->each_allocation(
        {.before =
             [flags](mm_struct& mm) {
               address_space* file = file_create();
               do_mmap<TypeParam>(mm, {.address = page_at(0),
                                       .length = page_size,
                                       .flags = flags,
                                       .fixed = true,
                                       .file = file});
               put_file(*file);
             },
         .call =
             [](mm_struct& mm) {
               return user_write<TypeParam>(mm, page_at(0), 4) == AccessResult::done;
             },
         .after = [](mm_struct& mm,
                     bool done) { EXPECT_EQ(peek<TypeParam>(mm, 0), done ? 4U : 0U); }});
    EXPECT_EQ(failed, flags == rw ? 8U : 5U)
        << "tables, the cache's two; the anon_vma, its chain, the copy";
  }
}

TYPED_TEST(OutOfMemory, CopyOnWrite) {
  const unsigned failed = this->each_allocation(
      {.before =
           [](mm_struct& mm) {
             map<TypeParam>(mm, 0, 2);
             EXPECT_EQ(peek<TypeParam>(mm, 0), 0U);
           },
       .call =
           [](mm_struct& mm) {
             return user_write<TypeParam>(mm, page_at(0), 4) == AccessResult::done;
           },
       .after = [](mm_struct& mm,
                   bool done) { EXPECT_EQ(peek<TypeParam>(mm, 0), done ? 4U : 0U); }});
  EXPECT_EQ(failed, 3U) << "the anon_vma, its chain, the copy";
}

TYPED_TEST(OutOfMemory, Fork) {
  const unsigned failed = this->each_allocation(
      {.before =
           [](mm_struct& mm) {
             TestFixture::eight_pages(mm);
             map<TypeParam>(mm, 1024, 2, VM_READ);
             map<TypeParam>(mm, 2048, 2);
             fill<TypeParam>(mm, 2048, 2);
           },
       .call =
           [](mm_struct& mm) {
             mm_struct* child = dup_mm<TypeParam>(mm);
             if (child != nullptr) mmput<TypeParam>(*child);
             return child != nullptr;
           },
       .after =
           [](mm_struct& mm, bool) {
             TestFixture::expect_eight_pages(mm);
             EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 1), AccessResult::done);
             TestFixture::expect_eight_pages(mm);
           }});
  EXPECT_GE(failed, 9U) << "the mm, its root, three areas, four tables";
}

TYPED_TEST(OutOfMemory, MremapElsewhere) {
  for (const std::uint64_t pages : {8U, 3U}) {
    const unsigned failed = this->each_allocation(
        {.before = [](mm_struct& mm) { TestFixture::eight_pages(mm); },
         .call =
             [pages](mm_struct& mm) {
               return move_to<TypeParam>(mm, 1, pages - 1, terabyte_half / page_size) > 0;
             },
         .after =
             [pages](mm_struct& mm, bool done) {
               if (!done) return TestFixture::expect_eight_pages(mm);
               EXPECT_EQ(peek<TypeParam>(mm, 0), 1U);
               for (std::uint64_t page = 1; page < pages; ++page)
                 EXPECT_EQ(peek<TypeParam>(mm, terabyte_half / page_size + page - 1), page + 1);
             }});
    EXPECT_GE(failed, 5U) << "the area, three tables, a cut";
  }
}

// The second of two tables cannot be had: what was moved already goes back.
TYPED_TEST(OutOfMemory, MremapAcrossTables) {
  const unsigned failed = this->each_allocation(
      {.before =
           [](mm_struct& mm) {
             map<TypeParam>(mm, 508, 8);
             fill<TypeParam>(mm, 508, 8);
           },
       .call = [](mm_struct& mm) { return move_to<TypeParam>(mm, 508, 8, 2044) > 0; },
       .after =
           [](mm_struct& mm, bool done) {
             for (unsigned page = 0; page < 8; ++page) {
               EXPECT_EQ(peek<TypeParam>(mm, (done ? 2044 : 508) + page), page + 1);
               EXPECT_EQ(peek<TypeParam>(mm, (done ? 508 : 2044) + page), unreadable);
             }
           }});
  EXPECT_GE(failed, 3U);
}

TYPED_TEST(OutOfMemory, Brk) {
  const unsigned failed =
      this->each_allocation({.before =
                                 [](mm_struct& mm) {
                                   mm.start_brk = mm.brk = page_at(0);
                                   do_brk<TypeParam>(mm, page_at(8));
                                   fill<TypeParam>(mm, 0, 8);
                                 },
                             .call =
                                 [](mm_struct& mm) {
                                   return do_brk<TypeParam>(mm, page_at(5)) == page_at(5) &&
                                          do_brk<TypeParam>(mm, page_at(8)) == page_at(8);
                                 },
                             .after =
                                 [](mm_struct& mm, bool) {
                                   EXPECT_EQ(peek<TypeParam>(mm, 4), 5U);
                                   const bool shrunk = mm.brk == page_at(5);
                                   EXPECT_EQ(peek<TypeParam>(mm, 5) == unreadable, shrunk);
                                 }});
  EXPECT_EQ(failed, 3U) << "a cut: an area and its chain; an area";
}

// Batches only, of pages and of tables: no child is left half dead.
TYPED_TEST(OutOfMemory, ExitDoesNotFail) {
  unsigned batches = 0;
  for (bool reached = true; reached;) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      mm_struct* other = mm_alloc<TypeParam>(3);
      use_mm<TypeParam>(*other);
      map<TypeParam>(*other, 0, 1200);
      fill<TypeParam>(*other, 0, 1200);
      use_mm<TypeParam>(rig.mm());
      rig.allocations.fail(std::nullopt, batches + 1);
      mmput<TypeParam>(*other);
      reached = rig.allocations.failed();
      rig.allocations.fail_none();
    });
    if (reached) ++batches;
  }
  EXPECT_EQ(batches, most_page_batches<TypeParam>(3) + 1) << "of pages, and one of tables";
}

TYPED_TEST(OutOfMemory, DontneedOfManyTables) {
  constexpr std::uint64_t tables = 5;
  const unsigned failed = this->each_allocation(
      {.before =
           [](mm_struct& mm) {
             map<TypeParam>(mm, 0, tables * ptrs_per_table);
             for (std::uint64_t table = 0; table < tables; ++table)
               fill<TypeParam>(mm, table * ptrs_per_table + table, 3);
           },
       .call =
           [](mm_struct& mm) { return dontneed<TypeParam>(mm, 0, tables * ptrs_per_table) == 0; },
       .after =
           [](mm_struct& mm, bool done) {
             EXPECT_TRUE(done);
             EXPECT_EQ(mm.rss.load(order::relaxed), 0);
             for (std::uint64_t table = 0; table < tables; ++table)
               EXPECT_EQ(peek<TypeParam>(mm, table * ptrs_per_table + table), 0U);
           }});
  const bool none = TypeParam::features.no_gather && !TypeParam::features.pt_reclaim;
  EXPECT_GE(failed, none ? 0U : 1U) << "the table batch";
}

// Without a batch each table waits by itself; a batch that can be had later serves the rest.
TYPED_TEST(OutOfMemory, NoBatchAtAll) {
  for (const AllocSite site : {AllocSite::gather_batch, AllocSite::table_batch}) {
    if (TypeParam::features.no_gather && site == AllocSite::gather_batch) continue;
    Oracles oracles(oracle_table<TypeParam>(1));
    MmRig<TypeParam> rig;
    rig.machine().attach(0, oracles.sink(0));
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 3000);
      fill<TypeParam>(rig.mm(), 0, 3000);
      rig.allocations.fail(site, FailingAllocations::always);
      EXPECT_EQ(unmap<TypeParam>(rig.mm(), 0, 3000), 0);
      EXPECT_TRUE(rig.allocations.failed());
      rig.allocations.fail_none();
      EXPECT_EQ(rig.mm().rss.load(order::relaxed), 0);
      EXPECT_EQ(rig.mm().pgtables.load(order::relaxed), 0);
    });
    oracles.finish();
    EXPECT_EQ(oracles.total(), 0U);
  }
}

TYPED_TEST(OutOfMemory, MremapThatGrowsOrLeavesTheOldArea) {
  for (const bool leaves : {false, true}) {
    const unsigned failed = this->each_allocation(
        {.before = [](mm_struct& mm) { TestFixture::eight_pages(mm); },
         .call =
             [leaves](mm_struct& mm) {
               return do_mremap<TypeParam>(mm, {.old_address = page_at(0),
                                                .old_length = 8 * page_size,
                                                .new_length = (leaves ? 8 : 16) * page_size,
                                                .may_move = true,
                                                .fixed = true,
                                                .dont_unmap = leaves,
                                                .new_address = page_at(5000)}) > 0;
             },
         .after =
             [leaves](mm_struct& mm, bool done) {
               if (!done) return TestFixture::expect_eight_pages(mm);
               for (unsigned page = 0; page < 8; ++page)
                 EXPECT_EQ(peek<TypeParam>(mm, 5000 + page), page + 1);
               EXPECT_EQ(peek<TypeParam>(mm, 3), leaves ? 0U : unreadable);
             }});
    EXPECT_GE(failed, 2U) << "the area and a table";
  }
}

TYPED_TEST(OutOfMemory, ForkOfAFile) {
  const unsigned failed = this->each_allocation(
      {.before =
           [](mm_struct& mm) {
             address_space* file = file_create();
             for (const std::uint64_t page : {0U, 1024U})
               do_mmap<TypeParam>(mm, {.address = page_at(page),
                                       .length = 4 * page_size,
                                       .flags = page == 0 ? rw : rw | VM_SHARED,
                                       .fixed = true,
                                       .file = file});
             put_file(*file);
             fill<TypeParam>(mm, 0, 2);
             fill<TypeParam>(mm, 1026, 2, 7);
           },
       .call =
           [](mm_struct& mm) {
             mm_struct* child = dup_mm<TypeParam>(mm);
             if (child != nullptr) mmput<TypeParam>(*child);
             return child != nullptr;
           },
       .after =
           [](mm_struct& mm, bool) {
             EXPECT_EQ(peek<TypeParam>(mm, 1), 2U);
             EXPECT_EQ(peek<TypeParam>(mm, 1027), 8U);
             EXPECT_EQ(peek<TypeParam>(mm, 2), 7U) << "the file's";
           }});
  EXPECT_GE(failed, 5U);
}

// Both directions: what the end of a rig and the oracles would say of a bug like those that failures
// bring to light.
TYPED_TEST(OutOfMemory, ALeakIsSeen) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    const HeldMemory before = memory_held();
    rig.allocations.fail(std::nullopt, 2);
    void* first = kmalloc(8, AllocSite::object);  // an error path that forgets the first of two
    EXPECT_EQ(kmalloc(8, AllocSite::object), nullptr);
    EXPECT_EQ(memory_held(), (HeldMemory{before.frames, before.objects + 1}));
    kfree(first);
    EXPECT_EQ(memory_held(), before);
  });
}
TYPED_TEST(OutOfMemory, ALeakEndsTheSession) {
  expect_broken("memory_left_at_the_end", [](Machine& machine) {
    machine.run([](unsigned) {
      Session<TypeParam> session({.frames = 64, .tlb = tiny_tlb});
      session.start();
      static_cast<void>(kmalloc(8, AllocSite::object));
      session.stop();
    });
  });
}

// A backend that frees before it invalidates where no batch can be had: D17 dropped.
template <class A>
struct frees_at_once : A {
  static bool arch_tlb_finish_mmu(gather_range& tlb, vaddr_t, vaddr_t, bool) noexcept {
    tlb.reset();
    return false;
  }
  static void tlb_flush(gather_range&) noexcept {}
};
TYPED_TEST(OutOfMemory, AFlushThatIsLeftOutIsSeen) {
  if (flushes_with_entries()) GTEST_SKIP() << "it is not needed";
  if (TypeParam::features.owns_pending) GTEST_SKIP() << "what is left out would count, too";
  using A = frees_at_once<TypeParam>;
  Oracles oracles(oracle_table<A>(1));
  MmRig<A> rig;
  rig.machine().attach(0, oracles.sink(0));
  rig.run([&] {
    map<A>(rig.mm(), 0, 8);
    fill<A>(rig.mm(), 0, 8);
    rig.allocations.fail(AllocSite::table_batch, 1);
    EXPECT_EQ(unmap<A>(rig.mm(), 0, 8), 0);
    EXPECT_TRUE(rig.allocations.failed());
    rig.allocations.fail_none();
    TypeParam::flush_tlb_mm(rig.mm());
  });
  EXPECT_GT(oracles.total(), 0U);
}

TYPED_TEST(OutOfMemory, MmAlloc) {
  for (unsigned nth = 1; nth <= 2; ++nth) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      rig.allocations.fail(std::nullopt, nth);
      EXPECT_EQ(mm_alloc<TypeParam>(3), nullptr);
      rig.allocations.fail_none();
      EXPECT_EQ(frames_in_use(), 1);
    });
  }
}

TYPED_TEST(OutOfMemory, WhenTheMachineHasNoFrameLeft) {
  MmRig<TypeParam> rig({.machine = {}, .frames = 40});
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 100);
    std::uint64_t written = 0;
    while (user_write<TypeParam>(rig.mm(), page_at(written), written) == AccessResult::done)
      ++written;
    EXPECT_EQ(written, 36U) << "40 less the root and three tables";
    EXPECT_EQ(dup_mm<TypeParam>(rig.mm()), nullptr);
    EXPECT_EQ(dontneed<TypeParam>(rig.mm(), 0, 10), 0);
    EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(50), 1), AccessResult::done);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 20), 20U);
  });
}

// A frame that one CPU freed is there for the others.
TYPED_TEST(OutOfMemory, FramesFreedOnOneCpuServeAnother) {
  MmRig<TypeParam> rig({.machine = {.cpus = 2}, .frames = 64});
  rig.run([&] { map<TypeParam>(rig.mm(), 0, 16); });
  for (int round = 0; round < 10; ++round) {
    rig.run([&] {
      for (unsigned page = 0; page < 16; ++page)
        EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(page), 1), AccessResult::done);
      unuse_mm<TypeParam>();
    });
    rig.on(1, [&] {
      use_mm<TypeParam>(rig.mm());
      dontneed<TypeParam>(rig.mm(), 0, 16);
      unuse_mm<TypeParam>();
    });
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
