// SPDX-License-Identifier: GPL-2.0-or-later
// The memory of one execution. All of it is taken back at once when the next begins, so what an
// abandoned fiber held is not lost; the host's memory is kept for the next execution.
//
// Deterministic, and nobody sees what another CPU allocates: each has blocks of its own, and free
// frames and objects lie on lists of the CPU that freed them, so allocation is no visible step, and
// addresses do not depend on who was first. Freed memory is poisoned for AddressSanitizer, filled with
// junk if asked for, and not freed twice.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "harness/world/explore/chooser.h"
#include "mm/types.h"

namespace tlblab::inline TLBLAB_WORLD::detail {

struct HostFree {
  void operator()(void* memory) const noexcept { std::free(memory); }
};

// Memory of the host in blocks that are aligned to their size, handed out from front to back.
class Blocks {
 public:
  static constexpr std::size_t block_size = std::size_t{1} << 20;
  // `head` bytes at the start of each block are the caller's, zeroed for each execution.
  explicit Blocks(std::size_t head) noexcept : head_(head) {}
  // The next bytes; null if the host has no more. Poisoned.
  [[nodiscard]] void* take(std::size_t bytes) noexcept;
  void take_back() noexcept;
  [[nodiscard]] static std::byte* block_of(void* memory) noexcept {
    return static_cast<std::byte*>(memory) -
           (reinterpret_cast<std::uintptr_t>(memory) & (block_size - 1));
  }

 private:
  [[nodiscard]] bool open_block() noexcept;

  std::size_t head_;
  std::vector<std::unique_ptr<std::byte, HostFree>> blocks_;
  std::size_t open_ = 0;           // blocks handed out from
  std::size_t used_ = block_size;  // of the last of them
};

struct FreedFrames {
  bool junk = false;     // filled with it
  bool poisoned = true;  // for AddressSanitizer
};

class Arena {
 public:
  [[nodiscard]] void* alloc_frame(unsigned cpu) noexcept;
  // False: it was free already.
  [[nodiscard]] bool free_frame(void* frame, unsigned cpu, FreedFrames become) noexcept;
  // 1 << order frames, aligned to their size. One list for all CPUs: filled anew each time, so
  // nobody can tell who had them before.
  [[nodiscard]] void* alloc_frames(unsigned order) noexcept;
  [[nodiscard]] bool free_frames(void* frames, unsigned order, FreedFrames become) noexcept;
  [[nodiscard]] void* alloc(std::size_t bytes, unsigned cpu) noexcept;  // zeroed
  [[nodiscard]] bool free(void* object, unsigned cpu, bool junk) noexcept;
  [[nodiscard]] static std::size_t size_of(const void* object) noexcept {
    return (static_cast<const Header*>(object) - 1)->bytes;
  }
  // All that the first so many CPUs were given.
  void take_back(unsigned cpus) noexcept;
  [[nodiscard]] HeldMemory held() const noexcept { return held_; }

 private:
  struct alignas(16) Header {
    std::size_t bytes = 0;  // that follow
    std::uint32_t size_class = 0;
    bool in_use = false;
  };
  struct Run {
    std::unique_ptr<std::byte, HostFree> memory;
    bool in_use = false;
  };
  static constexpr unsigned run_orders = 10;  // the largest is 2 MiB
  static constexpr unsigned smallest = 5;     // 1 << 5 bytes
  static constexpr unsigned classes = 12;     // the largest is 64 KiB; what is larger is the host's
  struct PerCpu {
    Blocks frame_blocks{std::size_t{1} << 12};
    Blocks object_blocks{0};
    std::vector<void*> frames;
    std::array<std::vector<Header*>, classes> objects;
  };
  [[nodiscard]] Header* take_object(unsigned size_class, unsigned cpu) noexcept;
  [[nodiscard]] void* alloc_large(std::size_t bytes) noexcept;

  HeldMemory held_;
  std::array<std::vector<Run>, run_orders> runs_;
  std::vector<std::unique_ptr<Header, HostFree>> large_;
  std::array<PerCpu, max_explored_cpus> cpus_;
};

}  // namespace tlblab::inline TLBLAB_WORLD::detail
