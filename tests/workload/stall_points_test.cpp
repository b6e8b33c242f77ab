// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/stall_points.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlblab {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(parse_stall_points(text));
  } catch (const StallPointError& error) {
    return error.what();
  }
  return "";
}

TEST(StallPoints, AreAPlaceOfOneActorOrOfAll) {
  const std::vector<StallPoint> points = parse_stall_points("flush,2:ptl_acquire,0:flush");
  ASSERT_EQ(points.size(), 3U);
  EXPECT_FALSE(points[0].role.has_value());
  EXPECT_FALSE(points[0].after.has_value());
  EXPECT_EQ(points[1].role, 2U);
  EXPECT_EQ(points[1].after, EventKind::ptl_acquire);
  EXPECT_EQ(points[2].role, 0U);
  EXPECT_EQ(points[2].text, "0:flush");
  EXPECT_TRUE(parse_stall_points("1:anywhere").front().anywhere);
}

TEST(StallPoints, RefusalsSayWhatToType) {
  EXPECT_THAT(refusal("flsh"), HasSubstr("type one of flush, anywhere, page_fault, ptl_acquire"));
  EXPECT_THAT(refusal("x:flush"), HasSubstr("type 0:flush"));
  for (const char* text :
       {"", ",", "flush,", ":flush", "0:", "-1:flush", "0 :flush", "99999999999:flush"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(StallPoints, AnyTextIsReadOrRefused) {
  std::minstd_rand random(1);
  unsigned read = 0;
  constexpr std::string_view letters = "01:,flushpte_changx";
  for (unsigned n = 0; n < 20'000; ++n) {
    std::string text = "1:flush,pte_change";
    for (unsigned change = random() % 4; change > 0; --change)
      text[random() % text.size()] = letters[random() % letters.size()];
    if (refusal(text).empty()) ++read;
  }
  EXPECT_GT(read, 5'000U);
  EXPECT_LT(read, 15'000U);
}

}  // namespace
}  // namespace tlblab
