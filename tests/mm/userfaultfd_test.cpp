// SPDX-License-Identifier: GPL-2.0-or-later
// userfaultfd: marks on entries and where they go, what flushes, filling and moving pages. What the
// kernel measured of it is in data/uffd_wp.script and data/uffd_move.script.
#include "mm/userfaultfd.h"

#include <cerrno>

#include "mm/gup.h"
#include "mm/page_cache.h"
#include "mm/vmscan.tcc"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
class Userfaultfd : public testing::Test {
 protected:
  void SetUp() override {
    // A hash fault holds an entry by a bit while it works; userfaultfd's plain stores over present entries
    // do not wait for that, and the kernel has no write protection by userfaultfd there.
    if (std::string_view(A::name).starts_with("ppc64_hash")) GTEST_SKIP() << A::name;
  }
  static std::int64_t reg(mm_struct& mm,
                          std::uint64_t at,
                          std::uint64_t n,
                          std::uint32_t modes = VM_UFFD_WP) {
    return do_uffd_register<A>(mm, page_at(at), n * page_size, modes);
  }
  static std::int64_t unreg(mm_struct& mm, std::uint64_t at, std::uint64_t n) {
    return do_uffd_unregister<A>(mm, page_at(at), n * page_size);
  }
  static std::int64_t wp(mm_struct& mm, std::uint64_t at, std::uint64_t n, bool on = true) {
    return do_uffd_writeprotect<A>(mm, page_at(at), n * page_size, on);
  }
  static std::int64_t zero(mm_struct& mm, std::uint64_t at, std::uint64_t n) {
    return do_uffd_zeropage<A>(mm, page_at(at), n * page_size);
  }
  static std::int64_t copy(mm_struct& mm, std::uint64_t to, std::uint64_t n, std::uint64_t from) {
    return do_uffd_copy<A>(mm, page_at(to), n * page_size, page_at(from));
  }
  static std::int64_t move(mm_struct& mm, std::uint64_t to, std::uint64_t n, std::uint64_t from) {
    return do_uffd_move<A>(mm, page_at(to), page_at(from), n * page_size);
  }
  static pte_t entry(mm_struct& mm, std::uint64_t at) { return peek_pte<A>(mm, page_at(at)); }
  static bool marked(mm_struct& mm, std::uint64_t at) {
    const pte_t pte = entry(mm, at);
    if (A::pte_present(pte)) return A::pte_uffd_wp(pte);
    return pte_marker_uffd_wp<A>(pte) || (is_swap_pte<A>(pte) && A::pte_swp_uffd_wp(pte));
  }
  static page* mapped(mm_struct& mm, std::uint64_t at) {
    return pfn_to_page(A::pte_pfn(entry(mm, at)));
  }
};
TYPED_TEST_SUITE(Userfaultfd, Backends);

TYPED_TEST(Userfaultfd, TheFirstWriteTakesTheMarkAndFlushesNothing) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 4, 10);
    EXPECT_EQ(this->reg(mm, 0, 4), 0);
    rig.flushes();
    EXPECT_EQ(this->wp(mm, 0, 3), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(3)));
    page* before = this->mapped(mm, 1);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 11U);
    EXPECT_TRUE(this->marked(mm, 1));
    fill<TypeParam>(mm, 1, 1, 20);
    EXPECT_FALSE(this->marked(mm, 1));
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_EQ(this->mapped(mm, 1), before);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(this->wp(mm, 0, 3, false), 0);
    EXPECT_FALSE(this->marked(mm, 0));
    fill<TypeParam>(mm, 0, 4);
  });
}

// Without the fix the entry gets the rights of its area anew: those of a page that may be shared.
TYPED_TEST(Userfaultfd, TheEndOfAProtectionTakesNoRight) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    EXPECT_EQ(this->reg(mm, 0, 2), 0);
    fill<TypeParam>(mm, 0, 2, 5);
    rig.flushes();
    EXPECT_EQ(this->wp(mm, 0, 2, false), 0);
    EXPECT_TRUE(TypeParam::pte_write(this->entry(mm, 1)));
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    mm.fixes.uffd_keep_write = false;
    EXPECT_EQ(this->wp(mm, 1, 1, false), 0);
    EXPECT_TRUE(TypeParam::pte_write(this->entry(mm, 0)));
    EXPECT_FALSE(TypeParam::pte_write(this->entry(mm, 1)));
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    fill<TypeParam>(mm, 1, 1, 20);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 20U);
  });
}

