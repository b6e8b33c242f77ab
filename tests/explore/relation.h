// SPDX-License-Identifier: GPL-2.0-or-later
// Binary relations over the events of one execution, as bit matrices: the algebra in which memory
// models are written. Events are numbered from 0; a set of them is one word.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace tlblab {

using EventSet = std::uint64_t;
inline constexpr unsigned max_events = 64;

constexpr EventSet one_event(unsigned event) noexcept { return EventSet{1} << event; }

constexpr unsigned first_event(EventSet set) noexcept {
  return static_cast<unsigned>(std::countr_zero(set));
}

template <class Visit>
constexpr void for_each_event(EventSet set, Visit visit) {
  for (; set != 0; set &= set - 1) visit(first_event(set));
}

// Over events 0 to size - 1; both operands of an operator have the same size.
class Relation {
 public:
  explicit Relation(unsigned size) noexcept : size_(size) {}

  static Relation identity(unsigned size) noexcept {
    Relation result(size);
    for (unsigned a = 0; a < size; ++a) result.add(a, a);
    return result;
  }
  static Relation product(unsigned size, EventSet from, EventSet to) noexcept {
    Relation result(size);
    for_each_event(from, [&](unsigned a) { result.rows_[a] = to; });
    return result;
  }

  [[nodiscard]] unsigned size() const noexcept { return size_; }
  [[nodiscard]] EventSet after(unsigned a) const noexcept { return rows_[a]; }
  [[nodiscard]] bool has(unsigned a, unsigned b) const noexcept {
    return (rows_[a] & one_event(b)) != 0;
  }
  void add(unsigned a, unsigned b) noexcept { rows_[a] |= one_event(b); }

  friend Relation operator|(Relation l, const Relation& r) noexcept {
    for (unsigned a = 0; a < l.size_; ++a) l.rows_[a] |= r.rows_[a];
    return l;
  }
  friend Relation operator&(Relation l, const Relation& r) noexcept {
    for (unsigned a = 0; a < l.size_; ++a) l.rows_[a] &= r.rows_[a];
    return l;
  }
  friend Relation operator-(Relation l, const Relation& r) noexcept {
    for (unsigned a = 0; a < l.size_; ++a) l.rows_[a] &= ~r.rows_[a];
    return l;
  }
  // Sequence: from a to c, if l leads from a to some b and r from b to c.
  friend Relation operator*(const Relation& l, const Relation& r) noexcept {
    Relation result(l.size_);
    for (unsigned a = 0; a < l.size_; ++a)
      for_each_event(l.rows_[a], [&](unsigned b) { result.rows_[a] |= r.rows_[b]; });
    return result;
  }
  friend bool operator==(const Relation& l, const Relation& r) noexcept = default;

  [[nodiscard]] bool empty() const noexcept {
    EventSet all = 0;
    for (EventSet row : rows_) all |= row;
    return all == 0;
  }
  [[nodiscard]] bool irreflexive() const noexcept {
    for (unsigned a = 0; a < size_; ++a)
      if (has(a, a)) return false;
    return true;
  }

 private:
  friend Relation plus(Relation r) noexcept;

  unsigned size_;
  std::array<EventSet, max_events> rows_{};
};

inline Relation inverse(const Relation& r) noexcept {
  Relation result(r.size());
  for (unsigned a = 0; a < r.size(); ++a)
    for_each_event(r.after(a), [&](unsigned b) { result.add(b, a); });
  return result;
}

// One step or more.
inline Relation plus(Relation r) noexcept {
  for (unsigned b = 0; b < r.size_; ++b)
    for (unsigned a = 0; a < r.size_; ++a)
      if (r.has(a, b)) r.rows_[a] |= r.rows_[b];
  return r;
}

// One step or none.
inline Relation maybe(const Relation& r) noexcept { return r | Relation::identity(r.size()); }

// Any number of steps.
inline Relation star(const Relation& r) noexcept { return maybe(plus(r)); }

inline bool acyclic(const Relation& r) noexcept { return plus(r).irreflexive(); }

// What leads from a set into a set.
inline Relation between(EventSet from, const Relation& r, EventSet to) noexcept {
  return r & Relation::product(r.size(), from, to);
}

}  // namespace tlblab
