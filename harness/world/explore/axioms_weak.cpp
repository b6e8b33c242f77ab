// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/axioms_weak.h"

#include <utility>

#include "harness/world/explore/local_orders.h"

namespace tlblab {

namespace {

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
  LocalRelations<Words> local_;
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
