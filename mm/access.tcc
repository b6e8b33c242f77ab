// SPDX-License-Identifier: GPL-2.0-or-later
// What access.h leaves out: the faults of accesses.
#pragma once

#include "mm/fault.tcc"
#include "mm/mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

inline AccessResult access_result(FaultResult fault) noexcept {
  switch (fault) {
    case FaultResult::done: return AccessResult::done;
    case FaultResult::oom: return AccessResult::oom;
    case FaultResult::sigbus: return AccessResult::sigbus;
    case FaultResult::retry:  // do_user_addr_fault does
    case FaultResult::sigsegv: break;
  }
  return AccessResult::sigsegv;
}

template <ArchBackend A>
AccessResult fault_of_access(mm_struct& mm, vaddr_t va, Access access) noexcept {
  if (arch_tlb_miss<A>(mm, va, access)) return AccessResult::done;
  trace(EventKind::page_fault, mm.id, va, static_cast<std::uint64_t>(access));
  charge(Cost::page_fault);
  const FaultResult fault = do_user_addr_fault<A>(mm, va, access);
  cpu_event(CpuEvent::kernel_exit);
  return access_result(fault);
}

}  // namespace detail

template <ArchBackend A>
AccessResult user_touch(mm_struct& mm, vaddr_t va, Access access) noexcept {
  return detail::user_access<A>(mm, va & ~7ULL, access, [&](void* host) {
    std::uint64_t& word = detail::user_word(host);
    const std::uint64_t value = read_once(word);
    if (access == Access::write) write_once(word, value + 1);
  });
}

}  // namespace tlblab::inline TLBLAB_WORLD
