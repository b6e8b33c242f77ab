// SPDX-License-Identifier: GPL-2.0-or-later
// Shared words of the explore world. An operation is one visible step on a plain word: memory is
// sequentially consistent, so an order changes no value. Orders and fences move vector clocks, by
// which uses of Shared words are judged (clock.h); a weaker model of memory will have its hooks
// there too. An Atomic is as large as its T. Outside of a run words are plain.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "harness/world/explore/note.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {
inline void fence(GraphEventKind kind) noexcept {
  if (current != nullptr) current->fence(kind);
}
}  // namespace detail

inline void smp_mb() noexcept { detail::fence(GraphEventKind::mb); }
inline void smp_rmb() noexcept { detail::fence(GraphEventKind::rmb); }
inline void smp_wmb() noexcept { detail::fence(GraphEventKind::wmb); }
inline void compiler_barrier() noexcept {}
inline void smp_mb__before_atomic() noexcept { detail::fence(GraphEventKind::before_atomic); }
inline void smp_mb__after_atomic() noexcept { detail::fence(GraphEventKind::after_atomic); }
inline void smp_mb__after_unlock_lock() noexcept {
  detail::fence(GraphEventKind::after_unlock_lock);
}

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

// A word as a search sees it (memory_search.h): its bytes, zero-extended.
template <class T>
using BytesOf = std::array<std::byte, sizeof(std::array<T, 1>)>;
template <class T>
std::uint64_t to_bits(const T& value) noexcept {
  const auto bytes = std::bit_cast<BytesOf<T>>(value);
  std::uint64_t bits = 0;
  static_assert(bytes.size() <= sizeof bits);
  std::memcpy(&bits, bytes.data(), bytes.size());
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) noexcept {
  BytesOf<T> bytes;
  std::memcpy(bytes.data(), &bits, bytes.size());
  return std::bit_cast<T>(bytes);
}
template <class T>
inline constexpr std::uint64_t mask_of = ~0ULL >> (64 - 8 * BytesOf<T>{}.size());
template <class T>
MemorySearch::Use use_of(const Engine& engine, const T& word, order o) noexcept {
  return {engine.actor(), static_cast<const void*>(&word), o, to_bits(word)};
}

template <class T>
T searched_load(Engine& engine, const T& word, order o) noexcept {
  const T value = from_bits<T>(engine.memory->load(use_of(engine, word, o)));
  note_word(engine, Operation::load, static_cast<const void*>(&word), value, value, o);
  return value;
}
template <class T>
void searched_store(Engine& engine, T& word, T value, order o) noexcept {
  note_word(engine, Operation::store, static_cast<const void*>(&word), word, value, o);
  word = from_bits<T>(engine.memory->store(use_of(engine, word, o), to_bits(value)));
  engine.changed();
}
template <class T>
T searched_modify(Engine& engine, T& word, Modify modify) noexcept {
  modify.mask = mask_of<T>;
  const MemorySearch::Modified done = engine.memory->modify(use_of(engine, word, modify.o), modify);
  word = from_bits<T>(done.after);
  engine.changed();
  const bool changes = modify.succeeds(done.old);
  note_word(engine, changes ? Operation::modify : Operation::failed_cmpxchg,
            static_cast<const void*>(&word), from_bits<T>(done.old),
            from_bits<T>(changes ? modify.result(done.old) : done.old), modify.o);
  return from_bits<T>(done.old);
}

