// SPDX-License-Identifier: GPL-2.0-or-later
// One CPU's memory management unit: TLB, walk cache, walker. The walker reads the tables that mm
// keeps, without any lock, as hardware does.
//
// A and D bits are set by a locked read-modify-write that succeeds only if the entry is still what
// the walk read (trap T27): else the walk starts again. A write through a TLB entry that is not
// marked dirty looks at the PTE again and faults if it is gone. A right that the PTE does not give
// is a fault, and nothing is cached for it.
//
// Everything here runs inside one access window, so in explore it is one step.
//
// Hardware also walks ahead of accesses, for any address of the loaded tables. Such a walk is a read
// that nobody waits for: it may set A, never D, what it may not read is no fault, and the entry that it
// fills is used only by a later access. An entry may be dropped at any time.
#pragma once

#include <algorithm>

#include "arch/hw/tlb.h"
#include "arch/hw/walk_cache.h"

namespace tlblab::inline TLBLAB_WORLD::hw {

class Mmu {
 public:
  [[nodiscard]] bool init(const TlbGeometry& geometry,
                          unsigned asids,
                          bool contiguous = false) noexcept {
    return tlb.init(geometry, asids, contiguous) && walk_cache.init(geometry);
  }
  void exit() noexcept {
    tlb.exit();
    walk_cache.exit();
  }

  // What the base register says. root null: no user address can be translated.
  void load(page* root, unsigned asid, std::uint64_t mm_id) noexcept {
    root_ = root;
    asid_ = asid;
    mm_id_ = mm_id;
    tlb.forget_front();
  }
  [[nodiscard]] unsigned asid() const noexcept { return asid_; }

  // INVLPG: the page at every size, and all upper levels of the ASID whatever the address.
  void invalidate_page(vaddr_t va) noexcept {
    tlb.invalidate_page(asid_, va);
    walk_cache.invalidate_asid(asid_);
  }
  void invalidate_asid(unsigned asid) noexcept {
    tlb.invalidate_asid(asid);
    walk_cache.invalidate_asid(asid);
  }

  void invalidate_all() noexcept {
    tlb.invalidate_all();
    walk_cache.invalidate_all();
  }

  // One attempt. A: whose encoding the tables have.
  template <class A>
  [[nodiscard]] Translation translate(vaddr_t va, Access access) noexcept {
    if (!tracing() && access != Access::exec) {
      void* host = nullptr;
      if (tlb.front(va, access == Access::write, host)) [[likely]] {
        if (host == nullptr) __builtin_unreachable();  // spares the caller a test on the hit path
        charge(Cost::tlb_hit);
        return {host, true};
      }
    }
    return translate_behind_front<A>(va, access);
  }

  // The same where software fills the TLB: what it holds and nothing else.
  [[nodiscard]] Translation look_up(vaddr_t va, Access access) noexcept {
    if (void* host = nullptr;
        !tracing() && access != Access::exec && tlb.front(va, access == Access::write, host)) {
      charge(Cost::tlb_hit);
      return {host, true};
    }
    return held(va, access);
  }
  // Software's part: it read this, for an address of the loaded address space.
  void fill(vaddr_t va, TlbData data) noexcept {
    data.mm_id = mm_id_;
    if (tracing())
      trace(EventKind::tlb_fill, mm_id_, va, data.frame->pfn, data.slot, size_shift(data.size));
    tlb.insert(asid_, va, data, tracing());
  }
  [[nodiscard]] page* root() const noexcept { return root_; }

  // What an entry made from this slot is labelled with, for oracles (table_shadow): the count before
  // the slot's value; pairs with the release by which the listener counts. Consume: hardware does not
  // do this, so a search may see no order in it; on real threads it is an acquire.
  static std::uint32_t changes_of(const page& table, unsigned index) noexcept {
    const table_shadow* shadow = table.shadow.load(order::consume);
    return shadow == nullptr ? 0 : shadow->stamp[index].load(order::consume);
  }

  template <class A>
  void walk_ahead(vaddr_t va) noexcept {
    bool present = false;
    if (tlb.lookup(asid_, va) == nullptr) static_cast<void>(walk<A>(va, Access::read, present));
  }
  void evict(vaddr_t va) noexcept { tlb.invalidate_page(asid_, va); }

