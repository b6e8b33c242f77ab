// SPDX-License-Identifier: GPL-2.0-or-later
// A program that does everything to one address space on all CPUs at once. mm keeps its promises, so
// the oracles have to stay silent.
#pragma once

#include "tests/oracle/rig.h"

namespace tlblab::inline TLBLAB_WORLD {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed * 0x9e3779b97f4a7c15ULL | 1) {}
  unsigned operator()(unsigned n) noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<unsigned>((state_ >> 32) * n >> 32);
  }

 private:
  std::uint64_t state_;
};

struct WorkloadSize {
  unsigned pages;         // of each of the regions
  vaddr_t region_stride;  // from one to the next: 2 MiB or more, so each has tables of its own
};

template <class A>
class CleanWorkload {
 public:
  CleanWorkload(mm_struct& mm, WorkloadSize size, std::uint64_t seed) noexcept
      : mm_(mm), size_(size), dice_(seed) {}

  // Calls and accesses fail where another CPU has just unmapped or protected; that is no matter.
  void map_all() noexcept {
    for (unsigned region = 0; region < regions; ++region) map(place(region, 0), size_.pages);
  }
  void one_operation() noexcept {
    const vaddr_t va = place(dice_(regions), dice_(size_.pages));
    const std::uint64_t length = (1 + dice_(size_.pages)) * page_size;
    switch (dice_(24)) {
      case 0: map(va & ~(size_.region_stride - 1), size_.pages); break;
      case 1: static_cast<void>(do_munmap<A>(mm_, va, length)); break;
      case 2: static_cast<void>(do_mprotect<A>(mm_, va, length, VM_READ)); break;
      case 3: static_cast<void>(do_mprotect<A>(mm_, va, length, VM_READ | VM_WRITE)); break;
      case 4: static_cast<void>(do_mprotect<A>(mm_, va, length, 0)); break;
      case 5: move(va); break;
      case 6: have_child(va); break;
      case 7: sleep_a_little(); break;
      case 8:
      case 9:
      case 10:
      case 11: static_cast<void>(do_madvise_dontneed<A>(mm_, va, length)); break;
      case 12: heap(); break;
      default: access(mm_, va); break;
    }
  }
  // The one race that does no harm to memory if the fix is off.
  void give_back_or_use() noexcept {
    const vaddr_t va = place(0, dice_(size_.pages));
    if (dice_(4) == 0)
      static_cast<void>(
          do_madvise_dontneed<A>(mm_, place(0, 0), (1 + dice_(size_.pages)) * page_size));
    else
      access(mm_, va);
  }

 private:
  static constexpr unsigned regions = 3;
  static constexpr vaddr_t heap_start = arena_start << 4;

  vaddr_t place(unsigned region, unsigned page) const noexcept {
    return arena_start + region * size_.region_stride + page * page_size;
  }
  void map(vaddr_t va, std::uint64_t pages) noexcept {
    static_cast<void>(do_mmap<A>(
        mm_,
        {.address = va, .length = pages * page_size, .flags = VM_READ | VM_WRITE, .fixed = true}));
  }
  void access(mm_struct& mm, vaddr_t va) noexcept {
    std::uint64_t value = 0;
    if (dice_(2) == 0)
      static_cast<void>(user_read<A>(mm, va, value));
    else
      static_cast<void>(user_write<A>(mm, va, 1));
  }
  void move(vaddr_t va) noexcept {
    const vaddr_t to = place(dice_(regions), dice_(size_.pages));
    static_cast<void>(do_mremap<A>(mm_, {.old_address = va,
                                         .old_length = page_size,
                                         .new_length = page_size,
                                         .may_move = true,
                                         .fixed = true,
                                         .new_address = to}));
  }
  void have_child(vaddr_t va) noexcept {
    mm_struct* child = dup_mm<A>(mm_);
    if (child == nullptr) return;
    use_mm<A>(*child);
    access(*child, va);
    use_mm<A>(mm_);
    mmput<A>(*child);
  }
  void sleep_a_little() noexcept {
    unuse_mm<A>();
    cpu_event(CpuEvent::tick);
    use_mm<A>(mm_);
  }
  void heap() noexcept {
    static_cast<void>(do_brk<A>(mm_, heap_start + dice_(size_.pages) * page_size));
    access(mm_, heap_start + dice_(size_.pages) * page_size);
  }

  mm_struct& mm_;
  WorkloadSize size_;
  Dice dice_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
