// SPDX-License-Identifier: GPL-2.0-or-later
// Writes a text, gzipped if its name ends in .gz. The file has its name only when it is whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tlblab {

class TextSink {
 public:
  // Writes to PATH.part-PID until commit(). Throws std::system_error.
  explicit TextSink(std::string path);
  TextSink(const TextSink&) = delete;
  TextSink& operator=(const TextSink&) = delete;
  // Without commit() nothing is left.
  ~TextSink();

  void add(std::string_view text);
  // Throws std::system_error if something could not be written; then nothing is left.
  void commit();

  [[nodiscard]] const std::string& part() const noexcept { return part_; }
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }

 private:
  std::string path_, part_;
  void* file_ = nullptr;  // zlib's
  std::uint64_t lines_ = 0;
  int error_ = 0;
};

}  // namespace tlblab
