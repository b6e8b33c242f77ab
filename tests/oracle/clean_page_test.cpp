// SPDX-License-Identifier: GPL-2.0-or-later
// I5: a page is cleaned and somebody can still store without leaving a mark. The bug is a cleaner
// that forgets to flush.
#include "mm/pgtable.tcc"
#include "tests/oracle/case.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = x86;

struct Cleaner {
  bool flushes = true;
  bool is_call = true;  // else somebody relies on the page being clean, without a call
  CleanAct act = CleanAct::write_back;
};

// Takes the mark from the entry of x, as MADV_FREE and page_mkclean do.
void clean_x(mm_struct& mm, const Cleaner& how) {
  constexpr auto call = static_cast<std::uint64_t>(MmCall::madvise_dontneed);
  if (how.is_call) trace(EventKind::call_begin, mm.id, call, x, x + page_size);
  const pte_ref ref = pte_offset_map_lock<A>(mm, x);
  const pte_t was = ptep_get(ref), now = A::pte_mkclean(was);
  ref.word().store(now.val, order::release);
  note_change(mm, ref, x, was, now);
  pte_unmap_unlock(mm, ref);
  if (how.flushes) A::flush_tlb_page(mm, x);
  if (how.is_call)
    trace(EventKind::call_end, mm.id, call, x, x + page_size);
  else
    trace(EventKind::page_clean_act, mm.id, A::pte_pfn(was), static_cast<std::uint64_t>(how.act));
}

// CPU 2 has x writable and marked, CPU 0 cleans it, CPU 2 goes on.
template <class Then>
Kinds cleaned(const Cleaner& how, Then then) {
  OracleCase<A> c;
  c.run([&] { c.turn(2, [&] { clean_x(c.mm(), how); }); }, nothing,
        [&] {
          c.turn(1, [&] { c.write(x); });
          c.turn(3, [&] { then(c); });
        });
  return c.rig_.kinds();
}

const auto store = [](OracleCase<A>& c) { c.write(x); };
const auto load = [](OracleCase<A>& c) { c.read(x); };
const Kinds found = kinds_of({kind::dirty_translation_after_clean});
const Kinds lost = kinds_of({kind::dirty_translation_after_clean, kind::unmarked_store});

TEST(OracleCleanPage, CallThatForgetsToFlush) {
  EXPECT_EQ(cleaned({.flushes = false}, load), found) << "to read through it does no harm";
  EXPECT_EQ(cleaned({.flushes = false}, store), lost);
}
TEST(OracleCleanPage, CallThatFlushes) { EXPECT_EQ(cleaned({}, store), Kinds{}); }

TEST(OracleCleanPage, WhoReliesOnItWithoutACall) {
  for (const CleanAct act : {CleanAct::write_back, CleanAct::discard}) {
    EXPECT_EQ(cleaned({.flushes = false, .is_call = false, .act = act}, load), found);
    EXPECT_EQ(cleaned({.flushes = false, .is_call = false, .act = act}, store), lost);
    EXPECT_EQ(cleaned({.flushes = true, .is_call = false, .act = act}, store), Kinds{});
  }
}

// It was written again in between, and the entry says so.
TEST(OracleCleanPage, ANewMarkIsAsGoodAsTheOld) {
  OracleCase<A> c;
  c.run(
      [&] {
        c.turn(2, [&] { clean_x(c.mm(), {}); });
        c.turn(4, [&] {
          trace(EventKind::page_clean_act, c.mm().id, A::pte_pfn(peek_pte<A>(c.mm(), x)));
        });
      },
      nothing,
      [&] {
        c.turn(1, [&] { c.write(x); });
        c.turn(3, [&] { c.write(x); });
        c.turns_.wait_for(5);
      });
  EXPECT_EQ(c.rig_.kinds(), Kinds{}) << c.rig_.text();
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
