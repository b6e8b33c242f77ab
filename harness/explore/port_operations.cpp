// SPDX-License-Identifier: GPL-2.0-or-later
// The search of the port, third part: the operations of the world.
#include <limits>

#include "harness/explore/port_search.h"

namespace tlblab {

namespace {

constexpr std::uint64_t all_values = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t writer = 1ULL << 32;  // of a lock of readers and writers

// How a section begins: what is done to the word of the lock, and up to which value.
struct Entry {
  Modify modify;
  std::uint64_t most = 0;
};
Entry entry_of(MemorySearch::Section what) noexcept {
  const bool reads = what == MemorySearch::Section::read;
  return {{.op = Modify::add, .o = order::acquire, .operand = reads ? 1 : writer},
          reads ? writer - 1 : 0};
}

}  // namespace

unsigned PortSearch::choose(unsigned actor, unsigned n) noexcept {
  const unsigned thread = thread_of(actor);
  if (!begin_event(thread, false)) return 0;
  const unsigned value = search_->choose(thread, n);
  made(thread);
  return value;
}

std::uint64_t PortSearch::load(const Use& use) noexcept {
  const unsigned thread = thread_of(use.actor);
  Word& at = word(use.word);
  if (!at.tracked) {
    if (in_order(thread, use.word, at, Kind::read, use.o) && use.o == order::consume)
      consumed(thread, use.word, use.now, false);
    return use.now;
  }
  if (!begin_access(thread, use.word, at, use.now)) return use.now;
  const std::uint64_t value =
      search_->load({.thread = thread, .location = at.location, .o = use.o});
  made_on(thread, at);
  if (use.o == order::consume) consumed(thread, use.word, value, true);
  return value;
}

void PortSearch::await(const Use& use, std::uint64_t least, std::uint64_t most) noexcept {
  const unsigned thread = thread_of(use.actor);
  Word& at = word(use.word);
  if (!at.tracked) {
    in_order(thread, use.word, at, Kind::read, order::acquire);
    return;
  }
  if (!begin_access(thread, use.word, at, use.now)) return;
  const GraphSearch::Access access{.thread = thread, .location = at.location, .o = order::acquire};
  if (!search_->await(access, least, most)) return lose();
  made_on(thread, at);
}

std::uint64_t PortSearch::store(const Use& use, std::uint64_t value) noexcept {
  const unsigned thread = thread_of(use.actor);
  Word& at = word(use.word);
  if (!at.tracked) {
    in_order(thread, use.word, at, Kind::write);
    return value;
  }
  if (!begin_access(thread, use.word, at, use.now)) return value;
  search_->store({.thread = thread, .location = at.location, .o = use.o}, value);
  made_on(thread, at);
  return held(at, use.now);
}

MemorySearch::Modified PortSearch::modify(const Use& use, const Modify& modify) noexcept {
  const unsigned thread = thread_of(use.actor);
  Word& at = word(use.word);
  const auto natively = [&] {
    return Modified{use.now, modify.succeeds(use.now) ? modify.result(use.now) : use.now};
  };
  if (!at.tracked) {
    const bool modifies = modify.succeeds(use.now);
    const order o = modifies ? modify.o : order::relaxed;
    if (in_order(thread, use.word, at, modifies ? Kind::modify : Kind::read, o)) {
      if (is_weak() && modifies && o != order::full) modified_untracked(thread);
      stays_a_fence(thread, modify.o, modifies || model_ == MemoryModel::tso);
    }
    return natively();
  }
  if (!begin_access(thread, use.word, at, use.now)) return natively();
  const std::uint64_t old = search_->modify({.thread = thread, .location = at.location}, modify);
  made_on(thread, at);
  return {old, held(at, use.now)};
}

// The oldest post that the machine has in the mailbox.
EventId PortSearch::first_since_empty(const Word& posts) const noexcept {
  const ExecutionGraph& graph = search_->graph();
  if (!posts.was_written) return initial_write;
  const std::vector<EventId>& writes = graph.location(posts.location).writes;
  unsigned place = graph.place_of(posts.location, graph.thread(posts.holder)[posts.held]);
  while (place > 1 && graph.event(writes[place - 2]).value != 0) --place;
  return writes[place - 1];
}

void PortSearch::interrupt(const Use& posts, const void* lock_of_cpu) noexcept {
  const unsigned thread = thread_of(posts.actor);
  Word& at = word(posts.word);
  if (at.tracked) state_[thread].cause = first_since_empty(at);
  implied_lock(posts.actor, lock_of_cpu);
  if (!at.tracked) {
    if (in_order(thread, posts.word, at, Kind::modify)) stays_a_fence(thread, posts.o, true);
  } else if (begin_access(thread, posts.word, at, posts.now)) {
    search_->await_modify({.thread = thread, .location = at.location, .o = order::acquire},
                          {.op = Modify::exchange, .o = posts.o}, 1, all_values);
    made_on(thread, at);
  }
}

void PortSearch::caused_by(unsigned actor, const void* address) noexcept {
  const unsigned thread = thread_of(actor);
  Word& at = word(address);
  if (!at.tracked)
    in_order(thread, address, at, Kind::read);
  else if (at.was_written)
    state_[thread].cause = search_->graph().thread(at.holder)[at.held];
}

void PortSearch::fence(unsigned actor, GraphEventKind kind) noexcept {
  if (model_ != MemoryModel::sc && over_ == Over::no) add_fence(thread_of(actor), kind);
}

std::uint64_t PortSearch::count_section(const Use& use) noexcept {
  const unsigned thread = thread_of(use.actor);
  if (use.o == order::release) forget_objects(thread);
  Word& at = word(use.word);
  if (!at.tracked) {
    in_order(thread, use.word, at, Kind::read);
    return use.now + 1;
  }
  if (!begin_access(thread, use.word, at, use.now)) return use.now + 1;
  search_->modify({.thread = thread, .location = at.location, .implied = true},
                  {.op = Modify::add, .o = use.o, .operand = 1});
  made_on(thread, at);
  return held(at, use.now);
}

// ---- locks ----------------------------------------------------------------------------------------

void PortSearch::stands_before(unsigned actor, const void* lock, bool is_free) noexcept {
  if (!word(lock).tracked) {
    if (!is_free) conflict(lock);
    return;
  }
  Thread& state = state_[thread_of(actor)];
  state.stands_before = lock;
  state.before_section = false;
}

void PortSearch::and_before(unsigned actor, const void* lock) noexcept {
  if (word(lock).tracked) state_[thread_of(actor)].and_before = lock;
}

void PortSearch::section_waits(unsigned actor, const void* lock, Section what) noexcept {
  if (!word(lock).tracked) return conflict(lock);
  Thread& state = state_[thread_of(actor)];
  state.stands_before = lock;
  state.before_section = true;
  state.wants = what;
}

void PortSearch::holds(unsigned thread) noexcept {
  if (state_[thread].locks++ == 0) ++state_[thread].locked;
}

void PortSearch::lock(unsigned actor, const void* lock) noexcept {
  const unsigned thread = thread_of(actor);
  Word& at = word(lock);
  holds(thread);
  at.lock = true;
  if (was_anothers(thread, at)) return conflict(lock);
  if (!at.tracked) {
    if (in_order(thread, lock, at, Kind::modify, order::acquire))
      stays_a_fence(thread, order::acquire, !at.implied);
  } else if (begin_access(thread, lock, at, 0)) {
    if (!search_->lock(thread, at.location, at.implied)) return lose();
    made_on(thread, at);
  }
  locked(thread, at);
}

void PortSearch::implied_lock(unsigned actor, const void* lock_of_cpu) noexcept {
  word(lock_of_cpu).implied = true;
  lock(actor, lock_of_cpu);
}
void PortSearch::implied_unlock(unsigned actor, const void* lock_of_cpu) noexcept {
  unlock(actor, lock_of_cpu);
}

bool PortSearch::trylock(unsigned actor, const void* lock, bool is_free) noexcept {
  const unsigned thread = thread_of(actor);
  Word& at = word(lock);
  at.lock = true;
  if (!at.tracked) {
    if (!is_free || was_anothers(thread, at)) conflict(lock);
    if (is_free && in_order(thread, lock, at, Kind::modify, order::acquire))
      stays_a_fence(thread, order::acquire, true);
    if (!is_free) return false;
    holds(thread);
    locked(thread, at);
    return true;
  }
  if (!begin_access(thread, lock, at, is_free ? 0 : 1)) return is_free;
  const bool taken = search_->trylock(thread, at.location);
  made_on(thread, at);
  if (!taken || over_ != Over::no) return taken;
  holds(thread);
  search_->took_lock(thread, state_[thread].locked);
  locked(thread, at);
  return taken;
}

void PortSearch::unlock(unsigned actor, const void* lock) noexcept {
  const unsigned thread = thread_of(actor);
  Word& at = word(lock);
  unlocks(thread, at);
  if (!at.tracked) {
    in_order(thread, lock, at, Kind::modify);
  } else if (begin_access(thread, lock, at, 1)) {
    search_->unlock(thread, at.location, at.implied);
    made_on(thread, at);
  }
  --state_[thread].locks;
}

bool PortSearch::is_locked(unsigned actor, const void* lock, bool now) noexcept {
  const unsigned thread = thread_of(actor);
  Word& at = word(lock);
  if (!at.tracked) {
    in_order(thread, lock, at, Kind::read);
    return now;
  }
  if (!begin_access(thread, lock, at, now ? 1 : 0)) return now;
  const bool locked = search_->is_locked(thread, at.location);
  made_on(thread, at);
  return locked;
}

// The word of the lock: its readers, and a bit of the writer.
void PortSearch::section(unsigned actor, const void* lock, Section what) noexcept {
  const unsigned thread = thread_of(actor);
  Word& at = word(lock);
  at.lock = true;
  if (!at.tracked) {
    const bool reads = what == Section::read || what == Section::end_read;
    const bool begins = what == Section::read || what == Section::write;
    if (in_order(thread, lock, at, reads ? Kind::read : Kind::modify,
                 begins ? order::acquire : order::release))
      stays_a_fence(thread, order::acquire, true);
    return;
  }
  if (!begin_access(thread, lock, at, 0)) return;
  const GraphSearch::Access access{.thread = thread, .location = at.location};
  const auto add = [&](std::uint64_t operand) {
    search_->modify(access, {.op = Modify::add, .o = order::release, .operand = operand});
  };
  const Entry entry = entry_of(what);
  switch (what) {
    case Section::read:
    case Section::write: search_->await_modify(access, entry.modify, 0, entry.most); break;
    case Section::end_read: add(~0ULL); break;
    case Section::end_write: add(~writer + 1); break;
    case Section::downgrade: add(1 - writer); break;
  }
  made_on(thread, at);
}

bool PortSearch::try_section(unsigned actor, const void* lock, Section what, bool can) noexcept {
  const unsigned thread = thread_of(actor);
  Word& at = word(lock);
  at.lock = true;
  if (!at.tracked) {
    if (can)
      section(actor, lock, what);
    else
      conflict(lock);
    return can;
  }
  if (!begin_access(thread, lock, at, 0)) return can;
  const Entry entry = entry_of(what);
  Modify take = entry.modify;
  take.op = Modify::add_below;
  take.expected = entry.most + 1;
  const std::uint64_t old = search_->modify({.thread = thread, .location = at.location}, take);
  made_on(thread, at);
  return take.succeeds(old);
}

// ---- waiting, and what is not to be interrupted ---------------------------------------------------

bool PortSearch::went_in_a_circle(unsigned thread, const Thread& state) const noexcept {
  const unsigned now = search_->made(thread), reads = now - state.round;
  if (reads == 0 || reads != state.round - state.earlier_round) return false;
  const ExecutionGraph& graph = search_->graph();
  for (unsigned n = 0; n < reads; ++n) {
    const GraphEvent& last = graph.event(graph.thread(thread)[state.round + n]);
    const GraphEvent& earlier = graph.event(graph.thread(thread)[state.earlier_round + n]);
    if (!last.is_read() || last.modifies || last.location != earlier.location ||
        last.source != earlier.source)
      return false;
  }
  return true;
}

// They did not end a loop. Those that others have made it read, or of older values, lead nowhere: there
// is an execution without them.
void PortSearch::take_back_reads(unsigned thread, unsigned first) noexcept {
  const ExecutionGraph& graph = search_->graph();
  const unsigned reads = search_->made(thread) - first;
  const bool are_new =
      first >= state_[thread].repeated && graph.size() - graph.thread(thread)[first] == reads;
  if (!are_new || !search_->reads_last(thread, first)) return give_up();
  search_->forget_reads(thread, reads);
  state_[thread].released.resize(search_->made(thread));
  if (walks_) state_[thread].steps.resize(search_->made(thread));
}

void PortSearch::wait_in_loop(unsigned thread) noexcept {
  state_[thread].awaits = search_->last_event(thread)->location;
  take_back_reads(thread, search_->made(thread) - 1);
}

// It went round with one read: from now on it is known, which is to be so from the beginning.
void PortSearch::learn_loop(unsigned thread, const void* site) noexcept {
  const Thread& state = state_[thread];
  const bool one_read = state.site == site && search_->made(thread) == state.round + 1 &&
                        search_->last_event(thread)->is_read() &&
                        !search_->last_event(thread)->modifies;
  if (!one_read || state.round == 0) return;
  begin_again({state.used, site});
}

bool PortSearch::is_known_loop(unsigned thread, const void* site) const noexcept {
  const GraphEvent* last = search_->last_event(thread);
  const auto known = waits_.find(site);
  return known != waits_.end() && known->second.contains(state_[thread].used) && last != nullptr &&
         last->is_read() && !last->modifies;
}

void PortSearch::relax(unsigned actor, const void* site) noexcept {
  if (over_ != Over::no) return;
  const unsigned thread = thread_of(actor);
  if (walks_) return relax_in_walk(thread, site);
  Thread& state = state_[thread];
  state.relaxes = true;
  if (is_known_loop(thread, site)) return wait_in_loop(thread);
  learn_loop(thread, site);
  if (over_ != Over::no) return;
  state.site = site;
  if (went_in_a_circle(thread, state)) return take_back_reads(thread, state.round);
  state.earlier_round = state.round;
  state.round = search_->made(thread);
}

void PortSearch::window_begins(unsigned actor) noexcept {
  Thread& state = state_[thread_of(actor)];
  ++state.windows;
  state.in_window = true;
}

void PortSearch::window_ends(unsigned actor) noexcept {
  const unsigned thread = thread_of(actor);
  Thread& state = state_[thread];
  state.in_window = false;
  const GraphEvent* last = search_->last_event(thread);
  if (over_ == Over::no && last != nullptr && last->window == state.windows)
    search_->end_window(thread);
}

void PortSearch::run_begins(unsigned actor) noexcept {
  Thread& state = state_[thread_of(actor)];
  ++state.runs;
  state.in_run = true;
}

void PortSearch::run_ends(unsigned actor) noexcept { state_[thread_of(actor)].in_run = false; }

void PortSearch::stays_before(unsigned thread, Word& lock) noexcept {
  const Thread& state = state_[thread];
  if (!lock.bound) return;
  if (!state.before_section) {
    if (search_->last_value(lock.location) != 0)
      static_cast<void>(search_->lock(thread, lock.location, lock.implied));
    return;
  }
  const Entry entry = entry_of(state.wants);
  search_->waits_for({.thread = thread, .location = lock.location}, entry.modify, 0, entry.most);
}

}  // namespace tlblab
