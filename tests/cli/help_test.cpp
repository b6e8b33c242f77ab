// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/cli/command.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

bool plain(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

TEST(FirstScreen, IsSixLines) {
  const Typed said = typed({});
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  EXPECT_EQ(std::ranges::count(said.out, '\n'), 6);
  for (const char* command : {"tlblab explore ", "tlblab trace ", "tlblab demo", "tlblab --help"})
    EXPECT_THAT(said.out, HasSubstr(command));
  EXPECT_LE(longest_line(said.out), 100U);
}

TEST(Help, OfTheProgramNamesEveryCommand) {
  const Typed said = typed({"--help"});
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  for (const Command& command : commands()) {
    EXPECT_THAT(said.out, HasSubstr("\n  " + std::string(command.name)));
    EXPECT_THAT(said.out, HasSubstr(std::string(command.line.substr(0, 30))));
  }
  EXPECT_LE(longest_line(said.out), 80U);
  EXPECT_TRUE(plain(said.out));
  EXPECT_EQ(typed({"-h"}).out, said.out);
  EXPECT_EQ(typed({"help"}).out, said.out);
}

TEST(Help, OfEachCommandNamesEveryOptionAndGivesExamples) {
  for (const Command& command : commands()) {
    const std::string name(command.name);
    SCOPED_TRACE(name);
    const Typed said = typed({name, "--help"});
    EXPECT_EQ(said.code, 0);
    EXPECT_EQ(said.err, "");
    EXPECT_THAT(said.out, StartsWith("usage: tlblab " + name));
    for (const OptionSpec& option : command.options)
      EXPECT_THAT(said.out, HasSubstr("\n  " + std::string(option.name)));
    EXPECT_THAT(said.out, HasSubstr("\n  tlblab " + name));
    EXPECT_THAT(said.out, HasSubstr("exit codes: "));
    EXPECT_LE(longest_line(said.out), 80U);
    EXPECT_TRUE(plain(said.out));
    EXPECT_EQ(typed({"help", name}).out, said.out);
    EXPECT_EQ(typed({name, "-h"}).out, said.out);
  }
}

TEST(Help, ComesBeforeWhateverElseIsWrong) {
  EXPECT_EQ(typed({"trace", "--help"}).code, 0);
  EXPECT_EQ(typed({"trace", "--nonsense", "--help"}).code, 0);
  EXPECT_EQ(typed({"explore", "--cpus", "0", "--help"}).code, 0);
}

TEST(EveryCommand, HasJson) {
  for (const Command& command : commands()) {
    const auto has = std::ranges::count(command.options, "--json", &OptionSpec::name);
    EXPECT_EQ(has, 1) << command.name;
  }
}

TEST(Version, SaysWhatWasBuilt) {
  const Typed said = typed({"--version"});
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, testing::ContainsRegex("^tlblab [0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(said.out, HasSubstr("GPL-2.0-or-later"));
  EXPECT_THAT(typed({"--version", "--json"}).out, StartsWith(R"({"schema":"tlblab/version/1",)"));
}

}  // namespace
}  // namespace tlblab
