// SPDX-License-Identifier: GPL-2.0-or-later
// Scripts against what the real kernel did: every measured sequence whose operations exist is run
// on x86, and what `tlblab script --json` would say is compared with the measured data, key by key.
//
// Without the measured data (tests/support/measured_data.h) these tests are skipped. Every difference
// is printed with sequence and operation.
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
#include "tests/support/measured_data.h"

namespace tlblab {
namespace {

using Json = nlohmann::json;

Json read_json(const std::filesystem::path& path) {
  std::ifstream text(path);
  return Json::parse(text);
}

// Reclaim flushes before it frees 31 folios. The kernel's cache has files in large ones, so that 32 pages
// are fewer than that; here each page is one.
bool flushes_are_known_to_differ(const Json& sequence) {
  return sequence["name"].get<std::string>().starts_with("pageout_file_") && sequence["cpus"] == 2;
}

// What the program says of the script; null if it holds an operation that does not exist yet.
Json run_measured(const Json& sequence, unsigned cpus) {
  const std::string name = sequence["name"];
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
  options.swap_pages = sequence.value("needs_swap", name.starts_with("swap_")) ? 4096 : 0;
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
      GTEST_SKIP() << no_measured_data;
  }
  std::set<std::string> unsupported;
};

TEST_F(ScriptTruth, FlushesFaultsAndResultsOfHardOperations) {
  Score flushes, faults, results, known_to_differ;
  const Json truth = read_json(measured_folder() / "flush-truth.json");
  for (const Json& sequence : truth["sequences"]) {
    const unsigned cpus = sequence["cpus"];
    const Json ours = run_measured(sequence, cpus);
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
      (flushes_are_known_to_differ(sequence) ? known_to_differ : flushes)
          .compare(where + ": flush", expected["flush"], got["flush"]);
      faults.compare(where + ": faults", expected["faults"], got["faults"]);
      results.compare(where + ": result",
                      {expected["ret"], expected["err"], expected.value("signal", "")},
                      {got["ret"], got["err"], got.value("signal", "")});
    }
  }
  std::cout << "flushes: " << flushes << ", where differences are known " << known_to_differ
            << "\nfaults: " << faults << "\nresults: " << results
            << "\nnot run: " << Json(unsupported).dump() << "\n";
  EXPECT_EQ(flushes.wrong, 0U);
  EXPECT_EQ(faults.wrong, 0U);
  EXPECT_EQ(results.wrong, 0U);
  EXPECT_GT(flushes.right, 500U);
}

TEST_F(ScriptTruth, StatesOfAllPages) {
  Score pages, areas, reads;
  const Json truth = read_json(measured_folder() / "semantic-truth.json");
  for (const Json& sequence : truth["sequences"]) {
    const Json ours = run_measured(sequence, 1);
    if (ours.is_null()) {
      unsupported.insert(sequence["name"]);
      continue;
    }
    ASSERT_EQ(ours["ops"].size(), sequence["ops"].size()) << sequence["name"];
    for (std::size_t n = 0; n < ours["ops"].size(); ++n) {
      const Json &expected = sequence["ops"][n], &got = ours["ops"][n];
      const std::string where = place(sequence, n, 1);
      for (const char* key : {"pages", "child_pages"})
        pages.compare(where + ": " + key, expected.value(key, Json()), got.value(key, Json()));
      for (const char* key : {"vmas", "child_vmas"})
        areas.compare(where + ": " + key, expected.value(key, Json()), got.value(key, Json()));
    }
    reads.compare(sequence["name"].get<std::string>() + ": final_read", sequence["final_read"],
                  ours["final_read"]);
  }
  std::cout << "pages: " << pages << "\nareas: " << areas << "\nreads: " << reads
            << "\nnot run: " << Json(unsupported).dump() << "\n";
  EXPECT_EQ(pages.wrong, 0U);
  EXPECT_EQ(areas.wrong, 0U);
  EXPECT_EQ(reads.wrong, 0U);
  EXPECT_GT(pages.right, 300U);
}

}  // namespace
}  // namespace tlblab
