// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/replay_order.h"

#include <algorithm>

#include <boost/container/small_vector.hpp>

#include "harness/world/explore/chooser.h"

namespace tlblab {

namespace {

constexpr auto callbacks = static_cast<unsigned>(ActorKind::rcu);

// What is made without a pause: an event, a read-modify-write, a window.
struct Unit {
  boost::container::small_vector<EventId, 6> events;
  // Units that come before it, and behind it; as often as there is a reason.
  boost::container::small_vector<unsigned, 6> before, after;
  unsigned awaited = 0;  // of them, not made yet
  unsigned thread = 0;
  std::uint16_t run = 0;
  std::uint16_t no_callbacks = 0;  // of a body
  bool is_open = false;            // a window that is not over
  bool left_out = false;           // of the order
  bool done = false;
};

class Order {
 public:
  Order(const ExecutionGraph& graph, MemoryModel model, unsigned cpus)
      : graph_(graph),
        cpus_(cpus),
        unit_of_(graph.size(), none),
        open_(graph.threads()),
        stuck_(graph.threads()),
        held_(cpus) {
    make_units();
    for (unsigned t = 0; t < graph.threads(); ++t) program_order(t);
    for (const GraphLocation& location : graph.locations()) {
      reads_from(location);
      if (model == MemoryModel::sc) in_memory_order(location);
    }
    for (Unit& unit : units_) unit.awaited = static_cast<unsigned>(unit.before.size());
  }

  std::optional<std::vector<unsigned>> make() {
    std::size_t left = static_cast<std::size_t>(std::ranges::count(units_, false, &Unit::done));
    for (; left > 0; --left) {
      Unit* next = first_that_can(false);
      if (next == nullptr) next = first_that_can(true);
      if (next == nullptr) return std::nullopt;
      take(*next);
    }
    return std::move(threads_);
  }

 private:
  static constexpr unsigned none = ~0U;

  [[nodiscard]] Unit* first_that_can(bool open_too) {
    while (units_[static_cast<std::size_t>(first_left_)].done) ++first_left_;
    const auto next =
        std::find_if(units_.begin() + first_left_, units_.end(), [&](const Unit& unit) {
          return !unit.done && unit.awaited == 0 && (open_too || !unit.is_open) && may_move(unit);
        });
    return next == units_.end() ? nullptr : &*next;
  }

  // One that waits is not made: its thread stands before it. Fences and choices are made on the way to
  // what comes behind them.
  void make_units() {
    std::vector<EventId> last_access(graph_.threads(), initial_write);
    units_.reserve(graph_.size());
    for (unsigned id = 0; id < graph_.size(); ++id) {
      const GraphEvent& event = graph_.event(id);
      if (event.waits()) stuck_[event.thread] = event.run;
      if (event.waits() || !event.is_access()) continue;
      unsigned unit = none;
      if (last_access[event.thread] != initial_write) {
        const EventId previous = last_access[event.thread];
        const GraphEvent& earlier = graph_.event(previous);
        const bool one_window = event.window != 0 && earlier.window == event.window;
        if (one_window || (event.is_write() && event.modifies)) unit = unit_of_[previous];
      }
      if (unit == none) {
        unit = static_cast<unsigned>(units_.size());
        units_.push_back({{},
                          {},
                          {},
                          0,
                          event.thread,
                          event.run,
                          kind(event.thread) == 0 ? event.no_callbacks : std::uint16_t{0}});
      }
      units_[unit].events.push_back(static_cast<EventId>(id));
      units_[unit].is_open = event.window != 0 && !event.window_over;
      unit_of_[id] = unit;
      last_access[event.thread] = static_cast<EventId>(id);
    }
    for (Unit& unit : units_)
      unit.left_out = unit.is_open && only_takes_a_lock(unit) && !goes_on_with_run(unit);
    for (unsigned& unit : unit_of_)
      if (unit != none && units_[unit].left_out) unit = none;
    for (std::size_t n = 0; n < units_.size(); ++n) units_[n].done = units_[n].left_out;
  }
  // It was handed the lock and has not moved since: it will when the others have.
  [[nodiscard]] bool only_takes_a_lock(const Unit& unit) const {
    return std::ranges::all_of(unit.events, [&](EventId id) {
      return graph_.event(id).lock && !graph_.event(id).release;
    });
  }

  // Of a run that has begun: nothing else of its CPU moves before that is over.
  [[nodiscard]] bool goes_on_with_run(const Unit& unit) const {
    return unit.run != 0 && std::any_of(units_.data(), &unit, [&](const Unit& other) {
             return other.thread == unit.thread && other.run == unit.run;
           });
  }

  void add(EventId a, EventId b) {
    const unsigned from = unit_of_[a], to = unit_of_[b];
    if (from == to || from == none || to == none) return;
    units_[to].before.push_back(from);
    units_[from].after.push_back(to);
  }
  void program_order(unsigned thread) {
    const auto events = graph_.thread(thread);
    EventId last = initial_write;
    for (const EventId id : events) {
      if (!graph_.event(id).is_access()) continue;
      if (last != initial_write) add(last, id);
      last = id;
    }
    for (const EventId id : events)
      if (graph_.event(id).cause != initial_write) add(graph_.event(id).cause, id);
  }
  void reads_from(const GraphLocation& location) {
    for (const EventId read : location.reads)
      if (graph_.event(read).source != initial_write) add(graph_.event(read).source, read);
  }
  void in_memory_order(const GraphLocation& location) {
    const std::vector<EventId>& writes = location.writes;
    for (std::size_t n = 1; n < writes.size(); ++n) add(writes[n - 1], writes[n]);
    for (const EventId read : location.reads) {
      const GraphEvent& event = graph_.event(read);
      const unsigned next = graph_.place_of(event.location, event.source);
      if (next < writes.size()) add(read, writes[next]);
    }
  }

