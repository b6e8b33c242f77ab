// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/arena.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <span>

#include "mm/types.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace tlblab::inline TLBLAB_WORLD::detail {

namespace {

constexpr int freed_byte = 0x6b;
// Instead of a size: a large object that this execution has not handed out.
constexpr std::uint32_t spare = ~0U;
// Who reads a frame that nobody has written yet reads the same in every execution.
constexpr int fresh_byte = 0xa5;

#if defined(__SANITIZE_ADDRESS__)
void poison(void* memory, std::size_t bytes) noexcept { ASAN_POISON_MEMORY_REGION(memory, bytes); }
void unpoison(void* memory, std::size_t bytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
}
#else
void poison(void*, std::size_t) noexcept {}
void unpoison(void*, std::size_t) noexcept {}
#endif

// The head of a block of frames: one mark for each, the head's own included.
bool& frame_in_use(void* frame) noexcept {
  std::byte* block = Blocks::block_of(frame);
  const std::size_t index =
      static_cast<std::size_t>(static_cast<std::byte*>(frame) - block) / page_size;
  return reinterpret_cast<bool*>(block)[index];
}

}  // namespace

// ---- blocks -------------------------------------------------------------------------------------

bool Blocks::open_block() noexcept {
  if (open_ == blocks_.size()) {
    void* block = std::aligned_alloc(block_size, block_size);
    if (block == nullptr) return false;
    blocks_.emplace_back(static_cast<std::byte*>(block));
  }
  std::byte* block = blocks_[open_++].get();
  unpoison(block, head_);
  std::memset(block, 0, head_);
  poison(block + head_, block_size - head_);
  used_ = head_;
  return true;
}

void* Blocks::take(std::size_t bytes) noexcept {
  if (bytes > block_size - used_ && !open_block()) return nullptr;
  std::byte* memory = blocks_[open_ - 1].get() + used_;
  used_ += bytes;
  return memory;
}

void Blocks::take_back() noexcept {
  open_ = 0;
  used_ = block_size;
}

// ---- frames -------------------------------------------------------------------------------------

namespace {
void make_useless(void* frames, std::size_t bytes, FreedFrames become) noexcept {
  if (become.junk) std::memset(frames, freed_byte, bytes);
  if (become.poisoned) poison(frames, bytes);
}
}  // namespace

void* Arena::alloc_frame(unsigned cpu) noexcept {
  std::vector<void*>& free = cpus_[cpu].frames;
  void* frame = nullptr;
  if (free.empty()) {
    frame = cpus_[cpu].frame_blocks.take(page_size);
    if (frame == nullptr) return nullptr;
    unpoison(frame, page_size);
    std::memset(frame, fresh_byte, page_size);
  } else {
    frame = free.back();
    free.pop_back();
  }
  frame_in_use(frame) = true;
  unpoison(frame, page_size);
  ++held_.frames;
  return frame;
}

bool Arena::free_frame(void* frame, unsigned cpu, FreedFrames become) noexcept {
  bool& in_use = frame_in_use(frame);
  if (!in_use) return false;
  in_use = false;
  make_useless(frame, page_size, become);
  cpus_[cpu].frames.push_back(frame);
  --held_.frames;
  return true;
}

void* Arena::alloc_frames(unsigned order) noexcept {
  const std::size_t bytes = page_size << order;
  std::vector<Run>& runs = runs_[order];
  auto run = std::find_if(runs.begin(), runs.end(), [](const Run& r) { return !r.in_use; });
  if (run == runs.end()) {
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(bytes, bytes));
    if (memory == nullptr) return nullptr;
    run = runs.insert(run, Run{std::unique_ptr<std::byte, HostFree>(memory)});
  }
  run->in_use = true;
  held_.frames += 1L << order;
  unpoison(run->memory.get(), bytes);
  std::memset(run->memory.get(), fresh_byte, bytes);
  return run->memory.get();
}

bool Arena::free_frames(void* frames, unsigned order, FreedFrames become) noexcept {
  for (Run& run : runs_[order]) {
    if (run.memory.get() != frames) continue;
    if (!run.in_use) return false;
    run.in_use = false;
    held_.frames -= 1L << order;
    make_useless(frames, page_size << order, become);
    return true;
  }
  return false;
}

// ---- objects ------------------------------------------------------------------------------------

void* Arena::alloc(std::size_t bytes, unsigned cpu) noexcept {
  const auto width = static_cast<unsigned>(std::bit_width(bytes == 0 ? 0 : bytes - 1));
  const unsigned size_class = width < smallest ? 0 : width - smallest;
  if (size_class >= classes) return alloc_large(bytes);
  Header* header = take_object(size_class, cpu);
  if (header == nullptr) return nullptr;
  *header = {bytes, size_class, true};
  void* object = header + 1;
  unpoison(object, bytes);
  std::memset(object, 0, bytes);
  ++held_.objects;
  return object;
}

Arena::Header* Arena::take_object(unsigned size_class, unsigned cpu) noexcept {
  std::vector<Header*>& free = cpus_[cpu].objects[size_class];
  if (!free.empty()) {
    Header* header = free.back();
    free.pop_back();
    return header;
  }
  void* memory =
      cpus_[cpu].object_blocks.take(sizeof(Header) + (std::size_t{1} << (smallest + size_class)));
  if (memory == nullptr) return nullptr;
  unpoison(memory, sizeof(Header));
  return new (memory) Header;
}

// At the address that an execution before had for one of that size, in the order of their making: a memory
// search knows words by their addresses.
void* Arena::alloc_large(std::size_t bytes) noexcept {
  const auto kept = std::ranges::find_if(large_, [&](const auto& header) {
    return header->size_class == spare && header->bytes == bytes;
  });
  Header* header = kept != large_.end() ? kept->get() : nullptr;
  if (header == nullptr) {
    void* memory = std::malloc(sizeof(Header) + bytes);
    if (memory == nullptr) return nullptr;
    header = large_.emplace_back(new (memory) Header).get();
  }
  *header = {bytes, classes, true};
  ++held_.objects;
  void* object = header + 1;
  return std::memset(object, 0, bytes);
}

// A large one stays marked as free until the end of the execution: its address is not used again.
bool Arena::free(void* object, unsigned cpu, bool junk) noexcept {
  Header* header = static_cast<Header*>(object) - 1;
  if (!header->in_use) return false;
  header->in_use = false;
  --held_.objects;
  if (junk) std::memset(object, freed_byte, header->bytes);
  poison(object, header->bytes);
  if (header->size_class < classes) cpus_[cpu].objects[header->size_class].push_back(header);
  return true;
}

void Arena::take_back(unsigned cpus) noexcept {
  std::erase_if(large_, [](const auto& header) { return header->size_class == spare; });
  for (const auto& header : large_) {
    unpoison(header.get() + 1, header->bytes);
    header->size_class = spare;
  }
  held_ = {};
  for (std::vector<Run>& runs : runs_)
    for (Run& run : runs) run.in_use = false;
  for (PerCpu& cpu : std::span(cpus_).first(cpus)) {
    cpu.frame_blocks.take_back();
    cpu.object_blocks.take_back();
    cpu.frames.clear();
    for (std::vector<Header*>& free : cpu.objects) free.clear();
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD::detail
