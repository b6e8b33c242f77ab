// SPDX-License-Identifier: GPL-2.0-or-later
// Recordings that come with the program.
#pragma once

#include <string>

namespace tlblab {

// Where the source tree was when this was built; defined in a source that CMake writes.
extern const char* const source_folder;

// Path of tests/data/NAME, installed beside the program or in the source tree; empty: in neither.
[[nodiscard]] std::string data_file(const std::string& name);

}  // namespace tlblab
