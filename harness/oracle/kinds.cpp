// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/oracle/kinds.h"

#include <algorithm>
#include <array>

namespace tlblab {

namespace {

constexpr auto kinds = std::to_array<ViolationKind>({
    // I1: a frame may be freed when no TLB can lead to it any more.
    {kind::freed_frame_use, "I1",
     "a program used a frame through a translation that is older than the frame's last free"},
    {kind::frame_freed_while_cached, "I1",
     "a frame was freed while a CPU that runs the address space still had a translation to it"},
    // I2: the same for tables and walkers.
    {kind::freed_table_walk, "I2",
     "a hardware walk began at a page table that had been freed meanwhile"},
    {kind::table_freed_while_cached, "I2",
     "a page table was freed while the walk cache of a CPU that runs the address space had it"},
    // I3: what a call took away is gone when it returns.
    {kind::stale_translation_after_return, "I3",
     "a call returned while a CPU could still use a translation that the call had seen taken away"},
    {kind::stale_translation_use, "I3",
     "a program used a translation that had been taken away before a call over it returned"},
    {"store_not_soft_dirty", "I3",
     "a program stored into a page after clear_refs had returned, and the page counts as "
     "unwritten"},
    {"page_left_after_return", "I3",
     "a call that gives pages back returned, and its program still found one of them there"},
    // I4: what is copied stands still.
    {kind::store_during_copy, "I4",
     "a program stored into a page while it was copied, through the address that now shows the "
     "copy"},
    // I5: whoever takes a page for clean can rely on it.
    {kind::dirty_translation_after_clean, "I5",
     "a call that cleaned a page returned, or somebody relied on the page being clean, while a CPU "
     "could still store without leaving a mark"},
    {kind::unmarked_store, "I5",
     "a program stored into a cleaned page and left no mark: it is lost"},
    // I6: values, end to end; by a workload that knows what it wrote.
    {"wrong_value", "I6", "a program read a value that nobody who may had written at that place"},
    {"wrong_fault", "I6",
     "an access was allowed or denied against what its program's calls had said"},
    {"lost_store", "I6",
     "what a program stored, or a device through its pin of a page, is not what the program finds "
     "at that address"},
    // I7: a pin keeps the page that the program sees.
    {kind::unreliable_pin, "I7",
     "an anonymous page was pinned and not, or no longer, exclusive to its address space"},
    // I8: the pending count says that changed entries are not flushed yet.
    {kind::debt_without_pending, "I8",
     "the holder of a page-table lock reads that no flush is pending, but one of its entries was "
     "changed and not flushed"},
    {kind::pending_below_zero, "I8", "the count of pending flushes was decremented too often"},
    // I10: hardware finds one entry for an address, or none.
    {kind::duplicate_hash_entry, "I10",
     "the hash page table had two valid entries for one address, of which hardware may take "
     "either"},
    {kind::mixed_contiguous_entries, "I10",
     "the lock of a page table was dropped while hardware could take one of 16 entries for all of "
     "them, which were not alike"},
    // I18: what a gather takes it gives back once, after the flush.
    {kind::page_freed_before_flush, "I18", "a page was freed before the flush that it waited for"},
    {kind::page_left_in_gather, "I18", "a gather ended without giving back every page it took"},
    {kind::page_put_twice, "I18", "a gather gave back a page that it did not hold (any more)"},
    {kind::table_freed_before_flush, "I18",
     "a page table was freed before the flush that it waited for"},
    {kind::table_queued_twice, "I18", "a page table was unhooked and queued twice"},
    {kind::table_left_in_gather, "I18", "a queued page table was never freed"},
    {kind::gather_out_of_order, "I18",
     "a gather was begun inside another one of the same CPU, or used before its begin or after its "
     "end"},
    // What mm and the backends check of themselves.
    {"access_to_mm_not_loaded", "mm", "a program ran on a CPU that had another mm loaded"},
    {"anonymous_page_without_anon_vma", "mm",
     "an anonymous page was put into an area through which nobody could find it"},
    {"cached_page_dropped_while_mapped", "mm", "a file dropped a page that an entry still mapped"},
    {"delayed_rmap_at_finish", "mm", "tlb_finish_mmu found mapcounts that tlb_flush_rmaps missed"},
    {"fewer_asids_than_cpus", "mm", "too few address-space numbers for this many CPUs"},
    {"flush_inside_flush", "mm", "a CPU began a flush while its flush request was still in use"},
    {"flush_pending_at_exit", "mm", "an address space died with its pending count not zero"},
    {"flush_with_interrupts_off", "mm", "a flush that waits for other CPUs with interrupts off"},
    {"frames_left_at_the_end", "mm", "frames or page tables were never freed"},
    {"isolated_page_left", "mm",
     "a reclaimer neither freed nor gave back a page that it had taken"},
    {"mapcount_below_zero", "mm", "a page was unmapped more often than it was mapped"},
    {"memory_left_at_the_end", "mm", "an object or the frame of a batch was never freed"},
    {"page_freed_twice", "mm", "more references of a page were dropped than taken"},
    {"page_freed_while_mapped", "mm", "the last reference of a page went while an entry mapped it"},
    {"page_queued_before_its_range", "mm", "a page was queued in a gather that recorded no range"},
    {"page_tables_left_at_exit", "mm", "an address space died with page tables still in use"},
    {"reference_to_free_page", "mm", "a reference was taken to a page that nobody held"},
    {"rss_not_zero_at_exit", "mm", "an address space died with pages still counted as present"},
    {"switch_mm_with_interrupts_on", "mm", "a CPU switched address spaces with interrupts on"},
    {"no_asid_after_rollover", "mm", "a new generation of address-space numbers had none free"},
    {"no_context_number_left", "mm", "there were more address spaces than numbers for them"},
    {"tlb_duplicate_machine_check", "mm",
     "software wrote an entry into a TLB that had one for the same address: the CPU stops"},
    {"tlb_conflict", "mm",
     "a TLB came to hold one page at one address in two sizes: the CPU may stop"},
    {"faults_without_end", "mm",
     "an access faulted again and again, and its fault handler found all in order"},
    {"walk_of_a_freed_table", "mm",
     "a walk, of hardware, of a miss handler or without locks, came to a page table that had been "
     "freed"},
    {"no_memory_for_the_machine", "mm", "the machine is too small for what it was to run"},
    {"no_memory_for_the_script", "mm", "the machine is too small for the script"},
    {"no_timer_for_stalls", "mm", "the host has no timer left to make CPUs wait by"},
    {"no_table_deposited", "mm", "a huge page was to be split and had no page table put aside"},
    {"swap_entry_without_slot", "mm", "an entry named a swap slot that the device does not have"},
    {"swap_slot_freed_twice", "mm", "a swap slot was given back more often than it was counted"},
    {"swap_slots_left_at_the_end", "mm", "swap slots were never given back"},
    {"unmapped_and_never_flushed", "mm", "a reclaimer ended and still owed a flush"},
    {"unpinned_more_than_pinned", "mm", "a large folio was unpinned more often than it was pinned"},
    {"area_written_without_mmap_lock", "mm",
     "an area was to be changed by a CPU that does not hold mmap_lock for writing"},
    {"no_memory_for_the_replay", "mm", "the machine is too small for the recording"},
    // What the simulated machine forbids.
    {"access_window_inside_another", "cpu", "an access began inside another access of its CPU"},
    {"allocates_inside_access_window", "cpu", "memory was asked for in the middle of an access"},
    {"body_ended_in_rcu_section", "cpu", "a CPU ended its program inside an RCU read-side section"},
    {"body_ended_with_a_spinlock", "cpu", "a CPU ended its program with a spinlock held"},
    {"body_ended_with_interrupts_off", "cpu", "a CPU ended its program with interrupts off"},
    {"choice_too_wide", "cpu", "choose(n) with more alternatives than a schedule can hold"},
    {"data_race", "cpu", "two CPUs used a plain word, one of them wrote it, nothing ordered them"},
    {"deadlock", "cpu", "every CPU waits and nothing is left that could wake one"},
    {"downgrade_by_other_cpu", "cpu", "a CPU downgraded a lock that another one holds"},
    {"frame_freed_twice", "cpu", "the memory of a frame was given back twice"},
    {"interrupts_restored_twice", "cpu", "interrupts were switched on more often than off"},
    {"ipi_to_absent_cpu", "cpu", "an interrupt was sent to a CPU that the machine does not have"},
    {"ipi_to_self", "cpu", "a CPU posted an interrupt to itself"},
    {"ipi_with_interrupts_off", "cpu", "a CPU that cannot take interrupts sent one"},
    {"memory_without_a_machine", "cpu", "memory was asked for outside of any machine"},
    {"no_jemalloc_arena", "cpu", "jemalloc refused an arena for a NUMA node"},
    {"object_freed_twice", "cpu", "an object's memory was given back twice"},
    {"rcu_read_unlock_without_lock", "cpu", "an RCU read-side section was ended twice"},
    {"sleeps_in_atomic_section", "cpu", "a CPU may sleep where the kernel must not"},
    {"spinlock_taken_twice", "cpu", "a CPU waits for a spinlock that it holds itself"},
    {"step_limit", "cpu", "the execution did not end within its bound: a livelock, perhaps"},
    {"synchronize_rcu_in_atomic_section", "cpu", "a wait for a grace period that holds it up"},
    {"takes_mmu_inside_access_window", "cpu", "a CPU took an MMU in the middle of an access"},
    {"unlock_by_other_cpu", "cpu", "a CPU released a spinlock that another one holds"},
    {"unlock_of_free_spinlock", "cpu", "a spinlock was released that nobody held"},
    {"up_read_of_free_rwsem", "cpu", "a lock was released for reading that no reader held"},
    {"up_write_by_other_cpu", "cpu", "a CPU released a write lock that another one holds"},
    {"waits_inside_access_window", "cpu", "a CPU waited in the middle of an access"},

    {"forbidden_state", "text", "a scenario ended in a state that its text forbids"},
    {"setup_failed", "text", "what a scenario's text does before its programs begin went wrong"},
});

}  // namespace

std::span<const ViolationKind> violation_kinds() noexcept { return kinds; }

const ViolationKind* find_violation_kind(std::string_view name) noexcept {
  const auto found = std::ranges::find(kinds, name, &ViolationKind::name);
  return found == kinds.end() ? nullptr : found;
}

std::string_view call_name(MmCall call) noexcept {
  switch (call) {
    case MmCall::mmap: return "mmap";
    case MmCall::munmap: return "munmap";
    case MmCall::mprotect: return "mprotect";
    case MmCall::mremap: return "mremap";
    case MmCall::brk: return "brk";
    case MmCall::madvise_dontneed: return "madvise_dontneed";
    case MmCall::fork: return "fork";
    case MmCall::exit_mmap: return "exit_mmap";
    case MmCall::madvise_free: return "madvise_free";
    case MmCall::madvise_cold: return "madvise_cold";
    case MmCall::madvise_guard: return "madvise_guard";
    case MmCall::madvise_remove: return "madvise_remove";
    case MmCall::clear_refs: return "clear_refs";
  }
  return "?";
}

}  // namespace tlblab
