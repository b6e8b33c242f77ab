// SPDX-License-Identifier: GPL-2.0-or-later
// One switch per historical fix. In a new mm all are as in 6.18; a scenario, or --without and --set on
// the command line, puts one back to what was before it, and the race that it cured must come back. A
// fix that history had in several forms has a value for each, the oldest first.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace tlblab {

// Where moving an entry flushes the old address.
enum class MremapFlush : std::uint8_t {
  after,              // both PTLs dropped
  before_old_unlock,  // the new place's dropped; for dirty entries only, others after
  before_both,        // both held
};

// How mremap moves a whole page table, and what keeps who comes by reverse mapping from an address that is
// old. The first three are wrong; history had the first and the last.
enum class MremapTables : std::uint8_t {
  flush_in_lock,       // clear, insert, flush, with the locks of the two entries
  flush_after_unlock,  // as posted in May 2021
  flush_between,       // clear, flush, insert: the cure that looks obvious
  pte_lock,            // and the moved table's own lock held meanwhile
  unmap_flushes_mm,    // who unmaps a page flushes every address
  rmap_lock,           // reverse mapping kept out
  rmap_lock_outside,   // and the flush when the locks of the entries are dropped
};

// What reclaim leaves for others to see when it has unmapped a page and not flushed yet.
enum class BatchedPending : std::uint8_t {
  off,
  flag,   // whoever flushes clears it, and with it what was unmapped meanwhile
  count,  // whoever flushes takes away what there was before
};

// When a zapped dirty page of a file leaves rmap.
enum class DelayedRmap : std::uint8_t {
  after_unlock,  // at once; the flush comes when the PTL is dropped
  in_lock,       // at once; the flush comes before the PTL is dropped
  delayed,       // after the flush, which comes before the PTL is dropped
};

// Clearing the soft-dirty marks of a process: under which lock, and who flushes.
enum class ClearRefsForm : std::uint8_t {
  gather,       // mmap_lock for reading; a gather that records nothing, and so flushes nothing
  read_flush,   // mmap_lock for reading; counted as pending, a flush at the end
  write_flush,  // mmap_lock for writing; the same
};

// Which flushes a reader of the pending count takes for due where he wants to know about one address.
enum class PendingFilter : std::uint8_t {
  off,    // every one of the mm
  late,   // those of the address's block, which are filed when the entries have changed
  flag,   // of the block, which has a mark and no count: who is done hides what others owe
  count,  // of the block
};

// What a flush that is forced on a gather drops besides what the gather asked for.
enum class ForcedFlush : std::uint8_t {
  request,     // last-level entries of the request's range
  whole_mm,    // of all addresses, as of a process that ends: arm64 then flushes nothing
  and_tables,  // and what leads to page tables
};

// Fences that can be left out by themselves (mm/fences.h).
enum class Fence : std::uint8_t {
  gup_pin,
  gup_exclusive,
  share_clear,
  share_exclusive,
  lazyfree_clear,
  lazyfree_dirty,
  fork_pin,
  uffd_move,
  skip_mark,
  skip_count,
  cow_read,
  take_requests,
  switch_in,
  leave_lazy,
};

struct fixes {
  bool nested_flush = true;
  bool pending_count = true;
  DelayedRmap delayed_rmap = DelayedRmap::delayed;
  MremapFlush mremap_flush = MremapFlush::before_both;
  MremapTables mremap_tables = MremapTables::rmap_lock;
  BatchedPending batched_pending = BatchedPending::count;
  bool batched_flush_mm = true;
  bool uffd_wp_flush = true;
  ClearRefsForm clear_refs = ClearRefsForm::write_flush;
  bool anon_exclusive = true;
  bool ksm_check_pending = true;
  bool table_fallback_flush = true;
  ForcedFlush forced_flush = ForcedFlush::and_tables;
  bool tlb_gen_in_order = true;
  bool switch_mask_first = true;
  bool switching_counts = true;
  bool reclaim_flush_dirty = true;
  bool dec_after_flush = true;
  bool huge_pmd_invalidate = true;
  bool gup_recheck_pmd = true;
  bool collapse_sync = true;
  bool pte_accessible_pending = true;
  bool pfnmap_flush_first = true;
  bool asid_read_late = true;
  bool asid_keep_reserved = true;
  bool uffd_keep_write = true;
  bool fork_lock_vmas = true;
  bool clear_refs_migration = true;
  PendingFilter pending_filter = PendingFilter::off;  // not merged
  bool dec_release = false;                           // the same
  bool zap_flush = false;                             // off as merged: another cure was found
  std::uint32_t dropped_fences = 0;                   // a bit for each

