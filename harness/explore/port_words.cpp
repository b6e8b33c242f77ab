// SPDX-License-Identifier: GPL-2.0-or-later
// The search of the port, second part: which words are tracked, and the events of those that are.
#include <algorithm>
#include <functional>
#include <utility>

#include "harness/explore/port_search.h"

namespace tlblab {

namespace {

constexpr unsigned page_shift = 12;

std::uintptr_t page_of(const void* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) >> page_shift;
}

}  // namespace

// ---- words that are not tracked -------------------------------------------------------------------

PortSearch::Word& PortSearch::word(const void* address) noexcept {
  const auto [at, is_new] = words_.try_emplace(address);
  Word& word = at->second;
  if (is_new) {
    // By address: what was used first in another part of the search must make no difference.
    std::vector<const void*>& words = on_page_[page_of(address)];
    words.insert(std::ranges::upper_bound(words, address, std::less<>()), address);
  }
  if (word.execution != execution_) begin_life(address, word);
  return word;
}

void PortSearch::begin_life(const void* address, Word& word) const noexcept {
  word = {};
  word.execution = execution_;
  word.tracked = tracked_.contains(address);
}

bool PortSearch::known(const Thread& thread, const Word& word) const noexcept {
  return thread.clock[word.writer] >= word.write;
}

bool PortSearch::reads_known(const Thread& thread, const Word& word) const noexcept {
  for (unsigned t = 0; t < threads_; ++t)
    if (word.reads[t] > thread.clock[t]) return false;
  return true;
}

void PortSearch::conflict(const void* address) noexcept {
  if (over_ == Over::no) begin_again({address, nullptr});
}

bool PortSearch::use_in_order(unsigned thread, Word& word, bool write) noexcept {
  const Thread& state = state_[thread];
  if (!known(state, word) || (write && !reads_known(state, word))) return false;
  if (write) {
    word.writer = static_cast<std::uint8_t>(thread);
    word.write = state.clock[thread];
  } else {
    word.reads[thread] = state.clock[thread];
  }
  return true;
}

bool PortSearch::read_in_order(unsigned thread, const void* address, Word& word) noexcept {
  const bool in_order = use_in_order(thread, word, false);
  if (!in_order) conflict(address);
  return in_order;
}

bool PortSearch::write_in_order(unsigned thread, const void* address, Word& word) noexcept {
  const bool in_order = use_in_order(thread, word, true);
  if (!in_order) conflict(address);
  return in_order;
}

// Of a read-modify-write. Under tso each is one, under weak those that are fully ordered.
void PortSearch::stays_a_fence(unsigned thread, order o, bool modifies) noexcept {
  if (!modifies || model_ == MemoryModel::sc) return;
  if (model_ == MemoryModel::tso || o == order::full) add_fence(thread, GraphEventKind::mb);
}

// Two that follow each other are one.
void PortSearch::add_fence(unsigned thread, GraphEventKind kind) noexcept {
  const GraphEvent* last = search_->last_event(thread);
  if (last == nullptr || last->kind == kind || last->kind == GraphEventKind::mb) return;
  if (!begin_event(thread, false)) return;
  search_->fence(thread, kind);
  made(thread);
}

// ---- events ---------------------------------------------------------------------------------------

bool PortSearch::begin_event(unsigned thread, bool has_step) noexcept {
  if (over_ != Over::no) return false;
  constexpr unsigned margin = 8;  // one operation adds fewer events
  if (search_->graph().size() + margin > max_graph_events) {
    lose();
    return false;
  }
  Thread& state = state_[thread];
  state.stands_before = nullptr;
  state.awaits.reset();
  in_advance_ = false;
  if (has_step && at_ < order_.size()) {
    const bool repeats = search_->repeats(thread);
    // The body goes on until it can be interrupted.
    const bool is_interrupted = thread < cpus_ && order_[at_] % cpus_ == thread;
    in_advance_ = !repeats && (state.in_window || state.in_run || is_interrupted);
    if (!in_advance_ && (order_[at_] != thread || !repeats)) {
      lose();
      return false;
    }
    if (!in_advance_) ++at_;
    advanced_ |= in_advance_;
  }
  search_->surely_last(!in_advance_);
  picking_.thread = thread;
  const auto number = [](bool is_in, std::uint16_t which) {
    return static_cast<std::uint16_t>(is_in ? which : 0);
  };
  search_->set_blocks(
      thread, {number(state.in_window, state.windows), number(state.in_run, state.runs),
               number(state.locks != 0, state.locked), std::exchange(state.cause, initial_write)});
  return true;
}

bool PortSearch::begin_access(unsigned thread,
                              const void* address,
                              Word& word,
                              std::uint64_t now) noexcept {
  if (!begin_event(thread)) return false;
  if (search_->repeats(thread)) {
    const unsigned location =
        search_->graph().event(search_->graph().thread(thread)[search_->made(thread)]).location;
    if (!word.bound) {
      word.location = location;
      search_->set_initial(location, now);
    } else if (word.location != location) {
      lose();
      return false;
    }
  } else if (!word.bound) {
    std::vector<unsigned>& names = names_[address];
    while (names.size() <= word.lives) names.push_back(search_->add_location(now));
    word.location = names[word.lives];
    search_->set_initial(word.location, now);
  }
  word.bound = true;
  state_[thread].used = address;
  return true;
}

