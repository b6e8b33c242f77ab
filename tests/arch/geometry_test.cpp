// SPDX-License-Identifier: GPL-2.0-or-later
// The smallest machine there is: three numbers for five address spaces, a TLB of two entries, hash groups
// for sixteen pages. What is evicted, given out again or hashed elsewhere all the time has to stay right,
// and the oracles have to stay silent.
#include <string>
#include <string_view>
#include <vector>

#include "arch/arm64/arm64.h"
#include "harness/instances/backends.h"
#include "harness/oracle/oracles.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

// Six numbers are of the kernel there, whatever the machine is.
unsigned number_of_spaces() { return std::string_view(A::name).starts_with("x86") ? 8 : 5; }
// A number is an mm's for its life.
bool numbers_are_for_life() {
  return std::string_view(A::name).starts_with("ppc64") ||
         std::string_view(A::name).starts_with("um");
}

// Its mprotect may leave two copies of an entry for a while, as the kernel's (arch/ppc64_hash/README.md).
bool may_protect() { return !std::string_view(A::name).starts_with("ppc64_hash"); }

// Which address space a CPU had under each number.
class Owners {
 public:
  // The CPU has loaded mm.
  void see(const mm_struct& mm) {
    const unsigned number = A::mmu_of(smp_processor_id()).asid();
    if (number >= owner_.size()) owner_.resize(number + 1);
    if (owner_[number] != 0 && owner_[number] != mm.id) ++handed_on;
    owner_[number] = mm.id;
  }
  unsigned handed_on = 0;

 private:
  std::vector<std::uint64_t> owner_;
};

// What two CPUs do that go from one address space to the next and back.
class Wanderer {
 public:
  Wanderer(const std::vector<mm_struct*>& spaces, unsigned cpu) : spaces_(spaces), cpu_(cpu) {}

  void visit(unsigned n) {
    mm_struct& mm = *spaces_[(n * (cpu_ + 1) + cpu_) % spaces_.size()];
    use_mm<A>(mm);
    owners.see(mm);
    expect_own(mm, 0);
    expect_own(mm, 1);
    const std::uint64_t mine = value_of(mm) + n;
    EXPECT_EQ(user_write<A>(mm, page_at(cpu_), mine), AccessResult::done);
    const std::uint64_t seen = peek<A>(mm, cpu_);
    EXPECT_TRUE(seen == mine || seen == 0) << seen << ", and another CPU only gives it back";
    if (n % 3 == 1) dontneed<A>(mm, 0, 2);
    if (n % 4 == 2 && may_protect()) {
      protect<A>(mm, cpu_, 1, VM_READ);
      EXPECT_EQ(user_write<A>(mm, page_at(cpu_), mine), AccessResult::sigsegv);
      protect<A>(mm, cpu_, 1, rw);
    }
  }
  Owners owners;

 private:
  static std::uint64_t value_of(const mm_struct& mm) { return mm.id << 32; }
  static void expect_own(mm_struct& mm, std::uint64_t page) {
    const std::uint64_t seen = peek<A>(mm, page);
    EXPECT_TRUE(seen == 0 || seen >> 32 == mm.id) << "a page of another mm: " << seen;
  }

  const std::vector<mm_struct*>& spaces_;
  const unsigned cpu_;
};

struct Outcome {
  unsigned handed_on = 0;  // numbers that went from one live address space to another
  std::uint64_t violations = 0;
  std::string text;
};

Outcome wander(const MachineOptions& options) {
  Outcome outcome;
  Oracles oracles(oracle_table<A>(options.cpus));
  MmRig<A> rig({.machine = options, .frames = trial_frames, .tlb = least_tlb});
  std::vector<mm_struct*> spaces{&rig.mm()};
  rig.on(0, [&] {
    while (spaces.size() < number_of_spaces()) spaces.push_back(mm_alloc<A>(3));
    for (mm_struct* mm : spaces) map<A>(*mm, 0, 2);
  });
  for (unsigned cpu = 0; cpu < rig.cpus(); ++cpu) rig.machine().attach(cpu, oracles.sink(cpu));
  std::vector<Owners> owners(rig.cpus());
  rig.on_all([&](unsigned cpu) {
    Wanderer wanderer(spaces, cpu);
    for (unsigned n = 0; n < 5 * trial_rounds; ++n) wanderer.visit(n);
    unuse_mm<A>();
    owners[cpu] = std::move(wanderer.owners);
  });
  oracles.finish();
  for (unsigned cpu = 0; cpu < rig.cpus(); ++cpu) rig.machine().attach(cpu, nullptr);
  rig.on(0, [&] {
    for (mm_struct* mm : spaces)
      if (mm != &rig.mm()) mmput<A>(*mm);
  });
  for (const Owners& of : owners) outcome.handed_on += of.handed_on;
  outcome.violations = oracles.total();
  for (const Violation& seen : oracles.examples()) outcome.text += seen.kind + ": " + seen.text;
  return outcome;
}

