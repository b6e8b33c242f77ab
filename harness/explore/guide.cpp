// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/guide.h"

#include <utility>

namespace tlblab {

GuideChooser::GuideChooser(const std::vector<ScheduleStep>& made,
                           ExecutionGraph graph,
                           const PortSearch& walk)
    : graph_(std::move(graph)), walk_(walk) {
  for (const ScheduleStep& step : made)
    if (step.hardware)
      hardware_.push_back(step.value);
    else
      actors_.push_back(step.actor);
}

void GuideChooser::restart() noexcept { seen_ = step_ = answer_ = 0; }

unsigned GuideChooser::choose(const ChoicePoint& point) noexcept {
  if (point.hardware()) {
    if (!walk_.picking().writes.empty()) return pick(walk_.picking());
    const unsigned value = answer_ < hardware_.size() ? hardware_[answer_++] : 0;
    return value < point.choices ? value : 0;
  }
  for (; seen_ < point.so_far.size(); ++seen_)
    if (!point.so_far[seen_].hardware) ++step_;
  if (step_ < actors_.size() && point.is_enabled(actors_[step_]))
    return point.index_of(actors_[step_]);
  return point.is_enabled(point.running) ? point.index_of(point.running) : 0;
}

// Place in coherence, in the graph that is to come about, of a write of the walk's: 0 of the initial one.
unsigned GuideChooser::place(EventId in_walk) const noexcept {
  if (in_walk == initial_write) return 0;
  const GraphEvent& write = walk_.graph().event(in_walk);
  const auto thread = graph_.thread(write.thread);
  if (write.po >= thread.size()) return 0;
  const EventId id = thread[write.po];
  return graph_.event(id).is_write() ? graph_.place_of(graph_.event(id).location, id) : 0;
}

// A read reads what it read; a write lies behind the last of those that it lay behind.
unsigned GuideChooser::pick(const PortSearch::Picking& asked) const noexcept {
  const auto thread = graph_.thread(asked.thread);
  const std::size_t po = walk_.graph().thread(asked.thread).size();
  if (po >= thread.size()) return 0;
  const GraphEvent& event = graph_.event(thread[po]);
  const EventId id = event.is_read() ? event.source : thread[po];
  const unsigned own = graph_.place_of(event.location, id);
  for (unsigned index = 0; index < asked.writes.size(); ++index) {
    const unsigned at = place(asked.writes[index]);
    if (event.is_read() ? at == own : at < own) return index;
  }
  return 0;
}

}  // namespace tlblab
