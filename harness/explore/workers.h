// SPDX-License-Identifier: GPL-2.0-or-later
// Processes that share out a search. There is one explored machine in a process, so who works beside
// another is a process of its own: a copy (fork) of one that has more to do than it wants, with all
// that that one has in memory. So no work is handed down, and what came of it is handed up as bytes.
//
// All are children of the first process, whoever they are copies of. Their results have an order: a
// worker's own comes first, then those of the workers that split off from it, the latest first. If
// each keeps what is to be done first of what it has, that is the order in which one would do it all.
// Those that come first in it work, and the others wait: so little is done that is in vain because
// something before it ends the search.
//
// A worker that is killed, or ends without a result, is an error of all. None outlives the first
// process, and none the object in it. Ctrl-C is for the first process, which stops the others.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace tlblab {

class Workers {
 public:
  static constexpr unsigned sums = 3;

  // `most` work at the same time. In the first process, which has one thread. Throws std::system_error.
  explicit Workers(unsigned most);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // ---- in all of them ----
  // Few wait: more may be made.
  [[nodiscard]] bool have_room() const noexcept;
  // A copy of this process goes on beside it, unless there is no room or the host has none. Says which
  // of the two this is.
  enum class Split : std::uint8_t { none, original, copy };
  [[nodiscard]] Split split();
  [[nodiscard]] bool are_stopped() const noexcept;
  // Numbers that all add to.
  [[nodiscard]] std::atomic<double>& sum(unsigned n) noexcept;  // at first 0

  // ---- in a worker ----
  [[noreturn]] void end(std::string_view result) noexcept;
  [[noreturn]] void fail(std::string_view why) noexcept;

  // ---- in the first process ----
  struct Ended {
    unsigned worker = 0;
    std::string result;
  };
  // The next one that ended; nothing after so long, or when a signal came. Throws std::runtime_error if
  // one failed.
  [[nodiscard]] std::optional<Ended> wait(std::chrono::milliseconds most);
  // Those that have not been taken or dropped, in the order of their results.
  [[nodiscard]] const std::vector<unsigned>& order() const noexcept { return order_; }
  void take_first() { order_.erase(order_.begin()); }
  // Nobody wants to know what those behind this one would come to.
  void drop_behind(unsigned worker);
  // They are to end with what they have.
  void stop() noexcept;

 private:
  struct Shared;
  struct Message;
  struct Process {
    pid_t id = 0;
    unsigned parent = 0;  // worker that it is a copy of
    bool awake = false;   // it works; else it waits
    bool began = false;   // to work
    bool killed = false;
    bool ended = false;  // all but the process itself
  };

  [[nodiscard]] bool take_room() noexcept;
  void give_room_back() noexcept;
  void become_worker(unsigned number) noexcept;
  void send(const Message& message) const noexcept;
  void send_all(std::uint32_t kind, std::string_view bytes) const noexcept;
  void read_messages();
  void take(const Message& message);
  void place_behind(unsigned parent, unsigned worker);
  void drop(unsigned worker);
  void reap();
  void wake();
  void set_awake(Process& process, bool awake);

  Shared* shared_ = nullptr;
  unsigned most_;
  sigset_t mask_{};  // of signals, as it was
  pid_t first_;
  unsigned self_ = 0;  // number of this process; 0: the first
  std::array<int, 2> pipe_{-1, -1};
  // In the first process, by number of the worker.
  std::map<unsigned, Process> running_;
  std::map<unsigned, std::string> results_;  // what has come of them
  std::vector<unsigned> order_;
  std::map<unsigned, std::vector<unsigned>> waiting_;  // to be placed behind that one
  std::vector<Ended> ended_;
  std::set<unsigned> dropped_;
  std::string failure_;
};

}  // namespace tlblab
