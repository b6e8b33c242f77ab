// SPDX-License-Identifier: GPL-2.0-or-later
// What orders under the weak model in programs on the machine: address dependencies, locks that one
// thread alone takes, what an object is made with; and which unordered uses of a Shared word are told
// as a race. Under each model by the search, and what walks see is among it.
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "harness/explore/choosers.h"
#include "tests/explore/port_search_run.h"
#include "tests/explore/programs.h"

namespace tlblab::inline TLBLAB_WORLD {
namespace {

struct Object {
  explicit Object(int value = 0) : made_with(value) {}
  Atomic<int> x;
  Atomic<int> made_with;
  Shared<int> plain;
  Spinlock lock;
};
struct State {
  Object own;
  Atomic<Object*> slot{nullptr};
  Atomic<Object*> second{nullptr};
  Atomic<int> x, y, z, flag;
  Spinlock lock, other;
  Shared<int> plain;
  std::vector<int> seen;  // by CPU 1, or the last
};
using Body = void (*)(State&, unsigned cpu);
using Seen = std::set<std::string>;

std::string text_of(const State& state, const std::string& violation) {
  if (!violation.empty()) return violation;
  std::string text;
  for (const int value : state.seen) text += (text.empty() ? "" : " ") + std::to_string(value);
  return text;
}

// All that walks see is found by the search: they are made until each has been seen.
void walks_see(MemoryModel model, unsigned cpus, Body body, const Seen& all) {
  static std::optional<State> state;
  PortSearch walk(model, cpus);
  Seen seen;
  for (unsigned seed = 1; seed < 30'000 && seen != all; ++seed) {
    RandomChooser chooser(seed);
    do {
      walk.begin_walk();
      state.emplace();
      const ExecutionResult result =
          run_with(walk, &chooser, cpus, [&](unsigned cpu) { body(*state, cpu); });
      if (!walk.is_to_be_repeated() && !result.cut_short)
        seen.insert(text_of(*state, result.violation));
      chooser.restart();
    } while (walk.is_to_be_repeated());
  }
  EXPECT_EQ(seen, all) << "model " << static_cast<int>(model);
}

Seen searched(MemoryModel model, unsigned cpus, Body body) {
  Seen all;
  const SearchedProgram sum =
      search_all<State>(model, cpus, body, [&](const State& state, const std::string& violation) {
        all.insert(text_of(state, violation));
      });
  EXPECT_TRUE(sum.complete);
  EXPECT_EQ(sum.lost, 0U);
  return all;
}

Seen seen(MemoryModel model, unsigned cpus, Body body) {
  const Seen all = searched(model, cpus, body);
  walks_see(model, cpus, body, all);
  return all;
}

void expect(unsigned cpus, Body body, const Seen& strong, const Seen& weak) {
  EXPECT_EQ(seen(MemoryModel::sc, cpus, body), strong);
  EXPECT_EQ(seen(MemoryModel::tso, cpus, body), strong);
  EXPECT_EQ(seen(MemoryModel::weak, cpus, body), weak);
}

// ---- address dependencies ---------------------------------------------------------------------------

void publish(State& s) {
  s.own.x.store(1, order::relaxed);
  s.x.store(1, order::relaxed);
  rcu_assign_pointer(s.slot, &s.own);
}

TEST(PortOrder, WhatAPointerLeadsToIsSeen) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return publish(s);
           rcu_read_lock();
           Object* object = rcu_dereference(s.slot);
           if (object != nullptr) s.seen = {object->x.load(order::relaxed)};
           rcu_read_unlock();
         },
         {"", "1"}, {"", "1"});
}

TEST(PortOrder, WhatItDoesNotLeadToIsNot) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return publish(s);
           rcu_read_lock();
           if (rcu_dereference(s.slot) != nullptr) s.seen = {s.x.load(order::relaxed)};
           rcu_read_unlock();
         },
         {"", "1"}, {"", "0", "1"});
}

TEST(PortOrder, ALoadThatIsNoDereferenceLeadsNowhere) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return publish(s);
           Object* object = s.slot.load(order::relaxed);
           if (object != nullptr) s.seen = {object->x.load(order::relaxed)};
         },
         {"", "1"}, {"", "0", "1"});
}

