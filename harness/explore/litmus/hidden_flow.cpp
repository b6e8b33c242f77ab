// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/hidden_flow.h"

#include <algorithm>

namespace tlblab {
namespace {

class Flows {
 public:
  Flows(const LitmusProgram& program, std::size_t process)
      : code_(program.processes[process]), locations_(program.locations.size()) {}

  [[nodiscard]] bool any() const {
    if (!uses_loaded()) return false;
    for (std::size_t at = 0; at < code_.instructions.size(); ++at) {
      const Instruction& each = code_.instructions[at];
      if (is_conditional_jump(each.op) && leaves(at, end_of(each))) return true;
      const bool unsure = each.op == CodeOp::rmw && (each.rmw == RmwKind::compare_exchange ||
                                                     each.rmw == RmwKind::add_unless);
      if (stores(each.op) && (unsure || !is_fixed(each.a)) && read_back(each, at + 1)) return true;
    }
    return false;
  }

 private:
  static bool is_conditional_jump(CodeOp op) noexcept {
    return op == CodeOp::jump_if_zero || op == CodeOp::jump_unless_zero;
  }
  static bool stores(CodeOp op) noexcept { return op == CodeOp::store || op == CodeOp::rmw; }
  static bool loads(CodeOp op) noexcept { return op == CodeOp::load || op == CodeOp::rmw; }
  static std::size_t end_of(const Instruction& jump) noexcept {
    return jump.join != 0 ? jump.join : static_cast<std::size_t>(jump.number);
  }

  // What others see comes from a value that was loaded.
  [[nodiscard]] bool uses_loaded() const {
    for (std::size_t at = 0; at < code_.instructions.size(); ++at) {
      const Instruction& each = code_.instructions[at];
      if (each.op < CodeOp::load && !is_conditional_jump(each.op)) continue;
      for (const Slot slot : {each.a, each.b, each.c})
        if (uses(each, slot) && !is_constant(slot, at)) return true;
    }
    return false;
  }
  // A slot that is no register is set in the same statement.
  [[nodiscard]] bool is_constant(Slot slot, std::size_t at) const {
    if (slot < code_.registers.size())
      return std::ranges::none_of(code_.instructions, [&](const Instruction& each) {
        return sets(each) && each.to == slot;
      });
    while (at-- > 0)
      if (has_result(code_.instructions[at]) && code_.instructions[at].to == slot)
        return code_.instructions[at].op == CodeOp::constant;
    return true;
  }

  // Something of what is done between is left behind.
  [[nodiscard]] bool leaves(std::size_t jump, std::size_t end) const {
    for (std::size_t at = jump + 1; at < end; ++at) {
      const Instruction& each = code_.instructions[at];
      if (stores(each.op) && read_back(each, end)) return true;
      if (code_.instructions[jump].join != 0 && sets(each) && used(each.to, end)) return true;
    }
    return false;
  }

  static bool has_result(const Instruction& each) noexcept {
    return each.op < CodeOp::jump || loads(each.op) || each.op == CodeOp::spin_trylock ||
           each.op == CodeOp::spin_is_locked;
  }
  // A register; other slots are of one statement.
  [[nodiscard]] bool sets(const Instruction& each) const noexcept {
    return has_result(each) && each.to < code_.registers.size();
  }
  [[nodiscard]] bool used(Slot slot, std::size_t from) const {
    return std::any_of(code_.instructions.begin() + static_cast<std::ptrdiff_t>(from),
                       code_.instructions.end(),
                       [&](const Instruction& each) { return uses(each, slot); });
  }
  static bool uses(const Instruction& each, Slot slot) noexcept {
    const bool none = each.op == CodeOp::constant || each.op == CodeOp::jump ||
                      each.op == CodeOp::fence || each.op >= CodeOp::rcu_read_lock;
    const bool two = (each.op >= CodeOp::add && each.op <= CodeOp::logical_or) || stores(each.op);
    return !none && (each.a == slot || (two && each.b == slot) ||
                     (each.op == CodeOp::rmw && each.c == slot));
  }

  // A pointer that is always the same.
  [[nodiscard]] bool is_fixed(Slot slot) const {
    return is_pointer(code_.initial[slot], locations_) &&
           std::ranges::none_of(code_.instructions, [&](const Instruction& each) {
             return sets(each) && each.to == slot;
           });
  }
  [[nodiscard]] bool read_back(const Instruction& store, std::size_t from) const {
    return std::any_of(
        code_.instructions.begin() + static_cast<std::ptrdiff_t>(from), code_.instructions.end(),
        [&](const Instruction& each) { return loads(each.op) && may_be_one(store.a, each.a); });
  }
  [[nodiscard]] bool may_be_one(Slot a, Slot b) const {
    return !is_fixed(a) || !is_fixed(b) || code_.initial[a] == code_.initial[b];
  }

  const LitmusCode& code_;
  std::size_t locations_;
};

}  // namespace

bool has_hidden_flow(const LitmusProgram& program, std::size_t process) {
  return Flows(program, process).any();
}

}  // namespace tlblab
