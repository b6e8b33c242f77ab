// SPDX-License-Identifier: GPL-2.0-or-later
// tlblab record with a perf of our own on the PATH: a script that does what the test wants.
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/cli/data_files.h"
#include "harness/workload/text_source.h"
#include "tests/cli/typed.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Runs the command that it is given and keeps it in `asked`; hands out `recording` as its script.
const std::string good_perf = R"(#!/bin/sh
folder=$(dirname "$0")
what=$1
echo "$@" >>"$folder/asked"
if [ "$what" = script ]; then cat "$folder/recording"; exit 0; fi
while [ $# -gt 0 ]; do
  case "$1" in
    -o) data=$2; shift ;;
    --) shift; break ;;
  esac
  shift
done
echo data >"$data"
"$@"
)";

class Record : public testing::Test {
 protected:
  Record() : old_path_(std::getenv("PATH")) {
    static_cast<void>(folder_.file("recording", small_recording()));
  }
  ~Record() override { setenv("PATH", old_path_.c_str(), 1); }

  // The only perf that is found; the shell's tools stay.
  void perf(const std::string& script) {
    std::filesystem::permissions(folder_.file("perf", script), std::filesystem::perms::owner_all);
    setenv("PATH", (folder_.path("") + ":" + old_path_).c_str(), 1);
  }
  [[nodiscard]] std::string output() const { return folder_.path("out.perf.txt.gz"); }
  Typed record(std::vector<std::string> command, std::vector<std::string> options = {}) {
    std::vector<std::string> words{"record", "-o", output()};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), command.begin(), command.end());
    return typed(words);
  }

  Folder folder_;

 private:
  std::string old_path_;
};

std::string text_of(const std::string& path) {
  TextSource source = TextSource::from_file(path);
  std::string text;
  for (std::string_view line; source.next_line(line);) text.append(line).append("\n");
  return text;
}

TEST_F(Record, WritesWhatPerfScriptSays) {
  perf(good_perf);
  const Typed said = record({"true"});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("recorded: " + output() + ", 4 events"));
  EXPECT_EQ(text_of(output()), small_recording());
  EXPECT_EQ(contents(output()).substr(0, 2), "\x1f\x8b");
  EXPECT_THAT(folder_.names(), ElementsAre("asked", "out.perf.txt.gz", "perf", "recording"));
  EXPECT_THAT(contents(folder_.path("asked")), HasSubstr("syscalls:sys_exit_brk"));
}

TEST_F(Record, APlainNameGivesPlainText) {
  perf(good_perf);
  EXPECT_EQ(typed({"record", "-o", folder_.path("plain.txt"), "--", "true"}).code, 0);
  EXPECT_EQ(contents(folder_.path("plain.txt")), small_recording());
}

TEST_F(Record, OptionsOfTheCommandAreItsOwn) {
  perf(good_perf);
  const Typed said = record({"sh", "-c", "exit $#", "--force", "-o", "--json", "--"});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("the command ended with exit code 3"));
}

TEST_F(Record, JsonHasTheSummary) {
  perf(good_perf);
  const Typed said = record({"sh", "-c", "exit 5"}, {"--json"});
  EXPECT_EQ(said.code, 0);
  const auto json = nlohmann::ordered_json::parse(said.out);
  EXPECT_EQ(json.begin().key(), "schema");
  EXPECT_EQ(json["schema"], "tlblab/record/1");
  EXPECT_EQ(json["file"], output());
  EXPECT_EQ(json["exit_code"], 5);
  EXPECT_EQ(json["events"], 4);
  EXPECT_EQ(json["losses"], 0);
  EXPECT_EQ(json["command"], (std::vector<std::string>{"sh", "-c", "exit 5"}));
}

TEST_F(Record, LossesAreToldAndAreNoEvents) {
  perf(good_perf);
  static_cast<void>(folder_.file(
      "recording", small_recording() + "prog 7/7 [000] 1.5: PERF_RECORD_LOST lost 20\n"));
  EXPECT_THAT(record({"true"}).out, testing::AllOf(HasSubstr("4 events"), HasSubstr("lost")));
}

TEST_F(Record, NothingIsReplacedUnasked) {
  perf(good_perf);
  static_cast<void>(folder_.file("out.perf.txt.gz", "mine"));
  const Typed refused = record({"true"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--force"));
  EXPECT_EQ(contents(output()), "mine");
  EXPECT_EQ(record({"true"}, {"--force"}).code, 0);
  EXPECT_EQ(text_of(output()), small_recording());
}

// One line, exit code 4, and the file is what it was: not there.
TEST_F(Record, APerfThatCannotIsTheHostsFault) {
  for (const char* script : {"#!/bin/sh\necho 'Permission denied' >&2; exit 255\n",
                             "#!/bin/sh\n[ $1 = script ] && { echo broken >&2; exit 9; }\n"
                             "while [ \"$1\" != -o ]; do shift; done; echo x >$2\n",
                             "#!/bin/sh\n[ $1 = script ] && exit 0\n"
                             "while [ \"$1\" != -o ]; do shift; done; echo x >$2\n"}) {
    perf(script);
    const Typed said = record({"true"});
    EXPECT_EQ(said.code, 4) << script;
    EXPECT_EQ(said.out, "");
    EXPECT_EQ(std::ranges::count(said.err, '\n'), 1) << said.err;
    EXPECT_THAT(folder_.names(), ElementsAre("perf", "recording"));
  }
}

TEST_F(Record, NoPerfAtAll) {
  setenv("PATH", folder_.path("").c_str(), 1);
  const Typed said = record({"/bin/sh"});
  EXPECT_EQ(said.code, 4);
  EXPECT_THAT(said.err, HasSubstr("apt-get install linux-perf"));
}

}  // namespace
}  // namespace tlblab
