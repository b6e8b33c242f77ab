// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a command line in this process, and files to run it on.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/cli.h"

namespace tlblab {

struct Typed {
  int code = -1;
  std::string out, err;
};
// The words after "tlblab".
Typed typed(const std::vector<std::string>& words, Terminals terminals = {});

// A folder of this process's own, empty at first, removed at its end.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string file(const std::string& name, const std::string& contents) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::string path_;
};

std::string contents(const std::string& path);

// Three page faults on CPUs 0 and 1 and an event that nobody knows, as perf script prints them.
std::string small_recording();

}  // namespace tlblab