TYPED_TEST(Userfaultfd, AMarkerStandsForWhatIsNotThere) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    this->reg(mm, 0, 8);
    EXPECT_EQ(this->wp(mm, 0, 4), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_EQ(peek<TypeParam>(mm, 0), 0U);  // the zero page, with the mark
    EXPECT_TRUE(TypeParam::pte_present(this->entry(mm, 0)));
    EXPECT_TRUE(this->marked(mm, 0));
    fill<TypeParam>(mm, 0, 2, 5);  // one that is there, one that is not
    EXPECT_FALSE(this->marked(mm, 0));
    EXPECT_FALSE(this->marked(mm, 1));
    EXPECT_EQ(peek<TypeParam>(mm, 1), 6U);
    dontneed<TypeParam>(mm, 2, 1);
    EXPECT_TRUE(TypeParam::pte_none(this->entry(mm, 2)));
    EXPECT_EQ(this->wp(mm, 3, 1, false), 0);
    EXPECT_TRUE(TypeParam::pte_none(this->entry(mm, 3)));
  });
}

TYPED_TEST(Userfaultfd, UnregisteringTakesAllMarks) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    fill<TypeParam>(mm, 0, 4);
    this->reg(mm, 0, 8);
    this->wp(mm, 0, 8);
    rig.flushes();
    EXPECT_EQ(this->unreg(mm, 0, 8), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(4)));
    for (unsigned n = 0; n < 8; ++n) EXPECT_FALSE(this->marked(mm, n));
    EXPECT_EQ(mm.vmas.size(), 1U);
    EXPECT_EQ(this->wp(mm, 0, 1), -ENOENT);
  });
}

TYPED_TEST(Userfaultfd, RegisteringCutsAndJoinsAreas) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    EXPECT_EQ(this->reg(mm, 2, 2), 0);
    EXPECT_EQ(mm.vmas.size(), 3U);
    EXPECT_EQ(this->wp(mm, 1, 2), -ENOENT);
    EXPECT_EQ(this->wp(mm, 2, 3), -ENOENT);  // the first part is done
    EXPECT_TRUE(this->marked(mm, 3));
    EXPECT_EQ(this->reg(mm, 0, 8), 0);
    EXPECT_EQ(mm.vmas.size(), 1U);
    EXPECT_TRUE(this->marked(mm, 3));
    EXPECT_EQ(this->reg(mm, 100, 1), -EINVAL);
    EXPECT_EQ(this->reg(mm, 0, 0), -EINVAL);
    EXPECT_EQ(this->reg(mm, 0, 1, 0), -EINVAL);
    EXPECT_EQ(do_uffd_register<TypeParam>(mm, page_at(0) + 1, page_size, VM_UFFD_WP), -EINVAL);
    EXPECT_EQ(this->unreg(mm, 100, 1), -EINVAL);
    EXPECT_EQ(this->wp(mm, 100, 1), -ENOENT);
  });
}

// The rights come back only where the mark goes; the mark stays through mprotect and swap.
TYPED_TEST(Userfaultfd, ProtectionAndSwapKeepTheMark) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(4);
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2, 10);
    this->reg(mm, 0, 2);
    this->wp(mm, 0, 2);
    protect<TypeParam>(mm, 0, 2, VM_READ);
    protect<TypeParam>(mm, 0, 2, rw);
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_FALSE(TypeParam::pte_write(this->entry(mm, 0)));
    ASSERT_EQ(swap_out_page<TypeParam>(mm, page_at(0)), 0);
    ASSERT_EQ(swap_out_page<TypeParam>(mm, page_at(1)), 0);
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_EQ(peek<TypeParam>(mm, 0), 10U);
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_EQ(this->wp(mm, 1, 1, false), 0);
    EXPECT_FALSE(this->marked(mm, 1));
    EXPECT_EQ(this->wp(mm, 1, 1), 0);
    fill<TypeParam>(mm, 1, 1, 20);
    EXPECT_FALSE(this->marked(mm, 1));
    EXPECT_EQ(peek<TypeParam>(mm, 1), 20U);
  });
}

TYPED_TEST(Userfaultfd, ForkAndMovesLeaveTheMarksBehind) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 2, 10);
    this->reg(mm, 0, 4);
    this->wp(mm, 0, 4);
    mm_struct* child = dup_mm<TypeParam>(mm);
    EXPECT_TRUE(this->marked(mm, 0));
    EXPECT_TRUE(this->marked(mm, 3));
    EXPECT_FALSE(this->marked(*child, 0));
    EXPECT_TRUE(TypeParam::pte_none(this->entry(*child, 3)));
    EXPECT_EQ(child->vmas.begin()->vm_flags & ~VM_SOFTDIRTY, rw);
    use_mm<TypeParam>(*child);
    fill<TypeParam>(*child, 0, 4, 30);
    use_mm<TypeParam>(mm);
    mmput<TypeParam>(*child);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 10U);
    move_to<TypeParam>(mm, 0, 4, 64);
    EXPECT_FALSE(this->marked(mm, 64));
    EXPECT_TRUE(TypeParam::pte_none(this->entry(mm, 67)));
    EXPECT_EQ(this->wp(mm, 64, 1), -ENOENT);
    fill<TypeParam>(mm, 64, 4);
  });
}

