// SPDX-License-Identifier: GPL-2.0-or-later
// Migration: the page is another one and the program sees none of it; who keeps it where it is; what calls
// make of an entry that is under migration; the faults of NUMA balancing.
#include "mm/migrate.h"

#include <cerrno>

#include "mm/gup.h"
#include "mm/ksm.h"
#include "mm/migrate.tcc"
#include "mm/soft_dirty.h"
#include "mm/userfaultfd.h"
#include "tests/mm/file_rig.h"
#include "tests/mm/swapped_pages.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class A>
class Migrate : public SwappedPages<A> {
 protected:
  static std::int64_t migrate(mm_struct& mm, std::uint64_t at) {
    return migrate_page_at<A>(mm, page_at(at));
  }
  static void prot_numa(mm_struct& mm, std::uint64_t at, std::uint64_t pages) {
    ASSERT_EQ(do_change_prot_numa<A>(mm, page_at(at), pages * page_size), 0);
  }
  static bool without_rights(mm_struct& mm, std::uint64_t at) {
    return A::pte_protnone(peek_pte<A>(mm, page_at(at)));
  }
};
TYPED_TEST_SUITE(Migrate, Backends);

// A page whose entries are under migration until end().
template <class A>
class HeldMigration {
 public:
  HeldMigration(mm_struct& mm, std::uint64_t at) {
    isolated_pages pages;
    EXPECT_EQ(isolate_page_at<A>(mm, page_at(at), pages), 0);
    page_ = pages.take();
    lock_page(page_);
    family_ = folio_get_anon_vma(page_);
    detail::try_to_migrate<A>(page_, MigrateMode::sync);
    EXPECT_FALSE(folio_mapped(page_));
  }
  HeldMigration(const HeldMigration&) = delete;
  HeldMigration& operator=(const HeldMigration&) = delete;
  void end() {
    detail::remove_migration_ptes<A>(*family_, page_, page_);
    put_anon_vma(*family_);
    unlock_page(page_);
    isolated_pages::putback(page_);
    page_ = nullptr;
  }
  ~HeldMigration() {
    if (page_ != nullptr) end();
  }

 private:
  page* page_ = nullptr;
  anon_vma* family_ = nullptr;
};

TYPED_TEST(Migrate, AnotherFrameTheSameContents) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2, 7);
    const page* old = this->mapped(mm, 0);
    const long frames = frames_in_use(), rss = mm.rss.load(order::relaxed);
    EXPECT_EQ(this->migrate(mm, 0), 0);
    page* now = this->mapped(mm, 0);
    EXPECT_NE(now, old);
    EXPECT_EQ(frames_in_use(), frames);
    EXPECT_EQ(mm.rss.load(order::relaxed), rss);
    EXPECT_TRUE(page_test(now, PG_anon_exclusive));
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
    fill<TypeParam>(mm, 0, 1, 9);
    EXPECT_EQ(this->mapped(mm, 0), now) << "its own, not copied";
    EXPECT_EQ(peek<TypeParam>(mm, 0), 9U);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 8U);
  });
}

TYPED_TEST(Migrate, AllWhoShareThePageMoveWithIt) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    mm_struct* child = dup_mm<TypeParam>(mm);
    const page* old = this->mapped(mm, 0);
    EXPECT_EQ(this->migrate(mm, 0), 0);
    EXPECT_NE(this->mapped(mm, 0), old);
    EXPECT_EQ(this->mapped(mm, 0), this->mapped(*child, 0));
    EXPECT_FALSE(page_test(this->mapped(mm, 0), PG_anon_exclusive));
    fill<TypeParam>(mm, 0, 1, 8);
    use_mm<TypeParam>(*child);
    EXPECT_EQ(peek<TypeParam>(*child, 0), 7U);
    this->end(*child, mm);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 8U);
  });
}

TYPED_TEST(Migrate, WhoHasThePageKeepsItThere) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    for (const GupFlags flags : {GupFlags{FOLL_PIN | FOLL_WRITE}, GupFlags{FOLL_WRITE}}) {
      page* had = nullptr;
      ASSERT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(0), 1, flags, &had), 1);
      EXPECT_EQ(this->migrate(mm, 0), -EAGAIN);
      EXPECT_EQ(this->mapped(mm, 0), had);
      EXPECT_TRUE(page_test(had, PG_anon_exclusive));
      fill<TypeParam>(mm, 0, 1, 8);
      EXPECT_EQ(this->mapped(mm, 0), had);
      if ((flags & FOLL_PIN) != 0)
        unpin_user_page(had);
      else
        put_page(had);
    }
    EXPECT_EQ(this->migrate(mm, 0), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 8U);
  });
}

