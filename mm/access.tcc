// SPDX-License-Identifier: GPL-2.0-or-later
// Accesses of a simulated program. Each attempt is one access window: look up, walk, A and D bits,
// the data. A fault closes the window first; then it is handled, and the access tried again.
#pragma once

#include "mm/fault.tcc"
#include "mm/mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

inline AccessResult access_result(FaultResult fault) noexcept {
  if (fault == FaultResult::oom) return AccessResult::oom;
  return fault == FaultResult::sigbus ? AccessResult::sigbus : AccessResult::sigsegv;
}

// use(host) does the data part, inside the window.
template <ArchBackend A, class Use>
AccessResult user_access(mm_struct& mm, vaddr_t va, Access access, Use use) noexcept {
  vm_bug_on(A::loaded_mm() != &mm, "access_to_mm_not_loaded");
  // The walker sees only as many bits of an address as its tables have levels for.
  if (va >= mm.task_size) return AccessResult::sigsegv;
  for (;;) {
    {
      const access_window<A::features.async_invalidate> window;
      const Translation found = A::translate(va, access);
      if (found.host != nullptr) {
        use(found.host);
        return AccessResult::done;
      }
    }
    charge(Cost::page_fault);
    mm.mmap_lock.down_read();
    const FaultResult fault = handle_mm_fault<A>(mm, va, access);
    mm.mmap_lock.up_read();
    cpu_event(CpuEvent::kernel_exit);
    if (fault != FaultResult::done) return access_result(fault);
  }
}

// Data of a program is shared without locks, by design of the program.
inline std::uint64_t& user_word(void* host) noexcept { return *static_cast<std::uint64_t*>(host); }

}  // namespace detail

template <ArchBackend A>
AccessResult user_read(mm_struct& mm, vaddr_t va, std::uint64_t& value) noexcept {
  const auto result = detail::user_access<A>(mm, va, Access::read, [&](void* host) {
    value = read_once(detail::user_word(host));
    trace(EventKind::user_read, mm.id, va, value);
  });
  return result;
}

template <ArchBackend A>
AccessResult user_write(mm_struct& mm, vaddr_t va, std::uint64_t value) noexcept {
  return detail::user_access<A>(mm, va, Access::write, [&](void* host) {
    write_once(detail::user_word(host), value);
    trace(EventKind::user_write, mm.id, va, value);
  });
}

template <ArchBackend A>
AccessResult user_touch(mm_struct& mm, vaddr_t va, Access access) noexcept {
  return detail::user_access<A>(mm, va & ~7ULL, access, [&](void* host) {
    std::uint64_t& word = detail::user_word(host);
    const std::uint64_t value = read_once(word);
    if (access == Access::write) write_once(word, value + 1);
  });
}

}  // namespace tlblab::inline TLBLAB_WORLD
