// SPDX-License-Identifier: GPL-2.0-or-later
// What the oracles found: the first few in words, all of them counted. Any thread may report.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "harness/trace.h"

namespace tlblab {

class ViolationLog {
 public:
  static constexpr std::size_t examples_kept = 16;

  // Called after each report, on the CPU that made it: a run may want to end. Not during a run.
  void call_on_report(std::function<void()> action) { on_report_ = std::move(action); }

  // Only kinds that counts() says yes to are reported. Not during a run.
  void count_only(std::function<bool(std::string_view kind)> counts) {
    counts_ = std::move(counts);
  }

  // text(): one line; asked for only if the line is kept.
  template <class Text>
  void report(std::string_view kind, Text text) noexcept {
    if (counts_ && !counts_(kind)) return;
    if (total_.fetch_add(1, std::memory_order_relaxed) < examples_kept) keep(kind, text());
    if (on_report_) on_report_();
  }
  [[nodiscard]] std::uint64_t total() const noexcept {
    return total_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::vector<Violation> examples() const;
  void reset() noexcept;

 private:
  void keep(std::string_view kind, std::string text) noexcept;

  std::function<void()> on_report_;
  std::function<bool(std::string_view)> counts_;
  std::atomic<std::uint64_t> total_{0};
  mutable std::mutex mutex_;
  std::vector<Violation> examples_;
};

}  // namespace tlblab
