// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/page_alloc.h"

#include <cstring>
#include <memory>
#include <new>

#include "mm/swap.h"

namespace tlblab::inline TLBLAB_WORLD {

page* mem_map = nullptr;
Atomic<std::uint64_t> last_mm_ctx_id{0};

namespace {

// Frames are handed out from the CPU's own list, then from its share of those never used, then from
// the common list. A CPU that frees what others allocate gives part of its list to the common one:
// only there a lock is taken. Kernel: per-CPU page lists and the buddy lists behind them.
struct CpuFrames {
  page* free = nullptr;
  std::uint64_t nr_free = 0;
  std::uint64_t next_unused = 0, end_unused = 0;
  long in_use = 0;       // allocations less frees of this CPU; one CPU's may be negative
  std::byte apart[128];  // the next CPU's words are in other cache lines
};

struct CommonFrames {
  Spinlock lock;
  page* free = nullptr;                       // under lock
  page* free_runs[max_folio_order + 1] = {};  // by order, their heads; under lock
  std::uint64_t batch = 0;                    // how many are moved at a time
  Atomic<page*> huge_zero{nullptr};
};

void* descriptors = nullptr;  // mem_map lies in it, at the first border of a cache line
CpuFrames* cpu_frames = nullptr;
CommonFrames* common_frames = nullptr;

constexpr std::uint64_t first_pfn = 1;  // 0 is the zero page

constexpr std::uint64_t largest_run = 1ULL << max_folio_order;

// Shares of several of the largest runs end at the border of one, so that none is lost to a border.
std::uint64_t end_of_share(std::uint64_t share, unsigned cpu) noexcept {
  const std::uint64_t end = first_pfn + (cpu + 1) * share;
  return share < 2 * largest_run ? end : end & ~(largest_run - 1);
}

void split_frames_between_cpus(std::uint64_t frames) noexcept {
  const std::uint64_t share = frames / nr_cpu_ids();
  constexpr std::uint64_t largest_batch = 256;
  common_frames->batch = share / 8 < largest_batch ? share / 8 + 1 : largest_batch;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) {
    cpu_frames[cpu].next_unused = cpu == 0 ? first_pfn : end_of_share(share, cpu - 1);
    cpu_frames[cpu].end_unused = end_of_share(share, cpu);
  }
}

page* make_descriptor(pfn_t pfn) noexcept {
  page* p = new (&mem_map[pfn]) page;
  p->pfn = pfn;
  write_once(p->head, p);
  return p;
}

page* never_used(CpuFrames& mine) noexcept {
  if (mine.next_unused == mine.end_unused) return nullptr;
  return make_descriptor(mine.next_unused++);
}

// ---- runs ---------------------------------------------------------------------------------------

// The common lock is held.
void give_run(page* head, unsigned order) noexcept {
  head->next_free = common_frames->free_runs[order];
  common_frames->free_runs[order] = head;
}

// The smallest free run of at least this order, cut down to it; null if there is none. The common
// lock is held.
page* take_run(unsigned order) noexcept {
  unsigned found = order;
  while (found <= max_folio_order && common_frames->free_runs[found] == nullptr) ++found;
  if (found > max_folio_order) return nullptr;
  page* head = common_frames->free_runs[found];
  common_frames->free_runs[found] = head->next_free;
  while (found > order) {
    --found;
    give_run(head + (1U << found), found);
  }
  return head;
}

// What is left behind a run at the end of a share, in runs of its own.
void give_rest(pfn_t start, pfn_t end) noexcept {
  for (pfn_t pfn = start; pfn < end; ++pfn) make_descriptor(pfn);
  common_frames->lock.lock();
  while (start < end) {
    unsigned order = 0;
    while (order < max_folio_order && (start >> order & 1) == 0 && start + (2ULL << order) <= end)
      ++order;
    give_run(&mem_map[start], order);
    start += 1ULL << order;
  }
  common_frames->lock.unlock();
}

// From the end of what this CPU has never used.
page* never_used_run(CpuFrames& mine, unsigned order) noexcept {
  const std::uint64_t size = 1ULL << order;
  if (mine.end_unused - mine.next_unused < size) return nullptr;
  const pfn_t start = (mine.end_unused - size) & ~(size - 1);
  if (start < mine.next_unused) return nullptr;
  for (pfn_t pfn = start; pfn < start + size; ++pfn) make_descriptor(pfn);
  const pfn_t old_end = mine.end_unused;
  mine.end_unused = start;
  if (start + size < old_end) give_rest(start + size, old_end);
  return &mem_map[start];
}

page* take_run_descriptors(unsigned order) noexcept {
  common_frames->lock.lock();
  page* head = take_run(order);
  common_frames->lock.unlock();
  CpuFrames& mine = cpu_frames[smp_processor_id()];
  if (head == nullptr) head = never_used_run(mine, order);
  if (head != nullptr) mine.in_use += 1L << order;
  return head;
}

void give_run_descriptors(page* head, unsigned order) noexcept {
  cpu_frames[smp_processor_id()].in_use -= 1L << order;
  common_frames->lock.lock();
  give_run(head, order);
  common_frames->lock.unlock();
}

// ---- single frames ------------------------------------------------------------------------------

// Moves up to a batch of frames from one list to the other. The common lock is held.
std::uint64_t move_batch(page*& from, page*& to) noexcept {
  std::uint64_t moved = 0;
  for (; moved < common_frames->batch && from != nullptr; ++moved) {
    page* p = from;
    from = p->next_free;
    p->next_free = to;
    to = p;
  }
  return moved;
}

// A free run becomes single frames of this CPU. The common lock is held.
void break_run(CpuFrames& mine) noexcept {
  for (unsigned order = 0; order <= max_folio_order; ++order) {
    if (common_frames->free_runs[order] == nullptr) continue;
    page* head = take_run(order);
    for (page* p = head; p < head + (1U << order); ++p) {
      p->next_free = mine.free;
      mine.free = p;
    }
    mine.nr_free += 1U << order;
    return;
  }
}

void refill(CpuFrames& mine) noexcept {
  common_frames->lock.lock();
  mine.nr_free += move_batch(common_frames->free, mine.free);
  if (mine.free == nullptr) break_run(mine);
  common_frames->lock.unlock();
}

void give_some_back(CpuFrames& mine) noexcept {
  common_frames->lock.lock();
  mine.nr_free -= move_batch(mine.free, common_frames->free);
  common_frames->lock.unlock();
}

page* take_free(CpuFrames& mine) noexcept {
  page* p = mine.free;
  if (p == nullptr) return nullptr;
  mine.free = p->next_free;
  --mine.nr_free;
  return p;
}

page* take_descriptor() noexcept {
  CpuFrames& mine = cpu_frames[smp_processor_id()];
  page* p = take_free(mine);
  if (p == nullptr) p = never_used(mine);
  if (p == nullptr) {
    refill(mine);
    p = take_free(mine);
  }
  if (p != nullptr) ++mine.in_use;
  return p;
}

// Release: pairs with the acquire of an access that compares generations (hw/mmu.h); the frame's
// next owner writes only after the old generation is gone.
void end_life(page* p) noexcept {
  p->generation.store(p->generation.load(order::relaxed) + 1, order::release);
}

void give_descriptor(page* p) noexcept {
  CpuFrames& mine = cpu_frames[smp_processor_id()];
  end_life(p);
  p->next_free = mine.free;
  mine.free = p;
  --mine.in_use;
  if (++mine.nr_free > 2 * common_frames->batch) give_some_back(mine);
}

// A table in real is a frame; in explore its words carry more than 8 bytes each.
constexpr bool table_is_frame = sizeof(page_table) == page_size;

void* alloc_table_memory() noexcept {
  if constexpr (table_is_frame)
    return alloc_frame(AllocSite::page_table);
  else
    return kmalloc(sizeof(page_table), AllocSite::page_table);
}

void free_table_memory(page* table) noexcept {
  if constexpr (table_is_frame)
    free_frame(table->table);
  else
    kfree(table->table);
}

void free_page_now(page* p) noexcept {
  trace(EventKind::page_free, 0, p->pfn, p->generation.load(order::relaxed));
  vm_bug_on(p->mapcount.load(order::relaxed) != 0, "page_freed_while_mapped");
  free_frame(p->frame);
  give_descriptor(p);
}

using OneUnit = access_window<false>;

// Nobody else knows the pages: in explore one step and not 512.
void make_folio(page* head, unsigned order, void* memory) noexcept {
  const OneUnit unit;
  write_once(head->order, order);
  head->refcount.store(1, order::relaxed);
  auto* frame = static_cast<std::byte*>(memory);
  for (page* p = head; p < head + (1U << order); ++p, frame += page_size) {
    write_once(p->head, head);
    p->frame = frame;
    p->flags.store(0, order::relaxed);
    p->mapping = nullptr;
  }
}

void end_lives(page* head, unsigned order) noexcept {
  const OneUnit unit;
  write_once(head->order, 0U);
  for (page* p = head; p < head + (1U << order); ++p) {
    trace(EventKind::page_free, 0, p->pfn, p->generation.load(order::relaxed));
    vm_bug_on(p->mapcount.load(order::relaxed) != 0, "page_freed_while_mapped");
    write_once(p->head, p);
    end_life(p);
  }
}

void free_folio_now(page* head) noexcept {
  if (folio_order(head) == 0) return free_page_now(head);
  vm_bug_on(head->large_mapcount.load(order::relaxed) != 0, "page_freed_while_mapped");
  const unsigned order = folio_order(head);
  void* memory = head->frame;
  end_lives(head, order);
  free_frames(memory, order);
  give_run_descriptors(head, order);
}

void change_mapcounts(page* p, unsigned nr, int by) noexcept {
  const OneUnit unit;
  for (page* q = p; q < p + nr; ++q)
    vm_bug_on(q->mapcount.fetch_add(by, order::relaxed) + by < 0, "mapcount_below_zero");
}

// False: no memory.
bool make_mem_map(std::uint64_t frames) noexcept {
  std::size_t room = (first_pfn + frames + 1) * sizeof(page);
  descriptors = kmalloc(room, AllocSite::object);
  void* aligned = descriptors;
  mem_map = static_cast<page*>(std::align(alignof(page), sizeof(page), aligned, room));
  return descriptors != nullptr;
}

}  // namespace

