// SPDX-License-Identifier: GPL-2.0-or-later
// Reading scripts: the whole grammar, the layout of areas, and refusals that name the line.
#include "harness/workload/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/workload/input_error.h"
#include "harness/workload/script_words.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Script parse(std::string_view text) { return parse_script(text, "FILE"); }

// The last operation of the text.
ScriptOp last_of(std::string_view text) {
  const Script script = parse(text);
  return script.ops.empty() ? ScriptOp{} : script.ops.back();
}
// After `mmap A 64 rw` and `mmap S 64 rw`.
ScriptOp op_of(const std::string& line) {
  return last_of("mmap A 64 rw\nmmap S 64 rw\n" + line + "\n");
}
std::string error_of(std::string_view text) {
  try {
    static_cast<void>(parse(text));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

constexpr vaddr_t area(std::uint64_t index, std::uint64_t page = 0) {
  return script_base + index * script_area_size + page * page_size;
}

TEST(Script, LaysAreasOutInOrderOfTheirLines) {
  const Script script = parse(
      "area B 512\nmmap A 8 rw\nmmap C 8 rw at=A+100\nmmap D 8 rw skew=3\nmmap A 16 rw fixed\n");
  ASSERT_EQ(script.areas.size(), 4U);
  EXPECT_EQ(script.areas[0].base, area(0));
  EXPECT_EQ(script.areas[1].base, area(1));
  EXPECT_EQ(script.areas[2].base, area(1, 100)) << "at= takes an index all the same";
  EXPECT_EQ(script.areas[3].base, area(3, 3));
  EXPECT_EQ(script.areas[1].pages, 16U) << "the most that a line gave it";
  EXPECT_EQ(script.ops[3].start, area(1));
}

TEST(Script, DirectivesAndCommentsAreNoOperations) {
  const Script script = parse(
      "# a comment\noption no-keeper\noption no-rt\noption child-cpu 1\n\n  \t\narea B 4\n"
      "mmap A 8 rw # and one behind\r\n  touch   A\t0 8 w#\n");
  EXPECT_FALSE(script.keeper);
  EXPECT_FALSE(script.real_time);
  EXPECT_EQ(script.child_cpu, 1U);
  EXPECT_THAT(script.directives,
              ElementsAre("option no-keeper", "option no-rt", "option child-cpu 1", "area B 4"));
  ASSERT_EQ(script.ops.size(), 2U);
  EXPECT_EQ(script.ops[0].text, "mmap A 8 rw");
  EXPECT_EQ(script.ops[1].text, "touch A 0 8 w");
  EXPECT_EQ(script.ops[1].line, 9U);
}

TEST(Script, KnowsEveryFlagOfMmap) {
  const ScriptOp op = last_of("mmap A 8 r shared memfd populate noreserve fixed");
  EXPECT_TRUE(op.shared && op.populate && op.noreserve && op.fixed);
  EXPECT_EQ(op.file, ScriptFile::memfd);
  EXPECT_EQ(op.prot, script_read);
  EXPECT_EQ(last_of("mmap A 8 none file").file, ScriptFile::file);
  const ScriptOp plain = last_of("mmap A 8 rw");
  EXPECT_FALSE(plain.shared || plain.populate || plain.noreserve || plain.fixed);
  EXPECT_EQ(plain.file, ScriptFile::none);
}

TEST(Script, KnowsEveryAdviceAndRangeOperation) {
  for (const char* word : {"dontneed",   "free",          "cold",
                           "pageout",    "hugepage",      "nohugepage",
                           "collapse",   "populate_read", "populate_write",
                           "willneed",   "mergeable",     "unmergeable",
                           "remove",     "guard",         "unguard",
                           "dontfork",   "wipeonfork",    "dontneed_locked",
                           "sequential", "munmap",        "mlock",
                           "munlock",    "uffdzero",      "uffdunreg"}) {
    const ScriptOp op = op_of(std::string(word) + " A 3 5");
    EXPECT_EQ(name_of(op.verb), word);
    EXPECT_EQ(op.start, area(0, 3)) << word;
    EXPECT_EQ(op.pages, 5U) << word;
  }
}

TEST(Script, TakesOperandsOfTheOthers) {
  EXPECT_EQ(op_of("touch A 0 8 w").prot, script_write);
  EXPECT_EQ(op_of("touch A 0 8 r").prot, script_read);
  EXPECT_EQ(op_of("write A 5").pages, 1U);
  EXPECT_EQ(op_of("write A 5 3").pages, 3U);
  EXPECT_EQ(op_of("read A 5").prot, script_read);
  EXPECT_EQ(op_of("mprotect A 0 8 rwx").prot, script_read | script_write | script_exec);
  EXPECT_EQ(op_of("mprotect A 0 8 none").prot, 0);
  EXPECT_TRUE(op_of("uffdreg A 0 8 wp").on);
  EXPECT_FALSE(op_of("uffdreg A 0 8 missing").on);
  EXPECT_FALSE(op_of("uffdwp A 0 8 off").on);
  EXPECT_EQ(op_of("uffdcopy A 0 8 S 2").other, area(1, 2));
  EXPECT_EQ(op_of("uffdmove A 0 8 S 2").other, area(1, 2));
  EXPECT_EQ(op_of("ksmscan 4").number, 4U);
  EXPECT_EQ(op_of("msleep 20").number, 20U);
  EXPECT_EQ(op_of("nop").verb, ScriptVerb::nop);
}

TEST(Script, TakesMremapWithAndWithoutItsFlags) {
  const ScriptOp plain = op_of("mremap A 1 8 16");
  EXPECT_EQ(plain.new_pages, 16U);
  EXPECT_FALSE(plain.other.has_value());
  EXPECT_EQ(op_of("mremap A 1 8 16 maymove").text, "mremap A 1 8 16 maymove");
  const ScriptOp moved = op_of("mremap A 1 8 8 to=S+5 dontunmap");
  EXPECT_EQ(moved.other, area(1, 5));
  EXPECT_TRUE(moved.dontunmap);
  EXPECT_EQ(op_of("mremap A 1 8 8 to=S").other, area(1));
}

TEST(Script, KnowsWhoDoesIt) {
  const Script script = parse(
      "mmap A 8 rw\nthread 1: touch A 0 8 w\nfork\nchild: write A 1\nchild: exit\nfork\nexit\n"
      "sleep1\nwake1\nt1exit\n");
  EXPECT_EQ(script.ops[0].actor, ScriptActor::t0);
  EXPECT_EQ(script.ops[1].actor, ScriptActor::t1);
  EXPECT_EQ(script.ops[1].text, "thread 1: touch A 0 8 w");
  EXPECT_EQ(script.ops[3].actor, ScriptActor::child);
  EXPECT_EQ(script.second_thread, 2U);
  EXPECT_EQ(parse("mmap A 8 rw\nfork\nexit\n").second_thread, 0U);
}

TEST(Script, TextOfAnOperationReadsBackAsItself) {
  const std::string lines = "mmap A 64 rw\nmmap S 64 rw\n";
  for (const char* line : {"mremap A 1 8 8 to=S+5 dontunmap", "uffdcopy A 0 8 S 2", "write A 5"}) {
    const ScriptOp once = op_of(line);
    const ScriptOp twice = op_of(once.text);
    EXPECT_EQ(once.text, line);
    EXPECT_EQ(twice.text, once.text);
    EXPECT_EQ(twice.verb, once.verb);
    EXPECT_EQ(twice.start, once.start);
    EXPECT_EQ(twice.other, once.other);
  }
}

struct Refusal {
  std::string_view text, begin, part;
};

TEST(Script, RefusesWithTheLineAndWhatWasExpected) {
  const Refusal refusals[] = {
      {"mmap A 8 rw\nmunmp A 0 8", "FILE:2: there is no operation 'munmp'", "expected one of"},
      {"mmap", "FILE:1: 'mmap' lacks an area", "mmap A n rw|r|none"},
      {"mmap A 8", "FILE:1: 'mmap A 8' lacks a protection", ""},
      {"mmap A 8 w", "FILE:1: 'w' is not a protection", ""},
      {"mmap A x rw", "FILE:1: 'x' is no number", ""},
      {"mmap A -1 rw", "FILE:1: '-1' is no number", ""},
      {"mmap A 0x10 rw", "FILE:1: '0x10' is no number", ""},
      {"mmap A 99999999999999999999999 rw", "FILE:1: 99999999999999999999999 is too large", ""},
      {"mmap A 1048577 rw", "FILE:1: 1048577 is too large; expected at most 1048576", ""},
      {"mmap A 8 rw turbo", "FILE:1: there is no flag 'turbo' of mmap", "at=B+off"},
      {"mmap A 8 rw at=B+1", "FILE:1: there is no area B", ""},
      {"mmap 8 8 rw", "FILE:1: '8' is no name of an area", ""},
      {"touch A 0 1 w", "FILE:1: there is no area A", "a line above"},
      {"mmap A 8 rw\ntouch A 0 1", "FILE:2: 'touch A 0 1' lacks r or w", "touch A off n r|w"},
      {"mmap A 8 rw\ntouch A 0 1 x", "FILE:2: 'x' is not r or w", ""},
      {"mmap A 8 rw\nwrite A 0 1 2", "FILE:2: '2' is too much", "write A off [n]"},
      {"mmap A 8 rw\nmremap A 0 8 8 fast", "FILE:2: there is no flag 'fast' of mremap", ""},
      {"mmap A 8 rw\nthread 2: touch A 0 1 w", "FILE:2: 'thread' without '1:'", ""},
      {"mmap A 8 rw\nchild: write A 0", "FILE:2: there is no child", "fork"},
      {"exit", "FILE:1: there is no child", ""},
      {"fork\nfork", "FILE:2: there is a child already", "exit"},
      {"fork\nthread 1: exit", "FILE:2: exit ends the child", ""},
      {"mmap A 8 rw\nsleep1\nthread 1: write A 0", "FILE:3: thread 1 sleeps", "wake1"},
      {"t1exit\nwake1", "FILE:2: thread 1 has exited", ""},
      {"area A 1\narea A 2", "FILE:2: area A is there already", ""},
      {"option fast", "FILE:1: there is no option 'fast'", "no-keeper"},
      {"option child-cpu 2", "FILE:1: there is no CPU 2", ""},
      {"child:", "FILE:1: 'child:' lacks an operation", ""},
  };
  for (const auto& [text, begin, part] : refusals) {
    EXPECT_THAT(error_of(text), StartsWith(std::string(begin)));
    EXPECT_THAT(error_of(text), HasSubstr("; expected "));
    EXPECT_THAT(error_of(text), HasSubstr(std::string(part)));
    EXPECT_THAT(error_of(text), Not(HasSubstr("\n")));
  }
}

TEST(Script, RefusesWhatIsTooMuch) {
  std::string many;
  for (std::size_t n = 0; n <= ScriptLimits::operations; ++n) many += "nop\n";
  EXPECT_THAT(error_of(many), StartsWith("FILE:4097: too many operations"));
  many.clear();
  for (std::size_t n = 0; n <= ScriptLimits::areas; ++n)
    many += "area X" + std::to_string(n) + " 1\n";
  EXPECT_THAT(error_of(many), StartsWith("FILE:101: too many areas"));
  EXPECT_THAT(
      error_of("area A 1048576\narea B 1048576\narea C 1048576\narea D 1048576\narea E 1\n"),
      StartsWith("FILE:5: the areas are too large"));
  EXPECT_THAT(error_of("area " + std::string(100, 'A') + " 1"), HasSubstr("is no name"));
}

TEST(Script, AMessageRepeatsNoControlCharactersAndNoLongWords) {
  EXPECT_THAT(error_of("\x1b[31m\x07"), StartsWith("FILE:1: there is no operation '?[31m?';"));
  EXPECT_THAT(error_of(std::string(5000, 'x')), Not(HasSubstr(std::string(50, 'x'))));
}

}  // namespace
}  // namespace tlblab
