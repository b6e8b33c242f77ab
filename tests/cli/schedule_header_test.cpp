// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/schedule_header.h"

#include <gtest/gtest.h>

#include "harness/cli/errors.h"

namespace tlblab {
namespace {

const ScheduleHeader full{"some-race-2017", "x86", "sc", {"a-fix", "b-fix"}, 4};

TEST(ScheduleHeader, IsPrintedBeforeTheSteps) {
  EXPECT_EQ(with_header(full, "a7 b.irq c:1"),
            "v1 some-race-2017 x86 sc without=a-fix,b-fix cpus=4 : a7 b.irq c:1");
  EXPECT_EQ(with_header({"s", "x86", "sc", {}, 0}, "a7"), "v1 s x86 sc : a7");
}

TEST(ScheduleHeader, ReplacesOneThatIsThere) {
  EXPECT_EQ(with_header({"s", "x86", "sc", {}, 0}, "v1 a7 b2"), "v1 s x86 sc : a7 b2");
  EXPECT_EQ(with_header({"s", "x86", "sc", {}, 0}, "v1 other arm64 : a7"), "v1 s x86 sc : a7");
}

TEST(ScheduleHeader, IsReadBack) {
  EXPECT_EQ(header_of(with_header(full, "a7 b2")), full);
  const ScheduleHeader plain{"s", "x86", "sc", {}, 0};
  EXPECT_EQ(header_of(with_header(plain, "a7 b2")), plain);
}

TEST(ScheduleHeader, RepeatsWhatWasMadeToFail) {
  const ScheduleHeader failing{"s", "x86", "sc", {}, 2, {"site=gather_batch,every=3", "number=4"}};
  const std::string text = with_header(failing, "a7");
  EXPECT_EQ(text,
            "v1 s x86 sc cpus=2 fail-alloc=site=gather_batch,every=3 fail-alloc=number=4 : a7");
  EXPECT_EQ(header_of(text), failing);
  EXPECT_THROW(static_cast<void>(header_of("v1 s x86 sc fail-alloc=number=0 : a7")), UsageError);
}

TEST(ScheduleHeader, RepeatsWhatTheHardwareDoes) {
  const ScheduleHeader acting{
      .scenario = "s", .arch = "x86", .without = {}, .actors = {.walks = 1, .evictions = 2}};
  const std::string text = with_header(acting, "a7 a.walk");
  EXPECT_EQ(text, "v1 s x86 sc actors=walker,evict=2 : a7 a.walk");
  EXPECT_EQ(header_of(text), acting);
  for (const char* wrong : {"v1 s x86 sc actors=flusher : a7", "v1 s x86 sc actors=walker=9 : a7",
                            "v1 s x86 sc actors=walker,walker : a7"})
    EXPECT_THROW(static_cast<void>(header_of(wrong)), UsageError) << wrong;
}

TEST(ScheduleHeader, NamesAFileAndWhatWasInIt) {
  const ScheduleHeader of_file{.scenario = "a b/100%'s.scenario",
                               .arch = "x86",
                               .without = {"a-fix"},
                               .fingerprint = "0123456789abcdef"};
  const std::string text = with_header(of_file, "a7");
  EXPECT_EQ(text,
            "v1 file=a%20b/100%25%27s.scenario x86 sc text=0123456789abcdef without=a-fix : a7");
  EXPECT_EQ(header_of(text), of_file);
  for (const char* wrong :
       {"v1 file=f x86 sc : a7", "v1 file=f x86 sc text=0123 : a7",
        "v1 file=f x86 sc text=0123456789abcdeg : a7", "v1 s x86 sc text=0123456789abcdef : a7"})
    EXPECT_THROW(static_cast<void>(header_of(wrong)), UsageError) << wrong;
}

TEST(ScheduleHeader, MayBeBrokenIntoLinesAsAMailerDoes) {
  EXPECT_EQ(header_of("v1 some-race-2017 x86\n  sc without=a-fix,b-fix\n\tcpus=4 :\r\n a7 b2"),
            full);
}

TEST(ScheduleHeader, MustSayWhatItIsOf) {
  for (const char* text :
       {"v1 a7", "v1 : a7", "v1 s : a7", "v1 s x86 : a7", "v1 s x86 pso : a7",
        "v1 s x86 sc cpus= : a7", "v1 s x86 sc cpus=0 : a7", "v1 s x86 sc cpus=2x : a7",
        "v1 s x86 sc more : a7", "", "v1 s x86 sc : a"})
    EXPECT_THROW(static_cast<void>(header_of(text)), UsageError) << text;
}

}  // namespace
}  // namespace tlblab
