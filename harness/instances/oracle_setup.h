// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once
#include <vector>

#include "harness/instances/mm_replay_target.h"
#include "harness/trace.h"
#include "mm/mm.h"
namespace tlblab::inline TLBLAB_WORLD {
struct OracleChoice {
  bool scan_frees = true;
};
template <ArchBackend A>
class OracleSetup final : public MmRegistry {
 public:
  OracleSetup(unsigned, bool, OracleChoice) {}
  void attach(Machine&) {}
  TraceSink* sink(unsigned) { return nullptr; }
  void add_mm(mm_struct&) override {}
  void remove_mm(mm_struct&) override {}
  std::uint64_t total() const { return 0; }
  std::vector<Violation> examples() const { return {}; }
};
}  // namespace tlblab::inline TLBLAB_WORLD
