// SPDX-License-Identifier: GPL-2.0-or-later
// The process around run(): its signals and its three standard streams.
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/errors.h"
#include "harness/cli/fd_stream.h"
#include "harness/cli/interrupt.h"

namespace {

// A file that is opened later must not become the standard output by taking its number. What is
// written to these fails, as it would have.
void occupy_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) static_cast<void>(open("/dev/null", O_RDONLY));
}

bool is_terminal(int fd) {
  const char* kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread so far
  return isatty(fd) != 0 && (kind == nullptr || kind != std::string_view("dumb"));
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_streams();
  tlblab::catch_signals();
  tlblab::FdStream out(STDOUT_FILENO), err(STDERR_FILENO);
  const int code = tlblab::run(
      argc, argv, out, err, {.out = is_terminal(STDOUT_FILENO), .err = is_terminal(STDERR_FILENO)});
  out.flush();
  // A reader that went away had enough.
  if (out.error() == 0 || out.error() == EPIPE) return code;
  err << "tlblab: the output cannot be written: " << std::generic_category().message(out.error())
      << '\n';
  err.flush();
  return tlblab::exit_host;
}
