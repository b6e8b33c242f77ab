// SPDX-License-Identifier: GPL-2.0-or-later
// SeqCount, the same in both worlds: it is made of the world's words and fences, and included by
// real.h and explore.h after them.
#pragma once

#include "mm/types.h"

namespace tlblab::inline TLBLAB_WORLD {

// The kernel's raw sequence counter. Writers exclude each other by a lock of their own.
class SeqCount {
 public:
  [[nodiscard]] unsigned read_begin() const noexcept {
    unsigned seq = sequence_.load(order::acquire);  // pairs with the wmb in write_end
    while ((seq & 1) != 0) {
      cpu_relax();
      seq = sequence_.load(order::acquire);
    }
    return seq;
  }
  // The value as it is, odd while a writer is inside: for readers that give up (GUP-fast).
  [[nodiscard]] unsigned raw_read() const noexcept { return sequence_.load(order::acquire); }
  [[nodiscard]] bool read_retry(unsigned seq) const noexcept {
    smp_rmb();  // the section's reads before the second look; pairs with the wmb in write_begin
    return sequence_.load(order::relaxed) != seq;
  }
  void write_begin() noexcept {
    sequence_.store(sequence_.load(order::relaxed) + 1, order::relaxed);
    smp_wmb();  // odd before the section's writes; pairs with the rmb in read_retry
  }
  void write_end() noexcept {
    smp_wmb();  // the section's writes before even; pairs with the acquire in read_begin
    sequence_.store(sequence_.load(order::relaxed) + 1, order::relaxed);
  }

 private:
  Atomic<unsigned> sequence_{0};
};

}  // namespace tlblab::inline TLBLAB_WORLD
