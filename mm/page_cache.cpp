// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/page_cache.h"

#include <new>

#include <boost/intrusive/set.hpp>

#include "mm/page_alloc.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

struct cached_page : boost::intrusive::set_base_hook<> {
  std::uint64_t index = 0;
  page* frame = nullptr;
};
struct by_index {
  using type = std::uint64_t;
  std::uint64_t operator()(const cached_page& cached) const noexcept { return cached.index; }
};

}  // namespace

struct address_space {
  Atomic<int> references{1};
  Spinlock lock;
  boost::intrusive::set<cached_page, boost::intrusive::key_of_value<by_index>> pages;  // under lock
};

namespace {

cached_page* make_cached(address_space& file, std::uint64_t index) noexcept {
  void* memory = kmalloc(sizeof(cached_page), AllocSite::object);
  if (memory == nullptr) return nullptr;
  page* frame = alloc_zeroed_page();
  if (frame == nullptr) {
    kfree(memory);
    return nullptr;
  }
  frame->mapping = &file;
  frame->index = index;
  auto* cached = new (memory) cached_page;
  cached->index = index;
  cached->frame = frame;
  return cached;
}

void free_cached(cached_page* cached) noexcept {
  put_page(cached->frame);
  cached->~cached_page();
  kfree(cached);
}

}  // namespace

address_space* file_create() noexcept {
  void* memory = kmalloc(sizeof(address_space), AllocSite::object);
  return memory == nullptr ? nullptr : new (memory) address_space;
}

// Relaxed: the caller has a reference already.
void get_file(address_space& file) noexcept { file.references.fetch_add(1, order::relaxed); }

void put_file(address_space& file) noexcept {
  if (file.references.fetch_sub(1, order::full) != 1) return;
  file.pages.clear_and_dispose([](cached_page* cached) { free_cached(cached); });
  file.~address_space();
  kfree(&file);
}

// The page is made without the lock; the loser of a race gives its own away.
page* file_get_page(address_space& file, std::uint64_t index) noexcept {
  cached_page* fresh = nullptr;
  for (;;) {
    file.lock.lock();
    auto at = file.pages.find(index);
    if (at == file.pages.end() && fresh != nullptr) {
      at = file.pages.insert(*fresh).first;
      fresh = nullptr;
    }
    page* found = at == file.pages.end() ? nullptr : at->frame;
    if (found != nullptr) get_page(found);
    file.lock.unlock();
    if (found != nullptr) {
      if (fresh != nullptr) free_cached(fresh);
      return found;
    }
    fresh = make_cached(file, index);
    if (fresh == nullptr) return nullptr;
  }
}

}  // namespace tlblab::inline TLBLAB_WORLD
