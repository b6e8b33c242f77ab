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
detail::Cpu& this_cpu() noexcept {
  return detail::current == nullptr ? detail::cpus[0] : *detail::current;
}

bool made_to_fail(AllocSite site) noexcept {
  AllocPolicy* policy = detail::options->alloc_policy;
  return policy != nullptr && policy->fails(site, this_cpu().id);
}

unsigned node_of(unsigned cpu) noexcept {
  const auto& nodes = detail::options->nodes;
  return cpu < nodes.size() ? nodes[cpu] : 0;
}

// jemalloc's cache of a thread holds frames of one arena only: right only with a single node.
int cache_flag() noexcept { return detail::options->nodes.empty() ? 0 : MALLOCX_TCACHE_NONE; }

// Aligned to its size.
void* fresh(std::size_t bytes) noexcept {
  const auto arena = static_cast<int>(arena_of_node(node_of(this_cpu().id)));
  return mallocx(bytes, MALLOCX_ALIGN(bytes) | MALLOCX_ARENA(arena) | cache_flag());
}

void give_back(void* memory) noexcept { dallocx(memory, cache_flag()); }

void make_useless(void* memory, std::size_t bytes) noexcept {
  if (detail::options->junk_fill) std::memset(memory, freed_byte, bytes);
  if (detail::options->poison_frames) poison(memory, bytes);
}

}  // namespace

void* alloc_frame(AllocSite site) noexcept {
  if (made_to_fail(site)) return nullptr;
  detail::Cpu* cpu = detail::current;
  void* frame =
      cpu != nullptr && cpu->nr_frames != 0 ? cpu->frames[--cpu->nr_frames] : fresh(page_size);
  if (frame == nullptr) return nullptr;
  unpoison(frame, page_size);
  ++this_cpu().held.frames;
  return frame;
}

void free_frame(void* frame) noexcept {
  make_useless(frame, page_size);
  detail::Cpu* cpu = detail::current;
  if (cpu != nullptr && cpu->nr_frames < detail::frames_kept && detail::options->nodes.empty())
    cpu->frames[cpu->nr_frames++] = frame;
  else
    give_back(frame);
  --this_cpu().held.frames;
}

void* alloc_frames(AllocSite site, unsigned order) noexcept {
  if (made_to_fail(site)) return nullptr;
  void* frames = fresh(page_size << order);
  if (frames == nullptr) return nullptr;
  unpoison(frames, page_size << order);
  this_cpu().held.frames += 1L << order;
  return frames;
}

void free_frames(void* frames, unsigned order) noexcept {
  make_useless(frames, page_size << order);
  give_back(frames);
  this_cpu().held.frames -= 1L << order;
}

namespace detail {
void drain_frames(Cpu& cpu) noexcept {
  while (cpu.nr_frames != 0) give_back(cpu.frames[--cpu.nr_frames]);
}
}  // namespace detail

void* kmalloc(std::size_t bytes, AllocSite site) noexcept {
  if (made_to_fail(site)) return nullptr;
  void* object = std::calloc(1, bytes);
  if (object != nullptr) ++this_cpu().held.objects;
  return object;
}

void kfree(void* object) noexcept {
  if (object == nullptr) return;
  std::free(object);
  --this_cpu().held.objects;
}

HeldMemory memory_held() noexcept {
  HeldMemory sum;
  for (unsigned cpu = 0; cpu < detail::nr_cpus; ++cpu) {
    sum.frames += detail::cpus[cpu].held.frames;
    sum.objects += detail::cpus[cpu].held.objects;
  }
  return sum;
}

}  // namespace tlblab::inline TLBLAB_WORLD
