// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/knowledge.h"

#include <gtest/gtest.h>

#include "harness/workload/abi.h"

namespace tlblab {
namespace {

constexpr vaddr_t a = 0x7f0000000000;
constexpr unsigned write_absent = 0x6, read_absent = 0x4, write_present = 0x7;

constexpr Range pages(std::uint64_t first, std::uint64_t count) {
  return {a + first * page_size, a + (first + count) * page_size};
}
constexpr vaddr_t page(std::uint64_t index) { return a + index * page_size; }

TEST(Range, CoversTheTouchedPagesAndNeverOverflows) {
  EXPECT_EQ(pages_of(0x1001, 1), (Range{0x1000, 0x2000}));
  EXPECT_EQ(pages_of(0x1000, 0x1001), (Range{0x1000, 0x3000}));
  EXPECT_TRUE(pages_of(0x1000, 0).empty());
  EXPECT_EQ(pages_of(0x1000, ~0ULL), (Range{0x1000, user_end}));
  EXPECT_TRUE(pages_of(~0ULL, ~0ULL).empty());
  EXPECT_EQ(page_up(~0ULL), user_end);
  EXPECT_EQ(page_of(0x1fff), (Range{0x1000, 0x2000}));
  EXPECT_EQ(first_pages({0x1000, 0x9000}, 2), (Range{0x1000, 0x3000}));
  EXPECT_EQ(first_pages({0x1000, 0x9000}, ~0ULL), (Range{0x1000, 0x9000}));
}

TEST(PageStates, EraseKeepsWhatIsAround) {
  PageStates states;
  for (std::uint64_t index = 0; index < 2000; ++index) states.set(page(index), PageState::written);
  states.erase(pages(100, 1500));
  for (std::uint64_t index = 0; index < 2000; ++index)
    EXPECT_EQ(states.at(page(index)),
              index < 100 || index >= 1600 ? PageState::written : PageState::absent)
        << index;
}

TEST(PageStates, MoveTakesStatesAlong) {
  PageStates states;
  states.set(page(1), PageState::written);
  states.set(page(600), PageState::zero);
  states.move(pages(0, 601), page(5000) - page(0));
  EXPECT_EQ(states.at(page(1)), PageState::absent);
  EXPECT_EQ(states.at(page(5001)), PageState::written);
  EXPECT_EQ(states.at(page(5600)), PageState::zero);
}

TEST(Knowledge, ACallIsKnownIfAllThatIsTrackedIsAnonymous) {
  Knowledge known;
  EXPECT_FALSE(known.known(pages(0, 10)));
  known.mapped(pages(2, 2), Backing::anonymous);
  EXPECT_TRUE(known.known(pages(0, 10)));  // the rest is untracked
  EXPECT_FALSE(known.known(pages(4, 10)));
  EXPECT_FALSE(known.all_tracked(pages(0, 10)));
  EXPECT_TRUE(known.all_tracked(pages(2, 2)));
  known.mapped(pages(5, 1), Backing::other);
  EXPECT_FALSE(known.known(pages(0, 10)));
  EXPECT_TRUE(known.known(pages(0, 5)));
  known.unmapped(pages(5, 1));
  EXPECT_TRUE(known.known(pages(0, 10)));
}

TEST(Knowledge, WhatACallUnmappedIsVacatedUntilItIsMappedAgain) {
  Knowledge known;
  EXPECT_FALSE(known.vacated(page(1)));
  known.mapped(pages(0, 4), Backing::anonymous);
  known.unmapped(pages(1, 2));
  EXPECT_FALSE(known.vacated(page(0)));
  EXPECT_TRUE(known.vacated(page(1)));
  known.mapped(pages(1, 1), Backing::other);
  EXPECT_FALSE(known.vacated(page(1)));
  EXPECT_TRUE(known.vacated(page(2)));
}

TEST(Knowledge, FaultsAreToldApartByTheStateOfThePage) {
  Knowledge known;
  known.mapped(pages(0, 10), Backing::anonymous);
  EXPECT_EQ(known.fault(page(0), write_absent).kind, FaultKind::write);
  EXPECT_TRUE(known.fault(page(0), write_absent).known);
  known.touched(page(0), false);
  EXPECT_EQ(known.state(page(0)), PageState::zero);
  EXPECT_EQ(known.fault(page(0), write_present).kind, FaultKind::write);
  EXPECT_TRUE(known.fault(page(0), write_present).known);
  known.touched(page(0), true);
  EXPECT_EQ(known.state(page(0)), PageState::written);
  EXPECT_EQ(known.fault(page(0), write_present).kind, FaultKind::cow);
  EXPECT_FALSE(known.fault(page(0), write_present).known);
  known.touched(page(0), false);
  EXPECT_EQ(known.state(page(0)), PageState::written);
  EXPECT_EQ(known.fault(page(1), read_absent).kind, FaultKind::read);
}

TEST(Knowledge, FaultsElsewhereAreNotKnown) {
  Knowledge known;
  known.mapped(pages(0, 1), Backing::other);
  known.touched(page(0), false);
  EXPECT_EQ(known.state(page(0)), PageState::other);
  EXPECT_FALSE(known.fault(page(0), write_present).known);
  EXPECT_EQ(known.fault(page(0), write_present).kind, FaultKind::write);
  EXPECT_FALSE(known.fault(page(9), write_absent).known);
  EXPECT_FALSE(known.fault(~0ULL, write_absent).known);
}

TEST(Knowledge, AForkInheritsACopy) {
  Knowledge parent;
  parent.mapped(pages(0, 6), Backing::anonymous);
  for (std::uint64_t index = 0; index < 6; ++index) parent.touched(page(index), true);
  parent.advised(pages(2, 1), abi::madv_dontfork);
  parent.advised(pages(4, 1), abi::madv_wipeonfork);
  const auto child = parent.forked();
  EXPECT_TRUE(child->known(pages(0, 1)));
  EXPECT_EQ(child->state(page(0)), PageState::written);
  EXPECT_FALSE(child->tracked(pages(2, 1)));
  EXPECT_TRUE(child->tracked(pages(4, 1)));
  EXPECT_EQ(child->state(page(4)), PageState::absent);
  child->unmapped(pages(0, 6));
  EXPECT_TRUE(parent.known(pages(0, 6)));
  parent.advised(pages(2, 1), abi::madv_dofork);
  EXPECT_TRUE(parent.forked()->all_tracked(pages(0, 6)));
}

TEST(Knowledge, DontneedForgetsPagesAndNothingElse) {
  Knowledge known;
  known.mapped(pages(0, 4), Backing::anonymous);
  known.touched(page(1), true);
  known.touched(page(3), true);
  known.advised(pages(0, 2), abi::madv_dontneed);
  EXPECT_EQ(known.state(page(1)), PageState::absent);
  EXPECT_EQ(known.state(page(3)), PageState::written);
  EXPECT_TRUE(known.all_tracked(pages(0, 4)));
}

TEST(Knowledge, AdviceThatLooksAtAccessedBitsIsNotKnown) {
  Knowledge known;
  known.mapped(pages(0, 4), Backing::anonymous);
  EXPECT_TRUE(known.known_advice(pages(0, 4), abi::madv_dontneed));
  EXPECT_TRUE(known.known_advice(pages(0, 4), abi::madv_dontfork));
  EXPECT_FALSE(known.known_advice(pages(0, 4), abi::madv_free));
  EXPECT_FALSE(known.known_advice(pages(0, 4), abi::madv_pageout));
  EXPECT_FALSE(known.known_advice(pages(5, 4), abi::madv_dontneed));
  known.touched(page(0), true);
  known.advised(pages(0, 4), abi::madv_free);
  EXPECT_EQ(known.state(page(0)), PageState::other);
}

// As the rule was decided: huge pages are not told apart, so nothing becomes unknown by them.
TEST(Knowledge, AdviceAboutHugePagesChangesNothing) {
  Knowledge known;
  known.mapped(pages(0, 2048), Backing::anonymous);
  known.advised(pages(1, 1500), abi::madv_hugepage);
  EXPECT_TRUE(known.known(pages(0, 2048)));
  EXPECT_EQ(known.fault(page(600), write_absent).kind, FaultKind::write);
  EXPECT_TRUE(known.fault(page(600), write_absent).known);
}

TEST(Knowledge, BrkIsKnownFromTheSecondCallOn) {
  Knowledge known;
  const BrkKnowledge first = known.brk(0, a);
  EXPECT_EQ(first.kind, BrkKind::query);
  EXPECT_FALSE(first.known);
  known.set_brk(first);
  EXPECT_FALSE(known.tracked(pages(0, 100)));

  const BrkKnowledge grow = known.brk(a + 0x3000, a + 0x3000);
  EXPECT_EQ(grow.kind, BrkKind::grow);
  EXPECT_TRUE(grow.known);
  known.set_brk(grow);
  EXPECT_TRUE(known.all_tracked(pages(0, 3)));
  known.touched(page(2), true);

  const BrkKnowledge shrink = known.brk(a + 0x1800, a + 0x1800);
  EXPECT_EQ(shrink.kind, BrkKind::shrink);
  known.set_brk(shrink);
  EXPECT_TRUE(known.all_tracked(pages(0, 2)));
  EXPECT_FALSE(known.tracked(pages(2, 1)));
  EXPECT_EQ(known.state(page(2)), PageState::absent);

  EXPECT_EQ(known.brk(0, a + 0x1800).kind, BrkKind::query);
  EXPECT_TRUE(known.brk(0, a + 0x1800).known);
  const BrkKnowledge failed = known.brk(a + 0x9000, a + 0x1800);
  EXPECT_EQ(failed.kind, BrkKind::grow);
  known.set_brk(failed);
  EXPECT_FALSE(known.tracked(pages(2, 8)));
}

TEST(Knowledge, MovesCarryMappingsAndStates) {
  Knowledge known;
  known.mapped(pages(0, 4), Backing::anonymous);
  known.touched(page(1), true);
  known.moved(pages(0, 4), pages(100, 6), false);
  EXPECT_FALSE(known.tracked(pages(0, 4)));
  EXPECT_TRUE(known.all_tracked(pages(100, 6)));
  EXPECT_EQ(known.state(page(101)), PageState::written);
  EXPECT_EQ(known.state(page(1)), PageState::absent);

  known.moved(pages(100, 6), pages(200, 1), false);  // shorter
  EXPECT_TRUE(known.tracked(pages(200, 1)));
  EXPECT_FALSE(known.tracked(pages(201, 5)));
  EXPECT_EQ(known.state(page(201)), PageState::absent);
}

TEST(Knowledge, MovesInPlaceAndThoseThatLeaveTheSource) {
  Knowledge known;
  known.mapped(pages(0, 4), Backing::anonymous);
  known.touched(page(3), true);
  known.moved(pages(0, 4), pages(0, 8), false);
  EXPECT_TRUE(known.all_tracked(pages(0, 8)));
  EXPECT_EQ(known.state(page(3)), PageState::written);
  known.moved(pages(0, 8), pages(0, 2), false);
  EXPECT_FALSE(known.tracked(pages(2, 6)));

  known.touched(page(0), true);
  known.moved(pages(0, 2), pages(50, 2), true);
  EXPECT_TRUE(known.all_tracked(pages(0, 2)));
  EXPECT_EQ(known.state(page(0)), PageState::absent);
  EXPECT_EQ(known.state(page(50)), PageState::written);
}

}  // namespace
}  // namespace tlblab
