// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace tlblab {

// True if the bytes were read as a scenario, false if they were refused. Aborts if the refusal is
// not one line with a place, if what was read is beyond the limits, or if it is not read back from
// what is printed of it.
bool read_as_scenario(const std::uint8_t* data, std::size_t size);

}  // namespace tlblab
