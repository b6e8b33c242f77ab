// SPDX-License-Identifier: GPL-2.0-or-later
// Contexts of sparc64: numbers by which TLBs tell address spaces apart.
//
// A context is a version and a number. Numbers of the present version are given out once, or again when
// their mm has died; when none is left a new version begins, in which the mms that CPUs run keep their
// numbers and every other mm gets a new one when it runs next. No TLB is emptied for that. Instead an
// mm's set of CPUs is emptied when it gets a number, and a CPU that is not in the set drops what it has
// under the number before it runs the mm (D29). So the set is "has used the context".
//
// A CPU first says which mm it is about to run and then looks at the version; who begins a version first
// raises it and then looks at what CPUs run. Full barriers in between: either it sees the mm and
// carries its number over, or that CPU sees the new version and takes a number.
#include <new>

#include "arch/sparc64/sparc64.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr unsigned version_shift = 16;
constexpr std::uint64_t number_mask = (1ULL << version_shift) - 1;

// Under ctx_alloc_lock, but for the cache, which everybody reads.
Spinlock ctx_alloc_lock;
Atomic<std::uint64_t> tlb_context_cache{1ULL << version_shift};  // version and last number
constexpr unsigned word_bits = 64;
std::uint64_t context_bmap[sparc64::max_contexts / word_bits];
unsigned numbers = 0;  // 0 is the kernel's

bool same_version(std::uint64_t a, std::uint64_t b) noexcept {
  return (a ^ b) >> version_shift == 0;
}
std::uint64_t version_of(std::uint64_t ctx) noexcept { return ctx & ~number_mask; }

void set_taken(std::uint64_t ctx) noexcept {
  const std::uint64_t number = ctx & number_mask;
  context_bmap[number / word_bits] |= 1ULL << (number % word_bits);
}
// end: none.
unsigned next_free(unsigned from, unsigned end) noexcept {
  while (from < end && (context_bmap[from / word_bits] >> (from % word_bits) & 1) != 0) ++from;
  return std::min(from, end);
}

void mmu_context_wrap() noexcept {
  const std::uint64_t old = tlb_context_cache.load(order::relaxed);
  std::ranges::fill(context_bmap, 0);
  set_taken(0);
  const std::uint64_t now = version_of(old) + (1ULL << version_shift);
  tlb_context_cache.store(now, order::relaxed);
  // The version before what CPUs run; pairs with smp_mb in switch_mm_irqs_off; without it a running
  // mm's number is given to another (D29).
  smp_mb();
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
    mm_struct* mm = sparc64::cpu(id).secondary_mm.load(order::relaxed);
    if (mm == nullptr || mm == &sparc64::init_mm()) continue;
    Atomic<std::uint64_t>& ctx_val = context_of<sparc64>(*mm).ctx_val;
    const std::uint64_t ctx = ctx_val.load(order::relaxed);
    if (!same_version(ctx, old)) continue;
    ctx_val.store(now | (ctx & number_mask), order::relaxed);
    set_taken(ctx);
  }
}

void mm_cpumask_clear_all(mm_struct& mm) noexcept {
  for (auto& word : mm.cpu_bitmap) word.store(0, order::relaxed);
}

// 0: none.
unsigned find_number() noexcept {
  const auto after =
      static_cast<unsigned>(tlb_context_cache.load(order::relaxed) & number_mask) + 1;
  const unsigned number = next_free(std::min(after, numbers), numbers);
  if (number < numbers) return number;
  const unsigned before = next_free(1, after);
  return before < std::min(after, numbers) ? before : 0;
}

// The mm's own lock is held and its context is not valid.
void get_new_mmu_context(mm_struct& mm) noexcept {
  ctx_alloc_lock.lock();
  // A wrap may have carried it over meanwhile, or now.
  for (unsigned number = 0; number == 0 && !sparc64::ctx_valid(mm);) {
    number = find_number();
    if (number == 0) {
      mmu_context_wrap();
      continue;
    }
    Atomic<std::uint64_t>& ctx_val = context_of<sparc64>(mm).ctx_val;
    if (ctx_val.load(order::relaxed) != 0) mm_cpumask_clear_all(mm);
    if (tracing())
      context_of<sparc64>(mm).old_number.store(sparc64::ctx_number(mm), order::relaxed);
    const std::uint64_t ctx = version_of(tlb_context_cache.load(order::relaxed)) | number;
    set_taken(ctx);
    tlb_context_cache.store(ctx, order::relaxed);
    ctx_val.store(ctx, order::relaxed);
  }
  ctx_alloc_lock.unlock();
}

