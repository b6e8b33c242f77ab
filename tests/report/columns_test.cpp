// SPDX-License-Identifier: GPL-2.0-or-later
// Columns of what CPUs did: where things stand, how lines break, how many CPUs have room.
#include "harness/report/columns.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

namespace tlblab {
namespace {

TraceStep row(std::uint64_t step, unsigned cpu, std::string text, bool key = true) {
  TraceStep made;
  made.step = step;
  made.cpu = cpu;
  made.text = std::move(text);
  made.key = key;
  return made;
}

std::size_t longest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

std::vector<TraceStep> race() {
  std::vector<TraceStep> rows{
      row(88, 0, "clear pte[0x4000], was page 5{a,w,d}"), row(90, 0, "load mm->rss: 2", false),
      row(95, 1, "load mm->tlb_flush_pending: 2"),        row(95, 1, "load pte[0x4000]: none"),
      row(110, 2, "TLB fill 0x7fffffffe000: page 12345"), row(111, 1, "madvise(DONTNEED) returns")};
  rows.back().violating = true;
  return rows;
}

TEST(CpuColumns, OfThreeCpus) {
  EXPECT_EQ(cpu_columns(race(), false, {}),
            "        CPU0                CPU1                CPU2\n"
            "   88   clear pte[0x4000], was\n"
            "         page 5{a,w,d}\n"
            "   95                       load\n"
            "                             mm->tlb_flush_pending:\n"
            "                             2\n"
            "                            load pte[0x4000]: none\n"
            "   110                                          TLB fill 0x7fffffffe000:\n"
            "                                                 page 12345\n"
            "=> 111                      madvise(DONTNEED)\n"
            "                             returns\n");
}

TEST(CpuColumns, AllRowsIfAskedFor) {
  EXPECT_EQ(cpu_columns(race(), false, {}).find("mm->rss"), std::string::npos);
  EXPECT_NE(cpu_columns(race(), true, {}).find("   90   load mm->rss: 2\n"), std::string::npos);
}

TEST(CpuColumns, CpusThatDoNothingHaveNone) {
  const std::vector<TraceStep> rows{row(1, 4, "one"), row(2, 9, "two")};
  EXPECT_EQ(cpu_columns(rows, false, {}),
            "      CPU4                           CPU9\n"
            "   1  one\n"
            "   2                                 two\n");
}

TEST(CpuColumns, ManyCpusAreSaidInWords) {
  std::vector<TraceStep> rows;
  for (unsigned cpu = 0; cpu < 6; ++cpu) rows.push_back(row(cpu + 1, cpu, "lock a"));
  EXPECT_EQ(cpu_columns(rows, false, {}),
            "   1  CPU0: lock a\n"
            "   2  CPU1: lock a\n"
            "   3  CPU2: lock a\n"
            "   4  CPU3: lock a\n"
            "   5  CPU4: lock a\n"
            "   6  CPU5: lock a\n");
}

TEST(CpuColumns, KeepWithin72WhateverTheWords) {
  for (unsigned cpus = 1; cpus <= 21; ++cpus) {
    std::vector<TraceStep> rows;
    for (unsigned n = 0; n < 3 * cpus; ++n)
      rows.push_back(row(1'000'000 + n, n % cpus,
                         "clear pte[0x7ffffffff000], " + std::string(5 * n, 'x') + " was page " +
                             std::to_string(n) + "{a,w,d}"));
    const std::string text = cpu_columns(rows, false, {});
    EXPECT_LE(longest_line(text), 72U) << text;
    EXPECT_EQ(text.find(" \n"), std::string::npos) << text;
  }
}

TEST(CpuColumns, PageAndItsNumberStayTogether) {
  for (std::size_t length = 1; length < 80; ++length) {
    const std::string text = cpu_columns(
        {row(1, 0, std::string(length, 'x') + " page 5 table 6 page x"), row(2, 1, "y")}, false,
        {});
    EXPECT_NE(text.find("page 5"), std::string::npos) << text;
    EXPECT_NE(text.find("table 6"), std::string::npos) << text;
  }
}

TEST(CpuColumns, OfNothingAreNothing) {
  EXPECT_EQ(cpu_columns({}, true, {}), "");
  EXPECT_EQ(cpu_columns({row(1, 0, "hidden", false)}, false, {}), "");
}

TEST(CpuColumns, ColourMarksTheViolationOnly) {
  const std::string text = cpu_columns(race(), false, {.on = true});
  EXPECT_EQ(text.find('\x1b'), text.find("\x1b[1;31m=> 111"));
  EXPECT_NE(text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace tlblab
