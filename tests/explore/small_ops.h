// SPDX-License-Identifier: GPL-2.0-or-later
// Small programs written down in tests: {{w(x, 1), r(y)}, {w(y, 1), r(x)}}.
#pragma once

#include <utility>

#include "tests/explore/small_program.h"

namespace tlblab::small_ops {

inline constexpr unsigned x = 0, y = 1, z = 2, v3 = 3;  // locations
inline constexpr unsigned s = 0, t = 1;                 // locks

constexpr SmallOp r(unsigned where, order o = order::relaxed) {
  return {.kind = OpKind::load, .where = where, .o = o};
}
constexpr SmallOp w(unsigned where, std::int64_t value, order o = order::relaxed) {
  return {.kind = OpKind::store, .where = where, .value = value, .o = o};
}
constexpr SmallOp xchg(unsigned where, std::int64_t value, order o = order::full) {
  return {.kind = OpKind::exchange, .where = where, .value = value, .o = o};
}
constexpr SmallOp add(unsigned where, std::int64_t value, order o = order::full) {
  return {.kind = OpKind::add, .where = where, .value = value, .o = o};
}
constexpr SmallOp void_add(unsigned where, std::int64_t value) {
  return {.kind = OpKind::void_add, .where = where, .value = value};
}
constexpr SmallOp cmpxchg(unsigned where,
                          std::int64_t expected,
                          std::int64_t value,
                          order o = order::full) {
  return {.kind = OpKind::cmpxchg, .where = where, .value = value, .expected = expected, .o = o};
}
constexpr SmallOp await(unsigned where, std::int64_t value, order o = order::relaxed) {
  return {.kind = OpKind::await, .where = where, .value = value, .o = o};
}
constexpr SmallOp lock(unsigned which) { return {.kind = OpKind::lock, .where = which}; }
constexpr SmallOp unlock(unsigned which) { return {.kind = OpKind::unlock, .where = which}; }

inline constexpr SmallOp mb{.kind = OpKind::mb};
inline constexpr SmallOp rmb{.kind = OpKind::rmb};
inline constexpr SmallOp wmb{.kind = OpKind::wmb};
inline constexpr SmallOp read_lock{.kind = OpKind::read_lock};
inline constexpr SmallOp read_unlock{.kind = OpKind::read_unlock};
inline constexpr SmallOp synchronize{.kind = OpKind::synchronize};

using Threads = std::vector<std::vector<SmallOp>>;

// With the locations and locks above.
inline SmallProgram program(Threads threads) {
  return {.locations = 4, .locks = 2, .threads = std::move(threads)};
}

}  // namespace tlblab::small_ops
