// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "harness/explore/litmus/program.h"

namespace tlblab {

// A value may depend on a load in a way that is no dependency for the kernel's model: a register that
// only one arm of an `if` sets is used behind it, or a store that is not always made is read back.
// False: surely not.
[[nodiscard]] bool has_hidden_flow(const LitmusProgram& program, std::size_t process);

}  // namespace tlblab
