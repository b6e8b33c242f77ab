// SPDX-License-Identifier: GPL-2.0-or-later
// What a backend says of itself (arch_facts, features) is what it does.
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "harness/instances/backends.h"
#include "mm/mmu_gather.tcc"
#include "mm/swap.h"
#include "mm/vmscan.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

using A = chosen_arch;

bool holds(unsigned cpu, vaddr_t va) {
  bool found = false;
  A::mmu_of(cpu).tlb.for_each(va, va + 1, [&](const hw::TlbView&) { found = true; });
  return found;
}

// Whether anybody holds the first page: when its entry was changed, and when the lock was dropped then.
class Watch final : public TraceSink {
 public:
  void event(const trace_event& e) noexcept override {
    if (e.kind == EventKind::pte_change && e.d == page_at(0) && !changed) {
      changed = true;
      at_change = anybody_holds();
    }
    if (e.kind == EventKind::ptl_release && changed && !unlocked) {
      unlocked = true;
      at_unlock = anybody_holds();
    }
  }
  static bool anybody_holds() {
    for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu)
      if (holds(cpu, page_at(0))) return true;
    return false;
  }
  bool changed = false, unlocked = false, at_change = false, at_unlock = false;
};

class Facts : public testing::TestWithParam<std::string_view> {
 protected:
  // What interrupts some mms and not others promises what it does to those that it does not interrupt.
  void SetUp() override {
    choose_backend(GetParam() == "x86_invlpgb" ? "x86_invlpgb+eager" : GetParam());
  }
  void TearDown() override { choose_backend("x86"); }
  static RigOptions cpus(unsigned n) {
    return {.machine = {.cpus = A::facts.most_cpus < n ? A::facts.most_cpus : n}};
  }
};

// CPU 1 has used the page and has its interrupts on; CPU 0 gives the page back.
TEST_P(Facts, TheDebtIsPaidWhenItSays) {
  MmRig<A> rig(cpus(2));
  Watch watch;
  Signal used, done;
  rig.on(0, [&] {
    use_mm<A>(rig.mm());
    map<A>(rig.mm(), 0, 2);
    fill<A>(rig.mm(), 0, 2);
  });
  rig.on_all([&](unsigned cpu) {
    use_mm<A>(rig.mm());
    if (cpu == 1) {
      fill<A>(rig.mm(), 0, 1);
      used.give();
      done.await();
      return;
    }
    fill<A>(rig.mm(), 0, 1);
    if (rig.cpus() == 2) used.await();
    rig.machine().attach(0, &watch);
    dontneed<A>(rig.mm(), 0, 1);
    rig.machine().attach(0, nullptr);
    EXPECT_FALSE(Watch::anybody_holds()) << "the call has returned";
    done.give();
  });
  ASSERT_TRUE(watch.unlocked);
  const DebtPaid seen = !watch.at_change   ? DebtPaid::with_the_entry
                        : !watch.at_unlock ? DebtPaid::before_unlock
                                           : DebtPaid::at_finish;
  EXPECT_EQ(seen, A::facts.debt);
}

// CPU 1 has its interrupts off and the mm loaded: can CPU 0's call return?
TEST_P(Facts, PayingItWaitsForWalkersIfItSays) {
  if (A::facts.most_cpus < 2) GTEST_SKIP() << "one CPU";
  if (GetParam() == "x86_invlpgb") GTEST_SKIP() << "some address spaces do";
  bool returned_inside = false;
  each_trial(2, 5, [&](const MachineOptions& options) {
    MmRig<A> rig({.machine = options});
    Signal ready, used, flushed, inside, done;
    rig.on_all([&](unsigned cpu) {
      use_mm<A>(rig.mm());
      if (cpu == 0) {
        map<A>(rig.mm(), 0, 1);
        fill<A>(rig.mm(), 0, 1);
        ready.give();
        used.await();
        A::flush_tlb_mm(rig.mm());  // x86_invlpgb: the mm is one of several CPUs from now on
        flushed.give();
        inside.await();
        dontneed<A>(rig.mm(), 0, 1);
        done.give();
        return;
      }
      ready.await();
      fill<A>(rig.mm(), 0, 1);
      used.give();
      flushed.await();
      fill<A>(rig.mm(), 0, 1);
      local_irq_save();
      inside.give();
      for (unsigned n = 0; n < 20'000 && !done.given(); ++n) {
      }
      returned_inside |= done.given();
      local_irq_restore();
    });
  });
  EXPECT_EQ(!returned_inside, A::facts.interrupts_walkers);
}

TEST_P(Facts, EntriesOfSeveralSpacesStayIfItSays) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1);
    mm_struct* other = mm_alloc<A>(3);
    use_mm<A>(*other);
    use_mm<A>(rig.mm());
    EXPECT_EQ(holds(0, page_at(0)), A::facts.tagged);
    mmput<A>(*other);
  });
}

TEST_P(Facts, HardwareFillsTheTlbIfItSays) {
  const bool by_hardware = std::string_view(A::facts.filled_by).starts_with("hardware");
  EXPECT_EQ(A::walk_ahead != nullptr, by_hardware);
  if (A::walk_ahead == nullptr) return;
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1);
    A::flush_tlb_mm(rig.mm());
    const access_window_of<A> window;
    A::evict(page_at(0));
    EXPECT_FALSE(holds(0, page_at(0)));
    A::walk_ahead(page_at(0));
    EXPECT_TRUE(holds(0, page_at(0)));
  });
}

