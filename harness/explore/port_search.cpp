// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/port_search.h"

#include <algorithm>
#include <utility>

#include "harness/explore/replay_order.h"

namespace tlblab {

PortSearch::PortSearch(MemoryModel model, unsigned cpus, const std::vector<ActorKind>& hardware)
    : model_(model), cpus_(cpus) {
  for (unsigned kind = 0; kind < actor_kinds; ++kind) {
    const auto which = static_cast<ActorKind>(kind);
    if (kind >= software_kinds && std::ranges::find(hardware, which) == hardware.end()) continue;
    place_of_[kind] = static_cast<unsigned>(kinds_.size());
    kinds_.push_back(which);
  }
  threads_ = static_cast<unsigned>(kinds_.size()) * cpus;
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
  state_.resize(threads_);
  for (unsigned t = 0; t < threads_; ++t) {
    begin(state_[t]);
    state_[t].clock[t] = 1;
    state_[t].repeated = static_cast<unsigned>(search_->graph().thread(t).size());
  }
}

// Its lists keep their memory.
void PortSearch::begin(Thread& thread) noexcept {
  std::vector<Clock> released = std::move(thread.released);
  std::vector<std::uint64_t> steps = std::move(thread.steps);
  released.clear();
  steps.clear();
  thread = {};
  thread.released = std::move(released);
  thread.steps = std::move(steps);
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
  const ActorKind kind = kind_of(thread);
  return actor_of(state_[thread].in_run ? ActorKind::cpu : kind, cpu);
}

bool PortSearch::can_move(unsigned thread) const noexcept {
  if (search_->stands(thread)) return false;
  const Thread& state = state_[thread];
  constexpr std::size_t events_of_lock = 2;
  const bool has_first = state.stands_before != nullptr && !state.before_section;
  return (!has_first || can_have(thread, state.stands_before, 0)) &&
         can_have(thread, state.and_before, has_first ? events_of_lock : 0);
}

// It has been given the lock, by the event that is so many ahead of what it has made, or it is free.
bool PortSearch::can_have(unsigned thread, const void* lock, std::size_t ahead) const noexcept {
  if (lock == nullptr) return true;
  const auto events = search_->graph().thread(thread).subspan(search_->made(thread));
  if (ahead < events.size()) return !search_->graph().event(events[ahead]).waits();
  const std::optional<unsigned> location = location_of(lock);
  return !location || search_->last_value(*location) == 0;
}

// Of a word that may not have been used in this execution; nothing: nor in an earlier one. Who has a
// lock may have taken it in the graph only.
std::optional<unsigned> PortSearch::location_of(const void* address) const noexcept {
  const auto word = words_.find(address);
  const bool used = word != words_.end() && word->second.execution == execution_;
  if (used && word->second.bound) return word->second.location;
  const auto names = names_.find(address);
  const std::size_t life = used ? word->second.lives : 0;
  if (names == names_.end() || life >= names->second.size()) return std::nullopt;
  return names->second[life];
}

unsigned PortSearch::next_actor(const Movers& movers) noexcept {
  if (over_ != Over::no) return nobody;
  unsigned actor = nobody;
  if (at_ < order_.size())
    actor = repeated_actor(movers.enabled | ActorSet::on_cpus(ActorKind::cpu, movers.relaxing));
  else
    actor = new_actor(movers);
  if (actor == nobody)
    end_of_execution(movers.unfinished);
  else if (kind_of_actor(actor) == ActorKind::cpu)
    state_[running_on(cpu_of_actor(actor))].relaxes = false;
  return actor;
}

// Who makes the next event. If it cannot move yet, its CPU does what is no event.
unsigned PortSearch::repeated_actor(const ActorSet& could) noexcept {
  const unsigned wanted = actor_for(order_[at_]);
  if (could.contains(wanted)) return wanted;
  const unsigned body = actor_of(ActorKind::cpu, cpu_of_actor(wanted));
  if (could.contains(body)) return body;
  lose();
  return nobody;
}

// The hardware comes last, when all is done: from there on its acts are revisited to where they matter.
// Who is to wait at its next event is not there yet if it is underway: else it would hold off the
// interrupt that it waits for.
unsigned PortSearch::new_actor(const Movers& movers) noexcept {
  const ActorSet& enabled = movers.enabled;
  unsigned relaxed = nobody;
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    const unsigned actor = actor_of(ActorKind::cpu, cpu), thread = running_on(cpu);
    const bool is_underway = (movers.underway >> cpu & 1U) != 0;
    if (!enabled.contains(actor) || (!is_underway && !can_move(thread))) continue;
    if (!state_[thread].relaxes) return actor;
    if (relaxed == nobody) relaxed = actor;
  }
  for (std::size_t place = 1; place < kinds_.size(); ++place) {
    if (place == software_kinds && relaxed != nobody) return relaxed;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu)
      if (const unsigned actor = actor_of(kinds_[place], cpu);
          enabled.contains(actor) && can_move(thread_of(actor)))
        return actor;
  }
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
