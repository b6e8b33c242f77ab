// SPDX-License-Identifier: GPL-2.0-or-later
// Writes recordings for tests in perf's own words, a call a line, so that every test goes through
// the reader too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "harness/workload/perf_script.h"

namespace tlblab {

class TraceText {
 public:
  // Who the following lines are about.
  TraceText& as(std::uint32_t pid, std::uint32_t tid, unsigned cpu = 0) {
    pid_ = pid;
    tid_ = tid;
    cpu_ = cpu;
    return *this;
  }
  TraceText& as(std::uint32_t pid) { return as(pid, pid); }

  TraceText& line(std::string_view event, std::string_view fields) {
    text_ += fmt::format("{:>16} {}/{} [{:03}] {}.{:09}: {}: {}\n", "prog", pid_, tid_, cpu_, 100,
                         ++time_, event, fields);
    return *this;
  }
  TraceText& fault(std::uint64_t address, unsigned code) {
    return line("exceptions:page_fault_user",
                fmt::format("address={:#x} ip=0x401000 error_code={:#x}", address, code));
  }
  TraceText& write(std::uint64_t address) { return fault(address, 0x6); }
  TraceText& read(std::uint64_t address) { return fault(address, 0x4); }
  TraceText& write_present(std::uint64_t address) { return fault(address, 0x7); }
  TraceText& kernel_fault(std::uint64_t address, unsigned code, std::string_view ip = "elf_load") {
    return line("exceptions:page_fault_kernel",
                fmt::format("address={:#x} ip={} error_code={:#x}", address, ip, code));
  }
  TraceText& flush(std::int64_t pages, std::string_view reason = "local MM shootdown (3)") {
    return line("tlb:tlb_flush", fmt::format("pages:{} reason:{}", pages, reason));
  }
  TraceText& fork(std::uint32_t child) {
    return line("sched:sched_process_fork",
                fmt::format("comm=prog pid={} child_comm=prog child_pid={}", tid_, child));
  }
  TraceText& enter_execve() {
    return line("syscalls:sys_enter_execve", "filename: 0x1000, argv: 0x2000, envp: 0x3000");
  }
  TraceText& exec() { return exec(tid_); }
  TraceText& exec(std::uint32_t old_tid) {
    return line("sched:sched_process_exec",
                fmt::format("filename=/bin/prog pid={} old_pid={}", pid_, old_tid));
  }
  TraceText& exit(bool group_dead = true) {
    return line("sched:sched_process_exit",
                fmt::format("comm=prog pid={} prio=120 group_dead={}", tid_, group_dead));
  }

  TraceText& enter(std::string_view call, std::string_view fields) {
    return line(fmt::format("syscalls:sys_enter_{}", call), fields);
  }
  TraceText& leave(std::string_view call, std::int64_t result) {
    return line(fmt::format("syscalls:sys_exit_{}", call),
                fmt::format("{:#x}", static_cast<std::uint64_t>(result)));
  }

  // Whole calls, enter and exit.
  TraceText& mmap(std::uint64_t address,
                  std::uint64_t length,
                  unsigned flags = 0x22,
                  unsigned prot = 3) {
    enter_mmap(address, length, flags, prot);
    return leave("mmap", static_cast<std::int64_t>(address));
  }
  TraceText& enter_mmap(std::uint64_t address,
                        std::uint64_t length,
                        unsigned flags = 0x22,
                        unsigned prot = 3) {
    return enter("mmap", fmt::format("addr: {:#010x}, len: {:#010x}, prot: {:#010x}, flags: "
                                     "{:#010x}, fd: 0xffffffff, off: 0x00000000",
                                     (flags & 0x10) != 0 ? address : 0, length, prot, flags));
  }
  TraceText& enter_munmap(std::uint64_t address, std::uint64_t length) {
    return enter("munmap", fmt::format("addr: {:#010x}, len: {:#010x}", address, length));
  }
  TraceText& munmap(std::uint64_t address, std::uint64_t length, std::int64_t result = 0) {
    return enter_munmap(address, length).leave("munmap", result);
  }
  TraceText& mprotect(std::uint64_t address,
                      std::uint64_t length,
                      unsigned prot,
                      std::int64_t result = 0) {
    enter("mprotect",
          fmt::format("start: {:#010x}, len: {:#010x}, prot: {:#010x}", address, length, prot));
    return leave("mprotect", result);
  }
  TraceText& madvise(std::uint64_t address,
                     std::uint64_t length,
                     unsigned advice,
                     std::int64_t result = 0) {
    enter("madvise", fmt::format("start: {:#010x}, len_in: {:#010x}, behavior: {:#010x}", address,
                                 length, advice));
    return leave("madvise", result);
  }
  TraceText& mremap(std::uint64_t address,
                    std::uint64_t old_length,
                    std::uint64_t new_length,
                    unsigned flags,
                    std::uint64_t result) {
    enter("mremap", fmt::format("addr: {:#010x}, old_len: {:#010x}, new_len: {:#010x}, flags: "
                                "{:#010x}, new_addr: {:#010x}",
                                address, old_length, new_length, flags, result));
    return leave("mremap", static_cast<std::int64_t>(result));
  }
  TraceText& brk(std::uint64_t asked, std::uint64_t result) {
    return enter("brk", fmt::format("brk: {:#010x}", asked))
        .leave("brk", static_cast<std::int64_t>(result));
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Recording recording() const { return parse_perf_script(text_, "trace"); }

 private:
  std::string text_;
  std::uint32_t pid_ = 10, tid_ = 10;
  unsigned cpu_ = 0;
  std::uint64_t time_ = 0;
};

}  // namespace tlblab
