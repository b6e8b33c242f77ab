// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/perf.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlblab {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Perf, EventsAreWrittenOutAndDistinct) {
  const std::vector<std::string> events = recorded_events();
  EXPECT_EQ(events.size(), 3U + 12 + 7 + 3);
  EXPECT_EQ(std::set<std::string>(events.begin(), events.end()).size(), events.size());
  for (const std::string& event : events) {
    EXPECT_EQ(event.find('{'), std::string::npos) << event;
    EXPECT_EQ(std::ranges::count(event, ':'), 1) << event;
  }
  for (const char* needed : {"tlb:tlb_flush", "syscalls:sys_exit_mremap", "syscalls:sys_enter_brk",
                             "syscalls:sys_enter_execve", "sched:sched_process_exec"})
    EXPECT_THAT(events, Contains(needed));
  EXPECT_THAT(events, Not(Contains("syscalls:sys_exit_execve")));
}

TEST(Perf, TheCommandComesLastAndUnchanged) {
  const std::vector<std::string> words = perf_record_words("perf", "d", {"ls", "-o", "a b"});
  const auto dashes = std::ranges::find(words, "--");
  ASSERT_NE(dashes, words.end());
  EXPECT_THAT(std::vector<std::string>(dashes + 1, words.end()), ElementsAre("ls", "-o", "a b"));
  EXPECT_THAT(words, Not(Contains("-a")));  // only the command
}

TEST(Perf, TheScriptIsInTheFormThatAReplayReads) {
  EXPECT_THAT(perf_script_words("perf", "d"),
              ElementsAre("perf", "script", "-i", "d", "--ns", "-F",
                          "comm,pid,tid,cpu,time,event,trace", "--show-lost-events"));
}

TEST(Perf, ARefusalSaysWhatToDo) {
  struct Case {
    PerfPermissions permissions;
    std::string said, expected;
  };
  const Case cases[] = {
      {{false, "2", false, false}, "", "/sys/kernel/tracing cannot be read; run this as root"},
      {{true, "2", true, false}, "", "no tracepoint tlb:tlb_flush"},
      {{false, "2", true, true}, "", "kernel.perf_event_paranoid is 2; run this as root"},
      {{false, "-1", true, true}, "no space", "perf could not record (perf: no space)"},
      {{true, "4", true, true}, "", "try perf record -e tlb:tlb_flush true"}};
  for (const Case& one : cases) {
    const std::string why = why_not_recorded(one.permissions, one.said);
    EXPECT_THAT(why, HasSubstr(one.expected));
    EXPECT_EQ(why.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace tlblab
