// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/port_search.h"

#include <algorithm>
#include <utility>

#include "harness/explore/replay_order.h"

namespace tlblab {

PortSearch::PortSearch(MemoryModel model, unsigned cpus)
    : model_(model), cpus_(cpus), threads_(3 * cpus) {
  begin_search();
}

// ---- one execution after the other ----------------------------------------------------------------

void PortSearch::begin_search() {
  search_ = std::make_unique<GraphSearch>(model_, threads_);
  names_.clear();
  search_->only_if([this](const ExecutionGraph& graph) {
    return replay_order(graph, model_, cpus_).has_value();
  });
}

bool PortSearch::find_order() {
  auto order = replay_order(search_->graph(), model_, cpus_);
  if (!order) return false;
  order_ = std::move(*order);
  return true;
}

bool PortSearch::next() {
  if (over_ == Over::conflict) {
    begin_search();
    ++restarts_;
  }
  if (over_ == Over::again)
    search_->again();
  else if (!search_->next())
    return false;
  while (!find_order()) {
    search_->give_up();
    if (!search_->next()) return false;
  }
  begin_execution();
  return true;
}

void PortSearch::begin_execution() {
  ++execution_;
  over_ = Over::no;
  deadlock_ = advanced_ = false;
  at_ = 0;
  state_.assign(threads_, {});
  for (unsigned t = 0; t < threads_; ++t) {
    state_[t].clock[t] = 1;
    state_[t].repeated = static_cast<unsigned>(search_->graph().thread(t).size());
  }
}

void PortSearch::begin_again(const Learnt& learnt) {
  over_ = Over::conflict;
  learnt_ = learnt;
  learn(learnt);
}

void PortSearch::learn(const Learnt& learnt) {
  if (learnt.site != nullptr)
    waits_[learnt.site].insert(learnt.word);
  else
    tracked_.insert(learnt.word);
}

std::set<PortSearch::Learnt> PortSearch::all_learnt() const {
  std::set<Learnt> all;
  for (const void* word : tracked_) all.insert({word, nullptr});
  for (const auto& [site, words] : waits_)
    for (const void* word : words) all.insert({word, site});
  return all;
}

void PortSearch::know_only(const std::set<Learnt>& all) {
  tracked_.clear();
  waits_.clear();
  for (const Learnt& learnt : all) learn(learnt);
}

void PortSearch::give_up() noexcept {
  if (over_ != Over::no) return;
  over_ = Over::given_up;
  if (!search_->is_cut()) search_->give_up();
}

void PortSearch::lose() noexcept {
  if (over_ != Over::no) return;
  if (advanced_) {
    over_ = Over::again;
    return;
  }
  ++lost_;
  give_up();
}

// ---- who moves ------------------------------------------------------------------------------------

// What has interrupted the others.
unsigned PortSearch::running_on(unsigned cpu) const noexcept {
  for (const unsigned kind : {1U, 2U})
    if (state_[kind * cpus_ + cpu].in_run) return kind * cpus_ + cpu;
  return cpu;
}

unsigned PortSearch::actor_for(unsigned thread) const noexcept {
  const unsigned cpu = thread % cpus_;
  const auto kind = static_cast<ActorKind>(thread / cpus_);
  return actor_of(state_[thread].in_run ? ActorKind::cpu : kind, cpu);
}

bool PortSearch::can_move(unsigned thread) const noexcept {
  if (search_->stands(thread)) return false;
  const void* lock = state_[thread].stands_before;
  if (lock == nullptr || state_[thread].before_section || search_->repeats(thread)) return true;
  const auto found = words_.find(lock);
  return found == words_.end() || !found->second.bound ||
         search_->last_value(found->second.location) == 0;
}

unsigned PortSearch::next_actor(std::uint64_t enabled,
                                std::uint32_t relaxing,
                                std::uint32_t unfinished) noexcept {
  if (over_ != Over::no) return nobody;
  unsigned actor = nobody;
  if (at_ < order_.size())
    actor = repeated_actor(enabled | relaxing);
  else
    actor = new_actor(enabled);
  if (actor == nobody)
    end_of_execution(unfinished);
  else if (kind_of_actor(actor) == ActorKind::cpu)
    state_[running_on(cpu_of_actor(actor))].relaxes = false;
  return actor;
}

// Who makes the next event. If it cannot move yet, its CPU does what is no event.
unsigned PortSearch::repeated_actor(std::uint64_t could) noexcept {
  const unsigned wanted = actor_for(order_[at_]);
  if ((could & actor_bit(wanted)) != 0) return wanted;
  const unsigned body = actor_of(ActorKind::cpu, cpu_of_actor(wanted));
  if ((could & actor_bit(body)) != 0) return body;
  lose();
  return nobody;
}

unsigned PortSearch::new_actor(std::uint64_t enabled) noexcept {
  unsigned relaxed = nobody;
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    const unsigned actor = actor_of(ActorKind::cpu, cpu), thread = running_on(cpu);
    if ((enabled & actor_bit(actor)) == 0 || !can_move(thread)) continue;
    if (!state_[thread].relaxes) return actor;
    if (relaxed == nobody) relaxed = actor;
  }
  for (const ActorKind kind : {ActorKind::irq, ActorKind::rcu})
    for (unsigned cpu = 0; cpu < cpus_; ++cpu)
      if (const unsigned actor = actor_of(kind, cpu);
          (enabled & actor_bit(actor)) != 0 && can_move(thread_of(actor)))
        return actor;
  return relaxed;
}

void PortSearch::end_of_execution(std::uint32_t unfinished) noexcept {
  if (over_ != Over::no) return;
  bool all_read_last = true;
  for (unsigned t = 0; t < threads_; ++t) {
    const Thread& state = state_[t];
    const bool waits = search_->stands(t);
    if (state.relaxes && !state.awaits)
      all_read_last &= search_->reads_last(t, state.earlier_round);
    if (state.relaxes && state.awaits)
      search_->waits_for({.thread = t, .location = *state.awaits}, {}, 0, ~0ULL);
    if (!waits && state.stands_before != nullptr) stays_before(t, words_.at(state.stands_before));
  }
  if (!all_read_last) return give_up();
  over_ = Over::end;
  const std::uint64_t before = search_->counts().blocked;
  search_->end(unfinished);
  deadlock_ = unfinished != 0 && search_->counts().blocked == before;
  if (unfinished != 0 && !deadlock_) over_ = Over::given_up;
}

}  // namespace tlblab
