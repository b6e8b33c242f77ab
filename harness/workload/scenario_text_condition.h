// SPDX-License-Identifier: GPL-2.0-or-later
// What a scenario's text asks about the end: registers compared with numbers, joined by && || ! and
// parentheses. herd7's spellings (/\, \/, ~, =) are taken too.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

// Where in a text something stands: line and column, in bytes, from 1. It makes no difference to
// what the text says.
struct TextPlace {
  std::uint64_t line = 0, column = 0;
  friend bool operator==(const TextPlace&, const TextPlace&) noexcept { return true; }
};

inline constexpr unsigned text_registers = 32;  // r0 to r31, of each CPU

// What an access gives that its program does not survive, in place of a value.
inline constexpr std::int64_t value_sigsegv = INT64_MIN;
inline constexpr std::int64_t value_sigbus = INT64_MIN + 1;
inline constexpr std::int64_t value_oom = INT64_MIN + 2;

// In postfix order: a value pushes, an operator takes what was pushed last.
struct ConditionStep {
  enum class Kind : std::uint8_t {
    number,
    reg,
    negate,
    both,
    either,
    equal,
    unequal,
    less,
    less_equal,
    more,
    more_equal,
  };
  Kind kind = Kind::number;
  std::int64_t number = 0;
  unsigned cpu = 0, reg = 0;
  TextPlace place{};
  friend bool operator==(const ConditionStep&, const ConditionStep&) = default;
};

struct TextCondition {
  bool exists = false;  // else it is forbidden
  std::string text;     // in the fixed form
  std::vector<ConditionStep> steps;
  TextPlace place{};
  friend bool operator==(const TextCondition&, const TextCondition&) = default;

  // of(cpu, register) is its value. Takes no memory.
  template <class RegisterValue>
  [[nodiscard]] bool holds(RegisterValue of) const noexcept;
};

struct ConditionLimits {
  static constexpr std::size_t steps = 200;
  static constexpr std::size_t depth = 32;  // of parentheses and !
};

// What is wrong, at which column, and what was expected there.
struct ConditionError {
  std::uint64_t column = 0;
  std::string wrong, expected;
};

// `text` begins at column `from` of the line. Throws ConditionError.
[[nodiscard]] TextCondition parse_condition(std::string_view text, TextPlace from);

namespace detail {

constexpr std::int64_t applied(ConditionStep::Kind kind, std::int64_t a, std::int64_t b) noexcept {
  using enum ConditionStep::Kind;
  switch (kind) {
    case both: return static_cast<std::int64_t>(a != 0 && b != 0);
    case either: return static_cast<std::int64_t>(a != 0 || b != 0);
    case equal: return static_cast<std::int64_t>(a == b);
    case unequal: return static_cast<std::int64_t>(a != b);
    case less: return static_cast<std::int64_t>(a < b);
    case less_equal: return static_cast<std::int64_t>(a <= b);
    case more: return static_cast<std::int64_t>(a > b);
    case more_equal: return static_cast<std::int64_t>(a >= b);
    default: return 0;
  }
}

}  // namespace detail

template <class RegisterValue>
bool TextCondition::holds(RegisterValue of) const noexcept {
  using enum ConditionStep::Kind;
  std::int64_t stack[ConditionLimits::steps + 1]{};
  std::size_t top = 0;
  for (const ConditionStep& step : steps) {
    switch (step.kind) {
      case number: stack[top++] = step.number; break;
      case reg: stack[top++] = of(step.cpu, step.reg); break;
      case negate: stack[top - 1] = static_cast<std::int64_t>(stack[top - 1] == 0); break;
      default:
        --top;
        stack[top - 1] = detail::applied(step.kind, stack[top - 1], stack[top]);
        break;
    }
  }
  return stack[0] != 0;
}

}  // namespace tlblab
