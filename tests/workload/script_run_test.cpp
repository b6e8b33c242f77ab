// SPDX-License-Identifier: GPL-2.0-or-later
// The interpreter on a target that does what the test says: what is made of results, of pages seen
// and of words read.
#include "harness/workload/script_run.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/workload/input_error.h"
#include "harness/workload/script_pages.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class FakeTarget final : public ScriptTarget {
 public:
  ScriptOutcome perform(const ScriptOp& op, std::uint64_t count) override {
    asked.push_back(op.text);
    return outcomes.contains(count) ? outcomes[count] : ScriptOutcome{};
  }
  SpaceSeen look(ScriptSpace space) override {
    return space == ScriptSpace::parent ? parent : child;
  }
  std::vector<ScriptRead> read_pages(const std::vector<vaddr_t>& addresses) override {
    std::vector<ScriptRead> all;
    for (const vaddr_t address : addresses)
      all.push_back(words.contains(address) ? ScriptRead{true, words[address]} : ScriptRead{});
    return all;
  }

  std::map<std::uint64_t, ScriptOutcome> outcomes;
  SpaceSeen parent, child;
  std::map<vaddr_t, std::uint64_t> words;
  std::vector<std::string> asked;
};

constexpr vaddr_t at(std::uint64_t page) { return script_base + page * page_size; }

AreaSeen mapped(std::uint64_t page, std::uint64_t end, std::uint8_t prot = 3, bool shared = false) {
  return {at(page), at(end), prot, shared};
}
PageSeen anon(std::uint64_t page, pfn_t frame, std::uint64_t op) {
  PageSeen seen;
  seen.address = at(page);
  seen.present = seen.anon = seen.exclusive = true;
  seen.frame = frame;
  seen.word = script_word_of::written(op);
  return seen;
}

ScriptReport run(const std::string& text, FakeTarget& target) {
  return run_script(parse_script(text, "FILE"), target, nullptr);
}
std::vector<std::string> states(const ScriptSpaceReport& space) {
  std::vector<std::string> all;
  for (const PageRun& run : space.pages.at(0).second)
    all.push_back(std::to_string(run.offset) + " " + std::to_string(run.count) + " " + run.state);
  return all;
}

TEST(ScriptRun, SaysWhatCallsReturned) {
  FakeTarget target;
  target.outcomes[2].result = -22;
  target.outcomes[3].fatal = at(7);
  target.outcomes[3].write_faults = 2;
  target.outcomes[4].result = 0x200000000000;
  const ScriptReport report = run("mmap A 8 rw\nmunmap A 0 0\nwrite A 7\nmremap A 0 8 8\n", target);
  EXPECT_EQ(report.ops[1].ret, -1);
  EXPECT_EQ(report.ops[1].error, "EINVAL");
  EXPECT_EQ(report.ops[2].ret, 0);
  EXPECT_EQ(report.ops[2].signal, "SIGSEGV/BUS at A+7");
  EXPECT_EQ(report.ops[2].write_faults, 2U);
  EXPECT_EQ(report.ops[3].ret, 0) << "an address is no error";
  EXPECT_EQ(report.ops[3].error, "");
  EXPECT_THAT(target.asked,
              ElementsAre("mmap A 8 rw", "munmap A 0 0", "write A 7", "mremap A 0 8 8"));
}

TEST(ScriptRun, JoinsPagesOfOneStateAndLeavesUnmappedOnesOut) {
  FakeTarget target;
  target.parent.areas = {mapped(0, 4), mapped(6, 8, script_read, true)};
  target.parent.pages = {anon(1, 10, 1), anon(2, 99, 1), anon(3, 11, 2)};
  const ScriptReport report = run("mmap A 10 rw\n", target);
  EXPECT_THAT(states(report.ops[0].space), ElementsAre("0 1 rw-p -", "1 2 rw-p P w1 anon excl",
                                                       "3 1 rw-p P w2 anon excl", "6 2 r--s -"));
  EXPECT_THAT(report.ops[0].space.vmas, ElementsAre("A+0:4:rw-p", "A+6:2:r--s"));
}

TEST(ScriptRun, ComparesFramesWithTheLookBefore) {
  PageBook book;
  const std::vector<ScriptArea> areas{{"A", at(0), 3}};
  SpaceSeen seen{{mapped(0, 3)}, {anon(0, 10, 1), anon(1, 11, 1)}};
  EXPECT_THAT(states(book.note(areas, seen)), ElementsAre("0 2 rw-p P w1 anon excl", "2 1 rw-p -"));
  seen.pages = {anon(0, 10, 1), anon(1, 12, 1), anon(2, 13, 1)};
  EXPECT_THAT(states(book.note(areas, seen)),
              ElementsAre("0 1 rw-p P w1 anon excl same", "1 1 rw-p P w1 anon excl newframe",
                          "2 1 rw-p P w1 anon excl"));
}

