// SPDX-License-Identifier: GPL-2.0-or-later
// The calls that a litmus test may make: those of the kernel's linux-kernel.def but for SRCU.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "harness/explore/litmus/program.h"

namespace tlblab {

// What a call makes of the value that it found in memory.
enum class PrimitiveResult : std::uint8_t {
  nothing,  // the call has no value
  loaded,   // what was there, or whether the lock was taken or held
  updated,  // what is there now: *_return
  is_zero,  // whether that is 0: *_and_test
  is_negative,
  changed,  // add_unless: whether it was not `expected`
};

struct Primitive {
  std::string_view name{};
  // l: a place in memory, '*x';  p: a pointer, 'x';  v: the value or operand;  e: `expected`
  std::string_view arguments{};
  std::optional<CodeOp> op{};  // none: the call does nothing in memory (barrier)
  AccessOrder order = AccessOrder::once;
  RmwKind rmw = RmwKind::exchange;
  PrimitiveResult result = PrimitiveResult::nothing;
  int operand = 0;  // 1: an operand that is not given is 1; -1: the operand is subtracted
  FenceKind fence = FenceKind::mb;
  bool mb_after = false;  // smp_store_mb
};

// None: there is no such call.
[[nodiscard]] std::optional<Primitive> find_primitive(std::string_view name);

}  // namespace tlblab
