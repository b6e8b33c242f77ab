// SPDX-License-Identifier: GPL-2.0-or-later
// A complete search: visits each execution graph (execution_graph.h) that the memory model allows
// once, whatever number of schedules it has. After Kokologiannakis, Marmanis, Gladstein and
// Vafeiadis, "Truly Stateless, Optimal Dynamic Partial Order Reduction", POPL 2022.
//
// The program runs again and again. Each time it is led through the graph so far, and then each
// operation adds to it: a read takes the last write of its location, and that it might have read an
// older one is kept as an alternative; a write goes to the end of coherence, with older places as
// alternatives. And a write may be what an earlier read ought to have read: that is a revisit, for
// which a graph is made of what was there before the read and of what led to the write. The same graph
// could come of many others, which differ in what is taken away; it is made of that one only in which
// all that is taken away had taken the last write, or gone to the end, each time (maximally_added).
//
// Which thread moves next is a function of the graph: the first that can. Who awaits a value reads what
// there is and waits; that it reads a later write is a revisit. A lock that is held is tried again
// when others have moved. That another thread takes it first is a revisit too, after which the first
// one waits in the graph, and is handed the lock by an unlock: at once, without a revisit.
//
// Beside a grace period an operation may find nothing that it could be: what it could read is too new,
// or has been modified by another. What others do may make room, so the thread is stuck until they have
// moved; an event says which threads were when it was added, so that no revisit is made twice.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "harness/world/explore/axioms.h"
#include "harness/world/explore/execution_graph.h"
#include "harness/world/explore/growing_order.h"

namespace tlblab {

struct GraphCounts {
  std::uint64_t executions = 0;  // that ran to their end, deadlocks included
  std::uint64_t deadlocks = 0;
  std::uint64_t blocked = 0;   // given up: a thread waits for what has passed
  std::uint64_t steps = 0;     // operations carried out, repeated ones included
  std::uint64_t repeated = 0;  // of them
  std::uint64_t checked = 0;   // graphs that the model was asked about
  std::size_t deepest = 0;     // revisits within revisits
};

class GraphSearch {
 public:
  GraphSearch(MemoryModel model, unsigned threads);

  // Number of a new location. Before the first execution, or during one.
  unsigned add_location(std::uint64_t initial);
  // Executions that differ in the order of additions to a word are one, if the additions return nothing
  // and no execution does anything else with the word. That something does may turn up late: then the
  // search begins anew, and counts() with it.
  void commute_additions() noexcept { commute_ = true; }

  // These threads run the same program, with the same words. Of graphs in which they have only changed
  // places at least one is visited, and if it can be not all (graph_symmetry.cpp).
  void same_program(unsigned first, unsigned threads);

  // ---- one execution after the other ----
  // The program is to be run from its beginning; false: all graphs have been visited.
  [[nodiscard]] bool next();
  // Nothing can move any more. The threads that have not ended are given by a bit each.
  void end(std::uint32_t waiting);

  // ---- the operations of a thread, in an execution ----
  struct Access {
    unsigned thread = 0;
    unsigned location = 0;
    order o = order::relaxed;
    std::uint64_t address_from = 0, data_from = 0;  // GraphEvent
    bool implied = false;
  };
  std::uint64_t load(const Access& access);
  void store(const Access& access, std::uint64_t value);
  // Returns the value read.
  std::uint64_t modify(const Access& access, const Modify& modify, bool noreturn = false);
  void fence(unsigned thread, GraphEventKind kind);
  // Waits for a value from `least` to `most`. Nothing if it has to wait.
  std::optional<std::uint64_t> await(const Access& access, std::uint64_t least, std::uint64_t most);
  std::optional<std::uint64_t> await(const Access& access, std::uint64_t wanted) {
    return await(access, wanted, wanted);
  }
  // A read-modify-write that waits until there is a value from `least` to `largest`, and there is
  // one now. Returns the value read.
  std::uint64_t await_modify(const Access& access,
                             const Modify& modify,
                             std::uint64_t least,
                             std::uint64_t largest);
  // The thread stands before such an operation and cannot make it; told before end().
  void waits_for(const Access& access,
                 const Modify& modify,
                 std::uint64_t least,
                 std::uint64_t most);
  // What the hardware does, of n things.
  unsigned choose(unsigned thread, unsigned n);
  [[nodiscard]] bool lock(unsigned thread, unsigned location, bool implied = false);
  [[nodiscard]] bool trylock(unsigned thread, unsigned location);
  [[nodiscard]] bool is_locked(unsigned thread, unsigned location);
  void unlock(unsigned thread, unsigned location, bool implied = false);

