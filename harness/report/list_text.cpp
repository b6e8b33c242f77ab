// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "harness/report/layout.h"
#include "harness/report/text.h"

namespace tlblab {
namespace {

std::vector<std::string> strings(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

std::string scenario(const ScenarioEntry& entry, std::size_t backends, const Paint& paint) {
  std::vector<std::string> arches;
  arches.reserve(entry.runs.size());
  for (const ScenarioRun& run : entry.runs) arches.emplace_back(run.arch);
  return "  " + paint.strong(entry.name) + "\n" + wrapped("      ", entry.line, "      ") +
         wrapped("      ",
                 fmt::format("on {}; {}; real threads: {}; thread {}; fixes: {}",
                             arches.size() == backends ? "every backend" : joined(arches),
                             counted(entry.cpus, "CPU"), entry.real_threads, entry.thread,
                             entry.fixes.empty() ? "none" : joined(strings(entry.fixes))),
                 "      ");
}

std::string backend(const BackendEntry& entry, const Paint& paint) {
  return "  " + paint.strong(entry.name) + "\n" +
         wrapped("      ",
                 fmt::format("memory {}; TLB: {}; filled by {}; a flush is due in {}", entry.memory,
                             entry.tlb, entry.filled_by, entry.debt_paid),
                 "      ") +
         wrapped("      ",
                 entry.interrupts_walkers ? "a flush waits for walkers with interrupts off"
                                          : "a flush does not wait for walkers",
                 "      ") +
         (entry.features.empty()
              ? std::string()
              : wrapped("      ", "features: " + joined(strings(entry.features)), "      ")) +
         (entry.options.empty()
              ? std::string()
              : wrapped("      ",
                        fmt::format("options, as in {}+{}: {}", entry.name, entry.options.front(),
                                    joined(strings(entry.options))),
                        "      "));
}

std::string fix(const FixInfo& info, const Paint& paint) {
  return fmt::format("  {}  ({}, {})\n", paint.strong(info.name), info.commit, info.year) +
         wrapped("      ", info.line, "      ") +
         (info.values == off_or_on
              ? std::string()
              : wrapped("      ", fmt::format("forms, for --set {}=: {}", info.name, info.values),
                        "      "));
}

}  // namespace

std::string list_text(const ListPage& page, const Paint& paint) {
  std::string out;
  const auto section = [&out](std::string_view title) {
    out.append(out.empty() ? "" : "\n").append(title).append("\n");
  };
  if (page.scenarios) {
    section("scenarios, for explore and stress:");
    for (const ScenarioEntry& entry : page.tables->scenarios)
      out += scenario(entry, page.tables->backends.size(), paint);
  }
  if (page.backends) {
    section("backends, for --arch:");
    for (const BackendEntry& entry : page.tables->backends) out += backend(entry, paint);
  }
  if (page.fixes) {
    section("fixes, for --without; all are on unless taken away:");
    for (const FixInfo& info : fix_table) out += fix(info, paint);
  }
  if (page.violations && page.brief) {
    section("violations that are looked for; tlblab explain NAME says what each is:");
    std::vector<std::string> names;
    names.reserve(page.violation_kinds.size());
    for (const NamedLine& kind : page.violation_kinds) names.push_back(kind.name);
    out += wrapped("  ", joined(names, " "), "  ");
  } else if (page.violations) {
    section("violations that are looked for:");
    for (const NamedLine& kind : page.violation_kinds)
      out += "  " + paint.strong(kind.name) + "\n" + wrapped("      ", kind.line, "      ");
  }
  return out;
}

}  // namespace tlblab
