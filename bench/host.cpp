// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/host.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <thread>

#include <sched.h>

namespace tlblab::bench {
namespace {

Options the_options;

bool read_list(std::string_view text, std::vector<unsigned>& list) {
  list.clear();
  while (true) {
    unsigned value = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || (at != end && *at != ',')) return false;
    list.push_back(value);
    if (at == end) return true;
    text.remove_prefix(static_cast<std::size_t>(at - text.data()) + 1);
  }
}

std::vector<unsigned> allowed_units() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> units;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (unsigned unit = 0; unit < CPU_SETSIZE; ++unit)
    if (CPU_ISSET(unit, &set)) units.push_back(unit);
  return units;
}

void pin_this_thread(unsigned unit) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(unit, &set);
  // A refusal costs placement, not correctness.
  static_cast<void>(sched_setaffinity(0, sizeof set, &set));
}

}  // namespace

namespace {
std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    words.emplace_back(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(words.back().size() + 1, list.size()));
  }
  return words;
}
}  // namespace

bool take_options(int& argc, char** argv, Options& options) {
  options.units = allowed_units();
  options.cpus = {1};
  if (options.units.size() > 1) options.cpus.push_back(2);
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with("--arches=")) {
      options.arches = words_of(word.substr(word.find('=') + 1));
      continue;
    }
    const bool cpus = word.starts_with("--cpus="), units = word.starts_with("--units=");
    if (!cpus && !units) {
      argv[kept++] = argv[i];
      continue;
    }
    if (!read_list(word.substr(word.find('=') + 1), cpus ? options.cpus : options.units)) {
      std::fprintf(stderr, "%s: no list of numbers; type for instance %s=0,1\n", argv[i],
                   cpus ? "--cpus" : "--units");
      return false;
    }
  }
  argc = kept;
  the_options = options;
  return true;
}

const Options& options() { return the_options; }

std::vector<unsigned> units_for(unsigned cpus) {
  std::vector<unsigned> units;
  for (unsigned cpu = 0; cpu < cpus; ++cpu)
    units.push_back(the_options.units[cpu % the_options.units.size()]);
  return units;
}

void on_threads(unsigned threads, const std::function<void(unsigned)>& body) {
  const std::vector<unsigned> units = units_for(threads);
  std::vector<std::thread> running;
  running.reserve(threads);
  for (unsigned thread = 0; thread < threads; ++thread)
    running.emplace_back([&, thread] {
      pin_this_thread(units[thread]);
      body(thread);
    });
  for (std::thread& thread : running) thread.join();
}

double Turns::median() const {
  std::vector<double> sorted = seconds_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

void Turns::report(benchmark::State& state, unsigned items) {
  if (!seconds_.empty()) state.counters["ns"] = median() * 1e9 / items;
}

void add(std::string_view name,
         std::string_view part,
         unsigned cpus,
         const std::function<void(benchmark::State&)>& body) {
  const std::string full =
      std::string(name).append("/").append(part).append("/cpus:").append(std::to_string(cpus));
  benchmark::RegisterBenchmark(full.c_str(), body)->UseManualTime();
}

}  // namespace tlblab::bench
