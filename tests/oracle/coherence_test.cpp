// SPDX-License-Identifier: GPL-2.0-or-later
// I1, I2, I3, I8 against planted bugs. CPUs take turns, so each test is one schedule, the same in
// both worlds. CPU 2 is the program whose TLB is to be flushed.
#include <gmock/gmock.h>

#include "tests/oracle/case.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// ---- I1, I3: nobody flushes -----------------------------------------------------------------------

TEST(OracleCoherence, ForgottenFlush) {
  OracleCase<forgets_flush> c;
  c.run([&] { c.turn(2, [&] { EXPECT_EQ(do_madvise_dontneed<forgets_flush>(c.mm(), x, 1), 0); }); },
        nothing,
        [&] {
          c.turn(1, [&] { c.write(x); });
          c.turn(3, [&] { c.look(x); });
        });
  EXPECT_EQ(c.rig_.kinds(),
            kinds_of({kind::frame_freed_while_cached, kind::stale_translation_after_return,
                      kind::stale_translation_use, kind::freed_frame_use}));
  EXPECT_EQ(c.rig_.oracles().total(), 4U) << c.rig_.text();
  EXPECT_THAT(c.rig_.text(), HasSubstr("cpu2 holds page "));
  EXPECT_THAT(c.rig_.text(), HasSubstr(" at 0x40000000 (filled before change 1, call saw 1) after "
                                       "madvise_dontneed on cpu0 returned"));
}

template <class A>
void protect_under_user() {
  OracleCase<A> c;
  c.run([&] { c.turn(2, [&] { EXPECT_EQ(do_mprotect<A>(c.mm(), x, page_size, VM_READ), 0); }); },
        nothing,
        [&] {
          c.turn(1, [&] { c.write(x); });
          c.turn(3, [&] { c.read(x); });
        });
  const bool bug = std::is_same_v<A, forgets_flush>;
  EXPECT_EQ(
      c.rig_.kinds(),
      bug ? kinds_of({kind::stale_translation_after_return, kind::stale_translation_use}) : Kinds{})
      << c.rig_.text();
}

TEST(OracleCoherence, ProtectWithoutFlush) { protect_under_user<forgets_flush>(); }
TEST(OracleCoherence, ProtectIsClean) { protect_under_user<x86>(); }

TEST(OracleCoherence, RightsThatTheEntryNeverHadAreNoDebt) {
  using A = forgets_flush;
  OracleCase<A> c;
  c.run(
      [&] {
        c.turn(1, [&] { c.write(x); });
        c.turn(2, [&] { EXPECT_EQ(do_mprotect<A>(c.mm(), x, page_size, VM_READ), 0); });
        // CPU 0 itself has the writable entry: it goes with the address space.
        c.turn(4, [&] { x86::flush_tlb_mm(c.mm()); });
        c.turn(5, [&] { EXPECT_EQ(do_mprotect<A>(c.mm(), x, page_size, VM_READ | VM_WRITE), 0); });
        c.turn(6, [&] { EXPECT_EQ(do_mprotect<A>(c.mm(), x, page_size, VM_READ), 0); });
      },
      nothing, [&] { c.turn(3, [&] { c.read(x); }); });
  EXPECT_EQ(c.rig_.oracles().total(), 1U) << c.rig_.text();  // at turn 2, of CPU 0 over itself
}

TEST(OracleCoherence, FreedInTheMiddleOfAnAccess) {
  OracleCase<x86> c;
  c.run(
      [&] {
        c.turn(1, [&] {
          page* p = alloc_page(AllocSite::user_page);
          TraceSink& sink = *c.rig_.oracles().sink(0);
          sink.event(
              {EventKind::tlb_use, 0, c.mm().id, x, p->pfn, p->generation.load(order::relaxed), 0});
          sink.event({EventKind::user_read, 0, c.mm().id, x, 0});
          EXPECT_EQ(c.rig_.oracles().total(), 0U);
          put_page(p);
          sink.event({EventKind::user_read, 0, c.mm().id, x, 0});
          sink.event({EventKind::user_read, 0, c.mm().id, x, 0});
        });
      },
      nothing, nothing);
  EXPECT_EQ(c.rig_.kinds(), kinds_of({kind::freed_frame_use}));
  EXPECT_EQ(c.rig_.oracles().total(), 1U);
}

