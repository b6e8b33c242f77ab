// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/explore/known_programs.h"

#include "bench/explore/small_ops.h"

namespace tlblab {

using namespace small_ops;

namespace {

constexpr unsigned threads = 3;

// What each thread does in a round, from 1.
template <class Round>
SmallProgram rounds_of(unsigned locations, unsigned rounds, Round round_of) {
  SmallProgram program{.locations = locations, .locks = 1, .threads = {}};
  for (unsigned thread = 0; thread < threads; ++thread) {
    std::vector<SmallOp>& ops = program.threads.emplace_back();
    for (unsigned round = 1; round <= rounds; ++round)
      for (const SmallOp& op : round_of(thread, round)) ops.push_back(op);
  }
  return program;
}

}  // namespace

SmallProgram private_rounds(unsigned rounds, bool adds_return) {
  return rounds_of(2 * threads + rounds, rounds, [=](unsigned thread, unsigned round) {
    const unsigned own = 2 * thread, shared = 2 * threads + round - 1;
    return std::vector{w(own, round), w(own + 1, round), r(own),
                       adds_return ? add(shared, 1, order::relaxed) : void_add(shared, 1)};
  });
}

SmallProgram slots_in_a_ring(unsigned rounds) {
  return rounds_of(3 * threads, rounds, [](unsigned thread, unsigned round) {
    const unsigned own = 3 * thread, next = 3 * ((thread + 1) % threads);
    return std::vector{w(own, round), r(own), w(own + 1, round), w(own + 2, round, order::release),
                       r(next + 2, order::acquire)};
  });
}

SmallProgram sections_of_one_lock(unsigned rounds) {
  return rounds_of(1, rounds, [](unsigned thread, unsigned round) {
    return std::vector{lock(s), r(x), w(x, thread * 16 + round), unlock(s)};
  });
}

}  // namespace tlblab
