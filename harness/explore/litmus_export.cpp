// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus_export.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "harness/explore/edited_graph.h"
#include "harness/world/explore/axioms.h"

namespace tlblab {

namespace {

bool is_weak(const ExecutionGraph& graph) { return !consistent(graph, MemoryModel::sc); }

// ---- what can be left out ---------------------------------------------------------------------------

// Events that can only go together: a read-modify-write, and what a lock is held for.
using Unit = std::vector<EventId>;

// The unlock that ends the section which begins here.
std::optional<EventId> end_of_section(const ExecutionGraph& graph, EventId taken) {
  const GraphEvent& begin = graph.event(taken);
  for (const EventId id : graph.thread(begin.thread).subspan(begin.po + 1U)) {
    const GraphEvent& event = graph.event(id);
    if (event.is_write() && event.lock && event.release && event.location == begin.location)
      return id;
  }
  return std::nullopt;
}

std::vector<Unit> units_of(const ExecutionGraph& graph) {
  std::vector<Unit> units;
  for (unsigned n = 0; n < graph.size(); ++n) {
    const auto id = static_cast<EventId>(n);
    const GraphEvent& event = graph.event(id);
    if (event.is_write() && (event.modifies || (event.lock && event.release))) continue;
    Unit unit{id};
    if (event.is_read() && event.modifies) {
      unit.push_back(graph.thread(event.thread)[event.po + 1U]);
      const auto end = event.lock ? end_of_section(graph, unit.back()) : std::nullopt;
      if (end) unit.push_back(*end);
    }
    units.push_back(std::move(unit));
  }
  return units;
}

// Who reads from it stays. Locks are handed on by whoever had them before.
bool is_needed(const ExecutionGraph& graph, EventId id, const std::vector<bool>& left_out) {
  const GraphEvent& event = graph.event(id);
  if (!event.is_write() || event.lock) return false;
  return std::ranges::any_of(graph.location(event.location).reads, [&](EventId read) {
    return !left_out[read] && graph.event(read).source == id;
  });
}

ExecutionGraph without_what_is_not_needed(const ExecutionGraph& graph) {
  std::vector<bool> left_out(graph.size());
  const std::vector<Unit> units = units_of(graph);
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
      if (left_out[unit->front()]) continue;
      for (const EventId id : *unit) left_out[id] = true;
      const bool can =
          std::ranges::none_of(*unit, [&](EventId id) { return is_needed(graph, id, left_out); }) &&
          is_weak(EditedGraph(graph, {}, left_out).graph());
      for (const EventId id : *unit) left_out[id] = can;
      smaller |= can;
    }
  }
  return EditedGraph(graph, {}, left_out).graph();
}

// ---- as text ----------------------------------------------------------------------------------------

const char* statement(GraphEventKind fence) {
  switch (fence) {
    case GraphEventKind::mb: return "smp_mb();";
    case GraphEventKind::rmb: return "smp_rmb();";
    case GraphEventKind::wmb: return "smp_wmb();";
    case GraphEventKind::before_atomic: return "smp_mb__before_atomic();";
    case GraphEventKind::after_atomic: return "smp_mb__after_atomic();";
    case GraphEventKind::after_spinlock: return "smp_mb__after_spinlock();";
    case GraphEventKind::after_unlock_lock: return "smp_mb__after_unlock_lock();";
    case GraphEventKind::read_lock: return "rcu_read_lock();";
    case GraphEventKind::read_unlock: return "rcu_read_unlock();";
    case GraphEventKind::grace_period: return "synchronize_rcu();";
    default: return "";
  }
}

const char* exchange(const GraphEvent& read, const GraphEvent& write) {
  if (read.full) return "xchg";
  if (read.acquire) return "xchg_acquire";
  return write.release ? "xchg_release" : "xchg_relaxed";
}

// A word's values are the places of its writes in coherence.
class Text {
 public:
  explicit Text(const ExecutionGraph& graph) : graph_(graph) {
    for (unsigned t = 0; t < graph.threads(); ++t)
      if (!graph.thread(t).empty()) process(graph.thread(t));
    for (const auto& [location, letter] : letters_)
      if (graph.location(location).writes.size() > 1 && !locks_.contains(location))
        expect(fmt::format("{}={}", letter, graph.location(location).writes.size()));
  }