  [[nodiscard]] unsigned kind(unsigned thread) const noexcept { return thread / cpus_; }
  [[nodiscard]] unsigned cpu(unsigned thread) const noexcept { return thread % cpus_; }
  // Threads from the fourth of a CPU on are of its hardware, of whatever kind.
  [[nodiscard]] unsigned rank(unsigned thread) const noexcept {
    return rank_of(static_cast<ActorKind>(kind(thread)));
  }

  [[nodiscard]] bool is_interrupted_by(const Unit& unit, const Unit& other) const noexcept {
    return cpu(unit.thread) == cpu(other.thread) && rank(unit.thread) < rank(other.thread);
  }

  [[nodiscard]] bool may_move(const Unit& unit) const {
    for (unsigned other = cpu(unit.thread); other < graph_.threads(); other += cpus_)
      if (rank(other) > rank(unit.thread) && open_[other] != 0) return false;
    if (unit.run != 0 && open_[unit.thread] != unit.run && !may_begin(unit)) return false;
    return unit.no_callbacks == 0 || held_[unit.thread] == unit.no_callbacks || may_lock(unit);
  }

  // The body is in a section in which no callbacks run, and has more of it in the graph; else it lets
  // go as it goes on.
  [[nodiscard]] bool holds(unsigned body) const {
    const auto next = std::ranges::find_if(
        units_, [&](const Unit& unit) { return !unit.done && unit.thread == body; });
    return held_[body] != 0 && next != units_.end() && next->no_callbacks == held_[body];
  }

  // What the run needs of those that it interrupts has been made; if it stands somewhere, and so is not
  // over in this graph, all that they make in it.
  [[nodiscard]] bool may_begin(const Unit& first) const {
    if (stuck_[first.thread] == first.run && std::ranges::any_of(units_, [&](const Unit& unit) {
          return !unit.done && is_interrupted_by(unit, first);
        }))
      return false;
    if (kind(first.thread) == callbacks && holds(cpu(first.thread))) return false;
    return !need(
        [&](const Unit& unit) { return unit.thread == first.thread && unit.run == first.run; },
        [&](const Unit& unit) { return is_interrupted_by(unit, first); });
  }

  // No callbacks of the CPU have to come before the end of the section.
  [[nodiscard]] bool may_lock(const Unit& first) const {
    return !need(
        [&](const Unit& unit) {
          return unit.thread == first.thread && unit.no_callbacks == first.no_callbacks;
        },
        [&](const Unit& unit) {
          return kind(unit.thread) == callbacks && cpu(unit.thread) == cpu(first.thread);
        });
  }

  // Something that is not made yet of what these units need is one of those.
  template <class These, class Those>
  [[nodiscard]] bool need(These these, Those those) const {
    std::vector<unsigned> to_see;
    for (unsigned n = 0; n < units_.size(); ++n)
      if (these(units_[n])) to_see.push_back(n);
    std::vector<bool> seen(units_.size());
    while (!to_see.empty()) {
      const unsigned n = to_see.back();
      to_see.pop_back();
      if (seen[n] || units_[n].done) continue;
      seen[n] = true;
      if (those(units_[n])) return true;
      to_see.insert(to_see.end(), units_[n].before.begin(), units_[n].before.end());
    }
    return false;
  }

  void take(Unit& unit) {
    unit.done = true;
    if (unit.run != 0) open_[unit.thread] = unit.run;
    // What of it is not in the graph yet is made then, too.
    if (unit.run != 0 && unit.run != stuck_[unit.thread] &&
        std::ranges::none_of(units_, [&](const Unit& other) {
          return !other.done && other.thread == unit.thread && other.run == unit.run;
        }))
      open_[unit.thread] = 0;
    for (const unsigned later : unit.after) --units_[later].awaited;
    if (kind(unit.thread) == 0) held_[unit.thread] = unit.no_callbacks;
    for (const EventId id : unit.events)
      if (const GraphEvent& event = graph_.event(id); !event.is_write() || !event.modifies)
        threads_.push_back(event.thread);
  }

  const ExecutionGraph& graph_;
  unsigned cpus_;
  std::vector<Unit> units_;
  std::ptrdiff_t first_left_ = 0;     // all units before it are done
  std::vector<unsigned> unit_of_;     // of each event
  std::vector<std::uint16_t> open_;   // run of each thread that has begun and has units left
  std::vector<std::uint16_t> stuck_;  // run of each thread in which it waits
  std::vector<std::uint16_t> held_;   // no_callbacks, of what the body of each CPU made last
  std::vector<unsigned> threads_;
};

}  // namespace

std::optional<std::vector<unsigned>> replay_order(const ExecutionGraph& graph,
                                                  MemoryModel model,
                                                  unsigned cpus) {
  return Order(graph, model, cpus).make();
}

}  // namespace tlblab
