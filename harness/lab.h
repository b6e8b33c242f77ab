// SPDX-License-Identifier: GPL-2.0-or-later
// What a scenario is written against: the calls and accesses of a program on one simulated CPU, the
// kernel's own threads, what devices do, ways to wait for one another, and a way to say that something
// must not be. The same body runs on pinned threads and under the explorer.
//
// A scenario is a struct with
//
//   static constexpr ScenarioInfo info{...};  // harness/scenario_info.h, expectation.h
//   template <ArchBackend A> struct Body {
//     void setup(Lab<A>& lab);              // on CPU 0, before each round, the others waiting
//     void act(Lab<A>& lab, unsigned role); // on every CPU at once; role < info.cpus
//     void teardown(Lab<A>& lab);           // on CPU 0 after the last round; may be missing
//     std::vector<vaddr_t> addresses();     // that walkers go to and TLBs evict; may be missing
//     template <class Name> void name_words(Name name) const;  // name(word, "its name"); may be missing
//   };
//
// in a file of its own under harness/scenario, and in the list of harness/instances/scenarios.h. Its file
// tells the story. One that is about the numbers of address spaces has static constexpr unsigned
// explored_asids: how many the explorer's machine has. A Body lives for a run of rounds on threads, for one
// execution under the explorer. What actors share besides the simulated memory are Signals and Atomics in it.
//
// Under the explorer every step multiplies the schedules, so the geometry is to be as small as it can be;
// on threads the actors have to meet, so whoever has to come late gets more to do before (explored()
// tells which). The oracles (harness/oracle) look at everything all the time: most scenarios need no check
// of their own. Calls return what the system call does; one that may not fail is said to be so by must().
// Under the explorer the hardware of each CPU may walk the tables ahead of any access, or drop entries of
// its TLB, if that is asked for; without addresses it does neither.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/scenario_info.h"
#include "harness/trace.h"
#include "mm/gup.h"
#include "mm/khugepaged.h"
#include "mm/ksm.h"
#include "mm/migrate.h"
#include "mm/mm.h"
#include "mm/page_cache.h"
#include "mm/pfnmap.h"
#include "mm/rmap.h"
#include "mm/soft_dirty.h"
#include "mm/swap.h"
#include "mm/userfaultfd.h"
#include "mm/vmscan.h"

namespace tlblab::inline TLBLAB_WORLD {

// Something that happens at most once in a round, for other CPUs to wait for.
class Signal {
  template <ArchBackend>
  friend class Lab;
  Atomic<unsigned> in_round_{0};  // counted from 1
};

// What all CPUs of a run have in common.
class LabRun {
 public:
  static constexpr std::size_t examples_kept = 8;
  // explored_rounds: how often a loop over again() goes round under the explorer, where every turn
  // costs schedules; 0: this is the real world, it goes on until somebody calls finish_round().
  explicit LabRun(unsigned explored_rounds) : explored_rounds_(explored_rounds) {}

  // Returns when all CPUs have come here.
  void meet() noexcept;
  void violated(std::string_view kind, std::string text);
  // action() runs after each violation, where it was seen. Not during a run.
  void call_on_violation(std::function<void()> action) { on_violation_ = std::move(action); }
  [[nodiscard]] std::uint64_t violations() const noexcept {
    return violations_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::vector<Violation> examples();

  Atomic<unsigned> round{0};
  Atomic<bool> over{false};  // of this round: loops over again() end
  const unsigned explored_rounds_;

 private:
  template <ArchBackend>
  friend class Lab;

  std::vector<address_space*> files_;  // of the scenario; CPU 0's
  Atomic<unsigned> arrived_{0};
  Atomic<unsigned> meetings_{0};
  std::atomic<std::uint64_t> violations_{0};
  std::mutex mutex_;
  std::vector<Violation> examples_;
  std::function<void()> on_violation_;
};

template <ArchBackend A>
class Lab {
 public:
  Lab(LabRun& run, mm_struct& mm) noexcept : run_(run), mm_(mm), here_(&mm) {}

