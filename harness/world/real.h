// SPDX-License-Identifier: GPL-2.0-or-later
// The real world: a simulated CPU is a pinned thread, a shared word a std::atomic. For measuring
// and for stress. The parts, each with its own essay:
//
//   real/atomic.h   words, fences, orders
//   real/cpu.h      the CPU's own state, interrupts as a mailbox, cpu_relax
//   real/lock.h     Spinlock, RwSem: loops that never block in the operating system
//   real/rcu.h      liburcu behind the kernel's names
//   real/window.h   access windows
//   real/memory.h   frames and objects
//   real/machine.h  starting CPUs; for the harness, not for mm
#pragma once

#include "harness/world/real/atomic.h"
#include "harness/world/real/cpu.h"
#include "harness/world/real/lock.h"
#include "harness/world/real/machine.h"
#include "harness/world/real/memory.h"
#include "harness/world/real/rcu.h"
#include "harness/world/real/window.h"
#include "harness/world/seqcount.h"
