// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/coherence.h"

#include <algorithm>

#include <fmt/core.h>

#include "harness/oracle/kinds.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr unsigned table_shift = 9;
constexpr std::uint32_t any_time = ~0U;

pfn_t table_of(std::uint64_t slot) noexcept { return slot >> table_shift; }

vaddr_t page_of(vaddr_t va) noexcept { return va & page_mask; }

}  // namespace

Coherence::Coherence(const OracleTable& table, CpuStates& cpus, ViolationLog& log)
    : table_(table), cpus_(cpus), log_(log), locals_(table.cpus) {}

void Coherence::reset() noexcept {
  histories_.reset();
  for (Local& local : locals_) {
    local.in_call = false;
    local.seen.clear();
    local.condemned.state.store(Condemned::empty, std::memory_order_relaxed);
  }
}

// ---- what is taken away ---------------------------------------------------------------------------

void Coherence::pte_change(const trace_event& e) noexcept {
  const pfn_t table = table_of(e.a);
  const unsigned level = mem_map[table].level;
  const LeafView was = table_.leaf({e.b}, level);
  if (was.rights == 0) return;
  const LeafView now = table_.leaf({e.c}, level);
  const bool same_frame = now.rights != 0 && now.pfn == was.pfn;
  const unsigned lost = same_frame ? was.rights & ~now.rights : bit_of(right_frame);
  if (lost != 0)
    histories_.obtain(table).note_loss(static_cast<unsigned>(e.a) & (ptrs_per_table - 1), e.d,
                                       lost);
}

// ---- I3 -------------------------------------------------------------------------------------------

void Coherence::call_begin(const trace_event& e) noexcept {
  Local& local = locals_[e.cpu];
  local.in_call = true;
  local.call = static_cast<MmCall>(e.a);
  local.mm = e.mm;
  local.seen.clear();
}

void Coherence::ptl_release(const trace_event& e) noexcept {
  Local& local = locals_[e.cpu];
  if (!local.in_call) return;
  const TableHistory* history = TableHistories::find(e.a);
  if (history == nullptr) return;
  const std::uint32_t time = history->changes.load(order::relaxed);
  if (!local.seen.empty() && local.seen.back().table == e.a)
    local.seen.back().time = time;
  else
    local.seen.push_back({e.a, time});
}

void Coherence::call_end(const trace_event& e) noexcept {
  Local& local = locals_[e.cpu];
  if (local.in_call && local.mm == e.mm && !local.seen.empty() && e.b < e.c) {
    std::sort(local.seen.begin(), local.seen.end());
    check_return(e, local);
  }
  local.in_call = false;
}

void Coherence::check_return(const trace_event& e, const Local& local) noexcept {
  cpus_.for_each_running(e.mm, [&](unsigned cpu) {
    table_.tlb(cpu).for_each(e.b, e.c, [&](const hw::TlbView& entry) {
      if (entry.data.mm_id != e.mm) return;
      // The last look at the table is the one that counts: the greatest time.
      const auto after = std::upper_bound(local.seen.begin(), local.seen.end(),
                                          Seen{table_of(entry.data.slot), any_time});
      if (after == local.seen.begin()) return;
      const Seen& seen = *(after - 1);
      if (seen.table != table_of(entry.data.slot)) return;
      const std::uint32_t lost = TableHistories::find(seen.table)->overdue(entry.data, seen.time);
      if (lost == 0) return;
      condemn(cpu, entry, e);
      log_.report(kind::stale_translation_after_return, [&] {
        return fmt::format(
            "cpu{} holds page {} at {:#x} (filled before change {}, call saw {}) after {} on cpu{} "
            "returned",
            cpu, entry.data.frame->pfn, entry.va, lost, seen.time,
            call_name(static_cast<MmCall>(e.a)), e.cpu);
      });
    });
  });
}

