// SPDX-License-Identifier: GPL-2.0-or-later
// From one stack to another; only fiber.cpp uses it. On x86-64 of our own: Boost.Context's saves and
// loads the control words of both floating-point units, which nobody changes here, and that is most of
// what it costs (a round trip of 10.4 ns against 2.3). Elsewhere Boost.Context's: of it the plain
// contexts and not the fiber class, which unwinds a fiber that is destroyed, by an exception that mm
// would turn into terminate().
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__)
#include <boost/context/detail/fcontext.hpp>
#endif

namespace tlblab::inline TLBLAB_WORLD::detail {

// Begins on a stack of its own; never returns.
using StackEntry = void (*)(void* argument) noexcept;

#if defined(__x86_64__)

// Where to switch to for entry(argument), on a stack that ends at `top`.
template <StackEntry entry>
void* stack_for(void* top, std::size_t) noexcept {
  // The entry finds the stack as if it had been called: 8 bytes below a multiple of 16, and a debugger
  // that nobody called it.
  const auto end = reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15};
  auto* const place = reinterpret_cast<StackEntry*>(end - 16);
  place[0] = entry;
  place[1] = nullptr;
  return static_cast<void*>(place);
}

// Leaves word in `from` where to come back to. What the compiler keeps in registers across it, it saves
// itself; 128 bytes below the stack may be in use.
inline void switch_stack(void*& from, void* to, void* argument) noexcept {
  void** place = &from;
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t"
      "pushq %%rbp\n\t"
      "pushq %%rbx\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "movq %%rsp, (%[place])\n\t"
      "movq %[to], %%rsp\n\t"
      "popq %%rax\n\t"
      "jmpq *%%rax\n"  // a return would be foretold wrong
      "1:\n\t"
      "popq %%rbx\n\t"
      "popq %%rbp\n\t"
      "leaq 128(%%rsp), %%rsp"
      : "+D"(argument), [place] "+S"(place), [to] "+d"(to)
      :
      : "rax", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2",
        "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
        "xmm14", "xmm15", "memory", "cc");
}

#else

struct StackSwitch {
  void** from;  // where the stack that is left is to be known
  void* argument;
};

template <StackEntry entry>
void begin_stack(boost::context::detail::transfer_t transfer) noexcept {
  const StackSwitch& from = *static_cast<StackSwitch*>(transfer.data);
  *from.from = transfer.fctx;
  entry(from.argument);
}

template <StackEntry entry>
void* stack_for(void* top, std::size_t size) noexcept {
  return boost::context::detail::make_fcontext(top, size, begin_stack<entry>);
}

inline void switch_stack(void*& from, void* to, void* argument) noexcept {
  StackSwitch leaves{&from, argument};
  const auto back = boost::context::detail::jump_fcontext(to, &leaves);
  *static_cast<StackSwitch*>(back.data)->from = back.fctx;
}

#endif

}  // namespace tlblab::inline TLBLAB_WORLD::detail
