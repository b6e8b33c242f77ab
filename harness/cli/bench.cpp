// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the bench program that is installed beside this one, pinned where --place says, and makes a
// page of its JSON.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/bench_results.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/names.h"
#include "harness/cli/progress.h"
#include "harness/cli/seating.h"
#include "harness/cli/suggest.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/report/layout.h"
#include "harness/report/text.h"
#include "harness/run/host.h"
#include "harness/run/preflight.h"
#include "harness/run/process.h"

namespace tlblab {
namespace {

constexpr double seconds_per_repetition = 0.02;  // of one part of one workload

struct BenchRequest {
  std::vector<const BenchWorkload*> workloads;
  std::vector<unsigned> cpus;
  std::vector<std::string> arches;  // empty: x86, beside the kernel
  PlacePolicy policy;
  unsigned repetitions = 10;
  double seconds = 0;  // of all together; 0: as long as it takes
};

const BenchWorkload& workload_named(const std::string& name) {
  std::vector<std::string> names;
  for (const BenchWorkload& workload : bench_workloads()) {
    if (workload.name == name) return workload;
    names.emplace_back(workload.name);
  }
  const std::string nearest = nearest_of(name, names);
  throw UsageError(fmt::format("there is no workload '{}'; type {}", name,
                               nearest.empty() ? joined(names, ", ", " or ") : nearest));
}

bool compares_arches(const Arguments& arguments) {
  return arguments.has("--arch") || arguments.has("--strategy");
}

std::vector<const BenchWorkload*> chosen_workloads(const Arguments& arguments) {
  std::vector<const BenchWorkload*> chosen;
  for (const std::string& name : list_value(arguments, "--workload"))
    chosen.push_back(&workload_named(name));
  if (chosen.empty() && compares_arches(arguments))
    return {&workload_named("munmap"), &workload_named("shootdown")};
  if (chosen.empty())
    for (const BenchWorkload& workload : bench_workloads()) chosen.push_back(&workload);
  return chosen;
}

// Sorted, none twice. Default: 1, and 2 where there are as many processing units.
std::vector<unsigned> chosen_cpus(const Arguments& arguments) {
  std::vector<unsigned> cpus;
  for (const std::string& text : list_value(arguments, "--cpus")) {
    Arguments one;
    one.options["--cpus"] = {text};
    cpus.push_back(static_cast<unsigned>(number_value(one, "--cpus", 0, 1, max_cpus)));
  }
  if (cpus.empty()) {
    cpus = {1};
    if (Topology::host().units().size() > 1) cpus.push_back(2);
  }
  std::ranges::sort(cpus);
  const auto twice = std::ranges::unique(cpus);
  cpus.erase(twice.begin(), twice.end());
  return cpus;
}

void check_cpus(const BenchRequest& request) {
  for (const BenchWorkload* workload : request.workloads)
    if (request.workloads.size() == 1 && request.cpus.back() < workload->least_cpus)
      throw UsageError(fmt::format("{} needs {} CPUs; type --cpus {}", workload->name,
                                   workload->least_cpus, workload->least_cpus));
}

// Built and installed beside this program; the environment may name another one.
std::string bench_program() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment
  if (const char* named = std::getenv("TLBLAB_BENCH_PROGRAM")) return named;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return self.parent_path() / "bench_mm";
}

std::string list_of(const std::vector<unsigned>& numbers) {
  return fmt::format("{}", fmt::join(numbers, ","));
}

std::vector<std::string> command_line(const std::string& program,
                                      const BenchRequest& request,
                                      const std::vector<unsigned>& units) {
  std::vector<std::string> names;
  for (const BenchWorkload* workload : request.workloads) names.emplace_back(workload->name);
  std::vector<std::string> words{program, "--cpus=" + list_of(request.cpus),
                                 "--benchmark_filter=^(" + joined(names, "|") + ")/"};
  if (!units.empty()) words.push_back("--units=" + list_of(units));
  if (!request.arches.empty()) words.push_back("--arches=" + joined(request.arches, ","));
  return words;
}

// Standard output of the program. Its warnings are not shown: the page has its own.
std::string output_of(const std::vector<std::string>& words, const Context& context) {
  std::string out, said;
  const ProcessResult result =
      run_process({.words = words,
                   .on_output = [&](std::string_view text) { out += text; },
                   .on_errors = [&](std::string_view text) { said += text; }});
  if (result.exit_code == 0 || context.stop) return out;
  while (said.ends_with('\n')) said.pop_back();
  throw HostError(fmt::format("{} ended with {}: {}", words.front(), result.exit_code,
                              said.substr(said.rfind('\n') + 1)));
}

void run_program(const BenchRequest& request, BenchPage& page, Context& context) {
  const std::string program = bench_program();
  if (find_program(program).empty())
    throw HostError(
        fmt::format("there is no {}; build it: cmake --build ... --target bench_mm", program));
  std::vector<std::string> words = command_line(program, request, page.units);
  double each = seconds_per_repetition;
  words.emplace_back("--benchmark_list_tests=true");
  const std::string list = output_of(words, context);
  words.pop_back();
  const auto parts = static_cast<double>(std::ranges::count(list, '\n')) * request.repetitions;
  if (request.seconds > 0) each = request.seconds / std::max(parts, 1.0);
  for (std::string option :
       {std::string("--benchmark_format=json"), fmt::format("--benchmark_min_time={:.6f}", each),
        fmt::format("--benchmark_repetitions={}", request.repetitions),
        std::string("--benchmark_enable_random_interleaving=true")})
    words.push_back(std::move(option));
  const Countdown countdown(context.err, context.progress, "measuring, seconds", parts * each);
  if (!add_bench_results(output_of(words, context), page) && !context.stop)
    throw HostError(fmt::format("{} gave no results", program));
}

// As they were asked for, in all workloads.
void sort_arches(const std::vector<std::string>& asked, BenchPage& page) {
  for (BenchPage::Run& run : page.runs)
    std::ranges::sort(run.arches, {}, [&](const auto& arch) {
      return std::ranges::find(asked, arch.first) - asked.begin();
    });
}

int run_bench(const Arguments& arguments, Context& context) {
  BenchRequest request;
  request.workloads = chosen_workloads(arguments);
  request.cpus = chosen_cpus(arguments);
  if (compares_arches(arguments))
    request.arches = with_strategies(arguments, chosen_arches(arguments, backend_names(), "bench"));
  request.policy = chosen_policy(arguments);
  request.repetitions =
      static_cast<unsigned>(number_value(arguments, "--repetitions", request.repetitions, 1, 1000));
  request.seconds = seconds_value(arguments, "--seconds", 0);
  if (arguments.has("--table") && context.json)
    throw UsageError("--table is for README files, --json for programs; type one of them");
  check_cpus(request);
  Seating seating = seat(request.policy, request.cpus.back(), context);
  BenchPage page;
  page.repetitions = request.repetitions;
  page.seats = seating.seats;
  page.units = seating.placement.units;
  page.warnings = preflight(read_host_texts(), page.seats.cpus, page.seats.units,
                            static_cast<unsigned>(Topology::host().units().size()));
  page.tool = tool_facts();
  page.host = host_facts();
  run_program(request, page, context);
  sort_arches(request.arches, page);
  if (context.stop) {
    context.err << "tlblab bench: interrupted: nothing was measured to the end\n";
    return exit_interrupted;
  }
  context.out << (context.json               ? bench_json(page)
                  : arguments.has("--table") ? bench_table(page)
                                             : bench_text(page, context.paint));
  return exit_fine;
}

}  // namespace