// ---- I3: the nested flush (madvise-parallel-2017) -------------------------------------------------

// CPU 0 has cleared x and not flushed when CPU 1's call over x begins and ends.
template <class A>
void two_at_once(OracleCase<A>& c) {
  stalls_before_flush::stall(c.turns_, 0, 4);
  c.run(
      [&] {
        c.turns_.wait_for(2);
        EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0);
        c.turns_.next();
      },
      [&] { c.turn(3, [&] { EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0); }); },
      [&] {
        c.turn(1, [&] { c.write(x); });
        c.turns_.wait_for(4);
        c.read(x);
      });
}

const Kinds nested_debt =
    kinds_of({kind::stale_translation_after_return, kind::stale_translation_use});

TEST(OracleCoherence, NestedDebtIsTheSecondCallsToo) {
  OracleCase<stalls_before_flush> c({.nested_flush = false});
  two_at_once(c);
  EXPECT_TRUE(c.rig_.kinds().contains(std::string(kind::stale_translation_after_return)));
  EXPECT_THAT(c.rig_.text(), HasSubstr("after madvise_dontneed on cpu1 returned"));
}
TEST(OracleCoherence, NestedFlushPaysIt) {
  OracleCase<stalls_before_flush> c;
  two_at_once(c);
  EXPECT_THAT(c.rig_.kinds(), IsEmpty()) << c.rig_.text();
}
TEST(OracleCoherence, BackendThatIgnoresForce) {
  OracleCase<ignores_force> c;
  two_at_once(c);
  EXPECT_TRUE(c.rig_.kinds().contains(std::string(kind::stale_translation_after_return)));
}

// CPU 2 is in a call of its own when CPU 0's returns: it has until its return to let go of x. x is
// the zero page, so that nothing is freed.
void user_inside_a_call(OracleCase<forgets_on_cpu0>& c, bool lets_go) {
  using A = forgets_on_cpu0;
  A::others_flush_all = lets_go;
  A::stall(c.turns_, 2, 4);
  c.run([&] { c.turn(3, [&] { EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0); }); },
        nothing,
        [&] {
          c.turn(1, [&] {
            c.read(x);
            c.write(y);
          });
          EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), y, page_size), 0);
          c.look(x);
        });
}

TEST(OracleCoherence, DebtOfACpuThatIsInsideACall) {
  OracleCase<forgets_on_cpu0> c;
  user_inside_a_call(c, false);
  EXPECT_EQ(c.rig_.kinds(), nested_debt) << c.rig_.text();
  EXPECT_EQ(c.rig_.oracles().total(), 2U) << c.rig_.text();
  EXPECT_THAT(c.rig_.text(), HasSubstr("after madvise_dontneed on cpu0 returned"));
}
TEST(OracleCoherence, PaidBeforeItReturns) {
  OracleCase<forgets_on_cpu0> c;
  user_inside_a_call(c, true);
  EXPECT_THAT(c.rig_.kinds(), IsEmpty()) << c.rig_.text();
}

// ---- I8 -------------------------------------------------------------------------------------------

// While CPU 0 flushes x, CPU 1 takes the same PTL for y.
template <class A>
void fault_beside_flush(OracleCase<A>& c) {
  stalls_before_flush::stall(c.turns_, 0, 4);
  c.run(
      [&] {
        c.turns_.wait_for(2);
        EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0);
      },
      [&] { c.turn(3, [&] { c.write(y); }); },
      [&] {
        c.turn(1, [&] { c.write(x); });
        c.turns_.wait_for(4);
      });
}

TEST(OracleCoherence, DebtWithoutPending) {
  OracleCase<decrements_early> c;
  fault_beside_flush(c);
  EXPECT_EQ(c.rig_.kinds(), kinds_of({kind::debt_without_pending})) << c.rig_.text();
}
TEST(OracleCoherence, DebtWhilePendingIsAllowed) {
  OracleCase<stalls_before_flush> c;
  fault_beside_flush(c);
  EXPECT_THAT(c.rig_.kinds(), IsEmpty()) << c.rig_.text();
}

