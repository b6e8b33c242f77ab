// SPDX-License-Identifier: GPL-2.0-or-later
// Graph search, third part: what is left of it is measured, and parted.
//
// The nodes of all levels, from the first one upwards, are the way to the graph that was visited last:
// at each of them it took what is there, or one of its alternatives. If the choices of a node have
// parts of known sizes, the part of a node is what is left after those below it. That is Knuth's
// estimate of a tree by one way through it; here all ways that are done add up to it. He takes equal
// parts. Less comes of an alternative than of what is taken first (the races of 2017: a tenth to a
// half), so it counts half; the estimate is one of magnitude.
#include "harness/explore/graph_search.h"

namespace tlblab {

namespace {

constexpr double alternative = 0.5;

}  // namespace

template <class Act>
void GraphSearch::for_each_node(Act act) const {
  double part = 1;
  for (std::size_t level = 0; level <= depth_; ++level) {
    const Level& at = *levels_[level];
    for (std::size_t n = 0; n < at.nodes.size(); ++n) {
      const std::size_t behind =
          n + 1 < at.nodes.size() ? at.nodes[n + 1].first : at.alternatives.size();
      const Node& node = at.nodes[n];
      const double first = part / (1 + alternative * static_cast<double>(behind - node.first));
      act(level, n, node, alternative * first);
      part = node.next == node.first ? first : alternative * first;
    }
  }
}

double GraphSearch::left() const noexcept {
  double sum = started_ ? 0 : 1;
  for_each_node([&](std::size_t, std::size_t, const Node& node, double part) {
    sum += part * static_cast<double>(node.end - node.next);
  });
  return sum;
}

// Those that are tried last lie lowest. One at least is left above.
std::optional<GraphSearch::Cut> GraphSearch::middle() const {
  const double half = left() / 2;
  double sum = 0;
  std::optional<Cut> lowest, last;
  bool is_half = false;
  for_each_node([&](std::size_t level, std::size_t n, const Node& node, double part) {
    for (std::size_t end = node.end; end > node.next && !is_half; --end) {
      is_half = last && sum >= half;
      if (is_half) return;
      lowest = last;
      last = Cut{level, n, end - 1};
      sum += part;
    }
  });
  return is_half ? last : lowest;
}

void GraphSearch::keep_before(const Cut& cut) noexcept {
  for (std::size_t level = 0; level <= cut.level; ++level) {
    std::vector<Node>& nodes = levels_[level]->nodes;
    const std::size_t lower = level == cut.level ? cut.node : nodes.size();
    for (std::size_t n = 0; n < lower; ++n) nodes[n].end = nodes[n].next;
  }
  levels_[cut.level]->nodes[cut.node].end = cut.alternative;
}

void GraphSearch::keep_from(const Cut& cut) noexcept {
  depth_ = cut.level;
  Level& top = level();
  if (cut.node + 1 < top.nodes.size()) {
    top.alternatives.resize(top.nodes[cut.node + 1].first);
    top.nodes.erase(top.nodes.begin() + static_cast<std::ptrdiff_t>(cut.node) + 1, top.nodes.end());
  }
  top.nodes.back().next = cut.alternative;
}

}  // namespace tlblab
