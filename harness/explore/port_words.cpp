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
  const std::uint64_t key = reinterpret_cast<std::uintptr_t>(address);
  Recent& recent = recent_[key * 0x9e3779b97f4a7c15ULL >> 56];
  if (recent.address != address) recent = {address, &kept_word(address)};
  if (recent.word->execution != execution_) begin_life(address, *recent.word);
  return *recent.word;
}

PortSearch::Word& PortSearch::kept_word(const void* address) noexcept {
  const auto [at, is_new] = words_.try_emplace(address);
  if (is_new) {
    // By address: what was used first in another part of the search must make no difference.
    std::vector<const void*>& words = on_page_[page_of(address)];
    words.insert(std::ranges::upper_bound(words, address, std::less<>()), address);
  }
  return at->second;
}

void PortSearch::begin_life(const void* address, Word& word) const noexcept {
  word = {};
  word.execution = execution_;
  word.tracked = tracked_.contains(address);
}

void PortSearch::conflict(const void* address) noexcept {
  if (over_ == Over::no) begin_again({address, nullptr});
}

bool PortSearch::use_in_order(
    unsigned thread, const void* address, Word& word, Kind kind, unsigned but_of) noexcept {
  const Thread& state = state_[thread];
  const Clock& known = known_at(state, address, kind);
  const auto knows = [&](unsigned by, std::uint32_t time) {
    return known[by] >= time || cpu_of(by) == but_of;
  };
  if (!knows(word.writer, word.write)) return false;
  if (kind == Kind::read) {
    word.reads[thread] = state.clock[thread];
    return true;
  }
  for (unsigned t = 0; t < threads_; ++t)
    if (!knows(t, word.reads[t])) return false;
  word.writer = static_cast<std::uint8_t>(thread);
  word.write = state.clock[thread];
  return true;
}

// A CPU does not race with its own interrupts.
bool PortSearch::plain(unsigned actor, const void* address, bool write) noexcept {
  if (over_ != Over::no) return true;
  const unsigned thread = thread_of(actor);
  return use_in_order(thread, address, word(address), write ? Kind::write : Kind::read,
                      cpu_of(thread));
}

// An acquire of what the thread was led to orders what comes later behind that load: it is an event.
bool PortSearch::in_order(
    unsigned thread, const void* address, Word& word, Kind kind, order o) noexcept {
  const bool acquires = o == order::acquire || o == order::full;
  const bool links = acquires && object_at(state_[thread], address) != nullptr;
  const bool in_order = !links && use_in_order(thread, address, word, kind);
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
  if (is_weak()) {
    orders_by(thread, kind);
    kind = fence_for_events(thread, kind);
  }
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
  state.stands_before = state.and_before = nullptr;
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
               number(state.locks != 0, state.locked), std::exchange(state.cause, initial_write),
               std::exchange(state.follows, std::uint16_t{0})});
  return true;
}

unsigned PortSearch::new_location(const void* address, std::size_t life, std::uint64_t now) {
  const unsigned location = search_->add_location(now);
  location_names_.resize(location + 1);
  location_names_[location] = reinterpret_cast<std::uintptr_t>(address) << bits_of_lives | life;
  return location;
}

bool PortSearch::begin_access(unsigned thread,
                              const void* address,
                              Word& word,
                              std::uint64_t now) noexcept {
  const Object* object = object_at(state_[thread], address);
  state_[thread].follows = object == nullptr ? std::uint16_t{0} : object->by.read;
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
  } else if (!word.bound && walks_) {
    word.location = new_location(address, word.lives, now);
  } else if (!word.bound) {
    std::vector<unsigned>& names = names_[address];
    while (names.size() <= word.lives) names.push_back(new_location(address, names.size(), now));
    word.location = names[word.lives];
    search_->set_initial(word.location, now);
  }
  word.bound = true;
  state_[thread].used = address;
  return true;
}

const PortSearch::Clock& PortSearch::released_by(EventId write) const noexcept {
  static constexpr Clock nothing{};
  if (write == initial_write) return nothing;
  const GraphEvent& event = search_->graph().event(write);
  return state_[event.thread].released[event.po];
}

void PortSearch::learn(unsigned thread, const GraphEvent& read) noexcept {
  const Clock& from = released_by(read.source);
  if (is_weak()) return learn_weak(thread, read, from);
  join(state_[thread].clock, from);
}

// A read-modify-write hands on what it was told.
PortSearch::Clock PortSearch::told(unsigned thread, const GraphEvent& event) noexcept {
  Clock clock{};
  if (!event.is_write()) return clock;
  const ExecutionGraph& graph = search_->graph();
  if (event.modifies) clock = released_by(graph.event(graph.thread(thread)[event.po - 1U]).source);
  if (is_weak())
    tell_weak(thread, event, clock);
  else
    join(clock, state_[thread].clock);
  ++state_[thread].clock[thread];
  return clock;
}

void PortSearch::made(unsigned thread) noexcept {
  if (search_->is_cut()) give_up();
  Thread& state = state_[thread];
  const auto events = search_->graph().thread(thread);
  while (state.released.size() < search_->made(thread)) {
    const GraphEvent& event = search_->graph().event(events[state.released.size()]);
    if (event.is_read()) learn(thread, event);
    state.released.push_back(told(thread, event));
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
  const auto* begin = static_cast<const std::byte*>(memory);
  if (is_weak())
    for (Thread& thread : state_)
      std::erase_if(thread.orders.objects, [&](const Object& object) {
        return object.begin >= begin && object.begin < begin + bytes;
      });
  for_each_word(memory, bytes, [&](const void* address, Word& at) {
    const unsigned lives = at.lives + (at.bound ? 1 : 0);
    begin_life(address, at);
    at.lives = lives;
  });
}

}  // namespace tlblab
