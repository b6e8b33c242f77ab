// SPDX-License-Identifier: GPL-2.0-or-later
// The workloads on the kernel of this host: real calls of this process on memory of its own, with
// real threads that spin in user mode in the place of busy CPUs.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/host.h"
#include "bench/workloads.h"

namespace tlblab::bench {
namespace {

constexpr std::size_t page_bytes = 4096, bytes = pages * page_bytes;
constexpr unsigned calls = 64;  // of one page, in a turn

// A call that must not fail here; a bench that measured errors would be quick.
template <class Result>
Result sure(Result result, const char* what) {
  if (result != static_cast<Result>(-1)) return result;
  std::perror(what);
  std::exit(4);  // NOLINT(concurrency-mt-unsafe): nothing is left to be done
}

// 4 KiB pages whatever the host prefers.
class Memory {
 public:
  void map() {
    void* at = mmap(at_, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | (at_ != nullptr ? MAP_FIXED : 0), -1, 0);
    if (at == MAP_FAILED) sure(-1, "mmap");
    at_ = at;
    madvise(at_, bytes, MADV_NOHUGEPAGE);  // EINVAL where there are none
  }
  void touch() {
    for (unsigned page = 0; page < pages; ++page)
      static_cast<volatile std::uint64_t*>(at_)[page * page_bytes / sizeof(std::uint64_t)] = page;
  }
  void unmap() { sure(munmap(at_, bytes), "munmap"); }
  [[nodiscard]] void* at() const { return at_; }

 private:
  void* at_ = nullptr;
};

// prepare and work make one turn, of which work is timed.
struct Workload {
  Memory memory;
  void prepare() {}
  void finish() {}
};

struct TouchDontneed : Workload {
  static constexpr unsigned items = pages;
  void work() {
    memory.touch();
    sure(madvise(memory.at(), bytes, MADV_DONTNEED), "madvise");
  }
};

struct Munmap : Workload {
  static constexpr unsigned items = pages;
  void prepare() {
    memory.map();
    memory.touch();
  }
  void work() { memory.unmap(); }
  void finish() { memory.map(); }
};

struct Mprotect : Workload {
  static constexpr unsigned items = pages;
  int rights = PROT_READ;
  void work() {
    sure(mprotect(memory.at(), bytes, rights), "mprotect");
    rights ^= PROT_WRITE;
  }
};

struct Shootdown : Workload {
  static constexpr unsigned items = calls;
  int rights = PROT_READ;
  void work() {
    for (unsigned i = 0; i < calls; ++i) {
      sure(mprotect(memory.at(), page_bytes, rights), "mprotect");
      rights ^= PROT_WRITE;
    }
  }
};

// Without the C library's handlers: the child only waits and ends.
pid_t bare_fork() {
  return static_cast<pid_t>(
      sure(syscall(SYS_clone, static_cast<unsigned long>(SIGCHLD), 0, 0, 0, 0), "clone"));
}

struct Cow : Workload {
  static constexpr unsigned items = pages;
  pid_t child = 0;
  void prepare() {
    finish();
    memory.touch();
    child = bare_fork();
    if (child == 0)
      for (;;) pause();
  }
  void work() { memory.touch(); }
  void finish() {
    if (child == 0) return;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    child = 0;
  }
};

struct ForkExit : Workload {
  static constexpr unsigned items = 1;
  void work() {
    const pid_t child = bare_fork();
    if (child == 0) syscall(SYS_exit_group, 0);
    waitpid(child, nullptr, 0);
  }
};

// vmsplice takes the pages of its vectors with the kernel's GUP-fast, a page a slot of the pipe.
class GupFast : public Workload {
 public:
  static constexpr unsigned slots = 256;  // what an unprivileged pipe may have
  static constexpr unsigned items = slots;
  GupFast() {
    sure(pipe2(ends_, O_CLOEXEC | O_NONBLOCK), "pipe");
    sure(fcntl(ends_[1], F_SETPIPE_SZ, static_cast<int>(slots * page_bytes)), "F_SETPIPE_SZ");
    sink_ = sure(open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null");
  }
  GupFast(const GupFast&) = delete;
  GupFast& operator=(const GupFast&) = delete;
  ~GupFast() {
    close(ends_[0]);
    close(ends_[1]);
    close(sink_);
  }
  void prepare() { finish(); }
  void work() {
    const iovec vector{memory.at(), slots * page_bytes};
    full_ = sure(vmsplice(ends_[1], &vector, 1, 0), "vmsplice") > 0;
  }
  void finish() {
    for (; full_; full_ = false)
      sure(splice(ends_[0], nullptr, sink_, nullptr, slots * page_bytes, 0), "splice");
  }

 private:
  int ends_[2] = {-1, -1};
  int sink_ = -1;
  bool full_ = false;
};

template <class Work>
void run(benchmark::State& state, unsigned cpus) {
  std::atomic<bool> over{false};
  on_threads(cpus, [&](unsigned thread) {
    if (thread != 0) {
      while (!over.load(std::memory_order_relaxed)) {
      }
      return;
    }
    Work work;
    work.memory.map();
    work.memory.touch();
    Turns turns;
    for (auto _ : state) {
      work.prepare();
      turns.add(state, [&] { work.work(); });
    }
    work.finish();
    turns.report(state, Work::items);
    work.memory.unmap();
    over.store(true, std::memory_order_relaxed);
  });
}

template <class Work>
void add_for(std::string_view name, unsigned least_cpus) {
  for (const unsigned cpus : options().cpus)
    if (cpus >= least_cpus)
      add(name, "kernel", cpus, [cpus](benchmark::State& state) { run<Work>(state, cpus); });
}

}  // namespace

void add_kernel() {
  add_for<TouchDontneed>("touch-dontneed", 1);
  add_for<Munmap>("munmap", 1);
  add_for<Mprotect>("mprotect", 1);
  add_for<Shootdown>("shootdown", 2);
  add_for<Cow>("cow", 1);
  add_for<ForkExit>("fork-exit", 1);
  add_for<GupFast>("gup-fast", 1);
}

}  // namespace tlblab::bench
