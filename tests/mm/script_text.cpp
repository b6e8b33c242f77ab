// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/mm/script_text.h"

#include <sstream>

namespace tlblab {

namespace {

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void read_expectation(const std::string& text, ScriptLine& line) {
  if (text.starts_with("1:") || text.starts_with("2:"))
    line.events[text[0] == '1' ? 1 : 2] = trimmed(text.substr(2));
  else if (text.starts_with("faults "))
    line.faults = std::stoull(text.substr(7));
  else
    line.error = text;
}

}  // namespace

std::vector<ScriptLine> read_script(std::istream& text) {
  std::vector<ScriptLine> lines;
  std::string raw;
  for (unsigned number = 1; std::getline(text, raw); ++number) {
    ScriptLine line;
    line.number = number;
    const std::size_t hash = raw.find('#');
    std::istringstream operation(raw.substr(0, hash));
    for (std::string word; operation >> word;) line.words.push_back(word);
    std::istringstream expectations(hash == std::string::npos ? "" : raw.substr(hash + 1));
    for (std::string part; std::getline(expectations, part, '|');)
      read_expectation(trimmed(part), line);
    if (!line.words.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace tlblab
