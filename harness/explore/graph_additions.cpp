// SPDX-License-Identifier: GPL-2.0-or-later
// Graph search: additions that return nothing (atomic_inc). Their order shows only to who reads the
// word. As long as nobody does, each addition has a location of its own, so that it orders what is
// around it as it would anyway, and meets no other. The first who reads the word, or writes to it
// otherwise, begins the search anew, in which it is a word like any other.
//
// Where somebody reads the word, additions that nobody tells apart are still in every order. For that a
// read would read from a set of additions: its prefix would have all of them, coherence would order
// only those that a set parts, and a revisit would add one to a set.
#include <utility>

#include "harness/explore/graph_search.h"

namespace tlblab {

// The location for such an addition: another one for each of the thread's.
std::optional<unsigned> GraphSearch::place_of_addition(const Access& access,
                                                       const Modify& modify,
                                                       bool noreturn) {
  if (!commute_ || !noreturn || modify.op != Modify::add || modify.o != order::relaxed)
    return std::nullopt;
  if (additions_.size() <= access.location) additions_.resize(access.location + 1U);
  Additions& additions = additions_[access.location];
  if (additions.places.empty()) additions.mask = modify.mask;
  if (additions.ordered || additions.mask != modify.mask) return std::nullopt;
  additions.places.resize(threads_);
  additions.made.resize(threads_);
  const unsigned n = additions.made[access.thread]++;
  std::vector<unsigned>& places = additions.places[access.thread];
  if (places.size() == n) places.push_back(add_location(0));
  return places[n];
}

bool GraphSearch::find_ordered(unsigned word) {
  if (additions_.size() <= word) additions_.resize(word + 1U);
  Additions& additions = additions_[word];
  if (std::exchange(additions.ordered, true) || additions.places.empty()) return false;
  begin_anew();
  return true;
}

void GraphSearch::begin_anew() {
  forget_graphs();
  counts_ = {};
  started_ = false;
  cut_ = true;
}

std::uint64_t GraphSearch::last_value(unsigned location) const noexcept {
  const auto last = [&](unsigned of) {
    return of < graph().locations().size() ? graph().last_value(of) : initial_[of];
  };
  std::uint64_t value = last(location);
  if (location >= additions_.size() || additions_[location].ordered) return value;
  for (const auto& places : additions_[location].places)
    for (const unsigned place : places) value = (value + last(place)) & additions_[location].mask;
  return value;
}

}  // namespace tlblab
