// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/preflight.h"

#include <charconv>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace tlblab {
namespace {

std::string contents(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string_view first_word(std::string_view text) noexcept {
  return text.substr(0, text.find_first_of(" \t\n"));
}

// The words of the first line that begins so.
std::string_view line_of(std::string_view text, std::string_view key) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key)) return line;
    at = end + 1;
  }
  return {};
}

}  // namespace

HostTexts read_host_texts() {
  return {.cpuinfo = contents("/proc/cpuinfo"),
          .loadavg = contents("/proc/loadavg"),
          .smt = contents("/sys/devices/system/cpu/smt/active"),
          .governor = contents("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")};
}

bool under_hypervisor(std::string_view cpuinfo) noexcept {
  std::string_view flags = line_of(cpuinfo, "flags");
  constexpr std::string_view word = "hypervisor";
  for (std::size_t at = flags.find(word); at != std::string_view::npos; at = flags.find(word, at)) {
    const std::size_t end = at + word.size();
    if (flags[at - 1] == ' ' && (end == flags.size() || flags[end] == ' ')) return true;
    at = end;
  }
  return false;
}

double load_of(std::string_view loadavg) noexcept {
  const std::string_view word = first_word(loadavg);
  double load = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), load);
  return error == std::errc() && end == word.data() + word.size() ? load : -1;
}

std::vector<std::string> preflight(const HostTexts& host,
                                   unsigned cpus,
                                   unsigned units,
                                   unsigned processors) {
  constexpr double other_work = 0.5;
  std::vector<std::string> warnings;
  if (under_hypervisor(host.cpuinfo))
    warnings.emplace_back(
        "a virtual machine: its processors can be taken away at any time, and interrupts cost more "
        "than on hardware");
  if (first_word(host.smt) == "1")
    warnings.emplace_back(
        "SMT is on: siblings share a core; choose units with --place, see tlblab topo");
  const std::string_view governor = first_word(host.governor);
  if (!governor.empty() && governor != "performance")
    warnings.push_back(fmt::format(
        "the governor is {}: the clock changes meanwhile; set it to performance", governor));
  if (units != 0 && cpus > units)
    warnings.push_back(
        fmt::format("oversubscribed, {} CPUs on {} PUs: timings mean nothing", cpus, units));
  if (const double load = load_of(host.loadavg); load > other_work)
    warnings.push_back(fmt::format(
        "a load of {:.1f} on {} processors: other programs run; wait until they have ended", load,
        processors));
  return warnings;
}

}  // namespace tlblab
