// SPDX-License-Identifier: GPL-2.0-or-later
// Scenarios as text on the ported mm, in both worlds: the races of tests/data/scenarios come with
// their fix taken away and go with it, questions are answered both ways, every operation does what
// its name says.
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "harness/instances/table.h"
#include "harness/workload/scenario_text.h"

namespace tlblab {
namespace {

const ScenarioRun& port() { return find_backend("x86")->text; }
const ScenarioRun& port(const ScenarioText& text) {
  return text.arch ? find_backend(text.arch->text)->text : port();
}

struct fixes fixes_of(const ScenarioText& text) {
  struct fixes fixes;
  for (const TextName& name : text.without) EXPECT_TRUE(put_fix(fixes, name.text));
  return fixes;
}

ExploreReport explored(const ScenarioText& text,
                       struct fixes fixes,
                       std::uint64_t executions,
                       const std::string& schedule = {}) {
  ExploreOptions options;
  options.executions = executions;
  options.seconds = 120;
  options.fixes = fixes;
  options.text = &text;
  options.schedule = schedule;
  if (text.arch) options.arch = text.arch->text;
  return port(text).explore(options);
}
ExploreReport explored(const std::string& text, std::uint64_t executions = 500) {
  const ScenarioText read = parse_scenario_text(text, "text");
  return explored(read, fixes_of(read), executions);
}
std::string first_kind(const ExploreReport& report) {
  return report.violations.empty() ? "none" : report.violations.front().violation.kind;
}

ScenarioText example(const std::string& name) {
  const char* data = std::getenv("TLBLAB_TEST_DATA");
  return read_scenario_text(std::string(data == nullptr ? "tests/data" : data) + "/scenarios/" +
                            name + ".scenario");
}

// ---- the examples -------------------------------------------------------------------------------

void check_race(const std::string& name, const std::string& kind, std::uint64_t executions) {
  const ScenarioText text = example(name);
  const ExploreReport broken = explored(text, fixes_of(text), executions * 4);
  ASSERT_EQ(first_kind(broken), kind);
  const ExploreReport again =
      explored(text, fixes_of(text), 1, "v1 " + broken.violations.front().schedule);
  EXPECT_EQ(first_kind(again), kind);
  EXPECT_EQ(again.departed_at, -1);
  const ExploreReport fixed = explored(text, {}, executions);
  EXPECT_EQ(first_kind(fixed), "none");
  EXPECT_EQ(fixed.executions, executions);
}

TEST(ScenarioTextRun, MadviseParallelNeedsItsFix) {
  check_race("madvise-parallel-2017", "stale_translation_use", 3000);
}
TEST(ScenarioTextRun, DelayedRmapIsNeeded) {
  check_race("delayed-rmap-2022", "dirty_translation_after_clean", 5000);
}

TEST(ScenarioTextRun, ReclaimHasToSayWhatItOwes) {
  check_race("batched-pending-2017", "stale_translation_after_return", 2000);
}
TEST(ScenarioTextRun, ReclaimMayNotLeaveADirtyPageToWriteBackUnflushed) {
  check_race("reclaim-vs-writeback", "dirty_translation_after_clean", 2000);
}
// Two things have to come to pass in windows of a few steps each: one execution of some 3,000 has both.
TEST(ScenarioTextRun, AMovedTableIsKeptFromReclaim) {
  const ScenarioText text = example("mremap-pmd-vs-reclaim-2021");
  ExploreOptions options;
  options.arch = text.arch->text;
  options.strategy = ExploreStrategy::pct;
  options.seed = 2;
  options.executions = 40'000;
  options.seconds = 300;
  options.text = &text;
  options.fixes = fixes_of(text);
  EXPECT_EQ(first_kind(port(text).explore(options)), "frame_freed_while_cached");
  options.executions = 4000;
  options.fixes = {};
  const ExploreReport fixed = port(text).explore(options);
  EXPECT_EQ(first_kind(fixed), "none");
  EXPECT_EQ(fixed.executions, options.executions);
}

// What the porting guide has a new backend run (arch/README.md).
ExploreReport of_the_guide(const BackendEntry& backend, std::uint64_t executions) {
  const ScenarioText text = example("switch-beside-a-zap");
  ExploreOptions options;
  options.arch = backend.name;
  options.strategy = ExploreStrategy::pct;
  options.memory = "weak";
  options.executions = executions;
  options.seconds = 120;
  options.text = &text;
  options.actors = text.actors;
  return backend.text.explore(options);
}
TEST(ScenarioTextRun, TheScenarioOfTheGuideHoldsOnEachBackend) {
  constexpr std::uint64_t executions = 500;
  for (const BackendEntry& backend : tables().backends) {
    const ExploreReport report = of_the_guide(backend, executions);
    const bool frees_first =
        backend.name.starts_with("sh@2017") || backend.name.starts_with("um@2017");
    EXPECT_EQ(first_kind(report), frees_first ? "frame_freed_while_cached" : "none")
        << backend.name;
    if (frees_first) continue;
    EXPECT_EQ(report.executions, executions) << backend.name;
  }
}

TEST(ScenarioTextRun, AQuestionIsAnsweredWithASchedule) {
  const ScenarioText text = example("mprotect-store");
  const ExploreReport report = explored(text, {}, 2000);
  EXPECT_TRUE(report.asks_existence);
  EXPECT_TRUE(report.violations.empty());
  ASSERT_EQ(report.witnesses.size(), 1U);
  const ExploreReport again = explored(text, {}, 1, "v1 " + report.witnesses.front().schedule);
  EXPECT_EQ(again.witnesses.size(), 1U);
  EXPECT_EQ(again.departed_at, -1);
}

TEST(ScenarioTextRun, AQuestionMayFindNothing) {
  const ExploreReport report = explored(
      "map 0x4000 1 rw\nP0: store 0x4000 1\nP0: signal done\n"
      "P1: r0 = seen done\nP1: r1 = load 0x4000\nexists P1:r0 == 1 && P1:r1 == 0\n");
  EXPECT_TRUE(report.asks_existence);
  EXPECT_TRUE(report.violations.empty() && report.witnesses.empty());
  EXPECT_EQ(report.executions, 500U);
}

// The end of the same race, seen by what P2 reads, with the oracles off for it.
TEST(ScenarioTextRun, AForbiddenStateIsAViolation) {
  ScenarioText text = example("madvise-parallel-2017");
  text.forbidden = {{"none", {}}};
  EXPECT_EQ(first_kind(explored(text, fixes_of(text), 20000)), "forbidden_state");
  text.forbidden.clear();  // all oracles: one sees it earlier, when the call returns
  EXPECT_EQ(first_kind(explored(text, fixes_of(text), 20000)), "stale_translation_after_return");
}

TEST(ScenarioTextRun, ASetupThatFailsSaysWhere) {
  const ExploreReport report = explored("map 0x4000 1 r\nstore 0x4000 1\nP0: tick\n");
  ASSERT_EQ(first_kind(report), "setup_failed");
  EXPECT_EQ(report.violations.front().violation.text, "line 2: store gave a fatal fault");
}

TEST(ScenarioTextRun, OnThreadsTheSameHoldsRoundAfterRound) {
  const ScenarioText text = example("madvise-parallel-2017");
  StressOptions options;
  options.text = &text;
  StressReport report;
  for (options.seconds = 0.3; report.rounds < 2; options.seconds *= 2)  // a loaded machine
    report = port().stress(options);
  EXPECT_EQ(report.violations, 0U);
  const ScenarioText question = example("mprotect-store");
  options.text = &question;
  options.cpus = 3;
  options.seconds = 20;
  const StressReport answered = port().stress(options);
  EXPECT_EQ(answered.violations, 0U);
  EXPECT_EQ(answered.witnesses, 1U);
  EXPECT_LT(answered.seconds, 20);
}

// ---- the complete search ------------------------------------------------------------------------

ExploreReport searched(const ScenarioText& text, const std::string& model) {
  ExploreOptions options;
  options.strategy = ExploreStrategy::dpor;
  options.memory = model;
  options.seconds = 120;
  options.fixes = fixes_of(text);
  options.text = &text;
  return port().explore(options);
}

// Of a litmus test: without what is before its first process.
std::string code_of(const std::string& litmus) {
  const std::size_t begin = litmus.find("\nP0(");
  return begin == std::string::npos ? "" : litmus.substr(begin + 1);
}
constexpr const char* store_buffering =
    "P0(int *x, int *y)\n{\n\tint r0;\n\n\tWRITE_ONCE(*x, 1);\n\tr0 = READ_ONCE(*y);\n}\n\n"
    "P1(int *x, int *y)\n{\n\tint r0;\n\n\tWRITE_ONCE(*y, 1);\n\tr0 = READ_ONCE(*x);\n}\n\n"
    "exists (0:r0=0 /\\ 1:r0=0)\n";

// Neither an access window nor a look at a page table is a fence.
TEST(ScenarioTextSearch, StoresAreBufferedUnderTso) {
  const ScenarioText text = example("store-buffering");
  const ExploreReport sc = searched(text, "sc");
  EXPECT_TRUE(sc.complete);
  EXPECT_TRUE(sc.witnesses.empty());
  for (const char* model : {"tso", "weak"}) {
    const ExploreReport report = searched(text, model);
    ASSERT_EQ(report.witnesses.size(), 1U) << model;
    EXPECT_EQ(report.witnesses.front().memory, model);  // no order of steps alone shows it
    ASSERT_EQ(report.weakness.stale.size(), 1U) << model;
    EXPECT_EQ(report.weakness.stale.front().after_missed, "smp_mb") << model;
    EXPECT_EQ(report.weakness.stale.front().before_read, "smp_mb") << model;
    EXPECT_EQ(code_of(report.weakness.litmus), store_buffering) << model;
    ExploreOptions again;
    again.text = &text;
    again.memory = model;
    again.schedule = "v1 " + report.witnesses.front().schedule;
    const ExploreReport replayed = port().explore(again);
    EXPECT_EQ(replayed.departed_at, -1) << model;
    ASSERT_EQ(replayed.witnesses.size(), 1U) << model;
    EXPECT_EQ("v1 " + replayed.witnesses.front().schedule, again.schedule) << model;
  }
}

// CPU 1 is on its way to a section with interrupts off, and copies a page by words that no event is
// made of, when the graph says that the handler had the CPU before that section: it must get there.
TEST(ScenarioTextSearch, WhoIsUnderwayHoldsOffNoInterruptThatItWaitsFor) {
  const ScenarioText text = parse_scenario_text(
      "map 0x4000 1 rw\nstore 0x4000 1\nfork c\nP0: madvise_dontneed 0x4000 1\nP1: use c\n"
      "P1: store 0x4000 2\n",
      "text");
  for (const char* model : {"sc", "tso", "weak"}) {
    const ExploreReport report = searched(text, model);
    EXPECT_TRUE(report.complete) << model;
    EXPECT_EQ(first_kind(report), "none") << model;
    EXPECT_EQ(report.lost, 0U) << model;
    EXPECT_GT(report.executions, 50U) << model;
  }
}

TEST(ScenarioTextSearch, LoadBufferingIsNotSeenButSaid) {
  const ExploreReport report = searched(example("load-buffering"), "weak");
  EXPECT_TRUE(report.complete);
  EXPECT_TRUE(report.witnesses.empty());
  ASSERT_TRUE(report.load_buffering);
  EXPECT_FALSE(report.load_buffering->is_exact());
  ASSERT_EQ(report.load_buffering->pairs.size(), 2U);
  const BufferingReport::Pair& first = report.load_buffering->pairs.front();
  EXPECT_EQ(first.cpu, 0U);
  EXPECT_EQ(first.by, "");
  EXPECT_EQ(first.read.object, "0x4000");
  EXPECT_EQ(first.write.object, "0x5000");
  EXPECT_NE(first.read.step, 0U);
  EXPECT_LT(first.read.step, first.write.step);
  EXPECT_FALSE(searched(example("load-buffering"), "tso").load_buffering);
}

TEST(ScenarioTextSearch, ProgramsThatOnlyStoreAreExact) {
  const ExploreReport report = searched(
      parse_scenario_text(
          "map 0x4000 2 rw\nstore 0x4000 0\nP0: store 0x4000 1\nP1: store 0x4000 2\n", "text"),
      "weak");
  EXPECT_TRUE(report.complete);
  ASSERT_TRUE(report.load_buffering);
  EXPECT_TRUE(report.load_buffering->is_exact());
}

TEST(ScenarioTextSearch, AnswersTheQuestionForEachModel) {
  const ScenarioText text = example("mprotect-store");
  for (const char* model : {"sc", "tso", "weak"}) {
    const ExploreReport report = searched(text, model);
    EXPECT_EQ(report.witnesses.size(), 1U) << model;
    EXPECT_TRUE(report.violations.empty()) << model;
    EXPECT_EQ(report.lost, 0U) << model;
  }
}

// ---- operations ---------------------------------------------------------------------------------

// A program without a choice, and what must hold at its end.
struct Sure {
  const char* name;
  const char* text;
  const char* holds;
};
constexpr Sure all[] = {
    {"memory reads as written",
     "map 0x4000 2 rw\nP0: store 0x4008 5\nP0: r0 = load 0x4008\n"
     "P0: r1 = load 0x5000\n",
     "P0:r0 == 5 && P0:r1 == 0"},
    {"nothing is mapped",
     "P0: r0 = load 0x4000\nP0: r1 = store 0x4000 1\n"
     "P0: r2 = munmap 0x4000 1\nP0: r3 = mprotect 0x4000 1 r\n",
     "P0:r0 == sigsegv && P0:r1 == sigsegv && P0:r2 == 0 && P0:r3 == -ENOMEM"},
    {"a map of a CPU", "P0: r0 = mmap 0x4000 1 rw\nP0: r1 = store 0x4000 3\nP0: r2 = load 0x4000\n",
     "P0:r0 == 0x4000 && P0:r1 == 0 && P0:r2 == 3"},
    {"rights",
     "map 0x4000 1 r\nP0: r0 = store 0x4000 1\nP0: r1 = mprotect 0x4000 1 rw\n"
     "P0: r2 = store 0x4000 1\nP0: mprotect 0x4000 1 none\nP0: r3 = load 0x4000\n",
     "P0:r0 == sigsegv && P0:r1 == 0 && P0:r2 == 0 && P0:r3 == sigsegv"},
    {"dontneed",
     "map 0x4000 1 rw\nstore 0x4000 1\nP0: r0 = load 0x4000\n"
     "P0: r1 = madvise_dontneed 0x4000 1\nP0: r2 = load 0x4000\n",
     "P0:r0 == 1 && P0:r1 == 0 && P0:r2 == 0"},
    {"locked memory",
     "map 0x4000 1 rw\nP0: mlock 0x4000 1\nP0: store 0x4000 1\n"
     "P0: r0 = madvise_dontneed 0x4000 1\n"
     "P0: r1 = madvise_dontneed_locked 0x4000 1\nP0: r2 = load 0x4000\n"
     "P0: munlock 0x4000 1\nP0: r3 = madvise_dontneed 0x4000 1\n",
     "P0:r0 == -EINVAL && P0:r1 == 0 && P0:r2 == 0 && P0:r3 == 0"},
    {"moved",
     "map 0x4000 1 rw\nstore 0x4000 7\nP0: r0 = mremap 0x4000 1 1 to 0x9000\n"
     "P0: r1 = load 0x9000\nP0: r2 = load 0x4000\n",
     "P0:r0 == 0x9000 && P0:r1 == 7 && P0:r2 == sigsegv"},
    {"moved, and the old area stays",
     "map 0x4000 1 rw\nstore 0x4000 7\nP0: mremap 0x4000 1 1 to 0x9000 dontunmap\n"
     "P0: r1 = load 0x9000\nP0: r2 = load 0x4000\n",
     "P0:r1 == 7 && P0:r2 == 0"},
    {"guards",
     "map 0x4000 1 rw\nP0: madvise_guard_install 0x4000 1\nP0: r0 = load 0x4000\n"
     "P0: madvise_guard_remove 0x4000 1\nP0: r1 = load 0x4000\n",
     "P0:r0 == sigsegv && P0:r1 == 0"},
    {"advice that changes no value",
     "map 0x4000 1 rw\nstore 0x4000 7\nP0: r0 = madvise_cold 0x4000 1\n"
     "P0: r1 = madvise_populate_read 0x4000 1\nP0: r2 = madvise_populate_write 0x4000 1\n"
     "P0: r3 = madvise_free 0x4000 1\nP0: r4 = store 0x4008 1\nP0: r5 = load 0x4000\n"
     "P0: r6 = madvise_hugepage 0x4000 1\nP0: r7 = madvise_nohugepage 0x4000 1\n",
     "P0:r0 == 0 && P0:r1 == 0 && P0:r2 == 0 && P0:r3 == 0 && P0:r5 == 7 && P0:r6 == 0 && "
     "P0:r7 == 0"},
    {"a file at two places",
     "file F 2\nmap 0x4000 1 rw shared F 1\nmap 0x9000 2 rw shared F\n"
     "P0: store 0x4000 7\nP0: r0 = load 0xa000\nP0: r1 = writeback F\n"
     "P0: store 0xa000 8\nP0: r2 = load 0x4000\n"
     "P0: r3 = madvise_willneed 0x9000 2\n",
     "P0:r0 == 7 && P0:r1 == 0 && P0:r2 == 8 && P0:r3 == 0"},
    {"private, shared, beyond the end, punched",
     "shmem S 1\nmap 0x4000 1 rw private S\nmap 0x9000 2 rw shared S\nstore 0x9000 1\n"
     "P0: store 0x4000 7\nP0: r0 = load 0x9000\nP0: r1 = load 0xa000\n"
     "P0: r2 = madvise_remove 0x9000 1\nP0: r3 = load 0x9000\n",
     "P0:r0 == 1 && P0:r1 == sigbus && P0:r2 == 0 && P0:r3 == 0"},
    {"populated",
     "map 0x4000 2 rw populate\nP0: r0 = pin_fast 0x4000 w\nP0: r1 = dma_load\n"
     "P0: dma_store 9\nP0: r2 = load 0x4000\nP0: unpin\n",
     "P0:r0 == 1 && P0:r1 == 0 && P0:r2 == 9"},
    {"pins",
     "map 0x4000 1 rw\nP0: r0 = pin_fast 0x4000 r\nP0: unpin\nP0: r1 = pin 0x4000 w\n"
     "P0: dma_store 9\nP0: r2 = load 0x4000\nP0: store 0x4000 3\nP0: r3 = dma_load\n"
     "P0: pin 0x4000 r\n",
     "P0:r0 == 0 && P0:r1 == 1 && P0:r2 == 9 && P0:r3 == 3"},
    {"swap",
     "swap 2\nmap 0x4000 1 rw\nstore 0x4000 7\nP0: r0 = swap_out 0x4000\n"
     "P0: r1 = load 0x4000\nP0: r2 = swap_out 0x9000\n",
     "P0:r0 == 0 && P0:r1 == 7 && P0:r2 == -ENOENT"},
    {"userfaultfd",
     "map 0x4000 4 rw\nstore 0x4000 7\nstore 0x6000 8\n"
     "P0: r0 = uffd_register 0x4000 4 wp\nP0: r1 = uffd_writeprotect 0x4000 1 on\n"
     "P0: r2 = uffd_writeprotect 0x4000 1 off\nP0: r3 = uffd_unregister 0x4000 4\n"
     "P0: r4 = uffd_register 0x4000 4 missing\nP0: r5 = uffd_zeropage 0x5000 1\n"
     "P0: r6 = uffd_copy 0x7000 1 from 0x4000\nP0: r7 = load 0x7000\n"
     "P0: r8 = uffd_copy 0x7000 1 from 0x4000\nP0: madvise_dontneed 0x5000 1\n"
     "P0: r9 = uffd_move 0x5000 1 from 0x6000\nP0: r10 = load 0x5000\nP0: r11 = load 0x6000\n",
     "P0:r0 == 0 && P0:r1 == 0 && P0:r2 == 0 && P0:r3 == 0 && P0:r4 == 0 && P0:r5 == 0 && "
     "P0:r6 == 0 && P0:r7 == 7 && P0:r8 == -EEXIST && P0:r9 == 0 && P0:r10 == 8 && P0:r11 == 0"},
    {"a child has a copy",
     "map 0x4000 3 rw\nstore 0x4000 1\nstore 0x6000 1\nP0: madvise_dontfork 0x5000 1\n"
     "P0: madvise_wipeonfork 0x6000 1\nP0: r0 = fork kid\nP0: store 0x4000 2\nP0: use kid\n"
     "P0: r1 = load 0x4000\nP0: r2 = load 0x5000\nP0: r3 = load 0x6000\nP0: store 0x4000 3\n"
     "P0: use parent\nP0: r4 = load 0x4000\nP0: exit kid\n",
     "P0:r0 == 0 && P0:r1 == 1 && P0:r2 == sigsegv && P0:r3 == 0 && P0:r4 == 2"},
    {"a child of the setup, on two CPUs",
     "map 0x4000 1 rw\nstore 0x4000 1\nfork kid\nP0: use kid\nP0: store 0x4000 5\nP0: signal told\n"
     "P1: use kid\nP1: wait told\nP1: r0 = load 0x4000\nP1: use parent\nP1: r1 = load 0x4000\n",
     "P1:r0 == 5 && P1:r1 == 1"},
    {"meetings and sleep",
     "map 0x4000 1 rw\nP0: store 0x4000 1\nP0: sleep\nP0: tick\nP0: meet\nP0: wake\nP0: meet\n"
     "P0: r0 = load 0x4000\nP2: meet\nP2: store 0x4000 2\nP2: meet\nP2: r1 = seen x\nP0: signal "
     "x\n",
     "P0:r0 == 2 && P2:r1 <= 1"},
};

std::string with_condition(const Sure& sure) {
  return std::string(sure.text) + "forbid !(" + sure.holds + ")\n";
}

class Operations : public testing::TestWithParam<Sure> {};

TEST_P(Operations, DoWhatTheirNameSaysUnderTheExplorer) {
  const ExploreReport report = explored(with_condition(GetParam()), 50);
  EXPECT_EQ(first_kind(report), "none");
  EXPECT_EQ(report.executions, 50U);
}
TEST_P(Operations, DoWhatTheirNameSaysOnThreads) {
  const ScenarioText text = parse_scenario_text(with_condition(GetParam()), "text");
  StressOptions options;
  options.text = &text;
  StressReport report;
  for (options.seconds = 0.02; report.rounds == 0; options.seconds *= 2)  // a loaded machine
    report = port().stress(options);
  EXPECT_EQ(report.violations, 0U) << (report.examples.empty() ? "" : report.examples.front().kind);
}
INSTANTIATE_TEST_SUITE_P(ScenarioTextRun,
                         Operations,
                         testing::ValuesIn(all),
                         [](const testing::TestParamInfo<Sure>& of) {
                           std::string name = of.param.name;
                           std::erase_if(name, [](char c) { return c == ' ' || c == ','; });
                           return name;
                         });

// The other direction: the condition is looked at.
TEST(ScenarioTextRun, AConditionThatDoesNotHoldIsSeen) {
  EXPECT_EQ(first_kind(explored("map 0x4000 1 rw\nP0: store 0x4000 5\nP0: r0 = load 0x4000\n"
                                "forbid P0:r0 == 5\n")),
            "forbidden_state");
}

TEST(ScenarioTextRun, MemoryIsEnoughForWhatIsTouched) {
  const ExploreReport report = explored(
      "map 0x200000 512 rw\nP0: r0 = madvise_populate_write 0x200000 512\nforbid P0:r0 != 0\n", 3);
  EXPECT_EQ(first_kind(report), "none");
}

TEST(ScenarioTextRun, HugePagesAreThere) {
  const ExploreReport report = explored(
      "map 0x200000 512 rw\nmadvise_hugepage 0x200000 512\nP0: store 0x200000 1\n"
      "P0: madvise_dontneed 0x201000 1\nP0: r0 = load 0x200000\nforbid P0:r0 != 1\n",
      20);
  EXPECT_EQ(first_kind(report), "none");
}

}  // namespace
}  // namespace tlblab
