// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/page_alloc.h"

#include <cstring>
#include <new>

namespace tlblab::inline TLBLAB_WORLD {

page* mem_map = nullptr;
Atomic<std::uint64_t> last_mm_ctx_id{0};

namespace {

// Frames are handed out from the CPU's own list, then from its share of those never used.
struct alignas(128) CpuFrames {
  page* free = nullptr;
  std::uint64_t next_unused = 0, end_unused = 0;
  long in_use = 0;  // allocations less frees of this CPU; one CPU's may be negative
};

CpuFrames* cpu_frames = nullptr;

constexpr std::uint64_t first_pfn = 1;  // 0 is the zero page

void split_frames_between_cpus(std::uint64_t frames) noexcept {
  const std::uint64_t share = frames / nr_cpu_ids();
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
  return p;
}

page* take_descriptor() noexcept {
  CpuFrames& mine = cpu_frames[smp_processor_id()];
  page* p = mine.free;
  if (p != nullptr)
    mine.free = p->next_free;
  else
    p = never_used(mine);
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
  if (mem_map == nullptr || cpu_frames == nullptr) return false;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) new (&cpu_frames[cpu]) CpuFrames;
  split_frames_between_cpus(frames);
  page* zero = new (zero_page()) page;
  zero->frame = alloc_frame(AllocSite::object);
  if (zero->frame == nullptr) return false;
  zero->flags.store(PG_reserved, order::relaxed);
  last_mm_ctx_id.store(0, order::relaxed);
  std::memset(zero->frame, 0, page_size);
  return true;
}

void mem_exit() noexcept {
  free_frame(zero_page()->frame);
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
