// SPDX-License-Identifier: GPL-2.0-or-later
// Question Q13: can two entries for one address come into a TLB that software fills? By a complete search:
// not as long as whoever writes an entry after a fault probes.
#include "arch/chosen.h"
#include "arch/mips/mips.h"
#include "tests/arch/searched_mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

void map_a_pair(mm_struct& mm) {
  map<A>(mm, 0, 2);
  static_cast<void>(user_write<A>(mm, page_at(1), 1));
}
// CPU 1 has nothing of the pair: it misses, faults and misses again, while CPU 0 takes a half away.
void unmap_and_use(mm_struct& mm, unsigned cpu) {
  if (cpu == 0) {
    dontneed<A>(mm, 1, 1);
    return;
  }
  static_cast<void>(user_touch<A>(mm, page_at(1), Access::read));
  static_cast<void>(user_touch<A>(mm, page_at(0), Access::write));
}
std::string no_check(mm_struct&) { return {}; }

SearchedMm searched(std::uint64_t most) {
  return search_mm(MemoryModel::sc, 2, most, map_a_pair, unmap_and_use, no_check);
}

TEST(Question13, WithTheProbeNothingIsThereTwice) {
  chosen_arch::choose<mips>();
  const SearchedMm result = searched(200'000);
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.executions, 10U);
  EXPECT_EQ(result.lost, 0U);
  EXPECT_EQ(result.violations, (std::map<std::string, std::uint64_t>{}));
}

struct writes_without_probe : mips {
  static void update_mmu_cache(mm_struct& mm, vaddr_t va, pte_t) noexcept {
    local_irq_save();
    hw::JointTlb& joint = this_cpu().joint;
    joint.write(joint.random(), read_pair(mm.pgd, va));
    local_irq_restore();
  }
};
TEST(Question13, WithoutItTheMachineStops) {
  chosen_arch::choose<writes_without_probe>();
  EXPECT_TRUE(searched(100).violations.contains("tlb_duplicate_machine_check"));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
