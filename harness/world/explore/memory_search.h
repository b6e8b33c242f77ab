// SPDX-License-Identifier: GPL-2.0-or-later
// A search of memory models has its place in the explore world here: it decides what every shared
// operation reads, and, if it is a complete one, who moves. Knows no world, as chooser.h; harness/explore/port_search.h implements it, the hooks are
// in the world's operations. While there is none an operation costs one test of a pointer.
//
// The machine keeps what it always keeps (the words, who holds a lock, mailboxes); of a word it holds
// the last value in coherence order. What an operation gets is the search's answer. Words and locks
// are told apart by their addresses. An actor is of chooser.h: the body of a CPU, the interrupt
// handler that runs on it, or its RCU callbacks; the search takes them for threads of their own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/world/explore/chooser.h"
#include "harness/world/explore/execution_graph.h"

namespace tlblab {

// Each CPU is three threads of a graph, and one more for each kind of acts of its hardware.
constexpr unsigned searched_cpus(unsigned kinds_of_acts) noexcept {
  return max_graph_threads / (software_kinds + kinds_of_acts);
}
inline constexpr unsigned max_searched_cpus = searched_cpus(0);

class MemorySearch {
 public:
  struct Use {
    unsigned actor = 0;
    const void* word = nullptr;
    order o = order::relaxed;
    std::uint64_t now = 0;  // what the machine holds
  };
  struct Modified {
    std::uint64_t old = 0;    // what the read-modify-write read
    std::uint64_t after = 0;  // what the machine is to hold now
  };
  // A lock of readers and writers.
  enum class Section : std::uint8_t { read, end_read, write, end_write, downgrade };
  static constexpr unsigned nobody = ~0U;

  // The machine, for a search that leaves to its chooser who moves and what the hardware does.
  class Hardware {
   public:
    virtual ~Hardware() = default;
    // An entry of the schedule.
    virtual unsigned ask(unsigned n) noexcept = 0;
    [[nodiscard]] virtual std::uint64_t steps() const noexcept = 0;  // visible ones, so far
  };

  virtual ~MemorySearch() = default;
  virtual void runs_on(Hardware&) noexcept {}

  // False: the machine's chooser says who moves. Then those of the CPUs in cpu_relax() that may look
  // again though nothing has changed; and whether it is over.
  [[nodiscard]] virtual bool decides() const noexcept { return true; }
  [[nodiscard]] virtual std::uint32_t may_look_again() const noexcept { return 0; }
  [[nodiscard]] virtual bool is_over() const noexcept { return false; }
  // The hardware chose.
  virtual void chose(unsigned, unsigned) noexcept {}

  // Who could move, and CPUs by a bit each.
  struct Movers {
    ActorSet enabled{};
    std::uint32_t relaxing = 0;    // in cpu_relax()
    std::uint32_t underway = 0;    // before what need not wait, and no interrupt comes there
    std::uint32_t unfinished = 0;  // their bodies have not ended
  };
  // Who moves next: one of the enabled actors, or a CPU in cpu_relax(); nobody: the execution is over.
  [[nodiscard]] virtual unsigned next_actor(const Movers& movers) noexcept = 0;
  // Asked when it is over: every CPU waits, and nothing could have been otherwise.
  [[nodiscard]] virtual bool is_deadlock() const noexcept = 0;
  [[nodiscard]] virtual unsigned choose(unsigned actor, unsigned n) noexcept = 0;

  virtual std::uint64_t load(const Use& use) noexcept = 0;
  // The actor made this address of a value that it loaded with order::consume: uses of what lies there
  // depend on the last such load of the value, until its section of RCU ends. In an access window it
  // is hardware that does so: then uses in windows do, also in later ones.
  virtual void led_to(unsigned actor,
                      std::uint64_t value,
                      const void* memory,
                      std::size_t bytes) noexcept = 0;
  // A load that waits for a value from `least` to `most`, and there is one now. Acquires.
  virtual void await(const Use& use, std::uint64_t least, std::uint64_t most) noexcept = 0;
  // Returns what the machine is to hold.
  virtual std::uint64_t store(const Use& use, std::uint64_t value) noexcept = 0;
  virtual Modified modify(const Use& use, const Modify& modify) noexcept = 0;
  // An interrupt comes: of the word with the posts there are some now. It is seen, the lock of the
  // CPU is taken, and then all posts.
  virtual void interrupt(const Use& posts, const void* lock) noexcept = 0;
  // The actor moves because somebody wrote this word.
  virtual void caused_by(unsigned actor, const void* word) noexcept = 0;
  virtual void fence(unsigned actor, GraphEventKind kind) noexcept = 0;
  // A read-side section of RCU begins or ends: its CPU counts both. Returns the count. As long as no
  // grace period looks at it, it needs no order.
  [[nodiscard]] virtual std::uint64_t count_section(const Use& use) noexcept = 0;
  // A word that is not shared without order. False: it was.
  [[nodiscard]] virtual bool plain(unsigned actor, const void* word, bool write) noexcept = 0;
  // Memory was given back: whoever still uses it must come before.
  virtual void freed(unsigned actor, const void* memory, std::size_t bytes) noexcept = 0;
  // Memory was handed out: what lies there has nothing to do with what lay there.
  virtual void fresh(const void* memory, std::size_t bytes) noexcept = 0;

  // The actor stands before a lock, which it can have now or not.
  virtual void stands_before(unsigned actor, const void* lock, bool is_free) noexcept = 0;
  // The same of one that it takes right behind that, or first if it stands before no other.
  virtual void and_before(unsigned actor, const void* lock) noexcept = 0;
  virtual void lock(unsigned actor, const void* lock) noexcept = 0;
  // One that costs no instruction: a CPU takes no interrupts, or nobody else uses its TLB.
  virtual void implied_lock(unsigned actor, const void* lock) noexcept = 0;
  virtual void implied_unlock(unsigned actor, const void* lock) noexcept = 0;
  [[nodiscard]] virtual bool trylock(unsigned actor, const void* lock, bool is_free) noexcept = 0;
  virtual void unlock(unsigned actor, const void* lock) noexcept = 0;
  [[nodiscard]] virtual bool is_locked(unsigned actor, const void* lock, bool now) noexcept = 0;
  virtual void section(unsigned actor, const void* lock, Section what) noexcept = 0;
  // The actor cannot have it now.
  virtual void section_waits(unsigned actor, const void* lock, Section what) noexcept = 0;
  [[nodiscard]] virtual bool try_section(unsigned actor,
                                         const void* lock,
                                         Section what,
                                         bool can) noexcept = 0;

  // In cpu_relax(), which was called at this place of the program.
  virtual void relax(unsigned actor, const void* site) noexcept = 0;
  // Nothing of the machine comes between the two; of a run nothing of the CPU.
  virtual void window_begins(unsigned actor) noexcept = 0;
  virtual void window_ends(unsigned actor) noexcept = 0;
  virtual void run_begins(unsigned actor) noexcept = 0;
  virtual void run_ends(unsigned actor) noexcept = 0;
};

}  // namespace tlblab
