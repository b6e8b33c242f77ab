// SPDX-License-Identifier: GPL-2.0-or-later
// x86 from inside: what a CPU has loaded and what its TLB holds.
#pragma once

#include "arch/x86/x86.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

using X86Rig = MmRig<x86>;

inline std::uint64_t tlb_gen(mm_struct& mm) noexcept {
  return context_of<x86>(mm).tlb_gen.load(order::relaxed);
}
// Up to which flush this CPU is clean in its loaded slot.
inline std::uint64_t clean_up_to(unsigned cpu) noexcept {
  return x86::cpu(cpu).ctxs[x86::cpu(cpu).loaded_mm_asid].tlb_gen;
}
inline mm_struct* loaded_on(unsigned cpu) noexcept {
  return x86::cpu(cpu).loaded_mm.load(order::relaxed);
}
// Translations of this address that a CPU holds, of whichever mm.
inline unsigned cached_on(unsigned cpu, vaddr_t va) noexcept {
  unsigned entries = 0;
  x86::mmu_of(cpu).tlb.for_each(va, va + page_size, [&](const hw::TlbView&) { ++entries; });
  return entries;
}

}  // namespace tlblab::inline TLBLAB_WORLD
