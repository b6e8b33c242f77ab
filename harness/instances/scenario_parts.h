// SPDX-License-Identifier: GPL-2.0-or-later
// A scenario without its type: what explores and stresses it is compiled once for all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "harness/instances/session.h"
#include "harness/lab.h"
#include "harness/workload/scenario_text.h"

namespace tlblab::inline TLBLAB_WORLD {

using NameWord = std::function<void(const void* word, std::size_t bytes, const char* name)>;

template <ArchBackend A>
class AnyBody {
 public:
  AnyBody() = default;
  AnyBody(const AnyBody&) = delete;
  AnyBody& operator=(const AnyBody&) = delete;
  virtual ~AnyBody() = default;
  virtual void setup(Lab<A>& lab) = 0;
  virtual void act(Lab<A>& lab, unsigned role) = 0;
  virtual void teardown(Lab<A>& lab) = 0;
  [[nodiscard]] virtual std::vector<vaddr_t> addresses() const = 0;
  virtual void name_words(const NameWord& name) const = 0;
};

template <ArchBackend A, class Body>
class BodyOf final : public AnyBody<A> {
 public:
  explicit BodyOf(const ScenarioText* text) : body_(make(text)) {}
  void setup(Lab<A>& lab) override { body_.setup(lab); }
  void act(Lab<A>& lab, unsigned role) override { body_.act(lab, role); }
  void teardown(Lab<A>& lab) override {
    if constexpr (requires { body_.teardown(lab); }) body_.teardown(lab);
  }
  [[nodiscard]] std::vector<vaddr_t> addresses() const override {
    if constexpr (requires { body_.addresses(); }) return body_.addresses();
    return {};
  }
  void name_words(const NameWord& name) const override {
    const auto word = [&name](const auto& of, const char* text) { name(&of, sizeof of, text); };
    if constexpr (requires { body_.name_words(word); }) body_.name_words(word);
  }

 private:
  // The body of a text is told which.
  static Body make(const ScenarioText* text) {
    if constexpr (std::is_constructible_v<Body, const ScenarioText&>)
      return Body(*text);
    else
      return Body();
  }
  Body body_;
};

// Memory that a body is made in, one after the other in the same place: what an exploration tracks is
// known by its address.
class BodyPlace {
 public:
  explicit BodyPlace(std::size_t bytes) : memory_(bytes / sizeof(std::max_align_t) + 1) {}
  [[nodiscard]] void* get() noexcept { return memory_.data(); }

 private:
  std::vector<std::max_align_t> memory_;
};

template <ArchBackend A>
struct ScenarioParts {
  const ScenarioInfo* info;
  SessionOptions explored;  // its machine under the explorer
  std::size_t body_bytes;
  AnyBody<A>* (*make_at)(void* place, const ScenarioText* text);

  struct Destroy {
    void operator()(AnyBody<A>* body) const noexcept { body->~AnyBody(); }
  };
  using Made = std::unique_ptr<AnyBody<A>, Destroy>;
  [[nodiscard]] Made make(BodyPlace& place, const ScenarioText* text) const {
    return Made(make_at(place.get(), text));
  }
};

// What a CPU does in it.
[[nodiscard]] inline unsigned role_of(const ScenarioInfo& info, unsigned cpu) noexcept {
  return cpu < info.cpus ? cpu : info.crowd_role;
}
[[nodiscard]] inline bool counts_all(const ScenarioInfo& info, const ScenarioText* text) noexcept {
  return text != nullptr ? text->forbids_all() : info.kinds.empty();
}
// Kinds of violation that count.
[[nodiscard]] inline std::function<bool(std::string_view)> counted_kinds(const ScenarioInfo& info,
                                                                         const ScenarioText* text) {
  if (text != nullptr) return [text](std::string_view kind) { return text->forbids(kind); };
  return [&info](std::string_view kind) {
    return info.kinds.empty() || form_index(info.kinds, kind) >= 0;
  };
}

inline constexpr SessionOptions explored_session{.frames = 96,
                                                 .tlb = {.sets = 2,
                                                         .ways = 2,
                                                         .huge_sets = 1,
                                                         .huge_ways = 1,
                                                         .giant_sets = 1,
                                                         .giant_ways = 1,
                                                         .walk_entries = 2,
                                                         .front = 1,
                                                         .asids = 6,
                                                         .hash_groups = 4,
                                                         .tsb_entries = 4}};

template <ArchBackend A, class Scenario>
const ScenarioParts<A>& parts_of() {
  using Body = BodyOf<A, typename Scenario::template Body<A>>;
  static_assert(alignof(Body) <= alignof(std::max_align_t));
  static constexpr auto session = [] {
    SessionOptions options = explored_session;
    if constexpr (requires { Scenario::explored_asids; })
      options.tlb.asids = Scenario::explored_asids;
    options.frames += Scenario::info.explored_frames;
    return options;
  };
  static const ScenarioParts<A> parts{
      &Scenario::info, session(), sizeof(Body),
      [](void* place, const ScenarioText* text) -> AnyBody<A>* { return new (place) Body(text); }};
  return parts;
}

}  // namespace tlblab::inline TLBLAB_WORLD
