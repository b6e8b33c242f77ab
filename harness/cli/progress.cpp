// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/progress.h"

#include <fmt/format.h>

namespace tlblab {

Progress::~Progress() { clear(); }

void Progress::clear() {
  const std::lock_guard guard(mutex_);
  if (shown_) (err_ << "\r\x1b[K").flush();
  shown_ = false;
}

void Progress::show(std::size_t done, std::size_t of) {
  const double percent =
      of == 0 ? 100 : 100.0 * static_cast<double>(done) / static_cast<double>(of);
  if (on_) show(fmt::format("{} of {} ({:.0f} %)", done, of, percent));
}

void Progress::show(const std::string& words) {
  if (!on_) return;
  const std::lock_guard guard(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  shown_ = true;
  (err_ << fmt::format("\r\x1b[K{}: {}", what_, words)).flush();
}

Countdown::Countdown(std::ostream& err, bool on, std::string what, double seconds)
    : progress_(err, on, std::move(what)) {
  if (!on) return;
  thread_ = std::thread([this, seconds] {
    const auto began = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, std::chrono::milliseconds(200), [this] { return over_; })) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
      progress_.show(static_cast<std::size_t>(passed.count()), static_cast<std::size_t>(seconds));
    }
  });
}

Countdown::~Countdown() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard guard(mutex_);
    over_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

}  // namespace tlblab
