// SPDX-License-Identifier: GPL-2.0-or-later
// The part of the weak model that one CPU decides (axioms_weak.h): what of its own, and of what a lock
// was handed over with, comes before an event, and by which kind of order. Events are asked about and
// added in the order of their numbers.
#pragma once

#include <bit>
#include <vector>

#include "harness/world/explore/axioms_rcu.h"

namespace tlblab {

// If loads do not stay, a read comes before a later write of its CPU only where something says so.
template <unsigned Words, bool LoadsStay = true>
class LocalOrders {
 public:
  using Row = BitRow<Words>;
  // What comes before an event.
  struct Orders {
    Row ppo;
    Row strong;      // strong-fence
    Row cumulative;  // strong-fence and po-rel
    Row plain;       // wmb and po-unlock-lock-po
  };

  explicit LocalOrders(unsigned threads) : states_(threads) {}

  // Of the next event of its thread.
  [[nodiscard]] Orders of(const ExecutionGraph& graph, const GraphEvent& event) const {
    const State& s = states_[event.thread];
    Orders orders;
    if (event.is_access()) {
      orders.strong = before_mb(event, s);
      orders.plain = s.handed_over;
      if (event.is_write()) orders.plain |= s.before_wmb;
      orders.cumulative = orders.strong;
      if (event.release) orders.cumulative |= s.accesses;
      orders.ppo = orders.cumulative | orders.plain | s.acquires;
      if (event.is_write())
        write_orders(graph, event, s, orders.ppo);
      else
        read_orders(graph, event, s, orders.ppo);
    } else if (event.kind == GraphEventKind::grace_period) {
      orders.ppo = orders.strong = orders.cumulative = s.all;
    }
    return orders;
  }

  void add(const ExecutionGraph& graph, EventId id) {
    const GraphEvent& event = graph.event(id);
    State& s = states_[event.thread];
    if (event.is_access())
      note(graph, event, id, s);
    else
      fence(graph, event, s);
    s.all.set(id);
  }

  // An access that was added last, a read that ordered nothing behind it, is taken away.
  void remove_read(const GraphEvent& event, EventId id) {
    State& s = states_[event.thread];
    for (Row* row : {&s.all, &s.accesses, &s.reads, &s.reads_for_rmb, &s.acquires}) row->reset(id);
    if (!event.lock) s.loads.pop_back();
  }

 private:
  // Of the thread so far.
  struct State {
    Row all, accesses, reads, reads_for_rmb, writes, acquires;
    Row before_mb, before_rmb, before_wmb;  // before the last of them
    std::vector<EventId> loads;             // reads that are not of a lock
    Row before_atomic;                      // an smp_mb__before_atomic that waits for its atomic
    Row up_to_atomic, up_to_lock;           // up to the last of them
    Row before_unlock;                      // before the last one of the thread
    Row handed_over;                        // po-unlock-lock-po, for what comes now
    std::vector<EventId> last_write;        // by location
  };

  static Row before_mb(const GraphEvent& event, const State& s) {
    Row before = s.before_mb;
    if (event.modifies) before |= s.before_atomic;
    if (event.modifies && event.full && event.is_read()) before |= s.accesses;
    return before;
  }

  static void fence(const ExecutionGraph& graph, const GraphEvent& event, State& s) {
    switch (event.kind) {
      case GraphEventKind::mb: s.before_mb |= s.accesses; break;
      case GraphEventKind::rmb: s.before_rmb = s.reads_for_rmb; break;
      case GraphEventKind::wmb: s.before_wmb = s.writes; break;
      case GraphEventKind::before_atomic: s.before_atomic = s.accesses; break;
      case GraphEventKind::after_atomic: s.before_mb |= s.up_to_atomic; break;
      case GraphEventKind::after_spinlock: s.before_mb |= s.up_to_lock; break;
      case GraphEventKind::after_unlock_lock: s.before_mb |= s.handed_over; break;
      case GraphEventKind::unlock_lock:
        s.handed_over |= detail::earlier<Words>(graph, event.thread, event.follows);
        break;
      case GraphEventKind::grace_period: s.before_mb |= s.all; break;
      default: break;
    }
  }

