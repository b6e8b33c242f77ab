// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/layout.h"

#include <gtest/gtest.h>

namespace tlblab {
namespace {

TEST(Wrapped, BreaksBetweenWords) {
  EXPECT_EQ(wrapped("", "one two three", "", 7), "one two\nthree\n");
  EXPECT_EQ(wrapped("> ", "one two three", "  ", 9), "> one two\n  three\n");
  EXPECT_EQ(wrapped("", "", "  "), "\n");
  EXPECT_EQ(wrapped("", "  many\n\n spaces\t", "", 72), "many spaces\n");
}

TEST(Wrapped, LeavesAWordThatIsTooLongWhole) {
  EXPECT_EQ(wrapped("", "a incomprehensible b", "  ", 6), "a\n  incomprehensible\n  b\n");
}

TEST(Wrapped, KeepsHardBlanks) {
  EXPECT_EQ(wrapped("", "in " + readable_seconds(3, hard_blank), "", 6), "in\n3.00 s\n");
}

TEST(Columns, AreAsWideAsTheirWidestCell) {
  Columns table(1);
  table.row({"kind", "calls", "x"});
  table.row({"munmap", "7", "12345"});
  EXPECT_EQ(table.text(), "kind    calls      x\nmunmap      7  12345\n");
}

TEST(Columns, DoNotEndLinesWithBlanks) {
  Columns table(2, "  ");
  table.row({"a", "", ""});
  table.row({"bb", "cc", "d"});
  EXPECT_EQ(table.text(), "  a\n  bb  cc  d\n");
}

TEST(ReadableSeconds, KeepThreeDigits) {
  EXPECT_EQ(readable_seconds(0), "0 ns");
  EXPECT_EQ(readable_seconds(3.4e-7), "340 ns");
  EXPECT_EQ(readable_seconds(1.234e-6), "1.23 us");
  EXPECT_EQ(readable_seconds(0.0125), "12.5 ms");
  EXPECT_EQ(readable_seconds(0.25), "250 ms");
  EXPECT_EQ(readable_seconds(1), "1.00 s");
  EXPECT_EQ(readable_seconds(123.4), "123 s");
}

TEST(Counted, KnowsItsPlurals) {
  EXPECT_EQ(counted(1, "CPU"), "1 CPU");
  EXPECT_EQ(counted(0, "CPU"), "0 CPUs");
  EXPECT_EQ(counted(2, "process"), "2 processes");
}

TEST(Joined, MayEndInAWord) {
  EXPECT_EQ(joined({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(joined({"a", "b", "c"}, ", ", " or "), "a, b or c");
  EXPECT_EQ(joined({"a"}, ", ", " or "), "a");
  EXPECT_EQ(joined({}), "");
}

}  // namespace
}  // namespace tlblab
