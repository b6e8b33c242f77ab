// SPDX-License-Identifier: GPL-2.0-or-later
// The table of arch/operations.md, by behaviour: what an operation has done when it returns, and whether it
// is a barrier for the memory accesses of its CPU. The second by every execution of a store before it and a
// load behind it, against a CPU that has a full barrier between the two:
//
//   CPU 0   x = 1; operation; r0 = y           CPU 1   y = 1; smp_mb(); r1 = x
//
// Both loads see 0 if and only if the operation is less than full.

#include "arch/arm64/arm64.h"
#include "arch/mips/mips.h"
#include "arch/ppc64_hash/ppc64_hash.h"
#include "arch/ppc64_radix/ppc64_radix.h"
#include "arch/riscv/riscv.h"
#include "arch/sparc64/sparc64.h"
#include "arch/x86/x86.h"
#include "harness/instances/backends.h"
#include "tests/arch/searched_mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

bool holds(unsigned cpu, vaddr_t va) {
  bool found = false;
  A::mmu_of(cpu).tlb.for_each(va, va + 1, [&](const hw::TlbView&) { found = true; });
  return found;
}
void touch_first_page(mm_struct& mm) {
  EXPECT_EQ(user_touch<A>(mm, page_at(0), Access::read), AccessResult::done);
}

// ---- (ii) barriers ------------------------------------------------------------------------------

enum class Strength : std::uint8_t { none, full };

struct Operation {
  const char* name;
  const char* backend;
  Strength strength;
  // Both CPUs have the first page in their TLBs; word is its entry.
  void (*act)(mm_struct& mm, Atomic<std::uint64_t>& word) noexcept;
};

void flush_page(mm_struct& mm, Atomic<std::uint64_t>&) noexcept {
  A::flush_tlb_page(mm, page_at(0));
}
void change_entry(mm_struct& mm, Atomic<std::uint64_t>& word) noexcept {
  static_cast<void>(A::ptep_test_and_clear_young(mm, page_at(0), word));
}
// One instruction of a CPU on its own TLB.
template <class B>
void invalidate_here(mm_struct&, Atomic<std::uint64_t>&) noexcept {
  const access_window_of<B> window;
  B::this_cpu().mmu.invalidate_page(page_at(0));
}
constexpr generic::invalidation everything{.reach = generic::Reach::everything};

constexpr Operation operations[] = {
    {"x86_flush_tlb_page", "x86", Strength::full, flush_page},
    {"x86_invlpg", "x86", Strength::none, invalidate_here<x86>},
    {"x86_invlpgb_flush_tlb_page", "x86_invlpgb+eager", Strength::full, flush_page},
    {"arm64_tlbi", "arm64", Strength::none,
     [](mm_struct&, Atomic<std::uint64_t>&) noexcept {
       arm64::this_cpu().tlbi.issue(everything,
                                    [](unsigned id) -> hw::Mmu& { return arm64::cpu(id).mmu; });
     }},
    {"arm64_tlbi_dsb", "arm64", Strength::full, flush_page},
    {"arm64_tlbi_local", "arm64", Strength::none, invalidate_here<arm64>},
    {"ppc64_radix_tlbie", "ppc64_radix", Strength::none,
     [](mm_struct&, Atomic<std::uint64_t>&) noexcept {
       ppc64_radix::this_cpu().tlbie.issue(
           everything, [](unsigned id) -> hw::Mmu& { return ppc64_radix::cpu(id).mmu; });
     }},
    {"ppc64_radix_tlbie_ptesync", "ppc64_radix", Strength::full, flush_page},
    {"ppc64_hash_tlbie_ptesync", "ppc64_hash", Strength::full, change_entry},
    {"ppc64_hash_flush_tlb_page", "ppc64_hash", Strength::none, flush_page},
    {"s390_ipte", "s390", Strength::full, change_entry},
    {"s390_flush_tlb_page", "s390", Strength::none, flush_page},
    {"riscv_sfence_vma", "riscv", Strength::none,
     [](mm_struct&, Atomic<std::uint64_t>&) noexcept {
       const access_window_of<riscv> window;
       sfence_vma(riscv::this_cpu(), everything);
     }},
    {"riscv_sbi_fence", "riscv", Strength::full, flush_page},
    {"riscv_ipi", "riscv+ipi", Strength::full, flush_page},
    {"sparc64_demap", "sparc64", Strength::none, invalidate_here<sparc64>},
    {"sparc64_tsb_and_cross_call", "sparc64", Strength::full, change_entry},
    {"mips_tlbwi", "mips", Strength::none,
     [](mm_struct&, Atomic<std::uint64_t>&) noexcept { mips::local_flush_tlb_all(); }},
    {"mips_ipi", "mips", Strength::full, flush_page},
};

struct Operations : testing::TestWithParam<Operation> {
  void SetUp() override { choose_backend(GetParam().backend); }
  void TearDown() override { choose_backend("x86"); }
};

