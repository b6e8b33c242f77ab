// SPDX-License-Identifier: GPL-2.0-or-later
// The words of a scenario's text, as tables, and the pieces that its lines fall into.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/workload/scenario_text.h"

namespace tlblab {

// What follows the word of an operation.
enum class TextForm : std::uint8_t {
  declare,      // NAME PAGES
  number,       // SLOTS
  map,          // ADDRESS PAGES PROT [shared FILE [PAGE]|private FILE [PAGE]] [populate]
  range,        // ADDRESS PAGES
  range_prot,   // ADDRESS PAGES PROT
  remap,        // ADDRESS PAGES NEWPAGES [to ADDRESS] [dontunmap]
  uffd_mode,    // ADDRESS PAGES wp|missing
  on_off,       // ADDRESS PAGES on|off
  source,       // ADDRESS PAGES from ADDRESS
  word,         // ADDRESS, a multiple of 8
  word_value,   // ADDRESS VALUE
  page,         // ADDRESS, a multiple of 4096
  page_access,  // ADDRESS r|w
  value,        // VALUE
  file_name,    // FILE
  child_name,   // CHILD
  space_name,   // CHILD|parent
  signal_name,  // SIGNAL
  nothing,
};

// Where it may stand.
enum class TextStage : std::uint8_t { setup, program, both };

struct TextVerbInfo {
  std::string_view word;
  TextVerb verb;
  TextForm form;
  TextStage stage = TextStage::both;
  bool gives = true;        // a result that a register can take
  std::string_view line{};  // for the help; empty: the word says it
};

[[nodiscard]] std::span<const TextVerbInfo> text_verbs() noexcept;
// Null: there is no such word. map, read and write are other names of mmap, load and store.
[[nodiscard]] const TextVerbInfo* text_verb(std::string_view word) noexcept;
[[nodiscard]] const TextVerbInfo& info_of(TextVerb verb) noexcept;
[[nodiscard]] std::string_view usage_of(TextForm form) noexcept;

// A piece of a line: white space and commas part them, = and the colon of P0: stand for themselves.
struct TextPiece {
  std::string_view text;
  std::uint64_t column = 0;
};
[[nodiscard]] std::vector<TextPiece> pieces_of(std::string_view line);

// The line up to its comment.
[[nodiscard]] constexpr std::string_view without_comment(std::string_view line) noexcept {
  return line.substr(0, line.find('#'));
}
// 0x or decimal, all of it.
[[nodiscard]] std::optional<std::uint64_t> number_from(std::string_view word) noexcept;
// n of "P7" or "r7", at most two digits, without leading zeros.
[[nodiscard]] std::optional<unsigned> index_from(std::string_view word, char letter) noexcept;
// What of it may be repeated to a user: it came from a file that may hold anything.
[[nodiscard]] std::string shown(std::string_view word);

}  // namespace tlblab