TEST(PortOrder, APointerIsGoodUntilItsSectionEnds) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return publish(s);
           rcu_read_lock();
           Object* object = rcu_dereference(s.slot);
           rcu_read_unlock();
           if (object != nullptr) s.seen = {object->x.load(order::relaxed)};
         },
         {"", "1"}, {"", "0", "1"});
}

// A thread's own release tells it nothing: two of its loads are not ordered by a release and an acquire of
// one word between them. (CPU 0 reads the word only to make it one of both.)
TEST(PortOrder, AnAcquireOfTheOwnReleaseOrdersNothing) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) {
             s.x.store(1, order::relaxed);
             smp_wmb();
             s.y.store(1, order::relaxed);
             static_cast<void>(s.z.load(order::relaxed));
             return;
           }
           const int y = s.y.load(order::relaxed);
           s.z.store(1, order::release);
           static_cast<void>(s.z.load(order::acquire));
           if (y != 0) s.seen = {s.x.load(order::relaxed)};
         },
         {"", "1"}, {"", "0", "1"});
}

// The dereference, what it leads to, an acquire there: the rest comes later.
TEST(PortOrder, AnAcquireOfWhatItLeadsToOrdersTheRest) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return publish(s);
           rcu_read_lock();
           Object* object = rcu_dereference(s.slot);
           if (object != nullptr) {
             static_cast<void>(object->made_with.load(order::acquire));
             s.seen = {s.x.load(order::relaxed)};
           }
           rcu_read_unlock();
         },
         {"", "1"}, {"", "1"});
}

TEST(PortOrder, ALockOfWhatItLeadsToOrdersTheRest) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return publish(s);
           rcu_read_lock();
           Object* object = rcu_dereference(s.slot);
           if (object != nullptr) {
             object->lock.lock();
             s.seen = {s.x.load(order::relaxed)};
             object->lock.unlock();
           }
           rcu_read_unlock();
         },
         {"", "1"}, {"", "1"});
}

// A pointer in what a pointer leads to.
TEST(PortOrder, DependenciesAreAChain) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) {
             s.own.x.store(1, order::relaxed);
             s.own.made_with.store(1, order::relaxed);
             s.second.store(&s.own, order::relaxed);
             s.flag.store(1, order::release);
             return;
           }
           rcu_read_lock();
           const int flag = s.flag.load(order::consume);
           Object* object = rcu_dereference(*led_to(flag, &s.second));
           if (flag == 1) s.seen = {object == nullptr ? -1 : object->x.load(order::relaxed)};
           rcu_read_unlock();
         },
         {"", "1"}, {"", "1"});
}

// More reads than a set of bits has room for.
TEST(PortOrder, DependenciesHaveNoEnd) {
  const Body body = [](State& s, unsigned cpu) {
    if (cpu == 0) return publish(s);
    step_by(s.own.x);  // which nothing orders: it is an event then
    for (unsigned n = 0; n < 80; ++n) step_by(s.x);
    rcu_read_lock();
    Object* object = rcu_dereference(s.slot);
    if (object != nullptr) s.seen = {object->x.load(order::relaxed)};
    rcu_read_unlock();
  };
  EXPECT_EQ(searched(MemoryModel::weak, 2, body), (Seen{"", "1"}));
}

// A walk, and later an access through the TLB.
template <bool ByHardware>
void uses_later(State& s, unsigned cpu) {
  if (cpu == 0) return publish(s);
  Object* object = nullptr;
  {
    const access_window<false> walk;
    object = s.slot.load(order::consume);
    led_to(object, object);
  }
  if (object == nullptr) return;
  std::optional<access_window<false>> window;
  if (ByHardware) window.emplace();
  s.seen = {object->x.load(order::relaxed)};
}

TEST(PortOrder, AnEntryOfTheTlbHasTheViewOfItsWalk) {
  expect(2, uses_later<true>, {"", "1"}, {"", "1"});
  expect(2, uses_later<false>, {"", "1"}, {"", "0", "1"});
}

