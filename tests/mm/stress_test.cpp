// SPDX-License-Identifier: GPL-2.0-or-later
// Everything at once, on threads: two address spaces, four CPUs that map, use, protect, move, give
// back, fork and change sides. Every page says where it belongs, so a page in the wrong place or in
// the wrong address space shows.
#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/mm/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using Clock = std::chrono::steady_clock;

template <class A>
class Stress {
 public:
  Stress(mm_struct& one, mm_struct& two, unsigned cpu) : mms_{&one, &two}, state_(cpu + 1) {}

  void one_operation() {
    if (dice(20) == 0) mine_ = dice(2);
    mm_struct& mm = *mms_[mine_];
    use_mm<A>(mm);
    const std::uint64_t page = dice(pages), some = 1 + dice(8);
    const std::uint64_t length = std::min(some, pages - page);
    switch (dice(24)) {
      case 0: static_cast<void>(map<A>(mm, region() + page, length)); break;
      case 1: static_cast<void>(unmap<A>(mm, region() + page, length)); break;
      case 2: static_cast<void>(protect<A>(mm, region() + page, length, VM_READ)); break;
      case 3: static_cast<void>(protect<A>(mm, region() + page, length, 0)); break;
      case 4: static_cast<void>(protect<A>(mm, region() + page, length, rw)); break;
      case 5:
      case 6: static_cast<void>(dontneed<A>(mm, region() + page, length)); break;
      case 7: static_cast<void>(dontneed<A>(mm, region(), ptrs_per_table)); break;
      case 8: move(mm, page, length); break;
      case 9: fork_and_look(mm, page); break;
      case 10: unuse_mm<A>(); break;
      case 11: map_all(mm); break;
      default: write_and_read(mm, region() + page); break;
    }
    ++operations_;
  }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] std::uint64_t written() const { return written_; }

  static void map_all(mm_struct& mm) {
    for (unsigned n = 0; n < regions; ++n) static_cast<void>(map<A>(mm, n * apart, pages));
  }

 private:
  static constexpr unsigned regions = 3;
  static constexpr std::uint64_t pages = 64;  // of a region
  static constexpr std::uint64_t apart = 4 * ptrs_per_table;

  std::uint64_t dice(std::uint64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 20) % n;
  }
  std::uint64_t region() { return dice(regions) * apart; }
  // Which address space a page belongs to, and which place in its region: a move keeps both.
  std::uint64_t tag(std::uint64_t page) const { return (mine_ + 1) << 16 | page % apart; }

  void check(mm_struct& mm, std::uint64_t page) {
    const std::uint64_t seen = peek<A>(mm, page);
    if (seen == 0 || seen == unreadable) return;
    EXPECT_EQ(seen >> 32, tag(page)) << "page " << page << " of mm " << mine_;
  }
  void write_and_read(mm_struct& mm, std::uint64_t page) {
    if (dice(3) != 0) {
      const std::uint64_t value = tag(page) << 32 | (operations_ & 0xffffffff);
      written_ += user_write<A>(mm, page_at(page), value) == AccessResult::done ? 1U : 0U;
    }
    check(mm, page);
  }
  void move(mm_struct& mm, std::uint64_t page, std::uint64_t length) {
    const std::uint64_t from = dice(regions), to = (from + 1) % regions;
    static_cast<void>(move_to<A>(mm, from * apart + page, length, to * apart + page));
  }
  void fork_and_look(mm_struct& mm, std::uint64_t page) {
    mm_struct* child = dup_mm<A>(mm);
    if (child == nullptr) return;
    use_mm<A>(*child);
    for (unsigned n = 0; n < regions; ++n) write_and_read(*child, n * apart + page);
    use_mm<A>(mm);
    mmput<A>(*child);
  }

  mm_struct* mms_[2];
  std::uint64_t state_;
  std::uint64_t mine_ = 0;
  std::uint64_t operations_ = 0, written_ = 0;
};

template <class A>
class StressTest : public testing::Test {
 protected:
  // more(cpu) goes on as long as it says. Returns how many operations each CPU did.
  template <class More>
  static std::vector<std::uint64_t> run(const MachineOptions& options, More more) {
    MmRig<A> rig({.machine = options, .frames = 1 << 15, .tlb = tiny_tlb});
    std::vector<std::uint64_t> operations(options.cpus), written(options.cpus);
    mm_struct* other = nullptr;
    rig.on(0, [&] {
      other = mm_alloc<A>(3);
      Stress<A>::map_all(rig.mm());
      Stress<A>::map_all(*other);
    });
    rig.on_all([&](unsigned cpu) {
      Stress<A> stress(rig.mm(), *other, cpu);
      while (more(stress.operations())) stress.one_operation();
      operations[cpu] = stress.operations();
      written[cpu] = stress.written();
      unuse_mm<A>();
    });
    rig.on(0, [&] { mmput<A>(*other); });
    for (const std::uint64_t n : written) EXPECT_GT(n, 0U) << "nothing was tested";
    return operations;
  }
};
TYPED_TEST_SUITE(StressTest, Backends);

TYPED_TEST(StressTest, FourCpusOnTwoAddressSpaces) {
  const auto end = Clock::now() + std::chrono::milliseconds(2500);
  MachineOptions options;
  options.cpus = 4;
  options.junk_fill = true;
  const auto done = this->run(options, [&](std::uint64_t) { return Clock::now() < end; });
  for (const std::uint64_t operations : done) EXPECT_GT(operations, 100U);
}

// Eight CPUs on two processors: none may wait for one that does not get to run.
TYPED_TEST(StressTest, EightCpusOnTwoProcessorsMakeProgress) {
  const unsigned processors = std::min(2U, std::thread::hardware_concurrency());
  MachineOptions options;
  options.cpus = 8;
  for (unsigned cpu = 0; cpu < options.cpus; ++cpu) options.units.push_back(cpu % processors);
  const auto start = Clock::now();
  const auto end = start + std::chrono::milliseconds(1500);
  const auto done = this->run(
      options, [&](std::uint64_t operations) { return operations < 50 || Clock::now() < end; });
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(60));
  for (const std::uint64_t operations : done) EXPECT_GE(operations, 50U);
  EXPECT_TRUE(Machine(options).oversubscribed());
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
