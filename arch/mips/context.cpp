// SPDX-License-Identifier: GPL-2.0-or-later
// ASIDs of MIPS are those of generic/cpu_asids.h: each CPU gives out its own. What is left here is the
// joint TLB.
#include <algorithm>

#include "arch/mips/mips.h"

namespace tlblab::inline TLBLAB_WORLD {

bool mips::hardware_init(const TlbGeometry& geometry) noexcept {
  constexpr unsigned least = 2, most = 48;
  const unsigned entries = std::clamp(geometry.sets * geometry.ways, least, most);
  if (!cpus::hardware_init(hw::JointTlb::storage(geometry, entries))) return false;
  asid::init(asids(geometry));
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) cpu(id).joint.init(entries, cpu(id).mmu);
  return true;
}

void mips::local_flush_tlb_all() noexcept {
  const access_window_of<mips> window;
  this_cpu().joint.erase_all();
}

}  // namespace tlblab::inline TLBLAB_WORLD
