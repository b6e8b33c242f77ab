// SPDX-License-Identifier: GPL-2.0-or-later
// The reader of scenarios: what it makes of a text, what it refuses and where, and that printing
// loses nothing.
#include "harness/workload/scenario_text.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/workload/input_error.h"
#include "harness/workload/scenario_text_words.h"

namespace tlblab {
namespace {

ScenarioText parsed(std::string_view text) { return parse_scenario_text(text, "f"); }

// What the reader says about it, without "f:"; "fine" if nothing.
std::string refusal(const std::string& text) {
  try {
    static_cast<void>(parsed(text));
    return "fine";
  } catch (const InputError& error) {
    return std::string(error.what()).substr(2);
  }
}

TEST(ScenarioText, SaysWhatEachCpuDoes) {
  const ScenarioText text = parsed(
      "# a comment\n"
      "map 0x4000 8 rw  # the setup\n"
      "P1: store 0x4008 7\n"
      "P0: madvise_dontneed 0x4000 8\n"
      "P1: r3 = load 0x4008\n");
  ASSERT_EQ(text.setup.size(), 1U);
  EXPECT_EQ(text.setup[0].verb, TextVerb::mmap);
  EXPECT_EQ(text.setup[0].address, 0x4000U);
  EXPECT_EQ(text.setup[0].pages, 8U);
  EXPECT_EQ(text.setup[0].prot, text_read | text_write);
  EXPECT_EQ(text.setup[0].place.line, 2U);
  ASSERT_EQ(text.programs.size(), 2U);
  ASSERT_EQ(text.programs[0].size(), 1U);
  EXPECT_EQ(text.programs[0][0].verb, TextVerb::madvise_dontneed);
  ASSERT_EQ(text.programs[1].size(), 2U);
  EXPECT_EQ(text.programs[1][0].value, 7);
  EXPECT_EQ(text.programs[1][1].result, 3U);
  EXPECT_EQ(text.programs[1][1].place.column, 10U);
}

TEST(ScenarioText, SaysWhatCounts) {
  EXPECT_TRUE(parsed("P0: tick\n").forbids("deadlock"));
  EXPECT_TRUE(parsed("P0: tick\nforbid any\n").forbids("deadlock"));
  EXPECT_FALSE(parsed("P0: tick\nforbid none\n").forbids("deadlock"));
  const ScenarioText some = parsed("forbid lost_store, wrong_value\nP0: tick\nforbid deadlock\n");
  EXPECT_TRUE(some.forbids("wrong_value"));
  EXPECT_TRUE(some.forbids("deadlock"));
  EXPECT_FALSE(some.forbids("data_race"));
  EXPECT_FALSE(some.asks_existence());
  EXPECT_TRUE(parsed("P0: r0 = load 8\nexists P0:r0 = 0\n").asks_existence());
}

// Every operation, in the fixed form.
constexpr std::string_view everything =
    "arch x86\n"
    "without nested-flush,delayed-rmap\n"
    "actors walker,evict=3\n"
    "file F 4\n"
    "shmem S 2\n"
    "swap 8\n"
    "mmap 0x4000 8 rw\n"
    "mmap 0x10000 4 r shared F\n"
    "mmap 0x20000 1 rwx private S 1 populate\n"
    "store 0x4000 1\n"
    "load 0x4008\n"
    "fork left\n"
    "P0: munmap 0x4000 1\n"
    "P0: r0 = mprotect 0x5000 2 none\n"
    "P0: mprotect 0x5000 2 rx\n"
    "P0: mremap 0x5000 1 2\n"
    "P0: mremap 0x5000 1 1 to 0x9000 dontunmap\n"
    "P0: mlock 0x4000 1\n"
    "P0: munlock 0x4000 1\n"
    "P0: r31 = load 0x4000\n"
    "P0: store 0x4000 9223372036854775807\n"
    "P0: madvise_dontneed 0x4000 1\n"
    "P0: madvise_dontneed_locked 0x4000 1\n"
    "P0: madvise_free 0x4000 1\n"
    "P0: madvise_cold 0x4000 1\n"
    "P0: madvise_pageout 0x4000 1\n"
    "P0: madvise_populate_read 0x4000 1\n"
    "P0: madvise_populate_write 0x4000 1\n"
    "P0: madvise_willneed 0x4000 1\n"
    "P0: madvise_remove 0x4000 1\n"
    "P0: madvise_guard_install 0x4000 1\n"
    "P0: madvise_guard_remove 0x4000 1\n"
    "P0: madvise_dontfork 0x4000 1\n"
    "P0: madvise_wipeonfork 0x4000 1\n"
    "P0: madvise_hugepage 0x4000 1\n"
    "P0: madvise_nohugepage 0x4000 1\n"
    "P0: meet\n"
    "P1: uffd_register 0x4000 1 wp\n"
    "P1: uffd_register 0x4000 1 missing\n"
    "P1: uffd_unregister 0x4000 1\n"
    "P1: uffd_writeprotect 0x4000 1 on\n"
    "P1: uffd_writeprotect 0x4000 1 off\n"
    "P1: uffd_zeropage 0x4000 1\n"
    "P1: uffd_copy 0x4000 1 from 0x5000\n"
    "P1: uffd_move 0x4000 1 from 0x5000\n"
    "P1: swap_out 0x4000\n"
    "P1: writeback F\n"
    "P1: meet\n"
    "P1: pin 0x4000 r\n"
    "P1: r1 = pin_fast 0x4000 w\n"
    "P1: r2 = dma_load\n"
    "P1: dma_store 5\n"
    "P1: unpin\n"
    "P1: use left\n"
    "P1: use parent\n"
    "P1: fork right\n"
    "P1: exit right\n"
    "P1: signal done\n"
    "P1: wait done\n"
    "P1: r3 = seen done\n"
    "P1: sleep\n"
    "P1: tick\n"
    "P1: wake\n"
    "forbid stale_translation_use,lost_store\n"
    "forbid P1:r1 == -22 && (P0:r31 != 0 || !P1:r3 <= sigsegv)\n"
    "exists P1:r2 == 0x10\n";

TEST(ScenarioText, IsPrintedInTheFormThatItIsReadFrom) {
  EXPECT_EQ(print_scenario_text(parsed(everything)), everything);
}

TEST(ScenarioText, TheFixedFormNamesEveryOperation) {
  for (const TextVerbInfo& info : text_verbs())
    EXPECT_TRUE(everything.find(" " + std::string(info.word)) != everything.npos ||
                everything.find("\n" + std::string(info.word) + " ") != everything.npos)
        << info.word;
}

TEST(ScenarioText, AFreeFormIsPrintedInTheFixedOne) {
  const ScenarioText text = parsed(
      "exists  ~ ( P0:r1=1 /\\P1:r0 = 0x2 )  # why not\n"
      "read 8\nwrite 8 0x10\n"
      "P1: r0 = read 0x8\r\n"
      "P0:\twait go\nP0:r1=load 16\n"
      "P1:signal go\n"
      "forbid deadlock lost_store\nwithout a b,c\narch toy");
  const std::string fixed =
      "arch toy\nwithout a,b,c\nload 0x8\nstore 0x8 16\nP0: wait go\nP0: r1 = load 0x10\n"
      "P1: r0 = load 0x8\nP1: signal go\nforbid deadlock,lost_store\n"
      "exists !(P0:r1 == 1 && P1:r0 == 0x2)\n";
  EXPECT_EQ(print_scenario_text(text), fixed);
  EXPECT_EQ(print_scenario_text(parsed(fixed)), fixed);
  EXPECT_EQ(fingerprint(text), fingerprint(parsed(fixed)));
}

TEST(ScenarioText, TheFingerprintIsOfWhatItSays) {
  const std::string one = fingerprint(parsed("P0: load 8\n"));
  EXPECT_EQ(one.size(), 16U);
  EXPECT_EQ(one, fingerprint(parsed("# the same\n\n  P0:  read 0x8\n")));
  EXPECT_NE(one, fingerprint(parsed("P0: load 16\n")));
  EXPECT_NE(one, fingerprint(parsed("P0: load 8\nwithout x\n")));
  EXPECT_NE(one, fingerprint(parsed("P0: load 8\nforbid none\n")));
  EXPECT_NE(one, fingerprint(parsed("P0: load 8\nactors evict\n")));
  EXPECT_EQ(one, fingerprint(parsed("P0: load 8\nactors none\n")));
}

TEST(ScenarioText, SaysWhatTheHardwareDoesAndWhere) {
  const ScenarioText text = parsed(
      "actors evict=8\nactors walker\nload 0x9000\nP0: store 0x7008 1\nP1: load 0x4000\n"
      "P1: load 0x4010\nP1: munmap 0x5000 1\n");
  EXPECT_EQ(text.actors, (HardwareActors{.walks = 1, .evictions = 8}));
  EXPECT_EQ(text.used_pages(), (std::vector<vaddr_t>{0x4000, 0x7000}));
  EXPECT_EQ(parsed("P0: tick\n").actors, HardwareActors{});
}

TEST(ScenarioText, CountsMeetings) {
  EXPECT_EQ(parsed("P0: meet\nP1: meet\nP1: tick\nP0: meet\nP1: meet\n").meetings, 2U);
  EXPECT_EQ(parsed("P0: meet\nP3: meet\n").meetings, 1U);  // P1 and P2 come along
}

struct Wrong {
  const char* text;
  const char* says;
};
void check(const std::vector<Wrong>& all) {
  for (const Wrong& wrong : all) EXPECT_EQ(refusal(wrong.text), wrong.says) << wrong.text;
}

TEST(ScenarioText, RefusesWordsWithTheirPlace) {
  check(
      {{"", " no CPU does anything; expected a line as in 'P0: load 0x4000'"},
       {"map 0x4000 1 rw\n", " no CPU does anything; expected a line as in 'P0: load 0x4000'"},
       {"\n  frob 1\n",
        "2:3: there is no operation 'frob'; expected P0: OPERATION, an operation of the setup, or "
        "arch, without, actors, forbid, exists"},
       {"P0: frob 1\n",
        "1:5: there is no operation 'frob'; expected load, store, mmap, munmap, madvise_dontneed, "
        "...: tlblab help explore has them all"},
       {"P0:\n", "1:4: an operation is missing; expected P0: OPERATION, or P0: r0 = OPERATION"},
       {"P8: tick\n", "1:1: 'P8:' is no CPU; expected P0: to P7:"},
       {"P01: tick\n", "1:1: 'P01:' is no CPU; expected P0: to P7:"},
       {"Px: tick\n", "1:1: 'Px:' is no CPU; expected P0: to P7:"},
       {"P0: r32 = load 8\n", "1:5: 'r32' is no register; expected r0 to r31"},
       {"P0: x = load 8\n", "1:5: 'x' is no register; expected r0 to r31"},
       {"P0: r0 = tick\n", "1:10: tick gives nothing; expected it without a register"},
       {"P0: tick 1\n", "1:10: '1' is too much; expected tick"},
       {"P0: load\n", "1:9: an address is missing; expected load ADDRESS"},
       {"P0: load 8 8\n", "1:12: '8' is too much; expected load ADDRESS"},
       {"P0: load here\n",
        "1:10: 'here' is no address; expected a number below 2^47, as in 0x4000"},
       {"P0: load 0x800000000000\n",
        "1:10: '0x800000000000' is no address; expected a number below 2^47, as in 0x4000"},
       {"P0: load 4\n", "1:10: '4' is in the middle; expected a multiple of 8"},
       {"P0: munmap 0x4008 1\n", "1:12: '0x4008' is in the middle; expected a multiple of 4096"},
       {"P0: munmap 0x4000 0\n",
        "1:19: '0' is no number of pages; expected a number of pages from 1 to 2048"},
       {"P0: munmap 0x4000 2049\n",
        "1:19: '2049' is no number of pages; expected a number of pages from 1 to 2048"},
       {"P0: store 8 x\n", "1:13: 'x' is no value; expected a value from 0 to 9223372036854775807"},
       {"P0: mprotect 0 1 w\n",
        "1:18: 'w' is not a protection; expected mprotect ADDRESS PAGES r|rw|none|rx|rwx"},
       {"P0: pin 0 x\n", "1:11: 'x' is not r or w; expected pin ADDRESS r|w"},
       {"P0: uffd_writeprotect 0 1 maybe\n",
        "1:27: 'maybe' is not on or off; expected uffd_writeprotect ADDRESS PAGES on|off"},
       {"P0: uffd_copy 0 1 0x1000\n",
        "1:19: 'from' is missing; expected uffd_copy ADDRESS PAGES from ADDRESS"},
       {"P0: mremap 0 1 1 at 0\n",
        "1:18: 'at' is too much; expected mremap ADDRESS PAGES NEWPAGES [to ADDRESS] [dontunmap]"},
       {"actors\n",
        "1:7: an actor is missing; expected actors walker, evict, arrive, each with =N from 1 to 8 "
        "if it is not once, or none"},
       {"actors walker, flusher\n",
        "1:16: there is no actor 'flusher'; expected actors walker, evict, arrive, each with =N "
        "from 1 to 8 if it is not once, or none"},
       {"actors evict evict\n", "1:14: 'evict' was named already; expected each once"},
       {"actors evict\nactors evict=2\n", "2:8: 'evict' was named already; expected each once"},
       {"actors evict=9\n", "1:14: '9' is no number; expected a number from 1 to 8"},
       {"P0: signal 1\n",
        "1:12: '1' is no name; expected a letter, then letters, digits, _ and -, 32 at most"}});
}

TEST(ScenarioText, RefusesNamesThatAreNotThere) {
  check(
      {{"mmap 0 1 rw shared F\nP0: tick\n",
        "1:20: there is no file 'F'; expected a name that a line above declares"},
       {"file F 2\nshmem F 2\nP0: tick\n", "2:7: there is a file 'F' already; expected a new name"},
       {"file F 2\nmmap 0 1 rw shared F 2\nP0: tick\n",
        "2:22: '2' is no page; expected a page from 0 to 1"},
       {"swap 1\nswap 1\nP0: tick\n",
        "2:1: there is a swap device already; expected one line with swap"},
       {"P0: swap_out 0\n",
        "1:5: there is nowhere to swap out to; expected a line of the setup as in 'swap 4'"},
       {"P0: use kid\n",
        "1:5: there is no child 'kid' here; expected one that the setup forks, or this program "
        "above"},
       {"P0: fork kid\nP1: use kid\n",
        "2:5: there is no child 'kid' here; expected one that the setup forks, or this program "
        "above"},
       {"P0: fork kid\nP1: fork kid\n",
        "2:5: there is a child 'kid' already; expected another name"},
       {"fork kid\nP0: exit kid\n",
        "2:5: 'kid' is no child of this program's own; expected one that it forks above; the "
        "others end with the scenario"},
       {"P0: fork kid\nP0: use kid\nP0: exit kid\n",
        "3:5: this CPU still runs 'kid'; expected use parent before it"},
       {"P0: fork parent\n", "1:10: 'parent' is no name of a child; expected another name"},
       {"P0: unpin\n", "1:5: nothing is pinned here; expected a line with pin above"},
       {"P0: wake\n", "1:5: this CPU does not sleep; expected sleep before it"},
       {"P0: sleep\nP0: load 8\n", "2:5: this CPU sleeps; expected wake before it"},
       {"P0: wait go\n",
        "1:5: nobody gives the signal 'go'; expected a line as in 'P0: signal go'"},
       {"P0: meet\nP1: meet\nP0: tick\nP0: meet\n",
        "4:5: nobody would come: P1 meets once; expected meet as often in each program"},
       {"P0: meet\nP1: tick\n",
        "1:5: nobody would come: P1 meets nobody; expected meet as often in each program"}});
}

TEST(ScenarioText, RefusesLinesInTheWrongPlace) {
  check({{"P0: tick\nmap 0 1 rw\n",
          "2:1: the setup is over where the first program begins; expected this line above, or P0: "
          "before it"},
         {"meet\nP0: tick\n", "1:1: meet is for programs; expected P0: meet"},
         {"P0: swap 4\n",
          "1:5: swap is for the setup; expected it above the programs, without a CPU"},
         {"arch x86\narch toy\nP0: tick\n",
          "2:6: there is an arch already; expected one line with arch"},
         {"arch x86 toy\nP0: tick\n", "1:10: 'toy' is too much; expected arch NAME"},
         {"without a,b,a\nP0: tick\n", "1:13: 'a' was named already; expected each once"},
         {"without\nP0: tick\n", "1:8: a fix is missing; expected without FIX[,FIX=FORM]"},
         {"forbid a any\nP0: tick\n",
          "1:8: 'any' stands alone; expected kinds of violations, or any, or none"},
         {"forbid Lost\nP0: tick\n",
          "1:8: 'Lost' is no kind of violation; expected forbid KIND[,KIND], any or none, or a "
          "condition as in P1:r0 == 1"}});
}

TEST(ScenarioText, RefusesConditionsWithTheirPlace) {
  const auto of = [](const std::string& condition) {
    return refusal("P0: r1 = load 8\nexists " + condition + "\n");
  };
  const std::string operand =
      "a register as in P1:r0, a number, sigsegv, sigbus, oom or -EINVAL and the like";
  EXPECT_EQ(of("P0:r1 == 0"), "fine");
  EXPECT_EQ(of(""), "2:8: the line ends here; expected " + operand);
  EXPECT_EQ(of("P0:r1"), "2:13: the line ends here; expected one of == != < <= > >=");
  EXPECT_EQ(of("P0:r1 =="), "2:16: the line ends here; expected " + operand);
  EXPECT_EQ(of("P0:r1 == x"), "2:17: 'x'; expected " + operand);
  EXPECT_EQ(of("P0:r1 == 1 P0:r1"), "2:19: 'P0:r1' is too much; expected &&, || or the end");
  EXPECT_EQ(of("(P0:r1 == 1"), "2:19: the line ends here; expected &&, || or )");
  EXPECT_EQ(of("P0:r2 == 1"), "2:8: P0 sets no r2; expected a line as in 'P0: r2 = load 0x4000'");
  EXPECT_EQ(of("1 == 1 && P3:r1 == 1"),
            "2:18: P3 sets no r1; expected a line as in 'P3: r1 = load 0x4000'");
  EXPECT_EQ(of("P0:rx == 1"), "2:11: 'rx' is no register; expected r0 to r31");
  EXPECT_EQ(of("Q0:r1 == 1"), "2:8: 'Q0' is no CPU; expected P0, P1, ...");
  EXPECT_EQ(of("P0:r1 == 9223372036854775808"), "2:17: '9223372036854775808'; expected " + operand);
  EXPECT_NE(of(std::string(40, '(') + "1 == 1" + std::string(40, ')')).find("too deep"),
            std::string::npos);
  std::string longest = "1 == 1";
  for (int n = 0; n < 100; ++n) longest += " && 1 == 1";
  EXPECT_NE(of(longest).find("too long"), std::string::npos);
}

TEST(ScenarioText, AConditionHoldsOrNot) {
  const auto holds = [](const std::string& condition, std::int64_t r0, std::int64_t r1) {
    const TextCondition parsed = parse_condition(condition, {1, 1});
    return parsed.holds([&](unsigned cpu, unsigned reg) { return cpu + reg == 0 ? r0 : r1; });
  };
  EXPECT_TRUE(holds("P0:r0 == 1", 1, 0));
  EXPECT_FALSE(holds("P0:r0 != 1", 1, 0));
  EXPECT_TRUE(holds("P0:r0 < P1:r0", 1, 2));
  EXPECT_FALSE(holds("P0:r0 < P1:r0", 2, 2));
  EXPECT_TRUE(holds("P0:r0 <= P1:r0", 2, 2));
  EXPECT_TRUE(holds("P0:r0 > P1:r0", 3, 2));
  EXPECT_TRUE(holds("P0:r0 >= P1:r0", 3, 3));
  EXPECT_TRUE(holds("P0:r0 == -22", -22, 0));
  EXPECT_TRUE(holds("P0:r0 == -EINVAL", -22, 0));
  EXPECT_TRUE(holds("P0:r0 == sigsegv", value_sigsegv, 0));
  // && binds closer than ||, ! closer than both.
  EXPECT_TRUE(holds("P0:r0 == 1 || P0:r0 == 2 && P1:r0 == 0", 1, 5));
  EXPECT_FALSE(holds("(P0:r0 == 1 || P0:r0 == 2) && P1:r0 == 0", 1, 5));
  EXPECT_TRUE(holds("!P0:r0 == 1 || P1:r0 == 5", 1, 5));
  EXPECT_FALSE(holds("!(P0:r0 == 1 || P1:r0 == 5)", 1, 5));
}

}  // namespace
}  // namespace tlblab
