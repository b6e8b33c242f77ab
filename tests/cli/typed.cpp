// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/cli/typed.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tlblab {

Typed typed(const std::vector<std::string>& words, Terminals terminals) {
  std::vector<const char*> argv{"tlblab"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  std::ostringstream out, err;
  Typed result;
  result.code = run(static_cast<int>(argv.size()), argv.data(), out, err, terminals);
  result.out = out.str();
  result.err = err.str();
  return result;
}

Folder::Folder() : path_((std::filesystem::temp_directory_path() / "tlblab-test-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no folder for the test");
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::file(const std::string& name, const std::string& contents) const {
  std::ofstream(path(name)) << contents;
  return path(name);
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    all.push_back(entry.path().filename().string());
  std::ranges::sort(all);
  return all;
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string small_recording() {
  return "  prog  7/7  [000]  1.000000001:  exceptions:page_fault_user: address=0x1000 ip=0x400000 "
         "error_code=0x6\n"
         "  prog  7/7  [001]  1.000000002:  exceptions:page_fault_user: address=0x2000 ip=0x400000 "
         "error_code=0x6\n"
         "  prog  7/7  [001]  1.000000003:  sched:sched_switch: prev_comm=x\n"
         "  prog  7/7  [000]  1.000000004:  exceptions:page_fault_user: address=0x3000 ip=0x400000 "
         "error_code=0x6\n";
}

}  // namespace tlblab
