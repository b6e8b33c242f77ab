// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/shrink.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "harness/explore/choosers.h"

namespace tlblab {

namespace {

// An actor makes `count` steps in a row.
struct Part {
  unsigned actor = 0;
  std::int64_t count = 0;

  [[nodiscard]] unsigned cpu() const noexcept { return cpu_of_actor(actor); }
  [[nodiscard]] bool runs() const noexcept { return kind_of_actor(actor) == ActorKind::cpu; }
};

using Answers = std::vector<std::uint16_t>;

struct Plan {
  std::vector<Part> parts;
  std::array<Answers, max_explored_cpus> hardware;  // of each CPU, in its order

  Plan() = default;
  Plan(std::vector<Part> some, const std::array<Answers, max_explored_cpus>& answers)
      : parts(std::move(some)), hardware(answers) {}
  explicit Plan(std::span<const ScheduleStep> schedule) {
    for (const ScheduleStep& step : schedule) {
      if (step.hardware) {
        hardware[cpu_of_actor(step.actor)].push_back(step.value);
        continue;
      }
      if (parts.empty() || parts.back().actor != step.actor) parts.push_back({step.actor, 0});
      ++parts.back().count;
    }
  }
};

// Follows a plan. A CPU that cannot go on makes up for it in its next part, and what it did when
// nobody else could move is taken off its next part; an interrupt or a callback that is not there
// is left out. Where the plan ends the running CPU goes on as long as it can and the hardware
// chooses 0.
class Following final : public Chooser {
 public:
  explicit Following(const Plan& plan) noexcept : plan_(plan) { begin_part(); }

  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override {
    account(point.so_far);
    if (point.hardware()) return hardware(point);
    for (; at_ < plan_.parts.size(); end_part()) {
      const Part& part = plan_.parts[at_];
      if (left_ > 0 && point.is_enabled(part.actor)) return point.index_of(part.actor);
    }
    return point.is_enabled(point.running) ? point.index_of(point.running) : 0;
  }

 private:
  void begin_part() noexcept {
    if (at_ >= plan_.parts.size()) return;
    const Part& part = plan_.parts[at_];
    left_ = part.count + (part.runs() ? std::exchange(owed_[part.cpu()], 0) : 0);
  }
  void end_part() noexcept {
    if (plan_.parts[at_].runs()) owed_[plan_.parts[at_].cpu()] = left_;
    ++at_;
    begin_part();
  }
  void account(std::span<const ScheduleStep> so_far) noexcept {
    for (; seen_ < so_far.size(); ++seen_) {
      const ScheduleStep& step = so_far[seen_];
      if (step.hardware) continue;
      if (at_ < plan_.parts.size() && plan_.parts[at_].actor == step.actor)
        --left_;
      else if (kind_of_actor(step.actor) == ActorKind::cpu)
        --owed_[cpu_of_actor(step.actor)];
    }
  }
  [[nodiscard]] unsigned hardware(const ChoicePoint& point) noexcept {
    const unsigned cpu = cpu_of_actor(point.running);
    const Answers& answers = plan_.hardware[cpu];
    const std::size_t asked = asked_[cpu]++;
    return asked < answers.size() && answers[asked] < point.choices ? answers[asked] : 0;
  }

  const Plan& plan_;
  std::size_t at_ = 0;
  std::int64_t left_ = 0;  // of the part; below 0: made without having been asked for
  std::array<std::int64_t, max_explored_cpus> owed_{};
  std::array<std::size_t, max_explored_cpus> asked_{};
  std::size_t seen_ = 0;  // of the schedule
};

class Shrinker {
 public:
  Shrinker(const Execute& execute,
           const ExecutionResult& failing,
           const ShrinkOptions& options,
           const std::atomic<bool>& stop)
      : execute_(execute), options_(options), stop_(stop), plan_(failing.schedule) {
    best_.result = failing;
    best_.before = best_.after = size_of(failing.schedule);
  }

  ShrinkResult run() {
    do {
      while (smaller([this] {
        end_early();
        order_windows();
        change_parts();
        zero_hardware();
      })) {
      }
    } while (smaller([this] { join_parts(); }));
    best_.finished = !over();
    return std::move(best_);
  }

