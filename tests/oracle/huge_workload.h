// SPDX-License-Identifier: GPL-2.0-or-later
// The same for huge pages: every call that maps, splits, protects, copies, moves or unmaps one, on
// all CPUs at once, in one address space.
#pragma once

#include "mm/gup.tcc"
#include "tests/oracle/clean_workload.h"

namespace tlblab::inline TLBLAB_WORLD {

template <class A>
class HugeWorkload {
 public:
  HugeWorkload(mm_struct& mm, std::uint64_t seed) noexcept : mm_(mm), dice_(seed) {}

  void map_all() noexcept {
    for (unsigned region = 0; region < regions; ++region) map(region);
  }
  void one_operation() noexcept {
    const unsigned region = dice_(regions);
    const vaddr_t start = place(region);
    const vaddr_t part = start + dice_(64) * page_size * 8;
    switch (dice_(20)) {
      case 0: map(region); break;
      case 1: static_cast<void>(do_munmap<A>(mm_, part, 8 * page_size)); break;
      case 2: static_cast<void>(do_mprotect<A>(mm_, start, huge, VM_READ)); break;
      case 3: static_cast<void>(do_mprotect<A>(mm_, start, huge, VM_READ | VM_WRITE)); break;
      case 4: static_cast<void>(do_mprotect<A>(mm_, part, 8 * page_size, VM_READ)); break;
      case 5: move(start); break;
      case 6: have_child(part); break;
      case 7:
      case 8: static_cast<void>(do_madvise_dontneed<A>(mm_, start, huge)); break;
      case 10: pin(part); break;
      case 9: static_cast<void>(do_madvise_dontneed<A>(mm_, part, 8 * page_size)); break;
      default: access(mm_, part); break;
    }
  }

  static constexpr std::uint64_t huge = 2ULL << 20;

 private:
  static constexpr unsigned regions = 2;

  static vaddr_t place(unsigned region) noexcept { return arena_start + region * huge; }
  void map(unsigned region) noexcept {
    static_cast<void>(do_mmap<A>(mm_, {.address = place(region),
                                       .length = huge,
                                       .flags = VM_READ | VM_WRITE | VM_HUGEPAGE,
                                       .fixed = true}));
  }
  void access(mm_struct& mm, vaddr_t va) noexcept {
    std::uint64_t value = 0;
    if (dice_(3) == 0)
      static_cast<void>(user_read<A>(mm, va, value));
    else
      static_cast<void>(user_write<A>(mm, va, 1));
  }
  void move(vaddr_t va) noexcept {
    static_cast<void>(do_mremap<A>(mm_, {.old_address = va,
                                         .old_length = huge,
                                         .new_length = huge,
                                         .may_move = true,
                                         .fixed = true,
                                         .new_address = place(dice_(regions))}));
  }
  void pin(vaddr_t va) noexcept {
    page* pages[3];
    const auto got = get_user_pages_fast<A>(mm_, va, 3, FOLL_PIN | FOLL_WRITE, pages);
    if (got <= 0) return;
    have_child(va);
    unpin_user_pages(pages, static_cast<std::uint64_t>(got));
  }
  void have_child(vaddr_t va) noexcept {
    mm_struct* child = dup_mm<A>(mm_);
    if (child == nullptr) return;
    use_mm<A>(*child);
    access(*child, va);
    use_mm<A>(mm_);
    mmput<A>(*child);
  }

  mm_struct& mm_;
  Dice dice_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
