// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/topology.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace tlblab {
namespace {

using testing::ElementsAre;

// Two packages of two cores of two units, a NUMA node each. hwloc numbers the units depth first:
// package 0 has 0-3, package 1 has 4-7, siblings are 0 and 1, 2 and 3, ...
Topology small() { return Topology::synthetic("pack:2 [numa] core:2 pu:2"); }

std::vector<unsigned> placed(const Topology& topology, const char* policy, unsigned cpus) {
  std::vector<unsigned> units;
  for (const ProcessingUnit& unit : place(topology, PlacePolicy::parse(policy), cpus))
    units.push_back(unit.os_index);
  return units;
}

TEST(Topology, KnowsWhereEveryUnitIs) {
  const Topology topology = small();
  EXPECT_FALSE(topology.can_pin());
  const auto units = topology.units();
  ASSERT_EQ(units.size(), 8U);
  EXPECT_EQ(units[0],
            (ProcessingUnit{.os_index = 0, .package = 0, .node = 0, .core = 0, .smt = 0}));
  EXPECT_EQ(units[1],
            (ProcessingUnit{.os_index = 1, .package = 0, .node = 0, .core = 0, .smt = 1}));
  EXPECT_EQ(units[6],
            (ProcessingUnit{.os_index = 6, .package = 1, .node = 1, .core = 3, .smt = 0}));
}

TEST(Topology, NeedsNeitherPackagesNorCores) {
  const Topology topology = Topology::synthetic("pu:3");
  ASSERT_EQ(topology.units().size(), 3U);
  EXPECT_EQ(topology.units()[2].core, 2U);
  EXPECT_EQ(topology.units()[2].smt, 0U);
  EXPECT_THAT(placed(topology, "spread", 3), ElementsAre(0, 1, 2));
}

TEST(Topology, DescriptionCanBeReadAgain) {
  const Topology topology = small();
  const Topology again = Topology::synthetic(topology.description());
  EXPECT_TRUE(std::ranges::equal(topology.units(), again.units()));
}

TEST(Topology, RefusesWhatIsNoMachineOrTooLarge) {
  for (const char* text : {"", "nonsense", "pack:2 core", "pu:0", "-1", "pack:99999 pu:99999",
                           "200 200 200", "pu:18446744073709551617"})
    EXPECT_THROW(static_cast<void>(Topology::synthetic(text)), TopologyError) << text;
}

TEST(Topology, OfTheHostHasTheUnitsThisThreadMayRunOn) {
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  const Topology host = Topology::host();
  EXPECT_TRUE(host.can_pin());
  EXPECT_EQ(host.units().size(), static_cast<std::size_t>(CPU_COUNT(&mask)));
  for (const ProcessingUnit& unit : host.units()) EXPECT_TRUE(CPU_ISSET(unit.os_index, &mask));
}

TEST(Topology, OfTheHostIsLimitedByTheAffinityMask) {
  std::thread([] {
    const unsigned last = Topology::host().units().back().os_index;
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(last, &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    const Topology host = Topology::host();
    ASSERT_EQ(host.units().size(), 1U);
    EXPECT_EQ(host.units().front().os_index, last);
    EXPECT_EQ(host.units().front().smt, 0U);
  }).join();
}

TEST(Topology, OfTheHostHonoursTheEnvironment) {
  setenv("HWLOC_SYNTHETIC", "pack:2 core:8 pu:2", 1);
  const Topology made_up = Topology::host();
  setenv("HWLOC_SYNTHETIC", "nonsense", 1);
  EXPECT_THROW(static_cast<void>(Topology::host()), TopologyError);
  unsetenv("HWLOC_SYNTHETIC");
  EXPECT_EQ(made_up.units().size(), 32U);
  EXPECT_FALSE(made_up.can_pin());
}

TEST(Place, FollowsThePolicy) {
  const Topology topology = small();
  EXPECT_THAT(placed(topology, "compact", 8), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(placed(topology, "spread", 8), ElementsAre(0, 4, 2, 6, 1, 5, 3, 7));
  EXPECT_THAT(placed(topology, "socket", 4), ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(placed(topology, "smt", 8), ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
  EXPECT_THAT(placed(topology, "list=6,0,3", 3), ElementsAre(6, 0, 3));
  EXPECT_THAT(placed(topology, "list=2-5", 4), ElementsAre(2, 3, 4, 5));
}

TEST(Place, UsesUnitsAgainWhenThereAreMoreCpus) {
  const Topology topology = small();
  EXPECT_THAT(placed(topology, "compact", 10), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 0, 1));
  EXPECT_THAT(placed(topology, "socket", 6), ElementsAre(0, 2, 1, 3, 0, 2));
  EXPECT_THAT(placed(topology, "list=7,7,1", 4), ElementsAre(7, 7, 1, 7));
  const auto units = place(topology, PlacePolicy::parse("socket"), 6);
  EXPECT_EQ(distinct_units(units), 4U);
}

TEST(Place, EveryPolicyButSocketUsesEveryUnitOnce) {
  for (const char* machine :
       {"pu:1", "pack:3 core:5 pu:1", "pack:2 core:8 pu:2", "numa:2 core:3 pu:4"})
    for (const char* policy : {"compact", "spread", "smt"}) {
      const Topology topology = Topology::synthetic(machine);
      const auto count = static_cast<unsigned>(topology.units().size());
      EXPECT_EQ(distinct_units(place(topology, PlacePolicy::parse(policy), count)), count)
          << machine << " " << policy;
    }
}

TEST(Place, SpreadTakesACoreEachBeforeAnySibling) {
  const Topology topology = Topology::synthetic("pack:2 core:8 pu:2");
  const auto units = place(topology, PlacePolicy::parse("spread"), 16);
  std::set<unsigned> cores;
  for (const ProcessingUnit& unit : units) cores.insert(unit.core);
  EXPECT_EQ(cores.size(), 16U);
  EXPECT_NE(units[0].package, units[1].package);
}

TEST(Place, SaysWhichUnitsThereAre) {
  try {
    static_cast<void>(placed(small(), "list=0,9", 2));
    FAIL();
  } catch (const TopologyError& error) {
    EXPECT_STREQ(error.what(),
                 "list=9: this process may not run there; its units are 0,1,2,3,4,5,6,7");
  }
}

TEST(PlacePolicy, IsParsedStrictly) {
  EXPECT_EQ(PlacePolicy::parse("smt").policy, Policy::smt);
  EXPECT_THAT(PlacePolicy::parse("list=0,2,4-6").listed, ElementsAre(0, 2, 4, 5, 6));
  for (const char* text : {"", "Compact", "compact ", "list", "list=", "list=a", "list=1,",
                           "list=3-1", "list=-1", "list=1-", "list=0-1024", "socket=1"})
    EXPECT_THROW(static_cast<void>(PlacePolicy::parse(text)), TopologyError) << text;
}

TEST(PlacePolicy, NamesAreThoseThatAreTyped) {
  for (const char* name : {"compact", "spread", "socket", "smt"})
    EXPECT_EQ(policy_name(PlacePolicy::parse(name).policy), name);
  EXPECT_EQ(policy_name(Policy::list), "list");
}

}  // namespace
}  // namespace tlblab
