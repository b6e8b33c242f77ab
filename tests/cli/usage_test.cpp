// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever a user mistypes is answered with one line on stderr that says what to type, nothing on
// stdout, and exit code 2.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using testing::HasSubstr;

struct Mistake {
  std::vector<std::string> words;
  std::string said;  // part of the answer
};

void check(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    SCOPED_TRACE(testing::PrintToString(mistake.words));
    const Typed answer = typed(mistake.words);
    EXPECT_EQ(answer.code, 2);
    EXPECT_EQ(answer.out, "");
    EXPECT_EQ(std::ranges::count(answer.err, '\n'), 1) << answer.err;
    EXPECT_TRUE(answer.err.ends_with('\n'));
    EXPECT_THAT(answer.err, HasSubstr(mistake.said));
    const auto printable = [](char c) { return c == '\n' || (c >= ' ' && c != 0x7f); };
    EXPECT_TRUE(std::ranges::all_of(answer.err, printable)) << answer.err;
  }
}

const std::string race = "madvise-parallel-2017";

TEST(Mistyped, Program) {
  check({{{"trac", "FILE"}, "there is no command 'trac'; type tlblab trace"},
         {{"exlpore"}, "type tlblab explore"},
         {{"xyzzy"}, "type tlblab --help"},
         {{"xyzzy", "--help"}, "there is no command 'xyzzy'"},
         {{"help", "tpoo"}, "type tlblab topo"},
         {{""}, "there is no command ''"},
         {{"--verison"}, "there is no option --verison; type --version"},
         {{"--foo=3", "list"}, "there is no option --foo; type --help"},
         {{"-x"}, "there is no option -x"},
         {{"a\nb\x1b[31m"}, "there is no command 'a\\x0ab\\x1b[31m'"},
         {{"--color", "blue"}, "--color 'blue'"},
         {{"list", "--color"}, "--color wants one value"},
         {{"list", "--color=sometimes"}, "type --color auto, never or always"}});
}

TEST(Mistyped, AllocationsThatAreToFail) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"stress", race}, {"explore", race}, {"trace", "FILE"}}) {
    const auto with = [&](const std::string& rule) {
      std::vector<std::string> words = command;
      words.insert(words.end(), {"--fail-alloc", rule});
      return words;
    };
    check({{with("site=heap"), "--fail-alloc 'site=heap': there is no site 'heap'; type one of"},
           {with("number=0"), "type for instance number=3"},
           {with("seed=1"), "seed goes with rate"}});
  }
}

TEST(Mistyped, List) {
  check({{{"list", "scenario"}, "type tlblab list scenarios"},
         {{"list", "workloads"}, "no list of 'workloads'"},
         {{"list", "fixes", "backends"}, "one word too many"},
         {{"list", "--jsn"}, "type --json"},
         {{"list", "--json=maybe"}, "--json"}});
}

TEST(Mistyped, Topo) {
  check({{{"topo", "--cpus", "0"}, "from 1 to 1024"},
         {{"topo", "--cpus", "5000"}, "from 1 to 1024"},
         {{"topo", "--cpus", "four"}, "--cpus 'four'"},
         {{"topo", "--place", "everywhere"}, "type compact, spread, socket, smt"},
         {{"topo", "--place", "list"}, "type compact"},
         {{"topo", "--place", "list="}, "no processing unit"},
         {{"topo", "--place", "list=1,,2"}, "no processing unit"},
         {{"topo", "--place", "list=7-3"}, "no range"},
         {{"topo", "--place", "list=0-99999999"}, "no range"},
         {{"topo", "--place", "list=99999999999999999999"}, "no processing unit"},
         {{"topo", "--place", "list=100000", "--cpus", "1"}, "may not run there"},
         {{"topo", "--synthetic", "nonsense"}, "pack:2 core:8 pu:2"},
         {{"topo", "--synthetic", ""}, "--synthetic"},
         {{"topo", "--synthetic", "pack:100000 core:100000 pu:4"}, "more than"},
         {{"topo", "compact"}, "'compact' is one word too many"}});
}

TEST(Mistyped, Trace) {
  check({{{"trace"}, "FILE is missing; type tlblab trace FILE"},
         {{"trace", "a", "b"}, "'b' is one word too many"},
         {{"trace", "/nowhere/at/all"}, "/nowhere/at/all"},
         {{"trace", "/"}, "/"},
         {{"trace", "/dev/null"}, "there is no memory event in it"},
         {{"trace", ""}, "expected"},
         {{"trace", "f", "--ark", "x86"}, "no option --ark; type --arch"},
         {{"trace", "f", "--arch", "x68"}, "no backend 'x68'; type x86"},
         {{"trace", "f", "--arch", "x86,"}, "no backend ''"},
         {{"trace", "f", "--arch", "vax"}, "tlblab list backends"},
         {{"trace", "f", "--arch"}, "--arch wants one value"},
         {{"trace", "f", "--cpus", "-1"}, "--cpus '-1'"},
         {{"trace", "f", "--cpus", ""}, "--cpus"},
         {{"trace", "f", "--cpus", "2x"}, "--cpus '2x'"},
         {{"trace", "f", "--place", "x"}, "--place 'x'"},
         {{"trace", "f", "--world", "virtual"}, "no virtual clock yet"},
         {{"trace", "f", "--world", "reel"}, "--world 'reel'"},
         {{"trace", "f", "--strategy", "lazy"}, "there is no 'lazy' on x86"},
         {{"trace", "f", "--events", "/"}, "that is a directory"},
         {{"trace", "f", "--events", "/nowhere/x"}, "--events /nowhere/x"},
         {{"trace", "f", "--events", ""}, "--events"},
         {{"trace", "f", "--arch", "all", "--events", "/nowhere/x"},
          "of one backend; type --arch x86"}});
}

