// SPDX-License-Identifier: GPL-2.0-or-later
// What runs a scenario that was read from a text: a body as every scenario's (harness/lab.h), so the
// port itself runs, under the explorer and on threads. A CPU makes its operations one after the
// other. A call that fails gives -errno and an access that its program would not survive gives
// sigsegv, sigbus or oom; the program goes on, as with a handler that skips it.
//
// Each round begins with an empty address space. What is asked about the end is looked at by the
// CPU that comes to its end last.
#pragma once

#include <array>
#include <cerrno>
#include <limits>

#include "harness/lab.h"
#include "harness/workload/scenario_text.h"
#include "harness/workload/scenario_text_words.h"
#include "mm/gup.h"
#include "mm/page_cache.h"
#include "mm/rmap.h"
#include "mm/userfaultfd.h"
#include "mm/vmscan.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace scenario_text {

// What all CPUs share.
struct Shared {
  static constexpr std::size_t names = ScenarioTextLimits::names;

  explicit Shared(const ScenarioText& of) noexcept : text(of) {}

  const ScenarioText& text;
  std::array<address_space*, names> files{};
  // Written by the setup, or by the only program that names the child.
  std::array<mm_struct*, names> children{};
  std::array<Atomic<unsigned>, names> signals{};  // 1: given
  std::array<std::array<std::int64_t, text_registers>, ScenarioTextLimits::cpus> registers{};
  Atomic<unsigned> ended{0};  // CPUs
};

constexpr std::uint32_t vm_flags_of(std::uint8_t prot) noexcept {
  return ((prot & text_read) != 0 ? VM_READ : 0U) | ((prot & text_write) != 0 ? VM_WRITE : 0U) |
         ((prot & text_exec) != 0 ? VM_EXEC : 0U);
}

constexpr std::int64_t value_of(AccessResult result, std::uint64_t value) noexcept {
  switch (result) {
    case AccessResult::done: return static_cast<std::int64_t>(value);
    case AccessResult::sigsegv: return value_sigsegv;
    case AccessResult::sigbus: return value_sigbus;
    case AccessResult::oom: return value_oom;
  }
  return value_sigsegv;
}

// The operations of one CPU, in one round.
template <ArchBackend A>
class Cpu {
 public:
  Cpu(Shared& shared, Lab<A>& lab) noexcept : shared_(shared), lab_(lab), here_(&lab.mm()) {}

  // Its result: of calls 0 or more, or -errno.
  std::int64_t perform(const TextOp& op) noexcept {
    lab_.did_one();
    switch (info_of(op.verb).form) {
      case TextForm::signal_name: return flag(op);
      case TextForm::child_name:
      case TextForm::space_name: return space(op);
      case TextForm::page_access: return pin(op);
      case TextForm::nothing:
      case TextForm::value: return alone(op);
      case TextForm::file_name: return filemap_write_and_wait<A>(*shared_.files[op.of_file()]);
      default: break;
    }
    return here_ == nullptr ? -ESRCH : call(op);
  }

  // It gives back what only it has, and runs the first address space again.
  void leave() noexcept {
    while (pins_ != 0) drop_pin();
    run_in(&lab_.mm());
  }

 private:
  // ---- calls and accesses -----------------------------------------------------------------------

