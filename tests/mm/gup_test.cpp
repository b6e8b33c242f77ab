// SPDX-License-Identifier: GPL-2.0-or-later
// get_user_pages_fast and pins: which pages it gives, what it leaves to the walk with the lock, and
// that a pinned page stays what its address shows.
#include "mm/gup.h"

#include <cerrno>

#include "mm/page_cache.h"
#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr GupFlags pin_to_write = FOLL_PIN | FOLL_WRITE;

template <class A>
class Gup : public testing::Test {
 protected:
  static page* mapped(mm_struct& mm, std::uint64_t at) {
    return pfn_to_page(A::pte_pfn(peek_pte<A>(mm, page_at(at))));
  }
  static std::int64_t pin(
      mm_struct& mm, std::uint64_t at, std::uint64_t nr, GupFlags flags, page** pages) {
    return get_user_pages_fast<A>(mm, page_at(at), nr, flags, pages);
  }
  static std::uint64_t pin_fast(
      mm_struct& mm, std::uint64_t at, std::uint64_t nr, GupFlags flags, page** pages) {
    return get_user_pages_fast_only<A>(mm, page_at(at), nr, flags, pages);
  }
  static std::uint64_t word(const page* p) {
    return read_once(*static_cast<const std::uint64_t*>(p->frame));
  }
  static void end(mm_struct& child, mm_struct& parent) {
    use_mm<A>(parent);
    mmput<A>(child);
  }
};
TYPED_TEST_SUITE(Gup, Backends);

TYPED_TEST(Gup, PinsWhatIsMappedWithoutALock) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 510, 4);  // over the border of a table
    fill<TypeParam>(mm, 510, 4);
    page* pages[4]{};
    mm.mmap_lock.down_write();
    EXPECT_EQ(this->pin_fast(mm, 510, 4, pin_to_write, pages), 4U);
    mm.mmap_lock.up_write();
    for (unsigned n = 0; n < 4; ++n) {
      EXPECT_EQ(pages[n], this->mapped(mm, 510 + n));
      EXPECT_TRUE(folio_maybe_dma_pinned(pages[n]));
      EXPECT_EQ(this->word(pages[n]), 1 + n);
    }
    unpin_user_pages(pages, 4);
    EXPECT_FALSE(folio_maybe_dma_pinned(pages[0]));
    EXPECT_EQ(pages[0]->refcount.load(order::relaxed), 1);
  });
}

TYPED_TEST(Gup, AReferenceIsNoPin) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1);
    page* p = nullptr;
    EXPECT_EQ(this->pin(mm, 0, 1, FOLL_WRITE, &p), 1);
    EXPECT_EQ(p->refcount.load(order::relaxed), 2);
    EXPECT_FALSE(folio_maybe_dma_pinned(p));
    EXPECT_FALSE(mm.has_pinned.load(order::relaxed));
    put_page(p);
  });
}

TYPED_TEST(Gup, StopsAtTheFirstPageThatItMayNotHave) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 2);
    page* pages[4]{};
    EXPECT_EQ(this->pin_fast(mm, 0, 4, pin_to_write, pages), 2U);
    unpin_user_pages(pages, 2);
    protect<TypeParam>(mm, 1, 1, VM_READ);
    EXPECT_EQ(this->pin_fast(mm, 0, 4, pin_to_write, pages), 1U);
    unpin_user_pages(pages, 1);
    EXPECT_EQ(this->pin_fast(mm, 0, 4, FOLL_PIN, pages), 2U);
    unpin_user_pages(pages, 2);
    protect<TypeParam>(mm, 0, 1, 0);
    EXPECT_EQ(this->pin_fast(mm, 0, 4, FOLL_PIN, pages), 0U);
    EXPECT_EQ(this->pin_fast(mm, 600, 1, FOLL_PIN, pages), 0U);
  });
}

TYPED_TEST(Gup, FaultsInWhatIsMissing) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 1, 1, 7);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 0U);  // the zero page is there
    page* pages[4]{};
    EXPECT_EQ(this->pin(mm, 0, 4, pin_to_write, pages), 4);
    for (unsigned n = 0; n < 4; ++n) EXPECT_EQ(pages[n], this->mapped(mm, n));
    EXPECT_EQ(this->word(pages[1]), 7U);
    EXPECT_NE(pages[2], zero_page());
    unpin_user_pages(pages, 4);
  });
}

TYPED_TEST(Gup, TheZeroPageIsNotCounted) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 1);
    page* p = nullptr;
    EXPECT_EQ(this->pin(rig.mm(), 0, 1, FOLL_PIN, &p), 1);
    EXPECT_EQ(p, zero_page());
    EXPECT_EQ(p->refcount.load(order::relaxed), 0);
    unpin_user_page(p);
  });
}

