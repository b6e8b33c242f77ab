// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/perf_script.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "harness/workload/input_error.h"
#include "tests/workload/trace_text.h"

namespace tlblab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::string_view good =
    "            node  6428/6430  [001]  5206.935932808:  exceptions:page_fault_user: "
    "address=0x565c4c0 ip=0x7ffa0930db70 error_code=0x6\n";

Recording parse(std::string_view text) { return parse_perf_script(text, "FILE"); }

// The message of the error that reading `text` ends in.
std::string error_of(std::string_view text) {
  try {
    static_cast<void>(parse(text));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 64, '\0');
  std::string input(text);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST(PerfScript, TakesALineApart) {
  const Recording recording = parse(good);
  ASSERT_EQ(recording.records.size(), 1U);
  const Record& record = recording.records[0];
  EXPECT_EQ(record.event, Event::page_fault_user);
  EXPECT_EQ(record.pid, 6428U);
  EXPECT_EQ(record.tid, 6430U);
  EXPECT_EQ(record.cpu, 1U);
  EXPECT_EQ(record.line, 1U);
  EXPECT_EQ(record.time_ns, 5206'935'932'808U);
  EXPECT_EQ(record.arg[0], 0x565c4c0U);
  EXPECT_EQ(record.arg[1], 0x7ffa0930db70U);
  EXPECT_EQ(record.flags, 6U);
  EXPECT_EQ(recording.comms.at(record.comm), "node");
  EXPECT_THAT(recording.cpus, ElementsAre(1));
}

TEST(PerfScript, ProgramNamesMayHoldAnything) {
  for (const std::string name :
       {"VM Thread", "C2 CompilerThre", "a/b 1/2 [003]", "[007] x", "x [1] 2.3: y:z:"}) {
    const Recording recording = parse("  " + name +
                                      " 1/2 [000] 5.000000001: exceptions:page_fault_user: "
                                      "address=0x1000 ip=0x2 error_code=0x4\n");
    EXPECT_EQ(recording.comms.at(recording.records.at(0).comm), name);
    EXPECT_EQ(recording.records[0].tid, 2U);
  }
}

TEST(PerfScript, TimesOfFewerDigitsAreFractions) {
  const auto time = [](std::string_view seconds) {
    return parse(fmt::format(
                     " p 1/1 [000] {}: tlb:tlb_flush: pages:1 reason:local MM shootdown (3)\n",
                     seconds))
        .records.at(0)
        .time_ns;
  };
  EXPECT_EQ(time("1.5"), 1'500'000'000U);
  EXPECT_EQ(time("0.000001"), 1'000U);
  EXPECT_EQ(time("7.000000009"), 7'000'000'009U);
}

TEST(PerfScript, ReadsEveryCall) {
  TraceText text;
  text.enter_mmap(0x7000, 0x2000, 0x32, 3)
      .leave("mmap", 0x7000)
      .munmap(0x1000, 0x3000)
      .mprotect(0x4000, 0x5000, 1);
  text.madvise(0x6000, 0x7000, 4).mremap(0x8000, 0x9000, 0xa000, 1, 0xb000).brk(0, 0xc000);
  const auto records = text.recording().records;
  ASSERT_EQ(records.size(), 12U);
  const auto arguments = [&](std::size_t index) {
    return std::vector<std::uint64_t>(records[index].arg, records[index].arg + 4);
  };
  EXPECT_THAT(arguments(0), ElementsAre(0x7000, 0x2000, 3, 0xffffffff));
  EXPECT_EQ(records[0].flags, 0x32U);
  EXPECT_EQ(records[0].call, Call::mmap);
  EXPECT_EQ(records[1].event, Event::sys_exit);
  EXPECT_EQ(records[1].arg[0], 0x7000U);
  EXPECT_THAT(arguments(2), ElementsAre(0x1000, 0x3000, 0, 0));
  EXPECT_THAT(arguments(4), ElementsAre(0x4000, 0x5000, 1, 0));
  EXPECT_THAT(arguments(6), ElementsAre(0x6000, 0x7000, 4, 0));
  EXPECT_THAT(arguments(8), ElementsAre(0x8000, 0x9000, 0xa000, 0xb000));
  EXPECT_EQ(records[8].flags, 1U);
  EXPECT_THAT(arguments(10), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(records[11].arg[0], 0xc000U);
}

TEST(PerfScript, ReadsFlushesAndProcesses) {
  TraceText text;
  text.flush(-1).flush(7, "flush on task switch (0)").fork(11).exec().exit().exit(false);
  text.line("sched:sched_process_exit", "comm=prog pid=10 prio=120");
  text.line("sched:sched_process_exec", "filename=/a b pid=3 old_pid=4 pid=10 old_pid=12");
  text.line("sched:sched_process_fork",
            "comm=a pid=9 pid=10 child_comm=b child_pid=8 child_pid=13");
  const auto records = text.recording().records;
  ASSERT_EQ(records.size(), 9U);
  EXPECT_EQ(static_cast<std::int64_t>(records[0].arg[0]), -1);
  EXPECT_EQ(records[0].arg[1], 3U);
  EXPECT_EQ(records[1].arg[0], 7U);
  EXPECT_EQ(records[1].arg[1], 0U);
  EXPECT_EQ(records[2].arg[0], 11U);
  EXPECT_EQ(records[4].arg[0], exit_of_group);
  EXPECT_EQ(records[5].arg[0], exit_of_thread);
  EXPECT_EQ(records[6].arg[0], exit_unspecified);
  EXPECT_EQ(records[7].arg[0], 10U);
  EXPECT_EQ(records[7].arg[1], 12U);
  EXPECT_EQ(records[8].arg[0], 13U);
}

TEST(PerfScript, AnAddressPrintedAsANameIsMarked) {
  TraceText text;
  text.line("exceptions:page_fault_kernel",
            "address=__per_cpu_start ip=copy_from_kernel_nofault error_code=0x0");
  text.kernel_fault(0x5000, 2, "_copy_to_iter");
  const auto records = text.recording().records;
  EXPECT_EQ(records.at(0).arg[2], 1U);
  EXPECT_EQ(records.at(1).arg[2], 0U);
  EXPECT_EQ(records.at(1).arg[0], 0x5000U);
}

TEST(PerfScript, UnknownEventsAreCountedByName) {
  const Recording recording = parse(
      " p 1/1 [000] 1.0: syscalls:sys_enter_read: fd: 0x00000003\n p 1/1 [000] 1.0: cycles:P: \n"
      " p 1/1 [000] 1.0: syscalls:sys_enter_read: fd: 0x00000003\n p 1/1 [000] 1.0: "
      "PERF_RECORD_COMM: x:1/1\n");
  EXPECT_TRUE(recording.records.empty());
  EXPECT_THAT(recording.unknown_events,
              ElementsAre(Pair("PERF_RECORD_COMM:", 1), Pair("cycles:P", 1),
                          Pair("syscalls:sys_enter_read", 2)));
}

TEST(PerfScript, LossesAreSummed) {
  const Recording recording = parse(
      " p 1/1 [000] 1.0: PERF_RECORD_LOST lost 470\n :-1 -1/-1 [000] 1.0: PERF_RECORD_LOST lost 3\n"
      " p 1/1 [000] 1.0: PERF_RECORD_LOST_SAMPLES lost 2\n");
  EXPECT_EQ(recording.lost_records, 3U);
  EXPECT_EQ(recording.lost_events, 475U);
  EXPECT_THAT(error_of(" p 1/1 [000] 1.0: PERF_RECORD_LOST lost many\n"),
              HasSubstr("FILE:1: a loss without a number"));
}

TEST(PerfScript, CommentsAndBlankLinesAreSkippedAndCounted) {
  const std::string text = "# ========\n\n   \n" + std::string(good);
  const Recording recording = parse(text);
  EXPECT_EQ(recording.lines, 4U);
  EXPECT_EQ(recording.records.at(0).line, 4U);
}

TEST(PerfScript, TheLastLineMayLackItsBreakAndLinesMayEndInCarriageReturns) {
  EXPECT_EQ(parse(good.substr(0, good.size() - 1)).records.size(), 1U);
  EXPECT_EQ(parse(std::string(good.substr(0, good.size() - 1)) + "\r\n").records.size(), 1U);
  EXPECT_EQ(parse("").lines, 0U);
}

TEST(PerfScript, AMalformedLineIsAnErrorWithItsNumber) {
  const std::string first(good);
  EXPECT_EQ(error_of(first + "hello world\n"),
            "FILE:2: the line has not the shape of an event; expected COMM PID/TID [CPU] "
            "SECONDS.FRACTION: GROUP:EVENT: FIELDS");
  for (const std::string_view bad :
       {"p 1/1 [000] 1.0 tlb:tlb_flush: pages:1 reason:x (3)",
        "p 1/1 [00x] 1.0: tlb:tlb_flush: pages:1 reason:x (3)",
        "p 1 [000] 1.0: tlb:tlb_flush: pages:1 reason:x (3)",
        "1/1 [000] 1.0: tlb:tlb_flush: pages:1 reason:x (3)",
        "p 1/1 [000] 1: tlb:tlb_flush: pages:1 reason:x (3)",
        "p 1/1 [000] 1.0: tlb flush: pages:1 reason:x (3)",
        "p 1/1 [000] 1.0000000000: tlb:tlb_flush: pages:1 reason:x (3)",
        "p 1/1 [99999] 1.0: tlb:tlb_flush: pages:1 reason:x (3)",
        "p 1/1 [000]1.0: tlb:tlb_flush: pages:1 reason:x (3)"})
    EXPECT_THAT(error_of(std::string(bad) + "\n"), HasSubstr("FILE:1: the line has not the shape"))
        << bad;
}

TEST(PerfScript, MissingOrBrokenFieldsAreErrors) {
  const auto error = [](std::string_view event, std::string_view fields) {
    return error_of(fmt::format(" p 1/1 [000] 1.0: {}: {}\n", event, fields));
  };
  EXPECT_EQ(error("syscalls:sys_enter_madvise", "start: 0x1000, len_in: 0x1000"),
            "FILE:1: syscalls:sys_enter_madvise has no field 'behavior' with a number of at most "
            "64 bits; expected its fields in this "
            "order: start: 0x.., len_in: 0x.., behavior: 0x..");
  EXPECT_THAT(error("syscalls:sys_enter_brk", "brk: 12"), HasSubstr("'brk'"));
  EXPECT_THAT(error("syscalls:sys_enter_brk", "brk: 0x11112222333344445"), HasSubstr("'brk'"));
  EXPECT_THAT(error("syscalls:sys_exit_brk", "zero"), HasSubstr("return value"));
  EXPECT_THAT(error("syscalls:sys_exit_brk", ""), HasSubstr("return value"));
  EXPECT_THAT(error("tlb:tlb_flush", "pages:x reason:local MM shootdown (3)"),
              HasSubstr("pages:NUMBER"));
  EXPECT_THAT(error("tlb:tlb_flush", "pages:-2 reason:local MM shootdown (3)"),
              HasSubstr("pages:NUMBER"));
  EXPECT_THAT(error("tlb:tlb_flush", "pages:1 reason:local MM shootdown"),
              HasSubstr("pages:NUMBER"));
  EXPECT_THAT(error("exceptions:page_fault_user", "address=0x10 error_code=0x4"),
              HasSubstr("ip=0x.."));
  EXPECT_THAT(error("exceptions:page_fault_user", "address=0xzz ip=0x1 error_code=0x4"),
              HasSubstr("ip=0x.."));
  EXPECT_THAT(error("sched:sched_process_fork", "comm=x pid=1 child_comm=y child_pid=-1"),
              HasSubstr("child_pid=NUMBER"));
  EXPECT_THAT(error("sched:sched_process_exec", "filename=x pid=1"), HasSubstr("old_pid=NUMBER"));
  EXPECT_THAT(error("sched:sched_process_exit", "comm=x pid=1 prio=1 group_dead=maybe"),
              HasSubstr("group_dead"));
}

TEST(PerfScript, SomethingElseIsCalledByItsName) {
  EXPECT_THAT(
      error_of("PERFILE2abc\n"),
      HasSubstr("FILE:1: this is what 'perf record' wrote; expected its text: perf script"));
  EXPECT_THAT(error_of(std::string(300'000, 'x')), HasSubstr("FILE:1: the line has no end"));
}

TEST(PerfScript, ReadsGzipInSeveralMembers) {
  std::string long_text;
  for (int line = 0; line < 5000; ++line) long_text += good;
  EXPECT_EQ(parse(gzip(long_text) + gzip(good)).records.size(), 5001U);
}

TEST(PerfScript, DamagedGzipIsAnError) {
  const std::string packed = gzip(good);
  EXPECT_THAT(error_of(packed.substr(0, packed.size() - 12)),
              HasSubstr("the gzip data end too early"));
  std::string flipped = packed;
  flipped[flipped.size() - 6] ^= 1;  // in the checksum
  EXPECT_THAT(error_of(flipped), HasSubstr("the gzip data are damaged"));
  EXPECT_THAT(error_of(packed + "rest"), HasSubstr("something that is not gzip follows"));
}

TEST(PerfScript, FilesThatCannotBeReadAreNamed) {
  const auto error = [](const std::string& path) {
    try {
      static_cast<void>(read_perf_script(path));
    } catch (const InputError& caught) {
      return std::string(caught.what());
    }
    return std::string("no error");
  };
  const auto folder = std::filesystem::path(testing::TempDir());
  EXPECT_THAT(error((folder / "no_such_trace").string()),
              HasSubstr("no_such_trace: cannot be opened: No such file"));
  EXPECT_THAT(error(folder.string()), HasSubstr("cannot be read: Is a directory"));
}

TEST(PerfScript, AFileIsReadAsItsTextIs) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / fmt::format("tlblab_{}.gz", ::getpid());
  std::ofstream(path, std::ios::binary) << gzip(good);
  const Recording recording = read_perf_script(path.string());
  std::filesystem::remove(path);
  EXPECT_EQ(recording.records.size(), 1U);
  EXPECT_EQ(recording.name, path.string());
}

}  // namespace
}  // namespace tlblab
