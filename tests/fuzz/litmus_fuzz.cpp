// SPDX-License-Identifier: GPL-2.0-or-later
// The entry that a fuzzer calls: bytes that may be a litmus test. They are read, or refused with a
// LitmusError of one line; anything else is a bug. What was read says the same after it was printed
// and read again; what can be compiled runs to its end on a memory that always says 1.
// Used by libFuzzer (-DTLBLAB_FUZZ=ON) and by the mutation test.
#include "tests/fuzz/litmus_fuzz.h"

#include <cstdlib>
#include <string_view>

#include "harness/explore/litmus/parser.h"
#include "harness/explore/litmus/print.h"
#include "harness/explore/litmus/program.h"

namespace tlblab {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void run_alone(const LitmusProgram& program) {
  for (std::size_t n = 0; n < program.processes.size(); ++n) {
    LitmusProcess process(program, n);
    std::size_t steps = 0;
    while (const auto step = process.next()) {
      require(step->access.location < program.locations.size() || program.locations.empty());
      require(++steps <= program.processes[n].instructions.size());
      process.complete({.value = 1, .own = true});
    }
  }
}

}  // namespace

bool read_as_litmus(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LitmusTest test;
  try {
    test = parse_litmus(text, "input");
    require(parse_litmus(print_litmus(test), "printed") == test);
    run_alone(compile_litmus(test));
    return true;
  } catch (const LitmusError& error) {
    const std::string_view line = error.what();
    // What was printed must never be refused.
    require(line.starts_with("input:") && line.find('\n') == std::string_view::npos);
    return false;
  }
}

}  // namespace tlblab

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tlblab::read_as_litmus(data, size);
  return 0;
}
