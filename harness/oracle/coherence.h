// SPDX-License-Identifier: GPL-2.0-or-later
// I3, return coherence: when a call returns, no CPU can use a translation that the call saw taken
// away, whoever took it away. And I8: whoever holds a page-table lock and reads "no flush pending"
// may rely on all changes under that lock being flushed.
//
// Debt belongs to a slot. Each loss of a slot has a time (table_history.h), each TLB entry a label:
// the time before which its value was read. A call has seen a table up to the table's time at its
// last unlock of the PTL. At its return an entry in the call's range is a violation if its slot lost
// something that the entry still has, after the label and not later than what the call has seen.
// A fill after the loss has a later label, so it is legal; a loss after the call's look is somebody
// else's business; a table that the call found missing without a lock it has not seen. A CPU in the
// middle of a call of its own runs no program: it has until its return to flush.
//
// I5, dirty coherence: the same for the mark that a store leaves. A translation that is marked dirty
// stores without looking at its entry; if the entry, or the page, was cleaned meanwhile, nobody will
// know of the store. What a call cleaned is looked at when it returns; who relies on a page being
// clean without a call (page_clean_act) is held to it at once.
//
// I10, where 16 entries may say that they are one: when the lock of their table is dropped, all of them
// say so and are alike, or none does. Hardware may take any of them for all at any time; what it makes of
// them is judged by the changes of all 16.
//
// fork takes rights away without raising the count: it holds mmap_lock for writing, and the lock of
// each area that it copies, so no fault looks at what it changed before its flush. A fault of another
// area may take the lock of the same table meanwhile: nothing is judged until the fork is over.
#pragma once

#include <set>
#include <vector>

#include "harness/oracle/cpu_states.h"
#include "harness/oracle/table_history.h"
#include "harness/oracle/violation_log.h"

namespace tlblab::inline TLBLAB_WORLD {

class Coherence {
 public:
  Coherence(const OracleTable& table, CpuStates& cpus, ViolationLog& log);

  void pte_change(const trace_event& e) noexcept;
  void ptl_acquire(const trace_event& e) noexcept;
  void ptl_release(const trace_event& e) noexcept;
  void call_begin(const trace_event& e) noexcept;
  void call_end(const trace_event& e) noexcept;
  void tlb_use(const trace_event& e) noexcept;
  void pending_dec(const trace_event& e) noexcept;
  // Translations to the page are in [start, end).
  void page_clean_act(const trace_event& e, vaddr_t start, vaddr_t end) noexcept;
  void reset() noexcept;

 private:
  struct Seen {
    pfn_t table = 0;
    std::uint32_t time = 0;
    friend auto operator<=>(const Seen&, const Seen&) noexcept = default;
  };
  // A translation that a call on cpu `by` returned over.
  struct Stale {
    vaddr_t va = 0;
    unsigned size = 0;  // as hw::TlbData::size
    pfn_t pfn = 0;
    std::uint64_t slot = 0;
    std::uint32_t label = 0, lost = 0, seen = 0;
    MmCall call{};
    unsigned by = 0;
    bool clean = false;  // all that was taken away is the mark: it may be read through
  };
  // One of a CPU's, to be recognised when the CPU returns from its own call, or uses it. Written by
  // who finds it, in the states free -> taken -> watched; given back by the CPU itself.
  struct Watch {
    enum State : std::uint32_t { free, taken, watched };
    std::atomic<std::uint32_t> state{free};
    Stale stale;
    bool reported = false;
  };
  // Of one CPU, and touched by it alone but for `watch`.
  struct alignas(128) Local {
    MmCall call{};  // while CpuState::in_call
    std::uint64_t mm = 0;
    std::vector<Seen> seen;
    std::set<std::uint64_t> blocks;  // slot / 16, changed since the lock was taken
    Watch watch;
  };

  [[nodiscard]] bool in_call(unsigned cpu) const noexcept;
  void check_return(const trace_event& e, const Local& local) noexcept;
  void check_return_on(unsigned cpu, const trace_event& e, const Local& local) noexcept;
  void found_stale(unsigned cpu, const Stale& stale) noexcept;
  void report(unsigned cpu, const Stale& stale) noexcept;
  void watch_for(unsigned cpu, const Stale& stale, bool reported) noexcept;
  [[nodiscard]] bool holds(unsigned cpu, const Stale& stale) const noexcept;
  [[nodiscard]] bool is_mixed(std::uint64_t block) const noexcept;
  void check_blocks(const trace_event& e, Local& local) noexcept;
  void check_watch_at_return(unsigned cpu) noexcept;
  void check_watch_at_use(const trace_event& e) noexcept;
  static bool reclaim_owes(const mm_struct& mm) noexcept;
  void check_paid(const trace_event& e, TableHistory& history) noexcept;
  void check_paid_range(const trace_event& e,
                        const TableHistory& history,
                        vaddr_t start,
                        vaddr_t end) noexcept;

  const OracleTable& table_;
  CpuStates& cpus_;
  ViolationLog& log_;
  TableHistories histories_;
  std::vector<Local> locals_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
