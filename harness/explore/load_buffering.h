// SPDX-License-Identifier: GPL-2.0-or-later
// Whether load buffering could change what a complete search under the weak model says. Knows no
// world. The argument is in load_buffering.cpp.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "harness/world/explore/execution_graph.h"

namespace tlblab {

// Fed with all executions of a search. What it says does not depend on their order.
class LoadBuffering {
 public:
  // What a location is called: the same in all executions, and in all processes that share a search.
  using Name = std::uint64_t;
  // Of each event of each thread: on which reads it depends whether it is made, as
  // GraphEvent::data_from. Empty: nobody knows.
  using Control = std::vector<std::vector<std::uint64_t>>;

  explicit LoadBuffering(unsigned threads) : class_of_(threads), twins_(threads, 0) {
    for (unsigned t = 0; t < threads; ++t) class_of_[t] = t;
  }
  // As GraphSearch: then not all executions are visited.
  void same_program(unsigned first, unsigned threads);

  // An execution that ran to its end; names by location.
  void add(const ExecutionGraph& graph, std::span<const Name> names, const Control& control = {});
  void merge(const LoadBuffering& other);
  // For another process, which has all that there was when tell_only_new() was called.
  void tell_only_new();
  [[nodiscard]] std::string bytes() const;
  void merge(const std::string& bytes);

  // The n-th read or write of a location by its thread, from 0; and its place among all that the
  // thread does, the earliest that there was.
  struct Access {
    unsigned place = 0, nth = 0;
    Name location = 0;
    friend auto operator<=>(const Access&, const Access&) noexcept = default;
  };
  // A read and a later write of one thread that nothing keeps in this order; what the read may see is
  // written by another, and somebody may come from the write to there.
  struct Pair {
    unsigned thread = 0;
    Access read, write;
    friend auto operator<=>(const Pair&, const Pair&) noexcept = default;
  };
  // By thread and place. None: load buffering is not possible.
  [[nodiscard]] std::vector<Pair> pairs() const;

 private:
  struct Held {
    Name lock = 0;
    bool alone = false;  // not beside other readers
    friend auto operator<=>(const Held&, const Held&) noexcept = default;
  };
  struct Node {
    unsigned thread = 0;  // or the first of those that run the same
    Name location = 0;
    bool write = false;
    bool may_fail = false;  // read of a read-modify-write that may or may not write
    unsigned nth = 0;
    std::vector<Held> held;  // by name
    friend auto operator<=>(const Node&, const Node&) = default;
  };
  using Bits = std::vector<std::uint64_t>;
  class Trace;

  unsigned number_of(Node&& node, unsigned place);
  [[nodiscard]] bool conflict(unsigned a, unsigned b) const noexcept;
  [[nodiscard]] bool race(unsigned a, unsigned b) const noexcept;
  [[nodiscard]] bool leads_into(unsigned other, unsigned read) const noexcept;
  [[nodiscard]] std::vector<Bits> steps() const;
  [[nodiscard]] Bits reached_from(unsigned write, const std::vector<Bits>& steps) const;

  std::vector<unsigned> class_of_;  // of each thread
  std::vector<char> twins_;         // of each class: it has several
  std::unordered_set<std::uint64_t> seen_;
  bool grace_ = false;  // there is a grace period
  std::map<Node, unsigned> numbers_;
  std::vector<const Node*> nodes_;  // by number
  std::vector<unsigned> places_;
  // From an access to later ones of its thread: it may come before them, in the model and by a section
  // of RCU; it is a read before a write and nothing says that it stays there.
  std::vector<Bits> before_, sections_, loose_;
};

}  // namespace tlblab
