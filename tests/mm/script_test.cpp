// SPDX-License-Identifier: GPL-2.0-or-later
// The measured sequences: flushes, errors and faults of every operation as the kernel had them.
#include "tests/mm/script.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "arch/chosen.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr const char* scripts[] = {
    "cold_two_vmas",
    "dontneed_hole",
    "dontneed_reclaim_pt",
    "dontneed_reclaim_skew",
    "dontneed_sparse",
    "dontneed_sweep",
    "dontneed_sweep_unaligned",
    "dontneed_twice_partial",
    "errors",
    "exit_big",
    "file_shared",
    "fork_parent_unmaps",
    "fork_private_memfd",
    "fork_shared",
    "fork_write_parent",
    "free_basic",
    "free_readtouched",
    "free_two_vmas",
    "guard",
    "mlock",
    "mmap_fixed_over",
    "mprotect_basic",
    "mprotect_exec",
    "mprotect_readtouched",
    "mremap_2m_aligned",
    "mremap_2m_aligned_nokeeper",
    "mremap_4m_aligned",
    "mremap_dontunmap",
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
    "thp_mprotect_part",
    "thp_mprotect_whole",
    "thp_mremap",
    "thp_split_dontneed",
    "thp_split_munmap",
    "thp_zap_whole",
    "thp_zeropage",
    "uffd_move",
    "uffd_wp",
    "zeropage_cow",
};
// What the second CPU does matters.
constexpr const char* scripts_of_two_cpus[] = {
    "gen_catchup", "t1_exited", "t1_fork", "t1_ops", "t1_ops_tables", "t1_sleeping_tables",
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
  ASSERT_TRUE(std::any_of(lines.begin(), lines.end(), measured));
  const bool keeper = lines[0].words[0] != "option";
  constexpr std::uint64_t frames = 1ULL << 16;
  ScriptRun<chosen_arch> run(cpus, frames, keeper);
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
INSTANTIATE_TEST_SUITE_P(ScriptsOfTwoCpus,
                         MeasuredScript,
                         testing::Combine(testing::ValuesIn(scripts_of_two_cpus),
                                          testing::Values(2U)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Scripts,
                         MeasuredScript,
                         testing::Combine(testing::ValuesIn(scripts), testing::Values(1U, 2U)),
                         test_name);

TEST(MeasuredScripts, AreAllInTheList) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder()))
    files += entry.path().extension() == ".script" ? 1U : 0U;
  EXPECT_EQ(files, std::size(scripts) + std::size(scripts_of_two_cpus));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