void destroy_context(mm_struct& mm) noexcept {
  local_irq_save();
  ctx_alloc_lock.lock();
  const unsigned number = sparc64::ctx_number(mm);
  if (sparc64::ctx_valid(mm) && number != 0)
    context_bmap[number / word_bits] &= ~(1ULL << (number % word_bits));
  ctx_alloc_lock.unlock();
  local_irq_restore();
}

}  // namespace

bool sparc64::set_option(std::string_view option) noexcept {
  if (option.empty()) opted = {};
  if (option == "pte-before-lock") opted.pte_before_lock = true;
  if (option == "flush-if-valid") opted.flush_if_valid = true;
  return option.empty() || option == "pte-before-lock" || option == "flush-if-valid";
}

bool sparc64::ctx_valid(mm_struct& mm) noexcept {
  return same_version(context_of<sparc64>(mm).ctx_val.load(order::relaxed),
                      tlb_context_cache.load(order::relaxed));
}
unsigned sparc64::ctx_number(mm_struct& mm) noexcept {
  return static_cast<unsigned>(context_of<sparc64>(mm).ctx_val.load(order::relaxed) & number_mask);
}

namespace {
unsigned tsb_entries = 0;  // 0: as many as there is room for
}  // namespace

bool sparc64::hardware_init(const TlbGeometry& geometry) noexcept {
  new (&ctx_alloc_lock) Spinlock;  // an execution may have been cut short while it was held
  numbers = asids(geometry);
  vm_bug_on(numbers < nr_cpu_ids() + 2, "fewer_asids_than_cpus");
  tsb_entries = geometry.tsb_entries;
  tlb_context_cache.store(1ULL << version_shift, order::relaxed);
  std::ranges::fill(context_bmap, 0);
  set_taken(0);
  return cpus::hardware_init(geometry);
}
void sparc64::hardware_exit() noexcept { cpus::hardware_exit(); }

void sparc64::init_new_context(mm_struct& mm) noexcept {
  mm_context& context = context_of<sparc64>(mm);
  context.ctx_val.store(0, order::relaxed);
  const unsigned entries = tsb_entries == 0 ? 512 : tsb_entries;
  context.tsb_base.init(std::min(entries, context.tsb_base.room));
  context.tsb_huge.init(std::min(entries, context.tsb_huge.room));
}

void sparc64::switch_mm_irqs_off(mm_struct& next) noexcept {
  sparc64_cpu& cpu = this_cpu();
  cpu.secondary_mm.store(&next, order::relaxed);
  if (&next == &init_mm()) {
    load(cpu, next, 0);
    return;
  }
  Spinlock& lock = context_of<sparc64>(next).lock;
  lock.lock();
  // secondary_mm before the version; pairs with smp_mb in mmu_context_wrap. On sparc64 the atomic
  // instruction of the lock is that.
  smp_mb();
  const bool was_valid = ctx_valid(next);
  if (!was_valid) get_new_mmu_context(next);
  load(cpu, next, ctx_number(next));
  if (!was_valid || !mm_cpumask_test(next, smp_processor_id())) {
    mm_cpumask_set(next, smp_processor_id());  // full, before anything is read of the tables
    const access_window_of<sparc64> window;
    cpu.mmu.invalidate_asid(ctx_number(next));
    // What is left under its number before this one cannot be reached: oracles are not to see it.
    if (tracing())
      cpu.mmu.invalidate_asid(context_of<sparc64>(next).old_number.load(order::relaxed));
  }
  lock.unlock();
}

// The kernel does nothing: no program runs, nothing walks, and whoever comes next loads its context anyway.
// So nothing of the mm can be used here, and that has to be said. secondary_mm stays.
void sparc64::enter_lazy_tlb() noexcept {
  local_irq_save();
  load(this_cpu(), init_mm(), 0);
  local_irq_restore();
}

void sparc64::forget_mm(mm_struct& mm) noexcept {
  cpus::forget_mm(mm);
  destroy_context(mm);
}

}  // namespace tlblab::inline TLBLAB_WORLD
