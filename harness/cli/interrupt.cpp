// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/interrupt.h"

#include <array>
#include <climits>
#include <csignal>
#include <cstring>

#include <unistd.h>

#include "harness/cli/errors.h"

namespace tlblab {
namespace {

std::atomic<bool> stop{false};
std::array<char, PATH_MAX> doomed{};
// Release in remove_when_killed(), acquire here: the handler may run on any thread.
std::atomic<bool> anything_doomed{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a handler touches them

[[noreturn]] void end_at_once(int code) noexcept {
  if (anything_doomed.load(std::memory_order_acquire)) unlink(doomed.data());
  _exit(code);
}

extern "C" void on_interrupt(int) {
  if (stop.exchange(true)) end_at_once(exit_interrupted);
}
extern "C" void on_abort(int) { end_at_once(exit_internal); }

void handle(int signal, void (*handler)(int), int flags) noexcept {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void catch_signals() noexcept {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle(signal, on_interrupt, SA_RESTART);
  handle(SIGABRT, on_abort, 0);
  handle(SIGPIPE, SIG_IGN, 0);
}

const std::atomic<bool>& stop_requested() noexcept { return stop; }

void remove_when_killed(const char* path) noexcept {
  anything_doomed.store(false, std::memory_order_release);
  if (path == nullptr || std::strlen(path) >= doomed.size()) return;
  std::strcpy(doomed.data(), path);
  anything_doomed.store(true, std::memory_order_release);
}

}  // namespace tlblab
