// SPDX-License-Identifier: GPL-2.0-or-later
// The explore world: one thread of the operating system, a simulated CPU is a fiber, and who moves
// next is asked of a chooser before every visible step. Sequentially consistent memory. The parts,
// each with its own essay:
//
//   explore/chooser.h  what a search sees: actors, choices, schedules. World-neutral
//   explore/engine.h   actors, visible steps, blocking; start reading here
//   explore/memory_search.h  what a complete search answers instead of memory. World-neutral
//   explore/fiber.h    switching stacks
//   explore/clock.h    what happened before what: data races of Shared words
//   explore/atomic.h   words and fences
//   explore/cpu.h      interrupts, cpu_relax, choose, events
//   explore/lock.h     Spinlock, RwSem, SeqCount: a CPU that must wait is not enabled
//   explore/rcu.h      grace periods as sets of CPUs
//   explore/window.h   access windows: one step each
//   explore/hardware_acts.h  speculative walks and evictions. World-neutral
//   explore/memory.h   frames and objects of one execution
//   explore/machine.h  starting CPUs; for the harness, not for mm
#pragma once

#include "harness/world/explore/atomic.h"
#include "harness/world/explore/cpu.h"
#include "harness/world/explore/lock.h"
#include "harness/world/explore/machine.h"
#include "harness/world/explore/memory.h"
#include "harness/world/explore/rcu.h"
#include "harness/world/explore/window.h"
#include "harness/world/seqcount.h"
