// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/stability.h"

#include <fmt/core.h>

#include "harness/oracle/kinds.h"
#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

void Stability::reset() noexcept {
  for (Local& local : locals_) {
    local.copy.ticket.store(0, std::memory_order_relaxed);
    local.tickets_then = 0;
  }
  open_.store(0, std::memory_order_relaxed);
}

void Stability::copy_begin(const trace_event& e) noexcept {
  Copy& copy = locals_[e.cpu].copy;
  if (copy.ticket.load(std::memory_order_relaxed) == 0)
    open_.fetch_add(1, std::memory_order_relaxed);
  copy.ticket.store(0, std::memory_order_relaxed);
  copy.mm.store(e.mm, std::memory_order_relaxed);
  copy.pfn.store(e.a, std::memory_order_relaxed);
  copy.va.store(e.b & page_mask, std::memory_order_relaxed);
  copy.stored_by.store(0, std::memory_order_relaxed);
  // Release: what is copied before the ticket; pairs with the acquire in user_write().
  copy.ticket.store(tickets_.fetch_add(1, std::memory_order_relaxed) + 1,
                    std::memory_order_release);
}

void Stability::copy_end(const trace_event& e) noexcept {
  Copy& copy = locals_[e.cpu].copy;
  if (copy.ticket.load(std::memory_order_relaxed) == 0) return;
  // Release: no look at the copy above sinks below its end.
  copy.ticket.store(0, std::memory_order_release);
  open_.fetch_sub(1, std::memory_order_relaxed);
  const std::uint64_t by = copy.stored_by.load(std::memory_order_relaxed);
  if (e.b == 0 || by == 0) return;
  log_.report(kind::store_during_copy, [&] {
    return fmt::format(
        "cpu{} copied page {} for {:#x} and showed the copy; cpu{} stored into the old page "
        "meanwhile",
        e.cpu, e.a, copy.va.load(std::memory_order_relaxed), by - 1);
  });
}

void Stability::tlb_use(const trace_event& e) noexcept {
  if (e.d == 0) return;
  Local& local = locals_[e.cpu];
  const bool copying = open_.load(std::memory_order_relaxed) != 0;
  local.tickets_then = copying ? tickets_.load(std::memory_order_relaxed) : 0;
  local.use = e;
}

// The page of a huge translation is its first one.
bool Stability::is_of(const Copy& copy, const trace_event& use) noexcept {
  const vaddr_t va = copy.va.load(std::memory_order_relaxed);
  const pfn_t pfn = copy.pfn.load(std::memory_order_relaxed);
  if (copy.mm.load(std::memory_order_relaxed) != use.mm || va != (use.a & page_mask)) return false;
  return pfn == use.b || pfn == use.b + (va >> page_shift) % ptrs_per_table;
}

void Stability::user_write(const trace_event& e) noexcept {
  Local& local = locals_[e.cpu];
  if (local.tickets_then == 0 || local.use.a != e.a) return;
  for (Local& other : locals_) {
    Copy& copy = other.copy;
    const std::uint64_t ticket = copy.ticket.load(std::memory_order_acquire);
    if (ticket == 0 || ticket > local.tickets_then || !is_of(copy, local.use)) continue;
    std::atomic_thread_fence(std::memory_order_acquire);  // the words before the ticket again
    if (copy.ticket.load(std::memory_order_relaxed) == ticket)
      copy.stored_by.store(e.cpu + 1, std::memory_order_relaxed);
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