TEST(ScriptRun, NamesEveryFlagInTheOrderOfTheData) {
  PageBook book;
  SpaceSeen seen{{mapped(0, 6)}, {}};
  PageSeen zero = anon(0, 0, 0);
  zero.anon = zero.exclusive = false;
  zero.zero_page = true;
  zero.word = 0;
  PageSeen huge_zero = zero;
  huge_zero.address = at(1);
  huge_zero.large = huge_zero.file = true;
  PageSeen all = anon(2, 5, 7);
  all.ksm = all.large = all.uffd_wp = true;
  PageSeen file = anon(3, 6, 0);
  file.anon = false;
  file.file = true;
  file.word = script_word_of::file(3);
  PageSeen guard, marker;
  guard.address = at(4);
  marker.address = at(5);
  marker.uffd_wp = true;
  seen.pages = {zero, huge_zero, all, file, guard, marker};
  EXPECT_THAT(states(book.note({{"A", at(0), 6}}, seen)),
              ElementsAre("0 1 rw-p P zero zeropage", "1 1 rw-p P zero zeropage thp file",
                          "2 1 rw-p P w7 ksm thp anon excl uffdwp", "3 1 rw-p P file excl file",
                          "4 1 rw-p swapbit", "5 1 rw-p swapbit uffdwp"));
  EXPECT_THAT(states(book.note({{"A", at(0), 1}}, seen)), ElementsAre("0 1 rw-p P zero zeropage"))
      << "the zero page is nobody's frame";
}

TEST(ScriptRun, ShowsTheChildWhileItLives) {
  FakeTarget target;
  target.parent.areas = target.child.areas = {mapped(0, 1)};
  target.child.pages = {anon(0, 4, 1)};
  const ScriptReport report = run("mmap A 1 rw\nfork\nnop\nexit\nfork\n", target);
  EXPECT_FALSE(report.ops[0].has_child);
  EXPECT_THAT(states(report.ops[1].child), ElementsAre("0 1 rw-p P w1 anon excl"));
  EXPECT_THAT(states(report.ops[2].child), ElementsAre("0 1 rw-p P w1 anon excl same"));
  EXPECT_FALSE(report.ops[3].has_child);
  EXPECT_THAT(states(report.ops[4].child), ElementsAre("0 1 rw-p P w1 anon excl"))
      << "another child";
}

TEST(ScriptRun, ReadsEverythingAtTheEnd) {
  FakeTarget target;
  target.parent.areas = {mapped(0, 4), mapped(4, 6, 0)};
  target.words = {
      {at(0), 0}, {at(1), script_word_of::file(1)}, {at(2), script_word_of::written(9)}};
  const ScriptReport report = run("mmap A 8 rw\n", target);
  EXPECT_THAT(report.final_read.at(0).second,
              ElementsAre(PageRun{0, 1, "zero"}, PageRun{1, 1, "file"}, PageRun{2, 1, "w9"},
                          PageRun{3, 1, "fault"}, PageRun{4, 2, "noaccess"}));
}

TEST(ScriptRun, NamesAPlaceByTheLastAreaThatCanHoldIt) {
  const std::vector<ScriptArea> areas{{"A", at(0), 8}, {"B", at(100), 8}, {"C", at(25), 8}};
  EXPECT_EQ(place_name(areas, at(5)), "A+5");
  EXPECT_EQ(place_name(areas, at(30)), "C+5");
  EXPECT_EQ(place_name(areas, at(100)), "C+75") << "declared after B";
}

TEST(ScriptRun, StopsWhenAsked) {
  FakeTarget target;
  const std::atomic<bool> stop{true};
  const ScriptReport report = run_script(parse_script("nop\nnop\n", "FILE"), target, &stop);
  EXPECT_TRUE(report.interrupted);
  EXPECT_THAT(report.ops, IsEmpty());
}

std::string refusal(const std::string& text, unsigned cpus) {
  try {
    check_script(parse_script(text, "FILE"), cpus);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(ScriptRun, RefusesWhatIsNotThereBeforeItBegins) {
  EXPECT_THAT(refusal("mmap A 8 rw\nksmscan 4\n", 1),
              StartsWith("FILE:2: ksmscan is not supported yet; expected "));
  EXPECT_THAT(refusal("nop\nsleep1\n", 1),
              HasSubstr("FILE:2: thread 1 has no CPU; expected --cpus 2"));
  EXPECT_EQ(refusal("nop\nsleep1\n", 2), "");
}

TEST(ScriptRun, AMachineThatIsFullIsTheScriptsFault) {
  FakeTarget target;
  target.outcomes[2].out_of_memory = true;
  EXPECT_THROW(static_cast<void>(run("nop\nnop\n", target)), InputError);
}

}  // namespace
}  // namespace tlblab
