// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/scenario_text_words.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tlblab {
namespace {

using enum TextVerb;
using Form = TextForm;
constexpr TextStage setup = TextStage::setup, program = TextStage::program, both = TextStage::both;

constexpr auto verbs = std::to_array<TextVerbInfo>({
    {"file", file, Form::declare, setup, false, "a file on a disk, of so many pages"},
    {"shmem", shmem, Form::declare, setup, false, "shared memory, of so many pages"},
    {"swap", swap, Form::number, setup, false, "a swap device of so many slots"},
    {"mmap", mmap, Form::map, both, true, "map is another name"},
    {"munmap", munmap, Form::range},
    {"mprotect", mprotect, Form::range_prot},
    {"mremap", mremap, Form::remap},
    {"mlock", mlock, Form::range},
    {"munlock", munlock, Form::range},
    {"load", load, Form::word, both, true, "8 bytes; read is another name"},
    {"store", store, Form::word_value, both, true, "write is another name"},
    {"madvise_dontneed", madvise_dontneed, Form::range},
    {"madvise_dontneed_locked", madvise_dontneed_locked, Form::range},
    {"madvise_free", madvise_free, Form::range},
    {"madvise_cold", madvise_cold, Form::range},
    {"madvise_pageout", madvise_pageout, Form::range},
    {"madvise_populate_read", madvise_populate_read, Form::range},
    {"madvise_populate_write", madvise_populate_write, Form::range},
    {"madvise_willneed", madvise_willneed, Form::range},
    {"madvise_remove", madvise_remove, Form::range},
    {"madvise_guard_install", madvise_guard_install, Form::range},
    {"madvise_guard_remove", madvise_guard_remove, Form::range},
    {"madvise_dontfork", madvise_dontfork, Form::range},
    {"madvise_wipeonfork", madvise_wipeonfork, Form::range},
    {"madvise_hugepage", madvise_hugepage, Form::range},
    {"madvise_nohugepage", madvise_nohugepage, Form::range},
    {"uffd_register", uffd_register, Form::uffd_mode},
    {"uffd_unregister", uffd_unregister, Form::range},
    {"uffd_writeprotect", uffd_writeprotect, Form::on_off},
    {"uffd_zeropage", uffd_zeropage, Form::range},
    {"uffd_copy", uffd_copy, Form::source},
    {"uffd_move", uffd_move, Form::source},
    {"swap_out", swap_out, Form::page, both, true, "puts one page out"},
    {"writeback", writeback, Form::file_name, both, true, "cleans the file's pages"},
    {"pin", pin, Form::page_access, program, true, "get_user_pages_fast with FOLL_PIN"},
    {"pin_fast", pin_fast, Form::page_access, program, true, "only its part without a lock"},
    {"unpin", unpin, Form::nothing, program, false, "what was pinned last"},
    {"dma_load", dma_load, Form::nothing, program, true, "from the start of what was pinned last"},
    {"dma_store", dma_store, Form::value, program, false, "to the start of what was pinned last"},
    {"fork", fork, Form::child_name, both, true, "the child runs where use says so"},
    {"use", use, Form::space_name, program, false, "this CPU runs that address space from now on"},
    {"exit", exit, Form::child_name, program, false, "the child ends"},
    {"meet", meet, Form::nothing, program, false, "waits until all CPUs have come here"},
    {"signal", signal, Form::signal_name, program, false, "a store with release"},
    {"wait", wait, Form::signal_name, program, false, "until the signal was given"},
    {"seen", seen, Form::signal_name, program, true,
     "1 if the signal was given, a load with acquire"},
    {"sleep", sleep, Form::nothing, program, false, "this CPU runs nothing: lazy TLB"},
    {"wake", wake, Form::nothing, program, false, "after sleep"},
    {"tick", tick, Form::nothing, program, false, "the timer"},
});

struct OtherName {
  std::string_view word;
  TextVerb verb;
};
constexpr auto other_names =
    std::to_array<OtherName>({{"map", mmap}, {"read", load}, {"write", store}});

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == '\v' || c == '\f';
}

// The length of "P7" if that is what the piece begins with and a colon follows, else 0.
std::size_t cpu_prefix(std::string_view rest) noexcept {
  if (!rest.starts_with('P')) return 0;
  const std::size_t end = rest.find_first_not_of("0123456789", 1);
  return end != std::string_view::npos && rest[end] == ':' ? end : 0;
}

}  // namespace

std::span<const TextVerbInfo> text_verbs() noexcept { return verbs; }

const TextVerbInfo* text_verb(std::string_view word) noexcept {
  const auto* other = std::ranges::find(other_names, word, &OtherName::word);
  if (other != other_names.end()) return &info_of(other->verb);
  const auto* at = std::ranges::find(verbs, word, &TextVerbInfo::word);
  return at == verbs.end() ? nullptr : at;
}

const TextVerbInfo& info_of(TextVerb verb) noexcept {
  return *std::ranges::find(verbs, verb, &TextVerbInfo::verb);
}

std::string_view usage_of(TextForm form) noexcept {
  switch (form) {
    case Form::declare: return "NAME PAGES";
    case Form::number: return "SLOTS";
    case Form::map: return "ADDRESS PAGES r|rw|none|rx|rwx [shared|private FILE [PAGE]] [populate]";
    case Form::range: return "ADDRESS PAGES";
    case Form::range_prot: return "ADDRESS PAGES r|rw|none|rx|rwx";
    case Form::remap: return "ADDRESS PAGES NEWPAGES [to ADDRESS] [dontunmap]";
    case Form::uffd_mode: return "ADDRESS PAGES wp|missing";
    case Form::on_off: return "ADDRESS PAGES on|off";
    case Form::source: return "ADDRESS PAGES from ADDRESS";
    case Form::word:
    case Form::page: return "ADDRESS";
    case Form::word_value: return "ADDRESS VALUE";
    case Form::page_access: return "ADDRESS r|w";
    case Form::value: return "VALUE";
    case Form::file_name: return "FILE";
    case Form::child_name: return "CHILD";
    case Form::space_name: return "CHILD|parent";
    case Form::signal_name: return "SIGNAL";
    case Form::nothing: break;
  }
  return "";
}

std::vector<TextPiece> pieces_of(std::string_view line) {
  std::vector<TextPiece> pieces;
  for (std::size_t at = 0; at < line.size();) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    if (const std::size_t prefix = cpu_prefix(line.substr(at)); prefix != 0 && pieces.empty())
      end = at + prefix + 1;
    else if (line[at] == '=')
      end = at + 1;
    else
      while (end < line.size() && !is_blank(line[end]) && line[end] != '=') ++end;
    pieces.push_back({line.substr(at, end - at), at + 1});
    at = end;
  }
  return pieces;
}

std::optional<std::uint64_t> number_from(std::string_view word) noexcept {
  const bool hex = word.starts_with("0x") || word.starts_with("0X");
  const std::string_view digits = hex ? word.substr(2) : word;
  std::uint64_t value = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value, hex ? 16 : 10);
  if (digits.empty() || error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<unsigned> index_from(std::string_view word, char letter) noexcept {
  if (word.size() < 2 || word.size() > 3 || word[0] != letter) return std::nullopt;
  if (word.size() == 3 && word[1] == '0') return std::nullopt;
  const std::string_view digits = word.substr(1);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string shown(std::string_view word) {
  constexpr std::size_t most = 40;
  std::string out;
  for (const char c : word.substr(0, most)) out += c >= ' ' && c <= '~' ? c : '?';
  return word.size() > most ? out + "..." : out;
}

}  // namespace tlblab
