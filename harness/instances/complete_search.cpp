// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/complete_search.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <system_error>
#include <utility>

#include "harness/explore/bytes.h"
#include "harness/explore/choosers.h"
#include "harness/explore/load_buffering.h"
#include "harness/explore/port_search.h"
#include "harness/explore/result_bytes.h"
#include "harness/explore/workers.h"
#include "harness/instances/buffering_report.h"
#include "harness/instances/explore_memory.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Seconds = std::chrono::duration<double>;
using Clock = std::chrono::steady_clock;

constexpr double seconds_between_words = 1;    // to who watches
constexpr double seconds_between_sums = 0.05;  // to the other processes
// One that is over before is not worth the walks.
constexpr std::uint64_t executions_before_walks = 20;
constexpr unsigned walks = 200;
constexpr double seconds_to_stop = 0.5;            // then they are killed
enum Sum : unsigned { sum_executions, sum_done };  // of workers

// What a search did, in numbers that add up.
struct Tally {
  static constexpr std::size_t sites = alloc_site_names.size();
  // Of the search since it began again; then of all.
  enum Of : std::size_t {
    executions,
    blocked,
    checked,
    steps,
    lost,
    asked,
    failed = asked + sites
  };
  std::array<std::uint64_t, failed + sites> of{};

  Tally& operator+=(const Tally& other) noexcept {
    for (std::size_t n = 0; n < of.size(); ++n) of[n] += other.of[n];
    return *this;
  }
  friend Tally operator-(Tally tally, const Tally& other) noexcept {
    for (std::size_t n = 0; n < tally.of.size(); ++n) tally.of[n] -= other.of[n];
    return tally;
  }
};

// Those that a machine without a search makes.
std::vector<ScheduleStep> without_silent_steps(std::vector<ScheduleStep> steps) {
  std::erase_if(steps, [](const ScheduleStep& step) { return !step.hardware && step.value != 0; });
  return steps;
}

enum class End : std::uint8_t { complete, failing, learnt, stopped, shared };

// What one process came to.
struct Part {
  End end = End::complete;
  Tally tally;
  // If there may be only so many executions: what each one added, one behind the other.
  std::uint64_t logged = 0;
  std::string log;
  PortSearch::Learnt learnt;
  std::optional<FailingExecution> failing;
  std::string buffering;
};

void put(ByteWriter& bytes, const FailingExecution& failing) {
  bytes.put_text(failing.violation.kind).put_text(failing.violation.text);
  bytes.put_text(failing.memory).put(failing.counted).put(failing.repeated.has_value());
  if (failing.repeated) put_result(bytes, *failing.repeated);
}

FailingExecution get_failing(ByteReader& bytes) {
  FailingExecution failing;
  failing.violation.kind = bytes.get_text();
  failing.violation.text = bytes.get_text();
  failing.memory = bytes.get_text();
  failing.counted = bytes.get<bool>();
  if (bytes.get<bool>()) failing.repeated = get_result(bytes);
  return failing;
}

std::string bytes_of(const Part& part) {
  ByteWriter bytes;
  bytes.put(part.end).put(part.tally).put(part.logged).put_text(part.log).put(part.learnt);
  if (part.failing) put(bytes, *part.failing);
  bytes.put_text(part.buffering);
  return bytes.bytes();
}

Part part_of(std::string_view text) {
  ByteReader bytes(text);
  Part part;
  part.end = bytes.get<End>();
  part.tally = bytes.get<Tally>();
  part.logged = bytes.get<std::uint64_t>();
  part.log = bytes.get_text();
  part.learnt = bytes.get<PortSearch::Learnt>();
  if (part.end == End::failing) part.failing = get_failing(bytes);
  part.buffering = bytes.get_text();
  return part;
}

class CompleteSearch {
 public:
  CompleteSearch(const ExploreOptions& options, const ExploreCalls& calls, ExploreReport& report)
      : options_(options),
        calls_(calls),
        report_(report),
        search_(model_named(options.memory), calls.cpus, calls.hardware),
        buffering_(search_.graph().threads()) {}

  std::optional<FailingExecution> run() {
    End end = End::learnt;
    while (end == End::learnt) {
      end = explore();
      if (end == End::shared) end = share_out();
    }
    finish(end);
    return std::move(failing_);
  }

