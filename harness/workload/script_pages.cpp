// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/script_pages.h"

#include <algorithm>

#include <fmt/format.h>

namespace tlblab {
namespace {

std::string prot_name(const AreaSeen& area) {
  std::string name = "---p";
  if ((area.prot & script_read) != 0) name[0] = 'r';
  if ((area.prot & script_write) != 0) name[1] = 'w';
  if ((area.prot & script_exec) != 0) name[2] = 'x';
  if (area.shared) name[3] = 's';
  return name;
}

// Against the last look; the zero page has no frame of its own.
enum class Frame : std::uint8_t { unknown, same, changed };

Frame compare(const PageSeen& page, const PageSeen* before) noexcept {
  if (page.zero_page || !page.present || before == nullptr || !before->present)
    return Frame::unknown;
  return before->frame == page.frame ? Frame::same : Frame::changed;
}

// Of two pages beside each other that differ in nothing that a state says.
bool same_state(const PageSeen& a, const PageSeen& b) noexcept {
  const auto flags = [](const PageSeen& p) {
    return std::tuple(p.present, p.uffd_wp, p.zero_page, p.ksm, p.large, p.anon, p.exclusive,
                      p.file);
  };
  const auto value = [](const PageSeen& p) {
    const std::uint64_t tag = p.word & script_word_of::tag_mask;
    return tag == script_word_of::file_tag ? tag : p.word;
  };
  return flags(a) == flags(b) && (!a.present || value(a) == value(b));
}

std::string state_name(const PageSeen& page, Frame frame) {
  if (!page.present) return page.uffd_wp ? "swapbit uffdwp" : "swapbit";
  std::string name = "P " + value_name(page.word);
  const auto add = [&name](bool is, std::string_view flag) {
    if (is) name.append(" ").append(flag);
  };
  add(page.zero_page, "zeropage");
  add(page.ksm, "ksm");
  add(page.large, "thp");
  add(page.anon, "anon");
  add(page.exclusive, "excl");
  add(page.file, "file");
  add(page.uffd_wp, "uffdwp");
  add(frame == Frame::same, "same");
  add(frame == Frame::changed, "newframe");
  return name;
}

auto first_at(const std::vector<PageSeen>& pages, vaddr_t address) {
  return std::ranges::lower_bound(pages, address, {}, &PageSeen::address);
}

const PageSeen* page_at(const std::vector<PageSeen>& pages, vaddr_t address) {
  const auto at = first_at(pages, address);
  return at == pages.end() || at->address != address ? nullptr : &*at;
}

// What of a mapped area lies in [base, end), as runs of the area that begins at base.
class AreaRuns {
 public:
  AreaRuns(const SpaceSeen& seen, const SpaceSeen& before, vaddr_t base, vaddr_t end)
      : seen_(seen), before_(before), base_(base), end_(end) {}

  std::vector<PageRun> run() {
    for (const AreaSeen& area : seen_.areas)
      if (area.start < end_ && area.end > base_) add_area(area);
    return std::move(runs_);
  }

 private:
  void add_area(const AreaSeen& area) {
    const std::string prot = prot_name(area);
    const vaddr_t end = std::min(area.end, end_);
    vaddr_t at = std::max(area.start, base_);
    for (auto page = first_at(seen_.pages, at); page != seen_.pages.end() && page->address < end;) {
      add(at, page->address, prot + " -");
      const auto next = end_of_state(page, end);
      at = std::prev(next)->address + page_size;
      add(page->address, at,
          prot + " " + state_name(*page, compare(*page, page_at(before_.pages, page->address))));
      page = next;
    }
    add(at, end, prot + " -");
  }
  using Place = std::vector<PageSeen>::const_iterator;
  [[nodiscard]] Place end_of_state(Place from, vaddr_t end) const {
    const Frame frame = compare(*from, page_at(before_.pages, from->address));
    Place at = std::next(from);
    while (at != seen_.pages.end() && at->address < end &&
           at->address == std::prev(at)->address + page_size && same_state(*from, *at) &&
           compare(*at, page_at(before_.pages, at->address)) == frame)
      ++at;
    return at;
  }
  void add(vaddr_t from, vaddr_t to, const std::string& state) {
    if (from < to) add_run(runs_, (from - base_) / page_size, (to - from) / page_size, state);
  }

  const SpaceSeen &seen_, &before_;
  vaddr_t base_, end_;
  std::vector<PageRun> runs_;
};

// Mappings that some area of the script can name.
bool in_some_area(const std::vector<ScriptArea>& areas, const AreaSeen& seen) {
  return !areas.empty() && seen.start >= script_base && seen.start < script_keeper;
}

}  // namespace

std::string value_name(std::uint64_t word) {
  const std::uint64_t tag = word & script_word_of::tag_mask;
  if (word == 0) return "zero";
  if (tag == script_word_of::file_tag) return "file";
  if (tag == script_word_of::written_tag)
    return fmt::format("w{}", word & ~script_word_of::tag_mask);
  return fmt::format("{:#x}", word);  // nobody wrote that: a reader should see it
}

std::string place_name(const std::vector<ScriptArea>& areas, vaddr_t address) {
  const ScriptArea* last = nullptr;
  for (const ScriptArea& area : areas)
    if (area.base <= address) last = &area;
  if (last == nullptr) return fmt::format("{:#x}", address);
  return fmt::format("{}+{}", last->name, (address - last->base) / page_size);
}

void add_run(std::vector<PageRun>& runs,
             std::uint64_t offset,
             std::uint64_t count,
             std::string state) {
  if (!runs.empty() && runs.back().offset + runs.back().count == offset &&
      runs.back().state == state) {
    runs.back().count += count;
    return;
  }
  runs.push_back({offset, count, std::move(state)});
}

ScriptSpaceReport PageBook::note(const std::vector<ScriptArea>& areas, SpaceSeen seen) {
  ScriptSpaceReport report;
  for (const ScriptArea& area : areas)
    report.pages.emplace_back(
        area.name, AreaRuns(seen, last_, area.base, area.base + area.pages * page_size).run());
  for (const AreaSeen& mapped : seen.areas)
    if (in_some_area(areas, mapped))
      report.vmas.push_back(fmt::format("{}:{}:{}", place_name(areas, mapped.start),
                                        (mapped.end - mapped.start) / page_size,
                                        prot_name(mapped)));
  last_ = std::move(seen);
  return report;
}

}  // namespace tlblab
