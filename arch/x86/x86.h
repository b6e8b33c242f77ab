// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64 as Linux 6.18 runs it: invalidates by interrupt, PCIDs, lazy TLB mode, a generation per
// mm. Kernel files: arch/x86/mm/tlb.c, asm/tlbflush.h, asm/tlb.h. The protocol is told in
// flush.cpp, the switch of address spaces in switch.cpp.
#pragma once

#include "arch/generic/gather.h"
#include "arch/generic/pte_accessible.h"
#include "arch/hw/mmu.h"
#include "arch/x86/pte.h"

namespace tlblab::inline TLBLAB_WORLD {

// Other strategies and earlier forms; variants.cpp tells what each is.
struct x86_options {
  bool no_pcid = false, no_lazy = false;
  // Of a flush that asks other CPUs. any: one of them.
  bool any = false, serial = false, early_ack = false, paravirt = false;
  bool invlpgb = false;  // x86_invlpgb: flushes by broadcast
  // Eras: of the CPU's own bit in the set at a switch, and who is skipped.
  bool clears_own_bit = false, skips_lazy_only = false;
};

struct x86 : x86_pte {
  static constexpr const char* name = "x86";
  // Tables go by RCU since 6.15: a flush need not interrupt every CPU that could walk.
  static constexpr mmu_gather_features features{.rcu_table_free = true,
                                                .merge_vmas = true,
                                                .pt_reclaim = true,
                                                .move_tables = true,
                                                .batched_unmap = true};
  static constexpr arch_facts facts{
      .memory = "tso",
      .tlb = "per CPU, tagged by PCID (6 slots), walk cache",
      .filled_by = "hardware",
      .debt_paid = "tlb_finish_mmu, by interrupt",
      .interrupts_walkers = true,
      .options = "no-pcid no-lazy serial early-ack paravirt",
  };
  static constexpr vaddr_t task_size(unsigned top_level) noexcept {
    return (1ULL << (top_level == 4 ? 56 : 47)) - page_size;
  }

  // ---- state -----------------------------------------------------------------------------------

  struct mm_context {
    // Grows with each flush of the mm. An mm starts at 1 here: 0 as a requested generation means
    // "whatever is behind".
    Atomic<std::uint64_t> tlb_gen{1};
  };

  static constexpr unsigned tlb_nr_dyn_asids = 6;
  // Above this many strides one full flush costs less: tlb_single_page_flush_ceiling.
  static constexpr std::uint64_t single_page_flush_ceiling = 33;

  struct tlb_context {
    std::uint64_t ctx_id = 0;   // id of the mm whose entries the slot holds (trap T36)
    std::uint64_t tlb_gen = 0;  // every flush up to this one has been done in the slot
  };

  // cpu_tlbstate. loaded_mm and is_lazy are read by CPUs that flush, info by those that are asked
  // to; the rest is the CPU's own. Each kind in cache lines of its own: the CPU's counts change with
  // every flush, and who flushes should not wait for that line too.
  struct cpu_state {
    Atomic<mm_struct*> loaded_mm{nullptr};
    Atomic<bool> is_lazy{false};
    Atomic<unsigned> shared_asid{0};  // x86_invlpgb: loaded_mm_asid for others; before loaded_mm
    std::byte apart_from_own[64];
    std::uint16_t loaded_mm_asid = 0;
    std::uint16_t next_asid = 0;
    tlb_context ctxs[tlb_nr_dyn_asids];
    bool info_in_use = false;
    std::byte apart_from_info[64];
    flush_tlb_info info;                // of the flush that this CPU asks for; one at a time
    Atomic<unsigned> entered{0};        // early-ack: handlers of it that have begun
    Atomic<std::uint8_t> preempted{0};  // paravirt: vcpu_preempted, vcpu_flush_tlb
    std::byte apart_from_mmu[64];
    hw::Mmu mmu;
    std::byte apart[128];  // the next CPU's words are in other cache lines
  };

  static inline x86_options opted;
  static inline unsigned nr_asids = tlb_nr_dyn_asids;  // x86_invlpgb has more
  static bool set_option(std::string_view option) noexcept;

