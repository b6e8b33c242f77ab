// SPDX-License-Identifier: GPL-2.0-or-later
// The names of mm/world.h, compiled once for each world: that each exists, with the agreed
// signature. What they mean is tests/world's business.
#include <concepts>
#include <type_traits>

#include TLBLAB_WORLD_HEADER

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class Expected, class Actual>
inline constexpr bool is = std::is_same_v<Expected, Actual>;

// ---- words --------------------------------------------------------------------------------------

template <class T>
concept Word = std::is_default_constructible_v<T> && !std::is_copy_constructible_v<T> &&
               !std::is_copy_assignable_v<T>;

template <class T>
constexpr bool atomic_as_agreed() {
  using W = Atomic<T>;
  static_assert(Word<W> && std::is_nothrow_constructible_v<W, T>);
  static_assert(!std::is_convertible_v<T, W> && !std::is_convertible_v<W, T>);
  static_assert(is<decltype(&W::load), T (W::*)(order) const noexcept>);
  static_assert(is<decltype(&W::store), void (W::*)(T, order) noexcept>);
  static_assert(is<decltype(&W::exchange), T (W::*)(T, order) noexcept>);
  static_assert(is<decltype(&W::compare_exchange), bool (W::*)(T&, T, order) noexcept>);
  static_assert(requires(W word, T value) {
    { read_once(word) } noexcept -> std::same_as<T>;
    { write_once(word, value) } noexcept -> std::same_as<void>;
  });
  static_assert(requires(T value, int* object) {
    { led_to(value, object) } noexcept -> std::same_as<int*>;
  });
  return true;
}

template <class T>
constexpr bool arithmetic_as_agreed() {
  using W = Atomic<T>;
  using Fetch = T (W::*)(T, order) noexcept;
  static_assert(is<decltype(&W::fetch_add), Fetch> && is<decltype(&W::fetch_sub), Fetch>);
  static_assert(is<decltype(&W::fetch_or), Fetch> && is<decltype(&W::fetch_and), Fetch>);
  return atomic_as_agreed<T>();
}
static_assert(arithmetic_as_agreed<int>() && arithmetic_as_agreed<long>());
static_assert(arithmetic_as_agreed<unsigned>() && arithmetic_as_agreed<std::uint64_t>());
static_assert(atomic_as_agreed<bool>() && atomic_as_agreed<void*>() && atomic_as_agreed<pte_t>());

static_assert(Word<Shared<int>> && std::is_nothrow_constructible_v<Shared<int>, int>);
static_assert(is<decltype(&Shared<int>::get), int (Shared<int>::*)() const noexcept>);
static_assert(is<decltype(&Shared<int>::set), void (Shared<int>::*)(int) noexcept>);

// Words in frames are plain.
static_assert(requires(std::uint64_t word) {
  { read_once(word) } noexcept -> std::same_as<std::uint64_t>;
  { write_once(word, word) } noexcept -> std::same_as<void>;
});

// Words with static storage need no constructor at run time.
[[maybe_unused]] constinit Atomic<int> static_word{1};
[[maybe_unused]] constinit Shared<int> static_shared{1};

using Plain = void (*)() noexcept;
static_assert(is<decltype(&smp_mb), Plain> && is<decltype(&smp_rmb), Plain>);
static_assert(is<decltype(&smp_wmb), Plain> && is<decltype(&smp_mb__before_atomic), Plain>);
static_assert(is<decltype(&smp_mb__after_atomic), Plain>);
static_assert(is<decltype(&smp_mb__after_unlock_lock), Plain>);
static_assert(is<decltype(&cpu_relax), Plain>);

// ---- locks --------------------------------------------------------------------------------------

template <class L>
using Act = void (L::*)() noexcept;
template <class L>
using Try = bool (L::*)() noexcept;
template <class L>
using Ask = bool (L::*)() const noexcept;

static_assert(Word<Spinlock> && Word<RwSem>);
static_assert(is<decltype(&Spinlock::lock), Act<Spinlock>>);
static_assert(is<decltype(&Spinlock::unlock), Act<Spinlock>>);
static_assert(is<decltype(&Spinlock::trylock), Try<Spinlock>>);
static_assert(is<decltype(&Spinlock::is_locked), Ask<Spinlock>>);
static_assert(is<decltype(&RwSem::down_read), Act<RwSem>>);
static_assert(is<decltype(&RwSem::up_read), Act<RwSem>>);
static_assert(is<decltype(&RwSem::down_write), Act<RwSem>>);
static_assert(is<decltype(&RwSem::up_write), Act<RwSem>>);
static_assert(is<decltype(&RwSem::downgrade_write), Act<RwSem>>);
static_assert(is<decltype(&RwSem::down_read_trylock), Try<RwSem>>);
static_assert(is<decltype(&RwSem::down_write_trylock), Try<RwSem>>);
static_assert(is<decltype(&RwSem::is_locked), Ask<RwSem>>);
static_assert(is<decltype(&RwSem::is_write_locked), Ask<RwSem>>);
static_assert(Word<SeqCount>);
static_assert(is<decltype(&SeqCount::read_begin), unsigned (SeqCount::*)() const noexcept>);
static_assert(is<decltype(&SeqCount::raw_read), unsigned (SeqCount::*)() const noexcept>);
static_assert(is<decltype(&SeqCount::read_retry), bool (SeqCount::*)(unsigned) const noexcept>);
static_assert(is<decltype(&SeqCount::write_begin), Act<SeqCount>>);
static_assert(is<decltype(&SeqCount::write_end), Act<SeqCount>>);

