// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/lifetime.h"

#include <fmt/core.h>

#include "harness/oracle/kinds.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Word = std::atomic_ref<std::uint64_t>;

std::uint32_t generation_now(pfn_t pfn) noexcept {
  // Acquire: pairs with the release at the free (mm/page_alloc.cpp).
  return mem_map[pfn].generation.load(order::acquire);
}

bool is_zero_page(pfn_t pfn) noexcept { return pfn == 0; }

}  // namespace

// ---- I1 -------------------------------------------------------------------------------------------

void Lifetime::tlb_fill(const trace_event& e) noexcept {
  if (is_zero_page(e.b)) return;
  FrameRecord& record = frames_[e.b];
  // Relaxed, all of it: who frees the page is ordered after the fill by the flush that it waited
  // for; without that flush the record may be missed, and the use is found.
  Word by(record.filled_by), at(record.filled_at);
  const std::uint64_t mine = 1ULL << (e.cpu % FrameRecord::cpu_bits);
  if ((by.load(std::memory_order_relaxed) & mine) == 0)
    by.fetch_or(mine, std::memory_order_relaxed);
  const std::uint64_t here = e.d == page_shift ? (e.a & page_mask) + 2 : FrameRecord::anywhere;
  std::uint64_t known = FrameRecord::nowhere;
  if (!at.compare_exchange_strong(known, here, std::memory_order_relaxed) && known != here)
    at.store(FrameRecord::anywhere, std::memory_order_relaxed);
}

bool Lifetime::frame_was_freed(const trace_event& use) noexcept {
  const std::uint32_t now = generation_now(use.b);
  if (now == static_cast<std::uint32_t>(use.c)) return false;
  log_.report(kind::freed_frame_use, [&] {
    return fmt::format(
        "cpu{} {} page {} at {:#x} through a translation of its life {}; it was freed since and is "
        "in life {}",
        use.cpu, use.d != 0 ? "writes" : "reads", use.b, use.a, use.c, now);
  });
  return true;
}

void Lifetime::tlb_use(const trace_event& e) noexcept {
  LastUse& last = last_use_[e.cpu];
  last.use = e;
  last.reported = frame_was_freed(e);
}

// The data has been touched: was the page still the same one?
void Lifetime::user_access(const trace_event& e) noexcept {
  LastUse& last = last_use_[e.cpu];
  if (!last.reported && last.use.a == e.a) last.reported = frame_was_freed(last.use);
}

void Lifetime::page_free(const trace_event& e) noexcept {
  FrameRecord& record = frames_[e.a];
  const std::uint64_t by = Word(record.filled_by).exchange(0, std::memory_order_relaxed);
  const std::uint64_t at =
      Word(record.filled_at).exchange(FrameRecord::nowhere, std::memory_order_relaxed);
  if (by == 0) return;
  smp_mb();  // the record before the CPUs' states; see CpuStates::for_each_running()
  for (unsigned cpu = 0; cpu < cpus_.cpus(); ++cpu)
    if ((by >> (cpu % FrameRecord::cpu_bits) & 1) != 0) look_for_entries(cpu, e, at);
}

// The debt is older than the free. So it is asked for before the TLB is looked at: if there is none then,
// it has been paid, and the entry is gone.
bool Lifetime::will_flush(unsigned cpu, unsigned freed_by) const noexcept {
  if (table_.flush_owed_on == nullptr) return false;
  // Acquire: the call's flush; pairs with the release in Coherence::call_end.
  const bool in_kernel = cpu == freed_by || cpus_[cpu].in_call.load(std::memory_order_acquire);
  return in_kernel && table_.flush_owed_on(cpu);
}

void Lifetime::look_for_entries(unsigned cpu, const trace_event& e, std::uint64_t at) noexcept {
  const std::uint64_t mm = cpus_[cpu].runs.load(std::memory_order_acquire);
  if (mm == 0 || will_flush(cpu, e.cpu)) return;
  const bool anywhere = at == FrameRecord::anywhere || at == FrameRecord::nowhere;
  table_.tlb(cpu).for_each(
      anywhere ? 0 : at - 2, anywhere ? tlb_flush_all : at - 1, [&](const hw::TlbView& entry) {
        if (entry.data.mm_id != mm || entry.data.frame->pfn != e.a ||
            entry.data.frame_generation != static_cast<std::uint32_t>(e.b))
          return;
        log_.report(kind::frame_freed_while_cached, [&] {
          return fmt::format("cpu{} frees page {} while cpu{} holds it at {:#x}", e.cpu, e.a, cpu,
                             entry.va);
        });
      });
}

// ---- I2 -------------------------------------------------------------------------------------------

void Lifetime::walk_table(const trace_event& e) noexcept {
  const std::uint32_t now = generation_now(e.a);
  if (now != static_cast<std::uint32_t>(e.b))
    log_.report(kind::freed_table_walk, [&] {
      return fmt::format(
          "cpu{} begins a walk at page table {} of life {}; it was freed since and is in life {}",
          e.cpu, e.a, e.b, now);
    });
}

void Lifetime::table_free(const trace_event& e) noexcept {
  const auto generation = static_cast<std::uint32_t>(e.b);
  smp_mb();  // see CpuStates::for_each_running()
  for (unsigned cpu = 0; cpu < cpus_.cpus(); ++cpu) {
    const std::uint64_t mm = cpus_[cpu].runs.load(std::memory_order_acquire);
    if (mm == 0) continue;
    table_.walk_cache(cpu).for_each_of(e.a, generation, [&](std::uint64_t entry_mm) {
      if (entry_mm != mm) return;
      log_.report(kind::table_freed_while_cached, [&] {
        return fmt::format("cpu{} frees page table {} while cpu{}'s walk cache holds it", e.cpu,
                           e.a, cpu);
      });
    });
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
