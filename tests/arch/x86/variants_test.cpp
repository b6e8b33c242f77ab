// SPDX-License-Identifier: GPL-2.0-or-later
// Options and earlier forms of x86: each by what it does otherwise.
#include "arch/chosen.h"
#include "tests/arch/x86/x86_fixture.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using testing::ElementsAre;

using Rig = MmRig<chosen_arch>;

// Chosen by name for one test; plain x86 afterwards.
template <ArchBackend A = x86>
class As {
 public:
  explicit As(std::string_view option = "") {
    chosen_arch::choose<A>();
    EXPECT_TRUE(A::set_option("") && A::set_option(option));
  }
  ~As() { chosen_arch::choose<x86>(); }
  As(const As&) = delete;
  As& operator=(const As&) = delete;
};

void program_on(Rig& rig, unsigned cpu) {
  rig.on(cpu, [&] {
    use_mm<chosen_arch>(rig.mm());
    static_cast<void>(peek<chosen_arch>(rig.mm(), 0));
  });
}
void sleeper_on(Rig& rig, unsigned cpu) {
  rig.on(cpu, [&] {
    use_mm<chosen_arch>(rig.mm());
    static_cast<void>(peek<chosen_arch>(rig.mm(), 0));
    unuse_mm<chosen_arch>();
  });
}
void map_one(Rig& rig) {
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, 1);
    fill<chosen_arch>(rig.mm(), 0, 1);
  });
}
std::uint64_t interrupts_of(Rig& rig, unsigned cpu) {
  return rig.machine().counters(cpu).interrupts;
}

TEST(X86Options, UnknownOnesAreRefused) {
  EXPECT_FALSE(x86::set_option("nothing"));
  EXPECT_FALSE(x86_2018::set_option("paravirt"));
  EXPECT_FALSE(x86_612::set_option("paravirt"));
  chosen_arch::choose<x86>();
}

TEST(X86NoPcid, EverySwitchFlushesTheOneSlot) {
  const As as("no-pcid");
  Rig rig;
  map_one(rig);
  rig.on(0, [&] {
    use_mm<chosen_arch>(rig.mm());
    EXPECT_EQ(x86::this_cpu().loaded_mm_asid, 0U);
    EXPECT_EQ(peek<chosen_arch>(rig.mm(), 0), 1U);
    EXPECT_EQ(cached_on(0, test_base), 1U);
    local_irq_save();
    x86::switch_mm_irqs_off(x86::init_mm());
    local_irq_restore();
    EXPECT_EQ(cached_on(0, test_base), 0U);
    EXPECT_EQ(x86::this_cpu().loaded_mm_asid, 0U);
  });
}

TEST(X86NoLazy, AnIdleCpuHasLoadedNothing) {
  for (const bool lazy : {true, false}) {
    const As as(lazy ? "" : "no-lazy");
    Rig rig({.machine = {.cpus = 2}});
    sleeper_on(rig, 1);
    EXPECT_EQ(loaded_on(1) == &x86::init_mm(), !lazy);
    EXPECT_EQ(x86::cpu(1).is_lazy.load(order::relaxed), lazy);
  }
}

// CPU 1 hears of it while CPU 0 still has its entry, or not; in explore some schedule shows it.
TEST(X86Serial, TheInitiatorIsDoneBeforeItAsks) {
  for (const bool serial : {false, true}) {
    const As as(serial ? "serial" : "");
    bool initiator_had_it = false;
    each_trial(2, 200, [&](const MachineOptions& options) {
      Rig rig({.machine = options});
      map_one(rig);
      Meeting meeting;
      rig.run_all([&](unsigned cpu) {
        static_cast<void>(peek<chosen_arch>(rig.mm(), 0));
        meeting.meet();
        if (cpu == 0) return x86::flush_tlb_page(rig.mm(), test_base);
        while (cached_on(1, test_base) != 0) cpu_relax();
        initiator_had_it |= cached_on(0, test_base) != 0;
      });
      EXPECT_EQ(interrupts_of(rig, 1), 1U);
    });
    EXPECT_TRUE(!serial || !initiator_had_it);
  }
}

// The handler is in the middle of it, and the sender has gone on.
TEST(X86EarlyAck, TheSenderGoesOnWhenTheHandlerHasBegun) {
  const As as("early-ack");
  Rig rig({.machine = {.cpus = 2}});
  map_one(rig);
  program_on(rig, 1);
  rig.log(1).keep_all(true);
  rig.log(1).clear();
  rig.run([&] { x86::flush_tlb_page(rig.mm(), test_base); });
  // For oracles the CPU runs nothing from the acknowledgement until its flush is done.
  std::vector<EventKind> kinds;
  for (const trace_event& e : rig.log(1).events())
    if (e.kind == EventKind::runs_mm || e.kind == EventKind::tlb_flush) kinds.push_back(e.kind);
  EXPECT_THAT(kinds, ElementsAre(EventKind::runs_mm, EventKind::tlb_flush, EventKind::runs_mm));
  rig.log(1).clear();
  rig.run(
      [&] { x86::flush_tlb_range(rig.mm(), test_base, test_base + page_size, page_shift, true); });
  EXPECT_EQ(rig.log(1).count(EventKind::runs_mm), 0U) << "tables are freed: not early";
}