TYPED_TEST(Migrate, OnlyPagesThatCanMove) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 4);
    EXPECT_EQ(this->migrate(mm, 0), -ENOENT);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 0U);
    EXPECT_EQ(this->migrate(mm, 0), -ENOENT) << "the zero page";
    ASSERT_EQ(do_madvise_flags<TypeParam>(mm, page_at(0), 4 * page_size, VM_MERGEABLE, 0), 0);
    for (const std::uint64_t at : {2U, 3U}) fill<TypeParam>(mm, at, 1, 7);
    ASSERT_EQ(ksm_merge_pages<TypeParam>(mm, page_at(2), page_at(3)), 0);
    EXPECT_EQ(this->migrate(mm, 2), -EBUSY);
    address_space* file = memfd(1);
    map_file<TypeParam>(mm, file, 8, 1);
    fill<TypeParam>(mm, 8, 1, 7);
    EXPECT_EQ(this->migrate(mm, 8), -EBUSY);
    put_file(*file);
  });
}

TYPED_TEST(Migrate, WithoutMemoryItStays) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    page* old = this->mapped(mm, 0);
    rig.allocations.fail(std::nullopt, FailingAllocations::always);
    EXPECT_EQ(this->migrate(mm, 0), -ENOMEM);
    EXPECT_EQ(this->mapped(mm, 0), old);
    this->prot_numa(mm, 0, 1);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U) << "the fault goes on without a copy";
    EXPECT_EQ(this->mapped(mm, 0), old);
    EXPECT_FALSE(this->without_rights(mm, 0));
    rig.allocations.fail_none();
    fill<TypeParam>(mm, 0, 1, 8);
    EXPECT_EQ(this->mapped(mm, 0), old);
  });
}

TYPED_TEST(Migrate, TheEntryKeepsWhatItKnew) {
  using A = TypeParam;
  MmRig<A> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<A>(mm, 0, 4);
    fill<A>(mm, 0, 4, 7);
    ASSERT_EQ(protect<A>(mm, 1, 1, VM_READ), 0);
    ASSERT_EQ(do_uffd_register<A>(mm, page_at(2), page_size, VM_UFFD_WP), 0);
    ASSERT_EQ(do_uffd_writeprotect<A>(mm, page_at(2), page_size, true), 0);
    ASSERT_EQ(do_clear_refs<A>(mm, CLEAR_REFS_SOFT_DIRTY), 0);
    fill<A>(mm, 3, 1, 9);
    for (std::uint64_t at = 0; at < 4; ++at) {
      const pte_t was = this->entry(mm, at);
      ASSERT_EQ(this->migrate(mm, at), 0) << at;
      const pte_t now = this->entry(mm, at);
      EXPECT_EQ(A::pte_write(now), A::pte_write(was)) << at;
      EXPECT_EQ(A::pte_dirty(now), A::pte_dirty(was)) << at;
      EXPECT_EQ(A::pte_young(now), A::pte_young(was)) << at;
      EXPECT_EQ(A::pte_uffd_wp(now), A::pte_uffd_wp(was)) << at;
      EXPECT_EQ(page_soft_dirty<A>(mm, page_at(at)), at == 3) << at;
    }
    EXPECT_EQ(user_write<A>(mm, page_at(1), 1), AccessResult::sigsegv);
  });
}

// ---- calls that meet an entry under migration ------------------------------------------------------

TYPED_TEST(Migrate, ZappedMeanwhile) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2, 7);
    const long frames = frames_in_use();
    {
      const HeldMigration<TypeParam> first(mm, 0);
      EXPECT_EQ(mm.rss.load(order::relaxed), 2);
      EXPECT_EQ(do_madvise_free<TypeParam>(mm, page_at(0), 2 * page_size), 0);
      EXPECT_TRUE(this->swapped(mm, 0)) << "left alone";
      EXPECT_EQ(dontneed<TypeParam>(mm, 0, 1), 0);
      EXPECT_EQ(mm.rss.load(order::relaxed), 1);
      EXPECT_TRUE(TypeParam::pte_none(this->entry(mm, 0)));
    }
    EXPECT_EQ(frames_in_use(), frames - 1);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 0U);
    const HeldMigration<TypeParam> second(mm, 1);
    EXPECT_EQ(unmap<TypeParam>(mm, 0, 2), 0);
    EXPECT_EQ(mm.rss.load(order::relaxed), 0);
  });
}

TYPED_TEST(Migrate, ForkedMeanwhile) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    mm_struct* child = nullptr;
    {
      const HeldMigration<TypeParam> migration(mm, 0);
      child = dup_mm<TypeParam>(mm);
      EXPECT_TRUE(this->swapped(*child, 0));
    }
    EXPECT_EQ(this->mapped(mm, 0), this->mapped(*child, 0));
    EXPECT_FALSE(page_test(this->mapped(mm, 0), PG_anon_exclusive));
    fill<TypeParam>(mm, 0, 1, 8);
    use_mm<TypeParam>(*child);
    EXPECT_EQ(peek<TypeParam>(*child, 0), 7U);
    this->end(*child, mm);
  });
}

