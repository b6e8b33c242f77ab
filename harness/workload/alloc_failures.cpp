// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/alloc_failures.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace tlblab {

namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();
// As many as the explorer can choose from at once, and no schedule would be repeated with more.
constexpr unsigned widest_range = 1U << 16;

[[noreturn]] void refuse(std::string_view rule, std::string_view what, std::string_view instead) {
  throw AllocRuleError(fmt::format("'{}': {}; type {}", rule, what, instead));
}

std::uint64_t number_in(std::string_view rule,
                        std::string_view key,
                        std::string_view text,
                        std::uint64_t least,
                        std::uint64_t most) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || at != end || value < least || value > most)
    refuse(rule, fmt::format("{}={} is no whole number from {} on", key, text, least),
           fmt::format("for instance {}=3", key));
  return value;
}

AllocSite site_in(std::string_view rule, std::string_view text) {
  const auto at = std::ranges::find(alloc_site_names, text);
  if (at == alloc_site_names.end())
    refuse(rule, fmt::format("there is no site '{}'", text),
           fmt::format("one of {}", fmt::join(alloc_site_names, ", ")));
  return static_cast<AllocSite>(at - alloc_site_names.begin());
}

double rate_in(std::string_view rule, std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc() || at != end || !(value > 0) || value > 1)
    refuse(rule, fmt::format("rate={} is no probability above 0 and up to 1", text),
           "for instance rate=0.01");
  return value;
}

// N or N-M.
void set_numbers(AllocRule& rule, std::string_view text) {
  const std::size_t dash = text.find('-');
  rule.first = number_in(rule.text, "number", text.substr(0, dash), 1, no_limit);
  rule.last = dash == text.npos
                  ? rule.first
                  : number_in(rule.text, "number", text.substr(dash + 1), 1, no_limit);
  if (rule.last < rule.first || rule.last - rule.first >= widest_range)
    refuse(rule.text, fmt::format("number={} is no range of up to {}", text, widest_range),
           "for instance number=1-40");
}

void set_when(AllocRule& rule, AllocRule::When when) {
  if (rule.when != AllocRule::When::always)
    refuse(rule.text, "number, every and rate exclude each other",
           "one of them; --fail-alloc can be given again");
  rule.when = when;
}

void set_one(AllocRule& rule, std::string_view key, std::string_view value) {
  if (key == "site") {
    rule.site = site_in(rule.text, value);
  } else if (key == "cpu") {
    rule.cpu = static_cast<unsigned>(number_in(rule.text, key, value, 0, max_cpus - 1));
  } else if (key == "seed") {
    rule.seed = number_in(rule.text, key, value, 0, no_limit);
  } else if (key == "number") {
    set_when(rule, AllocRule::When::number);
    set_numbers(rule, value);
  } else if (key == "every") {
    set_when(rule, AllocRule::When::every);
    rule.every = number_in(rule.text, key, value, 1, no_limit);
  } else if (key == "rate") {
    set_when(rule, AllocRule::When::rate);
    rule.rate = rate_in(rule.text, value);
  } else {
    refuse(rule.text, fmt::format("there is no key '{}'", key),
           "site, cpu, number, every, rate or seed");
  }
}

// The same for the same CPU, count and seed; spread evenly over all words.
std::uint64_t mixed(std::uint64_t seed, unsigned cpu, std::uint64_t count) noexcept {
  std::uint64_t z = (seed ^ std::uint64_t{cpu} << 48) + (count + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

AllocRule parse_alloc_rule(std::string_view text) {
  AllocRule rule;
  rule.text = text;
  std::vector<std::string_view> seen;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, comma - at);
    const std::size_t equals = part.find('=');
    if (equals == part.npos)
      refuse(text, fmt::format("'{}' is no KEY=VALUE", part), "for instance site=gather_batch");
    const std::string_view key = part.substr(0, equals);
    if (std::ranges::find(seen, key) != seen.end())
      refuse(text, fmt::format("{} is there twice", key), "it once");
    seen.push_back(key);
    set_one(rule, key, part.substr(equals + 1));
    at = comma + 1;
  }
  if (std::ranges::find(seen, "seed") != seen.end() && rule.when != AllocRule::When::rate)
    refuse(text, "seed goes with rate", "for instance rate=0.01,seed=5");
  return rule;
}

AllocCounts::Site AllocCounts::all() const noexcept {
  Site sum;
  for (const Site& site : sites) {
    sum.asked += site.asked;
    sum.failed += site.failed;
  }
  return sum;
}

AllocCounts& AllocCounts::operator+=(const AllocCounts& other) noexcept {
  for (std::size_t site = 0; site < sites.size(); ++site) {
    sites[site].asked += other.sites[site].asked;
    sites[site].failed += other.sites[site].failed;
  }
  return *this;
}

AllocFailures::AllocFailures(std::vector<AllocRule> rules, unsigned cpus) : cpus_(cpus) {
  for (AllocRule& rule : rules) {
    rules_.push_back(std::make_unique<Rule>());
    rules_.back()->say = std::move(rule);
  }
}

void AllocFailures::arm(const Draw& draw) {
  for (const auto& rule : rules_) {
    const std::uint64_t range = rule->say.last - rule->say.first + 1;
    rule->number = rule->say.first + (range > 1 ? draw(static_cast<unsigned>(range)) : 0);
    rule->asked.store(0, std::memory_order_relaxed);
    const std::optional<std::uint64_t> seed = rule->say.seed;
    if (rule->say.when == AllocRule::When::rate)
      rule->seed = seed.has_value() ? *seed : draw(widest_range);
  }
  arm_again();
}

bool AllocFailures::says(Rule& rule, AllocSite site, unsigned cpu, PerCpu& mine) noexcept {
  const AllocRule& say = rule.say;
  if (say.site.has_value() && *say.site != site) return false;
  if (say.cpu.has_value() && *say.cpu != cpu) return false;
  switch (say.when) {
    case AllocRule::When::always: return true;
    case AllocRule::When::number:
      return rule.asked.fetch_add(1, std::memory_order_relaxed) + 1 == rule.number;
    case AllocRule::When::every:
      return (rule.asked.fetch_add(1, std::memory_order_relaxed) + 1) % say.every == 0;
    case AllocRule::When::rate:
      return std::ldexp(static_cast<double>(mixed(rule.seed, cpu, mine.drawn++) >> 11), -53) <
             say.rate;
  }
  return false;
}

// Each rule counts what it is about, whatever the others say.
bool AllocFailures::fails(AllocSite site, unsigned cpu) noexcept {
  if (!armed_.load(std::memory_order_acquire)) return false;
  PerCpu& mine = cpus_[cpu];
  bool failed = false;
  for (const auto& rule : rules_) failed |= says(*rule, site, cpu, mine);
  AllocCounts::Site& count = mine.counts.sites[static_cast<std::size_t>(site)];
  ++count.asked;
  count.failed += failed ? 1 : 0;
  return failed;
}

AllocCounts AllocFailures::counts() const noexcept {
  AllocCounts sum;
  for (const PerCpu& cpu : cpus_) sum += cpu.counts;
  return sum;
}

AllocReport AllocFailures::report() const {
  AllocReport out;
  for (const auto& rule : rules_) out.rules.push_back(rule->say.text);
  out.counts = counts();
  return out;
}

}  // namespace tlblab
