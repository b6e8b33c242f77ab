// SPDX-License-Identifier: GPL-2.0-or-later
// Invalidates that reach the TLB of every CPU without its software: TLBI, tlbie, INVLPGB, ptc.ga.
//
// Issuing one and waiting for it are two events. In between it may have reached some CPUs and not
// others. Here it reaches them when it is waited for, the latest that hardware may take; under the
// explorer, if the actor is asked for (arrive), at any moment from when it was issued, on each CPU by
// itself. Then what came before the issue is ordered for that CPU, as if each had a DSB before it: a
// backend that forgets that one is not told. Of several the lowest CPU's oldest arrives. Waiting means
// that on every CPU the entries are gone and the accesses through them have ended. It does not mean
// that a CPU has had its interrupts on: software walkers need another protection (D16).
#pragma once

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
class in_flight {
 public:
  // mmu_at(cpu): that CPU's. Full: hardware may be quick, the first ones are waited for.
  template <class MmuAt>
  void issue(const invalidation& what, MmuAt mmu_at) noexcept {
    if (count_ == room) wait(mmu_at);
    trace_broadcast(what.start, is_range(what) ? what.end : tlb_flush_all);
    issued& now = issued_[count_++] = {what, invalidates_arrive_early()};
    if (!now.early) return;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      const remote_mmu taken(id);
      now.under_way |= 1U << id;
    }
  }
  // On all CPUs, this one included.
  template <class MmuAt>
  void wait(MmuAt mmu_at) noexcept {
    if (count_ == 0) return;
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      const remote_mmu taken(id);
      for (unsigned n = 0; n < count_; ++n) complete(issued_[n], id, mmu_at(id));
    }
    count_ = 0;
  }
  // The first that concerns the address reaches the CPU now, which is in a window. False: none does.
  bool arrive(unsigned id, hw::Mmu& mmu, vaddr_t va) noexcept {
    for (issued& one : issued_)
      if ((one.under_way >> id & 1U) != 0 && concerns(one.what, va)) {
        complete(one, id, mmu);
        return true;
      }
    return false;
  }

 private:
  // Touched where the MMU of the CPU in question is taken: by who issues, or in its window.
  struct issued {
    invalidation what{};
    bool early = false;           // only to those CPUs:
    std::uint32_t under_way = 0;  // by a bit each; the explorer has no more of them
  };
  static bool concerns(const invalidation& what, vaddr_t va) noexcept {
    return !is_range(what) || (va >= what.start && va < what.end);
  }
  static void complete(issued& one, unsigned id, hw::Mmu& mmu) noexcept {
    if (one.early && (one.under_way >> id & 1U) == 0) return;  // it has arrived
    invalidate(mmu, one.what);
    if (one.early) one.under_way &= ~(1U << id);
  }

  static constexpr unsigned room = 16;
  issued issued_[room];
  unsigned count_ = 0;
};

// The hook arrive of a backend. of(cpu): what that CPU has issued.
template <class Of>
void arrives(hw::Mmu& mmu, vaddr_t va, Of of) noexcept {
  for (unsigned id = 0; id < nr_cpu_ids(); ++id)
    if (of(id).arrive(smp_processor_id(), mmu, va)) return;
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
