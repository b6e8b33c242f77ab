// SPDX-License-Identifier: GPL-2.0-or-later
// A question that the mailing-list threads left open, the searches that bear on it, and how an answer
// follows from what they come to. Nothing of an answer is stored: `expected` is what a change of the port
// must not alter unnoticed.
//
// Evidence has roles: an answer is a function of what all searches of a role came to. So to look at one
// more backend is one more row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

// One search.
struct Evidence {
  std::string_view role;
  std::string_view shows;  // what it is looked at for
  std::string_view scenario, arch;
  std::string_view set{};           // fixes taken away or put into other forms, with commas
  std::string_view memory{};        // sc, tso, weak; empty: the backend's own
  std::uint64_t executions = 2000;  // at most; 0: all, each once
  bool told = false;                // if it finds a violation, that is told step by step
  bool counts = false;              // what its flushes take is of interest; memory is sc then
};

// What a search came to.
struct Finding {
  const Evidence* evidence = nullptr;
  std::string kind{};     // of the violation; empty: none
  bool settled = false;   // a violation, or as many executions as asked for without
  bool complete = false;  // every execution was seen
  std::uint64_t executions = 0;
  std::uint64_t flushes =
      0;  // if they count: interrupts, broadcasts and removals from a hash table
};

class Findings {
 public:
  explicit Findings(std::vector<Finding> all) : all_(std::move(all)) {}

  // Of searches of this role: there is one, and each came to that.
  [[nodiscard]] bool violate(std::string_view role) const;
  [[nodiscard]] bool are_clean(std::string_view role) const;
  [[nodiscard]] bool are_clean_and_complete(std::string_view role) const;
  // The same backends came to the same in both roles, in this order.
  [[nodiscard]] bool are_alike(std::string_view role, std::string_view other) const;

  [[nodiscard]] std::string arches(std::string_view role) const;  // "x86, arm64 and s390"
  [[nodiscard]] std::uint64_t executions(std::string_view role) const;
  // Of an execution, on the average.
  [[nodiscard]] double flushes(std::string_view role) const;

 private:
  [[nodiscard]] std::vector<const Finding*> of(std::string_view role) const;
  std::vector<Finding> all_;
};

enum class Verdict : std::uint8_t { yes, no, depends, unsettled };
[[nodiscard]] std::string_view word_of(Verdict verdict) noexcept;

struct Answer {
  Verdict verdict = Verdict::unsettled;
  std::string text;
};

struct Question {
  unsigned id;
  std::string_view author;  // and the year
  std::string_view thread;
  std::string_view quote;  // his words
  std::string_view asked;  // what is to be found out
  std::span<const Evidence> evidence;
  Answer (*answer)(const Findings& found);
  Verdict expected;
  std::string_view claims;  // about real kernels, and what is not claimed
};

// By id. A question that no evidence bears on yet is not among them.
[[nodiscard]] std::span<const Question> questions();

// The parts of it: a function for each thread.
[[nodiscard]] std::span<const Question> questions_of_thread_000();
[[nodiscard]] std::span<const Question> questions_of_thread_001();
[[nodiscard]] std::span<const Question> questions_of_thread_002();
[[nodiscard]] std::span<const Question> questions_of_thread_003();
[[nodiscard]] std::span<const Question> questions_of_thread_004();

}  // namespace tlblab
