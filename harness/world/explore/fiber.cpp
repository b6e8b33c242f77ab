// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/fiber.h"

#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

#include "harness/world/explore/stack_switch.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace tlblab::inline TLBLAB_WORLD::detail {

namespace {

// Only what is touched costs memory. Room for a failing test's message under a sanitizer.
constexpr std::size_t stack_size = 512U * 1024;

std::size_t guard_size() noexcept {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

void* map_stack() {
  void* memory = mmap(nullptr, guard_size() + stack_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard_size(), PROT_NONE) != 0) {
    std::perror("tlblab: no memory for the stack of a simulated CPU");
    std::abort();
  }
  return memory;
}

#if defined(__SANITIZE_ADDRESS__)
void leave(void** fake_stack, const void* bottom, std::size_t size) noexcept {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
void enter(void* fake_stack, const void** bottom, std::size_t* size) noexcept {
  __sanitizer_finish_switch_fiber(fake_stack, bottom, size);
}
// Frames of an abandoned run are still marked on the stack.
void forget_frames(const void* bottom, std::size_t size) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(bottom, size);
}
#else
void leave(void**, const void*, std::size_t) noexcept {}
void enter(void*, const void**, std::size_t*) noexcept {}
void forget_frames(const void*, std::size_t) noexcept {}
#endif

}  // namespace

struct FiberStart {
  static void first(void* fiber) noexcept {
    auto& self = *static_cast<Fiber*>(fiber);
    self.arrived();
    self.entry_(self.argument_);
    std::abort();  // an entry never returns
  }
};

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_, guard_size() + stack_size);
}

void Fiber::start(Entry entry, void* argument) {
  if (stack_ == nullptr) {
    stack_ = map_stack();
    bottom_ = static_cast<std::byte*>(stack_) + guard_size();
    size_ = stack_size;
  }
  forget_frames(bottom_, size_);
  entry_ = entry;
  argument_ = argument;
  fake_stack_ = nullptr;
  void* top = static_cast<std::byte*>(stack_) + guard_size() + stack_size;
  context_ = stack_for<FiberStart::first>(top, stack_size);
}

void Fiber::change(Fiber& from, Fiber& to) noexcept {
  to.from_ = &from;
  leave(&from.fake_stack_, to.bottom_, to.size_);
  switch_stack(from.context_, to.context_, &to);
  from.arrived();  // by a change() to `from`
}

// Tells the sanitizer that the switch is done, and learns where the stack we came from lies: the
// thread's own is known in no other way.
void Fiber::arrived() noexcept { enter(fake_stack_, &from_->bottom_, &from_->size_); }

}  // namespace tlblab::inline TLBLAB_WORLD::detail
