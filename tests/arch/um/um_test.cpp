// SPDX-License-Identifier: GPL-2.0-or-later
// User-mode Linux: what the host has mapped is an mm's, and software learns of use by faults.
#include "arch/um/um.h"

#include "arch/chosen.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

class Um : public testing::Test {
 protected:
  Um() { chosen_arch::choose<um>(); }
  static bool maps(unsigned cpu, std::uint64_t page) {
    bool found = false;
    um::mmu_of(cpu).tlb.for_each(page_at(page), page_at(page) + 1,
                                 [&](const hw::TlbView&) { found = true; });
    return found;
  }
};

TEST_F(Um, TheHostMapsWhatIsYoungAndLetsWriteWhatIsDirty) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1);
    EXPECT_EQ(do_madvise_free<A>(rig.mm(), page_at(0), page_size), 0);  // clean and old
    rig.log().clear();
    rig.log().keep_all(true);
    EXPECT_EQ(peek<A>(rig.mm(), 0), 1U);
    EXPECT_EQ(rig.log().count(EventKind::page_fault), 1U) << "old";
    EXPECT_EQ(A::translate(page_at(0), Access::write).host, nullptr);
    fill<A>(rig.mm(), 0, 1, 2);
    EXPECT_EQ(rig.log().count(EventKind::page_fault), 2U) << "clean";
    rig.log().keep_all(false);
    EXPECT_NE(A::translate(page_at(0), Access::write).host, nullptr);
  });
}

// A host's munmap is for all of its CPUs, and for one of its address spaces.
TEST_F(Um, AFlushUnmapsEverywhereAndInOneMm) {
  MmRig<A> rig({.machine = {.cpus = 2}});
  mm_struct* other = nullptr;
  rig.run([&] {
    other = mm_alloc<A>(3);
    map<A>(rig.mm(), 0, 2);
    fill<A>(rig.mm(), 0, 2);
    use_mm<A>(*other);
    map<A>(*other, 8, 1);
    fill<A>(*other, 8, 1);
    use_mm<A>(rig.mm());
    EXPECT_TRUE(maps(0, 8)) << "beside this one";
  });
  rig.on(1, [&] {
    use_mm<A>(rig.mm());
    EXPECT_EQ(peek<A>(rig.mm(), 0) + peek<A>(rig.mm(), 1), 3U);
  });
  rig.run([&] {
    um::flush_tlb_page(rig.mm(), page_at(0));
    EXPECT_FALSE(maps(0, 0) || maps(1, 0));
    EXPECT_TRUE(maps(0, 1) && maps(1, 1));
    um::flush_tlb_mm(rig.mm());
    EXPECT_FALSE(maps(0, 1) || maps(1, 1));
    EXPECT_TRUE(maps(0, 8));
    mmput<A>(*other);
    EXPECT_FALSE(maps(0, 8)) << "went with its mm";
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
