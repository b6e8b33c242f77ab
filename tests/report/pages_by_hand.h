// SPDX-License-Identifier: GPL-2.0-or-later
// Pages with small round numbers.
#pragma once

#include "harness/report/pages.h"

namespace tlblab::by_hand {

TracePage trace();
StressPage stress(bool broken);
ExplorePage explore(bool broken);

}  // namespace tlblab::by_hand
