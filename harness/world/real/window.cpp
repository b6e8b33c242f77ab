// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/real/window.h"

namespace tlblab::inline TLBLAB_WORLD {

void access_windows_wait() noexcept {
  smp_mb();  // entries gone before the windows are looked at; pairs with access_window's
  for (unsigned id = 0; id < detail::nr_cpus; ++id) {
    if (id == detail::current->id) continue;
    const auto& window = detail::cpus[id].window;
    const std::uint64_t seen = window.load(std::memory_order_acquire);
    if ((seen & 1) == 0) continue;
    while (window.load(std::memory_order_acquire) == seen) detail::relax_slowly(*detail::current);
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