TEST(OracleCoherence, DebtInMoreSlotsThanAreRemembered) {
  using A = forgets_flush;
  OracleCase<A> c;
  constexpr std::uint64_t pages = TableHistory::unpaid_kept + 8;
  c.run(
      [&] {
        c.turn(1, [&] { c.map(x, pages + 1); });
        c.turn(3, [&] { EXPECT_EQ(do_mprotect<A>(c.mm(), x, pages * page_size, VM_READ), 0); });
        c.turn(4, [&] { c.read(x + pages * page_size); });  // a fault under the same PTL
      },
      nothing,
      [&] {
        c.turn(2, [&] {
          for (std::uint64_t i = 0; i < pages; ++i) c.write(x + i * page_size);
        });
        c.turns_.wait_for(5);
      });
  EXPECT_TRUE(c.rig_.kinds().contains(std::string(kind::debt_without_pending))) << c.rig_.text();
}

TEST(OracleCoherence, PendingBelowZero) {
  using A = decrements_twice;
  OracleCase<A> c;
  c.run(
      [&] {
        c.turn(1, [&] {
          A::armed = true;
          EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0);
          A::armed = false;
          c.mm().tlb_flush_pending.fetch_add(1, order::full);
        });
        c.turn(2, nothing);
      },
      nothing, nothing);
  EXPECT_TRUE(c.rig_.kinds().contains(std::string(kind::pending_below_zero))) << c.rig_.text();
}

// ---- I2 -------------------------------------------------------------------------------------------

template <class A>
void table_under_walker(OracleCase<A>& c) {
  page* table = nullptr;
  c.run(
      [&] {
        c.turn(2, [&] {
          table = find_table<A>(c.mm(), x, 0);
          const std::uint32_t generation = table->generation.load(order::relaxed);
          EXPECT_EQ(do_munmap<A>(c.mm(), x, 8 * page_size), 0);
          c.wait_until_freed(table, generation);
          // The frame is a page table again, of other addresses.
          constexpr vaddr_t elsewhere = arena_start << 10;
          c.map(elsewhere, 8);
          c.write(elsewhere + 4 * page_size);
          EXPECT_EQ(find_table<A>(c.mm(), elsewhere, 0), table);
        });
      },
      nothing,
      [&] {
        c.turn(1, [&] { c.write(x); });
        c.turn(3, [&] { c.look(x); });
      });
}

TEST(OracleCoherence, ForgottenWalkCache) {
  OracleCase<forgets_walk_cache> c;
  table_under_walker(c);
  EXPECT_EQ(c.rig_.kinds(), kinds_of({kind::table_freed_while_cached, kind::freed_table_walk}))
      << c.rig_.text();
}
TEST(OracleCoherence, FlushedWalkCache) {
  OracleCase<x86> c;
  table_under_walker(c);
  EXPECT_THAT(c.rig_.kinds(), IsEmpty()) << c.rig_.text();
}

// ---- what may be out of date --------------------------------------------------------------------

// x86 leaves the slots of other address spaces, and lazy CPUs, alone: they are flushed when the mm
// is loaded again.
TEST(OracleCoherence, WhatIsFlushedBeforeItIsUsedIsNoDebt) {
  using A = x86;
  OracleCase<A> c;
  mm_struct* second = nullptr;
  c.run(
      [&] {
        c.turn(2, [&] { EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0); });
        c.turn(4, [&] { EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0); });
        c.turn(6, nothing);
      },
      [&] {
        c.turn(1, [&] {
          c.write(x);
          unuse_mm<A>();
        });
        c.turn(3, [&] {
          use_mm<A>(c.mm());
          c.write(x);
          second = mm_alloc<A>(3);
          use_mm<A>(*second);
        });
        c.turn(5, [&] {
          use_mm<A>(c.mm());
          c.read(x);
          mmput<A>(*second);
        });
      },
      nothing);
  EXPECT_THAT(c.rig_.kinds(), IsEmpty()) << c.rig_.text();
}

TEST(OracleCoherence, ALateWakerThatForgetsToFlush) {
  using A = forgets_flush;  // raises no generation, so a CPU that wakes finds nothing to do
  OracleCase<A> c;
  c.run([&] { c.turn(2, [&] { EXPECT_EQ(do_madvise_dontneed<A>(c.mm(), x, page_size), 0); }); },
        nothing,
        [&] {
          c.turn(1, [&] {
            c.write(x);
            unuse_mm<A>();
          });
          c.turn(3, [&] {
            use_mm<A>(c.mm());
            c.look(x);
          });
        });
  EXPECT_EQ(c.rig_.kinds(), kinds_of({kind::freed_frame_use})) << c.rig_.text();
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
