// SPDX-License-Identifier: GPL-2.0-or-later
// The complete search (graph_search.h) of a program that runs on the explored machine: the port.
//
// The body of a CPU, its interrupt handlers and its RCU callbacks are threads of the graph. What orders a
// handler with its CPU is what both use: the CPU's interrupt flag is a lock that handlers, sections
// with interrupts off and access windows take. The walker of a CPU and its evictions, if it has any,
// are threads too: the TLB is a lock that they take, and every access window of the CPU. It is
// handed over as any lock, so a walk sees what its CPU saw and did before, and what the CPU does
// with the entry comes behind the walk. The machine makes each execution in an order in which
// what it keeps by itself comes out as it did (replay_order.h).
//
// Most words are not shared without order: they are under a lock, or belong to one CPU. Their
// operations need no event, for every order of the rest gives them the same values. Which words those
// are is found out: at first all of them are taken for such; vector clocks tell when an operation is
// not ordered with an earlier one on the same word, and then the search begins again with the word
// among those that are tracked, and what it had done is forgotten. Locks are treated as words,
// and those of readers and writers as words that readers only read, until a writer comes.
//
// Clocks follow what the model orders: under sc and tso a read comes after the write that it reads;
// under weak see port_order.cpp. An operation that is not tracked still is the fence that it is.
//
// A loop with cpu_relax() that reads one word each time is a wait for a value, once it has been seen to
// go round: a read that does not end it is no event, and is made again when nobody else can move. Other
// loops go round again when they could read something new. Who has read an older value than the last
// in one is given up: there is another execution in which it goes round less.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "harness/explore/graph_search.h"
#include "harness/world/explore/memory_search.h"

namespace tlblab {

class PortSearch final : public MemorySearch {
 public:
  // At most searched_cpus() of them, whose hardware acts in these kinds.
  PortSearch(MemoryModel model, unsigned cpus, const std::vector<ActorKind>& hardware = {});

  // There is another execution to make; the program is to be run from its beginning.
  [[nodiscard]] bool next();
  // Instead, in port_walk.cpp: the execution is one that the machine's chooser chooses. What a read of
  // a tracked word sees, and where a write lies in coherence, are choices of the hardware, the newest
  // being 0. True, after it: it is to be made again from its beginning, for more is tracked now.
  void begin_walk();
  // What the other has found out about the program: its events are then the same.
  void learn_from(const PortSearch& other);
  [[nodiscard]] bool is_to_be_repeated() const noexcept { return over_ == Over::conflict; }
  // What the machine's chooser is asked just now, on behalf of a thread; of no writes: something else.
  struct Picking {
    unsigned thread = 0;
    std::span<const EventId> writes{};  // of graph(), to read or to lie behind
  };
  [[nodiscard]] const Picking& picking() const noexcept { return picking_; }
  // Of a walk: where and when an event was made, and what lies at a location.
  [[nodiscard]] unsigned cpu_of(unsigned thread) const noexcept { return thread % cpus_; }
  [[nodiscard]] ActorKind kind_of(unsigned thread) const noexcept { return kinds_[thread / cpus_]; }
  [[nodiscard]] std::uint64_t step_of(const GraphEvent& event) const noexcept {
    return state_[event.thread].steps[event.po];
  }
  [[nodiscard]] const void* word_at(unsigned location) const noexcept;
  // Of each location: its word, and how many lay there before. The same in all processes that share
  // a search.
  [[nodiscard]] std::span<const std::uint64_t> location_names() const noexcept {
    return location_names_;
  }
  [[nodiscard]] static const void* word_of(std::uint64_t location_name) noexcept {
    return reinterpret_cast<const void*>(location_name >> bits_of_lives);
  }
  [[nodiscard]] MemoryModel model() const noexcept { return model_; }
  // The execution is not to be gone on with, nor counted as one.
  [[nodiscard]] bool is_given_up() const noexcept {
    return over_ != Over::no && over_ != Over::end;
  }
  [[nodiscard]] const GraphCounts& counts() const noexcept { return search_->counts(); }
  [[nodiscard]] unsigned restarts() const noexcept { return restarts_; }
  // Executions that could not be made as the search wanted them: it is not complete then.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  // Words whose operations are events.
  [[nodiscard]] std::size_t tracked() const noexcept { return tracked_.size(); }
  [[nodiscard]] const ExecutionGraph& graph() const noexcept { return search_->graph(); }

