// SPDX-License-Identifier: GPL-2.0-or-later
// mm on whatever backend is chosen.
#include "arch/chosen.h"
#include "harness/instances/mm_entry.h"

namespace tlblab::inline TLBLAB_WORLD {

template struct MmEntryPoints<chosen_arch>;

}  // namespace tlblab::inline TLBLAB_WORLD