 private:
  [[nodiscard]] double now() const { return Seconds(Clock::now() - began_).count(); }
  [[nodiscard]] bool is_worker() const noexcept { return workers_ != nullptr; }
  // Executions that come before what is to be done next; in a worker, those that surely do.
  [[nodiscard]] std::uint64_t counted() const noexcept {
    return search_.counts().executions + taken_.of[Tally::executions];
  }
  [[nodiscard]] bool is_asked_to_stop() const noexcept {
    if (is_worker()) return workers_->are_stopped();
    return options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_over() {
    report_.seconds = now();
    if (options_.executions != 0 && counted() >= options_.executions) return true;
    return report_.seconds >= options_.seconds || is_asked_to_stop();
  }
  [[nodiscard]] Tally tally() const;
  void learn_by_walks();
  End explore();
  [[nodiscard]] FailingExecution told(Execution&& failing) const;
  [[nodiscard]] std::optional<GraphSearch::Cut> place_to_share();
  void log_execution();
  void say(double executions, double done);
  void finish(End end);

  // ---- in a worker ----
  [[noreturn]] void work(Workers& workers);
  void begin_part();
  void split(const GraphSearch::Cut& cut);
  void tell(bool at_once);

  // ---- in the first process, if there are workers ----
  End share_out();
  End gather(Workers& workers);
  End take(Part&& part);

  const ExploreOptions& options_;
  const ExploreCalls& calls_;
  ExploreReport& report_;
  PortSearch search_;
  LoadBuffering buffering_;  // of the search since it began again
  const Clock::time_point began_ = Clock::now();
  std::optional<FailingExecution> failing_;
  bool has_walked_ = false;
  double shared_at_ = 0;  // or when the search began, or began again
  double said_at_ = 0;

  // Of a worker: what there was when it began, and what it has told the others.
  Workers* workers_ = nullptr;
  Tally before_;
  double told_at_ = 0, told_left_ = 1;
  std::uint64_t told_executions_ = 0;
  std::uint64_t logged_ = 0;
  ByteWriter log_;
  Tally at_last_entry_;

  // What others did.
  Tally taken_;
  bool stopped_ = false;  // one of them, by the time
  PortSearch::Learnt learnt_;
  double expected_ = 0;
};

Tally CompleteSearch::tally() const {
  const GraphCounts& counts = search_.counts();
  Tally tally;
  tally.of[Tally::executions] = counts.executions;
  tally.of[Tally::blocked] = counts.blocked;
  tally.of[Tally::checked] = counts.checked;
  tally.of[Tally::steps] = report_.steps;
  tally.of[Tally::lost] = search_.lost();
  for (std::size_t site = 0; site < Tally::sites; ++site) {
    tally.of[Tally::asked + site] = report_.allocations.counts.sites[site].asked;
    tally.of[Tally::failed + site] = report_.allocations.counts.sites[site].failed;
  }
  return tally;
}

// The search finds out late that a word is shared, or that a loop waits, if that shows in its last
// executions only; then it begins again. Random executions come by it soon. It is not shared out before,
// so what is learnt does not depend on the time.
void CompleteSearch::learn_by_walks() {
  if (has_walked_ || is_worker() || counted() < executions_before_walks) return;
  has_walked_ = true;
  const AllocReport asked = report_.allocations;
  PortSearch random(model_named(options_.memory), calls_.cpus, calls_.hardware);
  for (std::uint64_t seed = 1; seed <= walks && !is_over(); ++seed) {
    RandomChooser chooser(mixed(seed));
    static_cast<void>(walk(calls_, random, chooser, MachineOptions{}.step_limit));
  }
  report_.allocations = asked;
  const std::set<PortSearch::Learnt> known = search_.all_learnt();
  for (const PortSearch::Learnt& learnt : random.all_learnt())
    if (!known.contains(learnt)) search_.begin_again(learnt);
}

End CompleteSearch::explore() {
  shared_at_ = now();
  while (!is_over()) {
    learn_by_walks();
    if (const auto cut = place_to_share()) {
      if (!is_worker()) return End::shared;
      split(*cut);
    }
    if (!search_.next()) return End::complete;
    const std::uint64_t counted_before = search_.counts().executions;
    Execution execution = calls_.searched(search_);
    report_.steps += execution.result.steps;
    if (options_.memory == "weak" && !search_.is_given_up())
      buffering_.add(search_.graph(), search_.location_names());
    if (!search_.is_given_up() && !execution.result.ok()) {
      failing_ = told(std::move(execution));
      failing_->counted = search_.counts().executions != counted_before;
      return End::failing;
    }
    if (search_.learnt()) {
      buffering_ = LoadBuffering(search_.graph().threads());
      if (is_worker()) return End::learnt;
      shared_at_ = report_.seconds;
    }
    if (is_worker()) {
      log_execution();
      tell(false);
    } else if (const GraphSearch* left = search_.left()) {
      say(static_cast<double>(counted()), 1 - left->left());
    }
  }
  return End::stopped;
}

// What a sequentially consistent machine shows too is told of that one, which is easier to follow.
FailingExecution CompleteSearch::told(Execution&& failing) const {
  FailingExecution told;
  told.violation = std::move(failing.violation);
  const auto is_it = [&](const ExecutionResult& again) {
    return again.violation == failing.result.violation;
  };
  ReplayChooser replay(without_silent_steps(failing.result.schedule));
  ExecutionResult again = calls_.again(MachineOptions{}.step_limit)(replay);
  if (!is_it(again)) {
    told.memory = options_.memory;
    again = as_schedule(calls_, model_named(options_.memory), failing.result, search_);
  }
  if (is_it(again)) told.repeated = std::move(again);
  return told;
}

// Nothing: it is not the time to share, or there is too little.
std::optional<GraphSearch::Cut> CompleteSearch::place_to_share() {
  if (options_.jobs < 2 || (!is_worker() && !has_walked_)) return std::nullopt;
  if (report_.seconds - shared_at_ < options_.share_after) return std::nullopt;
  if (is_worker() && !workers_->have_room()) return std::nullopt;
  return search_.left() != nullptr ? search_.left()->middle() : std::nullopt;
}

void CompleteSearch::log_execution() {
  const Tally tally = this->tally();
  if (options_.executions == 0 || search_.counts().executions == logged_ + before_.of[0]) return;
  for (const std::uint64_t number : (tally - at_last_entry_).of) log_.put_short(number);
  at_last_entry_ = tally;
  ++logged_;
}

void CompleteSearch::say(double executions, double done) {
  const double at = now();
  if (!options_.on_progress || at - said_at_ < seconds_between_words) return;
  said_at_ = at;
  options_.on_progress({static_cast<std::uint64_t>(executions), at, done});
}

// ---- in a worker ----------------------------------------------------------------------------------

void CompleteSearch::work(Workers& workers) {
  workers_ = &workers;
  begin_part();
  try {
    Part part;
    part.end = explore();
    tell(true);
    part.tally = tally() - before_;
    part.logged = logged_;
    part.log = log_.bytes();
    part.learnt = search_.learnt().value_or(PortSearch::Learnt{});
    part.failing = std::move(failing_);
    part.buffering = buffering_.bytes();
    workers.end(bytes_of(part));
  } catch (const std::exception& error) {
    workers.fail(error.what());
  }
}

void CompleteSearch::begin_part() {
  before_ = at_last_entry_ = tally();
  logged_ = 0;
  log_ = {};
  buffering_.tell_only_new();
  told_executions_ = before_.of[Tally::executions];
  told_left_ = search_.left()->left();
}

void CompleteSearch::split(const GraphSearch::Cut& cut) {
  tell(true);
  GraphSearch& left = *search_.left();
  const Workers::Split made = workers_->split();
  shared_at_ = now();
  if (made == Workers::Split::original) left.keep_before(cut);
  if (made == Workers::Split::copy) {
    left.keep_from(cut);
    begin_part();
  }
  told_left_ = left.left();
}

void CompleteSearch::tell(bool at_once) {
  if (!at_once && report_.seconds - told_at_ < seconds_between_sums) return;
  told_at_ = report_.seconds;
  const std::uint64_t executions = search_.counts().executions;
  workers_->sum(sum_executions) += static_cast<double>(executions - told_executions_);
  told_executions_ = executions;
  if (search_.left() == nullptr) return;
  const double left = search_.left()->left();
  workers_->sum(sum_done) += told_left_ - left;
  told_left_ = left;
}

// ---- in the first process -------------------------------------------------------------------------

End CompleteSearch::share_out() {
  Workers workers(options_.jobs);
  workers.sum(sum_executions) = static_cast<double>(counted());
  workers.sum(sum_done) = 1 - search_.left()->left();
  const Workers::Split made = workers.split();
  if (made == Workers::Split::copy) work(workers);
  if (made == Workers::Split::none)
    throw std::system_error(errno, std::generic_category(), "a process for --jobs");
  const End end = gather(workers);
  if (workers.sum(sum_done) > 0) expected_ = workers.sum(sum_executions) / workers.sum(sum_done);
  if (end == End::learnt) {
    search_.begin_again(learnt_);
    buffering_ = LoadBuffering(search_.graph().threads());
    for (const Tally::Of of : {Tally::executions, Tally::blocked, Tally::checked})
      taken_.of[of] = 0;
  }
  return end;
}

End CompleteSearch::gather(Workers& workers) {
  std::map<unsigned, Part> parts;
  std::optional<double> stopped_at;
  const auto is_here = [&](unsigned worker) { return parts.contains(worker); };
  while (!workers.order().empty()) {
    if (is_asked_to_stop()) {
      if (!stopped_at) stopped_at = now();
      workers.stop();
      if (now() - *stopped_at > seconds_to_stop) break;
    }
    if (auto ended = workers.wait(std::chrono::milliseconds(50))) {
      Part part = part_of(ended->result);
      if (part.end == End::failing || part.end == End::learnt) workers.drop_behind(ended->worker);
      parts.emplace(ended->worker, std::move(part));
    }
    while (!workers.order().empty() && is_here(workers.order().front())) {
      const unsigned first = workers.order().front();
      const End end = take(std::move(parts[first]));
      if (end != End::complete) return end;
      workers.take_first();
    }
    say(workers.sum(sum_executions), workers.sum(sum_done));
  }
  stopped_ |= stopped_at.has_value();
  for (const unsigned worker : workers.order())
    if (is_here(worker) && take(std::move(parts[worker])) == End::failing) return End::failing;
  return stopped_ ? End::stopped : End::complete;
}

// In its order. What it is not complete by, if that ends the search.
End CompleteSearch::take(Part&& part) {
  if (options_.executions != 0 && part.logged >= options_.executions - counted()) {
    ByteReader log(part.log);
    for (std::uint64_t left = options_.executions - counted(); left > 0; --left)
      for (std::uint64_t& number : taken_.of) number += log.get_short();
    return End::stopped;
  }
  taken_ += part.tally;
  buffering_.merge(part.buffering);
  stopped_ |= part.end == End::stopped;
  if (part.end == End::failing) failing_ = std::move(part.failing);
  if (part.end == End::learnt) learnt_ = part.learnt;
  if (part.end == End::failing || (part.end == End::learnt && !stopped_)) return part.end;
  stopped_ |= part.end == End::learnt;
  return End::complete;
}

void CompleteSearch::finish(End end) {
  const Tally& others = taken_;
  const GraphCounts& counts = search_.counts();
  report_.seconds = now();
  report_.executions = counts.executions + others.of[Tally::executions];
  report_.blocked = counts.blocked + others.of[Tally::blocked];
  report_.checked = counts.checked + others.of[Tally::checked];
  report_.steps += others.of[Tally::steps];
  report_.lost = search_.lost() + others.of[Tally::lost];
  for (std::size_t site = 0; site < Tally::sites; ++site) {
    report_.allocations.counts.sites[site].asked += others.of[Tally::asked + site];
    report_.allocations.counts.sites[site].failed += others.of[Tally::failed + site];
  }
  report_.restarts = search_.restarts();
  report_.tracked = search_.tracked();
  report_.complete = end == End::complete && report_.lost == 0;
  if (report_.complete && options_.memory == "weak" && options_.names_buffering) {
    report_.load_buffering = buffering_report(calls_, search_, buffering_.pairs());
    report_.load_buffering->of_all = true;
  }
  if (end != End::stopped) return;
  if (expected_ == 0 && search_.left() != nullptr && search_.left()->left() < 1)
    expected_ = static_cast<double>(counts.executions) / (1 - search_.left()->left());
  report_.expected_executions = expected_;
}

}  // namespace

std::optional<FailingExecution> complete_search(const ExploreOptions& options,
                                                const ExploreCalls& calls,
                                                ExploreReport& report) {
  return CompleteSearch(options, calls, report).run();
}

}  // namespace tlblab::inline TLBLAB_WORLD
