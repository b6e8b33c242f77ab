// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/explore/known_sketches.h"

#include <algorithm>

namespace tlblab {

namespace {

using enum GraphEventKind;

// ---- KSM and GUP-fast -----------------------------------------------------------------------------

// The steps have the names of the thread.
namespace gup {

enum Word : unsigned { entry, pins, exclusive, words };
constexpr std::uint64_t mapped = 1;

Operation clear_entry(Cpu cpu, const GupBarriers& barriers) {
  if (barriers.clear == GupBarriers::store) return cpu.store(entry, 0);
  const bool full = barriers.clear == GupBarriers::full_exchange;
  return cpu.exchange(entry, 0, full ? order::full : order::relaxed);
}

Task shares(Cpu cpu, GupBarriers barriers) {
  co_await clear_entry(cpu, barriers);  // A1
  if (barriers.ksm_mb) co_await cpu.fence(mb);
  const std::uint64_t pinned = co_await cpu.load(pins);  // A2
  if (pinned == 0) {
    co_await cpu.store(exclusive, 0);  // A3
    cpu.report(1);
    if (barriers.ksm_wmb) co_await cpu.fence(wmb);
  }
  co_await cpu.store(entry, mapped);  // A4
}

Task takes_a_pin(Cpu cpu, GupBarriers barriers) {
  const std::uint64_t seen = co_await cpu.load(entry);  // B1
  if (seen != mapped) co_return;
  co_await cpu.fetch_add(pins, 1);  // B3
  if (barriers.gup_mb) co_await cpu.fence(mb);
  const std::uint64_t again = co_await cpu.load(entry);  // B4
  if (again == seen) {
    if (barriers.gup_rmb) co_await cpu.fence(rmb);
    const std::uint64_t is_exclusive = co_await cpu.load(exclusive);  // B5
    cpu.report(is_exclusive);
    if (is_exclusive != 0) co_return;
  }
  co_await cpu.void_add(pins, ~0ULL);
}

Task pins_for_a_while(Cpu cpu) {
  const std::uint64_t seen = co_await cpu.load(entry);
  if (seen != mapped) co_return;
  co_await cpu.load(pins);
  co_await cpu.fetch_add(pins, 1);
  co_await cpu.fence(mb);
  const std::uint64_t again = co_await cpu.load(entry);
  if (again == seen) {
    co_await cpu.fence(rmb);
    co_await cpu.load(exclusive);
  }
  co_await cpu.void_add(pins, ~0ULL);
}

Sketch with(unsigned gups, const GupBarriers& barriers, const std::function<Task(Cpu)>& pins_it) {
  Sketch sketch{.words = std::vector<std::uint64_t>(words)};
  sketch.words[entry] = mapped;
  sketch.words[exclusive] = 1;
  sketch.threads.emplace_back([=](Cpu cpu) { return shares(cpu, barriers); });
  sketch.threads.insert(sketch.threads.end(), gups, pins_it);
  return sketch;
}

}  // namespace gup

// ---- MADV_DONTNEED --------------------------------------------------------------------------------

namespace dontneed {

// Of CPU n, behind the words that all share.
struct Words {
  unsigned cpus;
  static constexpr unsigned entry = 0, entry_lock = 1, pending = 2;
  [[nodiscard]] static unsigned posts(unsigned n) { return 3 + n; }  // a bit for each sender
  [[nodiscard]] unsigned tlb(unsigned n) const { return 3 + cpus + n; }
  [[nodiscard]] unsigned answer(unsigned to, unsigned from) const {
    return 3 + 2 * cpus + to * cpus + from;
  }
};

Task zaps(Cpu cpu, unsigned self, Words words, bool nested_flush) {
  co_await cpu.void_add(words.pending, 1);
  co_await cpu.lock(words.entry_lock);
  const std::uint64_t found = co_await cpu.load(words.entry);
  if (found != 0) co_await cpu.store(words.entry, 0);
  co_await cpu.unlock(words.entry_lock);
  bool flush = found != 0;
  if (nested_flush) {
    const std::uint64_t under_way = co_await cpu.load(words.pending);
    flush |= under_way > 1;
  }
  if (flush) {
    for (unsigned other = 0; other < words.cpus; ++other)
      if (other != self)
        co_await cpu.modify(words.posts(other),
                            {.op = Modify::bit_or, .o = order::full, .operand = 1ULL << self});
    for (unsigned other = 0; other < words.cpus; ++other)
      if (other != self) co_await cpu.await(words.answer(self, other), 1);
  }
  co_await cpu.void_add(words.pending, ~0ULL);
  co_await cpu.fence(mb);  // the TLB is no memory that could be stale
  if (flush) co_return;    // of its own TLB too
  const std::uint64_t stale = co_await cpu.load(words.tlb(self));
  cpu.report(stale);
}

Task handles_interrupts(Cpu cpu, unsigned self, Words words) {
  for (;;) {
    co_await cpu.await(words.posts(self), 1, ~0ULL);
    const std::uint64_t senders = co_await cpu.exchange(words.posts(self), 0, order::full);
    co_await cpu.store(words.tlb(self), 0);
    co_await cpu.fence(mb);
    for (unsigned sender = 0; sender < words.cpus; ++sender)
      if ((senders >> sender & 1) != 0)
        co_await cpu.store(words.answer(sender, self), 1, order::release);
  }
}

}  // namespace dontneed

}  // namespace

Sketch ksm_and_gup(unsigned gups, const GupBarriers& barriers) {
  Sketch sketch =
      gup::with(gups, barriers, [=](Cpu cpu) { return gup::takes_a_pin(cpu, barriers); });
  sketch.is_wrong = [](Results results) {
    return results[0] != 0 && std::ranges::any_of(results.subspan(1),
                                                  [](std::uint64_t pinned) { return pinned != 0; });
  };
  return sketch;
}

Sketch ksm_and_passing_gup(unsigned gups) { return gup::with(gups, {}, gup::pins_for_a_while); }

Sketch parallel_dontneed(unsigned zappers, bool nested_flush) {
  using dontneed::Words;
  const Words words{zappers};
  Sketch sketch{.words = std::vector<std::uint64_t>(words.answer(zappers, 0)), .daemons = zappers};
  sketch.words[Words::entry] = 1;
  for (unsigned n = 0; n < zappers; ++n) sketch.words[words.tlb(n)] = 1;
  for (unsigned n = 0; n < zappers; ++n)
    sketch.threads.emplace_back(
        [=](Cpu cpu) { return dontneed::zaps(cpu, n, words, nested_flush); });
  for (unsigned n = 0; n < zappers; ++n)
    sketch.threads.emplace_back(
        [=](Cpu cpu) { return dontneed::handles_interrupts(cpu, n, words); });
  sketch.is_wrong = [](Results results) {
    return std::ranges::any_of(results, [](std::uint64_t stale) { return stale != 0; });
  };
  return sketch;
}

}  // namespace tlblab
