// SPDX-License-Identifier: GPL-2.0-or-later
// Everything that can be wrong with the command line and the script is found before it runs.
#include "harness/workload/script.h"

#include <filesystem>

#include <fmt/format.h>

#include "harness/cli/about.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/names.h"
#include "harness/cli/seating.h"
#include "harness/cli/values.h"
#include "harness/report/json.h"
#include "harness/report/text.h"
#include "harness/run/host.h"
#include "harness/workload/input_error.h"
#include "harness/workload/script_run.h"

namespace tlblab {
namespace {

constexpr unsigned most_cpus = 2;  // a script knows two threads
constexpr std::uint64_t most_swap = 1ULL << 18;

std::string chosen_arch(const Arguments& arguments) {
  const std::vector<std::string> names = chosen_arches(arguments, backend_names(), "script");
  if (names.size() > 1)
    throw UsageError(fmt::format("--arch: a script runs on one backend; type --arch {}", names[0]));
  if (find_backend(names[0])->script == nullptr)
    throw UsageError(fmt::format("--arch {}: it cannot run scripts; type --arch x86", names[0]));
  return names[0];
}

// The measured scripts that need swap say so by their names.
std::uint64_t usual_swap(const std::string& file) {
  return std::filesystem::path(file).filename().string().starts_with("swap_") ? 4096 : 0;
}

Script script_of(const Arguments& arguments) {
  Script script = read_script(arguments.words.front());
  if (script.ops.empty())
    throw InputError(script.file, 0, "there is no operation in it",
                     "one a line, as in 'mmap A 8 rw'");
  return script;
}

int run_script_command(const Arguments& arguments, Context& context) {
  const std::string arch = chosen_arch(arguments);
  const auto asked = static_cast<unsigned>(number_value(arguments, "--cpus", 0, 1, most_cpus));
  const PlacePolicy policy = chosen_policy(arguments);
  ScriptPage page{.file = arguments.words.front(),
                  .arch = arch,
                  .oracles = !arguments.has("--no-oracles"),
                  .pages = arguments.has("--pages"),
                  .seats = {},
                  .script = script_of(arguments),
                  .report = {},
                  .tool = tool_facts(),
                  .host = host_facts()};
  ScriptOptions options;
  options.arch = arch;
  options.cpus = asked != 0 ? asked : page.script.second_thread != 0 ? most_cpus : 1;
  options.swap_pages =
      number_value(arguments, "--swap", usual_swap(arguments.words.front()), 0, most_swap);
  check_script(page.script, options.cpus);
  Seating seating = seat(policy, std::max(options.cpus, page.script.child_cpu + 1), context);
  page.seats = seating.seats;
  options.placement = std::move(seating.placement);
  options.oracles = page.oracles;
  options.stop = &context.stop;
  page.report = find_backend(arch)->script(page.script, options);
  context.out << (context.json ? script_json(page) : script_text(page, context.paint));
  if (page.report.script.interrupted) return exit_interrupted;
  return page.report.violations != 0 ? exit_violation : exit_fine;
}

}  // namespace

Command script_command() {
  return {.name = "script",
          .words = "FILE",
          .least_words = 1,
          .most_words = 1,
          .line = "run a sequence of memory operations: flushes and pages after each",
          .options = {{"--arch", "A", "on this backend (default: the first one)"},
                      {"--cpus", "N", "1, or 2: a second thread is on CPU 1 (default: as needed)"},
                      {"--swap", "N", "pages of swap (default: 4096 if FILE is swap_..., else 0)"},
                      place_option,
                      {"--pages", "", "show the state of every page after every operation"},
                      {"--no-oracles", "", "do not look for violations"},
                      {"--json", "", "as one JSON object, pages included"}},
          .more =
              "FILE has one operation a line; # starts a comment. A is the name of an area, off\n"
              "its first page, n a number of pages of 4 KiB.\n\n"
              "  mmap A n rw|r|none [shared] [memfd|file] [populate] [noreserve] [fixed]\n"
              "       [at=B+off] [skew=n]      private anonymous memory unless said\n"
              "  touch A off n r|w    write A off [n]    read A off [n]\n"
              "  ADVICE A off n       dontneed free cold pageout hugepage nohugepage collapse\n"
              "       populate_read populate_write willneed mergeable unmergeable remove guard\n"
              "       unguard dontfork wipeonfork dontneed_locked sequential\n"
              "  mprotect A off n r|rw|none|rx|rwx       munmap A off n\n"
              "  mremap A off n newn [to=B+off] [dontunmap]    mlock A off n    munlock A off n\n"
              "  fork                 the child runs lines that begin with 'child:'\n"
              "  exit                 the child ends\n"
              "  uffdreg A off n wp|missing    uffdwp A off n on|off    uffdzero A off n\n"
              "  uffdcopy|uffdmove A off n S soff        uffdunreg A off n\n"
              "  sleep1  wake1  t1exit         the second thread sleeps, wakes, exits\n"
              "  ksmscan k    msleep ms    nop\n"
              "  area NAME n          reserves a range of addresses, maps nothing\n"
              "  option no-rt|no-keeper|child-cpu 1\n\n"
              "'thread 1:' before an operation: by the second thread, on CPU 1. Of a page is\n"
              "said its protection, P if it is present, what it holds (zero, file, or wK:\n"
              "written by the K-th operation), and flags. Exit code 1: an oracle was violated.\n\n"
              "examples:\n"
              "  tlblab script unmap.script --cpus 2\n"
              "  tlblab script unmap.script --json\n",
          .run = run_script_command};
}

}  // namespace tlblab
