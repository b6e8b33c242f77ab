// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/workers.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <iterator>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tlblab {

// In memory that all of them see.
struct Workers::Shared {
  std::atomic<unsigned> waiting{0};
  std::atomic<unsigned> next{1};  // number of a worker
  std::atomic<bool> stop{false};
  std::array<std::atomic<double>, sums> sum{};
  unsigned most = 0;  // that wait
};

// All go through one pipe, each in one piece.
struct Workers::Message {
  enum Kind : std::uint32_t { began, parted, bytes, ended, failed };
  std::uint32_t worker = 0;
  std::uint32_t kind = began;
  std::int64_t number = 0;   // began: the process; parted: the new worker
  std::uint32_t parent = 0;  // began: the worker that this one is a copy of
  std::uint32_t size = 0;
  std::array<char, 488> text{};
};

namespace {

[[noreturn]] void host_cannot(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A copy whose parent is the parent of this process.
pid_t fork_beside() noexcept {
  return static_cast<pid_t>(
      syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

void handle(int signal, void (*handler)(int)) noexcept {
  struct sigaction action{};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

sigset_t wake_signal() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  return set;
}

void check_ended_well(int status) {
  if (WIFSIGNALED(status))
    throw std::runtime_error(fmt::format("a worker process was ended by signal {} ({})",
                                         WTERMSIG(status), sigdescr_np(WTERMSIG(status))));
  if (WEXITSTATUS(status) != 0)
    throw std::runtime_error(
        fmt::format("a worker process ended with code {} and no result", WEXITSTATUS(status)));
}

}  // namespace

Workers::Workers(unsigned most) : most_(most), first_(getpid()) {
  static_assert(sizeof(Message) <= PIPE_BUF);
  static_assert(std::atomic<double>::is_always_lock_free);
  if (pipe2(pipe_.data(), O_CLOEXEC) != 0) host_cannot("pipe");
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    for (const int end : pipe_) close(end);
    host_cannot("mmap");
  }
  shared_ = new (memory) Shared;
  shared_->most = most;
  const sigset_t set = wake_signal();
  pthread_sigmask(SIG_BLOCK, &set, &mask_);
}

// The pipe ends when the last of them has.
Workers::~Workers() {
  close(pipe_[1]);
  for (auto& [number, process] : running_) kill(process.id, SIGKILL);
  Message message;
  for (;;) {
    const ssize_t got = read(pipe_[0], &message, sizeof message);
    if (got == 0 || (got < 0 && errno != EINTR)) break;
    if (got < 0 || message.kind != Message::began || message.parent == 0) continue;
    running_[message.worker].id = static_cast<pid_t>(message.number);
    kill(static_cast<pid_t>(message.number), SIGKILL);
  }
  close(pipe_[0]);
  for (auto& [number, process] : running_)
    while (waitpid(process.id, nullptr, 0) < 0 && errno == EINTR) {
    }
  munmap(shared_, sizeof(Shared));
  pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
}

// ---- in all of them -------------------------------------------------------------------------------

// Relaxed, as all that is shared: these are numbers, and nothing is published with them.
bool Workers::have_room() const noexcept {
  return shared_->waiting.load(std::memory_order_relaxed) < shared_->most;
}
bool Workers::are_stopped() const noexcept { return shared_->stop.load(std::memory_order_relaxed); }
std::atomic<double>& Workers::sum(unsigned n) noexcept { return shared_->sum[n]; }

bool Workers::take_room() noexcept {
  unsigned waiting = shared_->waiting.load(std::memory_order_relaxed);
  while (waiting < shared_->most)
    if (shared_->waiting.compare_exchange_weak(waiting, waiting + 1, std::memory_order_relaxed))
      return true;
  return false;
}

void Workers::give_room_back() noexcept {
  shared_->waiting.fetch_sub(1, std::memory_order_relaxed);
}

Workers::Split Workers::split() {
  if (!take_room()) return Split::none;
  const unsigned number = shared_->next.fetch_add(1, std::memory_order_relaxed);
  const pid_t process = self_ == 0 ? fork() : fork_beside();
  if (process < 0) {
    give_room_back();
    return Split::none;
  }
  if (process == 0) {
    become_worker(number);
    return Split::copy;
  }
  if (self_ == 0) {
    running_[number].id = process;
    order_.push_back(number);
  } else {
    send({.worker = self_, .kind = Message::parted, .number = number});
  }
  return Split::original;
}

// ---- in a worker ----------------------------------------------------------------------------------

void Workers::become_worker(unsigned number) noexcept {
  const unsigned parent = std::exchange(self_, number);
  for (const int signal : {SIGINT, SIGHUP}) handle(signal, SIG_IGN);
  handle(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != first_) _exit(1);
  close(std::exchange(pipe_[0], -1));
  send({.worker = number, .kind = Message::began, .number = getpid(), .parent = parent});
  const sigset_t set = wake_signal();
  while (sigwaitinfo(&set, nullptr) < 0) {
  }
}

// That nobody reads any more is the end.
void Workers::send(const Message& message) const noexcept {
  while (write(pipe_[1], &message, sizeof message) < 0)
    if (errno != EINTR) _exit(1);
}

void Workers::send_all(std::uint32_t kind, std::string_view bytes) const noexcept {
  for (bool more = true; more;) {
    Message message{.worker = self_, .kind = kind};
    const std::string_view part = bytes.substr(0, message.text.size());
    bytes.remove_prefix(part.size());
    more = !bytes.empty();
    if (more) message.kind = Message::bytes;
    message.size = static_cast<std::uint32_t>(part.size());
    std::ranges::copy(part, message.text.begin());
    send(message);
  }
}

void Workers::end(std::string_view result) noexcept {
  send_all(Message::ended, result);
  _exit(0);
}

void Workers::fail(std::string_view why) noexcept {
  send_all(Message::failed, why);
  _exit(0);
}

// ---- in the first process -------------------------------------------------------------------------

void Workers::stop() noexcept { shared_->stop.store(true, std::memory_order_relaxed); }

// A worker that is killed sends nothing, and what ended may have no place yet.
std::optional<Workers::Ended> Workers::wait(std::chrono::milliseconds most) {
  constexpr std::chrono::milliseconds longest{50};
  const auto next = [this] {
    return std::ranges::find_if(ended_, [this](const Ended& ended) {
      return std::ranges::find(order_, ended.worker) != order_.end();
    });
  };
  if (next() == ended_.end()) {
    pollfd waits{pipe_[0], POLLIN, 0};
    const int got = poll(&waits, 1, static_cast<int>(std::min(most, longest).count()));
    if (got < 0 && errno != EINTR) host_cannot("poll");
    if (got > 0) read_messages();
    reap();
    wake();
  }
  if (!failure_.empty()) throw std::runtime_error(failure_);
  const auto found = next();
  if (found == ended_.end()) return std::nullopt;
  Ended first = std::move(*found);
  ended_.erase(found);
  return first;
}

void Workers::read_messages() {
  std::array<Message, 64> messages;
  const ssize_t got = read(pipe_[0], messages.data(), sizeof messages);
  if (got < 0 && errno != EINTR) host_cannot("read");
  for (ssize_t n = 0; n < got / static_cast<ssize_t>(sizeof(Message)); ++n)
    take(messages[static_cast<std::size_t>(n)]);
}

void Workers::take(const Message& message) {
  const unsigned worker = message.worker;
  const bool dropped = dropped_.contains(worker);
  if (message.kind == Message::began) {
    if (message.parent == 0) return;  // known since it was made
    running_[worker] = {static_cast<pid_t>(message.number), message.parent};
    if (dropped || dropped_.contains(message.parent)) drop(worker);
    return;
  }
  if (message.kind == Message::parted)
    return place_behind(worker, static_cast<unsigned>(message.number));
  if (dropped) return;  // and killed
  results_[worker].append(message.text.data(), message.size);
  if (message.kind == Message::bytes) return;
  std::string result = std::move(results_[worker]);
  results_.erase(worker);
  if (const auto process = running_.find(worker); process != running_.end()) {
    process->second.ended = true;
  }
  if (message.kind == Message::failed) failure_ = "a worker process: " + result;
  ended_.push_back({worker, std::move(result)});
}

// Its parent may have no place yet, and so wait to be told of by its own.
void Workers::place_behind(unsigned parent, unsigned worker) {
  const auto place = std::ranges::find(order_, parent);
  if (dropped_.contains(parent)) return drop(worker);
  if (place == order_.end()) return waiting_[parent].push_back(worker);
  order_.insert(place + 1, worker);
  const auto children = waiting_.extract(worker);
  if (children.empty()) return;
  for (const unsigned child : children.mapped()) place_behind(worker, child);
}

// What was split off from one that is dropped goes with it, whether that was told or not.
void Workers::drop(unsigned worker) {
  dropped_.insert(worker);
  results_.erase(worker);
  std::erase_if(ended_, [&](const Ended& ended) { return ended.worker == worker; });
  if (const auto process = running_.find(worker); process != running_.end()) {
    process->second.killed = true;
    kill(process->second.id, SIGKILL);
  }
  for (const auto& [number, process] : running_) {
    const bool is_placed = std::ranges::find(order_, number) != order_.end();
    if (process.parent == worker && !is_placed && !dropped_.contains(number)) drop(number);
  }
  const auto children = waiting_.extract(worker);
  if (children.empty()) return;
  for (const unsigned child : children.mapped()) drop(child);
}

void Workers::drop_behind(unsigned worker) {
  const auto behind = std::ranges::find(order_, worker) + 1;
  const std::vector<unsigned> unwanted(behind, order_.end());
  order_.erase(behind, order_.end());
  for (const unsigned number : unwanted) drop(number);
}

// Those that come first work.
void Workers::wake() {
  unsigned place = 0;
  for (const unsigned number : order_) {
    const auto process = running_.find(number);
    if (process == running_.end() || process->second.ended) continue;
    set_awake(process->second, place++ < most_);
  }
}

void Workers::set_awake(Process& process, bool awake) {
  if (process.awake == awake) return;
  process.awake = awake;
  if (awake)
    give_room_back();
  else
    shared_->waiting.fetch_add(1, std::memory_order_relaxed);
  if (!awake)
    kill(process.id, SIGSTOP);
  else
    kill(process.id, std::exchange(process.began, true) ? SIGCONT : SIGUSR1);
}

void Workers::reap() {
  for (auto at = running_.begin(); at != running_.end();) {
    int status = 0;
    const bool is_over = waitpid(at->second.id, &status, WNOHANG) > 0;
    const Process process = at->second;
    at = is_over ? running_.erase(at) : std::next(at);
    if (!is_over) continue;
    if (!process.awake) give_room_back();
    if (!process.killed) check_ended_well(status);
  }
}

}  // namespace tlblab