  [[nodiscard]] mm_struct& mm() noexcept { return mm_; }
  [[nodiscard]] unsigned round() const noexcept { return run_.round.load(order::relaxed); }
  [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }

  // ---- memory: calls of this CPU's program --------------------------------------------------------

  // Anonymous private memory, readable and writable.
  void map(vaddr_t start, std::uint64_t pages) noexcept { must(map_as(start, pages, rw)); }
  // Shared memory of a file, from its first page on.
  void map_shared(vaddr_t start, std::uint64_t pages, address_space& file) noexcept {
    must(map_as(start, pages, rw | VM_SHARED, &file));
  }
  std::int64_t munmap(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_munmap<A>(*here_, start, pages * page_size));
  }
  // prot: VM_READ, VM_WRITE, VM_EXEC.
  std::int64_t mprotect(vaddr_t start, std::uint64_t pages, std::uint32_t prot) noexcept {
    return counted(do_mprotect<A>(*here_, start, pages * page_size, prot));
  }
  // To a place that is free, or freed by this.
  std::int64_t mremap(vaddr_t from, std::uint64_t pages, vaddr_t to) noexcept {
    const std::uint64_t length = pages * page_size;
    return counted(do_mremap<A>(*here_, {.old_address = from,
                                         .old_length = length,
                                         .new_length = length,
                                         .may_move = true,
                                         .fixed = true,
                                         .new_address = to}));
  }
  std::int64_t madvise_dontneed(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_madvise_dontneed<A>(*here_, start, pages * page_size));
  }
  std::int64_t madvise_free(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_madvise_free<A>(*here_, start, pages * page_size));
  }
  std::int64_t madvise_cold(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_madvise_cold<A>(*here_, start, pages * page_size));
  }
  std::int64_t madvise_pageout(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_madvise_pageout<A>(*here_, start, pages * page_size));
  }
  std::int64_t madvise_mergeable(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(do_madvise_flags<A>(*here_, start, pages * page_size, VM_MERGEABLE, 0));
  }
  // From here on a fault may map 2 MiB at once, if the area has all of them.
  std::int64_t madvise_hugepage(vaddr_t start, std::uint64_t pages) noexcept {
    return counted(
        do_madvise_flags<A>(*here_, start, pages * page_size, VM_HUGEPAGE, VM_NOHUGEPAGE));
  }
  // Watches writes: VM_UFFD_WP, or missing pages: VM_UFFD_MISSING.
  std::int64_t uffd_register(vaddr_t start, std::uint64_t pages, std::uint32_t modes) noexcept {
    return counted(do_uffd_register<A>(*here_, start, pages * page_size, modes));
  }
  std::int64_t uffd_writeprotect(vaddr_t start, std::uint64_t pages, bool on) noexcept {
    return counted(do_uffd_writeprotect<A>(*here_, start, pages * page_size, on));
  }

  // Pages that are this process's alone go from one place to another one, which is registered and empty.
  std::int64_t uffd_move(vaddr_t to, vaddr_t from, std::uint64_t pages) noexcept {
    return counted(do_uffd_move<A>(*here_, to, from, pages * page_size));
  }

  // Of the whole process: from here on soft_dirty() says which pages were written to.
  std::int64_t clear_refs() noexcept {
    return counted(do_clear_refs<A>(*here_, CLEAR_REFS_SOFT_DIRTY));
  }
  [[nodiscard]] bool soft_dirty(vaddr_t va) noexcept {
    counted(0);
    return page_soft_dirty<A>(*here_, va);
  }

  // ---- accesses -----------------------------------------------------------------------------------

  // Returns 0 where the access is fatal, as it may be beside a munmap.
  [[nodiscard]] std::uint64_t read(vaddr_t va) noexcept {
    std::uint64_t value = 0;
    counted(user_read<A>(*here_, va, value) == AccessResult::done ? 0 : -1);
    return value;
  }
  // False: fatal.
  bool write(vaddr_t va, std::uint64_t value) noexcept {
    return counted(user_write<A>(*here_, va, value) == AccessResult::done ? 0 : -1) == 0;
  }

  // Until a table of PTEs stands at va, below tables that do already, or until the signal: for who comes
  // by chance at the right moment.
  void wait_for_table(vaddr_t va, const Signal& or_told) noexcept {
    const pte_ref pmd = entry_in(find_table<A>(*here_, va, 1), va, 1);
    while (A::pte_none(ptep_get(pmd)) && !told(or_told)) cpu_relax();
  }

  // ---- other processes ----------------------------------------------------------------------------

  // A child of what this CPU runs; null: no memory. Whoever made it ends it, when nobody runs it.
  [[nodiscard]] mm_struct* fork() noexcept {
    counted(0);
    return dup_mm<A>(*here_);
  }
  void end(mm_struct& child) noexcept {
    counted(0);
    mmput<A>(child);
  }
  void run_in(mm_struct& mm) noexcept {
    here_ = &mm;
    use_mm<A>(mm);
  }
  // Runs no program until run_in(); what it had loaded may stay loaded.
  void idle() noexcept {
    counted(0);
    unuse_mm<A>();
  }

  // ---- the kernel's own threads, and devices --------------------------------------------------------

  // For setup: the machine has swap from the first round on.
  void have_swap(unsigned slots) noexcept {
    if (round() == 0) must(swapon(slots));
  }
  // kswapd takes the page that is mapped at va; vmscan.h has the results.
  std::int64_t reclaim(vaddr_t va) noexcept { return counted(swap_out_page<A>(*here_, va)); }
  // A page of another address space, whatever this CPU runs.
  std::int64_t reclaim_of(mm_struct& mm, vaddr_t va) noexcept {
    return counted(swap_out_page<A>(mm, va));
  }
  // reclaim; tells when it has taken the page off its list, which kswapd does long before it unmaps it.
  void reclaim(vaddr_t va, Signal& isolated) noexcept {
    counted(0);
    isolated_pages pages;
    static_cast<void>(isolate_page_at<A>(*here_, va, pages));
    tell(isolated);
    stall();
    static_cast<void>(shrink_folio_list<A>(pages));
  }
  // ksmd gives up the page at va for the one at kept, if they are the same.
  std::int64_t ksm_merge(vaddr_t kept, vaddr_t va) noexcept {
    return counted(ksm_merge_pages<A>(*here_, kept, va));
  }
  // NUMA balancing looks who uses these pages: the next access of each faults and moves it.
  void change_prot_numa(vaddr_t start, std::uint64_t pages) noexcept {
    must(counted(do_change_prot_numa<A>(*here_, start, pages * page_size)));
  }
  // The page that is mapped at va moves to another frame, as for compaction; migrate.h has the results.
  std::int64_t migrate(vaddr_t va) noexcept { return counted(migrate_page_at<A>(*here_, va)); }
  // khugepaged makes one huge page of the small ones around va; khugepaged.h has the results.
  std::int64_t collapse(vaddr_t va) noexcept { return counted(collapse_huge_page<A>(*here_, va)); }
  // For setup: of memory, of a disk, or a device that shows its frames. It lasts until clear().
  [[nodiscard]] address_space& new_file(FileKind kind, std::uint64_t pages) noexcept {
    address_space* file = file_create({.kind = kind, .pages = pages});
    vm_bug_on(file == nullptr, "no_memory_for_the_machine");
    run_.files_.push_back(file);
    return *file;
  }
  std::int64_t write_back(address_space& file) noexcept {
    return counted(filemap_write_and_wait<A>(file));
  }
  void punch_hole(address_space& file, std::uint64_t first, std::uint64_t pages) noexcept {
    counted(0);
    file_punch_hole<A>(file, first, pages);
  }
  // The driver takes the frame back from whoever maps it, and frees it.
  void revoke(address_space& device, std::uint64_t index) noexcept {
    counted(0);
    device_revoke<A>(device, index);
  }
  // Of the page at va: a reference, or with FOLL_PIN a pin; unpin_user_page or put_page gives it back.
  // Null: not to be had.
  [[nodiscard]] page* get_page_at(vaddr_t va, GupFlags flags) noexcept {
    page* got = nullptr;
    return counted(get_user_pages_fast<A>(*here_, va, 1, flags, &got)) == 1 ? got : nullptr;
  }
  // The same, without the part that takes locks.
  [[nodiscard]] page* get_page_fast(vaddr_t va, GupFlags flags) noexcept {
    page* got = nullptr;
    counted(0);
    return get_user_pages_fast_only<A>(*here_, va, 1, flags, &got) == 1 ? got : nullptr;
  }
  // A device stores at the start of a page that was got from it, and its driver says that the page is dirty.
  void dma_write(page* got, std::uint64_t value) noexcept {
    counted(0);
    write_once(detail::user_word(got->frame), value);
    page_set(got, PG_dirty);
  }

  // For setup and teardown: nothing is mapped in the first address space, and the files are gone.
  void clear() noexcept {
    static_cast<void>(do_munmap<A>(mm_, 0, mm_.task_size));
    for (address_space* file : run_.files_) put_file(*file);
    run_.files_.clear();
  }

  // ---- one another --------------------------------------------------------------------------------

  // What this CPU did before is seen by who is told.
  void tell(Signal& signal) noexcept {
    // Release: pairs with the acquire in told.
    signal.in_round_.store(round() + 1, order::release);
  }
  [[nodiscard]] bool told(const Signal& signal) noexcept {
    return signal.in_round_.load(order::acquire) == round() + 1;
  }
  void wait_for(const Signal& signal) noexcept {
    while (!told(signal)) cpu_relax();
  }

  [[nodiscard]] bool explored() const noexcept { return run_.explored_rounds_ != 0; }

  // A pause of random length on threads, so that the actors meet in ever other ways; the explorer
  // needs none.
  void stall() noexcept {
    constexpr unsigned longest = 512;
    if (!explored())
      for (unsigned n = choose(longest); n > 0; --n) cpu_relax();
  }

  // One more turn of a loop that lasts as long as the round?
  [[nodiscard]] bool again() noexcept {
    if (run_.explored_rounds_ != 0) return turns_++ < run_.explored_rounds_;
    cpu_relax();
    return !run_.over.load(order::relaxed);
  }
  // Ends the loops of the others.
  void finish_round() noexcept { run_.over.store(true, order::relaxed); }

  void forbid(bool seen, std::string_view kind, std::string_view text) {
    if (seen) run_.violated(kind, std::string(text));
  }
  // The same; text() is asked for only if it was seen.
  template <std::invocable Text>
  void forbid(bool seen, std::string_view kind, Text text) {
    if (seen) run_.violated(kind, text());
  }

  // Returns when all CPUs have come here.
  void meet() noexcept { run_.meet(); }

  void begin_round() noexcept { turns_ = 0; }
  static void must(std::int64_t result) noexcept { vm_bug_on(result < 0, "setup_failed"); }
  // An operation that the actor made by itself.
  void did_one() noexcept { ++operations_; }

 private:
  static constexpr std::uint32_t rw = VM_READ | VM_WRITE;

  std::int64_t counted(std::int64_t result) noexcept {
    ++operations_;
    return result;
  }
  std::int64_t map_as(vaddr_t start,
                      std::uint64_t pages,
                      std::uint32_t flags,
                      address_space* file = nullptr) noexcept {
    return counted(do_mmap<A>(*here_, {.address = start,
                                       .length = pages * page_size,
                                       .flags = flags,
                                       .fixed = true,
                                       .file = file}));
  }

  LabRun& run_;
  mm_struct& mm_;
  mm_struct* here_;
  std::uint64_t operations_ = 0;
  unsigned turns_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD
