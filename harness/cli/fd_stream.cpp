// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/fd_stream.h"

#include <cerrno>

#include <unistd.h>

namespace tlblab {

int FdBuffer::sync() {
  const char* at = pbase();
  while (at != pptr() && error_ == 0) {
    const ssize_t written = write(fd_, at, static_cast<std::size_t>(pptr() - at));
    if (written >= 0)
      at += written;
    else if (errno != EINTR)
      error_ = errno;
  }
  setp(bytes_.data(), bytes_.data() + bytes_.size());
  return error_ == 0 ? 0 : -1;
}

int FdBuffer::overflow(int c) {
  if (sync() != 0) return traits_type::eof();
  if (c != traits_type::eof()) sputc(static_cast<char>(c));
  return traits_type::not_eof(c);
}

}  // namespace tlblab
