// SPDX-License-Identifier: GPL-2.0-or-later
// One line on a terminal that says how far a long command is. Nothing is written elsewhere.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <ostream>
#include <string>
#include <thread>

namespace tlblab {

class Progress {
 public:
  Progress(std::ostream& err, bool on, std::string what)
      : err_(err), on_(on), what_(std::move(what)) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // Of any thread, as often as it likes: at most ten a second are written.
  void show(std::size_t done, std::size_t of);
  void show(const std::string& words);
  // Makes way for something else that is written to the terminal.
  void clear();

 private:
  std::ostream& err_;
  const bool on_;
  const std::string what_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point next_{};
  bool shown_ = false;
};

// Shows how much of a time budget has passed, for what reports nothing itself.
class Countdown {
 public:
  Countdown(std::ostream& err, bool on, std::string what, double seconds);
  Countdown(const Countdown&) = delete;
  Countdown& operator=(const Countdown&) = delete;
  ~Countdown();

 private:
  Progress progress_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace tlblab
