// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/oracles.h"

namespace tlblab::inline TLBLAB_WORLD {

Oracles::Oracles(const OracleTable& table, OracleOptions options)
    : table_(table),
      options_(options),
      cpus_(table.cpus),
      coherence_(table_, cpus_, log_),
      lifetime_(table_, cpus_, frames_, log_),
      conservation_(cpus_, frames_, log_, table.tables_wait_for_flush),
      stability_(cpus_, log_),
      pins_(frames_, log_),
      hash_entries_(log_),
      progress_(table.cpus) {}

void Oracles::reset() noexcept {
  log_.reset();
  cpus_.reset();
  frames_.reset();
  coherence_.reset();
  lifetime_.reset();
  conservation_.reset();
  stability_.reset();
  hash_entries_.reset();
  progress_.reset();
}

void Oracles::event(const trace_event& e) noexcept {
  switch (e.kind) {
    case EventKind::runs_mm: return cpus_.set_runs(e.cpu, e.mm);
    case EventKind::call_begin: return coherence_.call_begin(e);
    case EventKind::call_end: return coherence_.call_end(e);
    case EventKind::ptl_acquire: return coherence_.ptl_acquire(e);
    case EventKind::ptl_release: return coherence_.ptl_release(e);
    case EventKind::pte_change: return coherence_.pte_change(e);
    case EventKind::pending_dec: return coherence_.pending_dec(e);
    case EventKind::gather_begin: return conservation_.gather_begin(e);
    case EventKind::gather_queue: return conservation_.gather_queue(e);
    case EventKind::gather_flush: return conservation_.gather_flush(e);
    case EventKind::gather_put: return conservation_.gather_put(e);
    case EventKind::gather_end: return conservation_.gather_end(e);
    case EventKind::table_queue: return conservation_.table_queue(e);
    case EventKind::page_free:
      conservation_.page_free(e);
      pins_.page_free(e);
      if (options_.scan_frees) lifetime_.page_free(e);
      return;
    case EventKind::table_free:
      conservation_.table_free(e);
      if (options_.scan_frees) lifetime_.table_free(e);
      return;
    case EventKind::tlb_fill:
      if (options_.scan_frees) lifetime_.tlb_fill(e);
      return;
    case EventKind::tlb_use:
      lifetime_.tlb_use(e);
      stability_.tlb_use(e);
      return coherence_.tlb_use(e);
    case EventKind::walk_table: return lifetime_.walk_table(e);
    case EventKind::page_fault: return progress_.page_fault(e);
    case EventKind::user_read: progress_.user_access(e); return lifetime_.user_access(e);
    case EventKind::user_write:
      progress_.user_access(e);
      lifetime_.user_access(e);
      return stability_.user_write(e);
    case EventKind::copy_begin: return stability_.copy_begin(e);
    case EventKind::copy_end: return stability_.copy_end(e);
    case EventKind::page_pin: return pins_.page_pin(e);
    case EventKind::page_unpin: return pins_.page_unpin(e);
    case EventKind::anon_exclusive_clear: return pins_.anon_exclusive_clear(e);
    case EventKind::page_clean_act: return page_clean_act(e);
    case EventKind::hash_insert: return hash_entries_.hash_insert(e);
    case EventKind::hash_remove: return hash_entries_.hash_remove(e);
    case EventKind::tlb_flush:
    case EventKind::ipi_send:
    case EventKind::tlb_broadcast: return;
  }
}

// Without notes of fills there is nothing to look by, and looking everywhere would cost too much.
void Oracles::page_clean_act(const trace_event& e) noexcept {
  if (!options_.scan_frees) return;
  const std::uint64_t at = std::atomic_ref(frames_[e.a].filled_at).load(std::memory_order_relaxed);
  if (at == FrameRecord::nowhere) return;
  const bool anywhere = at == FrameRecord::anywhere;
  coherence_.page_clean_act(e, anywhere ? 0 : at - 2, anywhere ? tlb_flush_all : at - 1);
}

}  // namespace tlblab::inline TLBLAB_WORLD