TYPED_TEST(Gup, Errors) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1, VM_READ);
    map<TypeParam>(mm, 1, 2);
    page* pages[4]{};
    EXPECT_EQ(this->pin(mm, 0, 1, pin_to_write, pages), -EFAULT);
    EXPECT_EQ(this->pin(mm, 5, 1, FOLL_PIN, pages), -EFAULT);
    EXPECT_EQ(this->pin(mm, 1, 4, pin_to_write, pages), 2);  // up to the hole
    unpin_user_pages(pages, 2);
    const vaddr_t last = mm.task_size - page_size;
    EXPECT_EQ(get_user_pages_fast<TypeParam>(mm, last, 2, FOLL_PIN, pages), -EFAULT);
    EXPECT_EQ(get_user_pages_fast<TypeParam>(mm, mm.task_size, 0, FOLL_PIN, pages), -EFAULT);
    dontneed<TypeParam>(mm, 1, 2);
    rig.allocations.fail(AllocSite::user_page, 1);
    EXPECT_EQ(this->pin(mm, 1, 1, pin_to_write, pages), -ENOMEM);
    rig.allocations.fail(AllocSite::user_page, 2);
    EXPECT_EQ(this->pin(mm, 1, 2, pin_to_write, pages), 1);
    unpin_user_page(pages[0]);
  });
}

TYPED_TEST(Gup, APageOfAFileIsPinnedWhereItIs) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    address_space* file = file_create();
    do_mmap<TypeParam>(mm, {.address = page_at(0),
                            .length = page_size,
                            .flags = rw | VM_SHARED,
                            .fixed = true,
                            .file = file});
    page* p = nullptr;
    EXPECT_EQ(this->pin(mm, 0, 1, pin_to_write, &p), 1);
    EXPECT_EQ(p, this->mapped(mm, 0));
    unpin_user_page(p);
    EXPECT_EQ(this->pin(mm, 0, 1, FOLL_PIN, &p), 1);
    EXPECT_FALSE(page_test(p, PG_anon));
    unpin_user_page(p);
    put_file(*file);
  });
}

TYPED_TEST(Gup, APinnedPageOutlivesItsMapping) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 42);
    page* p = nullptr;
    ASSERT_EQ(this->pin(mm, 0, 1, FOLL_PIN, &p), 1);
    const auto generation = p->generation.load(order::relaxed);
    unmap<TypeParam>(mm, 0, 1);
    EXPECT_EQ(p->generation.load(order::relaxed), generation);
    EXPECT_EQ(this->word(p), 42U);
    unpin_user_page(p);
    EXPECT_NE(p->generation.load(order::relaxed), generation);
  });
}

// ---- fork and copies on write ------------------------------------------------------------------

TYPED_TEST(Gup, ForkCopiesAPinnedPageForTheChild) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2, 10);
    page* p = nullptr;
    ASSERT_EQ(this->pin(mm, 0, 1, FOLL_PIN, &p), 1);
    mm_struct* child = dup_mm<TypeParam>(mm);
    EXPECT_EQ(this->mapped(mm, 0), p);
    EXPECT_TRUE(page_test(p, PG_anon_exclusive));
    EXPECT_NE(this->mapped(*child, 0), p);
    EXPECT_EQ(this->mapped(*child, 1), this->mapped(mm, 1));
    EXPECT_EQ(this->word(this->mapped(*child, 0)), 10U);
    rig.flushes();
    fill<TypeParam>(mm, 0, 1, 11);  // in place
    EXPECT_THAT(rig.flushes(), as_on_x86(testing::IsEmpty()));
    EXPECT_EQ(this->mapped(mm, 0), p);
    use_mm<TypeParam>(*child);
    EXPECT_EQ(peek<TypeParam>(*child, 0), 10U);
    fill<TypeParam>(*child, 0, 1, 12);
    this->end(*child, mm);
    EXPECT_EQ(this->word(p), 11U);
    unpin_user_page(p);
  });
}

TYPED_TEST(Gup, ForkWithoutMemoryForThePinnedPageFails) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1);
    page* p = nullptr;
    ASSERT_EQ(this->pin(mm, 0, 1, FOLL_PIN, &p), 1);
    rig.allocations.fail(AllocSite::user_page, 1);
    EXPECT_EQ(dup_mm<TypeParam>(mm), nullptr);
    rig.allocations.fail_none();
    EXPECT_EQ(this->mapped(mm, 0), p);
    unpin_user_page(p);
  });
}

