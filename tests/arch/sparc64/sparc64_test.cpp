// SPDX-License-Identifier: GPL-2.0-or-later
// What sparc64 does otherwise than others: when it flushes, the TSB, contexts.
#include "arch/sparc64/sparc64.h"

#include <string_view>

#include "arch/chosen.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;
using Flushes = std::vector<std::int64_t>;

class Sparc64 : public testing::Test {
 protected:
  void SetUp() override { chosen_arch::choose<sparc64>(); }
};
class Sparc64Of2007 : public testing::Test {
 protected:
  void SetUp() override { chosen_arch::choose<sparc64_2007>(); }
};

bool in_tsb(mm_struct& mm, std::uint64_t page) noexcept {
  return context_of<sparc64>(mm).tsb_base.at(page_at(page)).holds(page_at(page) >> page_shift);
}
unsigned cached_on(unsigned cpu, std::uint64_t page) noexcept {
  unsigned entries = 0;
  sparc64::mmu_of(cpu).tlb.for_each(page_at(page), page_at(page) + page_size,
                                    [&](const hw::TlbView&) { ++entries; });
  return entries;
}

// Which locks of tables were held when a flush began: 1 if one was, for each flush.
std::vector<int> flushes_under_a_lock(const EventLog& log) {
  std::vector<int> under;
  int held = 0;
  for (const trace_event& e : log.events()) {
    if (e.kind == EventKind::ptl_acquire) ++held;
    if (e.kind == EventKind::ptl_release) --held;
    if (e.kind == EventKind::tlb_flush) under.push_back(held);
  }
  return under;
}

TEST_F(Sparc64, TheBatchIsFlushedUnderThePtl) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 3);
    fill<A>(rig.mm(), 0, 3);
    rig.log().clear();
    rig.log().keep_all(true);
    dontneed<A>(rig.mm(), 0, 3);
    EXPECT_EQ(flushes_under_a_lock(rig.log()), std::vector{1});
    EXPECT_EQ(rig.flushes(), Flushes{3});
  });
}

TEST_F(Sparc64Of2007, TheBatchIsFlushedAtTheEnd) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 3);
    fill<A>(rig.mm(), 0, 3);
    rig.log().clear();
    rig.log().keep_all(true);
    dontneed<A>(rig.mm(), 0, 3);
    EXPECT_EQ(flushes_under_a_lock(rig.log()), std::vector{0});
    EXPECT_EQ(rig.flushes(), Flushes{3});
  });
}

TEST_F(Sparc64, AFullBatchIsFlushed) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 200);
    fill<A>(rig.mm(), 0, 200);
    rig.flushes();
    dontneed<A>(rig.mm(), 0, 200);
    EXPECT_EQ(rig.flushes(), (Flushes{192, 8}));
  });
}

// A page of zeros is replaced by a page: no lazy mode, so the old one is flushed by itself.
TEST_F(Sparc64, OutsideLazyModeAtOnce) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    EXPECT_EQ(peek<A>(rig.mm(), 0), 0U);
    rig.flushes();
    fill<A>(rig.mm(), 0, 1);
    EXPECT_EQ(rig.flushes(), Flushes{1});
  });
}

// Four entries: pages four apart take each other's place, and nobody reads the other's page.
TEST_F(Sparc64, TheTsbIsFilledAndCleared) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 8);
    fill<A>(rig.mm(), 0, 8, 10);
    for (unsigned page = 0; page < 4; ++page) EXPECT_FALSE(in_tsb(rig.mm(), page)) << page;
    for (unsigned page = 4; page < 8; ++page) EXPECT_TRUE(in_tsb(rig.mm(), page)) << page;
    for (unsigned page = 0; page < 8; ++page) {
      A::evict(page_at(page));
      EXPECT_EQ(peek<A>(rig.mm(), page), 10 + page);
      EXPECT_TRUE(in_tsb(rig.mm(), page));
    }
    dontneed<A>(rig.mm(), 0, 8);
    for (unsigned page = 0; page < 8; ++page) {
      EXPECT_FALSE(in_tsb(rig.mm(), page)) << page;
      EXPECT_EQ(cached_on(0, page), 0U) << page;
    }
  });
}

// An evicted entry comes back from the TSB, and the tables are not walked.
TEST_F(Sparc64, AMissIsServedByTheTsb) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1, 5);
    A::evict(page_at(0));
    EXPECT_EQ(A::translate(page_at(0), Access::read).host, nullptr);
    EXPECT_TRUE(A::tlb_miss(rig.mm(), page_at(0), Access::read));
    EXPECT_NE(A::translate(page_at(0), Access::write).host, nullptr);
    EXPECT_FALSE(A::tlb_miss(rig.mm(), page_at(1), Access::read)) << "nothing is mapped there";
  });
}

