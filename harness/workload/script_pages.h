// SPDX-License-Identifier: GPL-2.0-or-later
// Address spaces as they are seen, put into the words of the measured data:
//
//   [0, 8, "r--p P w2 anon excl same"], [8, 56, "rw-p -"]
//
// Protection, present or not, who wrote the page last, flags, and whether its frame is the one that
// it had at the last look.
#pragma once

#include <vector>

#include "harness/workload/script_report.h"
#include "harness/workload/script_target.h"

namespace tlblab {

// Looks at one address space again and again.
class PageBook {
 public:
  [[nodiscard]] ScriptSpaceReport note(const std::vector<ScriptArea>& areas, SpaceSeen seen);
  [[nodiscard]] const SpaceSeen& last() const noexcept { return last_; }

 private:
  SpaceSeen last_;
};

// "zero", "file", "w7".
[[nodiscard]] std::string value_name(std::uint64_t word);

// "A+5": the last area of the list that does not begin above the address.
[[nodiscard]] std::string place_name(const std::vector<ScriptArea>& areas, vaddr_t address);

// Appends to runs, or makes the last one longer.
void add_run(std::vector<PageRun>& runs,
             std::uint64_t offset,
             std::uint64_t count,
             std::string state);

}  // namespace tlblab
