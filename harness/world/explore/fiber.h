// SPDX-License-Identifier: GPL-2.0-or-later
// Stacks and the switch between them. A fiber may be abandoned in the middle: an execution that
// ends early does not unwind (mm is noexcept), the next start() begins at the top of the same
// stack. What a body owned on its stack is then lost, so bodies take memory from the world.
#pragma once

#include <cstddef>

namespace tlblab::inline TLBLAB_WORLD::detail {

class Fiber {
 public:
  using Entry = void (*)(void* argument) noexcept;

  Fiber() noexcept = default;
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next switch to this fiber calls entry(argument), which never returns.
  void start(Entry entry, void* argument);
  // From `from`, on whose stack the caller stands, to `to`. Returns when somebody switches back.
  static void change(Fiber& from, Fiber& to) noexcept;

 private:
  void arrived() noexcept;

  void* context_ = nullptr;  // where it stands (stack_switch.h)
  Fiber* from_ = nullptr;    // who switched to it
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  void* stack_ = nullptr;         // with its guard page; null: the thread's own stack
  void* fake_stack_ = nullptr;    // AddressSanitizer's
  const void* bottom_ = nullptr;  // of the usable stack
  std::size_t size_ = 0;
  friend struct FiberStart;
};

}  // namespace tlblab::inline TLBLAB_WORLD::detail
