// SPDX-License-Identifier: GPL-2.0-or-later
// An output stream on a file descriptor that remembers why a write failed.
#pragma once

#include <array>
#include <ostream>
#include <streambuf>

namespace tlblab {

class FdBuffer final : public std::streambuf {
 public:
  explicit FdBuffer(int fd) noexcept : fd_(fd) {
    setp(bytes_.data(), bytes_.data() + bytes_.size());
  }
  [[nodiscard]] int error() const noexcept { return error_; }  // errno of the first failure, or 0

 protected:
  int overflow(int c) override;
  int sync() override;

 private:
  int fd_;
  int error_ = 0;
  std::array<char, 1 << 14> bytes_{};
};

class FdStream final : public std::ostream {
 public:
  explicit FdStream(int fd) : std::ostream(nullptr), buffer_(fd) { rdbuf(&buffer_); }
  [[nodiscard]] int error() const noexcept { return buffer_.error(); }

 private:
  FdBuffer buffer_;
};

}  // namespace tlblab
