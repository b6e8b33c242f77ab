// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/real/window.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

void give_way(Cpu& cpu) noexcept {
  close_window(cpu);
  while (cpu.mmu_taken.load(std::memory_order_acquire)) relax_slowly(cpu);
}

namespace {
// The window that is open there now has ended.
void wait_for_window(const Cpu& cpu) noexcept {
  const std::uint64_t seen = cpu.window.load(std::memory_order_acquire);
  if ((seen & 1) == 0) return;
  while (cpu.window.load(std::memory_order_acquire) == seen) relax_slowly(*current);
}
}  // namespace

}  // namespace detail

remote_mmu::remote_mmu(unsigned cpu) noexcept : cpu_(detail::cpus[cpu]) {
  while (cpu_.mmu_taken.exchange(true, std::memory_order_acquire))
    detail::relax_slowly(*detail::current);
  smp_mb();  // taken before the window is looked at; pairs with the one in open_window
  detail::wait_for_window(cpu_);
}

remote_mmu::~remote_mmu() { cpu_.mmu_taken.store(false, std::memory_order_release); }

void access_windows_wait() noexcept {
  smp_mb();  // entries gone before the windows are looked at; pairs with access_window's
  for (unsigned id = 0; id < detail::nr_cpus; ++id) {
    if (id != detail::current->id) detail::wait_for_window(detail::cpus[id]);
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
