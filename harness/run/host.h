// SPDX-License-Identifier: GPL-2.0-or-later
// What a result must say about the machine that it comes from.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tlblab {

// Names and values in a stable order; what cannot be found out is left out.
using Facts = std::vector<std::pair<std::string, std::string>>;

// cpu, processors, hypervisor, kernel, governor, smt, aslr. Reads files of the kernel only.
[[nodiscard]] Facts host_facts();

}  // namespace tlblab
