// SPDX-License-Identifier: GPL-2.0-or-later
// INVLPGB on x86.
//
// An mm that many CPUs run gets an ASID that is the same on all of them, for the rest of its life. From
// then on a flush is INVLPGB for that ASID, which every CPU hears without an interrupt, and TLBSYNC,
// which waits for those that this CPU has issued. So all of it is done on one CPU; nobody walks tables in
// software any slower for it, and tables wait for RCU.
//
// CPUs come to the global ASID when they load the mm next. Until then they have entries under an ASID of
// their own that no broadcast finds. So the mm is in transition from before the ASID is published: each
// flush looks at the CPUs of the set, waits for one that is between two address spaces (it may have read
// that there is no global ASID), and interrupts them all if one has the mm under another ASID. When none
// has, the transition is over.
//
// A flusher that read "no global ASID" behind its full increment of tlb_gen interrupts, and who has the
// global ASID does nothing: it walks after the ASID was published, so after the changed entries.
//
// ASIDs of dead address spaces are given out again only after one broadcast for everything.
//
// Simplified: the kernel thinks about a global ASID in one of 32 flushes, here in each.
#include "arch/x86/invlpgb.h"

#include <algorithm>
#include <new>

#include "arch/generic/broadcast.h"
#include "arch/generic/cpus.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<x86_invlpgb>);

namespace {

hw::Mmu& mmu_at(unsigned cpu) noexcept { return x86::cpu(cpu).mmu; }

// ---- global ASIDs -------------------------------------------------------------------------------

enum class AsidState : std::uint8_t { free, used, freed };

// Since its last TLBSYNC, by CPU.
generic::in_flight* issued = nullptr;
generic::in_flight& issued_by(unsigned cpu) noexcept { return issued[cpu]; }

struct {
  Spinlock lock;
  AsidState* states = nullptr;  // by ASID, the CPUs' own ones included; under lock
  unsigned last = x86::tlb_nr_dyn_asids;
} global_asids;

unsigned next_free(unsigned from) noexcept {
  while (from < x86::nr_asids && global_asids.states[from] != AsidState::free) ++from;
  return from;
}

// Nobody has an entry of a dead one afterwards.
void reset_global_asid_space() noexcept {
  generic::in_flight& invlpgb = issued_by(smp_processor_id());
  invlpgb.issue({.reach = generic::Reach::everything}, mmu_at);
  invlpgb.wait(mmu_at);
  for (unsigned asid = x86::tlb_nr_dyn_asids; asid < x86::nr_asids; ++asid)
    if (global_asids.states[asid] == AsidState::freed) global_asids.states[asid] = AsidState::free;
}

// 0: none is left.
unsigned allocate_global_asid() noexcept {
  unsigned asid = next_free(global_asids.last);
  if (asid == x86::nr_asids) {
    reset_global_asid_space();
    asid = next_free(x86::tlb_nr_dyn_asids);
  }
  if (asid == x86::nr_asids) return 0;
  global_asids.states[asid] = AsidState::used;
  global_asids.last = asid;
  return asid;
}

void use_global_asid(mm_struct& mm) noexcept {
  local_irq_save();
  global_asids.lock.lock();
  auto& context = context_of<x86_invlpgb>(mm);
  if (context.global_asid.load(order::relaxed) == 0)
    if (const unsigned asid = allocate_global_asid(); asid != 0) {
      context.asid_transition.store(true, order::relaxed);
      // Release: the transition before the ASID; pairs with the acquire in mm_global_asid (trap T67).
      context.global_asid.store(asid, order::release);
    }
  global_asids.lock.unlock();
  local_irq_restore();
}

bool mm_active_cpus_exceeds(mm_struct& mm, unsigned threshold) noexcept {
  const cpumask mask = mm_cpumask(mm);
  if (mask.weight() <= threshold) return false;
  unsigned active = 0;
  mask.for_each([&](unsigned id) {
    const x86::cpu_state& cpu = x86::cpu(id);
    if (cpu.loaded_mm.load(order::relaxed) == &mm && !cpu.is_lazy.load(order::relaxed)) ++active;
  });
  return active > threshold;
}

// ---- the flush ----------------------------------------------------------------------------------

// Has this CPU the mm loaded under another ASID than the global one?
bool is_straggler(unsigned id, const mm_struct& mm, unsigned global) noexcept {
  const x86::cpu_state& cpu = x86::cpu(id);
  // Acquire: its ASID; pairs with the release in load.
  while (cpu.loaded_mm.load(order::acquire) == x86::switching()) cpu_relax();
  return cpu.loaded_mm.load(order::acquire) == &mm &&
         cpu.shared_asid.load(order::relaxed) != global;
}

void finish_asid_transition(flush_tlb_info& info) noexcept {
  mm_struct& mm = *info.mm;
  if (!mm_in_asid_transition(mm)) return;
  const unsigned global = mm_global_asid(mm);
  const cpumask mask = mm_cpumask(mm);
  bool found = false;
  mask.for_each([&](unsigned id) { found = found || is_straggler(id, mm, global); });
  if (found)
    flush_tlb_multi(mm_cpumask(mm), info);  // it changes over in the handler
  else
    context_of<x86_invlpgb>(mm).asid_transition.store(false, order::relaxed);
}

// Upper levels of each page too, and those of no other.
void issue_pages(generic::in_flight& invlpgb, const flush_tlb_info& info, unsigned asid) noexcept {
  constexpr unsigned pmd_shift = page_shift + 9;
  for (vaddr_t va = info.start; va < info.end;) {
    std::uint64_t pages = 1;
    if (info.stride_shift <= pmd_shift)
      pages = std::clamp<std::uint64_t>((info.end - va) >> info.stride_shift, 1,
                                        x86_invlpgb::invlpgb_count_max);
    const vaddr_t end = va + (pages << info.stride_shift);
    invlpgb.issue({.reach = generic::Reach::all_levels,
                   .asid = asid,
                   .start = va,
                   .end = end,
                   .stride_shift = info.stride_shift},
                  mmu_at);
    va = end;
  }
}

}  // namespace

