// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/workload/plain_model.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "harness/workload/abi.h"

namespace tlblab::plain {
namespace {

constexpr std::uint64_t table_span = std::uint64_t{1} << 21;
constexpr std::uint64_t directory_span[] = {std::uint64_t{1} << 30, std::uint64_t{1} << 39};

// x86's tlb_single_page_flush_ceiling, and the small pages one gather holds: 7 in the gather, then
// 19 batches of 509.
constexpr std::uint64_t flush_ceiling = 33;
constexpr unsigned gather_pages = 7 + 19 * 509;

constexpr vaddr_t round_down(vaddr_t address, std::uint64_t span) { return address & ~(span - 1); }
constexpr std::size_t slot(vaddr_t address) { return (address >> page_shift) % 512; }
bool aligned(vaddr_t address) { return address % page_size == 0; }

}  // namespace

// ---- gather -------------------------------------------------------------------------------------

void Gather::add(vaddr_t address, unsigned level) {
  begin_ = std::min(begin_, address);
  end_ = std::max(end_, address + page_size);
  lowest_ = std::min(lowest_, level);
}

void Gather::queue_page() {
  if (++queued_ == gather_pages) flush();
}

void Gather::flush() {
  queued_ = 0;
  if (end_ == 0) return;
  const std::uint64_t strides = (end_ - begin_) >> (page_shift + 9 * std::min(lowest_, 3U));
  const auto pages = strides > flush_ceiling ? full_flush : static_cast<std::int64_t>(strides);
  flushes_.push_back({FlushReason::local_mm_shootdown, pages});
  begin_ = ~vaddr_t{0};
  end_ = 0;
  lowest_ = 4;
}

void PlainModel::flush(std::int64_t pages) {
  flushes_.push_back({FlushReason::local_mm_shootdown, pages});
}

void PlainModel::take_flushes(std::vector<FlushRecord>& into) {
  into.insert(into.end(), flushes_.begin(), flushes_.end());
  flushes_.clear();
}

// ---- mappings -----------------------------------------------------------------------------------

bool Mapping::same_kind(const Mapping& other) const {
  return prot == other.prot && !shared && !other.shared && !file && !other.file &&
         dont_fork == other.dont_fork && wipe_on_fork == other.wipe_on_fork;
}

PlainModel::MappingAt PlainModel::find(vaddr_t address) {
  auto& mappings = space_->mappings;
  auto at = mappings.upper_bound(address);
  if (at == mappings.begin()) return mappings.end();
  --at;
  return address < at->second.end ? at : mappings.end();
}

bool PlainModel::mapped(vaddr_t address) { return find(address) != space_->mappings.end(); }

void PlainModel::split(vaddr_t address) {
  const auto at = find(address);
  if (at == space_->mappings.end() || at->first == address) return;
  space_->mappings.emplace(address, at->second);
  at->second.end = address;
}

// Joins neighbours of one kind in and around the range, as the kernel does.
void PlainModel::merge(Range range) {
  auto& mappings = space_->mappings;
  auto at = mappings.lower_bound(range.begin);
  if (at != mappings.begin()) --at;
  while (at != mappings.end() && at->first <= range.end) {
    const auto next = std::next(at);
    if (next != mappings.end() && at->second.end == next->first &&
        at->second.same_kind(next->second)) {
      at->second.end = next->second.end;
      at->second.has_anonymous |= next->second.has_anonymous;
      mappings.erase(next);
    } else {
      at = next;
    }
  }
}

void PlainModel::map(Range range, const Mapping& mapping) {
  if (range.empty()) return;
  Mapping& added = space_->mappings[range.begin] = mapping;
  added.end = range.end;
  merge(range);
}

template <class Visit>
bool PlainModel::for_mappings(Range range, Visit visit) {
  auto& mappings = space_->mappings;
  auto at = find(range.begin);
  bool whole = at != mappings.end();
  if (!whole) at = mappings.lower_bound(range.begin);
  vaddr_t reached = whole ? range.begin : range.end;
  for (; at != mappings.end() && at->first < range.end; ++at) {
    const Range part{std::max(range.begin, at->first), std::min(range.end, at->second.end)};
    whole = whole && part.begin == reached;
    reached = part.end;
    visit(part, at->second);
  }
  return whole && reached >= range.end;
}

void PlainModel::unmap(Range range, Gather& gather) {
  if (range.empty()) return;
  split(range.begin);
  split(range.end);
  auto& mappings = space_->mappings;
  const auto first = mappings.lower_bound(range.begin), last = mappings.lower_bound(range.end);
  if (first == last) return;
  const vaddr_t floor = first == mappings.begin() ? 0 : std::prev(first)->second.end;
  const vaddr_t ceiling = last == mappings.end() ? ~vaddr_t{0} : last->first;
  const Range touched{first->first, std::prev(last)->second.end};
  zap(touched, false, gather);
  mappings.erase(first, last);
  free_tables(touched, {floor, ceiling}, gather);
}

// ---- entries and tables -------------------------------------------------------------------------

// Calls visit(address, entry) for each present entry of the range.
template <class Visit>
void PlainModel::for_entries(Space& space, Range range, Visit visit) {
  auto table = space.tables.lower_bound(round_down(range.begin, table_span));
  for (; table != space.tables.end() && table->first < range.end; ++table) {
    const vaddr_t end = std::min(range.end, table->first + table_span);
    for (vaddr_t page = std::max(range.begin, table->first); page < end; page += page_size)
      if (Entry& entry = table->second[slot(page)]; entry.page != no_page) visit(page, entry);
  }
}

Entry& PlainModel::entry_of(vaddr_t address) {
  for (unsigned level = 0; level < 2; ++level)
    space_->directories[level].insert(round_down(address, directory_span[level]));
  return space_->tables[round_down(address, table_span)][slot(address)];
}

void PlainModel::zap_entry(Entry& entry, vaddr_t address, Gather& gather) {
  const bool queued = entry.page != zero_page;
  release(entry.page);
  entry = {};
  gather.entry(address);
  if (queued) gather.queue_page();
}

// reclaim: a table that the range covers is freed with its pages, empty or not.
void PlainModel::zap(Range range, bool reclaim, Gather& gather) {
  for_entries(*space_, range, [&](vaddr_t page, Entry& entry) { zap_entry(entry, page, gather); });
  if (!reclaim) return;
  auto& tables = space_->tables;
  auto table = tables.lower_bound(range.begin);
  while (table != tables.end() && table->first + table_span <= range.end) {
    gather.table(table->first, 1);
    table = tables.erase(table);
  }
}

// Frees the tables of the range that no mapping outside it needs.
void PlainModel::free_tables(Range range, Range allowed, Gather& gather) {
  const auto free = [&](vaddr_t base, std::uint64_t span, unsigned level) {
    if (base < allowed.begin || base + span > allowed.end) return false;
    gather.table(base, level);
    return true;
  };
  auto& tables = space_->tables;
  auto table = tables.lower_bound(round_down(range.begin, table_span));
  while (table != tables.end() && table->first < range.end)
    table = free(table->first, table_span, 1) ? tables.erase(table) : std::next(table);
  for (unsigned level = 0; level < 2; ++level) {
    auto& directories = space_->directories[level];
    auto at = directories.lower_bound(round_down(range.begin, directory_span[level]));
    while (at != directories.end() && *at < range.end)
      at = free(*at, directory_span[level], level + 2) ? directories.erase(at) : std::next(at);
  }
}

PageId PlainModel::new_page() {
  PageId page;
  if (free_pages_.empty()) {
    page = static_cast<PageId>(pages_.size()) + first_anonymous;
    pages_.emplace_back();
  } else {
    page = free_pages_.back();
    free_pages_.pop_back();
  }
  pages_[page - first_anonymous] = {.users = 1, .exclusive = true};
  return page;
}

void PlainModel::release(PageId page) {
  if (page >= first_anonymous && --pages_[page - first_anonymous].users == 0)
    free_pages_.push_back(page);
}

// ---- faults -------------------------------------------------------------------------------------

void PlainModel::access(vaddr_t address, bool write, bool exec) {
  const auto at = find(address);
  if (at == space_->mappings.end()) return;
  Mapping& mapping = at->second;
  const std::uint32_t wanted = write ? abi::prot_write : exec ? abi::prot_exec : ~0U;
  if ((mapping.prot & wanted) == 0) return;
  Entry& entry = entry_of(address);
  if (entry.page == no_page)
    fault_in(mapping, entry, write);
  else if (write && !entry.writable)
    write_protected(mapping, entry, address);
  entry.dirty |= write;
}

void PlainModel::fault_in(Mapping& mapping, Entry& entry, bool write) {
  if (mapping.shared) {
    entry = {.page = file_page, .writable = (mapping.prot & abi::prot_write) != 0};
  } else if (write) {
    mapping.has_anonymous = true;
    entry = {.page = new_page(), .writable = true};
  } else {
    entry = {.page = mapping.file ? file_page : zero_page, .writable = false};
  }
}

// A store to a page that is present and may not be written: copied, unless it is the only use of
// it.
void PlainModel::write_protected(Mapping& mapping, Entry& entry, vaddr_t address) {
  entry.writable = true;
  if (mapping.shared) return;
  mapping.has_anonymous = true;
  if (entry.page >= first_anonymous) {
    AnonymousPage& page = pages_[entry.page - first_anonymous];
    if (page.exclusive || page.users == 1) {
      page.exclusive = true;
      return;
    }
  }
  release(entry.page);
  entry.page = new_page();
  Gather(flushes_).entry(address);
}

void PlainModel::map_untracked(vaddr_t address) {
  map(page_of(address), {.prot = abi::prot_read | abi::prot_write | abi::prot_exec});
}

// ---- calls --------------------------------------------------------------------------------------

std::int64_t PlainModel::mmap(const MapRequest& request) {
  const Range range = pages_of(request.address, request.length);
  if (range.empty() || !aligned(request.address)) return -EINVAL;
  {
    Gather gather(flushes_);
    unmap(range, gather);
  }
  map(range, {.prot = request.prot,
              .shared = (request.flags & abi::map_type) != abi::map_private,
              .file = request.file});
  return static_cast<std::int64_t>(request.address);
}

std::int64_t PlainModel::munmap(vaddr_t address, std::uint64_t length) {
  if (!aligned(address) || length == 0) return -EINVAL;
  Gather gather(flushes_);
  unmap(pages_of(address, length), gather);
  return 0;
}

std::int64_t PlainModel::brk(vaddr_t old_break, vaddr_t new_break) {
  if (new_break > old_break) {
    const Range grown = pages_between(page_up(old_break), new_break);
    Gather gather(flushes_);
    unmap(grown, gather);
    map(grown, {.prot = abi::prot_read | abi::prot_write});
  } else {
    Gather gather(flushes_);
    unmap(pages_between(page_up(new_break), old_break), gather);
  }
  return static_cast<std::int64_t>(new_break);
}

std::int64_t PlainModel::mprotect(vaddr_t address, std::uint64_t length, std::uint32_t prot) {
  const Range range = pages_of(address, length);
  if (!aligned(address)) return -EINVAL;
  if (range.empty()) return 0;
  split(range.begin);
  split(range.end);
  Gather gather(flushes_);
  const bool whole = for_mappings(range, [&](Range part, Mapping& mapping) {
    if (mapping.prot == prot) return;
    for_entries(*space_, part, [&](vaddr_t page, Entry& entry) {
      protect_entry(entry, page, mapping.prot, mapping.shared ? prot & ~abi::prot_write : prot,
                    gather);
    });
    mapping.prot = prot;
  });
  merge(range);
  return whole ? 0 : -ENOMEM;
}

// Flushes if the entry was present for the hardware and loses that, or changes in what may be done
// with it.
void PlainModel::protect_entry(
    Entry& entry, vaddr_t address, std::uint32_t from, std::uint32_t to, Gather& gather) {
  const bool was_writable = entry.writable;
  const bool exclusive =
      entry.page >= first_anonymous && pages_[entry.page - first_anonymous].exclusive;
  entry.writable = exclusive && (to & abi::prot_write) != 0;
  if (from == 0) return;
  if (to == 0 || was_writable != entry.writable || ((from ^ to) & abi::prot_exec) != 0)
    gather.entry(address);
}

std::int64_t PlainModel::madvise(vaddr_t address, std::uint64_t length, std::uint32_t advice) {
  const Range range = pages_of(address, length);
  if (!aligned(address)) return -EINVAL;
  if (range.empty()) return 0;
  Gather gather(flushes_);
  const bool flags = advice == abi::madv_dontfork || advice == abi::madv_dofork ||
                     advice == abi::madv_wipeonfork || advice == abi::madv_keeponfork;
  if (flags) {
    split(range.begin);
    split(range.end);
  }
  const bool whole = for_mappings(range, [&](Range part, Mapping& mapping) {
    if (advice == abi::madv_dontneed || advice == abi::madv_dontneed_locked)
      zap(part, true, gather);
    else if (advice == abi::madv_free && !mapping.file && !mapping.shared)
      for_entries(*space_, part, [&](vaddr_t page, Entry& entry) {
        if (std::exchange(entry.dirty, false)) gather.entry(page);
      });
    else if (advice == abi::madv_dontfork || advice == abi::madv_dofork)
      mapping.dont_fork = advice == abi::madv_dontfork;
    else if (advice == abi::madv_wipeonfork || advice == abi::madv_keeponfork)
      mapping.wipe_on_fork = advice == abi::madv_wipeonfork;
  });
  if (flags) merge(range);
  return whole ? 0 : -ENOMEM;
}

std::int64_t PlainModel::mremap(vaddr_t address,
                                std::uint64_t old_length,
                                std::uint64_t new_length,
                                std::uint32_t flags,
                                vaddr_t new_address) {
  const Range from = pages_of(address, old_length);
  const auto source = find(address);
  if (!aligned(address) || new_length == 0 || source == space_->mappings.end()) return -EFAULT;
  const Mapping mapping = source->second;
  Gather gather(flushes_);
  if ((flags & abi::mremap_fixed) == 0) {
    const Range to = pages_of(address, new_length);
    if (to.end < from.end)
      unmap({to.end, from.end}, gather);
    else if (to.end > from.end)
      map({from.end, to.end}, mapping);
    return static_cast<std::int64_t>(address);
  }
  const Range to = pages_of(new_address, new_length);
  const bool overlap = from.begin < to.end && to.begin < from.end;
  if (!aligned(new_address) || to.empty() || overlap) return -EINVAL;
  unmap(to, gather);
  map(to, mapping);
  move_entries({from.begin, std::min(from.end, from.begin + (to.end - to.begin))}, to.begin);
  if ((flags & abi::mremap_dontunmap) == 0) unmap(from, gather);
  return static_cast<std::int64_t>(new_address);
}

// In pieces that end at 2 MiB borders of the source and of the target, each with a flush of its
// own.
void PlainModel::move_entries(Range from, vaddr_t to) {
  const vaddr_t distance = to - from.begin;
  while (!from.empty()) {
    const vaddr_t target = from.begin + distance;
    const Range piece{
        from.begin,
        std::min({from.end, round_down(from.begin, table_span) + table_span,
                  from.begin + (round_down(target, table_span) + table_span - target)})};
    std::vector<std::pair<vaddr_t, Entry>> moved;
    for_entries(*space_, piece, [&](vaddr_t page, Entry& entry) {
      moved.emplace_back(page + distance, std::exchange(entry, {}));
    });
    for (const auto& [page, entry] : moved) entry_of(page) = entry;
    const std::uint64_t pages = piece.pages();
    if (!moved.empty())
      flush(pages > flush_ceiling ? full_flush : static_cast<std::int64_t>(pages));
    from.begin = piece.end;
  }
}

// ---- processes ----------------------------------------------------------------------------------

void PlainModel::fork(ProcessId parent, ProcessId child) {
  Space& copy = spaces_[child];
  run_as(parent);
  for (const auto& [begin, mapping] : space_->mappings) {
    if (mapping.dont_fork) continue;
    Mapping& copied = copy.mappings[begin] = mapping;
    if (mapping.wipe_on_fork) copied.has_anonymous = false;
    if (copied.has_anonymous && !mapping.shared) copy_entries(copy, {begin, mapping.end});
  }
  flush(full_flush);
}

void PlainModel::copy_entries(Space& child, Range range) {
  std::vector<std::pair<vaddr_t, Entry>> copied;
  for_entries(*space_, range, [&](vaddr_t address, Entry& entry) {
    entry.writable = false;
    copied.emplace_back(address, entry);
    if (entry.page < first_anonymous) return;
    AnonymousPage& page = pages_[entry.page - first_anonymous];
    ++page.users;
    page.exclusive = false;
  });
  Space* const parent = std::exchange(space_, &child);
  for (const auto& [address, entry] : copied) entry_of(address) = entry;
  space_ = parent;
}

void PlainModel::drop(Space& space) {
  for_entries(space, {0, ~vaddr_t{0}}, [&](vaddr_t, Entry& entry) { release(entry.page); });
  space = {};
}

void PlainModel::exit(ProcessId process) {
  drop(spaces_[process]);
  if (space_ == &spaces_[process]) space_ = nullptr;
  spaces_.erase(process);
}

}  // namespace tlblab::plain
