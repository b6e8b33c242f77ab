// SPDX-License-Identifier: GPL-2.0-or-later
// Schedules as text: both directions, and where exactly a mistake is.
#include "harness/explore/schedule.h"

#include <gtest/gtest.h>

namespace tlblab {

namespace {

ScheduleStep cpu(unsigned id) {
  return {static_cast<std::uint8_t>(actor_of(ActorKind::cpu, id)), false, 0};
}
ScheduleStep irq(unsigned id) {
  return {static_cast<std::uint8_t>(actor_of(ActorKind::irq, id)), false, 0};
}
ScheduleStep rcu(unsigned id) {
  return {static_cast<std::uint8_t>(actor_of(ActorKind::rcu, id)), false, 0};
}
ScheduleStep walk(unsigned id) {
  return {static_cast<std::uint8_t>(actor_of(ActorKind::walker, id)), false, 0};
}
ScheduleStep evict(unsigned id) {
  return {static_cast<std::uint8_t>(actor_of(ActorKind::evict, id)), false, 0};
}
ScheduleStep hardware(unsigned id, std::uint16_t value) {
  return {static_cast<std::uint8_t>(id), true, value};
}

const Schedule example{{},
                       {cpu(0), cpu(0), cpu(1), irq(0), irq(0), cpu(0), hardware(2, 3),
                        hardware(2, 3), rcu(1), cpu(20)}};

TEST(ScheduleText, Prints) {
  EXPECT_EQ(print_schedule(example), "v1 a2 b1 a.irq a.irq a1 c:3 c:3 b.rcu u1");
  EXPECT_EQ(print_schedule({}), "v1");
  EXPECT_EQ(print_schedule({{"madvise-parallel-2017", "s390"}, {cpu(0)}}),
            "v1 madvise-parallel-2017 s390 : a1");
}

TEST(ScheduleText, ReadsWhatItPrints) {
  EXPECT_EQ(parse_schedule(print_schedule(example)), example);
  EXPECT_EQ(parse_schedule("v1"), Schedule{});
  EXPECT_EQ(parse_schedule("v1 : a1").steps.size(), 1U);
  const Schedule with_header{{"x", "a4"}, {hardware(20, 65535), cpu(0)}};
  EXPECT_EQ(parse_schedule(print_schedule(with_header)), with_header);
}

TEST(ScheduleText, NamesWhatHardwareDoesUnasked) {
  const Schedule schedule{{}, {cpu(0), walk(0), hardware(0, 1), walk(20), evict(1), evict(1)}};
  EXPECT_EQ(print_schedule(schedule), "v1 a1 a.walk a:1 u.walk b.evict b.evict");
  EXPECT_EQ(parse_schedule(print_schedule(schedule)), schedule);
}

TEST(ScheduleText, TakesAnyWhiteSpace) {
  EXPECT_EQ(parse_schedule("  v1\n\ta2\r\n b1 a.irq a.irq a1 c:3\tc:3 b.rcu u1 \n"), example);
}

TEST(ScheduleText, RunsMayBeSplit) {
  EXPECT_EQ(parse_schedule("v1 a1 a2"), parse_schedule("v1 a3"));
}

struct Mistake {
  const char* text;
  std::size_t column;
  const char* message;
};

TEST(ScheduleText, SaysWhereTheMistakeIs) {
  const Mistake mistakes[] = {
      {"", 1, "nothing there; expected v1 and steps"},
      {"  a1", 3, "'a1' is no version of schedules; expected v1"},
      {"v2 a1", 1, "'v2' is no version of schedules; expected v1"},
      {"v1 a1 v3", 7, "'v3' names no CPU; expected a letter from a to u"},
      {"v1 a1 A3", 7, "'A3' names no CPU; expected a letter from a to u"},
      {"v1 a", 5,
       "'a' is no step; expected a7 (steps), a:2 (a choice), a.irq, a.rcu, "
       "a.walk, a.evict or a.arrive"},
      {"v1 a7b2", 6,
       "'a7b2' is no step; expected a7 (steps), a:2 (a choice), a.irq, a.rcu, "
       "a.walk, a.evict or a.arrive"},
      {"v1 a-7", 5,
       "'a-7' is no step; expected a7 (steps), a:2 (a choice), a.irq, a.rcu, "
       "a.walk, a.evict or a.arrive"},
      {"v1 a.nmi", 5,
       "'a.nmi' is no step; expected a7 (steps), a:2 (a choice), a.irq, a.rcu, "
       "a.walk, a.evict or a.arrive"},
      {"v1 a:", 6,
       "'a:' is no step; expected a7 (steps), a:2 (a choice), a.irq, a.rcu, "
       "a.walk, a.evict or a.arrive"},
      {"v1 a:2x", 7,
       "'a:2x' is no step; expected a7 (steps), a:2 (a choice), a.irq, a.rcu, "
       "a.walk, a.evict or a.arrive"},
      {"v1 b0", 5, "'0' is out of range; expected 1 to 16777216"},
      {"v1 b16777217", 5, "'16777217' is out of range; expected 1 to 16777216"},
      {"v1 b99999999999999999999", 5,
       "'99999999999999999999' is out of range; expected 1 to 16777216"},
      {"v1 b:65536", 6, "'65536' is out of range; expected 0 to 65535"},
      {"v1 a16777216 a1", 14, "more than 16777216 steps; expected a shorter schedule"},
      {"v1 x86 a1", 4, "'x86' names no CPU; expected a letter from a to u"},
  };
  for (const Mistake& mistake : mistakes) {
    try {
      static_cast<void>(parse_schedule(mistake.text));
      ADD_FAILURE() << "took '" << mistake.text << "'";
    } catch (const ScheduleError& error) {
      EXPECT_EQ(error.column(), mistake.column) << mistake.text;
      EXPECT_EQ(error.what(),
                "schedule, column " + std::to_string(mistake.column) + ": " + mistake.message);
    }
  }
}

}  // namespace

}  // namespace tlblab