 private:
  template <class Pass>
  bool smaller(Pass pass) {
    const ScheduleSize before = best_.after;
    pass();
    return best_.after < before && !over();
  }
  [[nodiscard]] bool over() const noexcept {
    // Relaxed: nothing is published with it.
    return best_.executions >= options_.max_executions || steps_ >= options_.max_steps ||
           stop_.load(std::memory_order_relaxed);
  }

  // True if the candidate is the plan from now on.
  bool accept(const Plan& candidate) {
    if (over()) return false;
    Following following(candidate);
    ExecutionResult result = execute_(following);
    ++best_.executions;
    steps_ += result.steps;
    const ScheduleSize size = size_of(result.schedule);
    if (result.violation != best_.result.violation || !(size < best_.after)) return false;
    best_.result = std::move(result);
    best_.after = size;
    plan_ = Plan(best_.result.schedule);
    return true;
  }

  // The candidate with other parts and the same hardware.
  bool accept_parts(std::vector<Part> parts) {
    return accept(Plan(std::move(parts), plan_.hardware));
  }

  // ---- parts left out at the end ----------------------------------------------------------------

  // Few first: where it helps, it helps most at the beginning.
  void end_early() {
    for (std::size_t kept = 0; kept < plan_.parts.size() && !over(); kept += 1 + kept / 4)
      if (accept_parts({plan_.parts.begin(), plan_.parts.begin() + std::ptrdiff_t(kept)})) return;
  }

  // ---- windows ordered by CPU -------------------------------------------------------------------

  void order_windows() {
    for (std::size_t width = plan_.parts.size(); width >= 2 && !over(); width -= (width + 3) / 4) {
      for (std::size_t first = 0; first + 2 <= plan_.parts.size() && !over();)
        if (!order_window(first, std::min(width, plan_.parts.size() - first)))
          first += (width + 1) / 2;
    }
  }

  bool order_window(std::size_t first, std::size_t width) {
    std::vector<unsigned> cpus = cpus_of(first, width);
    if (cpus.size() < 2 || cpus.size() == width) return reorder_few(first, width, cpus);
    constexpr unsigned most_orders = 24;
    std::ranges::sort(cpus);
    unsigned orders = 0;
    do {
      if (accept_parts(ordered(first, width, cpus))) return true;
    } while (std::ranges::next_permutation(cpus).found && ++orders < most_orders && !over());
    return false;
  }

  // Windows in which each CPU has one part: another order of two neighbours may let the first join
  // what is before the window, or the last what follows.
  bool reorder_few(std::size_t first, std::size_t width, const std::vector<unsigned>& cpus) {
    if (cpus.size() < 2 || width > 3) return false;
    std::vector<unsigned> other = cpus;
    std::ranges::sort(other);
    do {
      if (other != cpus && accept_parts(ordered(first, width, other))) return true;
    } while (std::ranges::next_permutation(other).found && !over());
    return false;
  }

  // In the order in which they come.
  [[nodiscard]] std::vector<unsigned> cpus_of(std::size_t first, std::size_t width) const {
    std::vector<unsigned> cpus;
    for (std::size_t at = first; at < first + width; ++at)
      if (std::ranges::find(cpus, plan_.parts[at].cpu()) == cpus.end())
        cpus.push_back(plan_.parts[at].cpu());
    return cpus;
  }

  [[nodiscard]] std::vector<Part> ordered(std::size_t first,
                                          std::size_t width,
                                          const std::vector<unsigned>& cpus) const {
    const auto begin = plan_.parts.begin() + std::ptrdiff_t(first);
    const auto end = begin + std::ptrdiff_t(width);
    std::vector<Part> parts(plan_.parts.begin(), begin);
    for (const unsigned cpu : cpus)
      std::copy_if(begin, end, std::back_inserter(parts),
                   [&](const Part& part) { return part.cpu() == cpu; });
    parts.insert(parts.end(), end, plan_.parts.end());
    return parts;
  }

  // ---- one part ---------------------------------------------------------------------------------

  // From the last: what comes late decides less. An accepted change may have renumbered the parts.
  void change_parts() {
    for (std::size_t at = plan_.parts.size(); at-- != 0 && !over();) {
      at = std::min(at, plan_.parts.size() - 1);
      while (at < plan_.parts.size() && change_part(at) && !over()) {
      }
      if (plan_.parts.empty()) return;
    }
  }

