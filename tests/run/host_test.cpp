// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/host.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <sys/utsname.h>

namespace tlblab {
namespace {

std::string fact(const Facts& facts, const std::string& name) {
  const auto found = std::ranges::find(facts, name, &std::pair<std::string, std::string>::first);
  return found == facts.end() ? std::string() : found->second;
}

TEST(HostFacts, NameTheKernel) {
  utsname name{};
  ASSERT_EQ(uname(&name), 0);
  EXPECT_EQ(fact(host_facts(), "kernel"), name.release);
}

TEST(HostFacts, HaveNoEmptyValuesAndNoNameTwice) {
  const Facts facts = host_facts();
  std::set<std::string> names;
  for (const auto& [name, value] : facts) {
    EXPECT_FALSE(value.empty()) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace tlblab