  // Of the last load(), modify() or await() that returned a value.
  [[nodiscard]] const GraphEvent& last_read() const noexcept { return graph().event(last_read_); }

  // ---- for a program that is more than its operations (port_search.h) ----
  // The machine has no other graphs than these. Then what is new may have to be older than the last.
  void only_if(std::function<bool(const ExecutionGraph&)> feasible) {
    feasible_ = std::move(feasible);
    strict_ = true;
  }
  // The newest first: who says which of the writes that are allowed a read reads, or a write lies behind.
  // Nothing else is tried then; an execution is begun by begin_empty() and needs no end().
  using Pick = std::function<unsigned(std::span<const EventId> writes)>;
  void pick_with(Pick pick) { pick_ = std::move(pick); }
  void begin_empty();
  void chose(unsigned thread, unsigned value);
  // Whether what is new surely can be the last: the machine stands behind all that is in the graph.
  void surely_last(bool is) noexcept { surely_last_ = is; }
  // The same execution is made once more, from its beginning.
  void again();
  // What the thread's next event is part of and comes of; as in GraphEvent.
  struct Blocks {
    std::uint16_t window = 0, run = 0, no_callbacks = 0;
    EventId cause = initial_write;
    std::uint16_t follows = 0;
  };
  void set_blocks(unsigned thread, const Blocks& blocks) noexcept { blocks_[thread] = blocks; }
  // The last event that the thread made in this execution; null: none.
  [[nodiscard]] const GraphEvent* last_event(unsigned thread) const noexcept;
  // Events of the thread that it made in this execution.
  [[nodiscard]] unsigned made(unsigned thread) const noexcept { return at_[thread]; }
  // The thread stands at a read of the graph that waits; it will not move in this execution.
  [[nodiscard]] bool stands(unsigned thread) const noexcept;
  // Its next event is in the graph already.
  [[nodiscard]] bool repeats(unsigned thread) const noexcept {
    return at_[thread] < graph().thread(thread).size();
  }
  // The last n events, reads that the thread has just made, are not made after all.
  void forget_reads(unsigned thread, unsigned n);
  void set_initial(unsigned location, std::uint64_t value);
  // The thread's last read-modify-write took a lock: it belongs to the section that begins there.
  void took_lock(unsigned thread, std::uint16_t no_callbacks) noexcept;
  // The window of the thread's last event ends with it.
  void end_window(unsigned thread) noexcept;
  // After an operation: nothing can come of this execution; end() is not to be called.
  void give_up() noexcept { cut(); }
  // Every read that the thread made since `first` took the last write.
  [[nodiscard]] bool reads_last(unsigned thread, unsigned first) const noexcept;

  // After an operation: no execution goes on from here; end() is not to be called.
  [[nodiscard]] bool is_cut() const noexcept { return cut_; }
  // After an operation of the thread: it was not made, since a grace period leaves it nothing that it
  // could be; when others have moved it is to be asked for again.
  [[nodiscard]] bool is_stuck(unsigned thread) const noexcept {
    return (stuck_ >> thread & 1U) != 0;
  }

  [[nodiscard]] const ExecutionGraph& graph() const noexcept { return levels_[depth_]->graph; }
  // What the location holds in the end.
  [[nodiscard]] std::uint64_t last_value(unsigned location) const noexcept;
  [[nodiscard]] const GraphCounts& counts() const noexcept { return counts_; }

