// SPDX-License-Identifier: GPL-2.0-or-later
// Frames and objects: what they are, that they may be had and freed anywhere, that they may fail.
#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "tests/world/trials.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

TEST(Memory, FramesAreAlignedAndApart) {
  each_trial(3, [](Machine& machine) {
    constexpr unsigned each = 20;
    std::vector<unsigned char*> frames(3 * each);
    machine.run([&](unsigned cpu) {
      for (unsigned i = 0; i < each; ++i) {
        auto* frame = static_cast<unsigned char*>(alloc_frame(AllocSite::user_page));
        ASSERT_NE(frame, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % page_size, 0U);
        std::memset(frame, static_cast<int>(cpu * each + i), page_size);
        frames[cpu * each + i] = frame;
      }
    });
    for (unsigned i = 0; i < 3 * each; ++i) {
      EXPECT_EQ(frames[i][0], i);
      EXPECT_EQ(frames[i][page_size - 1], i);
    }
    // Freed by another CPU than the one that had allocated it.
    machine.run([&](unsigned cpu) {
      for (unsigned i = 0; i < each; ++i) free_frame(frames[(cpu + 1) % 3 * each + i]);
    });
  });
}

TEST(Memory, RunsOfFramesAreContiguousAndAlignedToTheirSize) {
  each_trial(2, [](Machine& machine) {
    constexpr unsigned orders = 9;
    unsigned char* runs[2][orders + 1] = {};
    machine.run([&](unsigned cpu) {
      for (unsigned order = 1; order <= orders; ++order) {
        auto* run = static_cast<unsigned char*>(alloc_frames(AllocSite::user_page, order));
        ASSERT_NE(run, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(run) % (page_size << order), 0U);
        std::memset(run, static_cast<int>(16 * cpu + order), page_size << order);
        runs[cpu][order] = run;
      }
    });
    for (unsigned cpu = 0; cpu < 2; ++cpu)
      for (unsigned order = 1; order <= orders; ++order) {
        EXPECT_EQ(runs[cpu][order][0], 16 * cpu + order);
        EXPECT_EQ(runs[cpu][order][(page_size << order) - 1], 16 * cpu + order);
      }
    machine.run([&](unsigned cpu) {  // by the other CPU
      for (unsigned order = 1; order <= orders; ++order) free_frames(runs[1 - cpu][order], order);
    });
  });
}

TEST(Memory, RunsFailWhereATestSaysSo) {
  struct Never final : AllocPolicy {
    bool fails(AllocSite site, unsigned) noexcept override { return site == AllocSite::user_page; }
  } never;
  MachineOptions options;
  options.alloc_policy = &never;
  Machine machine(options);
  machine.run([&](unsigned) {
    EXPECT_EQ(alloc_frames(AllocSite::user_page, 9), nullptr);
    void* run = alloc_frames(AllocSite::object, 9);
    EXPECT_NE(run, nullptr);
    if (run != nullptr) free_frames(run, 9);
  });
}

TEST(Memory, ObjectsAreZeroedAndAligned) {
  each_trial(2, [](Machine& machine) {
    machine.run([&](unsigned) {
      for (std::size_t bytes : {1U, 24U, 33U, 4096U, 65'536U, 65'537U, 200'000U}) {
        for (int again = 0; again < 2; ++again) {
          auto* object = static_cast<unsigned char*>(kmalloc(bytes, AllocSite::object));
          ASSERT_NE(object, nullptr);
          EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object) % alignof(std::max_align_t), 0U);
          EXPECT_TRUE(std::all_of(object, object + bytes, [](unsigned char c) { return c == 0; }));
          std::memset(object, 0xff, bytes);
          kfree(object);
        }
      }
      kfree(nullptr);
    });
  });
}