  [[nodiscard]] std::string whole(const std::string& name,
                                  const std::function<std::string(unsigned)>& name_of_word) const {
    std::string comment;
    for (const auto& [location, letter] : letters_)
      if (const std::string word = name_of_word(location); !word.empty())
        comment += fmt::format(" * {} is {}\n", letter, word);
    return fmt::format("C {}\n\n(*\n * Found by tlblab.\n{} *)\n\n{{}}\n{}\nexists ({})\n", name,
                       comment, processes_, condition_);
  }

 private:
  [[nodiscard]] const std::string& letter(unsigned location) {
    static const std::string letters = "xyzuvwabcdefgh";
    std::string& own = letters_[location];
    const std::size_t n = letters_.size() - 1;
    if (own.empty()) own = n < letters.size() ? letters.substr(n, 1) : fmt::format("x{}", n);
    return own;
  }
  [[nodiscard]] unsigned place(const GraphEvent& event, EventId write) const {
    return graph_.place_of(event.location, write);
  }
  void expect(const std::string& term) { condition_ += (condition_.empty() ? "" : " /\\ ") + term; }

  void process(std::span<const EventId> events) {
    statements_.clear();
    registers_ = 0;
    std::set<unsigned> used;
    for (const EventId id : events) {
      add(id);
      if (graph_.event(id).is_access()) used.insert(graph_.event(id).location);
    }
    std::string parameters, declared;
    for (const unsigned location : used)
      parameters += fmt::format("{}{} *{}", parameters.empty() ? "" : ", ",
                                locks_.contains(location) ? "spinlock_t" : "int", letter(location));
    for (unsigned r = 0; r < registers_; ++r) declared += fmt::format("\tint r{};\n", r);
    processes_ += fmt::format("\nP{}({})\n{{\n{}{}{}}}\n", number_++, parameters, declared,
                              declared.empty() ? "" : "\n", statements_);
  }

  void add(EventId id) {
    const GraphEvent& event = graph_.event(id);
    if (!event.is_access())
      statements_ += fmt::format("\t{}\n", statement(event.kind));
    else if (event.lock)
      add_lock(event);
    else if (event.is_read())
      add_read(event);
    else if (!event.modifies)
      add_write(event, place(event, id));
  }

  void add_write(const GraphEvent& event, unsigned value) {
    const std::string& word = letter(event.location);
    statements_ += event.release ? fmt::format("\tsmp_store_release({}, {});\n", word, value)
                                 : fmt::format("\tWRITE_ONCE(*{}, {});\n", word, value);
  }

  void add_lock(const GraphEvent& event) {
    locks_.insert(event.location);
    const std::string& lock = letter(event.location);
    if (event.is_read() && event.modifies) statements_ += fmt::format("\tspin_lock({});\n", lock);
    if (event.is_write() && event.release) statements_ += fmt::format("\tspin_unlock({});\n", lock);
  }

  void add_read(const GraphEvent& event) {
    const std::string& word = letter(event.location);
    std::string value = event.acquire ? fmt::format("smp_load_acquire({})", word)
                                      : fmt::format("READ_ONCE(*{})", word);
    if (event.modifies) {
      const EventId write = graph_.thread(event.thread)[event.po + 1U];
      value = fmt::format("{}({}, {})", exchange(event, graph_.event(write)), word,
                          place(event, write));
    }
    statements_ += fmt::format("\tr{} = {};\n", registers_, value);
    expect(fmt::format("{}:r{}={}", number_, registers_++, place(event, event.source)));
  }

  const ExecutionGraph& graph_;
  std::map<unsigned, std::string> letters_;
  std::set<unsigned> locks_;
  unsigned number_ = 0, registers_ = 0;
  std::string processes_, statements_, condition_;
};

}  // namespace

LitmusExport litmus_of(const ExecutionGraph& graph,
                       const std::string& name,
                       const std::function<std::string(unsigned)>& name_of_word) {
  if (!is_weak(graph)) return {{}, "a sequentially consistent machine does what was found, too"};
  const ExecutionGraph core = without_what_is_not_needed(graph);
  for (const GraphEvent& event : core.events()) {
    if (event.implied) return {{}, "what was found needs interrupts, which litmus tests have not"};
    if (event.lock && event.is_read() && !event.modifies)
      return {{}, "what was found needs to see a lock that is held, which litmus tests cannot"};
  }
  return {Text(core).whole(name, name_of_word), {}};
}

}  // namespace tlblab
