// SPDX-License-Identifier: GPL-2.0-or-later
// A litmus test in the form that is executed: each process is straight code over slots, with
// forward jumps only, so each instruction runs at most once and every process ends.
//
//   const LitmusProgram program = compile_litmus(parse_litmus(text, file));
//   for each execution:
//     std::vector<LitmusProcess> processes;          // one for each of program.processes
//     processes[n].run(memory of CPU n);             // on fibers
//     tally.add(final_state(program, processes, values of program.locations));
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/explore/litmus/ast.h"
#include "harness/explore/litmus/memory.h"

namespace tlblab {

struct LitmusLocation {
  std::string name;
  LitmusValue initial = 0;
  bool lock = false;  // a spinlock: 0 is free, 1 is held
  friend bool operator==(const LitmusLocation&, const LitmusLocation&) = default;
};

using Slot = std::uint16_t;

enum class CodeOp : std::uint8_t {
  constant,  // to = number
  copy,      // to = a
  truth,     // to = a as 0 or 1
  negate,
  logical_not,
  add,  // to = a op b
  subtract,
  multiply,
  bit_and,
  bit_or,
  bit_xor,
  equal,
  not_equal,
  less,
  greater,
  less_equal,
  greater_equal,
  logical_and,
  logical_or,
  jump,          // to instruction `number`, which is later
  jump_if_zero,  // a
  jump_unless_zero,
  // From here on: steps that LitmusMemory takes.
  load,   // to = *a
  store,  // *a = b
  rmw,    // to = *a; operand b, expected c
  fence,
  spin_lock,  // of *a; the last two: to = 0 or 1
  spin_unlock,
  spin_trylock,
  spin_is_locked,
  rcu_read_lock,
  rcu_read_unlock,
  synchronize_rcu,
};

struct Instruction {
  CodeOp op = CodeOp::constant;
  AccessOrder order = AccessOrder::once;
  RmwKind rmw = RmwKind::exchange;
  FenceKind fence = FenceKind::mb;
  Slot to = 0, a = 0, b = 0, c = 0;
  LitmusValue number = 0;
  unsigned line = 0;
  unsigned join = 0;  // of the jump of an `if`: the instruction behind its arms
};

struct LitmusCode {
  std::vector<std::string> registers;  // names of the first slots: parameters, then locals
  std::vector<LitmusValue> initial;    // of all slots
  std::vector<Instruction> instructions;
};

// What is shown of, or asked about, a final state.
struct LitmusObservable {
  std::optional<unsigned> process;  // none: a location
  std::size_t index = 0;            // of the slot or the location
  std::string name;                 // "0:r0" or "x"
};

// A proposition with its places resolved.
struct LitmusCheck {
  LitmusProposition::Kind kind = LitmusProposition::Kind::always;
  std::size_t observable = 0;  // equal: this one
  LitmusValue value = 0;       // is this
  std::vector<LitmusCheck> operands;
};

struct LitmusProgram {
  std::string file, name;
  std::vector<LitmusLocation> locations;
  std::vector<LitmusCode> processes;
  // Sorted as herd7 prints them: registers by process and name, then locations by name. Those that
  // only the filter asks about stand behind the first `shown`, in the same order.
  std::vector<LitmusObservable> observables;
  std::size_t shown = 0;
  LitmusQuantifier quantifier = LitmusQuantifier::exists;
  LitmusProposition proposition;  // as written
  LitmusCheck check, filter;
};

// A test that parses may still make no sense (a register that is nowhere set, too many loads):
// LitmusError.
[[nodiscard]] LitmusProgram compile_litmus(const LitmusTest& test);

// Why a process could not go on: herd7 refuses such a test too.
struct LitmusFault {
  unsigned line = 0;
  std::string wrong, expected;  // one line each, as LitmusError takes them
};

// The step that a process is about to take.
struct LitmusStep {
  const Instruction* instruction = nullptr;
  LitmusAccess access{};  // its location is also the lock's
  LitmusValue operand = 0, expected = 0;
};

// One process in the middle of its execution: a value, cheap to copy. Knows nothing of the machine.
// REQUIRES: the program outlives it.
class LitmusProcess {
 public:
  LitmusProcess(const LitmusProgram& program, std::size_t number);

  // To the end, or to a fault.
  void run(LitmusMemory& memory);

  // The same step by step: computes up to the next step on memory; nothing if the process has
  // ended or faulted. May be asked again and again.
  [[nodiscard]] std::optional<LitmusStep> next();
  // The step that next() gave was taken; `loaded` is what it returned, if it returns anything.
  // Does nothing if next() gave none.
  void complete(const LitmusLoaded& loaded);

  [[nodiscard]] LitmusValue value(std::size_t slot) const { return slots_[slot].value; }
  [[nodiscard]] const std::optional<LitmusFault>& fault() const noexcept { return fault_; }

 private:
  struct Cell {
    LitmusValue value = 0;
    LoadSet loads = 0;  // from which it was computed
  };

  // In the arms of an `if`.
  struct Arm {
    LoadSet loads = 0;  // of the condition
    std::size_t join = 0;
  };

  void compute(const Instruction& instruction);
  void enter_arm(const Instruction& instruction);
  [[nodiscard]] LoadSet control();
  void prepare(const Instruction& instruction);
  bool leads_somewhere(const Instruction& instruction, LitmusValue address);

  const LitmusProgram* program_;
  const LitmusCode* code_;
  std::vector<Cell> slots_;
  std::vector<LoadSet> own_stores_;  // by location: what the last own store depended on
  std::vector<Arm> arms_;            // the innermost last
  std::size_t at_ = 0;
  unsigned loads_ = 0;
  std::optional<LitmusStep> step_;
  std::optional<LitmusFault> fault_;
};

// Values of program.observables, in their order. `memory` has one value for each location.
[[nodiscard]] std::vector<LitmusValue> final_state(const LitmusProgram& program,
                                                   std::span<const LitmusProcess> processes,
                                                   std::span<const LitmusValue> memory);

}  // namespace tlblab