bool mem_init(std::uint64_t frames) noexcept {
  const bool described = make_mem_map(frames);
  cpu_frames =
      static_cast<CpuFrames*>(kmalloc(nr_cpu_ids() * sizeof(CpuFrames), AllocSite::object));
  void* common = kmalloc(sizeof(CommonFrames), AllocSite::object);
  if (!described || cpu_frames == nullptr || common == nullptr) return false;
  common_frames = new (common) CommonFrames;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) new (&cpu_frames[cpu]) CpuFrames;
  split_frames_between_cpus(frames);
  page* zero = new (zero_page()) page;
  zero->frame = alloc_frame(AllocSite::object);
  if (zero->frame == nullptr) return false;
  write_once(zero->head, zero);
  zero->flags.store(PG_reserved, order::relaxed);
  last_mm_ctx_id.store(0, order::relaxed);
  swap_init();
  std::memset(zero->frame, 0, page_size);
  return true;
}

void mem_exit() noexcept {
  swapoff();
  if (const page* zero = common_frames->huge_zero.load(order::relaxed); zero != nullptr)
    free_frames(zero->frame, zero->order);
  free_frame(zero_page()->frame);
  kfree(common_frames);
  kfree(cpu_frames);
  kfree(descriptors);
}

long frames_in_use() noexcept {
  long sum = 0;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) sum += cpu_frames[cpu].in_use;
  return sum;
}

