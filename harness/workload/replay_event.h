// SPDX-License-Identifier: GPL-2.0-or-later
// One operation of a recording as it was replayed: what the target flushed beside what the kernel
// flushed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/workload/replay_target.h"

namespace tlblab {

struct ReplayEvent {
  std::uint32_t line = 0;  // of the sys_enter, the fault, or the fork, exec or exit
  std::string_view kind;
  bool known = false;     // the prediction can be held to the recording (knowledge.h)
  bool finished = false;  // a call whose exit was not recorded is not compared
  std::span<const FlushRecord> predicted;
  std::span<const std::int64_t> recorded;  // pages of each `local MM shootdown`
};

// The kernel's name of a reason, in one word: "local_mm_shootdown".
[[nodiscard]] std::string_view reason_name(FlushReason reason) noexcept;

// Appends the event as a line of JSON: line, kind, known, predicted. Only local_mm_shootdown is
// told, as only that is the same on any number of CPUs.
void append_event_line(std::string& out, const ReplayEvent& event);

// Puts operations back into the order of their lines: a call is known by its first line and decided
// at its last, and other threads' operations stand between.
class EventQueue {
 public:
  using Ticket = std::size_t;
  struct Entry {
    std::uint32_t line = 0;
    std::size_t record = 0;
    std::string_view kind;
    bool known = false;
    bool finished = false;
    std::vector<FlushRecord> predicted;
  };

  explicit EventQueue(std::function<void(const Entry&)> sink) : sink_(std::move(sink)) {}

  // REQUIRES: lines ascend.
  [[nodiscard]] Ticket open(std::uint32_t line, std::size_t record, std::string_view kind);
  [[nodiscard]] Entry& at(Ticket ticket) { return entries_[ticket - handed_out_]; }
  void close(Ticket ticket);    // the entry is complete
  void abandon(Ticket ticket);  // it will not be
  void abandon_all();

 private:
  struct Slot : Entry {
    bool closed = false;
  };
  void hand_out();

  std::function<void(const Entry&)> sink_;
  std::deque<Slot> entries_;
  std::size_t handed_out_ = 0;
};

}  // namespace tlblab
