// SPDX-License-Identifier: GPL-2.0-or-later
// A line is `COMM PID/TID [CPU] SEC.FRACTION: EVENT: FIELDS`. COMM may hold anything, blanks,
// slashes and brackets included; so the line is anchored at the first `[` that has the rest of that
// shape on both sides of it.
#include "harness/workload/perf_script.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "harness/workload/input_error.h"
#include "harness/workload/numbers.h"
#include "harness/workload/perf_fields.h"
#include "harness/workload/text_source.h"

namespace tlblab {
namespace {

constexpr std::string_view line_shape = "COMM PID/TID [CPU] SECONDS.FRACTION: GROUP:EVENT: FIELDS";
constexpr std::string_view blanks = " \t";

struct Head {
  std::string_view comm, event, fields;
  std::uint64_t time_ns = 0;
  std::int64_t pid = 0, tid = 0;  // -1 where perf knows none
  std::uint16_t cpu = 0;
};

void trim_left(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
}
void trim_right(std::string_view& text) {
  text.remove_suffix(text.size() - (text.find_last_not_of(blanks) + 1));
}

// `COMM PID/TID` and the blanks around them.
bool read_who(std::string_view text, Head& head) {
  if (text.empty() || blanks.find(text.back()) == std::string_view::npos) return false;
  trim_right(text);
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos || !read_decimal(text.substr(slash + 1), head.tid))
    return false;
  text = text.substr(0, slash);
  const std::size_t blank = text.find_last_of(blanks);
  if (blank == std::string_view::npos || !read_decimal(text.substr(blank + 1), head.pid))
    return false;
  head.comm = text.substr(0, blank);
  trim_right(head.comm);
  trim_left(head.comm);
  return !head.comm.empty();
}

// `SECONDS.FRACTION`, the fraction with one to nine digits.
bool read_time(std::string_view text, std::uint64_t& ns) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view digits = text.substr(dot + 1);
  std::uint32_t seconds = 0, fraction = 0;
  if (digits.size() > 9 || !read_decimal(text.substr(0, dot), seconds) ||
      !read_decimal(digits, fraction))
    return false;
  ns = fraction;
  for (std::size_t digit = digits.size(); digit < 9; ++digit) ns *= 10;
  ns += seconds * std::uint64_t{1'000'000'000};
  return true;
}

// `GROUP:EVENT: FIELDS`, or perf's own `PERF_RECORD_NAME FIELDS`.
bool read_event(std::string_view text, Head& head) {
  trim_left(text);
  const std::size_t end = std::min(text.find_first_of(blanks), text.size());
  head.event = text.substr(0, end);
  head.fields = text.substr(end);
  trim_left(head.fields);
  trim_right(head.fields);
  if (head.event.starts_with("PERF_RECORD_")) return true;
  if (head.event.size() < 2 || head.event.back() != ':') return false;
  head.event.remove_suffix(1);
  return std::ranges::all_of(head.event, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':' || c == '-';
  });
}

// Tries the `[` at `at`.
bool read_head_at(std::string_view line, std::size_t at, Head& head) {
  const std::size_t close = line.find(']', at);
  if (close == std::string_view::npos) return false;
  if (!read_decimal(line.substr(at + 1, close - at - 1), head.cpu)) return false;
  std::string_view rest = line.substr(close + 1);
  if (rest.empty() || blanks.find(rest.front()) == std::string_view::npos) return false;
  trim_left(rest);
  const std::size_t colon = rest.find(':');
  return colon != std::string_view::npos && read_time(rest.substr(0, colon), head.time_ns) &&
         read_event(rest.substr(colon + 1), head) && read_who(line.substr(0, at), head);
}

bool read_head(std::string_view line, Head& head) {
  for (std::size_t at = line.find('['); at != std::string_view::npos; at = line.find('[', at + 1))
    if (read_head_at(line, at, head)) return true;
  return false;
}

class Reader {
 public:
  explicit Reader(TextSource source) : source_(std::move(source)) {
    recording_.name = source_.name();
  }

  Recording run() {
    std::string_view line;
    while (source_.next_line(line)) read_line(line);
    recording_.lines = source_.line_number();
    note_cpus();
    return std::move(recording_);
  }

