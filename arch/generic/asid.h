// SPDX-License-Identifier: GPL-2.0-or-later
// Address-space identifiers that all CPUs share, given out by generations (arm64, arm, riscv).
//
// An mm keeps its identifier as long as the generation lasts: a switch compares, and swaps it into the
// CPU's active one, without a lock. When none is left a new generation begins: what CPUs run keeps its
// number, reserved for them; every other mm gets a new one when it runs next; and each CPU empties its
// TLB before it uses a number of the new generation. So a number has two owners only in time, never in
// one TLB (D29).
//
// The swap fails if the active one was taken away meanwhile (it is then 0): the CPU that rolls over
// takes it with an exchange, so either it sees what the CPU switches to or that CPU sees the 0 and
// comes to the lock. Before a8ffaaa060b8 it was exchanged there too: the id of the old generation stood in
// it until the CPU had the lock, and a second rollover meanwhile reserved it, although its number might be
// another mm's by then (scenario asid-rollover-2017).
//
// Allocator is a class, not a set of statics: a backend has one, made with its hardware.
#pragma once

#include <bit>

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::generic {

class asid_allocator {
 public:
  static constexpr unsigned generation_shift = 16;
  static constexpr std::uint64_t number_mask = (1ULL << generation_shift) - 1;
  // Number 0 is nobody's: it is loaded while there is no address space.
  static constexpr unsigned number_of(std::uint64_t id) noexcept {
    return static_cast<unsigned>(id & number_mask);
  }

  // numbers: how many there are with number 0; at least two more than there are CPUs, so that a
  // rollover leaves one. False: no memory.
  [[nodiscard]] bool init(unsigned numbers) noexcept;
  void exit() noexcept;

  // What the CPU is to load for an mm whose context has this id. keep_reserved: the mm's fix
  // asid_keep_reserved. Interrupts are off.
  struct Switch {
    unsigned number;
    bool flush_all;  // its TLB first
  };
  [[nodiscard]] Switch switch_to(Atomic<std::uint64_t>& id, bool keep_reserved = true) noexcept;

 private:
  struct Cpu {
    Atomic<std::uint64_t> active{0};  // 0: taken away by a rollover
    std::uint64_t reserved = 0;       // under lock_
    bool flush_pending = false;       // the same
  };
  [[nodiscard]] bool swap_active(Cpu& cpu, std::uint64_t id, bool keep_reserved) noexcept;
  [[nodiscard]] bool is_current(std::uint64_t id) const noexcept {
    return (id ^ generation_.load(order::relaxed)) >> generation_shift == 0;
  }
  [[nodiscard]] bool take(unsigned number) noexcept;
  [[nodiscard]] unsigned next_free(unsigned from) const noexcept;
  [[nodiscard]] bool keeps_reserved(std::uint64_t id, std::uint64_t now) noexcept;
  [[nodiscard]] std::uint64_t new_context(std::uint64_t id) noexcept;
  void roll_over() noexcept;

  static constexpr unsigned word_bits = 64;
  Spinlock lock_;
  Atomic<std::uint64_t> generation_{1ULL << generation_shift};
  unsigned numbers_ = 0;
  unsigned last_ = 1;               // where the search goes on; under lock_
  std::uint64_t* taken_ = nullptr;  // a bit each; under lock_
  Cpu* cpus_ = nullptr;
};

}  // namespace tlblab::inline TLBLAB_WORLD::generic
