// SPDX-License-Identifier: GPL-2.0-or-later
// Atomic, Shared, fences: values that operations return, and what orders promise.
#include <limits>

#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Body of one CPU, under every order.
template <class Check>
void with_every_order(Check check) {
  each_trial(1, [&](Machine& machine) {
    machine.run([&](unsigned) {
      for (order o : {order::relaxed, order::acquire, order::release, order::full}) check(o);
    });
  });
}

TEST(Word, LoadAndStore) {
  with_every_order([](order o) {
    Atomic<long> word{7};
    // A load has nothing to release and a store nothing to acquire; no word is loaded `full`.
    const bool loads = o == order::relaxed || o == order::acquire;
    EXPECT_EQ(word.load(loads ? o : order::relaxed), 7);
    word.store(8, loads ? order::relaxed : order::release);
    EXPECT_EQ(word.load(order::relaxed), 8);
    write_once(word, 9L);
    EXPECT_EQ(read_once(word), 9);
    EXPECT_EQ(Atomic<long>().load(order::relaxed), 0);
  });
}

TEST(Word, ReadModifyWriteReturnsTheOldValue) {
  with_every_order([](order o) {
    Atomic<unsigned> word{12};
    EXPECT_EQ(word.exchange(10, o), 12U);
    EXPECT_EQ(word.fetch_add(5, o), 10U);
    EXPECT_EQ(word.fetch_sub(3, o), 15U);
    EXPECT_EQ(word.fetch_or(3, o), 12U);
    EXPECT_EQ(word.fetch_and(9, o), 15U);
    EXPECT_EQ(word.load(order::relaxed), 9U);
  });
}

TEST(Word, CompareExchange) {
  with_every_order([](order o) {
    Atomic<pte_t> word{pte_t{5}};
    pte_t expected{4};
    EXPECT_FALSE(word.compare_exchange(expected, pte_t{6}, o));
    EXPECT_EQ(expected, pte_t{5});
    EXPECT_TRUE(word.compare_exchange(expected, pte_t{6}, o));
    EXPECT_EQ(expected, pte_t{5});
    EXPECT_EQ(word.load(order::relaxed), pte_t{6});
  });
}

TEST(Word, ArithmeticWraps) {
  with_every_order([](order o) {
    Atomic<int> word{std::numeric_limits<int>::max()};
    EXPECT_EQ(word.fetch_add(1, o), std::numeric_limits<int>::max());
    EXPECT_EQ(word.fetch_sub(1, o), std::numeric_limits<int>::min());
    EXPECT_EQ(word.load(order::relaxed), std::numeric_limits<int>::max());
  });
}

// Words are used while a machine is set up and looked at, when no CPU runs.
TEST(Word, WorksOutsideOfARun) {
  Atomic<int> word{1};
  Shared<int> shared{2};
  smp_mb();
  word.store(word.fetch_add(1, order::full) + 10, order::release);
  shared.set(shared.get() + 1);
  EXPECT_EQ(word.load(order::acquire), 11);
  EXPECT_EQ(shared.get(), 3);
}

TEST(Word, NoIncrementIsLost) {
  each_trial(4, [](Machine& machine) {
    Atomic<unsigned> sum{0}, by_compare{0};
    machine.run([&](unsigned) {
      for (unsigned i = 0; i < rounds; ++i) {
        sum.fetch_add(1, order::relaxed);
        unsigned seen = by_compare.load(order::relaxed);
        while (!by_compare.compare_exchange(seen, seen + 1, order::relaxed)) {
        }
      }
    });
    EXPECT_EQ(sum.load(order::relaxed), 4 * rounds);
    EXPECT_EQ(by_compare.load(order::relaxed), 4 * rounds);
  });
}

TEST(Word, ReleaseAndAcquirePassAMessage) {
  each_trial(2, [](Machine& machine) {
    Shared<unsigned> data;
    Atomic<unsigned> full{0};
    machine.run([&](unsigned cpu) {
      for (unsigned i = 1; i <= rounds; ++i) {
        wait_for(full, cpu);
        if (cpu == 0)
          data.set(i);
        else
          EXPECT_EQ(data.get(), i);
        full.store(1 - cpu, order::release);
      }
    });
  });
}

// Store buffering: with a full barrier between, not both loads miss the other's store.
template <class Barrier>
void no_store_buffering(Barrier barrier) {
  each_trial(2, [&](Machine& machine) {
    Atomic<unsigned> word[2];
    Atomic<unsigned> seen[2];
    Meeting meeting;
    machine.run([&](unsigned cpu) {
      for (unsigned i = 1; i <= rounds; ++i) {
        meeting.meet();
        word[cpu].store(i, order::relaxed);
        barrier();
        seen[cpu].store(word[1 - cpu].load(order::relaxed), order::relaxed);
        meeting.meet();
        EXPECT_TRUE(seen[0].load(order::relaxed) == i || seen[1].load(order::relaxed) == i);
      }
    });
  });
}

TEST(Word, FullBarriersForbidStoreBuffering) {
  no_store_buffering([] { smp_mb(); });
  no_store_buffering([] {
    static Atomic<unsigned> other;
    other.fetch_add(1, order::full);
  });
  no_store_buffering([] {
    Atomic<unsigned> other;
    smp_mb__before_atomic();
    other.fetch_add(1, order::relaxed);
    smp_mb__after_atomic();
  });
}

TEST(Word, UnlockThenLockWithItsBarrierForbidsStoreBuffering) {
  no_store_buffering([] {
    Spinlock lock;
    lock.lock();
    lock.unlock();
    lock.lock();
    smp_mb__after_unlock_lock();
    lock.unlock();
  });
}

TEST(Word, WriteAndReadBarriersPassAMessage) {
  each_trial(2, [](Machine& machine) {
    Atomic<unsigned> data{0}, flag{0};
    machine.run([&](unsigned cpu) {
      for (unsigned i = 1; i <= rounds; ++i) {
        if (cpu == 0) {
          data.store(i, order::relaxed);
          smp_wmb();  // data before flag; pairs with the rmb below
          flag.store(i, order::relaxed);
        } else {
          const unsigned seen = flag.load(order::relaxed);
          smp_rmb();  // flag before data; pairs with the wmb above
          EXPECT_GE(data.load(order::relaxed), seen);
        }
      }
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
