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

void* handed_out(const detail::Engine& engine, void* memory, std::size_t bytes) noexcept {
  if (engine.memory != nullptr && memory != nullptr) engine.memory->fresh(memory, bytes);
  return memory;
}
void given_back(const detail::Engine& engine, void* memory, std::size_t bytes) noexcept {
  if (engine.memory != nullptr) engine.memory->freed(engine.actor(), memory, bytes);
}

bool made_to_fail(const detail::Engine& engine, AllocSite site) noexcept {
  AllocPolicy* policy = detail::options->alloc_policy;
  return policy != nullptr && policy->fails(site, engine.running->id);
}

detail::FreedFrames freed_frames() noexcept {
  return {.junk = detail::options->junk_fill, .poisoned = detail::options->poison_frames};
}

}  // namespace

void* alloc_frame(AllocSite site) noexcept {
  detail::Engine& engine = owner();
  if (made_to_fail(engine, site)) return nullptr;
  return handed_out(engine, engine.arena.alloc_frame(engine.running->id), page_size);
}

void free_frame(void* frame) noexcept {
  detail::Engine& engine = owner();
  given_back(engine, frame, page_size);
  const bool freed = engine.arena.free_frame(frame, engine.running->id, freed_frames());
  vm_bug_on(!freed, "frame_freed_twice");
}

void* alloc_frames(AllocSite site, unsigned order) noexcept {
  detail::Engine& engine = owner();
  if (made_to_fail(engine, site)) return nullptr;
  return handed_out(engine, engine.arena.alloc_frames(order), page_size << order);
}

void free_frames(void* frames, unsigned order) noexcept {
  given_back(owner(), frames, page_size << order);
  const bool freed = owner().arena.free_frames(frames, order, freed_frames());
  vm_bug_on(!freed, "frame_freed_twice");
}

void* kmalloc(std::size_t bytes, AllocSite site) noexcept {
  detail::Engine& engine = owner();
  if (made_to_fail(engine, site)) return nullptr;
  return handed_out(engine, engine.arena.alloc(bytes, engine.running->id), bytes);
}

void kfree(void* object) noexcept {
  if (object == nullptr) return;
  detail::Engine& engine = owner();
  given_back(engine, object, engine.arena.size_of(object));
  const bool freed = engine.arena.free(object, engine.running->id, detail::options->junk_fill);
  vm_bug_on(!freed, "object_freed_twice");
}

HeldMemory memory_held() noexcept { return owner().arena.held(); }

}  // namespace tlblab::inline TLBLAB_WORLD
