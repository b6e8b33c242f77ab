// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/attribution.h"

#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "mm/types.h"

namespace tlblab {
namespace {

constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

struct Claim {
  std::size_t owner;
  std::int64_t pages;
};

// One pass over the records, with what each thread is in.
class Claims {
 public:
  Claims(const std::vector<Record>& records, const Lineage& lineage)
      : records_(records), lineage_(lineage) {}

  std::vector<Claim> run() {
    for (std::size_t index = 0; index < records_.size(); ++index) see(index);
    return std::move(claims_);
  }

 private:
  struct Thread {
    std::size_t call = nobody;   // the one it is in
    std::size_t fault = nobody;  // its last one
    bool flushed = false;        // since its last event
    std::int64_t pages = 0;      // of the last flush, if so
  };

  void see(std::size_t index) {
    const Record& record = records_[index];
    if (record.event == Event::tlb_flush) {
      flush(record);
    } else if (record.event == Event::process_exit) {
      threads_.erase(record.tid);
    } else {
      event(index, record, threads_[record.tid]);
    }
  }

  void flush(const Record& record) {
    if (record.arg[1] != static_cast<std::uint64_t>(FlushReason::local_mm_shootdown)) return;
    const auto found = threads_.find(record.tid);
    if (found == threads_.end()) return;
    Thread& thread = found->second;
    const auto pages = static_cast<std::int64_t>(record.arg[0]);
    const std::size_t owner = thread.call != nobody ? thread.call : thread.fault;
    if (owner != nobody) claims_.push_back({owner, pages});
    thread.flushed = true;
    thread.pages = pages;
  }

  void event(std::size_t index, const Record& record, Thread& thread) {
    if (record.event == Event::process_fork) {
      if (thread.flushed) claims_.push_back({index, thread.pages});
      threads_.erase(static_cast<std::uint32_t>(record.arg[0]));  // an earlier thread's name
    } else if (is_fault(record)) {
      thread.fault = index;
    } else if (record.event == Event::sys_enter) {
      enter(index, record, thread);
    } else if (record.event == Event::sys_exit) {
      thread.call = nobody;
    } else if (record.event == Event::process_exec) {
      thread.call = nobody;
      // A thread that is not the first goes on under the tid of its process.
      if (record.arg[1] != record.tid) threads_.erase(static_cast<std::uint32_t>(record.arg[1]));
    }
    threads_[record.tid].flushed = false;
  }

  void enter(std::size_t index, const Record& record, Thread& thread) {
    const bool opens =
        has_exit(record.call) || (record.call == Call::execve && lineage_.before_exec(index));
    thread.call = opens ? index : nobody;
  }

  const std::vector<Record>& records_;
  const Lineage& lineage_;
  std::unordered_map<std::uint32_t, Thread> threads_;  // by tid
  std::vector<Claim> claims_;
};

}  // namespace

// Groups the claims by owner; within a group they keep their order.
Attribution::Attribution(const Recording& recording, const Lineage& lineage)
    : first_(recording.records.size() + 1) {
  const std::vector<Claim> claims = Claims(recording.records, lineage).run();
  for (const Claim& claim : claims) ++first_[claim.owner + 1];
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  pages_.resize(claims.size());
  for (const Claim& claim : claims) pages_[next[claim.owner]++] = claim.pages;
}

}  // namespace tlblab
