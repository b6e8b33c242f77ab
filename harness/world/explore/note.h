// SPDX-License-Identifier: GPL-2.0-or-later
// The hooks of a recorder (recorder.h) in the explore world's operations.
#pragma once

#include <cstring>
#include <type_traits>

#include "harness/world/explore/engine.h"
#include "harness/world/explore/recorder.h"

namespace tlblab::inline TLBLAB_WORLD::detail {

template <class T>
std::uint64_t noted_value(const T& value) noexcept {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::uint64_t>(value);
  } else {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
  }
}

// Fills in who and when. The listener's own reads are no steps.
inline void tell(Engine& engine, OperationNote note) noexcept {
  note.cpu = engine.running->id;
  note.in_window = engine.in_window;
  Engine* running = current;
  current = nullptr;
  operation_listener->operation(note);
  current = running;
}

template <class T>
void note_word(Engine& engine,
               Operation what,
               const void* word,
               const T& before,
               const T& after,
               order o) noexcept {
  if (operation_listener == nullptr) [[likely]]
    return;
  tell(engine, {what, 0, word, noted_value(before), noted_value(after), o, std::is_pointer_v<T>});
}

inline void note(Engine& engine,
                 Operation what,
                 const void* object = nullptr,
                 std::uint64_t value = 0) noexcept {
  if (operation_listener == nullptr) [[likely]]
    return;
  tell(engine, {what, 0, object, 0, value});
}

}  // namespace tlblab::inline TLBLAB_WORLD::detail
