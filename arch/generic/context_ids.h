// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers of address spaces that an mm keeps from its first day to its last (the kernel's ida). A number
// goes to another mm when nothing of the last one is left in any TLB: whoever gives it back sees to that.
#pragma once

#include <bit>
#include <new>

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

class context_ids {
 public:
  // Numbers from 1; 0 is the kernel's. A multiple of 64. False: no memory.
  [[nodiscard]] bool init(unsigned numbers) noexcept {
    new (&lock_) Spinlock;  // an execution may have been cut short while it was held
    words_ = numbers / word_bits;
    taken_ =
        static_cast<std::uint64_t*>(kmalloc(words_ * sizeof(std::uint64_t), AllocSite::object));
    if (taken_ == nullptr) return false;
    for (unsigned w = 0; w < words_; ++w) taken_[w] = w == 0 ? 1 : 0;
    return true;
  }
  void exit() noexcept { kfree(taken_); }

  [[nodiscard]] unsigned take() noexcept {
    lock_.lock();
    unsigned w = 0;
    while (w < words_ && ~taken_[w] == 0) ++w;
    vm_bug_on(w == words_, "no_context_number_left");
    const auto bit = static_cast<unsigned>(std::countr_one(taken_[w]));
    taken_[w] |= 1ULL << bit;
    lock_.unlock();
    return w * word_bits + bit;
  }
  void give_back(unsigned number) noexcept {
    lock_.lock();
    taken_[number / word_bits] &= ~(1ULL << (number % word_bits));
    lock_.unlock();
  }

 private:
  static constexpr unsigned word_bits = 64;
  Spinlock lock_;
  std::uint64_t* taken_ = nullptr;  // a bit each; under lock_
  unsigned words_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::generic
