// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of mm run on the backend that TLBLAB_BACKEND names, or x86 (support/chosen_backend.cpp). Some
// want one that asks something else of core.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/chosen.h"

namespace tlblab::inline TLBLAB_WORLD {

using Backends = testing::Types<chosen_arch>;

// How often and for how many pages is flushed was measured on x86. Others do it at other times; their own
// tests say when.
inline bool is_x86() noexcept { return std::string_view(chosen_arch::name) == "x86"; }
inline testing::Matcher<std::vector<std::int64_t>> as_on_x86(
    testing::Matcher<std::vector<std::int64_t>> matcher) {
  return is_x86() ? std::move(matcher) : testing::Matcher<std::vector<std::int64_t>>(testing::_);
}

// No hardware walks the tables: copies of entries go when the entries do, or with their lock, and nothing
// is left to flush for a gather.
inline bool flushes_with_entries() noexcept { return !chosen_arch::features.table_invalidate; }

// With another set of features, core has to behave as asm-generic/tlb.h does for such a machine.
class ChangedFeatures {
 public:
  template <class Change>
  explicit ChangedFeatures(Change change) : were_(chosen_arch::features) {
    change(chosen_arch::features);
  }
  ~ChangedFeatures() { chosen_arch::features = were_; }
  ChangedFeatures(const ChangedFeatures&) = delete;
  ChangedFeatures& operator=(const ChangedFeatures&) = delete;

 private:
  mmu_gather_features were_;
};

// A gather holds entries of one size at a time (powerpc).
inline void tracks_page_size(mmu_gather_features& f) { f.page_size = true; }
// A range may not reach over several areas (arm64).
inline void flushes_each_vma(mmu_gather_features& f) { f.merge_vmas = false; }
// Clearing an entry invalidates at once (s390).
inline void invalidates_at_once(mmu_gather_features& f) { f.no_gather = true; }
// MADV_DONTNEED leaves the tables (before 6.14).
inline void keeps_tables(mmu_gather_features& f) { f.pt_reclaim = false; }
// Walks may not be moved: page by page, as where the kernel has no HAVE_MOVE_PMD.
inline void moves_pages_only(mmu_gather_features& f) { f.move_tables = false; }

}  // namespace tlblab::inline TLBLAB_WORLD
