// SPDX-License-Identifier: GPL-2.0-or-later
// The search of the port, fourth part: executions that the machine's chooser chooses. The machine makes
// the operations in the order of the graph, so nothing has to be looked for: whoever it says moves, and
// what is read is one of the writes that the model allows.
#include <algorithm>

#include "harness/explore/port_search.h"

namespace tlblab {

void PortSearch::begin_walk() {
  if (!walks_) {
    walks_ = true;
    search_ = std::make_unique<GraphSearch>(model_, threads_);
    search_->pick_with([this](std::span<const EventId> writes) { return pick(writes); });
  }
  if (over_ == Over::conflict) ++restarts_;
  search_->begin_empty();
  begin_execution();
}

void PortSearch::learn_from(const PortSearch& other) {
  tracked_ = other.tracked_;
  waits_ = other.waits_;
}

unsigned PortSearch::pick(std::span<const EventId> writes) noexcept {
  picking_.writes = writes;
  const unsigned index = hardware_->ask(static_cast<unsigned>(writes.size()));
  picking_.writes = {};
  return index;
}

void PortSearch::chose(unsigned actor, unsigned value) noexcept {
  const unsigned thread = thread_of(actor);
  if (!begin_event(thread, false)) return;
  search_->chose(thread, value);
  made(thread);
}

const void* PortSearch::word_at(unsigned location) const noexcept {
  return word_of(location_names_[location]);
}

std::uint32_t PortSearch::may_look_again() const noexcept {
  std::uint32_t who = 0;
  for (unsigned cpu = 0; cpu < cpus_; ++cpu)
    if (state_[running_on(cpu)].looks_again) who |= 1U << cpu;
  return who;
}

// The machine lets it go on when something has changed. Who has seen less than the last may go on too.
void PortSearch::relax_in_walk(unsigned thread, const void* site) noexcept {
  Thread& state = state_[thread];
  const bool known = is_known_loop(thread, site);
  const unsigned now = search_->made(thread);
  const unsigned first = known ? now - 1 : std::min(state.round, now);
  state.looks_again = !search_->reads_last(thread, first);
  const ExecutionGraph& graph = search_->graph();
  if (known && !state.looks_again && graph.thread(thread)[first] + 1U == graph.size())
    return take_back_reads(thread, first);
  if (!known) learn_loop(thread, site);
  state.site = site;
  state.round = now;
}

}  // namespace tlblab