TEST_P(Operations, AreBarriersAsTheTableSays) {
  Atomic<unsigned> x{0}, y{0};
  unsigned r0 = 0, r1 = 0;
  Atomic<std::uint64_t>* word = nullptr;
  const SearchedMm result = search_mm(
      MemoryModel::weak, 2, 400'000,
      [&](mm_struct& mm) {
        x.store(0, order::relaxed);
        y.store(0, order::relaxed);
        map<A>(mm, 0, 1);
        fill<A>(mm, 0, 1);
        rcu_read_lock();
        word = &find_table<A>(mm, page_at(0), 0)->table->entry[page_at(0) >> page_shift & 511];
        rcu_read_unlock();
      },
      [&](mm_struct& mm, unsigned cpu) {
        if (cpu == 0) {
          x.store(1, order::relaxed);
          GetParam().act(mm, *word);
          r0 = y.load(order::relaxed);
        } else {
          y.store(1, order::relaxed);
          smp_mb();
          r1 = x.load(order::relaxed);
        }
      },
      [&](mm_struct&) { return r0 == 0 && r1 == 0 ? "not ordered" : ""; });
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(result.lost, 0U);
  EXPECT_GE(result.executions, 3U);
  EXPECT_EQ(result.violations.contains("not ordered"), GetParam().strength == Strength::none)
      << result.executions << " executions";
}

INSTANTIATE_TEST_SUITE_P(All, Operations, testing::ValuesIn(operations), [](const auto& of) {
  return std::string(of.param.name);
});

// ---- (i) completion -----------------------------------------------------------------------------

// Issued is not done: every CPU may go on using what it has, until who issued it waits.
template <class B, class InFlight>
void expect_done_by_the_wait(InFlight of) {
  choose_backend(B::name);
  const auto mmu_at = [](unsigned id) -> hw::Mmu& { return B::cpu(id).mmu; };
  {
    MmRig<A> rig({.machine = {.cpus = 2}});
    rig.run([&] {
      map<A>(rig.mm(), 0, 1);
      fill<A>(rig.mm(), 0, 1);
    });
    rig.run_all([&](unsigned) { touch_first_page(rig.mm()); });
    const auto use_of = [&](unsigned cpu) {
      bool used = false;
      rig.on(cpu, [&] {
        const access_window_of<B> window;
        used = B::cpu(cpu).mmu.tlb.lookup(B::cpu(cpu).mmu.asid(), page_at(0)) != nullptr;
      });
      return used;
    };
    rig.on(0, [&] { of(B::this_cpu()).issue(everything, mmu_at); });
    EXPECT_TRUE(use_of(0));
    EXPECT_TRUE(use_of(1));
    // A wait of another CPU is for what that one has issued.
    rig.on(1, [&] { of(B::this_cpu()).wait(mmu_at); });
    EXPECT_TRUE(use_of(1));
    rig.on(0, [&] { of(B::this_cpu()).wait(mmu_at); });
    EXPECT_FALSE(use_of(0));
    EXPECT_FALSE(use_of(1));
  }
  choose_backend("x86");
}
TEST(Completion, OfTlbiIsTheDsbOfItsCpu) {
  expect_done_by_the_wait<arm64>([](arm64_cpu& cpu) -> auto& { return cpu.tlbi; });
}
TEST(Completion, OfTlbieIsTheTlbsyncOfItsCpu) {
  expect_done_by_the_wait<ppc64_radix>([](ppc64_radix_cpu& cpu) -> auto& { return cpu.tlbie; });
  expect_done_by_the_wait<ppc64_hash>([](ppc64_hash_cpu& cpu) -> auto& { return cpu.tlbie; });
}

// Done when it returns, on a CPU that has its interrupts off: by hardware or firmware, not by a handler.
class ReachesUnasked : public testing::TestWithParam<const char*> {};
TEST_P(ReachesUnasked, ACpuWithItsInterruptsOff) {
  choose_backend(GetParam());
  {
    MmRig<A> rig({.machine = {.cpus = 2}});
    Signal inside, done;
    bool before = false, after = true;
    rig.run([&] {
      map<A>(rig.mm(), 0, 1);
      fill<A>(rig.mm(), 0, 1);
    });
    rig.run_all([&](unsigned cpu) {
      if (cpu == 1) {
        touch_first_page(rig.mm());
        local_irq_save();
        before = holds(1, page_at(0));
        inside.give();
        done.await();
        after = holds(1, page_at(0));
        local_irq_restore();
      } else {
        inside.await();
        dontneed<A>(rig.mm(), 0, 1);
        done.give();
      }
    });
    EXPECT_TRUE(before);
    EXPECT_FALSE(after);
  }
  choose_backend("x86");
}
INSTANTIATE_TEST_SUITE_P(All,
                         ReachesUnasked,
                         testing::Values("arm64", "ppc64_radix", "ppc64_hash", "s390", "riscv"),
                         [](const auto& of) { return std::string(of.param); });

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