TYPED_TEST(Migrate, ProtectedMeanwhile) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    for (const std::uint32_t prot : {std::uint32_t{VM_READ}, 0U}) {
      {
        const HeldMigration<TypeParam> migration(mm, 0);
        EXPECT_EQ(protect<TypeParam>(mm, 0, 1, prot), 0);
      }
      EXPECT_FALSE(TypeParam::pte_write(this->entry(mm, 0)));
      EXPECT_EQ(user_write<TypeParam>(mm, page_at(0), 1), AccessResult::sigsegv);
      EXPECT_EQ(peek<TypeParam>(mm, 0), prot == 0 ? unreadable : 7U);
      EXPECT_EQ(protect<TypeParam>(mm, 0, 1, rw), 0);
      const page* own = this->mapped(mm, 0);
      fill<TypeParam>(mm, 0, 1, 7);
      EXPECT_EQ(this->mapped(mm, 0), own);
    }
  });
}

// Linux 6.12 leaves the entry writable, and it comes back so: a store goes unmarked.
TYPED_TEST(Migrate, ClearRefsMeanwhileTakesTheRightToWriteToo) {
  for (const bool fixed : {true, false}) {
    MmRig<TypeParam> rig;
    rig.run([&] {
      mm_struct& mm = rig.mm();
      mm.fixes.clear_refs_migration = fixed;
      map<TypeParam>(mm, 0, 2);
      fill<TypeParam>(mm, 0, 2, 7);
      {
        const HeldMigration<TypeParam> migration(mm, 0);
        ASSERT_EQ(do_clear_refs<TypeParam>(mm, CLEAR_REFS_SOFT_DIRTY), 0);
      }
      for (const std::uint64_t at : {0U, 1U}) {
        EXPECT_FALSE(page_soft_dirty<TypeParam>(mm, page_at(at)));
        fill<TypeParam>(mm, at, 1, 9);
        EXPECT_EQ(page_soft_dirty<TypeParam>(mm, page_at(at)), fixed || at == 1);
      }
    });
  }
}

TYPED_TEST(Migrate, MovedMeanwhile) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 2);
    fill<TypeParam>(mm, 0, 2, 7);
    {
      const HeldMigration<TypeParam> migration(mm, 0);
      EXPECT_EQ(move_to<TypeParam>(mm, 0, 2, 100), static_cast<std::int64_t>(page_at(100)));
      EXPECT_TRUE(this->swapped(mm, 100));
    }
    EXPECT_EQ(peek<TypeParam>(mm, 100), 7U);
    EXPECT_EQ(mm.rss.load(order::relaxed), 2);
  });
}

// ---- NUMA balancing --------------------------------------------------------------------------------

TYPED_TEST(Migrate, AHintingFaultMovesThePage) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 3);
    fill<TypeParam>(mm, 0, 3, 7);
    const long frames = frames_in_use();
    this->prot_numa(mm, 0, 3);
    for (std::uint64_t at = 0; at < 3; ++at) {
      EXPECT_TRUE(this->without_rights(mm, at));
      const page* old = this->mapped(mm, at);
      if (at == 0) {
        EXPECT_EQ(peek<TypeParam>(mm, at), 7U);
      } else if (at == 1) {
        fill<TypeParam>(mm, at, 1, 8);
      } else {
        page* had = nullptr;
        ASSERT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(at), 1, FOLL_PIN, &had), 1);
        unpin_user_page(had);
      }
      EXPECT_NE(this->mapped(mm, at), old) << at;
      EXPECT_FALSE(this->without_rights(mm, at));
      EXPECT_EQ(peek<TypeParam>(mm, at), 7U + at);
    }
    EXPECT_EQ(frames_in_use(), frames);
  });
}

TYPED_TEST(Migrate, HintsSpareWhatWouldNotMove) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 3);
    fill<TypeParam>(mm, 0, 2, 7);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 0U);  // the zero page
    page* pinned = nullptr;
    ASSERT_EQ(get_user_pages_fast<TypeParam>(mm, page_at(0), 1, FOLL_PIN | FOLL_WRITE, &pinned), 1);
    map<TypeParam>(mm, 8, 1);
    fill<TypeParam>(mm, 8, 1, 7);
    ASSERT_EQ(protect<TypeParam>(mm, 8, 1, 0), 0);
    this->prot_numa(mm, 0, 9);
    EXPECT_FALSE(this->without_rights(mm, 0));
    EXPECT_TRUE(this->without_rights(mm, 1));
    EXPECT_FALSE(this->without_rights(mm, 2));
    EXPECT_EQ(user_write<TypeParam>(mm, page_at(8), 1), AccessResult::sigsegv);
    unpin_user_page(pinned);
    mm_struct* child = dup_mm<TypeParam>(mm);
    this->prot_numa(mm, 0, 1);
    EXPECT_FALSE(this->without_rights(mm, 0)) << "shared";
    EXPECT_EQ(peek<TypeParam>(mm, 1), 8U);
    fill<TypeParam>(mm, 1, 1, 20);
    use_mm<TypeParam>(*child);
    EXPECT_EQ(peek<TypeParam>(*child, 1), 8U);
    this->end(*child, mm);
  });
}

