// SPDX-License-Identifier: GPL-2.0-or-later
// Which tables an unmap frees: those that serve no area any more, at every level.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <class A>
class FreePgtables : public testing::Test {
 protected:
  static long tables(MmRig<A>& rig) { return rig.mm().pgtables.load(order::relaxed); }
  static void map_at(MmRig<A>& rig, vaddr_t va, std::uint64_t pages) {
    EXPECT_EQ(do_mmap<A>(rig.mm(),
                         {.address = va, .length = pages * page_size, .flags = rw, .fixed = true}),
              static_cast<std::int64_t>(va));
  }
  static void touch(MmRig<A>& rig, vaddr_t va) {
    EXPECT_EQ(user_touch<A>(rig.mm(), va, Access::write), AccessResult::done);
  }
  static void unmap_at(MmRig<A>& rig, vaddr_t va, std::uint64_t pages) {
    EXPECT_EQ(do_munmap<A>(rig.mm(), va, pages * page_size), 0);
  }
};
TYPED_TEST_SUITE(FreePgtables, Backends);

constexpr std::uint64_t two_mib = 512;  // pages

TYPED_TEST(FreePgtables, ANeighbourWithin2MKeepsThePteTable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    map<TypeParam>(rig.mm(), 100, 8);
    fill<TypeParam>(rig.mm(), 100, 8);
    unmap<TypeParam>(rig.mm(), 100, 8);
    EXPECT_EQ(this->tables(rig), 3);
    unmap<TypeParam>(rig.mm(), 0, 8);
    EXPECT_EQ(this->tables(rig), 0) << "the last area goes, and it had never had a page";
  });
}

TYPED_TEST(FreePgtables, ANeighbourWithin1GKeepsThePmdTable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 8);
    map<TypeParam>(rig.mm(), two_mib, 8);
    fill<TypeParam>(rig.mm(), 0, 8);
    unmap<TypeParam>(rig.mm(), 0, 8);
    EXPECT_EQ(this->tables(rig), 2);
  });
}

TYPED_TEST(FreePgtables, ANeighbourWithin512GKeepsThePudTable) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    this->map_at(rig, test_base + 500 * gib, 1);
    map<TypeParam>(rig.mm(), 0, 8);
    fill<TypeParam>(rig.mm(), 0, 8);
    unmap<TypeParam>(rig.mm(), 0, 8);
    EXPECT_EQ(this->tables(rig), 1);
  });
}

TYPED_TEST(FreePgtables, WithoutANeighbourAllGo) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    this->map_at(rig, test_base + terabyte_half, 1);
    map<TypeParam>(rig.mm(), 0, 8);
    fill<TypeParam>(rig.mm(), 0, 8);
    unmap<TypeParam>(rig.mm(), 0, 8);
    EXPECT_EQ(this->tables(rig), 0);
  });
}

TYPED_TEST(FreePgtables, AHoleInsideOneTableFreesNothing) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, two_mib);
    fill<TypeParam>(rig.mm(), 0, 4);
    unmap<TypeParam>(rig.mm(), 100, 50);
    unmap<TypeParam>(rig.mm(), 2, 1);
    EXPECT_EQ(this->tables(rig), 3);
    EXPECT_EQ(peek<TypeParam>(rig.mm(), 3), 4U);
  });
}

TYPED_TEST(FreePgtables, TheFirstAndTheLastPartialTableStay) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    map<TypeParam>(rig.mm(), 0, 4 * two_mib);
    for (unsigned n = 0; n < 4; ++n) fill<TypeParam>(rig.mm(), n * two_mib + 300, 1);
    unmap<TypeParam>(rig.mm(), 256, 3 * two_mib);
    EXPECT_EQ(this->tables(rig), 4) << "two PTE tables of four";
  });
}

TYPED_TEST(FreePgtables, TheBottomOfTheAddressSpace) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    this->map_at(rig, page_size, 10);
    this->map_at(rig, page_size * two_mib, 1);
    this->touch(rig, page_size);
    this->unmap_at(rig, page_size, 10);
    EXPECT_EQ(this->tables(rig), 2);
    this->unmap_at(rig, page_size * two_mib, 1);
    this->map_at(rig, page_size, 10);
    this->touch(rig, page_size);
    this->unmap_at(rig, page_size, 10);
    EXPECT_EQ(this->tables(rig), 0);
  });
}

TYPED_TEST(FreePgtables, TheTopOfTheAddressSpace) {
  for (const unsigned top_level : {3U, 4U}) {
    MmRig<TypeParam> rig({.machine = {}, .top_level = top_level});
    rig.run([&] {
      const vaddr_t top = rig.mm().task_size;
      this->map_at(rig, top - 10 * page_size, 10);
      this->touch(rig, top - page_size);
      this->touch(rig, top - 10 * page_size);
      EXPECT_EQ(this->tables(rig), top_level);
      this->unmap_at(rig, top - 10 * page_size, 5);
      EXPECT_EQ(this->tables(rig), top_level);
      this->unmap_at(rig, top - 5 * page_size, 5);
      EXPECT_EQ(this->tables(rig), 0);
    });
  }
}

