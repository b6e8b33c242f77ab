// SPDX-License-Identifier: GPL-2.0-or-later
// Allocations that fail by rule: what --fail-alloc says, and what a schedule repeats. World-neutral.
//
// A rule is KEY=VALUE,... with no blank in it:
//
//   site=S      of this site only: user_page, page_table, gather_batch, table_batch, object
//   cpu=N       of this simulated CPU only
// and one of these, or every allocation fails:
//   number=N    the N-th that is asked for, from 1; number=N-M: one of these, drawn for each round
//   every=N     the N-th, the 2N-th, ...
//   rate=P      each with this probability, 0 to 1; with seed=N always the same ones, else others in
//               each round, drawn like a number
//
// An allocation fails if any rule says so. Numbers begin anew with each round (one execution of the
// explorer, one round of a scenario, a whole replay); what the machine needs before is not asked.
// Which allocations of a CPU a rate takes does not depend on what other CPUs ask for. On threads the
// order of several CPUs decides which one has a number; under the explorer the schedule does.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mm/types.h"

namespace tlblab {

inline constexpr std::array<std::string_view, 5> alloc_site_names{
    "user_page", "page_table", "gather_batch", "table_batch", "object"};

struct AllocRule {
  enum class When : std::uint8_t { always, number, every, rate };
  std::optional<AllocSite> site;
  std::optional<unsigned> cpu;
  When when = When::always;
  std::uint64_t first = 1, last = 1;  // number
  std::uint64_t every = 1;
  double rate = 0;
  std::optional<std::uint64_t> seed;
  std::string text;  // as it was typed
};

// what(): what is wrong, and what to type.
struct AllocRuleError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
// Throws AllocRuleError.
[[nodiscard]] AllocRule parse_alloc_rule(std::string_view text);

struct AllocCounts {
  struct Site {
    std::uint64_t asked = 0, failed = 0;
  };
  std::array<Site, alloc_site_names.size()> sites{};

  [[nodiscard]] Site all() const noexcept;
  AllocCounts& operator+=(const AllocCounts& other) noexcept;
};

// For a report: what was to fail and what did.
struct AllocReport {
  std::vector<std::string> rules;
  AllocCounts counts;
};

class AllocFailures final : public AllocPolicy {
 public:
  // Draws 0 <= result < n.
  using Draw = std::function<unsigned(unsigned n)>;

  AllocFailures(std::vector<AllocRule> rules, unsigned cpus);

  // Null if there is no rule: then nobody has to ask.
  [[nodiscard]] AllocPolicy* policy() noexcept { return rules_.empty() ? nullptr : this; }
  // A round begins. While not armed nothing fails and nothing is counted. Neither is called while
  // another CPU may allocate.
  void arm(const Draw& draw);
  void disarm() noexcept { armed_.store(false, std::memory_order_release); }
  // Goes on where disarm() ended the round.
  // Release: the numbers before the switch; pairs with the acquire in fails().
  void arm_again() noexcept { armed_.store(!rules_.empty(), std::memory_order_release); }

  bool fails(AllocSite site, unsigned cpu) noexcept override;
  // Of all rounds. Exact only while no CPU runs.
  [[nodiscard]] AllocCounts counts() const noexcept;
  [[nodiscard]] AllocReport report() const;

 private:
  struct Rule {
    AllocRule say;
    std::uint64_t number = 0, seed = 0;  // of this round
    std::atomic<std::uint64_t> asked{0};
  };
  struct alignas(128) PerCpu {
    AllocCounts counts;
    std::uint64_t drawn = 0;
  };
  static bool says(Rule& rule, AllocSite site, unsigned cpu, PerCpu& mine) noexcept;

  std::vector<std::unique_ptr<Rule>> rules_;
  std::vector<PerCpu> cpus_;
  std::atomic<bool> armed_{false};
};

}  // namespace tlblab
