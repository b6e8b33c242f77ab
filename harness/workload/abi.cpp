// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/abi.h"

namespace tlblab::abi {

std::string advice_name(std::uint32_t advice) {
  static constexpr std::string_view names[] = {"NORMAL",
                                               "RANDOM",
                                               "SEQUENTIAL",
                                               "WILLNEED",
                                               "DONTNEED",
                                               "5",
                                               "6",
                                               "7",
                                               "FREE",
                                               "REMOVE",
                                               "DONTFORK",
                                               "DOFORK",
                                               "MERGEABLE",
                                               "UNMERGEABLE",
                                               "HUGEPAGE",
                                               "NOHUGEPAGE",
                                               "DONTDUMP",
                                               "DODUMP",
                                               "WIPEONFORK",
                                               "KEEPONFORK",
                                               "COLD",
                                               "PAGEOUT",
                                               "POPULATE_READ",
                                               "POPULATE_WRITE",
                                               "DONTNEED_LOCKED",
                                               "COLLAPSE"};
  if (advice < std::size(names)) return std::string(names[advice]);
  if (advice == 100) return "HWPOISON";
  if (advice == 101) return "SOFT_OFFLINE";
  if (advice == 102) return "GUARD_INSTALL";
  if (advice == 103) return "GUARD_REMOVE";
  return std::to_string(advice);
}

}  // namespace tlblab::abi
