// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/memory.h"

#include "harness/world/explore/machine.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// Allocation belongs to no access window, but that is the only thing it could break.
detail::Engine& owner() noexcept {
  vm_bug_on(detail::machine == nullptr, "memory_without_a_machine");
  detail::machine->forbid_in_window("allocates_inside_access_window");
  return *detail::machine;
}

bool made_to_fail(const detail::Engine& engine, AllocSite site) noexcept {
  AllocPolicy* policy = detail::options->alloc_policy;
  return policy != nullptr && policy->fails(site, engine.running->id);
}

}  // namespace

void* alloc_frame(AllocSite site) noexcept {
  detail::Engine& engine = owner();
  return made_to_fail(engine, site) ? nullptr : engine.arena.alloc_frame(engine.running->id);
}

void free_frame(void* frame) noexcept {
  detail::Engine& engine = owner();
  const bool freed = engine.arena.free_frame(frame, engine.running->id, detail::options->junk_fill);
  vm_bug_on(!freed, "frame_freed_twice");
}

void* alloc_frames(AllocSite site, unsigned order) noexcept {
  detail::Engine& engine = owner();
  return made_to_fail(engine, site) ? nullptr : engine.arena.alloc_frames(order);
}

void free_frames(void* frames, unsigned order) noexcept {
  const bool freed = owner().arena.free_frames(frames, order, detail::options->junk_fill);
  vm_bug_on(!freed, "frame_freed_twice");
}

void* kmalloc(std::size_t bytes, AllocSite site) noexcept {
  detail::Engine& engine = owner();
  return made_to_fail(engine, site) ? nullptr : engine.arena.alloc(bytes, engine.running->id);
}

void kfree(void* object) noexcept {
  if (object == nullptr) return;
  detail::Engine& engine = owner();
  const bool freed = engine.arena.free(object, engine.running->id, detail::options->junk_fill);
  vm_bug_on(!freed, "object_freed_twice");
}

HeldMemory memory_held() noexcept { return owner().arena.held(); }

}  // namespace tlblab::inline TLBLAB_WORLD