TEST_P(Facts, TablesWaitForReadersIfItSays) {
  if (A::facts.most_cpus < 2) GTEST_SKIP() << "nobody to wait for";
  bool freed_inside = false;
  each_trial(2, 20, [&](const MachineOptions& options) {
    MmRig<A> rig({.machine = options});
    Signal made, inside, done;
    page* table = nullptr;
    rig.on_all([&](unsigned cpu) {
      if (cpu == 1) {
        made.await();
        rcu_read_lock();
        inside.give();
        for (unsigned n = 0; n < 20'000 && !done.given(); ++n) cpu_event(CpuEvent::tick);
        freed_inside |= table->table == nullptr;
        rcu_read_unlock();
        return;
      }
      use_mm<A>(rig.mm());
      table = alloc_table(0);
      made.give();
      inside.await();
      mmu_gather<A> tlb;
      tlb_gather_mmu(tlb, rig.mm());
      table_free_tlb(tlb, table, test_base);
      tlb_finish_mmu(tlb);
      done.give();
    });
  });
  EXPECT_EQ(!freed_inside, A::features.rcu_table_free);
}

TEST_P(Facts, AnAreaThatEndsIsFlushedUnlessTheyAreMerged) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, 1);
    mmu_gather<A> gather;
    tlb_gather_mmu(gather, rig.mm());
    tlb_start_vma(gather, *vma_lookup(rig.mm(), test_base));
    tlb_remove_tlb_entries(gather, page_at(0), 1);
    tlb_end_vma(gather);
    EXPECT_EQ(gather.recorded(), A::features.merge_vmas);
    tlb_finish_mmu(gather);
  });
}

TEST_P(Facts, PagesWaitForTheFlushUnlessThereIsNoGather) {
  MmRig<A> rig;
  rig.run([&] {
    page* p = alloc_page(AllocSite::user_page);
    const auto before = frames_in_use();
    mmu_gather<A> gather;
    tlb_gather_mmu(gather, rig.mm());
    tlb_remove_tlb_entries(gather, page_at(0), 1);
    static_cast<void>(tlb_remove_pages_ptl(gather, p, 1, false));
    EXPECT_EQ(frames_in_use() == before, !A::features.no_gather);
    tlb_finish_mmu(gather);
    EXPECT_EQ(frames_in_use(), before - 1);
  });
}

TEST_P(Facts, AnEmptyTableIsReclaimedIfItSays) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, ptrs_per_table);
    fill<A>(rig.mm(), 0, 1);
    const long tables = rig.mm().pgtables.load(order::relaxed);
    dontneed<A>(rig.mm(), 0, ptrs_per_table);
    EXPECT_EQ(rig.mm().pgtables.load(order::relaxed) < tables, A::features.pt_reclaim);
  });
}

TEST_P(Facts, WholeTablesMoveIfItSays) {
  MmRig<A> rig;
  rig.run([&] {
    map<A>(rig.mm(), 0, ptrs_per_table);
    fill<A>(rig.mm(), 0, 2);
    rcu_read_lock();
    const page* table = find_table<A>(rig.mm(), page_at(0), 0);
    rcu_read_unlock();
    move_to<A>(rig.mm(), 0, ptrs_per_table, 4 * ptrs_per_table);
    rcu_read_lock();
    EXPECT_EQ(find_table<A>(rig.mm(), page_at(4 * ptrs_per_table), 0) == table,
              A::features.move_tables);
    rcu_read_unlock();
    EXPECT_EQ(peek<A>(rig.mm(), 4 * ptrs_per_table + 1), 2U);
  });
}

// What reclaim has unmapped stays unflushed until somebody asks, or the page is freed.
TEST_P(Facts, ReclaimPutsItsFlushOffIfItSays) {
  MmRig<A> rig({.machine = {.cpus = 2}});
  rig.on(1, [&] { use_mm<A>(rig.mm()); });
  rig.run([&] {
    swapon(2);
    map<A>(rig.mm(), 0, 1);
    fill<A>(rig.mm(), 0, 1);
    EXPECT_EQ(swap_out_page<A>(rig.mm(), page_at(0)), 0);
    EXPECT_EQ(rig.mm().tlb_flush_batched.load(order::relaxed) != 0, A::features.batched_unmap);
  });
  rig.on(1, [] { unuse_mm<A>(); });
}

TEST_P(Facts, TheMemoryModelIsThatOfTheArchitecture) {
  static const std::map<std::string_view, std::string_view> strong{
      {"x86", "tso"}, {"x86_invlpgb", "tso"}, {"s390", "tso"}, {"sparc64", "tso"}, {"um", "tso"}};
  const std::string_view family = GetParam().substr(0, GetParam().find('@'));
  const auto known = strong.find(family);
  EXPECT_EQ(A::facts.memory, known == strong.end() ? "weak" : known->second);
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> all;
  for (const Backend& backend : backends()) all.push_back(backend.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Backends, Facts, testing::ValuesIn(names()), [](const auto& of) {
  std::string name(of.param);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
