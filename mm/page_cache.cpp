// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/page_cache.h"

#include <algorithm>
#include <new>
#include <utility>

#include "mm/page_alloc.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

constexpr std::size_t words_per_page = page_size / sizeof(std::uint64_t);

std::uint64_t* words_of(const page* p) noexcept { return static_cast<std::uint64_t*>(p->frame); }

// What the disk has there; a hole reads as zeros.
std::uint64_t disk_word(const address_space& file,
                        const file_slot& slot,
                        std::size_t word) noexcept {
  if (slot.disk != nullptr) return slot.disk[word];
  const bool has_contents = !slot.punched && file.made_as.contents != nullptr;
  return has_contents ? file.made_as.contents(slot.index, word) : 0;
}
void read_disk(const address_space& file, const file_slot& slot, std::uint64_t* words) noexcept {
  for (std::size_t i = 0; i < words_per_page; ++i) words[i] = disk_word(file, slot, i);
}
bool same_as_disk(const address_space& file, const file_slot& slot) noexcept {
  const std::uint64_t* words = words_of(slot.cached);
  for (std::size_t i = 0; i < words_per_page; ++i)
    if (words[i] != disk_word(file, slot, i)) return false;
  return true;
}

// Under the lock.
void punch(file_slot& slot) noexcept {
  slot.punched = true;
  kfree(slot.disk);
  slot.disk = nullptr;
}

file_slot* find_slot(address_space& file, std::uint64_t index) noexcept {
  const auto at = file.slots.find(index);
  return at == file.slots.end() ? nullptr : &*at;
}

// The slot at this index, made if there is none; null: no memory. Made without the lock; the loser
// of a race gives its own away.
file_slot* get_slot(address_space& file, std::uint64_t index) noexcept {
  file.lock.lock();
  file_slot* slot = find_slot(file, index);
  file.lock.unlock();
  if (slot != nullptr) return slot;
  void* memory = kmalloc(sizeof(file_slot), AllocSite::object);
  if (memory == nullptr) return nullptr;
  auto* fresh = new (memory) file_slot;
  fresh->index = index;
  file.lock.lock();
  const auto placed = file.slots.insert(*fresh);
  slot = &*placed.first;
  file.lock.unlock();
  if (!placed.second) {
    fresh->~file_slot();
    kfree(fresh);
  }
  return slot;
}

void free_slot(file_slot* slot) noexcept {
  if (slot->cached != nullptr) {
    slot->cached->mapping = nullptr;
    page_clear(slot->cached, PG_reserved);
    put_page(slot->cached);
  }
  kfree(slot->disk);
  slot->~file_slot();
  kfree(slot);
}

page* read_page(address_space& file, const file_slot& slot) noexcept {
  page* p = alloc_zeroed_page();
  if (p == nullptr) return nullptr;
  p->mapping = &file;
  p->index = slot.index;
  page_set(p, PG_uptodate);
  if (file.made_as.kind == FileKind::device) page_set(p, PG_reserved);
  return p;
}

// False: no memory.
bool read_pages(address_space& file, std::uint64_t first, std::uint64_t end) noexcept {
  for (std::uint64_t index = first; index < end; ++index) {
    page* p = file_get_page(file, index);
    if (p == nullptr) return false;
    put_page(p);
  }
  return true;
}

}  // namespace

address_space* file_create(const file_request& request) noexcept {
  void* memory = kmalloc(sizeof(address_space), AllocSite::object);
  if (memory == nullptr) return nullptr;
  auto* file = new (memory) address_space(request);
  const bool filled = request.contents != nullptr || request.kind == FileKind::device;
  if (!filled || read_pages(*file, 0, request.pages)) return file;
  put_file(*file);
  return nullptr;
}

address_space* file_create() noexcept { return file_create(file_request{}); }

// Relaxed: the caller has a reference already.
void get_file(address_space& file) noexcept { file.references.fetch_add(1, order::relaxed); }

void put_file(address_space& file) noexcept {
  if (file.references.fetch_sub(1, order::full) != 1) return;
  file.slots.clear_and_dispose([](file_slot* slot) { free_slot(slot); });
  file.~address_space();
  kfree(&file);
}

// ---- the page lock ------------------------------------------------------------------------------

bool trylock_page(page* p) noexcept {
  // Acquire: pairs with the release in unlock_page.
  return (p->flags.fetch_or(PG_locked, order::acquire) & PG_locked) == 0;
}

void lock_page(page* p) noexcept {
  while (!trylock_page(p))
    while (page_test(p, PG_locked)) cpu_relax();
}

void unlock_page(page* p) noexcept { p->flags.fetch_and(~PG_locked, order::release); }

void wait_on_page_writeback(const page* p) noexcept {
  // Acquire: pairs with the release that ends write-back.
  while ((p->flags.load(order::acquire) & PG_writeback) != 0) cpu_relax();
}

// ---- pages --------------------------------------------------------------------------------------

page* find_get_page(address_space& file, std::uint64_t index) noexcept {
  return find_next_page(file, index, index + 1);
}

page* find_next_page(address_space& file, std::uint64_t index, std::uint64_t end) noexcept {
  page* found = nullptr;
  file.lock.lock();
  for (auto at = file.slots.lower_bound(index);
       found == nullptr && at != file.slots.end() && at->index < end; ++at)
    found = at->cached;
  if (found != nullptr) get_page(found);
  file.lock.unlock();
  return found;
}