  // ---- a search that is shared out (workers.h) ----
  // For what the search begins again at the next execution: a word that is to be tracked, or one that the
  // loop at `site` waits for. An address is the same in all processes that share a search.
  struct Learnt {
    const void* word = nullptr;
    const void* site = nullptr;
    friend auto operator<=>(const Learnt&, const Learnt&) noexcept = default;
  };
  [[nodiscard]] std::optional<Learnt> learnt() const noexcept {
    return over_ == Over::conflict ? std::optional(learnt_) : std::nullopt;
  }
  // Another process has learnt it.
  void begin_again(const Learnt& learnt);
  // All of it; and nothing else is known any more.
  [[nodiscard]] std::set<Learnt> all_learnt() const;
  void know_only(const std::set<Learnt>& learnt);
  // What is left of the search, between two executions that differ; else null.
  [[nodiscard]] GraphSearch* left() noexcept {
    return over_ == Over::end || over_ == Over::given_up ? search_.get() : nullptr;
  }

  void runs_on(Hardware& hardware) noexcept override { hardware_ = &hardware; }
  bool decides() const noexcept override { return !walks_; }
  std::uint32_t may_look_again() const noexcept override;
  bool is_over() const noexcept override { return over_ != Over::no; }
  void chose(unsigned actor, unsigned value) noexcept override;
  unsigned next_actor(const Movers& movers) noexcept override;
  bool is_deadlock() const noexcept override { return deadlock_; }
  unsigned choose(unsigned actor, unsigned n) noexcept override;
  std::uint64_t load(const Use& use) noexcept override;
  void led_to(unsigned actor,
              std::uint64_t value,
              const void* memory,
              std::size_t bytes) noexcept override;
  void await(const Use& use, std::uint64_t least, std::uint64_t most) noexcept override;
  std::uint64_t store(const Use& use, std::uint64_t value) noexcept override;
  Modified modify(const Use& use, const Modify& modify) noexcept override;
  void interrupt(const Use& posts, const void* lock) noexcept override;
  void caused_by(unsigned actor, const void* word) noexcept override;
  void fence(unsigned actor, GraphEventKind kind) noexcept override;
  std::uint64_t count_section(const Use& use) noexcept override;
  bool plain(unsigned actor, const void* word, bool write) noexcept override;
  void freed(unsigned actor, const void* memory, std::size_t bytes) noexcept override;
  void fresh(const void* memory, std::size_t bytes) noexcept override;
  void stands_before(unsigned actor, const void* lock, bool is_free) noexcept override;
  void and_before(unsigned actor, const void* lock) noexcept override;
  void lock(unsigned actor, const void* lock) noexcept override;
  void implied_lock(unsigned actor, const void* lock) noexcept override;
  void implied_unlock(unsigned actor, const void* lock) noexcept override;
  bool trylock(unsigned actor, const void* lock, bool is_free) noexcept override;
  void unlock(unsigned actor, const void* lock) noexcept override;
  bool is_locked(unsigned actor, const void* lock, bool now) noexcept override;
  void section(unsigned actor, const void* lock, Section what) noexcept override;
  void section_waits(unsigned actor, const void* lock, Section what) noexcept override;
  bool try_section(unsigned actor, const void* lock, Section what, bool can) noexcept override;
  void relax(unsigned actor, const void* site) noexcept override;
  void window_begins(unsigned actor) noexcept override;
  void window_ends(unsigned actor) noexcept override;
  void run_begins(unsigned actor) noexcept override;
  void run_ends(unsigned actor) noexcept override;