// Pinned between the hint and the fault: it stays, and has its rights again.
TYPED_TEST(Migrate, AHintingFaultThatCannotMoveThePage) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<TypeParam>(mm, 0, 1);
    fill<TypeParam>(mm, 0, 1, 7);
    page* old = this->mapped(mm, 0);
    this->prot_numa(mm, 0, 1);
    get_page(old);
    fill<TypeParam>(mm, 0, 1, 8);
    EXPECT_EQ(this->mapped(mm, 0), old);
    EXPECT_FALSE(this->without_rights(mm, 0));
    put_page(old);
    EXPECT_EQ(this->migrate(mm, 0), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 8U);
  });
}

TYPED_TEST(Migrate, CallsOverPagesWithoutRights) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    swapon(4);
    map<TypeParam>(mm, 0, 4);
    fill<TypeParam>(mm, 0, 4, 7);
    this->prot_numa(mm, 0, 4);
    EXPECT_EQ(protect<TypeParam>(mm, 0, 1, VM_READ), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 0), 7U);
    EXPECT_EQ(dontneed<TypeParam>(mm, 1, 1), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 1), 0U);
    EXPECT_EQ(this->out(mm, 2), 0);
    EXPECT_EQ(peek<TypeParam>(mm, 2), 9U);
    EXPECT_EQ(move_to<TypeParam>(mm, 3, 1, 100), static_cast<std::int64_t>(page_at(100)));
    EXPECT_EQ(peek<TypeParam>(mm, 100), 10U);
  });
}

// One CPU migrates and hints, another one counts in the pages: no store is lost.
TYPED_TEST(Migrate, NoStoreIsLost) {
  each_trial(3, 100, [](const MachineOptions& options) {
    MmRig<TypeParam> rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    rig.run([&] {
      map<TypeParam>(rig.mm(), 0, 1);
      fill<TypeParam>(rig.mm(), 0, 1, 0);
    });
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      for (unsigned n = 0; n < trial_rounds; ++n) {
        std::uint64_t value = 0;
        if (cpu == 0)
          EXPECT_EQ(user_touch<TypeParam>(mm, page_at(0), Access::write), AccessResult::done);
        else if (cpu == 1)
          static_cast<void>(migrate_page_at<TypeParam>(mm, page_at(0)));
        else if (n % 2 == 0)
          static_cast<void>(do_change_prot_numa<TypeParam>(mm, page_at(0), page_size));
        else
          EXPECT_EQ(user_read<TypeParam>(mm, page_at(0), value), AccessResult::done);
      }
      unuse_mm<TypeParam>();
    });
    rig.run([&] { EXPECT_EQ(peek<TypeParam>(rig.mm(), 0), trial_rounds); });
  });
}

// ---- what may be cached ----------------------------------------------------------------------------

// Where hardware ignores an entry without rights, it counts as long as somebody has a flush to make.
TYPED_TEST(Migrate, AnEntryWithoutRightsCountsWhileAFlushIsDue) {
  using A = TypeParam;
  MmRig<A> rig;
  rig.run([&] {
    mm_struct& mm = rig.mm();
    map<A>(mm, 0, 1);
    fill<A>(mm, 0, 1, 7);
    const pte_t usable = this->entry(mm, 0);
    this->prot_numa(mm, 0, 1);
    const pte_t pte = this->entry(mm, 0);
    EXPECT_TRUE(A::pte_accessible(mm, usable));
    const bool at_rest = A::pte_accessible(mm, pte);
    mm.tlb_flush_pending.fetch_add(1, order::relaxed);
    const bool while_due = A::pte_accessible(mm, pte);
    mm.fixes.pte_accessible_pending = false;
    EXPECT_EQ(A::pte_accessible(mm, pte), at_rest);
    mm.fixes.pte_accessible_pending = true;
    mm.tlb_flush_pending.fetch_sub(1, order::relaxed);
    EXPECT_EQ(A::pte_accessible(mm, pte), at_rest);
    EXPECT_TRUE(while_due || !at_rest);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
