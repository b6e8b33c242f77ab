// SPDX-License-Identifier: GPL-2.0-or-later
// The walker, over tables made by hand: rights, A and D, what is cached and what is looked up again.
#include "arch/hw/mmu.h"

#include <gtest/gtest.h>

#include "arch/x86/x86.h"
#include "mm/pgtable.h"
#include "tests/arch/archetype.h"
#include "tests/support/mm_trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr TlbGeometry small{.sets = 8,
                            .ways = 2,
                            .huge_sets = 1,
                            .huge_ways = 2,
                            .giant_sets = 1,
                            .giant_ways = 2,
                            .walk_entries = 4,
                            .front = 4};
constexpr vaddr_t base = 3ULL << 30;

// Every backend that the walker serves.
using Encodings = testing::Types<x86, archetype>;

// Tables of all levels down to the one page table that covers base, and frames to map there.
template <class A>
class HandTables {
 public:
  explicit HandTables(unsigned top_level = 3) {
    for (unsigned level = 0; level <= top_level; ++level) {
      table[level] = alloc_table(level);
      if (level > 0) set(level, base, A::mk_table(table[level - 1]->pfn));
    }
    for (page*& p : frame) p = alloc_zeroed_page();
    if (!mmu.init(small, 2)) vm_bug("no_memory_for_the_test");
    mmu.load(table[top_level], 1, 1);
  }
  ~HandTables() {
    mmu.exit();
    for (page* p : frame) put_page(p);
    for (page* p : table)
      if (p != nullptr) free_table(p);
  }
  HandTables(const HandTables&) = delete;
  HandTables& operator=(const HandTables&) = delete;

  Atomic<std::uint64_t>& word(unsigned level, vaddr_t va) {
    return entry_in(table[level], va, level).word();
  }
  void set(unsigned level, vaddr_t va, pte_t pte) {
    word(level, va).store(pte.val, order::relaxed);
  }
  pte_t get(vaddr_t va) { return {word(0, va).load(order::relaxed)}; }
  void map(vaddr_t va, unsigned n, std::uint32_t prot, bool writable = false) {
    pte_t pte = A::pte_mkold(A::mk_pte(frame[n]->pfn, prot));
    set(0, va, writable ? A::pte_mkwrite(pte) : pte);
  }
  // The number of the frame that the access went to; nothing: a fault.
  std::optional<unsigned> access(vaddr_t va, Access how) {
    const access_window<false> window;
    last = mmu.template translate<A>(va, how);
    for (unsigned n = 0; n < std::size(frame); ++n)
      if (last.host == static_cast<std::byte*>(frame[n]->frame) + (va & (page_size - 1))) return n;
    return std::nullopt;
  }
  void walk_ahead(vaddr_t va) {
    const access_window<false> window;
    mmu.template walk_ahead<A>(va);
  }
  bool cached(vaddr_t va) { return mmu.tlb.lookup(1, va) != nullptr; }

  page* table[5] = {};
  page* frame[3] = {};
  hw::Mmu mmu;
  Translation last;
};

template <class A>
class Walker : public testing::Test {
 protected:
  template <class Body>
  static void run(Body body) {
    Machine machine{MachineOptions{}};
    machine.run([&](unsigned) {
      if (!mem_init(64)) vm_bug("no_memory_for_the_test");
      body();
      EXPECT_EQ(frames_in_use(), 0);
      mem_exit();
    });
    EXPECT_EQ(abnormal_end(machine), "");
  }
};
TYPED_TEST_SUITE(Walker, Encodings);

constexpr std::uint32_t rw = VM_READ | VM_WRITE;

TYPED_TEST(Walker, AReadSetsA) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, rw, true);
    EXPECT_EQ(t.access(base + 8, Access::read), 0U);
    EXPECT_TRUE(TypeParam::pte_young(t.get(base)));
    EXPECT_FALSE(TypeParam::pte_dirty(t.get(base)));
  });
}

TYPED_TEST(Walker, AWriteSetsAAndD) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, rw, true);
    EXPECT_EQ(t.access(base + page_size - 8, Access::write), 0U);
    EXPECT_TRUE(TypeParam::pte_young(t.get(base)));
    EXPECT_TRUE(TypeParam::pte_dirty(t.get(base)));
  });
}

