// SPDX-License-Identifier: GPL-2.0-or-later
// What a replay drives: a memory manager with its CPUs, seen as the system calls and faults of
// processes. World-neutral; the ported mm implements it, and so does the small model that the tests
// compare it with.
//
// Every call is made on the simulated CPU that the record names; the caller of Replay::step() sees
// to that. Addresses are where the recording kernel put things: a target places nothing by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "mm/types.h"

namespace tlblab {

struct FlushRecord {
  FlushReason reason{};
  std::int64_t pages = 0;  // full_flush: all
  friend bool operator==(const FlushRecord&, const FlushRecord&) = default;
};

// An address space with its users. Dense numbers, given by the replay, never used again.
using ProcessId = std::uint32_t;

struct MapRequest {
  vaddr_t address = 0;  // whatever is mapped there is replaced
  std::uint64_t length = 0;
  std::uint32_t prot = 0;
  std::uint32_t flags = 0;
  bool file = false;
};

// Lengths are as recorded, not rounded. What returns int64_t returns what the system call does,
// -errno for a failure.
class ReplayTarget {
 public:
  virtual ~ReplayTarget() = default;

  // Context switch of the current CPU to this process; nothing if it runs already. Made before each
  // call below.
  virtual void run_as(ProcessId process) = 0;

  virtual void create(ProcessId process) = 0;                // an empty process; runs on no CPU yet
  virtual void fork(ProcessId parent, ProcessId child) = 0;  // the current process is the parent
  virtual void exec(ProcessId process) = 0;  // its address space becomes an empty one
  virtual void exit(ProcessId process) = 0;  // no call names it afterwards

  virtual std::int64_t mmap(const MapRequest& request) = 0;
  virtual std::int64_t munmap(vaddr_t address, std::uint64_t length) = 0;
  virtual std::int64_t mprotect(vaddr_t address, std::uint64_t length, std::uint32_t prot) = 0;
  virtual std::int64_t madvise(vaddr_t address, std::uint64_t length, std::uint32_t advice) = 0;
  // If it moved, flags has MREMAP_MAYMOVE and MREMAP_FIXED and new_address says where to; otherwise
  // neither.
  virtual std::int64_t mremap(vaddr_t address,
                              std::uint64_t old_length,
                              std::uint64_t new_length,
                              std::uint32_t flags,
                              vaddr_t new_address) = 0;
  // The heap's end moves. A target does not know where the heap begins: both ends are as recorded.
  virtual std::int64_t brk(vaddr_t old_break, vaddr_t new_break) = 0;

  // One access by the program. A fault is served; one that kills the program does nothing.
  virtual void access(vaddr_t address, bool write, bool exec) = 0;
  // One page of a mapping that exec made: private, readable, writable, executable. Nothing is
  // mapped there.
  virtual void map_untracked(vaddr_t address) = 0;
  virtual bool mapped(vaddr_t address) = 0;  // by any mapping, touched or not

  // Appends the flush events of the current CPU since the last call, in order.
  virtual void take_flushes(std::vector<FlushRecord>& into) = 0;
  virtual std::uint64_t ipis_sent() const = 0;  // by all CPUs so far
};

}  // namespace tlblab
