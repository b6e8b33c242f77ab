// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/alloc_failures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

unsigned no_draw(unsigned) { return 0; }

// Which of the first `count` allocations fail, from 1.
std::vector<unsigned> failing(AllocFailures& failures,
                              unsigned count,
                              AllocSite site = AllocSite::object,
                              unsigned cpu = 0) {
  std::vector<unsigned> failed;
  for (unsigned n = 1; n <= count; ++n)
    if (failures.fails(site, cpu)) failed.push_back(n);
  return failed;
}
std::vector<unsigned> failing(const std::string& rule, unsigned count) {
  AllocFailures failures({parse_alloc_rule(rule)}, 2);
  failures.arm(no_draw);
  return failing(failures, count);
}

TEST(AllocFailures, WhichOnesByTheRule) {
  EXPECT_THAT(failing("site=object", 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(failing("number=4", 9), ElementsAre(4));
  EXPECT_THAT(failing("every=3", 9), ElementsAre(3, 6, 9));
  EXPECT_THAT(failing("site=user_page,every=1", 9), ElementsAre());
  EXPECT_THAT(failing("cpu=1", 9), ElementsAre());
  EXPECT_THAT(failing("rate=1", 2), ElementsAre(1, 2));
}

TEST(AllocFailures, OnlyTheRulesOwnSitesAndCpusAreNumbered) {
  AllocFailures failures({parse_alloc_rule("site=page_table,cpu=1,number=2")}, 2);
  failures.arm(no_draw);
  EXPECT_FALSE(failures.fails(AllocSite::page_table, 1));
  EXPECT_FALSE(failures.fails(AllocSite::page_table, 0));
  EXPECT_FALSE(failures.fails(AllocSite::user_page, 1));
  EXPECT_TRUE(failures.fails(AllocSite::page_table, 1));
}

TEST(AllocFailures, SeveralRulesEachCountForThemselves) {
  AllocFailures failures({parse_alloc_rule("number=2"), parse_alloc_rule("every=3")}, 1);
  failures.arm(no_draw);
  EXPECT_THAT(failing(failures, 7), ElementsAre(2, 3, 6));
}

TEST(AllocFailures, ARangeIsDrawnForEachRound) {
  AllocFailures failures({parse_alloc_rule("number=3-5")}, 1);
  for (unsigned drawn = 0; drawn < 3; ++drawn) {
    failures.arm([drawn](unsigned n) {
      EXPECT_EQ(n, 3U);
      return drawn;
    });
    EXPECT_THAT(failing(failures, 9), ElementsAre(3 + drawn));
  }
}

TEST(AllocFailures, ARateIsKeptAndRepeats) {
  const auto once = failing("rate=0.1,seed=5", 10'000);
  EXPECT_EQ(once, failing("rate=0.1,seed=5", 10'000));
  EXPECT_NE(once, failing("rate=0.1,seed=6", 10'000));
  EXPECT_GT(once.size(), 900U);
  EXPECT_LT(once.size(), 1100U);
}

TEST(AllocFailures, ARateWithoutASeedIsDrawnForEachRound) {
  const auto round = [&](unsigned drawn) {
    AllocFailures fresh({parse_alloc_rule("rate=0.5")}, 1);
    fresh.arm([drawn](unsigned) { return drawn; });
    return failing(fresh, 64);
  };
  EXPECT_EQ(round(3), round(3));
  EXPECT_NE(round(3), round(4));
}

// What one CPU gets does not depend on what another asks for meanwhile.
TEST(AllocFailures, ARateIsOfEachCpuByItself) {
  AllocFailures alone({parse_alloc_rule("rate=0.5")}, 2), beside({parse_alloc_rule("rate=0.5")}, 2);
  alone.arm(no_draw);
  beside.arm(no_draw);
  const auto wanted = failing(alone, 50);
  std::vector<unsigned> seen;
  for (unsigned n = 1; n <= 50; ++n) {
    static_cast<void>(failing(beside, n % 3, AllocSite::object, 1));
    if (beside.fails(AllocSite::object, 0)) seen.push_back(n);
  }
  EXPECT_EQ(seen, wanted);
}

TEST(AllocFailures, CountsWhatWasAskedWhileArmed) {
  AllocFailures failures({parse_alloc_rule("site=table_batch,every=2")}, 2);
  EXPECT_TRUE(failing(failures, 5, AllocSite::table_batch).empty());
  failures.arm(no_draw);
  static_cast<void>(failing(failures, 5, AllocSite::table_batch, 1));
  static_cast<void>(failing(failures, 3, AllocSite::object));
  failures.disarm();
  EXPECT_TRUE(failing(failures, 5, AllocSite::table_batch).empty());
  const AllocReport report = failures.report();
  EXPECT_THAT(report.rules, ElementsAre("site=table_batch,every=2"));
  EXPECT_EQ(report.counts.all().asked, 8U);
  EXPECT_EQ(report.counts.all().failed, 2U);
  EXPECT_EQ(report.counts.sites[static_cast<std::size_t>(AllocSite::table_batch)].asked, 5U);
}

TEST(AllocFailures, WithoutARuleNobodyAsks) { EXPECT_EQ(AllocFailures({}, 1).policy(), nullptr); }

TEST(AllocFailures, AMistakeIsAnsweredWithWhatToType) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"", "is no KEY=VALUE"},
      {"17", "'17' is no KEY=VALUE; type for instance"},
      {"site=gatherbatch", "there is no site 'gatherbatch'; type one of user_page, page_table"},
      {"number=0", "number=0 is no whole number from 1 on"},
      {"number=5-3", "number=5-3 is no range"},
      {"number=1-100000", "is no range of up to 65536"},
      {"every=x", "type for instance every=3"},
      {"rate=2", "rate=2 is no probability"},
      {"rate=0", "rate=0 is no probability"},
      {"number=1,rate=0.1", "exclude each other"},
      {"seed=4", "seed goes with rate"},
      {"cpu=1,cpu=2", "cpu is there twice"},
      {"when=3", "there is no key 'when'; type site, cpu, number, every, rate or seed"}};
  for (const auto& [rule, said] : mistakes) try {
      static_cast<void>(parse_alloc_rule(rule));
      ADD_FAILURE() << rule;
    } catch (const AllocRuleError& error) {
      EXPECT_THAT(error.what(), HasSubstr(said)) << rule;
    }
}

}  // namespace
}  // namespace tlblab
