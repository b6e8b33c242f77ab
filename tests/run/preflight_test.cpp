// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string bare_metal =
    "processor\t: 0\nmodel name\t: X\nflags\t\t: fpu vme hypervisor_not sse\n\n";
const std::string guest = "processor\t: 0\nflags\t\t: fpu hypervisor lahf_lm\n\n";

TEST(Preflight, FindsTheHypervisorFlagAsAWord) {
  EXPECT_TRUE(under_hypervisor(guest));
  EXPECT_TRUE(under_hypervisor("flags : a hypervisor"));
  EXPECT_FALSE(under_hypervisor(bare_metal));
  EXPECT_FALSE(under_hypervisor("flags : nohypervisor"));
  EXPECT_FALSE(under_hypervisor("model name : hypervisor\n"));
  EXPECT_FALSE(under_hypervisor(""));
}

TEST(Preflight, ReadsTheLoadOfOneMinute) {
  EXPECT_DOUBLE_EQ(load_of("2.70 2.54 1.81 3/299 4711\n"), 2.7);
  EXPECT_DOUBLE_EQ(load_of("0.00"), 0);
  EXPECT_LT(load_of(""), 0);
  EXPECT_LT(load_of("1,5 2 3"), 0);
}

TEST(Preflight, AQuietHostIsNotWarnedOf) {
  EXPECT_THAT(preflight({bare_metal, "0.20 0 0", "0\n", "performance\n"}, 2, 2, 8), IsEmpty());
  EXPECT_THAT(preflight({}, 2, 2, 8), IsEmpty());  // nothing could be read
  EXPECT_THAT(preflight({}, 2, 0, 8), IsEmpty());  // not pinned
}

TEST(Preflight, EachTroubleHasItsLine) {
  EXPECT_THAT(preflight({guest, "", "", ""}, 1, 1, 1), ElementsAre(HasSubstr("virtual machine")));
  EXPECT_THAT(preflight({"", "", "1\n", ""}, 1, 1, 1), ElementsAre(HasSubstr("SMT is on")));
  EXPECT_THAT(preflight({"", "", "", "powersave\n"}, 1, 1, 1),
              ElementsAre(HasSubstr("the governor is powersave")));
  EXPECT_THAT(preflight({}, 8, 2, 2), ElementsAre(HasSubstr("8 CPUs on 2 PUs")));
  EXPECT_THAT(preflight({"", "5.33 1 1", "", ""}, 1, 1, 2),
              ElementsAre(HasSubstr("a load of 5.3 on 2 processors")));
}

}  // namespace
}  // namespace tlblab
