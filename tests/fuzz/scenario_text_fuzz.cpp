// SPDX-License-Identifier: GPL-2.0-or-later
// The entry that a fuzzer calls: bytes that may be the text of a scenario, plain or gzip. They are
// read, or refused with an InputError of one line; anything else is a bug. What was read stays
// within its limits and survives being printed. Used by libFuzzer (-DTLBLAB_FUZZ=ON) and by the
// mutation test.
#include "tests/fuzz/scenario_text_fuzz.h"

#include <cstdlib>
#include <string_view>

#include "harness/workload/input_error.h"
#include "harness/workload/scenario_text.h"

namespace tlblab {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_limits(const ScenarioText& text) {
  using Limits = ScenarioTextLimits;
  require(!text.programs.empty() && text.programs.size() <= Limits::cpus);
  require(text.setup.size() <= Limits::operations);
  require(text.conditions.size() <= Limits::conditions);
  require(text.signals.size() <= Limits::names && text.children.size() <= Limits::names);
  for (const std::vector<TextOp>& program : text.programs) {
    require(program.size() <= Limits::operations);
    for (const TextOp& op : program) {
      require(op.address < Limits::addresses && op.pages <= Limits::pages);
      require(!op.result || *op.result < text_registers);
      require(!op.file || *op.file < text.files.size());
    }
  }
  for (const TextCondition& condition : text.conditions) {
    require(condition.steps.size() <= ConditionLimits::steps);
    static_cast<void>(condition.holds([&](unsigned cpu, unsigned reg) {
      require(cpu < text.programs.size() && reg < text_registers);
      return std::int64_t{1};
    }));
  }
}

// What is printed is read, and printed the same.
void check_round_trip(const ScenarioText& text) {
  const std::string printed = print_scenario_text(text);
  require(print_scenario_text(parse_scenario_text(printed, "printed")) == printed);
}

}  // namespace

bool read_as_scenario(const std::uint8_t* data, std::size_t size) {
  ScenarioText text;
  try {
    text = parse_scenario_text({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const InputError& error) {
    const std::string_view line = error.what();
    require(line.starts_with("input:") && line.find('\n') == std::string_view::npos);
    return false;
  }
  check_limits(text);
  check_round_trip(text);
  return true;
}

}  // namespace tlblab

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tlblab::read_as_scenario(data, size);
  return 0;
}
