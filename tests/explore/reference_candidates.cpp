// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/reference_candidates.h"

#include <utility>

#include "tests/explore/reference_axioms.h"

namespace tlblab {

namespace {

// Two things that coherence and atomicity imply are used rather than tried: a thread's writes to
// the location keep their order, and an RMW reads the write just before its own. All else is tried.
class LocationSearch {
 public:
  LocationSearch(const EventGraph& graph, unsigned location)
      : graph_(&graph), po_before_(inverse(graph.po)), read_of_(inverse(graph.rmw)) {
    const EventSet here = graph.same_location.after(location);
    for_each_event(here & graph.reads, [&](unsigned read) {
      if (graph.rmw.after(read) == 0) lone_reads_.push_back(read);
    });
    choice_.order.push_back({location, 0});
    order_rest(here & graph.writes & ~one_event(location));
  }

  [[nodiscard]] std::vector<LocationChoice> found() && { return std::move(found_); }

 private:
  void order_rest(EventSet left) {
    if (left == 0) return read_rest(0);
    for_each_event(left, [&](unsigned write) {
      if ((po_before_.after(write) & left) == 0) order_next(write, left & ~one_event(write));
    });
  }

  void order_next(unsigned write, EventSet left) {
    const Event& event = graph_->events[write];
    const LocationChoice::Write last = choice_.order.back();
    const EventSet read = read_of_.after(write);  // one or none
    if (read != 0 && !finds(first_event(read), last.value)) return;
    if (read != 0) choice_.reads.push_back({first_event(read), last.event, last.value});
    choice_.order.push_back({write, event.adds ? last.value + event.value : event.value});
    order_rest(left);
    choice_.order.pop_back();
    if (read != 0) choice_.reads.pop_back();
  }

  void read_rest(std::size_t done) {
    if (done == lone_reads_.size()) return found_.push_back(choice_);
    for (const auto& [write, value] : choice_.order) {
      if (!finds(lone_reads_[done], value)) continue;
      choice_.reads.push_back({lone_reads_[done], write, value});
      if (choice_is_coherent()) read_rest(done + 1);
      choice_.reads.pop_back();
    }
  }

  [[nodiscard]] bool finds(unsigned read, std::int64_t value) const noexcept {
    const Event& event = graph_->events[read];
    return event.wanted == Wanted::anything ||
           (event.wanted == Wanted::equal) == (value == event.compared);
  }

  [[nodiscard]] bool choice_is_coherent() const noexcept {
    Communication so_far(*graph_);
    so_far.add(choice_);
    return coherent(*graph_, so_far);
  }

  const EventGraph* graph_;
  Relation po_before_, read_of_;
  std::vector<unsigned> lone_reads_;  // of no RMW
  LocationChoice choice_;             // so far
  std::vector<LocationChoice> found_;
};

}  // namespace

void Communication::add(const LocationChoice& share) noexcept {
  for (const auto& [read, from, value] : share.reads) rf.add(from, read);
  EventSet later = 0;
  for (auto write = share.order.rbegin(); write != share.order.rend(); ++write) {
    for_each_event(later, [&](unsigned other) { co.add(write->event, other); });
    later |= one_event(write->event);
  }
}

std::vector<LocationChoice> location_choices(const EventGraph& graph, unsigned location) {
  return LocationSearch(graph, location).found();
}

}  // namespace tlblab
