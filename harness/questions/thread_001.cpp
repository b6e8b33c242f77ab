// SPDX-License-Identifier: GPL-2.0-or-later
// May 2021: mremap moves whole page tables, and reclaim knows the old address.
#include <fmt/format.h>

#include "harness/questions/question.h"

namespace tlblab {
namespace {

constexpr Evidence with(std::string_view role,
                        std::string_view shows,
                        std::string_view arch,
                        std::string_view set,
                        std::uint64_t executions = 2000,
                        std::string_view memory = {}) {
  return {.role = role,
          .shows = shows,
          .scenario = "mremap-pmd-vs-reclaim-2021",
          .arch = arch,
          .set = set,
          .memory = memory,
          .executions = executions,
          .told = role == "obvious" && memory == "sc"};
}
constexpr std::uint64_t rare = 100'000;  // it takes three CPUs in the right places

constexpr Evidence evidence_4[]{
    with("as it was",
         "insert at the new place, flush the old, drop the locks",
         "ppc64_radix",
         "mremap-rmap-lock",
         rare),
    with("posted",
         "the patch: the flush moved outside the page table lock",
         "ppc64_radix",
         "mremap-rmap-lock=flush-after-unlock",
         rare),
    with("obvious",
         "flush between the clear and the insert",
         "ppc64_radix",
         "mremap-rmap-lock=flush-between",
         rare),
    with("obvious",
         "the same, even if nothing is reordered",
         "arm64",
         "mremap-rmap-lock=flush-between",
         rare,
         "sc"),
    with("cure", "reverse mapping kept out, as merged", "ppc64_radix", ""),
    with("cure",
         "the same, with the flush when the PMD locks are dropped",
         "ppc64_radix",
         "mremap-rmap-lock=on-flush-outside"),
    with(
        "cure", "the moved table's own lock taken too", "ppc64_radix", "mremap-rmap-lock=pte-lock"),
    with("cure",
         "who unmaps a page flushes every address",
         "ppc64_radix",
         "mremap-rmap-lock=unmap-flushes-mm"),
    with("hidden",
         "reclaim that flushes address spaces in batches",
         "x86",
         "mremap-rmap-lock=flush-between"),
    with("immune",
         "an invalidate that names the entry and not an address, if tables moved there",
         "s390+move-tables",
         "mremap-rmap-lock=flush-between",
         20'000),
    with("immune", "the same", "s390+move-tables", "mremap-rmap-lock=flush-between", 50'000, "sc"),
};

Answer answer_4(const Findings& found) {
  const bool broken =
      found.violate("as it was") && found.violate("posted") && found.violate("obvious");
  if (!broken || !found.are_clean("cure")) return {};
  std::string text = fmt::format(
      "it fixes nothing: on {} the page is freed while a TLB shows it at the new address, "
      "whether the flush comes before the insert, after it, or when the locks are dropped. "
      "Nothing was missed: reclaim flushes the address that it came by. Keeping reverse mapping "
      "out cures it (then the flush may come after the PMD locks are dropped), and so do the "
      "moved table's own lock and a flush of every address by who unmaps.",
      found.arches("obvious"));
  if (found.are_clean("hidden"))
    text += fmt::format(" On {} reclaim does the last of these, to save interrupts; that hides it.",
                        found.arches("hidden"));
  if (found.are_clean("immune"))
    text +=
        " s390 would be immune, if tables moved there: IPTE invalidates whatever was made from "
        "the entry, at any address.";
  return {Verdict::no, text};
}

constexpr Question all[]{
    {.id = 4,
     .author = "Linus Torvalds, 2021",
     .thread = "001",
     .quote = "Your patch (to flush the TLB after clearing the old location, and before inserting "
              "it into the new one) looks like an \"obvious\" fix. But [...] I'm now wondering if "
              "it actually fixes anything. [...] Am I missing something?",
     .asked = "Does flushing between clear and insert fix the move of a PMD against reclaim?",
     .evidence = evidence_4,
     .answer = answer_4,
     .expected = Verdict::no,
     .claims = "Kernels from 4.21 to 5.13 moved PMDs that way on x86 and arm64, and 5.13 on ppc64 "
               "with radix. Page migration and write-back by reverse mapping do not batch on x86 "
               "and are not searched here."},
};

}  // namespace

std::span<const Question> questions_of_thread_001() { return all; }

}  // namespace tlblab
