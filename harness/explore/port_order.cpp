// SPDX-License-Identifier: GPL-2.0-or-later
// The search of the port, fifth part: what the weak model orders, for the clocks by which words are
// left out and uses of Shared words are judged; and address dependencies.
//
// A thread knows a use when whatever it does now comes later and sees it. Its clock has that:
//
//   acquire          what the write was told that is read
//   relaxed load     the same for the thread's later writes; for the rest after smp_rmb
//   release          hands on all that the thread has read
//   relaxed store    hands on the thread's own uses before smp_wmb, or before an unlock with a lock
//                    after it; all that it had read before smp_mb. Of others it hands on nothing
//                    else: smp_wmb is not cumulative
//
// An address dependency says more, of one object. Native code does not show what an address was
// made of, so rcu_dereference says it, and whoever makes an address of an entry of a page table
// (led_to). What the thread then uses of the object depends on that load, an event, and knows what
// the load's write was told. Which load it is when there were several: if both read one write the
// first, since the second may have been for another end, else the last. A pointer is good until
// its section of RCU ends, as the kernel has it. Then uses of the object depend on nothing, though
// the program may still have the pointer: whoever takes a lock or a reference before does so by a
// dependent acquire, which orders the rest. Who comes to the object otherwise within the section,
// by a pointer that a lock protects, is ordered a little too strongly: behind that load. What an
// object holds by value is of the object, what it points at is not.
//
// What a walk was led to, tables and frames, is led to for the accesses of hardware, in windows,
// until another walk comes there: that is the view of a TLB entry and of one of the walk cache. An
// access through either comes behind the load of the page table's entry that it was filled from,
// and sees what was there when that was set, also when the entry has changed since. Oracles are no
// part of it. What they read is the machine's, the last of each word in coherence, and orders
// nothing; so an entry that was filled from an old value of its slot is for them one that was
// filled before.
#include <algorithm>

#include "harness/explore/port_search.h"

