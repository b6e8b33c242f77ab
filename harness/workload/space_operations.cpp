// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/space_operations.h"

#include <algorithm>

#include "harness/workload/abi.h"
#include "harness/workload/kinds.h"

namespace tlblab {
namespace {

bool is_present(std::uint32_t error_code) { return (error_code & fault_present) != 0; }
bool is_write(std::uint32_t error_code) { return (error_code & fault_is_write) != 0; }

std::string_view kind_of(FaultKind what) {
  if (what == FaultKind::read) return kind::fault_read;
  return what == FaultKind::write ? kind::fault_write : kind::fault_cow;
}

std::string_view kind_of(BrkKind what) {
  if (what == BrkKind::query) return kind::brk_query;
  return what == BrkKind::grow ? kind::brk_grow : kind::brk_shrink;
}

bool zaps(std::uint32_t advice) {
  return advice == abi::madv_dontneed || advice == abi::madv_dontneed_locked ||
         advice == abi::madv_free;
}

}  // namespace

// ---- faults -------------------------------------------------------------------------------------

Verdict SpaceOperations::fault(AddressSpace& space, const Record& fault) {
  const vaddr_t address = fault.arg[0];
  const FaultKnowledge what = space.knowledge->fault(address, fault.flags);
  report_.faults.count(fault, what);
  const Verdict verdict{kind_of(what.kind), what.known};
  if (!find_mapping(space, address)) return verdict;
  reconcile(address, fault.flags, what.before);
  target_.access(address, is_write(fault.flags), (fault.flags & fault_is_fetch) != 0);
  space.knowledge->touched(address, is_write(fault.flags));
  return verdict;
}

// What is mapped and not by a recorded call, exec has mapped. False if nothing is: the access
// failed.
bool SpaceOperations::find_mapping(AddressSpace& space, vaddr_t address) {
  if (target_.mapped(address)) return true;
  if (address < user_begin || space.knowledge->vacated(address)) return false;
  target_.map_untracked(page_down(address));
  space.untracked.insert(page_down(address));
  ++report_.untracked_pages;
  return true;
}

void SpaceOperations::reconcile(vaddr_t address, std::uint32_t error_code, PageState before) {
  const bool present = is_present(error_code);
  if (present == (before != PageState::absent)) return;
  if (present)
    target_.access(address, false, false);
  else
    target_.madvise(page_down(address), page_size, abi::madv_dontneed);
  discard_flushes();
  ++report_.reconciled;
}

void SpaceOperations::discard_flushes() {
  discarded_.clear();
  target_.take_flushes(discarded_);
}

// ---- calls --------------------------------------------------------------------------------------

Verdict SpaceOperations::call(AddressSpace& space, const Record& enter, std::int64_t result) {
  switch (enter.call) {
    case Call::mmap: return mmap(space, enter, result);
    case Call::munmap: return munmap(space, enter, result);
    case Call::mprotect: return mprotect(space, enter, result);
    case Call::madvise: return madvise(space, enter, result);
    case Call::mremap: return mremap(space, enter, result);
    case Call::brk: return brk(space, enter, result);
    default: return {call_name(enter.call), false};
  }
}

void SpaceOperations::expect(const Record& enter, std::int64_t recorded, std::int64_t got) {
  if (recorded == got) return;
  ++report_.diverged;
  if (report_.first_diverged.size() < ReplayReport::divergences_kept)
    report_.first_diverged.push_back({enter.line, recorded, got});
}

Verdict SpaceOperations::mmap(AddressSpace& space, const Record& enter, std::int64_t result) {
  if (abi::failed(result)) return {kind::mmap_new, false};
  const auto address = static_cast<vaddr_t>(result);
  const Range range = pages_of(address, enter.arg[1]);
  if ((enter.flags & abi::map_fixed) == 0) make_room(space, range);
  const bool over = space.knowledge->tracked(range);
  const Verdict verdict{over ? kind::mmap_fixed_over : kind::mmap_new,
                        !over || space.knowledge->known(range)};

  const auto prot = static_cast<std::uint32_t>(enter.arg[2]);
  const bool file = (enter.flags & abi::map_anonymous) == 0;
  const bool anonymous = !file && (enter.flags & abi::map_type) == abi::map_private &&
                         (enter.flags & abi::map_hugetlb) == 0;
  expect(enter, result, target_.mmap({address, enter.arg[1], prot, enter.flags, file}));
  space.forget_untracked(range);
  space.knowledge->mapped(range, anonymous ? Backing::anonymous : Backing::other);
  const std::uint32_t populates = enter.flags & (abi::map_populate | abi::map_nonblock);
  if (populates == abi::map_populate || (enter.flags & abi::map_locked) != 0)
    populate(space, range, (prot & abi::prot_write) != 0 ? Populate::write : Populate::read);
  return verdict;
}

// The kernel chose the place, so nothing was there: what seems to be went unrecorded.
void SpaceOperations::make_room(AddressSpace& space, Range range) {
  if (!space.knowledge->tracked(range) && !space.has_untracked(range)) return;
  target_.munmap(range.begin, range.end - range.begin);
  discard_flushes();
  space.knowledge->unmapped(range);
  space.forget_untracked(range);
  ++report_.reconciled;
}

// A call that fails at a hole succeeded: exec has mapped what seems to be one.
void SpaceOperations::fill_holes(AddressSpace& space, Range range) {
  if (space.knowledge->all_tracked(range)) return;
  range.end = std::min(range.end, range.begin + populate_limit_ * page_size);
  for (vaddr_t page = range.begin; page < range.end; page += page_size)
    static_cast<void>(find_mapping(space, page));
}

Verdict SpaceOperations::munmap(AddressSpace& space, const Record& enter, std::int64_t result) {
  const Range range = pages_of(enter.arg[0], enter.arg[1]);
  const Verdict verdict{kind::munmap, space.knowledge->known(range)};
  if (abi::failed(result)) return verdict;
  expect(enter, result, target_.munmap(enter.arg[0], enter.arg[1]));
  space.knowledge->unmapped(range);
  space.forget_untracked(range);
  return verdict;
}

Verdict SpaceOperations::mprotect(AddressSpace& space, const Record& enter, std::int64_t result) {
  const Range range = pages_of(enter.arg[0], enter.arg[1]);
  const auto prot = static_cast<std::uint32_t>(enter.arg[2]);
  const Verdict verdict{kind::mprotect, space.knowledge->known(range)};
  if (result == -abi::enomem) protect_up_to_hole(space, range, prot);
  if (abi::failed(result)) return verdict;
  fill_holes(space, range);
  expect(enter, result, target_.mprotect(enter.arg[0], enter.arg[1], prot));
  return verdict;
}

// mprotect that ends at a hole has done its work up to there. Without a hole it failed for another
// reason at once.
void SpaceOperations::protect_up_to_hole(AddressSpace& space, Range range, std::uint32_t prot) {
  if (space.knowledge->all_tracked(range)) return;
  vaddr_t hole = range.begin;
  while (hole < range.end && target_.mapped(hole)) hole += page_size;
  if (hole != range.begin && hole < range.end)
    target_.mprotect(range.begin, hole - range.begin, prot);
}

Verdict SpaceOperations::madvise(AddressSpace& space, const Record& enter, std::int64_t result) {
  const auto advice = static_cast<std::uint32_t>(enter.arg[2]);
  const Range range = pages_of(enter.arg[0], enter.arg[1]);
  const Verdict verdict{advice_kind(advice), space.knowledge->known_advice(range, advice)};
  if (!abi::failed(result) || (zaps(advice) && result == -abi::enomem))
    carry_out_advice(space, enter, result);
  return verdict;
}

void SpaceOperations::carry_out_advice(AddressSpace& space,
                                       const Record& enter,
                                       std::int64_t result) {
  const auto advice = static_cast<std::uint32_t>(enter.arg[2]);
  const Range range = pages_of(enter.arg[0], enter.arg[1]);
  if (advice == abi::madv_populate_read) return populate(space, range, Populate::read);
  if (advice == abi::madv_populate_write) return populate(space, range, Populate::write);
  if (!abi::failed(result)) fill_holes(space, range);
  const std::int64_t got = target_.madvise(enter.arg[0], enter.arg[1], advice);
  if (!abi::failed(result)) expect(enter, result, got);
  space.knowledge->advised(range, advice);
}

std::string_view SpaceOperations::advice_kind(std::uint32_t advice) {
  std::string& name = advice_kinds_[advice];
  if (name.empty()) name = "madvise_" + abi::advice_name(advice);
  return name;
}

Verdict SpaceOperations::mremap(AddressSpace& space, const Record& enter, std::int64_t result) {
  const Verdict verdict{kind::mremap, false};
  if (abi::failed(result)) return verdict;
  const auto address = static_cast<vaddr_t>(result);
  const Range from = pages_of(enter.arg[0], enter.arg[1]);
  const Range to = pages_of(address, enter.arg[2]);
  const bool moved = address != enter.arg[0];
  const bool stays = (enter.flags & abi::mremap_dontunmap) != 0;
  const std::uint32_t flags =
      moved ? (enter.flags & abi::mremap_dontunmap) | abi::mremap_maymove | abi::mremap_fixed : 0;
  expect(enter, result,
         target_.mremap(enter.arg[0], enter.arg[1], enter.arg[2], flags, moved ? address : 0));
  space.forget_untracked(to);
  if (from.empty())  // a second mapping of shared memory
    space.knowledge->mapped(to, Backing::other);
  else
    space.knowledge->moved(from, to, stays);
  if (moved && !stays) space.forget_untracked(from);
  return verdict;
}

Verdict SpaceOperations::brk(AddressSpace& space, const Record& enter, std::int64_t result) {
  const BrkKnowledge what = space.knowledge->brk(enter.arg[0], static_cast<vaddr_t>(result));
  if (what.from != 0 && what.to != what.from) {
    expect(enter, result, target_.brk(what.from, what.to));
    space.forget_untracked(
        pages_between(page_up(std::min(what.to, what.from)), std::max(what.to, what.from)));
  }
  space.knowledge->set_brk(what);
  return {kind_of(what.kind), what.known};
}

// mlock writes to what may be written and reads the rest; whether it succeeded at all is not
// recorded.
Verdict SpaceOperations::call_without_exit(AddressSpace& space, const Record& enter) {
  if (enter.call == Call::mlock)
    populate(space, pages_of(enter.arg[0], enter.arg[1]), Populate::maybe);
  else if (enter.call == Call::pkey_mprotect)
    target_.mprotect(enter.arg[0], enter.arg[1], static_cast<std::uint32_t>(enter.arg[2]));
  return {call_name(enter.call), false};
}

// ---- pages that come without faults -------------------------------------------------------------

void SpaceOperations::populate(AddressSpace& space, Range range, Populate how) {
  if (range.pages() > populate_limit_) {
    ++report_.populations_cut;
    space.knowledge->mapped(range, Backing::other);
    range = first_pages(range, populate_limit_);
  }
  for (vaddr_t page = range.begin; page < range.end; page += page_size)
    populate_page(space, page, how);
}

void SpaceOperations::populate_page(AddressSpace& space, vaddr_t address, Populate how) {
  const PageState before = space.knowledge->state(address);
  if (before == PageState::written || (before != PageState::absent && how != Populate::write))
    return;
  if (!target_.mapped(address)) return;
  if (how != Populate::read) target_.access(address, true, false);
  if (how != Populate::write) target_.access(address, false, false);
  if (how == Populate::maybe)
    space.knowledge->unsure(address);
  else
    space.knowledge->touched(address, how == Populate::write);
  ++report_.populated_pages;
}

}  // namespace tlblab
