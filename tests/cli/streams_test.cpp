// SPDX-License-Identifier: GPL-2.0-or-later
// What is written while a command runs, and what becomes of it.
#include <cerrno>
#include <csignal>
#include <sstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/cli/fd_stream.h"
#include "harness/cli/progress.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

TEST(Progress, IsSilentWhereNobodyLooks) {
  std::ostringstream err;
  {
    Progress progress(err, false, "replaying");
    progress.show(1, 2);
    const Countdown countdown(err, false, "searching", 1);
  }
  EXPECT_EQ(err.str(), "");
}

TEST(Progress, IsOneLineThatGoesAway) {
  std::ostringstream err;
  {
    Progress progress(err, true, "replaying");
    for (std::size_t done = 0; done < 100000; ++done) progress.show(done, 100000);
    EXPECT_THAT(err.str(), testing::StartsWith("\r\x1b[Kreplaying: 0 of 100000 (0 %)"));
    EXPECT_LT(err.str().size(), 4000U);  // ten a second and no more
  }
  EXPECT_THAT(err.str(), testing::EndsWith("\r\x1b[K"));
  EXPECT_THAT(err.str(), testing::Not(testing::HasSubstr("\n")));
}

TEST(Countdown, EndsAtOnceAndSaysWhatHasPassed) {
  std::ostringstream err;
  {
    const Countdown countdown(err, true, "searching, seconds", 3600);
    usleep(300'000);
  }
  EXPECT_THAT(err.str(), testing::HasSubstr("searching, seconds: 0 of 3600"));
}

TEST(FdStream, WritesEverythingInOrder) {
  const Folder folder;
  const std::string path = folder.path("out");
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  std::string expected;
  {
    FdStream out(fd);
    for (int line = 0; line < 10000; ++line) {
      out << "line " << line << '\n';
      expected += "line " + std::to_string(line) + "\n";
    }
    const std::string large(100000, 'x');
    out << large;
    expected += large;
    EXPECT_TRUE(out.flush());
    EXPECT_EQ(out.error(), 0);
  }
  close(fd);
  EXPECT_EQ(contents(path), expected);
}

TEST(FdStream, RemembersWhyItFailed) {
  const int full = open("/dev/full", O_WRONLY);
  FdStream to_full(full);
  to_full << "text";
  EXPECT_FALSE(to_full.flush());
  EXPECT_EQ(to_full.error(), ENOSPC);
  close(full);

  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  FdStream to_nobody(ends[1]);
  to_nobody << std::string(100000, 'x');
  EXPECT_FALSE(to_nobody.flush());
  EXPECT_EQ(to_nobody.error(), EPIPE);
  close(ends[1]);
}

}  // namespace
}  // namespace tlblab
