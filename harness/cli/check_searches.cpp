// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/check_searches.h"

#include <cerrno>
#include <chrono>
#include <map>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

#include "harness/explore/bytes.h"
#include "harness/explore/workers.h"
#include "harness/report/layout.h"

namespace tlblab {
namespace {

std::string title(const CheckSearch& search) {
  std::string words =
      fmt::format("{} on {} under {}", search.scenario->name, search.arch, search.model);
  if (!search.fixes.without.empty()) words += " without " + joined(search.fixes.without, " and ");
  return words;
}

std::string bytes_of(const CheckOutcome& outcome) {
  ByteWriter bytes;
  bytes.put_text(outcome.kind).put_text(outcome.text).put_text(outcome.schedule);
  bytes.put(outcome.complete).put(outcome.executions).put(outcome.lost).put(outcome.seconds);
  bytes.put(outcome.flushes);
  return bytes.bytes();
}

CheckOutcome outcome_from(std::string_view text) {
  ByteReader bytes(text);
  CheckOutcome outcome;
  outcome.kind = bytes.get_text();
  outcome.text = bytes.get_text();
  outcome.schedule = bytes.get_text();
  outcome.complete = bytes.get<bool>();
  outcome.executions = bytes.get<std::uint64_t>();
  outcome.lost = bytes.get<std::uint64_t>();
  outcome.seconds = bytes.get<double>();
  outcome.flushes = bytes.get<FlushCounts>();
  return outcome;
}

[[noreturn]] void work(Workers& workers, const CheckSearch& search, double most_seconds) {
  try {
    workers.end(bytes_of(outcome_of(search, most_seconds)));
  } catch (const std::exception& error) {
    workers.fail(fmt::format("{}: {}", title(search), error.what()));
  }
}

class Pool {
 public:
  Pool(const std::vector<CheckSearch>& searches,
       unsigned jobs,
       double most_seconds,
       const OnOutcome& done)
      : searches_(searches),
        jobs_(jobs),
        most_seconds_(most_seconds),
        done_(done),
        workers_(jobs) {}

  void run(const std::atomic<bool>& stop) {
    while (!stop && (next_ < searches_.size() || !searching_.empty())) {
      start();
      static_cast<void>(take(std::chrono::milliseconds(50)));
    }
    while (take(std::chrono::milliseconds(0))) {
    }
  }

 private:
  // As many as there is room for.
  void start() {
    while (next_ < searches_.size() && workers_.have_room()) {
      const Workers::Split made = workers_.split();
      if (made == Workers::Split::copy) work(workers_, searches_[next_], most_seconds_);
      if (made == Workers::Split::original) searching_[workers_.order().back()] = next_++;
      if (made == Workers::Split::original) continue;
      if (searching_.empty())
        throw std::system_error(errno, std::generic_category(), "a process for a search");
      return;
    }
  }

  // What one came to, if one ends in time.
  bool take(std::chrono::milliseconds most) {
    const auto ended = wait(most);
    if (!ended) return false;
    const auto search = searching_.extract(ended->worker);
    while (!workers_.order().empty() && !searching_.contains(workers_.order().front()))
      workers_.take_first();
    done_(search.mapped(), outcome_from(ended->result));
    return true;
  }

  // Those that come first are at work.
  std::optional<Workers::Ended> wait(std::chrono::milliseconds most) try {
    return workers_.wait(most);
  } catch (const std::runtime_error& error) {
    std::vector<std::string> at_work;
    for (const auto& [worker, search] : searching_)
      if (at_work.size() < jobs_) at_work.push_back(title(searches_[search]));
    throw std::runtime_error(
        fmt::format("{}; at work were: {}", error.what(), joined(at_work, "; ")));
  }

  const std::vector<CheckSearch>& searches_;
  const unsigned jobs_;
  const double most_seconds_;
  const OnOutcome& done_;
  Workers workers_;
  std::size_t next_ = 0;
  std::map<unsigned, std::size_t> searching_;  // by worker
};

}  // namespace

void make_searches(const std::vector<CheckSearch>& searches,
                   unsigned jobs,
                   double most_seconds,
                   const std::atomic<bool>& stop,
                   const OnOutcome& done) {
  Pool(searches, jobs, most_seconds, done).run(stop);
}

}  // namespace tlblab