TEST(Memory, ManyObjectsLiveApart) {
  each_trial(2, [](Machine& machine) {
    machine.run([&](unsigned cpu) {
      unsigned char* objects[50];
      for (unsigned i = 0; i < 50; ++i) {
        objects[i] = static_cast<unsigned char*>(kmalloc(40, AllocSite::object));
        std::memset(objects[i], static_cast<int>(cpu * 50 + i), 40);
      }
      for (unsigned i = 0; i < 50; ++i) {
        EXPECT_TRUE(std::all_of(objects[i], objects[i] + 40,
                                [&](unsigned char c) { return c == cpu * 50 + i; }));
        kfree(objects[i]);
      }
    });
  });
}

// Every second allocation at one site of one CPU fails.
class FailsNow final : public AllocPolicy {
 public:
  bool fails(AllocSite site, unsigned cpu) noexcept override {
    return site == AllocSite::gather_batch && cpu == 1 && asked_++ % 2 == 0;
  }

 private:
  unsigned asked_ = 0;
};

TEST(Memory, FailsWhereThePolicySays) {
  FailsNow policy;
  MachineOptions options;
  options.cpus = 2;
  options.alloc_policy = &policy;
  Machine machine(options);
  machine.run([&](unsigned cpu) {
    for (unsigned i = 0; i < 4; ++i) {
      const bool should_fail = cpu == 1 && i % 2 == 0;
      void* object = kmalloc(8, AllocSite::gather_batch);
      EXPECT_EQ(object == nullptr, should_fail);
      kfree(object);
    }
    for (unsigned i = 0; i < 4; ++i) {
      void* frame = alloc_frame(AllocSite::gather_batch);
      EXPECT_EQ(frame == nullptr, cpu == 1 && i % 2 == 0);
      if (frame != nullptr) free_frame(frame);
      void* other = kmalloc(8, AllocSite::table_batch);
      EXPECT_NE(other, nullptr);
      kfree(other);
    }
  });
}

// Memory outlives the runs of its machine, and can be had and given back between them.
TEST(Memory, WorksBeforeAndAfterARun) {
  MachineOptions options;
  options.cpus = 2;
  Machine machine(options);
  auto* frame = static_cast<unsigned char*>(alloc_frame(AllocSite::user_page));
  auto* object = static_cast<unsigned char*>(kmalloc(10, AllocSite::object));
  frame[0] = 1;
  machine.run([&](unsigned cpu) {
    if (cpu == 1) object[0] = ++frame[0];
  });
  EXPECT_EQ(frame[0], 2);
  EXPECT_EQ(object[0], 2);
  free_frame(frame);
  kfree(object);
}

TEST(Memory, WhatIsNotFreedIsCounted) {
  each_trial(2, [](Machine& machine) {
    const HeldMemory before = memory_held();
    void* frames[2];
    void* objects[2][3];
    machine.run([&](unsigned cpu) {
      frames[cpu] = alloc_frame(AllocSite::user_page);
      for (void*& object : objects[cpu]) object = kmalloc(200'000 >> (4 * cpu), AllocSite::object);
    });
    EXPECT_EQ(memory_held(), (HeldMemory{before.frames + 2, before.objects + 6}));
    machine.run([&](unsigned cpu) {
      for (void* object : objects[1 - cpu]) kfree(object);
      if (cpu == 0) free_frame(frames[1]);
    });
    EXPECT_EQ(memory_held(), (HeldMemory{before.frames + 1, before.objects}));
    free_frame(frames[0]);
    EXPECT_EQ(memory_held(), before);
  });
}

// A frame that comes back on the same CPU shows the junk or somebody's data, never its old bytes.
TEST(Memory, FreedFramesAreOverwrittenIfAsked) {
  MachineOptions options;
  options.junk_fill = true;
  Machine machine(options);
  machine.run([&](unsigned) {
    std::set<void*> freed;
    for (int i = 0; i < 10; ++i) {
      auto* frame = static_cast<unsigned char*>(alloc_frame(AllocSite::user_page));
      EXPECT_TRUE(!freed.contains(frame) || frame[100] != 0x11);
      std::memset(frame, 0x11, page_size);
      free_frame(frame);
      freed.insert(frame);
    }
    EXPECT_LT(freed.size(), 10U) << "no frame came back, so nothing was tested";
  });
}

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