Command bench_command() {
  return {.name = "bench",
          .line = "what flushing costs on pinned threads, beside this host's own kernel",
          .options = {{"--workload", "W[,W]", "only these (default: all)"},
                      {"--arch", "A[,A]|all", "compare these (default: x86 with the kernel)"},
                      {"--strategy", "S[,S]", "with these of their options; default: with none"},
                      {"--cpus", "LIST", "numbers of CPUs, 1,2,4; all but one are busy targets"},
                      place_option,
                      {"--repetitions", "N", "interleaved, the best one counts (default 10)"},
                      {"--seconds", "S", "for about so long (default: as long as it takes)"},
                      {"--table", "", "the table of README.md, in Markdown"},
                      {"--json", "", "as one JSON object"}},
          .more =
              "workloads:\n"
              "  touch-dontneed  write to 512 pages, MADV_DONTNEED\n"
              "  munmap          unmap 512 written pages\n"
              "  mprotect        change the rights of 512 pages\n"
              "  shootdown       change the rights of one page that another CPU may cache\n"
              "  gup-fast        references on 512 pages\n"
              "  cow             first write to each of 512 pages after a fork\n"
              "  fork-exit       fork an address space of 512 pages, end the child\n"
              "  flush           invalidate one page everywhere\n"
              "  load-chain, load-random    loads that hit the TLB\n"
              "  disjoint        two CPUs with an address space each, against one\n"
              "The kernel's figure is for the same calls of a thread on the same processor.\n\n"
              "examples:\n"
              "  tlblab bench\n"
              "  tlblab bench --workload shootdown --cpus 2,4,8 --place compact\n"
              "  tlblab bench --arch all          a row a backend: munmap, shootdown\n"
              "  tlblab bench --arch arm64 --strategy default,no-range\n"
              "  tlblab bench --json > before.json\n",
          .run = run_bench};
}

}  // namespace tlblab
