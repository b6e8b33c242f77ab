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
                           counted_early = "the same, counted as done before the flush";
constexpr Evidence evidence_6[]{
    copy("interrupts", reads, "x86", as_is),
    copy("interrupts", "the same, where memory is weak", "riscv+ipi", as_is),
    copy("interrupts", "the same", "arm+ipi", as_is),
    copy("broadcasts", "the same, where invalidates are broadcast", "arm64", as_is),
    copy("broadcasts", "the same", "ppc64_radix", as_is),
    copy("before", counted_early, "x86", early, 20'000),
    copy("before", counted_early, "riscv+ipi", early, 20'000),
    copy("before", counted_early, "arm64", early, 20'000),
};

Answer answer_6(const Findings& found) {
  if (!found.are_clean("interrupts") || !found.are_clean("broadcasts")) return {};
  if (!found.violate("before")) return {};
  return {
      Verdict::no,
      fmt::format("a relaxed decrement is not seen before the invalidate is complete. On {} the "
                  "flusher has seen the acknowledgement, with acquire, before it decrements; on "
                  "{} it has waited for the broadcast. smp_mb__before_atomic is no cure for "
                  "anything here: it orders accesses and no invalidate, and a decrement that "
                  "comes before the flush is wrong whatever stands beside it ({}).",
                  found.arches("interrupts"), found.arches("broadcasts"), found.arches("before"))};
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
     .claims = "Said of translations only. Whether the reader's copy can be older than what the "
               "third CPU stored before its acknowledgement is question 7, and not answered: what "
               "programs store is in order here."},
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
