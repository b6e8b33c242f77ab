// SPDX-License-Identifier: GPL-2.0-or-later
// The weak model keeps each read of a CPU before its later writes; the kernel's does so only where a
// fence, an acquire, a release, a dependency or coherence says so. The executions that the weak model
// lacks are those of the kernel's in which that rule closes a cycle. In a cycle of program order and
// reads-from each way through a thread leads from a read to a later write, so these are among them.
// If there is one, pairs() is not empty. Why:
//
// The cycle. Let E be such an execution, r -> w a step of the cycle that only the rule makes, and the
// cycle one with the fewest such steps. It does not come to r from the same CPU: from a read, that read
// would be before w by the rule too; from a write, that took a strong fence, or an unlock and a lock,
// and these order w as well. So it comes from a write u of another CPU, which r reads. In the same way
// it goes on from w to an access v of another CPU, which reads w or overwrites it: what w comes before
// on its own CPU, r comes before. And from v it goes back to u by steps within CPUs that the weak model
// makes, by accesses of two CPUs to one location of which one writes, and, where a grace period is,
// from what is before the end of a read-side section to what is behind its beginning.
//
// Locks. Let r and u be under one lock, not both as readers. As r reads what u wrote, u's section was
// the first; its release comes before the acquire of r's, and that before w. So the kernel's model has
// u before w, and the rule was not needed; the same holds of w, v and r. Only races can be what leads
// into a pair and out of it. The parts of an operation on a lock are taken to be under it.
//
// What is explored. E is not, but what its threads do on the cycle is. Let the search make E's events in
// an order that is one of the kernel's model. Before a write the thread's earlier reads are to be made;
// one of them may have to see a write that is still to come. It reads an older one. The kernel's model
// does not order it before the write, so the write does not depend on it, and is made all the same; all
// that it does depend on is there already. So the pair is in an explored execution, and so is the way
// back. That an older write can always be read so that nothing else is disturbed is tested against the
// axioms (load_buffering_compare.h), not proved.
//
// It needs this: where no dependency is seen there is none. In a litmus test a value can go ways that are
// no dependency for the model; hidden_flow.h looks for these. Of native code no dependency is seen at
// all: a pair of which one depends on the other is shown then though it is none. That a write to which
// no fence and no dependency leads is made whatever was read is taken for granted there. Who waits for a value in a
// loop writes behind it: the loop's condition decides. Words of the port that are not tracked are in
// order by acquire and release in each explored execution, as those under a lock are.
//
// Read-modify-writes take the place behind what they read, so one that reads an older write disturbs
// others: another can not read the same, and one that may fail writes now where in E it did not. A
// read-modify-write that may fail counts as one that fails and one that writes, whichever it did: it
// orders nothing, it has a write, and if it is the read of a pair, any access to its location by which
// the way comes back will do, since what that would have read in E may be out of reach.
//
// Of all executions the accesses are put together by thread, location, number among the accesses of
// the thread to it, and the locks held; a step that is in any execution is one. So there may be pairs
// that no execution of the kernel's model makes use of; none is left out. Threads that run the same
// program are one, for of executions in which they change places not all are visited.
//
// Most executions differ from others in who reads what, not in what the threads do: a thread's part is
// looked at once, and known again by a hash of 64 bits.
#include "harness/explore/load_buffering.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "harness/explore/bytes.h"
#include "harness/world/explore/local_orders.h"

