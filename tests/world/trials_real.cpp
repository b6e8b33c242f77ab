// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

const unsigned rounds = 300;

void each_trial(unsigned cpus, const std::function<void(Machine&)>& trial) {
  constexpr unsigned machines = 5;
  for (unsigned i = 0; i < machines; ++i) {
    MachineOptions options;
    options.cpus = cpus;
    Machine machine(options);
    trial(machine);
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