  [[nodiscard]] static std::uint64_t bytes(const TextOp& op) noexcept {
    return op.pages * page_size;
  }
  std::int64_t call(const TextOp& op) noexcept {
    using enum TextVerb;
    switch (op.verb) {
      case mmap: return map(op);
      case munmap: return do_munmap<A>(*here_, op.address, bytes(op));
      case mprotect: return do_mprotect<A>(*here_, op.address, bytes(op), vm_flags_of(op.prot));
      case mremap: return remap(op);
      case mlock: return do_mlock<A>(*here_, op.address, bytes(op));
      case munlock: return do_munlock<A>(*here_, op.address, bytes(op));
      case load: return load_word(op.address);
      case store: return value_of(write(op.address, op.value), 0);
      case swap_out: return swap_out_page<A>(*here_, op.address);
      case uffd_register:
        return do_uffd_register<A>(*here_, op.address, bytes(op),
                                   op.on ? VM_UFFD_WP : VM_UFFD_MISSING);
      case uffd_unregister: return do_uffd_unregister<A>(*here_, op.address, bytes(op));
      case uffd_writeprotect: return do_uffd_writeprotect<A>(*here_, op.address, bytes(op), op.on);
      case uffd_zeropage: return do_uffd_zeropage<A>(*here_, op.address, bytes(op));
      case uffd_copy: return do_uffd_copy<A>(*here_, op.address, bytes(op), op.from());
      case uffd_move: return do_uffd_move<A>(*here_, op.address, op.from(), bytes(op));
      default: return advise(op);
    }
  }
  std::int64_t advise(const TextOp& op) noexcept {
    using enum TextVerb;
    switch (op.verb) {
      case madvise_dontneed: return do_madvise_dontneed<A>(*here_, op.address, bytes(op));
      case madvise_dontneed_locked:
        return do_madvise_dontneed<A>(*here_, op.address, bytes(op), true);
      case madvise_free: return do_madvise_free<A>(*here_, op.address, bytes(op));
      case madvise_cold: return do_madvise_cold<A>(*here_, op.address, bytes(op));
      case madvise_pageout: return do_madvise_pageout<A>(*here_, op.address, bytes(op));
      case madvise_populate_read:
        return do_madvise_populate<A>(*here_, op.address, bytes(op), false);
      case madvise_populate_write:
        return do_madvise_populate<A>(*here_, op.address, bytes(op), true);
      case madvise_willneed: return do_madvise_willneed<A>(*here_, op.address, bytes(op));
      case madvise_remove: return do_madvise_remove<A>(*here_, op.address, bytes(op));
      case madvise_guard_install: return do_madvise_guard<A>(*here_, op.address, bytes(op), true);
      case madvise_guard_remove: return do_madvise_guard<A>(*here_, op.address, bytes(op), false);
      case madvise_dontfork: return set_flags(op, VM_DONTCOPY, 0);
      case madvise_wipeonfork: return set_flags(op, VM_WIPEONFORK, 0);
      case madvise_hugepage: return set_flags(op, VM_HUGEPAGE, VM_NOHUGEPAGE);
      case madvise_nohugepage: return set_flags(op, VM_NOHUGEPAGE, VM_HUGEPAGE);
      default: return -ENOSYS;
    }
  }
  std::int64_t set_flags(const TextOp& op, std::uint32_t set, std::uint32_t clear) noexcept {
    return do_madvise_flags<A>(*here_, op.address, bytes(op), set, clear);
  }
  std::int64_t map(const TextOp& op) noexcept {
    return do_mmap<A>(*here_, {.address = op.address,
                               .length = bytes(op),
                               .flags = vm_flags_of(op.prot) | (op.shared ? VM_SHARED : 0U),
                               .fixed = true,
                               .file = op.file ? shared_.files[op.of_file()] : nullptr,
                               .pgoff = op.first_page,
                               .populate = op.populate});
  }
  std::int64_t remap(const TextOp& op) noexcept {
    return do_mremap<A>(*here_, {.old_address = op.address,
                                 .old_length = bytes(op),
                                 .new_length = op.new_pages * page_size,
                                 .may_move = true,
                                 .fixed = op.other.has_value(),
                                 .dont_unmap = op.dont_unmap,
                                 .new_address = op.other.value_or(0)});
  }
  std::int64_t load_word(vaddr_t va) noexcept {
    std::uint64_t value = 0;
    const AccessResult result = user_read<A>(*here_, va, value);
    return value_of(result, value);
  }
  AccessResult write(vaddr_t va, std::int64_t value) noexcept {
    return user_write<A>(*here_, va, static_cast<std::uint64_t>(value));
  }
  // ---- other programs ---------------------------------------------------------------------------

  std::int64_t flag(const TextOp& op) noexcept {
    Atomic<unsigned>& signal = shared_.signals[op.named()];
    switch (op.verb) {
      // Release: whoever sees the signal runs after what came before it; pairs with both acquires.
      case TextVerb::signal: signal.store(1, order::release); return 0;
      case TextVerb::seen: return signal.load(order::acquire);
      default:
        while (signal.load(order::acquire) == 0) cpu_relax();
        return 0;
    }
  }
  std::int64_t space(const TextOp& op) noexcept {
    if (op.verb == TextVerb::use) {
      run_in(op.name ? shared_.children[op.named()] : &lab_.mm());
      return 0;
    }
    mm_struct*& child = shared_.children[op.named()];
    if (op.verb == TextVerb::fork) {
      if (here_ != nullptr) child = dup_mm<A>(*here_);
      return child == nullptr ? -ENOMEM : 0;
    }
    if (child != nullptr) mmput<A>(*child);
    child = nullptr;
    return 0;
  }
  // Null: a child that there was no memory for. Its program does nothing.
  void run_in(mm_struct* mm) noexcept {
    here_ = mm;
    if (mm != nullptr) use_mm<A>(*mm);
  }

  // ---- devices ----------------------------------------------------------------------------------

  std::int64_t pin(const TextOp& op) noexcept {
    if (here_ == nullptr) return pinned_[pins_++] = nullptr, -ESRCH;
    const GupFlags flags = op.prot == text_write ? FOLL_PIN | FOLL_WRITE : FOLL_PIN;
    page* frame = nullptr;
    const std::int64_t got = op.verb == TextVerb::pin
                                 ? get_user_pages_fast<A>(*here_, op.address, 1, flags, &frame)
                                 : static_cast<std::int64_t>(get_user_pages_fast_only<A>(
                                       *here_, op.address, 1, flags, &frame));
    pinned_[pins_++] = got == 1 ? frame : nullptr;
    return got;
  }
  void drop_pin() noexcept {
    page* frame = pinned_[--pins_];
    if (frame != nullptr) unpin_user_page(frame);
  }
  [[nodiscard]] std::uint64_t* pinned_word() const noexcept {
    page* frame = pinned_[pins_ - 1];
    return frame == nullptr ? nullptr : static_cast<std::uint64_t*>(frame->frame);
  }

