// SPDX-License-Identifier: GPL-2.0-or-later
// The hash page table and what software does to it: who fills it, when copies go, what an eviction
// leaves behind.
#include "arch/hw/hash_table.h"
#include "harness/instances/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;
using A = chosen_arch;

// The backend stands before the rig does.
struct Hash {
  explicit Hash(const char* name) { choose_backend(name); }
  ~Hash() { choose_backend("x86"); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;
};

TlbGeometry one_group() {
  TlbGeometry geometry = test_tlb;
  geometry.hash_groups = 1;
  return geometry;
}

TEST(Ppc64Hash, AStoreToACleanPageIsAHashFaultAndNoPageFault) {
  const Hash hash("ppc64_hash");
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1);
    EXPECT_EQ(do_madvise_free<A>(rig.mm(), page_at(0), page_size), 0);  // clean again
    EXPECT_EQ(peek<A>(rig.mm(), 0), 1U);
    rig.log().clear();
    rig.log().keep_all(true);
    fill<A>(rig.mm(), 0, 1, 2);
    rig.log().keep_all(false);
    EXPECT_EQ(rig.log().count(EventKind::page_fault), 0U);
    EXPECT_EQ(rig.log().count(EventKind::hash_insert), 0U) << "the copy got more rights";
    EXPECT_EQ(rig.log().count(EventKind::tlb_fill), 1U);
    EXPECT_TRUE(A::pte_dirty(peek_pte<A>(rig.mm(), page_at(0))));
  });
}

TEST(Ppc64Hash, ABatchHas192Entries) {
  const Hash hash("ppc64_hash");
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 300);
    fill<A>(rig.mm(), 0, 300);
    rig.log().clear();
    dontneed<A>(rig.mm(), 0, 1);
    EXPECT_THAT(rig.flushes(), ElementsAre(1));
    dontneed<A>(rig.mm(), 0, 300);
    EXPECT_THAT(rig.flushes(), ElementsAre(192, 107));
    dontneed<A>(rig.mm(), 0, 300);
    EXPECT_THAT(rig.flushes(), ElementsAre()) << "nothing was hashed";
    for (std::uint64_t page = 0; page < 300; ++page) EXPECT_EQ(peek<A>(rig.mm(), page), 0U);
  });
}

// More pages than the table has room for: entries are evicted, TLBs keep what they have, and entries
// say of copies that they have which are gone. What is given back is not seen again.
TEST(Ppc64Hash, AnEvictedCopyLeavesNothingThatIsUsed) {
  const Hash hash("ppc64_hash");
  MmRig<A> rig({.machine = {.cpus = 2}, .frames = 4096, .tlb = one_group()});
  rig.run([&] {
    constexpr std::uint64_t pages = 40;
    map<A>(rig.mm(), 0, pages);
    rig.log().keep_all(true);
    fill<A>(rig.mm(), 0, pages);
    rig.log().keep_all(false);
    EXPECT_EQ(rig.log().count(EventKind::hash_insert), pages);
    EXPECT_EQ(rig.log().count(EventKind::hash_remove), pages - 8);
    for (std::uint64_t page = 0; page < pages; ++page) EXPECT_EQ(peek<A>(rig.mm(), page), page + 1);
    dontneed<A>(rig.mm(), 0, pages);
    for (std::uint64_t page = 0; page < pages; ++page) EXPECT_EQ(peek<A>(rig.mm(), page), 0U);
  });
}

// 2007: leaving lazy MMU mode flushes nothing; the end of the gather does.
TEST(Ppc64Hash, In2007TheEndOfTheGatherFlushed) {
  for (const char* name : {"ppc64_hash", "ppc64_hash@2007"}) {
    const Hash hash(name);
    MmRig<A> rig;
    rig.run([&] {
      map<A>(rig.mm(), 0, 2);
      fill<A>(rig.mm(), 0, 2);
      rig.log().clear();
      rig.log().keep_all(true);
      dontneed<A>(rig.mm(), 0, 2);
      rig.log().keep_all(false);
      bool locked = false, flushed_under_lock = false;
      for (const trace_event& e : rig.log().events()) {
        if (e.kind == EventKind::ptl_acquire) locked = true;
        if (e.kind == EventKind::ptl_release) locked = false;
        if (e.kind == EventKind::hash_remove) flushed_under_lock = locked;
      }
      EXPECT_EQ(rig.log().count(EventKind::hash_remove), 2U) << name;
      EXPECT_EQ(flushed_under_lock, std::string_view(name) == "ppc64_hash") << name;
    });
  }
}

TEST(HashTable, ATagSaysItsPageAndNoOther) {
  const std::uint64_t tag = hw::HashTable::tag_of(5, page_at(3) + 8, false);
  EXPECT_EQ(hw::HashTable::va_of(tag), page_at(3));
  EXPECT_NE(tag, hw::HashTable::tag_of(6, page_at(3), false));
  EXPECT_NE(tag, hw::HashTable::tag_of(5, page_at(4), false));
  EXPECT_NE(tag, hw::HashTable::tag_of(5, page_at(3), true));
  EXPECT_TRUE(hw::HashTable::matches(tag | hw::hash_valid | hw::hash_lock, tag));
  EXPECT_FALSE(hw::HashTable::matches(tag | hw::hash_lock, tag));
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
