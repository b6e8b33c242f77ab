// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/machine_program.h"

#include <array>

namespace tlblab::inline TLBLAB_WORLD {

namespace {

Machinery* machinery = nullptr;

void handler(void* word) {
  Machinery& m = *machinery;
  auto& at = *static_cast<Atomic<int>*>(word);
  m.handled[smp_processor_id()].push_back(at.load(order::relaxed));
  at.store(5, order::relaxed);
}
void callback(rcu_head*) {
  Machinery& m = *machinery;
  m.called[smp_processor_id()].push_back(m.words[0].load(order::relaxed));
  m.words[1].store(6, order::relaxed);
}

int fill(Machinery& m, unsigned cpu, unsigned word) {
  const int value = m.words[word].load(order::relaxed);
  if (m.accessed[word].load(order::relaxed) == 0) m.accessed[word].exchange(1, order::full);
  m.cache[cpu] = 10 + value;
  return 10 + value;
}
void empty_cache(void*) {
  const access_window<false> window;
  machinery->cache[smp_processor_id()] = 0;
}
void translate(Machinery& m, unsigned cpu, const Step& step) {
  const access_window<false> window;
  const int cached = m.cache[cpu];
  m.seen[cpu].push_back(cached != 0 ? cached : fill(m, cpu, step.word));
}
void flush(unsigned cpus) {
  cpumask all;
  for (unsigned id = 0; id < cpus; ++id) all.set(id);
  on_each_cpu_mask(all, empty_cache, nullptr);
}

void walk_to(vaddr_t word) {
  const unsigned cpu = smp_processor_id();
  if (machinery->cache[cpu] == 0) fill(*machinery, cpu, static_cast<unsigned>(word));
}
void drop(vaddr_t) { machinery->cache[smp_processor_id()] = 0; }

void use(Machinery& m, unsigned cpu, const Step& step) {
  m.seen[cpu].push_back(m.words[step.word].load(order::relaxed));
  m.words[1 - step.word].store(step.value, order::relaxed);
}

void interrupt(Machinery& m, unsigned cpu, const Step& step, unsigned cpus, bool at_once) {
  cpumask others;
  for (unsigned id = 0; id < cpus; ++id)
    if (id != cpu) others.set(id);
  const ipi_ticket ticket = ipi_post(others, handler, &m.words[step.word]);
  if (!at_once) m.seen[cpu].push_back(m.words[1 - step.word].load(order::relaxed));
  ipi_wait(ticket);
}

void make(Machinery& m, unsigned cpu, const Step& step, unsigned cpus) {
  switch (step.act) {
    case Act::load: m.seen[cpu].push_back(m.words[step.word].load(order::relaxed)); break;
    case Act::store: m.words[step.word].store(step.value, order::relaxed); break;
    case Act::add: m.seen[cpu].push_back(m.words[step.word].fetch_add(1, order::full)); break;
    case Act::irq_off:
      local_irq_save();
      use(m, cpu, step);
      local_irq_restore();
      break;
    case Act::window: {
      const access_window<false> window;
      use(m, cpu, step);
      break;
    }
    case Act::locked:
      m.lock.lock();
      use(m, cpu, step);
      m.lock.unlock();
      break;
    case Act::try_locked:
      if (!m.lock.trylock()) {
        m.seen[cpu].push_back(-1);
        break;
      }
      use(m, cpu, step);
      m.lock.unlock();
      break;
    case Act::reading:
      m.sem.down_read();
      use(m, cpu, step);
      m.sem.up_read();
      break;
    case Act::writing:
      m.sem.down_write();
      use(m, cpu, step);
      m.sem.up_write();
      break;
    case Act::section:
      rcu_read_lock();
      use(m, cpu, step);
      rcu_read_unlock();
      break;
    case Act::interrupt: interrupt(m, cpu, step, cpus, true); break;
    case Act::post: interrupt(m, cpu, step, cpus, false); break;
    case Act::callback: call_rcu(&m.heads[cpu], callback); break;
    case Act::synchronize: synchronize_rcu(); break;
    case Act::wait:
      while (m.words[step.word].load(order::relaxed) == 0) cpu_relax();
      break;
    case Act::choice: m.seen[cpu].push_back(static_cast<int>(choose(2))); break;
    case Act::translate:
      m.seen[cpu].push_back(m.accessed[step.word].load(order::relaxed));
      translate(m, cpu, step);
      break;
    case Act::flush: flush(cpus); break;
  }
}

}  // namespace

Outcome outcome_of(Machinery& m, const std::string& violation) {
  if (!violation.empty()) return {{}};
  Outcome all(m.seen, m.seen + 3);
  all.insert(all.end(), m.handled, m.handled + 3);
  all.insert(all.end(), m.called, m.called + 3);
  all.push_back({m.words[0].load(order::relaxed), m.words[1].load(order::relaxed)});
  return all;
}

void run(Machinery& m, const Program& program, unsigned cpu) {
  machinery = &m;
  for (const Step& step : program[cpu]) make(m, cpu, step, static_cast<unsigned>(program.size()));
}

std::string text_of(const Program& program) {
  std::string text;
  for (const auto& steps : program) {
    text += "P:";
    for (const Step& step : steps)
      text += " " + std::to_string(static_cast<unsigned>(step.act)) + "(" +
              std::to_string(step.word) + "," + std::to_string(step.value) + ")";
    text += "\n";
  }
  return text;
}

HardwareActs acts_on_words(unsigned walks, unsigned evictions) {
  static constexpr std::array<vaddr_t, 2> words{0, 1};
  return {.walk = {walk_to, walks}, .evict = {drop, evictions}, .arrive = {}, .addresses = words};
}

Program random_machine_program(unsigned seed, unsigned cpus, unsigned steps, Act last) {
  std::mt19937 random(seed);
  Program program(cpus);
  for (auto& own : program) {
    bool calls_back = false;
    while (own.size() < steps) {
      const auto act = static_cast<Act>(random() % (static_cast<unsigned>(last) + 1));
      if (act == Act::callback && std::exchange(calls_back, true)) continue;  // one head each
      own.push_back({act, static_cast<unsigned>(random() % 2), static_cast<int>(random() % 3) + 1});
    }
  }
  return program;
}

}  // namespace tlblab::inline TLBLAB_WORLD
