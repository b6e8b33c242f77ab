// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/layout.h"

#include <algorithm>

#include <fmt/format.h>

namespace tlblab {

std::string wrapped(std::string_view first,
                    std::string_view text,
                    std::string_view indent,
                    std::size_t width) {
  constexpr std::string_view space = " \t\r\n";
  std::string out(first);
  std::size_t column = first.size();
  bool fresh = true;  // nothing but `first` or `indent` stands in the line
  for (std::size_t at = text.find_first_not_of(space); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(space, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (!fresh && column + 1 + word.size() > width) {
      out.append("\n").append(indent);
      column = indent.size();
      fresh = true;
    }
    if (!fresh) out += ' ';
    out += word;
    column += word.size() + (fresh ? 0 : 1);
    fresh = false;
    at = text.find_first_not_of(space, end);
  }
  std::ranges::replace(out, hard_blank, ' ');
  return out += '\n';
}

std::string joined(const std::vector<std::string>& words,
                   std::string_view between,
                   std::string_view last) {
  std::string out;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (at != 0) out += at + 1 == words.size() && !last.empty() ? last : between;
    out += words[at];
  }
  return out;
}

std::vector<std::size_t> Columns::widths() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t cell = 0; cell + 1 < row.size() || (cell < row.size() && cell >= left_);
         ++cell)
      widths[cell] = std::max(widths[cell], row[cell].size());
  }
  return widths;
}

std::string Columns::text() const {
  const std::vector<std::size_t> widths = this->widths();
  std::string out;
  for (const auto& row : rows_) {
    std::string line = indent_;
    for (std::size_t cell = 0; cell < row.size(); ++cell) {
      if (cell != 0) line += "  ";
      line += cell < left_ ? fmt::format("{:<{}}", row[cell], widths[cell])
                           : fmt::format("{:>{}}", row[cell], widths[cell]);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out.append(line).append("\n");
  }
  return out;
}

std::string readable_seconds(double seconds, char blank) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr Unit units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}};
  for (const Unit& unit : units)
    if (seconds >= unit.size) {
      const double value = seconds / unit.size;
      return fmt::format("{:.{}f}{}{}", value,
                         value < 10    ? 2
                         : value < 100 ? 1
                                       : 0,
                         blank, unit.name);
    }
  return fmt::format("{:.0f}{}ns", seconds * 1e9, blank);
}

std::string counted(std::uint64_t number, std::string_view one) {
  const char* ending = number == 1 ? "" : one.ends_with('s') ? "es" : "s";
  return fmt::format("{} {}{}", number, one, ending);
}

}  // namespace tlblab
