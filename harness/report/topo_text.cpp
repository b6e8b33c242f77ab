// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

using Unit = TopoPage::Unit;

template <class Field>
std::uint64_t different(const std::vector<Unit>& units, Field field) {
  std::set<unsigned> values;
  for (const Unit& unit : units) values.insert(unit.*field);
  return values.size();
}

std::string machine(const TopoPage& page) {
  std::string words = fmt::format("{}: {}, {}, {}, {}", page.made_up ? "made up" : "this host",
                                  counted(different(page.units, &Unit::package), "package"),
                                  counted(different(page.units, &Unit::node), "NUMA node"),
                                  counted(different(page.units, &Unit::core), "core"),
                                  counted(page.units.size(), "PU"));
  std::string out = wrapped("", words, "  ");
  if (!page.description.empty()) out += fmt::format("in hwloc's words: {}\n", page.description);
  for (const auto& [name, value] : page.host) out += fmt::format("{}: {}\n", name, value);
  return out;
}

std::vector<std::string> cells(const Unit& unit) {
  return {fmt::format("{}", unit.os_index), fmt::format("{}", unit.package),
          fmt::format("{}", unit.node), fmt::format("{}", unit.core), fmt::format("{}", unit.smt)};
}

std::string units_table(const std::vector<Unit>& units) {
  Columns table(0, "  ");
  table.row({"PU", "package", "node", "core", "SMT"});
  for (const Unit& unit : units) table.row(cells(unit));
  return table.text();
}

std::string placed_table(const std::vector<Unit>& placed) {
  Columns table(0, "  ");
  table.row({"CPU", "PU", "package", "node", "core", "SMT"});
  for (std::size_t cpu = 0; cpu < placed.size(); ++cpu) {
    std::vector<std::string> row = cells(placed[cpu]);
    row.insert(row.begin(), fmt::format("{}", cpu));
    table.row(std::move(row));
  }
  return table.text();
}

}  // namespace

std::string topo_text(const TopoPage& page, const Paint& paint) {
  std::string out = machine(page) + "\n";
  if (page.placed.empty()) return out + units_table(page.units);
  out += paint.strong(fmt::format("{}, {}:", counted(page.placed.size(), "simulated CPU"),
                                  page.seats.policy)) +
         "\n" + placed_table(page.placed);
  if (page.seats.oversubscribed()) out += oversubscription(page.seats) + "\n";
  return out;
}

}  // namespace tlblab
