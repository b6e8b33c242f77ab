// SPDX-License-Identifier: GPL-2.0-or-later
// I10: a hash page table never has two valid entries for one address. Hardware may then take either,
// or stop with a machine check; and software, which knows one slot, cannot remove both.
//
// What the events say is valid is so: an entry counts from behind its insert to before its removal.
// In the real world two that overlap only just may be missed.
#pragma once

#include <map>
#include <mutex>

#include "harness/oracle/violation_log.h"
#include "mm/types.h"

namespace tlblab {

class HashEntries {
 public:
  explicit HashEntries(ViolationLog& log) : log_(log) {}

  void hash_insert(const trace_event& e) noexcept;
  void hash_remove(const trace_event& e) noexcept;
  void reset() noexcept;

 private:
  struct Key {
    std::uint64_t mm = 0;
    vaddr_t va = 0;
    friend auto operator<=>(const Key&, const Key&) noexcept = default;
  };
  ViolationLog& log_;
  std::mutex mutex_;
  std::map<Key, unsigned> valid_;         // how many entries
  std::map<std::uint64_t, Key> in_slot_;  // what each slot has
};

}  // namespace tlblab
