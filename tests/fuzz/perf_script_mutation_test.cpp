// SPDX-License-Identifier: GPL-2.0-or-later
// A fuzzer without a fuzzer: some thousand inputs made from a good one by fixed seeds. Each has to
// be read or refused, and under ASan and UBSan without a report.
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/fuzz/mutator.h"
#include "tests/fuzz/perf_script_fuzz.h"

namespace tlblab {
namespace {

constexpr std::string_view good =
    "            node  6428/6428  [000]  5206.935932808:                      tlb:tlb_flush: "
    "pages:-1 reason:local MM shootdown (3)\n"
    "       VM Thread  6428/6430  [001]  5206.935962813:       exceptions:page_fault_kernel: "
    "address=0x565c4c0 ip=elf_load error_code=0x2\n"
    "            node  6428/6428  [000]  5206.936038122:           sched:sched_process_exec: "
    "filename=/usr/bin/node pid=6428 old_pid=6428\n"
    "            node  6428/6428  [000]  5206.936058631:         exceptions:page_fault_user: "
    "address=0x7ffa0930db70 ip=0x7ffa0930db70 error_code=0x14\n"
    "            node  6428/6428  [000]  5206.936086571:             syscalls:sys_enter_brk: brk: "
    "0x00000000\n"
    "            node  6428/6428  [000]  5206.936087504:              syscalls:sys_exit_brk: "
    "0x35c7c000\n"
    "            node  6428/6428  [000]  5206.936221627:            syscalls:sys_enter_mmap: addr: "
    "0x00000000, len: 0x00002000, prot: 0x00000003, flags: 0x00000022, fd: 0xffffffff, off: "
    "0x00000000\n"
    "            node  6428/6428  [000]  5207.008029970:           sched:sched_process_fork: "
    "comm=node pid=6428 child_comm=node child_pid=6430\n"
    "            node  6428/6428  [000]  5207.008029999: PERF_RECORD_LOST lost 7\n"
    "            node  6428/6436  [000]  5207.685023122:           sched:sched_process_exit: "
    "comm=node pid=6436 prio=120 group_dead=false\n";

std::string gzip(std::string_view text) {
  std::string packed(compressBound(text.size()) + 64, '\0');
  std::string input(text);
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// Reads each of many variants; returns how many were read and how many refused.
std::pair<unsigned, unsigned> read_variants(const std::string& original, unsigned count) {
  unsigned read = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    const std::string text = Mutator(seed).mutate(original);
    ++(read_as_recording(reinterpret_cast<const std::uint8_t*>(text.data()), text.size())
           ? read
           : refused);
  }
  return {read, refused};
}

TEST(PerfScriptMutations, TextIsReadOrRefused) {
  const auto [read, refused] = read_variants(std::string(good), 4000);
  EXPECT_GT(read, 100U);
  EXPECT_GT(refused, 1000U);
}

TEST(PerfScriptMutations, GzipIsReadOrRefused) {
  const auto [read, refused] = read_variants(gzip(good), 2000);
  EXPECT_GT(read, 100U);
  EXPECT_GT(refused, 1000U);
}

TEST(PerfScriptMutations, EveryPrefixIsReadOrRefused) {
  for (const std::string& whole : {std::string(good), gzip(good)})
    for (std::size_t length = 0; length < whole.size(); ++length)
      read_as_recording(reinterpret_cast<const std::uint8_t*>(whole.data()), length);
  SUCCEED();
}

TEST(PerfScriptMutations, TheFuzzersEntryTakesAnything) {
  EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(good.data()), good.size()),
            0);
  EXPECT_TRUE(read_as_recording(reinterpret_cast<const std::uint8_t*>(good.data()), good.size()));
}

}  // namespace
}  // namespace tlblab