// Once over everything that can be, and exit does the same.
TYPED_TEST(FreePgtables, TheWholeAddressSpaceAtOnce) {
  for (const unsigned top_level : {3U, 4U}) {
    MmRig<TypeParam> rig({.machine = {}, .top_level = top_level});
    rig.run([&] {
      const vaddr_t top = rig.mm().task_size;
      for (const vaddr_t va :
           {vaddr_t{page_size}, test_base, top / 2 & page_mask, top - page_size}) {
        this->map_at(rig, va, 1);
        this->touch(rig, va);
      }
      EXPECT_EQ(do_munmap<TypeParam>(rig.mm(), 0, top), 0);
      EXPECT_EQ(this->tables(rig), 0);
      this->map_at(rig, top - page_size, 1);
      this->touch(rig, top - page_size);
    });
  }
}

TYPED_TEST(FreePgtables, AreasCloserThanAPmdAreOneRun) {
  MmRig<TypeParam> rig;
  rig.run([&] {
    for (const std::uint64_t apart :
         {std::uint64_t{1}, two_mib - 8, two_mib, two_mib + 1, 3 * two_mib, 600 * two_mib}) {
      map<TypeParam>(rig.mm(), 0, 8);
      map<TypeParam>(rig.mm(), 8 + apart, 8);
      fill<TypeParam>(rig.mm(), 7, 1);
      fill<TypeParam>(rig.mm(), 8 + apart, 1);
      unmap<TypeParam>(rig.mm(), 0, 16 + apart);
      EXPECT_EQ(this->tables(rig), 0) << apart;
    }
  });
}

// ---- against a plain model ----------------------------------------------------------------------

// Tables that exist, by level and by the address that they begin at.
class TableModel {
 public:
  explicit TableModel(unsigned top_level) : top_level_(top_level) {}
  void touched(vaddr_t va) {
    for (unsigned level = 0; level < top_level_; ++level)
      tables_.insert({level, va & ~(span(level) - 1)});
  }
  // A table goes if an area that it served goes and no area that it serves is left.
  void unmapped(const std::vector<std::pair<vaddr_t, vaddr_t>>& gone, mm_struct& mm) {
    std::erase_if(tables_, [&](const auto& table) {
      const vaddr_t start = table.second, end = start + span(table.first);
      bool served = false;
      for (const auto& [from, to] : gone) served |= from < end && to > start;
      return served && range_is_free(mm, start, end);
    });
  }
  [[nodiscard]] long count() const { return static_cast<long>(tables_.size()); }

 private:
  static std::uint64_t span(unsigned level) { return level_size(level + 1); }
  unsigned top_level_;
  std::set<std::pair<unsigned, vaddr_t>> tables_;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL | 1) {}
  std::uint64_t operator()(std::uint64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 20) % n;
  }

 private:
  std::uint64_t state_;
};

// Borders near those of tables of every level are the interesting ones.
vaddr_t interesting_address(Dice& dice, vaddr_t top) {
  static constexpr std::uint64_t spans[] = {page_size, 1ULL << 21, 1ULL << 30, 1ULL << 39};
  vaddr_t va = 0;
  for (const std::uint64_t span : spans) va += dice(3) * span;
  va += dice(2) * (top - (4ULL << 39)) & ~((1ULL << 39) - 1);
  const std::uint64_t shift = dice(4) * page_size;
  return va > shift + page_size ? va - shift : page_size;
}

TYPED_TEST(FreePgtables, AgreesWithAPlainModel) {
  for (const unsigned top_level : {3U, 4U}) {
    MmRig<TypeParam> rig({.machine = {}, .frames = 1 << 15, .top_level = top_level});
    mm_struct& mm = rig.mm();
    TableModel model(top_level);
    const auto unmap_range = [&](vaddr_t start, vaddr_t end) {
      std::vector<std::pair<vaddr_t, vaddr_t>> gone;
      for (const vm_area_struct& vma : mm.vmas)
        if (vma.vm_start < end && vma.vm_end > start)
          gone.emplace_back(std::max(vma.vm_start, start), std::min(vma.vm_end, end));
      EXPECT_EQ(do_munmap<TypeParam>(mm, start, end - start), 0);
      model.unmapped(gone, mm);
    };
    const auto one_step = [&](Dice& dice) {
      const vaddr_t start = interesting_address(dice, mm.task_size);
      vaddr_t end = interesting_address(dice, mm.task_size);
      if (dice(2) == 0 || end <= start) end = start + (1 + dice(1500)) * page_size;
      end = std::min(end, mm.task_size);
      if (end <= start) return;
      unmap_range(start, end);
      ASSERT_EQ(this->tables(rig), model.count()) << start << " to " << end;
      if (dice(3) == 0) return;
      const std::uint64_t pages = 1 + dice((end - start) / page_size);
      this->map_at(rig, start, pages);
      for (const std::uint64_t page : {std::uint64_t{0}, pages - 1, dice(pages), dice(pages)}) {
        this->touch(rig, start + page * page_size);
        model.touched(start + page * page_size);
      }
      ASSERT_EQ(this->tables(rig), model.count());
    };
    for (std::uint64_t first = 1; first <= 60; first += 12)
      rig.run([&] {  // in a few runs, so that tables come back from RCU in between
        for (std::uint64_t seed = first; seed < first + 12; ++seed) {
          Dice dice(seed);
          for (int step = 0; step < 40 && !testing::Test::HasFailure(); ++step) {
            SCOPED_TRACE(testing::Message() << "seed " << seed << " step " << step);
            one_step(dice);
          }
          unmap_range(0, mm.task_size);
          EXPECT_EQ(this->tables(rig), 0);
        }
      });
  }
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
