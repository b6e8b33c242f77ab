// SPDX-License-Identifier: GPL-2.0-or-later
// The words of a script's language, as tables.
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/workload/script.h"

namespace tlblab {

// What follows the word.
enum class ScriptForm : std::uint8_t {
  map,         // A n PROT FLAGS
  range,       // A off n
  range_prot,  // A off n PROT
  remap,       // A off n newn [to=B+off] [dontunmap] [maymove]
  access,      // A off [n]
  touch,       // A off n r|w
  uffd_mode,   // A off n wp|missing
  on_off,      // A off n on|off
  source,      // A off n S soff
  number,      // k
  nothing,
};

struct ScriptWord {
  std::string_view word;
  ScriptVerb verb;
  ScriptForm form;
};

// Null: there is no such word.
[[nodiscard]] const ScriptWord* script_word(std::string_view word) noexcept;
[[nodiscard]] std::string_view usage_of(ScriptForm form) noexcept;

}  // namespace tlblab
