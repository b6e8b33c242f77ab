// SPDX-License-Identifier: GPL-2.0-or-later
// What is said about a stale read is true: who wrote what, and that the fences named, put into the
// program, leave no such execution; nor do cheaper ones help.
#include "harness/explore/stale_reads.h"

#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/explore/port_search_run.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {
namespace {

using Put = std::function<void()>;

struct Shared2 {
  Atomic<int> x, y;
  int seen[2] = {-1, -1};
};

std::optional<Shared2>& place() {
  static std::optional<Shared2> state;  // words are known by their addresses
  return state;
}

using Body = std::function<void(Shared2&, unsigned cpu, const Put& first, const Put& second)>;
using Bad = std::function<bool(const Shared2&)>;

// `first` is done on CPU 0 behind its first operation, `second` on CPU 1.
void store_buffering(Shared2& s, unsigned cpu, const Put& first, const Put& second) {
  (cpu == 0 ? s.x : s.y).store(1, order::relaxed);
  (cpu == 0 ? first : second)();
  s.seen[cpu] = (cpu == 0 ? s.y : s.x).load(order::relaxed);
}
bool both_early(const Shared2& s) { return s.seen[0] == 0 && s.seen[1] == 0; }

void message_passing(Shared2& s, unsigned cpu, const Put& first, const Put& second) {
  if (cpu == 0) {
    s.x.store(1, order::relaxed);
    first();
    s.y.store(1, order::relaxed);
  } else {
    s.seen[0] = s.y.load(order::relaxed);
    second();
    s.seen[1] = s.x.load(order::relaxed);
  }
}
bool told_in_vain(const Shared2& s) { return s.seen[0] == 1 && s.seen[1] == 0; }

// The stale reads of the first execution that ends so; nothing: none does.
std::optional<std::vector<StaleUse>> first_bad(
    MemoryModel model, const Body& body, const Bad& bad, const Put& first, const Put& second) {
  PortSearch walk(model, 2);
  EverySchedule chooser;
  do {
    walk.begin_walk();
    place().emplace();
    run_with(walk, &chooser, 2, [&](unsigned cpu) { body(*place(), cpu, first, second); });
    if (walk.is_to_be_repeated())
      chooser = {};
    else if (bad(*place()))
      return stale_reads(walk);
  } while (chooser.next() || walk.is_to_be_repeated());
  return std::nullopt;
}

const Put nothing = [] {};

Put fence_named(const char* name) {
  const std::string fence = name == nullptr ? "" : name;
  if (fence == "smp_mb") return [] { smp_mb(); };
  if (fence == "smp_rmb") return [] { smp_rmb(); };
  if (fence == "smp_wmb") return [] { smp_wmb(); };
  return nothing;
}

std::string said(const char* fence) { return fence == nullptr ? "" : fence; }

void expect_fences(MemoryModel model,
                   const Body& body,
                   const Bad& bad,
                   const Put& first,
                   const Put& second,
                   const std::string& after_missed,
                   const std::string& before_read) {
  const auto stale = first_bad(model, body, bad, first, second);
  ASSERT_TRUE(stale);
  ASSERT_EQ(stale->size(), 1U);
  const StaleUse& use = stale->front();
  EXPECT_EQ(use.read.value, 0U);
  EXPECT_FALSE(use.source);
  EXPECT_EQ(use.missed.value, 1U);
  EXPECT_NE(use.missed.cpu, use.read.cpu);
  EXPECT_LT(use.missed.step, use.read.step);
  EXPECT_EQ(said(use.after_missed), after_missed);
  EXPECT_EQ(said(use.before_read), before_read);
  const bool read_first = use.read.cpu == 0;
  const Put on_0 = fence_named(read_first ? use.before_read : use.after_missed);
  const Put on_1 = fence_named(read_first ? use.after_missed : use.before_read);
  EXPECT_FALSE(first_bad(model, body, bad, [&] { first(), on_0(); }, [&] { second(), on_1(); }));
}

TEST(StaleReads, NameTheFencesThatWouldHaveForcedThem) {
  const Put mb = fence_named("smp_mb"), wmb = fence_named("smp_wmb"), rmb = fence_named("smp_rmb");
  for (const MemoryModel model : {MemoryModel::tso, MemoryModel::weak})
    expect_fences(model, store_buffering, both_early, nothing, nothing, "smp_mb", "smp_mb");
  const MemoryModel weak = MemoryModel::weak;
  expect_fences(weak, store_buffering, both_early, wmb, rmb, "smp_mb", "smp_mb");
  expect_fences(weak, message_passing, told_in_vain, nothing, nothing, "smp_wmb", "smp_rmb");
  expect_fences(weak, message_passing, told_in_vain, wmb, nothing, "", "smp_rmb");
  expect_fences(weak, message_passing, told_in_vain, nothing, rmb, "smp_wmb", "");
  EXPECT_FALSE(first_bad(weak, message_passing, told_in_vain, wmb, rmb));
  EXPECT_FALSE(first_bad(MemoryModel::tso, message_passing, told_in_vain, nothing, nothing));
  EXPECT_FALSE(first_bad(MemoryModel::sc, store_buffering, both_early, nothing, nothing));
  EXPECT_FALSE(first_bad(MemoryModel::tso, store_buffering, both_early, mb, mb));
}

}  // namespace
}  // namespace tlblab::inline TLBLAB_WORLD