// ---- RCU ----------------------------------------------------------------------------------------

static_assert(std::is_standard_layout_v<rcu_head>);
static_assert(is<decltype(&rcu_read_lock), Plain> && is<decltype(&rcu_read_unlock), Plain>);
static_assert(is<decltype(&synchronize_rcu), Plain>);
static_assert(is<decltype(&call_rcu), void (*)(rcu_head*, void (*)(rcu_head*)) noexcept>);
static_assert(is<decltype(&rcu_assign_pointer<int>), void (*)(Atomic<int*>&, int*) noexcept>);
static_assert(is<decltype(&rcu_dereference<int>), int* (*)(const Atomic<int*>&) noexcept>);

// ---- CPUs and interrupts ------------------------------------------------------------------------

static_assert(is<decltype(&smp_processor_id), unsigned (*)() noexcept>);
static_assert(is<decltype(&nr_cpu_ids), unsigned (*)() noexcept>);
static_assert(is<decltype(&preempt_disable), Plain> && is<decltype(&preempt_enable), Plain>);
static_assert(is<decltype(&local_irq_save), Plain> && is<decltype(&local_irq_restore), Plain>);
static_assert(is<decltype(&irqs_disabled), bool (*)() noexcept>);
static_assert(is<ipi_fn, void (*)(void*)>);
static_assert(is<decltype(&ipi_post), ipi_ticket (*)(const cpumask&, ipi_fn, void*) noexcept>);
static_assert(is<decltype(&ipi_wait), void (*)(const ipi_ticket&) noexcept>);
static_assert(is<decltype(&on_each_cpu_mask), void (*)(const cpumask&, ipi_fn, void*) noexcept>);
static_assert(is<decltype(&cpu_event), void (*)(CpuEvent) noexcept>);

// ---- accesses, memory, the hardware's freedom, events -------------------------------------------

static_assert(Word<access_window<false>> && Word<access_window<true>>);
static_assert(std::is_constructible_v<remote_mmu, unsigned> && !std::copyable<remote_mmu>);
static_assert(is<decltype(&access_windows_wait), Plain>);
static_assert(is<decltype(&alloc_frame), void* (*)(AllocSite) noexcept>);
static_assert(is<decltype(&free_frame), void (*)(void*) noexcept>);
static_assert(is<decltype(&kmalloc), void* (*)(std::size_t, AllocSite) noexcept>);
static_assert(is<decltype(&kfree), void (*)(void*) noexcept>);
static_assert(is<decltype(&choose), unsigned (*)(unsigned) noexcept>);
static_assert(is<decltype(&charge), void (*)(Cost) noexcept>);
static_assert(is<decltype(&tracing), bool (*)() noexcept>);
using Four = std::uint64_t;
static_assert(is<decltype(&trace), void (*)(EventKind, Four, Four, Four, Four, Four) noexcept>);
static_assert(is<decltype(&vm_bug), void (*)(const char*) noexcept>);
static_assert(is<decltype(&vm_bug_on), void (*)(bool, const char*) noexcept>);

// ---- for the harness ----------------------------------------------------------------------------

static_assert(is<decltype(MachineOptions::cpus), unsigned>);
static_assert(is<decltype(MachineOptions::seed), std::uint64_t>);
static_assert(is<decltype(MachineOptions::junk_fill), bool>);
static_assert(is<decltype(MachineOptions::alloc_policy), AllocPolicy*>);
static_assert(std::is_constructible_v<Machine, MachineOptions> &&
              !std::is_copy_constructible_v<Machine>);
static_assert(is<decltype(&Machine::attach), void (Machine::*)(unsigned, TraceSink*) noexcept>);
static_assert(is<decltype(&Machine::counters), CpuCounters (Machine::*)(unsigned) const noexcept>);
static_assert(is<decltype(&Machine::cpus), unsigned (Machine::*)() const noexcept>);
static_assert(is<decltype(&Machine::oversubscribed), bool (Machine::*)() const noexcept>);
static_assert(is<decltype(&memory_held), HeldMemory (*)() noexcept>);
static_assert(is<decltype(CpuCounters::ipis_sent), std::uint64_t>);
static_assert(is<decltype(CpuCounters::interrupts), std::uint64_t>);
static_assert(requires(Machine machine, void (*body)(unsigned)) { machine.run(body); });

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
