// SPDX-License-Identifier: GPL-2.0-or-later
// Which address space a CPU has loaded on RISC-V.
//
// With ASIDs (generic/asid.h) a CPU keeps the entries of what it ran before, so it stays in the mm's set
// for ever: each later flush of the mm reaches it.
//
// Without, everything has ASID 0 and a switch empties the TLB. So the CPU leaves the old mm's set: before
// its entries are gone, as the kernel does it. Nothing runs between the two but this code, and who frees
// tables waits for it, since its interrupts are off.
#include "arch/riscv/riscv.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<riscv>);

namespace {
generic::asid_allocator allocator;
}  // namespace

bool riscv::set_option(std::string_view option) noexcept {
  if (option.empty()) opted = {};
  if (option == "ipi") opted.ipi = true;
  if (option == "svinval") opted.svinval = true;
  if (option == "no-asid") opted.no_asid = true;
  return option.empty() || option == "ipi" || option == "svinval" || option == "no-asid";
}

bool riscv::hardware_init(const TlbGeometry& geometry) noexcept {
  return cpus::hardware_init(geometry) && allocator.init(asids(geometry));
}

void riscv::hardware_exit() noexcept {
  allocator.exit();
  cpus::hardware_exit();
}

namespace {

// satp, then the fence: nothing goes through the new tables before it.
void write_satp(
    riscv_cpu& cpu, mm_struct& next, unsigned asid, bool flush, generic::Reach reach) noexcept {
  {
    const access_window_of<riscv> window;
    cpu.mmu.load(&next == &riscv::init_mm() ? nullptr : next.pgd, asid, next.id);
    if (flush) sfence_vma(cpu, {.reach = reach, .asid = asid});
  }
  cpu.loaded_mm.store(&next, order::relaxed);
}

}  // namespace

void riscv::switch_mm_irqs_off(mm_struct& next) noexcept {
  riscv_cpu& cpu = this_cpu();
  mm_struct& prev = *cpu.loaded_mm.load(order::relaxed);
  if (&prev == &next) return;
  cpu.loaded_mm.store(nullptr, order::relaxed);
  const bool to_kernel = &next == &init_mm();
  if (!to_kernel) mm_cpumask_set(next, smp_processor_id());
  if (opted.no_asid) {
    mm_cpumask_clear(prev, smp_processor_id());
    write_satp(cpu, next, 0, true, generic::Reach::asid);
  } else if (to_kernel) {
    write_satp(cpu, next, 0, false, generic::Reach::asid);
  } else {
    const auto chosen =
        allocator.switch_to(context_of<riscv>(next).id, next.fixes.asid_keep_reserved);
    write_satp(cpu, next, chosen.number, chosen.flush_all, generic::Reach::everything);
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
