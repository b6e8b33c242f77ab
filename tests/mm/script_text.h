// SPDX-License-Identifier: GPL-2.0-or-later
// A measured sequence of operations, as in tests/mm/data: one a line, and behind a # what the real
// kernel did (Linux 6.18, x86-64):
//
//   munmap A 0 8    # 1: L18 | 2: I18 L18 R18 | EINVAL | faults 8
//
// 1: with the mm loaded on one CPU, 2: on two, of which the second does nothing but run it. L is a
// flush on the initiating CPU, I an interrupt asked for, R a flush on another CPU, with the pages
// of each; c before it: in the child. Then the error or signal, and the page faults. What is not
// said was not the same in every run.
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tlblab {

struct ScriptLine {
  unsigned number = 0;
  std::vector<std::string> words;
  std::map<unsigned, std::string> events;  // by CPUs that have the mm loaded
  std::string error;
  std::optional<std::uint64_t> faults;
};
std::vector<ScriptLine> read_script(std::istream& text);

}  // namespace tlblab
