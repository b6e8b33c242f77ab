// SPDX-License-Identifier: GPL-2.0-or-later
// Question Q12: is sparc64 immune to what befell ppc64's hash table in 2007? Two predicates, in both
// shapes, by a complete search: two entries for one address, and an entry that outlives its flush.
#include "arch/chosen.h"
#include "arch/sparc64/sparc64.h"
#include "tests/arch/searched_mm.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;
constexpr std::uint64_t x = 0, same_tsb_entry = 4;  // of tiny_tlb

pte_t pte_of_x(mm_struct& mm) noexcept {
  const generic::table_slot slot = generic::find_slot<sparc64>(mm.pgd, page_at(x));
  return slot.table == nullptr ? pte_t{} : pte_t{slot.word().load(order::relaxed)};
}
// Does an entry with this frame say what the PTE says?
bool agrees(mm_struct& mm, pfn_t pfn) noexcept {
  const pte_t pte = pte_of_x(mm);
  return sparc64::hw_present(pte) && sparc64::pte_pfn(pte) == pfn;
}

std::string wrong_entries(mm_struct& mm) {
  bool stale = false, twice = false;
  for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) {
    unsigned entries = 0;
    sparc64::mmu_of(cpu).tlb.for_each(page_at(x), page_at(x) + page_size,
                                      [&](const hw::TlbView& view) {
                                        ++entries;
                                        stale = stale || !agrees(mm, view.data.frame->pfn);
                                      });
    twice = twice || entries > 1;
  }
  tsb_entry::contents found;
  sparc64::mm_context& context = context_of<sparc64>(mm);
  const bool base = context.tsb_base.look_up(page_at(x), found);
  stale = stale || (base && !agrees(mm, sparc64::pte_pfn(found.pte)));
  twice = twice || (base && context.tsb_huge.look_up(page_at(x), found));
  return twice ? "duplicate entry" : stale ? "stale entry" : "";
}

// x is mapped and in nobody's TLB or TSB.
void map_x(mm_struct& mm) {
  map<A>(mm, x, same_tsb_entry + 1);
  static_cast<void>(user_write<A>(mm, page_at(x), 1));
  static_cast<void>(user_write<A>(mm, page_at(same_tsb_entry), 1));
  A::evict(page_at(x));
}
// CPU 0 unmaps x while CPU 1 misses on it, or maps another page there.
// In the first case CPU 2 reads it too.
void unmap_and_use(mm_struct& mm, unsigned cpu, Access access) {
  if (cpu == 0)
    dontneed<A>(mm, x, 1);
  else
    static_cast<void>(user_touch<A>(mm, page_at(x), cpu == 1 ? access : Access::read));
}

// Three where that ends soon.
unsigned cpus_for(Access access) {
  const bool merged = std::string_view(A::name) == "sparc64";
  return merged && access == Access::read ? 3 : 2;
}

SearchedMm searched(Access access, std::uint64_t most = 200'000) {
  return search_mm(
      MemoryModel::tso, cpus_for(access), most, map_x,
      [access](mm_struct& mm, unsigned cpu) { unmap_and_use(mm, cpu, access); }, wrong_entries);
}

class Question12 : public testing::TestWithParam<Access> {};
INSTANTIATE_TEST_SUITE_P(AMiss, Question12, testing::Values(Access::read, Access::write));

TEST_P(Question12, NoDuplicateAndNoStaleEntry) {
  chosen_arch::choose<sparc64>();
  const SearchedMm result = searched(GetParam());
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.executions, 2U);
  EXPECT_EQ(result.lost, 0U);
  EXPECT_EQ(result.violations, (std::map<std::string, std::uint64_t>{}));
}

TEST_P(Question12, NorWithTheBatchOf2007) {
  chosen_arch::choose<sparc64_2007>();
  const SearchedMm result = searched(GetParam());
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.executions, 2U);
  EXPECT_EQ(result.lost, 0U);
  EXPECT_EQ(result.violations, (std::map<std::string, std::uint64_t>{}));
}

// The lock bit alone does not help: the PTE has to be loaded under it.
TEST_P(Question12, APteLoadedBeforeTheLockSurvivesItsFlush) {
  chosen_arch::choose<sparc64>();
  static_cast<void>(sparc64::set_option("pte-before-lock"));
  const SearchedMm result = searched(GetParam(), 1000);
  static_cast<void>(sparc64::set_option(""));
  EXPECT_TRUE(result.violations.contains("stale entry"));
  EXPECT_FALSE(result.violations.contains("duplicate entry"));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