page* alloc_page(AllocSite site) noexcept {
  page* p = take_descriptor();
  if (p == nullptr) return nullptr;
  p->frame = alloc_frame(site);
  if (p->frame == nullptr) {
    give_descriptor(p);
    return nullptr;
  }
  p->refcount.store(1, order::relaxed);
  p->flags.store(0, order::relaxed);
  p->mapping = nullptr;
  return p;
}

page* alloc_zeroed_page() noexcept {
  page* p = alloc_page(AllocSite::user_page);
  if (p != nullptr) {
    charge(Cost::zero_page);
    std::memset(p->frame, 0, page_size);
  }
  return p;
}

page* alloc_folio(AllocSite site, unsigned order) noexcept {
  if (order == 0) return alloc_page(site);
  page* head = take_run_descriptors(order);
  if (head == nullptr) return nullptr;
  void* memory = alloc_frames(site, order);
  if (memory == nullptr) {
    give_run_descriptors(head, order);
    return nullptr;
  }
  make_folio(head, order, memory);
  return head;
}

page* alloc_zeroed_folio(unsigned order) noexcept {
  page* head = alloc_folio(AllocSite::user_page, order);
  if (head == nullptr) return nullptr;
  for (unsigned n = 0; n < 1U << order; ++n) charge(Cost::zero_page);
  std::memset(head->frame, 0, page_size << order);
  return head;
}