// init_mm has the context of x86 alone.
unsigned mm_global_asid(mm_struct& mm) noexcept {
  if (&mm == &x86::init_mm()) return 0;
  return context_of<x86_invlpgb>(mm).global_asid.load(order::acquire);
}
bool mm_in_asid_transition(mm_struct& mm) noexcept {
  return context_of<x86_invlpgb>(mm).asid_transition.load(order::relaxed);
}

void consider_global_asid(mm_struct& mm) noexcept {
  if (mm_active_cpus_exceeds(mm, x86_invlpgb::global_asid_threshold)) use_global_asid(mm);
}

// Preemption is off: TLBSYNC waits for what this CPU has issued (trap T66).
void broadcast_tlb_flush(flush_tlb_info& info) noexcept {
  generic::in_flight& invlpgb = issued_by(smp_processor_id());
  const unsigned asid = mm_global_asid(*info.mm);
  const bool everything = info.end == tlb_flush_all;
  generic::trace_tlb_flush(
      *info.mm, everything
                    ? full_flush
                    : static_cast<std::int64_t>((info.end - info.start) >> info.stride_shift));
  if (everything)
    invlpgb.issue({.reach = generic::Reach::asid, .asid = asid}, mmu_at);
  else
    issue_pages(invlpgb, info, asid);
  finish_asid_transition(info);
  invlpgb.wait(mmu_at);  // TLBSYNC
}

// Everything that is not global, under whatever ASID: no CPU need be asked. Kernel:
// invlpgb_flush_all_nonglobals.
void x86_invlpgb::arch_tlbbatch_flush(arch_tlbflush_unmap_batch& batch) noexcept {
  preempt_disable();
  generic::in_flight& invlpgb = issued_by(smp_processor_id());
  invlpgb.issue({.reach = generic::Reach::everything}, mmu_at);
  invlpgb.wait(mmu_at);  // TLBSYNC
  batch.mask = {};
  preempt_enable();
}

bool x86_invlpgb::set_option(std::string_view option) noexcept {
  if (!option.empty() && option != "eager") return false;
  opted = {.invlpgb = true};
  global_asid_threshold = option == "eager" ? 0 : 3;
  return true;
}

bool x86_invlpgb::hardware_init(const TlbGeometry& geometry) noexcept {
  nr_asids = tlb_nr_dyn_asids + (geometry.asids == 0 ? max_asid_available : geometry.asids);
  const bool made = x86::hardware_init(geometry);
  new (&global_asids.lock) Spinlock;  // an execution may have been cut short while it was held
  global_asids.last = tlb_nr_dyn_asids;
  global_asids.states =
      static_cast<AsidState*>(kmalloc(nr_asids * sizeof(AsidState), AllocSite::object));
  issued = static_cast<generic::in_flight*>(
      kmalloc(nr_cpu_ids() * sizeof(generic::in_flight), AllocSite::object));
  if (!made || global_asids.states == nullptr || issued == nullptr) return false;
  for (unsigned id = 0; id < nr_cpu_ids(); ++id) new (&issued[id]) generic::in_flight;
  for (unsigned asid = 0; asid < nr_asids; ++asid) global_asids.states[asid] = AsidState::free;
  return true;
}

void x86_invlpgb::hardware_exit() noexcept {
  kfree(issued);
  kfree(global_asids.states);
  x86::hardware_exit();
  nr_asids = tlb_nr_dyn_asids;
}

void x86_invlpgb::init_new_context(mm_struct& mm) noexcept {
  x86::init_new_context(mm);
  if (&mm == &init_mm()) return;
  context_of<x86_invlpgb>(mm).global_asid.store(0, order::relaxed);
  context_of<x86_invlpgb>(mm).asid_transition.store(false, order::relaxed);
}

void x86_invlpgb::arrive(vaddr_t va) noexcept { generic::arrives(this_cpu().mmu, va, issued_by); }

void x86_invlpgb::forget_mm(mm_struct& mm) noexcept {
  x86::forget_mm(mm);
  const unsigned asid = mm_global_asid(mm);
  if (asid == 0) return;
  local_irq_save();
  global_asids.lock.lock();
  global_asids.states[asid] = AsidState::freed;
  global_asids.lock.unlock();
  local_irq_restore();
}

const char* x86_invlpgb::context_word(mm_struct& mm, const void* address) noexcept {
  const mm_context& context = context_of<x86_invlpgb>(mm);
  if (address == &context.global_asid) return "global_asid";
  return address == &context.asid_transition ? "asid_transition" : x86::context_word(mm, address);
}

}  // namespace tlblab::inline TLBLAB_WORLD