namespace tlblab {

namespace {

constexpr std::size_t most_consumed = 8, most_objects = 32;

}  // namespace

const PortSearch::Object* PortSearch::object_at(const Thread& thread,
                                                const void* address) const noexcept {
  const std::vector<Object>& objects = thread.orders.objects;
  const auto found = std::ranges::find_if(objects.rbegin(), objects.rend(), [&](const Object& at) {
    return address >= at.begin && address < at.end && (!at.by_hardware || thread.in_window);
  });
  return found == objects.rend() ? nullptr : &*found;
}

const PortSearch::Clock& PortSearch::known_at(const Thread& thread,
                                              const void* address,
                                              Kind kind) noexcept {
  const Object* object = is_weak() ? object_at(thread, address) : nullptr;
  if (object == nullptr && (!is_weak() || kind != Kind::write)) return thread.clock;
  known_ = thread.clock;
  if (object != nullptr) join(known_, object->by.clock);
  if (kind == Kind::write) join(known_, thread.orders.unacquired);
  return known_;
}

// ---- address dependencies ---------------------------------------------------------------------------

// Of a word that is not tracked there is no event, and it depends on what led to the word.
void PortSearch::consumed(unsigned thread, const void* address, std::uint64_t value, bool tracked) {
  if (!is_weak() || over_ != Over::no) return;
  Orders& orders = state_[thread].orders;
  Consumed now{.word = address, .value = value};
  const Object* object = object_at(state_[thread], address);
  if (tracked) {
    const GraphEvent& read = *search_->last_event(thread);
    now.source = read.source;
    now.read = static_cast<std::uint16_t>(read.po + 1);
    now.clock = released_by(read.source);
  } else if (object != nullptr) {
    now.source = object->by.source;
    now.read = object->by.read;
  }
  if (object != nullptr) join(now.clock, object->by.clock);
  if (orders.consumed.size() == most_consumed) orders.consumed.erase(orders.consumed.begin());
  orders.consumed.push_back(now);
}

void PortSearch::led_to(unsigned actor,
                        std::uint64_t value,
                        const void* memory,
                        std::size_t bytes) noexcept {
  if (!is_weak() || over_ != Over::no) return;
  const Thread& state = state_[thread_of(actor)];
  Orders& orders = state_[thread_of(actor)].orders;
  const auto load =
      std::ranges::find(orders.consumed.rbegin(), orders.consumed.rend(), value, &Consumed::value);
  if (load == orders.consumed.rend()) return;
  const auto* begin = static_cast<const std::byte*>(memory);
  const Object now{begin, begin + bytes, state.in_window, *load};
  const auto same = std::ranges::find_if(orders.objects, [&](const Object& at) {
    return at.begin == now.begin && at.end == now.end && at.by_hardware == now.by_hardware;
  });
  if (same != orders.objects.end()) {
    if (same->by.word == load->word && same->by.source == load->source) return;
    orders.objects.erase(same);
  }
  if (load->read == 0) return;
  if (orders.objects.size() == most_objects) orders.objects.erase(orders.objects.begin());
  orders.objects.push_back(now);
}

void PortSearch::forget_objects(unsigned thread) noexcept {
  state_[thread].orders.consumed.clear();
  std::erase_if(state_[thread].orders.objects, [](const Object& at) { return !at.by_hardware; });
}

// ---- clocks -----------------------------------------------------------------------------------------

// smp_mb, or what is one.
void PortSearch::orders_all(unsigned thread) noexcept {
  Thread& state = state_[thread];
  join(state.clock, state.orders.unacquired);
  state.orders.published = state.clock;
  ++state.clock[thread];
}

// smp_mb__after_unlock_lock orders more than is said here.
void PortSearch::orders_by(unsigned thread, GraphEventKind fence) noexcept {
  Thread& state = state_[thread];
  Orders& orders = state.orders;
  switch (fence) {
    case GraphEventKind::mb: orders_all(thread); break;
    case GraphEventKind::rmb: join(state.clock, orders.unacquired); break;
    case GraphEventKind::wmb: orders.published[thread] = state.clock[thread]++; break;
    case GraphEventKind::before_atomic:
      orders.up_to_fence = state.clock;
      join(orders.up_to_fence, orders.unacquired);
      ++state.clock[thread];
      break;
    case GraphEventKind::after_atomic:
      join(state.clock, orders.up_to_atomic);
      join(orders.published, orders.up_to_atomic);
      break;
    default: break;
  }
}

// The fence that this one is for the events, there being none of the atomic next to it.
GraphEventKind PortSearch::fence_for_events(unsigned thread, GraphEventKind kind) const noexcept {
  const Orders& orders = state_[thread].orders;
  const bool stands_alone = kind == GraphEventKind::after_atomic && orders.untracked_atomic &&
                            orders.atomic_at == search_->made(thread);
  return stands_alone ? GraphEventKind::mb : kind;
}

void PortSearch::meets_atomic(unsigned thread, bool tracked) noexcept {
  Thread& state = state_[thread];
  Orders& orders = state.orders;
  join(state.clock, orders.up_to_fence);
  join(orders.published, orders.up_to_fence);
  orders.up_to_atomic = state.clock;
  join(orders.up_to_atomic, orders.unacquired);
  ++state.clock[thread];
  orders.untracked_atomic = !tracked;
  orders.atomic_at = search_->made(thread);
}

// Not tracked: the fence before it is all that is left of it.
void PortSearch::modified_untracked(unsigned thread) noexcept {
  meets_atomic(thread, false);
  const GraphEvent* last = search_->last_event(thread);
  if (last == nullptr || last->kind != GraphEventKind::before_atomic) return;
  add_fence(thread, GraphEventKind::mb);
  state_[thread].orders.atomic_at = search_->made(thread);
}

void PortSearch::learn_weak(unsigned thread, const GraphEvent& read, const Clock& from) noexcept {
  Thread& state = state_[thread];
  if (read.full) orders_all(thread);
  join(state.orders.unacquired, from);
  if (read.modifies && !read.lock) meets_atomic(thread, true);
  if (!read.acquire && !read.full && !(read.lock && read.modifies)) return;
  // By its own release a thread learns nothing: what it read before that one does not come before what it
  // reads behind the acquire. (An unlock and a lock do order them: unlocks().)
  const bool own =
      read.source != initial_write && search_->graph().event(read.source).thread == thread;
  if (!own) join(state.clock, from);
  if (const Object* object = object_at(state, state.used)) join(state.clock, object->by.clock);
}

void PortSearch::tell_weak(unsigned thread, const GraphEvent& write, Clock& clock) noexcept {
  const Thread& state = state_[thread];
  if (!write.release && !write.full) return join(clock, state.orders.published);
  join(clock, state.clock);
  join(clock, state.orders.unacquired);
  if (write.full) orders_all(thread);
}

// ---- an unlock, and later a lock ----------------------------------------------------------------------

// What was before the one comes before what is behind the other, for everybody. Where both are events
// the axioms say so.
void PortSearch::unlocks(unsigned thread, const Word& lock) noexcept {
  if (!is_weak() || lock.implied) return;
  Orders& orders = state_[thread].orders;
  orders.unlocked = state_[thread].clock[thread]++;
  orders.before_unlock = search_->made(thread);
  orders.untracked_unlock = !lock.tracked;
}

void PortSearch::locked(unsigned thread, const Word& lock) noexcept {
  if (!is_weak() || lock.implied || over_ != Over::no) return;
  Orders& orders = state_[thread].orders;
  orders.published[thread] = std::max(orders.published[thread], orders.unlocked);
  if (orders.before_unlock <= orders.handed_over) return;
  orders.handed_over = orders.before_unlock;
  if (lock.tracked && !orders.untracked_unlock) return;
  state_[thread].follows = static_cast<std::uint16_t>(orders.before_unlock);
  if (!begin_event(thread, false)) return;
  search_->fence(thread, GraphEventKind::unlock_lock);
  made(thread);
}

// Then the section of the other is before, for everybody: the lock is to be an event.
bool PortSearch::was_anothers(unsigned thread, const Word& lock) const noexcept {
  return is_weak() && !lock.tracked && !lock.implied && lock.write != 0 && lock.writer != thread;
}

}  // namespace tlblab
