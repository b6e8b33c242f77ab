// SPDX-License-Identifier: GPL-2.0-or-later
// The debt of an mm on s390, and who is attached to it.
//
// flush_mm says that entries were marked and not flushed, or tables unhooked. It belongs to the mm: whoever
// flushes it pays for all, and who comes meanwhile waits for the lock and finds nothing to pay. It is cleared
// before it is paid, so what is marked during the flush is owed again (D25). A flush without a debt does
// nothing, forced or not: an entry whose change was not paid for has left flush_mm behind, and every other
// one was purged as it was changed.
//
// A CPU is attached (cpu_attach_mask) from before it may walk the mm's tables until after it has loaded
// none. mm_cpumask says who was attached since the last full flush: who may hold something.
//
// A switch: attach; load no ASCE; leave the old mm. Then wait until no change is under way, pay what is
// owed, and only then load the ASCE. The kernel does the second part when the run queue is unlocked again
// and interrupts are on (finish_arch_post_lock_switch). Here they are off, which costs no progress: what is
// waited for is a change or a flush by another CPU, which sends no interrupt, takes no lock that a switch
// holds, and waits for access windows only.
#include "arch/s390/s390.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<s390>);

namespace {

unsigned mask_words() noexcept {
  return (nr_cpu_ids() + cpumask::word_bits - 1) / cpumask::word_bits;
}
struct place_in_mask {
  unsigned word;
  std::uint64_t bit;
};
place_in_mask this_cpu_in_mask() noexcept {
  const unsigned id = smp_processor_id();
  return {id / cpumask::word_bits, 1ULL << (id % cpumask::word_bits)};
}

// IDTE by ASCE: everything of the mm on every CPU, upper levels too, and a barrier before and after.
void idte(const mm_struct& mm) noexcept {
  charge(Cost::invalidate_all);
  generic::trace_tlb_flush(mm, full_flush);
  generic::trace_broadcast(0, tlb_flush_all);
  smp_mb();
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
    const remote_mmu taken(id);
    s390_cpu& cpu = s390::cpu(id);
    const unsigned tag = cpu.tags.find(mm.pgd->pfn);
    if (tag != asce_tags::none) cpu.mmu.invalidate_asid(tag);
  }
  smp_mb();
}

void tlb_flush_mm(mm_struct& mm) noexcept {
  s390::mm_context& context = context_of<s390>(mm);
  preempt_disable();
  // Full: counted before the mask is read; pairs with attach: a CPU that the copy misses adds itself to
  // mm_cpumask after it, and not before.
  context.flush_count.fetch_add(1, order::full);
  for (unsigned word = 0; word < mask_words(); ++word)
    mm.cpu_bitmap[word].store(context.cpu_attach_mask[word].load(order::relaxed), order::relaxed);
  idte(mm);
  context.flush_count.fetch_sub(1, order::release);  // pairs with the acquire in finish_switch
  preempt_enable();
}

// Full: seen before this CPU looks at the count, and walks; pairs with change_under_way.
void attach(mm_struct& next) noexcept {
  const auto [word, bit] = this_cpu_in_mask();
  context_of<s390>(next).cpu_attach_mask[word].fetch_or(bit, order::full);
}
// Release: what this CPU did through the mm comes first; pairs with the acquire in only_this_cpu.
void detach(mm_struct& prev) noexcept {
  const auto [word, bit] = this_cpu_in_mask();
  context_of<s390>(prev).cpu_attach_mask[word].fetch_and(~bit, order::release);
}

void load_no_asce(s390_cpu& cpu) noexcept {
  const access_window_of<s390> window;
  cpu.mmu.load(nullptr, asce_tags::none, 0);
}
void load_asce(s390_cpu& cpu, const mm_struct& mm) noexcept {
  const access_window_of<s390> window;
  const auto [tag, was_another] = cpu.tags.take(mm.pgd->pfn);
  if (was_another) cpu.mmu.invalidate_asid(tag);
  cpu.mmu.load(mm.pgd, tag, mm.id);
}

// Kernel: finish_arch_post_lock_switch.
void finish_switch(s390_cpu& cpu, mm_struct& next) noexcept {
  // Acquire: a change that is over has left its mark and its debt; pairs with the releases.
  while (context_of<s390>(next).flush_count.load(order::acquire) != 0) cpu_relax();
  mm_cpumask_set(next, smp_processor_id());
  s390::tlb_flush_mm_lazy(next);
  load_asce(cpu, next);
}

}  // namespace

bool s390::set_option(std::string_view option) noexcept {
  if (option.empty()) opted = {};
  if (option == "no-rdp") opted.no_rdp = true;
  if (option == "no-lc") opted.no_lc = true;
  if (option == "move-tables") opted.move_tables = true;
  return option.empty() || option == "no-rdp" || option == "no-lc" || option == "move-tables";
}

bool s390::hardware_init(const TlbGeometry& geometry) noexcept {
  if (!cpus::hardware_init(geometry)) return false;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) cpu(id).tags.init(geometry.asids);
  return true;
}

bool s390::only_this_cpu(const Atomic<std::uint64_t>* mask) noexcept {
  const place_in_mask mine = this_cpu_in_mask();
  for (unsigned word = 0; word < mask_words(); ++word)
    if (mask[word].load(order::acquire) != (word == mine.word ? mine.bit : 0)) return false;
  return true;
}

void s390::tlb_flush_mm_lazy(mm_struct& mm) noexcept {
  mm_context& context = context_of<s390>(mm);
  context.lock.lock();
  if (context.flush_mm.load(order::relaxed) != 0) {
    context.flush_mm.store(0, order::relaxed);
    tlb_flush_mm(mm);
  }
  context.lock.unlock();
  // Release: the flush, by this CPU or by who had the lock before; pairs with flush_owed_on.
  if (loaded_mm() == &mm) this_cpu().flush_owed.store(false, order::release);
}

void s390::table_unhooked(gather_range& tlb, unsigned) noexcept {
  context_of<s390>(*tlb.mm).flush_mm.store(1,
                                           order::release);  // after the table's entry was cleared
}

void s390::init_new_context(mm_struct& mm) noexcept {
  mm_context& context = context_of<s390>(mm);
  for (auto& word : context.cpu_attach_mask) word.store(0, order::relaxed);
  context.flush_count.store(0, order::relaxed);
  context.flush_mm.store(0, order::relaxed);
}

void s390::switch_mm_irqs_off(mm_struct& next) noexcept {
  s390_cpu& cpu = this_cpu();
  mm_struct& prev = *cpu.loaded_mm.load(order::relaxed);
  if (&next != &init_mm()) attach(next);
  cpu.loaded_mm.store(nullptr, order::relaxed);
  load_no_asce(cpu);
  cpu.flush_owed.store(false, order::release);  // what it holds of prev cannot be used
  if (&prev != &next && &prev != &init_mm()) detach(prev);
  if (&next != &init_mm()) finish_switch(cpu, next);
  cpu.loaded_mm.store(&next, order::relaxed);
}

}  // namespace tlblab::inline TLBLAB_WORLD
