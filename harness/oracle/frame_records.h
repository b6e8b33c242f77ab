// SPDX-License-Identifier: GPL-2.0-or-later
// What oracles remember of each frame between its allocation and its free. By pfn, in chunks that
// double in size, made when first needed.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>

#include "mm/types.h"

namespace tlblab {

struct FrameRecord {
  // Where TLBs have it: one address, or anywhere; and a bit for each CPU, modulo 64.
  std::uint64_t filled_at = 0;
  std::uint64_t filled_by = 0;
  // The gather that it waits in: CPU + 1 and the CPU's number of flushes then; 0: in none.
  std::uint64_t queued = 0;

  // FOLL_PIN's.
  std::uint64_t pins = 0;

  static constexpr std::uint64_t nowhere = 0, anywhere = 1;  // else the page's address + 2
  static constexpr unsigned cpu_bits = 64;
};

class FrameRecords {
 public:
  FrameRecords() = default;
  FrameRecords(const FrameRecords&) = delete;
  FrameRecords& operator=(const FrameRecords&) = delete;
  ~FrameRecords() { reset(); }

  [[nodiscard]] FrameRecord& operator[](pfn_t pfn) noexcept {
    const std::uint64_t scaled = pfn / first_size + 1;
    const unsigned chunk = static_cast<unsigned>(std::bit_width(scaled)) - 1;
    const std::uint64_t begin = ((1ULL << chunk) - 1) * first_size;
    // Acquire: pairs with the release in make().
    FrameRecord* records = chunks_[chunk].load(std::memory_order_acquire);
    return (records != nullptr ? records : make(chunk))[pfn - begin];
  }
  void reset() noexcept {
    for (auto& chunk : chunks_) std::free(chunk.exchange(nullptr, std::memory_order_relaxed));
  }

 private:
  static constexpr std::uint64_t first_size = 256;

  // Zeroed by calloc: untouched parts of a large chunk cost nothing.
  FrameRecord* make(unsigned chunk) noexcept {
    auto* fresh = static_cast<FrameRecord*>(std::calloc(first_size << chunk, sizeof(FrameRecord)));
    if (fresh == nullptr) std::abort();
    FrameRecord* expected = nullptr;
    if (chunks_[chunk].compare_exchange_strong(expected, fresh, std::memory_order_acq_rel,
                                               std::memory_order_acquire))
      return fresh;
    std::free(fresh);
    return expected;
  }
  std::array<std::atomic<FrameRecord*>, 32> chunks_{};
};

}  // namespace tlblab
