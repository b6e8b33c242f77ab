// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/program_text.h"

#include <array>
#include <string_view>

namespace tlblab {

namespace {

std::string location_name(unsigned location) {
  static constexpr std::array<std::string_view, 3> names{"x", "y", "z"};
  return location < names.size() ? std::string(names[location]) : "v" + std::to_string(location);
}

std::string lock_name(unsigned lock) {
  static constexpr std::array<std::string_view, 2> names{"s", "t"};
  return lock < names.size() ? std::string(names[lock]) : "s" + std::to_string(lock);
}

std::string suffix(order o) {
  switch (o) {
    case order::relaxed: return "_relaxed";
    case order::acquire: return "_acquire";
    case order::release: return "_release";
    case order::full:
    case order::consume: return "";  // the latter of nothing that is made up
  }
  return "";
}

std::string call(const SmallOp& op) {
  const std::string where = location_name(op.where);
  const std::string value = std::to_string(op.value);
  const std::string both = "(" + where + ", " + value + ")";
  switch (op.kind) {
    case OpKind::load:
      return op.o == order::acquire ? "smp_load_acquire(" + where + ")"
                                    : "READ_ONCE(*" + where + ")";
    case OpKind::store:
      return op.o == order::release ? "smp_store_release" + both
                                    : "WRITE_ONCE(*" + where + ", " + value + ")";
    case OpKind::exchange: return "xchg" + suffix(op.o) + both;
    case OpKind::add: return "atomic_fetch_add" + suffix(op.o) + "(" + value + ", " + where + ")";
    case OpKind::void_add: return "atomic_add(" + value + ", " + where + ")";
    case OpKind::cmpxchg:
      return "cmpxchg" + suffix(op.o) + "(" + where + ", " + std::to_string(op.expected) + ", " +
             value + ")";
    case OpKind::await:
      return "smp_cond_load" + suffix(op.o) + "(" + where + ", VAL == " + value + ")";
    case OpKind::mb: return "smp_mb()";
    case OpKind::rmb: return "smp_rmb()";
    case OpKind::wmb: return "smp_wmb()";
    case OpKind::lock: return "spin_lock(" + lock_name(op.where) + ")";
    case OpKind::unlock: return "spin_unlock(" + lock_name(op.where) + ")";
    case OpKind::read_lock: return "rcu_read_lock()";
    case OpKind::read_unlock: return "rcu_read_unlock()";
    case OpKind::synchronize: return "synchronize_rcu()";
  }
  return "";
}

std::string parameters(const SmallProgram& program) {
  std::string text;
  for (unsigned i = 0; i < program.locations; ++i)
    text += (text.empty() ? "int *" : ", int *") + location_name(i);
  for (unsigned i = 0; i < program.locks; ++i)
    text += (text.empty() ? "spinlock_t *" : ", spinlock_t *") + lock_name(i);
  return text;
}

std::string register_name(std::size_t index) { return "r" + std::to_string(index); }

// Which of the thread's reads, from 0.
std::string dependencies(const SmallOp& op) {
  std::string text;
  const auto add = [&](const char* what, std::uint64_t from) {
    for (unsigned n = 0; from != 0; ++n, from >>= 1)
      if ((from & 1) != 0) text += std::string(" /* ") + what + " " + std::to_string(n) + " */";
  };
  add("address", op.address_from);
  add("data", op.data_from);
  add("control", op.control_from);
  return text;
}

std::string body(const std::vector<SmallOp>& ops) {
  std::string declarations, statements;
  std::size_t registers = 0;
  for (const SmallOp& op : ops) {
    statements += "\t";
    if (returns_value(op.kind)) {
      declarations += "\tint " + register_name(registers) + ";\n";
      statements += register_name(registers++) + " = ";
    }
    statements += call(op) + ";" + dependencies(op) + "\n";
  }
  return declarations + statements;
}

}  // namespace

std::string to_text(const SmallProgram& program) {
  std::string text = "C program\n\n{}\n";
  for (std::size_t i = 0; i < program.threads.size(); ++i)
    text += "\nP" + std::to_string(i) + "(" + parameters(program) + ")\n{\n" +
            body(program.threads[i]) + "}\n";
  return text;
}

std::string to_text(const SmallProgram& program, const FinalState& state) {
  std::string text;
  std::size_t at = 0;
  const auto add = [&](const std::string& name) {
    if (!text.empty()) text += " ";
    text += name + "=" + std::to_string(state.at(at++)) + ";";
  };
  for (std::size_t thread = 0; thread < program.threads.size(); ++thread) {
    std::size_t registers = 0;
    for (const SmallOp& op : program.threads[thread])
      if (returns_value(op.kind)) add(std::to_string(thread) + ":" + register_name(registers++));
  }
  for (unsigned i = 0; i < program.locations; ++i) add("[" + location_name(i) + "]");
  return text;
}

std::string to_text(const SmallProgram& program, const FinalStates& states) {
  std::string text;
  for (const FinalState& state : states) text += to_text(program, state) + "\n";
  return text;
}

}  // namespace tlblab
