// SPDX-License-Identifier: GPL-2.0-or-later
// The TLB of the simulated hardware: what it finds, what an invalidate takes, what pushes what out.
#include "arch/hw/tlb.h"

#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace tlblab::inline TLBLAB_WORLD::hw {

namespace {

constexpr TlbGeometry small{.sets = 8,
                            .ways = 4,
                            .huge_sets = 2,
                            .huge_ways = 2,
                            .giant_sets = 1,
                            .giant_ways = 2,
                            .walk_entries = 4,
                            .front = 4};
constexpr unsigned asids = 3;
constexpr std::uint64_t capacity = std::uint64_t{small.sets} * small.ways;

// What is under test needs no CPU that runs, only a machine's memory.
class TlbTest : public testing::Test {
 protected:
  TlbTest() { EXPECT_TRUE(tlb.init(small, asids)); }
  ~TlbTest() override { tlb.exit(); }

  // The frame number says which insert it was.
  void insert(unsigned asid, vaddr_t va, pfn_t number, unsigned size = 0, std::uint32_t flags = 0) {
    frames_[number].pfn = number;
    tlb.insert(asid, va, {.frame = &frames_[number], .flags = flags, .size = size}, true);
  }
  static constexpr pfn_t miss = ~0ULL;
  pfn_t found(unsigned asid, vaddr_t va) {
    const Tlb::Entry* entry = tlb.lookup(asid, va);
    return entry == nullptr ? miss : entry->frame.load(order::relaxed)->pfn;
  }
  std::vector<pfn_t> visited(vaddr_t start, vaddr_t end) {
    std::vector<pfn_t> frames;
    tlb.for_each(start, end, [&](const TlbView& view) { frames.push_back(view.data.frame->pfn); });
    std::sort(frames.begin(), frames.end());
    return frames;
  }

  Machine machine{MachineOptions{}};
  Tlb tlb;

