// SPDX-License-Identifier: GPL-2.0-or-later
// The seam. Everything that mm and arch take from outside comes through this one include; a
// change to what it names is a change of the design. The target says which world it is built
// for; both worlds offer the same names with the same meaning, and one suite (tests/world) says
// so for each:
//
//   Atomic<T>               a shared word: load, store, exchange, compare_exchange, fetch_*, with
//                           the kernel's orders, never stronger than asked
//   Shared<T>               a plain word whose unsynchronised use is a bug
//   read_once write_once    a plain load or store of an Atomic that the compiler may not repeat
//   smp_mb smp_rmb smp_wmb  smp_mb__before_atomic smp_mb__after_atomic smp_mb__after_unlock_lock
//   cpu_relax               the body of every waiting loop; interrupts are served there
//   Spinlock RwSem SeqCount with their try forms
//   rcu_*  call_rcu  synchronize_rcu  rcu_assign_pointer  rcu_dereference
//   led_to                  the address of an object was made of a value that was loaded with
//                           order::consume: an address dependency
//   smp_processor_id  nr_cpu_ids  preempt_disable  preempt_enable
//   local_irq_save  local_irq_restore  irqs_disabled      interrupts off is an RCU section too
//   ipi_post  ipi_wait  on_each_cpu_mask
//   cpu_event               tick, switch, idle, return to user mode
//   access_window           one simulated access as one unit;  access_windows_wait  waits for all
//                           that began earlier;  remote_mmu  keeps those of a CPU out
//   invalidates_arrive_early  a broadcast invalidate may reach CPUs before it is waited for
//   alloc_frame  free_frame  kmalloc  kfree               may fail
//   alloc_frames  free_frames                             1 << order of them, contiguous; may fail
//   choose(n)               a freedom of the hardware
//   charge  tracing  trace  vm_bug_on
#pragma once

#include TLBLAB_WORLD_HEADER
