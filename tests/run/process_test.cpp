// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/process.h"

#include <csignal>
#include <system_error>

#include <gtest/gtest.h>

namespace tlblab {
namespace {

struct Said {
  std::string out, err;
  ProcessResult result;
};

Said shell(const std::string& script) {
  Said said;
  said.result = run_process({.words = {"sh", "-c", script},
                             .on_output = [&](std::string_view text) { said.out += text; },
                             .on_errors = [&](std::string_view text) { said.err += text; }});
  return said;
}

TEST(Process, HandsOnBothStreamsAndTheExitCode) {
  const Said said = shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(said.out, "out\n");
  EXPECT_EQ(said.err, "err\n");
  EXPECT_EQ(said.result.exit_code, 7);
  EXPECT_EQ(said.result.signal, 0);
}

TEST(Process, MoreThanAPipeHoldsComesWhole) {
  const Said said = shell("head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2");
  EXPECT_EQ(said.out.size(), 3000000U);
  EXPECT_EQ(said.err.size(), 2000000U);
}

TEST(Process, ASignalIsToldAsAShellTellsIt) {
  const Said said = shell("kill -TERM $$");
  EXPECT_EQ(said.result.signal, SIGTERM);
  EXPECT_EQ(said.result.exit_code, 128 + SIGTERM);
}

TEST(Process, SigpipeIsNotIgnoredThere) {
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(shell("kill -PIPE $$; echo survived").out, "");
  std::signal(SIGPIPE, SIG_DFL);
}

TEST(Process, WhatIsNotThereIsAnError) {
  EXPECT_THROW(run_process({.words = {"/no/such/program"}}), std::system_error);
}

TEST(FindProgram, AsAShellDoes) {
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
  EXPECT_NE(find_program("sh"), "");
  EXPECT_EQ(find_program(""), "");
  EXPECT_EQ(find_program("no-such-program-anywhere"), "");
  EXPECT_EQ(find_program("/etc/passwd"), "");  // not to be run
  EXPECT_EQ(find_program("/bin"), "");
}

}  // namespace
}  // namespace tlblab
