// SPDX-License-Identifier: GPL-2.0-or-later
// What a recorded call or fault does to one address space: on the target, and to what is known of
// the space. Says what kind of operation it was and whether it can be held to the recording.
// Flushes are the caller's business, but for those of reconciling, which nobody is to see
// (replay.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/workload/processes.h"
#include "harness/workload/recording.h"
#include "harness/workload/replay_report.h"
#include "harness/workload/replay_target.h"

namespace tlblab {

struct Verdict {
  std::string_view kind;  // valid as long as the SpaceOperations
  bool known = false;
};

// REQUIRES, of all: the current CPU of the target runs the process of `space`.
class SpaceOperations {
 public:
  SpaceOperations(ReplayTarget& target, ReplayReport& report, std::uint64_t populate_limit)
      : target_(target), report_(report), populate_limit_(populate_limit) {}

  // REQUIRES: the address is below user_end.
  Verdict fault(AddressSpace& space, const Record& fault);

  // A call at its exit: `enter` with its arguments, `result` what it returned.
  Verdict call(AddressSpace& space, const Record& enter, std::int64_t result);

  // mlock and pkey_mprotect, whose results are not recorded; taken to have succeeded.
  Verdict call_without_exit(AddressSpace& space, const Record& enter);

 private:
  enum class Populate : std::uint8_t { read, write, maybe };

  [[nodiscard]] bool find_mapping(AddressSpace& space, vaddr_t address);
  void reconcile(vaddr_t address, std::uint32_t error_code, PageState before);
  void make_room(AddressSpace& space, Range range);
  void fill_holes(AddressSpace& space, Range range);
  void protect_up_to_hole(AddressSpace& space, Range range, std::uint32_t prot);
  void populate(AddressSpace& space, Range range, Populate how);
  void populate_page(AddressSpace& space, vaddr_t address, Populate how);

  Verdict mmap(AddressSpace& space, const Record& enter, std::int64_t result);
  Verdict munmap(AddressSpace& space, const Record& enter, std::int64_t result);
  Verdict mprotect(AddressSpace& space, const Record& enter, std::int64_t result);
  Verdict madvise(AddressSpace& space, const Record& enter, std::int64_t result);
  Verdict mremap(AddressSpace& space, const Record& enter, std::int64_t result);
  Verdict brk(AddressSpace& space, const Record& enter, std::int64_t result);

  void carry_out_advice(AddressSpace& space, const Record& enter, std::int64_t result);
  [[nodiscard]] std::string_view advice_kind(std::uint32_t advice);
  void expect(const Record& enter, std::int64_t recorded, std::int64_t got);
  void discard_flushes();

  ReplayTarget& target_;
  ReplayReport& report_;
  std::uint64_t populate_limit_;
  std::map<std::uint32_t, std::string> advice_kinds_;
  std::vector<FlushRecord> discarded_;
};

}  // namespace tlblab
