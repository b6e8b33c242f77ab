// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/world/explore/engine.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "harness/world/explore/note.h"
#include "harness/world/explore/rcu.h"

namespace tlblab::inline TLBLAB_WORLD::detail {

void outside_of_a_run() noexcept {
  std::fputs("tlblab: only a simulated CPU can do this, and none runs (Machine::run)\n", stderr);
  std::abort();
}

// ---- one execution ------------------------------------------------------------------------------

void Engine::reset(unsigned count) {
  arena.take_back(nr_cpus);
  nr_cpus = count;
  static const CpuState fresh;
  for (unsigned id = 0; id < count; ++id) {
    static_cast<CpuState&>(cpus[id]) = fresh;
    cpus[id].id = id;
    cpus[id].clock.set(id, 1);
  }
  calls.assign(std::size_t{count} * count, {});
  for (std::size_t call = 0; call < calls.size(); ++call)
    calls[call].sender = static_cast<unsigned>(call / count);
  std::vector<ScheduleStep> schedule = std::move(result.schedule);
  schedule.clear();
  result = {};
  result.schedule = std::move(schedule);
  running = &cpus[0];
  relaxing = in_section = sections_awaited = silent_ = uninterrupted_ = 0;
  memory = nullptr;
  acts = {};
  changes = steps_ = 0;
  enabled_ = {};
  grace_periods = {};
  had_grace_period = end_requested = in_window = false;
  grace_period_began = {};
  ++execution_;
  releases_.forget_all();
  readers_.clear();
}

struct BodyStart {
  static void entry(void* cpu) noexcept { current->run_body(*static_cast<Cpu*>(cpu)); }
};

// What one run of a machine left happened before everything of the next.
void Engine::run(void (*body)(void*, unsigned), void* context) {
  if (!result.ok() || result.cut_short) return;
  body_ = body;
  body_context_ = context;
  VectorClock everything;
  for (unsigned id = 0; id < nr_cpus; ++id) everything.join(cpus[id].clock, nr_cpus);
  for (unsigned id = 0; id < nr_cpus; ++id) {
    cpus[id].clock = everything;
    cpus[id].clock.tick(id);
  }
  current = this;
  start_bodies();
  if (result.ok() && !result.cut_short && enabled_.software != 0) {
    running = &cpus[0];
    picks_first_ = true;
    Fiber::change(main_, running->fiber);
  } else if (result.ok() && bodies_running_ != 0 && !result.cut_short) {
    result.violation = "deadlock";
  }
  result.steps = steps_;
  running = &cpus[0];
  in_window = false;
  current = nullptr;
}

// Each body runs to its first step, in the order of the CPUs: nobody can see what it does there,
// so which comes first is no choice.
void Engine::start_bodies() {
  enabled_ = {};
  bodies_running_ = nr_cpus;
  starting_ = true;
  attention_ = 0;
  for (unsigned id = 0; id < nr_cpus && result.ok(); ++id) {
    cpus[id].ended = false;
    cpus[id].fiber.start(BodyStart::entry, &cpus[id]);
    enable(cpu_bit(id));
    running = &cpus[id];
    Fiber::change(main_, running->fiber);
  }
  starting_ = false;
  attention_ = end_requested ? 0 : step_limit;
  for (unsigned id = 0; id < nr_cpus && acts.any(); ++id)
    for (std::size_t n = 0; n < hardware_kinds.size(); ++n) {
      const HardwareActs::Kind& kind = acts.of(hardware_kinds[n]);
      cpus[id].acts_left[n] = kind.is_on() ? kind.times : 0;
      set_enabled(actor_of(hardware_kinds[n], id), kind.is_on());
    }
}

void Engine::run_body(Cpu& cpu) noexcept {
  body_(body_context_, cpu.id);
  check_ended_cleanly(cpu);
  cpu.ended = true;
  --bodies_running_;
  // Idle: for ever disabled, but for the handlers that run here.
  stand([&] { disable(cpu_bit(cpu.id)); }, [&] { enable(cpu_bit(cpu.id)); });
}

void Engine::check_ended_cleanly(const Cpu& cpu) noexcept {
  end_if(cpu.irq_off != 0, "body_ended_with_interrupts_off");
  end_if(cpu.lock_depth != 0, "body_ended_with_a_spinlock");
  end_if(cpu.rcu_depth != 0, "body_ended_in_rcu_section");
}

void Engine::leave_for_main() noexcept {
  Fiber::change(running->fiber, main_);
  std::abort();  // an ended execution is not taken up again
}

void Engine::end(const char* violation) noexcept {
  result.violation = violation;
  result.cpu = running->id;
  leave_for_main();
  std::abort();
}

// ---- steps --------------------------------------------------------------------------------------

ActorKind Engine::next() noexcept {
  if (steps_ >= attention_) [[unlikely]] {
    if (starting_) return begin_to_move();
    pay_attention();
  }
  const unsigned actor = pick();
  note_step(actor);
  if (actor == running->id) return ActorKind::cpu;
  if (!is_hardware(actor)) return switch_to(actor);
  act(actor);
  return next();
}

// The CPU stands at its first step. Who moves first comes from nobody: that is no switch.
ActorKind Engine::begin_to_move() noexcept {
  Cpu& self = *running;
  Fiber::change(self.fiber, main_);
  if (!std::exchange(picks_first_, false)) return self.chosen_as;
  unsigned actor = pick();
  for (note_step(actor); is_hardware(actor); note_step(actor)) {
    act(actor);
    actor = pick();
  }
  if (cpu_of_actor(actor) != self.id) --result.switches;
  return actor == self.id ? ActorKind::cpu : switch_to(actor);
}

void Engine::pay_attention() noexcept {
  if (end_requested) {
    result.cut_short = true;
    leave_for_main();
  }
  end_if(steps_ >= step_limit && enabled_.software != 0, "step_limit");
  attention_ = step_limit;
}

// Nobody: the execution is over, and the result says how.
unsigned Engine::ask_search() noexcept {
  MemorySearch::Movers movers{enabled_ - uninterrupted(), relaxing, uninterrupted_};
  const ActorSet& enabled = movers.enabled;
  for (unsigned id = 0; id < nr_cpus; ++id) {
    if (!cpus[id].ended) movers.unfinished |= cpu_bit(id);
    const unsigned irq = actor_of(ActorKind::irq, id);
    if (enabled.contains(irq)) memory->stands_before(irq, &cpus[id].irq_off, true);
    for (const ActorKind kind : hardware_kinds)
      if (const unsigned hardware = actor_of(kind, id); enabled.contains(hardware))
        memory->and_before(hardware, &cpus[id].translates);
  }
  const unsigned actor = memory->next_actor(movers);
  if (actor != MemorySearch::nobody) return actor;
  if (memory->is_deadlock())
    result.violation = "deadlock";
  else
    result.cut_short = movers.unfinished != 0;
  return actor;
}

unsigned Engine::pick_of_search() noexcept {
  const unsigned actor = ask_search();
  if (actor == MemorySearch::nobody) leave_for_main();
  return actor;
}

// What does not come to the CPUs that are not to be interrupted now.
ActorSet Engine::uninterrupted() const noexcept {
  ActorSet set;
  if (uninterrupted_ == 0) return set;
  for (unsigned kind = 1; kind < actor_kinds; ++kind)
    set |= ActorSet::on_cpus(static_cast<ActorKind>(kind), uninterrupted_);
  return set;
}

ActorSet Engine::enabled_for_search() noexcept {
  if (memory->is_over()) {
    result.cut_short = true;
    leave_for_main();
  }
  const ActorSet enabled = enabled_ - uninterrupted();
  if (relaxing == 0) return enabled;
  return enabled | ActorSet::on_cpus(ActorKind::cpu, relaxing & memory->may_look_again());
}

unsigned Engine::pick() noexcept {
  if (search_decides()) return pick_of_search();
  const ActorSet enabled = enabled_actors();
  const std::uint64_t others = enabled.software & (enabled.software - 1);
  if ((others | enabled.hardware) == 0 || enabled.software == 0) {
    if (enabled.software == 0) nothing_enabled();
    return enabled.first();
  }
  ++result.choices;
  // Without a chooser the running CPU goes on, else the first that can.
  if (chooser == nullptr) return enabled.contains(running->id) ? running->id : enabled.first();
  const ChoicePoint point{result.schedule.size(), enabled, enabled.size(), running->id,
                          result.schedule};
  const unsigned answer = chooser->choose(point);
  if (answer >= point.choices) std::abort();  // a broken Chooser
  return point.actor(answer);
}

void Engine::nothing_enabled() noexcept {
  if (bodies_running_ != 0) end("deadlock");
  leave_for_main();
}

ActorKind Engine::switch_to(unsigned actor) noexcept {
  const ActorKind kind = kind_of_actor(actor);
  Cpu& self = *running;
  Cpu& target = cpus[cpu_of_actor(actor)];
  if (&target == &self) return kind;
  target.chosen_as = kind;
  running = &target;
  ++result.switches;
  Fiber::change(self.fiber, target.fiber);
  return self.chosen_as;
}

unsigned Engine::choose(unsigned n) noexcept {
  if (n <= 1) return 0;
  end_if(n > max_hardware_choices, "choice_too_wide");
  if (!search_decides()) {
    const unsigned value = ask(n);
    if (memory != nullptr) memory->chose(actor(), value);
    return value;
  }
  const unsigned value = memory->choose(actor(), n);
  hardware_chose(value);
  return value;
}

unsigned Engine::ask(unsigned n) noexcept {
  const unsigned value = answer(n);
  hardware_chose(value);
  return value;
}

unsigned Engine::answer(unsigned n) noexcept {
  if (chooser != nullptr) {
    ++result.choices;
    const unsigned value =
        chooser->choose({result.schedule.size(), {}, n, running->id, result.schedule});
    if (value >= n) std::abort();  // a broken Chooser
    return value;
  }
  std::uint64_t& state = running->choice_state;
  if (state == 0) return 0;
  state ^= state << 13;  // xorshift64
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<unsigned>((state >> 32) * n >> 32);
}

// ---- interrupts and callbacks -------------------------------------------------------------------

void Engine::update_interrupt(Cpu& cpu) noexcept {
  set_enabled(actor_of(ActorKind::irq, cpu.id), !cpu.mailbox.empty() && cpu.irq_off == 0);
}

void Engine::update_callbacks(Cpu& cpu) noexcept {
  set_enabled(actor_of(ActorKind::rcu, cpu.id), !cpu.callbacks.empty() && cpu.irq_off == 0 &&
                                                    cpu.lock_depth == 0 && !cpu.in_callbacks);
}

namespace {
Operation operation_of(ActorKind hardware) noexcept {
  if (hardware == ActorKind::walker) return Operation::walk_ahead;
  return hardware == ActorKind::evict ? Operation::evict : Operation::arrive;
}
}  // namespace

// The CPU stands at a step, or has ended; whoever is running stands at one too and goes on standing.
void Engine::act(unsigned actor) noexcept {
  Cpu& asks = *running;
  Cpu& self = cpus[cpu_of_actor(actor)];
  const ActorKind kind = kind_of_actor(actor);
  const WaitContext interrupted = self.wait;
  const ActorKind context = self.context;
  unsigned& left = self.acts_left[static_cast<std::size_t>(kind) - software_kinds];
  running = &self;
  self.context = kind;
  set_enabled(actor, --left != 0);
  in_window = true;
  {
    const OneUnit unit(*this);
    if (memory != nullptr) begins_translating(*this);
    const vaddr_t va = acts.addresses[choose(static_cast<unsigned>(acts.addresses.size()))];
    note(*this, operation_of(kind), nullptr, va);
    acts.of(kind).act(va);
    if (memory != nullptr) ends_translating(*this);
  }
  in_window = false;
  self.context = context;
  self.wait = interrupted;
  running = &asks;
}

void Engine::serve(ActorKind what) noexcept {
  Cpu& self = *running;
  const WaitContext interrupted = self.wait;
  const ActorKind context = self.context;
  self.context = what;
  if (memory != nullptr) memory->run_begins(actor());
  if (what == ActorKind::irq)
    serve_mailbox();
  else
    run_callbacks();
  if (memory != nullptr) memory->run_ends(actor());
  self.context = context;
  self.wait = interrupted;
}

// All that is there when the interrupt comes; what is posted later is another interrupt.
void Engine::serve_mailbox() noexcept {
  Cpu& self = *running;
  Queue<CallSingle> posted = self.mailbox.take();
  ++self.interrupts;
  ++self.irq_off;
  {
    const OneUnit unit(*this);
    if (memory != nullptr)
      memory->interrupt({actor(), &self.posted, requests_taken_by, self.posted}, &self.irq_off);
    self.posted = 0;
    enter_section(*this, self);
  }
  note(*this, Operation::ipi_handler);
  update_interrupt(self);
  update_callbacks(self);
  while (!posted.empty()) {
    CallSingle& call = *posted.pop();
    acquire(call.clock);
    call.fn(call.info);
    step();  // the acknowledgement
    note(*this, Operation::ipi_done, nullptr, call.sender);
    // The acknowledgement is the last of the unit, since it is what others wait for.
    const OneUnit unit(*this);
    if (posted.empty()) {
      leave_section(*this, self);
      if (memory != nullptr) memory->implied_unlock(actor(), &self.irq_off);
    }
    acknowledge(call, self.id);
  }
  --self.irq_off;
  update_both(self);
}

// A release, which ipi_wait() acquires; no more (arch/arch.h, row "acknowledgement").
void Engine::acknowledge(CallSingle& call, unsigned target) noexcept {
  call.clock.copy(running->clock, nr_cpus);
  running->clock.tick(target);
  call.pending = memory == nullptr
                     ? 0
                     : memory->store({actor(), &call.pending, order::release, call.pending}, 0);
  Cpu& sender = cpus[call.sender];
  sender.unacknowledged &= ~cpu_bit(target);
  if (sender.awaited != 0 && (sender.unacknowledged & sender.awaited) == 0)
    enable(cpu_bit(sender.id));
  changed();
}

void Engine::run_callbacks() noexcept {
  Cpu& self = *running;
  Queue<rcu_head> over = self.callbacks.take();
  self.in_callbacks = true;
  update_callbacks(self);
  acquire(self.grace_periods);
  {
    const OneUnit unit(*this);
    for (const rcu_head* head = over.first; head != nullptr && memory != nullptr;
         head = head->next) {
      memory->caused_by(actor(), head);
      sections_are_over(*this, *head);
      memory->await({actor(), head, order::acquire, 1}, 1, 1);
    }
  }
  note(*this, Operation::rcu_callbacks);
  while (!over.empty()) {
    rcu_head* head = over.pop();
    head->func(head);
  }
  self.in_callbacks = false;
  update_both(self);
}

// ---- clocks (the rules: clock.h) ----------------------------------------------------------------

void Engine::lock_acquired(const void* lock) noexcept {
  if (const VectorClock* from = releases_.find(lock)) acquire(*from);
}
void Engine::lock_released(const void* lock) noexcept { release(releases_.obtain(lock)); }

void Engine::loaded(const void* word, order o) noexcept {
  const VectorClock* from = releases_.find(word);
  if (from == nullptr) return;
  if (o == order::relaxed)
    running->unacquired.join(*from, nr_cpus);
  else
    acquire(*from);
}

void Engine::stored(const void* word, order o) noexcept {
  Cpu& self = *running;
  if (o != order::relaxed) {
    releases_.obtain(word).copy(self.clock, nr_cpus);
    self.clock.tick(self.id);
  } else if (self.has_published) {
    releases_.obtain(word).copy(self.published, nr_cpus);
  } else if (VectorClock* old = releases_.find(word)) {
    *old = {};
  }
}

// A read-modify-write adds to what the word already carries: it goes on the release sequence.
void Engine::modified(const void* word, order o) noexcept {
  Cpu& self = *running;
  const bool acquires = o == order::acquire || o == order::full;
  if (o == order::full) fence_acquire();
  loaded(word, acquires ? order::acquire : order::relaxed);
  if (o == order::release || o == order::full)
    release(releases_.obtain(word));
  else if (self.has_published)
    releases_.obtain(word).join(self.published, nr_cpus);
  if (o == order::full) fence_release();
}

void Engine::fence(GraphEventKind kind) noexcept {
  if (memory != nullptr) return memory->fence(actor(), kind);
  if (kind != GraphEventKind::wmb) fence_acquire();
  if (kind != GraphEventKind::rmb) fence_release();
}

void Engine::fence_acquire() noexcept { acquire(running->unacquired); }

void Engine::fence_release() noexcept {
  Cpu& self = *running;
  self.published.copy(self.clock, nr_cpus);
  self.has_published = true;
  self.clock.tick(self.id);
}

bool Engine::known(Epoch use) const noexcept {
  return running->clock.of(static_cast<unsigned>(use >> 32)) >= static_cast<std::uint32_t>(use);
}

void Engine::refresh(UseHistory& history) noexcept {
  if (history.execution != execution_) history = {execution_, 0, 0, 0};
}

void Engine::shared_read(UseHistory& history) noexcept {
  if (memory != nullptr) return end_if(!memory->plain(actor(), &history, false), "data_race");
  refresh(history);
  end_if(!known(history.write), "data_race");
  const unsigned self = running->id;
  const std::uint32_t now = running->clock.of(self);
  if (history.readers != 0) {
    readers_[history.readers - 1].set(self, now);
  } else if (known(history.read)) {  // none, this CPU's own, or one that came before
    history.read = epoch_of(self, now);
  } else {
    VectorClock both;
    both.set(static_cast<unsigned>(history.read >> 32), static_cast<std::uint32_t>(history.read));
    both.set(self, now);
    readers_.push_back(both);
    history.readers = static_cast<std::uint32_t>(readers_.size());
  }
}

void Engine::shared_written(UseHistory& history) noexcept {
  if (memory != nullptr) return end_if(!memory->plain(actor(), &history, true), "data_race");
  refresh(history);
  const bool reads_known = history.readers == 0
                               ? known(history.read)
                               : readers_[history.readers - 1].before(running->clock, nr_cpus);
  end_if(!known(history.write) || !reads_known, "data_race");
  shared_made(history);
}

void Engine::shared_made(UseHistory& history) noexcept {
  if (memory != nullptr) {
    memory->fresh(&history, sizeof history);
    static_cast<void>(memory->plain(actor(), &history, true));
  }
  history = {execution_, 0, epoch_of(running->id, running->clock.of(running->id)), 0};
}

}  // namespace tlblab::inline TLBLAB_WORLD::detail
