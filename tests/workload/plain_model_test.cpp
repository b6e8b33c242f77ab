// SPDX-License-Identifier: GPL-2.0-or-later
// The measured rules, one by one, on the model that the recordings are replayed on.
#include "tests/workload/plain_model.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/workload/abi.h"

namespace tlblab::plain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Pages = std::vector<std::int64_t>;

constexpr vaddr_t a = 0x200000000000;
constexpr vaddr_t keeper = a + (vaddr_t{500} << 30);  // keeps the 512 GiB table
constexpr std::uint32_t rw = abi::prot_read | abi::prot_write;
constexpr std::uint64_t two_mib = 1 << 21;

class Model : public testing::Test {
 protected:
  Model() {
    model_.create(0);
    model_.run_as(0);
    map(keeper, 1);
    write(keeper, 1);
  }
  void map(vaddr_t address, std::uint64_t pages, std::uint32_t prot = rw) {
    const MapRequest request{
        .address = address, .length = pages * page_size, .prot = prot, .flags = 0x22};
    EXPECT_EQ(model_.mmap(request), static_cast<std::int64_t>(address));
  }
  void write(vaddr_t address, std::uint64_t pages) { touch(address, pages, true); }
  void read(vaddr_t address, std::uint64_t pages) { touch(address, pages, false); }
  void touch(vaddr_t address, std::uint64_t pages, bool as_write) {
    for (std::uint64_t page = 0; page < pages; ++page)
      model_.access(address + page * page_size, as_write, false);
  }
  std::int64_t munmap(vaddr_t address, std::uint64_t pages) {
    return model_.munmap(address, pages * page_size);
  }
  std::int64_t protect(vaddr_t address, std::uint64_t pages, std::uint32_t prot) {
    return model_.mprotect(address, pages * page_size, prot);
  }
  std::int64_t dontneed(vaddr_t address, std::uint64_t pages) {
    return model_.madvise(address, pages * page_size, abi::madv_dontneed);
  }
  // Pages of the flushes since the last call.
  Pages flushed() {
    std::vector<FlushRecord> records;
    model_.take_flushes(records);
    Pages pages;
    for (const FlushRecord& record : records) pages.push_back(record.pages);
    return pages;
  }

  PlainModel model_;
};

TEST_F(Model, TheRangeIsFromTheFirstToTheLastChangedPage) {
  map(a, 512);
  write(a + 10 * page_size, 3);
  EXPECT_EQ(dontneed(a, 100), 0);
  EXPECT_THAT(flushed(), ElementsAre(3));
  write(a, 1);
  write(a + 32 * page_size, 1);
  dontneed(a, 100);
  EXPECT_THAT(flushed(), ElementsAre(33));
  write(a, 1);
  write(a + 33 * page_size, 1);
  dontneed(a, 100);
  EXPECT_THAT(flushed(), ElementsAre(-1));
}

TEST_F(Model, NothingPresentAndNoTableFreedFlushesNothing) {
  map(a, 600);
  write(a + 599 * page_size, 1);
  dontneed(a, 100);
  protect(a, 100, abi::prot_read);
  munmap(a, 10);
  EXPECT_THAT(flushed(), IsEmpty());
}

TEST_F(Model, AFreedTableAddsItsAddress) {
  map(a + two_mib, 600);  // keeps the 1 GiB table
  write(a + two_mib, 1);
  map(a + 25 * page_size, 8);
  write(a + 25 * page_size, 8);
  munmap(a + 25 * page_size, 8);
  EXPECT_THAT(flushed(), ElementsAre(33));
  map(a + 26 * page_size, 8);
  write(a + 26 * page_size, 8);
  munmap(a + 26 * page_size, 8);
  EXPECT_THAT(flushed(), ElementsAre(-1));
}

TEST_F(Model, ATableStaysWhileAMappingTouchesItsSpan) {
  map(a, 4);
  map(a + 500 * page_size, 4);
  write(a, 4);
  munmap(a, 4);
  EXPECT_THAT(flushed(), ElementsAre(4));
}

TEST_F(Model, TablesAloneAreCountedInTheirOwnStride) {
  map(a, 1024);
  map(a + (vaddr_t{1} << 29), 1);
  write(a + (vaddr_t{1} << 29), 1);
  write(a, 1);
  write(a + 512 * page_size, 1);
  dontneed(a, 511);
  dontneed(a + 512 * page_size, 511);
  EXPECT_THAT(flushed(), ElementsAre(1, 1));
  munmap(a, 1024);
  EXPECT_THAT(flushed(), ElementsAre(1));  // two tables, one stride of 2 MiB apart
  map(a, 512);
  write(a, 1);
  dontneed(a, 511);
  munmap(a, 512);
  EXPECT_THAT(flushed(), ElementsAre(1, 0));  // one table: less than a stride
}

