// SPDX-License-Identifier: GPL-2.0-or-later
// Invalidates that reach the TLB of every CPU without its software: TLBI, tlbie, INVLPGB, ptc.ga.
//
// Issuing one and waiting for it are two events. In between it may have reached some CPUs and not
// others. Here it reaches them when it is waited for, the latest that hardware may take; under the
// explorer, if the actor is asked for (arrive), at any moment from when it was issued, on each CPU by
// itself, of several the oldest of the lowest CPU first. Then it may come to a CPU before the changed
// entry does: only a full barrier before the issue holds it back (of one that orders stores alone the
// model does not know that it orders the walks of others; DSB ISHST is a full one here). Waiting means
// that on every CPU the entries are gone and the accesses through them have ended. It does not mean
// that a CPU has had its interrupts on: software walkers need another protection (D16).
#pragma once

#include <utility>

#include "arch/generic/cpus.h"
#include "arch/hw/mmu.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

enum class Reach : std::uint8_t {
  leaf,        // the leaf entries of a range
  all_levels,  // and cached upper levels on the way to it
  asid,        // everything of an address space
  asid_tlb,    // of that, what is no cached upper level
  asid_walk,   // of that, the cached upper levels
  everything,
};

inline constexpr unsigned any_size = ~0U;

struct invalidation {
  Reach reach = Reach::everything;
  unsigned asid = 0;
  vaddr_t start = 0, end = 0;          // of a range; end is not in it
  unsigned stride_shift = page_shift;  // one entry each
  unsigned size = any_size;            // hw::size_shift() of the only entries it finds
};

inline void invalidate_range(hw::Mmu& mmu, const invalidation& what) noexcept {
  for (vaddr_t va = what.start; va < what.end; va += 1ULL << what.stride_shift) {
    charge(Cost::invalidate_page);
    if (what.size == any_size)
      mmu.tlb.invalidate_page(what.asid, va);
    else
      mmu.tlb.invalidate_page(what.asid, va, what.size);
    if (what.reach == Reach::all_levels) mmu.walk_cache.invalidate_page(what.asid, va);
  }
}

// On the MMU of one CPU, which nobody else uses meanwhile.
inline void invalidate(hw::Mmu& mmu, const invalidation& what) noexcept {
  switch (what.reach) {
    case Reach::leaf:
    case Reach::all_levels: invalidate_range(mmu, what); break;
    case Reach::asid: mmu.invalidate_asid(what.asid); break;
    case Reach::asid_tlb: mmu.tlb.invalidate_asid(what.asid); break;
    case Reach::asid_walk: mmu.walk_cache.invalidate_asid(what.asid); break;
    case Reach::everything: mmu.invalidate_all(); break;
  }
}

inline bool is_range(const invalidation& what) noexcept {
  return what.reach == Reach::leaf || what.reach == Reach::all_levels;
}

// What a CPU has issued and not waited for. Its own: interrupts do not issue.
//
// What may arrive early is published by a relaxed store, which orders nothing, as issuing does not: the
// number of the batch, and how many there are of it. Who lets one arrive reads that, in a window of the CPU
// where it does; what has arrived there, and which batch was waited for last, is kept by CPU and touched
// where its MMU is taken.
class in_flight {
 public:
  // mmu_at(cpu): that CPU's. Full: hardware may be quick, the first ones are waited for.
  template <class MmuAt>
  void issue(const invalidation& what, MmuAt mmu_at) noexcept {
    if (count_ == room) wait(mmu_at);
    trace_broadcast(what.start, is_range(what) ? what.end : tlb_flush_all);
    issued_[count_++] = what;
    if (invalidates_arrive_early()) published_.store(batch_ << count_bits | count_, order::relaxed);
  }
  // On all CPUs, this one included.
  template <class MmuAt>
  void wait(MmuAt mmu_at) noexcept {
    if (count_ == 0) return;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      const remote_mmu taken(id);
      std::uint32_t arrived = 0;
      if (invalidates_arrive_early()) {
        arrived = std::exchange(arrived_[id], 0U);
        waited_for_[id] = batch_;
      }
      for (unsigned n = 0; n < count_; ++n)
        if ((arrived >> n & 1U) == 0) invalidate(mmu_at(id), issued_[n]);
    }
    count_ = 0;
    ++batch_;
  }
  // The first that concerns the address reaches the CPU now, which is in a window. False: none does.
  bool arrive(unsigned id, hw::Mmu& mmu, vaddr_t va) noexcept {
    const std::uint64_t published = published_.load(order::relaxed);
    if (published >> count_bits <= waited_for_[id]) return false;
    for (unsigned n = 0; n < (published & ((1U << count_bits) - 1)); ++n)
      if ((arrived_[id] >> n & 1U) == 0 && concerns(issued_[n], va)) {
        invalidate(mmu, issued_[n]);
        arrived_[id] |= 1U << n;
        return true;
      }
    return false;
  }

 private:
  static bool concerns(const invalidation& what, vaddr_t va) noexcept {
    return !is_range(what) || (va >= what.start && va < what.end);
  }

  static constexpr unsigned room = 16, count_bits = 8;
  static constexpr unsigned most_cpus = 32;  // the explorer has no more
  invalidation issued_[room];
  unsigned count_ = 0;
  std::uint64_t batch_ = 1;
  Atomic<std::uint64_t> published_{0};
  std::uint32_t arrived_[most_cpus]{};     // by a bit each
  std::uint64_t waited_for_[most_cpus]{};  // the last batch
};

// The hook arrive of a backend. of(cpu): what that CPU has issued.
template <class Of>
void arrives(hw::Mmu& mmu, vaddr_t va, Of of) noexcept {
  for (unsigned id = 0; id < nr_cpu_ids(); ++id)
    if (of(id).arrive(smp_processor_id(), mmu, va)) return;
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