  friend bool operator==(const fixes&, const fixes&) noexcept = default;
};

struct FixInfo {
  std::string_view name;    // as typed after --without
  std::string_view commit;  // in Linux
  unsigned year;
  std::string_view line;                // what it does
  std::string_view values;              // as typed after NAME=; the first is without it
  void (*put)(fixes&, unsigned value);  // by its place in values
};

namespace fix_forms {

template <auto member>
void put_in(fixes& all, unsigned value) noexcept {
  using Value = std::remove_reference_t<decltype(all.*member)>;
  all.*member = static_cast<Value>(value);
}

template <Fence fence>
void put_fence(fixes& all, unsigned value) noexcept {
  const std::uint32_t bit = 1U << static_cast<unsigned>(fence);
  if (value == 0)
    all.dropped_fences |= bit;
  else
    all.dropped_fences &= ~bit;
}

}  // namespace fix_forms

inline constexpr std::string_view off_or_on = "off,on";

inline constexpr std::array fix_table{
    FixInfo{"nested-flush", "99baac21e458", 2017,
            "tlb_finish_mmu flushes when another gather of the mm is open", off_or_on,
            fix_forms::put_in<&fixes::nested_flush>},
    FixInfo{"pending-count", "16af97dc5a89", 2017,
            "flushes that are due are counted: who is done does not hide what others owe",
            off_or_on, fix_forms::put_in<&fixes::pending_count>},
    FixInfo{"delayed-rmap", "1cf35d47712d, 5df397dec7c4", 2022,
            "a dirty page of a file stays mapped for rmap until its zap has flushed",
            "after-unlock,in-lock,delayed", fix_forms::put_in<&fixes::delayed_rmap>},
    FixInfo{"mremap-flush", "eb66ae030829", 2018,
            "mremap flushes the old address before it drops either page-table lock",
            "after,before-old-unlock,before-both", fix_forms::put_in<&fixes::mremap_flush>},
    FixInfo{"mremap-rmap-lock", "97113eb39fa7", 2021,
            "mremap keeps reverse mapping out while it moves a whole page table",
            "off,flush-after-unlock,flush-between,pte-lock,unmap-flushes-mm,on,on-flush-outside",
            fix_forms::put_in<&fixes::mremap_tables>},
    FixInfo{"batched-pending", "3ea277194daa, 5ee2fa2f0636", 2017,
            "who changes entries flushes first what reclaim unmapped and has not flushed yet",
            "off,flag,count", fix_forms::put_in<&fixes::batched_pending>},
    FixInfo{
        "batched-flush-mm", "4b634918384c", 2025,
        "who changes entries flushes himself: a barrier waits for its own CPU's invalidates only",
        off_or_on, fix_forms::put_in<&fixes::batched_flush_mm>},
    FixInfo{"uffd-wp-flush", "6ce64428d620", 2021,
            "a write fault flushes a page that is being write-protected before it copies it",
            off_or_on, fix_forms::put_in<&fixes::uffd_wp_flush>},
    FixInfo{"clear-refs", "912efa17e512, 29a951dfb3c3", 2021,
            "clear_refs flushes at its end, and keeps write faults out until then",
            "gather,read-flush,write-flush", fix_forms::put_in<&fixes::clear_refs>},
    FixInfo{"anon-exclusive", "6c287605fd56", 2022,
            "a page that is known to be one mm's own is not copied, whoever looks at it", off_or_on,
            fix_forms::put_in<&fixes::anon_exclusive>},
    FixInfo{"ksm-check-pending", "b3a81d0841a9", 2017,
            "ksm flushes a page that is read-only already if any flush is due in the mm", off_or_on,
            fix_forms::put_in<&fixes::ksm_check_pending>},
    FixInfo{"table-fallback-flush", "d86564a2f085", 2018,
            "without memory for a batch a page table is freed only after an invalidate", off_or_on,
            fix_forms::put_in<&fixes::table_fallback_flush>},
    FixInfo{"forced-flush-tables", "7a30df49f63a", 2019,
            "a forced flush drops what walkers cached of tables that others freed",
            "off,whole-mm,on", fix_forms::put_in<&fixes::forced_flush>},
    FixInfo{"tlb-gen-in-order", "94b1b03b519b", 2017,
            "x86: a flush of some pages counts only as the very next one, or it flushes everything",
            off_or_on, fix_forms::put_in<&fixes::tlb_gen_in_order>},
    FixInfo{"switch-mask-first", "71b3c126e611", 2016,
            "x86: a CPU that loads an mm is in its set before it looks which flushes there were",
            off_or_on, fix_forms::put_in<&fixes::switch_mask_first>},
    FixInfo{"switching-counts", "fea4e317f9e7", 2025,
            "x86: a CPU that is about to load an mm is interrupted as if it had", off_or_on,
            fix_forms::put_in<&fixes::switching_counts>},
    FixInfo{"reclaim-flush-dirty", "not in 6.18", 2026,
            "reclaim flushes a dirty page that it unmapped and leaves before it unlocks it",
            off_or_on, fix_forms::put_in<&fixes::reclaim_flush_dirty>},
    FixInfo{"dec-after-flush", "never left out", 2013,
            "tlb_finish_mmu counts its flush as done when it is done, and not before", off_or_on,
            fix_forms::put_in<&fixes::dec_after_flush>},
    FixInfo{"dec-release", "not merged", 2020,
            "the count of flushes that are due goes down by a release; off unless --set =on",
            off_or_on, fix_forms::put_in<&fixes::dec_release>},
    FixInfo{"huge-pmd-invalidate", "58ceeb6bec86, ced108037c2a", 2017,
            "a huge entry that changes is not empty on the way, for who looks without the lock",
            off_or_on, fix_forms::put_in<&fixes::huge_pmd_invalidate>},
    FixInfo{"gup-recheck-pmd", "70cbc3cc78a9", 2022,
            "GUP-fast looks again at the entry above the table that it read", off_or_on,
            fix_forms::put_in<&fixes::gup_recheck_pmd>},
    FixInfo{"collapse-sync", "2ba99c5e0881", 2022,
            "collapse waits until no GUP-fast is left in the table that it took away", off_or_on,
            fix_forms::put_in<&fixes::collapse_sync>},
    FixInfo{"pte-accessible-pending", "20841405940e", 2013,
            "an entry without rights counts as accessible while any flush is due in the mm",
            off_or_on, fix_forms::put_in<&fixes::pte_accessible_pending>},
    FixInfo{"pfnmap-flush-first", "b67fbebd4cf9", 2022,
            "pages that nobody counts are flushed before their area leaves the reverse mapping",
            off_or_on, fix_forms::put_in<&fixes::pfnmap_flush_first>},
    FixInfo{"asid-read-late", "5e10f9887ed8", 2021,
            "an address space's number is read when its entry has changed, not before", off_or_on,
            fix_forms::put_in<&fixes::asid_read_late>},
    FixInfo{"asid-keep-reserved", "a8ffaaa060b8", 2017,
            "a CPU that a rollover has passed takes its number under the lock", off_or_on,
            fix_forms::put_in<&fixes::asid_keep_reserved>},
    FixInfo{"uffd-unprotect-keeps-write", "not merged", 2020,
            "UFFDIO_WRITEPROTECT that ends protection takes no right from an entry that had none",
            off_or_on, fix_forms::put_in<&fixes::uffd_keep_write>},
    FixInfo{"fork-lock-vmas", "fb49c455323f", 2023,
            "fork keeps the faults of each area out until it has flushed", off_or_on,
            fix_forms::put_in<&fixes::fork_lock_vmas>},
    FixInfo{"clear-refs-migration", "not in 6.12", 2026,
            "clear_refs takes the right to write from an entry under migration too", off_or_on,
            fix_forms::put_in<&fixes::clear_refs_migration>},
    FixInfo{"pending-filter", "not merged", 2020,
            "a fault asks for flushes that are due near its address, not in all of the mm; off "
            "unless --set",
            "off,late,flag,count", fix_forms::put_in<&fixes::pending_filter>},
    FixInfo{"zap-flush-before-unlock", "not merged", 2007,
            "zap_pte_range flushes before it drops the page-table lock; off unless --set =on",
            off_or_on, fix_forms::put_in<&fixes::zap_flush>},
    // Fences.
    FixInfo{"gup-pin-mb", "088b8aa537c2", 2022,
            "GUP-fast: the pin before the second look at the entry", off_or_on,
            fix_forms::put_fence<Fence::gup_pin>},
    FixInfo{"gup-exclusive-rmb", "088b8aa537c2", 2022,
            "GUP-fast: the second look at the entry before the look at PG_anon_exclusive",
            off_or_on, fix_forms::put_fence<Fence::gup_exclusive>},
    FixInfo{"ksm-clear-mb", "088b8aa537c2", 2022,
            "who shares, swaps or moves a page: the cleared entry before the look at the pins",
            off_or_on, fix_forms::put_fence<Fence::share_clear>},
    FixInfo{"ksm-exclusive-wmb", "088b8aa537c2", 2022,
            "who shares, swaps or moves a page: PG_anon_exclusive gone before the new entry",
            off_or_on, fix_forms::put_fence<Fence::share_exclusive>},
    FixInfo{"lazyfree-clear-mb", "6c8e2a256915", 2022,
            "discard of a page of MADV_FREE: the cleared entry before the look at the references",
            off_or_on, fix_forms::put_fence<Fence::lazyfree_clear>},
    FixInfo{"lazyfree-dirty-rmb", "6c8e2a256915", 2022,
            "discard of a page of MADV_FREE: the look at the references before that at PG_dirty",
            off_or_on, fix_forms::put_fence<Fence::lazyfree_dirty>},
    FixInfo{"fork-pin-mb", "57efa1fe5957", 2020,
            "fork: the odd sequence number before the look at the pins", off_or_on,
            fix_forms::put_fence<Fence::fork_pin>},
    FixInfo{"uffd-move-mb", "adef440691ba", 2023,
            "UFFDIO_MOVE: the cleared entry before the look at the pins", off_or_on,
            fix_forms::put_fence<Fence::uffd_move>},
    FixInfo{"skip-broadcast-mark-mb", "not merged", 2020,
            "arm64+skip-broadcast: other CPUs marked before the look at how many run the mm",
            off_or_on, fix_forms::put_fence<Fence::skip_mark>},
    FixInfo{"skip-broadcast-count-mb", "not merged", 2020,
            "arm64+skip-broadcast: a CPU counted before it looks whether it was marked", off_or_on,
            fix_forms::put_fence<Fence::skip_count>},
    FixInfo{"cow-read-rmb", "not in 6.18", 2026,
            "a write fault: the look at the flushes that are due before the page is copied",
            off_or_on, fix_forms::put_fence<Fence::cow_read>},
    FixInfo{"take-requests-mb", "never left out", 2014,
            "a CPU that is interrupted: what it did before it takes its requests", off_or_on,
            fix_forms::put_fence<Fence::take_requests>},
    FixInfo{"switch-mb", "83b0177a6c48", 2025,
            "x86: a CPU is seen to load an mm before it looks which flushes there were", off_or_on,
            fix_forms::put_fence<Fence::switch_in>},
    FixInfo{"leave-lazy-mb", "never left out", 2018,
            "x86: a CPU is seen awake before it looks which flushes it slept through", off_or_on,
            fix_forms::put_fence<Fence::leave_lazy>},
};

// The place of a form in a list with commas; -1: it is not there.
[[nodiscard]] constexpr int form_index(std::string_view values, std::string_view form) noexcept {
  for (int index = 0;; ++index) {
    const std::size_t comma = values.find(',');
    if (values.substr(0, comma) == form) return index;
    if (comma == std::string_view::npos) return -1;
    values.remove_prefix(comma + 1);
  }
}

// As typed: F, as it was before that fix, or F=FORM. False: there is no such fix or form.
inline bool put_fix(fixes& all, std::string_view typed) noexcept {
  const std::size_t equals = typed.find('=');
  for (const FixInfo& info : fix_table) {
    if (info.name != typed.substr(0, equals)) continue;
    const bool plain = equals == std::string_view::npos;
    const int form = plain ? 0 : form_index(info.values, typed.substr(equals + 1));
    if (form >= 0) info.put(all, static_cast<unsigned>(form));
    return form >= 0;
  }
  return false;
}

}  // namespace tlblab
