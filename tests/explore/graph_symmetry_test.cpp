// SPDX-License-Identifier: GPL-2.0-or-later
// Threads that run one program, told to the complete search or not: the same executions, up to the order
// of these threads, and none twice.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "bench/explore/graph_runner.h"
#include "bench/explore/known_sketches.h"
#include "tests/explore/program_text.h"
#include "tests/explore/random_program.h"

namespace tlblab {
namespace {

using Class = std::vector<std::uint32_t>;  // of GraphOutcome

// The first `twins` threads of a program in every order.
class Orbits {
 public:
  Orbits(const SmallProgram& program, unsigned twins) : program_(&program), twins_(twins) {}

  [[nodiscard]] FinalStates all(const FinalStates& states) const {
    FinalStates closed;
    for_each_order([&](const Order& order) {
      for (const FinalState& state : states) closed.insert(sorted(state, order, values_));
    });
    return closed;
  }

  // One class for each orbit.
  [[nodiscard]] std::set<Class> of(const std::map<Class, unsigned>& classes) const {
    std::set<Class> orbits;
    for (const auto& [each, times] : classes) orbits.insert(least(each));
    return orbits;
  }

 private:
  using Order = std::vector<unsigned>;
  using Counts = std::vector<std::size_t>;  // of each thread

  template <class Counted>
  [[nodiscard]] Counts count(Counted counted) const {
    Counts counts;
    for (const auto& thread : program_->threads)
      counts.push_back(
          static_cast<std::size_t>(std::ranges::count_if(thread, counted, &SmallOp::kind)));
    return counts;
  }
  static bool reads(OpKind kind) {
    return returns_value(kind) || kind == OpKind::void_add || kind == OpKind::lock;
  }

  template <class Visit>
  void for_each_order(Visit visit) const {
    Order order(program_->threads.size());
    std::iota(order.begin(), order.end(), 0U);
    do visit(order);
    while (std::next_permutation(order.begin(), order.begin() + twins_));
  }

  // What each thread has, one after the other, then what nobody has.
  template <class List>
  static List sorted(const List& list, const Order& order, const Counts& counts) {
    List result;
    for (const unsigned thread : order) {
      const auto begin = std::accumulate(counts.begin(), counts.begin() + thread, list.begin());
      result.insert(result.end(), begin, begin + static_cast<std::ptrdiff_t>(counts[thread]));
    }
    const auto rest = std::accumulate(counts.begin(), counts.end(), list.begin());
    result.insert(result.end(), rest, list.end());
    return result;
  }

  // An event's name has its thread in the upper half; 0 is no event.
  [[nodiscard]] Class least(const Class& each) const {
    Class least;
    for_each_order([&](const Order& order) {
      Class renamed = sorted(each, order, reads_);
      for (std::uint32_t& name : renamed) {
        if (name == 0) continue;
        const auto thread = std::ranges::find(order, name >> 16) - order.begin();
        name = static_cast<std::uint32_t>(thread) << 16 | (name & 0xffff);
      }
      if (least.empty() || renamed < least) least = std::move(renamed);
    });
    return least;
  }

  const SmallProgram* program_;
  unsigned twins_;
  Counts values_ = count(returns_value);
  Counts reads_ = count(reads);
};

// `twins` threads with one program, and the others of the shape.
void compare(unsigned twins, const ProgramShape& shape, unsigned programs) {
  for (std::uint64_t seed = 1; seed <= programs && !testing::Test::HasFailure(); ++seed) {
    SmallProgram program = random_program(seed, shape);
    program.threads.insert(program.threads.begin(), twins - 1, program.threads[0]);
    SCOPED_TRACE(to_text(program));
    const Orbits orbits(program, twins);
    for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak}) {
      const GraphOutcome all = search_graphs(program, model, {.classes = true});
      const GraphOutcome some =
          search_graphs(program, model, {.classes = true, .same_program = twins});
      EXPECT_EQ(orbits.all(some.states), all.states);
      EXPECT_EQ(orbits.of(some.classes), orbits.of(all.classes));
      EXPECT_EQ(some.classes.size(), some.counts.executions - some.counts.deadlocks);
      EXPECT_EQ(some.counts.deadlocks == 0, all.counts.deadlocks == 0);
    }
  }
}

TEST(GraphSymmetry, RandomPrograms) {
  compare(2, {.threads = 1}, 100);
  compare(2, {.threads = 2, .ops = 3}, 60);
  compare(2, {.threads = 2, .ops = 3, .awaits = true}, 60);
  compare(2, {.threads = 1, .ops = 5, .locks = 2, .lock_cycles = true}, 60);
  compare(3, {.threads = 1, .ops = 3}, 60);
  compare(3, {.threads = 2, .ops = 2}, 30);
  compare(3, {.threads = 1, .ops = 3, .locations = 1, .locks = 0, .awaits = true}, 30);
  compare(4, {.threads = 1, .ops = 2}, 20);
}

// One of three orders of who is first.
TEST(GraphSymmetry, ThreeGups) {
  const Sketch all = ksm_and_gup(3);
  Sketch some = all;
  some.same_from = 1;
  some.same_program = 3;
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak})
    EXPECT_LT(search_sketch(some, model).counts.executions,
              search_sketch(all, model).counts.executions / 2);
  some = ksm_and_gup(3, {.gup_mb = false});
  some.same_from = 1;
  some.same_program = 3;
  EXPECT_GT(search_sketch(some, MemoryModel::weak).wrong, 0U);
}

}  // namespace
}  // namespace tlblab
