// SPDX-License-Identifier: GPL-2.0-or-later
// The backend of a program of tests: the one that TLBLAB_BACKEND names, or x86. TLBLAB_GEOMETRY=least
// gives its rigs the smallest machine there is instead of the one that a test asks for.
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <gtest/gtest.h>

#include "harness/instances/backends.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

class ChosenBackend final : public testing::Environment {
  void SetUp() override {
    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    const char* name = std::getenv("TLBLAB_BACKEND");
    const char* geometry = std::getenv("TLBLAB_GEOMETRY");
    // NOLINTEND(concurrency-mt-unsafe)
    choose_backend(name == nullptr ? "x86" : name);
    if (geometry == nullptr) return;
    if (std::string_view(geometry) != "least")
      throw std::invalid_argument("TLBLAB_GEOMETRY is none, or 'least'");
    forced_tlb = &least_tlb;
  }
};

const testing::Environment* const registered = testing::AddGlobalTestEnvironment(new ChosenBackend);

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
