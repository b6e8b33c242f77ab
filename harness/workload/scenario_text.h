// SPDX-License-Identifier: GPL-2.0-or-later
// A scenario as text: what each CPU's program does, one operation a line, and what must not come of
// it. Reading checks everything that needs no machine: words, numbers, names, who meets whom, and
// which registers a condition may ask for. Printing gives the text back in one fixed form, from
// which the same scenario is read again.
//
//   # comment
//   arch x86                            the backend, unless another one is typed
//   without nested-flush                fixes that are taken away, unless others are typed
//   actors walker, evict=2, arrive      what the hardware does unasked, unless others are typed
//   map 0x4000 8 rw                     before the programs, on CPU 0
//   store 0x4000 1
//   P0: madvise_dontneed 0x4000 8       an address, a number of pages
//   P1: r0 = load 0x4000
//   forbid stale_translation_use        which kinds of violation count; any, none; default any
//   forbid P1:r0 == 1 && P0:r1 < 0      must not hold at the end
//   exists P1:r0 == 0                   can it hold at the end?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/workload/hardware_actors.h"
#include "harness/workload/scenario_text_condition.h"
#include "mm/types.h"

namespace tlblab {

// What a text can be at most: everything beyond is refused.
struct ScenarioTextLimits {
  static constexpr std::size_t cpus = 8;
  static constexpr std::size_t operations = 256;  // of the setup, of one program
  static constexpr std::uint64_t pages = 2048;    // of one range, of a file
  static constexpr std::uint64_t swap_slots = 1024;
  static constexpr std::size_t names = 8;  // of files, of children, of signals
  static constexpr std::size_t pins = 8;   // of one CPU at a time
  static constexpr std::size_t name = 32;  // bytes of one
  static constexpr std::size_t conditions = 16;
  static constexpr vaddr_t addresses = 1ULL << 47;  // what four levels of tables reach
};

enum class TextVerb : std::uint8_t {
  file,
  shmem,
  swap,
  mmap,
  munmap,
  mprotect,
  mremap,
  mlock,
  munlock,
  load,
  store,
  madvise_dontneed,
  madvise_dontneed_locked,
  madvise_free,
  madvise_cold,
  madvise_pageout,
  madvise_populate_read,
  madvise_populate_write,
  madvise_willneed,
  madvise_remove,
  madvise_guard_install,
  madvise_guard_remove,
  madvise_dontfork,
  madvise_wipeonfork,
  madvise_hugepage,
  madvise_nohugepage,
  uffd_register,
  uffd_unregister,
  uffd_writeprotect,
  uffd_zeropage,
  uffd_copy,
  uffd_move,
  swap_out,
  writeback,
  pin,
  pin_fast,
  unpin,
  dma_load,
  dma_store,
  fork,
  use,
  exit,
  meet,
  signal,
  wait,
  seen,
  sleep,
  wake,
  tick,
};

enum text_prot : std::uint8_t { text_read = 1, text_write = 2, text_exec = 4 };

struct TextOp {
  TextVerb verb = TextVerb::meet;
  TextPlace place{};
  std::optional<unsigned> result;  // the register that gets it
  vaddr_t address = 0;
  std::uint64_t pages = 0;
  std::uint8_t prot = 0;         // of mmap and mprotect; of a pin: text_read or text_write
  bool shared = false;           // mmap
  bool populate = false;         // mmap
  std::optional<unsigned> file;  // mmap, writeback: index of files
  std::uint64_t first_page = 0;  // mmap: of the file
  std::uint64_t new_pages = 0;   // mremap
  std::optional<vaddr_t> other;  // mremap: where to; uffd_copy, uffd_move: where from
  bool dont_unmap = false;       // mremap
  bool on = false;               // uffd_writeprotect; uffd_register: wp (else missing)
  std::int64_t value = 0;        // store, dma_store
  std::optional<unsigned> name;  // of a signal, of a child; use: none is the parent

  // Of operations that always have one.
  [[nodiscard]] unsigned named() const noexcept { return name.value_or(0); }
  [[nodiscard]] unsigned of_file() const noexcept { return file.value_or(0); }
  [[nodiscard]] vaddr_t from() const noexcept { return other.value_or(0); }
  friend bool operator==(const TextOp&, const TextOp&) = default;
};

// A word that somebody who knows more is to check: a kind, a fix, a backend.
struct TextName {
  std::string text;
  TextPlace place{};
  friend bool operator==(const TextName&, const TextName&) = default;
};

struct TextFile {
  std::string name;
  std::uint64_t pages = 0;
  bool disk = false;
  friend bool operator==(const TextFile&, const TextFile&) = default;
};

struct ScenarioText {
  std::string file;  // where it was read
  std::optional<TextName> arch;
  std::vector<TextName> without;
  HardwareActors actors;
  std::vector<TextName> forbidden;  // kinds; "any" or "none" alone; empty: any
  std::vector<TextFile> files;
  std::vector<std::string> children, signals;
  std::uint64_t swap_slots = 0;
  std::vector<TextOp> setup;
  std::vector<std::vector<TextOp>> programs;  // of P0, P1, ...
  std::vector<TextCondition> conditions;
  unsigned meetings = 0;  // how often each program meets the others

  // Is this kind of violation one that the scenario is about? Asked of what oracles report; what
  // ends an execution by itself (a deadlock, mm's own checks) counts in any case.
  [[nodiscard]] bool forbids(std::string_view kind) const noexcept;
  [[nodiscard]] bool forbids_all() const noexcept;
  [[nodiscard]] bool asks_existence() const noexcept;
  // The pages that programs load from and store to, ascending.
  [[nodiscard]] std::vector<vaddr_t> used_pages() const;
};

// What a run of one reports beside the oracles' kinds.
inline constexpr std::string_view forbidden_state_kind = "forbidden_state";
inline constexpr std::string_view setup_failed_kind = "setup_failed";
inline constexpr std::string_view witness_kind = "exists";  // no violation: the answer is yes

// Throw InputError, with line and column.
[[nodiscard]] ScenarioText read_scenario_text(const std::string& path);
[[nodiscard]] ScenarioText parse_scenario_text(std::string_view text, std::string name);

[[nodiscard]] std::string print_scenario_text(const ScenarioText& text);
// How many frames its pages can take beside page tables, at most; a guess that is never too small
// but for pages that several CPUs fault in at once.
[[nodiscard]] std::uint64_t frames_of(const ScenarioText& text) noexcept;
// Of what it says, so comments and blanks may change: 16 hexadecimal digits.
[[nodiscard]] std::string fingerprint(const ScenarioText& text);

}  // namespace tlblab
