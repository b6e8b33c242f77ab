// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/swap.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct swap_slot {
  unsigned count = 0;      // entries that name it
  unsigned holders = 0;    // who is putting its page out or mapping it
  page* cached = nullptr;  // with a reference of the cache's own
  void* stored = nullptr;  // what was written: a frame's worth of memory; null: nothing yet
  std::uint64_t next_free = 0;
};

// All under lock. Slot 0 is none, as on a real device.
struct swap_device {
  Spinlock lock;
  std::uint64_t slots = 0, in_use = 0;
  std::uint64_t free = 0;  // the first free slot; 0: none
  [[nodiscard]] swap_slot& slot(std::uint64_t offset) noexcept {
    return reinterpret_cast<swap_slot*>(this + 1)[offset];
  }
};

swap_device* device = nullptr;

swap_slot& slot_of(swp_entry_t entry) noexcept {
  vm_bug_on(device == nullptr || entry.offset == 0 || entry.offset > device->slots,
            "swap_entry_without_slot");
  return device->slot(entry.offset);
}

// What is left to be given back when the lock is dropped: freeing a page takes other locks.
struct leftovers {
  page* cached = nullptr;
  void* stored = nullptr;
  void give_back() const noexcept {
    if (cached != nullptr) put_page(cached);
    if (stored != nullptr) free_frame(stored);
  }
};

page* uncache(swap_slot& slot) noexcept {
  page* cached = slot.cached;
  slot.cached = nullptr;
  if (cached != nullptr) page_clear(cached, PG_swapcache);
  return cached;
}

// No count is left, and nobody holds it.
leftovers free_slot(std::uint64_t offset) noexcept {
  swap_slot& slot = device->slot(offset);
  const leftovers left{uncache(slot), slot.stored};
  slot.stored = nullptr;
  slot.next_free = device->free;
  device->free = offset;
  --device->in_use;
  return left;
}

// Without a count the contents are nobody's: who has the page may be writing to it.
leftovers free_slot_if_idle(std::uint64_t offset) noexcept {
  swap_slot& slot = device->slot(offset);
  if (slot.count != 0) return {};
  return slot.holders == 0 ? free_slot(offset)
                           : leftovers{.stored = std::exchange(slot.stored, {})};
}

void cache(std::uint64_t offset, page* p) noexcept {
  get_page(p);
  p->swap_entry.store(offset, order::relaxed);
  page_set(p, PG_swapcache);
  device->slot(offset).cached = p;
}

}  // namespace

std::int64_t swapon(std::uint64_t slots) noexcept {
  if (device != nullptr) return -EBUSY;
  void* memory = kmalloc(sizeof(swap_device) + (slots + 1) * sizeof(swap_slot), AllocSite::object);
  if (memory == nullptr) return -ENOMEM;
  device = new (memory) swap_device;
  device->slots = slots;
  for (std::uint64_t offset = 0; offset <= slots; ++offset) new (&device->slot(offset)) swap_slot;
  for (std::uint64_t offset = slots; offset > 0; --offset) {
    device->slot(offset).next_free = device->free;
    device->free = offset;
  }
  return 0;
}

// What an execution that was given up has left is not there any more.
void swap_init() noexcept { device = nullptr; }

void swapoff() noexcept {
  if (device == nullptr) return;
  vm_bug_on(device->in_use != 0, "swap_slots_left_at_the_end");
  device->~swap_device();
  kfree(device);
  device = nullptr;
}

std::uint64_t swap_slots_in_use() noexcept {
  if (device == nullptr) return 0;
  device->lock.lock();
  const std::uint64_t in_use = device->in_use;
  device->lock.unlock();
  return in_use;
}

unsigned swap_count(swp_entry_t entry) noexcept {
  device->lock.lock();
  const unsigned count = slot_of(entry).count;
  device->lock.unlock();
  return count;
}

bool folio_alloc_swap(page* p) noexcept {
  if (device == nullptr) return false;
  device->lock.lock();
  const bool was_there = page_test(p, PG_swapcache);
  const std::uint64_t offset = was_there ? 0 : device->free;
  if (offset != 0) {
    device->free = device->slot(offset).next_free;
    ++device->in_use;
    cache(offset, p);
    page_set(p, PG_dirty);  // nothing is in the slot yet
  }
  const bool held = was_there || offset != 0;
  if (held) ++device->slot(p->swap_entry.load(order::relaxed)).holders;
  device->lock.unlock();
  return held;
}

void swap_duplicate(swp_entry_t entry) noexcept {
  device->lock.lock();
  ++slot_of(entry).count;
  device->lock.unlock();
}

void swap_free(swp_entry_t entry) noexcept {
  device->lock.lock();
  swap_slot& slot = slot_of(entry);
  vm_bug_on(slot.count == 0, "swap_slot_freed_twice");
  --slot.count;
  const leftovers left = free_slot_if_idle(entry.offset);
  device->lock.unlock();
  left.give_back();
}

void swap_release(swp_entry_t entry) noexcept {
  device->lock.lock();
  swap_slot& slot = slot_of(entry);
  vm_bug_on(slot.holders == 0, "swap_slot_freed_twice");
  --slot.holders;
  const leftovers left = free_slot_if_idle(entry.offset);
  device->lock.unlock();
  left.give_back();
}

page* swapin_readahead(swp_entry_t entry, bool& gone) noexcept {
  page* fresh = alloc_page(AllocSite::user_page);  // before the lock; given back if not needed
  device->lock.lock();
  swap_slot& slot = slot_of(entry);
  page* p = slot.cached;
  gone = slot.count == 0;
  if (gone) {
    p = nullptr;
  } else if (p != nullptr) {
    get_page(p);
  } else if (fresh != nullptr) {
    std::memcpy(fresh->frame, slot.stored, page_size);
    page_set(fresh, PG_anon | PG_swapbacked | PG_uptodate);
    fresh->anon_vma.store(nullptr, order::relaxed);  // who maps it first says
    cache(entry.offset, fresh);
    p = fresh;
  }
  if (p != nullptr) ++slot.holders;
  device->lock.unlock();
  if (fresh != nullptr && p != fresh) put_page(fresh);
  return p;
}

bool swap_writepage(page* p) noexcept {
  void* memory = alloc_frame(AllocSite::object);
  if (memory == nullptr) return false;
  device->lock.lock();
  swap_slot& slot = slot_of(folio_swap_entry(p));
  if (slot.count != 0) {
    std::memcpy(memory, p->frame, page_size);
    void* before = slot.stored;
    slot.stored = memory;
    memory = before;
  }
  device->lock.unlock();
  if (memory != nullptr) free_frame(memory);
  return true;
}

bool delete_from_swap_cache(page* p) noexcept {
  page* left = nullptr;
  device->lock.lock();
  swap_slot& slot = slot_of(folio_swap_entry(p));
  // A fault takes its reference under the lock; a walker without locks that has one for a moment
  // gives the last one back then.
  const bool ours = slot.holders == 1 && p->mapcount.load(order::relaxed) == 0 &&
                    p->refcount.load(order::relaxed) == 2 && slot.stored != nullptr;
  if (ours) left = uncache(slot);
  device->lock.unlock();
  if (left != nullptr) put_page(left);
  return ours;
}

}  // namespace tlblab::inline TLBLAB_WORLD
