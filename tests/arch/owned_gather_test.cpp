// SPDX-License-Identifier: GPL-2.0-or-later
// The forms of 2017, in which an architecture had a gather of its own: who counts, what a nested finish
// flushes, how many pages wait.
#include <string>
#include <string_view>

#include "harness/instances/backends.h"
#include "mm/mmu_gather.tcc"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using A = chosen_arch;

class OwnedGather : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { choose_backend(GetParam()); }
  void TearDown() override { choose_backend("x86"); }
  static bool is(std::string_view part) { return GetParam().find(part) != std::string::npos; }
  static int pending(const mm_struct& mm) { return mm.tlb_flush_pending.load(order::relaxed); }
};

std::vector<std::string> forms() {
  std::vector<std::string> all;
  for (const char* family : {"arm", "sh", "um", "ia64"})
    for (const char* shape : {"@2017-merged", "@2017-posted"})
      all.push_back(std::string(family) + shape);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Of, OwnedGather, testing::ValuesIn(forms()), [](const auto& of) {
  std::string name(of.param);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

TEST_P(OwnedGather, PostedItsHooksCountAndMergedCoreDoes) {
  MmRig<A> rig;
  rig.run([&] {
    gather_range range;
    range.mm = &rig.mm();
    const int counted = is("posted") ? 1 : 0;
    A::arch_tlb_gather_mmu(range, page_at(0), page_at(1));
    EXPECT_EQ(pending(rig.mm()), counted);
    static_cast<void>(A::arch_tlb_finish_mmu(range, page_at(0), page_at(1), false));
    EXPECT_EQ(pending(rig.mm()), 0);
    mmu_gather<A> tlb;
    tlb_gather_mmu(tlb, rig.mm(), page_at(0), page_at(1));
    EXPECT_EQ(pending(rig.mm()), 1) << "once, whoever";
    tlb_finish_mmu(tlb);
    EXPECT_EQ(pending(rig.mm()), 0);
    EXPECT_TRUE(A::features.owns_gather);
    EXPECT_EQ(A::features.owns_pending, is("posted"));
  });
}

// Nothing was removed, but another gather is open: what was asked for goes (sh: the mm).
TEST_P(OwnedGather, ANestedFinishFlushesTheRequest) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 4);
    fill<A>(rig.mm(), 0, 4);
    rig.log().clear();
    mmu_gather<A> outer, inner;
    tlb_gather_mmu(outer, rig.mm(), page_at(0), page_at(4));
    tlb_gather_mmu(inner, rig.mm(), page_at(1), page_at(4));
    tlb_finish_mmu(inner);
    EXPECT_THAT(rig.flushes(), ElementsAre(is("sh") ? full_flush : 3));
    tlb_finish_mmu(outer);
    EXPECT_THAT(rig.flushes(), ElementsAre()) << "alone, and nothing removed";
    rig.mm().fixes.nested_flush = false;
    tlb_gather_mmu(outer, rig.mm(), page_at(0), page_at(4));
    tlb_gather_mmu(inner, rig.mm(), page_at(1), page_at(4));
    tlb_finish_mmu(inner);
    tlb_finish_mmu(outer);
    EXPECT_THAT(rig.flushes(), ElementsAre()) << "before July 2017";
  });
}

// One array is full at 516 of our pages (512 in the kernel); where none waits, it never is.
TEST_P(OwnedGather, PagesWaitInOneArrayOrNotAtAll) {
  constexpr std::uint64_t pages = 2000;
  MmRig<A> rig({.frames = 8192});
  rig.run([&] {
    map<A>(rig.mm(), 0, pages);
    fill<A>(rig.mm(), 0, pages);
    rig.log().clear();
    const auto before = frames_in_use();
    dontneed<A>(rig.mm(), 0, pages);
    EXPECT_EQ(before - frames_in_use(), pages);
    const auto flushed = rig.flushes();
    EXPECT_EQ(flushed.size(), A::features.no_gather ? 1U : 4U);
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
