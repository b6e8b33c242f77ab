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

}  // namespace

Coherence::Coherence(const OracleTable& table, CpuStates& cpus, ViolationLog& log)
    : table_(table), cpus_(cpus), log_(log), locals_(table.cpus) {}

void Coherence::reset() noexcept {
  histories_.reset();
  for (Local& local : locals_) {
    local.seen.clear();
    local.blocks.clear();
    local.watch.state.store(Watch::free, std::memory_order_relaxed);
  }
}

// ---- what is taken away ---------------------------------------------------------------------------

void Coherence::pte_change(const trace_event& e) noexcept {
  const pfn_t table = table_of(e.a);
  const unsigned level = mem_map[table].level;
  const LeafView was = table_.leaf({e.b}, level);
  if (was.contiguous) locals_[e.cpu].blocks.insert(e.a / hw::contiguous_pages);
  if (was.rights == 0) return;
  const LeafView now = table_.leaf({e.c}, level);
  const bool same_frame = now.rights != 0 && now.pfn == was.pfn;
  const unsigned lost = same_frame ? was.rights & ~now.rights : bit_of(right_frame);
  if (lost != 0)
    histories_.obtain(table).note_loss(static_cast<unsigned>(e.a) & (ptrs_per_table - 1), e.d,
                                       lost);
}

// ---- I3 -------------------------------------------------------------------------------------------

bool Coherence::in_call(unsigned cpu) const noexcept {
  return cpus_[cpu].in_call.load(std::memory_order_relaxed);
}

void Coherence::call_begin(const trace_event& e) noexcept {
  Local& local = locals_[e.cpu];
  cpus_[e.cpu].in_call.store(true, std::memory_order_relaxed);
  local.call = static_cast<MmCall>(e.a);
  local.mm = e.mm;
  if (local.call == MmCall::fork) cpus_[e.cpu].forks.store(e.mm, std::memory_order_relaxed);
  local.seen.clear();
}

void Coherence::ptl_release(const trace_event& e) noexcept {
  Local& local = locals_[e.cpu];
  if (!local.blocks.empty()) [[unlikely]]
    check_blocks(e, local);
  if (!in_call(e.cpu)) return;
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
  if (in_call(e.cpu) && local.mm == e.mm && !local.seen.empty() && e.b < e.c) {
    std::sort(local.seen.begin(), local.seen.end());
    check_return(e, local);
  }
  // Release: the call's flush before it is over; pairs with the acquire in Lifetime::will_flush.
  cpus_[e.cpu].in_call.store(false, std::memory_order_release);
  cpus_[e.cpu].forks.store(0, std::memory_order_relaxed);
  check_watch_at_return(e.cpu);
}

void Coherence::check_return(const trace_event& e, const Local& local) noexcept {
  cpus_.for_each_running(e.mm, [&](unsigned cpu) { check_return_on(cpu, e, local); });
}

void Coherence::check_return_on(unsigned cpu, const trace_event& e, const Local& local) noexcept {
  table_.tlb(cpu).for_each(e.b, e.c, [&](const hw::TlbView& entry) {
    const hw::TlbData& data = entry.data;
    if (data.mm_id != e.mm) return;
    // The last look at the table is the one that counts: the greatest time.
    const auto after =
        std::upper_bound(local.seen.begin(), local.seen.end(), Seen{table_of(data.slot), any_time});
    if (after == local.seen.begin()) return;
    const Seen& seen = *(after - 1);
    if (seen.table != table_of(data.slot)) return;
    const auto lost = TableHistories::find(seen.table)->overdue(entry, seen.time, e.b, e.c);
    if (lost.when != 0)
      found_stale(cpu, {entry.va, data.size, data.frame->pfn, data.slot, data.slot_changes,
                        lost.when, seen.time, local.call, e.cpu, lost.right == right_dirty});
  });
}

// ---- what was found, and what becomes of it -------------------------------------------------------

void Coherence::report(unsigned cpu, const Stale& stale) noexcept {
  log_.report(
      stale.clean ? kind::dirty_translation_after_clean : kind::stale_translation_after_return,
      [&] {
        return fmt::format(
            "cpu{} holds page {} at {:#x} (filled before change {}, call saw {}) after {} on cpu{} "
            "returned",
            cpu, stale.pfn, stale.va, stale.lost, stale.seen, call_name(stale.call), stale.by);
      });
}

// One is watched at a time: the first that is used proves the point.
void Coherence::found_stale(unsigned cpu, const Stale& stale) noexcept {
  const bool calling = cpu != stale.by && in_call(cpu);
  if (!calling) report(cpu, stale);
  watch_for(cpu, stale, !calling);
}

void Coherence::watch_for(unsigned cpu, const Stale& stale, bool reported) noexcept {
  Watch& watch = locals_[cpu].watch;
  std::uint32_t expected = Watch::free;
  // Acquire: pairs with the release by which the CPU gave it back.
  if (!watch.state.compare_exchange_strong(expected, Watch::taken, std::memory_order_acquire,
                                           std::memory_order_relaxed))
    return;
  watch.stale = stale;
  watch.reported = reported;
  // Release: what is watched before the state; pairs with the acquires below.
  watch.state.store(Watch::watched, std::memory_order_release);
}

bool Coherence::holds(unsigned cpu, const Stale& stale) const noexcept {
  bool there = false;
  table_.tlb(cpu).for_each(stale.va, stale.va + 1, [&](const hw::TlbView& entry) {
    there |= entry.data.slot == stale.slot && entry.data.slot_changes == stale.label;
  });
  return there;
}

