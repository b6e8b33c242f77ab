// SPDX-License-Identifier: GPL-2.0-or-later
// What is written down of an execution: who, when, which word, which values; and what of it a
// reader needs.
#include "harness/explore/recorder.h"

#include <gmock/gmock.h>

#include "harness/explore/schedule.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Words {
  Atomic<int> x{0}, own{0}, lab{0}, counter{0}, nameless{0};
  Atomic<std::uint64_t> entry{0}, table{0};
  Atomic<std::uint32_t> flags{0};
  Atomic<Words*> pointer{nullptr};
  Spinlock lock, private_lock;
  RwSem sem;
};

constexpr std::uint64_t table_value = 99;

// By the place in the one Words that there is.
class WordsByName final : public Namer {
 public:
  explicit WordsByName(const Words& words) : words_(words) {}
  WordName word(const void* address) override {
    if (address == &words_.x) return {"x"};
    if (address == &words_.own) return {"own"};
    if (address == &words_.lab) return {.text = "lab", .of_lab = true};
    if (address == &words_.counter) return {.text = "counter", .minor = true};
    if (address == &words_.entry) return {"pte[0x4000]", true};
    if (address == &words_.table) return {"pgd[0x0]", true};
    if (address == &words_.flags) return {.text = "page 5 flags", .account = true, .flags = true};
    if (address == &words_.pointer) return {"pointer"};
    if (address == &words_.lock) return {"lock"};
    if (address == &words_.private_lock) return {"private_lock"};
    return {};
  }
  std::string entry(std::uint64_t value) override {
    if (value == 0) return "none";
    return (value == table_value ? "table " : "page ") + std::to_string(value);
  }
  std::string flags(std::uint64_t bits) override {
    if (bits == 3) return "dirty,locked";
    return bits == 0 ? "" : bits == 1 ? "dirty" : "locked";
  }
  std::string object(const void* address) override { return address == &words_ ? "words" : ""; }

 private:
  const Words& words_;
};

// body(words, cpu, recorder) by the schedule that the text says, on two CPUs.
template <class Body>
std::vector<TraceStep> recorded(const char* schedule, Body body) {
  Words words;
  ReplayChooser chooser(parse_schedule(schedule).steps);
  MachineOptions options;
  options.cpus = 2;
  options.chooser = &chooser;
  Machine machine(options);
  WordsByName names(words);
  Recorder recorder(names, machine.result().schedule);
  recorder.listen(true);
  for (unsigned cpu = 0; cpu < 2; ++cpu) machine.attach(cpu, &recorder);
  machine.run([&](unsigned cpu) { body(words, cpu, recorder); });
  return recorder.take(!machine.result().ok());
}

std::vector<std::string> texts(const std::vector<TraceStep>& steps, bool key_only) {
  std::vector<std::string> all;
  for (const TraceStep& step : steps)
    if (step.key || !key_only)
      all.push_back(std::to_string(step.step) + static_cast<char>('a' + step.cpu) + " " +
                    step.text);
  return all;
}

TEST(Recorder, WritesDownEachAccessWithItsValues) {
  const auto steps = recorded("v1 a9", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu != 0) return;
    w.x.store(3, order::release);
    static_cast<void>(w.x.load(order::acquire));
    w.x.fetch_add(-5, order::full);
    int expected = 9;
    static_cast<void>(w.x.compare_exchange(expected, 1, order::full));
    static_cast<void>(w.x.compare_exchange(expected, 1, order::relaxed));
    w.entry.store(7, order::relaxed);
    w.entry.exchange(8, order::full);
    w.entry.exchange(0, order::full);
    w.pointer.store(&w, order::release);
  });
  EXPECT_THAT(
      texts(steps, false),
      ElementsAre("1a store x: 3", "2a load x: 3", "3a x: 3 -> -2", "4a cmpxchg fails, x: -2",
                  "5a x: -2 -> 1", "6a set pte[0x4000]: page 7", "7a pte[0x4000]: page 7 -> page 8",
                  "8a clear pte[0x4000], was page 8", "9a store pointer: words"));
  const TraceStep& rmw = steps[2];
  EXPECT_EQ(rmw.what, "rmw");
  EXPECT_EQ(rmw.object, "x");
  EXPECT_EQ(rmw.before, "3");
  EXPECT_EQ(rmw.after, "-2");
  EXPECT_EQ(rmw.order, "full");
}

