// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tlblab {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

// The reading end stays here, the writing end is for the program.
class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) fail(errno, "pipe");
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  [[nodiscard]] int reading() const { return ends_[0]; }
  [[nodiscard]] int writing() const { return ends_[1]; }
  void close_end(int end) {
    if (ends_[end] >= 0) close(ends_[end]);
    ends_[end] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

// Ours may ignore SIGPIPE; other programs are used to being ended by it.
class Attributes {
 public:
  Attributes() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigdefault(&attributes_, &set);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  void put(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

pid_t spawn(const std::vector<std::string>& words, const FileActions& actions) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const Attributes attributes;
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, argv[0], actions.get(), attributes.get(), argv.data(), environ);
  if (error != 0) fail(error, words.front());
  return child;
}

struct Stream {
  Pipe pipe;
  const std::function<void(std::string_view)>& take;
};

// Until all writing ends are closed.
void hand_on(std::vector<Stream*> open) {
  std::vector<char> buffer(std::size_t{1} << 16);
  while (!open.empty()) {
    std::vector<pollfd> waits;
    for (const Stream* stream : open) waits.push_back({stream->pipe.reading(), POLLIN, 0});
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) fail(errno, "poll");
    std::vector<Stream*> still;
    for (std::size_t i = 0; i < open.size(); ++i) {
      still.push_back(open[i]);
      if (waits[i].revents == 0) continue;
      const ssize_t got = read(open[i]->pipe.reading(), buffer.data(), buffer.size());
      if (got > 0)
        open[i]->take({buffer.data(), static_cast<std::size_t>(got)});
      else if (got == 0 || errno != EINTR)
        still.pop_back();
    }
    open = std::move(still);
  }
}

ProcessResult wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail(errno, "waitpid");
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

}  // namespace

ProcessResult run_process(const ProcessRequest& request) {
  Stream out{{}, request.on_output}, errors{{}, request.on_errors};
  FileActions actions;
  std::vector<Stream*> open;
  if (request.on_output) {
    actions.put(out.pipe.writing(), STDOUT_FILENO);
    open.push_back(&out);
  } else if (request.output_to_errors) {
    actions.put(STDERR_FILENO, STDOUT_FILENO);
  }
  if (request.on_errors) {
    actions.put(errors.pipe.writing(), STDERR_FILENO);
    open.push_back(&errors);
  }
  const pid_t child = spawn(request.words, actions);
  out.pipe.close_end(1);
  errors.pipe.close_end(1);
  try {
    hand_on(open);
  } catch (...) {
    // Nobody reads any more: it ends at its next write.
    out.pipe.close_end(0);
    errors.pipe.close_end(0);
    wait_for(child);
    throw;
  }
  return wait_for(child);
}

std::string find_program(const std::string& word) {
  namespace fs = std::filesystem;
  const auto runs = [](const std::string& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
  };
  if (word.find('/') != std::string::npos) return runs(word) ? word : std::string();
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment
  const char* path = std::getenv("PATH");
  std::string_view folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (bool more = !word.empty(); more;) {
    const std::size_t colon = folders.find(':');
    const std::string_view folder = folders.substr(0, colon);
    std::string file = std::string(folder.empty() ? "." : folder) + "/" + word;
    if (runs(file)) return file;
    more = colon != std::string_view::npos;
    if (more) folders.remove_prefix(colon + 1);
  }
  return {};
}

}  // namespace tlblab
