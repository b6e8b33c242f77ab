// SPDX-License-Identifier: GPL-2.0-or-later
// The entry that a fuzzer calls: bytes that may be the text of a recording, plain or gzip. They are
// read or refused with an InputError of one line; anything else is a bug. Used by libFuzzer
// (-DTLBLAB_FUZZ=ON) and by the mutation test.
#include "tests/fuzz/perf_script_fuzz.h"

#include <cstdlib>
#include <string_view>

#include "harness/workload/input_error.h"
#include "harness/workload/perf_script.h"

namespace tlblab {

bool read_as_recording(const std::uint8_t* data, std::size_t size) {
  try {
    static_cast<void>(parse_perf_script({reinterpret_cast<const char*>(data), size}, "input"));
    return true;
  } catch (const InputError& error) {
    const std::string_view line = error.what();
    if (line.empty() || line.find('\n') != std::string_view::npos) std::abort();
    return false;
  }
}

}  // namespace tlblab

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tlblab::read_as_recording(data, size);
  return 0;
}
