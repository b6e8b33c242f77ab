// SPDX-License-Identifier: GPL-2.0-or-later
// A backend that lets tables go while walks can still come to them is told so, and does not crash.
#include "arch/arm64/arm64.h"
#include "arch/x86/x86.h"
#include "harness/instances/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

// Drops entries and leaves the upper levels, and says that nobody walks tables in software.
template <class B>
struct leaves_tables_in_use : B {
  static constexpr mmu_gather_features features{};
  static void tlb_flush(gather_range&) noexcept {
    const access_window_of<B> window;
    hw::Mmu& mmu = B::this_cpu().mmu;
    mmu.tlb.invalidate_asid(mmu.asid());
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<leaves_tables_in_use>(tlb, start, end, force);
  }
};

// The walk cache leads to a table that munmap has freed.
void walk_where_a_table_was(Machine& machine) {
  Session<A> session({.frames = 256, .tlb = test_tlb});
  machine.run([&](unsigned cpu) {
    if (cpu != 0) return;
    session.start();
    mm_struct* mm = mm_alloc<A>(3);
    use_mm<A>(*mm);
    map<A>(*mm, 0, 2);
    static_cast<void>(user_write<A>(*mm, page_at(0), 1));
    unmap<A>(*mm, 0, 2);
    const access_window_of<A> window;
    static_cast<void>(A::translate(page_at(1), Access::read));
  });
}

template <class B>
class FreedTable : public testing::Test {
 protected:
  void TearDown() override { choose_backend("x86"); }
};
using Walked = testing::Types<x86, arm64>;
TYPED_TEST_SUITE(FreedTable, Walked);

TYPED_TEST(FreedTable, AWalkThereIsAViolation) {
  chosen_arch::choose<leaves_tables_in_use<TypeParam>>();
  expect_broken("walk_of_a_freed_table", walk_where_a_table_was);
}
TYPED_TEST(FreedTable, AWalkOfABackendThatFlushesIsAFault) {
  chosen_arch::choose<TypeParam>();
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 2);
    fill<A>(rig.mm(), 0, 1);
    unmap<A>(rig.mm(), 0, 2);
    const access_window_of<A> window;
    EXPECT_EQ(A::translate(page_at(1), Access::read).host, nullptr);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