namespace tlblab {

namespace {

using Bits = std::vector<std::uint64_t>;

void set(Bits& bits, unsigned at) {
  if (bits.size() <= at / 64) bits.resize(at / 64 + 1);
  bits[at / 64] |= 1ULL << at % 64;
}

bool test(const Bits& bits, unsigned at) noexcept {
  return at / 64 < bits.size() && (bits[at / 64] >> at % 64 & 1) != 0;
}

void join(Bits& bits, const Bits& more) {
  if (bits.size() < more.size()) bits.resize(more.size());
  for (std::size_t w = 0; w < more.size(); ++w) bits[w] |= more[w];
}

template <class Visit>
void for_each(const Bits& bits, Visit visit) {
  for (std::size_t w = 0; w < bits.size(); ++w)
    for (std::uint64_t rest = bits[w]; rest != 0; rest &= rest - 1)
      visit(static_cast<unsigned>(w * 64) + static_cast<unsigned>(std::countr_zero(rest)));
}

constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) noexcept {
  hash = (hash ^ word) * odd;
  return hash ^ hash >> 29;
}

// Of what an event is to its own CPU, whatever it reads.
std::uint64_t hash_of(const GraphEvent& event) noexcept {
  const auto flag = [](bool is, unsigned at) { return std::uint64_t{is} << at; };
  return static_cast<std::uint64_t>(event.kind) | flag(event.modifies, 8) | flag(event.awaits, 9) |
         flag(event.lock, 10) | flag(event.implied, 11) | flag(event.acquire, 12) |
         flag(event.release, 13) | flag(event.full, 14) | flag(event.noreturn, 15) |
         flag(event.wanted_to == 0, 16) | flag(event.modify.expected == 1, 17) |
         static_cast<std::uint64_t>(event.modify.op) << 20 |
         static_cast<std::uint64_t>(event.modify.o) << 24 | event.modify.operand << 32;
}

// It may fail where other values are read. A lock that is waited for does not.
bool may_fail(const GraphEvent& read) noexcept {
  const Modify::Op op = read.modify.op;
  return !read.awaits &&
         (op == Modify::compare_exchange || op == Modify::add_unless || op == Modify::add_below);
}

}  // namespace

// What one thread did, by itself.
class LoadBuffering::Trace {
 public:
  Trace(const ExecutionGraph& graph,
        unsigned thread,
        std::span<const Name> names,
        std::span<const std::uint64_t> control)
      : graph_(graph), thread_(graph.thread(thread)), names_(names), control_(control) {}

  [[nodiscard]] std::uint64_t hash(std::uint64_t seed) const noexcept {
    std::uint64_t hash = seed;
    for (unsigned n = 0; n < thread_.size(); ++n) {
      const GraphEvent& event = graph_.event(thread_[n]);
      const std::uint64_t name = event.is_access() ? names_[event.location] : 0;
      hash = mix(hash, hash_of(event) ^ std::rotl(name * odd, 32));
      const std::uint64_t from =
          control(n) ^ std::rotl(event.address_from, 21) ^ std::rotl(event.data_from, 42);
      if (from != 0) hash = mix(hash, from);
    }
    return hash;
  }

  void add_to(LoadBuffering& all, unsigned thread) {
    read_events();
    const auto n = static_cast<unsigned>(events_.size());
    if (n <= 64) return add_as<1>(all, thread);
    if (n <= 128) return add_as<2>(all, thread);
    if (n <= 256) return add_as<4>(all, thread);
    if (n <= 1024) return add_as<16>(all, thread);
    add_as<64>(all, thread);
  }

 private:
  struct Step {
    GraphEvent event;
    unsigned place = 0;    // in the thread
    bool was_made = true;  // else it is the write of a read-modify-write that failed
  };

  void read_events() {
    for (unsigned n = 0; n < thread_.size(); ++n) {
      const GraphEvent& event = graph_.event(thread_[n]);
      events_.push_back({event, n, true});
      if (!event.is_read() || !may_fail(event) || event.modifies) continue;
      GraphEvent write = event;
      write.kind = GraphEventKind::write;
      events_.push_back({write, n, false});
    }
  }

  [[nodiscard]] const GraphEvent& at(unsigned n) const noexcept { return events_[n].event; }
  [[nodiscard]] std::uint64_t control(unsigned place) const noexcept {
    return place < control_.size() ? control_[place] : 0;
  }

  // The graph of this thread alone: the orders do not depend on who wrote what it read. What may fail
  // orders nothing, or all that it could.
  [[nodiscard]] ExecutionGraph alone(bool surely) const {
    ExecutionGraph graph;
    graph.clear(1);
    for (std::size_t n = 0; n < names_.size(); ++n) graph.add_location(0);
    Modify unsure;  // of the read just before
    for (const Step& step : events_) {
      GraphEvent event = step.event;
      event.thread = 0;
      event.source = event.cause = event.waited_for = initial_write;
      if (event.is_read()) unsure = may_fail(event) ? event.modify : Modify{};
      if (unsure.op != Modify::none) make_unsure(event, unsure.o, !surely);
      if (event.is_write()) unsure = {};
      graph.add(event);
    }
    return graph;
  }