// What a word is made with is a store like any other, to memory that held zero: who comes by the
// object without order may read what was there before.
template <class T>
void made_with(Engine& engine, T& word) noexcept {
  constexpr std::uint64_t nothing = 0;
  if (to_bits(word) == nothing) return;
  engine.silent_step();
  word = from_bits<T>(engine.memory->store(
      {engine.actor(), static_cast<const void*>(&word), order::relaxed, nothing}, to_bits(word)));
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
  constexpr explicit Atomic(T value) noexcept : value_(value) {
    if (std::is_constant_evaluated()) return;
    if (detail::current != nullptr && detail::current->memory != nullptr)
      detail::made_with(*detail::current, value_);
  }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  [[nodiscard]] T load(order o) const noexcept {
    if (detail::Engine* engine = detail::current) {
      engine->access_step();
      if (engine->memory != nullptr) return detail::searched_load(*engine, value_, o);
      engine->loaded(this, o);
      detail::note_word(*engine, Operation::load, this, value_, value_, o);
    }
    return value_;
  }
  void store(T value, order o) noexcept {
    if (detail::Engine* engine = detail::current) {
      engine->access_step();
      if (engine->memory != nullptr) return detail::searched_store(*engine, value_, value, o);
      engine->stored(this, o);
      // Even if it is the same value: what a word of static storage had left over from an earlier
      // execution must not tell in this one.
      engine->changed();
      detail::note_word(*engine, Operation::store, this, value_, value, o);
    }
    value_ = value;
  }

  T exchange(T value, order o) noexcept {
    return modify(o, Modify::exchange, value, [value](T) { return value; });
  }
  // On failure `expected` becomes the value found and nothing is ordered, as in the kernel.
  bool compare_exchange(T& expected, T desired, order o) noexcept {
    detail::Engine* engine = detail::current;
    if (engine != nullptr) engine->access_step();
    if (engine != nullptr && engine->memory != nullptr)
      return searched_compare_exchange(*engine, expected, desired, o);
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
    return modify(o, Modify::add, value,
                  [value](T old) { return detail::wrapping_add(old, value); });
  }
  T fetch_sub(T value, order o) noexcept {
    return modify(o, Modify::add, detail::wrapping_sub(T{}, value),
                  [value](T old) { return detail::wrapping_sub(old, value); });
  }
  T fetch_or(T value, order o) noexcept {
    return modify(o, Modify::bit_or, value, [value](T old) { return static_cast<T>(old | value); });
  }
  T fetch_and(T value, order o) noexcept {
    return modify(o, Modify::bit_and, value,
                  [value](T old) { return static_cast<T>(old & value); });
  }

 private:
  template <class Op>
  T modify(order o, Modify::Op what, T operand, Op op) noexcept {
    detail::Engine* engine = detail::current;
    if (engine != nullptr) {
      engine->access_step();
      if (engine->memory != nullptr)
        return detail::searched_modify(*engine, value_,
                                       {.op = what, .o = o, .operand = detail::to_bits(operand)});
      engine->modified(this, o);
    }
    const T old = value_;
    value_ = op(old);
    if (engine != nullptr && !detail::same(old, value_)) engine->changed();
    if (engine != nullptr) detail::note_word(*engine, Operation::modify, this, old, value_, o);
    return old;
  }
  bool searched_compare_exchange(detail::Engine& engine, T& expected, T desired, order o) noexcept {
    const T wanted = expected;
    expected = detail::searched_modify(engine, value_,
                                       {.op = Modify::compare_exchange,
                                        .o = o,
                                        .operand = detail::to_bits(desired),
                                        .expected = detail::to_bits(wanted)});
    return detail::same(expected, wanted);
  }
  T value_{};
};

// For a search; otherwise the load is an acquire.
template <class Value, class T>
T* led_to(Value value, T* object, std::size_t bytes = sizeof(T)) noexcept {
  const detail::Engine* engine = detail::current;
  if (engine != nullptr && engine->memory != nullptr && object != nullptr)
    engine->memory->led_to(engine->actor(), detail::to_bits(value), object, bytes);
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

// The same for a plain word in a frame. No step of its own: a program's access is one inside its
// window, and a copy of a page counts as one. For a search each word is one.
template <class T>
  requires std::is_integral_v<T> || std::is_pointer_v<T>
T read_once(const T& word) noexcept {
  detail::Engine* engine = detail::current;
  if (engine == nullptr || engine->memory == nullptr) [[likely]]
    return word;
  engine->silent_step();
  return detail::searched_load(*engine, word, order::relaxed);
}
template <class T>
  requires std::is_integral_v<T> || std::is_pointer_v<T>
void write_once(T& word, T value) noexcept {
  detail::Engine* engine = detail::current;
  if (engine == nullptr || engine->memory == nullptr) [[likely]] {
    word = value;
    return;
  }
  engine->silent_step();
  detail::searched_store(*engine, word, value, order::relaxed);
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
