// SPDX-License-Identifier: GPL-2.0-or-later
// A TLB: set-associative, tagged by ASID, one array per page size.
//
// An entry is valid if the context number in its key is the one that its ASID has now. Flushing an
// ASID gives it a new number, so a full flush costs one store; when the numbers run out the arrays
// are cleared for real. Words are relaxed atomics: only the owning CPU writes, oracles read from
// elsewhere. What an oracle wants to know of an entry (frame generation, slot, count of changes of
// the slot) is written only when somebody listens, and so is a version by which a reader can tell
// that it saw words of one entry and not of two.
//
// Before it lies a front, as small and quick as a first-level TLB: direct-mapped, one half for reads
// and one for writes, so that one compare says that page, address space and right are all as wanted.
// It knows 4 KiB pages of the loaded address space only, whose entries were in the arrays when they
// were used; what invalidates those empties it too, and so does a switch. It is neither filled nor
// asked while somebody listens.
#pragma once

#include <functional>

#include "arch/arch.h"

namespace tlblab::inline TLBLAB_WORLD::hw {

enum tlb_flag : std::uint32_t {
  tlb_write = 1U << 0,
  tlb_dirty = 1U << 1,  // a write needs no second look at the PTE
  tlb_exec = 1U << 2,
  tlb_contiguous = 1U << 3,  // the entry that it was made of said so
};

inline constexpr unsigned page_sizes = 3;  // 4 KiB, 2 MiB, 1 GiB: the levels of the tables
// And 64 KiB, where 16 entries of the lowest level may say that they are one (arch/arm64/contpte.h).
inline constexpr unsigned contiguous_size = page_sizes;
inline constexpr unsigned contiguous_pages = 16;

constexpr unsigned size_shift(unsigned size) noexcept {
  constexpr std::uint32_t shifts = 12U | 21U << 8 | 30U << 16 | 16U << 24;
  static_assert(page_shift == 12 && contiguous_size == 3);
  return shifts >> 8 * size & 0xff;
}

// What a walk found, and what the TLB holds.
struct TlbData {
  page* frame = nullptr;
  void* host = nullptr;     // of the first byte of the mapping
  std::uint32_t flags = 0;  // tlb_flag
  unsigned size = 0;        // 0: 4 KiB, 1: 2 MiB, 2: 1 GiB, contiguous_size: 64 KiB
  // For oracles:
  std::uint32_t frame_generation = 0;
  std::uint32_t slot_changes = 0;
  std::uint64_t slot = 0;  // pte_ref::id()
  std::uint64_t mm_id = 0;
};

// An entry that was valid while it was looked at, its words all of one fill.
struct TlbView {
  vaddr_t va = 0;
  unsigned size = 0;
  TlbData data;
};

class Tlb {
 public:
  static constexpr unsigned entry_size_shift = 14;
  static constexpr unsigned asid_shift = 16;

  struct Entry {
    Atomic<std::uint64_t> key{0};  // page number << context_bits | context; 0: never used
    Atomic<void*> host{nullptr};
    Atomic<page*> frame{nullptr};
    // tlb_flag, the size above entry_size_shift, and the ASID above asid_shift.
    Atomic<std::uint32_t> flags{0};
    Atomic<std::uint32_t> frame_generation{0};
    Atomic<std::uint32_t> slot_changes{0};
    Atomic<std::uint64_t> slot{0};
    Atomic<std::uint64_t> mm_id{0};
    Atomic<std::uint32_t> version{0};  // odd while an insert changes the words
    [[nodiscard]] unsigned size() const noexcept {
      return flags.load(order::relaxed) >> entry_size_shift & 3;
    }
  };

  // asids: how many there are; they are numbered from 0. contiguous: it holds 64 KiB too.
  [[nodiscard]] bool init(const TlbGeometry& geometry,
                          unsigned asids,
                          bool contiguous = false) noexcept;
  void exit() noexcept;

  // Does the front know where the byte at va lies on the host? If so, host is that place.
  [[nodiscard]] bool front(vaddr_t va, bool write, void*& host) const noexcept {
    const Front& half = fronts_[write ? 1 : 0];
    const std::uint64_t offset = front_offset(va);
    if (read_once(word_at(half.tags, offset)) != front_tag(va)) return false;
    host = reinterpret_cast<void*>(va + read_once(word_at(half.deltas, offset)));
    return true;
  }
  // The entry allows such an access to va and has just been used, in the loaded address space;
  // host: the byte at va.
  void remember(const Entry& entry, vaddr_t va, bool write, const void* host) noexcept;
  // Another address space is loaded.
  void forget_front() noexcept;

