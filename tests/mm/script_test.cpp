// SPDX-License-Identifier: GPL-2.0-or-later
// The measured sequences: flushes, errors and faults of every operation as the kernel had them.
#include "tests/mm/script.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "arch/x86/x86.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void read_expectation(const std::string& text, ScriptLine& line) {
  if (text.starts_with("1:") || text.starts_with("2:"))
    line.events[text[0] == '1' ? 1 : 2] = trimmed(text.substr(2));
  else if (text.starts_with("faults "))
    line.faults = std::stoull(text.substr(7));
  else
    line.error = text;
}

}  // namespace

std::vector<ScriptLine> read_script(std::istream& text) {
  std::vector<ScriptLine> lines;
  std::string raw;
  for (unsigned number = 1; std::getline(text, raw); ++number) {
    ScriptLine line;
    line.number = number;
    const std::size_t hash = raw.find('#');
    std::istringstream operation(raw.substr(0, hash));
    for (std::string word; operation >> word;) line.words.push_back(word);
    std::istringstream expectations(hash == std::string::npos ? "" : raw.substr(hash + 1));
    for (std::string part; std::getline(expectations, part, '|');)
      read_expectation(trimmed(part), line);
    if (!line.words.empty()) lines.push_back(line);
  }
  return lines;
}

namespace {

constexpr const char* scripts[] = {
    "dontneed_hole",
    "dontneed_reclaim_pt",
    "dontneed_reclaim_skew",
    "dontneed_sparse",
    "dontneed_sweep",
    "dontneed_sweep_unaligned",
    "dontneed_twice_partial",
    "errors",
    "exit_big",
    "fork_parent_unmaps",
    "fork_private_memfd",
    "fork_shared",
    "fork_write_parent",
    "gen_catchup",
    "mmap_fixed_over",
    "mprotect_basic",
    "mprotect_exec",
    "mprotect_readtouched",
    "mremap_2m_aligned",
    "mremap_2m_aligned_nokeeper",
    "mremap_4m_aligned",
    "mremap_over_existing",
    "mremap_readonly",
    "mremap_untouched",
    "mremap_untouched_nokeeper",
    "munmap_2m_tables",
    "munmap_neighbour_same_2m",
    "munmap_ptefree_skew",
    "munmap_sparse",
    "munmap_sparse_nokeeper",
    "munmap_sweep_whole",
    "munmap_sweep_whole_nokeeper",
    "munmap_two_adjacent",
    "munmap_two_with_gap",
    "munmap_two_with_small_gap",
    "munmap_untouched",
    "t1_exited",
    "t1_fork",
    "t1_ops",
    "t1_ops_tables",
    "t1_sleeping_tables",
    "zeropage_cow",
};

std::filesystem::path data_folder() {
  const char* data = std::getenv("TLBLAB_TEST_DATA");
  return std::filesystem::path(data != nullptr ? data : "tests/data").parent_path() / "mm" / "data";
}

// A name of the list, and how many CPUs have the mm loaded.
class MeasuredScript : public testing::TestWithParam<std::tuple<const char*, unsigned>> {};

TEST_P(MeasuredScript, DoesWhatTheKernelDid) {
  const auto [name, cpus] = GetParam();
  const auto path = data_folder() / (std::string(name) + ".script");
  std::ifstream text(path);
  ASSERT_TRUE(text) << path << ": no such file; TLBLAB_TEST_DATA is to name tests/data";
  const std::vector<ScriptLine> lines = read_script(text);
  const auto measured = [&](const ScriptLine& l) { return l.events.contains(cpus); };
  if (std::none_of(lines.begin(), lines.end(), measured)) GTEST_SKIP() << "not measured so";
  const bool keeper = lines[0].words[0] != "option";
  constexpr std::uint64_t frames = 1ULL << 16;
  ScriptRun<x86> run(cpus, frames, keeper);
  for (const ScriptLine& line : lines) {
    const auto outcome = run.run(line);
    const auto where = ::testing::Message() << name << ".script:" << line.number;
    if (measured(line)) {
      EXPECT_EQ(outcome.events, line.events.at(cpus)) << where;
      EXPECT_EQ(outcome.error, line.error) << where;
    }
    if (line.words[0] == "exit") {
      EXPECT_EQ(outcome.events.find('L'), std::string::npos) << where;
    }
    if (line.faults.has_value() && outcome.faults.has_value()) {
      EXPECT_EQ(*outcome.faults, *line.faults) << where;
    }
  }
}

std::string test_name(const testing::TestParamInfo<std::tuple<const char*, unsigned>>& info) {
  return std::string(std::get<0>(info.param)) + "_on_" + std::to_string(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Scripts,
                         MeasuredScript,
                         testing::Combine(testing::ValuesIn(scripts), testing::Values(1U, 2U)),
                         test_name);

TEST(MeasuredScripts, AreAllInTheList) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder()))
    files += entry.path().extension() == ".script" ? 1U : 0U;
  EXPECT_EQ(files, std::size(scripts));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
