// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/axioms_weak.h"

#include <algorithm>
#include <utility>

#include "harness/world/explore/axioms_rcu.h"

namespace tlblab {

namespace {

// What follows from program order, and from the hand-over of locks: row e has what is before e.
template <unsigned Words>
class LocalOrders {
 public:
  using Row = BitRow<Words>;
  explicit LocalOrders(const ExecutionGraph& graph)
      : ppo(graph.size()),
        strong(graph.size()),
        cumulative(graph.size()),
        plain(graph.size()),
        last_write_(graph.locations().size()) {
    for (unsigned t = 0; t < graph.threads(); ++t) walk(graph, t);
  }

  BitRows<Words> ppo;
  BitRows<Words> strong;      // strong-fence
  BitRows<Words> cumulative;  // strong-fence and po-rel
  BitRows<Words> plain;       // wmb and po-unlock-lock-po
  bool fenced = false;        // there is a strong fence

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
  };

  void walk(const ExecutionGraph& graph, unsigned t) {
    State s;
    std::ranges::fill(last_write_, initial_write);
    for (const EventId id : graph.thread(t)) {
      const GraphEvent& event = graph.event(id);
      if (event.is_access())
        access(graph, event, id, s);
      else
        fence(event.kind, id, s);
      s.all.set(id);
    }
  }

  void fence(GraphEventKind kind, EventId id, State& s) {
    switch (kind) {
      case GraphEventKind::mb: s.before_mb |= s.accesses; break;
      case GraphEventKind::rmb: s.before_rmb = s.reads_for_rmb; break;
      case GraphEventKind::wmb: s.before_wmb = s.writes; break;
      case GraphEventKind::before_atomic: s.before_atomic = s.accesses; break;
      case GraphEventKind::after_atomic: s.before_mb |= s.up_to_atomic; break;
      case GraphEventKind::after_spinlock: s.before_mb |= s.up_to_lock; break;
      case GraphEventKind::after_unlock_lock: s.before_mb |= s.handed_over; break;
      case GraphEventKind::grace_period: grace_period(id, s); break;
      default: break;
    }
  }

  void grace_period(EventId id, State& s) {
    strong[id] = cumulative[id] = ppo[id] = s.all;
    s.before_mb |= s.all;
    fenced |= s.all.any();
  }

  void access(const ExecutionGraph& graph, const GraphEvent& event, EventId id, State& s) {
    if (event.modifies) s.before_mb |= s.before_atomic;
    if (event.modifies && event.full && event.is_read()) s.before_mb |= s.accesses;
    fenced |= s.before_mb.any();
    strong[id] = cumulative[id] = s.before_mb;
    plain[id] = s.handed_over;
    if (event.is_write()) plain[id] |= s.before_wmb;
    if (event.release) cumulative[id] |= s.accesses;
    ppo[id] = cumulative[id] | plain[id] | s.acquires;
    if (event.is_write())
      write_orders(event, id, s);
    else
      read_orders(graph, event, id, s);
    note(graph, event, id, s);
  }

  void write_orders(const GraphEvent& event, EventId id, const State& s) {
    ppo[id] |= s.reads;
    EventId& last = last_write_[event.location];
    if (last != initial_write) ppo[id].set(last);
    last = id;
  }

  // Dependencies: of the address, or of address and data of the own write that is read. What an atomic
  // arithmetic operation writes depends on what it read.
  void read_orders(const ExecutionGraph& graph,
                   const GraphEvent& event,
                   EventId id,
                   const State& s) {
    if (!event.noreturn) ppo[id] |= s.before_rmb;
    std::uint64_t from = event.address_from;
    if (event.source != initial_write && graph.event(event.source).thread == event.thread) {
      const GraphEvent& own = graph.event(event.source);
      from |= own.address_from | own.data_from;
      const EventId before = graph.thread(event.thread)[own.po == 0 ? 0 : own.po - 1U];
      if (own.modifies && graph.event(before).modify.computes()) ppo[id].set(before);
    }
    for (; from != 0; from &= from - 1)
      ppo[id].set(s.loads[static_cast<unsigned>(std::countr_zero(from))]);
  }

  static void note(const ExecutionGraph& graph, const GraphEvent& event, EventId id, State& s) {
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

  std::vector<EventId> last_write_;  // of the thread, by location
};

template <unsigned Words>
class Weak {
 public:
  using Row = BitRow<Words>;
  explicit Weak(const ExecutionGraph& graph)
      : graph_(graph), local_(graph), n_(graph.size()), threads_(graph.threads()), sources_(n_) {
    for (unsigned e = 0; e < n_; ++e) {
      threads_[graph.event(e).thread].set(e);
      sources_[e] = external_source(e);
    }
  }