  Tlb tlb;
  WalkCache walk_cache;

 private:
  template <class A>
  [[nodiscard, gnu::noinline]] Translation translate_behind_front(vaddr_t va,
                                                                  Access access) noexcept {
    if (const Translation found = held(va, access); found.host != nullptr) return found;
    bool present = false;
    const Tlb::Entry* filled = walk<A>(va, access, present);
    return filled == nullptr ? Translation{nullptr, present} : use(*filled, va, access);
  }

  // Of an entry, if it gives the right.
  [[nodiscard]] Translation held(vaddr_t va, Access access) noexcept {
    Tlb::Entry* entry = tlb.lookup(asid_, va);
    if (entry == nullptr || !allows(entry->flags.load(order::relaxed), access))
      return {nullptr, entry != nullptr};
    charge(Cost::tlb_hit);
    const Translation found = use(*entry, va, access);
    if (!tracing() && access != Access::exec)
      tlb.remember(*entry, va, access == Access::write, found.host);
    return found;
  }

  struct Leaf {
    page* table;
    unsigned index;
    std::uint64_t value;
    std::uint32_t changes;
    std::uint32_t block_changes;  // the greatest of the 16, if it is contiguous
  };
  enum class Step : std::uint8_t { found, fault, again };

  static bool allows(std::uint32_t flags, Access access) noexcept {
    constexpr std::uint32_t store = tlb_write | tlb_dirty;
    if (access == Access::write) return (flags & store) == store;
    return access == Access::read || (flags & tlb_exec) != 0;
  }
  static unsigned index_of(vaddr_t va, unsigned level) noexcept {
    return static_cast<unsigned>(va >> (page_shift + 9 * level)) & (ptrs_per_table - 1);
  }

  Translation use(const Tlb::Entry& entry, vaddr_t va, Access access) const noexcept {
    const page* frame = entry.frame.load(order::relaxed);
    if (tracing())
      trace(EventKind::tlb_use, mm_id_, va, frame->pfn, entry.frame_generation.load(order::relaxed),
            access == Access::write ? 1 : 0);
    auto* host = static_cast<std::byte*>(entry.host.load(order::relaxed));
    return {host + (va & ((1ULL << size_shift(entry.size())) - 1)), true};
  }

  // The deepest table of the walk cache on the way to va, else the root.
  [[nodiscard]] page* start_of_walk(vaddr_t va) const noexcept {
    for (unsigned level = 0; level < WalkCache::levels; ++level)
      if (const WalkCache::Entry* entry = walk_cache.lookup(asid_, va, level)) {
        page* table = entry->table.load(order::relaxed);
        trace(EventKind::walk_table, mm_id_, table->pfn, entry->generation.load(order::relaxed));
        return table;
      }
    return root_;
  }

  // Nobody may walk here any more: a backend flushed too little, or let a table go too early.
  template <class A>
  [[nodiscard]] bool descend(vaddr_t va, Leaf& leaf) noexcept {
    page* table = start_of_walk(va);
    while (table != nullptr) {
      vm_bug_on(table->table == nullptr, "walk_of_a_freed_table");
      const unsigned index = index_of(va, table->level);
      const std::uint32_t changes = changes_of(*table, index);
      // Consume: the next table, or the frame, by the dependency of its address and nothing else; pairs
      // with the release in set_pte_at.
      const pte_t entry{table->table->entry[index].load(order::consume)};
      if (table->level == 0 || A::pmd_leaf(entry)) {
        leaf = {table, index, entry.val, changes, 0};
        return true;
      }
      if (A::pte_none(entry)) return false;
      table = led_to(entry.val, pfn_to_page(A::pte_pfn(entry)));
      led_to(entry.val, table->table);
      if (table->level < WalkCache::levels)
        walk_cache.insert(asid_, va, table, table->generation.load(order::relaxed), mm_id_);
    }
    return false;
  }

  // As hardware does it, which may have a bit of its own.
  template <class A>
  static pte_t hw_mkdirty(pte_t entry) noexcept {
    if constexpr (requires { A::hw_mkdirty(entry); }) return A::hw_mkdirty(entry);
    return A::pte_mkdirty(entry);
  }

