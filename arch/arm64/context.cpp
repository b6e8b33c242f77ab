// SPDX-License-Identifier: GPL-2.0-or-later
// Which address space a CPU has loaded on arm64. ASIDs are those of generic/asid.h: one for an mm on all
// CPUs, so that one TLBI finds its entries everywhere.
//
// A CPU that goes idle keeps what it has loaded: invalidates reach it like any other.
//
// arm64+skip-broadcast, proposed in February 2020 and not merged. Each mm counts the CPUs that have it
// loaded; an idle CPU loads nothing. If the flusher alone has it, it drops its own entries and marks
// all other CPUs in the mm's set: what they have is out of date, and they drop it when they load the
// mm again. Both do a full barrier between what they write and what they read (the marks, then the
// count; the count, then the mark), so either the flusher sees the CPU or the CPU sees its mark.
#include "arch/arm64/arm64.h"
#include "mm/fences.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<arm64>);

namespace {
generic::asid_allocator allocator;
}  // namespace

bool arm64::set_option(std::string_view option) noexcept {
  if (option.empty()) opted = {};
  if (option == "no-range") opted.no_range = true;
  if (option == "no-contpte") opted.no_contpte = true;
  if (option == "skip-broadcast") opted.skip_broadcast = true;
  return option.empty() || option == "no-range" || option == "no-contpte" ||
         option == "skip-broadcast";
}

bool arm64::hardware_init(const TlbGeometry& geometry) noexcept {
  return cpus::hardware_init(geometry) && allocator.init(asids(geometry));
}

void arm64::hardware_exit() noexcept {
  allocator.exit();
  cpus::hardware_exit();
}

namespace {

void invalidate_here(const generic::invalidation& what) noexcept {
  const access_window_of<arm64> window;
  generic::invalidate(arm64::this_cpu().mmu, what);
}

// Before anything of the mm is loaded.
void count_in(mm_struct& next, unsigned asid) noexcept {
  if (!arm64::opted.skip_broadcast) return;
  // Full: counted before the mark is read; pairs with smp_mb in scope_of; without it both miss the other
  // and old entries are used (A14, skip-broadcast-2020).
  context_of<arm64>(next).nr_active_mm.fetch_add(
      1, stands(Fence::skip_count) ? order::full : order::relaxed);
  if (!mm_cpumask_test(next, smp_processor_id())) return;
  mm_cpumask_clear(next, smp_processor_id());
  invalidate_here({.reach = generic::Reach::asid, .asid = asid});
}

// Relaxed, as set_bit is on arm64: the barrier comes after all of them.
void mark(mm_struct& mm, unsigned cpu) noexcept {
  mm.cpu_bitmap[cpu / cpumask::word_bits].fetch_or(1ULL << (cpu % cpumask::word_bits),
                                                   order::relaxed);
}

// When nothing of it is loaded any more.
void count_out(mm_struct& prev) noexcept {
  if (!arm64::opted.skip_broadcast || &prev == &arm64::init_mm()) return;
  context_of<arm64>(prev).nr_active_mm.fetch_sub(1, order::release);
}

}  // namespace

arm64::Scope arm64::scope_of(mm_struct& mm) noexcept {
  const Atomic<int>& active = context_of<arm64>(mm).nr_active_mm;
  if (!opted.skip_broadcast || active.load(order::relaxed) > 1) return Scope::everybody;
  const bool is_mine = loaded_mm() == &mm;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id)
    if (!is_mine || id != smp_processor_id()) mark(mm, id);
  // The marks before the count; pairs with the count in count_in; without it skip-broadcast-2020 fails.
  smp_mb(Fence::skip_mark);
  const int count = active.load(order::relaxed);
  if (count == 0) return Scope::nobody;
  return count == 1 && is_mine ? Scope::this_cpu : Scope::everybody;
}

void arm64::switch_mm_irqs_off(mm_struct& next) noexcept {
  arm64_cpu& cpu = this_cpu();
  mm_struct& prev = *cpu.loaded_mm.load(order::relaxed);
  if (&prev == &next) return;
  if (&next == &init_mm()) {
    load(cpu, next, 0);  // TTBR0 leads nowhere
  } else {
    const auto chosen =
        allocator.switch_to(context_of<arm64>(next).id, next.fixes.asid_keep_reserved);
    if (chosen.flush_all) invalidate_here({.reach = generic::Reach::everything});
    count_in(next, chosen.number);
    load(cpu, next, chosen.number);
  }
  count_out(prev);
}

void arm64::enter_lazy_tlb() noexcept {
  if (!opted.skip_broadcast) return;
  local_irq_save();
  switch_mm_irqs_off(init_mm());
  local_irq_restore();
}

}  // namespace tlblab::inline TLBLAB_WORLD