  static cpu_state& this_cpu() noexcept { return cpus[smp_processor_id()]; }
  static cpu_state& cpu(unsigned id) noexcept { return cpus[id]; }
  // Loaded while no program runs: no user page can be translated through it.
  static mm_struct& init_mm() noexcept { return *kernel_mm; }

  // ---- hooks (arch/arch.h) ---------------------------------------------------------------------

  static bool hardware_init(const TlbGeometry& geometry) noexcept;
  static void hardware_exit() noexcept;
  static Translation translate(vaddr_t va, Access access) noexcept {
    return this_cpu().mmu.translate<x86>(va, access);
  }
  static void walk_ahead(vaddr_t va) noexcept {
    if (opted.paravirt && this_cpu().preempted.load(order::relaxed) != 0)
      return;  // it does not run
    this_cpu().mmu.walk_ahead<x86>(va);
  }
  static void evict(vaddr_t va) noexcept { this_cpu().mmu.evict(va); }

  static pte_t ptep_get_and_clear(mm_struct&,
                                  vaddr_t,
                                  Atomic<std::uint64_t>& word,
                                  bool full) noexcept {
    if (!full) return {word.exchange(0, order::full)};  // xchg: no A or D bit is lost (trap T28)
    const pte_t was{word.load(order::relaxed)};         // nobody else runs on this mm
    word.store(0, order::relaxed);
    return was;
  }
  static pte_t pmdp_establish(mm_struct&,
                              vaddr_t,
                              Atomic<std::uint64_t>& word,
                              pte_t pmd) noexcept {
    return {word.exchange(pmd.val, order::full)};  // xchg, as above
  }
  static void ptep_set_wrprotect(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    std::uint64_t was = word.load(order::relaxed);  // walkers set A and D meanwhile
    while (!word.compare_exchange(was, pte_wrprotect({was}).val, order::full)) {
    }
  }
  static bool ptep_test_and_clear_young(mm_struct&, vaddr_t, Atomic<std::uint64_t>& word) noexcept {
    return pte_young({word.fetch_and(~accessed, order::full)});
  }
  // Only adds rights or A and D; no flush: hardware looks again when it faults. Nothing is stored
  // for a read: hardware sets A by itself, and a D that it sets meanwhile would be lost.
  static bool ptep_set_access_flags(
      mm_struct&, vaddr_t, Atomic<std::uint64_t>& word, pte_t entry, bool dirty) noexcept {
    if (!dirty || word.load(order::relaxed) == entry.val) return false;
    word.store(entry.val, order::relaxed);  // has A and D: none can be lost
    return true;
  }
  static void fix_spurious_fault(mm_struct&, vaddr_t) noexcept {}  // hardware has looked again
  // An entry that hardware does not see may still be cached while a gather is open (trap T22).
  static bool pte_accessible(const mm_struct& mm, pte_t pte) noexcept {
    return hw_present(pte) || (pte_protnone(pte) && generic::entry_without_rights_accessible(mm));
  }

