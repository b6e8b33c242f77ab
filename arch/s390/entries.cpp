// SPDX-License-Identifier: GPL-2.0-or-later
// Changes of entries on s390. A valid entry of an attached mm may not just be stored over: it is made
// invalid and purged from every TLB by one instruction, INVALIDATE PAGE TABLE ENTRY (for leaves of upper
// levels IDTE), and the new value is stored over the invalid one. When the instruction is done no CPU holds
// the entry. Nobody is interrupted.
//
// That is dear, so there is a second way for changes that are followed by a flush of the mm: while this CPU
// alone is attached, the entry is only marked invalid, and the mm owes a flush (flush_mm). The old
// translation can then be used by programs of this CPU alone, and it runs none before it has flushed. A CPU
// that attaches must not come between the look at the mask and the mark. It shows itself in the mask, and
// then waits until no change is under way (context.cpp); who changes counts itself first, and then looks at
// the mask. Both are full barriers between, so either the change sees the CPU or the CPU waits, and then
// sees the debt.
//
// IPTE names the entry by its place. Here that place is found in TLBs by mm and address, which says the same:
// a table belongs to one mm, and is never moved. With s390+move-tables it is, and the place is looked for by
// what oracles label translations with: so it is good for runs with oracles only.
#include "arch/s390/s390.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// From the first look at who is attached until the entry has its mark.
class change_under_way {
 public:
  // Full: counted before the mask is read; pairs with attach in switch_mm_irqs_off; without it both miss
  // the other, and the CPU walks before the mark and keeps the entry (L5 in fidelity.md).
  explicit change_under_way(mm_struct& mm) noexcept : mm_(mm) {
    context_of<s390>(mm_).flush_count.fetch_add(1, order::full);
  }
  // Release: the mark and the debt before the count; pairs with the acquire in finish_switch.
  ~change_under_way() { context_of<s390>(mm_).flush_count.fetch_sub(1, order::release); }
  change_under_way(const change_under_way&) = delete;
  change_under_way& operator=(const change_under_way&) = delete;

 private:
  mm_struct& mm_;
};

bool lies_at(std::uint64_t slot, const Atomic<std::uint64_t>& word) noexcept {
  const page& table = *pfn_to_page(slot / ptrs_per_table);
  return table.table != nullptr && &table.table->entry[slot % ptrs_per_table] == &word;
}
// Every translation that was made from the entry, at whatever address.
void purge_place(s390_cpu& cpu, unsigned tag, const Atomic<std::uint64_t>& word) noexcept {
  cpu.mmu.tlb.for_each(0, s390::task_size(4), [&](const hw::TlbView& view) {
    if (lies_at(view.data.slot, word)) cpu.mmu.tlb.invalidate_page(tag, view.va);
  });
}

// word: the entry; null: by the address alone.
void purge(s390_cpu& cpu,
           const mm_struct& mm,
           vaddr_t va,
           const Atomic<std::uint64_t>* word) noexcept {
  const unsigned tag = cpu.tags.find(mm.pgd->pfn);
  if (tag == asce_tags::none) return;
  cpu.mmu.tlb.invalidate_page(tag, va);
  if (s390::opted.move_tables && word != nullptr) purge_place(cpu, tag, *word);
}
void purge_here(const mm_struct& mm, vaddr_t va, const Atomic<std::uint64_t>* word) noexcept {
  const access_window_of<s390> window;
  purge(s390::this_cpu(), mm, va, word);
}

// IPTE: the mark, the purge, and a barrier before and after.
void ipte(const mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, bool local) noexcept {
  charge(Cost::invalidate_page);
  generic::trace_tlb_flush(mm, 1);
  word.fetch_or(s390::invalid, order::full);
  if (local) {
    purge_here(mm, va, &word);
  } else {
    generic::trace_broadcast(va & page_mask, (va & page_mask) + page_size);
    for (unsigned id = 0; id < nr_cpu_ids(); ++id) {
      const remote_mmu taken(id);
      purge(s390::cpu(id), mm, va, &word);
    }
  }
  smp_mb();
}