TYPED_TEST(Userfaultfd, SharedMemoryIsProtectedToo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = file_create();
    do_mmap<TypeParam>(mm, {.address = page_at(0),
                            .length = 2 * page_size,
                            .flags = rw | VM_SHARED,
                            .fixed = true,
                            .file = file});
    fill<TypeParam>(mm, 0, 1, 10);
    this->reg(mm, 0, 2);
    EXPECT_EQ(this->wp(mm, 0, 2), 0);
    EXPECT_FALSE(TypeParam::pte_write(this->entry(mm, 0)));
    EXPECT_EQ(peek<TypeParam>(mm, 1), 0U);
    EXPECT_TRUE(this->marked(mm, 1));
    EXPECT_FALSE(TypeParam::pte_write(this->entry(mm, 1)));
    fill<TypeParam>(mm, 0, 2, 20);
    EXPECT_FALSE(this->marked(mm, 0));
    EXPECT_FALSE(this->marked(mm, 1));
    put_file(*file);
  });
}

TYPED_TEST(Userfaultfd, ZeropageAndCopyFillWhatIsEmpty) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 8);
    map<TypeParam>(mm, 64, 8);
    fill<TypeParam>(mm, 64, 2, 40);
    EXPECT_EQ(this->zero(mm, 0, 1), -ENOENT);
    this->reg(mm, 0, 8, VM_UFFD_MISSING);
    rig.flushes();
    EXPECT_EQ(this->zero(mm, 0, 2), 0);
    EXPECT_EQ(this->mapped(mm, 1), zero_page());
    EXPECT_EQ(this->zero(mm, 1, 2), -EEXIST);
    EXPECT_EQ(this->copy(mm, 2, 3, 64), 0);  // the third source page is not there yet
    EXPECT_EQ(peek<TypeParam>(mm, 2), 40U);
    EXPECT_EQ(peek<TypeParam>(mm, 3), 41U);
    EXPECT_EQ(peek<TypeParam>(mm, 4), 0U);
    EXPECT_EQ(this->copy(mm, 2, 1, 64), -EEXIST);
    EXPECT_EQ(this->copy(mm, 5, 1, 200), -EFAULT);
    EXPECT_EQ(this->copy(mm, 6, 4, 64), -ENOENT);  // over the end of the area
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    rig.allocations.fail(AllocSite::user_page, 1);
    EXPECT_EQ(this->copy(mm, 5, 1, 64), -ENOMEM);
    fill<TypeParam>(mm, 2, 1, 50);
    EXPECT_EQ(peek<TypeParam>(mm, 64), 40U);
  });
}

TYPED_TEST(Userfaultfd, MoveTakesThePageAlong) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1024);
    map<TypeParam>(mm, 2048, 16);
    fill<TypeParam>(mm, 2048, 8, 40);
    page* p = this->mapped(mm, 2048);
    this->reg(mm, 0, 1024, VM_UFFD_MISSING);
    rig.flushes();
    EXPECT_EQ(this->move(mm, 510, 4, 2048), 0);  // over the border of a table: two stretches
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(2, 2)));
    EXPECT_EQ(this->mapped(mm, 510), p);
    EXPECT_EQ(peek<TypeParam>(mm, 513), 43U);
    EXPECT_TRUE(TypeParam::pte_none(this->entry(mm, 2048)));
    fill<TypeParam>(mm, 510, 1, 99);  // writable at once
    EXPECT_EQ(this->mapped(mm, 510), p);
    EXPECT_EQ(peek<TypeParam>(mm, 2048), 0U);
    EXPECT_EQ(this->move(mm, 0, 1, 2048), 0);  // the zero page
    EXPECT_EQ(this->mapped(mm, 0), zero_page());
  });
}

