// SPDX-License-Identifier: GPL-2.0-or-later
// ASIDs of MIPS. Each CPU gives out its own, counting up; an mm has one on each CPU that has run it. When a
// CPU has given out its last, a new version begins and it empties its TLB: an ASID of an older version
// is as good as none (D29). Dropping an mm's ASID on a CPU is a flush of the mm there: it gets another when
// it runs next, or at once if it is running, and what is left under the old one is never matched again.
#include <algorithm>

#include "arch/mips/mips.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Version above, ASID below. How many ASIDs there are is the machine's size.
constexpr unsigned version_shift = 16;
constexpr std::uint64_t asid_mask = (1ULL << version_shift) - 1;
unsigned asids_of_cpu = 0;

// mm_users here: CPUs that run a program of it. Interrupts are off.
void count_in(mips_cpu& cpu, mm_struct& mm) noexcept {
  if (&mm == &mips::init_mm()) return;
  mips::mm_context& context = context_of<mips>(mm);
  context.lock.lock();
  ++context.users;
  context.lock.unlock();
  cpu.counted = true;
}
void count_out(mips_cpu& cpu) noexcept {
  if (!cpu.counted) return;
  mips::mm_context& context = context_of<mips>(*cpu.loaded_mm.load(order::relaxed));
  context.lock.lock();
  --context.users;
  context.lock.unlock();
  cpu.counted = false;
}

}  // namespace

bool mips::hardware_init(const TlbGeometry& geometry) noexcept {
  constexpr unsigned least = 2, most = 48;
  const unsigned entries = std::clamp(geometry.sets * geometry.ways, least, most);
  asids_of_cpu = asids(geometry);
  if (!cpus::hardware_init(hw::JointTlb::storage(geometry, entries))) return false;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
    cpu(id).joint.init(entries, cpu(id).mmu);
    cpu(id).asid_cache = 1ULL << version_shift;
  }
  return true;
}

unsigned mips::cpu_asid(unsigned cpu, mm_struct& mm) noexcept {
  return static_cast<unsigned>(cpu_context(cpu, mm).load(order::relaxed) & asid_mask);
}

void mips::init_new_context(mm_struct& mm) noexcept {
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) cpu_context(id, mm).store(0, order::relaxed);
}

void mips::local_flush_tlb_all() noexcept {
  const access_window_of<mips> window;
  this_cpu().joint.erase_all();
}

// Interrupts are off.
void mips::get_new_mmu_context(mm_struct& mm) noexcept {
  mips_cpu& cpu = this_cpu();
  std::uint64_t asid = cpu.asid_cache + 1;
  if ((asid & asid_mask) == asids_of_cpu) {
    local_flush_tlb_all();
    asid = (asid & ~asid_mask) + (1ULL << version_shift) + 1;  // 0 is the kernel's
  }
  cpu_context(smp_processor_id(), mm).store(asid, order::relaxed);
  cpu.asid_cache = asid;
  if (tracing()) cpu.joint.forget_other_asids(mm.id, static_cast<unsigned>(asid & asid_mask));
}

void mips::drop_mmu_context(mm_struct& mm) noexcept {
  local_irq_save();
  mips_cpu& cpu = this_cpu();
  Atomic<std::uint64_t>& context = cpu_context(smp_processor_id(), mm);
  charge(Cost::invalidate_all);
  if (context.load(order::relaxed) == 0) {
    // nothing
  } else if (mm_cpumask_test(mm, smp_processor_id())) {
    get_new_mmu_context(mm);
    const access_window_of<mips> window;
    cpu.mmu.load(mm.pgd, cpu_asid(smp_processor_id(), mm), mm.id);  // EntryHi alone
  } else {
    context.store(0, order::relaxed);
  }
  local_irq_restore();
}

// The set of CPUs of an mm is where it is loaded now: who drops its ASID asks that of itself.
void mips::switch_mm_irqs_off(mm_struct& next) noexcept {
  mips_cpu& cpu = this_cpu();
  mm_struct& prev = *cpu.loaded_mm.load(order::relaxed);
  count_out(cpu);
  if (&next != &init_mm()) {
    count_in(cpu, next);
    const std::uint64_t context = cpu_context(smp_processor_id(), next).load(order::relaxed);
    if ((context ^ cpu.asid_cache) >> version_shift != 0) get_new_mmu_context(next);
    load(cpu, next, cpu_asid(smp_processor_id(), next));
  } else {
    load(cpu, next, 0);
  }
  if (&prev != &next && &prev != &init_mm()) mm_cpumask_clear(prev, smp_processor_id());
  if (&next != &init_mm()) mm_cpumask_set(next, smp_processor_id());
}

void mips::enter_lazy_tlb() noexcept {
  local_irq_save();
  count_out(this_cpu());
  local_irq_restore();
}

}  // namespace tlblab::inline TLBLAB_WORLD
