// SPDX-License-Identifier: GPL-2.0-or-later
// What came of a script: after every operation its result, its flushes and faults, and the state of
// every page, in the words of the measured data.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "harness/workload/script.h"
#include "harness/workload/script_target.h"

namespace tlblab {

// `count` pages from `offset` of an area on, all in this state.
struct PageRun {
  std::uint64_t offset = 0, count = 0;
  std::string state;
  friend bool operator==(const PageRun&, const PageRun&) = default;
};
// By area, in order of the script; unmapped pages are left out.
using PagesByArea = std::vector<std::pair<std::string, std::vector<PageRun>>>;

struct ScriptSpaceReport {
  PagesByArea pages;
  std::vector<std::string> vmas;  // "A+0:64:rw-p"
};

struct ScriptOpReport {
  std::string op;
  int ret = 0;         // 0 or -1
  std::string error;   // "EINVAL"; empty: none
  std::string signal;  // "SIGSEGV/BUS at A+0"; empty: none
  std::uint64_t write_faults = 0, read_faults = 0, kernel_faults = 0;
  std::vector<ScriptFlush> flushes;
  ScriptSpaceReport space;
  bool has_child = false;
  ScriptSpaceReport child;
};

struct ScriptReport {
  std::vector<ScriptOpReport> ops;
  PagesByArea final_read;
  bool interrupted = false;
};

}  // namespace tlblab