// Idle CPUs of a guest are marked, and empty when they run again; tables or not.
TEST(X86Paravirt, APreemptedCpuIsMarkedAndFlushesWhenItRuns) {
  for (const bool tables : {false, true}) {
    const As as("paravirt");
    Rig rig({.machine = {.cpus = 2}});
    map_one(rig);
    sleeper_on(rig, 1);
    rig.run([&] {
      x86::flush_tlb_range(rig.mm(), test_base, test_base + page_size, page_shift, tables);
    });
    EXPECT_EQ(interrupts_of(rig, 1), 0U);
    EXPECT_EQ(cached_on(1, test_base), 1U);
    EXPECT_EQ(x86::cpu(1).preempted.load(order::relaxed), tables ? 3 : 1)
        << "a lazy CPU is not asked for pages: counts will tell";
    rig.on(1, [&] {
      use_mm<chosen_arch>(rig.mm());
      EXPECT_EQ(cached_on(1, test_base), 0U);
      EXPECT_EQ(x86::cpu(1).preempted.load(order::relaxed), 0);
    });
  }
}

// Planted: the mark is lost.
TEST(X86Paravirt, WithoutTheMarkTheWalkCacheStays) {
  const As as("paravirt");
  Rig rig({.machine = {.cpus = 2}});
  map_one(rig);
  sleeper_on(rig, 1);
  const unsigned asid = x86::cpu(1).loaded_mm_asid;
  rig.run([&] { x86::flush_tlb_mm(rig.mm()); });
  x86::cpu(1).preempted.store(1, order::relaxed);
  rig.on(1, [&] {
    local_irq_save();
    x86::switch_mm_irqs_off(x86::init_mm());
    local_irq_restore();
    EXPECT_NE(x86::mmu_of(1).walk_cache.lookup(asid, test_base, 0), nullptr);
    x86::cpu(1).mmu.invalidate_all();
  });
}

template <class A>
class X86Era : public testing::Test {};
using Eras = testing::Types<x86_2018, x86_612>;
TYPED_TEST_SUITE(X86Era, Eras);

TYPED_TEST(X86Era, ASwitchLeavesTheSet) {
  const As<TypeParam> as;
  Rig rig({.machine = {.cpus = 2}});
  program_on(rig, 1);
  EXPECT_TRUE(mm_cpumask_test(rig.mm(), 1));
  rig.on(1, [&] {
    local_irq_save();
    x86::switch_mm_irqs_off(x86::init_mm());
    local_irq_restore();
  });
  EXPECT_FALSE(mm_cpumask_test(rig.mm(), 1));
}

TYPED_TEST(X86Era, TablesGoWithThePages) {
  const As<TypeParam> as;
  Rig rig;
  rig.log().keep_all(true);
  rig.run([&] {
    map<chosen_arch>(rig.mm(), 0, 1);
    fill<chosen_arch>(rig.mm(), 0, 1);
    rig.log().clear();
    unmap<chosen_arch>(rig.mm(), 0, 1);
    EXPECT_GT(rig.log().count(EventKind::table_free), 0U) << "no grace period";
  });
}

// 4.20 asks who is awake, whatever it has loaded.
TEST(X86Era2018, WhoHasAnotherMmIsAskedIfItsBitStands) {
  for (const bool old : {true, false}) {
    chosen_arch::choose<x86>();
    if (old) chosen_arch::choose<x86_2018>();
    Rig rig({.machine = {.cpus = 2}});
    rig.on(1, [&] {
      local_irq_save();
      x86::switch_mm_irqs_off(x86::init_mm());
      local_irq_restore();
      mm_cpumask_set(rig.mm(), 1);
    });
    rig.run([&] { x86::flush_tlb_page(rig.mm(), test_base); });
    EXPECT_EQ(interrupts_of(rig, 1), old ? 1U : 0U);
    mm_cpumask_clear(rig.mm(), 1);
  }
  chosen_arch::choose<x86>();
}

// ---- everything at once -------------------------------------------------------------------------

class X86OptionRace : public testing::TestWithParam<const char*> {};

// Pages are filled and given back; whoever knows that a number was given back must not read it again.
TEST_P(X86OptionRace, NothingGivenBackIsSeenAgain) {
  const std::string_view name = GetParam();
  if (name == "2018")
    chosen_arch::choose<x86_2018>();
  else if (name == "6.12")
    chosen_arch::choose<x86_612>();
  else
    chosen_arch::choose<x86>();
  const bool is_option = std::string_view(chosen_arch::name) == x86::name;
  EXPECT_TRUE(!is_option || x86::set_option(name));
  each_trial(3, 100, [](const MachineOptions& options) {
    Rig rig({.machine = options, .frames = trial_frames, .tlb = tiny_tlb});
    Meeting meeting;
    Atomic<std::uint64_t> given_back{0};
    rig.run_all([&](unsigned cpu) {
      mm_struct& mm = rig.mm();
      if (cpu == 0) map<chosen_arch>(mm, 0, ptrs_per_table);
      meeting.meet();
      for (std::uint64_t n = 1; n <= trial_rounds; ++n) {
        if (cpu == 0) {
          EXPECT_EQ(user_write<chosen_arch>(mm, page_at(3), n), AccessResult::done);
          dontneed<chosen_arch>(mm, 3, 1);
          given_back.store(n, order::release);
          continue;
        }
        if (cpu == 2 && n % 2 == 0) {
          unuse_mm<chosen_arch>();
          use_mm<chosen_arch>(mm);
        }
        const std::uint64_t gone = given_back.load(order::acquire);
        const std::uint64_t seen = peek<chosen_arch>(mm, 3);
        EXPECT_TRUE(seen == 0 || seen > gone) << "read " << seen << ", given back " << gone;
      }
      unuse_mm<chosen_arch>();
    });
  });
  chosen_arch::choose<x86>();
}

INSTANTIATE_TEST_SUITE_P(
    All,
    X86OptionRace,
    testing::Values("no-pcid", "no-lazy", "serial", "early-ack", "paravirt", "2018", "6.12"));

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
