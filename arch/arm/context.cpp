// SPDX-License-Identifier: GPL-2.0-or-later
// Which address space a CPU has loaded on 32-bit Arm. ASIDs are those of generic/asid.h: one for an mm on
// all CPUs, so that one TLBI finds its entries everywhere. With LPAE the ASID and the base register are
// written at once.
#include "arch/arm/arm.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<arm>);

namespace {
generic::asid_allocator allocator;
}  // namespace

bool arm::set_option(std::string_view option) noexcept {
  if (option.empty()) opted = {};
  if (option == "ipi") opted.ipi = true;
  if (option == "asid-before-dsb") opted.asid_before_dsb = true;
  return option.empty() || option == "ipi" || option == "asid-before-dsb";
}

bool arm::hardware_init(const TlbGeometry& geometry) noexcept {
  return cpus::hardware_init(geometry) && allocator.init(asids(geometry));
}

void arm::hardware_exit() noexcept {
  allocator.exit();
  cpus::hardware_exit();
}

void arm::switch_mm_irqs_off(mm_struct& next) noexcept {
  arm_cpu& cpu = this_cpu();
  if (cpu.loaded_mm.load(order::relaxed) == &next) return;
  if (&next == &init_mm()) {
    load(cpu, next, 0);  // TTBR0 leads nowhere
    return;
  }
  mm_cpumask_set(next, smp_processor_id());  // full, before anything is walked
  const auto chosen = allocator.switch_to(context_of<arm>(next).id, next.fixes.asid_keep_reserved);
  if (chosen.flush_all) {
    const access_window_of<arm> window;
    cpu.mmu.invalidate_all();
  }
  load(cpu, next, chosen.number);
}

}  // namespace tlblab::inline TLBLAB_WORLD
