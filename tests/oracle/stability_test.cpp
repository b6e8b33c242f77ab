// SPDX-License-Identifier: GPL-2.0-or-later
// I4: a store that reaches the old page while it is copied, by a planted bug; and what is none.
#include "tests/oracle/case.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

// fork leaves the parent's writable translations alone, and a copy for a write is slow to invalidate
// what it replaces: another CPU gets to store meanwhile.
struct forgets_fork_flush : x86 {
  static inline Turns* script = nullptr;
  static inline unsigned until = 0;
  static void flush_tlb_mm(mm_struct&) noexcept {}
  static void flush_tlb_page(mm_struct& mm, vaddr_t va) noexcept {
    if (script != nullptr) {
      script->next();
      script->wait_for(until);
      script = nullptr;
    }
    x86::flush_tlb_page(mm, va);
  }
};

TEST(OracleStability, StoreWhileThePageIsCopied) {
  using A = forgets_fork_flush;
  OracleCase<A> c;
  mm_struct* child = nullptr;
  c.run(
      [&] {
        c.turn(2, [&] { child = dup_mm<A>(c.mm()); });
        A::script = &c.turns_;
        A::until = 5;
        c.turns_.wait_for(3);
        c.write(x);  // turn 4 is in the middle of it
        c.turn(5, [&] { mmput<A>(*child); });
      },
      nothing,
      [&] {
        c.turn(1, [&] { c.write(x); });
        c.turn(4, [&] { c.write(x); });
      });
  EXPECT_TRUE(c.rig_.kinds().contains(std::string(kind::store_during_copy))) << c.rig_.text();
}

// The same three CPUs, and the events by hand: what has to come together.
class OracleStabilityEvents : public testing::Test {
 protected:
  enum class Event : std::uint8_t { begin, end, drop, look, store };
  struct Said {
    Event event;
    unsigned cpu = 0;
    vaddr_t va = x;
    pfn_t pfn = 7;
    std::uint64_t mm = 1;
  };
  static std::uint64_t violations(const std::vector<Said>& all) {
    OracleCase<x86> c;
    c.run(
        [&] {
          c.turn(1, [&] {
            for (const Said& said : all) send(*c.rig_.oracles().sink(0), said);
          });
        },
        nothing, nothing);
    EXPECT_EQ(c.rig_.kinds().size(), c.rig_.kinds().count(std::string(kind::store_during_copy)));
    return c.rig_.oracles().total();
  }

 private:
  static void send(TraceSink& sink, const Said& said) {
    trace_event e{EventKind::copy_begin, said.cpu, said.mm, said.pfn, said.va, 0, 0};
    if (said.event == Event::end || said.event == Event::drop) {
      e.kind = EventKind::copy_end;
      e.b = said.event == Event::end ? 1 : 0;
    } else if (said.event == Event::look) {
      e = {EventKind::tlb_use, said.cpu, said.mm, said.va, said.pfn, 0, 1};
    } else if (said.event == Event::store) {
      e = {EventKind::user_write, said.cpu, said.mm, said.va, 1, 0, 0};
    }
    sink.event(e);
  }
};

constexpr unsigned other = 1;

TEST_F(OracleStabilityEvents, AStoreBetweenBeginAndEnd) {
  EXPECT_EQ(violations({{Event::begin}, {Event::look, other}, {Event::store, other}, {Event::end}}),
            1U);
  EXPECT_EQ(violations({{Event::begin},
                        {Event::look, other, x + 8},
                        {Event::store, other, x + 8},
                        {Event::end}}),
            1U)
      << "another word of the page";
}
TEST_F(OracleStabilityEvents, OneThatWasLookedUpBefore) {
  EXPECT_EQ(violations({{Event::look, other}, {Event::begin}, {Event::store, other}, {Event::end}}),
            0U);
}
TEST_F(OracleStabilityEvents, OneThatCameAfterTheEnd) {
  EXPECT_EQ(violations({{Event::begin}, {Event::look, other}, {Event::end}, {Event::store, other}}),
            0U);
}
TEST_F(OracleStabilityEvents, ACopyThatIsDropped) {
  EXPECT_EQ(
      violations({{Event::begin}, {Event::look, other}, {Event::store, other}, {Event::drop}}), 0U);
}
TEST_F(OracleStabilityEvents, AnotherAddressPageOrAddressSpace) {
  EXPECT_EQ(
      violations({{Event::begin}, {Event::look, other, y}, {Event::store, other, y}, {Event::end}}),
      0U);
  EXPECT_EQ(
      violations(
          {{Event::begin}, {Event::look, other, x, 8}, {Event::store, other, x, 8}, {Event::end}}),
      0U);
  EXPECT_EQ(violations({{Event::begin},
                        {Event::look, other, x, 7, 2},
                        {Event::store, other, x, 7, 2},
                        {Event::end}}),
            0U);
}
// Two CPUs copy for the same address: the store is over before the second begins.
TEST_F(OracleStabilityEvents, TwoCopiesAtOnce) {
  EXPECT_EQ(violations({{Event::begin},
                        {Event::look, other},
                        {Event::store, other},
                        {Event::begin, 2},
                        {Event::end, 2},
                        {Event::end}}),
            1U);
  EXPECT_EQ(violations({{Event::begin},
                        {Event::begin, 2},
                        {Event::look, other},
                        {Event::store, other},
                        {Event::end, 2},
                        {Event::end}}),
            2U);
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
