// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace tlblab {

// True if the bytes were read as a litmus test, false if they were refused. Aborts if the refusal
// is not one line, or if what was read is not the same after printing and reading again.
bool read_as_litmus(const std::uint8_t* data, std::size_t size);

}  // namespace tlblab
