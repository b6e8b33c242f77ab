// SPDX-License-Identifier: GPL-2.0-or-later
// Spinlock, RwSem, SeqCount: who is kept out, who is let in, what the try forms say.
#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

TEST(SpinlockTest, Excludes) {
  each_trial(4, [](Machine& machine) {
    Spinlock lock;
    Shared<unsigned> sum;  // whose races both worlds find
    machine.run([&](unsigned cpu) {
      for (unsigned i = 0; i < rounds; ++i) {
        if (cpu % 2 == 0)
          lock.lock();
        else
          while (!lock.trylock()) cpu_relax();
        sum.set(sum.get() + 1);
        lock.unlock();
      }
    });
    EXPECT_EQ(sum.get(), 4 * rounds);
  });
}

TEST(SpinlockTest, TrylockFailsOnlyWhileItIsTaken) {
  each_trial(2, [](Machine& machine) {
    Spinlock lock;
    Atomic<unsigned> stage{0};
    machine.run([&](unsigned cpu) {
      if (cpu == 0) {
        EXPECT_FALSE(lock.is_locked());
        EXPECT_TRUE(lock.trylock());
        stage.store(1, order::release);
        wait_for(stage, 2);
        lock.unlock();
        stage.store(3, order::release);
      } else {
        wait_for(stage, 1);
        EXPECT_TRUE(lock.is_locked());
        EXPECT_FALSE(lock.trylock());
        stage.store(2, order::release);
        wait_for(stage, 3);
        EXPECT_TRUE(lock.trylock());
        lock.unlock();
      }
    });
    machine.run([&](unsigned) { EXPECT_FALSE(lock.is_locked()); });
  });
}

TEST(RwSemTest, WritersExcludeEverybody) {
  each_trial(4, [](Machine& machine) {
    RwSem sem;
    Shared<unsigned> a, b;
    machine.run([&](unsigned cpu) {
      for (unsigned i = 0; i < rounds; ++i) {
        if (cpu < 2) {
          sem.down_write();
          a.set(a.get() + 1);
          b.set(b.get() + 1);
          sem.up_write();
        } else {
          sem.down_read();
          EXPECT_EQ(a.get(), b.get());
          sem.up_read();
        }
      }
    });
    EXPECT_EQ(a.get(), 2 * rounds);
  });
}

// They could not meet inside if they excluded each other.
TEST(RwSemTest, ReadersShare) {
  each_trial(3, [](Machine& machine) {
    RwSem sem;
    Meeting meeting;
    machine.run([&](unsigned) {
      sem.down_read();
      meeting.meet();
      sem.up_read();
    });
  });
}

TEST(RwSemTest, TryFormsSayNoOnlyWhenTheyMust) {
  each_trial(2, [](Machine& machine) {
    RwSem sem;
    Atomic<unsigned> stage{0};
    machine.run([&](unsigned cpu) {
      if (cpu == 0) {
        EXPECT_TRUE(sem.down_write_trylock());
        stage.store(1, order::release);
        wait_for(stage, 2);
        sem.downgrade_write();
        stage.store(3, order::release);
        wait_for(stage, 4);
        sem.up_read();
        stage.store(5, order::release);
        return;
      }
      wait_for(stage, 1);
      EXPECT_TRUE(sem.is_locked() && sem.is_write_locked());
      EXPECT_FALSE(sem.down_read_trylock());
      EXPECT_FALSE(sem.down_write_trylock());
      stage.store(2, order::release);
      wait_for(stage, 3);
      EXPECT_TRUE(sem.is_locked() && !sem.is_write_locked());
      EXPECT_FALSE(sem.down_write_trylock());
      EXPECT_TRUE(sem.down_read_trylock());
      stage.store(4, order::release);
      wait_for(stage, 5);
      sem.up_read();
      EXPECT_TRUE(sem.down_write_trylock());
      sem.up_write();
      EXPECT_FALSE(sem.is_locked());
    });
  });
}

// Between downgrade and up_read no writer comes in, but readers do.
TEST(RwSemTest, DowngradeLetsReadersInAndNoWriter) {
  each_trial(3, [](Machine& machine) {
    RwSem sem;
    Shared<unsigned> value;
    Atomic<unsigned> reader_inside{0};
    machine.run([&](unsigned cpu) {
      if (cpu == 0) {
        sem.down_write();
        value.set(value.get() + 1);
        const unsigned mine = value.get();
        sem.downgrade_write();
        EXPECT_EQ(value.get(), mine);
        wait_for(reader_inside, 1);
        EXPECT_EQ(value.get(), mine);
        sem.up_read();
      } else if (cpu == 1) {
        // A try, for a waiting writer may hold off new readers.
        while (!sem.down_read_trylock()) cpu_relax();
        reader_inside.store(1, order::release);
        sem.up_read();
      } else {
        wait_for(reader_inside, 1);
        sem.down_write();
        value.set(value.get() + 1);
        sem.up_write();
      }
    });
    EXPECT_EQ(value.get(), 2U);
  });
}

TEST(SeqCountTest, ReadersSeeNoHalfOfAWrite) {
  each_trial(3, [](Machine& machine) {
    SeqCount seq;
    Spinlock writers;
    Atomic<unsigned> a{0}, b{0};
    machine.run([&](unsigned cpu) {
      for (unsigned i = 0; i < rounds; ++i) {
        if (cpu != 0) {
          writers.lock();
          seq.write_begin();
          a.store(a.load(order::relaxed) + 1, order::relaxed);
          b.store(b.load(order::relaxed) + 1, order::relaxed);
          seq.write_end();
          writers.unlock();
          continue;
        }
        unsigned start = 0, first = 0, second = 0;
        do {
          start = seq.read_begin();
          first = a.load(order::relaxed);
          second = b.load(order::relaxed);
        } while (seq.read_retry(start));
        EXPECT_EQ(first, second);
      }
    });
    EXPECT_EQ(a.load(order::relaxed), 2 * rounds);
  });
}

TEST(SeqCountTest, IsOddInsideAndRetryNotices) {
  each_trial(1, [](Machine& machine) {
    SeqCount seq;
    machine.run([&](unsigned) {
      const unsigned before = seq.read_begin();
      EXPECT_FALSE(seq.read_retry(before));
      EXPECT_EQ(seq.raw_read() % 2, 0U);
      seq.write_begin();
      EXPECT_EQ(seq.raw_read() % 2, 1U);
      EXPECT_TRUE(seq.read_retry(before));
      seq.write_end();
      EXPECT_EQ(seq.raw_read() % 2, 0U);
      EXPECT_TRUE(seq.read_retry(before));
      EXPECT_FALSE(seq.read_retry(seq.read_begin()));
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
