// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/pins.h"

#include <fmt/core.h>

#include "harness/oracle/kinds.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Word = std::atomic_ref<std::uint64_t>;

}  // namespace

void Pins::page_pin(const trace_event& e) noexcept {
  // Full: counted before the flag is read; pairs with anon_exclusive_clear().
  Word(frames_[e.a].pins).fetch_add(1, std::memory_order_seq_cst);
  smp_mb();
  // While a PMD maps a large folio its head has the flag for all pages.
  const page* p = pfn_to_page(e.a);
  const std::uint32_t flags =
      p->flags.load(order::relaxed) | folio_of(p)->flags.load(order::relaxed);
  if ((flags & PG_anon) != 0 && (flags & PG_anon_exclusive) == 0)
    log_.report(kind::unreliable_pin, [&] {
      return fmt::format("cpu{} pinned page {} at {:#x} although it is not exclusive", e.cpu, e.a,
                         e.b);
    });
}

void Pins::page_unpin(const trace_event& e) noexcept {
  Word pins(frames_[e.a].pins);
  if (pins.load(std::memory_order_relaxed) != 0) pins.fetch_sub(1, std::memory_order_relaxed);
}

void Pins::anon_exclusive_clear(const trace_event& e) noexcept {
  smp_mb();  // the flag has gone before the count is read; pairs with page_pin()
  const std::uint64_t pins = Word(frames_[e.a].pins).load(std::memory_order_relaxed);
  if (pins != 0)
    log_.report(kind::unreliable_pin, [&] {
      return fmt::format("cpu{} took page {} its exclusiveness while {} pins held it", e.cpu, e.a,
                         pins);
    });
}

void Pins::page_free(const trace_event& e) noexcept {
  const std::uint64_t pins = Word(frames_[e.a].pins).exchange(0, std::memory_order_relaxed);
  if (pins != 0)
    log_.report(kind::unreliable_pin, [&] {
      return fmt::format("cpu{} frees page {} while {} pins hold it", e.cpu, e.a, pins);
    });
}

}  // namespace tlblab::inline TLBLAB_WORLD
