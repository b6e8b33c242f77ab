// SPDX-License-Identifier: GPL-2.0-or-later
// The backend of a program of tests: the one that the environment names, or x86.
#include <cstdlib>

#include <gtest/gtest.h>

#include "harness/instances/backends.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

class ChosenBackend final : public testing::Environment {
  void SetUp() override {
    const char* name = std::getenv("TLBLAB_BACKEND");  // NOLINT(concurrency-mt-unsafe): one thread
    choose_backend(name == nullptr ? "x86" : name);
  }
};

const testing::Environment* const registered = testing::AddGlobalTestEnvironment(new ChosenBackend);

}  // namespace

}  // namespace tlblab::inline TLBLAB_WORLD
