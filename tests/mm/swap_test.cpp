// SPDX-License-Identifier: GPL-2.0-or-later
// Swap: slots and their counts, the cache, pages that go out and come back, and what every walker
// does with an entry that names a slot.
#include "mm/swap.h"

#include <cerrno>

#include "tests/mm/swapped_pages.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class A>
using Swap = SwappedPages<A>;
TYPED_TEST_SUITE(Swap, Backends);

TYPED_TEST(Swap, APageGoesOutAndComesBack) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    ASSERT_EQ(swapon(8), 0);
    EXPECT_EQ(swapon(8), -EBUSY);
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2, 40);
    const long frames = frames_in_use();
    rig.flushes();
    EXPECT_EQ(this->out(mm, 1), 0);
    EXPECT_THAT(rig.flushes(), as_on_x86(ElementsAre(1)));
    EXPECT_TRUE(this->swapped(mm, 1));
    EXPECT_EQ(frames_in_use(), frames - 1);
    EXPECT_EQ(swap_slots_in_use(), 1U);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 41U);
    EXPECT_EQ(swap_slots_in_use(), 0U);
    EXPECT_TRUE(page_test(this->mapped(mm, 1), PG_anon_exclusive));
    fill<TypeParam>(mm, 1, 1, 50);  // in place
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(this->out(mm, 1), 0);  // what was written since went out too
    EXPECT_EQ(peek<TypeParam>(mm, 1), 50U);
  });
}

TYPED_TEST(Swap, AWriteFaultBringsItBackWritable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    ASSERT_EQ(this->out(mm, 0), 0);
    const auto faults = page_faults(rig.machine(), 0);
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(0) + 8, 8), AccessResult::done);
    if (faults.has_value()) {
      EXPECT_EQ(*page_faults(rig.machine(), 0), *faults + 1);
    }
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
  });
}

TYPED_TEST(Swap, WhatCannotGoOut) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 2, 7);
    EXPECT_EQ(this->out(mm, 0), -ENOMEM);  // no device
    swapon(1);
    EXPECT_EQ(this->out(mm, 3), -ENOENT);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 0U);
    EXPECT_EQ(this->out(mm, 2), -ENOENT);  // the zero page
    EXPECT_EQ(this->out(mm, 600), -ENOENT);
    page* p = nullptr;
    ASSERT_EQ((get_user_pages_fast<TypeParam>(mm, page_at(0), 1, FOLL_PIN, &p)), 1);
    EXPECT_EQ(this->out(mm, 0), -EBUSY);
    EXPECT_EQ(this->mapped(mm, 0), p);
    EXPECT_TRUE(page_test(p, PG_anon_exclusive));
    EXPECT_EQ(swap_slots_in_use(), 0U);
    unpin_user_page(p);
    EXPECT_EQ(this->out(mm, 0), 0);
    EXPECT_EQ(this->out(mm, 1), -ENOMEM);  // no slot left
    EXPECT_EQ(peek<TypeParam>(mm, 1), 8U);
  });
}

TYPED_TEST(Swap, NoMemoryToWriteOrToRead) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(4);
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    rig.allocations.fail(AllocSite::object, 1);
    EXPECT_EQ(this->out(mm, 0), -ENOMEM);  // in the cache, and found there
    EXPECT_TRUE(this->swapped(mm, 0));
    rig.allocations.fail(AllocSite::user_page, FailingAllocations::always);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
    rig.allocations.fail_none();
    ASSERT_EQ(this->out(mm, 0), 0);
    rig.allocations.fail(AllocSite::user_page, 1);
    std::uint64_t value = 0;
    EXPECT_EQ(user_read<TypeParam>(mm, page_at(0), value), AccessResult::oom);
    rig.allocations.fail_none();
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
  });
}

TYPED_TEST(Swap, UnmappingGivesTheSlotBackAndFlushesNothing) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 4);
    for (unsigned n = 0; n < 4; ++n) this->out(mm, n);
    EXPECT_EQ(swap_slots_in_use(), 4U);
    rig.flushes();
    dontneed<TypeParam>(mm, 0, 2);
    EXPECT_THAT(rig.flushes(), as_on_x86(IsEmpty()));
    EXPECT_EQ(swap_slots_in_use(), 2U);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 0U);
    unmap<TypeParam>(mm, 2, 1);
    EXPECT_EQ(swap_slots_in_use(), 1U);
  });  // the last one goes with the mm
}

