// SPDX-License-Identifier: GPL-2.0-or-later
// A schedule as text, short enough to be mailed and edited by hand:
//
//   v1 a7 b12 a.irq a3 c:2 b.rcu b4
//   v1 madvise-parallel-2017 x86 : a7 b12
//
//   a7      CPU a (0) makes 7 visible steps; b is CPU 1, and so on
//   a.irq   the interrupt that waits for CPU a comes; the handler's steps are CPU a's
//   a.rcu   the RCU callbacks that wait on CPU a run; their steps are CPU a's too
//   a.walk  the hardware of CPU a walks the tables ahead of any access, and fills its TLB
//   a.evict the hardware of CPU a drops an entry of its TLB; for which address comes behind, as a:0
//   a.arrive  an invalidate of another CPU reaches CPU a before it is waited for; the same
//   c:2     the hardware of CPU c, asked to choose, says 2. Under a weak memory model it chooses what
//           a read sees, or behind which write its own lies: 0 is the newest that may be, 1 the one
//           before it, and so on. It is asked only if there are several.
//
// Words between v1 and a colon that stands alone are the header: what was run, which this file
// does not interpret. Words are separated by any white space.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "harness/world/explore/chooser.h"

namespace tlblab {

struct Schedule {
  std::vector<std::string> header;
  std::vector<ScheduleStep> steps;
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

// What is wrong, where, and what was expected instead, in one line.
class ScheduleError : public std::runtime_error {
 public:
  ScheduleError(std::size_t column, const std::string& what);
  [[nodiscard]] std::size_t column() const noexcept { return column_; }  // from 1, in bytes

 private:
  std::size_t column_;
};

// More steps than this are not taken from a text: a typing error could ask for all memory.
inline constexpr std::size_t max_parsed_steps = std::size_t{1} << 24;

[[nodiscard]] std::string print_steps(std::span<const ScheduleStep> steps);
[[nodiscard]] std::string print_schedule(const Schedule& schedule);
// Throws ScheduleError.
[[nodiscard]] Schedule parse_schedule(std::string_view text);

}  // namespace tlblab
