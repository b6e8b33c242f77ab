// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/events_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "harness/cli/errors.h"
#include "harness/cli/interrupt.h"

namespace tlblab {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t buffer_size = std::size_t{1} << 16;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw UsageError(fmt::format(
      "--events {}: {}; type the name of a file in a folder that you may write to", path, why));
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

EventsFile::EventsFile(const std::string& path, const std::string& input) : path_(path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (path.empty()) refuse("''", "that is no name");
  if (fs::is_directory(status)) refuse(path, "that is a directory");
  if (fs::equivalent(path, input, ignored)) refuse(path, "that is the recording itself");
  if (fs::exists(status) && access(path.c_str(), W_OK) != 0) refuse(path, reason(errno));
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fd_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    if (fs::exists(status)) path_ = fs::canonical(path, ignored).string();
    part_ = fmt::format("{}.part-{}", path_, getpid());
    fd_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (fd_ < 0) {
    part_.clear();
    refuse(path, reason(errno));
  }
  remove_when_killed(part_.empty() ? nullptr : part_.c_str());
}

EventsFile::~EventsFile() { discard(); }

void EventsFile::add(const ReplayEvent& event) {
  append_event_line(buffer_, event);
  if (buffer_.size() >= buffer_size) flush();
}

void EventsFile::flush() noexcept {
  std::size_t at = 0;
  while (at < buffer_.size() && error_ == 0) {
    const ssize_t written = write(fd_, buffer_.data() + at, buffer_.size() - at);
    if (written >= 0)
      at += static_cast<std::size_t>(written);
    else if (errno != EINTR)
      error_ = errno;
  }
  buffer_.clear();
}

void EventsFile::commit() {
  flush();
  if (close(std::exchange(fd_, -1)) != 0 && error_ == 0) error_ = errno;
  if (error_ == 0 && !part_.empty() && std::rename(part_.c_str(), path_.c_str()) != 0)
    error_ = errno;
  if (error_ != 0)
    throw HostError(
        fmt::format("--events {}: {}; there is no such file now", path_, reason(error_)));
  part_.clear();
  remove_when_killed(nullptr);
}

void EventsFile::discard() noexcept {
  if (fd_ >= 0) close(fd_);
  if (!part_.empty()) unlink(part_.c_str());
  remove_when_killed(nullptr);
}

}  // namespace tlblab