// The page is made without the lock; the loser of a race gives its own away. What it is filled with
// is read under the lock, where nobody takes another one out meanwhile.
page* file_get_page(address_space& file, std::uint64_t index) noexcept {
  if (page* p = find_get_page(file, index); p != nullptr) return p;
  file_slot* slot = get_slot(file, index);
  page* fresh = slot != nullptr ? read_page(file, *slot) : nullptr;
  if (fresh == nullptr) return nullptr;
  file.lock.lock();
  const bool first = slot->cached == nullptr;
  if (first) {
    read_disk(file, *slot, words_of(fresh));
    slot->cached = fresh;
  }
  page* found = slot->cached;
  get_page(found);
  file.lock.unlock();
  if (!first) put_page(fresh);
  return found;
}

page* file_lock_page(address_space& file, std::uint64_t index) noexcept {
  for (;;) {
    page* p = file_get_page(file, index);
    if (p == nullptr) return nullptr;
    lock_page(p);
    if (p->mapping == &file) return p;
    unlock_page(p);  // dropped by the file meanwhile
    put_page(p);
  }
}

void next_uptodate_pages(address_space& file,
                         std::uint64_t index,
                         unsigned nr,
                         page** found) noexcept {
  std::fill_n(found, nr, nullptr);
  file.lock.lock();
  for (auto at = file.slots.lower_bound(index);
       at != file.slots.end() && at->index < index + nr && at->index < file.made_as.pages; ++at)
    if (at->cached != nullptr && trylock_page(at->cached)) {
      get_page(at->cached);
      found[at->index - index] = at->cached;
    }
  file.lock.unlock();
}

void read_ahead(address_space& file, std::uint64_t first, std::uint64_t nr) noexcept {
  const std::uint64_t end = first + nr < file.made_as.pages ? first + nr : file.made_as.pages;
  static_cast<void>(read_pages(file, first, end));
}

void file_forget_disk(address_space& file, std::uint64_t first, std::uint64_t end) noexcept {
  file.lock.lock();
  for (auto at = file.slots.lower_bound(first); at != file.slots.end() && at->index < end; ++at)
    if (at->cached == nullptr) punch(*at);
  file.lock.unlock();
}

// Page and disk at once: whoever looks next sees the hole.
void filemap_punch_page(page* p) noexcept {
  vm_bug_on(p->mapcount.load(order::relaxed) != 0, "cached_page_dropped_while_mapped");
  address_space& file = *p->mapping;
  file.lock.lock();
  file_slot& slot = *find_slot(file, p->index);
  slot.cached = nullptr;
  punch(slot);
  p->mapping = nullptr;
  file.lock.unlock();
  put_page(p);
}

// One reference of the cache and one of the caller: nobody can find a third without the cache.
bool remove_mapping(page* p) noexcept {
  address_space& file = *p->mapping;
  file.lock.lock();
  // Full: the count before the dirty bit; pairs with the reference, then the dirty bit of whoever
  // writes to the page (fidelity trap T64).
  int expected = 2;
  const bool frozen = p->refcount.compare_exchange(expected, 0, order::full);
  const bool idle = frozen && !page_test(p, PG_dirty | PG_writeback);
  if (frozen) p->refcount.store(2, order::relaxed);
  if (idle) {
    find_slot(file, p->index)->cached = nullptr;
    p->mapping = nullptr;
  }
  file.lock.unlock();
  if (idle) put_page(p);
  return idle;
}

// ---- devices ------------------------------------------------------------------------------------

page* device_frame(address_space& device, std::uint64_t index) noexcept {
  return find_get_page(device, index);  // reserved: the reference is none
}

page* device_take_frame(address_space& device, std::uint64_t index) noexcept {
  device.lock.lock();
  file_slot* slot = find_slot(device, index);
  page* frame = slot != nullptr ? std::exchange(slot->cached, nullptr) : nullptr;
  device.lock.unlock();
  return frame;
}

// ---- the disk -----------------------------------------------------------------------------------

bool file_prepare_disk(address_space& file, std::uint64_t index) noexcept {
  file.lock.lock();
  file_slot& slot = *find_slot(file, index);
  const bool has_room = slot.disk != nullptr;
  file.lock.unlock();
  if (has_room) return true;
  auto* room = static_cast<std::uint64_t*>(kmalloc(page_size, AllocSite::object));
  if (room == nullptr) return false;
  file.lock.lock();
  read_disk(file, slot, room);  // until the page is written it holds what it held
  std::swap(slot.disk, room);
  file.lock.unlock();
  kfree(room);
  return true;
}

// Word by word: programs may write meanwhile. Such a store is in this copy or has made the page
// dirty again.
void file_write_to_disk(page* p) noexcept {
  address_space& file = *p->mapping;
  file.lock.lock();
  std::uint64_t* disk = find_slot(file, p->index)->disk;
  file.lock.unlock();
  const std::uint64_t* words = words_of(p);
  for (std::size_t i = 0; i < words_per_page; ++i) disk[i] = read_once(words[i]);
}

std::uint64_t page_cache_check_clean(address_space& file) noexcept {
  std::uint64_t lost = 0;
  file.lock.lock();
  for (const file_slot& slot : file.slots) {
    const bool clean = slot.cached != nullptr && !page_test(slot.cached, PG_dirty);
    if (clean && !same_as_disk(file, slot)) ++lost;
  }
  file.lock.unlock();
  return lost;
}

// ---- areas --------------------------------------------------------------------------------------

void link_file_vma(vm_area_struct& vma) noexcept {
  if (vma.vm_file == nullptr) return;
  const i_mmap_write_lock lock(vma.vm_file);
  vma.vm_file->i_mmap.push_back(vma);
}

void unlink_file_vma(vm_area_struct& vma) noexcept {
  if (vma.vm_file == nullptr) return;
  const i_mmap_write_lock lock(vma.vm_file);
  if (vma.shared.is_linked()) vma.vm_file->i_mmap.erase(vma.vm_file->i_mmap.iterator_to(vma));
}

}  // namespace tlblab::inline TLBLAB_WORLD
