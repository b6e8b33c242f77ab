// SPDX-License-Identifier: GPL-2.0-or-later
// fork, copies on write, files and shared memory: who sees whose writes, and what each write costs.
#include "mm/page_cache.h"
#include "mm/pgtable.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A process and its child on one CPU.
template <class A>
class Cow : public testing::Test {
 protected:
  using Body = std::function<void(MmRig<A>&, mm_struct& parent)>;
  static void in(mm_struct& mm, const std::function<void()>& body) {
    use_mm<A>(mm);
    body();
  }
  static void end(mm_struct& child, mm_struct& parent) {
    use_mm<A>(parent);
    mmput<A>(child);
  }
  static address_space* map_file(mm_struct& mm,
                                 std::uint64_t page,
                                 std::uint64_t pages,
                                 std::uint32_t flags,
                                 address_space* file = nullptr,
                                 std::uint64_t pgoff = 0) {
    address_space* mapped = file != nullptr ? file : file_create();
    EXPECT_EQ(do_mmap<A>(mm, {.address = page_at(page),
                              .length = pages * page_size,
                              .flags = flags,
                              .fixed = true,
                              .file = mapped,
                              .pgoff = pgoff}),
              static_cast<std::int64_t>(page_at(page)));
    return mapped;
  }
  static pfn_t frame(mm_struct& mm, std::uint64_t page) {
    return A::pte_pfn(peek_pte<A>(mm, page_at(page)));
  }
};
TYPED_TEST_SUITE(Cow, Backends);

TYPED_TEST(Cow, ForkFlushesTheParentOnceAndFully) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    for (const unsigned touched : {0U, 1U, 4U}) {
      fill<TypeParam>(mm, 0, touched);
      rig.flushes();
      mm_struct* child = dup_mm<TypeParam>(mm);
      EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(full_flush)));
      mmput<TypeParam>(*child);
    }
  });
}

TYPED_TEST(Cow, NeitherSideSeesTheWritesOfTheOther) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& parent = rig.mm();
    map<TypeParam>(parent, 0, 3);
    fill<TypeParam>(parent, 0, 3, 10);
    mm_struct& child = *dup_mm<TypeParam>(parent);
    rig.flushes();
    EXPECT_EQ(this->frame(child, 1), this->frame(parent, 1)) << "shared until somebody writes";
    EXPECT_EQ(user_write<TypeParam>(parent, page_at(0), 20), AccessResult::done);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1))) << "a copy: its writer flushes the page";
    this->in(child, [&] {
      EXPECT_EQ(peek<TypeParam>(child, 0), 10U);
      EXPECT_EQ(user_write<TypeParam>(child, page_at(1), 30), AccessResult::done);
      EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
      EXPECT_EQ(user_write<TypeParam>(child, page_at(0), 31), AccessResult::done);
      EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()))
          << "the parent has a page of its own by now: reuse";
    });
    this->in(parent, [&] {
      EXPECT_EQ(peek<TypeParam>(parent, 0), 20U);
      EXPECT_EQ(peek<TypeParam>(parent, 1), 11U);
      EXPECT_EQ(user_write<TypeParam>(parent, page_at(1), 21), AccessResult::done);
      EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty())) << "reuse in the other direction";
    });
    this->in(child, [&] {
      EXPECT_EQ(peek<TypeParam>(child, 0), 31U);
      EXPECT_EQ(peek<TypeParam>(child, 1), 30U);
      EXPECT_EQ(peek<TypeParam>(child, 2), 12U);
    });
    this->end(child, parent);
    EXPECT_EQ(parent.rss.load(order::relaxed), 3);
  });
}

TYPED_TEST(Cow, AWriteAfterTheOtherIsGoneUsesThePageAgain) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& parent = rig.mm();
    map<TypeParam>(parent, 0, 1);
    fill<TypeParam>(parent, 0, 1);
    const pfn_t before = this->frame(parent, 0);
    mm_struct& child = *dup_mm<TypeParam>(parent);
    EXPECT_FALSE(TypeParam::pte_write(peek_pte<TypeParam>(parent, page_at(0))));
    this->end(child, parent);
    rig.flushes();
    EXPECT_EQ(user_write<TypeParam>(parent, page_at(0), 2), AccessResult::done);
    EXPECT_EQ(this->frame(parent, 0), before);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
  });
}

