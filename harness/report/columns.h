// SPDX-License-Identifier: GPL-2.0-or-later
// What an execution did, a column for each CPU, within 72 characters: for a changelog or a mail.
//
//           CPU0                 CPU1
//     88    clear pte[0x4000],
//           was page 5{a,w,d}
//     95                         load mm->tlb_flush_pending: 2
//  => 110                        madvise(DONTNEED) returns
//
// The number is that of the visible step; rows without one belong to the step above. Rows that no
// other CPU could tell from their absence are left out unless all are asked for.
#pragma once

#include <string>
#include <vector>

#include "harness/report/paint.h"
#include "harness/trace.h"

namespace tlblab {

[[nodiscard]] std::string cpu_columns(const std::vector<TraceStep>& trace,
                                      bool all,
                                      const Paint& paint);

// The rows that a reader of the code needs.
[[nodiscard]] std::vector<TraceStep> key_rows(const std::vector<TraceStep>& trace);

}  // namespace tlblab
