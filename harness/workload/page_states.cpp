// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/page_states.h"

#include <utility>
#include <vector>

namespace tlblab {
namespace {

constexpr std::size_t slot(vaddr_t address) noexcept { return (address >> page_shift) % 512; }

}  // namespace

PageState PageStates::at(vaddr_t address) const {
  const auto found = blocks_.find(address >> block_shift);
  return found == blocks_.end() ? PageState::absent : found->second[slot(address)];
}

void PageStates::set(vaddr_t address, PageState state) {
  blocks_[address >> block_shift][slot(address)] = state;
}

// Calls visit(address, state&) for every page of the range whose block exists.
template <class Visit>
void PageStates::visit(Range range, Visit visit) {
  auto block = blocks_.lower_bound(range.begin >> block_shift);
  for (; block != blocks_.end() && block->first << block_shift < range.end; ++block) {
    const vaddr_t base = block->first << block_shift;
    const vaddr_t end = std::min(range.end, base + block_pages * page_size);
    for (vaddr_t page = std::max(range.begin, base); page < end; page += page_size)
      visit(page, block->second[slot(page)]);
  }
}

void PageStates::erase(Range range) {
  if (range.empty()) return;
  const vaddr_t first_whole = (range.begin + (vaddr_t{1} << block_shift) - 1) >> block_shift;
  const vaddr_t last_whole = range.end >> block_shift;
  if (first_whole < last_whole)
    blocks_.erase(blocks_.lower_bound(first_whole), blocks_.lower_bound(last_whole));
  visit(range, [](vaddr_t, PageState& state) { state = PageState::absent; });
}

void PageStates::change(Range range, PageState from, PageState to) {
  visit(range, [=](vaddr_t, PageState& state) {
    if (state == from) state = to;
  });
}

void PageStates::move(Range range, vaddr_t distance) {
  std::vector<std::pair<vaddr_t, PageState>> moved;
  visit(range, [&](vaddr_t page, PageState& state) {
    if (state != PageState::absent) moved.emplace_back(page + distance, state);
    state = PageState::absent;
  });
  for (const auto& [page, state] : moved) set(page, state);
}

}  // namespace tlblab
