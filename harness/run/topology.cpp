// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/topology.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <hwloc.h>

namespace tlblab {
namespace {

constexpr std::uint64_t max_synthetic_units = 1U << 14;
constexpr unsigned max_listed = 1024;

// How many objects a description asks for at the least: the product of its arities. hwloc would
// make them all before anyone could say no.
std::uint64_t synthetic_size(std::string_view text) {
  std::uint64_t size = 1;
  unsigned depth = 0;  // of parentheses and brackets: attributes
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '(' || c == '[') ++depth;
    if ((c == ')' || c == ']') && depth > 0) --depth;
    const bool begins = at == 0 || text[at - 1] == ':' || text[at - 1] == ' ';
    if (depth != 0 || !begins || c < '0' || c > '9') continue;
    std::uint64_t arity = 0;
    const auto read = std::from_chars(text.data() + at, text.data() + text.size(), arity);
    if (read.ec != std::errc() || arity > max_synthetic_units) return max_synthetic_units + 1;
    size = std::min(size * std::max<std::uint64_t>(arity, 1), max_synthetic_units + 1);
  }
  return size;
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), std::string("hwloc ") + what);
}

}  // namespace

class Topology::Loaded {
 public:
  explicit Loaded(const char* synthetic) {
    hwloc_topology_t made = nullptr;
    if (hwloc_topology_init(&made) != 0) fail("cannot start");
    topology_.reset(made);
    if (synthetic != nullptr) describe(synthetic);
    if (hwloc_topology_load(made) != 0) fail("cannot read this host's topology");
  }

  [[nodiscard]] bool this_system() const {
    return hwloc_topology_is_thissystem(topology_.get()) != 0;
  }

  [[nodiscard]] std::vector<ProcessingUnit> units() const {
    std::vector<ProcessingUnit> found;
    std::map<unsigned, unsigned> siblings;  // by core: how many so far
    const Set allowed = may_run_on();
    const hwloc_topology_t of = topology_.get();
    for (hwloc_obj_t pu = nullptr;
         (pu = hwloc_get_next_obj_by_type(of, HWLOC_OBJ_PU, pu)) != nullptr;) {
      if (hwloc_bitmap_isset(allowed.get(), pu->os_index) == 0) continue;
      const hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(of, HWLOC_OBJ_CORE, pu);
      const hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(of, HWLOC_OBJ_PACKAGE, pu);
      const unsigned core_number = (core != nullptr ? core : pu)->logical_index;
      found.push_back({.os_index = pu->os_index,
                       .package = package != nullptr ? package->logical_index : 0,
                       .node = node_of(pu),
                       .core = core_number,
                       .smt = siblings[core_number]++});
    }
    return found;
  }

  [[nodiscard]] std::string description() const {
    std::array<char, 1024> text{};
    const int length = hwloc_topology_export_synthetic(
        topology_.get(), text.data(), text.size(), HWLOC_TOPOLOGY_EXPORT_SYNTHETIC_FLAG_NO_ATTRS);
    return length > 0 ? std::string(text.data()) : std::string();
  }

 private:
  struct Free {
    void operator()(hwloc_bitmap_t bits) const noexcept { hwloc_bitmap_free(bits); }
    void operator()(hwloc_topology_t topology) const noexcept { hwloc_topology_destroy(topology); }
  };
  using Set = std::unique_ptr<hwloc_bitmap_s, Free>;

  void describe(const char* synthetic) {
    if (synthetic_size(synthetic) > max_synthetic_units)
      throw TopologyError(fmt::format("'{}' has more than {} processing units; type a smaller one",
                                      synthetic, max_synthetic_units));
    if (hwloc_topology_set_synthetic(topology_.get(), synthetic) != 0)
      throw TopologyError(fmt::format(
          "'{}' describes no machine to hwloc; type for instance \"pack:2 core:8 pu:2\"",
          synthetic));
  }

  // The affinity mask. hwloc's topology leaves out what cgroups forbid, but not what taskset does.
  [[nodiscard]] Set may_run_on() const {
    Set set(hwloc_bitmap_alloc());
    const bool known =
        this_system() && hwloc_get_cpubind(topology_.get(), set.get(), HWLOC_CPUBIND_THREAD) == 0;
    if (!known) hwloc_bitmap_fill(set.get());
    return set;
  }

  [[nodiscard]] unsigned node_of(hwloc_obj_t pu) const {
    for (hwloc_obj_t node = nullptr;
         (node = hwloc_get_next_obj_by_type(topology_.get(), HWLOC_OBJ_NUMANODE, node)) != nullptr;)
      if (hwloc_bitmap_isset(node->cpuset, pu->os_index) != 0) return node->logical_index;
    return 0;
  }

  std::unique_ptr<hwloc_topology, Free> topology_;
};

Topology::Topology(const Loaded& loaded)
    : units_(loaded.units()), description_(loaded.description()), can_pin_(loaded.this_system()) {
  if (units_.empty()) throw TopologyError("hwloc finds no processing unit that may be used");
}

Topology Topology::host() {
  // hwloc itself would ignore a description that it cannot read.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment
  const char* synthetic = std::getenv("HWLOC_SYNTHETIC");
  if (synthetic == nullptr || *synthetic == '\0') return Topology(Loaded(nullptr));
  try {
    return Topology(Loaded(synthetic));
  } catch (const TopologyError& error) {
    throw TopologyError(std::string("HWLOC_SYNTHETIC: ") + error.what());
  }
}

Topology Topology::synthetic(const std::string& description) {
  return Topology(Loaded(description.c_str()));
}

