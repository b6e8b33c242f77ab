// SPDX-License-Identifier: GPL-2.0-or-later
// Colour for terminals. It never says what the words do not say.
#pragma once

#include <string>
#include <string_view>

namespace tlblab {

struct Paint {
  bool on = false;

  [[nodiscard]] std::string bad(std::string_view text) const { return in("\x1b[1;31m", text); }
  [[nodiscard]] std::string good(std::string_view text) const { return in("\x1b[32m", text); }
  [[nodiscard]] std::string strong(std::string_view text) const { return in("\x1b[1m", text); }

 private:
  [[nodiscard]] std::string in(std::string_view colour, std::string_view text) const {
    if (!on) return std::string(text);
    return std::string(colour).append(text).append("\x1b[0m");
  }
};

}  // namespace tlblab
