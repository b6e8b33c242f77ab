// SPDX-License-Identifier: GPL-2.0-or-later
// The engine of one execution: who can move, who moves next, and when it is over.
//
// Visible steps. Every operation on an Atomic, a lock, an interrupt or RCU calls step() first.
// There the CPU stands until the chooser picks it; then it does the operation and everything up
// to its next step, which nobody else can see. So between two steps of a CPU others may do any
// number of theirs, and each operation is one indivisible event: sequential consistency.
//
// Waiting. A CPU whose operation cannot go on (a lock is taken, an acknowledgement or a grace
// period is outstanding, cpu_relax() and nothing has changed) is not enabled, and is enabled again
// by whoever ends the reason. Nothing ever spins. If no actor is enabled and a body has not ended,
// that is a deadlock.
//
// Interrupts and callbacks are actors too (chooser.h). They are enabled while they wait and their
// CPU has interrupts on (callbacks: and holds no spinlock and runs no callback already). All CPUs
// but the one that runs stand at a step, so both come exactly at steps; chosen, they run on the
// stack of their CPU, on top of the operation that it stands at, and their own operations are
// steps of that CPU. What hardware does unasked (hardware_acts.h) is an actor too, and is over within
// its step.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "harness/world/explore/arena.h"
#include "harness/world/explore/chooser.h"
#include "harness/world/explore/clock.h"
#include "harness/world/explore/fiber.h"
#include "harness/world/explore/hardware_acts.h"
#include "harness/world/explore/memory_search.h"
#include "mm/types.h"

namespace tlblab::inline TLBLAB_WORLD {

using ipi_fn = void (*)(void* info);
struct rcu_head;

namespace detail {

using CpuSet = std::uint32_t;  // of at most max_explored_cpus
constexpr CpuSet cpu_bit(unsigned cpu) noexcept { return CpuSet{1} << cpu; }

// A cross call: one from each CPU to each, as in the kernel.
struct CallSingle {
  ipi_fn fn = nullptr;
  void* info = nullptr;
  CallSingle* next = nullptr;
  unsigned sender = 0;
  std::uint64_t pending = 0;  // for a search: 1 until the target has run it
  VectorClock clock;  // of the sender at the post, then of the target at the acknowledgement
};

// A list in the order in which things came.
template <class T>
struct Queue {
  T* first = nullptr;
  T* last = nullptr;
  [[nodiscard]] bool empty() const noexcept { return first == nullptr; }
  void push(T* item) noexcept {
    item->next = nullptr;
    (first == nullptr ? first : last->next) = item;
    last = item;
  }
  T* pop() noexcept {
    T* item = first;
    first = item->next;
    return item;
  }
  Queue take() noexcept {
    const Queue all = *this;
    *this = {};
    return all;
  }
};

// What cpu_relax() compares. A handler has its own while it runs: what it changes is, for the loop
// that it interrupted, somebody else's change.
struct WaitContext {
  std::uint64_t own_changes = 0;
  std::uint64_t seen = ~0ULL;  // changes by others when cpu_relax() last returned
};

// All of a CPU that belongs to one execution.
struct CpuState {
  unsigned id = 0;
  unsigned irq_off = 0;    // depth of local_irq_save
  unsigned rcu_depth = 0;  // read-side sections, interrupts off included
  // For a search: read-side sections of the body, of handlers and of callbacks.
  struct Sections {
    unsigned depth = 0;
    std::uint64_t count = 0;  // of their beginnings and ends
  };
  std::array<Sections, 3> sections{};
  unsigned lock_depth = 0;  // spinlocks held
  bool in_callbacks = false;
  bool awaits_grace_period = false;  // stands in synchronize_rcu()
  bool ended = false;
  ActorKind context = ActorKind::cpu;  // whose operations are made now
  std::uint64_t posted = 0;            // for a search: senders of what is in the mailbox
  std::array<unsigned, hardware_kinds.size()> acts_left{};  // HardwareActs
  bool translates = false;  // for a search: by its address, the lock of the CPU's TLB and walker
  ActorKind chosen_as = ActorKind::cpu;  // why it was switched to
  WaitContext wait;
  Queue<CallSingle> mailbox;
  CpuSet unacknowledged = 0;  // targets that have not run what this CPU posted
  CpuSet awaited = 0;         // those of them that it stands waiting for
  Queue<rcu_head> callbacks;  // whose grace period is over
  TraceSink* sink = nullptr;
  std::uint64_t choice_state = 0;
  std::uint64_t ipis_sent = 0;
  std::uint64_t interrupts = 0;
  std::array<std::uint64_t, 16> charged{};  // by Cost