TYPED_TEST(Swap, AForkSharesTheSlot) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    ASSERT_EQ(this->out(mm, 0), 0);
    EXPECT_TRUE(TypeParam::pte_swp_exclusive(this->entry(mm, 0)));
    mm_struct* child = dup_mm<TypeParam>(mm);
    EXPECT_FALSE(TypeParam::pte_swp_exclusive(this->entry(mm, 0)));
    EXPECT_EQ(swap_count(TypeParam::pte_swap_entry(this->entry(*child, 0))), 2U);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
    page* p = this->mapped(mm, 0);
    EXPECT_FALSE(page_test(p, PG_anon_exclusive));
    EXPECT_FALSE(TypeParam::pte_write(this->entry(mm, 0)));
    EXPECT_TRUE(page_test(p, PG_swapcache));
    fill<TypeParam>(mm, 0, 1, 8);  // the child's contents stay in the slot
    EXPECT_NE(this->mapped(mm, 0), p);
    use_mm<TypeParam>(*child);
    EXPECT_EQ(peek<TypeParam>(*child, 0), 7U);
    EXPECT_EQ(this->mapped(*child, 0), p);  // from the cache
    EXPECT_TRUE(page_test(p, PG_anon_exclusive));
    EXPECT_EQ(swap_slots_in_use(), 0U);
    this->end(*child, mm);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 8U);
  });
}

TYPED_TEST(Swap, AWriteToASharedSlotCopies) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    this->out(mm, 0);
    mm_struct* child = dup_mm<TypeParam>(mm);
    fill<TypeParam>(mm, 0, 1, 9);
    use_mm<TypeParam>(*child);
    fill<TypeParam>(*child, 0, 1, 10);
    EXPECT_EQ(peek<TypeParam>(*child, 0), 10U);
    this->end(*child, mm);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 9U);
    EXPECT_EQ(swap_slots_in_use(), 0U);
  });
}

// A page that parent and child share goes out of both, into one slot.
TYPED_TEST(Swap, ASharedPageGoesOutOfBoth) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    mm_struct* child = dup_mm<TypeParam>(mm);
    EXPECT_EQ(this->out(mm, 0), 0);
    EXPECT_FALSE(TypeParam::pte_swp_exclusive(this->entry(mm, 0)));
    EXPECT_EQ(this->out(*child, 0), -ENOENT);
    EXPECT_EQ(swap_slots_in_use(), 1U);
    EXPECT_EQ(this->entry(mm, 0), this->entry(*child, 0));
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
    this->end(*child, mm);
    fill<TypeParam>(mm, 0, 1, 8);
    EXPECT_EQ(swap_slots_in_use(), 0U);
  });
}

TYPED_TEST(Swap, MovesAndProtectionLeaveTheSlotAlone) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    this->out(mm, 0);
    rig.flushes();
    EXPECT_EQ(protect<TypeParam>(mm, 0, 1, VM_READ), 0);
    EXPECT_EQ(move_to<TypeParam>(mm, 0, 1, 64), static_cast<std::int64_t>(page_at(64)));
    EXPECT_TRUE(this->swapped(mm, 64));
    EXPECT_TRUE(TypeParam::pte_swp_exclusive(this->entry(mm, 64)));
    EXPECT_EQ(peek<TypeParam>(mm, 64), 7U);
    EXPECT_FALSE(TypeParam::pte_write(this->entry(mm, 64)));
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(64), 1), AccessResult::sigsegv);
    EXPECT_EQ(protect<TypeParam>(mm, 64, 1, rw), 0);
    fill<TypeParam>(mm, 64, 1, 8);
  });
}

TYPED_TEST(Swap, APinBringsThePageBack) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(8);
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    this->out(mm, 0);
    page* p = nullptr;
    EXPECT_EQ((get_user_pages_fast_only<TypeParam>(mm, page_at(0), 1, FOLL_PIN, &p)), 0U);
    EXPECT_EQ((get_user_pages_fast<TypeParam>(mm, page_at(0), 1, FOLL_PIN, &p)), 1);
    EXPECT_EQ(this->mapped(mm, 0), p);
    EXPECT_EQ(read_once(*static_cast<std::uint64_t*>(p->frame)), 7U);
    unpin_user_page(p);
  });
}

// ---- races ---------------------------------------------------------------------------------------