// mprotect may not make a page writable that is not this mm's alone.
TYPED_TEST(Cow, ProtectingBackAndForthDoesNotUnshare) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& parent = rig.mm();
    map<TypeParam>(parent, 0, 1);
    fill<TypeParam>(parent, 0, 1, 5);
    mm_struct& child = *dup_mm<TypeParam>(parent);
    for (const std::uint32_t prot : {std::uint32_t{VM_READ}, 0U}) {
      protect<TypeParam>(parent, 0, 1, prot);
      protect<TypeParam>(parent, 0, 1, rw);
      EXPECT_FALSE(TypeParam::pte_write(peek_pte<TypeParam>(parent, page_at(0))));
    }
    EXPECT_EQ(user_write<TypeParam>(parent, page_at(0), 6), AccessResult::done);
    this->in(child, [&] { EXPECT_EQ(peek<TypeParam>(child, 0), 5U); });
    this->end(child, parent);
  });
}

TYPED_TEST(Cow, ThreeGenerations) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& first = rig.mm();
    map<TypeParam>(first, 0, 4);
    fill<TypeParam>(first, 0, 4, 100);
    mm_struct& second = *dup_mm<TypeParam>(first);
    use_mm<TypeParam>(second);
    EXPECT_EQ(user_write<TypeParam>(second, page_at(1), 201), AccessResult::done);
    mm_struct& third = *dup_mm<TypeParam>(second);
    use_mm<TypeParam>(third);
    EXPECT_EQ(user_write<TypeParam>(third, page_at(2), 302), AccessResult::done);
    const auto contents = [&](mm_struct& mm) {
      use_mm<TypeParam>(mm);
      std::vector<std::uint64_t> seen;
      for (unsigned page = 0; page < 4; ++page) seen.push_back(peek<TypeParam>(mm, page));
      return seen;
    };
    use_mm<TypeParam>(first);
    EXPECT_EQ(user_write<TypeParam>(first, page_at(3), 103 + 1), AccessResult::done);
    EXPECT_THAT(contents(first), ElementsAre(100, 101, 102, 104));
    EXPECT_THAT(contents(second), ElementsAre(100, 201, 102, 103));
    EXPECT_THAT(contents(third), ElementsAre(100, 201, 302, 103));
    this->end(second, third);
    EXPECT_THAT(contents(third), ElementsAre(100, 201, 302, 103));
    this->end(third, first);
    EXPECT_THAT(contents(first), ElementsAre(100, 101, 102, 104));
  });
}

TYPED_TEST(Cow, AChildDoesNotGetWhatItIsNotToHave) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& parent = rig.mm();
    map<TypeParam>(parent, 0, 6);
    fill<TypeParam>(parent, 0, 6, 1);
    const auto flags = [&](std::uint64_t page, std::uint32_t set, std::uint32_t clear) {
      EXPECT_EQ(do_madvise_flags<TypeParam>(parent, page_at(page), 2 * page_size, set, clear), 0);
    };
    flags(0, VM_DONTCOPY, 0);
    flags(2, VM_WIPEONFORK, 0);
    flags(4, VM_DONTCOPY, 0);
    flags(4, 0, VM_DONTCOPY);
    mm_struct& child = *dup_mm<TypeParam>(parent);
    this->in(child, [&] {
      EXPECT_EQ(peek<TypeParam>(child, 1), unreadable);
      EXPECT_EQ(peek<TypeParam>(child, 3), 0U);
      EXPECT_EQ(user_write<TypeParam>(child, page_at(3), 9), AccessResult::done);
      EXPECT_EQ(peek<TypeParam>(child, 5), 6U);
    });
    this->in(parent, [&] {
      for (unsigned page = 0; page < 6; ++page) EXPECT_EQ(peek<TypeParam>(parent, page), page + 1);
    });
    this->end(child, parent);
  });
}

