// SPDX-License-Identifier: GPL-2.0-or-later
// Damages a text, in the same way for the same seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace tlblab {

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string mutate(std::string text) {
    for (std::size_t change = below(8); change > 0 && !text.empty(); --change) change_once(text);
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  std::size_t place(const std::string& text) { return below(text.size()); }

  void change_once(std::string& text) {
    switch (below(7)) {
      case 0: text[place(text)] = static_cast<char>(text[place(text)] ^ (1 << below(8))); return;
      case 1: text.resize(place(text)); return;
      case 2: swap_pieces(text); return;
      case 3: huge_number(text); return;
      case 4: text.erase(place(text), 1 + below(20)); return;
      case 5: text.insert(place(text), 1 + below(200), static_cast<char>(below(256))); return;
      default: text += text.substr(place(text)); return;
    }
  }
  void swap_pieces(std::string& text) {
    const std::string piece = text.substr(place(text), 1 + below(150));
    text.insert(place(text), piece);
  }
  void huge_number(std::string& text) {
    const std::size_t at = text.find_first_of("0123456789", place(text));
    if (at != std::string::npos) text.insert(at, 1 + below(30), '9');
  }

  std::mt19937_64 random_;
};

}  // namespace tlblab
