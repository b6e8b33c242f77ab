// SPDX-License-Identifier: GPL-2.0-or-later
// The file of --events: it appears under its name when it is complete, and not before. Until then
// the lines are in a file beside it that goes away with this object, or with the process.
#pragma once

#include <string>

#include "harness/workload/replay_event.h"

namespace tlblab {

class EventsFile {
 public:
  // Throws UsageError if `path` cannot be written or is `input`, which is being read.
  EventsFile(const std::string& path, const std::string& input);
  EventsFile(const EventsFile&) = delete;
  EventsFile& operator=(const EventsFile&) = delete;
  ~EventsFile();

  void add(const ReplayEvent& event);
  // Throws HostError if a line could not be written; then there is no file.
  void commit();

 private:
  void flush() noexcept;
  void discard() noexcept;

  std::string path_;  // the file itself, symbolic links resolved
  std::string part_;  // what is written to; empty: `path_` is a device or a pipe
  std::string buffer_;
  int fd_ = -1;
  int error_ = 0;  // errno of the first failure
};

}  // namespace tlblab
