// SPDX-License-Identifier: GPL-2.0-or-later
// One operation of a script as calls and accesses of the ported mm, made on the current CPU by a
// program of the given address space.
#pragma once

#include <cerrno>

#include "harness/workload/script_target.h"
#include "mm/mm.h"
#include "mm/page_cache.h"
#include "mm/userfaultfd.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace detail {

inline std::uint32_t script_vm_flags(std::uint8_t prot) noexcept {
  return ((prot & script_read) != 0 ? VM_READ : 0U) | ((prot & script_write) != 0 ? VM_WRITE : 0U) |
         ((prot & script_exec) != 0 ? VM_EXEC : 0U);
}

// What a file holds before anybody writes to it.
inline std::uint64_t script_file_contents(std::uint64_t index, std::size_t word) noexcept {
  return word == 0 ? script_word_of::file(index) : 0;
}

// What the mmap of the operation maps, with one reference; null: no memory. Shared memory without a
// name is an empty file.
inline address_space* script_file(const ScriptOp& op) noexcept {
  return file_create({.kind = op.file == ScriptFile::file ? FileKind::disk : FileKind::shmem,
                      .pages = op.pages,
                      .contents = op.file == ScriptFile::none ? nullptr : script_file_contents});
}

template <ArchBackend A>
class ScriptCalls {
 public:
  ScriptCalls(mm_struct& mm, const ScriptOp& op, std::uint64_t count, ScriptOutcome& outcome)
      : mm_(mm), op_(op), count_(count), outcome_(outcome) {}

  std::int64_t run() {
    using enum ScriptVerb;
    switch (op_.verb) {
      case mmap: return call_mmap();
      case munmap: return do_munmap<A>(mm_, op_.start, length());
      case mprotect: return do_mprotect<A>(mm_, op_.start, length(), script_vm_flags(op_.prot));
      case mremap: return call_mremap();
      case touch:
      case read:
      case write: return access();
      case dontneed: return do_madvise_dontneed<A>(mm_, op_.start, length());
      case dontneed_locked: return do_madvise_dontneed<A>(mm_, op_.start, length(), true);
      case free: return do_madvise_free<A>(mm_, op_.start, length());
      case cold: return do_madvise_cold<A>(mm_, op_.start, length());
      case pageout: return do_madvise_pageout<A>(mm_, op_.start, length());
      case populate_read: return do_madvise_populate<A>(mm_, op_.start, length(), false);
      case populate_write: return do_madvise_populate<A>(mm_, op_.start, length(), true);
      case willneed: return do_madvise_willneed<A>(mm_, op_.start, length());
      case remove: return do_madvise_remove<A>(mm_, op_.start, length());
      case guard: return do_madvise_guard<A>(mm_, op_.start, length(), true);
      case unguard: return do_madvise_guard<A>(mm_, op_.start, length(), false);
      case mlock: return do_mlock<A>(mm_, op_.start, length());
      case munlock: return do_munlock<A>(mm_, op_.start, length());
      case dontfork: return flags(VM_DONTCOPY, 0);
      case wipeonfork: return flags(VM_WIPEONFORK, 0);
      case hugepage: return flags(VM_HUGEPAGE, VM_NOHUGEPAGE);
      case nohugepage: return flags(VM_NOHUGEPAGE, VM_HUGEPAGE);
      case sequential: return flags(VM_SEQ_READ, 0);
      case uffdreg: return call_uffdreg();
      case uffdunreg: return do_uffd_unregister<A>(mm_, op_.start, length());
      case uffdwp: return do_uffd_writeprotect<A>(mm_, op_.start, length(), op_.on);
      case uffdzero: return do_uffd_zeropage<A>(mm_, op_.start, length());
      case uffdcopy: return do_uffd_copy<A>(mm_, op_.start, length(), source());
      case uffdmove: return do_uffd_move<A>(mm_, op_.start, source(), length());
      case mergeable: return flags(VM_MERGEABLE, 0);
      case msleep:  // no time passes here that anything would notice
      case nop: return 0;
      default: return -ENOSYS;
    }
  }

 private:
  // Of uffdcopy and uffdmove, which always name one.
  [[nodiscard]] vaddr_t source() const noexcept { return op_.other.value_or(0); }
  [[nodiscard]] std::uint64_t length() const noexcept { return op_.pages * page_size; }
  std::int64_t flags(std::uint32_t set, std::uint32_t clear) {
    return do_madvise_flags<A>(mm_, op_.start, length(), set, clear);
  }

  std::int64_t call_mmap() {
    if (!op_.fixed && !is_free(op_.start, length())) return -EEXIST;
    const bool has_file = op_.shared || op_.file != ScriptFile::none;
    address_space* file = nullptr;
    if (has_file) {
      file = script_file(op_);
      if (file == nullptr) return outcome_.out_of_memory = true, -ENOMEM;
    }
    const std::int64_t result =
        do_mmap<A>(mm_, {.address = op_.start,
                         .length = length(),
                         .flags = script_vm_flags(op_.prot) | (op_.shared ? VM_SHARED : 0U) |
                                  (op_.noreserve ? VM_NORESERVE : 0U),
                         .fixed = true,
                         .file = file,
                         .populate = op_.populate});
    if (file != nullptr) put_file(*file);
    return result;
  }
  bool is_free(vaddr_t start, std::uint64_t bytes) {
    mm_.mmap_lock.down_read();
    const bool free = range_is_free(mm_, start, start + bytes);
    mm_.mmap_lock.up_read();
    return free;
  }
  std::int64_t call_uffdreg() {
    return do_uffd_register<A>(mm_, op_.start, length(), op_.on ? VM_UFFD_WP : VM_UFFD_MISSING);
  }
  std::int64_t call_mremap() {
    return do_mremap<A>(mm_, {.old_address = op_.start,
                              .old_length = length(),
                              .new_length = op_.new_pages * page_size,
                              .may_move = true,
                              .fixed = op_.other.has_value(),
                              .dont_unmap = op_.dontunmap,
                              .new_address = op_.other.value_or(0)});
  }

  // Once a page, until one kills the program.
  std::int64_t access() {
    for (std::uint64_t n = 0; n < op_.pages; ++n)
      if (!access_page(op_.start + n * page_size)) break;
    return 0;
  }
  bool access_page(vaddr_t va) {
    std::uint64_t word = 0;
    const AccessResult result = op_.prot == script_write
                                    ? user_write<A>(mm_, va, script_word_of::written(count_))
                                    : user_read<A>(mm_, va, word);
    if (result == AccessResult::done) return true;
    if (result == AccessResult::oom)
      outcome_.out_of_memory = true;
    else
      outcome_.fatal = va;
    return false;
  }

  mm_struct& mm_;
  const ScriptOp& op_;
  std::uint64_t count_;
  ScriptOutcome& outcome_;
};

}  // namespace detail

template <ArchBackend A>
void perform_call(mm_struct& mm, const ScriptOp& op, std::uint64_t count, ScriptOutcome& outcome) {
  outcome.result = detail::ScriptCalls<A>(mm, op, count, outcome).run();
}

}  // namespace tlblab::inline TLBLAB_WORLD
