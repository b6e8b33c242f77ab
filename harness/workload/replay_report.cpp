// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/replay_report.h"

#include <algorithm>
#include <iterator>

#include "harness/workload/kinds.h"

namespace tlblab {
namespace {

bool same_flushes(std::span<const FlushRecord> predicted, std::span<const std::int64_t> recorded) {
  auto pages = recorded.begin();
  for (const FlushRecord& flush : predicted) {
    if (flush.reason != FlushReason::local_mm_shootdown) continue;
    if (pages == recorded.end() || *pages != flush.pages) return false;
    ++pages;
  }
  return pages == recorded.end();
}

// Calls that take mappings or rights away.
bool unmaps(std::string_view name) {
  return name == kind::munmap || name == kind::mprotect || name.starts_with("madvise_") ||
         name.starts_with("brk_");
}

bool is_local(const FlushRecord& flush) { return flush.reason == FlushReason::local_mm_shootdown; }

}  // namespace

void FlushSum::add(std::int64_t of_pages) noexcept {
  ++events;
  if (of_pages == full_flush)
    ++full;
  else
    pages += static_cast<std::uint64_t>(of_pages);
}

const KindReport* ReplayReport::kind(std::string_view name) const noexcept {
  const auto found = std::ranges::find(kinds, name, &KindReport::name);
  return found == kinds.end() ? nullptr : &*found;
}

void FaultCount::count(const Record& fault, const FaultKnowledge& what) noexcept {
  const bool present = (fault.flags & fault_present) != 0;
  const bool write = (fault.flags & fault_is_write) != 0;
  if (write && present) ++present_writes;
  if (fault.event != Event::page_fault_user || (!what.known && what.kind != FaultKind::cow)) return;
  ++anonymous;
  if (present == (what.before != PageState::absent) && (!present || write)) ++explained;
}

void ReplayReport::add_checks() {
  std::uint64_t wrong = 0, ours = 0, theirs = 0, on_faults = 0;
  for (const KindReport& entry : kinds) {
    wrong += entry.known.wrong + entry.known.differ;
    if (entry.name.starts_with("fault_")) on_faults += entry.recorded.events;
    if (!unmaps(entry.name)) continue;
    ours += entry.predicted.events;
    theirs += entry.recorded.events;
  }
  const auto sum = [this](FlushReason reason) {
    return recorded[static_cast<std::size_t>(reason)].events;
  };
  checks = {{"known operations that flush unlike the recording, 0", "==", wrong, 0},
            {"flushes of munmap, madvise, mprotect, brk: predicted, recorded", "==", ours, theirs},
            {"faults on anonymous pages: explained by their state, all", "==", faults.explained,
             faults.anonymous},
            {"recorded: remote shootdowns, IPI sends", "<=", sum(FlushReason::remote_shootdown),
             sum(FlushReason::remote_send_ipi)},
            {"recorded: flushes on faults, write faults on present pages", "<=", on_faults,
             faults.present_writes}};
}

Tally::Tally() {
  for (const std::string_view name : kind::listed_first) kind(name);
}

KindReport& Tally::kind(std::string_view name) {
  auto found = index_.find(name);
  if (found == index_.end()) {
    found = index_.emplace(name, kinds_.size()).first;
    kinds_.emplace_back().name = name;
  }
  return kinds_[found->second];
}

void Tally::add(const ReplayEvent& event) {
  KindReport& entry = kind(event.kind);
  ++entry.calls;
  for (const FlushRecord& flush : event.predicted)
    if (is_local(flush)) entry.predicted.add(flush.pages);
  for (const std::int64_t pages : event.recorded) entry.recorded.add(pages);
  if (!event.finished) return;
  const bool flushed = std::ranges::any_of(event.predicted, is_local);
  const bool right = flushed == !event.recorded.empty();
  if (!event.known) {
    ++(right ? entry.unknown.right : entry.unknown.wrong);
    return;
  }
  ++(right ? entry.known.right : entry.known.wrong);
  if (right && flushed)
    ++(same_flushes(event.predicted, event.recorded) ? entry.known.exact : entry.known.differ);
}

std::vector<KindReport> Tally::kinds() const {
  std::vector<KindReport> occurred;
  std::ranges::copy_if(kinds_, std::back_inserter(occurred),
                       [](const KindReport& entry) { return entry.calls != 0; });
  return occurred;
}

}  // namespace tlblab
