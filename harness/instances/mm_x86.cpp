// SPDX-License-Identifier: GPL-2.0-or-later
// mm on x86. Everybody else includes mm/mm.h, which has no bodies.
#include "arch/x86/x86.h"
#include "harness/instances/mm_entry.h"

namespace tlblab::inline TLBLAB_WORLD {

template struct MmEntryPoints<x86>;

}  // namespace tlblab::inline TLBLAB_WORLD
