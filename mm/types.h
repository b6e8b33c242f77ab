// SPDX-License-Identifier: GPL-2.0-or-later
// What is the same in both worlds: numbers, CPU sets, memory orders, and the one event type that
// everything observable is reported through. Sees the standard library only.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace tlblab {

using vaddr_t = std::uint64_t;  // an address that a simulated program uses
using pfn_t = std::uint64_t;    // number of a frame; small and dense, never a host address

inline constexpr unsigned page_shift = 12;
inline constexpr std::uint64_t page_size = 1ULL << page_shift;
inline constexpr std::uint64_t page_mask = ~(page_size - 1);
inline constexpr vaddr_t tlb_flush_all = ~0ULL;  // as an end address: no range, everything

// The kernel's memory orders. `full` exists for read-modify-writes only: ordered against every
// access before and after, as the kernel's value-returning atomics are. `consume` is for loads: what is
// reached through the value comes after it, and nothing else does (led_to() in world.h).
enum class order : std::uint8_t { relaxed, acquire, release, full, consume };

inline constexpr unsigned max_cpus = 1024;

// A set of CPUs, plain data. The shared set of an mm is made of atomic words (mm_types.h).
class cpumask {
 public:
  static constexpr unsigned word_bits = 64;
  static constexpr unsigned words = max_cpus / word_bits;

  static constexpr cpumask of(unsigned cpu) noexcept {
    cpumask mask;
    mask.set(cpu);
    return mask;
  }
  constexpr void set(unsigned cpu) noexcept { bits_[cpu / word_bits] |= bit(cpu); }
  constexpr void clear(unsigned cpu) noexcept { bits_[cpu / word_bits] &= ~bit(cpu); }
  [[nodiscard]] constexpr bool test(unsigned cpu) const noexcept {
    return (bits_[cpu / word_bits] & bit(cpu)) != 0;
  }
  [[nodiscard]] constexpr std::uint64_t word(unsigned index) const noexcept { return bits_[index]; }
  constexpr void merge(const cpumask& other) noexcept {
    for (unsigned index = 0; index < words; ++index) bits_[index] |= other.bits_[index];
  }
  constexpr void set_word(unsigned index, std::uint64_t value) noexcept { bits_[index] = value; }
  [[nodiscard]] constexpr unsigned weight() const noexcept {
    unsigned count = 0;
    for (std::uint64_t w : bits_) count += static_cast<unsigned>(std::popcount(w));
    return count;
  }
  [[nodiscard]] constexpr bool empty() const noexcept {
    for (std::uint64_t w : bits_)
      if (w != 0) return false;
    return true;
  }
  template <class Visit>
  constexpr void for_each(Visit visit) const {
    for (unsigned index = 0; index < words; ++index)
      for (std::uint64_t rest = bits_[index]; rest != 0; rest &= rest - 1)
        visit(index * word_bits + static_cast<unsigned>(std::countr_zero(rest)));
  }

 private:
  static constexpr std::uint64_t bit(unsigned cpu) noexcept { return 1ULL << (cpu % word_bits); }
  std::uint64_t bits_[words]{};
};

// Page-table entry as an architecture encodes it. Only the backend looks inside.
struct pte_t {
  std::uint64_t val = 0;
  friend constexpr bool operator==(pte_t, pte_t) noexcept = default;
};

// What an entry that is not present and not empty says. Kernel: swapops.h.
enum class SwapType : std::uint8_t {
  swap,    // offset: a slot of the swap device
  marker,  // offset: a set of pte_marker; no page behind it
};
struct swp_entry_t {
  SwapType type = SwapType::swap;
  std::uint64_t offset = 0;  // below 1 << 40
  friend constexpr bool operator==(swp_entry_t, swp_entry_t) noexcept = default;
};
enum pte_marker : std::uint64_t {
  PTE_MARKER_UFFD_WP = 1U << 0,   // write-protected although nothing is there
  PTE_MARKER_POISONED = 1U << 1,  // an access is fatal
  PTE_MARKER_GUARD = 1U << 2,     // MADV_GUARD_INSTALL: an access is fatal, zap leaves it
};

// Why a flush was counted: the reasons of the kernel's tracepoint tlb:tlb_flush, in its order.
enum class FlushReason : std::uint8_t {
  task_switch,
  remote_shootdown,
  local_shootdown,
  local_mm_shootdown,
  remote_send_ipi,
  remote_wrong_cpu,
};
inline constexpr std::int64_t full_flush = -1;  // "pages" of a flush that names no range