  // The write just behind this is part of a read-modify-write that may fail.
  [[nodiscard]] bool is_unsure(unsigned n) const noexcept {
    return at(n).is_read() && may_fail(at(n));
  }

  static void make_unsure(GraphEvent& event, order o, bool succeeds) noexcept {
    event.modifies = succeeds;
    event.acquire = succeeds && event.is_read() && o == order::acquire;
    event.release = succeeds && event.is_write() && o == order::release;
    event.full = succeeds && o == order::full;
  }

  // Row b: what surely comes before b, in the kernel's model.
  template <unsigned Words>
  [[nodiscard]] BitRows<Words> surely_before() const {
    LocalRelations<Words, false> orders(alone(true));
    BitRows<Words> rows = std::move(orders.ppo);
    std::vector<unsigned> loads;
    BitRow<Words> awaited, sure;  // through a write that may not be nothing goes on
    for (unsigned b = 0; b < rows.size(); ++b) {
      const GraphEvent& event = at(b);
      const bool unsure = event.is_write() && b != 0 && is_unsure(b - 1);
      if (event.is_write()) {
        rows[b] |= awaited;
        for (std::uint64_t from = control(events_[b].place); from != 0; from &= from - 1)
          rows[b].set(loads[static_cast<unsigned>(std::countr_zero(from))]);
      }
      if (event.is_read() && !event.lock) loads.push_back(b);
      if (event.awaits) awaited.set(b);
      rows[b] |= image(rows[b] & sure, rows);
      if (!unsure) sure.set(b);
    }
    return rows;
  }

  // A store may be read back, and the read comes after what the store depends on.
  template <unsigned Words>
  [[nodiscard]] BitRows<Words> maybe_before() const {
    LocalRelations<Words> orders(alone(false));
    BitRows<Words> rows = std::move(orders.ppo);
    for (unsigned b = 0; b < rows.size(); ++b) {
      if (!at(b).is_access()) continue;
      for (unsigned a = 0; a < b; ++a)
        if (at(a).is_access() && at(a).location == at(b).location) rows[b].set(a);
    }
    return rows;
  }

  template <unsigned Words>
  void add_as(LoadBuffering& all, unsigned thread) const {
    const std::vector<unsigned> numbers = number_nodes(all, thread);
    const BitRows<Words> surely = surely_before<Words>(), maybe = maybe_before<Words>();
    for (unsigned b = 0; b < numbers.size(); ++b) {
      if (numbers[b] == none) continue;
      for (unsigned a = 0; a < b; ++a) {
        if (numbers[a] == none) continue;
        if (maybe[b].test(a)) set(all.before_[numbers[a]], numbers[b]);
        if (at(a).is_read() && at(b).is_write() && !surely[b].test(a))
          set(all.loose_[numbers[a]], numbers[b]);
      }
    }
    add_sections(all, numbers);
  }

  // By a grace period elsewhere: from before the end of a section to behind its beginning.
  void add_sections(LoadBuffering& all, const std::vector<unsigned>& numbers) const {
    std::vector<unsigned> begins;
    for (unsigned end = 0; end < numbers.size(); ++end) {
      if (at(end).kind == GraphEventKind::read_lock) begins.push_back(end);
      if (at(end).kind != GraphEventKind::read_unlock || begins.empty()) continue;
      for (unsigned a = 0; a < end; ++a)
        for (unsigned b = begins.back(); b < numbers.size(); ++b)
          if (numbers[a] != none && numbers[b] != none) set(all.sections_[numbers[a]], numbers[b]);
      begins.pop_back();
    }
  }

