// SPDX-License-Identifier: GPL-2.0-or-later
// July 2017: parallel MADV_DONTNEED and MADV_FREE, and who counts pending flushes.
#include <fmt/format.h>

#include "harness/questions/question.h"

namespace tlblab {
namespace {

// ---- 1 --------------------------------------------------------------------------------------------

constexpr std::string_view two_frees = "madvise-free-parallel-2017";
constexpr Evidence evidence_1[]{
    {.role = "race",
     .shows = "two MADV_FREE at once, as before 2017",
     .scenario = two_frees,
     .arch = "x86",
     .set = "nested-flush",
     .executions = 20'000,
     .told = true},
    {.role = "race",
     .shows = "the same where invalidates are broadcast",
     .scenario = two_frees,
     .arch = "arm64",
     .set = "nested-flush",
     .executions = 20'000},
    {.role = "cure",
     .shows = "with the forced flush of 99baac21e458: every interleaving",
     .scenario = two_frees,
     .arch = "x86",
     .executions = 0},
    {.role = "immune",
     .shows = "entries that are invalidated before the page-table lock is dropped",
     .scenario = two_frees,
     .arch = "s390",
     .set = "nested-flush"},
};

Answer answer_1(const Findings& found) {
  if (!found.violate("race") || !found.are_clean_and_complete("cure")) return {};
  std::string text = fmt::format(
      "it happens on {}. madvise_free has no protection that prevents it: the second "
      "caller finds the entry clean, records nothing and flushes nothing. With the forced flush "
      "every one of {} executions is clean.",
      found.arches("race"), found.executions("cure"));
  if (found.are_clean("immune"))
    text += fmt::format(" Not on {}, which needs no flush at the end.", found.arches("immune"));
  return {Verdict::yes, text};
}

// ---- 2 --------------------------------------------------------------------------------------------

constexpr std::string_view two_zaps = "madvise-parallel-2017";
constexpr std::string_view by_arch = "as Minchan Kim posted it: the architecture counts";
constexpr std::string_view by_core = "as Mel Gorman asked for: core counts";

constexpr Evidence with(std::string_view role,
                        std::string_view shows,
                        std::string_view arch,
                        std::string_view set = {},
                        std::uint64_t executions = 1000) {
  return {.role = role,
          .shows = shows,
          .scenario = two_zaps,
          .arch = arch,
          .set = set,
          .executions = executions};
}
constexpr Evidence without(std::string_view shows, std::string_view arch) {
  return with("no count", shows, arch, "nested-flush", 20'000);
}
constexpr Evidence evidence_2[]{
    with("posted", by_arch, "arm@2017-posted"),
    with("posted", by_arch, "ia64@2017-posted"),
    with("split", by_core, "arm@2017-merged"),
    with("split", by_core, "ia64@2017-merged"),
    with("split", by_core, "x86"),
    with("split", by_core, "arm64"),
    with("split", by_core, "s390"),
    without("the same without looking at the count", "arm@2017-merged"),
    without("the same without looking at the count", "ia64@2017-merged"),
    without("the same without looking at the count", "x86"),
    without("the same without looking at the count", "arm64"),
    with("frees first, posted", by_arch, "sh@2017-posted"),
    with("frees first, posted", by_arch, "um@2017-posted"),
    with("frees first, split", by_core, "sh@2017-merged"),
    with("frees first, split", by_core, "um@2017-merged"),
};

Answer answer_2(const Findings& found) {
  const bool same = found.are_clean("posted") && found.are_clean("split") &&
                    found.are_alike("frees first, posted", "frees first, split");
  if (!same || !found.violate("no count")) return {};
  return {Verdict::yes,
          fmt::format("with the count in core the race is stopped on {}, as it is where the "
                      "architecture counts ({}). It is the count that stops it: without it {} "
                      "fail. {} keep their gathers too; what goes wrong there, pages that are "
                      "freed before the flush, is the same in both shapes.",
                      found.arches("split"), found.arches("posted"), found.arches("no count"),
                      found.arches("frees first, split"))};
}

// ---- 3 --------------------------------------------------------------------------------------------

constexpr Evidence evidence_3[]{
    {.role = "forced",
     .shows = "two MADV_DONTNEED at once, the second flush forced",
     .scenario = two_zaps,
     .arch = "s390"},
    {.role = "not forced",
     .shows = "nothing forced",
     .scenario = two_zaps,
     .arch = "s390",
     .set = "nested-flush",
     .executions = 20'000},
    {.role = "not forced",
     .shows = "nothing forced, two MADV_FREE",
     .scenario = two_frees,
     .arch = "s390",
     .set = "nested-flush",
     .executions = 20'000},
    {.role = "elsewhere",
     .shows = "nothing forced, where the flush waits for tlb_finish_mmu",
     .scenario = two_zaps,
     .arch = "x86",
     .set = "nested-flush",
     .executions = 20'000},
};

Answer answer_3(const Findings& found) {
  if (!found.are_clean("forced") || !found.are_clean("not forced") || !found.violate("elsewhere"))
    return {};
  return {Verdict::no,
          "force changes a range that the flush of s390 does not look at, and sets no flush_mm. It "
          "need not: with more than one CPU attached IPTE has taken the entry out of every TLB "
          "before the page-table lock is dropped, and with one alone flush_mm is the mm's and not "
          "the gather's, so whoever finishes first, or attaches, pays. Without any forced flush "
          "nothing is found."};
}

// ---- all of them ----------------------------------------------------------------------------------

constexpr Question all[]{
    {.id = 1,
     .author = "Mel Gorman, 2017",
     .thread = "000",
     .quote = "I think this is possible but I could have missed some protection in madv_free that "
              "prevents it happening.",
     .asked = "Is the MADV_FREE race on two CPUs possible?",
     .evidence = evidence_1,
     .answer = answer_1,
     .expected = Verdict::yes,
     .claims = "Kernels from 4.5 to 4.12 had that code. How often the window is hit is not said."},
    {.id = 2,
     .author = "Mel Gorman, 2017",
     .thread = "000",
     .quote = "It's a little tricky to split the arch layer and core mm to have all the set/clear "
              "of mm_tlb_flush_pending handled by the core mm.",
     .asked =
         "Can the arch layer be split so that set and clear of the pending count live in core?",
     .evidence = evidence_2,
     .answer = answer_2,
     .expected = Verdict::yes,
     .claims = "The two shapes of 2017 are modelled as the patches had them; 56236a59556c merged "
               "the second. ia64 is as far as its headers show it."},
    {.id = 3,
     .author = "Minchan Kim, 2017",
     .thread = "000",
     .quote = "this problem never changes the pte entries but need to flush to prevent memory "
              "access from stale tlb.",
     .asked = "s390 flushes only if flush_mm is set: is force honoured there?",
     .evidence = evidence_3,
     .answer = answer_3,
     .expected = Verdict::no,
     .claims = "Bounded searches. Complete ones of both scenarios are a test of the laboratory "
               "(immunity_test)."},
};

}  // namespace

std::span<const Question> questions_of_thread_000() { return all; }

}  // namespace tlblab