  bool allowed() {
    find_prop();
    BitRows<Words> hb = std::move(local_.ppo);
    for (unsigned e = 0; e < n_; ++e) {
      hb[e] |= prop_[e] & threads_[graph_.event(e).thread];
      hb[e].reset(e);
      if (sources_[e] != initial_write) hb[e].set(sources_[e]);
    }
    if (!local_.fenced && !graph_.has_grace_period()) return acyclic(hb);
    if (!close(hb)) return false;
    BitRows<Words> pb(n_);
    if (local_.fenced) find_pb(hb, pb);
    if (!graph_.has_grace_period()) return acyclic(pb);
    if (!close(pb)) return false;
    BitRows<Words> before(n_);  // hb, then pb, then prop
    for (unsigned e = 0; e < n_; ++e) before[e] = image(image(prop_[e], pb), hb);
    return RcuEvents(graph_).allowed(graph_, before);
  }

 private:
  [[nodiscard]] EventId external_source(unsigned e) const noexcept {
    const GraphEvent& event = graph_.event(e);
    if (!event.is_read() || event.source == initial_write) return initial_write;
    return graph_.event(event.source).thread == event.thread ? initial_write : event.source;
  }

  // Row w: what other CPUs did that w overwrites.
  BitRows<Words> overwrites() const {
    BitRows<Words> rows(n_), reads_of;  // the latter by place of the write
    for (const GraphLocation& location : graph_.locations()) {
      if (location.writes.empty()) continue;
      reads_of.assign(location.writes.size() + 1, {});
      for (const EventId read : location.reads)
        reads_of[graph_.place_of(graph_.event(read).location, graph_.event(read).source)].set(read);
      Row all = reads_of[0];
      for (std::size_t n = 0; n < location.writes.size(); ++n) {
        const EventId write = location.writes[n];
        rows[write] = all;
        const Row& own = threads_[graph_.event(write).thread];
        for (unsigned w = 0; w < Words; ++w) rows[write].words[w] &= ~own.words[w];
        all |= reads_of[n + 1];
        all.set(write);
      }
    }
    return rows;
  }

  // One step of cumul-fence that ends at e. Numbers respect program order and reads-from, so what
  // e's row needs is there before.
  Row fence_step(unsigned e, const BitRows<Words>& steps) const {
    Row row = local_.cumulative[e];
    local_.cumulative[e].for_each([&](unsigned before) {
      if (sources_[before] != initial_write) row.set(sources_[before]);
    });
    row |= local_.plain[e];
    const GraphEvent& event = graph_.event(e);
    if (!event.is_write() || !event.modifies) return row;
    const EventId source = graph_.event(graph_.thread(event.thread)[event.po - 1]).source;
    if (source != initial_write) row |= steps[source];
    return row;
  }

  // Whole rows first and single bits last: a row is slow to read right after a bit was written.
  void find_prop() {
    const BitRows<Words> overwritten = overwrites();
    BitRows<Words> steps(n_), fences(n_), reach(n_);
    prop_.resize(n_);
    for (unsigned e = 0; e < n_; ++e) {
      steps[e] = fence_step(e, steps);
      reach[e] = overwritten[e];
      if (steps[e].any()) {
        fences[e] = image(steps[e], fences);
        reach[e] |= fences[e] | image(fences[e], overwritten);
      }
      prop_[e] = reach[e];
      if (sources_[e] != initial_write) prop_[e] |= reach[sources_[e]];
      for (BitRows<Words>* rows : {&fences, &reach, &prop_}) (*rows)[e].set(e);
    }
  }

  void find_pb(const BitRows<Words>& hb, BitRows<Words>& pb) const {
    BitRows<Words> to_fence(n_);
    for (unsigned e = 0; e < n_; ++e) to_fence[e] = image(local_.strong[e], prop_);
    for (unsigned e = 0; e < n_; ++e) pb[e] = image(hb[e], to_fence);
  }

  const ExecutionGraph& graph_;
  LocalOrders<Words> local_;
  unsigned n_;
  std::vector<Row> threads_;      // the events of each
  std::vector<EventId> sources_;  // of each read, if it is of another thread
  BitRows<Words> prop_;
};

}  // namespace

template <unsigned Words>
bool consistent_weak(const ExecutionGraph& graph) {
  return Weak<Words>(graph).allowed();
}
template bool consistent_weak<1>(const ExecutionGraph& graph);
template bool consistent_weak<2>(const ExecutionGraph& graph);
template bool consistent_weak<4>(const ExecutionGraph& graph);
template bool consistent_weak<16>(const ExecutionGraph& graph);
template bool consistent_weak<64>(const ExecutionGraph& graph);

}  // namespace tlblab