  bool change_part(std::size_t at) {
    const Part part = plan_.parts[at];
    if (accept_parts(without(at))) return true;
    if (!part.runs()) return false;
    for (std::int64_t some = part.count; some != 0; some /= 2)
      if (accept_parts(later(at, some)) || accept_parts(earlier(at, some))) return true;
    return false;
  }

  [[nodiscard]] std::vector<Part> without(std::size_t at) const {
    std::vector<Part> parts = plan_.parts;
    parts.erase(parts.begin() + std::ptrdiff_t(at));
    return parts;
  }

  // The last `some` steps of a part are left to the CPU's next part, or to the end.
  [[nodiscard]] std::vector<Part> later(std::size_t at, std::int64_t some) const {
    std::vector<Part> parts = plan_.parts;
    const auto part = parts.begin() + std::ptrdiff_t(at);
    part->count -= some;
    const auto next = std::find_if(part + 1, parts.end(),
                                   [&](const Part& other) { return other.actor == part->actor; });
    if (next != parts.end()) next->count += some;
    return parts;
  }

  // The first `some` steps of a part are made in the CPU's part before, or at the beginning.
  [[nodiscard]] std::vector<Part> earlier(std::size_t at, std::int64_t some) const {
    std::vector<Part> parts = plan_.parts;
    parts[at].count -= some;
    for (std::size_t before = at; before-- != 0;) {
      if (parts[before].actor != parts[at].actor) continue;
      parts[before].count += some;
      return parts;
    }
    parts.insert(parts.begin(), {parts[at].actor, some});
    return parts;
  }

  // ---- two parts --------------------------------------------------------------------------------

  // A part joins the CPU's next or last, and some part becomes a little longer or shorter for it: who
  // no longer waits makes fewer rounds of a waiting loop. Only where there are few parts.
  void join_parts() {
    constexpr std::size_t few = 32;
    for (std::size_t at = plan_.parts.size(); at-- != 0 && plan_.parts.size() <= few && !over();) {
      if (at >= plan_.parts.size() || !plan_.parts[at].runs()) continue;
      const std::int64_t all = plan_.parts[at].count;
      if (!accept_nudged(later(at, all))) accept_nudged(earlier(at, all));
    }
  }

  bool accept_nudged(const std::vector<Part>& parts) {
    for (std::size_t at = 0; at < parts.size(); ++at)
      for (const std::int64_t by : {1, -1, 2, -2, 3, -3}) {
        if (!parts[at].runs() || parts[at].count + by <= 0) continue;
        std::vector<Part> nudged = parts;
        nudged[at].count += by;
        if (accept_parts(std::move(nudged))) return true;
        if (over()) return false;
      }
    return false;
  }

  // ---- hardware ---------------------------------------------------------------------------------

  void zero_hardware() {
    Plan none = plan_;
    for (Answers& answers : none.hardware) answers.clear();
    if (accept(none)) return;
    for (unsigned cpu = 0; cpu < max_explored_cpus; ++cpu)
      for (std::size_t at = plan_.hardware[cpu].size(); at-- != 0 && !over();) {
        if (at >= plan_.hardware[cpu].size() || plan_.hardware[cpu][at] == 0) continue;
        Plan candidate = plan_;
        candidate.hardware[cpu][at] = 0;
        accept(candidate);
      }
  }

  const Execute& execute_;
  ShrinkOptions options_;
  const std::atomic<bool>& stop_;
  Plan plan_;
  ShrinkResult best_;
  std::uint64_t steps_ = 0;
};

}  // namespace

ScheduleSize size_of(std::span<const ScheduleStep> schedule) noexcept {
  ScheduleSize size;
  const ScheduleStep* last = nullptr;
  for (const ScheduleStep& step : schedule) {
    if (step.hardware) {
      if (step.value != 0) ++size.hardware;
      continue;
    }
    ++size.steps;
    if (is_hardware(step.actor)) {
      ++size.hardware;
      continue;
    }
    if (last != nullptr && cpu_of_actor(last->actor) != cpu_of_actor(step.actor)) ++size.switches;
    last = &step;
  }
  return size;
}

ShrinkResult shrink(const Execute& execute,
                    const ExecutionResult& failing,
                    const ShrinkOptions& options,
                    const std::atomic<bool>& stop) {
  return Shrinker(execute, failing, options, stop).run();
}

}  // namespace tlblab
