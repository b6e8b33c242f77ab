// SPDX-License-Identifier: GPL-2.0-or-later
// What the compiler of tests and the compiler of processes share.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/explore/litmus/program.h"

namespace tlblab {

using LitmusNames = std::map<std::string, std::size_t, std::less<>>;

// Every location of the test by name.
class LitmusLocations {
 public:
  explicit LitmusLocations(std::vector<LitmusLocation>& list) : list_(list) {}

  std::size_t add(const std::string& name, std::string_view type) {
    const auto [entry, is_new] = index_.try_emplace(name, list_.size());
    if (is_new) list_.push_back({.name = name});
    if (type == "spinlock_t") list_[entry->second].lock = true;
    return entry->second;
  }
  [[nodiscard]] LitmusLocation& at(std::size_t index) { return list_[index]; }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::vector<LitmusLocation>& list_;
  LitmusNames index_;
};

// Registers that the initial state sets.
using LitmusRegisters = std::map<std::string, LitmusValue, std::less<>>;

// REQUIRES: all parameters are among the locations. Throws LitmusError.
[[nodiscard]] LitmusCode compile_process(const LitmusTest& test,
                                         std::size_t number,
                                         const LitmusLocations& locations,
                                         const LitmusRegisters& registers);

}  // namespace tlblab