  // Operations without an address.
  std::int64_t alone(const TextOp& op) noexcept {
    using enum TextVerb;
    switch (op.verb) {
      case meet: lab_.meet(); return 0;
      case unpin: drop_pin(); return 0;
      case dma_load: {
        const std::uint64_t* word = pinned_word();
        return word == nullptr ? -EFAULT : static_cast<std::int64_t>(read_once(*word));
      }
      case dma_store:
        if (std::uint64_t* word = pinned_word())
          write_once(*word, static_cast<std::uint64_t>(op.value));
        return 0;
      case sleep: unuse_mm<A>(); return 0;
      case wake: run_in(here_); return 0;
      default: cpu_event(CpuEvent::tick); return 0;
    }
  }

  Shared& shared_;
  Lab<A>& lab_;
  mm_struct* here_;
  std::array<page*, ScenarioTextLimits::pins> pinned_{};
  std::size_t pins_ = 0;
};

}  // namespace scenario_text

struct text_scenario {
  // Each CPU has a role of its own; those without a program only come to the meetings.
  static constexpr ScenarioInfo info{
      .name = "text",
      .line = "what a text says",
      .real_threads = "yes",
      .cpus = std::numeric_limits<unsigned>::max(),
  };

  template <ArchBackend A>
  class Body {
   public:
    explicit Body(const ScenarioText& text) noexcept : text_(text), shared_(text) {}

    void setup(Lab<A>& lab) {
      if (lab.round() != 0) clear(lab);
      if (lab.round() == 0 && text_.swap_slots != 0)
        vm_bug_on(swapon(text_.swap_slots) != 0, "no_memory_for_the_machine");
      for (std::size_t file = 0; file < text_.files.size(); ++file) make_file(file);
      scenario_text::Cpu<A> cpu(shared_, lab);
      for (const TextOp& op : text_.setup) {
        const std::int64_t result = cpu.perform(op);
        lab.forbid(result < 0, setup_failed_kind, [&] { return failure(op, result); });
      }
    }

    void act(Lab<A>& lab, unsigned role) {
      const bool idle = role >= text_.programs.size() || text_.programs[role].empty();
      if (idle)
        for (unsigned n = 0; n < text_.meetings; ++n) lab.meet();
      else
        run(lab, role);
      // Full: whoever is last sees the registers of all.
      if (shared_.ended.fetch_add(1, order::full) + 1 == nr_cpu_ids()) judge(lab);
    }

    void teardown(Lab<A>& lab) { clear(lab); }

    [[nodiscard]] std::vector<vaddr_t> addresses() const { return text_.used_pages(); }

    // For a recording: how the words that are not mm's are called.
    template <class Name>
    void name_words(Name name) const {
      for (std::size_t n = 0; n < text_.signals.size(); ++n)
        name(shared_.signals[n], text_.signals[n].c_str());
      name(shared_.ended, "ended");
    }

   private:
    void make_file(std::size_t index) noexcept {
      const TextFile& file = text_.files[index];
      shared_.files[index] =
          file_create({.kind = file.disk ? FileKind::disk : FileKind::shmem, .pages = file.pages});
      vm_bug_on(shared_.files[index] == nullptr, "no_memory_for_the_machine");
    }
    static std::string failure(const TextOp& op, std::int64_t result) {
      return "line " + std::to_string(op.place.line) + ": " + std::string(info_of(op.verb).word) +
             " gave " + (result < value_oom + 1 ? "a fatal fault" : std::to_string(result));
    }

    void run(Lab<A>& lab, unsigned role) noexcept {
      scenario_text::Cpu<A> cpu(shared_, lab);
      for (const TextOp& op : text_.programs[role]) {
        lab.stall();
        const std::int64_t result = cpu.perform(op);
        if (op.result) shared_.registers[role][*op.result] = result;
      }
      cpu.leave();
    }

    void judge(Lab<A>& lab) {
      const auto value = [this](unsigned cpu, unsigned reg) { return shared_.registers[cpu][reg]; };
      for (const TextCondition& condition : text_.conditions)
        lab.forbid(condition.holds(value), condition.exists ? witness_kind : forbidden_state_kind,
                   [&] { return condition.text; });
    }

    // On CPU 0, when nobody runs a child any more.
    void clear(Lab<A>& lab) noexcept {
      for (mm_struct*& child : shared_.children) {
        if (child != nullptr) mmput<A>(*child);
        child = nullptr;
      }
      static_cast<void>(do_munmap<A>(lab.mm(), 0, lab.mm().task_size));
      for (address_space*& file : shared_.files) {
        if (file != nullptr) put_file(*file);
        file = nullptr;
      }
      for (Atomic<unsigned>& signal : shared_.signals) signal.store(0, order::relaxed);
      shared_.registers = {};
      shared_.ended.store(0, order::relaxed);
    }

    const ScenarioText& text_;
    scenario_text::Shared shared_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
