// SPDX-License-Identifier: GPL-2.0-or-later
// The only source that is compiled anew when the git id changes.
#include <string_view>

#include "harness/cli/about.h"
#include "tlblab_version.h"

namespace tlblab {

NamedValues tool_facts() {
  NamedValues facts{{"version", build::version}};
  if (*build::git_id != '\0') facts.emplace_back("git", build::git_id);
  facts.emplace_back("compiler", build::compiler);
  facts.emplace_back("build", build::type);
  if (build::sanitizer != std::string_view("none"))
    facts.emplace_back("sanitizer", build::sanitizer);
  return facts;
}

std::string version_text() {
  std::string text = std::string("tlblab ") + build::version;
  if (*build::git_id != '\0') text += std::string(" (") + build::git_id + ")";
  text += std::string("\nbuilt with ") + build::compiler + ", " + build::type;
  if (build::sanitizer != std::string_view("none"))
    text += std::string(", sanitizer ") + build::sanitizer;
  return text + "\nlicence GPL-2.0-or-later; there is no warranty\n";
}

}  // namespace tlblab
