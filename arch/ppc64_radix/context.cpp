// SPDX-License-Identifier: GPL-2.0-or-later
// Which CPUs have an mm. A PID is an mm's from its first day to its last.
//
// A CPU is put into the set, and counted, before it walks for the first time, with a full barrier; it
// stays in it when it goes idle or on to another mm, for its entries stay too. A flusher that finds
// itself alone uses tlbiel. So sets only grow, and now and then a flusher tries to make one smaller: it
// interrupts the CPUs, and those that do not run the mm empty its PID and take themselves out (D26).
// The kernel also tries whenever the mm has one thread; the lab does not count threads.
#include "arch/generic/context_ids.h"
#include "arch/ppc64_radix/ppc64_radix.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<ppc64_radix>);

namespace {

generic::context_ids contexts;

bool runs(const mm_struct& mm) noexcept {
  return ppc64_radix::loaded_mm() == &mm && !ppc64_radix::this_cpu().lazy;
}

// Does this CPU try now?
bool tick_and_test_trim_clock() noexcept {
  unsigned& clock = ppc64_radix::this_cpu().trim_clock;
  if (++clock < ppc64_radix::trim_interval) return false;
  clock = 0;
  return true;
}

// On a CPU of the set, as an interrupt or with none possible. Emptied last: a CPU that is out of the set
// runs nothing of the mm, so that nobody needs its entries gone before.
void exit_lazy_flush_tlb(mm_struct& mm) noexcept {
  const unsigned cpu = smp_processor_id();
  if (!runs(mm)) {
    local_irq_save();
    if (ppc64_radix::loaded_mm() == &mm) ppc64_radix::switch_mm_irqs_off(ppc64_radix::init_mm());
    local_irq_restore();
    if (mm_cpumask_test(mm, cpu)) {
      context_of<ppc64_radix>(mm).active_cpus.fetch_sub(1, order::relaxed);
      mm_cpumask_clear(mm, cpu);
    }
  }
  tlbiel_pid_all(mm);
}

}  // namespace

bool ppc64_radix::hardware_init(const TlbGeometry& geometry) noexcept {
  return cpus::hardware_init(geometry) && contexts.init(asids(geometry));
}

void ppc64_radix::hardware_exit() noexcept {
  contexts.exit();
  cpus::hardware_exit();
}

void ppc64_radix::init_new_context(mm_struct& mm) noexcept {
  mm_context& context = context_of<ppc64_radix>(mm);
  context.id = contexts.take();
  context.active_cpus.store(0, order::relaxed);
}

void ppc64_radix::forget_mm(mm_struct& mm) noexcept {
  cpus::forget_mm(mm);
  contexts.give_back(context_of<ppc64_radix>(mm).id);
}

void ppc64_radix::switch_mm_irqs_off(mm_struct& next) noexcept {
  ppc64_radix_cpu& cpu = this_cpu();
  if (&next != &init_mm()) generic::book3s64_enter<ppc64_radix>(next);
  cpu.lazy = false;
  if (cpu.loaded_mm.load(order::relaxed) == &next) return;
  load(cpu, next, context_of<ppc64_radix>(next).id);
}

void ppc64_radix::exit_flush_lazy_tlbs(mm_struct& mm) noexcept {
  cpumask others = mm_cpumask(mm);
  others.clear(smp_processor_id());
  on_each_cpu_mask(
      others, [](void* whose) { exit_lazy_flush_tlb(*static_cast<mm_struct*>(whose)); }, &mm);
}

ppc64_radix::Scope ppc64_radix::flush_type_needed(mm_struct& mm, bool fullmm) noexcept {
  const int active = context_of<ppc64_radix>(mm).active_cpus.load(order::relaxed);
  const bool is_in = mm_cpumask_test(mm, smp_processor_id());
  if (active == 0) return Scope::nobody;
  if (active == 1 && is_in) {
    if (runs(mm) || !tick_and_test_trim_clock()) return Scope::this_cpu;
    exit_lazy_flush_tlb(mm);
    return Scope::nobody;
  }
  if (fullmm || !tick_and_test_trim_clock()) return Scope::everybody;
  exit_flush_lazy_tlbs(mm);
  if (runs(mm)) return Scope::this_cpu;
  if (is_in) exit_lazy_flush_tlb(mm);
  return Scope::nobody;
}

}  // namespace tlblab::inline TLBLAB_WORLD
