// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a script on a target and writes down what comes of it.
#pragma once

#include <atomic>

#include "harness/workload/script.h"
#include "harness/workload/script_report.h"
#include "harness/workload/script_target.h"

namespace tlblab {

// Throws InputError if the script asks for what is not there: an operation that nobody has written
// yet, or a second thread with only one CPU.
void check_script(const Script& script, unsigned cpus);

// REQUIRES: check_script has let it pass. Throws InputError if the machine's memory is too small
// for it.
[[nodiscard]] ScriptReport run_script(const Script& script,
                                      ScriptTarget& target,
                                      const std::atomic<bool>* stop);

}  // namespace tlblab
