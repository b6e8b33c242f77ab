// SPDX-License-Identifier: GPL-2.0-or-later
// The smallest memory manager that flushes as the kernel does: mappings and present pages in maps,
// and the rules that were measured (ranges, batches, freed tables, copy on write). No CPUs, no
// TLBs, no locks. It shows that the bookkeeping of a replay is right, and it is what the ported mm
// can be compared with call by call.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "harness/workload/range.h"
#include "harness/workload/replay_target.h"

namespace tlblab::plain {

// What one entry of a last-level table maps: nothing, the zero page, a file's page, or an anonymous
// one.
using PageId = std::uint32_t;
inline constexpr PageId no_page = 0, zero_page = 1, file_page = 2, first_anonymous = 3;

struct Entry {
  PageId page = no_page;
  bool writable = false;
  bool dirty = false;
};
using Table = std::array<Entry, 512>;

struct Mapping {
  vaddr_t end = 0;
  std::uint32_t prot = 0;
  bool shared = false, file = false;
  bool dont_fork = false, wipe_on_fork = false;
  bool has_anonymous = false;  // ever had an anonymous page: fork copies its entries
  [[nodiscard]] bool same_kind(const Mapping& other) const;
};

struct Space {
  std::map<vaddr_t, Mapping> mappings;  // by their begin
  std::map<vaddr_t, Table> tables;      // of 2 MiB each, by address
  std::set<vaddr_t> directories[2];     // those above: of 1 GiB, of 512 GiB
};

// Collects what a call changes and turns it into flush events.
class Gather {
 public:
  explicit Gather(std::vector<FlushRecord>& flushes) : flushes_(flushes) {}
  Gather(const Gather&) = delete;
  Gather& operator=(const Gather&) = delete;
  ~Gather() { flush(); }

  void entry(vaddr_t address) { add(address, 0); }
  void table(vaddr_t base, unsigned level) { add(base, level); }
  void queue_page();  // a page that is freed after the flush
  void flush();

 private:
  void add(vaddr_t address, unsigned level);

  std::vector<FlushRecord>& flushes_;
  vaddr_t begin_ = ~vaddr_t{0}, end_ = 0;
  unsigned lowest_ = 4;  // smallest level at which something was cleared
  unsigned queued_ = 0;
};

class PlainModel final : public ReplayTarget {
 public:
  void run_as(ProcessId process) override { space_ = &spaces_[process]; }
  void create(ProcessId process) override { spaces_.try_emplace(process); }
  void fork(ProcessId parent, ProcessId child) override;
  void exec(ProcessId process) override { drop(spaces_[process]); }
  void exit(ProcessId process) override;

  std::int64_t mmap(const MapRequest& request) override;
  std::int64_t munmap(vaddr_t address, std::uint64_t length) override;
  std::int64_t mprotect(vaddr_t address, std::uint64_t length, std::uint32_t prot) override;
  std::int64_t madvise(vaddr_t address, std::uint64_t length, std::uint32_t advice) override;
  std::int64_t mremap(vaddr_t address,
                      std::uint64_t old_length,
                      std::uint64_t new_length,
                      std::uint32_t flags,
                      vaddr_t new_address) override;
  std::int64_t brk(vaddr_t old_break, vaddr_t new_break) override;
  void access(vaddr_t address, bool write, bool exec) override;
  void map_untracked(vaddr_t address) override;
  bool mapped(vaddr_t address) override;
  void take_flushes(std::vector<FlushRecord>& into) override;
  std::uint64_t ipis_sent() const override { return 0; }

 private:
  using MappingAt = std::map<vaddr_t, Mapping>::iterator;
  struct AnonymousPage {
    std::uint32_t users = 0;
    bool exclusive = false;
  };

  [[nodiscard]] MappingAt find(vaddr_t address);
  void split(vaddr_t address);
  void merge(Range range);
  void map(Range range, const Mapping& mapping);
  void unmap(Range range, Gather& gather);
  void free_tables(Range range, Range allowed, Gather& gather);
  void zap(Range range, bool reclaim, Gather& gather);
  void zap_entry(Entry& entry, vaddr_t address, Gather& gather);
  void drop(Space& space);

  // Calls visit(part, mapping) for each mapped part of the range; true if there were no holes.
  template <class Visit>
  bool for_mappings(Range range, Visit visit);
  template <class Visit>
  static void for_entries(Space& space, Range range, Visit visit);
  Entry& entry_of(vaddr_t address);

  [[nodiscard]] PageId new_page();
  void release(PageId page);
  void fault_in(Mapping& mapping, Entry& entry, bool write);
  void write_protected(Mapping& mapping, Entry& entry, vaddr_t address);
  void protect_entry(
      Entry& entry, vaddr_t address, std::uint32_t from, std::uint32_t to, Gather& gather);
  void copy_entries(Space& child, Range range);
  void move_entries(Range from, vaddr_t to);
  void flush(std::int64_t pages);

  std::map<ProcessId, Space> spaces_;
  Space* space_ = nullptr;
  std::vector<AnonymousPage> pages_;
  std::vector<PageId> free_pages_;
  std::vector<FlushRecord> flushes_;
};

}  // namespace tlblab::plain