// ---- what is made, and shown without order ----------------------------------------------------------

Object* made() { return new (kmalloc(sizeof(Object), AllocSite::object)) Object(5); }

TEST(PortOrder, WhatIsMadeAndShownWithoutOrderMayNotBeThere) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return s.slot.store(made(), order::relaxed);
           rcu_read_lock();
           Object* object = rcu_dereference(s.slot);
           if (object != nullptr) s.seen = {object->made_with.load(order::relaxed)};
           rcu_read_unlock();
         },
         {"", "5"}, {"", "0", "5"});
}

TEST(PortOrder, WhatIsMadeAndAssignedIsThere) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return rcu_assign_pointer(s.slot, made());
           rcu_read_lock();
           Object* object = rcu_dereference(s.slot);
           if (object != nullptr)
             s.seen = {object->made_with.load(order::relaxed), object->plain.get()};
           rcu_read_unlock();
         },
         {"", "5 0"}, {"", "5 0"});
}

TEST(PortOrder, MakingASharedWordIsAWrite) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 0) return s.slot.store(made(), order::relaxed);
           rcu_read_lock();
           Object* object = rcu_dereference(s.slot);
           if (object != nullptr) s.seen = {object->plain.get()};
           rcu_read_unlock();
         },
         {"", "0"}, {"", "data_race"});
}

// ---- locks and atomics that one thread alone uses -----------------------------------------------------

// The first look is one that nothing orders: the words are events then.
void sees_both(State& s) {
  step_by(s.x);
  if (s.y.load(order::relaxed) != 1) return;
  smp_rmb();
  s.seen = {s.x.load(order::relaxed)};
}

TEST(PortOrder, AnUnlockAndALockOrderWhatIsAround) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 1) return sees_both(s);
           s.lock.lock();
           s.x.store(1, order::relaxed);
           s.lock.unlock();
           s.other.lock();
           s.y.store(1, order::relaxed);
           s.other.unlock();
         },
         {"", "1"}, {"", "1"});
}

TEST(PortOrder, AnUnlockAloneDoesNot) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 1) return sees_both(s);
           s.lock.lock();
           s.x.store(1, order::relaxed);
           s.lock.unlock();
           s.y.store(1, order::relaxed);
         },
         {"", "1"}, {"", "0", "1"});
}

// What lies between the two is not before the unlock.
TEST(PortOrder, WhatComesAfterTheUnlockIsNotOrdered) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 1) {
             step_by(s.z);
             return sees_both(s);
           }
           s.lock.lock();
           s.z.store(1, order::relaxed);
           s.lock.unlock();
           s.x.store(1, order::relaxed);
           s.lock.lock();
           s.y.store(1, order::relaxed);
           s.lock.unlock();
         },
         {"", "1"}, {"", "0", "1"});
}

// The second section comes behind the first anyway: the lock is not needed for that.
TEST(PortOrder, ALockOrdersTheSectionsOfTwoForAThird) {
  expect(3,
         [](State& s, unsigned cpu) {
           if (cpu == 2) return sees_both(s);
           if (cpu == 1 && s.flag.load(order::acquire) != 1) return;
           s.lock.lock();
           (cpu == 0 ? s.x : s.y).store(1, order::relaxed);
           s.lock.unlock();
           if (cpu == 0) s.flag.store(1, order::release);
         },
         {"", "1"}, {"", "1"});
}

TEST(PortOrder, WithoutTheLockTheyAreNot) {
  expect(3,
         [](State& s, unsigned cpu) {
           if (cpu == 2) return sees_both(s);
           if (cpu == 1 && s.flag.load(order::acquire) != 1) return;
           (cpu == 0 ? s.x : s.y).store(1, order::relaxed);
           if (cpu == 0) s.flag.store(1, order::release);
         },
         {"", "1"}, {"", "0", "1"});
}

TEST(PortOrder, AFenceBeforeAnAtomicIsOne) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 1) return sees_both(s);
           s.x.store(1, order::relaxed);
           smp_mb__before_atomic();
           s.z.fetch_add(1, order::relaxed);
           s.y.store(1, order::relaxed);
         },
         {"", "1"}, {"", "1"});
}