  // ---- a search that is shared out (workers.h); before next() ----
  // What is still to be visited, of all, as far as can be guessed: 0 to 1.
  [[nodiscard]] double left() const noexcept;
  // An alternative in the middle of it, by the same guess; nothing if there is only one.
  struct Cut {
    std::size_t level = 0, node = 0, alternative = 0;
  };
  [[nodiscard]] std::optional<Cut> middle() const;
  // Only what comes before it is still to be visited; or only this and what comes after it.
  void keep_before(const Cut& cut) noexcept;
  void keep_from(const Cut& cut) noexcept;

 private:
  // What else an event could be: a read of `write`; a write behind `write` in coherence, and if
  // `read` is an event, that read is to read it.
  struct Alternative {
    EventId write = initial_write;
    EventId read = initial_write;
  };
  // An event with alternatives, of which those from `next` to `end` are to be tried.
  struct Node {
    GraphEvent event;
    unsigned size = 0;  // of the graph without it
    std::size_t first = 0, next = 0, end = 0;
  };
  struct Level {
    ExecutionGraph graph;
    std::vector<Node> nodes;
    std::vector<Alternative> alternatives;  // of all nodes
  };

  // To a word, by modify() without a result. Where each of a thread's n-th is made, and how many there
  // have been in this execution.
  struct Additions {
    bool ordered = false;  // the word is one like any other
    std::uint64_t mask = 0;
    std::vector<std::vector<unsigned>> places;
    std::vector<unsigned> made;
  };

  [[nodiscard]] Level& level() noexcept { return *levels_[depth_]; }
  [[nodiscard]] std::optional<unsigned> place_of_addition(const Access& access,
                                                          const Modify& modify,
                                                          bool noreturn);
  // Somebody asks for the word otherwise. True: the search begins anew, and this execution is cut.
  bool order_additions(unsigned word) { return commute_ && find_ordered(word); }
  bool find_ordered(unsigned word);
  void begin_anew();
  void forget_graphs();
  // Of all there is, the part of each alternative of the nodes, upwards from the first one of all.
  template <class Act>
  void for_each_node(Act act) const;
  // The next event of the thread if it is in the graph already: this is a repetition.
  [[nodiscard]] std::optional<EventId> repeated(unsigned thread);
  std::uint64_t read_was(EventId id) noexcept;
  std::uint64_t modify_was(EventId id, const Modify& modify) noexcept;
  std::uint64_t make_read(const GraphEvent& event);
  std::uint64_t make_await(const Access& access, std::uint64_t least, std::uint64_t most);
  [[nodiscard]] GraphEvent event_of(const Access& access, GraphEventKind kind) const;
  [[nodiscard]] GraphEvent read_of_lock(unsigned thread, unsigned location) const;
  [[nodiscard]] GraphEvent write_of(const GraphEvent& read) const;
  [[nodiscard]] bool allowed();
  [[nodiscard]] bool is_allowed(const ExecutionGraph& graph) const;
  [[nodiscard]] bool twins_in_order(const ExecutionGraph& graph) const noexcept;
  [[nodiscard]] bool last_is_allowed() const noexcept { return !strict_ || surely_last_; }
  [[nodiscard]] bool allowed_with(const GraphEvent& event, EventId after);
  [[nodiscard]] bool parts_modify(unsigned location, EventId write) const;
  [[nodiscard]] bool can_follow(const GraphEvent& read);