  static void write_orders(const ExecutionGraph& graph,
                           const GraphEvent& event,
                           const State& s,
                           Row& ppo) {
    if constexpr (LoadsStay)
      ppo |= s.reads;
    else
      load_store(graph, event, s, ppo);
    if (event.location >= s.last_write.size()) return;
    const EventId last = s.last_write[event.location];
    if (last != initial_write) ppo.set(last);
  }

  // Dependencies, and coherence.
  static void load_store(const ExecutionGraph& graph,
                         const GraphEvent& event,
                         const State& s,
                         Row& ppo) {
    depends(graph, event, event.address_from | event.data_from, s, ppo);
    s.reads.for_each([&](unsigned read) {
      if (graph.event(read).location == event.location) ppo.set(read);
    });
  }

  // On these reads, and on the one that the event follows.
  static void depends(const ExecutionGraph& graph,
                      const GraphEvent& event,
                      std::uint64_t reads,
                      const State& s,
                      Row& ppo) {
    if (event.follows != 0) ppo.set(graph.thread(event.thread)[event.follows - 1U]);
    for (; reads != 0; reads &= reads - 1)
      ppo.set(s.loads[static_cast<unsigned>(std::countr_zero(reads))]);
  }

  // Dependencies: of the address, or of address and data of the own write that is read. What an atomic
  // arithmetic operation writes depends on what it read.
  static void read_orders(const ExecutionGraph& graph,
                          const GraphEvent& event,
                          const State& s,
                          Row& ppo) {
    if (!event.noreturn) ppo |= s.before_rmb;
    depends(graph, event, event.address_from, s, ppo);
    if (event.source == initial_write || graph.event(event.source).thread != event.thread) return;
    const GraphEvent& own = graph.event(event.source);
    depends(graph, own, own.address_from | own.data_from, s, ppo);
    const EventId before = graph.thread(event.thread)[own.po == 0 ? 0 : own.po - 1U];
    if (own.modifies && graph.event(before).modify.computes()) ppo.set(before);
  }

  static void note(const ExecutionGraph& graph, const GraphEvent& event, EventId id, State& s) {
    s.before_mb = before_mb(event, s);
    if (event.is_write()) {
      if (event.location >= s.last_write.size())
        s.last_write.resize(event.location + 1U, initial_write);
      s.last_write[event.location] = id;
    }
    if (event.lock && event.is_read() && event.modifies) take_over(graph, event, s);
    if (event.lock && event.release && !event.implied) s.before_unlock = s.all;
    if (event.acquire) s.acquires.set(id);
    (event.is_read() ? s.reads : s.writes).set(id);
    if (event.is_read() && !event.lock) s.loads.push_back(id);
    if (event.is_read() && !event.noreturn) s.reads_for_rmb.set(id);
    s.accesses.set(id);
    if (event.modifies) (event.lock ? s.up_to_lock : s.up_to_atomic) = s.accesses;
    if (event.modifies && event.full && event.is_write()) s.before_mb |= s.accesses;
  }

  // A lock is taken: what was before an unlock of this thread, or before the unlock that it reads
  // from, is before what comes after the lock.
  static void take_over(const ExecutionGraph& graph, const GraphEvent& event, State& s) {
    if (!event.implied) s.handed_over |= s.before_unlock;
    const bool from_other =
        event.source != initial_write && graph.event(event.source).thread != event.thread;
    if (event.source != initial_write && (from_other || !event.implied))
      s.handed_over |= detail::earlier<Words>(graph, graph.event(event.source).thread,
                                              graph.event(event.source).po);
  }

  std::vector<State> states_;
};

// Of all events of a graph: row e has what is before e.
template <unsigned Words, bool LoadsStay = true>
struct LocalRelations {
  explicit LocalRelations(const ExecutionGraph& graph)
      : ppo(graph.size()), strong(graph.size()), cumulative(graph.size()), plain(graph.size()) {
    LocalOrders<Words, LoadsStay> local(graph.threads());
    for (unsigned e = 0; e < graph.size(); ++e) {
      const auto orders = local.of(graph, graph.event(e));
      ppo[e] = orders.ppo;
      strong[e] = orders.strong;
      cumulative[e] = orders.cumulative;
      plain[e] = orders.plain;
      fenced |= orders.strong.any();
      local.add(graph, static_cast<EventId>(e));
    }
  }
  BitRows<Words> ppo, strong, cumulative, plain;
  bool fenced = false;  // there is a strong fence
};

}  // namespace tlblab
