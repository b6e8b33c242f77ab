// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/scenario_text_cast.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <limits>

#include <fmt/format.h>

#include "harness/workload/input_error.h"
#include "harness/workload/scenario_text_words.h"

namespace tlblab {
namespace {

using enum TextVerb;

std::string times(unsigned n) {
  return n == 0 ? "nobody" : n == 1 ? "once" : fmt::format("{} times", n);
}

class Cast {
 public:
  explicit Cast(ScenarioText& text) : text_(text) {}

  void check() {
    for (const TextOp& op : text_.setup) check_setup(op);
    for (const std::vector<TextOp>& program : text_.programs) check_program(program);
    check_meetings();
    check_signals();
    check_waits();
    for (const TextCondition& condition : text_.conditions) check_registers(condition);
  }

 private:
  using Children = std::bitset<ScenarioTextLimits::names>;

  [[noreturn]] void fail(TextPlace at, const std::string& wrong, std::string_view expected) const {
    throw InputError(text_.file, at.line, at.column, wrong, expected);
  }
  [[nodiscard]] const std::string& child(const TextOp& op) const {
    return text_.children[op.named()];
  }

  void check_setup(const TextOp& op) {
    check_swap(op);
    if (op.verb == fork) begin_child(op);
    of_setup_ = begun_;
  }
  void begin_child(const TextOp& op) {
    if (begun_[op.named()])
      fail(op.place, fmt::format("there is a child '{}' already", child(op)), "another name");
    begun_.set(op.named());
  }
  void check_swap(const TextOp& op) const {
    if (op.verb == swap_out && text_.swap_slots == 0)
      fail(op.place, "there is nowhere to swap out to", "a line of the setup as in 'swap 4'");
  }

  // One program after the other: a child that one of them forks is nobody else's.
  void check_program(const std::vector<TextOp>& program) {
    own_.reset();
    current_.reset();
    pins_ = 0;
    asleep_ = false;
    for (const TextOp& op : program) check_op(op);
  }
  void check_op(const TextOp& op) {
    check_swap(op);
    check_asleep(op);
    switch (op.verb) {
      case fork: begin_child(op), own_.set(op.named()); return;
      case use: return check_use(op);
      case exit: return check_exit(op);
      case pin:
      case pin_fast:
      case unpin:
      case dma_load:
      case dma_store: return check_pins(op);
      case sleep: asleep_ = true; return;
      case wake: asleep_ = false; return;
      default: return;
    }
  }
  void check_pins(const TextOp& op) {
    if (op.verb == pin || op.verb == pin_fast) {
      if (pins_ == ScenarioTextLimits::pins)
        fail(
            op.place, "too much is pinned",
            fmt::format("at most {} pins at a time, so unpin before it", ScenarioTextLimits::pins));
      to_write_[pins_++] = op.prot == text_write;
      return;
    }
    if (pins_ == 0) fail(op.place, "nothing is pinned here", "a line with pin above");
    if (op.verb == dma_store && !to_write_[pins_ - 1])
      fail(op.place, "what is pinned is for reading", "a line as in 'pin 0x4000 w' above");
    if (op.verb == unpin) --pins_;
  }
  void check_asleep(const TextOp& op) const {
    if (op.verb == sleep && asleep_) fail(op.place, "this CPU sleeps already", "wake before it");
    if (op.verb == wake && !asleep_) fail(op.place, "this CPU does not sleep", "sleep before it");
    const bool needs_none = op.verb == wake || op.verb == meet || op.verb == signal ||
                            op.verb == wait || op.verb == seen || op.verb == tick ||
                            op.verb == writeback || op.verb == unpin || op.verb == dma_load ||
                            op.verb == dma_store;
    if (asleep_ && !needs_none) fail(op.place, "this CPU sleeps", "wake before it");
  }
  void check_use(const TextOp& op) {
    if (op.name && !of_setup_[op.named()] && !own_[op.named()])
      fail(op.place, fmt::format("there is no child '{}' here", child(op)),
           "one that the setup forks, or this program above");
    current_ = op.name;
  }
  void check_exit(const TextOp& op) {
    if (!own_[op.named()])
      fail(op.place, fmt::format("'{}' is no child of this program's own", child(op)),
           "one that it forks above; the others end with the scenario");
    if (current_ == op.name)
      fail(op.place, fmt::format("this CPU still runs '{}'", child(op)), "use parent before it");
    own_.reset(op.named());
  }

