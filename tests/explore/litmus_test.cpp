// SPDX-License-Identifier: GPL-2.0-or-later
// Memory is sequentially consistent: classic litmus tests over every schedule, and the outcomes
// counted against those that an interleaving can have.
#include <set>
#include <utility>

#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Outcomes = std::set<std::pair<int, int>>;

struct TwoWords {
  Atomic<int> x{0}, y{0};
  int r0 = -1, r1 = -1;
};

template <class Body>
Outcomes outcomes_of(Body body) {
  Outcomes seen;
  const auto ends =
      every_end<TwoWords>(2, body, [&](TwoWords& state) { seen.emplace(state.r0, state.r1); });
  expect_only(ends, "");
  return seen;
}

TEST(Litmus, StoreBufferingIsSequentiallyConsistent) {
  const Outcomes seen = outcomes_of([](TwoWords& s, unsigned cpu) {
    (cpu == 0 ? s.x : s.y).store(1, order::relaxed);
    (cpu == 0 ? s.r0 : s.r1) = (cpu == 0 ? s.y : s.x).load(order::relaxed);
  });
  EXPECT_EQ(seen, (Outcomes{{0, 1}, {1, 0}, {1, 1}}));
}

TEST(Litmus, MessagePassingIsSequentiallyConsistent) {
  const Outcomes seen = outcomes_of([](TwoWords& s, unsigned cpu) {
    if (cpu == 0) {
      s.x.store(1, order::relaxed);
      s.y.store(1, order::relaxed);
    } else {
      s.r0 = s.y.load(order::relaxed);
      s.r1 = s.x.load(order::relaxed);
    }
  });
  EXPECT_EQ(seen, (Outcomes{{0, 0}, {0, 1}, {1, 1}}));
}

TEST(Litmus, LostUpdateOfSeparateLoadAndStore) {
  const Outcomes seen = outcomes_of([](TwoWords& s, unsigned) {
    s.x.store(s.x.load(order::relaxed) + 1, order::relaxed);
    s.r0 = s.x.load(order::relaxed);
    s.r1 = 0;
  });
  EXPECT_EQ(seen, (Outcomes{{1, 0}, {2, 0}}));
}

TEST(Litmus, ReadModifyWriteIsOneStep) {
  const auto ends = every_end<TwoWords>(
      3, [](TwoWords& s, unsigned) { s.x.fetch_add(1, order::relaxed); },
      [](TwoWords& s) { EXPECT_EQ(s.x.load(order::relaxed), 3); });
  EXPECT_EQ(ends, (std::map<std::string, unsigned>{{"", 6}}));  // 3! orders of three steps
}

// As many schedules as there are interleavings: no step is asked for twice, none is missed.
TEST(Litmus, NumberOfSchedulesIsTheBinomial) {
  const auto ends = every_end<TwoWords>(2, [](TwoWords& s, unsigned cpu) {
    for (int i = 0; i < 4; ++i) (cpu == 0 ? s.x : s.y).store(i, order::relaxed);
  });
  EXPECT_EQ(ends, (std::map<std::string, unsigned>{{"", 70}}));  // 8 over 4
}

TEST(Litmus, AccessWindowIsOneStep) {
  const auto ends = every_end<TwoWords>(
      2,
      [](TwoWords& s, unsigned) {
        access_window<true> window;
        s.x.store(s.x.load(order::relaxed) + 1, order::relaxed);
      },
      [](TwoWords& s) { EXPECT_EQ(s.x.load(order::relaxed), 2); });
  EXPECT_EQ(ends, (std::map<std::string, unsigned>{{"", 2}}));
}

TEST(Litmus, HardwareChoicesAreAllTaken) {
  std::set<unsigned> seen;
  const auto ends = every_end<TwoWords>(
      1, [](TwoWords& s, unsigned) { s.r0 = static_cast<int>(choose(3) * 10 + choose(2)); },
      [&](TwoWords& s) { seen.insert(static_cast<unsigned>(s.r0)); });
  EXPECT_EQ(ends, (std::map<std::string, unsigned>{{"", 6}}));
  EXPECT_EQ(seen, (std::set<unsigned>{0, 1, 10, 11, 20, 21}));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
