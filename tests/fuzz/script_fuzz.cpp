// SPDX-License-Identifier: GPL-2.0-or-later
// The entry that a fuzzer calls: bytes that may be a script, plain or gzip. They are read, or
// refused with an InputError of one line; anything else is a bug. What was read stays within its limits.
// Used by libFuzzer (-DTLBLAB_FUZZ=ON) and by the mutation test.
#include "tests/fuzz/script_fuzz.h"

#include <cstdlib>
#include <string_view>

#include "harness/workload/input_error.h"
#include "harness/workload/script.h"

namespace tlblab {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_limits(const Script& script) {
  require(script.ops.size() <= ScriptLimits::operations);
  require(script.areas.size() <= ScriptLimits::areas);
  for (const ScriptOp& op : script.ops) {
    require(op.pages <= ScriptLimits::pages && op.new_pages <= ScriptLimits::pages);
    require(op.start == 0 || (op.start >= script_base && op.start < script_keeper));
    require(op.text.find('\n') == std::string::npos);
  }
}

}  // namespace

bool read_as_script(const std::uint8_t* data, std::size_t size) {
  try {
    check_limits(parse_script({reinterpret_cast<const char*>(data), size}, "input"));
    return true;
  } catch (const InputError& error) {
    const std::string_view line = error.what();
    require(!line.empty() && line.find('\n') == std::string_view::npos);
    return false;
  }
}

}  // namespace tlblab

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tlblab::read_as_script(data, size);
  return 0;
}