// One CPU puts pages out while another writes to them and reads them back: no write is lost.
TYPED_TEST(Swap, AgainstWrites) {
  each_trial(2, 400, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      swapon(8);
      map<TypeParam>(rig.mm(), 0, 2);
      fill<TypeParam>(rig.mm(), 0, 2, 10);
    });
    rig.run_all([&](unsigned cpu) {
      for (unsigned n = 0; n < trial_rounds; ++n) {
        if (cpu == 1) {
          this->out(rig.mm(), n % 2);
        } else {
          EXPECT_EQ(user_write<TypeParam>(rig.mm(), page_at(0), 100 + n), AccessResult::done);
          EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 100U + n);
          EXPECT_EQ(peek<TypeParam>(rig.mm(), 1), 11U);
        }
      }
      unuse_mm<TypeParam>();
    });
  });
}

TYPED_TEST(Swap, AgainstAPin) {
  each_trial(2, 400, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      swapon(8);
      map<TypeParam>(rig.mm(), 0, 1);
      fill<TypeParam>(rig.mm(), 0, 1, 10);
    });
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 1) {
        this->out(mm, 0);
      } else {
        page* p = nullptr;
        ASSERT_EQ((get_user_pages_fast<TypeParam>(mm, page_at(0), 1, FOLL_PIN, &p)), 1);
        EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 11), AccessResult::done);
        EXPECT_EQ(read_once(*static_cast<std::uint64_t*>(p->frame)), 11U);
        unpin_user_page(p);
      }
      unuse_mm<TypeParam>();
    });
  });
}

// Two CPUs put out one page, which they have in one address space or in two, and bring it back or zap
// it: the slot that one of them found stays what it is while he works with it.
TYPED_TEST(Swap, OnePageFromTwoCpus) {
  for (const bool shared : {false, true}) {
    each_trial(2, 400, [this, shared](const MachineOptions& options) {
      MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
      mm_struct* other = &rig.mm();
      rig.run([&] {
        swapon(8);
        map<TypeParam>(rig.mm(), 0, 1);
        fill<TypeParam>(rig.mm(), 0, 1, 7);
        if (shared) other = dup_mm<TypeParam>(rig.mm());
      });
      rig.on_all([&](unsigned cpu) {
        mm_struct& mm = cpu == 0 ? rig.mm() : *other;
        use_mm<TypeParam>(mm);
        for (unsigned n = 0; n < trial_rounds; ++n) {
          this->out(mm, 0);
          EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
        }
        this->out(mm, 0);
        if (cpu == 1 && shared) dontneed<TypeParam>(mm, 0, 1);
        unuse_mm<TypeParam>();
      });
      rig.run([&] {
        EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), 7U);
        if (shared) mmput<TypeParam>(*other);
        dontneed<TypeParam>(rig.mm(), 0, 1);
        EXPECT_EQ(swap_slots_in_use(), 0U);
        unuse_mm<TypeParam>();
      });
    });
  }
}

// Two address spaces fault on one slot, one of them writes, one of them goes away.
TYPED_TEST(Swap, TwoFaultsOnOneSlot) {
  each_trial(2, 400, [this](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    mm_struct* child = nullptr;
    rig.run([&] {
      swapon(8);
      map<TypeParam>(rig.mm(), 0, 2);
      fill<TypeParam>(rig.mm(), 0, 2, 10);
      this->out(rig.mm(), 0);
      this->out(rig.mm(), 1);
      child = dup_mm<TypeParam>(rig.mm());
    });
    rig.on_all([&](unsigned cpu) {
      mm_struct& mm = cpu == 0 ? rig.mm() : *child;
      use_mm<TypeParam>(mm);
      EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 100 + cpu), AccessResult::done);
      if (cpu == 0) dontneed<TypeParam>(mm, 1, 1);
      EXPECT_EQ(peek<TypeParam>(mm, 0), 100U + cpu);
      EXPECT_EQ(peek<TypeParam>(mm, 1), cpu == 0 ? 0U : 11U);
      unuse_mm<TypeParam>();
    });
    rig.on(1, [&] {
      use_mm<TypeParam>(*child);
      fill<TypeParam>(*child, 1, 1, 12);
      unuse_mm<TypeParam>();
      mmput<TypeParam>(*child);
      EXPECT_EQ(swap_slots_in_use(), 0U);
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
