// SPDX-License-Identifier: GPL-2.0-or-later
// How a command ends: exit codes, and what is thrown to get there. what() of each is one line.
#pragma once

#include <stdexcept>

namespace tlblab {

enum ExitCode : int {
  exit_fine = 0,
  exit_violation = 1,  // or, in demo, something came out unlike what was expected
  exit_usage = 2,
  exit_incomplete = 3,  // --require-complete, and a bound was reached first
  exit_host = 4,
  exit_internal = 70,
  exit_interrupted = 130,
};

// The user's mistake: what is wrong, and what to type instead.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// This host cannot: a missing permission or feature, a full disk.
class HostError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace tlblab
