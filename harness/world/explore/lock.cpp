// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/lock.h"

namespace tlblab::inline TLBLAB_WORLD {

using detail::cpu_bit;
using detail::Engine;

// ---- Spinlock -----------------------------------------------------------------------------------

void Spinlock::lock() noexcept {
  Engine& engine = detail::engine();
  const unsigned self = engine.running->id;
  engine.end_if(owner_ == self + 1, "spinlock_taken_twice");
  engine.step_when(
      [&] {
        wanted_ |= cpu_bit(self);
        if (owner_ != 0) engine.disable(cpu_bit(self));
        if (engine.memory != nullptr)
          engine.memory->stands_before(engine.actor(), this, owner_ == 0);
      },
      [&] { wanted_ &= ~cpu_bit(self); });
  if (engine.memory != nullptr) engine.memory->lock(engine.actor(), this);
  taken(engine);
}

bool Spinlock::trylock() noexcept {
  Engine& engine = detail::engine();
  engine.step();
  bool can = owner_ == 0;
  if (engine.memory != nullptr) can = engine.memory->trylock(engine.actor(), this, can);
  if (!can) return false;
  taken(engine);
  return true;
}

void Spinlock::taken(Engine& engine) noexcept {
  owner_ = engine.running->id + 1;
  engine.disable(wanted_);
  detail::note(engine, Operation::lock, this);
  engine.lock_acquired(this);
  engine.changed();
  if (++engine.running->lock_depth == 1) engine.update_both(*engine.running);
}

void Spinlock::unlock() noexcept {
  Engine& engine = detail::engine();
  engine.step();
  engine.end_if(owner_ == 0, "unlock_of_free_spinlock");
  engine.end_if(owner_ != engine.running->id + 1, "unlock_by_other_cpu");
  detail::note(engine, Operation::unlock, this);
  if (engine.memory != nullptr) engine.memory->unlock(engine.actor(), this);
  owner_ = 0;
  engine.enable(wanted_);
  engine.lock_released(this);
  engine.changed();
  if (--engine.running->lock_depth == 0) engine.update_both(*engine.running);
}

bool Spinlock::is_locked() const noexcept {
  Engine& engine = detail::engine();
  engine.step();
  if (engine.memory == nullptr) return owner_ != 0;
  return engine.memory->is_locked(engine.actor(), this, owner_ != 0);
}

// ---- RwSem --------------------------------------------------------------------------------------
// Readers release to writers only (the clock of readers_), writers to everybody (the clock of
// writer_): sections of two readers are not ordered with each other.

void RwSem::must_be_able_to_sleep(Engine& engine) noexcept {
  const detail::Cpu& self = *engine.running;
  engine.end_if(self.rcu_depth != 0 || self.lock_depth != 0 || self.in_callbacks,
                "sleeps_in_atomic_section");
}

void RwSem::tell_search(Engine& engine, MemorySearch::Section what) noexcept {
  if (engine.memory != nullptr) engine.memory->section(engine.actor(), this, what);
}

void RwSem::waits_for_search(Engine& engine, MemorySearch::Section what) noexcept {
  if (engine.memory != nullptr) engine.memory->section_waits(engine.actor(), this, what);
}

bool RwSem::can_try(Engine& engine, MemorySearch::Section what, bool can) noexcept {
  return engine.memory == nullptr ? can
                                  : engine.memory->try_section(engine.actor(), this, what, can);
}

void RwSem::state_changed(Engine& engine) noexcept {
  if (readable())
    engine.enable(want_read_);
  else
    engine.disable(want_read_);
  if (is_free())
    engine.enable(want_write_);
  else
    engine.disable(want_write_);
  engine.changed();
}

void RwSem::take_read(Engine& engine) noexcept {
  tell_search(engine, MemorySearch::Section::read);
  took_read(engine);
}

void RwSem::took_read(Engine& engine) noexcept {
  detail::note(engine, Operation::down_read, this);
  ++readers_;
  engine.lock_acquired(&writer_);
  state_changed(engine);
}

void RwSem::take_write(Engine& engine) noexcept {
  tell_search(engine, MemorySearch::Section::write);
  took_write(engine);
}

void RwSem::took_write(Engine& engine) noexcept {
  detail::note(engine, Operation::down_write, this);
  writer_ = engine.running->id + 1;
  engine.lock_acquired(&writer_);
  engine.lock_acquired(&readers_);
  state_changed(engine);
}

void RwSem::down_read() noexcept {
  Engine& engine = detail::engine();
  must_be_able_to_sleep(engine);
  const detail::CpuSet self = cpu_bit(engine.running->id);
  engine.step_when(
      [&] {
        want_read_ |= self;
        if (readable()) return;
        engine.disable(self);
        waits_for_search(engine, MemorySearch::Section::read);
      },
      [&] { want_read_ &= ~self; });
  take_read(engine);
}

bool RwSem::down_read_trylock() noexcept {
  Engine& engine = detail::engine();
  engine.step();
  if (!can_try(engine, MemorySearch::Section::read, readable())) return false;
  took_read(engine);
  return true;
}

void RwSem::up_read() noexcept {
  Engine& engine = detail::engine();
  engine.step();
  engine.end_if(readers_ == 0, "up_read_of_free_rwsem");
  detail::note(engine, Operation::up_read, this);
  tell_search(engine, MemorySearch::Section::end_read);
  --readers_;
  engine.lock_released(&readers_);
  state_changed(engine);
}

// The first try is a step of its own: from then on, and not before, new readers are held off.
void RwSem::down_write() noexcept {
  Engine& engine = detail::engine();
  must_be_able_to_sleep(engine);
  // A search has no first try: a reader that comes after it might as well have come before.
  if (engine.memory == nullptr && down_write_trylock()) return;
  if (engine.memory == nullptr) ++writers_waiting_;
  state_changed(engine);
  const detail::CpuSet self = cpu_bit(engine.running->id);
  engine.step_when(
      [&] {
        want_write_ |= self;
        if (is_free()) return;
        engine.disable(self);
        waits_for_search(engine, MemorySearch::Section::write);
      },
      [&] { want_write_ &= ~self; });
  if (engine.memory == nullptr) --writers_waiting_;
  take_write(engine);
}

bool RwSem::down_write_trylock() noexcept {
  Engine& engine = detail::engine();
  engine.step();
  if (!can_try(engine, MemorySearch::Section::write, is_free())) return false;
  took_write(engine);
  return true;
}

void RwSem::up_write() noexcept {
  Engine& engine = detail::engine();
  engine.step();
  engine.end_if(writer_ != engine.running->id + 1, "up_write_by_other_cpu");
  detail::note(engine, Operation::up_write, this);
  tell_search(engine, MemorySearch::Section::end_write);
  writer_ = 0;
  engine.lock_released(&writer_);
  state_changed(engine);
}

void RwSem::downgrade_write() noexcept {
  Engine& engine = detail::engine();
  engine.step();
  engine.end_if(writer_ != engine.running->id + 1, "downgrade_by_other_cpu");
  detail::note(engine, Operation::downgrade_write, this);
  tell_search(engine, MemorySearch::Section::downgrade);
  writer_ = 0;
  readers_ = 1;
  engine.lock_released(&writer_);
  state_changed(engine);
}

bool RwSem::is_locked() const noexcept {
  detail::engine().step();
  return !is_free();
}

bool RwSem::is_write_locked() const noexcept {
  detail::engine().step();
  return writer_ != 0;
}

}  // namespace tlblab::inline TLBLAB_WORLD
