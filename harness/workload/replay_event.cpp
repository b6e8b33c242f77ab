// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/replay_event.h"

#include <iterator>

#include <fmt/format.h>

namespace tlblab {

std::string_view reason_name(FlushReason reason) noexcept {
  switch (reason) {
    case FlushReason::task_switch: return "task_switch";
    case FlushReason::remote_shootdown: return "remote_shootdown";
    case FlushReason::local_shootdown: return "local_shootdown";
    case FlushReason::local_mm_shootdown: return "local_mm_shootdown";
    case FlushReason::remote_send_ipi: return "remote_send_ipi";
    case FlushReason::remote_wrong_cpu: return "remote_wrong_cpu";
  }
  return "unknown";
}

// Kinds are made of letters, digits and underscores: nothing here needs escaping.
void append_event_line(std::string& out, const ReplayEvent& event) {
  const auto end = std::back_inserter(out);
  fmt::format_to(end, R"({{"line":{},"kind":"{}","known":{},"predicted":[)", event.line, event.kind,
                 event.known);
  bool first = true;
  for (const FlushRecord& flush : event.predicted) {
    if (flush.reason != FlushReason::local_mm_shootdown) continue;
    fmt::format_to(end, R"({}{{"reason":"{}","pages":{}}})", first ? "" : ",",
                   reason_name(flush.reason), flush.pages);
    first = false;
  }
  out += "]}\n";
}

EventQueue::Ticket EventQueue::open(std::uint32_t line, std::size_t record, std::string_view kind) {
  entries_.push_back({{.line = line, .record = record, .kind = kind, .predicted = {}}});
  return handed_out_ + entries_.size() - 1;
}

void EventQueue::close(Ticket ticket) {
  at(ticket).finished = true;
  abandon(ticket);
}

void EventQueue::abandon(Ticket ticket) {
  entries_[ticket - handed_out_].closed = true;
  hand_out();
}

void EventQueue::abandon_all() {
  for (Slot& slot : entries_) slot.closed = true;
  hand_out();
}

void EventQueue::hand_out() {
  for (; !entries_.empty() && entries_.front().closed; ++handed_out_) {
    sink_(entries_.front());
    entries_.pop_front();
  }
}

}  // namespace tlblab
