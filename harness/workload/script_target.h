// SPDX-License-Identifier: GPL-2.0-or-later
// What a script drives: a machine with a memory manager on which the operations of one process are
// made, and looked at from outside. World-neutral; the ported mm implements it, and so does what
// the tests of the interpreter use.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/workload/replay_target.h"
#include "harness/workload/script.h"

namespace tlblab {

// ---- what words of memory hold ------------------------------------------------------------------

// The first word of a page tells who wrote it last. 0: nobody.
namespace script_word_of {
inline constexpr std::uint64_t tag_mask = 0xffffULL << 48;
inline constexpr std::uint64_t written_tag = 0x5752ULL << 48;
inline constexpr std::uint64_t file_tag = 0x4649ULL << 48;
// The op-th operation, from 1.
constexpr std::uint64_t written(std::uint64_t op) noexcept { return written_tag | op; }
constexpr std::uint64_t file(std::uint64_t index) noexcept { return file_tag | index; }
}  // namespace script_word_of

// ---- what is seen -------------------------------------------------------------------------------

struct ScriptFlush {
  ScriptActor who = ScriptActor::t0;
  FlushRecord what;
};

struct ScriptOutcome {
  std::int64_t result = 0;       // of the call: 0 or an address, or -errno
  std::optional<vaddr_t> fatal;  // an access that kills the program
  bool out_of_memory = false;    // the machine has no frame left
  std::uint64_t write_faults = 0, read_faults = 0, kernel_faults = 0;
  std::vector<ScriptFlush> flushes;  // the actor's in order, then what others were told
};

// An area of an address space, and the entries in it that are not empty, by address.
struct AreaSeen {
  vaddr_t start = 0, end = 0;
  std::uint8_t prot = 0;  // script_prot
  bool shared = false;
};
struct PageSeen {
  vaddr_t address = 0;
  bool present = false;  // else: what hardware takes for absent, and says more than nothing
  bool uffd_wp = false;
  bool zero_page = false, ksm = false, large = false, anon = false, exclusive = false, file = false;
  pfn_t frame = 0;
  std::uint64_t word = 0;  // the first one
};
struct SpaceSeen {
  std::vector<AreaSeen> areas;
  std::vector<PageSeen> pages;
};

enum class ScriptSpace : std::uint8_t { parent, child };

// One word read through the mapping.
struct ScriptRead {
  bool readable = false;
  std::uint64_t word = 0;
};

class ScriptTarget {
 public:
  virtual ~ScriptTarget() = default;
  // count: number of the operation, from 1: what writes write.
  virtual ScriptOutcome perform(const ScriptOp& op, std::uint64_t count) = 0;
  virtual SpaceSeen look(ScriptSpace space) = 0;
  // By the main thread: faults pages in.
  virtual std::vector<ScriptRead> read_pages(const std::vector<vaddr_t>& addresses) = 0;
};

}  // namespace tlblab
