// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/page_alloc.h"

#include <cstring>
#include <new>

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
  page* free = nullptr;     // under lock
  std::uint64_t batch = 0;  // how many are moved at a time
};

CpuFrames* cpu_frames = nullptr;
CommonFrames* common_frames = nullptr;

constexpr std::uint64_t first_pfn = 1;  // 0 is the zero page

void split_frames_between_cpus(std::uint64_t frames) noexcept {
  const std::uint64_t share = frames / nr_cpu_ids();
  constexpr std::uint64_t largest_batch = 256;
  common_frames->batch = share / 8 < largest_batch ? share / 8 + 1 : largest_batch;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) {
    cpu_frames[cpu].next_unused = first_pfn + cpu * share;
    cpu_frames[cpu].end_unused = first_pfn + (cpu + 1) * share;
  }
}

page* never_used(CpuFrames& mine) noexcept {
  if (mine.next_unused == mine.end_unused) return nullptr;
  const pfn_t pfn = mine.next_unused++;
  page* p = new (&mem_map[pfn]) page;
  p->pfn = pfn;
  p->head = p;
  return p;
}

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

void refill(CpuFrames& mine) noexcept {
  common_frames->lock.lock();
  mine.nr_free += move_batch(common_frames->free, mine.free);
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

void give_descriptor(page* p) noexcept {
  CpuFrames& mine = cpu_frames[smp_processor_id()];
  // Release: pairs with the acquire of an access that compares generations (hw/mmu.h); the frame's
  // next owner writes only after the old generation is gone.
  p->generation.store(p->generation.load(order::relaxed) + 1, order::release);
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

}  // namespace

bool mem_init(std::uint64_t frames) noexcept {
  mem_map = static_cast<page*>(kmalloc((first_pfn + frames) * sizeof(page), AllocSite::object));
  cpu_frames =
      static_cast<CpuFrames*>(kmalloc(nr_cpu_ids() * sizeof(CpuFrames), AllocSite::object));
  void* common = kmalloc(sizeof(CommonFrames), AllocSite::object);
  if (mem_map == nullptr || cpu_frames == nullptr || common == nullptr) return false;
  common_frames = new (common) CommonFrames;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) new (&cpu_frames[cpu]) CpuFrames;
  split_frames_between_cpus(frames);
  page* zero = new (zero_page()) page;
  zero->frame = alloc_frame(AllocSite::object);
  if (zero->frame == nullptr) return false;
  zero->head = zero;
  zero->flags.store(PG_reserved, order::relaxed);
  last_mm_ctx_id.store(0, order::relaxed);
  std::memset(zero->frame, 0, page_size);
  return true;
}

void mem_exit() noexcept {
  free_frame(zero_page()->frame);
  kfree(common_frames);
  kfree(cpu_frames);
  kfree(mem_map);
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
  return p;
}

void free_table(page* table) noexcept {
  trace(EventKind::table_free, 0, table->pfn, table->generation.load(order::relaxed));
  free_table_memory(table);
  table->table = nullptr;
  give_descriptor(table);
}

void get_page(page* p) noexcept {
  if (page_test(p, PG_reserved)) return;
  vm_bug_on(p->refcount.fetch_add(1, order::relaxed) <= 0, "reference_to_free_page");
}

void put_page(page* p) noexcept {
  if (page_test(p, PG_reserved)) return;
  // Full, as the kernel's dec_and_test: this owner's accesses before the next owner's.
  const int before = p->refcount.fetch_sub(1, order::full);
  vm_bug_on(before <= 0, "page_freed_twice");
  if (before == 1) free_page_now(p);
}

void folio_put_refs(page* folio, int refs) noexcept {
  const int before = folio->refcount.fetch_sub(refs, order::full);  // as in put_page
  vm_bug_on(before < refs, "page_freed_twice");
  if (before == refs) free_page_now(folio);
}

void folio_add_rmap_pte(page* p) noexcept {
  if (!page_test(p, PG_reserved)) p->mapcount.fetch_add(1, order::relaxed);
}

void folio_remove_rmap_pte(page* p) noexcept {
  if (page_test(p, PG_reserved)) return;
  vm_bug_on(p->mapcount.fetch_sub(1, order::relaxed) <= 0, "mapcount_below_zero");
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
