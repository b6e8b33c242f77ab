// SPDX-License-Identifier: GPL-2.0-or-later
// Relations between the events of a graph, as bits: row e has the events that come before e.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace tlblab {

// A set of events, of at most 64 * Words.
template <unsigned Words>
struct BitRow {
  std::array<std::uint64_t, Words> words{};

  void set(unsigned at) noexcept { words[at / 64] |= 1ULL << at % 64; }
  void reset(unsigned at) noexcept { words[at / 64] &= ~(1ULL << at % 64); }
  [[nodiscard]] bool test(unsigned at) const noexcept {
    return (words[at / 64] >> at % 64 & 1) != 0;
  }
  BitRow& operator|=(const BitRow& other) noexcept {
    for (unsigned w = 0; w < Words; ++w) words[w] |= other.words[w];
    return *this;
  }
  BitRow& operator&=(const BitRow& other) noexcept {
    for (unsigned w = 0; w < Words; ++w) words[w] &= other.words[w];
    return *this;
  }
  friend BitRow operator|(BitRow a, const BitRow& b) noexcept { return a |= b; }
  friend BitRow operator&(BitRow a, const BitRow& b) noexcept { return a &= b; }
  [[nodiscard]] bool meets(const BitRow& other) const noexcept {
    std::uint64_t both = 0;
    for (unsigned w = 0; w < Words; ++w) both |= words[w] & other.words[w];
    return both != 0;
  }
  [[nodiscard]] bool any() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t word : words) all |= word;
    return all != 0;
  }
  [[nodiscard]] BitRow without(const BitRow& other) const noexcept {
    BitRow rest = *this;
    for (unsigned w = 0; w < Words; ++w) rest.words[w] &= ~other.words[w];
    return rest;
  }
  // The event with the highest number, of a row that is not empty.
  [[nodiscard]] unsigned highest() const noexcept {
    unsigned w = Words - 1;
    while (words[w] == 0) --w;
    return w * 64 + 63 - static_cast<unsigned>(std::countl_zero(words[w]));
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (unsigned w = 0; w < Words; ++w)
      for (std::uint64_t rest = words[w]; rest != 0; rest &= rest - 1)
        visit(w * 64 + static_cast<unsigned>(std::countr_zero(rest)));
  }
};

template <unsigned Words>
using BitRows = std::vector<BitRow<Words>>;

// All that is in the rows of these.
template <unsigned Words>
[[nodiscard]] BitRow<Words> image(const BitRow<Words>& of, const BitRows<Words>& rows) {
  BitRow<Words> all;
  of.for_each([&](unsigned at) { all |= rows[at]; });
  return all;
}

namespace detail {

// Visits the events, each behind all that are before it; false: the relation has a cycle. Most of what
// is before an event has a smaller number, so that one or two rounds do.
template <unsigned Words, class Visit>
[[nodiscard]] bool in_order(const BitRows<Words>& rows, Visit visit) {
  const auto n = static_cast<unsigned>(rows.size());
  BitRow<Words> done;
  unsigned left = n;
  for (bool progress = true; progress && left != 0;) {
    progress = false;
    for (unsigned e = 0; e < n; ++e) {
      if (done.test(e)) continue;
      std::uint64_t missing = 0;
      for (unsigned w = 0; w < Words; ++w) missing |= rows[e].words[w] & ~done.words[w];
      if (missing != 0) continue;
      visit(e);
      done.set(e);
      --left;
      progress = true;
    }
  }
  return left == 0;
}

}  // namespace detail

template <unsigned Words>
[[nodiscard]] bool acyclic(const BitRows<Words>& rows) {
  return detail::in_order(rows, [](unsigned) {});
}

// Closes the relation (each event is then before itself too). False: it has a cycle; rows are then of
// no use.
template <unsigned Words>
[[nodiscard]] bool close(BitRows<Words>& rows) {
  if (!acyclic(rows)) return false;
  return detail::in_order(BitRows<Words>(rows), [&](unsigned e) {
    rows[e] |= image(rows[e], rows);
    rows[e].set(e);
  });
}

}  // namespace tlblab