void Coherence::check_watch_at_return(unsigned cpu) noexcept {
  Watch& watch = locals_[cpu].watch;
  if (watch.state.load(std::memory_order_acquire) != Watch::watched) return;
  if (!holds(cpu, watch.stale)) {
    watch.state.store(Watch::free, std::memory_order_release);
  } else if (!watch.reported) {
    report(cpu, watch.stale);
    watch.reported = true;
  }
}

void Coherence::tlb_use(const trace_event& e) noexcept {
  if (locals_[e.cpu].watch.state.load(std::memory_order_acquire) == Watch::watched) [[unlikely]]
    check_watch_at_use(e);
}

void Coherence::check_watch_at_use(const trace_event& e) noexcept {
  Watch& watch = locals_[e.cpu].watch;
  const Stale& stale = watch.stale;
  const bool there = holds(e.cpu, stale);
  if (there && ((e.a ^ stale.va) >> hw::size_shift(stale.size)) != 0) return;  // another was used
  if (there && stale.clean && e.d == 0) return;
  if (there)
    log_.report(stale.clean ? kind::unmarked_store : kind::stale_translation_use, [&] {
      if (stale.clean)
        return fmt::format("cpu{} writes page {} at {:#x}, cleaned by cpu{}, and leaves no mark",
                           e.cpu, e.b, e.a, stale.by);
      return fmt::format("cpu{} {} page {} at {:#x}, taken away before {} on cpu{} returned", e.cpu,
                         e.d != 0 ? "writes" : "reads", e.b, e.a, call_name(stale.call), stale.by);
    });
  watch.state.store(Watch::free, std::memory_order_release);
}

// ---- I5 -------------------------------------------------------------------------------------------

// Only what can store without a look at the entry: it is writable and marked.
void Coherence::page_clean_act(const trace_event& e, vaddr_t start, vaddr_t end) noexcept {
  constexpr std::uint32_t store = hw::tlb_write | hw::tlb_dirty;
  smp_mb();  // what the caller knows before the states; see CpuStates::for_each_running()
  for (unsigned cpu = 0; cpu < cpus_.cpus(); ++cpu) {
    const std::uint64_t mm = cpus_[cpu].runs.load(std::memory_order_acquire);
    if (mm == 0) continue;
    table_.tlb(cpu).for_each(start, end, [&](const hw::TlbView& entry) {
      const hw::TlbData& data = entry.data;
      if (data.mm_id != mm || data.frame->pfn != e.a || (data.flags & store) != store) return;
      const TableHistory* history = TableHistories::find(table_of(data.slot));
      const auto lost = history == nullptr ? TableHistory::Overdue{}
                                           : history->overdue(entry, any_time, start, end);
      if (lost.when == 0) return;
      log_.report(kind::dirty_translation_after_clean, [&] {
        return fmt::format(
            "cpu{} takes page {} for clean and {} while cpu{} can store into it at {:#x} and leave "
            "no mark",
            e.cpu, e.a,
            e.b == static_cast<std::uint64_t>(CleanAct::discard) ? "gives it up" : "writes it back",
            cpu, entry.va);
      });
      watch_for(cpu,
                {entry.va,
                 data.size,
                 e.a,
                 data.slot,
                 data.slot_changes,
                 lost.when,
                 any_time,
                 {},
                 e.cpu,
                 true},
                true);
    });
  }
}

// ---- I10 ------------------------------------------------------------------------------------------

// All 16 say that they are one and are alike, but for what hardware sets in each; or none says so.
bool Coherence::is_mixed(std::uint64_t block) const noexcept {
  const std::uint64_t first = block * hw::contiguous_pages;
  const page_table& table = *mem_map[table_of(first)].table;
  const auto view = [&](std::uint64_t i) {
    const std::uint64_t index = (first + i) & (ptrs_per_table - 1);
    return table_.leaf({table.entry[index].load(order::relaxed)}, 0);
  };
  const LeafView all = view(0);
  bool mixed = false;
  for (std::uint64_t i = 0; i < hw::contiguous_pages; ++i) {
    const LeafView one = view(i);
    const unsigned differ = (one.rights ^ all.rights) & ~bit_of(right_dirty);
    mixed |= one.contiguous != all.contiguous;
    mixed |= all.contiguous && (differ != 0 || one.pfn != all.pfn + i);
  }
  return mixed;
}

void Coherence::check_blocks(const trace_event& e, Local& local) noexcept {
  std::erase_if(local.blocks, [&](std::uint64_t block) {
    if (table_of(block * hw::contiguous_pages) != e.a) return false;
    if (is_mixed(block))
      log_.report(kind::mixed_contiguous_entries, [&] {
        return fmt::format(
            "cpu{} drops the lock of page table {} with entries {} to {} not alike", e.cpu, e.a,
            block * hw::contiguous_pages % ptrs_per_table,
            block * hw::contiguous_pages % ptrs_per_table + hw::contiguous_pages - 1);
      });
    return true;
  });
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

bool Coherence::reclaim_owes(const mm_struct& mm) noexcept {
  const std::uint32_t batch = mm.tlb_flush_batched.load(order::relaxed);
  return (batch & TLB_FLUSH_BATCH_PENDING_MASK) != batch >> TLB_FLUSH_BATCH_FLUSHED_SHIFT;
}

void Coherence::ptl_acquire(const trace_event& e) noexcept {
  TableHistory* history = TableHistories::find(e.a);
  if (history == nullptr || history->nr_unpaid == 0 || cpus_.is_forked(e.mm)) return;
  const mm_struct* mm = table_.loaded_mm(e.cpu);
  if (mm == nullptr || mm->id != e.mm || mm->tlb_flush_pending.load(order::relaxed) != 0) return;
  if (reclaim_owes(*mm)) return;  // said by the other count
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
      const std::uint32_t lost = history.overdue(entry, any_time, start, end).when;
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