pte_t ptep_flush_direct(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  const pte_t was{word.load(order::relaxed)};
  if (!s390::hw_present(was)) return was;
  const change_under_way change(mm);
  // Who has run in it since the last full flush: others have nothing of it (trap T46).
  ipte(mm, va, word, !s390::opted.no_lc && s390::only_this_cpu(mm.cpu_bitmap));
  return was;
}

pte_t ptep_flush_lazy(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  const pte_t was{word.load(order::relaxed)};
  if (!s390::hw_present(was)) return was;
  const change_under_way change(mm);
  s390::mm_context& context = context_of<s390>(mm);
  // Who may be walking: another one would go on with what it has (trap T46).
  if (!s390::only_this_cpu(context.cpu_attach_mask)) {
    ipte(mm, va, word, false);
    return was;
  }
  s390::this_cpu().flush_owed.store(true, order::relaxed);
  word.store(was.val | s390::invalid, order::release);
  context.flush_mm.store(1, order::release);  // after the mark: who pays meanwhile, pays for it
  return was;
}

// Only the protection goes, and bits that hardware does not know: then no entry has to become invalid.
bool pte_allow_rdp(pte_t was, pte_t now) noexcept {
  constexpr std::uint64_t may_differ = s390::protect | s390::software_bits;
  return s390::has(was, s390::protect) && !s390::has(now, s390::protect) &&
         (was.val & ~may_differ) == (now.val & ~may_differ);
}

// RESET DAT PROTECTION. Other CPUs may keep the protected entry and fault once more: here they always do.
void ptep_reset_dat_prot(mm_struct& mm,
                         vaddr_t va,
                         Atomic<std::uint64_t>& word,
                         pte_t now) noexcept {
  const change_under_way change(mm);
  word.store(now.val, order::release);
  purge_here(mm, va, &word);
}

}  // namespace

pte_t s390::ptep_xchg_direct(mm_struct& mm,
                             vaddr_t va,
                             Atomic<std::uint64_t>& word,
                             pte_t now) noexcept {
  const pte_t was = ptep_flush_direct(mm, va, word);
  word.store(now.val, order::release);
  return was;
}

pte_t s390::ptep_xchg_lazy(mm_struct& mm,
                           vaddr_t va,
                           Atomic<std::uint64_t>& word,
                           pte_t now) noexcept {
  const pte_t was = ptep_flush_lazy(mm, va, word);
  word.store(now.val, order::release);
  return was;
}

pte_t s390::ptep_get_and_clear(mm_struct& mm,
                               vaddr_t va,
                               Atomic<std::uint64_t>& word,
                               bool full) noexcept {
  if (!full) return ptep_xchg_lazy(mm, va, word, {});
  const pte_t was{word.load(order::relaxed)};
  word.store(0, order::relaxed);  // no program runs in it any more
  return was;
}

void s390::ptep_set_wrprotect(mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word) noexcept {
  const pte_t was{word.load(order::relaxed)};
  if (pte_write(was)) ptep_xchg_lazy(mm, va, word, pte_wrprotect(was));
}

bool s390::ptep_test_and_clear_young(mm_struct& mm,
                                     vaddr_t va,
                                     Atomic<std::uint64_t>& word) noexcept {
  const pte_t was{word.load(order::relaxed)};
  return pte_young(ptep_xchg_direct(mm, va, word, pte_mkold(was)));
}

bool s390::ptep_set_access_flags(
    mm_struct& mm, vaddr_t va, Atomic<std::uint64_t>& word, pte_t entry, bool) noexcept {
  const pte_t was{word.load(order::relaxed)};
  if (was == entry) return false;
  if (!opted.no_rdp && pte_allow_rdp(was, entry))
    ptep_reset_dat_prot(mm, va, word, entry);
  else
    ptep_xchg_direct(mm, va, word, entry);
  return true;
}

// A protected entry that RDP left in this TLB. The caller has seen that the entry allows the write.
void s390::fix_spurious_fault(mm_struct& mm, vaddr_t va) noexcept {
  if (!opted.no_rdp) purge_here(mm, va, nullptr);
}

}  // namespace tlblab::inline TLBLAB_WORLD
