// SPDX-License-Identifier: GPL-2.0-or-later
// Random scenarios on the port: short programs of everything that the format offers, on few pages
// around the border of two page tables. With all fixes nothing is found, whatever allocations fail;
// with one taken away something is.
#include <array>
#include <random>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/instances/table.h"

namespace tlblab {
namespace {

constexpr std::array<vaddr_t, 4> places{0x1ff000, 0x200000, 0x201000, 0x202000};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string everything() {
    std::string text = "file F 4\nswap 4\nfork kid\n";
    for (const vaddr_t place : places)
      text += fmt::format("map {:#x} 1 rw{}\n", place,
                          any({"", " shared F", " private F", " populate"}));
    const unsigned cpus = 2 + below(2);
    for (unsigned cpu = 0; cpu < cpus; ++cpu) text += program(cpu);
    return text;
  }
  // CPUs that give back and use the same pages.
  std::string zaps() {
    std::string text;
    for (const vaddr_t place : places) text += fmt::format("map {:#x} 1 rw populate\n", place);
    for (unsigned cpu = 0; cpu < 3; ++cpu)
      for (unsigned n = 0; n < 4; ++n)
        text +=
            fmt::format("P{}: {}\n", cpu, below(2) == 0 ? ranged("madvise_dontneed") : access());
    return text;
  }

 private:
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  std::string_view any(std::initializer_list<std::string_view> words) {
    return words.begin()[below(static_cast<unsigned>(words.size()))];
  }
  vaddr_t place() { return places[below(places.size())]; }
  std::string ranged(std::string_view call) {
    return fmt::format("{} {:#x} {}", call, place(), 1 + below(4) / 3);
  }
  std::string access() {
    return below(2) == 0 ? fmt::format("load {:#x}", place())
                         : fmt::format("store {:#x} {}", place(), below(9));
  }

  std::string call() {
    switch (below(10)) {
      case 0: return ranged("mmap") + " rw" + std::string(any({"", " shared F", " private F"}));
      case 1: return ranged("mprotect") + std::string(any({" r", " rw", " none"}));
      case 2:
        return fmt::format("mremap {:#x} 1 1 to {:#x}{}", place(), place(),
                           any({"", " dontunmap"}));
      case 3: return fmt::format("swap_out {:#x}", place());
      case 4: return "writeback F";
      case 5: return ranged("uffd_register") + std::string(any({" wp", " missing"}));
      case 6: return ranged("uffd_writeprotect") + std::string(any({" on", " off"}));
      case 7: return ranged(any({"uffd_copy", "uffd_move"})) + fmt::format(" from {:#x}", place());
      default:
        return ranged(
            any({"munmap", "mlock", "munlock", "madvise_dontneed", "madvise_free", "madvise_cold",
                 "madvise_populate_write", "madvise_remove", "madvise_guard_install",
                 "madvise_guard_remove", "uffd_unregister", "uffd_zeropage"}));
    }
  }
  std::string program(unsigned cpu) {
    std::string text;
    unsigned pins = 0;
    const auto line = [&](const std::string& operation) {
      text += fmt::format("P{}: {}\n", cpu, operation);
    };
    for (unsigned n = 2 + below(4); n > 0; --n) {
      switch (below(12)) {
        case 0:
          line(fmt::format("{} {:#x} {}", any({"pin", "pin_fast"}), place(), any({"r", "w"})));
          ++pins;
          break;
        case 1:
          if (pins != 0) --pins, line("unpin");
          break;
        case 2: line(fmt::format("use {}", any({"kid", "parent"}))); break;
        case 3: line("sleep"), line("wake"); break;
        case 4:
          if (text.find("fork") == text.npos) line(fmt::format("fork own{}", cpu));
          break;
        case 5:
        case 6:
        case 7: line(access()); break;
        default: line(call()); break;
      }
    }
    line("tick");
    return text;
  }

  std::mt19937_64 random_;
};

ExploreReport explored(const std::string& text,
                       std::uint64_t seed,
                       std::uint64_t executions,
                       ExploreOptions options = {}) {
  const ScenarioText read = parse_scenario_text(text, "random");
  options.text = &read;
  options.seed = seed;
  options.executions = executions;
  options.seconds = 60;
  options.strategy = seed % 3 == 0 ? ExploreStrategy::random : ExploreStrategy::pct;
  return find_backend("x86")->text.explore(options);
}

void expect_none(const ExploreReport& report, const std::string& text) {
  ASSERT_TRUE(report.violations.empty()) << report.violations.front().violation.kind << ": "
                                         << report.violations.front().violation.text << "\n"
                                         << text << report.violations.front().schedule;
}

TEST(RandomScenarios, NothingIsFoundOnThePort) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const std::string text = Generator(seed).everything();
    expect_none(explored(text, seed, 60), text);
  }
}

TEST(RandomScenarios, NothingIsFoundWhereMemoryRunsOut) {
  ExploreOptions failing;
  failing.fail_alloc.push_back(parse_alloc_rule("rate=0.1"));
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::string text = Generator(seed).everything();
    expect_none(explored(text, seed, 40, failing), text);
  }
}

TEST(RandomScenarios, AFixThatIsTakenAwayIsMissed) {
  ExploreOptions broken;
  broken.fixes.nested_flush = false;
  unsigned found = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::string text = Generator(seed).zaps();
    if (!explored(text, seed, 200, broken).violations.empty()) ++found;
    expect_none(explored(text, seed, 50), text);
  }
  EXPECT_GT(found, 5U);
}

}  // namespace
}  // namespace tlblab
