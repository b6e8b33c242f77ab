// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/schedule.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tlblab {

namespace {

constexpr std::string_view version = "v1";
constexpr std::string_view end_of_header = ":";
constexpr std::string_view space = " \t\r\n";
constexpr char first_letter = 'a';
constexpr char last_letter = first_letter + max_explored_cpus - 1;

std::string quoted(std::string_view word) { return "'" + std::string(word) + "'"; }

// ---- printing -----------------------------------------------------------------------------------

char letter_of(const ScheduleStep& step) {
  return static_cast<char>(first_letter + cpu_of_actor(step.actor));
}

bool runs(const ScheduleStep& step) {
  return !step.hardware && kind_of_actor(step.actor) == ActorKind::cpu;
}

// What follows the letter of the CPU, if somebody else moves there.
struct KindWord {
  std::string_view word;
  ActorKind kind;
};
constexpr std::array<KindWord, actor_kinds - 1> kind_words{{{".irq", ActorKind::irq},
                                                            {".rcu", ActorKind::rcu},
                                                            {".walk", ActorKind::walker},
                                                            {".evict", ActorKind::evict},
                                                            {".arrive", ActorKind::arrive}}};

// ---- parsing ------------------------------------------------------------------------------------

struct Word {
  std::string_view text;
  std::size_t column;
};

std::vector<Word> split(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t at = text.find_first_not_of(space); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(space, at), text.size());
    words.push_back({text.substr(at, end - at), at + 1});
    at = text.find_first_not_of(space, end);
  }
  return words;
}

// The number that is all of `digits`, at most `limit`.
unsigned long number(const Word& word,
                     std::size_t offset,
                     unsigned long least,
                     unsigned long most,
                     const char* meaning) {
  const std::string_view digits = word.text.substr(offset);
  unsigned long value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const auto read = static_cast<std::size_t>(end - digits.data());
  const bool out_of_range =
      error == std::errc::result_out_of_range || value < least || value > most;
  if (digits.empty() || read == 0 || (error == std::errc() && read != digits.size()))
    throw ScheduleError(word.column + offset + read,
                        quoted(word.text) + " is no step; expected " + meaning);
  if (out_of_range)
    throw ScheduleError(word.column + offset, quoted(digits) + " is out of range; expected " +
                                                  std::to_string(least) + " to " +
                                                  std::to_string(most));
  return value;
}

void parse_step(const Word& word, std::vector<ScheduleStep>& steps) {
  constexpr const char* forms =
      "a7 (steps), a:2 (a choice), a.irq, a.rcu, a.walk, a.evict or a.arrive";
  const char letter = word.text.front();
  if (letter < first_letter || letter > last_letter)
    throw ScheduleError(word.column, quoted(word.text) + " names no CPU; expected a letter from " +
                                         first_letter + " to " + last_letter);
  const auto cpu = static_cast<unsigned>(letter - first_letter);
  const std::string_view rest = word.text.substr(1);
  const auto single = [&](ActorKind kind, bool hardware, unsigned long value) {
    steps.push_back({static_cast<std::uint8_t>(actor_of(kind, cpu)), hardware,
                     static_cast<std::uint16_t>(value)});
  };
  const auto other = std::ranges::find(kind_words, rest, &KindWord::word);
  if (other != kind_words.end()) return single(other->kind, false, 0);
  if (rest.starts_with(':'))
    return single(ActorKind::cpu, true, number(word, 2, 0, max_hardware_choices - 1, forms));
  const unsigned long count = number(word, 1, 1, max_parsed_steps, forms);
  if (count > max_parsed_steps - std::min(steps.size(), max_parsed_steps))
    throw ScheduleError(word.column, "more than " + std::to_string(max_parsed_steps) +
                                         " steps; expected a shorter schedule");
  steps.insert(steps.end(), count, {static_cast<std::uint8_t>(cpu), false, 0});
}

}  // namespace

ScheduleError::ScheduleError(std::size_t column, const std::string& what)
    : std::runtime_error("schedule, column " + std::to_string(column) + ": " + what),
      column_(column) {}

std::string print_steps(std::span<const ScheduleStep> steps) {
  std::string text;
  for (std::size_t at = 0; at < steps.size();) {
    const ScheduleStep& step = steps[at];
    if (!text.empty()) text += ' ';
    text += letter_of(step);
    std::size_t count = 1;
    if (step.hardware) {
      text += ':' + std::to_string(step.value);
    } else if (!runs(step)) {
      text += std::ranges::find(kind_words, kind_of_actor(step.actor), &KindWord::kind)->word;
    } else {
      while (at + count < steps.size() && steps[at + count] == step) ++count;
      text += std::to_string(count);
    }
    at += count;
  }
  return text;
}

std::string print_schedule(const Schedule& schedule) {
  std::string text(version);
  for (const std::string& word : schedule.header) text += ' ' + word;
  if (!schedule.header.empty()) text += ' ' + std::string(end_of_header);
  if (!schedule.steps.empty()) text += ' ' + print_steps(schedule.steps);
  return text;
}

Schedule parse_schedule(std::string_view text) {
  const std::vector<Word> words = split(text);
  if (words.empty()) throw ScheduleError(1, "nothing there; expected v1 and steps");
  if (words.front().text != version)
    throw ScheduleError(words.front().column,
                        quoted(words.front().text) + " is no version of schedules; expected v1");
  Schedule schedule;
  auto word = words.begin() + 1;
  const auto colon =
      std::find_if(word, words.end(), [](const Word& w) { return w.text == end_of_header; });
  if (colon != words.end()) {
    for (; word != colon; ++word) schedule.header.emplace_back(word->text);
    ++word;
  }
  for (; word != words.end(); ++word) parse_step(*word, schedule.steps);
  return schedule;
}

}  // namespace tlblab
