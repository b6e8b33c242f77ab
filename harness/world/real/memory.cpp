// SPDX-License-Identifier: GPL-2.0-or-later
// The only file that sees jemalloc. Debian's jemalloc takes over malloc when it is linked; under a
// sanitizer malloc stays the sanitizer's, and only what mallocx gave may go to dallocx.
#include "harness/world/real/memory.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <jemalloc/jemalloc.h>

#include "harness/world/real/machine.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr int freed_byte = 0x6b;
constexpr unsigned max_nodes = 64;

#if defined(__SANITIZE_ADDRESS__)
void poison(void* memory, std::size_t bytes) noexcept { ASAN_POISON_MEMORY_REGION(memory, bytes); }
void unpoison(void* memory, std::size_t bytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
}
#else
void poison(void*, std::size_t) noexcept {}
void unpoison(void*, std::size_t) noexcept {}
#endif

unsigned create_arena() noexcept {
  unsigned arena = 0;
  std::size_t size = sizeof arena;
  if (mallctl("arenas.create", &arena, &size, nullptr, 0) != 0) vm_bug("no_jemalloc_arena");
  return arena;
}

// Arenas outlive machines: jemalloc cannot give one back while a thread caches for it.
unsigned arena_of_node(unsigned node) noexcept {
  static std::array<std::atomic<unsigned>, max_nodes> arenas{};  // 0: not made yet
  std::atomic<unsigned>& slot = arenas[node % max_nodes];
  unsigned arena = slot.load(std::memory_order_acquire);
  if (arena != 0) return arena;
  const unsigned fresh = create_arena();
  return slot.compare_exchange_strong(arena, fresh, std::memory_order_acq_rel) ? fresh : arena;
}

// Memory is also set up and looked at while no CPU runs, then on behalf of CPU 0.
unsigned this_cpu() noexcept { return detail::current == nullptr ? 0 : detail::current->id; }

bool made_to_fail(AllocSite site) noexcept {
  AllocPolicy* policy = detail::options->alloc_policy;
  return policy != nullptr && policy->fails(site, this_cpu());
}

unsigned node_of(unsigned cpu) noexcept {
  const auto& nodes = detail::options->nodes;
  return cpu < nodes.size() ? nodes[cpu] : 0;
}

// The thread's cache holds frames of one arena only, so it is right only with a single node.
int cache_flag() noexcept { return detail::options->nodes.empty() ? 0 : MALLOCX_TCACHE_NONE; }

// Aligned to its size.
void* take(std::size_t bytes) noexcept {
  const auto arena = static_cast<int>(arena_of_node(node_of(this_cpu())));
  void* memory = mallocx(bytes, MALLOCX_ALIGN(bytes) | MALLOCX_ARENA(arena) | cache_flag());
  if (memory != nullptr) unpoison(memory, bytes);
  return memory;
}

void give_back(void* memory, std::size_t bytes) noexcept {
  if (detail::options->junk_fill) std::memset(memory, freed_byte, bytes);
  poison(memory, bytes);
  dallocx(memory, cache_flag());
}

}  // namespace

void* alloc_frame(AllocSite site) noexcept {
  return made_to_fail(site) ? nullptr : take(page_size);
}

void free_frame(void* frame) noexcept { give_back(frame, page_size); }

void* alloc_frames(AllocSite site, unsigned order) noexcept {
  return made_to_fail(site) ? nullptr : take(page_size << order);
}

void free_frames(void* frames, unsigned order) noexcept { give_back(frames, page_size << order); }

void* kmalloc(std::size_t bytes, AllocSite site) noexcept {
  return made_to_fail(site) ? nullptr : std::calloc(1, bytes);
}

void kfree(void* object) noexcept { std::free(object); }

}  // namespace tlblab::inline TLBLAB_WORLD
