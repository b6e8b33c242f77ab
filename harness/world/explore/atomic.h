// SPDX-License-Identifier: GPL-2.0-or-later
// Shared words of the explore world. An operation is one visible step on a plain word: memory is
// sequentially consistent, so an order changes no value. Orders and fences move vector clocks, by
// which uses of Shared words are judged (clock.h); a weaker model of memory will have its hooks
// there too. An Atomic is as large as its T. Outside of a run words are plain.
#pragma once

#include <bit>
#include <cstring>
#include <type_traits>

#include "harness/world/explore/note.h"

namespace tlblab::inline TLBLAB_WORLD {

inline void smp_mb() noexcept {
  if (detail::current != nullptr) detail::current->fence_full();
}
inline void smp_rmb() noexcept {
  if (detail::current != nullptr) detail::current->fence_acquire();
}
inline void smp_wmb() noexcept {
  if (detail::current != nullptr) detail::current->fence_release();
}
inline void compiler_barrier() noexcept {}
inline void smp_mb__before_atomic() noexcept { smp_mb(); }
inline void smp_mb__after_atomic() noexcept { smp_mb(); }
inline void smp_mb__after_unlock_lock() noexcept { smp_mb(); }

namespace detail {

// Arithmetic that wraps, as that of std::atomic does.
template <class T>
constexpr T wrapping_add(T a, T b) noexcept {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
}
template <class T>
constexpr T wrapping_sub(T a, T b) noexcept {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
}

// By bytes, as compare_exchange of std::atomic compares.
template <class T>
bool same(const T& a, const T& b) noexcept {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

}  // namespace detail

template <class T>
class Atomic {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  constexpr Atomic() noexcept = default;
  constexpr explicit Atomic(T value) noexcept : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  [[nodiscard]] T load(order o) const noexcept {
    if (detail::Engine* engine = detail::current) {
      engine->access_step();
      engine->loaded(this, o);
      detail::note_word(*engine, Operation::load, this, value_, value_, o);
    }
    return value_;
  }
  void store(T value, order o) noexcept {
    if (detail::Engine* engine = detail::current) {
      engine->access_step();
      engine->stored(this, o);
      // Even if it is the same value: what a word of static storage had left over from an earlier
      // execution must not tell in this one.
      engine->changed();
      detail::note_word(*engine, Operation::store, this, value_, value, o);
    }
    value_ = value;
  }

  T exchange(T value, order o) noexcept {
    return modify(o, [value](T) { return value; });
  }
  // On failure `expected` becomes the value found and nothing is ordered, as in the kernel.
  bool compare_exchange(T& expected, T desired, order o) noexcept {
    detail::Engine* engine = detail::current;
    if (engine != nullptr) engine->access_step();
    const bool done = detail::same(value_, expected);
    if (engine != nullptr) {
      if (done)
        engine->modified(this, o);
      else
        engine->loaded(this, order::relaxed);
      if (done && !detail::same(value_, desired)) engine->changed();
      detail::note_word(*engine, done ? Operation::modify : Operation::failed_cmpxchg, this, value_,
                        done ? desired : value_, o);
    }
    if (done)
      value_ = desired;
    else
      expected = value_;
    return done;
  }
  T fetch_add(T value, order o) noexcept {
    return modify(o, [value](T old) { return detail::wrapping_add(old, value); });
  }
  T fetch_sub(T value, order o) noexcept {
    return modify(o, [value](T old) { return detail::wrapping_sub(old, value); });
  }
  T fetch_or(T value, order o) noexcept {
    return modify(o, [value](T old) { return static_cast<T>(old | value); });
  }
  T fetch_and(T value, order o) noexcept {
    return modify(o, [value](T old) { return static_cast<T>(old & value); });
  }

 private:
  template <class Op>
  T modify(order o, Op op) noexcept {
    detail::Engine* engine = detail::current;
    if (engine != nullptr) {
      engine->access_step();
      engine->modified(this, o);
    }
    const T old = value_;
    value_ = op(old);
    if (engine != nullptr && !detail::same(old, value_)) engine->changed();
    if (engine != nullptr) detail::note_word(*engine, Operation::modify, this, old, value_, o);
    return old;
  }
  T value_{};
};

template <class T>
T read_once(const Atomic<T>& word) noexcept {
  return word.load(order::relaxed);
}
template <class T>
void write_once(Atomic<T>& word, T value) noexcept {
  word.store(value, order::relaxed);
}

// The same for a plain word in a frame. No step of its own: a program's access is one inside its
// window, and a copy of a page counts as one.
template <class T>
  requires std::is_integral_v<T> || std::is_pointer_v<T>
T read_once(const T& word) noexcept {
  return word;
}
template <class T>
  requires std::is_integral_v<T> || std::is_pointer_v<T>
void write_once(T& word, T value) noexcept {
  word = value;
}

// No step: code whose uses are ordered cannot tell, and an unordered pair is a `data_race`. Making
// one counts as writing it, and begins a new history where an older word has lain.
template <class T>
class Shared {
 public:
  constexpr Shared() noexcept : Shared(T{}) {}
  constexpr explicit Shared(T value) noexcept : value_(value) {
    if (std::is_constant_evaluated()) return;
    if (detail::current != nullptr) detail::current->shared_made(history_);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  [[nodiscard]] T get() const noexcept {
    if (detail::current != nullptr) detail::current->shared_read(history_);
    return value_;
  }
  void set(T value) noexcept {
    if (detail::current != nullptr) detail::current->shared_written(history_);
    value_ = value;
  }

 private:
  T value_{};
  mutable detail::UseHistory history_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
