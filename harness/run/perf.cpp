// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/perf.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

namespace tlblab {
namespace {

constexpr const char* folders[] = {"/sys/kernel/tracing/events",
                                   "/sys/kernel/debug/tracing/events"};

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::vector<std::string> recorded_events() {
  std::vector<std::string> events{"tlb:tlb_flush", "exceptions:page_fault_user",
                                  "exceptions:page_fault_kernel"};
  for (const char* edge : {"enter", "exit"})
    for (const char* call : {"mmap", "munmap", "mprotect", "madvise", "mremap", "brk"})
      events.push_back(fmt::format("syscalls:sys_{}_{}", edge, call));
  for (const char* call :
       {"execve", "pkey_mprotect", "process_madvise", "mlock", "munlock", "mincore", "membarrier"})
    events.push_back(fmt::format("syscalls:sys_enter_{}", call));
  for (const char* event : {"fork", "exec", "exit"})
    events.push_back(fmt::format("sched:sched_process_{}", event));
  return events;
}

std::vector<std::string> perf_record_words(const std::string& perf,
                                           const std::string& data,
                                           const std::vector<std::string>& command) {
  std::vector<std::string> words{perf,
                                 "record",
                                 "-q",
                                 "-m",
                                 "16384",
                                 "-k",
                                 "CLOCK_MONOTONIC",
                                 "-o",
                                 data,
                                 "-e",
                                 fmt::format("{}", fmt::join(recorded_events(), ",")),
                                 "--"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::vector<std::string> perf_script_words(const std::string& perf, const std::string& data) {
  return {perf,
          "script",
          "-i",
          data,
          "--ns",
          "-F",
          "comm,pid,tid,cpu,time,event,trace",
          "--show-lost-events"};
}

PerfPermissions read_perf_permissions() {
  PerfPermissions permissions;
  permissions.root = geteuid() == 0;
  permissions.paranoid = first_line("/proc/sys/kernel/perf_event_paranoid");
  permissions.has_tracepoint = false;
  std::error_code ignored;
  for (const std::string folder : folders) {
    if (access(folder.c_str(), R_OK | X_OK) != 0) continue;
    permissions.tracefs_readable = true;
    permissions.has_tracepoint |= std::filesystem::exists(folder + "/tlb/tlb_flush", ignored);
  }
  return permissions;
}

std::string why_not_recorded(const PerfPermissions& permissions, std::string_view said) {
  const std::string ending = said.empty() ? "" : fmt::format(" (perf: {})", said);
  if (!permissions.tracefs_readable)
    return fmt::format(
        "perf may not look at the kernel's tracepoints: /sys/kernel/tracing cannot be read; run "
        "this as root, or as root: mount -t tracefs tracefs /sys/kernel/tracing; chmod -R a+rX "
        "/sys/kernel/tracing{}",
        ending);
  if (!permissions.has_tracepoint)
    return fmt::format(
        "this kernel has no tracepoint tlb:tlb_flush: it is no x86, or was built without "
        "tracepoints; record on another host{}",
        ending);
  const int paranoid = std::atoi(permissions.paranoid.c_str());
  if (!permissions.root && paranoid > -1)
    return fmt::format(
        "perf may not record tracepoints: kernel.perf_event_paranoid is {}; run this as root, or "
        "as root: sysctl kernel.perf_event_paranoid=-1 kernel.perf_event_mlock_kb=65536{}",
        paranoid, ending);
  return fmt::format(
      "perf could not record{}",
      ending.empty() ? ", and did not say why; try perf record -e tlb:tlb_flush true" : ending);
}

}  // namespace tlblab
