// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/generic/asid.h"

#include <new>

namespace tlblab::inline TLBLAB_WORLD::generic {

bool asid_allocator::init(unsigned numbers) noexcept {
  vm_bug_on(numbers < nr_cpu_ids() + 2, "fewer_asids_than_cpus");
  new (&lock_) Spinlock;  // an execution may have been cut short while it was held
  numbers_ = numbers;
  last_ = 1;
  generation_.store(1ULL << generation_shift, order::relaxed);
  const unsigned words = (numbers + word_bits - 1) / word_bits;
  taken_ = static_cast<std::uint64_t*>(kmalloc(words * sizeof *taken_, AllocSite::object));
  cpus_ = static_cast<Cpu*>(kmalloc(nr_cpu_ids() * sizeof(Cpu), AllocSite::object));
  if (taken_ == nullptr || cpus_ == nullptr) return false;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) new (&cpus_[id]) Cpu;
  return true;
}

void asid_allocator::exit() noexcept {
  kfree(taken_);
  kfree(cpus_);
}

bool asid_allocator::take(unsigned number) noexcept {
  std::uint64_t& word = taken_[number / word_bits];
  const std::uint64_t bit = 1ULL << (number % word_bits);
  const bool was_free = (word & bit) == 0;
  word |= bit;
  return was_free;
}

// numbers_: none.
unsigned asid_allocator::next_free(unsigned from) const noexcept {
  for (unsigned number = from; number < numbers_; ++number)
    if ((taken_[number / word_bits] >> (number % word_bits) & 1) == 0) return number;
  return numbers_;
}

// An id that was running when the generation began: several CPUs may have it.
bool asid_allocator::keeps_reserved(std::uint64_t id, std::uint64_t now) noexcept {
  bool found = false;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu)
    if (cpus_[cpu].reserved == id) {
      cpus_[cpu].reserved = now;
      found = true;
    }
  return found;
}

void asid_allocator::roll_over() noexcept {
  generation_.fetch_add(1ULL << generation_shift, order::relaxed);
  for (unsigned word = 0; word <= (numbers_ - 1) / word_bits; ++word) taken_[word] = 0;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
    Cpu& cpu = cpus_[id];
    const std::uint64_t active = cpu.active.exchange(0, order::relaxed);
    // 0: it has not switched since the last rollover, and still runs what was reserved then.
    if (active != 0) cpu.reserved = active;
    if (cpu.reserved != 0) static_cast<void>(take(number_of(cpu.reserved)));
    cpu.flush_pending = true;
  }
}

std::uint64_t asid_allocator::new_context(std::uint64_t id) noexcept {
  const std::uint64_t generation = generation_.load(order::relaxed);
  if (id != 0) {
    const std::uint64_t now = generation | number_of(id);
    if (keeps_reserved(id, now) || take(number_of(id))) return now;
  }
  unsigned number = next_free(last_);
  if (number == numbers_) {
    roll_over();
    number = next_free(1);
    vm_bug_on(number == numbers_, "no_asid_after_rollover");
  }
  static_cast<void>(take(number));
  last_ = number;
  return generation_.load(order::relaxed) | number;
}

// Without the lock. False: a rollover has passed the CPU, or the id.
bool asid_allocator::swap_active(Cpu& cpu, std::uint64_t id, bool keep_reserved) noexcept {
  if (!keep_reserved) return is_current(id) && cpu.active.exchange(id, order::relaxed) != 0;
  std::uint64_t active = cpu.active.load(order::relaxed);
  return active != 0 && is_current(id) && cpu.active.compare_exchange(active, id, order::relaxed);
}

asid_allocator::Switch asid_allocator::switch_to(Atomic<std::uint64_t>& context_id,
                                                 bool keep_reserved) noexcept {
  Cpu& cpu = cpus_[smp_processor_id()];
  std::uint64_t id = context_id.load(order::relaxed);
  if (swap_active(cpu, id, keep_reserved)) return {number_of(id), false};
  lock_.lock();
  id = context_id.load(order::relaxed);
  if (!is_current(id)) {
    id = new_context(id);
    context_id.store(id, order::relaxed);
    // The new number before anything is walked under it; pairs with the barrier before a flush reads the
    // number. Without it a flush for the old one misses an entry made of what it has cleared (D29;
    // tests/arch/arm/asid_order_test.cpp). In the kernel: spin_unlock on arm, the DSB of switch_to on arm64.
    smp_mb();
  }
  const bool flush = cpu.flush_pending;
  cpu.flush_pending = false;
  cpu.active.store(id, order::relaxed);
  lock_.unlock();
  return {number_of(id), flush};
}

}  // namespace tlblab::inline TLBLAB_WORLD::generic
