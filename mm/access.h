// SPDX-License-Identifier: GPL-2.0-or-later
// Accesses of a simulated program. Each attempt is one access window: look up, walk, A and D bits,
// the data. A fault closes the window first; then it is handled, and the access tried again.
//
// Inline, so that a loop over accesses that need no fault keeps what it reads in registers and pays
// for a look at the mailbox, one compare in the TLB's front and the data. Faults are in access.tcc.
#pragma once

#include "mm/memory.h"

namespace tlblab::inline TLBLAB_WORLD {

enum class AccessResult : std::uint8_t { done, sigsegv, oom, sigbus };

namespace detail {

// Handles the miss or the fault of an access that found no translation. done: try again.
template <ArchBackend A>
[[nodiscard]] AccessResult fault_of_access(mm_struct& mm, vaddr_t va, Access access) noexcept;

// use(host) does the data part, inside the window.
template <ArchBackend A, class Use>
[[gnu::always_inline]] inline AccessResult user_access(mm_struct& mm,
                                                       vaddr_t va,
                                                       Access access,
                                                       Use use) noexcept {
  vm_bug_on(A::loaded_mm() != &mm, "access_to_mm_not_loaded");
  // The walker sees only as many bits of an address as its tables have levels for.
  if (va >= mm.task_size) [[unlikely]]
    return AccessResult::sigsegv;
  for (;;) {
    {
      const access_window_of<A> window;
      const Translation found = A::translate(va, access);
      if (found.host != nullptr) [[likely]] {
        use(found.host);
        return AccessResult::done;
      }
    }
    const AccessResult result = fault_of_access<A>(mm, va, access);
    if (result != AccessResult::done) return result;
  }
}

// Data of a program is shared without locks, by design of the program.
inline std::uint64_t& user_word(void* host) noexcept { return *static_cast<std::uint64_t*>(host); }

}  // namespace detail

// One 8-byte access of the program that this CPU runs; va is a multiple of 8. Faults are handled
// and the access tried again until it succeeds or may not.
template <ArchBackend A>
[[gnu::always_inline]] inline AccessResult user_read(mm_struct& mm,
                                                     vaddr_t va,
                                                     std::uint64_t& value) noexcept {
  return detail::user_access<A>(mm, va, Access::read, [&](void* host) {
    value = read_once(detail::user_word(host));
    trace(EventKind::user_read, mm.id, va, value);
  });
}

template <ArchBackend A>
[[gnu::always_inline]] inline AccessResult user_write(mm_struct& mm,
                                                      vaddr_t va,
                                                      std::uint64_t value) noexcept {
  return detail::user_access<A>(mm, va, Access::write, [&](void* host) {
    write_once(detail::user_word(host), value);
    trace(EventKind::user_write, mm.id, va, value);
  });
}

// Touches the page for reading, writing or fetching, value unimportant.
template <ArchBackend A>
AccessResult user_touch(mm_struct& mm, vaddr_t va, Access access) noexcept;

}  // namespace tlblab::inline TLBLAB_WORLD
