// SPDX-License-Identifier: GPL-2.0-or-later
// From the statements of a process to its code.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "harness/explore/litmus/compile.h"
#include "harness/explore/litmus/error.h"
#include "harness/explore/litmus/primitives.h"

namespace tlblab {
namespace {

using Expression = LitmusExpression;
using Statement = LitmusStatement;

// The operators of expressions and of code that are the same thing.
CodeOp code_of(Expression::Kind kind) noexcept {
  switch (kind) {
    case Expression::Kind::negate: return CodeOp::negate;
    case Expression::Kind::logical_not: return CodeOp::logical_not;
    case Expression::Kind::add: return CodeOp::add;
    case Expression::Kind::subtract: return CodeOp::subtract;
    case Expression::Kind::multiply: return CodeOp::multiply;
    case Expression::Kind::bit_and: return CodeOp::bit_and;
    case Expression::Kind::bit_or: return CodeOp::bit_or;
    case Expression::Kind::bit_xor: return CodeOp::bit_xor;
    case Expression::Kind::equal: return CodeOp::equal;
    case Expression::Kind::not_equal: return CodeOp::not_equal;
    case Expression::Kind::less: return CodeOp::less;
    case Expression::Kind::greater: return CodeOp::greater;
    case Expression::Kind::less_equal: return CodeOp::less_equal;
    case Expression::Kind::greater_equal: return CodeOp::greater_equal;
    case Expression::Kind::logical_and: return CodeOp::logical_and;
    case Expression::Kind::logical_or: return CodeOp::logical_or;
    default: return CodeOp::copy;
  }
}

// One process. A value lives in a slot: a register's own, or a temporary of the statement.
class ProcessCompiler {
 public:
  ProcessCompiler(const LitmusTest& test, std::size_t number, const LitmusLocations& locations)
      : test_(test), number_(number), locations_(locations) {}

  void set_register(const std::string& name, LitmusValue value) {
    code_.initial[register_slot(name)] = value;
  }

  LitmusCode compile() {
    for (const LitmusParameter& parameter : test_.processes[number_].parameters)
      if (const auto location = locations_.find(parameter.name))
        set_register(parameter.name, pointer_to(*location));
    declare(test_.processes[number_].body);
    statements(test_.processes[number_].body);
    code_.initial.resize(most_slots_);
    return std::move(code_);
  }

 private:
  [[noreturn]] void fail(SourceLine line, std::string_view wrong, std::string_view expected) {
    throw LitmusError(test_.file, line.number, wrong, expected);
  }

  Slot register_slot(const std::string& name) {
    const auto [entry, is_new] = registers_.try_emplace(name, code_.registers.size());
    if (is_new) {
      code_.registers.push_back(name);
      code_.initial.push_back(0);
      most_slots_ = code_.registers.size();
    }
    return static_cast<Slot>(entry->second);
  }

  // All registers have their slots before there are temporaries. What is assigned to is a register
  // even without a declaration, as for herd7.
  void declare(const std::vector<Statement>& list) {
    for (const Statement& s : list) {
      if (s.kind == Statement::Kind::declare || s.kind == Statement::Kind::assign)
        register_slot(s.name);
      declare(s.body);
      declare(s.otherwise);
    }
  }

  Slot temporary() {
    const std::size_t slot = code_.registers.size() + temporaries_++;
    most_slots_ = std::max(most_slots_, slot + 1);
    return static_cast<Slot>(slot);
  }

  Instruction& emit(CodeOp op, SourceLine line) {
    code_.instructions.push_back({.op = op, .line = line.number});
    return code_.instructions.back();
  }

  void jump_lands_here(std::size_t jump) {
    code_.instructions[jump].number = static_cast<LitmusValue>(code_.instructions.size());
  }

  std::size_t emit_jump(CodeOp op, Slot on, SourceLine line) {
    emit(op, line).a = on;
    return code_.instructions.size() - 1;
  }

  void statements(const std::vector<Statement>& list) {
    for (const Statement& s : list) {
      temporaries_ = 0;
      statement(s);
    }
  }

