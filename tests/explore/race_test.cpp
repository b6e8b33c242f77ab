// SPDX-License-Identifier: GPL-2.0-or-later
// Data races of Shared words: found whatever the schedule when nothing orders the uses, and never
// reported when something does.
#include <new>

#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct Words {
  Shared<int> data;
  Atomic<int> flag{0}, other{0}, third{0};
  Spinlock lock;
  RwSem sem;
  SeqCount seq;
};

// CPU 0 does first, CPU 1 second; no end but these.
template <class First, class Second>
std::map<std::string, unsigned> two(First first, Second second) {
  return every_end<Words>(2, [=](Words& s, unsigned cpu) {
    if (cpu == 0)
      first(s);
    else
      second(s);
  });
}

const auto write = [](Words& s) { s.data.set(1); };
const auto read = [](Words& s) { static_cast<void>(s.data.get()); };

TEST(Race, UnorderedUsesAreFoundInEverySchedule) {
  expect_only(two(write, write), "data_race");
  expect_only(two(write, read), "data_race");
  expect_only(two(read, write), "data_race");
  expect_only(two(read, read), "");
}

TEST(Race, AStepBetweenDoesNotOrder) {
  const auto step_write = [](Words& s) {
    s.other.fetch_add(1, order::relaxed);
    s.data.set(1);
  };
  expect_only(two(step_write, step_write), "data_race");
}

// Two readers; the writer waits for some of them.
std::map<std::string, unsigned> readers_and_a_writer(bool waits_for_0, bool waits_for_1) {
  return every_end<Words>(3, [=](Words& s, unsigned cpu) {
    if (cpu != 2) {
      read(s);
      (cpu == 0 ? s.flag : s.other).store(1, order::release);
      return;
    }
    while (waits_for_0 && s.flag.load(order::acquire) == 0) cpu_relax();
    while (waits_for_1 && s.other.load(order::acquire) == 0) cpu_relax();
    write(s);
  });
}

TEST(Race, AWriterIsOrderedAfterEveryReaderOrItIsOne) {
  expect_only(readers_and_a_writer(false, false), "data_race");
  expect_only(readers_and_a_writer(true, false), "data_race");
  expect_only(readers_and_a_writer(false, true), "data_race");
  expect_only(readers_and_a_writer(true, true), "");
}

TEST(Race, LocksOrder) {
  const auto locked = [](Words& s) {
    s.lock.lock();
    s.data.set(s.data.get() + 1);
    s.lock.unlock();
  };
  expect_only(two(locked, locked), "");
  EXPECT_GT(two(locked, write).at("data_race"), 0U);
}

TEST(Race, ReadersOfARwSemAreNotOrderedWithEachOther) {
  const auto reader_writes = [](Words& s) {
    s.sem.down_read();
    s.data.set(1);
    s.sem.up_read();
  };
  const auto writer = [](Words& s) {
    s.sem.down_write();
    s.data.set(2);
    s.sem.up_write();
  };
  expect_only(two(reader_writes, reader_writes), "data_race");
  expect_only(two(reader_writes, writer), "");
  expect_only(two(writer, writer), "");
}

void expect_data(Words& s) { EXPECT_EQ(s.data.get(), 1); }

template <class Publish, class Take>
std::map<std::string, unsigned> message(Publish publish, Take take) {
  return two(
      [=](Words& s) {
        s.data.set(1);
        publish(s);
      },
      [=](Words& s) {
        if (take(s)) expect_data(s);
      });
}

TEST(Race, PublishingTakesAReleaseAndAnAcquire) {
  const auto release = [](Words& s) { s.flag.store(1, order::release); };
  const auto relaxed = [](Words& s) { s.flag.store(1, order::relaxed); };
  const auto acquire = [](Words& s) { return s.flag.load(order::acquire) != 0; };
  const auto plain = [](Words& s) { return s.flag.load(order::relaxed) != 0; };
  expect_only(message(release, acquire), "");
  EXPECT_GT(message(relaxed, acquire).at("data_race"), 0U);
  EXPECT_GT(message(release, plain).at("data_race"), 0U);
}

TEST(Race, FencesPublishToo) {
  const auto fenced = [](Words& s) {
    smp_wmb();
    s.flag.store(1, order::relaxed);
  };
  const auto fenced_take = [](Words& s) {
    const bool there = s.flag.load(order::relaxed) != 0;
    smp_rmb();
    return there;
  };
  const auto late_fence = [](Words& s) {
    s.flag.store(1, order::relaxed);
    smp_wmb();
  };
  expect_only(message(fenced, fenced_take), "");
  EXPECT_GT(message(late_fence, fenced_take).at("data_race"), 0U);
}

TEST(Race, AFullReadModifyWriteIsAFenceToo) {
  const auto fenced = [](Words& s) {
    s.other.exchange(1, order::full);
    s.flag.store(1, order::relaxed);
  };
  const auto fenced_take = [](Words& s) {
    const bool there = s.flag.load(order::relaxed) != 0;
    s.third.exchange(1, order::full);
    return there;
  };
  const auto acquiring_take = [](Words& s) {
    const bool there = s.flag.load(order::relaxed) != 0;
    s.third.exchange(1, order::acquire);
    return there;
  };
  expect_only(message(fenced, fenced_take), "");
  EXPECT_GT(message(fenced, acquiring_take).at("data_race"), 0U);
}

