// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/knowledge.h"

#include <utility>
#include <vector>

#include <boost/icl/interval_map.hpp>
#include <boost/icl/interval_set.hpp>

#include "harness/workload/abi.h"
#include "harness/workload/recording.h"

namespace tlblab {
namespace {

namespace icl = boost::icl;
using Interval = icl::right_open_interval<vaddr_t>;

// What is tracked of a mapping. Its default value is what an interval_map leaves out.
struct Tracked {
  Backing backing = Backing::untracked;
  bool dont_fork = false;
  bool wipe_on_fork = false;
  friend bool operator==(const Tracked&, const Tracked&) = default;
};

}  // namespace

struct Knowledge::Mappings {
  // Only set() and erase() are used: neighbours of equal value are joined, values are never added
  // up.
  using Map = icl::interval_map<vaddr_t,
                                Tracked,
                                icl::partial_enricher,
                                std::less,
                                icl::inplace_plus,
                                icl::inter_section,
                                Interval>;
  Map map;
  icl::interval_set<vaddr_t, std::less, Interval> vacated;

  void set(Range range, Tracked value) {
    if (range.empty()) return;
    map.set({Interval(range.begin, range.end), value});
    vacated.erase(Interval(range.begin, range.end));
  }
  void erase(Range range) {
    if (range.empty()) return;
    map.erase(Interval(range.begin, range.end));
    vacated.add(Interval(range.begin, range.end));
  }

  // Calls visit(part, value) for every tracked part of the range.
  template <class Visit>
  void visit(Range range, Visit visit) const {
    if (range.empty()) return;
    const auto [first, last] = map.equal_range(Interval(range.begin, range.end));
    for (auto part = first; part != last; ++part)
      visit(Range{std::max(range.begin, part->first.lower()),
                  std::min(range.end, part->first.upper())},
            part->second);
  }

  // Replaces every tracked part of the range by change(value).
  template <class Change>
  void update(Range range, Change change) {
    std::vector<std::pair<Range, Tracked>> parts;
    visit(range, [&](Range part, const Tracked& value) { parts.emplace_back(part, value); });
    for (auto& [part, value] : parts) {
      change(part, value);
      set(part, value);
    }
  }
};

Knowledge::Knowledge() : mappings_(std::make_unique<Mappings>()) {}
Knowledge::~Knowledge() = default;

std::unique_ptr<Knowledge> Knowledge::forked() const {
  auto child = std::make_unique<Knowledge>();
  *child->mappings_ = *mappings_;
  child->pages_ = pages_;
  child->brk_ = brk_;
  mappings_->visit({0, user_end}, [&](Range part, const Tracked& value) {
    if (value.dont_fork) child->unmapped(part);
    if (value.wipe_on_fork) child->dropped(part);
  });
  return child;
}

bool Knowledge::vacated(vaddr_t address) const {
  return icl::contains(mappings_->vacated, address);
}

bool Knowledge::tracked(Range range) const {
  bool any = false;
  mappings_->visit(range, [&](Range, const Tracked&) { any = true; });
  return any;
}

bool Knowledge::all_tracked(Range range) const {
  std::uint64_t pages = 0;
  mappings_->visit(range, [&](Range part, const Tracked&) { pages += part.pages(); });
  return pages == range.pages();
}

bool Knowledge::known(Range range) const {
  bool any = false, all = true;
  mappings_->visit(range, [&](Range, const Tracked& value) {
    any = true;
    all = all && value.backing == Backing::anonymous;
  });
  return any && all;
}

bool Knowledge::known_advice(Range range, std::uint32_t advice) const {
  const bool follows = advice <= abi::madv_dontneed || advice == abi::madv_dontneed_locked ||
                       advice == abi::madv_dontfork || advice == abi::madv_dofork ||
                       (advice >= abi::madv_hugepage && advice <= abi::madv_keeponfork);
  return follows && known(range);
}

FaultKnowledge Knowledge::fault(vaddr_t address, std::uint32_t error_code) const {
  const PageState before = pages_.at(address);
  if (address >= user_end) return {FaultKind::read, false, before};
  const bool anonymous = known(page_of(address));
  if ((error_code & fault_is_write) == 0) return {FaultKind::read, anonymous, before};
  const bool on_present = (error_code & fault_present) != 0;
  if (anonymous && on_present && before != PageState::zero) return {FaultKind::cow, false, before};
  return {FaultKind::write, anonymous, before};
}

BrkKnowledge Knowledge::brk(vaddr_t asked, vaddr_t returned) const {
  if (brk_ == 0 || asked == 0 || asked == brk_) return {BrkKind::query, brk_ != 0, brk_, returned};
  return {asked > brk_ ? BrkKind::grow : BrkKind::shrink, true, brk_, returned};
}

void Knowledge::mapped(Range range, Backing backing) {
  unmapped(range);
  mappings_->set(range, {.backing = backing});
}

void Knowledge::unmapped(Range range) {
  mappings_->erase(range);
  pages_.erase(range);
}

// The two ranges may have different lengths: the rest of the source is unmapped, that of the target
// is new.
void Knowledge::moved(Range from, Range to, bool source_stays) {
  std::vector<std::pair<Range, Tracked>> parts;
  mappings_->visit(from,
                   [&](Range part, const Tracked& value) { parts.emplace_back(part, value); });
  const vaddr_t distance = to.begin - from.begin;
  if (distance == 0) {
    unmapped({std::min(from.end, to.end), std::max(from.end, to.end)});
  } else {
    unmapped(to);
    pages_.move({from.begin, from.begin + std::min(from.end - from.begin, to.end - to.begin)},
                distance);
    source_stays ? dropped(from) : unmapped(from);
  }
  for (const auto& [part, value] : parts)
    mappings_->set({part.begin + distance, std::min(part.end + distance, to.end)}, value);
  if (!parts.empty() && to.end - to.begin > from.end - from.begin)
    mappings_->set({from.end + distance, to.end}, parts.back().second);
}

void Knowledge::advised(Range range, std::uint32_t advice) {
  switch (advice) {
    case abi::madv_dontneed:
    case abi::madv_dontneed_locked:
    case abi::madv_remove:
    case abi::madv_guard_install: return dropped(range);
    case abi::madv_free:
    case abi::madv_pageout: return pages_.change(range, PageState::written, PageState::other);
    case abi::madv_dontfork:
    case abi::madv_dofork:
      return mappings_->update(
          range, [=](Range, Tracked& value) { value.dont_fork = advice == abi::madv_dontfork; });
    case abi::madv_wipeonfork:
    case abi::madv_keeponfork:
      return mappings_->update(range, [=](Range, Tracked& value) {
        value.wipe_on_fork = advice == abi::madv_wipeonfork;
      });
    default: return;
  }
}

void Knowledge::set_brk(const BrkKnowledge& brk) {
  if (brk.from != 0 && brk.to > brk.from)
    mapped(pages_between(page_up(brk.from), brk.to), Backing::anonymous);
  else if (brk.to < brk.from)
    unmapped(pages_between(page_up(brk.to), brk.from));
  brk_ = brk.to;
}

void Knowledge::touched(vaddr_t address, bool write) {
  if (address >= user_end) return;
  if (write) return pages_.set(address, PageState::written);
  if (pages_.at(address) != PageState::absent) return;
  pages_.set(address, known(page_of(address)) ? PageState::zero : PageState::other);
}

void Knowledge::unsure(vaddr_t address) { pages_.set(address, PageState::other); }

void Knowledge::dropped(Range range) { pages_.erase(range); }

}  // namespace tlblab
