// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/host.h"

#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "harness/run/preflight.h"

namespace tlblab {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string contents(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "model name : X" of x86; other architectures have other words.
std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    for (const std::string_view key : {"model name", "Processor", "cpu\t", "Hardware", "uarch"}) {
      const std::size_t colon = line.find(": ");
      if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
    }
  }
  return {};
}

std::string on_or_off(const std::string& flag) {
  if (flag == "1") return "on";
  return flag == "0" ? "off" : flag;
}

}  // namespace

Facts host_facts() {
  Facts facts;
  const auto add = [&facts](const char* name, std::string value) {
    if (!value.empty()) facts.emplace_back(name, std::move(value));
  };
  add("cpu", cpu_model());
  add("processors", std::to_string(std::thread::hardware_concurrency()));
  if (under_hypervisor(contents("/proc/cpuinfo"))) add("hypervisor", "yes");
  add("kernel", first_line("/proc/sys/kernel/osrelease"));
  add("governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  add("smt", on_or_off(first_line("/sys/devices/system/cpu/smt/active")));
  add("aslr", first_line("/proc/sys/kernel/randomize_va_space"));
  return facts;
}

}  // namespace tlblab