TEST(Recorder, TellsOfThePagesAccountOnlyWhatAnotherCpuLoads) {
  const auto steps = recorded("v1 a2 b1 a1", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu == 0) {
      w.flags.fetch_or(2, order::relaxed);
      static_cast<void>(w.flags.exchange(1, order::relaxed));
      w.flags.fetch_or(2, order::relaxed);  // nobody looks
    } else {
      static_cast<void>(w.flags.load(order::relaxed));
    }
  });
  EXPECT_THAT(texts(steps, false),
              ElementsAre("1a page 5 flags: set locked", "2a page 5 flags: set dirty, clear locked",
                          "3b load page 5 flags: {dirty}", "4a page 5 flags: set locked"));
  EXPECT_THAT(texts(steps, true), ElementsAre("2a page 5 flags: set dirty, clear locked",
                                              "3b load page 5 flags: {dirty}"));
}

// The change says what was there.
TEST(Recorder, LeavesOutALoadBeforeItsOwnChange) {
  const auto steps = recorded("v1 b1 a2 b1", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu == 1) w.entry.store(5, order::relaxed);
    static_cast<void>(w.entry.load(order::relaxed));
    if (cpu == 0) w.entry.store(6, order::relaxed);
  });
  EXPECT_THAT(texts(steps, true),
              ElementsAre("1b set pte[0x4000]: page 5", "3a pte[0x4000]: page 5 -> page 6",
                          "4b load pte[0x4000]: page 6"));
}

TEST(Recorder, LeavesOutTablesThatStay) {
  const auto run = [](bool goes) {
    return texts(recorded(goes ? "v1 a1 b1 a1" : "v1 a1 b1",
                          [goes](Words& w, unsigned cpu, Recorder&) {
                            if (cpu == 0) w.table.store(table_value, order::relaxed);
                            if (cpu == 0 && goes) w.table.store(0, order::relaxed);
                            if (cpu == 1) static_cast<void>(w.table.load(order::relaxed));
                          }),
                 true);
  };
  EXPECT_THAT(run(false), ElementsAre());
  EXPECT_THAT(run(true), ElementsAre("1a set pgd[0x0]: table 99", "2b load pgd[0x0]: table 99",
                                     "3a clear pgd[0x0], was table 99"));
}

TEST(Recorder, WritesNoAddressAndNumbersUnknownWords) {
  const auto steps = recorded("v1 a4", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu != 0) return;
    w.nameless.store(1, order::relaxed);
    w.sem.down_read();
    w.nameless.store(2, order::relaxed);
    w.pointer.store(std::bit_cast<Words*>(&w.own), order::relaxed);
  });
  EXPECT_THAT(texts(steps, false),
              ElementsAre("1a store word 1: 1", "2a read-lock word 2", "3a store word 1: 2",
                          "4a store pointer: an object"));
}

TEST(Recorder, LeavesOutTheLaboratory) {
  const auto steps = recorded("v1 a2", [](Words& w, unsigned cpu, Recorder&) {
    w.lab.fetch_add(1, order::full);
    if (cpu == 0) w.x.store(1, order::relaxed);
  });
  EXPECT_THAT(texts(steps, false), ElementsAre("2a store x: 1"));
}

