// SPDX-License-Identifier: GPL-2.0-or-later
// Records a program with perf. What comes out is what tlblab trace reads; there is either a whole
// file or none.
#include <array>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <unistd.h>

#include "harness/cli/about.h"
#include "harness/cli/command.h"
#include "harness/cli/errors.h"
#include "harness/cli/interrupt.h"
#include "harness/report/json.h"
#include "harness/report/text.h"
#include "harness/run/host.h"
#include "harness/run/perf.h"
#include "harness/run/process.h"
#include "harness/workload/text_sink.h"

namespace tlblab {
namespace {

namespace fs = std::filesystem;

std::string output_name(const Arguments& arguments) {
  if (const auto named = arguments.value("-o")) return *named;
  const std::string name = fs::path(arguments.words.front()).filename().string();
  return name + ".perf.txt.gz";
}

void check_output(const std::string& path, bool force) {
  std::error_code ignored;
  if (path.empty()) throw UsageError("-o '': that is no name; type for instance -o program.gz");
  if (fs::is_directory(path, ignored))
    throw UsageError(fmt::format("-o {}: that is a directory; type the name of a file", path));
  if (fs::exists(path, ignored) && !force)
    throw UsageError(
        fmt::format("{} is there already; type --force to replace it, or -o OTHER", path));
  const fs::path folder = fs::absolute(path, ignored).parent_path();
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    throw UsageError(
        fmt::format("-o {}: no file can be made in {}; type another name", path, folder.string()));
}

// perf's own data, removed whatever happens.
class DataFile {
 public:
  explicit DataFile(const std::string& output)
      : path_(fmt::format("{}.data-{}", output, getpid())) {
    remove_when_killed(path_.c_str());
  }
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;
  ~DataFile() {
    unlink(path_.c_str());
    remove_when_killed(nullptr);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool holds_anything() const {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path_, error);
    return !error && size != 0;
  }

 private:
  std::string path_;
};

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const std::size_t at = text.rfind('\n');
  return at == std::string::npos ? text : text.substr(at + 1);
}

// Counts a word in a text that comes in pieces.
class WordCount {
 public:
  explicit WordCount(std::string_view word) : word_(word) {}
  void add(std::string_view piece) {
    tail_ += piece;
    for (std::size_t at = tail_.find(word_); at != std::string::npos;
         at = tail_.find(word_, at + 1))
      ++count_;
    // What is left may begin the word and cannot hold it.
    if (tail_.size() >= word_.size()) tail_.erase(0, tail_.size() - word_.size() + 1);
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  std::string_view word_;
  std::string tail_;
  std::uint64_t count_ = 0;
};

struct Recorded {
  int exit_code = 0;  // of the command
  std::uint64_t events = 0, lost = 0;
};

std::string perf_program() {
  std::string perf = find_program("perf");
  if (perf.empty())
    throw HostError("there is no perf; install it (Debian: apt-get install linux-perf)");
  return perf;
}

// The command's standard error is its own, so perf's last words can only be told by asking it once
// more, for one event and a program that does nothing.
std::string last_words_of(const std::string& perf) {
  std::string said;
  run_process({.words = {perf, "record", "-q", "-o", "/dev/null", "-e", "tlb:tlb_flush", "true"},
               .on_output = [](std::string_view) {},
               .on_errors = [&](std::string_view text) { said += text; }});
  return last_line(std::move(said));
}

void write_text(const std::string& perf, const DataFile& data, TextSink& sink, Recorded& recorded) {
  std::string said;
  WordCount lost("PERF_RECORD_LOST");
  const ProcessResult result =
      run_process({.words = perf_script_words(perf, data.path()),
                   .on_output =
                       [&](std::string_view text) {
                         sink.add(text);
                         lost.add(text);
                       },
                   .on_errors = [&](std::string_view text) { said += text; }});
  if (result.exit_code != 0)
    throw HostError(
        fmt::format("perf script ended with {}: {}", result.exit_code, last_line(std::move(said))));
  recorded.events = sink.lines() - lost.count();
  recorded.lost = lost.count();
}

Recorded record(const std::vector<std::string>& command, const std::string& file, bool json) {
  const std::string perf = perf_program();
  const DataFile data(file);
  Recorded recorded;
  // The command's output goes where it would go without us, but not into a JSON object.
  recorded.exit_code = run_process({.words = perf_record_words(perf, data.path(), command),
                                    .output_to_errors = json})
                           .exit_code;
  if (!data.holds_anything())
    throw HostError(why_not_recorded(read_perf_permissions(), last_words_of(perf)));
  TextSink sink(file);
  write_text(perf, data, sink, recorded);
  if (recorded.events == 0)
    throw HostError("perf recorded no event at all: did the command run? try tlblab record true");
  sink.commit();
  return recorded;
}

std::string record_text(const std::string& file, const Recorded& recorded) {
  std::string out = fmt::format("recorded: {}, {} events\n", file, recorded.events);
  if (recorded.exit_code != 0)
    out += fmt::format("the command ended with exit code {}\n", recorded.exit_code);
  if (recorded.lost != 0)
    out += fmt::format("perf lost events, {} times: a replay will go astray\n", recorded.lost);
  return out + fmt::format("next: tlblab trace {}\n", file);
}

int run_record(const Arguments& arguments, Context& context) {
  const std::vector<std::string>& command = arguments.words;
  const std::string file = output_name(arguments);
  if (find_program(command.front()).empty())
    throw UsageError(
        fmt::format("there is no program '{}'; type tlblab record -- CMD with one "
                    "that can be run",
                    command.front()));
  check_output(file, arguments.has("--force"));
  const Recorded recorded = record(command, file, context.json);
  if (context.json)
    context.out << record_json({.file = file,
                                .command = command,
                                .exit_code = recorded.exit_code,
                                .events = recorded.events,
                                .losses = recorded.lost,
                                .tool = tool_facts(),
                                .host = host_facts()});
  else
    context.out << record_text(file, recorded);
  return context.stop ? exit_interrupted : exit_fine;
}

}  // namespace

Command record_command() {
  return {.name = "record",
          .words = "-- CMD [ARGUMENTS]",
          .least_words = 1,
          .most_words = std::numeric_limits<std::size_t>::max(),
          .line = "record a program's memory activity with perf, in the form that trace reads",
          .options = {{"-o", "FILE",
                       "write to it, gzipped if it ends in .gz (default: "
                       "CMD.perf.txt.gz)"},
                      {"--force", "", "replace FILE if it is there"},
                      {"--json", "", "the summary as one JSON object"}},
          .more =
              "Runs CMD under perf record: its flushes, page faults and memory calls, those of\n"
              "its threads and of its children. The exit code of CMD is in the summary; that of\n"
              "this command is 0 if there is a recording, 4 if perf is missing or not permitted\n"
              "(root may; others need kernel.perf_event_paranoid=-1 and a readable tracefs).\n\n"
              "examples:\n"
              "  tlblab record -- sort -n numbers.txt\n"
              "  tlblab record -o build.perf.txt.gz -- make -j2\n",
          .run = run_record};
}

}  // namespace tlblab
