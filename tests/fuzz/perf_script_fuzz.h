// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace tlblab {

// True if the bytes were read as a recording, false if they were refused. Aborts if the refusal is
// not one line.
bool read_as_recording(const std::uint8_t* data, std::size_t size);

}  // namespace tlblab

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
