// SPDX-License-Identifier: GPL-2.0-or-later
// Ctrl-C, a broken invariant, and what must not be left behind by either.
#pragma once

#include <atomic>

namespace tlblab {

// SIGINT, SIGTERM and SIGHUP set the flag, a second one ends the process at once with 130. SIGABRT
// (its reason has been printed) ends it with 70. SIGPIPE is ignored: a write then fails.
void catch_signals() noexcept;

// Set by the first of them. Commands poll it.
[[nodiscard]] const std::atomic<bool>& stop_requested() noexcept;

// `path` is removed if a signal ends the process; null: nothing is. The path is copied; one that is
// too long is not remembered.
void remove_when_killed(const char* path) noexcept;

}  // namespace tlblab