  void statement(const Statement& s) {
    switch (s.kind) {
      case Statement::Kind::declare:
      case Statement::Kind::assign:
        if (s.value.given()) assign(s);
        return;
      case Statement::Kind::store: return plain_store(s);
      case Statement::Kind::evaluate: call(s.value); return;
      case Statement::Kind::block: return statements(s.body);
      case Statement::Kind::branch: return branch(s);
    }
  }

  void assign(const Statement& s) {
    const Slot from = value(s.value);
    Instruction& copy = emit(CodeOp::copy, s.line);
    copy.to = register_slot(s.name);
    copy.a = from;
  }

  void plain_store(const Statement& s) {
    const Slot address = value(s.target.operands[0]);
    const Slot data = value(s.value);
    Instruction& store = emit(CodeOp::store, s.line);
    store.order = AccessOrder::plain;
    store.a = address;
    store.b = data;
  }

  void branch(const Statement& s) {
    const std::size_t over = emit_jump(CodeOp::jump_if_zero, value(s.value), s.line);
    statements(s.body);
    if (s.otherwise.empty()) {
      jump_lands_here(over);
    } else {
      const std::size_t end = emit_jump(CodeOp::jump, 0, s.line);
      jump_lands_here(over);
      statements(s.otherwise);
      jump_lands_here(end);
    }
    code_.instructions[over].join = static_cast<unsigned>(code_.instructions.size());
  }

  // The slot that holds the value of an expression.
  Slot value(const Expression& e) {
    switch (e.kind) {
      case Expression::Kind::number: return constant(e.number, e.line);
      case Expression::Kind::name: return name(e);
      case Expression::Kind::dereference: return plain_load(e);
      case Expression::Kind::call: return call_value(e);
      case Expression::Kind::logical_and:
      case Expression::Kind::logical_or: return shortcut(e);
      default: return computed(e);
    }
  }

  Slot constant(LitmusValue number, SourceLine line) {
    const Slot to = temporary();
    Instruction& constant = emit(CodeOp::constant, line);
    constant.to = to;
    constant.number = number;
    return to;
  }

  Slot name(const Expression& e) {
    const auto found = registers_.find(e.name);
    if (found == registers_.end())
      fail(e.line, fmt::format("P{} knows no {}", number_, e.name),
           fmt::format("a register that it sets, or a parameter 'int *{}'", e.name));
    return static_cast<Slot>(found->second);
  }

  Slot plain_load(const Expression& e) {
    const Slot address = value(e.operands[0]);
    return loading(CodeOp::load, AccessOrder::plain, address, e.line);
  }

  Slot loading(CodeOp op, AccessOrder order, Slot address, SourceLine line) {
    const Slot to = temporary();
    Instruction& load = emit(op, line);
    load.order = order;
    load.a = address;
    load.to = to;
    count_load(line);
    return to;
  }

  // Each load has its bit in a LoadSet. There are no loops, so an instruction loads at most once.
  void count_load(SourceLine line) {
    if (++loads_ > max_litmus_loads)
      fail(line, fmt::format("P{} loads too often", number_),
           fmt::format("at most {} loads in a process", max_litmus_loads));
  }

  Slot computed(const Expression& e) {
    const Slot a = value(e.operands[0]);
    const Slot b = e.operands.size() > 1 ? value(e.operands[1]) : Slot{0};
    return compute(code_of(e.kind), a, b, e.line);
  }

  Slot compute(CodeOp op, Slot a, Slot b, SourceLine line) {
    const Slot to = temporary();
    Instruction& instruction = emit(op, line);
    instruction.to = to;
    instruction.a = a;
    instruction.b = b;
    return to;
  }

  // && and ||: the right side is not evaluated when the left one decides.
  Slot shortcut(const Expression& e) {
    const Slot left = compute(CodeOp::truth, value(e.operands[0]), 0, e.line);
    const bool both = e.kind == Expression::Kind::logical_and;
    const std::size_t over =
        emit_jump(both ? CodeOp::jump_if_zero : CodeOp::jump_unless_zero, left, e.line);
    const Slot right = value(e.operands[1]);
    Instruction& whole = emit(code_of(e.kind), e.line);
    whole.to = left;
    whole.a = left;
    whole.b = right;
    jump_lands_here(over);
    return left;
  }

