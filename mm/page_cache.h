// SPDX-License-Identifier: GPL-2.0-or-later
// What a mapping shows that is not private anonymous memory: a file on a disk, or shared memory,
// which is a file without a disk. Pages by index, each with one reference of the cache's own, and
// the areas that map them. Kernel files: filemap.c, shmem.c, the i_mmap part of vma.c.
//
// Clean and dirty. The disk has its own copy of every page. A page is dirty (PG_dirty) if the two
// may differ, and only write-back makes it clean again (page_writeback.tcc). What must hold at any
// time: a clean page equals its copy, no CPU can write to it without a fault, and the fault makes
// it dirty first. Shared memory has no copy and its pages need no such fault.
//
// Locks, from the outside in: mmap_lock, the page lock, i_mmap_rwsem, a PTL, address_space::lock.
// The page lock and i_mmap_rwsem may be waited for long: no spinlock is held meanwhile.
#pragma once

#include "mm/mm_types.h"

namespace tlblab::inline TLBLAB_WORLD {

enum class FileKind : std::uint8_t {
  shmem,  // memfd, shared anonymous memory
  disk,
  device,  // memory of a driver's, which nobody counts (pfnmap.h); has pages from the start
};

// A word of the page at this index as the file held it when it was created; always the same.
using file_contents = std::uint64_t (*)(std::uint64_t index, std::size_t word);

struct file_request {
  FileKind kind = FileKind::shmem;
  std::uint64_t pages = ~0ULL;       // its size; an access beyond is fatal
  file_contents contents = nullptr;  // null: a hole, which reads as zeros
};

// What the file has at one index. Stays when the page is dropped.
struct file_slot : boost::intrusive::set_base_hook<> {
  std::uint64_t index = 0;
  page* cached = nullptr;         // null: not in the cache
  std::uint64_t* disk = nullptr;  // what write-back stored last; null: as the file was created
  bool punched = false;           // MADV_REMOVE: reads as zeros, whatever the file once held
};
struct file_slot_order {
  using type = std::uint64_t;
  std::uint64_t operator()(const file_slot& slot) const noexcept { return slot.index; }
};

struct address_space {
  explicit address_space(const file_request& request) noexcept : made_as(request) {}

  const file_request made_as;
  Atomic<int> references{1};
  Spinlock lock;
  boost::intrusive::set<file_slot, boost::intrusive::key_of_value<file_slot_order>>
      slots;  // under lock

  // The areas that map the file; under i_mmap_rwsem. The kernel has an interval tree. New areas
  // stand behind old ones: a walk meets a page that moves from an old area to a new one once at
  // least.
  RwSem i_mmap_rwsem;
  boost::intrusive::list<vm_area_struct,
                         boost::intrusive::member_hook<vm_area_struct,
                                                       boost::intrusive::list_member_hook<>,
                                                       &vm_area_struct::shared>>
      i_mmap;

  // Of a device: a fault that shows one of its frames, for reading; who takes frames away, for
  // writing. Inside mmap_lock, outside i_mmap_rwsem.
  RwSem device_lock;
};

// A new file with one reference; null: no memory. With contents its pages are all in the cache, as
// after writing it; without there are none.
[[nodiscard]] address_space* file_create() noexcept;
[[nodiscard]] address_space* file_create(const file_request& request) noexcept;
void get_file(address_space& file) noexcept;
// With the last reference its pages leave the cache.
void put_file(address_space& file) noexcept;

// ---- the page lock ------------------------------------------------------------------------------

// May wait; no spinlock held. Acquire, and release when unlocked.
void lock_page(page* p) noexcept;
[[nodiscard]] bool trylock_page(page* p) noexcept;
void unlock_page(page* p) noexcept;
// REQUIRES: the page lock, so that no new write-back begins.
void wait_on_page_writeback(const page* p) noexcept;

// ---- pages --------------------------------------------------------------------------------------

// The page at this index, read from the disk (zeroed in a hole) if the cache has none, with a
// reference for the caller; null: no memory.
[[nodiscard]] page* file_get_page(address_space& file, std::uint64_t index) noexcept;
// The same, locked, and certainly the file's while it is.
[[nodiscard]] page* file_lock_page(address_space& file, std::uint64_t index) noexcept;
// What the cache has at this index, with a reference; null: nothing.
[[nodiscard]] page* find_get_page(address_space& file, std::uint64_t index) noexcept;
// The first page in the cache at index or above and below end, with a reference; null: none.
[[nodiscard]] page* find_next_page(address_space& file,
                                   std::uint64_t index,
                                   std::uint64_t end) noexcept;
// For the pages of [index, index + nr): what the cache has and nobody else has locked, referenced
// and locked; null where there is none. Never waits: a PTL may be held.
void next_uptodate_pages(address_space& file,
                         std::uint64_t index,
                         unsigned nr,
                         page** found) noexcept;

// Brings pages [first, first + nr) into the cache, as far as the file and the memory reach.
void read_ahead(address_space& file, std::uint64_t first, std::uint64_t nr) noexcept;

// A hole begins: nothing of [first, end) is on the disk any more, as far as the cache does not hold
// it.
void file_forget_disk(address_space& file, std::uint64_t first, std::uint64_t end) noexcept;
// Takes the page out of the cache and drops the cache's reference; a hole is left. REQUIRES: page
// lock, no mapping left, no write-back under way.
void filemap_punch_page(page* p) noexcept;
// For reclaim: drops a clean page that nobody but the cache and the caller holds. False: in use, or
// dirty. REQUIRES: page lock.
[[nodiscard]] bool remove_mapping(page* p) noexcept;

// ---- devices ------------------------------------------------------------------------------------

// The device's frame at this index; null: it has none, or none any more. device_lock.
[[nodiscard]] page* device_frame(address_space& device, std::uint64_t index) noexcept;
// The same, for the caller from now on, who unmaps it, clears PG_reserved and has one reference.
// device_lock for writing.
[[nodiscard]] page* device_take_frame(address_space& device, std::uint64_t index) noexcept;

// ---- the disk -----------------------------------------------------------------------------------

// Room on the disk for the page's contents. False: none. May sleep.
[[nodiscard]] bool file_prepare_disk(address_space& file, std::uint64_t index) noexcept;
// Copies the page to the disk. REQUIRES: PG_writeback set by the caller, room prepared.
void file_write_to_disk(page* p) noexcept;
// Pages of the cache that are clean and differ from the disk: stores that were lost. 0 is right.
// Exact while no CPU runs a program.
[[nodiscard]] std::uint64_t page_cache_check_clean(address_space& file) noexcept;

// ---- areas --------------------------------------------------------------------------------------

// The area shows pages of its file from now on, or no longer (before its tables may go away).
// Nothing happens for anonymous memory. mmap_lock for writing, or the area isolated.
void link_file_vma(vm_area_struct& vma) noexcept;
void unlink_file_vma(vm_area_struct& vma) noexcept;

// i_mmap_rwsem of the file for writing, if there is one.
class i_mmap_write_lock {
 public:
  explicit i_mmap_write_lock(address_space* file) noexcept : file_(file) {
    if (file_ != nullptr) file_->i_mmap_rwsem.down_write();
  }
  ~i_mmap_write_lock() {
    if (file_ != nullptr) file_->i_mmap_rwsem.up_write();
  }
  i_mmap_write_lock(const i_mmap_write_lock&) = delete;
  i_mmap_write_lock& operator=(const i_mmap_write_lock&) = delete;

 private:
  address_space* file_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
