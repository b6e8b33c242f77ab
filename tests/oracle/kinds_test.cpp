// SPDX-License-Identifier: GPL-2.0-or-later
// Every name that a violation can have is explained, once.
#include "harness/oracle/kinds.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace tlblab {

namespace {

namespace fs = std::filesystem;

TEST(OracleKinds, AreNamedOnceAndExplainedInOneLine) {
  std::set<std::string_view> names;
  for (const ViolationKind& kind : violation_kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_FALSE(kind.line.empty() || kind.line.find('\n') != std::string_view::npos) << kind.name;
    EXPECT_EQ(find_violation_kind(kind.name), &kind);
  }
  EXPECT_EQ(find_violation_kind("no_such_kind"), nullptr);
}

TEST(OracleKinds, OfTheOraclesComeFirst) {
  EXPECT_EQ(violation_kinds().front().name, kind::freed_frame_use);
  EXPECT_EQ(violation_kinds().front().invariant, "I1");
}

TEST(OracleKinds, CallsHaveTheirNames) {
  EXPECT_EQ(call_name(MmCall::madvise_dontneed), "madvise_dontneed");
  EXPECT_EQ(call_name(MmCall::exit_mmap), "exit_mmap");
}

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == text.npos;
}

// The last literal of each statement that begins with `marker`, if it has the form of a name.
void add_names(const std::string& source, std::string_view marker, std::set<std::string>& names) {
  for (std::size_t at = source.find(marker); at != source.npos; at = source.find(marker, at + 1)) {
    const std::string statement = source.substr(at, source.find(';', at) - at);
    const std::size_t last = statement.rfind('"');
    if (last == statement.npos || last == 0) continue;
    const std::size_t first = statement.rfind('"', last - 1);
    const std::string name = statement.substr(first + 1, last - first - 1);
    if (is_name(name)) names.insert(name);
  }
}

// Where mm and the machine say what is broken.
std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string ending = entry.path().extension().string();
    if (ending != ".h" && ending != ".tcc" && ending != ".cpp") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    for (const char* marker :
         {"vm_bug(", "vm_bug_on(", "end_if(", "forbid_in_window(", "violation = "})
      add_names(text.str(), marker, names);
  }
  return names;
}

TEST(OracleKinds, EveryBrokenInvariantOfTheSourcesIsExplained) {
  const char* data = std::getenv("TLBLAB_TEST_DATA");
  ASSERT_NE(data, nullptr);
  const fs::path root = fs::path(data).parent_path().parent_path();
  std::size_t found = 0;
  for (const char* folder : {"mm", "arch", "harness/world", "harness/instances"})
    for (const std::string& name : names_in(root / folder)) {
      ++found;
      EXPECT_NE(find_violation_kind(name), nullptr) << name << " in " << folder;
    }
  EXPECT_GT(found, 40U);
}

}  // namespace

}  // namespace tlblab