// ---- policies -----------------------------------------------------------------------------------

namespace {

constexpr std::array<std::pair<Policy, std::string_view>, 5> policy_names{{
    {Policy::compact, "compact"},
    {Policy::spread, "spread"},
    {Policy::socket, "socket"},
    {Policy::smt, "smt"},
    {Policy::list, "list"},
}};

unsigned parse_unit(std::string_view text, std::string_view all) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    throw TopologyError(
        fmt::format("'{}': '{}' is no processing unit; type for instance list=0,2,4-7", all, text));
  return value;
}

// "4" or "4-7".
void parse_range(std::string_view text, std::string_view all, std::vector<unsigned>& into) {
  const std::size_t dash = text.find('-');
  const unsigned first = parse_unit(text.substr(0, dash), all);
  const unsigned last =
      dash == std::string_view::npos ? first : parse_unit(text.substr(dash + 1), all);
  if (last < first || last - first >= max_listed || into.size() + last - first >= max_listed)
    throw TopologyError(
        fmt::format("'{}': '{}' is no range of at most {} units; type for instance list=4-7", all,
                    text, max_listed));
  for (unsigned unit = first; unit <= last; ++unit) into.push_back(unit);
}

std::vector<unsigned> parse_units(std::string_view text, std::string_view all) {
  std::vector<unsigned> units;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    parse_range(text.substr(at, comma - at), all, units);
    at = comma + 1;
  }
  return units;
}

const ProcessingUnit& listed_unit(const Topology& topology, unsigned os_index) {
  const auto found = std::ranges::find(topology.units(), os_index, &ProcessingUnit::os_index);
  if (found != topology.units().end()) return *found;
  std::string there;
  for (const ProcessingUnit& unit :
       topology.units().first(std::min<std::size_t>(topology.units().size(), 16)))
    there += fmt::format("{}{}", there.empty() ? "" : ",", unit.os_index);
  throw TopologyError(fmt::format("list={}: this process may not run there; its units are {}{}",
                                  os_index, there, topology.units().size() > 16 ? ",..." : ""));
}

// Position of each unit's core in its package, and of packages that are in use: what spread, socket
// and smt sort by.
struct Rank {
  ProcessingUnit unit;
  unsigned core_in_package;
};

std::vector<Rank> ranked(std::span<const ProcessingUnit> units) {
  std::map<unsigned, std::set<unsigned>> cores;
  for (const ProcessingUnit& unit : units) cores[unit.package].insert(unit.core);
  std::vector<Rank> ranks;
  for (const ProcessingUnit& unit : units) {
    const std::set<unsigned>& of_package = cores[unit.package];
    ranks.push_back({unit, static_cast<unsigned>(
                               std::distance(of_package.begin(), of_package.find(unit.core)))});
  }
  return ranks;
}

// Keys tell units apart, so the order is one.
template <class Key>
std::vector<ProcessingUnit> sorted(std::span<const ProcessingUnit> units, Key key) {
  std::vector<Rank> ranks = ranked(units);
  std::ranges::sort(ranks, {}, key);
  std::vector<ProcessingUnit> order;
  order.reserve(ranks.size());
  for (const Rank& rank : ranks) order.push_back(rank.unit);
  return order;
}

std::vector<ProcessingUnit> order_of(const Topology& topology, const PlacePolicy& policy) {
  std::vector<ProcessingUnit> units(topology.units().begin(), topology.units().end());
  switch (policy.policy) {
    case Policy::compact: return units;
    case Policy::spread:
      return sorted(units, [](const Rank& r) {
        return std::tuple(r.unit.smt, r.core_in_package, r.unit.package);
      });
    case Policy::socket: {
      const unsigned first = units.front().package;
      std::erase_if(units, [first](const ProcessingUnit& unit) { return unit.package != first; });
      return sorted(units, [](const Rank& r) { return std::tuple(r.unit.smt, r.unit.core); });
    }
    case Policy::smt:
      return sorted(units, [](const Rank& r) {
        return std::tuple(r.core_in_package, r.unit.package, r.unit.smt);
      });
    case Policy::list: break;
  }
  units.clear();
  for (const unsigned os_index : policy.listed) units.push_back(listed_unit(topology, os_index));
  return units;
}

}  // namespace

std::string_view policy_name(Policy policy) noexcept {
  return policy_names[static_cast<std::size_t>(policy)].second;
}

PlacePolicy PlacePolicy::parse(std::string_view text) {
  constexpr std::string_view list = "list=";
  if (text.starts_with(list)) return {Policy::list, parse_units(text.substr(list.size()), text)};
  for (const auto& [policy, name] : policy_names)
    if (text == name && policy != Policy::list) return {policy, {}};
  throw TopologyError(
      fmt::format("'{}' is no placement; type compact, spread, socket, smt or list=0,2,4-7", text));
}

std::vector<ProcessingUnit> place(const Topology& topology,
                                  const PlacePolicy& policy,
                                  unsigned cpus) {
  const std::vector<ProcessingUnit> order = order_of(topology, policy);
  std::vector<ProcessingUnit> placed;
  placed.reserve(cpus);
  for (unsigned cpu = 0; cpu < cpus; ++cpu) placed.push_back(order[cpu % order.size()]);
  return placed;
}

unsigned distinct_units(std::span<const ProcessingUnit> placed) {
  std::set<unsigned> units;
  for (const ProcessingUnit& unit : placed) units.insert(unit.os_index);
  return static_cast<unsigned>(units.size());
}

}  // namespace tlblab
