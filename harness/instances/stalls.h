// SPDX-License-Identifier: GPL-2.0-or-later
// Makes CPUs wait at the points that harness/workload/stall_points.h names. Real world only.
//
// Most windows are some hundred nanoseconds wide, and all the others must do their part in one. A CPU
// that waits there for a random while, every other time, makes the window as wide as their part is
// long. Nothing else changes: a CPU may be slow anywhere.
//
// The places come from three sides. Events: this stands between the CPU and its listener. Flushes: the
// hooks of chosen_arch are variables, and those that flush are replaced; hooks that clear and flush in
// one, as s390's, have no place between. Anywhere: a timer's signal, which the CPU's thread handles by
// waiting; it hits windows inside the architecture's code, in proportion to their width.
#pragma once

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <random>
#include <thread>
#include <vector>

#include <unistd.h>

#include "arch/chosen.h"
#include "harness/workload/stall_points.h"

namespace tlblab::inline TLBLAB_WORLD {

class Stalls {
 public:
  // roles: what each CPU is. One object at a time, made after the backend was chosen.
  Stalls(const std::vector<StallPoint>& points,
         const std::vector<unsigned>& roles,
         std::uint64_t seed)
      : cpus_(roles.size()) {
    for (unsigned cpu = 0; cpu < roles.size(); ++cpu) {
      cpus_[cpu].draw.seed(seed + cpu);
      for (const StallPoint& point : points) add(cpus_[cpu], point, roles[cpu]);
    }
    if (points.empty()) return;
    running = this;
    put_before<&chosen_arch::arch_tlb_finish_mmu>();
    put_before<&chosen_arch::tlb_flush>();
    put_before<&chosen_arch::flush_tlb_mm>();
    put_before<&chosen_arch::flush_tlb_range>();
    put_before<&chosen_arch::flush_tlb_page>();
    put_before<&chosen_arch::arch_tlbbatch_flush>();
  }
  // What is put before the hooks then does nothing, and a late signal too.
  ~Stalls() {
    for (PerCpu& cpu : cpus_)
      if (cpu.timer) timer_delete(*cpu.timer);
    running = nullptr;
  }
  Stalls(const Stalls&) = delete;
  Stalls& operator=(const Stalls&) = delete;

  // What the CPU tells its events to, which go on to `listener`. Null: nobody listens.
  [[nodiscard]] TraceSink* sink(unsigned cpu, TraceSink* listener) noexcept {
    if (cpus_[cpu].points.empty()) return listener;
    cpus_[cpu].listener = listener;
    return &cpus_[cpu];
  }
  // The calling CPU waits from here on, or no more.
  void arm(unsigned cpu, bool on) noexcept {
    if (on && cpus_[cpu].anywhere && !cpus_[cpu].timer) start_timer(cpu);
    cpus_[cpu].armed = on;
  }
  // How often a CPU waited. Exact only while none runs.
  [[nodiscard]] std::uint64_t made() const noexcept {
    std::uint64_t sum = 0;
    for (const PerCpu& cpu : cpus_) sum += cpu.made;
    return sum;
  }

 private:
  struct alignas(128) PerCpu final : TraceSink {
    std::vector<std::optional<EventKind>> points;
    std::minstd_rand draw;
    TraceSink* listener = nullptr;
    std::uint64_t made = 0;
    volatile bool armed = false;  // a signal of its own thread reads it
    bool anywhere = false;
    std::optional<timer_t> timer;

    void event(const trace_event& what) noexcept override {
      if (listener != nullptr) listener->event(what);
      wait(what.kind, [] { std::this_thread::yield(); });
    }
    // Every other time; as often short as long, for nobody knows how long is long enough.
    template <class Relax>
    void wait(std::optional<EventKind> place, Relax relax) noexcept {
      constexpr unsigned lengths = 13;
      if (!armed || std::ranges::find(points, place) == points.end()) return;
      pause(lengths, relax);
    }
    template <class Relax>
    void pause(unsigned lengths, Relax relax) noexcept {
      if (draw() % 2 == 0) return;
      ++made;
      for (std::uint64_t left = 1ULL << draw() % lengths; left > 0; --left) relax();
    }
  };

  static void add(PerCpu& cpu, const StallPoint& point, unsigned role) {
    if (point.role.value_or(role) != role) return;
    cpu.anywhere |= point.anywhere;
    if (!point.anywhere) cpu.points.push_back(point.after);
  }

  // On the CPU's thread.
  void start_timer(unsigned cpu) noexcept {
    struct sigaction action{};
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
      const int saved = errno;
      if (running != nullptr && running->cpus_[unsigned(info->si_value.sival_int)].armed)
        running->cpus_[unsigned(info->si_value.sival_int)].pause(10,
                                                                 [] { std::this_thread::yield(); });
      errno = saved;
    };
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGRTMIN, &action, nullptr);
    sigevent to_me{};
    to_me.sigev_notify = SIGEV_THREAD_ID;
    to_me.sigev_signo = SIGRTMIN;
    to_me.sigev_value.sival_int = static_cast<int>(cpu);
    to_me._sigev_un._tid = gettid();  // glibc has no other name for it
    timer_t timer = nullptr;
    vm_bug_on(timer_create(CLOCK_MONOTONIC, &to_me, &timer) != 0, "no_timer_for_stalls");
    const itimerspec often{{0, 300'000}, {0, 300'000}};
    timer_settime(timer, 0, &often, nullptr);
    cpus_[cpu].timer = timer;
  }

  template <auto* Hook>
  struct Before;
  template <class R, class... P, R (**Hook)(P...) noexcept>
  struct Before<Hook> {
    static inline R (*then)(P...) noexcept = nullptr;
    static R call(P... what) noexcept {
      if (running != nullptr)
        running->cpus_[smp_processor_id()].wait(std::nullopt, [] { cpu_relax(); });
      return then(what...);
    }
  };
  template <auto* Hook>
  static void put_before() noexcept {
    // An optional one, or there already.
    if (*Hook == nullptr || *Hook == Before<Hook>::call) return;
    Before<Hook>::then = *Hook;
    *Hook = Before<Hook>::call;
  }

  static inline Stalls* running = nullptr;
  std::vector<PerCpu> cpus_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