  [[nodiscard]] bool overtaken() const;
  void cut() noexcept;
  void cannot_be(unsigned thread);
  [[nodiscard]] bool is_stuck_still(unsigned thread);
  [[nodiscard]] bool may_stick() const noexcept {
    return strict_ && !feasible_ && !pick_ && !ended_;
  }
  [[nodiscard]] bool was_offered(EventId read, EventId write) const;
  bool wait(unsigned thread, bool was_repeated);
  void add_locations();
  void begin_node(const GraphEvent& event);
  void end_node();
  bool add_read(GraphEvent event);
  bool add_write(const GraphEvent& event, std::optional<EventId> behind);
  bool add_modify_write();
  bool add_unlock(const GraphEvent& event);
  void offer_to_those_who_look(const GraphEvent& event, EventId after);
  bool take_locks_again();
  bool hand_over(const Node& node, EventId read);
  [[nodiscard]] bool was_next(EventId read) const;
  void collect_older_places(const GraphEvent& event);
  void offer_older_places(const GraphEvent& event);
  [[nodiscard]] EventId picked() const;
  bool pick_source(GraphEvent event);
  [[nodiscard]] bool can_be_read(const GraphEvent& event);
  void pick_place(const GraphEvent& event, std::optional<EventId> behind);
  void offer_revisits(EventId write, std::optional<EventId> behind);
  [[nodiscard]] unsigned known_place(const GraphEvent& event) const;

  [[nodiscard]] bool taken_away(EventId event, EventId read, EventId write) const noexcept;
  [[nodiscard]] bool maximally_added(EventId read, EventId write) const;
  [[nodiscard]] bool added_last(EventId event, EventId write) const;
  [[nodiscard]] bool was_there(EventId event, EventId than, EventId write) const noexcept;
  [[nodiscard]] bool could_be(EventId event, EventId behind, EventId write) const;

  [[nodiscard]] bool take(Node& node);
  [[nodiscard]] bool take_revisit(const Node& node, const Alternative& alternative);
  template <class Keeps>
  void keep(Keeps keeps) const;  // events of the graph in kept_
  ExecutionGraph& copy_kept(EventId read);
  [[nodiscard]] bool enter_level(bool surely_allowed);

  MemoryModel model_;
  unsigned threads_;
  std::vector<std::uint64_t> initial_;          // of locations
  std::vector<std::unique_ptr<Level>> levels_;  // those beyond depth_ are kept for their memory
  std::size_t depth_ = 0;
  bool started_ = false;
  bool cut_ = false;
  std::uint16_t stuck_ = 0;              // threads
  std::vector<unsigned> size_if_stuck_;  // of the graph, when the thread was found to be
  EventId last_read_ = 0;
  std::vector<std::uint16_t> at_;  // operations of each thread in this execution
  std::vector<Blocks> blocks_;     // of each thread
  std::vector<std::optional<GraphEvent>> waiting_locks_;  // of each thread
  bool commute_ = false;
  std::vector<Additions> additions_;                  // of each location
  std::vector<std::pair<unsigned, unsigned>> twins_;  // the first is to be before the second
  bool ended_ = false;
  // There are grace periods, or only_if(): reading the last write, or writing behind all, may then be
  // forbidden.
  bool strict_ = false;
  bool surely_last_ = false;
  std::function<bool(const ExecutionGraph&)> feasible_;
  Pick pick_;
  GrowingOrder growing_;          // for it
  std::vector<EventId> choices_;  // of one event
  mutable Axioms axioms_;
  mutable std::vector<EventId> kept_;
  mutable ExecutionGraph scratch_;
  mutable GraphCounts counts_;
};

enum class ThreadStep : std::uint8_t { moved, waits, ended };

// One execution: step(thread) makes one operation of the thread. It is always the first thread's that
// can move; those that wait are asked again when another has moved. Daemons may wait for ever.
template <class Step>
void execute(GraphSearch& search, unsigned threads, Step step, std::uint32_t daemons = 0) {
  std::uint32_t waiting = 0, running = (1U << threads) - 1;
  while ((running & ~waiting) != 0 && !search.is_cut()) {
    const auto thread = static_cast<unsigned>(std::countr_zero(running & ~waiting));
    switch (step(thread)) {
      case ThreadStep::moved: waiting = 0; break;
      case ThreadStep::waits: waiting |= 1U << thread; break;
      case ThreadStep::ended: running &= ~(1U << thread); break;
    }
  }
  if (!search.is_cut()) search.end(running & ~daemons);
}

}  // namespace tlblab
