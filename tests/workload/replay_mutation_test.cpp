// SPDX-License-Identifier: GPL-2.0-or-later
// Recordings whose numbers were changed at random can say anything: whatever the reader lets
// through is replayed to its end.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "harness/workload/input_error.h"
#include "harness/workload/replay.h"
#include "tests/workload/plain_model.h"
#include "tests/workload/trace_text.h"

namespace tlblab {
namespace {

constexpr vaddr_t a = 0x7f0000000000;

// A bit of everything.
std::string sample() {
  TraceText text;
  text.flush(1)
      .kernel_fault(0x501000, 2)
      .exec()
      .brk(0, 0x5000000)
      .brk(0x5021000, 0x5021000)
      .write(0x5001000);
  text.mmap(a, 0x300000)
      .write(a)
      .read(a + 0x1000)
      .write_present(a + 0x1000)
      .madvise(a, 0x300000, 4)
      .flush(-1);
  text.fork(11)
      .write_present(0x501000)
      .as(11)
      .write_present(a)
      .munmap(a, 0x1000)
      .flush(1)
      .enter_execve()
      .flush(1);
  text.kernel_fault(0x601000, 2)
      .exec()
      .mmap(a, 0x4000, 0x8022)
      .mremap(a, 0x4000, 0x8000, 1, a + 0x900000)
      .exit();
  text.as(10)
      .fork(12)
      .as(10, 12, 1)
      .write(a + 0x2000)
      .mprotect(a, 0x300000, 1)
      .flush(3)
      .exit(false);
  text.as(10)
      .fork(13)
      .as(13)
      .enter_execve()
      .enter_execve()
      .exec()
      .write(0x701000)
      .exit()
      .as(10)
      .write(a + 0x5000);
  text.brk(0x5001000, 0x5001000)
      .madvise(a, 0x1000, 14)
      .madvise(a, 0x1000, 8)
      .madvise(a, 0x2000, 10);
  text.enter("mlock", "start: 0x7f0000000000, len: 0x00003000")
      .mmap(a, 0x1000, 0x32)
      .munmap(a, 0x300000)
      .flush(2)
      .exit();
  return text.text();
}

// Replaces the number at some place by another of its base.
void change_number(std::string& text, std::mt19937_64& random) {
  const std::size_t at = text.find_first_of("0123456789", random() % text.size());
  if (at == std::string::npos) return;
  const bool hexadecimal = text.compare(at, 2, "0x") == 0;
  const std::size_t begin = hexadecimal ? at + 2 : at;
  const std::size_t end =
      text.find_first_not_of(hexadecimal ? "0123456789abcdef" : "0123456789", begin);
  static constexpr std::string_view hexadecimals[] = {"0",
                                                      "1",
                                                      "2",
                                                      "4",
                                                      "7",
                                                      "fff",
                                                      "1000",
                                                      "3000",
                                                      "8022",
                                                      "3fffff",
                                                      "5000000",
                                                      "5021000",
                                                      "7f0000000000",
                                                      "7f0000001000",
                                                      "7fffffffe000",
                                                      "7ffffffff000",
                                                      "8000000000000000",
                                                      "ffffffffffffffff"};
  static constexpr std::string_view decimals[] = {"0",  "1",  "3",  "10",
                                                  "11", "12", "13", "4294967295"};
  text.replace(begin, end - begin,
               hexadecimal ? hexadecimals[random() % std::size(hexadecimals)]
                           : decimals[random() % std::size(decimals)]);
}

void swap_lines(std::string& text, std::mt19937_64& random) {
  const std::size_t first = text.find('\n', random() % text.size());
  if (first == std::string::npos) return;
  const std::size_t second = text.find('\n', first + 1);
  if (second == std::string::npos) return;
  const std::string line = text.substr(first + 1, second - first);
  text.erase(first + 1, second - first);
  const std::size_t to = text.find('\n', random() % text.size());
  text.insert(to == std::string::npos ? 0 : to + 1, line);
}

TEST(ReplayMutations, WhateverIsReadIsReplayedToItsEnd) {
  const std::string original = sample();
  unsigned replayed = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    std::mt19937_64 random(seed);
    std::string text = original;
    for (std::uint64_t change = random() % 6; change > 0; --change)
      random() % 3 == 0 ? swap_lines(text, random) : change_number(text, random);
    try {
      const Recording recording = parse_perf_script(text, "mutated");
      plain::PlainModel model;
      Replay run(recording, model,
                 {.cpus = static_cast<unsigned>(random() % 4), .populate_limit = 1024});
      while (!run.done()) run.step();
      const ReplayReport report = run.finish();
      EXPECT_EQ(report.records, recording.records.size()) << "seed " << seed;
      ++replayed;
    } catch (const InputError&) {
      continue;  // the reader refused it, in one line
    }
  }
  EXPECT_GT(replayed, 1000U);
}

}  // namespace
}  // namespace tlblab
