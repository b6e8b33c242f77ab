// SPDX-License-Identifier: GPL-2.0-or-later
// What MIPS does otherwise than others: a joint TLB of pairs, ASIDs of each CPU, who is interrupted.
#include "arch/mips/mips.h"

#include "arch/chosen.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

class Mips : public testing::Test {
 protected:
  void SetUp() override { chosen_arch::choose<mips>(); }
  static unsigned matching(std::uint64_t page) {
    return mips::this_cpu().joint.matching(page_at(page), mips::this_cpu().mmu.asid());
  }
  static bool holds(std::uint64_t page) {
    return A::translate(page_at(page), Access::read).host != nullptr;
  }
};

// A refill reads both entries of the pair, and leaves an entry where nothing is mapped.
TEST_F(Mips, ARefillBringsThePair) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 2);
    EXPECT_TRUE(A::tlb_miss(rig.mm(), page_at(0), Access::read)) << "a refill, of nothing";
    EXPECT_EQ(matching(0), 1U);
    EXPECT_FALSE(holds(0));
    EXPECT_FALSE(A::tlb_miss(rig.mm(), page_at(0), Access::read)) << "invalid: a fault";
    fill<A>(rig.mm(), 0, 2);
    EXPECT_EQ(matching(0), 1U);
    EXPECT_TRUE(holds(0) && holds(1));
    mips::local_flush_tlb_all();
    EXPECT_TRUE(A::tlb_miss(rig.mm(), page_at(1), Access::read));
    EXPECT_TRUE(holds(0) && holds(1));
    dontneed<A>(rig.mm(), 0, 1);
    EXPECT_FALSE(holds(0) || holds(1)) << "the pair goes";
    EXPECT_EQ(peek<A>(rig.mm(), 1), 2U);
  });
}

// A fatal access leaves an entry where a huge page is mapped later.
TEST_F(Mips, AHugePageTakesThePlaceOfEntriesThatAreNotValid) {
  MmRig<A> rig;
  rig.run([&] {
    EXPECT_EQ(user_touch<A>(rig.mm(), page_at(6), Access::read), AccessResult::sigsegv);
    EXPECT_EQ(matching(6), 1U);
    map<A>(rig.mm(), 0, ptrs_per_table);
    EXPECT_EQ(do_madvise_flags<A>(rig.mm(), test_base, ptrs_per_table * page_size, VM_HUGEPAGE,
                                  VM_NOHUGEPAGE),
              0);
    fill<A>(rig.mm(), 0, 1);
    EXPECT_EQ(peek<A>(rig.mm(), 0), 1U);
    EXPECT_TRUE(holds(0) && holds(6)) << "one huge page";
    EXPECT_EQ(matching(6), 1U);
  });
}

TEST_F(Mips, WiredEntriesAreNotChosen) {
  MmRig<A> rig;
  rig.run([&] {
    hw::JointTlb& joint = mips::this_cpu().joint;
    joint.set_wired(3);
    for (unsigned n = 0; n < 2 * joint.size(); ++n) {
      const int index = joint.random();
      EXPECT_GE(index, 3);
      EXPECT_LT(index, static_cast<int>(joint.size()));
    }
    joint.set_wired(0);
  });
}

// ASIDs 1 and 2: a new version with every third address space.
TEST_F(Mips, AsidsAreGivenOutAgain) {
  TlbGeometry geometry = tiny_tlb;
  geometry.asids = 3;
  MmRig<A> rig({.tlb = geometry});
  rig.run([&] {
    constexpr unsigned spaces = 7;
    mm_struct* mms[spaces];
    for (unsigned n = 0; n < spaces; ++n) {
      mms[n] = mm_alloc<A>(3);
      use_mm<A>(*mms[n]);
      map<A>(*mms[n], 0, 1);
      fill<A>(*mms[n], 0, 1, 100 + n);
    }
    for (unsigned turn = 0; turn < 3 * spaces; ++turn) {
      use_mm<A>(*mms[turn * 3 % spaces]);
      EXPECT_EQ(peek<A>(*mms[turn * 3 % spaces], 0), 100 + turn * 3 % spaces);
    }
    use_mm<A>(rig.mm());
    for (mm_struct* mm : mms) mmput<A>(*mm);
  });
}

