// SPDX-License-Identifier: GPL-2.0-or-later
// The backends that tests of mm run on, and a few that differ from one of them in what they ask of
// core.
#pragma once

#include <gtest/gtest.h>

#include "arch/x86/x86.h"

namespace tlblab::inline TLBLAB_WORLD {

using Backends = testing::Types<x86>;

// With another set of features, core has to behave as asm-generic/tlb.h does for such a machine.
template <class A, mmu_gather_features Features>
struct with_features : A {
  static constexpr mmu_gather_features features = Features;
};

template <class A>
constexpr mmu_gather_features page_size_of() noexcept {
  mmu_gather_features f = A::features;
  f.page_size = true;
  return f;
}
template <class A>
constexpr mmu_gather_features each_vma_of() noexcept {
  mmu_gather_features f = A::features;
  f.merge_vmas = false;
  return f;
}
template <class A>
constexpr mmu_gather_features no_gather_of() noexcept {
  mmu_gather_features f = A::features;
  f.no_gather = true;
  return f;
}
template <class A>
constexpr mmu_gather_features no_reclaim_of() noexcept {
  mmu_gather_features f = A::features;
  f.pt_reclaim = false;
  return f;
}

// A gather holds entries of one size at a time (powerpc).
template <class A>
using tracks_page_size = with_features<A, page_size_of<A>()>;
// A range may not reach over several areas (arm64).
template <class A>
using flushes_each_vma = with_features<A, each_vma_of<A>()>;
// Clearing an entry invalidates at once (s390).
template <class A>
using invalidates_at_once = with_features<A, no_gather_of<A>()>;
// MADV_DONTNEED leaves the tables (before 6.14).
template <class A>
using keeps_tables = with_features<A, no_reclaim_of<A>()>;

}  // namespace tlblab::inline TLBLAB_WORLD
