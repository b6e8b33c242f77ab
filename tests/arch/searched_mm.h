// SPDX-License-Identifier: GPL-2.0-or-later
// Every execution of a small race on mm, on the backend that is chosen. Explore world only.
#pragma once

#include <map>
#include <string>

#include "harness/explore/choosers.h"
#include "harness/explore/port_search.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

struct SearchedMm {
  bool complete = false;
  std::uint64_t executions = 0, lost = 0;
  std::map<std::string, std::uint64_t> violations;  // of the machine, or what check() says
};

// setup(mm) on CPU 0; race(mm, cpu) on all of them at once, what the search decides; check(mm) on CPU 0
// when all is over: what is wrong, or an empty string.
template <class Setup, class Race, class Check>
SearchedMm search_mm(
    MemoryModel model, unsigned cpus, std::uint64_t most, Setup setup, Race race, Check check) {
  using A = chosen_arch;
  PortSearch search(model, cpus);
  SearchedMm sum;
  while (search.counts().executions < most) {
    if (!search.next()) {
      sum.complete = true;
      break;
    }
    RandomChooser chooser(1);
    MachineOptions options;
    options.poison_frames = false;  // what is planted may use one that was freed
    options.cpus = cpus;
    options.chooser = &chooser;
    Machine machine(options);
    Session<A> session({.frames = 96, .tlb = tiny_tlb});
    mm_struct* mm = nullptr;
    std::string wrong;
    const auto on_cpu_0 = [&](auto act) {
      machine.run([&](unsigned cpu) {
        if (cpu == 0) act();
      });
    };
    on_cpu_0([&] {
      session.start();
      mm = mm_alloc<A>(3);
    });
    machine.run([&](unsigned) { use_mm<A>(*mm); });
    on_cpu_0([&] { setup(*mm); });
    machine.search_with(&search);
    machine.run([&](unsigned cpu) { race(*mm, cpu); });
    machine.search_with(nullptr);
    on_cpu_0([&] { wrong = check(*mm); });
    machine.run([](unsigned) { unuse_mm<A>(); });
    on_cpu_0([&] { mmput<A>(*mm); });
    on_cpu_0([&] { session.stop(); });
    if (search.is_given_up()) continue;
    if (!machine.result().violation.empty()) wrong = machine.result().violation;
    if (!wrong.empty()) ++sum.violations[wrong];
  }
  sum.executions = search.counts().executions;
  sum.lost = search.lost();
  return sum;
}

}  // namespace tlblab::inline TLBLAB_WORLD