  std::vector<unsigned> number_nodes(LoadBuffering& all, unsigned thread) const {
    std::vector<unsigned> numbers(events_.size(), none);
    std::map<std::pair<Name, bool>, unsigned> times;
    std::vector<Held> held;
    for (unsigned n = 0; n < events_.size(); ++n) {
      const GraphEvent& event = at(n);
      if (!event.is_access()) continue;
      const Name location = names_[event.location];
      if (event.is_read()) take(held, event, location);
      unsigned& nth = times[{location, event.is_write()}];
      numbers[n] = all.number_of({.thread = thread,
                                  .location = location,
                                  .write = event.is_write(),
                                  .may_fail = event.is_read() && may_fail(event),
                                  .nth = nth,
                                  .held = held},
                                 events_[n].place);
      if (!events_[n].was_made) continue;
      ++nth;
      if (event.is_write()) let_go(held, n, location);
    }
    return numbers;
  }

  // A lock, or a section of one of readers and writers, whose word counts them: it is taken when there
  // are less than so many.
  static void take(std::vector<Held>& held, const GraphEvent& read, Name location) {
    if (!read.modifies) return;
    const bool waits = read.awaits && read.modify.op == Modify::add;
    if (!read.lock && !(read.acquire && (waits || read.modify.op == Modify::add_below))) return;
    const bool alone = read.lock || (waits ? read.wanted_to == 0 : read.modify.expected == 1);
    const Held lock{.lock = location, .alone = alone};
    held.insert(std::ranges::upper_bound(held, lock), lock);
  }

  void let_go(std::vector<Held>& held, unsigned place, Name location) const {
    const GraphEvent& write = at(place);
    const auto lock = std::ranges::find(held, location, &Held::lock);
    if (lock == held.end() || !write.release) return;
    // A writer that becomes a reader adds one reader.
    if (write.modifies && static_cast<std::uint32_t>(at(place - 1).modify.operand) == 1)
      lock->alone = false;
    else
      held.erase(lock);
  }

  static constexpr unsigned none = ~0U;
  const ExecutionGraph& graph_;
  std::span<const EventId> thread_;
  std::vector<Step> events_;
  std::span<const Name> names_;
  std::span<const std::uint64_t> control_;
};

void LoadBuffering::same_program(unsigned first, unsigned threads) {
  for (unsigned t = first; t < first + threads; ++t) class_of_[t] = first;
  if (threads > 1) twins_[first] = 1;
}

void LoadBuffering::add(const ExecutionGraph& graph,
                        std::span<const Name> names,
                        const Control& control) {
  for (unsigned t = 0; t < graph.threads(); ++t) {
    Trace trace(graph, t, names,
                t < control.size() ? std::span<const std::uint64_t>(control[t])
                                   : std::span<const std::uint64_t>());
    if (seen_.insert(trace.hash(class_of_[t])).second) trace.add_to(*this, class_of_[t]);
  }
  grace_ |= graph.has_grace_period();
}

unsigned LoadBuffering::number_of(Node&& node, unsigned place) {
  const auto [at, is_new] = numbers_.try_emplace(std::move(node), nodes_.size());
  if (is_new) {
    nodes_.push_back(&at->first);
    places_.push_back(place);
    for (std::vector<Bits>* rows : {&before_, &sections_, &loose_}) rows->emplace_back();
  }
  places_[at->second] = std::min(places_[at->second], place);
  return at->second;
}

// ---- what comes of it -----------------------------------------------------------------------------

bool LoadBuffering::conflict(unsigned a, unsigned b) const noexcept {
  const Node &one = *nodes_[a], &other = *nodes_[b];
  const bool writes = one.write || other.write || one.may_fail || other.may_fail;
  return one.location == other.location && writes &&
         (one.thread != other.thread || twins_[one.thread] != 0);
}

// And no lock keeps one from the other.
bool LoadBuffering::race(unsigned a, unsigned b) const noexcept {
  if (!conflict(a, b)) return false;
  for (const Held& one : nodes_[a]->held)
    for (const Held& other : nodes_[b]->held)
      if (one.lock == other.lock && (one.alone || other.alone)) return false;
  return true;
}

// The read may see a write that the other is, or make it be another one.
bool LoadBuffering::leads_into(unsigned other, unsigned read) const noexcept {
  return (nodes_[other]->write || nodes_[read]->may_fail) && race(other, read);
}

// From an access to those that it may come before, of its thread or of others.
std::vector<LoadBuffering::Bits> LoadBuffering::steps() const {
  std::vector<Bits> steps = before_;
  for (unsigned a = 0; a < nodes_.size(); ++a) {
    if (grace_) join(steps[a], sections_[a]);
    for (unsigned b = 0; b < nodes_.size(); ++b)
      if (conflict(a, b)) set(steps[a], b);
  }
  return steps;
}

