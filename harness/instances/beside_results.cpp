// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/instances/beside_results.h"

#include "harness/explore/bytes.h"

namespace tlblab::inline TLBLAB_WORLD {

Execute BesideResults::watch(SearchOptions& options, const Execute& execute) {
  options.begin_round = [this] { of_earlier_rounds_ = learnt_; };
  options.tell = [this] { return tell(); };
  options.hear = [this](const std::string& told) { hear(told); };
  return [this, execute](Chooser& chooser) {
    memory_.know_only(of_earlier_rounds_);
    ExecutionResult result = execute(chooser);
    learnt_.merge(memory_.all_learnt());
    if (report_.model == "weak" && !memory_.is_given_up())
      buffering_.add(memory_.graph(), memory_.location_names());
    return result;
  };
}

std::string BesideResults::tell() {
  ByteWriter bytes;
  bytes.put(learnt_.size());
  for (const PortSearch::Learnt& one : learnt_) bytes.put(one);
  bytes.put(memory_.lost() - std::exchange(lost_told_, memory_.lost()));
  AllocCounts counts = report_.allocations.counts;
  for (std::size_t site = 0; site < counts.sites.size(); ++site) {
    counts.sites[site].asked -= counts_told_.sites[site].asked;
    counts.sites[site].failed -= counts_told_.sites[site].failed;
  }
  counts_told_ = report_.allocations.counts;
  bytes.put(counts);
  bytes.put_text(buffering_.bytes());
  buffering_.tell_only_new();
  return bytes.bytes();
}

void BesideResults::hear(const std::string& told) {
  ByteReader bytes(told);
  for (auto left = bytes.get<std::size_t>(); left > 0; --left)
    learnt_.insert(bytes.get<PortSearch::Learnt>());
  lost_ += bytes.get<std::uint64_t>();
  report_.allocations.counts += bytes.get<AllocCounts>();
  buffering_.merge(bytes.get_text());
}

}  // namespace tlblab::inline TLBLAB_WORLD