 private:
  std::map<pfn_t, page> frames_;
};

constexpr vaddr_t base = 5ULL << 30;

TEST_F(TlbTest, FindsWhatWasPutThere) {
  EXPECT_EQ(found(0, base), miss);
  insert(0, base, 7, 0, tlb_write);
  EXPECT_EQ(found(0, base), 7U);
  EXPECT_EQ(tlb.lookup(0, base)->flags.load(order::relaxed) & 0xffff, tlb_write);
  EXPECT_EQ(found(0, base + page_size), miss);
  EXPECT_EQ(found(0, base - 1), miss);
}

TEST_F(TlbTest, AnEntryCoversItsSize) {
  for (unsigned size = 0; size < page_sizes; ++size) {
    const std::uint64_t bytes = 1ULL << size_shift(size);
    const vaddr_t start = base + (size + 1) * (8ULL << 30);
    insert(1, start + bytes / 2, 100 + size, size);
    EXPECT_EQ(found(1, start), 100U + size);
    EXPECT_EQ(found(1, start + bytes - 1), 100U + size);
    EXPECT_EQ(found(1, start - 1), miss);
    EXPECT_EQ(found(1, start + bytes), miss);
  }
}

TEST_F(TlbTest, AsidsAreApart) {
  insert(0, base, 1);
  insert(1, base, 2);
  EXPECT_EQ(found(0, base), 1U);
  EXPECT_EQ(found(1, base), 2U);
  EXPECT_EQ(found(2, base), miss);
  tlb.invalidate_asid(0);
  EXPECT_EQ(found(0, base), miss);
  EXPECT_EQ(found(1, base), 2U);
}

TEST_F(TlbTest, ANewEntryTakesThePlaceOfItsOld) {
  for (pfn_t n = 1; n <= 2 * small.ways; ++n) {
    insert(0, base, n);
    EXPECT_EQ(found(0, base), n);
  }
  EXPECT_EQ(visited(base, base + page_size), std::vector<pfn_t>{2 * small.ways});
}

// A sweep over as many pages as there is room for.
TEST_F(TlbTest, HoldsAsMuchAsItHasRoomFor) {
  for (pfn_t n = 0; n < capacity; ++n) insert(0, base + n * page_size, n);
  for (pfn_t n = 0; n < capacity; ++n) EXPECT_EQ(found(0, base + n * page_size), n);
}

TEST_F(TlbTest, OnePageTooManyPushesOneOut) {
  const std::uint64_t apart = small.sets * page_size;  // all in one set
  for (pfn_t n = 0; n <= small.ways; ++n) insert(0, base + n * apart, n);
  unsigned left = 0;
  for (pfn_t n = 0; n <= small.ways; ++n) left += found(0, base + n * apart) == n ? 1U : 0U;
  EXPECT_EQ(left, small.ways);
  EXPECT_EQ(found(0, base + small.ways * apart), small.ways) << "the newest stays";
}

TEST_F(TlbTest, WhatWasInvalidatedIsReplacedFirst) {
  const std::uint64_t apart = small.sets * page_size;
  for (pfn_t n = 0; n < small.ways; ++n) insert(n == 1 ? 1 : 0, base + n * apart, n);
  tlb.invalidate_page(0, base + 2 * apart);
  tlb.invalidate_asid(1);
  insert(0, base + 10 * apart, 10);
  insert(0, base + 11 * apart, 11);
  for (const pfn_t n : {0U, 3U, 10U, 11U}) EXPECT_EQ(found(0, base + n * apart), n);
}

// Every place of a full set is given away sooner or later.
TEST_F(TlbTest, NoWayIsKeptForEver) {
  const std::uint64_t apart = small.sets * page_size;
  for (pfn_t n = 0; n < 200; ++n) insert(0, base + n * apart, n);
  for (pfn_t n = 0; n < small.ways; ++n) EXPECT_EQ(found(0, base + n * apart), miss);
}

TEST_F(TlbTest, InvalidatingAPageTakesEverySize) {
  for (unsigned size = 0; size < page_sizes; ++size) insert(0, base, size, size);
  insert(0, base + page_size, 9);
  insert(1, base, 8);
  tlb.invalidate_page(0, base + 100);
  EXPECT_EQ(found(0, base), miss);
  EXPECT_EQ(found(0, base + (100ULL << 20)), miss) << "the 1 GiB entry is gone as a whole";
  EXPECT_EQ(found(0, base + page_size), 9U);
  EXPECT_EQ(found(1, base), 8U);
}

TEST_F(TlbTest, ALargeEntryGoesByAnyAddressInIt) {
  insert(0, base, 1, 1);
  tlb.invalidate_page(0, base + (1ULL << 21) - 1);
  EXPECT_EQ(found(0, base), miss);
}

// ---- 64 KiB, of 16 entries that say that they are one ---------------------------------------------

class ContiguousTlbTest : public testing::Test {
 protected:
  ContiguousTlbTest() { EXPECT_TRUE(tlb.init(small, asids, true)); }
  ~ContiguousTlbTest() override { tlb.exit(); }
  TlbData small_one(unsigned n, std::uint32_t flags = 0) {
    return {.frame = frames + n, .flags = flags};
  }
  TlbData block() { return {.frame = frames, .flags = tlb_contiguous, .size = contiguous_size}; }
  const page* found(vaddr_t va) {
    const Tlb::Entry* entry = tlb.lookup(0, va);
    return entry == nullptr ? nullptr : entry->frame.load(order::relaxed);
  }
  static vaddr_t at(unsigned n) { return base + n * page_size; }