LoadBuffering::Bits LoadBuffering::reached_from(unsigned write,
                                                const std::vector<Bits>& steps) const {
  Bits reached;
  std::vector<unsigned> left;
  const auto reach = [&](unsigned node) {
    if (test(reached, node)) return;
    set(reached, node);
    left.push_back(node);
  };
  for (unsigned node = 0; node < nodes_.size(); ++node)
    if (race(write, node)) reach(node);
  while (!left.empty()) {
    const unsigned node = left.back();
    left.pop_back();
    for_each(steps[node], reach);
  }
  return reached;
}

std::vector<LoadBuffering::Pair> LoadBuffering::pairs() const {
  const std::vector<Bits> steps = this->steps();
  std::vector<Bits> reads_of(nodes_.size());
  for (unsigned read = 0; read < nodes_.size(); ++read)
    for_each(loose_[read], [&](unsigned write) { set(reads_of[write], read); });
  const auto access = [&](unsigned node) {
    return Access{places_[node], nodes_[node]->nth, nodes_[node]->location};
  };
  std::vector<Pair> pairs;
  for (unsigned write = 0; write < nodes_.size(); ++write) {
    if (reads_of[write].empty()) continue;
    const Bits reached = reached_from(write, steps);
    for_each(reads_of[write], [&](unsigned read) {
      bool is_one = false;
      for_each(reached, [&](unsigned u) { is_one |= leads_into(u, read); });
      if (!is_one) return;
      pairs.push_back({nodes_[read]->thread, access(read), access(write)});
    });
  }
  // They may have been made with and without a lock, or at several places.
  std::ranges::sort(pairs);
  return pairs;
}

// ---- for other processes --------------------------------------------------------------------------

void LoadBuffering::merge(const LoadBuffering& other) {
  std::vector<unsigned> numbers;
  for (unsigned n = 0; n < other.nodes_.size(); ++n)
    numbers.push_back(number_of(Node(*other.nodes_[n]), other.places_[n]));
  const auto rows = [&](std::vector<Bits>& to, const std::vector<Bits>& from) {
    for (unsigned a = 0; a < from.size(); ++a)
      for_each(from[a], [&](unsigned b) { set(to[numbers[a]], numbers[b]); });
  };
  rows(before_, other.before_);
  rows(sections_, other.sections_);
  rows(loose_, other.loose_);
  grace_ |= other.grace_;
}

void LoadBuffering::tell_only_new() {
  numbers_.clear();
  nodes_.clear();
  places_.clear();
  for (std::vector<Bits>* rows : {&before_, &sections_, &loose_}) rows->clear();
}

std::string LoadBuffering::bytes() const {
  ByteWriter out;
  out.put(grace_).put(nodes_.size());
  for (unsigned n = 0; n < nodes_.size(); ++n) {
    const Node& node = *nodes_[n];
    out.put(node.thread)
        .put(node.location)
        .put(node.write)
        .put(node.may_fail)
        .put(node.nth)
        .put_all(node.held);
    out.put(places_[n]).put_all(before_[n]).put_all(sections_[n]).put_all(loose_[n]);
  }
  return out.bytes();
}

void LoadBuffering::merge(const std::string& bytes) {
  ByteReader in(bytes);
  LoadBuffering other(static_cast<unsigned>(class_of_.size()));
  other.grace_ = in.get<bool>();
  for (auto left = in.get<std::size_t>(); left > 0; --left) {
    Node node;
    node.thread = in.get<unsigned>();
    node.location = in.get<Name>();
    node.write = in.get<bool>();
    node.may_fail = in.get<bool>();
    node.nth = in.get<unsigned>();
    node.held = in.get_all<Held>();
    const unsigned number = other.number_of(std::move(node), in.get<unsigned>());
    other.before_[number] = in.get_all<std::uint64_t>();
    other.sections_[number] = in.get_all<std::uint64_t>();
    other.loose_[number] = in.get_all<std::uint64_t>();
  }
  merge(other);
}

}  // namespace tlblab
