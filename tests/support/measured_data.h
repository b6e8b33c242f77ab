// SPDX-License-Identifier: GPL-2.0-or-later
// Where the data are that were measured on real machines: the folder that TLBLAB_MEASURED names, else
// ../shared/data beside the project. A test that needs them is skipped where they are not.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace tlblab {

inline constexpr const char* no_measured_data =
    "no measured data; TLBLAB_MEASURED can name their folder";

// Empty if nothing says where.
inline std::filesystem::path measured_folder() {
  // NOLINTBEGIN(concurrency-mt-unsafe): nothing sets the environment
  if (const char* folder = std::getenv("TLBLAB_MEASURED")) return folder;
  const char* data = std::getenv("TLBLAB_TEST_DATA");
  // NOLINTEND(concurrency-mt-unsafe)
  if (data == nullptr) return {};
  return std::filesystem::path(data).parent_path().parent_path().parent_path() / "shared" / "data";
}

}  // namespace tlblab