class Geometry : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { choose_backend(GetParam()); }
  void TearDown() override { choose_backend("x86"); }
};

TEST_P(Geometry, FiveSpacesShareThreeNumbers) {
  const unsigned cpus = A::facts.most_cpus < 2 ? 1 : 2;
  each_trial(cpus, 300, [&](const MachineOptions& options) {
    const Outcome outcome = wander(options);
    EXPECT_EQ(outcome.violations, 0U) << outcome.text;
    EXPECT_EQ(outcome.handed_on > 0, !numbers_are_for_life()) << "of " << outcome.handed_on;
  });
}

// Where software fills the TLB an entry may be of a pair of pages.
TEST_P(Geometry, ATlbOfTwoEntriesHoldsTwo) {
  constexpr unsigned pages = 16;
  const std::size_t most = std::string_view(A::name) == "mips" ? 4 : 2;
  MmRig<A> rig({.tlb = least_tlb});
  rig.run([&] {
    map<A>(rig.mm(), 0, pages);
    fill<A>(rig.mm(), 0, pages, 100);
    for (unsigned n = 0; n < 3 * pages; ++n) {
      const unsigned page = n * 7 % pages;
      EXPECT_EQ(peek<A>(rig.mm(), page), 100 + page);
      std::size_t held = 0;
      A::mmu_of(0).tlb.for_each(page_at(0), page_at(pages), [&](const hw::TlbView&) { ++held; });
      EXPECT_GE(held, 1U);
      EXPECT_LE(held, most);
    }
  });
}

// Not what two copies in the hash table befell in 2007, nor what freed pages before the flush.
bool holds_on_two_cpus(std::string_view name) {
  return name != "ppc64_hash@2007" && !name.starts_with("sh@2017") && !name.starts_with("um@2017");
}

// All rows, and options that flush otherwise.
std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Backend& backend : backends())
    if (holds_on_two_cpus(backend.name)) all.emplace_back(backend.name);
  for (const char* option : {"arm64+no-range", "arm64+no-contpte", "arm64+skip-broadcast",
                             "riscv+ipi", "riscv+svinval", "riscv+no-asid", "x86_invlpgb+eager"})
    all.emplace_back(option);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Backends, Geometry, testing::ValuesIn(names()), [](const auto& of) {
  std::string name(of.param);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

// What is kept when a number gets another owner is found.
struct forgets_to_flush_at_rollover : arm64 {
  static inline generic::asid_allocator allocator;
  static bool hardware_init(const TlbGeometry& geometry) noexcept {
    return arm64::hardware_init(geometry) && allocator.init(asids(geometry));
  }
  static void hardware_exit() noexcept {
    allocator.exit();
    arm64::hardware_exit();
  }
  static void switch_mm_irqs_off(mm_struct& next) noexcept {
    if (&next == loaded_mm()) return;
    const bool to_kernel = &next == &init_mm();
    load(this_cpu(), next, to_kernel ? 0 : allocator.switch_to(context_of<arm64>(next).id).number);
  }
};

bool sees_a_page_of_another() {
  MachineOptions options;
  options.cpus = 1;
  options.poison_frames = false;  // a freed one may be used through a stale entry
  MmRig<A> rig({.machine = options, .tlb = least_tlb});
  bool found = false;
  rig.on(0, [&] {
    std::vector<mm_struct*> spaces{&rig.mm()};
    while (spaces.size() < 5) spaces.push_back(mm_alloc<A>(3));
    for (unsigned n = 0; n < 10; ++n) {
      mm_struct& mm = *spaces[n % 5];
      use_mm<A>(mm);
      if (n < 5) map<A>(mm, 0, 1);
      const std::uint64_t seen = peek<A>(mm, 0);
      found |= seen != 0 && seen != mm.id;
      fill<A>(mm, 0, 1, mm.id);
    }
    unuse_mm<A>();
    for (mm_struct* mm : spaces)
      if (mm != &rig.mm()) mmput<A>(*mm);
  });
  return found;
}

TEST(GeometryPlanted, ANumberThatKeepsItsEntriesIsFound) {
  chosen_arch::choose<arm64>();
  EXPECT_FALSE(sees_a_page_of_another());
  chosen_arch::choose<forgets_to_flush_at_rollover>();
  EXPECT_TRUE(sees_a_page_of_another());
  choose_backend("x86");
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