TYPED_TEST(Walker, AFaultChangesAndCachesNothing) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, VM_READ);
    const pte_t before = t.get(base);
    EXPECT_EQ(t.access(base, Access::write), std::nullopt);
    EXPECT_TRUE(t.last.present) << "the page was there, the right was not";
    EXPECT_EQ(t.access(base, Access::exec), std::nullopt);
    EXPECT_EQ(t.get(base), before);
    EXPECT_FALSE(t.cached(base));
    EXPECT_EQ(t.access(base + page_size, Access::read), std::nullopt);
    EXPECT_FALSE(t.last.present);
    t.map(base + 2 * page_size, 1, 0);
    EXPECT_EQ(t.access(base + 2 * page_size, Access::read), std::nullopt);
    EXPECT_FALSE(t.last.present) << "PROT_NONE is not present to the hardware";
    EXPECT_EQ(t.access(base + (1ULL << 21), Access::read), std::nullopt) << "no table";
    EXPECT_EQ(t.access(base + (1ULL << 39), Access::read), std::nullopt);
    EXPECT_FALSE(t.cached(base + page_size) || t.cached(base + 2 * page_size));
  });
}

TYPED_TEST(Walker, FetchesNeedTheRight) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, VM_READ | VM_EXEC);
    t.map(base + page_size, 1, VM_READ);
    EXPECT_EQ(t.access(base, Access::exec), 0U);
    EXPECT_EQ(t.access(base, Access::read), 0U);
    EXPECT_EQ(t.access(base + page_size, Access::read), 1U);
    EXPECT_EQ(t.access(base + page_size, Access::exec), std::nullopt) << "by the entry too";
  });
}

TYPED_TEST(Walker, AHitDoesNotLookAtTheTables) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, rw, true);
    t.access(base, Access::write);
    t.map(base, 1, rw, true);
    EXPECT_EQ(t.access(base, Access::read), 0U);
    EXPECT_EQ(t.access(base, Access::write), 0U);
    EXPECT_FALSE(TypeParam::pte_young(t.get(base)));
    t.mmu.invalidate_page(base);
    EXPECT_EQ(t.access(base, Access::read), 1U);
  });
}

TYPED_TEST(Walker, AWriteThroughACleanEntryLooksAgain) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, rw, true);
    EXPECT_EQ(t.access(base, Access::read), 0U);
    EXPECT_EQ(t.access(base, Access::write), 0U);
    EXPECT_TRUE(TypeParam::pte_dirty(t.get(base)));
    t.set(0, base, {});
    EXPECT_EQ(t.access(base, Access::write), 0U) << "dirty by now: no second look";
    EXPECT_EQ(t.get(base), pte_t{}) << "and no bit of it comes back";
  });
}

TYPED_TEST(Walker, AWriteThroughACleanEntryFaultsIfThePteIsGone) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, rw, true);
    t.access(base, Access::read);
    t.set(0, base, {});
    EXPECT_EQ(t.access(base, Access::write), std::nullopt);
    EXPECT_EQ(t.get(base), pte_t{});
    t.map(base, 1, VM_READ);
    EXPECT_EQ(t.access(base, Access::write), std::nullopt) << "or forbids it";
    EXPECT_FALSE(TypeParam::pte_dirty(t.get(base)));
    t.map(base, 2, rw, true);
    EXPECT_EQ(t.access(base, Access::write), 2U) << "or is another one";
  });
}

// A right that was given since: found without an invalidate.
// Nobody asked for it: A at most, no access, no fault; an entry that is there is left as it is.
TYPED_TEST(Walker, AWalkAheadIsNoAccess) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, rw, true);
    t.walk_ahead(base);
    EXPECT_TRUE(t.cached(base));
    EXPECT_TRUE(TypeParam::pte_young(t.get(base)));
    EXPECT_FALSE(TypeParam::pte_dirty(t.get(base)));
    t.map(base, 1, rw, true);
    t.walk_ahead(base);
    EXPECT_EQ(t.access(base, Access::read), 0U);
    t.walk_ahead(base + page_size);
    EXPECT_FALSE(t.cached(base + page_size));
    t.mmu.load(nullptr, 1, 1);
    t.walk_ahead(base + 2 * page_size);
    EXPECT_FALSE(t.cached(base + 2 * page_size));
  });
}

TYPED_TEST(Walker, AnEvictedEntryIsWalkedForAgain) {
  this->run([] {
    HandTables<TypeParam> t;
    for (unsigned n = 0; n < 2; ++n) {
      t.map(base + n * page_size, n, rw);
      EXPECT_EQ(t.access(base + n * page_size, Access::read), n);
    }
    t.set(0, base, pte_t{});
    t.set(0, base + page_size, pte_t{});
    t.mmu.evict(base);
    EXPECT_EQ(t.access(base, Access::read), std::nullopt);
    EXPECT_EQ(t.access(base + page_size, Access::read), 1U);
  });
}

TYPED_TEST(Walker, AMissingRightIsLookedUpAgain) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, VM_READ);
    EXPECT_EQ(t.access(base, Access::read), 0U);
    t.map(base, 0, rw, true);
    EXPECT_EQ(t.access(base, Access::write), 0U);
  });
}