// CPU 1 has run the mm and left: it is not interrupted, but loses its ASID.
TEST_F(Mips, ASingleUserInterruptsNobody) {
  MmRig<A> rig({.machine = {.cpus = 2}});
  Meeting meeting;
  rig.on_all([&](unsigned cpu) {
    use_mm<A>(rig.mm());
    if (cpu == 0) map<A>(rig.mm(), 0, 1);
    meeting.meet();
    if (cpu == 0) fill<A>(rig.mm(), 0, 1);
    meeting.meet();
    EXPECT_EQ(peek<A>(rig.mm(), 0), 1U);
    if (cpu == 1) unuse_mm<A>();
    meeting.meet();
    if (cpu == 0) {
      EXPECT_NE(mips::asid::cpu_context(1, rig.mm()).load(order::relaxed), 0U);
      dontneed<A>(rig.mm(), 0, 1);
      EXPECT_EQ(mips::asid::cpu_context(1, rig.mm()).load(order::relaxed), 0U);
    }
    meeting.meet();
    use_mm<A>(rig.mm());
    EXPECT_EQ(peek<A>(rig.mm(), 0), 0U);
    meeting.meet();
    if (cpu == 0) {
      dontneed<A>(rig.mm(), 0, 1);
      EXPECT_NE(mips::asid::cpu_context(1, rig.mm()).load(order::relaxed), 0U) << "interrupted";
    }
    meeting.meet();
    unuse_mm<A>();
  });
}

struct flushes_here_only : mips {
  static void flush_tlb_range(mm_struct& mm, vaddr_t, vaddr_t, unsigned, bool) noexcept {
    drop_here(mm);
  }
  static void tlb_flush(gather_range& tlb) noexcept { drop_here(*tlb.mm); }
  static void drop_here(mm_struct& mm) noexcept {
    local_irq_save();
    asid::drop_mmu_context(mm);
    local_irq_restore();
  }
  static bool arch_tlb_finish_mmu(gather_range& tlb,
                                  vaddr_t start,
                                  vaddr_t end,
                                  bool force) noexcept {
    return generic::arch_tlb_finish_mmu<flushes_here_only>(tlb, start, end, force);
  }
};
AccessResult write_after_protect(unsigned writer) {
  MmRig<A> rig({.machine = {.cpus = 2}});
  AccessResult result = AccessResult::oom;
  Meeting meeting;
  rig.run_all([&](unsigned cpu) {
    if (cpu == 0) map<A>(rig.mm(), 0, 1);
    meeting.meet();
    if (cpu == 0) fill<A>(rig.mm(), 0, 1);
    meeting.meet();
    EXPECT_EQ(user_write<A>(rig.mm(), page_at(0) + 8 * cpu, 1), AccessResult::done);
    meeting.meet();
    if (cpu == 0) protect<A>(rig.mm(), 0, 1, VM_READ);
    meeting.meet();
    if (cpu == writer) result = user_write<A>(rig.mm(), page_at(0), 2);
    meeting.meet();
    unuse_mm<A>();
  });
  return result;
}
TEST_F(Mips, ARightThatWentIsGoneEverywhere) {
  EXPECT_EQ(write_after_protect(0), AccessResult::sigsegv);
  EXPECT_EQ(write_after_protect(1), AccessResult::sigsegv);
  chosen_arch::choose<flushes_here_only>();
  EXPECT_EQ(write_after_protect(0), AccessResult::sigsegv);
  EXPECT_EQ(write_after_protect(1), AccessResult::done) << "planted";
}

// Question Q13, the shortest case: the refill has left an entry, and the fault writes another one.
struct writes_without_probe : mips {
  static void update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t) noexcept {
    local_irq_save();
    hw::JointTlb& joint = this_cpu().joint;
    joint.write(joint.random(), read_pair(mm.pgd, va));
    local_irq_restore();
  }
};
TEST_F(Mips, ADuplicateIsAMachineCheck) {
  chosen_arch::choose<writes_without_probe>();
  expect_broken("tlb_duplicate_machine_check", [](Machine& machine) {
    Session<A> session({.frames = 256, .tlb = test_tlb});
    machine.run([&](unsigned cpu) {
      if (cpu != 0) return;
      session.start();
      mm_struct* mm = mm_alloc<A>(3);
      use_mm<A>(*mm);
      map<A>(*mm, 0, 1);
      static_cast<void>(user_write<A>(*mm, page_at(0), 1));
    });
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
