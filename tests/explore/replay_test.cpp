// SPDX-License-Identifier: GPL-2.0-or-later
// The same seed is the same execution, and a printed schedule brings an execution back.
#include <vector>

#include "harness/explore/schedule.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// A bit of everything: words, locks, interrupts, RCU, hardware choices, memory. Rarely a violation.
struct Everything {
  Atomic<int> x{0}, y{0};
  Spinlock lock;
  RwSem sem;
  rcu_head heads[4];
  Atomic<int*> slot{nullptr};
};

void shoot(void* state) { static_cast<Everything*>(state)->x.fetch_add(1, order::full); }

void run_everything(Everything& s, unsigned cpu) {
  auto* object = static_cast<int*>(kmalloc(sizeof(int), AllocSite::object));
  rcu_assign_pointer(s.slot, object);
  s.sem.down_read();
  if (choose(4) == 3) s.x.fetch_add(1, order::relaxed);
  s.sem.up_read();
  on_each_cpu_mask(cpumask::of((cpu + 1) % nr_cpu_ids()), shoot, &s);
  call_rcu(&s.heads[cpu], [](rcu_head* head) { head->next = nullptr; });
  s.lock.lock();
  const int y = s.y.load(order::relaxed);
  s.y.store(y + 1, order::relaxed);
  s.lock.unlock();
  rcu_read_lock();
  vm_bug_on(rcu_dereference(s.slot) == object && s.x.load(order::relaxed) == 5, "planted");
  rcu_read_unlock();
}

ExecutionResult everything(Chooser& chooser) {
  return execute<Everything>(&chooser, 4, run_everything);
}

TEST(Replay, SameSeedSameExecution) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    RandomChooser first(seed), second(seed);
    const ExecutionResult a = everything(first), b = everything(second);
    EXPECT_EQ(print_steps(a.schedule), print_steps(b.schedule));
    EXPECT_EQ(a.violation, b.violation);
    EXPECT_EQ(a.steps, b.steps);
    EXPECT_EQ(a.choices, b.choices);
    EXPECT_EQ(a.switches, b.switches);
  }
}

// Words that outlive an execution are set again by the next one; what they held must not matter.
TEST(Replay, LeftoversOfStaticWordsDoNotTell) {
  static Atomic<int> id{0};
  struct Nothing {
    Atomic<int> go{0};
  };
  const auto body = [](Nothing& s, unsigned cpu) {
    if (cpu == 0) {
      id.store(0, order::relaxed);  // the first time 0 already, then 3
      id.store(3, order::relaxed);
      s.go.store(1, order::release);
    } else {
      while (s.go.load(order::acquire) == 0) cpu_relax();
    }
  };
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    id.store(0, order::relaxed);
    RandomChooser first(seed), second(seed);
    const std::string a = print_steps(execute<Nothing>(&first, 2, body).schedule);
    EXPECT_EQ(id.load(order::relaxed), 3);
    EXPECT_EQ(print_steps(execute<Nothing>(&second, 2, body).schedule), a);
  }
}

TEST(Replay, OtherSeedOtherExecution) {
  RandomChooser first(1), second(2);
  EXPECT_NE(print_steps(everything(first).schedule), print_steps(everything(second).schedule));
}

TEST(Replay, PrintedSchedulesRepeatExecutions) {
  unsigned violations = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomChooser chooser(seed);
    const ExecutionResult found = everything(chooser);
    if (!found.ok()) ++violations;
    const std::string text = print_schedule({{}, found.schedule});
    const Schedule read = parse_schedule(text);
    ReplayChooser replay(read.steps);
    const ExecutionResult again = everything(replay);
    ASSERT_EQ(again.violation, found.violation) << text;
    ASSERT_EQ(again.cpu, found.cpu) << text;
    ASSERT_EQ(again.schedule, found.schedule) << text;
    ASSERT_EQ(first_departure(read.steps, again.schedule), std::nullopt);
  }
  EXPECT_GT(violations, 0U);
  EXPECT_LT(violations, 300U);
}

TEST(Replay, TheBeginningOfAScheduleIsEnough) {
  RandomChooser chooser(7);
  std::vector<ScheduleStep> steps = everything(chooser).schedule;
  steps.resize(steps.size() / 2);
  ReplayChooser replay(steps);
  const ExecutionResult again = everything(replay);
  EXPECT_EQ(first_departure(steps, again.schedule), std::nullopt);
  EXPECT_GT(again.schedule.size(), steps.size());
}

TEST(Replay, DeparturesAreFound) {
  RandomChooser chooser(7);
  std::vector<ScheduleStep> steps = everything(chooser).schedule;
  ASSERT_GT(steps.size(), 10U);
  steps[10] = {static_cast<std::uint8_t>(actor_of(ActorKind::rcu, 20)), false, 0};  // no such CPU
  ReplayChooser replay(steps);
  EXPECT_EQ(first_departure(steps, everything(replay).schedule), 10U);

  steps.resize(10);
  const ExecutionResult whole = everything(replay);
  steps = whole.schedule;
  steps.push_back({0, false, 0});  // one more than there is
  EXPECT_EQ(first_departure(steps, whole.schedule), whole.schedule.size());
}

TEST(Replay, WithoutAChooserTheRunningCpuGoesOn) {
  const ExecutionResult result = execute<Everything>(nullptr, 2, [](Everything& s, unsigned) {
    for (int i = 0; i < 3; ++i) s.x.fetch_add(1, order::relaxed);
  });
  EXPECT_EQ(print_steps(result.schedule), "a3 b3");
}

TEST(Replay, EveryKindOfStepIsPrinted) {
  std::string all;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RandomChooser chooser(seed);
    all += print_steps(everything(chooser).schedule) + ' ';
  }
  for (const char* mark : {"a1 ", "d", "a.irq ", "d.irq ", "b.rcu ", "a:3 ", "c:0 "})
    EXPECT_NE(all.find(mark), std::string::npos) << mark;
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