  Slot call_value(const Expression& e) {
    const std::optional<Slot> result = call(e);
    if (!result)
      fail(e.line, fmt::format("{} has no value", e.name), "a call that returns something");
    return *result;
  }

  struct CallSlots {
    Slot address = 0, operand = 0, expected = 0;
  };

  std::optional<Slot> call(const Expression& e) {
    const std::optional<Primitive> primitive = find_primitive(e.name);
    if (!primitive)
      fail(e.line, fmt::format("{} is not supported", e.name),
           "a call of the kernel's linux-kernel.def but for SRCU");
    if (e.operands.size() != primitive->arguments.size())
      fail(e.line, fmt::format("{} with {} arguments", e.name, e.operands.size()),
           fmt::format("{}", primitive->arguments.size()));
    return emit_call(e, *primitive, call_arguments(e, *primitive));
  }

  CallSlots call_arguments(const Expression& e, const Primitive& primitive) {
    CallSlots slots;
    for (std::size_t n = 0; n < e.operands.size(); ++n) {
      const Expression& argument = e.operands[n];
      switch (primitive.arguments[n]) {
        case 'l': slots.address = value(place_in_memory(e, argument)); break;
        case 'p': slots.address = value(argument); break;
        case 'e': slots.expected = value(argument); break;
        default: slots.operand = value(argument);
      }
    }
    if (primitive.operand == 0 || primitive.op != CodeOp::rmw) return slots;
    if (primitive.arguments == "p")
      slots.operand = constant(primitive.operand, e.line);
    else
      slots.operand = compute(CodeOp::negate, slots.operand, 0, e.line);
    return slots;
  }

  const Expression& place_in_memory(const Expression& e, const Expression& argument) {
    if (argument.kind != Expression::Kind::dereference)
      fail(argument.line, fmt::format("{} of what is no place in memory", e.name),
           fmt::format("'{}(*x ...'", e.name));
    return argument.operands[0];
  }

  std::optional<Slot> emit_call(const Expression& e, const Primitive& p, const CallSlots& slots) {
    if (!p.op) return std::nullopt;
    const bool loads = *p.op == CodeOp::load || *p.op == CodeOp::rmw;
    if (loads) count_load(e.line);
    const Slot to = temporary();
    Instruction& step = emit(*p.op, e.line);
    step.order = p.order;
    step.rmw = p.rmw;
    step.fence = p.fence;
    step.to = to;
    step.a = slots.address;
    step.b = slots.operand;
    step.c = slots.expected;
    if (p.mb_after) emit(CodeOp::fence, e.line).fence = FenceKind::mb;
    return result(p.result, to, slots, e.line);
  }

  std::optional<Slot> result(PrimitiveResult kind,
                             Slot loaded,
                             const CallSlots& slots,
                             SourceLine line) {
    if (kind == PrimitiveResult::nothing) return std::nullopt;
    if (kind == PrimitiveResult::loaded) return loaded;
    if (kind == PrimitiveResult::changed)
      return compute(CodeOp::not_equal, loaded, slots.expected, line);
    const Slot updated = compute(CodeOp::add, loaded, slots.operand, line);
    if (kind == PrimitiveResult::updated) return updated;
    const CodeOp test = kind == PrimitiveResult::is_zero ? CodeOp::equal : CodeOp::less;
    return compute(test, updated, constant(0, line), line);
  }

  const LitmusTest& test_;
  std::size_t number_;
  const LitmusLocations& locations_;
  LitmusCode code_;
  LitmusNames registers_;
  std::size_t temporaries_ = 0, most_slots_ = 0;
  unsigned loads_ = 0;
};

}  // namespace

LitmusCode compile_process(const LitmusTest& test,
                           std::size_t number,
                           const LitmusLocations& locations,
                           const LitmusRegisters& registers) {
  ProcessCompiler compiler(test, number, locations);
  for (const auto& [name, value] : registers) compiler.set_register(name, value);
  return compiler.compile();
}

}  // namespace tlblab