TEST(Recorder, WritesDownInterruptsAndRcu) {
  const auto steps = recorded("v1 a1 b1 b.irq", [](Words& w, unsigned cpu, Recorder&) {
    static_cast<void>(w.x.load(order::relaxed));
    if (cpu != 0) return;
    on_each_cpu_mask(cpumask::of(1), [](void*) {}, nullptr);
    rcu_read_lock();
    rcu_read_unlock();
    synchronize_rcu();
  });
  EXPECT_THAT(texts(steps, false),
              ElementsAre("1a load x: 0", "2b load x: 0", "3a IPI to CPU1", "4b interrupted",
                          "5b answers CPU0", "6a all IPIs are answered", "7a rcu_read_lock",
                          "8a rcu_read_unlock", "10a synchronize_rcu returns"));
  EXPECT_THAT(texts(steps, true), testing::Contains("5b answers CPU0"));
  EXPECT_THAT(texts(steps, true), testing::Not(testing::Contains("4b interrupted")));
  EXPECT_THAT(texts(steps, true), testing::Not(testing::Contains("7a rcu_read_lock")));
}

// ---- what a reader needs ------------------------------------------------------------------------

TEST(Recorder, KeepsWhatTheOtherCpuCouldSee) {
  const auto steps = recorded("v1 a3 b4 a9", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu == 0) {
      w.own.store(1, order::relaxed);       // nobody looks
      w.counter.fetch_add(1, order::full);  // minor
      w.x.store(1, order::release);
      static_cast<void>(w.x.load(order::acquire));  // its own value
    } else {
      static_cast<void>(w.x.load(order::acquire));
      static_cast<void>(w.x.load(order::acquire));  // the same again
      w.counter.fetch_add(1, order::full);
      w.x.fetch_add(0, order::full);  // changes nothing
    }
  });
  EXPECT_THAT(texts(steps, true), ElementsAre("3a store x: 1", "4b load x: 1"));
}

TEST(Recorder, KeepsALoadThatComesBeforeTheOthersStore) {
  const auto steps = recorded("v1 b1 a1", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu == 0)
      w.x.store(1, order::relaxed);
    else
      static_cast<void>(w.x.load(order::relaxed));
  });
  EXPECT_THAT(texts(steps, true), ElementsAre("1b load x: 0", "2a store x: 1"));
}

TEST(Recorder, KeepsLocksThatCanKeepSomebodyOut) {
  const auto steps = recorded("v1 a4 b2", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu == 0) {
      w.private_lock.lock();
      w.private_lock.unlock();
    }
    w.lock.lock();
    w.lock.unlock();
    w.sem.down_read();  // readers only
    w.sem.up_read();
  });
  EXPECT_THAT(texts(steps, true),
              ElementsAre("3a lock lock", "4a unlock lock", "5b lock lock", "6b unlock lock"));
}

TEST(Recorder, EntriesAreAlwaysNeededSinceHardwareReadsThem) {
  const auto steps = recorded("v1 a2", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu == 0) w.entry.store(1, order::relaxed);
  });
  EXPECT_THAT(texts(steps, true), ElementsAre("1a set pte[0x4000]: page 1"));
}

TEST(Recorder, TheSceneIsNotNeeded) {
  const auto steps = recorded("v1 a2 b1", [](Words& w, unsigned cpu, Recorder& recorder) {
    w.x.fetch_add(1, order::full);
    if (cpu != 0) return;
    recorder.scene_is_set();
    w.x.fetch_add(1, order::full);
  });
  EXPECT_THAT(texts(steps, false), ElementsAre("1a x: 0 -> 1", "2a x: 1 -> 2", "3b x: 2 -> 3"));
  EXPECT_THAT(texts(steps, true), ElementsAre("2a x: 1 -> 2", "3b x: 2 -> 3"));
}

// ---- events -------------------------------------------------------------------------------------

TEST(Recorder, AnAccessAndItsTranslationAreOneRow) {
  const auto steps = recorded("v1 a2", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu != 0) return;
    static_cast<void>(w.own.load(order::relaxed));
    trace(EventKind::tlb_use, 1, 0x4000, 7, 1, 0);
    trace(EventKind::user_read, 1, 0x4000, 5);
    static_cast<void>(w.own.load(order::relaxed));
    trace(EventKind::tlb_fill, 1, 0x4000, 7, 0, 12);
    trace(EventKind::tlb_use, 1, 0x4000, 7, 1, 1);
    trace(EventKind::user_write, 1, 0x4000, 0x12345);
  });
  EXPECT_THAT(texts(steps, true),
              ElementsAre("1a load 0x4000: 5 via TLB, page 7", "2a TLB fill 0x4000: page 7",
                          "2a store 0x4000: 0x12345"));
}