  // CPUs that do nothing come along.
  void check_meetings() {
    const auto meetings = [](const std::vector<TextOp>& program) {
      return static_cast<unsigned>(std::ranges::count(program, meet, &TextOp::verb));
    };
    unsigned fewest = std::numeric_limits<unsigned>::max();
    std::size_t who = 0;
    for (std::size_t cpu = 0; cpu < text_.programs.size(); ++cpu) {
      if (text_.programs[cpu].empty() || meetings(text_.programs[cpu]) >= fewest) continue;
      fewest = meetings(text_.programs[cpu]);
      who = cpu;
    }
    for (const std::vector<TextOp>& program : text_.programs)
      if (meetings(program) > fewest) fail_at_surplus(program, fewest, who);
    text_.meetings = fewest;
  }
  [[noreturn]] void fail_at_surplus(const std::vector<TextOp>& program,
                                    unsigned fewest,
                                    std::size_t who) const {
    unsigned seen_so_far = 0;
    const auto surplus = std::ranges::find_if(
        program, [&](const TextOp& op) { return op.verb == meet && seen_so_far++ == fewest; });
    fail(surplus->place, fmt::format("nobody would come: P{} meets {}", who, times(fewest)),
         "meet as often in each program");
  }

  void check_signals() const {
    std::bitset<ScenarioTextLimits::names> given;
    for (const std::vector<TextOp>& program : text_.programs)
      for (const TextOp& op : program)
        if (op.verb == signal) given.set(op.named());
    for (const std::vector<TextOp>& program : text_.programs)
      for (const TextOp& op : program)
        if ((op.verb == wait || op.verb == seen) && !given[op.named()])
          fail(op.place, fmt::format("nobody gives the signal '{}'", text_.signals[op.named()]),
               fmt::format("a line as in 'P0: signal {}'", text_.signals[op.named()]));
  }

  // Every program goes on as far as it can: signals stay given and nobody leaves a meeting, so who
  // stands still then stands still in every order.
  void check_waits() {
    const std::size_t cpus = text_.programs.size();
    std::vector<std::size_t> at(cpus, 0);
    std::bitset<ScenarioTextLimits::names> given;
    const auto goes_on = [&](std::size_t cpu) {
      const std::vector<TextOp>& program = text_.programs[cpu];
      const std::size_t from = at[cpu];
      for (; at[cpu] < program.size(); ++at[cpu]) {
        const TextOp& op = program[at[cpu]];
        if (op.verb == meet || (op.verb == wait && !given[op.named()])) break;
        if (op.verb == signal) given.set(op.named());
      }
      return at[cpu] != from;
    };
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t cpu = 0; cpu < cpus; ++cpu) moved |= goes_on(cpu);
      if (!moved) moved = all_meet(at);
    }
    for (std::size_t cpu = 0; cpu < cpus; ++cpu)
      if (at[cpu] < text_.programs[cpu].size())
        fail(text_.programs[cpu][at[cpu]].place, fmt::format("P{} waits here for ever", cpu),
             "an order in which every program comes to its end");
  }
  // If all programs stand at a meeting, they go on from it.
  [[nodiscard]] bool all_meet(std::vector<std::size_t>& at) const {
    bool anybody = false;
    for (std::size_t cpu = 0; cpu < at.size(); ++cpu) {
      const std::vector<TextOp>& program = text_.programs[cpu];
      if (program.empty()) continue;
      if (at[cpu] == program.size() || program[at[cpu]].verb != meet) return false;
      anybody = true;
    }
    for (std::size_t cpu = 0; anybody && cpu < at.size(); ++cpu)
      if (!text_.programs[cpu].empty()) ++at[cpu];
    return anybody;
  }

  void check_registers(const TextCondition& condition) const {
    for (const ConditionStep& step : condition.steps)
      if (step.kind == ConditionStep::Kind::reg && !is_set(step.cpu, step.reg))
        fail(step.place, fmt::format("P{} sets no r{}", step.cpu, step.reg),
             fmt::format("a line as in 'P{}: r{} = load 0x4000'", step.cpu, step.reg));
  }
  [[nodiscard]] bool is_set(unsigned cpu, unsigned reg) const {
    return cpu < text_.programs.size() &&
           std::ranges::any_of(
               text_.programs[cpu], [reg](const TextOp& op) { return op.result == reg; });
  }

  ScenarioText& text_;
  Children begun_, of_setup_, own_;
  std::optional<unsigned> current_;                 // the child that the CPU runs
  std::bitset<ScenarioTextLimits::pins> to_write_;  // of the pins
  std::size_t pins_ = 0;
  bool asleep_ = false;
};

}  // namespace

void check_cast(ScenarioText& text) { Cast(text).check(); }

}  // namespace tlblab