  // Rights, then A and D in the entry itself.
  template <class A>
  [[nodiscard]] Step take(const Leaf& leaf, Access access, pte_t& entry, bool& present) noexcept {
    entry = {leaf.value};
    present = A::hw_present(entry);
    if (!present || !A::hw_allows(entry, access)) return Step::fault;
    pte_t wanted = A::pte_mkyoung(entry);
    if (access == Access::write) wanted = hw_mkdirty<A>(wanted);
    if (wanted == entry) return Step::found;
    std::uint64_t expected = entry.val;
    if (!leaf.table->table->entry[leaf.index].compare_exchange(expected, wanted.val, order::full))
      return Step::again;
    entry = wanted;
    return Step::found;
  }

  // The entry that it made; null: it may not access the page, and whether there is one.
  template <class A>
  [[nodiscard]] const Tlb::Entry* walk(vaddr_t va, Access access, bool& present) noexcept {
    charge(Cost::table_walk);
    for (;;) {
      Leaf leaf{};
      pte_t entry;
      present = false;
      if (root_ == nullptr || !descend<A>(va, leaf)) return nullptr;
      const Step step = take<A>(leaf, access, entry, present);
      if (step == Step::fault) return nullptr;
      if (is_contiguous<A>(leaf, entry)) leaf.block_changes = changes_of_block(leaf);
      const bool settled = changes_of(*leaf.table, leaf.index) == leaf.changes;
      if (step == Step::found && settled) return fill<A>(va, leaf, entry);
    }
  }

  // One of 16 entries that software says show 16 consecutive pages with equal rights. Hardware takes its
  // word for it and reads the one.
  template <class A>
  static bool is_contiguous(const Leaf& leaf, pte_t entry) noexcept {
    if constexpr (FoldsEntries<A>) return leaf.table->level == 0 && A::hw_contiguous(entry);
    return false;
  }
  // What is made of one of them is older than the next change of any.
  static std::uint32_t changes_of_block(const Leaf& leaf) noexcept {
    std::uint32_t last = 0;
    const unsigned first = leaf.index & ~(contiguous_pages - 1);
    for (unsigned i = 0; i < contiguous_pages; ++i)
      last = std::max(last, changes_of(*leaf.table, first + i));
    return last;
  }

  template <class A>
  const Tlb::Entry* fill(vaddr_t va, const Leaf& leaf, pte_t entry) noexcept {
    // 64 KiB or 4: a hint binds no hardware.
    const bool contiguous = is_contiguous<A>(leaf, entry) && choose(2) == 0;
    const unsigned behind = contiguous ? leaf.index & (contiguous_pages - 1) : 0;
    const unsigned size = contiguous ? contiguous_size : leaf.table->level;
    page* frame = led_to(leaf.value, pfn_to_page(A::pte_pfn(entry) - behind));
    led_to(leaf.value, static_cast<std::byte*>(frame->frame), std::size_t{1} << size_shift(size));
    TlbData data{frame, frame->frame, flags_of<A>(leaf, entry), size};
    // Hardware may stop with an abort, or take either.
    if constexpr (FoldsEntries<A>)
      vm_bug_on(leaf.table->level == 0 && tlb.conflicts(asid_, va, data), "tlb_conflict");
    const bool traced = tracing();
    if (traced) {
      data.frame_generation = frame->generation.load(order::consume);
      data.slot_changes = contiguous ? leaf.block_changes : leaf.changes;
      data.slot = leaf.table->pfn << 9 | leaf.index;
      data.mm_id = mm_id_;
      trace(EventKind::tlb_fill, mm_id_, va, frame->pfn, data.slot, size_shift(data.size));
    }
    tlb.insert(asid_, va, data, traced);
    return tlb.lookup(asid_, va);
  }

  template <class A>
  static std::uint32_t flags_of(const Leaf& leaf, pte_t entry) noexcept {
    return (A::pte_write(entry) ? tlb_write : 0U) | (A::pte_dirty(entry) ? tlb_dirty : 0U) |
           (A::hw_allows(entry, Access::exec) ? tlb_exec : 0U) |
           (is_contiguous<A>(leaf, entry) ? tlb_contiguous : 0U);
  }

  page* root_ = nullptr;
  unsigned asid_ = 0;
  std::uint64_t mm_id_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD::hw