TEST_F(Model, DontneedOfAWhole2MibFreesItsTable) {
  map(a, 512);
  write(a + 10 * page_size, 3);
  dontneed(a, 512);
  EXPECT_THAT(flushed(), ElementsAre(13));
  write(a + 10 * page_size, 3);
  dontneed(a, 511);
  EXPECT_THAT(flushed(), ElementsAre(3));
}

TEST_F(Model, AGatherDrainsWhenItIsFull) {
  map(a, 9678 + 5);
  write(a, 9678 + 5);
  munmap(a + page_size, 9678 + 4);  // the first page keeps the first table
  EXPECT_THAT(flushed(), ElementsAre(-1, -1));
  map(a + (vaddr_t{1} << 38), 9678 + 2);
  map(a + (vaddr_t{1} << 38) + (vaddr_t{1} << 29), 1);
  write(a + (vaddr_t{1} << 38), 9678 + 2);
  dontneed(a + (vaddr_t{1} << 38), 9678 + 2 - 100);
  EXPECT_THAT(flushed(), ElementsAre(-1));
}

TEST_F(Model, OneGatherServesTheWholeCall) {
  map(a, 2);
  map(a + 10 * page_size, 2);
  map(a + 20 * page_size, 1);
  write(a, 2);
  write(a + 10 * page_size, 2);
  munmap(a, 12);
  EXPECT_THAT(flushed(), ElementsAre(12));
}

TEST_F(Model, MprotectFlushesWhatChanges) {
  map(a, 8);
  write(a, 4);
  protect(a, 8, abi::prot_read);
  EXPECT_THAT(flushed(), ElementsAre(4));
  protect(a, 8, abi::prot_read);
  EXPECT_THAT(flushed(), IsEmpty());
  protect(a, 8, rw);
  EXPECT_THAT(flushed(), ElementsAre(4));
  protect(a, 8, 0);
  EXPECT_THAT(flushed(), ElementsAre(4));
  protect(a, 8, rw);
  EXPECT_THAT(flushed(), IsEmpty());
  protect(a, 2, rw | abi::prot_exec);
  EXPECT_THAT(flushed(), ElementsAre(2));
}

TEST_F(Model, TheZeroPageIsWriteProtectedAnyway) {
  map(a, 8);
  read(a, 4);
  protect(a, 8, abi::prot_read);
  protect(a, 8, rw);
  EXPECT_THAT(flushed(), IsEmpty());
  write(a, 1);
  EXPECT_THAT(flushed(), ElementsAre(1));
}

TEST_F(Model, ForkFlushesTheParentAndThenEachCopy) {
  map(a, 8);
  write(a, 3);
  model_.fork(0, 1);
  EXPECT_THAT(flushed(), ElementsAre(-1));
  write(a, 1);
  EXPECT_THAT(flushed(), ElementsAre(1));  // copied
  model_.run_as(1);
  write(a, 1);
  EXPECT_THAT(flushed(), IsEmpty());  // the only user left: used again
  write(a + page_size, 1);
  EXPECT_THAT(flushed(), ElementsAre(1));
  model_.exit(1);
  model_.run_as(0);
  write(a + page_size, 2);
  EXPECT_THAT(flushed(), IsEmpty());
}

TEST_F(Model, AMappingThatWasOnlyReadIsNotCopied) {
  map(a, 8);
  read(a, 8);
  model_.fork(0, 1);
  model_.run_as(1);
  static_cast<void>(flushed());
  munmap(a, 8);
  EXPECT_THAT(flushed(), IsEmpty());
}

TEST_F(Model, MovesFlushTheirExtentsAndTheTablesTheyLeave) {
  map(a, 8);
  map(a + 100 * page_size, 1);
  write(a + 2 * page_size, 1);
  EXPECT_EQ(model_.mremap(a, 8 * page_size, 8 * page_size, abi::mremap_maymove | abi::mremap_fixed,
                          a + 4 * two_mib),
            static_cast<std::int64_t>(a + 4 * two_mib));
  EXPECT_THAT(flushed(), ElementsAre(8));
  EXPECT_FALSE(model_.mapped(a));
  EXPECT_TRUE(model_.mapped(a + 4 * two_mib));
  munmap(a + 4 * two_mib, 8);
  EXPECT_THAT(flushed(), ElementsAre(3));  // the page, and the table
}

TEST_F(Model, AccessesThatAreNotAllowedDoNothing) {
  map(a, 2, abi::prot_read);
  write(a, 2);
  model_.access(a, false, true);
  write(a + 9 * page_size, 1);
  munmap(a, 2);
  EXPECT_THAT(flushed(), IsEmpty());
}

TEST_F(Model, HolesEndSomeCallsAndAnswerEnomem) {
  map(a, 2);
  map(a + 3 * page_size, 2);
  write(a, 2);
  write(a + 3 * page_size, 2);
  EXPECT_EQ(dontneed(a, 5), -12);
  EXPECT_THAT(flushed(), ElementsAre(5));
  EXPECT_EQ(munmap(a, 5), 0);
  EXPECT_EQ(munmap(a + 1, 5), -22);
}

}  // namespace
}  // namespace tlblab::plain