// The device would read a page that the next write replaces: it gets one of the mm's own.
TYPED_TEST(Gup, APinForReadingOfASharedPageMakesACopy) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 5);
    mm_struct* child = dup_mm<TypeParam>(mm);
    page* shared = this->mapped(mm, 0);
    page* p = nullptr;
    EXPECT_EQ(this->pin_fast(mm, 0, 1, FOLL_PIN, &p), 0U);
    EXPECT_EQ(this->pin_fast(mm, 0, 1, 0, &p), 1U);  // a reference may be to a shared one
    EXPECT_EQ(p, shared);
    put_page(p);
    ASSERT_EQ(this->pin(mm, 0, 1, FOLL_PIN, &p), 1);
    EXPECT_NE(p, shared);
    EXPECT_FALSE(TypeParam::pte_write(peek_pte<TypeParam>(mm, page_at(0))));
    fill<TypeParam>(mm, 0, 1, 6);
    EXPECT_EQ(this->mapped(mm, 0), p);
    EXPECT_EQ(this->word(p), 6U);
    EXPECT_EQ(this->word(shared), 5U);
    unpin_user_page(p);
    this->end(*child, mm);
  });
}

TYPED_TEST(Gup, APinForReadingTakesAPageThatNobodyElseHasAnyMore) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 5);
    this->end(*dup_mm<TypeParam>(mm), mm);
    page* before = this->mapped(mm, 0);
    page* p = nullptr;
    ASSERT_EQ(this->pin(mm, 0, 1, FOLL_PIN, &p), 1);
    EXPECT_EQ(p, before);
    EXPECT_TRUE(page_test(p, PG_anon_exclusive));
    unpin_user_page(p);
  });
}

TYPED_TEST(Gup, NoPinWithoutALockWhileForkIsAtWork) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1);
    page* p = nullptr;
    mm.write_protect_seq.write_begin();
    EXPECT_EQ(this->pin_fast(mm, 0, 1, pin_to_write, &p), 0U);
    EXPECT_EQ(this->pin_fast(mm, 0, 1, FOLL_WRITE, &p), 1U);
    mm.write_protect_seq.write_end();
    put_page(p);
  });
}

TYPED_TEST(Gup, APinnedPageIsNotShared) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 1);
    fill<TypeParam>(rig.mm(), 0, 1);
    page* p = nullptr;
    ASSERT_EQ(this->pin(rig.mm(), 0, 1, FOLL_PIN, &p), 1);
    EXPECT_FALSE(folio_try_share_anon_rmap_pte(p));
    EXPECT_TRUE(page_test(p, PG_anon_exclusive));
    unpin_user_page(p);
    EXPECT_TRUE(folio_try_share_anon_rmap_pte(p));
    EXPECT_FALSE(page_test(p, PG_anon_exclusive));
  });
}

// ---- races ---------------------------------------------------------------------------------------

// CPU 1 takes the page away again and again and gives its frame to another address; CPU 0 pins what
// the first address has. In one half of the trials CPU 0 runs the mm, so a flush interrupts it; in
// the other half it does not: then only the second look at the entries, and RCU, help. Where tables do not
// wait for RCU nobody may walk an mm that he does not run.
template <class A, class Unmap>
void pins_only_the_page_of_the_address(Unmap unmap_it) {
  constexpr unsigned most = 200;
  constexpr std::uint64_t others = 1000;
  for (const bool interrupted : {true, false}) {
    if (!interrupted && !A::features.rcu_table_free) continue;
    each_trial(2, 600, [&](const MachineOptions& options) {
      MmRig<A> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
      page* pinned[most]{};
      std::uint64_t nr = 0;
      rig.run([&] {
        map<A>(rig.mm(), 0, 512);
        map<A>(rig.mm(), 1024, 8);
        fill<A>(rig.mm(), 3, 1, 1);
        unuse_mm<A>();
      });
      Meeting meeting;
      rig.on_all([&](unsigned cpu) {
        mm_struct& mm = rig.mm();
        if (cpu == 1 || interrupted) use_mm<A>(mm);
        meeting.meet();
        for (unsigned n = 0; n < trial_rounds; ++n) {
          if (cpu == 0) {
            nr += get_user_pages_fast_only<A>(mm, page_at(3), 1, FOLL_PIN, pinned + nr);
          } else {
            unmap_it(mm);
            fill<A>(mm, 1024, 1, others);
            fill<A>(mm, 3, 1, 1);
            dontneed<A>(mm, 1024, 1);
          }
        }
        if (cpu == 1 || interrupted) unuse_mm<A>();
      });
      rig.on(0, [&] {
        for (std::uint64_t n = 0; n < nr; ++n) {
          EXPECT_NE(read_once(*static_cast<std::uint64_t*>(pinned[n]->frame)), others);
          unpin_user_page(pinned[n]);
        }
      });
    });
  }
}
TYPED_TEST(Gup, AgainstMunmap) {
  pins_only_the_page_of_the_address<TypeParam>([](mm_struct& mm) {
    unmap<TypeParam>(mm, 0, 512);
    map<TypeParam>(mm, 0, 512);
  });
}
TYPED_TEST(Gup, AgainstDontneed) {
  pins_only_the_page_of_the_address<TypeParam>(
      [](mm_struct& mm) { dontneed<TypeParam>(mm, 3, 1); });
}
// The page table goes too, and its frame becomes a page or a table again.
TYPED_TEST(Gup, AgainstDontneedThatFreesTheTable) {
  pins_only_the_page_of_the_address<TypeParam>(
      [](mm_struct& mm) { dontneed<TypeParam>(mm, 0, 512); });
}

