// SPDX-License-Identifier: GPL-2.0-or-later
// Recursive descent; binds loosest first: || && ! comparison.
#include "harness/workload/scenario_text_condition.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "harness/workload/scenario_text_words.h"

namespace tlblab {
namespace {

using Kind = ConditionStep::Kind;

struct Operator {
  std::string_view text;  // as typed
  Kind kind;
  std::string_view fixed;  // as printed
};
// Longer ones before those that they begin with.
constexpr auto comparisons = std::to_array<Operator>({{"==", Kind::equal, "=="},
                                                      {"!=", Kind::unequal, "!="},
                                                      {"<=", Kind::less_equal, "<="},
                                                      {">=", Kind::more_equal, ">="},
                                                      {"<", Kind::less, "<"},
                                                      {">", Kind::more, ">"},
                                                      {"=", Kind::equal, "=="}});
constexpr auto ands =
    std::to_array<Operator>({{"&&", Kind::both, "&&"}, {"/\\", Kind::both, "&&"}});
constexpr auto ors =
    std::to_array<Operator>({{"||", Kind::either, "||"}, {"\\/", Kind::either, "||"}});
constexpr auto nots = std::to_array<Operator>({{"!", Kind::negate, "!"}, {"~", Kind::negate, "!"}});

struct NamedValue {
  std::string_view name;
  std::int64_t value;
};
// errno by its names on Linux; calls return it negated.
constexpr auto named_values = std::to_array<NamedValue>({{"sigsegv", value_sigsegv},
                                                         {"sigbus", value_sigbus},
                                                         {"oom", value_oom},
                                                         {"-ENOENT", -2},
                                                         {"-EAGAIN", -11},
                                                         {"-ENOMEM", -12},
                                                         {"-EFAULT", -14},
                                                         {"-EBUSY", -16},
                                                         {"-EEXIST", -17},
                                                         {"-EINVAL", -22}});

constexpr bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::optional<std::int64_t> value_from(std::string_view word) noexcept {
  const auto* named = std::ranges::find(named_values, word, &NamedValue::name);
  if (named != named_values.end()) return named->value;
  const bool negative = word.starts_with('-');
  const auto number = number_from(negative ? word.substr(1) : word);
  if (!number || *number > INT64_MAX) return std::nullopt;
  const auto value = static_cast<std::int64_t>(*number);
  return negative ? -value : value;
}

class Parser {
 public:
  Parser(std::string_view text, TextPlace from) : text_(text), from_(from) {}

  TextCondition run() {
    take_either(0);
    skip_blanks();
    if (at_ != text_.size()) fail(fmt::format("'{}' is too much", here()), "&&, || or the end");
    made_.place = from_;
    return std::move(made_);
  }

 private:
  [[noreturn]] void fail(std::string wrong, std::string expected) const {
    throw ConditionError{from_.column + at_, std::move(wrong), std::move(expected)};
  }
  [[nodiscard]] std::string here() const {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != ' ') ++end;
    return shown(text_.substr(at_, end - at_));
  }
  void skip_blanks() noexcept {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  [[nodiscard]] std::string found() const {
    return at_ == text_.size() ? "the line ends here" : fmt::format("'{}'", here());
  }

  // The operator that comes next, if it is one of these.
  std::optional<Operator> take(std::span<const Operator> those) {
    skip_blanks();
    for (const Operator& one : those) {
      if (!text_.substr(at_).starts_with(one.text)) continue;
      at_ += one.text.size();
      return one;
    }
    return std::nullopt;
  }
  void push(ConditionStep step) {
    if (made_.steps.size() == ConditionLimits::steps)
      fail("the condition is too long", fmt::format("at most {} parts", ConditionLimits::steps));
    step.place = {from_.line, from_.column + at_};
    made_.steps.push_back(step);
  }
  void say(std::string_view word) {
    const bool tight =
        made_.text.empty() || made_.text.ends_with('(') || made_.text.ends_with('!') || word == ")";
    if (!tight) made_.text += ' ';
    made_.text += word;
  }

  void take_either(std::size_t depth) {
    take_both(depth);
    while (const auto one = take(ors)) {
      say(one->fixed);
      take_both(depth);
      push({.kind = one->kind});
    }
  }
  void take_both(std::size_t depth) {
    take_unary(depth);
    while (const auto one = take(ands)) {
      say(one->fixed);
      take_unary(depth);
      push({.kind = one->kind});
    }
  }
  void take_unary(std::size_t depth) {
    skip_blanks();
    if (depth > ConditionLimits::depth)
      fail("the condition is too deep", fmt::format("at most {} levels", ConditionLimits::depth));
    if (const auto one = take(nots)) {
      say(one->fixed);
      take_unary(depth + 1);
      return push({.kind = one->kind});
    }
    if (!text_.substr(at_).starts_with('(')) return take_comparison();
    ++at_;
    say("(");
    take_either(depth + 1);
    skip_blanks();
    if (!text_.substr(at_).starts_with(')')) fail(found(), "&&, || or )");
    ++at_;
    say(")");
  }
  void take_comparison() {
    take_operand();
    const auto one = take(comparisons);
    if (!one) fail(found(), "one of == != < <= > >=");
    say(one->fixed);
    take_operand();
    push({.kind = one->kind});
  }

  void take_operand() {
    skip_blanks();
    std::size_t end = at_ + (text_.substr(at_).starts_with('-') ? 1 : 0);
    while (end < text_.size() && is_word(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (end < text_.size() && text_[end] == ':') return take_register(word, end);
    const auto value = value_from(word);
    if (!value)
      fail(found(),
           "a register as in P1:r0, a number, sigsegv, sigbus, oom or -EINVAL and the like");
    push({.kind = Kind::number, .number = *value});
    say(word);
    at_ = end;
  }
  void take_register(std::string_view cpu, std::size_t colon) {
    std::size_t end = colon + 1;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const std::string_view name = text_.substr(colon + 1, end - colon - 1);
    const auto number = index_from(cpu, 'P');
    if (!number) fail(fmt::format("'{}' is no CPU", shown(cpu)), "P0, P1, ...");
    const auto index = index_from(name, 'r');
    if (!index || *index >= text_registers) {
      at_ = colon + 1;
      fail(fmt::format("'{}' is no register", shown(name)),
           fmt::format("r0 to r{}", text_registers - 1));
    }
    push({.kind = Kind::reg, .cpu = *number, .reg = *index});
    say(text_.substr(at_, end - at_));
    at_ = end;
  }

  std::string_view text_;
  TextPlace from_;
  std::size_t at_ = 0;
  TextCondition made_;
};

}  // namespace

TextCondition parse_condition(std::string_view text, TextPlace from) {
  return Parser(text, from).run();
}

}  // namespace tlblab
