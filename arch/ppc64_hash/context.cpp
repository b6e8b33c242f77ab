// SPDX-License-Identifier: GPL-2.0-or-later
// Address spaces of the hash MMU. A context number is an mm's from its first day to its last; nothing is
// flushed at a switch. When an mm has gone, so have all its entries with their copies: the number may be
// given to the next one.
#include "arch/generic/context_ids.h"
#include "arch/ppc64_hash/ppc64_hash.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<ppc64_hash>);

namespace {

generic::context_ids contexts;

}  // namespace

bool ppc64_hash::hardware_init(const TlbGeometry& geometry) noexcept {
  always_batches = false;
  return cpus::hardware_init(geometry) && htab.init(geometry.hash_groups) &&
         contexts.init(asids(geometry));
}

void ppc64_hash::hardware_exit() noexcept {
  contexts.exit();
  htab.exit();
  cpus::hardware_exit();
}

void ppc64_hash::init_new_context(mm_struct& mm) noexcept {
  mm_context& context = context_of<ppc64_hash>(mm);
  context.id = contexts.take();
  context.active_cpus.store(0, order::relaxed);
}

void ppc64_hash::forget_mm(mm_struct& mm) noexcept {
  cpus::forget_mm(mm);
  contexts.give_back(context_of<ppc64_hash>(mm).id);
}

// A batch belongs to the task that leaves. cpus::load would show the tables of the mm to the hardware,
// which has no use for them.
void ppc64_hash::switch_mm_irqs_off(mm_struct& next) noexcept {
  ppc64_hash_cpu& cpu = this_cpu();
  if (cpu.loaded_mm.load(order::relaxed) == &next) return;
  flush_tlb_pending();
  if (&next != &init_mm()) generic::book3s64_enter<ppc64_hash>(next);
  cpu.loaded_mm.store(nullptr, order::relaxed);
  {
    const access_window_of<ppc64_hash> window;
    cpu.mmu.load(nullptr, context_of<ppc64_hash>(next).id, next.id);
  }
  cpu.loaded_mm.store(&next, order::relaxed);
}

}  // namespace tlblab::inline TLBLAB_WORLD