// What happened on a simulated CPU besides memory accesses.
enum class CpuEvent : std::uint8_t { tick, context_switch, idle, kernel_exit };

// What virtual time counts; the real world and the searches ignore it.
enum class Cost : std::uint8_t {
  tlb_hit,
  table_walk,
  page_fault,
  atomic_rmw,
  invalidate_page,
  invalidate_all,
  ipi_send,
  ipi_handle,
  zero_page,
  copy_page,
};

// Which allocation is asked for, so that a test can make exactly that one fail.
enum class AllocSite : std::uint8_t { user_page, page_table, gather_batch, table_batch, object };

// Kinds of trace events. Each comment names the meaning of the integers a, b, c, d.
enum class EventKind : std::uint8_t {
  tlb_flush,      // reason, pages (-1: full)
  ipi_send,       // number of CPUs interrupted
  tlb_broadcast,  // start, end: an invalidate is issued that other CPUs hear without their software
  page_fault,     // address, access (Access): of a program, before it is handled
  call_begin,     // call (MmCall), start, end: an mm call entered
  call_end,       // call, start, end: it is about to return to its caller
  ptl_acquire,    // table pfn
  ptl_release,    // table pfn
  pte_change,     // table pfn << 9 | index, old value, new value, address; made under the PTL
  gather_begin,   // a CPU has one gather open at most, so its number names the gather
  gather_queue,   // pfn, number of pages
  gather_flush,   // what was recorded so far is invalidated everywhere
  gather_put,     // pfn: the reference of a queued page is about to be dropped
  gather_end,     // everything queued has been freed
  pending_dec,    // value of the pending count before the decrement
  page_free,      // pfn, generation it had while it was in use
  table_queue,    // table pfn, level, address
  table_free,     // table pfn, generation
  tlb_fill,       // address, pfn, table pfn << 9 | index, size shift
  tlb_use,        // address, pfn, frame generation of the entry, 1 if it was a write
  walk_table,     // table pfn, generation that the walker expected
  user_read,      // address, value
  user_write,     // address, value
  runs_mm,        // the CPU's programs run on the event's mm from here on; 0: on none
  // A page is copied for an address of the event's mm. A CPU has one copy open at most.
  copy_begin,  // pfn of the old page, address: its first word is about to be read
  copy_end,    // pfn of the old page, 1 if the entry now shows the copy, 0 if the copy is dropped
  // Of each page of a folio by itself, as the pages of a get_user_pages call are.
  page_pin,              // pfn, address, frame generation: FOLL_PIN has it
  page_unpin,            // pfn: its pin is about to be dropped
  anon_exclusive_clear,  // pfn: PG_anon_exclusive has just gone, under the PTL
  page_clean_act,        // pfn, CleanAct: from here on somebody relies on the page being clean
  // Of a hash page table, which hardware searches. A slot's entry is valid from a hash_insert at
  // least until the next hash_remove of the slot.
  hash_insert,  // address, slot, pfn
  hash_remove,  // address, slot
};

// What is done with a page that is taken to be clean. Stores that left no mark would be lost.
enum class CleanAct : std::uint8_t {
  write_back,  // its contents are about to be sampled for the file, or for swap
  discard,     // its contents are about to be thrown away
};

// Names of calls for call_begin and call_end.
enum class MmCall : std::uint8_t {
  mmap,
  munmap,
  mprotect,
  mremap,
  brk,
  madvise_dontneed,
  fork,
  exit_mmap,
  madvise_free,
  madvise_cold,
  madvise_guard,
  madvise_remove,
  clear_refs,
};

// Frames and objects of a machine that are not free.
struct HeldMemory {
  long frames = 0, objects = 0;
  friend bool operator==(const HeldMemory&, const HeldMemory&) noexcept = default;
};

// Makes chosen allocations fail. Asked before every allocation of the world it is given to.
class AllocPolicy {
 public:
  virtual ~AllocPolicy() = default;
  [[nodiscard]] virtual bool fails(AllocSite site, unsigned cpu) noexcept = 0;
};

struct trace_event {
  EventKind kind{};
  std::uint32_t cpu = 0;
  std::uint64_t mm = 0;  // id of the address space, 0: none
  std::uint64_t a = 0, b = 0, c = 0, d = 0;
};

// Who listens. One pointer per CPU; null: nobody, and events cost one test.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  // Runs on the CPU that the event names, wherever it stands: takes no lock of the simulated
  // kernel, allocates no frame, makes no visible step.
  virtual void event(const trace_event& what) noexcept = 0;
};

}  // namespace tlblab
