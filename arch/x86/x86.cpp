// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86/x86.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<x86>);

}  // namespace tlblab::inline TLBLAB_WORLD