bool PortSearch::releases(const GraphEvent& event) const noexcept {
  return model_ != MemoryModel::weak || event.release || event.full || event.lock;
}

void PortSearch::learn(Thread& thread, const GraphEvent& read) const noexcept {
  const bool acquires =
      model_ != MemoryModel::weak || read.acquire || read.full || (read.lock && read.modifies);
  if (!acquires || read.source == initial_write) return;
  const GraphEvent& source = search_->graph().event(read.source);
  const Clock& from = state_[source.thread].released[source.po];
  for (unsigned t = 0; t < threads_; ++t) thread.clock[t] = std::max(thread.clock[t], from[t]);
}

// A read-modify-write hands on what it was told.
PortSearch::Clock PortSearch::told(Thread& thread,
                                   unsigned self,
                                   const GraphEvent& event) const noexcept {
  Clock clock{};
  if (!event.is_write()) return clock;
  if (event.modifies) {
    const GraphEvent& read = search_->graph().event(search_->graph().thread(self)[event.po - 1U]);
    if (read.source != initial_write) {
      const GraphEvent& source = search_->graph().event(read.source);
      clock = state_[source.thread].released[source.po];
    }
  }
  if (!releases(event)) return clock;
  for (unsigned t = 0; t < threads_; ++t) clock[t] = std::max(clock[t], thread.clock[t]);
  ++thread.clock[self];
  return clock;
}

void PortSearch::made(unsigned thread) noexcept {
  if (search_->is_cut()) give_up();
  Thread& state = state_[thread];
  const auto events = search_->graph().thread(thread);
  while (state.released.size() < search_->made(thread)) {
    const GraphEvent& event = search_->graph().event(events[state.released.size()]);
    if (event.is_read()) learn(state, event);
    state.released.push_back(told(state, thread, event));
    if (walks_) state.steps.push_back(hardware_->steps());
  }
}

// Under sc it reads what the machine holds, or follows it; else it reads what has been made.
bool PortSearch::agrees(const GraphEvent& event, EventId id, EventId held) const noexcept {
  const ExecutionGraph& graph = search_->graph();
  if (model_ == MemoryModel::sc)
    return event.is_write()
               ? graph.place_of(event.location, held) + 1 == graph.place_of(event.location, id)
               : event.source == held;
  if (event.is_write() || event.source == initial_write) return true;
  const GraphEvent& source = graph.event(event.source);
  return source.po < search_->made(source.thread);
}

void PortSearch::made_on(unsigned thread, Word& word) noexcept {
  const std::size_t first = state_[thread].released.size();
  made(thread);
  const ExecutionGraph& graph = search_->graph();
  for (std::size_t po = first; po < state_[thread].released.size(); ++po) {
    const EventId id = graph.thread(thread)[po];
    const GraphEvent& event = graph.event(id);
    const EventId held = word.was_written ? graph.thread(word.holder)[word.held] : initial_write;
    const unsigned place = graph.place_of(word.location, held);
    const bool is_last = event.is_write() ? place < graph.place_of(word.location, id) : false;
    if (over_ == Over::no && !agrees(event, id, held)) lose();
    if (!is_last) continue;
    word.was_written = true;
    word.holder = static_cast<std::uint8_t>(thread);
    word.held = static_cast<std::uint16_t>(po);
  }
}

std::uint64_t PortSearch::held(const Word& word, std::uint64_t now) const noexcept {
  if (!word.was_written) return now;
  const ExecutionGraph& graph = search_->graph();
  return graph.event(graph.thread(word.holder)[word.held]).value;
}

// ---- memory that is handed out and given back -----------------------------------------------------

// Those that lie there and were used in this execution.
template <class Act>
void PortSearch::for_each_word(const void* memory, std::size_t bytes, Act act) noexcept {
  const auto* begin = static_cast<const std::byte*>(memory);
  for (std::uintptr_t page = page_of(begin); page <= page_of(begin + bytes - 1); ++page) {
    const auto words = on_page_.find(page);
    if (words == on_page_.end()) continue;
    for (const void* address : words->second) {
      Word& at = words_.find(address)->second;
      if (address >= begin && address < begin + bytes && at.execution == execution_)
        act(address, at);
    }
  }
}

void PortSearch::freed(unsigned actor, const void* memory, std::size_t bytes) noexcept {
  for_each_word(memory, bytes, [&](const void* address, const Word& at) {
    if (over_ == Over::no && !at.lock)
      static_cast<void>(store({.actor = actor, .word = address}, ~0ULL));
  });
}

void PortSearch::fresh(const void* memory, std::size_t bytes) noexcept {
  for_each_word(memory, bytes, [&](const void* address, Word& at) {
    const unsigned lives = at.lives + (at.bound ? 1 : 0);
    begin_life(address, at);
    at.lives = lives;
  });
}

}  // namespace tlblab