TEST(PortOrder, AFenceAfterAnAtomicIsOne) {
  expect(2,
         [](State& s, unsigned cpu) {
           if (cpu == 1) return sees_both(s);
           s.x.store(1, order::relaxed);
           s.z.fetch_add(1, order::relaxed);
           smp_mb__after_atomic();
           s.y.store(1, order::relaxed);
         },
         {"", "1"}, {"", "1"});
}

// ---- races ------------------------------------------------------------------------------------------

// The word of State that is in question: a Shared one, and an Atomic one that is used relaxed. Who can
// read an old value of the latter has a race with the former.
struct Racing {
  static void set(State& s) { s.plain.set(1); }
  static void set(Object& o) { o.plain.set(1); }
  static void get(State& s) { s.seen = {s.plain.get()}; }
  static void get(State& s, const Object& o) { s.seen = {o.plain.get()}; }
};
struct Reading {
  static void set(State& s) { s.x.store(1, order::relaxed); }
  static void set(Object& o) { o.x.store(1, order::relaxed); }
  static void get(State& s) { s.seen = {s.x.load(order::relaxed)}; }
  static void get(State& s, const Object& o) { s.seen = {o.x.load(order::relaxed)}; }
};
template <template <class> class Program>
void expect_race(unsigned cpus, bool strong, bool weak) {
  const auto said = [](bool is, const char* what) {
    return is ? Seen{"", what, "1"} : Seen{"", "1"};
  };
  expect(cpus, Program<Reading>::body, said(strong, "0"), said(weak, "0"));
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak}) {
    const Seen all = seen(model, cpus, Program<Racing>::body);
    EXPECT_EQ(all.contains("data_race"), model == MemoryModel::weak ? weak : strong);
    EXPECT_FALSE(all.contains("0"));
  }
}

// CPU 0 writes and says so; CPU 1 that has heard reads.
template <order Store, order Load, bool Wmb, bool Rmb>
struct Said {
  template <class Word>
  struct Program {
    static void body(State& s, unsigned cpu) {
      if (cpu == 0) {
        Word::set(s);
        if (Wmb) smp_wmb();
        return s.flag.store(1, Store);
      }
      if (s.flag.load(Load) != 1) return;
      if (Rmb) smp_rmb();
      Word::get(s);
    }
  };
};

TEST(PortRaces, AreByTheOrdersOfTheModel) {
  constexpr auto relaxed = order::relaxed, acquire = order::acquire, release = order::release;
  expect_race<Said<release, acquire, false, false>::Program>(2, false, false);
  expect_race<Said<release, relaxed, false, false>::Program>(2, false, true);
  expect_race<Said<relaxed, acquire, false, false>::Program>(2, false, true);
  expect_race<Said<relaxed, relaxed, true, true>::Program>(2, false, false);
  expect_race<Said<relaxed, relaxed, true, false>::Program>(2, false, true);
  expect_race<Said<relaxed, relaxed, false, true>::Program>(2, false, true);
  expect_race<Said<release, relaxed, false, true>::Program>(2, false, false);
  expect_race<Said<relaxed, acquire, true, false>::Program>(2, false, false);
}

// CPU 1 hands on what it has heard of CPU 0.
template <int Fence>
struct HandedOn {
  template <class Word>
  struct Program {
    static void body(State& s, unsigned cpu) {
      if (cpu == 0) {
        Word::set(s);
        return s.flag.store(1, order::release);
      }
      if (cpu == 1) {
        if (s.flag.load(order::relaxed) != 1) return;
        if (Fence == 0) smp_wmb();
        if (Fence == 1) smp_mb();
        if (Fence == 3) {
          smp_mb__before_atomic();
          s.y.exchange(1, order::relaxed);
        } else {
          s.y.store(1, Fence == 2 ? order::release : order::relaxed);
        }
        return;
      }
      if (s.y.load(order::acquire) == 1) Word::get(s);
    }
  };
};

TEST(PortRaces, AreByWhatIsCumulative) {
  expect_race<HandedOn<0>::Program>(3, false, true);
  expect_race<HandedOn<1>::Program>(3, false, false);
  expect_race<HandedOn<2>::Program>(3, false, false);
  expect_race<HandedOn<3>::Program>(3, false, false);
}

