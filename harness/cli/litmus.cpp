// SPDX-License-Identifier: GPL-2.0-or-later
// All files are read before the first test runs: a mistake in the last one costs nothing. Text is
// printed test by test, as herd7 does; JSON at the end.
#include <chrono>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/values.h"
#include "harness/explore/litmus/parser.h"
#include "harness/explore/litmus/report.h"
#include "harness/explore/litmus/run.h"
#include "harness/workload/input_error.h"
#include "harness/workload/text_source.h"

namespace tlblab {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const std::string& path) {
  TextSource source = TextSource::from_file(path, "an LKMM litmus test in C");
  std::string text;
  std::string_view line;
  // One that is too long is refused by the parser; no need to read it all.
  while (text.size() <= LitmusLimits::bytes && source.next_line(line)) (text += line) += '\n';
  return text;
}

LitmusProgram read_program(const std::string& path) {
  const std::string text = text_of(path);
  try {
    return compile_litmus(parse_litmus(text, path));
  } catch (const LitmusError& error) {
    throw InputError(path, error.line(), error.wrong(), error.expected());
  }
}

struct Judged {
  LitmusOutcome outcome;
  double seconds = 0;
};

Judged judge(const LitmusProgram& program, MemoryModel model, const Context& context) {
  const auto begin = std::chrono::steady_clock::now();
  Judged judged{run_litmus(program, model, context.stop)};
  judged.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (const auto& fault = judged.outcome.fault)
    throw InputError(program.file, fault->line, fault->wrong, fault->expected);
  return judged;
}

Json buffering_row(const LitmusBuffering& buffering) {
  Json pairs = Json::array();
  for (const LitmusBuffering::Pair& pair : buffering.pairs)
    pairs.push_back({{"process", pair.process}, {"read", pair.read}, {"write", pair.write}});
  return {{"exact", buffering.is_exact()},
          {"pairs", std::move(pairs)},
          {"hidden_flow", buffering.hidden}};
}

Json test_row(const LitmusProgram& program, std::string_view model, const Judged& judged) {
  const LitmusOutcome& outcome = judged.outcome;
  Json states = Json::array();
  for (const auto& state : outcome.tally.states()) states.push_back(state_text(program, state));
  Json row{{"name", program.name},
           {"model", model},
           {"observation", outcome.tally.observation()},
           {"positive", outcome.tally.positive()},
           {"negative", outcome.tally.negative()},
           {"states", std::move(states)},
           {"condition", condition_text(program)},
           {"ok", outcome.tally.holds(program.quantifier)},
           {"complete", !outcome.interrupted},
           {"executions", outcome.executions},
           {"blocked", outcome.blocked},
           {"steps", outcome.steps},
           {"seconds", std::round(judged.seconds * 1e6) / 1e6}};
  if (outcome.buffering) row["load_buffering"] = buffering_row(*outcome.buffering);
  return row;
}

void say_interrupted(const LitmusProgram& program, const LitmusOutcome& outcome, Context& context) {
  context.err << fmt::format("tlblab litmus: {}: interrupted after {} executions, {} states\n",
                             program.name, outcome.executions, outcome.tally.states().size());
}

int run_litmus_command(const Arguments& arguments, Context& context) {
  const MemoryModel model = model_named(word_value(arguments, "--memory", {"weak", "sc", "tso"}));
  std::vector<LitmusProgram> programs;
  for (const std::string& path : arguments.words) programs.push_back(read_program(path));
  Json tests = Json::array();
  bool interrupted = false;
  for (const LitmusProgram& program : programs) {
    const Judged judged = judge(program, model, context);
    interrupted = judged.outcome.interrupted;
    if (context.json)
      tests.push_back(test_row(program, name_of(model), judged));
    else if (!interrupted)  // a verdict over a part of the executions would be none
      (context.out << litmus_text(program, judged.outcome.tally, judged.seconds)
                   << buffering_text(judged.outcome))
          .flush();
    if (interrupted) {
      say_interrupted(program, judged.outcome, context);
      break;
    }
  }
  if (context.json)
    context.out << Json({{"schema", "tlblab/litmus/1"}, {"tests", std::move(tests)}}).dump()
                << '\n';
  return interrupted ? exit_interrupted : exit_fine;
}

}  // namespace

Command litmus_command() {
  return {.name = "litmus",
          .words = "FILE...",
          .least_words = 1,
          .most_words = std::numeric_limits<std::size_t>::max(),
          .line = "judge LKMM litmus tests as herd7 does, on the explorer's memory models",
          .options = {{"--memory", "M", "weak (default), tso or sc"},
                      {"--json", "", "as one JSON object, with every final state"}},
          .more =
              "FILE is a litmus test in C, as in the kernel's tools/memory-model/litmus-tests:\n\n"
              "  C SB\n"
              "  {}\n"
              "  P0(int *x, int *y) { int r0; WRITE_ONCE(*x, 1); r0 = READ_ONCE(*y); }\n"
              "  P1(int *x, int *y) { int r0; WRITE_ONCE(*y, 1); r0 = READ_ONCE(*x); }\n"
              "  exists (0:r0=0 /\\ 1:r0=0)\n\n"
              "It may call what linux-kernel.def defines but for SRCU, and has if and else but\n"
              "no loops. 'locations [x; 0:r0]' shows more of the final states, 'filter (P)'\n"
              "drops executions without P. weak is the kernel's model without load buffering:\n"
              "each load stays before all later stores of its process. Where that could make a\n"
              "difference, lines 'Load buffering: ...' say so. Whatever is observed, the exit\n"
              "code is 0.\n\n"
              "examples:\n"
              "  tlblab litmus SB.litmus\n"
              "  tlblab litmus --memory tso --json *.litmus\n",
          .run = run_litmus_command};
}

}  // namespace tlblab