  // Clocks (clock.h).
  VectorClock clock;
  VectorClock published;      // at the last write barrier; later relaxed stores release it
  VectorClock unacquired;     // of words read relaxed since the last read barrier
  VectorClock section;        // at the end of the last read-side section
  VectorClock grace_periods;  // of the sections that ended grace periods waited for
  VectorClock mmu;            // when its MMU was used last: a tracked window, a remote_mmu
  bool has_published = false;
};

struct Cpu : CpuState {
  Fiber fiber;
};

class Engine final : public MemorySearch::Hardware {
 public:
  // One execution of n CPUs begins, nothing of an earlier one is left.
  void reset(unsigned cpus);
  // Bodies start on all CPUs; returns when nothing can move any more or the execution was ended.
  void run(void (*body)(void*, unsigned), void* context);

  // ---- steps ----
  // Before every visible operation that can always go on.
  void step() noexcept {
    forbid_in_window("waits_inside_access_window");
    stand([] {}, [] {});
  }
  // One that only a search knows: elsewhere the operation belongs to another's step.
  void silent_step() noexcept {
    if (in_window) return;
    const CpuSet self = cpu_bit(running->id);
    silent_ |= self;
    uninterrupted_ |= self;
    static_cast<void>(next());
    silent_ &= ~self;
    uninterrupted_ &= ~self;
  }
  // The same for one that may have to wait. Interrupts may come.
  template <class Arm, class Disarm>
  void silent_step_when(Arm arm, Disarm disarm) noexcept {
    const CpuSet self = cpu_bit(running->id);
    stand(
        [&] {
          silent_ |= self;
          arm();
        },
        [&] {
          silent_ &= ~self;
          disarm();
          enable(self);
        });
  }
  // Before what no interrupt may come in between, and before an access window.
  void step_without_interrupts() noexcept {
    forbid_in_window("waits_inside_access_window");
    stand([&] { stand_before_interrupts_off(); }, [] {});
  }
  void step_before_window() noexcept {
    forbid_in_window("access_window_inside_another");
    stand(
        [&] {
          stand_before_interrupts_off();
          if (memory != nullptr && mmu_is_shared())
            memory->and_before(actor(), &running->translates);
        },
        [] {});
  }
  // Before the MMU of a CPU is taken.
  void step_before_mmu(unsigned cpu) noexcept {
    forbid_in_window("takes_mmu_inside_access_window");
    stand(
        [&] {
          if (memory != nullptr) memory->stands_before(actor(), &cpus[cpu].translates, true);
        },
        [] {});
  }
  // Does anybody but its CPU use an MMU?
  [[nodiscard]] bool mmu_is_shared() const noexcept { return tracked_windows || acts.any(); }
  // The same for accesses to words, which inside an access window belong to the window's step.
  void access_step() noexcept {
    if (!in_window) stand([] {}, [] {});
  }
  // Before one that may have to wait: arm() disables the running CPU if it must and says where it
  // is to be enabled; disarm() takes that back, since a handler that runs meanwhile is not waiting.
  template <class Arm, class Disarm>
  void step_when(Arm arm, Disarm disarm) noexcept {
    forbid_in_window("waits_inside_access_window");
    stand([&] { arm(); },
          [&] {
            disarm();
            enable(cpu_bit(running->id));
          });
  }
  // The same, but returns also after a handler has run.
  template <class Arm, class Disarm>
  void step_or_interrupt(Arm arm, Disarm disarm) noexcept {
    forbid_in_window("waits_inside_access_window");
    arm();
    const ActorKind what = next();
    disarm();
    enable(cpu_bit(running->id));
    if (what != ActorKind::cpu) serve(what);
  }
  void enable(CpuSet who) noexcept { enabled_ |= ActorSet::on_cpus(ActorKind::cpu, who); }
  void disable(CpuSet who) noexcept { enabled_ -= ActorSet::on_cpus(ActorKind::cpu, who); }
  // A word was stored to, a read-modify-write changed one, or a lock: whoever waits in cpu_relax()
  // looks again.
  void changed() noexcept {
    ++changes;
    ++running->wait.own_changes;
    enable(relaxing);
    relaxing = 0;
  }
  [[nodiscard]] unsigned choose(unsigned n) noexcept;
  unsigned ask(unsigned n) noexcept override;
  [[nodiscard]] std::uint64_t steps() const noexcept override { return steps_; }
  [[noreturn]] void end(const char* violation) noexcept;
  void end_if(bool broken, const char* violation) noexcept {
    if (broken) [[unlikely]]
      end(violation);
  }
  void forbid_in_window(const char* violation) noexcept { end_if(in_window, violation); }

