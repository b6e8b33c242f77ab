// SPDX-License-Identifier: GPL-2.0-or-later
// Every kind of event has a name of its own and words.
#include "harness/explore/event_text.h"

#include <set>

#include <gmock/gmock.h>

namespace tlblab {
namespace {

trace_event event(EventKind kind, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
  return {.kind = kind, .a = a, .b = b, .c = c};
}

TEST(EventText, EveryKindHasItsOwnName) {
  std::set<std::string> names;
  constexpr auto last = static_cast<unsigned>(EventKind::hash_remove);
  for (unsigned kind = 0; kind <= last; ++kind) {
    const EventText text = text_of(event(static_cast<EventKind>(kind)));
    EXPECT_NE(text.text, "") << kind;
    EXPECT_THAT(text.what, testing::MatchesRegex("[a-z_]+"));
    EXPECT_TRUE(names.insert(text.what).second) << text.what;
  }
  EXPECT_FALSE(names.contains("event"));
}

TEST(EventText, SaysWhatHappened) {
  const auto call = static_cast<std::uint64_t>(MmCall::madvise_free);
  EXPECT_EQ(text_of(event(EventKind::call_begin, call, 0x4000, 0x6000)).text,
            "madvise(FREE) 0x4000, 2 pages");
  EXPECT_EQ(text_of(event(EventKind::call_end, call, 0x4000, 0x6000)).text,
            "madvise(FREE) returns");
  EXPECT_EQ(text_of(event(EventKind::tlb_fill, 0x4000, 0)).text, "TLB fill 0x4000: zero page");
  EXPECT_EQ(text_of(event(EventKind::page_free, 7)).text, "free page 7");
  EXPECT_EQ(text_of(event(EventKind::page_fault, 0x4000, 1)).text, "write fault 0x4000");
}

TEST(EventText, AFlushOfNothingIsNotNeeded) {
  const auto remote = static_cast<std::uint64_t>(FlushReason::remote_shootdown);
  EXPECT_FALSE(text_of(event(EventKind::tlb_flush, remote, 0)).key);
  const EventText full =
      text_of(event(EventKind::tlb_flush, remote, static_cast<std::uint64_t>(full_flush)));
  EXPECT_TRUE(full.key);
  EXPECT_EQ(full.text, "flush for another CPU: everything");
}

}  // namespace
}  // namespace tlblab