  Machine machine{MachineOptions{}};
  Tlb tlb;
  page frames[2 * contiguous_pages];
};

TEST_F(ContiguousTlbTest, CoversSixteenPagesAndGoesByAnyOfThem) {
  for (const bool hinted : {false, true})
    for (unsigned n = 0; n < contiguous_pages; ++n) {
      tlb.insert(0, at(3), block(), true);
      EXPECT_EQ(found(at(0)), frames);
      EXPECT_EQ(found(at(15) + page_size - 1), frames);
      EXPECT_EQ(found(at(16)), nullptr);
      hinted ? tlb.invalidate_page(0, at(n), 0) : tlb.invalidate_page(0, at(n));
      EXPECT_EQ(found(at(3)), nullptr) << n;
    }
  tlb.insert(0, at(3), block(), true);
  tlb.invalidate_page(0, at(3), 1);
  EXPECT_EQ(found(at(3)), frames) << "of another level";
  unsigned seen = 0;
  tlb.for_each(at(9), at(10), [&](const TlbView& view) {
    EXPECT_EQ(view.va, base);
    EXPECT_EQ(view.size, contiguous_size);
    ++seen;
  });
  EXPECT_EQ(seen, 1U);
  tlb.invalidate_all();
  EXPECT_EQ(found(at(3)), nullptr);
}

TEST_F(ContiguousTlbTest, TwoSizesOfOnePageAreAConflict) {
  EXPECT_FALSE(tlb.conflicts(0, at(2), small_one(2)));
  tlb.insert(0, at(2), small_one(2), true);
  EXPECT_TRUE(tlb.conflicts(0, at(9), block()));
  tlb.insert(0, at(9), block(), true);
  EXPECT_TRUE(tlb.conflicts(0, at(5), small_one(5)));
  EXPECT_FALSE(tlb.conflicts(0, at(5), small_one(5, tlb_contiguous))) << "the same entry says so";
  EXPECT_FALSE(tlb.conflicts(0, at(5), small_one(6))) << "another page: not made of those 16";
  EXPECT_FALSE(tlb.conflicts(1, at(5), small_one(5))) << "of another address space";
}

// Small ones that hardware itself made of the 16 give way.
TEST_F(ContiguousTlbTest, SmallOnesOfTheSameEntriesGiveWay) {
  tlb.insert(0, at(2), small_one(2, tlb_contiguous), true);
  tlb.insert(0, at(4), small_one(20), true);
  EXPECT_FALSE(tlb.conflicts(0, at(9), block()));
  tlb.insert(0, at(9), block(), true);
  EXPECT_EQ(found(at(2)), frames);
  EXPECT_EQ(found(at(4)), frames);
}

// T37: what a stride of 2 MiB leaves behind.
TEST_F(TlbTest, InvalidatingAPageTakesNoOtherSmallPage) {
  insert(0, base + page_size, 1);
  tlb.invalidate_page(0, base);
  EXPECT_EQ(found(0, base + page_size), 1U);
}

TEST_F(TlbTest, InvalidatingAllTakesAll) {
  for (unsigned asid = 0; asid < asids; ++asid)
    for (unsigned size = 0; size < page_sizes; ++size) insert(asid, base, 1, size);
  tlb.invalidate_all();
  for (unsigned asid = 0; asid < asids; ++asid) EXPECT_EQ(found(asid, base), miss);
  EXPECT_TRUE(visited(0, ~0ULL).empty());
}

// Context numbers are used up one by one; no entry of an earlier holder of a number comes back.
TEST_F(TlbTest, NothingComesBackWhenContextNumbersRunOut) {
  insert(0, base, 1);
  insert(2, base, 2);
  tlb.invalidate_asid(0);
  constexpr unsigned more_than_there_are = (1U << 19) + 16;
  for (unsigned n = 0; n < more_than_there_are; ++n) {
    tlb.invalidate_asid(1);
    if (n % 1024 == 0 || n + 32 > 1U << 19) {
      ASSERT_EQ(found(0, base), miss) << n;
      ASSERT_EQ(found(1, base), miss) << n;
      const pfn_t other = found(2, base);
      ASSERT_TRUE(other == 2 || other == miss) << n;
    }
  }
  for (unsigned asid = 0; asid < asids; ++asid) insert(asid, base, 10 + asid);
  for (unsigned asid = 0; asid < asids; ++asid) EXPECT_EQ(found(asid, base), 10U + asid);
}

TEST_F(TlbTest, ForEachVisitsWhatOverlapsOnce) {
  insert(0, base, 1);
  insert(1, base, 2);
  insert(0, base + page_size, 3);
  insert(0, base, 4, 1);
  insert(0, base + (64ULL << 30), 5, 2);
  insert(0, base + 2 * page_size, 6);
  tlb.invalidate_page(1, base);
  using Frames = std::vector<pfn_t>;
  EXPECT_EQ(visited(base, base + page_size), (Frames{1, 4}));
  EXPECT_EQ(visited(base + page_size, base + 3 * page_size), (Frames{3, 4, 6}));
  EXPECT_EQ(visited(base + (1ULL << 21) - page_size, base + (1ULL << 21)), (Frames{4}));
  EXPECT_EQ(visited(base + (64ULL << 30) + (1ULL << 29), base + (65ULL << 30)), (Frames{5}));
  EXPECT_EQ(visited(0, 1ULL << 47), (Frames{1, 3, 4, 5, 6}));
  EXPECT_EQ(visited(0, base), Frames{});
}

TEST_F(TlbTest, AViewIsOfOneEntry) {
  page frame;
  const TlbData data{.frame = &frame,
                     .host = &frame,
                     .flags = tlb_write | tlb_exec,
                     .size = 1,
                     .frame_generation = 3,
                     .slot_changes = 4,
                     .slot = 55,
                     .mm_id = 6};
  tlb.insert(2, base + page_size, data, true);
  unsigned seen = 0;
  tlb.for_each(base, base + 1, [&](const TlbView& view) {
    ++seen;
    EXPECT_EQ(view.va, base);
    EXPECT_EQ(view.size, 1U);
    EXPECT_EQ(view.data.frame, &frame);
    EXPECT_EQ(view.data.host, &frame);
    EXPECT_EQ(view.data.flags, tlb_write | tlb_exec);
    EXPECT_EQ(view.data.frame_generation, 3U);
    EXPECT_EQ(view.data.slot_changes, 4U);
    EXPECT_EQ(view.data.slot, 55U);
    EXPECT_EQ(view.data.mm_id, 6U);
  });
  EXPECT_EQ(seen, 1U);
}

TEST_F(TlbTest, HighAddressesKeepAllTheirBits) {
  const vaddr_t high = (1ULL << 56) - page_size;
  insert(0, high, 1);
  EXPECT_EQ(found(0, high), 1U);
  EXPECT_EQ(found(0, high & ((1ULL << 47) - 1)), miss);
  EXPECT_EQ(visited(high, high + page_size), std::vector<pfn_t>{1});
}

// ---- the front ----------------------------------------------------------------------------------

class FrontTest : public TlbTest {
 protected:
  // An entry for va, used once.
  void use(vaddr_t va, bool write, unsigned size = 0) {
    insert(0, va, 1, size);
    tlb.remember(*tlb.lookup(0, va), va, write, &bytes_[va % page_size]);
  }
  bool known(vaddr_t va, bool write) {
    void* host = nullptr;
    return tlb.front(va, write, host) && host == &bytes_[va % page_size];
  }