  // ---- what enables interrupts and callbacks; after every change of what they depend on ----
  void update_interrupt(Cpu& cpu) noexcept;
  void update_callbacks(Cpu& cpu) noexcept;
  void update_both(Cpu& cpu) noexcept {
    if (!cpu.mailbox.empty()) update_interrupt(cpu);
    if (!cpu.callbacks.empty()) update_callbacks(cpu);
  }

  // ---- clocks ----
  void acquire(const VectorClock& from) noexcept { running->clock.join(from, nr_cpus); }
  void release(VectorClock& to) noexcept {
    to.join(running->clock, nr_cpus);
    running->clock.tick(running->id);
  }
  void lock_acquired(const void* lock) noexcept;
  void lock_released(const void* lock) noexcept;
  void loaded(const void* word, order o) noexcept;
  void stored(const void* word, order o) noexcept;
  void modified(const void* word, order o) noexcept;
  void fence(GraphEventKind kind) noexcept;
  void fence_acquire() noexcept;
  void fence_release() noexcept;
  void shared_read(UseHistory& history) noexcept;
  void shared_written(UseHistory& history) noexcept;
  void shared_made(UseHistory& history) noexcept;

  Cpu* running = nullptr;
  unsigned nr_cpus = 0;
  bool in_window = false;
  MemorySearch* memory = nullptr;  // that decides what operations read, while the CPUs run
  [[nodiscard]] unsigned actor() const noexcept { return actor_of(running->context, running->id); }
  CpuSet relaxing = 0;  // stand in cpu_relax() and wait for a change
  std::uint64_t changes = 0;
  CpuSet in_section = 0;          // CPUs inside a read-side section
  CpuSet sections_awaited = 0;    // by some grace period
  Queue<rcu_head> grace_periods;  // outstanding, oldest first
  bool had_grace_period = false;
  VectorClock grace_period_began;

  std::array<Cpu, max_explored_cpus> cpus;
  std::vector<CallSingle> calls;  // sender * nr_cpus + target
  Arena arena;
  ExecutionResult result;
  Chooser* chooser = nullptr;
  HardwareActs acts;  // of the hardware, while the CPUs run
  bool tracked_windows = true;
  std::uint64_t step_limit = 0;
  order requests_taken_by = order::full;
  bool end_requested = false;

  // The next step does not pass unnoticed (a bound, a request, the start of the bodies).
  void attend() noexcept { attention_ = 0; }

