// SPDX-License-Identifier: GPL-2.0-or-later
// September 2022: PageAnonExclusive against GUP-fast.
#include <fmt/format.h>

#include "harness/questions/question.h"

namespace tlblab {
namespace {

constexpr Evidence protocol(std::string_view role,
                            std::string_view shows,
                            std::string_view arch,
                            std::string_view set,
                            bool told = false) {
  return {.role = role,
          .shows = shows,
          .scenario = "gup-fast-anon-exclusive-2022-bare",
          .arch = arch,
          .set = set,
          .memory = "weak",
          .executions = set.empty() ? 5000U : 20'000U,
          .told = told};
}
constexpr Evidence ksm(std::string_view role,
                       std::string_view shows,
                       std::string_view arch,
                       std::string_view set) {
  return {.role = role,
          .shows = shows,
          .scenario = "gup-fast-anon-exclusive-2022",
          .arch = arch,
          .set = set,
          .executions = role == "ksm" ? 20'000U : 2000U};
}

constexpr std::string_view pin = "the protocol alone, no smp_mb after the pin",
                           clear = "no smp_mb after the clear",
                           exclusive = "no smp_wmb before the entry is put back",
                           look = "no smp_rmb before the look at the flag";
constexpr Evidence evidence_5[]{
    protocol("protocol", pin, "arm64", "gup-pin-mb", true),
    protocol("protocol", clear, "arm64", "ksm-clear-mb"),
    protocol("protocol", exclusive, "arm64", "ksm-exclusive-wmb"),
    protocol("protocol", look, "arm64", "gup-exclusive-rmb"),
    protocol("protocol", pin, "ppc64_radix", "gup-pin-mb"),
    protocol("protocol", clear, "ppc64_radix", "ksm-clear-mb"),
    protocol("protocol", exclusive, "ppc64_radix", "ksm-exclusive-wmb"),
    protocol("protocol", look, "ppc64_radix", "gup-exclusive-rmb"),
    protocol("cure", "with all four", "arm64", ""),
    protocol("cure", "with all four", "ppc64_radix", ""),
    ksm("ksm", "KSM as it is, clear and flush; no smp_mb after the pin", "arm64", "gup-pin-mb"),
    ksm("ksm", "the same", "ppc64_radix", "gup-pin-mb"),
    ksm("hidden",
        "KSM as it is; no smp_mb after the clear: the flush is one",
        "arm64",
        "ksm-clear-mb"),
    ksm("waits", "where the flush interrupts who walks without locks", "x86", "gup-pin-mb"),
    ksm("waits", "the same", "x86", "gup-exclusive-rmb"),
};

Answer answer_5(const Findings& found) {
  if (!found.violate("protocol") || !found.are_clean("cure")) return {};
  if (!found.violate("ksm") || !found.are_clean("hidden") || !found.are_clean("waits")) return {};
  return {Verdict::depends,
          fmt::format("on the barriers, the memory and the flush. Where loads and stores are "
                      "reordered ({}) the protocol needs all four: each one left out alone lets a "
                      "pin and the loss of PageAnonExclusive pass each other. As KSM is, with its "
                      "flush, the barrier after the clear is implied, but the one after the pin "
                      "is missed: the race does happen on {}, where a flush waits for no walker. "
                      "On {} it cannot: the flush waits until interrupts are on again.",
                      found.arches("protocol"), found.arches("ksm"), found.arches("waits"))};
}

constexpr Question all[]{
    {.id = 5,
     .author = "David Hildenbrand, 2022",
     .thread = "002",
     .quote = "The possible issues due to reordering are of theoretical nature so far and attempts "
              "to reproduce the race failed.",
     .asked = "Can the PageAnonExclusive race with GUP-fast happen?",
     .evidence = evidence_5,
     .answer = answer_5,
     .expected = Verdict::depends,
     .claims = "The memory model allows what the LKMM allows, except load buffering; which of it "
               "a given processor does is not said."},
};

}  // namespace

std::span<const Question> questions_of_thread_002() { return all; }

}  // namespace tlblab