TEST(Recorder, WhatAWordSaysNoEventRepeats) {
  const auto steps = recorded("v1 a2", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu != 0) return;
    w.entry.store(1, order::relaxed);
    trace(EventKind::pte_change, 1, 0, 0, 1, 0x4000);
    trace(EventKind::ptl_acquire, 1, 4);
  });
  EXPECT_EQ(steps.size(), 1U);
}

TEST(Recorder, EndsWhereTheViolationIsSeen) {
  const auto seen = recorded("v1 a2", [](Words& w, unsigned cpu, Recorder& recorder) {
    if (cpu != 0) return;
    w.own.store(1, order::relaxed);
    recorder.violation_seen();
    w.own.store(2, order::relaxed);
  });
  EXPECT_THAT(texts(seen, false), ElementsAre("1a store own: 1"));
  EXPECT_TRUE(seen.back().violating);

  const auto ended = recorded("v1 a2", [](Words& w, unsigned cpu, Recorder&) {
    if (cpu != 0) return;
    w.own.store(1, order::relaxed);
    vm_bug_on(true, "planted");
  });
  EXPECT_TRUE(ended.back().violating);
  EXPECT_TRUE(ended.back().key);
}

// The namer of a program whose words go at a page_free.
class Leaving final : public Namer {
 public:
  WordName word(const void*) override { return {"word"}; }
  std::string entry(std::uint64_t) override { return {}; }
  std::string object(const void*) override { return {}; }
  bool goes_on(const trace_event& what) override { return what.kind != EventKind::page_free; }
};

TEST(Recorder, EndsWithTheNames) {
  Atomic<int> word{0};
  MachineOptions options;
  Machine machine(options);
  Leaving names;
  Recorder recorder(names, machine.result().schedule);
  recorder.listen(true);
  machine.attach(0, &recorder);
  machine.run([&](unsigned) {
    word.store(1, order::relaxed);
    trace(EventKind::page_free, 0, 5);
    word.store(2, order::relaxed);
    trace(EventKind::page_free, 0, 6);
  });
  EXPECT_THAT(texts(recorder.take(false), false),
              ElementsAre("1a store word: 1", "1a free page 5"));
}

TEST(Recorder, KeepsTheEndOfAVeryLongExecution) {
  constexpr auto long_one = static_cast<int>(3 * Recorder::least_kept);
  const auto steps = recorded("v1 a1", [](Words& w, unsigned cpu, Recorder& recorder) {
    if (cpu != 0) return;
    recorder.scene_is_set();
    for (int i = 0; i < long_one; ++i) w.own.store(i, order::relaxed);
  });
  EXPECT_GE(steps.size(), Recorder::least_kept);
  EXPECT_LT(steps.size(), 2 * Recorder::least_kept);
  EXPECT_EQ(steps.back().step, static_cast<std::uint64_t>(long_one));
}

TEST(Recorder, CallsOnceAtAStep) {
  for (std::uint64_t at = 1; at <= 5; ++at) {
    std::vector<std::uint64_t> called;
    recorded("v1 a4", [&](Words& w, unsigned cpu, Recorder& recorder) {
      if (cpu != 0) return;
      recorder.call_at(at, [&] { called.push_back(recorder.steps()); });
      for (int i = 0; i < 4; ++i) w.own.store(i, order::relaxed);
    });
    if (at <= 4)
      EXPECT_THAT(called, ElementsAre(at));
    else
      EXPECT_THAT(called, IsEmpty());
  }
}

TEST(Recorder, NobodyListensWhenItIsGone) {
  static_cast<void>(recorded("v1 a1", [](Words&, unsigned, Recorder&) {}));
  EXPECT_EQ(operation_listener, nullptr);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