 private:
  template <class Arm, class Disarm>
  void stand(Arm arm, Disarm disarm) noexcept {
    for (;;) {
      arm();
      const ActorKind what = next();
      disarm();
      if (what == ActorKind::cpu) return;
      serve(what);
    }
  }
  [[nodiscard]] ActorKind next() noexcept;
  [[nodiscard]] bool search_decides() const noexcept {
    return memory != nullptr && memory->decides();
  }
  [[nodiscard]] ActorSet uninterrupted() const noexcept;
  [[nodiscard]] ActorSet enabled_actors() noexcept {
    return memory == nullptr ? enabled_ : enabled_for_search();
  }
  [[nodiscard]] ActorSet enabled_for_search() noexcept;
  [[nodiscard]] unsigned pick() noexcept;
  [[nodiscard]] unsigned answer(unsigned n) noexcept;
  void hardware_chose(unsigned value) noexcept {
    result.schedule.push_back(
        {static_cast<std::uint8_t>(running->id), true, static_cast<std::uint16_t>(value)});
  }
  [[nodiscard]] unsigned ask_search() noexcept;
  [[nodiscard]] unsigned pick_of_search() noexcept;
  void note_step(unsigned actor) noexcept {
    const bool silent = silent_ != 0 && kind_of_actor(actor) == ActorKind::cpu &&
                        (silent_ & cpu_bit(actor)) != 0 && memory->decides();
    if (!silent) ++steps_;
    result.schedule.push_back(
        {static_cast<std::uint8_t>(actor), false, silent ? silent_step_value : std::uint16_t{0}});
  }
  void stand_before_interrupts_off() noexcept {
    if (memory != nullptr && running->irq_off == 0)
      memory->stands_before(actor(), &running->irq_off, true);
  }
  void set_enabled(unsigned actor, bool can) noexcept {
    if (can)
      enabled_ |= ActorSet::of(actor);
    else
      enabled_ -= ActorSet::of(actor);
  }
  [[nodiscard]] ActorKind begin_to_move() noexcept;
  [[gnu::noinline]] void act(unsigned actor) noexcept;
  void pay_attention() noexcept;
  void nothing_enabled() noexcept;
  ActorKind switch_to(unsigned actor) noexcept;
  void leave_for_main() noexcept;
  void serve(ActorKind what) noexcept;
  void run_callbacks() noexcept;
  void serve_mailbox() noexcept;
  void acknowledge(CallSingle& call, unsigned target) noexcept;
  void start_bodies();
  void run_body(Cpu& cpu) noexcept;
  void check_ended_cleanly(const Cpu& cpu) noexcept;
  void refresh(UseHistory& history) noexcept;
  [[nodiscard]] bool known(Epoch use) const noexcept;

  ActorSet enabled_;          // that can move
  CpuSet silent_ = 0;         // CPUs whose step is not one for anybody else
  CpuSet uninterrupted_ = 0;  // and that no interrupt comes to there
  std::uint64_t steps_ = 0;
  std::uint64_t attention_ = 0;  // number of steps at which pay_attention() is due
  bool starting_ = false;        // bodies run to their first step, one after the other
  bool picks_first_ = false;     // the CPU that goes on from there says who moves first
  unsigned bodies_running_ = 0;
  std::uint32_t execution_ = 0;
  Fiber main_;
  void (*body_)(void*, unsigned) = nullptr;
  void* body_context_ = nullptr;
  ReleaseTable releases_;
  std::vector<VectorClock> readers_;  // of Shared words with several readers
  friend struct BodyStart;
};

// For a search: the operations of one step that are several.
class OneUnit {
 public:
  explicit OneUnit(Engine& engine) noexcept
      : engine_(engine.memory == nullptr ? nullptr : &engine) {
    if (engine_ != nullptr) engine_->memory->window_begins(engine_->actor());
  }
  ~OneUnit() {
    if (engine_ != nullptr) engine_->memory->window_ends(engine_->actor());
  }
  OneUnit(const OneUnit&) = delete;
  OneUnit& operator=(const OneUnit&) = delete;

 private:
  Engine* engine_;
};

// For a search: interrupts of the running CPU are off, or on again.
inline void interrupts_go_off(Engine& engine) noexcept {
  if (engine.memory != nullptr)
    engine.memory->implied_lock(engine.actor(), &engine.running->irq_off);
}
inline void interrupts_come_on(Engine& engine) noexcept {
  if (engine.memory != nullptr)
    engine.memory->implied_unlock(engine.actor(), &engine.running->irq_off);
}
// The same: it uses its TLB and walker, alone, or it has done so.
inline void begins_translating(Engine& engine) noexcept {
  if (engine.mmu_is_shared())
    engine.memory->implied_lock(engine.actor(), &engine.running->translates);
}
inline void ends_translating(Engine& engine) noexcept {
  if (engine.mmu_is_shared())
    engine.memory->implied_unlock(engine.actor(), &engine.running->translates);
}

// Of the running execution; null outside of one: then words are plain and nothing is checked.
inline constinit Engine* current = nullptr;
// Of the machine; its memory can be used before and after its CPUs run.
inline constinit Engine* machine = nullptr;

// For names that make sense on a simulated CPU only.
[[noreturn]] void outside_of_a_run() noexcept;
inline Engine& engine() noexcept {
  if (current == nullptr) [[unlikely]]
    outside_of_a_run();
  return *current;
}

}  // namespace detail

}  // namespace tlblab::inline TLBLAB_WORLD
