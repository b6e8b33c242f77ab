// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/conservation.h"

#include <fmt/core.h>

#include "harness/oracle/kinds.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Word = std::atomic_ref<std::uint64_t>;

constexpr unsigned flush_bits = 48;
constexpr std::uint64_t flush_mask = (1ULL << flush_bits) - 1;

}  // namespace

void Conservation::Sum::add(pfn_t pfn) noexcept {
  ++pages;
  std::uint64_t z = (pfn + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed += z ^ (z >> 27);
}

// Where a frame is queued: by which CPU, before which of its flushes.
std::uint64_t Conservation::tag(unsigned cpu) noexcept {
  const std::uint64_t flushes = cpus_[cpu].flushes.load(std::memory_order_relaxed);
  return std::uint64_t{cpu + 1} << flush_bits | (flushes & flush_mask);
}

bool Conservation::waits_for_flush(std::uint64_t queued) noexcept {
  if (queued == 0) return false;
  const auto cpu = static_cast<unsigned>(queued >> flush_bits) - 1;
  // Acquire: pairs with the release in gather_flush().
  const std::uint64_t flushes = cpus_[cpu].flushes.load(std::memory_order_acquire);
  return (flushes & flush_mask) == (queued & flush_mask);
}

Conservation::Gather& Conservation::open_gather(const trace_event& e, const char* what) noexcept {
  Gather& gather = gathers_[e.cpu];
  if (!gather.open)
    log_.report(kind::gather_out_of_order,
                [&] { return fmt::format("cpu{} {} without an open gather", e.cpu, what); });
  return gather;
}

// ---- pages ----------------------------------------------------------------------------------------

void Conservation::gather_begin(const trace_event& e) noexcept {
  Gather& gather = gathers_[e.cpu];
  if (gather.open)
    log_.report(kind::gather_out_of_order, [&] {
      return fmt::format("cpu{} begins a gather on mm {} inside one on mm {}", e.cpu, e.mm,
                         gather.mm);
    });
  gather.open = true;
  gather.mm = e.mm;
  gather.queued = gather.put = {};
  gather.unflushed = 0;
}

void Conservation::gather_queue(const trace_event& e) noexcept {
  Gather& gather = open_gather(e, "queues a page");
  for (pfn_t pfn = e.a; pfn < e.a + e.b; ++pfn) {
    Word(frames_[pfn].queued).store(tag(e.cpu), std::memory_order_relaxed);
    gather.queued.add(pfn);
  }
  gather.unflushed += e.b;
}

void Conservation::gather_flush(const trace_event& e) noexcept {
  Gather& gather = open_gather(e, "flushes");
  gather.unflushed = 0;
  auto& flushes = cpus_[e.cpu].flushes;
  // Release: the flush before its number; pairs with the acquire in waits_for_flush().
  flushes.store(flushes.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

// A gather gives back all that it holds, so the flush before has to have covered all.
void Conservation::gather_put(const trace_event& e) noexcept {
  Gather& gather = open_gather(e, "gives back a page");
  gather.put.add(e.a);
  if (gather.unflushed != 0)
    log_.report(kind::page_freed_before_flush, [&] {
      return fmt::format("cpu{} gives back page {} with {} pages queued since the last flush",
                         e.cpu, e.a, gather.unflushed);
    });
}

void Conservation::gather_end(const trace_event& e) noexcept {
  Gather& gather = open_gather(e, "ends");
  gather.open = false;
  if (gather.put == gather.queued) return;
  const bool left = gather.put.pages < gather.queued.pages;
  log_.report(left ? kind::page_left_in_gather : kind::page_put_twice, [&] {
    return fmt::format("cpu{} queued {} pages of mm {} and gave back {}{}", e.cpu,
                       gather.queued.pages, e.mm, gather.put.pages,
                       gather.put.pages == gather.queued.pages ? " that are not the same" : "");
  });
}

void Conservation::page_free(const trace_event& e) noexcept {
  const std::uint64_t queued = Word(frames_[e.a].queued).exchange(0, std::memory_order_relaxed);
  if (waits_for_flush(queued))
    log_.report(kind::page_freed_before_flush, [&] {
      return fmt::format("cpu{} frees page {} that cpu{} queued and has not flushed", e.cpu, e.a,
                         (queued >> flush_bits) - 1);
    });
}

// ---- tables ---------------------------------------------------------------------------------------

void Conservation::table_queue(const trace_event& e) noexcept {
  ++open_gather(e, "queues a page table").tables;
  const std::uint64_t before =
      Word(frames_[e.a].queued).exchange(tag(e.cpu), std::memory_order_relaxed);
  if (before != 0)
    log_.report(kind::table_queued_twice, [&] {
      return fmt::format("cpu{} queues page table {} that cpu{} has queued", e.cpu, e.a,
                         (before >> flush_bits) - 1);
    });
}

// One that was never queued was never hooked, or is an mm's root.
void Conservation::table_free(const trace_event& e) noexcept {
  const std::uint64_t queued = Word(frames_[e.a].queued).exchange(0, std::memory_order_relaxed);
  if (queued == 0) return;
  --gathers_[e.cpu].tables;
  if (tables_wait_ && waits_for_flush(queued))
    log_.report(kind::table_freed_before_flush, [&] {
      return fmt::format("cpu{} frees page table {} that cpu{} queued and has not flushed", e.cpu,
                         e.a, (queued >> flush_bits) - 1);
    });
}

void Conservation::finish() noexcept {
  std::int64_t tables = 0;
  for (unsigned cpu = 0; cpu < cpus_.cpus(); ++cpu) {
    tables += gathers_[cpu].tables;
    if (gathers_[cpu].open)
      log_.report(kind::gather_out_of_order, [&] {
        return fmt::format("cpu{} never ended its gather on mm {}", cpu, gathers_[cpu].mm);
      });
  }
  if (tables > 0)
    log_.report(kind::table_left_in_gather,
                [&] { return fmt::format("{} page tables were queued and never freed", tables); });
}

}  // namespace tlblab::inline TLBLAB_WORLD
