// SPDX-License-Identifier: GPL-2.0-or-later
// Scripts against what the real kernel did: every measured sequence whose operations exist is run
// on x86, and what `tlblab script --json` would say is compared with the measured data, key by key.
//
// The data are in the folder that TLBLAB_MEASURED names, else in ../shared/data beside the project;
// without them these tests are skipped. Every difference is printed with sequence and operation.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/instances/table.h"
#include "harness/report/json.h"
#include "harness/workload/input_error.h"
#include "harness/workload/script_run.h"

namespace tlblab {
namespace {

using Json = nlohmann::json;

std::filesystem::path measured_folder() {
  // NOLINTBEGIN(concurrency-mt-unsafe): nothing sets the environment
  if (const char* folder = std::getenv("TLBLAB_MEASURED")) return folder;
  const char* data = std::getenv("TLBLAB_TEST_DATA");
  // NOLINTEND(concurrency-mt-unsafe)
  if (data == nullptr) return {};
  return std::filesystem::path(data).parent_path().parent_path().parent_path() / "shared" / "data";
}

Json read_json(const std::filesystem::path& path) {
  std::ifstream text(path);
  return Json::parse(text);
}

// Where mm is known to differ: files are mapped page by page as they are touched, and a shared file
// does not tell clean pages from dirty ones. Their misses count, but are no failure.
bool is_known_to_differ(const Json& sequence) {
  static const std::set<std::string> names{"file_shared", "fork_private_memfd", "fork_shared"};
  return names.contains(sequence["name"]);
}

// What the program says of the script; null if it holds an operation that does not exist yet.
Json run_measured(const std::string& name, unsigned cpus) {
  ScriptPage page;
  page.arch = "x86";
  page.script = read_script((measured_folder() / "scripts" / (name + ".script")).string());
  try {
    check_script(page.script, cpus);
  } catch (const InputError&) {
    return nullptr;
  }
  ScriptOptions options;
  options.cpus = cpus;
  page.report = find_backend("x86")->script(page.script, options);
  EXPECT_EQ(page.report.violations, 0U) << name << " on " << cpus << " CPUs";
  return Json::parse(script_json(page));
}

// Right and wrong answers, the wrong ones printed.
struct Score {
  unsigned right = 0, wrong = 0;

  void compare(const std::string& where, const Json& expected, const Json& got) {
    if (expected == got) {
      ++right;
      return;
    }
    ++wrong;
    std::cout << where << "\n    expected " << expected.dump() << "\n    got      " << got.dump()
              << "\n";
  }
  [[nodiscard]] double share() const {
    return right + wrong == 0 ? 1 : static_cast<double>(right) / (right + wrong);
  }
};

std::ostream& operator<<(std::ostream& out, const Score& score) {
  return out << score.right << " right, " << score.wrong << " wrong";
}

std::string place(const Json& sequence, std::size_t index, unsigned cpus) {
  return sequence["name"].get<std::string>() + " on " + std::to_string(cpus) + ", operation " +
         std::to_string(index + 1) + ", " + sequence["ops"][index]["op"].get<std::string>();
}

class ScriptTruth : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(measured_folder() / "flush-truth.json"))
      GTEST_SKIP() << "no measured data; TLBLAB_MEASURED can name their folder";
  }
  std::set<std::string> unsupported;
};

TEST_F(ScriptTruth, FlushesFaultsAndResultsOfHardOperations) {
  Score flushes, faults, results;
  const Json truth = read_json(measured_folder() / "flush-truth.json");
  for (const Json& sequence : truth["sequences"]) {
    const unsigned cpus = sequence["cpus"];
    const Json ours = run_measured(sequence["name"], cpus);
    if (ours.is_null()) {
      unsupported.insert(sequence["name"]);
      continue;
    }
    ASSERT_EQ(ours["areas"], sequence["areas"]) << sequence["name"];
    ASSERT_EQ(ours["ops"].size(), sequence["ops"].size()) << sequence["name"];
    for (std::size_t n = 0; n < ours["ops"].size(); ++n) {
      const Json &expected = sequence["ops"][n], &got = ours["ops"][n];
      if (!expected["hard"]) continue;
      const std::string where = place(sequence, n, cpus);
      EXPECT_EQ(expected["op"], got["op"]);
      flushes.compare(where + ": flush", expected["flush"], got["flush"]);
      faults.compare(where + ": faults", expected["faults"], got["faults"]);
      results.compare(where + ": result",
                      {expected["ret"], expected["err"], expected.value("signal", "")},
                      {got["ret"], got["err"], got.value("signal", "")});
    }
  }
  std::cout << "flushes: " << flushes << "\nfaults: " << faults << "\nresults: " << results
            << "\nnot run: " << Json(unsupported).dump() << "\n";
  EXPECT_GE(flushes.share(), 0.95);
  EXPECT_GE(faults.share(), 0.95);
  EXPECT_EQ(results.wrong, 0U);
  EXPECT_GT(flushes.right, 500U);
}

TEST_F(ScriptTruth, StatesOfAllPages) {
  Score pages, areas, reads, known_to_differ;
  const Json truth = read_json(measured_folder() / "semantic-truth.json");
  for (const Json& sequence : truth["sequences"]) {
    const Json ours = run_measured(sequence["name"], 1);
    if (ours.is_null()) {
      unsupported.insert(sequence["name"]);
      continue;
    }
    ASSERT_EQ(ours["ops"].size(), sequence["ops"].size()) << sequence["name"];
    for (std::size_t n = 0; n < ours["ops"].size(); ++n) {
      const Json &expected = sequence["ops"][n], &got = ours["ops"][n];
      const std::string where = place(sequence, n, 1);
      for (const char* key : {"pages", "child_pages"})
        (is_known_to_differ(sequence) ? known_to_differ : pages)
            .compare(where + ": " + key, expected.value(key, Json()), got.value(key, Json()));
      for (const char* key : {"vmas", "child_vmas"})
        areas.compare(where + ": " + key, expected.value(key, Json()), got.value(key, Json()));
    }
    reads.compare(sequence["name"].get<std::string>() + ": final_read", sequence["final_read"],
                  ours["final_read"]);
  }
  std::cout << "pages: " << pages << ", where differences are known " << known_to_differ
            << "\nareas: " << areas << "\nreads: " << reads
            << "\nnot run: " << Json(unsupported).dump() << "\n";
  EXPECT_EQ(pages.wrong, 0U);
  EXPECT_EQ(areas.wrong, 0U);
  EXPECT_EQ(reads.wrong, 0U);
  EXPECT_GT(pages.right, 300U);
}

}  // namespace
}  // namespace tlblab
