// SPDX-License-Identifier: GPL-2.0-or-later
// The program without its process: main() calls it, and so do tests.
#pragma once

#include <ostream>

namespace tlblab {

// Which streams are terminals that understand more than text.
struct Terminals {
  bool out = false;
  bool err = false;
};

// Runs a command line. Returns the exit code; what went wrong has been said on `err`.
int run(int argc,
        const char* const* argv,
        std::ostream& out,
        std::ostream& err,
        Terminals terminals = {});

}  // namespace tlblab
