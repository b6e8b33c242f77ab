// SPDX-License-Identifier: GPL-2.0-or-later
// What the executions of a litmus test came to: the set of final states, and how many satisfy the
// proposition.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/explore/litmus/program.h"

namespace tlblab {

// Collects the final states of executions. Each execution is to be added once; of those that the
// test's filter drops nothing is kept.
class LitmusTally {
 public:
  // A state: the values of the first program.shown observables.
  using States = std::set<std::vector<LitmusValue>>;

  // REQUIRES: `final` is a final_state() of this program.
  void add(const LitmusProgram& program, std::vector<LitmusValue> final);
  void merge(const LitmusTally& other);  // of the same program

  [[nodiscard]] const States& states() const noexcept { return states_; }
  // Executions that satisfy the proposition under exists, ~exists or forall, and that do not.
  [[nodiscard]] std::uint64_t positive() const noexcept { return positive_; }
  [[nodiscard]] std::uint64_t negative() const noexcept { return negative_; }
  // "Never", "Sometimes" or "Always": how often the proposition holds.
  [[nodiscard]] std::string_view observation() const noexcept;
  // Whether what the test says (exists, ~exists, forall) is so.
  [[nodiscard]] bool holds(LitmusQuantifier quantifier) const noexcept;

 private:
  States states_;
  std::uint64_t positive_ = 0, negative_ = 0;
};

// Whether the kernel's model, which has load buffering, could have other states (load_buffering.h).
struct LitmusBuffering {
  struct Pair {
    unsigned process = 0;
    std::string read, write;  // locations
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  std::vector<Pair> pairs;  // it may write before it reads
  bool hidden = false;      // and there may be more: hidden_flow.h
  [[nodiscard]] bool is_exact() const noexcept { return pairs.empty() && !hidden; }
};

struct LitmusOutcome {
  LitmusTally tally;
  std::optional<LitmusFault> fault;  // a process followed what is no pointer: no outcome
  bool interrupted = false;          // the tally is of a part of the executions
  std::uint64_t executions = 0, blocked = 0, steps = 0;
  std::optional<LitmusBuffering> buffering{};  // of all executions under the weak model
};

// "x" if it is a pointer to a location, else the number.
[[nodiscard]] std::string value_text(const LitmusProgram& program, LitmusValue value);
// "0:r0=0; 1:r0=1; [x]=1;", as herd7 has it. Empty if nothing is shown.
[[nodiscard]] std::string state_text(const LitmusProgram& program,
                                     const std::vector<LitmusValue>& state);

}  // namespace tlblab
