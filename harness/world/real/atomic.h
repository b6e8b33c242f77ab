// SPDX-License-Identifier: GPL-2.0-or-later
// Shared words of the real world and the kernel's fences.
//
// Orders are the kernel's and no stronger: mm written against seq_cst would hide the bugs that
// this project is about. A `full` read-modify-write is one with a full barrier on both sides; on
// x86 every locked instruction is that, elsewhere the two fences are written out.
//
// ThreadSanitizer does not model atomic_thread_fence. Under it a fence is a read-modify-write of
// one common word: that orders more than the real fence (it can hide a race, never invent one).
#pragma once

#include <atomic>
#include <type_traits>

#include "mm/types.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

#if defined(__SANITIZE_THREAD__)
inline std::atomic<unsigned> fence_word{0};
inline void fence(std::memory_order how) noexcept { fence_word.fetch_add(0, how); }
inline constexpr auto fence_rmb = std::memory_order_acq_rel;
inline constexpr auto fence_wmb = std::memory_order_acq_rel;
#else
inline void fence(std::memory_order how) noexcept { std::atomic_thread_fence(how); }
inline constexpr auto fence_rmb = std::memory_order_acquire;
inline constexpr auto fence_wmb = std::memory_order_release;
#endif

#if defined(__x86_64__) || defined(__i386__)
inline constexpr bool rmw_is_full = true;  // a locked instruction orders everything around it
#else
inline constexpr bool rmw_is_full = false;
#endif

constexpr std::memory_order load_order(order o) noexcept {
  return o == order::relaxed ? std::memory_order_relaxed : std::memory_order_acquire;
}
constexpr std::memory_order store_order(order o) noexcept {
  return o == order::relaxed ? std::memory_order_relaxed : std::memory_order_release;
}
constexpr std::memory_order rmw_order(order o) noexcept {
  switch (o) {
    case order::relaxed: return std::memory_order_relaxed;
    case order::acquire: return std::memory_order_acquire;
    case order::release: return std::memory_order_release;
    case order::full: return std::memory_order_seq_cst;
    case order::consume: break;  // of loads only
  }
  return std::memory_order_seq_cst;
}

}  // namespace detail

inline void smp_mb() noexcept { detail::fence(std::memory_order_seq_cst); }
inline void smp_rmb() noexcept { detail::fence(detail::fence_rmb); }
inline void smp_wmb() noexcept { detail::fence(detail::fence_wmb); }
inline void compiler_barrier() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

// Around a relaxed read-modify-write: nothing but the compiler where the instruction is full.
inline void smp_mb__before_atomic() noexcept {
  if constexpr (detail::rmw_is_full)
    compiler_barrier();
  else
    smp_mb();
}
inline void smp_mb__after_atomic() noexcept { smp_mb__before_atomic(); }
// Makes an unlock followed by a lock a full barrier; Spinlock's lock is a locked instruction.
inline void smp_mb__after_unlock_lock() noexcept { smp_mb__before_atomic(); }

template <class T>
class Atomic {
 public:
  constexpr Atomic() noexcept = default;
  constexpr explicit Atomic(T value) noexcept : word_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  [[nodiscard]] T load(order o) const noexcept { return word_.load(detail::load_order(o)); }
  void store(T value, order o) noexcept { word_.store(value, detail::store_order(o)); }

  T exchange(T value, order o) noexcept {
    return full(o, [&] { return word_.exchange(value, detail::rmw_order(o)); });
  }
  // On failure `expected` becomes the value found and nothing is ordered, as in the kernel.
  bool compare_exchange(T& expected, T desired, order o) noexcept {
    return full(o, [&] {
      return word_.compare_exchange_strong(expected, desired, detail::rmw_order(o),
                                           std::memory_order_relaxed);
    });
  }
  T fetch_add(T value, order o) noexcept {
    return full(o, [&] { return word_.fetch_add(value, detail::rmw_order(o)); });
  }
  T fetch_sub(T value, order o) noexcept {
    return full(o, [&] { return word_.fetch_sub(value, detail::rmw_order(o)); });
  }
  T fetch_or(T value, order o) noexcept {
    return full(o, [&] { return word_.fetch_or(value, detail::rmw_order(o)); });
  }
  T fetch_and(T value, order o) noexcept {
    return full(o, [&] { return word_.fetch_and(value, detail::rmw_order(o)); });
  }

 private:
  template <class Op>
  static auto full(order o, Op op) noexcept {
    if constexpr (!detail::rmw_is_full) {
      if (o == order::full) {
        smp_mb();
        auto result = op();
        smp_mb();
        return result;
      }
    }
    return op();
  }
  std::atomic<T> word_{};
};

// Nothing to be done: the load was an acquire, since C++ has no name that compilers keep for less.
template <class Value, class T>
T* led_to(Value, T* object, std::size_t = sizeof(T)) noexcept {
  return object;
}

template <class T>
T read_once(const Atomic<T>& word) noexcept {
  return word.load(order::relaxed);
}
template <class T>
void write_once(Atomic<T>& word, T value) noexcept {
  word.store(value, order::relaxed);
}

// The same for a plain word in a frame: what programs share without locks.
template <class T>
  requires std::is_integral_v<T> || std::is_pointer_v<T>
T read_once(const T& word) noexcept {
  return std::atomic_ref(const_cast<T&>(word)).load(std::memory_order_relaxed);
}
template <class T>
  requires std::is_integral_v<T> || std::is_pointer_v<T>
void write_once(T& word, T value) noexcept {
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
}

// Bare here; the explorer checks that all uses are ordered. ThreadSanitizer checks it too.
template <class T>
class Shared {
 public:
  constexpr Shared() noexcept = default;
  constexpr explicit Shared(T value) noexcept : value_(value) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  [[nodiscard]] T get() const noexcept { return value_; }
  void set(T value) noexcept { value_ = value; }

 private:
  T value_{};
};

}  // namespace tlblab::inline TLBLAB_WORLD
