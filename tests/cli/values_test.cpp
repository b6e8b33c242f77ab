// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/cli/errors.h"

namespace tlblab {
namespace {

Arguments with(const std::string& option, std::vector<std::string> values) {
  Arguments arguments;
  arguments.options[option] = std::move(values);
  return arguments;
}

TEST(Duration, HasUnits) {
  EXPECT_DOUBLE_EQ(duration_from("10s"), 10);
  EXPECT_DOUBLE_EQ(duration_from("10"), 10);
  EXPECT_DOUBLE_EQ(duration_from("500ms"), 0.5);
  EXPECT_DOUBLE_EQ(duration_from("2m"), 120);
  EXPECT_DOUBLE_EQ(duration_from("2min"), 120);
  EXPECT_DOUBLE_EQ(duration_from("1.5h"), 5400);
  EXPECT_DOUBLE_EQ(duration_from(".5"), 0.5);
  EXPECT_DOUBLE_EQ(duration_from("0"), 0);
}

TEST(Duration, IsNegativeForWhatIsNone) {
  for (const char* text : {"", "s", "ten", "-1", "-0", "+1", "5 parsecs", "5 s", "1e3", "nan",
                           "inf", "1s2", "0x10", "1,5", "10S", "s10", " 1"})
    EXPECT_LT(duration_from(text), 0) << text;
}

TEST(CommaList, IsSplitAtCommas) {
  EXPECT_THAT(split_list("a,b"), testing::ElementsAre("a", "b"));
  EXPECT_THAT(split_list("a,,b,"), testing::ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split_list(""), testing::ElementsAre(""));
  EXPECT_THAT(list_value(with("--x", {"a,b", "c"}), "--x"), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(list_value(with("--x", {"a"}), "--y"), testing::IsEmpty());
}

TEST(Number, LastOneWinsAndBoundsCount) {
  EXPECT_EQ(number_value(with("--n", {"3", "4"}), "--n", 9, 1, 4), 4U);
  EXPECT_EQ(number_value(with("--m", {}), "--n", 9, 1, 4), 9U);
  EXPECT_EQ(number_value(with("--n", {"18446744073709551615"}), "--n", 0, 0, ~0ULL), ~0ULL);
  for (const char* text : {"0", "5", "", "-1", "1.0", " 1", "1 ", "0x1", "99999999999999999999"})
    EXPECT_THROW(static_cast<void>(number_value(with("--n", {text}), "--n", 9, 1, 4)), UsageError)
        << text;
}

TEST(Number, TheExampleInTheMessageIsAllowed) {
  try {
    static_cast<void>(number_value(with("--n", {"x"}), "--n", 0, 7, 9));
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("from 7 to 9; type for instance --n 7"));
  }
}

}  // namespace
}  // namespace tlblab
