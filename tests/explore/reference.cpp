// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/reference.h"

#include "tests/explore/reference_axioms.h"

namespace tlblab {

namespace {

// The executions that have these events: one choice of each location's after the other, as far as
// the axioms allow.
class Executions {
 public:
  Executions(const SmallProgram& program,
             const EventGraph& graph,
             MemoryModel model,
             ReferenceResult& result)
      : program_(&program),
        graph_(&graph),
        axioms_(axioms_of(model, graph)),
        values_(graph.size()),
        result_(&result) {
    for (unsigned location = 0; location < graph.locations; ++location)
      choices_.push_back(location_choices(graph, location));
    extend(0, Communication(graph));
  }

 private:
  void extend(unsigned location, const Communication& said) {
    if (location == graph_->locations) return finish();
    for (const LocationChoice& choice : choices_[location]) {
      Communication more = said;
      more.add(choice);
      if (!axioms_->allow(more)) continue;
      for (const auto& [read, from, value] : choice.reads) values_[read] = value;
      values_[location] = choice.order.back().value;
      extend(location + 1, more);
    }
  }

  void finish() {
    ++result_->executions;
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
  ReferenceResult* result_;
};

}  // namespace

ReferenceResult reference(const SmallProgram& program, MemoryModel model) {
  ReferenceResult result;
  for (const EventGraph& graph : event_graphs(program)) Executions(program, graph, model, result);
  return result;
}

}  // namespace tlblab
