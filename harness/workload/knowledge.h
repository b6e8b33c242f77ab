// SPDX-License-Identifier: GPL-2.0-or-later
// What a recording lets one know of one address space, and so which of its operations a replay can
// be held to.
//
// Mappings that recorded calls made since exec are tracked, as `anonymous` (and private) or as
// `other`; what exec made is not. A call is known if a tracked mapping overlaps its range and all
// that do are anonymous; a new mapping with nothing tracked under it is known, and so is every brk
// but the first, which only tells where the heap ends. A fault is known if its page is in an
// anonymous mapping. Every page has a state (page_states.h).
//
// Some operations are left out though the mappings are known, because what they do does not follow
// from calls and faults: moves (mremap), advice that looks at the accessed bits (FREE, COLD,
// PAGEOUT), and write faults on a present page that was written before: after a fork it is copied
// or reused, and that depends on the other side.
//
// A Knowledge is told the effect of a call; that is when the call returned, and only if it
// succeeded. Copied at fork.
#pragma once

#include <cstdint>
#include <memory>

#include "harness/workload/page_states.h"
#include "harness/workload/range.h"

namespace tlblab {

enum class Backing : std::uint8_t { untracked, anonymous, other };

enum class FaultKind : std::uint8_t { write, read, cow };
struct FaultKnowledge {
  FaultKind kind;
  bool known;
  PageState before;
};

enum class BrkKind : std::uint8_t { grow, shrink, query };
struct BrkKnowledge {
  BrkKind kind;
  bool known;
  vaddr_t from, to;  // the heap's end before and after; from is 0 if it is not known
};

class Knowledge {
 public:
  Knowledge();
  Knowledge(const Knowledge&) = delete;
  Knowledge& operator=(const Knowledge&) = delete;
  ~Knowledge();

  // What the child of a fork inherits: all but what MADV_DONTFORK and MADV_WIPEONFORK keep from it.
  [[nodiscard]] std::unique_ptr<Knowledge> forked() const;

  // ---- questions, asked before the effect is told
  [[nodiscard]] bool tracked(Range range) const;  // anything in the range is
  [[nodiscard]] bool all_tracked(Range range) const;
  [[nodiscard]] bool known(Range range) const;
  [[nodiscard]] bool known_advice(Range range, std::uint32_t advice) const;
  // A recorded call unmapped it, and nothing recorded mapped it again: a fault there is one that
  // failed.
  [[nodiscard]] bool vacated(vaddr_t address) const;
  [[nodiscard]] PageState state(vaddr_t address) const { return pages_.at(address); }
  [[nodiscard]] FaultKnowledge fault(vaddr_t address, std::uint32_t error_code) const;
  [[nodiscard]] BrkKnowledge brk(vaddr_t asked, vaddr_t returned) const;

  // ---- effects
  void mapped(Range range, Backing backing);
  void unmapped(Range range);
  void moved(Range from, Range to, bool source_stays);
  void advised(Range range, std::uint32_t advice);
  void set_brk(const BrkKnowledge& brk);
  void touched(vaddr_t address, bool write);
  void unsure(vaddr_t address);  // present, and nothing else is known of it
  void dropped(Range range);     // the pages are gone, the mapping stays

 private:
  struct Mappings;

  std::unique_ptr<Mappings> mappings_;
  PageStates pages_;
  vaddr_t brk_ = 0;  // 0: not known
};

}  // namespace tlblab
