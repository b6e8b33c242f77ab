// SPDX-License-Identifier: GPL-2.0-or-later
// From a search to something a person can read and step through, with the real scenarios.
#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> search(const std::string& seed) {
  return {"explore",      "madvise-parallel-2017",
          "--without",    "nested-flush",
          "--executions", "100000",
          "--seed",       seed};
}

ordered_json violation(const std::string& seed, bool shrink = true) {
  std::vector<std::string> words = search(seed);
  words.emplace_back("--json");
  if (!shrink) words.emplace_back("--no-shrink");
  const Typed found = typed(words);
  EXPECT_EQ(found.code, 1) << found.err;
  return ordered_json::parse(found.out)["runs"][0]["violations"][0];
}

std::string schedule_of(const std::string& seed) { return violation(seed)["schedule"]; }

// The rows between the header of the columns and the blank line after them.
std::string columns_of(const std::string& text) {
  const std::size_t begin = text.find("CPU0  "), end = text.find("\n\n", begin);
  return begin == std::string::npos || end == std::string::npos ? ""
                                                                : text.substr(begin, end - begin);
}

TEST(Counterexample, IsShortAndBreaksTheSameRule) {
  const ordered_json found = violation("2", false), shrunk = violation("2");
  EXPECT_EQ(shrunk["kind"], found["kind"]);
  EXPECT_EQ(shrunk["as_found"]["machine_steps"], found["machine_steps"]);
  EXPECT_FALSE(found.contains("as_found"));
  EXPECT_LT(shrunk["switches"].get<int>(), 12);
  EXPECT_LT(10 * shrunk["switches"].get<int>(), found["switches"].get<int>());
  EXPECT_EQ(typed({"replay", found["schedule"].get<std::string>()}).code, 1);
  EXPECT_EQ(typed({"replay", shrunk["schedule"].get<std::string>()}).code, 1);
}

TEST(Counterexample, TellsTheRaceInOrder) {
  const std::string rows = columns_of(typed(search("1")).out);
  std::size_t at = 0;
  for (const char* part :
       {"TLB fill 0xfffff000:", "madvise(DONTNEED)", "lock ptl[0xffe00000]",
        "clear pte[0xfffff000]", "unlock ptl[0xffe00000]", "madvise(DONTNEED)",
        "load pte[0xfffff000]", "none", "\n=> ", "madvise(DONTNEED)", "returns"}) {
    at = rows.find(part, at);
    ASSERT_NE(at, std::string::npos) << part << "\n" << rows;
    ++at;
  }
  EXPECT_LE(std::ranges::count(rows, '\n'), 40);
}

TEST(Counterexample, KeepsWithin72Columns) {
  std::istringstream lines(typed(search("2")).out);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.size() <= 72 || line.starts_with("Observation")) << line;
}

TEST(Counterexample, IsTheSameEachTimeAndWhenReplayed) {
  const std::string rows = columns_of(typed(search("2")).out);
  EXPECT_NE(rows, "");
  EXPECT_EQ(columns_of(typed(search("2")).out), rows);
  const std::string schedule = schedule_of("2");
  EXPECT_EQ(columns_of(typed({"replay", schedule}).out), rows);
  const auto trace = [&] {
    return ordered_json::parse(typed({"replay", "--json", schedule}).out)["runs"][0]["trace"]
        .dump();
  };
  EXPECT_EQ(trace(), trace());
}

TEST(Counterexample, TheTraceHasTheRowsOfTheText) {
  const std::string schedule = schedule_of("1");
  const ordered_json run =
      ordered_json::parse(typed({"replay", "--json", schedule}).out)["runs"][0];
  const ordered_json& trace = run["trace"];
  const auto key = std::ranges::count_if(trace, [](const auto& row) { return row["key"] == true; });
  EXPECT_EQ(violation("1")["steps"], key);
  EXPECT_THAT(typed({"replay", schedule}).out,
              HasSubstr(std::to_string(key) + " of " + std::to_string(trace.size()) + " rows"));
  EXPECT_EQ(trace.back()["violating"], true);
  EXPECT_EQ(trace.back()["step"], run["steps"]);
  for (const ordered_json& row : trace)
    EXPECT_FALSE(row.contains("object") && row["object"].get<std::string>().starts_with("word "))
        << row["text"];
  // Names are no addresses: those of this program have more than ten digits and these have not.
  for (const ordered_json& row : trace)
    EXPECT_THAT(row["text"].get<std::string>(), Not(testing::ContainsRegex("0x[0-9a-f]{11}")));
}

TEST(Counterexample, TheFixIsSeenInTheSameSchedule) {
  std::string schedule = schedule_of("1");
  const std::string without = " without=nested-flush";
  schedule.erase(schedule.find(without), without.size());
  const Typed fixed = typed({"replay", schedule});
  EXPECT_EQ(fixed.code, 0) << fixed.err;
  EXPECT_THAT(fixed.out, HasSubstr("no violation"));
  EXPECT_THAT(fixed.out, HasSubstr("IPI to CPU2"));
}

TEST(Counterexample, AScheduleThatCannotBeFollowedIsRefused) {
  std::string schedule = schedule_of("1");
  schedule.insert(schedule.find(" : ") + 3, "a9 c.irq ");
  const Typed said = typed({"replay", schedule});
  EXPECT_EQ(said.code, 2);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.err, HasSubstr("cannot be followed after its step 9, where it says c.irq"));
  EXPECT_THAT(said.err, HasSubstr("tlblab explore madvise-parallel-2017 --without nested-flush"));
  EXPECT_EQ(std::ranges::count(said.err, '\n'), 1);
}

// ---- --break ------------------------------------------------------------------------------------

// How a child that is traced by this process stops and ends: signals, then the exit code.
std::vector<int> traced(const std::vector<std::string>& words) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(99);
    _exit(typed(words).code);
  }
  std::vector<int> seen;
  for (int status = 0; waitpid(child, &status, 0) == child;) {
    if (WIFEXITED(status)) {
      seen.push_back(WEXITSTATUS(status));
      break;
    }
    if (WIFSIGNALED(status)) break;
    seen.push_back(WSTOPSIG(status));
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
  }
  return seen;
}

TEST(Break, StopsADebuggerAtTheStep) {
  const std::string schedule = schedule_of("1");
  const std::vector<int> seen = traced({"replay", "--break", "260", schedule});
  if (seen == std::vector{99}) GTEST_SKIP() << "this host allows no tracing";
  EXPECT_EQ(seen, (std::vector{SIGTRAP, 1}));
  EXPECT_EQ(traced({"replay", schedule}), std::vector{1});
  EXPECT_EQ(traced({"replay", "--break", "100000", schedule}), std::vector{2});
}

TEST(Break, SaysHowWhereThereIsNoDebugger) {
  const Typed said = typed({"replay", "--break", "12", schedule_of("1")});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("type gdb -ex run --args "));
  EXPECT_THAT(said.err, HasSubstr(" replay --break 12 'v1 madvise-parallel-2017 x86 sc "));
  EXPECT_EQ(std::ranges::count(said.err, '\n'), 1);
}

}  // namespace
}  // namespace tlblab
