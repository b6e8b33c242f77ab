// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/columns.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "harness/report/layout.h"

namespace tlblab {
namespace {

constexpr std::string_view mark = "=> ";
constexpr std::size_t least_width = 15;  // of a column; narrower ones are no help
constexpr std::size_t overlap = 4;       // into the next column, which is empty in that row
constexpr std::string_view hanging = " ";

struct Layout {
  std::size_t gutter = 0;  // width of mark and number
  std::vector<unsigned>
      cpus;               // of the columns, in order; empty: too many, the CPU is said in words
  std::size_t width = 0;  // from one column to the next

  [[nodiscard]] std::size_t start(unsigned cpu) const {
    const auto at = std::ranges::find(cpus, cpu) - cpus.begin();
    return cpus.empty() ? gutter : gutter + std::size_t(at) * width;
  }
  [[nodiscard]] std::size_t room(unsigned cpu) const {
    const std::size_t to_the_edge = text_width - start(cpu);
    return cpus.empty() || cpu == cpus.back() ? to_the_edge
                                              : std::min(width + overlap, to_the_edge);
  }
};

Layout layout_of(const std::vector<const TraceStep*>& rows) {
  Layout layout;
  layout.gutter = mark.size() + std::to_string(rows.back()->step).size() + 2;
  for (const TraceStep* row : rows)
    if (std::ranges::find(layout.cpus, row->cpu) == layout.cpus.end())
      layout.cpus.push_back(row->cpu);
  std::ranges::sort(layout.cpus);
  // The last column takes what is left over, and a little more: it has none to overlap.
  const std::size_t room = text_width - layout.gutter - (layout.cpus.size() > 1 ? overlap : 0);
  layout.width = room / layout.cpus.size();
  if (layout.width < least_width) layout.cpus.clear();
  return layout;
}

std::string header(const Layout& layout) {
  std::string line;
  for (unsigned cpu : layout.cpus) {
    line.resize(layout.start(cpu), ' ');
    line += fmt::format("CPU{}", cpu);
  }
  return line.empty() ? line : line + "\n";
}

// Length of the first word; "page 3" and "table 3" are one.
std::size_t first_word(std::string_view text) {
  std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  if ((word == "page" || word == "table") && end + 1 < text.size() && text[end + 1] >= '0' &&
      text[end + 1] <= '9')
    end = std::min(text.find(' ', end + 1), text.size());
  return end;
}

// Lines of at most `room`; a word that is longer is cut.
std::vector<std::string> lines_of(std::string_view text, std::size_t room) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = first_word(text);
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const bool fresh = line.empty() || line == hanging;
    if (!fresh && line.size() + 1 + word.size() > room) {
      lines.push_back(std::exchange(line, hanging));
    } else if (!fresh) {
      line += ' ';
    }
    for (; line.size() + word.size() > room; line = hanging) {
      const std::size_t part = room - line.size();
      lines.push_back(line + std::string(word.substr(0, part)));
      word.remove_prefix(part);
    }
    line += word;
  }
  if (!line.empty() && line != hanging) lines.push_back(std::move(line));
  return lines;
}

std::string row_text(const TraceStep& row, bool numbered, const Layout& layout) {
  const std::string text =
      layout.cpus.empty() ? fmt::format("CPU{}: {}", row.cpu, row.text) : row.text;
  std::string out;
  std::string first = row.violating ? std::string(mark) : std::string(mark.size(), ' ');
  if (numbered || row.violating) first += std::to_string(row.step);
  for (std::string& line : lines_of(text, layout.room(row.cpu))) {
    first.resize(layout.start(row.cpu), ' ');
    out += first + line + "\n";
    first.clear();
  }
  return out;
}

}  // namespace

std::string cpu_columns(const std::vector<TraceStep>& trace, bool all, const Paint& paint) {
  std::vector<const TraceStep*> rows;
  for (const TraceStep& row : trace)
    if (all || row.key) rows.push_back(&row);
  if (rows.empty()) return {};
  const Layout layout = layout_of(rows);
  std::string out = header(layout);
  const TraceStep* before = nullptr;
  for (const TraceStep* row : rows) {
    const bool numbered = before == nullptr || before->step != row->step || before->cpu != row->cpu;
    const std::string text = row_text(*row, numbered, layout);
    out += row->violating ? paint.bad(text.substr(0, text.size() - 1)) + "\n" : text;
    before = row;
  }
  return out;
}

std::vector<TraceStep> key_rows(const std::vector<TraceStep>& trace) {
  std::vector<TraceStep> rows;
  std::ranges::copy_if(trace, std::back_inserter(rows), &TraceStep::key);
  return rows;
}

}  // namespace tlblab