page* huge_zero_folio() noexcept {
  // Acquire: pairs with the exchange below; its zeros before it is seen.
  if (page* known = common_frames->huge_zero.load(order::acquire); known != nullptr) return known;
  page* fresh = alloc_zeroed_folio(max_folio_order);
  if (fresh == nullptr) return nullptr;
  page_set(fresh, PG_reserved);
  page* first = nullptr;
  if (!common_frames->huge_zero.compare_exchange(first, fresh, order::full)) {
    free_folio_now(fresh);
    return first;
  }
  cpu_frames[smp_processor_id()].in_use -= 1L << max_folio_order;
  return fresh;
}

page* alloc_table(unsigned level) noexcept {
  page* p = take_descriptor();
  if (p == nullptr) return nullptr;
  void* words = alloc_table_memory();
  if (words == nullptr) {
    give_descriptor(p);
    return nullptr;
  }
  p->table = new (words) page_table;
  p->flags.store(PG_table, order::relaxed);
  p->level = level;
  p->pmd_huge_pte = nullptr;
  return p;
}

void free_table(page* table) noexcept {
  trace(EventKind::table_free, 0, table->pfn, table->generation.load(order::relaxed));
  free_table_memory(table);
  table->table = nullptr;
  give_descriptor(table);
}

void folio_ref_add(page* p, int refs) noexcept {
  if (page_test(p, PG_reserved)) return;
  vm_bug_on(folio_of(p)->refcount.fetch_add(refs, order::relaxed) <= 0, "reference_to_free_page");
}

void get_page(page* p) noexcept { folio_ref_add(p, 1); }

void folio_put_refs(page* p, int refs) noexcept {
  if (page_test(p, PG_reserved)) return;
  // Full, as the kernel's sub_and_test: this owner's accesses before the next owner's.
  const int before = folio_of(p)->refcount.fetch_sub(refs, order::full);
  vm_bug_on(before < refs, "page_freed_twice");
  if (before == refs) free_folio_now(folio_of(p));
}

void put_page(page* p) noexcept { folio_put_refs(p, 1); }

void folio_add_rmap_ptes(page* p, unsigned nr) noexcept {
  if (page_test(p, PG_reserved)) return;
  if (!folio_test_large(p)) {
    p->mapcount.fetch_add(1, order::relaxed);
    return;
  }
  change_mapcounts(p, nr, 1);
  folio_of(p)->large_mapcount.fetch_add(static_cast<int>(nr), order::relaxed);
}

void folio_remove_rmap_ptes(page* p, unsigned nr) noexcept {
  if (page_test(p, PG_reserved)) return;
  if (!folio_test_large(p)) {
    // Release: stores through the mapping, invalidated by now, come before the count that says it
    // is gone; pairs with page_mkclean.
    vm_bug_on(p->mapcount.fetch_sub(1, order::release) <= 0, "mapcount_below_zero");
    return;
  }
  change_mapcounts(p, nr, -1);
  folio_of(p)->large_mapcount.fetch_sub(static_cast<int>(nr), order::relaxed);
}

void folio_add_rmap_pmd(page* head) noexcept {
  head->entire_mapcount.fetch_add(1, order::relaxed);
  head->large_mapcount.fetch_add(1, order::relaxed);
}

void folio_remove_rmap_pmd(page* head) noexcept {
  vm_bug_on(head->entire_mapcount.fetch_sub(1, order::relaxed) <= 0, "mapcount_below_zero");
  head->large_mapcount.fetch_sub(1, order::relaxed);
}

// Word by word: another CPU may still write the source through a translation that is
// about to be invalidated. Either value is right; a torn one would not be.
void copy_user_page(page* to, const page* from) noexcept {
  charge(Cost::copy_page);
  auto* out = static_cast<std::uint64_t*>(to->frame);
  const auto* in = static_cast<const std::uint64_t*>(from->frame);
  for (std::size_t i = 0; i < page_size / sizeof *in; ++i) out[i] = read_once(in[i]);
}

}  // namespace tlblab::inline TLBLAB_WORLD