// One at a time: the first that is used proves the point.
void Coherence::condemn(unsigned cpu, const hw::TlbView& entry, const trace_event& e) noexcept {
  Condemned& condemned = locals_[cpu].condemned;
  std::uint32_t expected = Condemned::empty;
  if (!condemned.state.compare_exchange_strong(
          expected, Condemned::being_written, std::memory_order_acquire, std::memory_order_relaxed))
    return;
  condemned.va.store(entry.va, std::memory_order_relaxed);
  condemned.slot.store(entry.data.slot, std::memory_order_relaxed);
  condemned.label.store(entry.data.slot_changes, std::memory_order_relaxed);
  condemned.by_cpu.store(e.cpu, std::memory_order_relaxed);
  condemned.by_call.store(static_cast<MmCall>(e.a), std::memory_order_relaxed);
  // Release: the words before the state; pairs with the acquire in tlb_use().
  condemned.state.store(Condemned::armed, std::memory_order_release);
}

void Coherence::tlb_use(const trace_event& e) noexcept {
  Condemned& condemned = locals_[e.cpu].condemned;
  if (condemned.state.load(std::memory_order_acquire) == Condemned::armed) [[unlikely]]
    check_condemned(e, condemned);
}

void Coherence::check_condemned(const trace_event& e, Condemned& condemned) noexcept {
  const vaddr_t va = condemned.va.load(std::memory_order_relaxed);
  bool there = false;
  table_.tlb(e.cpu).for_each(va, va + 1, [&](const hw::TlbView& entry) {
    there |= entry.data.slot == condemned.slot.load(std::memory_order_relaxed) &&
             entry.data.slot_changes == condemned.label.load(std::memory_order_relaxed);
  });
  if (there && page_of(e.a) != va) return;  // another page was used
  if (there)
    log_.report(kind::stale_translation_use, [&] {
      return fmt::format("cpu{} {} page {} at {:#x}, taken away before {} on cpu{} returned", e.cpu,
                         e.d != 0 ? "writes" : "reads", e.b, e.a,
                         call_name(condemned.by_call.load(std::memory_order_relaxed)),
                         condemned.by_cpu.load(std::memory_order_relaxed));
    });
  condemned.state.store(Condemned::empty, std::memory_order_release);
}

// ---- I8 -------------------------------------------------------------------------------------------

void Coherence::pending_dec(const trace_event& e) noexcept {
  const auto before = static_cast<std::int64_t>(e.a);
  if (before <= 0)
    log_.report(kind::pending_below_zero, [&] {
      return fmt::format("cpu{} decremented the pending count of mm {} from {}", e.cpu, e.mm,
                         before);
    });
}

bool Coherence::owes_nothing_by_rule(const trace_event& e) const noexcept {
  const Local& local = locals_[e.cpu];
  return local.in_call && local.call == MmCall::fork;
}

void Coherence::ptl_acquire(const trace_event& e) noexcept {
  TableHistory* history = TableHistories::find(e.a);
  if (history == nullptr || history->nr_unpaid == 0 || owes_nothing_by_rule(e)) return;
  const mm_struct* mm = table_.loaded_mm(e.cpu);
  if (mm == nullptr || mm->id != e.mm || mm->tlb_flush_pending.load(order::relaxed) != 0) return;
  check_paid(e, *history);
  history->nr_unpaid = 0;
}

void Coherence::check_paid(const trace_event& e, TableHistory& history) noexcept {
  if (history.nr_unpaid > TableHistory::unpaid_kept)
    return check_paid_range(e, history, 0, tlb_flush_all);
  for (std::size_t i = 0; i < history.nr_unpaid; ++i)
    check_paid_range(e, history, history.unpaid[i], history.unpaid[i] + 1);
}

void Coherence::check_paid_range(const trace_event& e,
                                 const TableHistory& history,
                                 vaddr_t start,
                                 vaddr_t end) noexcept {
  cpus_.for_each_running(e.mm, [&](unsigned cpu) {
    table_.tlb(cpu).for_each(start, end, [&](const hw::TlbView& entry) {
      if (entry.data.mm_id != e.mm || table_of(entry.data.slot) != e.a) return;
      const std::uint32_t lost = history.overdue(entry.data, any_time);
      if (lost == 0) return;
      log_.report(kind::debt_without_pending, [&] {
        return fmt::format(
            "cpu{} holds page {} at {:#x} (filled before change {}) while cpu{} has the lock of "
            "its "
            "page table and reads that no flush is pending",
            cpu, entry.data.frame->pfn, entry.va, lost, e.cpu);
      });
    });
  });
}

}  // namespace tlblab::inline TLBLAB_WORLD
