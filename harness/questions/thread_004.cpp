// SPDX-License-Identifier: GPL-2.0-or-later
// February 2007: batches of hash entries, and whoever else fills translations by software.
#include <fmt/format.h>

#include "harness/questions/question.h"

namespace tlblab {
namespace {

// ---- 11 -------------------------------------------------------------------------------------------

constexpr std::string_view by_zap = "ppc64-hash-duplicate-2007",
                           by_mprotect = "ppc64-hash-duplicate-mprotect-2007",
                           in_zap = "zap-flush-before-unlock=on";
constexpr Evidence evidence_11[]{
    {.role = "as it was",
     .shows = "the batch flushed by tlb_finish_mmu",
     .scenario = by_zap,
     .arch = "ppc64_hash@2007",
     .executions = 20'000,
     .told = true},
    {.role = "quick fix",
     .shows = "and by zap_pte_range, before it unlocks",
     .scenario = by_zap,
     .arch = "ppc64_hash@2007",
     .set = in_zap,
     .executions = 5000},
    {.role = "other path",
     .shows = "the same, but for mprotect, which has batches too",
     .scenario = by_mprotect,
     .arch = "ppc64_hash@2007",
     .set = in_zap,
     .executions = 20'000},
    {.role = "lazy mode",
     .shows = "by arch_leave_lazy_mmu_mode, as merged",
     .scenario = by_zap,
     .arch = "ppc64_hash",
     .executions = 5000},
    {.role = "lazy mode, other path",
     .shows = "the same, against mprotect",
     .scenario = by_mprotect,
     .arch = "ppc64_hash",
     .executions = 20'000,
     .told = true},
};

Answer answer_11(const Findings& found) {
  const bool cured = found.are_clean("quick fix") && found.are_clean("lazy mode");
  if (!found.violate("as it was") || !found.violate("other path") || !cured) return {};
  const std::string both =
      "two entries for one address do come into the hash table, in a few executions. To flush the "
      "batch before the PTE unlock, in zap_pte_range or when lazy MMU mode is left, cures what was "
      "asked about: an entry that is gone stays gone until the unlock. In zap_pte_range alone it "
      "leaves mprotect, which batches too.";
  if (found.are_clean("lazy mode, other path"))
    return {Verdict::yes, both + " When lazy MMU mode is left it cures that as well."};
  if (!found.violate("lazy mode, other path")) return {};
  return {Verdict::depends,
          both +
              " But lazy MMU mode does not cure that either: mprotect puts a valid entry back "
              "without its hash bits while the old hash entry is still in the batch, and a hash "
              "fault takes no page-table lock, so it adds a second one before the unlock."};
}

// ---- 12 -------------------------------------------------------------------------------------------

constexpr std::string_view soft = "soft-tlb-duplicate-2007";
constexpr Evidence sparc(std::string_view role,
                         std::string_view shows,
                         std::string_view arch,
                         std::string_view scenario,
                         std::uint64_t executions) {
  return {
      .role = role, .shows = shows, .scenario = scenario, .arch = arch, .executions = executions};
}
constexpr Evidence evidence_12[]{
    sparc("immune", "the race of ppc64, batch flushed under the lock", "sparc64", by_zap, 10'000),
    sparc("immune", "the same, batch flushed by tlb_finish_mmu", "sparc64@2007", by_zap, 10'000),
    sparc("immune", "a miss beside a zap", "sparc64", soft, 0),
    sparc("immune", "the same, with the batch of 2007", "sparc64@2007", soft, 0),
    sparc("as ppc64 does", "the same on ppc64", "ppc64_hash@2007", by_zap, 20'000),
};

Answer answer_12(const Findings& found) {
  if (!found.are_clean("immune") || !found.violate("as ppc64 does")) return {};
  return {Verdict::yes,
          "it is immune, with the batch of 2007 and with that of today. An entry of the TSB is "
          "written over the one of its place and an entry of the TLB is loaded for the address "
          "that missed, so no address has two; and none outlives the flush, which takes "
          "translations from the TSB before it tells the other CPUs."};
}

// ---- 13 -------------------------------------------------------------------------------------------

constexpr Evidence evidence_13[]{
    {.role = "probe",
     .shows = "who writes an entry after a fault looks for one that matches: every interleaving",
     .scenario = soft,
     .arch = "mips",
     .executions = 0},
    {.role = "no probe",
     .shows = "the same without the look",
     .scenario = soft,
     .arch = "mips+no-probe",
     .executions = 20'000,
     .told = true},
    {.role = "others", .shows = "the same on sh", .scenario = soft, .arch = "sh"},
    {.role = "others", .shows = "the same on sparc64", .scenario = soft, .arch = "sparc64"},
};

Answer answer_13(const Findings& found) {
  if (!found.are_clean_and_complete("probe") || !found.violate("no probe")) return {};
  if (!found.are_clean("others")) return {};
  return {Verdict::depends,
          fmt::format("on whether whoever writes an entry knows that none matches. On mips a miss "
                      "knows it from the exception; a fault does not, since the refill before it "
                      "has left an entry, so update_mmu_cache has to probe. With the probe every "
                      "one of {} executions is clean; without it the machine stops. Nothing of "
                      "that kind is found on {}, whose entries are written over by place.",
                      found.executions("probe"), found.arches("others"))};
}

constexpr Question all[]{
    {.id = 11,
     .author = "Ben Herrenschmidt, 2007",
     .thread = "004",
     .quote = "The \"quick fix\" I can see would be for us to have a way to flush a pending batch "
              "in zap_pte_range(), before we unlock the PTE page",
     .asked = "Can batching put two hash entries for one address into the ppc64 table, and does "
              "flushing before the PTE unlock cure it?",
     .evidence = evidence_11,
     .answer = answer_11,
     .expected = Verdict::depends,
     .claims = "The model of 2007 is that of 2.6.20; bounded searches. That mprotect leaves a "
               "second entry was read in 6.12 (set_pte_filter_hash drops the hash bits, "
               "ptep_modify_prot_start queues the old entry) and is seen in the model only."},
    {.id = 12,
     .author = "Ben Herrenschmidt, 2007",
     .thread = "004",
     .quote = "I -think- sparc64's hash management is immune to that problem, though I'm not 100% "
              "sure",
     .asked = "Is sparc64 immune?",
     .evidence = evidence_12,
     .answer = answer_12,
     .expected = Verdict::yes,
     .claims = "With the PTE loaded under the lock of the TSB entry, as the model has it: "
               "sparc64+pte-before-lock, which is how the handler of 6.12 reads, is another matter "
               "(arch/sparc64/README.md)."},
    {.id = 13,
     .author = "Ben Herrenschmidt, 2007",
     .thread = "004",
     .quote = "I don't know wether other archs with things like software loaded TLBs can have a "
              "similar problems ending up in trying to load two TLB entries for the same address",
     .asked = "Do other architectures with software-loaded TLBs risk two entries for one address?",
     .evidence = evidence_13,
     .answer = answer_13,
     .expected = Verdict::depends,
     .claims = "Of mips the R4000 class is modelled, without MMIDs; book3e and 44x are not."},
};

}  // namespace

std::span<const Question> questions_of_thread_004() { return all; }

}  // namespace tlblab