// However fork and the pin fall together: what the device has is what the parent's address shows
// after the next write.
template <class A>
void fork_keeps_the_pin(GupFlags flags) {
  each_trial(2, 3000, [&](const MachineOptions& options) {
    MmRig<A> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    mm_struct* child = nullptr;
    rig.run([&] {
      map<A>(rig.mm(), 0, 2);
      fill<A>(rig.mm(), 0, 2, 10);
    });
    Meeting meeting;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      meeting.meet();
      if (cpu == 1) {
        child = dup_mm<A>(mm);
      } else {
        page* p = nullptr;
        ASSERT_EQ(get_user_pages_fast<A>(mm, page_at(1), 1, flags, &p), 1);
        EXPECT_EQ(user_write<A>(mm, page_at(1), 77), AccessResult::done);
        meeting.meet();
        EXPECT_EQ(user_write<A>(mm, page_at(1), 78), AccessResult::done);
        EXPECT_EQ(read_once(*static_cast<std::uint64_t*>(p->frame)), 78U);
        unpin_user_page(p);
      }
      if (cpu == 1) meeting.meet();
      unuse_mm<A>();
    });
    rig.on(0, [&] {
      use_mm<A>(*child);
      const std::uint64_t seen = peek<A>(*child, 1);
      EXPECT_TRUE(seen == 11 || seen == 77) << seen;
      unuse_mm<A>();
      mmput<A>(*child);
    });
  });
}
TYPED_TEST(Gup, AgainstForkToWrite) { fork_keeps_the_pin<TypeParam>(pin_to_write); }
TYPED_TEST(Gup, AgainstForkToRead) { fork_keeps_the_pin<TypeParam>(FOLL_PIN); }

// The page is shared with a child; one CPU pins it to read, the other writes to it.
TYPED_TEST(Gup, AgainstACopyOnWrite) {
  each_trial(2, 200, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    mm_struct* child = nullptr;
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 1);
      fill<TypeParam>(rig.mm(), 0, 1, 10);
      child = dup_mm<TypeParam>(rig.mm());
    });
    Meeting meeting;
    page* p = nullptr;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      meeting.meet();
      if (cpu == 1) {
        EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 11), AccessResult::done);
      } else {
        ASSERT_EQ((get_user_pages_fast<TypeParam>(mm, page_at(0), 1, FOLL_PIN, &p)), 1);
      }
      meeting.meet();
      if (cpu == 0) {
        EXPECT_EQ(read_once(*static_cast<std::uint64_t*>(p->frame)), 11U);
        EXPECT_TRUE(page_test(p, PG_anon_exclusive));
        unpin_user_page(p);
      }
      unuse_mm<TypeParam>();
    });
    rig.on(0, [&] {
      use_mm<TypeParam>(*child);
      EXPECT_EQ(peek<TypeParam>(*child, 0), 10U);
      unuse_mm<TypeParam>();
      mmput<TypeParam>(*child);
    });
  });
}

// Whoever takes PG_anon_exclusive away, as swap-out does, and a pin for reading: not both (trap
// T61).
TYPED_TEST(Gup, AgainstSharing) {
  each_trial(2, 250, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 1);
      fill<TypeParam>(rig.mm(), 0, 1, 10);
      protect<TypeParam>(rig.mm(), 0, 1, VM_READ);
    });
    Meeting meeting;
    bool shared = false, pinned = false;
    page* p = nullptr;
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      meeting.meet();
      if (cpu == 0) {
        pinned = get_user_pages_fast_only<TypeParam>(mm, page_at(0), 1, FOLL_PIN, &p) == 1;
      } else {
        const pte_ref ref = pte_offset_map_lock<TypeParam>(mm, page_at(0));
        const pte_t was = ptep_clear_flush<TypeParam>(mm, ref, page_at(0));
        shared = folio_try_share_anon_rmap_pte(pfn_to_page(TypeParam::pte_pfn(was)));
        set_pte_at(mm, ref, page_at(0), was);
        pte_unmap_unlock(mm, ref);
      }
      unuse_mm<TypeParam>();
    });
    EXPECT_FALSE(shared && pinned);
    if (pinned) rig.on(0, [&] { unpin_user_page(p); });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
