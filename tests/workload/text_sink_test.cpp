// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/text_sink.h"

#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/workload/text_source.h"
#include "tests/workload/scratch_folder.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string read_back(const std::string& path) {
  TextSource source = TextSource::from_file(path);
  std::string text;
  for (std::string_view line; source.next_line(line);) text.append(line).append("\n");
  return text;
}

TEST(TextSink, TheNameSaysWhetherItIsGzipped) {
  const ScratchFolder folder;
  for (const char* name : {"a.gz", "a.txt"}) {
    TextSink sink(folder.path(name));
    sink.add("one\ntw");
    sink.add("o\n");
    EXPECT_EQ(sink.lines(), 2U);
    sink.commit();
    EXPECT_EQ(read_back(folder.path(name)), "one\ntwo\n");
  }
  EXPECT_EQ(folder.contents("a.txt"), "one\ntwo\n");
  EXPECT_EQ(folder.contents("a.gz").substr(0, 2), "\x1f\x8b");
  EXPECT_THAT(folder.names(), ElementsAre("a.gz", "a.txt"));
}

TEST(TextSink, WithoutCommitNothingIsLeft) {
  const ScratchFolder folder;
  {
    TextSink sink(folder.path("a.gz"));
    sink.add("text");
    EXPECT_THAT(folder.names(), testing::SizeIs(1));
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(TextSink, AFileThatCannotBeMadeIsAnError) {
  EXPECT_THROW(TextSink("/no/such/folder/a.gz"), std::system_error);
}

}  // namespace
}  // namespace tlblab