TYPED_TEST(Walker, UpperLevelsAreCached) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, VM_READ);
    t.map(base + page_size, 1, VM_READ);
    t.access(base, Access::read);
    t.set(1, base, {});
    EXPECT_EQ(t.access(base + page_size, Access::read), 1U) << "the walk began at the page table";
    t.mmu.invalidate_page(base + 100 * page_size);  // whatever the address
    EXPECT_EQ(t.access(base + 2 * page_size, Access::read), std::nullopt);
    EXPECT_EQ(t.access(base, Access::read), 0U) << "entries of other pages stay";
    t.mmu.invalidate_asid(1);
    EXPECT_EQ(t.access(base, Access::read), std::nullopt);
  });
}

TYPED_TEST(Walker, AnotherAsidHasNoneOfIt) {
  this->run([] {
    HandTables<TypeParam> t;
    t.map(base, 0, VM_READ);
    t.access(base, Access::read);
    page* empty = alloc_table(3);
    t.mmu.load(empty, 0, 2);
    EXPECT_EQ(t.access(base, Access::read), std::nullopt);
    t.mmu.invalidate_page(base);  // of this ASID
    t.mmu.load(t.table[3], 1, 1);
    t.set(3, base, {});
    EXPECT_EQ(t.access(base, Access::read), 0U);
    t.mmu.load(nullptr, 1, 1);
    EXPECT_EQ(t.access(base + page_size, Access::read), std::nullopt) << "no root";
    free_table(empty);
  });
}

TYPED_TEST(Walker, FiveLevels) {
  this->run([] {
    HandTables<TypeParam> t(4);
    t.map(base, 0, VM_READ);
    EXPECT_EQ(t.access(base, Access::read), 0U);
    EXPECT_EQ(t.access(base + (1ULL << 48), Access::read), std::nullopt);
  });
}

// A and D of an entry never come back after software took it, whatever the walker does meanwhile
// (T27), and a store that the walker allowed is seen in the entry that software took (T28).
TYPED_TEST(Walker, ADAreSetOnlyInTheEntryThatWasRead) {
  each_trial(2, 200, [](const MachineOptions& options) {
    Machine machine(options);
    std::optional<HandTables<TypeParam>> t;
    Atomic<bool> over{false};
    machine.run([&](unsigned cpu) {
      if (cpu != 0) return;
      if (!mem_init(64)) vm_bug("no_memory_for_the_test");
      t.emplace();
    });
    unsigned dirty = 0, stored = 0;
    machine.run([&](unsigned cpu) {
      if (cpu == 0) {
        for (unsigned n = 0; n < trial_rounds; ++n) {
          t->map(base, n % 2, rw, true);
          cpu_event(CpuEvent::tick);
          const pte_t was{t->word(0, base).exchange(0, order::full)};
          EXPECT_EQ(TypeParam::pte_pfn(was), t->frame[n % 2]->pfn);
          dirty += TypeParam::pte_dirty(was) ? 1U : 0U;
          EXPECT_EQ(t->get(base), pte_t{});
        }
        over.store(true, order::release);
        return;
      }
      // No window here, so that the explorer may stop the walker between its steps.
      for (unsigned n = 0; n < 4 * trial_rounds && !over.load(order::acquire); ++n) {
        t->mmu.invalidate_asid(1);
        stored +=
            t->mmu.template translate<TypeParam>(base, Access::write).host != nullptr ? 1U : 0U;
      }
    });
    EXPECT_TRUE(dirty > 0 || stored == 0);
    machine.run([&](unsigned cpu) {
      if (cpu != 0) return;
      t.reset();
      mem_exit();
    });
    EXPECT_EQ(abnormal_end(machine), "");
  });
}

// ---- large pages --------------------------------------------------------------------------------

TEST(WalkerOfX86, ALargeLeafFillsAnEntryOfItsSize) {
  for (const unsigned level : {1U, 2U}) {
    Machine machine{MachineOptions{}};
    machine.run([&](unsigned) {
      if (!mem_init(64)) vm_bug("no_memory_for_the_test");
      {
        HandTables<x86> t;
        const pte_t leaf{x86::mk_pte(t.frame[0]->pfn, rw).val | x86_pte::pse | x86_pte::rw};
        t.set(level, base, leaf);
        EXPECT_EQ(t.access(base, Access::read), 0U);
        unsigned seen = 0;
        t.mmu.tlb.for_each(0, ~0ULL, [&](const hw::TlbView& view) {
          ++seen;
          EXPECT_EQ(view.size, level);
          EXPECT_EQ(view.va, base);
        });
        EXPECT_EQ(seen, 1U);
        t.access(base, Access::write);
        EXPECT_TRUE(x86::pte_dirty({t.word(level, base).load(order::relaxed)}));
      }
      EXPECT_EQ(frames_in_use(), 0);
      mem_exit();
    });
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