  // Null: a miss.
  [[nodiscard]] Entry* lookup(unsigned asid, vaddr_t va) noexcept;
  void insert(unsigned asid, vaddr_t va, const TlbData& data, bool for_oracles) noexcept;
  // Entries of any size that cover va, or of this size; 64 KiB goes with 4 KiB, it is of one level.
  void invalidate_page(unsigned asid, vaddr_t va) noexcept;
  void invalidate_page(unsigned asid, vaddr_t va, unsigned size) noexcept;
  void invalidate_asid(unsigned asid) noexcept;
  void invalidate_all() noexcept;
  // Would two sizes show one page at one address if this, of 4 or 64 KiB, were put beside what is there?
  // Both made of the same 16 entries is no conflict. To one of 64 KiB the others give way.
  [[nodiscard]] bool conflicts(unsigned asid, vaddr_t va, const TlbData& data) noexcept;

  // visit(const TlbView&) for every valid entry that covers part of [start, end). May run on any
  // CPU. An entry that is being replaced all the time is passed over; filled while somebody listens.
  template <class Visit>
  void for_each(vaddr_t start, vaddr_t end, Visit visit) const noexcept {
    for (unsigned size = 0; size < sizes_; ++size) {
      const Array& array = arrays_[size];
      const std::uint64_t first = start >> size_shift(size), last = (end - 1) >> size_shift(size);
      const std::uint64_t sets = last - first < array.sets ? last - first + 1 : array.sets;
      for (std::uint64_t n = 0; n < sets * array.ways; ++n) {
        const std::uint64_t set = (first + n / array.ways) & (array.sets - 1);
        TlbView view;
        if (look(array.entries[set * array.ways + n % array.ways], size, view) && view.va < end &&
            view.va + (1ULL << size_shift(size)) > start)
          visit(static_cast<const TlbView&>(view));
      }
    }
  }

 private:
  static constexpr unsigned context_bits = 19;
  static constexpr std::uint64_t context_mask = (1ULL << context_bits) - 1;
  struct Array {
    Entry* entries = nullptr;
    unsigned sets = 0, ways = 0;
    bool used = false;  // ever filled: spares the probe of sizes that nobody maps
  };

  // Two arrays and offsets in bytes: what stands between an address and its data is a shift, a mask
  // and a load.
  struct Front {
    std::uint64_t* tags = nullptr;    // page address | epoch; 0: never used
    std::uint64_t* deltas = nullptr;  // from an address of the page to its byte on the host
  };
  static constexpr unsigned word_shift = 3;
  static_assert(sizeof(std::uint64_t) == 1U << word_shift);

  [[nodiscard]] std::uint64_t front_offset(vaddr_t va) const noexcept {
    return (va >> (page_shift - word_shift)) & front_mask_;
  }
  static std::uint64_t& word_at(std::uint64_t* words, std::uint64_t offset) noexcept {
    return *reinterpret_cast<std::uint64_t*>(reinterpret_cast<std::byte*>(words) + offset);
  }
  [[nodiscard]] std::uint64_t front_tag(vaddr_t va) const noexcept {
    return (va & page_mask) | front_epoch_;
  }

  // Of a 4 KiB page.
  [[nodiscard]] bool is_small(const Entry& entry) const noexcept {
    const Array& small = arrays_[0];
    const std::less<const Entry*> before;
    return !before(&entry, small.entries) &&
           before(&entry, small.entries + std::size_t{small.sets} * small.ways);
  }
  // False: not valid.
  [[nodiscard]] bool look(const Entry& entry, unsigned size, TlbView& view) const noexcept;
  [[nodiscard]] std::uint64_t key_of(unsigned asid, vaddr_t va, unsigned size) const noexcept {
    return (va >> size_shift(size)) << context_bits | contexts_[asid].load(order::relaxed);
  }
  [[nodiscard]] Entry* set_of(Array& array, vaddr_t va, unsigned size) const noexcept {
    return array.entries + ((va >> size_shift(size)) & (array.sets - 1)) * array.ways;
  }
  [[nodiscard]] Entry* find(unsigned asid, vaddr_t va, unsigned size) noexcept;
  [[nodiscard]] bool is_valid(const Entry& entry) const noexcept;
  // The way to fill: one that holds nothing, else any.
  [[nodiscard]] Entry* choose_way(Entry* set, unsigned ways) noexcept;

  Front fronts_[2];                // for reads, for writes
  std::uint64_t front_mask_ = 0;   // of offsets
  std::uint64_t front_epoch_ = 0;  // below page_size; what has another one is not valid
  Array arrays_[page_sizes + 1];
  unsigned sizes_ = page_sizes;                // arrays that there are
  Atomic<std::uint32_t>* contexts_ = nullptr;  // of each ASID
  unsigned asids_ = 0;
  std::uint32_t last_context_ = 0;
  std::uint32_t victim_state_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::hw