TYPED_TEST(Userfaultfd, WhatDoesNotMove) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(4);
    map<TypeParam>(mm, 0, 16);
    map<TypeParam>(mm, 64, 16);
    map<TypeParam>(mm, 128, 1, VM_READ);
    fill<TypeParam>(mm, 64, 4, 40);
    EXPECT_EQ(this->move(mm, 0, 1, 64), -EINVAL);  // not registered
    this->reg(mm, 0, 16, VM_UFFD_MISSING);
    EXPECT_EQ(this->move(mm, 0, 1, 128), -EINVAL);
    EXPECT_EQ(this->move(mm, 0, 1, 300), -EINVAL);
    EXPECT_EQ(this->move(mm, 0, 1, 79), -ENOENT);
    fill<TypeParam>(mm, 1, 1);
    EXPECT_EQ(this->move(mm, 1, 1, 64), -EEXIST);
    EXPECT_EQ(this->move(mm, 0, 2, 64), -EAGAIN);  // the first has moved
    EXPECT_EQ(peek<TypeParam>(mm, 0), 40U);
    page* p = nullptr;
    ASSERT_EQ((get_user_pages_fast<TypeParam>(mm, page_at(65), 1, FOLL_PIN, &p)), 1);
    EXPECT_EQ(this->move(mm, 2, 1, 65), -EBUSY);
    EXPECT_EQ(this->mapped(mm, 65), p);
    unpin_user_page(p);
    mm_struct* child = dup_mm<TypeParam>(mm);
    EXPECT_EQ(this->move(mm, 2, 1, 65), -EBUSY);
    mmput<TypeParam>(*child);
    EXPECT_EQ(swap_out_page<TypeParam>(mm, page_at(66)), 0);
    EXPECT_EQ(this->move(mm, 3, 1, 66), -EBUSY);  // shared with the child when it went out
    fill<TypeParam>(mm, 67, 1, 77);
    EXPECT_EQ(swap_out_page<TypeParam>(mm, page_at(67)), 0);
    rig.flushes();
    EXPECT_EQ(this->move(mm, 4, 1, 67), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(peek<TypeParam>(mm, 4), 77U);
  });
}

// ---- races ---------------------------------------------------------------------------------------

// CPU 0 write-protects under mmap_lock for reading. CPU 1 writes, faults, and copies the page,
// because a child has it too. CPU 2 writes meanwhile, through an old translation: what it wrote may
// not stay in the page that the copy was made from.
TYPED_TEST(Userfaultfd, NoWriteIsLostWhileAPageIsCopied) {
  each_trial(3, 600, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    page* held = nullptr;
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 1);
      fill<TypeParam>(rig.mm(), 0, 1, 10);
      this->reg(rig.mm(), 0, 1);
      // A reference and no exclusivity: the next write through the fault handler copies.
      ASSERT_EQ((get_user_pages_fast<TypeParam>(rig.mm(), page_at(0), 1, 0, &held)), 1);
      page_clear(held, PG_anon_exclusive);
    });
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 0) {
        this->wp(mm, 0, 1);
      } else {
        const vaddr_t mine = page_at(0) + 8 * cpu;
        for (unsigned n = 1; n <= trial_rounds; ++n) {
          EXPECT_EQ(user_write<TypeParam>(mm, mine, n), AccessResult::done);
          std::uint64_t seen = 0;
          EXPECT_EQ(user_read<TypeParam>(mm, mine, seen), AccessResult::done);
          EXPECT_EQ(seen, n);
        }
      }
      unuse_mm<TypeParam>();
    });
    rig.run([&] {
      put_page(held);
      unuse_mm<TypeParam>();
    });
  });
}

TYPED_TEST(Userfaultfd, MoveAgainstWritesAndFaults) {
  each_trial(2, 400, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 4);
      map<TypeParam>(rig.mm(), 64, 4);
      this->reg(rig.mm(), 0, 4, VM_UFFD_MISSING);
      this->reg(rig.mm(), 64, 4, VM_UFFD_MISSING);
      fill<TypeParam>(rig.mm(), 64, 1, 1);
    });
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 0) {
        this->move(mm, 0, 1, 64);
      } else {
        // Once the page has been seen at the new place nothing written at the old one appears there.
        std::uint64_t there = peek<TypeParam>(mm, 0);
        EXPECT_EQ(user_write<TypeParam>(mm, page_at(64), 2), AccessResult::done);
        if (there != 0) {
          EXPECT_EQ(peek<TypeParam>(mm, 0), there);
        }
      }
      unuse_mm<TypeParam>();
    });
    rig.run([&] {
      const std::uint64_t here = peek<TypeParam>(rig.mm(), 64),
                          there = peek<TypeParam>(rig.mm(), 0);
      EXPECT_TRUE(here == 2 || there == 2) << here << ' ' << there;
      unuse_mm<TypeParam>();
    });
  });
}

// Opposite moves take the same two locks.
TYPED_TEST(Userfaultfd, MovesInOppositeDirections) {
  each_trial(2, 300, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 4);
      map<TypeParam>(rig.mm(), 1024, 4);
      this->reg(rig.mm(), 0, 4, VM_UFFD_MISSING);
      this->reg(rig.mm(), 1024, 4, VM_UFFD_MISSING);
      fill<TypeParam>(rig.mm(), 0, 1, 1);
      fill<TypeParam>(rig.mm(), 1025, 1, 2);
    });
    rig.run_all([&](unsigned cpu) {
      if (cpu == 0)
        EXPECT_EQ(this->move(rig.mm(), 1024, 1, 0), 0);
      else
        EXPECT_EQ(this->move(rig.mm(), 1, 1, 1025), 0);
      unuse_mm<TypeParam>();
    });
    rig.run([&] {
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 1024), 1U);
      EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 2U);
      unuse_mm<TypeParam>();
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
