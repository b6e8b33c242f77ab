// SPDX-License-Identifier: GPL-2.0-or-later
// Random search by several processes: they take the executions of a round by blocks, always the next
// one that nobody has. Whoever finds a violation ends what lies behind it; all blocks before it are
// made, so it is the first one whoever was faster.
#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

#include "harness/explore/result_bytes.h"
#include "harness/explore/search.h"
#include "harness/explore/workers.h"

namespace tlblab {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t most_in_block = 32;
constexpr std::chrono::milliseconds to_stop{500};  // then they are killed

// What the workers share: the next block, one in which there is a violation, executions made.
enum Sum : unsigned { next_block, failing_block, executions_made };

struct Block {
  std::uint64_t number = 0;
  SearchResult result;
  Strategy::Lesson lesson;
  std::string told;  // what it left beside its result
};

void put(ByteWriter& bytes, const Block& block) {
  const SearchResult& result = block.result;
  bytes.put(block.number).put(result.executions).put(result.violations).put(result.steps);
  bytes.put(result.choices).put(block.lesson).put_text(block.told).put(result.first.has_value());
  if (!result.first) return;
  bytes.put(result.first->execution);
  put_result(bytes, result.first->result);
}

Block get_block(ByteReader& bytes) {
  Block block;
  SearchResult& result = block.result;
  block.number = bytes.get<std::uint64_t>();
  result.executions = bytes.get<std::uint64_t>();
  result.violations = bytes.get<std::uint64_t>();
  result.steps = bytes.get<std::uint64_t>();
  result.choices = bytes.get<std::uint64_t>();
  block.lesson = bytes.get<Strategy::Lesson>();
  block.told = bytes.get_text();
  if (!bytes.get<bool>()) return block;
  result.first.emplace();
  result.first->execution = bytes.get<std::uint64_t>();
  result.first->result = get_result(bytes);
  return block;
}

class Round {
 public:
  Round(const SearchOptions& options,
        const Execute& execute,
        const std::atomic<bool>& stop,
        Clock::time_point start,
        std::uint64_t begin,
        std::uint64_t end)
      : options_(options),
        execute_(execute),
        stop_(stop),
        start_(start),
        begin_(begin),
        end_(end),
        size_(std::clamp<std::uint64_t>((end - begin) / (4 * options.jobs), 1, most_in_block)),
        workers_(options.jobs) {}

  void make(SearchResult& sum) {
    if (options_.strategy != nullptr) options_.strategy->go_on_at(begin_);
    workers_.sum(failing_block) = static_cast<double>(end_);
    for (unsigned n = 0; n < options_.jobs; ++n) {
      const Workers::Split made = workers_.split();
      if (made == Workers::Split::copy) work();
      if (made == Workers::Split::none && n == 0)
        throw std::system_error(errno, std::generic_category(), "a process for --jobs");
    }
    for (auto& [number, block] : gather()) {
      add(sum, std::move(block));
      if (sum.violations != 0 && options_.stop_at_violation) break;
    }
  }

 private:
  [[nodiscard]] bool is_over() const {
    return workers_.are_stopped() || Clock::now() - start_ >= options_.time_budget;
  }

  [[noreturn]] void work() {
    try {
      ByteWriter bytes;
      while (!is_over()) {
        const double next = workers_.sum(next_block).fetch_add(1);
        const auto number = static_cast<std::uint64_t>(next);
        if (begin_ + number * size_ >= end_ || next > workers_.sum(failing_block)) break;
        const Block block = make_block(number);
        if (block.result.violations != 0 && options_.stop_at_violation) fail_at(next);
        put(bytes, block);
      }
      workers_.end(bytes.bytes());
    } catch (const std::exception& error) {
      workers_.fail(error.what());
    }
  }

  void fail_at(double block) {
    std::atomic<double>& first = workers_.sum(failing_block);
    for (double now = first; block < now && !first.compare_exchange_weak(now, block);) {
    }
  }

  Block make_block(std::uint64_t number) {
    Block block;
    block.number = number;
    static_cast<void>(tell());
    const Strategy::Lesson known = lesson();
    const std::uint64_t begin = begin_ + number * size_, end = std::min(begin + size_, end_);
    if (options_.strategy != nullptr) options_.strategy->go_on_at(begin);
    SearchResult& result = block.result;
    for (std::uint64_t n = begin; n < end && !is_over(); ++n) {
      make_execution(options_, execute_, n, result);
      workers_.sum(executions_made) += 1;
      if (result.violations != 0 && options_.stop_at_violation) break;
    }
    block.lesson = lesson();
    block.lesson.reached -= known.reached;
    block.told = tell();
    return block;
  }
  [[nodiscard]] Strategy::Lesson lesson() const {
    return options_.strategy != nullptr ? options_.strategy->lesson() : Strategy::Lesson{};
  }
  [[nodiscard]] std::string tell() const { return options_.tell ? options_.tell() : std::string(); }

  // By their numbers.
  std::map<std::uint64_t, Block> gather() {
    std::map<std::uint64_t, Block> blocks;
    std::optional<Clock::time_point> stopped_at;
    for (std::size_t ended = 0; ended < workers_.order().size();) {
      if (stop_.load(std::memory_order_relaxed)) {
        if (!stopped_at) stopped_at = Clock::now();
        workers_.stop();
        if (Clock::now() - *stopped_at > to_stop) break;
      }
      if (options_.on_progress)
        options_.on_progress(begin_ + static_cast<std::uint64_t>(workers_.sum(executions_made)));
      const auto worker = workers_.wait(std::chrono::milliseconds(50));
      if (!worker) continue;
      ++ended;
      for (ByteReader bytes(worker->result); !bytes.is_empty();) {
        Block block = get_block(bytes);
        blocks.emplace(block.number, std::move(block));
      }
    }
    return blocks;
  }

  void add(SearchResult& sum, Block&& block) {
    SearchResult& result = block.result;
    sum.executions += result.executions;
    sum.violations += result.violations;
    sum.steps += result.steps;
    sum.choices += result.choices;
    if (!sum.first) sum.first = std::move(result.first);
    if (options_.strategy != nullptr) options_.strategy->learn(block.lesson);
    if (options_.hear) options_.hear(block.told);
  }

  const SearchOptions& options_;
  const Execute& execute_;
  const std::atomic<bool>& stop_;
  Clock::time_point start_;
  std::uint64_t begin_, end_, size_;
  Workers workers_;
};

}  // namespace

void make_round(const SearchOptions& options,
                const Execute& execute,
                const std::atomic<bool>& stop,
                Clock::time_point start,
                std::uint64_t end,
                SearchResult& sum) {
  Round(options, execute, stop, start, sum.executions, end).make(sum);
}

}  // namespace tlblab