 private:
  using Clock = std::array<std::uint32_t, max_graph_threads>;
  static void join(Clock& to, const Clock& from) noexcept {
    for (std::size_t t = 0; t < to.size(); ++t) to[t] = std::max(to[t], from[t]);
  }
  // Of a word in this execution.
  struct Word {
    std::uint64_t execution = 0;
    bool tracked = false;
    bool bound = false;
    bool lock = false;
    bool implied = false;   // GraphEvent
    unsigned location = 0;  // if bound
    unsigned lives = 0;     // other words that lay there before, in this execution
    // The write whose value the machine holds: the last in coherence of those made so far.
    bool was_written = false;
    std::uint8_t holder = 0;  // thread
    std::uint16_t held = 0;   // place in it
    // If it is not tracked: when it was used last.
    std::uint32_t write = 0;
    std::uint8_t writer = 0;
    Clock reads{};
  };
  // A load with order::consume: what uses of what its value leads to depend on.
  struct Consumed {
    const void* word = nullptr;
    std::uint64_t value = 0;
    EventId source = initial_write;
    std::uint16_t read = 0;  // its place in the thread, from 1; 0: none
    Clock clock{};           // what those uses know besides
  };
  // Memory that the thread was led to.
  struct Object {
    const std::byte* begin = nullptr;
    const std::byte* end = nullptr;
    bool by_hardware = false;  // in a window, and then for windows only
    Consumed by;
  };
  // What the orders of a thread make of the clocks of what it reads (port_order.cpp).
  struct Orders {
    Clock unacquired{};      // of all that it has read: its writes come later
    Clock published{};       // what its relaxed writes hand on
    Clock up_to_fence{};     // the last smp_mb__before_atomic()
    Clock up_to_atomic{};    // the last one
    unsigned atomic_at = 0;  // its events then
    bool untracked_atomic = false, untracked_unlock = false;  // the last one
    std::uint32_t unlocked = 0;                               // its time when it unlocked last
    // Its events before that, and those of them that it has handed over at a lock.
    unsigned before_unlock = 0, handed_over = 0;
    std::vector<Consumed> consumed;  // the latest
    std::vector<Object> objects;
  };
  struct Thread {
    Clock clock{};
    Orders orders;
    std::vector<Clock> released;       // by each of its events
    std::vector<std::uint64_t> steps;  // of the machine, at which a walk made them
    std::uint16_t windows = 0, runs = 0;
    unsigned locks = 0;        // spinlocks held, interrupts off
    std::uint16_t locked = 0;  // how often there were none, and then one
    bool in_window = false, in_run = false;
    bool relaxes = false;
    bool looks_again = false;  // in a loop that has read an older value
    // Its events when a loop with cpu_relax() went round last, and the time before.
    unsigned round = 0, earlier_round = 0;
    const void* site = nullptr;           // of that loop
    const void* used = nullptr;           // word of its last event
    std::optional<unsigned> awaits;       // location of the read that it waits with
    unsigned repeated = 0;                // its events that were there when the execution began
    const void* stands_before = nullptr;  // a lock
    const void* and_before = nullptr;     // one that it takes right behind that
    bool before_section = false;          // of readers and writers
    Section wants{};                      // then
    EventId cause = initial_write;        // of its next event
    std::uint16_t follows = 0;            // the same
  };
  static constexpr unsigned no_cpu = ~0U;
  enum class Over : std::uint8_t { no, end, conflict, again, given_up };

  [[nodiscard]] unsigned thread_of(unsigned actor) const noexcept {
    return place_of_[static_cast<unsigned>(kind_of_actor(actor))] * cpus_ + cpu_of_actor(actor);
  }
  [[nodiscard]] unsigned running_on(unsigned cpu) const noexcept;
  [[nodiscard]] bool can_move(unsigned thread) const noexcept;
  [[nodiscard]] bool can_have(unsigned thread, const void* lock, std::size_t ahead) const noexcept;
  [[nodiscard]] unsigned actor_for(unsigned thread) const noexcept;
  [[nodiscard]] std::optional<unsigned> location_of(const void* address) const noexcept;
  [[nodiscard]] unsigned repeated_actor(const ActorSet& could) noexcept;
  [[nodiscard]] unsigned new_actor(const Movers& movers) noexcept;
  void stays_before(unsigned thread, Word& lock) noexcept;
  void end_of_execution(std::uint32_t unfinished) noexcept;

  [[nodiscard]] Word& word(const void* address) noexcept;
  [[nodiscard]] Word& kept_word(const void* address) noexcept;
  // A use of a word: a load, a store, or both in one.
  enum class Kind : std::uint8_t { read, write, modify };
  // What the thread knows when it uses the word there.
  [[nodiscard]] const Clock& known_at(const Thread& thread,
                                      const void* address,
                                      Kind kind) noexcept;
  // The model orders it behind the earlier uses of the word. False: it does not.
  // Those of the CPU are no matter.
  bool use_in_order(unsigned thread,
                    const void* address,
                    Word& word,
                    Kind kind,
                    unsigned but_of = no_cpu) noexcept;
  void conflict(const void* address) noexcept;
  // An operation on a word that is not tracked. False: it is from now on.
  bool in_order(unsigned thread,
                const void* address,
                Word& word,
                Kind kind,
                order o = order::relaxed) noexcept;

  // ---- the weak model ----
  [[nodiscard]] bool is_weak() const noexcept { return model_ == MemoryModel::weak; }
  [[nodiscard]] const Object* object_at(const Thread& thread, const void* address) const noexcept;
  void consumed(unsigned thread, const void* address, std::uint64_t value, bool tracked);
  void forget_objects(unsigned thread) noexcept;
  void orders_by(unsigned thread, GraphEventKind fence) noexcept;
  void orders_all(unsigned thread) noexcept;
  void learn_weak(unsigned thread, const GraphEvent& read, const Clock& from) noexcept;
  void tell_weak(unsigned thread, const GraphEvent& write, Clock& clock) noexcept;
  [[nodiscard]] GraphEventKind fence_for_events(unsigned thread,
                                                GraphEventKind kind) const noexcept;
  void meets_atomic(unsigned thread, bool tracked) noexcept;
  void modified_untracked(unsigned thread) noexcept;
  [[nodiscard]] bool was_anothers(unsigned thread, const Word& lock) const noexcept;
  void unlocks(unsigned thread, const Word& lock) noexcept;
  void locked(unsigned thread, const Word& lock) noexcept;
  // What the operation is for others though it is no event.
  void stays_a_fence(unsigned thread, order o, bool modifies) noexcept;
  void add_fence(unsigned thread, GraphEventKind kind) noexcept;