 private:
  std::byte bytes_[page_size]{};
};

TEST_F(FrontTest, KnowsAPageForWhatItWasUsedFor) {
  EXPECT_FALSE(known(base, false));
  use(base + 16, false);
  EXPECT_TRUE(known(base, false));
  EXPECT_TRUE(known(base + page_size - 8, false));
  EXPECT_FALSE(known(base, true));  // reading gave no right to write
  EXPECT_FALSE(known(base + page_size, false));
  use(base, true);
  EXPECT_TRUE(known(base + 8, true));
}

TEST_F(FrontTest, AddressesThatDifferHighUpAreApart) {
  use(base, false);
  for (unsigned bit = page_shift; bit < 64; ++bit)
    EXPECT_FALSE(known(base ^ (1ULL << bit), false)) << bit;
}

TEST_F(FrontTest, PagesOfOnePlacePushEachOtherOut) {
  use(base, false);
  use(base + small.front * page_size, false);
  EXPECT_FALSE(known(base, false));
  EXPECT_TRUE(known(base + small.front * page_size, false));
}

TEST_F(FrontTest, LargerPagesStayOutside) {
  use(base, false, 1);
  EXPECT_FALSE(known(base, false));
}

TEST_F(FrontTest, EveryInvalidateEmptiesIt) {
  const auto fill = [this] {
    for (const bool write : {false, true}) use(base, write);
    use(base + page_size, false);
  };
  fill();
  tlb.invalidate_page(0, base + 8);
  EXPECT_FALSE(known(base, false));
  EXPECT_FALSE(known(base, true));
  EXPECT_TRUE(known(base + page_size, false));
  for (const auto empty : {&Tlb::invalidate_all, &Tlb::forget_front}) {
    fill();
    (tlb.*empty)();
    EXPECT_FALSE(known(base, false));
    EXPECT_FALSE(known(base + page_size, false));
  }
  fill();
  tlb.invalidate_asid(0);
  EXPECT_FALSE(known(base, true));
}

// Epochs are few: what was known in one must not come back with its number.
TEST_F(FrontTest, ForgottenStaysForgotten) {
  use(base, false);
  for (std::uint64_t n = 0; n < 3 * page_size; ++n) {
    tlb.forget_front();
    ASSERT_FALSE(known(base, false)) << n;
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD::hw
