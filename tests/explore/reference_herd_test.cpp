// SPDX-License-Identifier: GPL-2.0-or-later
// The reference against herd7: the final states of random programs under the kernel's model without
// load buffering, to the last state.
//
// Without the measured data (tests/support/measured_data.h) these tests are skipped.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/explore/program_text.h"
#include "tests/explore/reference.h"
#include "tests/support/measured_data.h"

namespace tlblab {
namespace {

using Json = nlohmann::json;

// Of a statement: function and arguments.
std::vector<std::string> words_of(const std::string& statement) {
  const std::size_t assigns = statement.find(" = ");
  std::string call = assigns == std::string::npos ? statement : statement.substr(assigns + 3);
  const auto in_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  std::ranges::replace_if(call, std::not_fn(in_word), ' ');
  std::istringstream words(call);
  return {std::istream_iterator<std::string>(words), {}};
}

unsigned index_of(const std::string& names, const std::string& word) {
  const auto at = names.find(word);
  if (word.size() != 1 || at == std::string::npos) throw std::invalid_argument(word);
  return static_cast<unsigned>(at);
}

struct Statement {
  OpKind kind;
  order o = order::relaxed;
  std::string arguments{};  // location, lock s, value, expected: l s v e
};

const std::map<std::string, Statement>& statements() {
  using enum OpKind;
  static const std::map<std::string, Statement> table{
      {"READ_ONCE", {load, order::relaxed, "l"}},
      {"smp_load_acquire", {load, order::acquire, "l"}},
      {"WRITE_ONCE", {store, order::relaxed, "lv"}},
      {"smp_store_release", {store, order::release, "lv"}},
      {"xchg", {exchange, order::full, "lv"}},
      {"xchg_relaxed", {exchange, order::relaxed, "lv"}},
      {"atomic_fetch_add", {add, order::full, "vl"}},
      {"atomic_fetch_add_relaxed", {add, order::relaxed, "vl"}},
      {"cmpxchg", {cmpxchg, order::full, "lev"}},
      {"cmpxchg_relaxed", {cmpxchg, order::relaxed, "lev"}},
      {"spin_lock", {lock, order::relaxed, "s"}},
      {"spin_unlock", {unlock, order::relaxed, "s"}},
      {"smp_mb", {mb}},
      {"smp_rmb", {rmb}},
      {"smp_wmb", {wmb}},
      {"rcu_read_lock", {read_lock}},
      {"rcu_read_unlock", {read_unlock}},
      {"synchronize_rcu", {synchronize}},
  };
  return table;
}

// Throws std::out_of_range for a statement that the data were not known to have.
SmallOp operation(const std::vector<std::string>& words) {
  const Statement& statement = statements().at(words.at(0));
  SmallOp op{.kind = statement.kind, .o = statement.o};
  for (std::size_t i = 0; i < statement.arguments.size(); ++i) {
    const std::string& word = words.at(i + 1);
    switch (statement.arguments[i]) {
      case 'l': op.where = index_of("xyz", word); break;
      case 's': op.where = index_of("st", word); break;
      case 'v': op.value = std::stoll(word); break;
      default: op.expected = std::stoll(word);
    }
  }
  return op;
}

// One statement a line, as the data have it.
SmallProgram translated(const std::string& text) {
  SmallProgram program{.locations = 3, .locks = 2, .threads = {}};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("P")) program.threads.emplace_back();
    if (line.starts_with("\t") && !line.starts_with("\tint "))
      program.threads.back().push_back(operation(words_of(line.substr(1))));
  }
  return program;
}

class ReferenceAgainstHerd : public testing::Test {
 protected:
  void SetUp() override {
    const auto file = measured_folder() / "litmus" / "random.json";
    if (!std::filesystem::exists(file)) GTEST_SKIP() << no_measured_data;
    std::ifstream text(file);
    tests = Json::parse(text)["tests"];
  }
  Json tests;
};

TEST_F(ReferenceAgainstHerd, HasTheSameStatesOfEveryProgram) {
  ASSERT_FALSE(tests.empty());
  for (const auto& [name, test] : tests.items()) {
    const SmallProgram program = translated(test["text"]);
    const std::set<std::string> herds = test["states"];
    std::set<std::string> ours;
    for (const FinalState& state : reference(program, MemoryModel::weak).states)
      ours.insert(to_text(program, state));
    EXPECT_EQ(ours, herds) << name << "\n" << to_text(program);
  }
}

std::vector<std::string> statement_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);)
    if (line.starts_with("\t")) lines.push_back(line);
  return lines;
}

TEST_F(ReferenceAgainstHerd, LosesNothingInTranslation) {
  for (const auto& [name, test] : tests.items())
    EXPECT_EQ(statement_lines(to_text(translated(test["text"]))), statement_lines(test["text"]))
        << name;
}

}  // namespace
}  // namespace tlblab