  static void arch_tlb_gather_mmu(gather_range& tlb, vaddr_t start, vaddr_t end) noexcept {
    generic::arch_tlb_gather_mmu(tlb, start, end);
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<x86>(tlb, start, end, force);
  }
  static void tlb_flush(gather_range& tlb) noexcept;
  static void flush_tlb_mm(mm_struct& mm) noexcept;
  static void flush_tlb_range(
      mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept;

  static bool arch_tlbbatch_should_defer(mm_struct& mm) noexcept;
  static void arch_tlbbatch_add_pending(arch_tlbflush_unmap_batch& batch,
                                        mm_struct& mm,
                                        vaddr_t va) noexcept;
  static void arch_tlbbatch_flush(arch_tlbflush_unmap_batch& batch) noexcept;

  static void init_new_context(mm_struct& mm) noexcept;
  static void switch_mm_irqs_off(mm_struct& next) noexcept;
  static void enter_lazy_tlb() noexcept;
  static void forget_mm(mm_struct& mm) noexcept;

  // The mm that user accesses of this CPU go to; init_mm: none.
  static mm_struct* loaded_mm() noexcept { return this_cpu().loaded_mm.load(order::relaxed); }
  static const mm_struct* loaded_mm_on(unsigned id) noexcept {
    const mm_struct* mm = cpus[id].loaded_mm.load(order::relaxed);
    return mm == switching() ? nullptr : mm;
  }
  static const hw::Mmu& mmu_of(unsigned id) noexcept { return cpus[id].mmu; }

  // Names of words, for reports; null: not one of these.
  static const char* context_word(mm_struct& mm, const void* address) noexcept {
    return address == &context_of<x86>(mm).tlb_gen ? "tlb_gen" : nullptr;
  }
  static const char* cpu_word(unsigned id, const void* address) noexcept {
    const cpu_state& cpu = cpus[id];
    if (address == &cpu.loaded_mm) return "loaded_mm";
    if (address == &cpu.is_lazy) return "is_lazy";
    return lies_in(cpu, address) ? "state" : nullptr;
  }

  // A CPU between two address spaces: flushes of either must reach it.
  static mm_struct* switching() noexcept { return reinterpret_cast<mm_struct*>(1); }

 private:
  static inline cpu_state* cpus = nullptr;
  static inline mm_struct* kernel_mm = nullptr;
};

// What an interrupt, or the initiator's own part, does. Interrupts are off.
void flush_tlb_func(void* request) noexcept;
// Must this CPU be interrupted for entries of pages?
[[nodiscard]] bool should_flush_tlb(unsigned id, const flush_tlb_info& info) noexcept;
void flush_local(flush_tlb_info& info) noexcept;

// Of this CPU's MMU. Tracked: where there is INVLPGB others take entries out of it.
using x86_window = access_window<true>;

flush_tlb_info& take_info(x86::cpu_state& cpu) noexcept;
void flush_tlb_multi(const cpumask& mask, flush_tlb_info& info) noexcept;
// A flush of the mm. Broadcast: if it has a global ASID (x86_invlpgb).
template <bool Broadcast>
void flush_tlb_mm_range(
    mm_struct& mm, vaddr_t start, vaddr_t end, unsigned stride_shift, bool freed_tables) noexcept;
template <bool Broadcast>
void flush_gather(gather_range& tlb) noexcept;

// Where there is INVLPGB (invlpgb.cpp).
[[nodiscard]] unsigned mm_global_asid(mm_struct& mm) noexcept;
[[nodiscard]] bool mm_in_asid_transition(mm_struct& mm) noexcept;
// The CPU has mm loaded with an ASID of its own although there is a global one.
[[nodiscard]] inline bool mm_needs_global_asid(mm_struct& mm, unsigned asid) noexcept {
  const unsigned global = mm_global_asid(mm);
  return global != 0 && global != asid;
}
[[nodiscard]] constexpr bool is_global_asid(unsigned asid) noexcept {
  return asid >= x86::tlb_nr_dyn_asids;
}
void broadcast_tlb_flush(flush_tlb_info& info) noexcept;
void consider_global_asid(mm_struct& mm) noexcept;

// With an option (variants.cpp).
void flush_tlb_multi_as_opted(const cpumask& mask, flush_tlb_info& info) noexcept;
void before_switch_as_opted() noexcept;
void enter_lazy_tlb_as_opted() noexcept;

// Linux 4.20: local part first, lazy CPUs skipped whatever they have loaded, tables with the pages.
struct x86_2018 : x86 {
  static constexpr const char* name = "x86@2018";
  static constexpr mmu_gather_features features{.move_tables = true, .batched_unmap = true};
  static bool set_option(std::string_view option) noexcept;
};
// Linux 6.12: a switch takes the CPU out of the old mm's set, tables are freed with the pages.
struct x86_612 : x86 {
  static constexpr const char* name = "x86@6.12";
  static constexpr mmu_gather_features features{
      .merge_vmas = true, .move_tables = true, .batched_unmap = true};
  static bool set_option(std::string_view option) noexcept;
};

}  // namespace tlblab::inline TLBLAB_WORLD