TEST(Mistyped, Bench) {
  check({{{"bench", "munmap"}, "'munmap' is one word too many"},
         {{"bench", "--workload", "munnap"}, "no workload 'munnap'; type munmap"},
         {{"bench", "--workload", "nothing-like-it"}, "touch-dontneed, munmap"},
         {{"bench", "--workload", "munmap,"}, "no workload ''"},
         {{"bench", "--workload"}, "--workload wants one value"},
         {{"bench", "--cpus", "0"}, "from 1 to 1024"},
         {{"bench", "--cpus", "1,,2"}, "--cpus ''"},
         {{"bench", "--cpus", "two"}, "--cpus 'two'"},
         {{"bench", "--workload", "shootdown", "--cpus", "1"}, "type --cpus 2"},
         {{"bench", "--repetitions", "0"}, "from 1 to 1000"},
         {{"bench", "--seconds", "soon"}, "--seconds 'soon'"},
         {{"bench", "--place", "x"}, "--place 'x'"},
         {{"bench", "--table", "--json"}, "type one of them"},
         {{"bench", "--strategy", "lazy"}, "there is no 'lazy' on x86"}});
}

TEST(Mistyped, Record) {
  check({{{"record"}, "type tlblab record -- CMD"},
         {{"record", "--"}, "type tlblab record -- CMD"},
         {{"record", "ls", "-l"}, "no option -l"},
         {{"record", "--", "no-such-program-anywhere"}, "no program 'no-such-program-anywhere'"},
         {{"record", "--", ""}, "no program ''"},
         {{"record", "-o", "/", "--", "true"}, "that is a directory"},
         {{"record", "-o", "/nowhere/at/all", "--", "true"}, "no file can be made"},
         {{"record", "-o", "", "--", "true"}, "that is no name"},
         {{"record", "-o"}, "-o wants one value"},
         {{"record", "--forse", "--", "true"}, "type --force"}});
}

TEST(Mistyped, Stress) {
  check({{{"stress"}, "SCENARIO|FILE is missing"},
         {{"stress", "madvise-paralel-2017"}, "type madvise-parallel-2017"},
         {{"stress", "madvise"}, "type madvise-parallel-2017"},
         {{"stress", "nothing-like-it"}, "tlblab list scenarios"},
         {{"stress", "explorer-only-2020"}, "type tlblab explore explorer-only-2020"},
         {{"stress", race, "--without", "nested-flsh"}, "type nested-flush"},
         {{"stress", race, "--without", ""}, "--without"},
         {{"stress", race, "--without", "nested-flush,gup"}, "no fix 'gup'"},
         {{"stress", race, "--set", "nested-flush"}, "type --without nested-flush"},
         {{"stress", race, "--set", "nested-flash=on"}, "type nested-flush"},
         {{"explore", race, "--set", "mremap-flush=no"}, "type one of after, before-old-unlock"},
         {{"stress", race, "--cpus", "2"}, "from 3 to 1024"},
         {{"stress", race, "--cpus", "1025"}, "from 3 to 1024"},
         {{"stress", race, "--seconds", "-1"}, "--seconds '-1'"},
         {{"stress", race, "--seconds", "0"}, "--seconds '0'"},
         {{"stress", race, "--seconds", "nan"}, "--seconds 'nan'"},
         {{"stress", race, "--seconds", "1e400"}, "--seconds '1e400'"},
         {{"stress", race, "--seconds", "99999999h"}, "up to 1000000 s"},
         {{"stress", race, "--seed", "x"}, "--seed 'x'"},
         {{"stress", race, "--seed", "-3"}, "--seed '-3'"},
         {{"stress", race, "--seed", "18446744073709551616"}, "--seed"}});
}

