// SPDX-License-Identifier: GPL-2.0-or-later
// The cache of upper levels.
#include "arch/hw/walk_cache.h"

#include <vector>

#include <gtest/gtest.h>

namespace tlblab::inline TLBLAB_WORLD::hw {

namespace {

constexpr TlbGeometry small{.walk_entries = 4};
constexpr vaddr_t base = 3ULL << 39;
constexpr std::uint64_t two_mib = 1ULL << 21, one_gib = 1ULL << 30;

class WalkCacheTest : public testing::Test {
 protected:
  WalkCacheTest() {
    EXPECT_TRUE(cache.init(small));
    for (unsigned level = 0; level < 3; ++level) {
      tables[level].level = level;
      tables[level].pfn = 10 + level;
    }
  }
  ~WalkCacheTest() override { cache.exit(); }
  const page* found(unsigned asid, vaddr_t va, unsigned level) {
    const WalkCache::Entry* entry = cache.lookup(asid, va, level);
    return entry == nullptr ? nullptr : entry->table.load(order::relaxed);
  }

  Machine machine{MachineOptions{}};
  WalkCache cache;
  page tables[3];
};

TEST_F(WalkCacheTest, ATableServesItsWholeSpan) {
  cache.insert(1, base + 5 * page_size, &tables[0], 0, 9);
  EXPECT_EQ(found(1, base, 0), &tables[0]);
  EXPECT_EQ(found(1, base + two_mib - 1, 0), &tables[0]);
  EXPECT_EQ(found(1, base + two_mib, 0), nullptr);
  EXPECT_EQ(found(1, base - 1, 0), nullptr);
  EXPECT_EQ(found(1, base, 1), nullptr) << "levels are apart";
  cache.insert(1, base, &tables[1], 0, 9);
  EXPECT_EQ(found(1, base + one_gib - 1, 1), &tables[1]);
  EXPECT_EQ(found(1, base + one_gib, 1), nullptr);
}

TEST_F(WalkCacheTest, AsidsAreApart) {
  cache.insert(1, base, &tables[0], 0, 9);
  EXPECT_EQ(found(0, base, 0), nullptr);
  EXPECT_EQ(found(2, base, 0), nullptr);
  cache.insert(2, base + two_mib, &tables[0], 0, 9);
  cache.invalidate_asid(1);
  EXPECT_EQ(found(1, base, 0), nullptr);
  EXPECT_EQ(found(2, base + two_mib, 0), &tables[0]);
}

TEST_F(WalkCacheTest, InvalidatingTakesEveryLevel) {
  for (const bool all : {false, true}) {
    for (unsigned level = 0; level < WalkCache::levels; ++level)
      cache.insert(1, base, &tables[level], 0, 9);
    if (all)
      cache.invalidate_all();
    else
      cache.invalidate_asid(1);
    for (unsigned level = 0; level < WalkCache::levels; ++level)
      EXPECT_EQ(found(1, base, level), nullptr);
  }
}

TEST_F(WalkCacheTest, OnePlaceForAddressesThatAreFarApart) {
  page other;
  cache.insert(1, base, &tables[0], 0, 9);
  cache.insert(1, base + small.walk_entries * two_mib, &other, 0, 9);
  EXPECT_EQ(found(1, base, 0), nullptr);
  EXPECT_EQ(found(1, base + small.walk_entries * two_mib, 0), &other);
}

TEST_F(WalkCacheTest, KnowsWhichLifeOfATableItHolds) {
  cache.insert(1, base, &tables[0], 5, 9);
  cache.insert(2, base + two_mib, &tables[0], 6, 8);
  const auto mms_of = [&](std::uint32_t generation) {
    std::vector<std::uint64_t> ids;
    cache.for_each_of(tables[0].pfn, generation, [&](std::uint64_t id) { ids.push_back(id); });
    return ids;
  };
  EXPECT_EQ(mms_of(5), std::vector<std::uint64_t>{9});
  EXPECT_EQ(mms_of(6), std::vector<std::uint64_t>{8});
  EXPECT_TRUE(mms_of(7).empty());
  cache.invalidate_asid(1);
  EXPECT_TRUE(mms_of(5).empty());
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD::hw
