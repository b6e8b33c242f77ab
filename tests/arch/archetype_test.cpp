// SPDX-License-Identifier: GPL-2.0-or-later
// The concept is complete: all of mm compiles and runs on the poorest backend; and it is needed: a
// backend that lacks one part is not one.
#include "tests/arch/archetype.h"

#include <gtest/gtest.h>

#include "harness/instances/mm_entry.h"
#include "harness/instances/session.h"
#include "harness/lab.h"

namespace tlblab::inline TLBLAB_WORLD {

static_assert(ArchBackend<archetype>);
template struct MmEntryPoints<archetype>;

namespace {

struct no_flush_page : archetype {
  void flush_tlb_page() = delete;
};
struct no_accessible : archetype {
  void pte_accessible() = delete;
};
struct no_context : archetype {
  void init_new_context() = delete;
};
struct no_translate : archetype {
  void translate() = delete;
};
struct no_finish : archetype {
  void arch_tlb_finish_mmu() = delete;
};
struct async_without_rcu : archetype {
  static constexpr mmu_gather_features features{.async_invalidate = true};
};
struct wants_to_change_the_mm : archetype {
  static bool pte_accessible(mm_struct&, pte_t) noexcept { return true; }
};
struct wants_its_own_range : archetype {
  static void tlb_flush(gather_range) noexcept {}
};
struct no_mmu : archetype {
  void mmu_of() = delete;
};
struct no_task_size : archetype {
  void task_size() = delete;
};
struct no_modify : archetype {
  void pte_modify() = delete;
};
struct narrow_frames : archetype {
  static constexpr std::uint32_t pte_pfn(pte_t) noexcept { return 0; }
};
struct may_throw : archetype {
  static void tlb_flush(gather_range&) {}
};
struct says_nothing : archetype {
  static void arch_tlb_finish_mmu(gather_range&, vaddr_t, vaddr_t, bool) noexcept {}
};
static_assert(!ArchBackend<no_task_size> && !ArchBackend<no_modify>);
static_assert(!ArchBackend<narrow_frames> && !ArchBackend<may_throw> && !ArchBackend<says_nothing>);
static_assert(!ArchBackend<no_flush_page> && !ArchBackend<no_accessible>);
static_assert(!ArchBackend<no_context> && !ArchBackend<no_translate> && !ArchBackend<no_finish>);
static_assert(!ArchBackend<async_without_rcu> && !ArchBackend<no_mmu>);
static_assert(!ArchBackend<wants_to_change_the_mm> && !ArchBackend<wants_its_own_range>);

constexpr vaddr_t base = 1ULL << 32;
constexpr std::uint64_t pages = 4;

// Body(mm, cpu) between power-on and power-off; nothing may be left.
template <class Body>
void on_archetype(unsigned cpus, Body body) {
  Machine machine({.cpus = cpus});
  Session<archetype> session({.frames = 256, .tlb = {.sets = 4, .ways = 2}});
  LabRun lab{0};
  mm_struct* mm = nullptr;
  machine.run([&](unsigned cpu) {
    if (cpu == 0) {
      session.start();
      mm = mm_alloc<archetype>(3);
      Lab<archetype>(lab, *mm).map(base, pages);
    }
    lab.meet();
    use_mm<archetype>(*mm);
    body(*mm, cpu);
    unuse_mm<archetype>();
    lab.meet();
    if (cpu == 0) mmput<archetype>(*mm);
  });
  machine.run([&](unsigned cpu) {
    if (cpu == 0) session.stop();
  });
}

std::uint64_t value_at(mm_struct& mm, vaddr_t va) {
  std::uint64_t value = ~0ULL;
  EXPECT_EQ(user_read<archetype>(mm, va, value), AccessResult::done);
  return value;
}

TEST(Archetype, ProgramRuns) {
  on_archetype(1, [](mm_struct& mm, unsigned) {
    EXPECT_EQ(value_at(mm, base), 0U);
    EXPECT_EQ(user_write<archetype>(mm, base, 7), AccessResult::done);
    EXPECT_EQ(value_at(mm, base), 7U);
    EXPECT_EQ(do_mprotect<archetype>(mm, base, page_size, VM_READ), 0);
    EXPECT_EQ(user_write<archetype>(mm, base, 8), AccessResult::sigsegv);
    EXPECT_EQ(do_madvise_dontneed<archetype>(mm, base, page_size), 0);
    EXPECT_EQ(value_at(mm, base), 0U);
    EXPECT_EQ(do_munmap<archetype>(mm, base, page_size), 0);
    std::uint64_t value = 0;
    EXPECT_EQ(user_read<archetype>(mm, base, value), AccessResult::sigsegv);
  });
}

TEST(Archetype, ForkCopies) {
  on_archetype(1, [](mm_struct& mm, unsigned) {
    user_write<archetype>(mm, base, 1);
    mm_struct* child = dup_mm<archetype>(mm);
    ASSERT_NE(child, nullptr);
    user_write<archetype>(mm, base, 2);
    use_mm<archetype>(*child);
    EXPECT_EQ(value_at(*child, base), 1U);
    use_mm<archetype>(mm);
    EXPECT_EQ(value_at(mm, base), 2U);
    mmput<archetype>(*child);
  });
}

TEST(Archetype, TwoCpusGiveBackOnePage) {
  on_archetype(2, [](mm_struct& mm, unsigned) {
    for (unsigned n = 1; n < 20; ++n) {
      user_write<archetype>(mm, base + page_size, n);
      EXPECT_EQ(do_madvise_dontneed<archetype>(mm, base, pages * page_size), 0);
    }
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
