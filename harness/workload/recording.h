// SPDX-License-Identifier: GPL-2.0-or-later
// A recording of a program's memory activity: one Record a line of perf's text, in file order. Data
// only. A record is one cache line; what its arguments mean depends on its event and is told beside
// each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

// The arguments are arg[0], arg[1], ... and `flags` of the record.
enum class Event : std::uint8_t {
  tlb_flush,  // pages (as int64, -1: full), reason (a FlushReason)
  // address, ip (0: printed as a name), 1 if the address was printed as a name; flags: error code
  page_fault_user,
  page_fault_kernel,  // the same
  sys_enter,          // of `call`, see there
  sys_exit,           // of `call`: the return value (as int64, -errno)
  process_fork,       // tid of the child
  process_exec,       // pid of the process, tid of the thread that called execve
  process_exit,       // one of the three constants below
};

// The arguments are those of its sys_enter.
enum class Call : std::uint8_t {
  mmap,      // address, length, prot, fd; flags
  munmap,    // address, length
  mprotect,  // address, length, prot
  madvise,   // address, length, advice
  mremap,    // address, old length, new length, new address; flags
  brk,       // new break, 0 asks for the present one
  execve,    // none
  // From here on the exit is not recorded.
  pkey_mprotect,  // address, length, prot
  process_madvise,
  mlock,  // address, length
  munlock,
  mincore,
  membarrier,
  none,
};

inline constexpr std::uint64_t exit_of_thread = 0;    // group_dead=false
inline constexpr std::uint64_t exit_of_group = 1;     // group_dead=true: the last thread went
inline constexpr std::uint64_t exit_unspecified = 2;  // a kernel that does not say

// Bits of a page fault's error code.
inline constexpr std::uint32_t fault_present = 0x1;  // the entry was there and forbade the access
inline constexpr std::uint32_t fault_is_write = 0x2;
inline constexpr std::uint32_t fault_is_fetch = 0x10;

struct Record {
  std::uint64_t time_ns = 0;
  std::uint64_t arg[4] = {};
  std::uint32_t line = 0;  // from 1, in the unzipped text
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint32_t flags = 0;
  std::uint32_t comm = 0;  // index into Recording::comms
  std::uint16_t cpu = 0;
  Event event{};
  Call call = Call::none;
};
static_assert(sizeof(Record) == 64);

[[nodiscard]] constexpr bool is_fault(const Record& record) noexcept {
  return record.event == Event::page_fault_user || record.event == Event::page_fault_kernel;
}

// True for the calls whose exit is recorded too: they take effect there, with what they returned.
[[nodiscard]] constexpr bool has_exit(Call call) noexcept { return call <= Call::brk; }

// The name of a call as in the kernel: "mmap".
[[nodiscard]] std::string_view call_name(Call call) noexcept;

struct Recording {
  std::string name;  // of the file, for messages
  std::vector<Record> records;
  std::vector<std::string> comms;
  std::vector<std::uint16_t> cpus;  // the CPUs that appear, ascending
  std::map<std::string, std::uint64_t, std::less<>> unknown_events;  // by name: how many
  std::uint64_t lines = 0;
  std::uint64_t lost_records = 0;  // lines that report a loss
  std::uint64_t lost_events = 0;   // events that these say are missing
};

}  // namespace tlblab