TEST(Mistyped, Explore) {
  check({{{"explore"}, "SCENARIO|FILE is missing; type tlblab explore SCENARIO|FILE"},
         {{"explore", race, "--budget", "5 parsecs"}, "type for instance --budget 10s"},
         {{"explore", race, "--budget", "5", "parsecs"}, "'parsecs' is one word too many"},
         {{"explore", race, "--budget", "0s"}, "--budget '0s'"},
         {{"explore", race, "--budget", "1s", "--seconds", "1"}, "type one of them"},
         {{"explore", race, "--executions", "0"}, "--executions '0'"},
         {{"explore", race, "--executions", "many"}, "--executions 'many'"},
         {{"explore", race, "--strategy", "dpor", "--cpus", "6"}, "at most 5 CPUs"},
         {{"explore", race, "--memory", "tso", "--cpus", "6"}, "at most 5 CPUs"},
         {{"explore", race, "--memory", "pso"}, "these are the memory models"},
         {{"explore", race, "--actors", "flusher"}, "some of walker, evict and arrive"},
         {{"explore", race, "--actors", "walker,walker"}, "'walker' was named already"},
         {{"explore", race, "--actors", "walker="}, "no number of times from 1 to 8"},
         {{"explore", race, "--actors", "walker=9"}, "no number of times from 1 to 8"},
         {{"explore", race, "--actors", ""}, "type --actors none"},
         {{"explore", race, "--actors", "walker", "--strategy", "dpor", "--cpus", "5"},
          "at most 4 CPUs with --actors walker, and this is 5; type --actors none, or fewer"},
         {{"explore", race, "--actors", "walker,evict", "--memory", "tso", "--cpus", "4"},
          "at most 3 CPUs with --actors walker,evict"},
         {{"explore", race, "--strategy", "bfs"}, "type --strategy random, pct or dpor"},
         {{"explore", race, "--preemptions", "x"}, "--preemptions 'x'"},
         {{"explore", race, "--strategy", "pct", "--preemptions", "2"}, "leave one out"},
         {{"explore", race, "--jobs", "0"}, "--jobs '0': no whole number from 1 to 256"},
         {{"explore", race, "--jobs", "many"}, "--jobs 'many'"},
         {{"explore", race, "--jobs", "257"}, "--jobs '257'"},
         {{"explore", race, "--cpus", "2"}, "from 3 to"},
         {{"explore", race, "--cpus", "500"}, "from 3 to"},
         {{"explore", "explorer-only-2020", "--arch", "toy"},
          "explorer-only-2020 is not there on toy; type --arch x86"}});
}

TEST(Mistyped, Replay) {
  check({{{"replay"}, "SCHEDULE is missing"},
         {{"replay", "/nowhere"}, "no schedule and no file"},
         {{"replay", "/dev/null"}, "no schedule and no file"},
         {{"replay", "v1 a7 b12"}, "does not say what it is of"},
         {{"replay", "v2", "a7"}, "expected v1"},
         {{"replay", "v1 madvise-parallel-2017 x86 sc : a7 ?"}, "column"},
         {{"replay", "v1 madvise-parallel-2017 x86 arm : a7"}, "there are sc, tso and weak"},
         {{"replay", "v1 madvise-paralel-2017 x86 sc : a7"}, "type madvise-parallel-2017"},
         {{"replay", "v1 madvise-parallel-2017 vax sc : a7"}, "it is on x86, toy"},
         {{"replay", "v1 madvise-parallel-2017 x86 sc without=x : a7"}, "no fix 'x'"},
         {{"replay", "v1 madvise-parallel-2017 x86 sc cpus=99 : a7"}, "cpus=99"},
         {{"replay", "v1 madvise-parallel-2017 x86 sc cpus=2 : a7"}, "has 3 actors"},
         {{"replay", "v1 madvise-parallel-2017 x86 sc twice : a7"}, "says 'twice'"}});
}

TEST(Mistyped, Explain) {
  check({{{"explain"}, "WORD is missing"},
         {{"explain", "stale_translation_usee"}, "type tlblab explain stale_translation_use"},
         {{"explain", "everything"}, "tlblab list"},
         {{"demo", "now"}, "'now' is one word too many"},
         {{"demo", "--quick"}, "no option --quick"}});
}

// ---- files --------------------------------------------------------------------------------------

TEST(BadRecording, IsAnsweredInOneLineWithItsNumber) {
  const Folder folder;
  const std::string bad = folder.file("bad.txt", small_recording() + "this is no event\n");
  const Typed answer = typed({"trace", bad});
  EXPECT_EQ(answer.code, 2);
  EXPECT_EQ(answer.out, "");
  EXPECT_EQ(std::ranges::count(answer.err, '\n'), 1);
  EXPECT_THAT(answer.err, testing::StartsWith(bad + ":5: "));
}

TEST(BadRecording, LeavesNoEventsFile) {
  const Folder folder;
  const std::string bad = folder.file("bad.txt", small_recording() + "this is no event\n");
  EXPECT_EQ(typed({"trace", bad, "--events", folder.path("events")}).code, 2);
  EXPECT_THAT(folder.names(), testing::ElementsAre("bad.txt"));
}

TEST(BadRecording, UnreadableFileIsTheUsersMistake) {
  const Folder folder;
  const std::string empty = folder.file("empty.txt", "");
  const Typed answer = typed({"trace", empty});
  EXPECT_EQ(answer.code, 2);
  EXPECT_THAT(answer.err, HasSubstr(empty + ": "));
  EXPECT_EQ(std::ranges::count(answer.err, '\n'), 1);
}

}  // namespace
}  // namespace tlblab
