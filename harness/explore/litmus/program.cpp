// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/program.h"

#include <fmt/format.h>

#include "harness/explore/litmus/outcome.h"

namespace tlblab {
namespace {

// Wraps around: a test may add what it likes.
LitmusValue wrapped(std::uint64_t value) noexcept { return static_cast<LitmusValue>(value); }

LitmusValue computed(CodeOp op, LitmusValue a, LitmusValue b) noexcept {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  switch (op) {
    case CodeOp::copy: return a;
    case CodeOp::truth: return a != 0 ? 1 : 0;
    case CodeOp::negate: return wrapped(-x);
    case CodeOp::logical_not: return a == 0 ? 1 : 0;
    case CodeOp::add: return wrapped(x + y);
    case CodeOp::subtract: return wrapped(x - y);
    case CodeOp::multiply: return wrapped(x * y);
    case CodeOp::bit_and: return wrapped(x & y);
    case CodeOp::bit_or: return wrapped(x | y);
    case CodeOp::bit_xor: return wrapped(x ^ y);
    case CodeOp::equal: return a == b ? 1 : 0;
    case CodeOp::not_equal: return a != b ? 1 : 0;
    case CodeOp::less: return a < b ? 1 : 0;
    case CodeOp::greater: return a > b ? 1 : 0;
    case CodeOp::less_equal: return a <= b ? 1 : 0;
    case CodeOp::greater_equal: return a >= b ? 1 : 0;
    case CodeOp::logical_and: return a != 0 && b != 0 ? 1 : 0;
    case CodeOp::logical_or: return a != 0 || b != 0 ? 1 : 0;
    default: return 0;
  }
}

constexpr bool is_memory_step(CodeOp op) noexcept { return op >= CodeOp::load; }
constexpr bool is_access(CodeOp op) noexcept { return op >= CodeOp::load && op <= CodeOp::rmw; }
constexpr bool is_lock_step(CodeOp op) noexcept {
  return op >= CodeOp::spin_lock && op <= CodeOp::spin_is_locked;
}
constexpr bool uses_two(CodeOp op) noexcept {
  return op >= CodeOp::add && op <= CodeOp::logical_or;
}

constexpr bool counts_as_load(CodeOp op) noexcept {
  return op == CodeOp::load || op == CodeOp::rmw;
}
constexpr bool returns(CodeOp op) noexcept {
  return counts_as_load(op) || op == CodeOp::spin_trylock || op == CodeOp::spin_is_locked;
}
constexpr bool adds(const Instruction& instruction) noexcept {
  return instruction.op == CodeOp::rmw &&
         (instruction.rmw == RmwKind::add || instruction.rmw == RmwKind::add_unless);
}

bool stores(const LitmusStep& step, LitmusValue old) noexcept {
  if (step.instruction->op == CodeOp::store) return true;
  if (step.instruction->op != CodeOp::rmw) return false;
  if (step.instruction->rmw == RmwKind::compare_exchange) return old == step.expected;
  if (step.instruction->rmw == RmwKind::add_unless) return old != step.expected;
  return true;
}

LitmusLoaded lock_step(LitmusMemory& memory, const LitmusStep& step) {
  const unsigned location = step.access.location;
  switch (step.instruction->op) {
    case CodeOp::spin_lock: memory.spin_lock(location); return {};
    case CodeOp::spin_unlock: memory.spin_unlock(location); return {};
    case CodeOp::spin_trylock:
      return {.value = memory.spin_trylock(location) ? 1 : 0, .own = false};
    default: return {.value = memory.spin_is_locked(location) ? 1 : 0, .own = false};
  }
}

LitmusLoaded perform(LitmusMemory& memory, const LitmusStep& step) {
  const Instruction& instruction = *step.instruction;
  switch (instruction.op) {
    case CodeOp::load: return memory.load(step.access);
    case CodeOp::store: memory.store(step.access, step.operand); return {};
    case CodeOp::rmw: return memory.rmw(step.access, instruction.rmw, step.operand, step.expected);
    case CodeOp::fence: memory.fence(instruction.fence); return {};
    case CodeOp::rcu_read_lock: memory.rcu_read_lock(); return {};
    case CodeOp::rcu_read_unlock: memory.rcu_read_unlock(); return {};
    case CodeOp::synchronize_rcu: memory.synchronize_rcu(); return {};
    default: return lock_step(memory, step);
  }
}

}  // namespace

LitmusProcess::LitmusProcess(const LitmusProgram& program, std::size_t number)
    : program_(&program),
      code_(&program.processes[number]),
      slots_(code_->initial.size()),
      own_stores_(program.locations.size()) {
  for (std::size_t n = 0; n < slots_.size(); ++n) slots_[n].value = code_->initial[n];
}

void LitmusProcess::run(LitmusMemory& memory) {
  while (const std::optional<LitmusStep> step = next()) complete(perform(memory, *step));
}

std::optional<LitmusStep> LitmusProcess::next() {
  if (step_ || fault_) return step_;
  while (at_ < code_->instructions.size()) {
    const Instruction& instruction = code_->instructions[at_];
    if (is_memory_step(instruction.op)) {
      prepare(instruction);
      return step_;
    }
    compute(instruction);
  }
  return std::nullopt;
}

void LitmusProcess::compute(const Instruction& instruction) {
  const Cell& a = slots_[instruction.a];
  const Cell& b = slots_[instruction.b];
  ++at_;
  if (instruction.join != 0) enter_arm(instruction);
  switch (instruction.op) {
    case CodeOp::jump: at_ = static_cast<std::size_t>(instruction.number); return;
    case CodeOp::jump_if_zero:
      if (a.value == 0) at_ = static_cast<std::size_t>(instruction.number);
      return;
    case CodeOp::jump_unless_zero:
      if (a.value != 0) at_ = static_cast<std::size_t>(instruction.number);
      return;
    case CodeOp::constant: slots_[instruction.to] = {instruction.number, 0}; return;
    default:
      slots_[instruction.to] = {computed(instruction.op, a.value, b.value),
                                a.loads | (uses_two(instruction.op) ? b.loads : 0)};
  }
}

void LitmusProcess::enter_arm(const Instruction& instruction) {
  static_cast<void>(control());
  arms_.push_back({slots_[instruction.a].loads, instruction.join});
}

// Of what is done now.
LoadSet LitmusProcess::control() {
  while (!arms_.empty() && arms_.back().join <= at_) arms_.pop_back();
  LoadSet loads = 0;
  for (const Arm& arm : arms_) loads |= arm.loads;
  return loads;
}

void LitmusProcess::prepare(const Instruction& instruction) {
  LitmusStep step{.instruction = &instruction};
  if (is_access(instruction.op) || is_lock_step(instruction.op)) {
    const Cell& address = slots_[instruction.a];
    if (!leads_somewhere(instruction, address.value)) return;
    step.access = {.location = static_cast<unsigned>(location_of(address.value)),
                   .order = instruction.order,
                   .address = address.loads,
                   .data = 0,
                   .control = control(),
                   .load = loads_};
  }
  if (instruction.op == CodeOp::store || instruction.op == CodeOp::rmw) {
    const Cell& operand = slots_[instruction.b];
    step.operand = operand.value;
    step.access.data = operand.loads;
  }
  if (instruction.op == CodeOp::rmw) step.expected = slots_[instruction.c].value;
  step_ = step;
}

bool LitmusProcess::leads_somewhere(const Instruction& instruction, LitmusValue address) {
  const bool wants_lock = is_lock_step(instruction.op);
  const std::string_view wanted = wants_lock ? "a spinlock_t" : "a location that is no spinlock_t";
  if (!is_pointer(address, program_->locations.size()))
    fault_ = {instruction.line,
              fmt::format("P{} follows {}, which is no pointer", code_ - program_->processes.data(),
                          address),
              fmt::format("a pointer to {}", wanted)};
  else if (program_->locations[location_of(address)].lock != wants_lock)
    fault_ = {instruction.line,
              fmt::format("{} on {}, which is {} spinlock_t",
                          wants_lock ? "a lock operation" : "an access",
                          value_text(*program_, address), wants_lock ? "no" : "a"),
              std::string(wanted)};
  return !fault_;
}

void LitmusProcess::complete(const LitmusLoaded& loaded) {
  if (!step_) return;
  const LitmusStep step = *step_;
  const Instruction& instruction = *step.instruction;
  LoadSet loads = 0;
  if (counts_as_load(instruction.op)) {
    loads = LoadSet{1} << loads_++;
    if (loaded.own) loads |= own_stores_[step.access.location];
  }
  if (returns(instruction.op)) slots_[instruction.to] = {loaded.value, loads};
  if (stores(step, loaded.value))
    // The sum that an atomic stores comes from what it read; what an exchange stores does not.
    own_stores_[step.access.location] = step.access.data | (adds(instruction) ? loads : 0);
  step_.reset();
  ++at_;
}

std::vector<LitmusValue> final_state(const LitmusProgram& program,
                                     std::span<const LitmusProcess> processes,
                                     std::span<const LitmusValue> memory) {
  std::vector<LitmusValue> state;
  state.reserve(program.observables.size());
  for (const LitmusObservable& each : program.observables)
    state.push_back(each.process ? processes[*each.process].value(each.index) : memory[each.index]);
  return state;
}

}  // namespace tlblab