TYPED_TEST(Cow, SharedMemoryIsSeenByBoth) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& parent = rig.mm();
    put_file(*this->map_file(parent, 0, 4, rw | VM_SHARED));
    fill<TypeParam>(parent, 0, 2, 1);
    mm_struct& child = *dup_mm<TypeParam>(parent);
    rig.flushes();
    EXPECT_EQ(user_write<TypeParam>(parent, page_at(2), 33), AccessResult::done);
    this->in(child, [&] {
      EXPECT_EQ(peek<TypeParam>(child, 0), 1U);
      EXPECT_EQ(peek<TypeParam>(child, 2), 33U);
      EXPECT_EQ(user_write<TypeParam>(child, page_at(0), 7), AccessResult::done);
      EXPECT_EQ(user_write<TypeParam>(child, page_at(3), 8), AccessResult::done);
    });
    this->in(parent, [&] {
      EXPECT_EQ(peek<TypeParam>(parent, 0), 7U);
      EXPECT_EQ(peek<TypeParam>(parent, 3), 8U);
    });
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    this->end(child, parent);
    EXPECT_EQ(peek<TypeParam>(parent, 3), 8U);
  });
}

TYPED_TEST(Cow, WhatIsSharedOutlivesItsMapping) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    address_space* file = this->map_file(rig.mm(), 0, 4, rw | VM_SHARED);
    fill<TypeParam>(rig.mm(), 0, 4, 50);
    dontneed<TypeParam>(rig.mm(), 0, 2);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 51U) << "the file has it";
    unmap<TypeParam>(rig.mm(), 0, 4);
    this->map_file(rig.mm(), 8, 3, VM_READ, file, 1);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 8), 51U) << "from its second page on";
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 10), 53U);
    put_file(*file);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 9), 52U) << "the mapping holds the file";
  });
}

TYPED_TEST(Cow, APrivateMappingOfAFileIsCopiedOnWrite) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = this->map_file(mm, 0, 3, rw | VM_SHARED);
    fill<TypeParam>(mm, 0, 3, 10);
    this->map_file(mm, 8, 3, rw, file);
    put_file(*file);
    EXPECT_EQ(peek<TypeParam>(mm, 8), 10U);
    rig.flushes();
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(8), 20), AccessResult::done);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1))) << "over a page that was there";
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(9) + 8, 21), AccessResult::done);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1))) << "it was mapped around the first read";
    EXPECT_EQ(peek<TypeParam>(mm, 0), 10U);
    EXPECT_EQ(peek<TypeParam>(mm, 8), 20U);
    EXPECT_EQ(peek<TypeParam>(mm, 9), 11U) << "the rest of the copy is the file's";
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(2), 12 + 30), AccessResult::done);
    EXPECT_EQ(peek<TypeParam>(mm, 10), 42U) << "not copied yet, so the file shows through";
    dontneed<TypeParam>(mm, 8, 3);
    EXPECT_EQ(peek<TypeParam>(mm, 8), 10U) << "the copy is gone";
  });
}

TYPED_TEST(Cow, APrivateCopyOfAFileIsSharedByForkLikeAnyPage) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& parent = rig.mm();
    put_file(*this->map_file(parent, 0, 4, rw));
    fill<TypeParam>(parent, 0, 2, 5);
    EXPECT_EQ(peek<TypeParam>(parent, 2), 0U);
    mm_struct& child = *dup_mm<TypeParam>(parent);
    EXPECT_EQ(user_write<TypeParam>(parent, page_at(0), 9), AccessResult::done);
    EXPECT_EQ(user_write<TypeParam>(parent, page_at(2), 9), AccessResult::done);
    this->in(child, [&] {
      EXPECT_EQ(peek<TypeParam>(child, 0), 5U);
      EXPECT_EQ(peek<TypeParam>(child, 2), 0U);
      EXPECT_EQ(user_write<TypeParam>(child, page_at(1), 8), AccessResult::done);
    });
    this->in(parent, [&] { EXPECT_EQ(peek<TypeParam>(parent, 1), 6U); });
    this->end(child, parent);
  });
}

// An area in which no page was ever made private is left to faults.
TYPED_TEST(Cow, OnlyTablesWithPrivatePagesAreCopied) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& parent = rig.mm();
    put_file(*this->map_file(parent, 0, 4, rw | VM_SHARED));
    fill<TypeParam>(parent, 0, 4);
    map<TypeParam>(parent, 1024, 4);
    EXPECT_EQ(peek<TypeParam>(parent, 1024), 0U);
    mm_struct& child = *dup_mm<TypeParam>(parent);
    EXPECT_EQ(child.pgtables.load(order::relaxed), 0);
    mmput<TypeParam>(child);
    move_to<TypeParam>(parent, 0, 4, 2048);
    mm_struct& moved = *dup_mm<TypeParam>(parent);
    EXPECT_EQ(moved.pgtables.load(order::relaxed), 0) << "moving does not make pages private";
    mmput<TypeParam>(moved);
    fill<TypeParam>(parent, 1024, 1);
    mm_struct& copied = *dup_mm<TypeParam>(parent);
    EXPECT_EQ(copied.pgtables.load(order::relaxed), 3);
    mmput<TypeParam>(copied);
  });
}