 private:
  [[noreturn]] void fail(std::string_view wrong, std::string_view expected) const {
    throw InputError(source_.name(), source_.line_number(), wrong, expected);
  }

  void read_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(blanks) == std::string_view::npos || line.front() == '#') return;
    Head head;
    if (!read_head(line, head)) fail_shape(line);
    if (head.event.starts_with("PERF_RECORD_"))
      read_perf_record(head);
    else
      read_ours(head);
  }

  [[noreturn]] void fail_shape(std::string_view line) const {
    if (source_.line_number() == 1 && line.starts_with("PERFILE"))
      fail("this is what 'perf record' wrote",
           "its text: perf script -i FILE --ns -F "
           "comm,pid,tid,cpu,time,event,trace --show-lost-events");
    fail("the line has not the shape of an event", line_shape);
  }

  // `PERF_RECORD_LOST lost N`. Any other kind is there only if perf was asked for it.
  void read_perf_record(const Head& head) {
    if (!head.event.starts_with("PERF_RECORD_LOST")) {
      count_unknown(head.event);
      return;
    }
    std::uint64_t lost = 0;
    if (!head.fields.empty() &&
        (!head.fields.starts_with("lost ") || !read_decimal(head.fields.substr(5), lost)))
      fail("a loss without a number", "PERF_RECORD_LOST lost NUMBER");
    ++recording_.lost_records;
    recording_.lost_events += lost;
  }

  void read_ours(const Head& head) {
    Record record;
    try {
      if (!read_fields(head.event, head.fields, record)) {
        count_unknown(head.event);
        return;
      }
    } catch (const FieldError& error) {
      fail(error.wrong, error.expected);
    }
    record.time_ns = head.time_ns;
    record.line = narrow<std::uint32_t>(source_.line_number(), "line");
    record.pid = narrow<std::uint32_t>(head.pid, "process");
    record.tid = narrow<std::uint32_t>(head.tid, "thread");
    record.cpu = head.cpu;
    record.comm = comm_id(head.comm);
    recording_.records.push_back(record);
  }

  template <class To, class From>
  To narrow(From value, std::string_view what) const {
    if (!std::in_range<To>(value))
      fail(fmt::format("{} number {} is out of range", what, value), "a number below 2^32");
    return static_cast<To>(value);
  }

  void count_unknown(std::string_view event) {
    const auto found = recording_.unknown_events.find(event);
    if (found != recording_.unknown_events.end())
      ++found->second;
    else
      recording_.unknown_events.emplace(event, 1);
  }

  std::uint32_t comm_id(std::string_view comm) {
    if (!recording_.comms.empty() && recording_.comms[last_comm_] == comm) return last_comm_;
    const auto [entry, fresh] =
        comm_ids_.try_emplace(std::string(comm), static_cast<std::uint32_t>(comm_ids_.size()));
    if (fresh) recording_.comms.emplace_back(comm);
    return last_comm_ = entry->second;
  }

  void note_cpus() {
    std::vector<bool> seen(std::numeric_limits<std::uint16_t>::max() + 1U);
    for (const Record& record : recording_.records) seen[record.cpu] = true;
    for (std::size_t cpu = 0; cpu < seen.size(); ++cpu)
      if (seen[cpu]) recording_.cpus.push_back(static_cast<std::uint16_t>(cpu));
  }

  TextSource source_;
  Recording recording_;
  std::unordered_map<std::string, std::uint32_t> comm_ids_;
  std::uint32_t last_comm_ = 0;
};

}  // namespace

Recording read_perf_script(const std::string& path) {
  return Reader(TextSource::from_file(path)).run();
}

Recording parse_perf_script(std::string_view bytes, std::string name) {
  return Reader(TextSource::from_memory(bytes, std::move(name))).run();
}

std::string_view call_name(Call call) noexcept {
  static constexpr std::string_view names[] = {
      "mmap",          "munmap",          "mprotect", "madvise", "mremap",  "brk",       "execve",
      "pkey_mprotect", "process_madvise", "mlock",    "munlock", "mincore", "membarrier"};
  const auto index = static_cast<std::size_t>(call);
  return index < std::size(names) ? names[index] : "none";
}

}  // namespace tlblab
