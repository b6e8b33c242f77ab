// SPDX-License-Identifier: GPL-2.0-or-later
// The workloads, by name. Each is there twice: simulated (mm on the software machine) and kernel
// (the host's own kernel, the same calls on the same number of pages from a thread on the same
// processor). Some have a third part, plain: a loop that does the least that the work needs.
//
//   touch-dontneed  write a word of each of 512 pages, MADV_DONTNEED; per page. plain: memset
//   munmap          unmap 512 written pages; per page
//   mprotect        take or give the right to write 512 pages; per page
//   shootdown       the same of one page that another CPU may have in its TLB
//   cow             first write to each of 512 pages after a fork; per page
//   fork-exit       fork an address space of 512 written pages, end the child
//   gup-fast        references on 512 pages; per page. plain: as many atomic increments.
//                   The kernel's is vmsplice into a pipe, the nearest that a program can ask for
//
// With N CPUs the first one works and N-1 others run the same address space, reading one page of
// it in a loop. These have parts of their own and no kernel:
//
//   load-chain      8-byte loads in the TLB, each from the address that the one before gave
//   load-random     the same, independent
//   flush           invalidate one page everywhere. plain: a cache line there and back
//   disjoint        touch-dontneed on two CPUs with an address space each: how much more than one
#pragma once

#include <string>

namespace tlblab::bench {

inline constexpr unsigned pages = 512;

void add_simulated();
// The same on any backend, chosen at run time, under its name: compare backends with each other. "x86"
// costs a call for each hook more than simulated, where it is known at compile time.
void add_backend(const std::string& arch);
void add_kernel();
void add_plain();

}  // namespace tlblab::bench
