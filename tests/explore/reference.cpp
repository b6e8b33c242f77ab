// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/reference.h"

#include <utility>

#include "tests/explore/reference_axioms.h"

namespace tlblab {

namespace {

// The executions that have these events: one choice of each location's after the other, as far as
// the axioms allow.
class Executions {
 public:
  Executions(const SmallProgram& program,
             const EventGraph& graph,
             std::unique_ptr<Axioms> axioms,
             ReferenceResult& result)
      : program_(&program),
        graph_(&graph),
        axioms_(std::move(axioms)),
        values_(graph.size()),
        result_(&result) {
    for (unsigned location = 0; location < graph.locations; ++location)
      choices_.push_back(location_choices(graph, location));
    for (unsigned location = 0; location < graph.locations; ++location)
      if (is_counter(location)) counters_ |= graph.same_location.after(location);
    extend(0, Communication(graph));
    result_->classes += classes_.size();
  }

 private:
  // Nobody is told what it holds.
  [[nodiscard]] bool is_counter(unsigned location) const noexcept {
    bool counts = true;
    for_each_event(graph_->same_location.after(location) & ~one_event(location),
                   [&](unsigned event) {
                     const bool is_read = (graph_->noreturn & one_event(event)) != 0;
                     counts &= is_read || graph_->events[event].adds;
                   });
    return counts;
  }

  void extend(unsigned location, const Communication& said) {
    if (location == graph_->locations) return finish(said);
    for (const LocationChoice& choice : choices_[location]) {
      Communication more = said;
      more.add(choice);
      if (!axioms_->allow(more)) continue;
      for (const auto& [read, from, value] : choice.reads) values_[read] = value;
      values_[location] = choice.order.back().value;
      extend(location + 1, more);
    }
  }

  void finish(const Communication& said) {
    ++result_->executions;
    std::vector<EventSet> execution;
    for (unsigned event = 0; event < graph_->size(); ++event) {
      if ((counters_ & one_event(event)) != 0) continue;
      execution.push_back(said.rf.after(event));
      execution.push_back(said.co.after(event));
    }
    classes_.insert(std::move(execution));
    FinalState state;
    for (unsigned read : graph_->returned) state.push_back(values_[read]);
    for (unsigned location = 0; location < program_->locations; ++location)
      state.push_back(values_[location]);
    result_->states.insert(std::move(state));
  }

  const SmallProgram* program_;
  const EventGraph* graph_;
  std::unique_ptr<Axioms> axioms_;
  std::vector<std::vector<LocationChoice>> choices_;
  std::vector<std::int64_t> values_;  // of reads; in place of an initial write, its location's last
  EventSet counters_ = 0;
  std::set<std::vector<EventSet>> classes_;
  ReferenceResult* result_;
};

}  // namespace

ReferenceResult reference(const SmallProgram& program, MemoryModel model) {
  ReferenceResult result;
  for (const EventGraph& graph : event_graphs(program))
    Executions(program, graph, axioms_of(model, graph), result);
  return result;
}

ReferenceResult kernel_reference(const SmallProgram& program) {
  ReferenceResult result;
  for (const EventGraph& graph : event_graphs(program))
    Executions(program, graph, kernel_axioms(graph), result);
  return result;
}

}  // namespace tlblab