  // Before an operation that is an event; false: it is not to be made. A fence has no step of its own:
  // it is made with what came before.
  [[nodiscard]] bool begin_event(unsigned thread, bool has_step = true) noexcept;
  // The same for one on a word. Its location is known then.
  [[nodiscard]] bool begin_access(unsigned thread,
                                  const void* address,
                                  Word& word,
                                  std::uint64_t now) noexcept;
  // After it: what the thread has learnt, and what others learn by its events.
  void made(unsigned thread) noexcept;
  // The same for events on a word. Under sc the machine holds what they read, or follow.
  void made_on(unsigned thread, Word& word) noexcept;
  [[nodiscard]] bool agrees(const GraphEvent& event, EventId id, EventId held) const noexcept;
  [[nodiscard]] EventId first_since_empty(const Word& posts) const noexcept;
  // What the machine is to hold.
  [[nodiscard]] std::uint64_t held(const Word& word, std::uint64_t now) const noexcept;
  void learn(unsigned thread, const GraphEvent& read) noexcept;
  [[nodiscard]] Clock told(unsigned thread, const GraphEvent& event) noexcept;
  [[nodiscard]] const Clock& released_by(EventId write) const noexcept;
  [[nodiscard]] unsigned new_location(const void* address, std::size_t life, std::uint64_t now);
  void begin_life(const void* address, Word& word) const noexcept;
  template <class Act>
  void for_each_word(const void* memory, std::size_t bytes, Act act) noexcept;
  void take_back_reads(unsigned thread, unsigned first) noexcept;
  void wait_in_loop(unsigned thread) noexcept;
  void learn_loop(unsigned thread, const void* site) noexcept;
  [[nodiscard]] bool went_in_a_circle(unsigned thread, const Thread& state) const noexcept;
  void holds(unsigned thread) noexcept;
  void give_up() noexcept;
  void learn(const Learnt& learnt);
  void begin_search();
  void begin_execution();
  static void begin(Thread& thread) noexcept;
  [[nodiscard]] unsigned pick(std::span<const EventId> writes) noexcept;
  void relax_in_walk(unsigned thread, const void* site) noexcept;
  [[nodiscard]] bool is_known_loop(unsigned thread, const void* site) const noexcept;
  [[nodiscard]] bool find_order();
  void lose() noexcept;

  MemoryModel model_;
  unsigned cpus_, threads_ = 0;
  std::vector<ActorKind> kinds_;                  // of threads, as they are numbered
  std::array<unsigned, actor_kinds> place_of_{};  // of a kind among them
  bool walks_ = false;
  Hardware* hardware_ = nullptr;
  Picking picking_;
  std::unique_ptr<GraphSearch> search_;
  unsigned restarts_ = 0;
  std::uint64_t lost_ = 0;
  std::unordered_set<const void*> tracked_;
  // cpu_relax() of loops that wait for a value, with the words that they wait for.
  std::unordered_map<const void*, std::unordered_set<const void*>> waits_;
  std::unordered_map<const void*, std::vector<unsigned>> names_;  // locations that lay there
  static constexpr unsigned bits_of_lives = 16;                   // an address has 48
  std::vector<std::uint64_t> location_names_;

  // Of the running execution.
  std::uint64_t execution_ = 0;
  Over over_ = Over::no;
  Learnt learnt_;  // if that is a conflict
  bool deadlock_ = false;
  std::unordered_map<const void*, Word> words_;
  // Of them, those that were asked for last, by a hash of their addresses.
  struct Recent {
    const void* address = nullptr;
    Word* word = nullptr;
  };
  std::array<Recent, 256> recent_{};
  std::unordered_map<std::uintptr_t, std::vector<const void*>> on_page_;  // those of words_
  std::vector<Thread> state_;
  Clock known_{};                // by a thread at a word
  std::vector<unsigned> order_;  // threads, of the events that are repeated
  std::size_t at_ = 0;
  // The event is new, and the machine has not made all old ones; and one was in this execution. With
  // it the order may be another: then the execution is made again.
  bool in_advance_ = false, advanced_ = false;
};

}  // namespace tlblab