// Data rule 8: the pages of one PTE table are flushed and freed before its lock is dropped.
TYPED_TEST(Cow, DirtySharedPagesAreFlushedAtTheEndOfEachTable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    put_file(*this->map_file(mm, 510, 4, rw | VM_SHARED));
    fill<TypeParam>(mm, 510, 4);
    rig.flushes();
    dontneed<TypeParam>(mm, 510, 4);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(2, 2)));
    EXPECT_EQ(peek<TypeParam>(mm, 511), 2U);
    EXPECT_EQ(peek<TypeParam>(mm, 512), 3U);
    rig.flushes();
    dontneed<TypeParam>(mm, 510, 4);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(4)))
        << "clean ones, two of them mapped around, wait";
  });
}

// More dirty pages than delayed mapcounts have room for.
TYPED_TEST(Cow, AWholeTableOfDirtySharedPages) {
  for (const bool no_batch : {false, true}) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      put_file(*this->map_file(rig.mm(), 0, 512, rw | VM_SHARED));
      fill<TypeParam>(rig.mm(), 0, 512);
      rig.flushes();
      if (no_batch) rig.allocations.fail(AllocSite::gather_batch, FailingAllocations::always);
      dontneed<TypeParam>(rig.mm(), 0, 512);
      rig.allocations.fail_none();
      const auto flushes = rig.flushes();
      if (is_x86()) {
        EXPECT_EQ(flushes.size(), no_batch ? 75U : 2U) << "74 of 7 pages or less, and the table's";
      }
      EXPECT_EQ(rig.mm().rss.load(order::relaxed), 0);
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 511), 512U);
    });
  }
}

// ---- on two CPUs --------------------------------------------------------------------------------

// Parent and child write the same pages at once, each through its own CPU.
TYPED_TEST(Cow, ParentAndChildWriteAtOnce) {
  each_trial(2, 150, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    mm_struct* child = nullptr;
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 2);
      fill<TypeParam>(rig.mm(), 0, 2, 10);
      child = dup_mm<TypeParam>(rig.mm());
    });
    rig.on_all([&](unsigned cpu) {
      mm_struct& mm = cpu == 0 ? rig.mm() : *child;
      use_mm<TypeParam>(mm);
      EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 100 + cpu), AccessResult::done);
      EXPECT_EQ(peek<TypeParam>(mm, 0), 100U + cpu);
      EXPECT_EQ(peek<TypeParam>(mm, 1), 11U);
      unuse_mm<TypeParam>();
    });
    rig.on(1, [&] {
      use_mm<TypeParam>(*child);
      EXPECT_EQ(peek<TypeParam>(*child, 0), 101U);
      unuse_mm<TypeParam>();
      mmput<TypeParam>(*child);
    });
  });
}

// One thread forks while another writes: the child has what was there at some moment of the fork,
// and nothing of what came after it returned.
TYPED_TEST(Cow, AChildSeesNoWriteOfTheParentAfterTheFork) {
  each_trial(2, 150, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    Atomic<unsigned> forked{0};
    mm_struct* child = nullptr;
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0) map<TypeParam>(rig.mm(), 0, 1);
      meeting.meet();
      if (cpu == 1) {
        for (unsigned n = 1; n <= trial_rounds; ++n) {
          const bool after = forked.load(order::acquire) != 0;
          EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0), after ? 1000 : n),
                    AccessResult::done);
          EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), after ? 1000U : n);
        }
      } else {
        child = dup_mm<TypeParam>(rig.mm());
        forked.store(1, order::release);
      }
      unuse_mm<TypeParam>();
    });
    rig.on(0, [&] {
      use_mm<TypeParam>(*child);
      EXPECT_LE(peek<TypeParam>(*child, 0), trial_rounds);
      unuse_mm<TypeParam>();
      mmput<TypeParam>(*child);
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
