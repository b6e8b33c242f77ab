// SPDX-License-Identifier: GPL-2.0-or-later
// What the two MMUs of 64-bit server POWER share: bits of an entry, and how a CPU counts in an mm.
// Kernel: asm/book3s/64/pgtable.h, mmu_context.h, tlb.h, mm/mmu_context.c.
#pragma once

#include "arch/generic/pte_bits.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

struct book3s64_bits {
  using bits = std::uint64_t;
  static constexpr bits valid = 1ULL << 63;     // PRESENT
  static constexpr bits leaf = 1ULL << 62;      // PTE: not a pointer to a table
  static constexpr bits protnone = 1ULL << 61;  // INVALID: present for the kernel only
  static constexpr bits exec = 1ULL << 0;
  static constexpr bits no_exec = 0;
  static constexpr bits write = 1ULL << 1;
  static constexpr bits dirty = 1ULL << 7;
  static constexpr bits accessed = 1ULL << 8;
  static constexpr bits uffd_wp = 1ULL << 11;
  static constexpr bits soft_dirty = 1ULL << 10;
  static constexpr bits software = 0;
  static constexpr bits table = valid;
  static constexpr unsigned pfn_shift = page_shift, pfn_bits = 36;
  static constexpr bits swp_exclusive = 1ULL << 2, swp_uffd_wp = 1ULL << 3, swp_mark = 1ULL << 4;
  static constexpr bits swp_soft_dirty = 1ULL << 5;
  static constexpr unsigned swp_type_shift = 52, swp_offset_shift = 12;
};

// In an mm's context: CPUs in its set, so that who asks "am I alone" need not look at the set.
struct book3s64_context {
  Atomic<int> active_cpus{0};
};

// Before a CPU loads the mm. A bit stays until it is taken away by who knows that nothing is left.
template <class A>
void book3s64_enter(mm_struct& next) noexcept {
  const unsigned cpu = smp_processor_id();
  if (mm_cpumask_test(next, cpu)) return;
  mm_cpumask_set(next, cpu);
  context_of<A>(next).active_cpus.fetch_add(1, order::relaxed);
  smp_mb();  // counted before anything is translated; pairs with the barrier of who looks at the count
}

template <class A>
bool mm_is_thread_local(mm_struct& mm) noexcept {
  return context_of<A>(mm).active_cpus.load(order::relaxed) <= 1 &&
         mm_cpumask_test(mm, smp_processor_id());
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