TEST(Race, ReadModifyWriteGoesOnWithTheReleaseItFound) {
  const auto ends = every_end<Words>(3, [](Words& s, unsigned cpu) {
    if (cpu == 0) {
      s.data.set(1);
      s.flag.store(1, order::release);
    } else if (cpu == 1) {
      s.flag.fetch_add(2, order::relaxed);
    } else if ((s.flag.load(order::acquire) & 1) != 0) {
      EXPECT_EQ(s.data.get(), 1);
    }
  });
  expect_only(ends, "");
}

TEST(Race, ARelaxedStoreEndsTheReleaseBeforeIt) {
  const auto twice = [](Words& s) {
    s.flag.store(1, order::release);
    s.flag.store(2, order::relaxed);
  };
  const auto second = [](Words& s) { return s.flag.load(order::acquire) == 2; };
  const auto first = [](Words& s) { return s.flag.load(order::acquire) == 1; };
  EXPECT_GT(message(twice, second).at("data_race"), 0U);
  expect_only(message(twice, first), "");
}

TEST(Race, AFullReadModifyWriteOrdersBothWays) {
  const auto swap = [](Words& s) { s.flag.exchange(1, order::full); };
  const auto full_take = [](Words& s) { return s.flag.exchange(2, order::full) == 1; };
  const auto relaxed_take = [](Words& s) { return s.flag.exchange(2, order::relaxed) == 1; };
  expect_only(message(swap, full_take), "");
  EXPECT_GT(message(swap, relaxed_take).at("data_race"), 0U);
}

TEST(Race, SequenceCounterOrdersItsWriter) {
  const auto writer = [](Words& s) {
    s.data.set(1);
    s.seq.write_begin();
    s.seq.write_end();
  };
  const auto reader = [](Words& s) {
    if (s.seq.read_begin() == 2) expect_data(s);
  };
  expect_only(two(writer, reader), "");
}

TEST(Race, PostAndAcknowledgementOrder) {
  const auto ends = every_end<Words>(2, [](Words& s, unsigned cpu) {
    if (cpu != 0) return;
    s.data.set(1);
    const auto handler = [](void* words) {
      auto& data = static_cast<Words*>(words)->data;
      data.set(data.get() + 1);
    };
    ipi_wait(ipi_post(cpumask::of(1), handler, &s));
    EXPECT_EQ(s.data.get(), 2);
  });
  expect_only(ends, "");
}

TEST(Race, NotWaitingForTheAcknowledgementDoesNotOrder) {
  const auto ends = every_end<Words>(2, [](Words& s, unsigned cpu) {
    if (cpu != 0) return;
    const auto handler = [](void* words) { static_cast<Words*>(words)->data.set(1); };
    static_cast<void>(ipi_post(cpumask::of(1), handler, &s));
    step_by(s.other);
    s.data.set(2);
  });
  expect_only(ends, "data_race");
}

TEST(Race, GracePeriodOrdersReadersBeforeIt) {
  const auto ends = every_end<Words>(2, [](Words& s, unsigned cpu) {
    if (cpu == 0) {
      s.flag.store(1, order::relaxed);
      synchronize_rcu();
      s.data.set(1);
      return;
    }
    rcu_read_lock();
    if (s.flag.load(order::relaxed) == 0) read(s);
    rcu_read_unlock();
  });
  expect_only(ends, "");
}

// Who sees what was done after a grace period began its section after the grace period had begun.
TEST(Race, GracePeriodOrdersWhatWasBeforeItBeforeLaterSections) {
  const auto ends = every_end<Words>(2, [](Words& s, unsigned cpu) {
    if (cpu == 0) {
      s.data.set(1);
      synchronize_rcu();
      s.flag.store(1, order::relaxed);
      return;
    }
    rcu_read_lock();
    if (s.flag.load(order::relaxed) == 1) expect_data(s);
    rcu_read_unlock();
  });
  expect_only(ends, "");
}

TEST(Race, WithoutTheGracePeriodItIsOne) {
  const auto ends = every_end<Words>(2, [](Words& s, unsigned cpu) {
    if (cpu == 0) {
      s.flag.store(1, order::relaxed);
      s.data.set(1);
      return;
    }
    rcu_read_lock();
    if (s.flag.load(order::relaxed) == 0) read(s);
    rcu_read_unlock();
  });
  EXPECT_GT(ends.at("data_race"), 0U);
}

TEST(Race, AWindowIsOrderedBeforeWhoWaitedForIt) {
  const auto ends = every_end<Words>(2, [](Words& s, unsigned cpu) {
    if (cpu == 0) {
      s.flag.store(1, order::relaxed);
      access_windows_wait();
      s.data.set(1);
      return;
    }
    access_window<true> window;
    if (s.flag.load(order::relaxed) == 0) read(s);
  });
  expect_only(ends, "");
}

// The word's history begins when it is made: an older one at the same address is not its own.
TEST(Race, MemoryUsedAgainBeginsANewHistory) {
  struct Slot {
    alignas(Shared<int>) unsigned char bytes[sizeof(Shared<int>)];
    Atomic<int> turn{0};
  };
  const auto ends = every_end<Slot>(2, [](Slot& s, unsigned cpu) {
    // CPU 1 makes its word over CPU 0's, ordered by a lock of the allocator that is not shown.
    while (s.turn.load(order::relaxed) != static_cast<int>(cpu)) cpu_relax();
    auto* word = new (s.bytes) Shared<int>(0);
    word->set(1);
    s.turn.fetch_add(1, order::relaxed);
  });
  expect_only(ends, "");
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