template <bool Assigns, bool Dereferences>
struct Published {
  template <class Word>
  struct Program {
    static void body(State& s, unsigned cpu) {
      if (cpu == 0) {
        Word::set(s.own);
        return s.slot.store(&s.own, Assigns ? order::release : order::relaxed);
      }
      rcu_read_lock();
      const Object* object = Dereferences ? rcu_dereference(s.slot) : s.slot.load(order::relaxed);
      if (object != nullptr) Word::get(s, *object);
      rcu_read_unlock();
    }
  };
};

TEST(PortRaces, AreByAddressDependencies) {
  expect_race<Published<true, true>::Program>(2, false, false);
  expect_race<Published<false, true>::Program>(2, false, true);
  expect_race<Published<true, false>::Program>(2, false, true);
}

// Who has seen it gone, or waited for a grace period, writes.
template <bool Waits>
void takes_back(State& s, unsigned cpu) {
  if (cpu == 0) {
    s.slot.store(nullptr, order::relaxed);
    if (Waits) synchronize_rcu();
    s.own.plain.set(2);
    return;
  }
  rcu_read_lock();
  if (const Object* object = rcu_dereference(s.slot); object != nullptr)
    s.seen = {object->plain.get()};
  rcu_read_unlock();
}
struct Shown : State {
  Shown() { slot.store(&own, order::relaxed); }
};

Seen taken_back(MemoryModel model, void (*body)(State&, unsigned)) {
  Seen all;
  const SearchedProgram sum = search_all<Shown>(
      model, 2, [&](Shown& s, unsigned cpu) { body(s, cpu); },
      [&](const State& state, const std::string& violation) {
        all.insert(text_of(state, violation));
      });
  EXPECT_TRUE(sum.complete);
  return all;
}

TEST(PortRaces, AGracePeriodPreventsThem) {
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak}) {
    EXPECT_EQ(taken_back(model, takes_back<true>), (Seen{"", "0"}));
    EXPECT_TRUE(taken_back(model, takes_back<false>).contains("data_race"));
  }
}

TEST(PortRaces, LocksPreventThem) {
  const Body with_lock = [](State& s, unsigned cpu) {
    s.lock.lock();
    if (cpu == 0) s.plain.set(1);
    if (cpu != 0) s.seen = {s.plain.get()};
    s.lock.unlock();
  };
  expect(2, with_lock, {"0", "1"}, {"0", "1"});
  const Body without = [](State& s, unsigned cpu) {
    if (cpu == 0) return s.plain.set(1);
    static_cast<void>(s.plain.get());
  };
  expect(2, without, {"data_race"}, {"data_race"});
}

State* state_of_handlers = nullptr;
void handler(void*) { state_of_handlers->seen.push_back(state_of_handlers->plain.get()); }

// The interrupt comes behind the post, the rest behind the acknowledgement. A CPU does not race with
// its own interrupts.
TEST(PortRaces, InterruptsOrderTheirSender) {
  const Body body = [](State& s, unsigned cpu) {
    state_of_handlers = &s;
    if (cpu != 0) return;
    s.plain.set(1);
    on_each_cpu_mask(cpumask::of(1), handler, nullptr);
    s.plain.set(2);
    s.seen.push_back(s.plain.get());
  };
  expect(2, body, {"1 2"}, {"1 2"});
}

TEST(PortRaces, ACpuHasNoneWithItsOwnInterrupts) {
  const Body body = [](State& s, unsigned cpu) {
    state_of_handlers = &s;
    if (cpu == 0) return on_each_cpu_mask(cpumask::of(1), handler, nullptr);
    s.plain.set(1);
    step_by(s.x);
    s.plain.set(2);
  };
  for (const MemoryModel model : {MemoryModel::sc, MemoryModel::tso, MemoryModel::weak})
    EXPECT_FALSE(searched(model, 2, body).contains("data_race"));
}

}  // namespace
}  // namespace tlblab::inline TLBLAB_WORLD
