// SPDX-License-Identifier: GPL-2.0-or-later
// What x86 did before, does on other machines, or was proposed to do.
//
// no-pcid    one slot, flushed at every switch.
// no-lazy    an idle CPU loads init_mm at once: Linux 4.14 to 4.18 on machines with PCIDs.
// serial     before 5.13: the initiator flushes its own TLB, and only then interrupts the others.
//
// early-ack  Nadav Amit's proposal of 2019. The target acknowledges as its handler begins and flushes
//            then: it returns to the program only afterwards, and an access never goes on inside a
//            handler, so no access can use what is left. Not so a walk of the hardware's own, which
//            needs no program: if tables are freed the acknowledgement comes after the flush. And
//            the request is the sender's again at once: the target takes a copy, and acknowledges
//            late if it would have to touch the mm, which it has not loaded and which may be gone.
//
// paravirt   A guest under KVM. The host says which virtual CPUs it does not run; here those that are
//            idle. They are not interrupted but marked, by a swap that fails if the host runs them
//            again meanwhile, and the host empties the TLB of one that was marked before it runs.
//            A flush then waits for no walker on such a CPU: tables wait for RCU.
#include "arch/x86/x86.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<x86_2018> && ArchBackend<x86_612>);

bool x86::set_option(std::string_view option) noexcept {
  if (option.empty()) {
    opted = {};
    return true;
  }
  bool* const named = option == "no-pcid"     ? &opted.no_pcid
                      : option == "no-lazy"   ? &opted.no_lazy
                      : option == "serial"    ? &opted.serial
                      : option == "early-ack" ? &opted.early_ack
                      : option == "paravirt"  ? &opted.paravirt
                                              : nullptr;
  if (named == nullptr) return false;
  *named = true;
  opted.any = opted.serial || opted.early_ack || opted.paravirt || opted.skips_lazy_only;
  return true;
}

bool x86_2018::set_option(std::string_view option) noexcept {
  if (!option.empty()) return option != "paravirt" && x86::set_option(option);
  opted = {.any = true, .serial = true, .clears_own_bit = true, .skips_lazy_only = true};
  return true;
}

// A guest had tables freed by RCU.
bool x86_612::set_option(std::string_view option) noexcept {
  if (!option.empty()) return option != "paravirt" && x86::set_option(option);
  opted = {.clears_own_bit = true};
  return true;
}

namespace {

// 4.20: tlb_is_not_lazy.
bool is_asked(unsigned id, const flush_tlb_info& info) noexcept {
  if (info.freed_tables) return true;
  if (!x86::opted.skips_lazy_only) return should_flush_tlb(id, info);
  // Acquire: what the CPU did before it went to sleep; pairs with the release in enter_lazy_tlb.
  return !x86::cpu(id).is_lazy.load(order::acquire);
}

// ---- early acknowledgement ----------------------------------------------------------------------

// For oracles: what the TLB holds cannot be used before the handler has returned.
void trace_runs(std::uint64_t mm_id) noexcept { trace(EventKind::runs_mm, mm_id); }

void acknowledge(const flush_tlb_info& info) noexcept {
  // Release: this CPU's accesses before the sender goes on; pairs with the acquire in flush_early.
  x86::cpu(info.initiating_cpu).entered.fetch_add(1, order::release);
}

void flush_tlb_func_early(void* request) noexcept {
  flush_tlb_info info = *static_cast<const flush_tlb_info*>(request);
  const mm_struct* loaded = x86::loaded_mm();
  const bool early = loaded == info.mm && !x86::this_cpu().is_lazy.load(order::relaxed);
  if (early) {
    trace_runs(0);
    acknowledge(info);
  }
  flush_tlb_func(&info);
  if (early)
    trace_runs(loaded->id);
  else
    acknowledge(info);
}

void flush_early(cpumask needed, flush_tlb_info& info) noexcept {
  x86::cpu_state& cpu = x86::this_cpu();
  const bool here = needed.test(smp_processor_id());
  needed.clear(smp_processor_id());
  cpu.entered.store(0, order::relaxed);
  // The ticket is not waited for: the call is done when the handler ends.
  static_cast<void>(ipi_post(needed, flush_tlb_func_early, &info));
  if (here) flush_local(info);
  while (cpu.entered.load(order::acquire) < needed.weight()) cpu_relax();
}

// ---- a guest ------------------------------------------------------------------------------------

constexpr std::uint8_t vcpu_preempted = 1, vcpu_flush_tlb = 2;

// The host runs it again, before anything of it happens.
void vcpu_enter() noexcept {
  x86::cpu_state& cpu = x86::this_cpu();
  if (cpu.preempted.load(order::relaxed) == 0) return;
  if ((cpu.preempted.exchange(0, order::full) & vcpu_flush_tlb) == 0) return;
  const x86_window window;
  cpu.mmu.invalidate_all();
}

void flush_tlb_func_of_guest(void* request) noexcept {
  vcpu_enter();
  flush_tlb_func(request);
}

void skip_preempted(cpumask& needed) noexcept {
  const cpumask asked = needed;
  asked.for_each([&](unsigned id) {
    Atomic<std::uint8_t>& state = x86::cpu(id).preempted;
    std::uint8_t seen = state.load(order::relaxed);
    // Full: changed entries before the mark; pairs with the exchange in vcpu_enter, behind which the
    // CPU walks.
    if ((seen & vcpu_preempted) != 0 &&
        state.compare_exchange(seen, static_cast<std::uint8_t>(seen | vcpu_flush_tlb), order::full))
      needed.clear(id);
  });
}

}  // namespace

void before_switch_as_opted() noexcept {
  if (x86::opted.early_ack) trace_runs(0);  // a handler may have come since mm said so
  if (x86::opted.paravirt) vcpu_enter();
}

void enter_lazy_tlb_as_opted() noexcept {
  local_irq_save();
  if (x86::opted.early_ack) trace_runs(0);  // as above
  // Release: the program's accesses before it is seen asleep; pairs with is_asked.
  x86::this_cpu().is_lazy.store(true, order::release);
  // The host takes the CPU away. Release: what it did before; pairs with the swap in skip_preempted.
  if (x86::opted.paravirt) x86::this_cpu().preempted.store(vcpu_preempted, order::release);
  local_irq_restore();
}

void flush_tlb_multi_as_opted(const cpumask& mask, flush_tlb_info& info) noexcept {
  const x86_options& opted = x86::opted;
  cpumask needed;
  mask.for_each([&](unsigned id) {
    if (is_asked(id, info)) needed.set(id);
  });
  if (opted.paravirt) skip_preempted(needed);
  if (opted.serial) {
    if (needed.test(smp_processor_id())) flush_local(info);
    needed.clear(smp_processor_id());
  }
  if (opted.early_ack && !info.freed_tables)
    flush_early(needed, info);
  else
    on_each_cpu_mask(needed, opted.paravirt ? flush_tlb_func_of_guest : flush_tlb_func, &info);
}

}  // namespace tlblab::inline TLBLAB_WORLD
