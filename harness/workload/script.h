// SPDX-License-Identifier: GPL-2.0-or-later
// A script: a sequence of operations on the memory of one process, read from text of one operation
// a line. Reading checks everything that does not need a machine: words, numbers, names of areas,
// and that who is to do something (the second thread, the child) is there and awake.
//
// Areas are laid out as the measured ones were: the i-th at 0x200000000000 + i * 4 GiB. Addresses
// are settled here, so an operation needs no names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mm/types.h"

namespace tlblab {

// What a script can be at most; a larger one is refused.
struct ScriptLimits {
  static constexpr std::size_t operations = 4096;
  static constexpr std::size_t areas = 100;           // the keeper page is where no. 125 would be
  static constexpr std::uint64_t pages = 1ULL << 20;  // of a number: what lies between two areas
  static constexpr std::uint64_t area_pages = 1ULL << 22;  // of all areas together
  static constexpr std::size_t name = 64;
};

enum class ScriptVerb : std::uint8_t {
  mmap,
  munmap,
  mprotect,
  mremap,
  mlock,
  munlock,
  touch,
  write,
  read,
  dontneed,
  dontneed_locked,
  free,
  cold,
  pageout,
  hugepage,
  nohugepage,
  collapse,
  populate_read,
  populate_write,
  willneed,
  mergeable,
  unmergeable,
  remove,
  guard,
  unguard,
  dontfork,
  wipeonfork,
  sequential,
  fork,
  exit,
  uffdreg,
  uffdunreg,
  uffdwp,
  uffdzero,
  uffdcopy,
  uffdmove,
  ksmscan,
  sleep1,
  wake1,
  t1exit,
  msleep,
  nop,
};
[[nodiscard]] std::string_view name_of(ScriptVerb verb) noexcept;

// Who makes an operation: the main thread on CPU 0, the second one on CPU 1, the forked child.
enum class ScriptActor : std::uint8_t { t0, t1, child };
[[nodiscard]] std::string_view name_of(ScriptActor actor) noexcept;

enum class ScriptFile : std::uint8_t { none, memfd, file };

enum script_prot : std::uint8_t { script_read = 1, script_write = 2, script_exec = 4 };

struct ScriptOp {
  std::uint64_t line = 0;
  std::string text;  // as typed, with single blanks and without the comment
  ScriptActor actor = ScriptActor::t0;
  ScriptVerb verb = ScriptVerb::nop;
  vaddr_t start = 0;
  std::uint64_t pages = 0;
  std::uint8_t prot = 0;  // of mmap and mprotect; of touch: script_read or script_write
  // mmap
  bool shared = false, populate = false, noreserve = false, fixed = false;
  ScriptFile file = ScriptFile::none;
  // mremap; uffdcopy and uffdmove: `other` is the source
  std::uint64_t new_pages = 0;
  std::optional<vaddr_t> other;
  bool dontunmap = false;
  bool on = false;           // uffdwp; uffdreg: wp (else missing)
  std::uint64_t number = 0;  // ksmscan, msleep
};

struct ScriptArea {
  std::string name;
  vaddr_t base = 0;
  std::uint64_t pages = 0;  // the most that any line gave it
};

struct Script {
  std::string file;
  std::vector<std::string> directives;  // area and option lines, as typed
  std::vector<ScriptArea> areas;        // in order of their lines
  std::vector<ScriptOp> ops;
  bool keeper = true;               // not `option no-keeper`
  bool real_time = true;            // not `option no-rt`
  unsigned child_cpu = 0;           // `option child-cpu 1`
  std::uint64_t second_thread = 0;  // the first line that needs it; 0: none does
};

inline constexpr vaddr_t script_base = 0x200000000000;
inline constexpr vaddr_t script_area_size = 1ULL << 32;
inline constexpr vaddr_t script_keeper = script_base + (500ULL << 30);

// Throw InputError.
[[nodiscard]] Script read_script(const std::string& path);
[[nodiscard]] Script parse_script(std::string_view text, std::string name);

}  // namespace tlblab