// More address spaces than contexts: versions begin, and each sees its own pages.
TEST_F(Sparc64, ContextsAreGivenOutAgain) {
  TlbGeometry geometry = tiny_tlb;
  geometry.asids = 3;
  MmRig<A> rig({.tlb = geometry});
  rig.run([&] {
    constexpr unsigned spaces = 7;
    mm_struct* mms[spaces];
    for (unsigned n = 0; n < spaces; ++n) {
      mms[n] = mm_alloc<A>(3);
      use_mm<A>(*mms[n]);
      map<A>(*mms[n], 0, 1);
      fill<A>(*mms[n], 0, 1, 100 + n);
    }
    for (unsigned turn = 0; turn < 3 * spaces; ++turn) {
      mm_struct& mm = *mms[turn * 3 % spaces];
      use_mm<A>(mm);
      EXPECT_TRUE(sparc64::ctx_valid(mm));
      EXPECT_LT(sparc64::ctx_number(mm), 3U);
      EXPECT_EQ(peek<A>(mm, 0), 100 + turn * 3 % spaces);
    }
    use_mm<A>(rig.mm());
    for (mm_struct* mm : mms) mmput<A>(*mm);
  });
}

// A CPU that ran under a number drops what it has when the number's next owner comes.
std::uint64_t what_the_next_owner_reads() {
  TlbGeometry geometry = tiny_tlb;
  geometry.asids = 3;
  MmRig<A> rig({.tlb = geometry});
  std::uint64_t seen = 0;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    // A number is free again when its mm dies, and is given out when the search comes round.
    for (unsigned n = 0; n < 40 && seen == 0; ++n) {
      mm_struct* mm = mm_alloc<A>(3);
      use_mm<A>(*mm);
      map<A>(*mm, 0, 1);
      const std::uint64_t value = peek<A>(*mm, 0);
      if (value != 0) seen = value;
      fill<A>(*mm, 0, 1, 77);
      use_mm<A>(rig.mm());
      mmput<A>(*mm);
    }
  });
  return seen;
}
TEST_F(Sparc64, ANumbersNextOwnerFindsNothing) { EXPECT_EQ(what_the_next_owner_reads(), 0U); }

// After mprotect the page cannot be written; a batch that is thrown away leaves the right behind.
struct forgets_the_batch : sparc64 {
  static void arch_leave_lazy_mmu_mode() noexcept {
    this_cpu().batch.nr = 0;
    sparc64::arch_leave_lazy_mmu_mode();
  }
};
struct forgets_other_cpus : sparc64 {
  static void arch_leave_lazy_mmu_mode() noexcept {
    mm_cpumask_clear(*loaded_mm(), 1);
    sparc64::arch_leave_lazy_mmu_mode();
  }
};
// CPU 1 has used the page; CPU 0 takes the right to write away.
AccessResult write_after_protect(unsigned writer) {
  MmRig<A> rig({.machine = {.cpus = 2}});
  AccessResult result = AccessResult::oom;
  Meeting meeting;
  rig.run_all([&](unsigned cpu) {
    if (cpu == 0) map<A>(rig.mm(), 0, 1);
    meeting.meet();
    if (cpu == 0) fill<A>(rig.mm(), 0, 1);
    meeting.meet();
    EXPECT_EQ(user_write<A>(rig.mm(), page_at(0) + 8 * cpu, 1), AccessResult::done);
    meeting.meet();
    if (cpu == 0) protect<A>(rig.mm(), 0, 1, VM_READ);
    meeting.meet();
    if (cpu == writer) result = user_write<A>(rig.mm(), page_at(0), 2);
    meeting.meet();
    unuse_mm<A>();
  });
  return result;
}
TEST_F(Sparc64, ARightThatWentIsGoneEverywhere) {
  EXPECT_EQ(write_after_protect(0), AccessResult::sigsegv);
  EXPECT_EQ(write_after_protect(1), AccessResult::sigsegv);
  chosen_arch::choose<forgets_the_batch>();
  EXPECT_EQ(write_after_protect(0), AccessResult::done) << "planted";
  chosen_arch::choose<forgets_other_cpus>();
  EXPECT_EQ(write_after_protect(1), AccessResult::done) << "planted";
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
