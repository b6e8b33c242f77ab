// SPDX-License-Identifier: GPL-2.0-or-later
// December 2020: write protection by userfaultfd and clear_refs against copy-on-write, and what else
// Andrea Arcangeli had on his list.
#include <fmt/format.h>

#include "harness/questions/question.h"

namespace tlblab {
namespace {

// ---- 6 --------------------------------------------------------------------------------------------

constexpr Evidence copy(std::string_view role,
                        std::string_view shows,
                        std::string_view arch,
                        std::string_view set,
                        std::uint64_t executions = 3000) {
  return {.role = role,
          .shows = shows,
          .scenario = "flush-pending-order-2020",
          .arch = arch,
          .set = set,
          .executions = executions,
          .told = role == "before" && arch == "riscv+ipi"};
}
constexpr std::string_view reads = "a write fault reads the count and copies the page",
                           as_is = "anon-exclusive", early = "anon-exclusive,dec-after-flush",
                           counted_early = "the same, counted as done before the flush",
                           chain = "cow-read-order-2020",
                           no_take = "anon-exclusive,take-requests-mb",
                           released = "anon-exclusive,take-requests-mb,dec-release=on";
constexpr Evidence third(std::string_view role,
                         std::string_view shows,
                         std::string_view arch,
                         std::string_view set,
                         std::uint64_t executions = 5000) {
  return {.role = role,
          .shows = shows,
          .scenario = chain,
          .arch = arch,
          .set = set,
          .executions = executions,
          .told = role == "no barrier" && arch == "mips"};
}
constexpr Evidence evidence_6[]{
    copy("interrupts", reads, "x86", as_is),
    copy("interrupts", "the same, where memory is weak", "riscv+ipi", as_is),
    copy("interrupts", "the same", "arm+ipi", as_is),
    copy("broadcasts", "the same, where invalidates are broadcast", "arm64", as_is),
    copy("broadcasts", "the same", "ppc64_radix", as_is),
    {.role = "ksm", .shows = "ksm reads the count", .scenario = "ksm-pending-2017", .arch = "x86"},
    copy("before", counted_early, "x86", early, 20'000),
    copy("before", counted_early, "riscv+ipi", early, 20'000),
    copy("before", counted_early, "arm64", early, 20'000),
    third("third", "is a third CPU's store in the copy: interrupts, weak memory", "mips", as_is),
    third("third", "the same", "sh", as_is),
    third("third", "the same, where invalidates are broadcast", "arm64", as_is),
    third("no barrier", "if who is interrupted had none, nor the flusher", "mips", no_take, 20'000),
    third("no barrier", "the same", "sh", no_take, 20'000),
    third("release", "but a decrement that is a release", "mips", released),
    third("release", "the same", "sh", released),
};

Answer answer_6(const Findings& found) {
  if (!found.are_clean("interrupts") || !found.are_clean("broadcasts")) return {};
  if (!found.violate("before") || !found.are_clean("ksm")) return {};
  if (!found.are_clean("third") || !found.violate("no barrier") || !found.are_clean("release"))
    return {};
  return {
      Verdict::no,
      fmt::format("a relaxed decrement is not seen before the invalidate is complete. On {} the "
                  "flusher has seen the acknowledgement, with acquire, before it decrements; on "
                  "{} it has waited for the broadcast. smp_mb__before_atomic orders accesses and "
                  "no invalidate, and a decrement that comes before the flush is wrong whatever "
                  "stands beside it ({}). Nor does a third party need it: what a CPU stored before "
                  "it acknowledged is seen by who sees the count go down, because it takes its "
                  "requests by an exchange, a full barrier, and who broadcasts has a full barrier "
                  "after his invalidate. Without any of these ({}) it would be needed, and a "
                  "release is enough.",
                  found.arches("interrupts"), found.arches("broadcasts"), found.arches("before"),
                  found.arches("no barrier"))};
}

// ---- 7 --------------------------------------------------------------------------------------------

constexpr std::string_view no_rmb = "anon-exclusive,cow-read-rmb",
                           no_rmb_but_mb = "anon-exclusive,cow-read-rmb,dec-release=on",
                           older = "the copy, without the barrier";
constexpr Evidence seventh(std::string_view role,
                           std::string_view shows,
                           std::string_view arch,
                           std::string_view set,
                           std::string_view memory = {}) {
  return {.role = role,
          .shows = shows,
          .scenario = chain,
          .arch = arch,
          .set = set,
          .memory = memory,
          .executions = role == "clean" ? 5000U : 20'000U,
          .told = role == "without" && arch == "arm64"};
}
constexpr Evidence evidence_7[]{
    seventh("without", older, "arm64", no_rmb),
    seventh("without", "the same", "riscv", no_rmb),
    seventh("without", "the same", "ppc64_radix", no_rmb),
    seventh("without", "the same, where flushes interrupt", "mips", no_rmb),
    seventh("still without", "the decrement a release besides", "arm64", no_rmb_but_mb),
    seventh("still without", "the same", "mips", no_rmb_but_mb),
    seventh("clean", "with the barrier", "arm64", as_is),
    seventh("clean", "the same", "riscv", as_is),
    seventh("clean", "the same", "ppc64_radix", as_is),
    seventh("clean", "the same", "mips", as_is),
    seventh("in order", "without it, where loads are in order", "x86", no_rmb),
    seventh("in order", "the same", "s390", no_rmb),
};

Answer answer_7(const Findings& found) {
  if (!found.violate("without") || !found.violate("still without")) return {};
  if (!found.are_clean("clean") || !found.are_clean("in order")) return {};
  return {Verdict::depends,
          fmt::format("on the memory model. Where loads may be taken early ({}) it is: the fault "
                      "reads that no flush is due, and copies what the page was before another "
                      "CPU's last store, made through an entry that the flush then took away. That "
                      "CPU looks again and its store is gone. The locks on the way do not help: "
                      "the count goes down outside of them, and a release lets later loads come "
                      "before it. A decrement with a barrier does not replace it. On {} it is "
                      "not needed: loads are in order.",
                      found.arches("without"), found.arches("in order"))};
}

// ---- 8 --------------------------------------------------------------------------------------------

constexpr Evidence clear(std::string_view role,
                         std::string_view shows,
                         std::string_view scenario,
                         std::string_view arch,
                         std::string_view set,
                         std::uint64_t executions) {
  return {.role = role,
          .shows = shows,
          .scenario = scenario,
          .arch = arch,
          .set = set,
          .executions = executions,
          .told = role == "gather" && arch == "x86"};
}
constexpr std::string_view alone = "clear-refs-gather-2020", beside = "clear-refs-cow-2020",
                           copied_too = "anon-exclusive,clear-refs=read-flush";
constexpr Evidence evidence_8[]{
    clear("gather",
          "a gather around a walk that records nothing",
          alone,
          "x86",
          "clear-refs=gather",
          20'000),
    clear("gather", "the same", alone, "arm64", "clear-refs=gather", 20'000),
    clear("inc, flush, dec",
          "inc, flush, dec, with mmap_lock for reading",
          alone,
          "x86",
          "clear-refs=read-flush",
          0),
    clear("inc, flush, dec", "the same", alone, "arm64", "clear-refs=read-flush", 0),
    clear("beside a copy",
          "the same beside a write fault that copies",
          beside,
          "x86",
          copied_too,
          20'000),
    clear("beside a copy", "the same", beside, "arm64", copied_too, 20'000),
    clear("write lock",
          "with mmap_lock for writing, as merged",
          beside,
          "x86",
          "anon-exclusive",
          5000),
    clear("write lock", "the same", beside, "arm64", "anon-exclusive", 5000),
};

Answer answer_8(const Findings& found) {
  if (!found.violate("gather") || !found.are_clean("inc, flush, dec")) return {};
  if (!found.violate("beside a copy") || !found.are_clean("write lock")) return {};
  return {Verdict::depends,
          "enough for what the gather was there for: a gather that records nothing flushes "
          "nothing, so stores go on unseen after clear_refs has returned, and inc, flush, dec does "
          "flush. It is not enough beside a write fault that copies the page before the flush: the "
          "copy lacks what is stored meanwhile. For that mmap_lock is taken for writing."};
}

// ---- 9 --------------------------------------------------------------------------------------------

constexpr Evidence filter(std::string_view role,
                          std::string_view shows,
                          std::string_view scenario,
                          std::string_view arch,
                          std::string_view set) {
  const bool right = role == "right";
  return {.role = role,
          .shows = shows,
          .scenario = scenario,
          .arch = arch,
          .set = set,
          .executions = right ? 5000U : 60'000U,
          .told = !right && arch == "x86"};
}
constexpr Evidence beside_pageout(std::string_view role,
                                  std::string_view shows,
                                  std::string_view arch,
                                  std::string_view set) {
  return {.role = role,
          .shows = shows,
          .scenario = "pageout-beside-faults-2020",
          .arch = arch,
          .set = set,
          .memory = "sc",
          .executions = 2000,
          .counts = true};
}
constexpr std::string_view by_count = "anon-exclusive,pending-filter=count",
                           by_flag = "anon-exclusive,pending-filter=flag",
                           filed_late = "anon-exclusive,pending-filter=late",
                           flushed = "write faults beside MADV_PAGEOUT of another place: flushes",
                           only_count = "pending-filter=count", late = "pending-filter-late-2020",
                           flag = "pending-filter-flag-2020";
constexpr Evidence evidence_9[]{
    filter("right", "counts by blocks, filed before the change", late, "x86", by_count),
    filter("right", "the same", late, "arm64", by_count),
    filter("right", "the same beside another flush of the block", flag, "x86", by_count),
    filter("right", "the same", flag, "mips", by_count),
    filter("wrong", "filed when the entries have changed", late, "x86", filed_late),
    filter("wrong", "the same", late, "arm64", filed_late),
    filter("wrong", "a mark instead of a count", flag, "x86", by_flag),
    filter("wrong", "the same", flag, "mips", by_flag),
    beside_pageout("x86: one count", flushed, "x86", ""),
    beside_pageout("x86: filter", "the same with the filter", "x86", only_count),
    beside_pageout("arm64: one count", flushed, "arm64", ""),
    beside_pageout("arm64: filter", "the same with the filter", "arm64", only_count),
};

Answer answer_9(const Findings& found) {
  if (!found.are_clean("right") || !found.violate("wrong")) return {};
  const double x86 = found.flushes("x86: one count"), x86_filter = found.flushes("x86: filter"),
               arm64 = found.flushes("arm64: one count"),
               arm64_filter = found.flushes("arm64: filter");
  for (const std::string_view counting :
       {"x86: one count", "x86: filter", "arm64: one count", "arm64: filter"})
    if (!found.are_clean(counting)) return {};
  if (!(x86_filter < x86) || !(arm64_filter < arm64)) return {};
  return {Verdict::depends,
          fmt::format("right if it is filed before the entries change and counts: with a mark "
                      "whoever is done first hides what others owe in the same block, and filed "
                      "later a fault sees the changed entry and no flush. It saves MADV_PAGEOUT "
                      "nothing, but the faults beside it: over schedules drawn at random four "
                      "write faults beside the page-out of four pages of another place take "
                      "{:.2f} interrupts or invalidates in all on x86 and {:.2f} with the filter, "
                      "on arm64 {:.2f} and {:.2f}.",
                      x86, x86_filter, arm64, arm64_filter)};
}

// ---- 10 -------------------------------------------------------------------------------------------

constexpr Evidence skip(std::string_view role,
                        std::string_view shows,
                        std::string_view set,
                        std::uint64_t executions,
                        std::string_view memory = {}) {
  return {.role = role,
          .shows = shows,
          .scenario = "skip-broadcast-2020",
          .arch = "arm64+skip-broadcast",
          .set = set,
          .memory = memory,
          .executions = executions,
          .told = role == "no barrier"};
}
constexpr Evidence evidence_10[]{
    skip("both", "a second thread starts while the first flushes its own CPU alone", "", 20'000),
    skip("no barrier", "the flusher without its barrier", "skip-broadcast-mark-mb", 20'000),
    skip("no barrier", "the other without its barrier", "skip-broadcast-count-mb", 20'000),
    skip("in order",
         "without it, on memory that is in order",
         "skip-broadcast-mark-mb",
         20'000,
         "sc"),
};

Answer answer_10(const Findings& found) {
  if (!found.are_clean("both") || !found.violate("no barrier")) return {};
  if (!found.are_clean("in order")) return {};
  return {Verdict::depends,
          "safe, if three things hold: the flusher marks the other CPUs and then looks how many "
          "run the mm, with a full barrier between; a CPU counts itself and then looks for its "
          "mark, with a full barrier between; and the mark means that it may hold entries, not "
          "that it runs the mm now. Without either barrier a second thread goes on with what was "
          "taken away; only in order (sc) it does not. That it is an order of magnitude faster is "
          "not answered here: an invalidate that stays at home is no broadcast, but what a "
          "broadcast costs is hardware's."};
}

constexpr Question all[]{
    {.id = 6,
     .author = "Andrea Arcangeli, 2020",
     .thread = "003",
     .quote = "Without the above, can't the CPU decrement the tlb_flush_pending while the IPI to "
              "ack didn't arrive yet in csd_lock_wait?",
     .asked = "May the pending count be seen decremented before the IPI was acknowledged; is "
              "smp_mb__before_atomic the cure?",
     .evidence = evidence_6,
     .answer = answer_6,
     .expected = Verdict::no,
     .claims = "Readers looked at are the write fault and ksm. Bounded searches; the third CPU's "
               "barrier is llist_del_all in flush_smp_call_function_queue of 6.12."},
    {.id = 7,
     .author = "Andrea Arcangeli, 2020",
     .thread = "003",
     .quote =
         "smp_rmb() seems needed before cow_user_page to be sure no data can be read before we "
         "read the value of mm_tlb_flush_pending",
     .asked = "Is an smp_rmb needed before cow_user_page?",
     .evidence = evidence_7,
     .answer = answer_7,
     .expected = Verdict::depends,
     .claims = "By the rules of LKMM, which allows more than any hardware. 6.12 has no barrier "
               "there, and an allocation and locks of other things between: no bug of a kernel is "
               "claimed. The copy needs the rule of 2020, as in question 8."},
    {.id = 8,
     .author = "Andrea Arcangeli, 2020",
     .thread = "003",
     .quote = "the tlb gather is for freeing memory [...] clear_refs_write needs to become "
              "identical to change_protection_range. Just increasing inc_tlb_flush_pending and "
              "then doing a flush of the range right before the dec_tlb_flush_pending.",
     .asked = "clear_refs uses tlb_gather_mmu: would inc, flush, dec be enough?",
     .evidence = evidence_8,
     .answer = answer_8,
     .expected = Verdict::depends,
     .claims = "The copy needs the rule of 2020, by which a page with one more reference was "
               "copied; since 6c287605fd56 (2022) an exclusive page is not."},
    {.id = 9,
     .author = "Andrea Arcangeli, 2020",
     .thread = "003",
     .quote = "you also suggested to add range invalidates and bloom filter to index them by the "
              "address in the page fault since it'd help MADV_PAGEOUT. That would increase "
              "complexity",
     .asked = "Would a bloom filter over pending ranges be right, and what would it save "
              "MADV_PAGEOUT?",
     .evidence = evidence_9,
     .answer = answer_9,
     .expected = Verdict::depends,
     .claims = "The filter was not built in Linux; this one counts by blocks of 2 MiB. Flushes are "
               "counted over random schedules in order (sc), which says how many, not how long "
               "they take on hardware."},
    {.id = 10,
     .author = "Andrea Arcangeli, 2020",
     .thread = "003",
     .quote = "the ARM64 tlb flushing optimization to skip the hardware SMP un-scalable ITLB "
              "broadcast for single threaded processes [...] increases SMP scalability of the "
              "arm64 TLB flushing by an order of magnitude for some workloads",
     .asked = "Skipping the arm64 broadcast for single-threaded processes: safe, and an order of "
              "magnitude faster?",
     .evidence = evidence_10,
     .answer = answer_10,
     .expected = Verdict::depends,
     .claims = "The patch was not merged. The model is of its protocol; bounded searches."},
};

}  // namespace

std::span<const Question> questions_of_thread_003() { return all; }

}  // namespace tlblab
