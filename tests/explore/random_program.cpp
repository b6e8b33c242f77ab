// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/explore/random_program.h"

#include <algorithm>
#include <array>

namespace tlblab {

namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_((seed + 1) * 0x9e3779b97f4a7c15ULL | 1) {
    for (int i = 0; i < 8; ++i) static_cast<void>(next());  // seeds that are near each other part
  }

  // 0 to n - 1.
  unsigned below(unsigned n) noexcept { return static_cast<unsigned>((next() >> 32) * n >> 32); }
  template <class Range>
  auto one_of(const Range& range) noexcept {
    return range[below(static_cast<unsigned>(range.size()))];
  }

 private:
  std::uint64_t next() noexcept {  // xorshift64*
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }
  std::uint64_t state_;
};

using Deck = std::vector<OpKind>;

void put(Deck& deck, unsigned copies, std::initializer_list<OpKind> kinds) {
  for (unsigned i = 0; i < copies; ++i) deck.insert(deck.end(), kinds);
}

Deck deck_of(const ProgramShape& shape) {
  using enum OpKind;
  Deck deck;
  put(deck, 5, {load, store});
  if (shape.rmws) put(deck, 1, {exchange, add, cmpxchg});
  if (shape.void_adds) put(deck, shape.counters == 0 ? 1 : 4, {void_add});
  if (shape.fences) put(deck, 1, {mb, rmb, wmb});
  if (shape.locks != 0) put(deck, 2, {lock});
  if (shape.rcu) put(deck, 1, {read_lock, read_lock, synchronize});
  if (shape.awaits) put(deck, 1, {await});
  return deck;
}

class ThreadMaker {
 public:
  ThreadMaker(Random& random, const ProgramShape& shape, const Deck& deck) noexcept
      : random_(&random), shape_(&shape), deck_(&deck) {}

  std::vector<SmallOp> make() {
    std::vector<SmallOp> ops;
    while (ops.size() < shape_->ops) ops.push_back(next(shape_->ops - ops.size()));
    return ops;
  }

 private:
  static constexpr unsigned max_nesting = 2;  // of read sections

  [[nodiscard]] std::size_t open() const noexcept { return held_.size() + nesting_; }

  SmallOp next(std::size_t left) {
    if (open() == left || (open() != 0 && random_->below(4) == 0)) return close();
    for (;;) {
      const OpKind kind = random_->one_of(*deck_);
      if (kind == OpKind::lock) {
        const auto free = free_locks();
        if (left >= open() + 2 && !free.empty()) return take(random_->one_of(free));
      } else if (kind == OpKind::read_lock) {
        if (left >= open() + 2 && nesting_ < max_nesting) return ++nesting_, SmallOp{.kind = kind};
      } else if (kind != OpKind::synchronize || open() == 0) {
        return plain(kind);
      }
    }
  }

  [[nodiscard]] std::vector<unsigned> free_locks() const {
    std::vector<unsigned> free;
    for (unsigned lock = 0; lock < shape_->locks; ++lock)
      if (std::ranges::none_of(
              held_, [&](unsigned h) { return shape_->lock_cycles ? h == lock : h >= lock; }))
        free.push_back(lock);
    return free;
  }

  SmallOp take(unsigned lock) {
    held_.push_back(lock);
    return {.kind = OpKind::lock, .where = lock};
  }

  // Ends any of the open sections: they may overlap.
  SmallOp close() {
    const unsigned which = random_->below(static_cast<unsigned>(open()));
    if (which >= held_.size()) return --nesting_, SmallOp{.kind = OpKind::read_unlock};
    const unsigned lock = held_[which];
    held_.erase(held_.begin() + which);
    return {.kind = OpKind::unlock, .where = lock};
  }

  SmallOp plain(OpKind kind) {
    using enum OpKind;
    SmallOp op{.kind = kind};
    if (kind == mb || kind == rmb || kind == wmb || kind == synchronize) return op;
    op.where = random_->below(shape_->locations);
    if (kind == void_add && shape_->counters != 0)
      op.where = shape_->locations + random_->below(shape_->counters);
    op.o = order_of(kind);
    if (kind == add || kind == void_add) op.value = 1;
    if (kind == store || kind == exchange || kind == cmpxchg || kind == await)
      op.value = 1 + random_->below(2);
    if (kind == cmpxchg) op.expected = random_->below(2);
    if (shape_->dependencies) depend(op);
    return op;
  }

  void depend(SmallOp& op) {
    const bool reads = op.kind != OpKind::store;
    if (!values_.empty() && random_->below(2) == 0) {
      const std::uint64_t on = std::uint64_t{1} << random_->one_of(values_);
      switch (random_->below(3)) {
        case 0: op.address_from = on; break;
        case 1: op.control_from = on; break;
        default: op.data_from = op.kind == OpKind::load ? 0 : on;
      }
    }
    if (returns_value(op.kind)) values_.push_back(reads_);
    if (reads) ++reads_;
  }

  order order_of(OpKind kind) {
    using enum order;
    switch (kind) {
      case OpKind::load:
      case OpKind::await: return random_->one_of(std::array{relaxed, acquire});
      case OpKind::store: return random_->one_of(std::array{relaxed, release});
      case OpKind::void_add: return relaxed;
      default: return random_->one_of(std::array{relaxed, relaxed, acquire, release, full, full});
    }
  }

  Random* random_;
  const ProgramShape* shape_;
  const Deck* deck_;
  std::vector<unsigned> held_;
  unsigned nesting_ = 0;
  unsigned reads_ = 0;            // not of locks
  std::vector<unsigned> values_;  // those that return one
};

}  // namespace

SmallProgram random_program(std::uint64_t seed, const ProgramShape& shape) {
  Random random(seed);
  const Deck deck = deck_of(shape);
  SmallProgram program{
      .locations = shape.locations + shape.counters, .locks = shape.locks, .threads = {}};
  for (unsigned thread = 0; thread < shape.threads; ++thread)
    program.threads.push_back(ThreadMaker(random, shape, deck).make());
  return program;
}

}  // namespace tlblab
