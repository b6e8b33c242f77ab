// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a measured sequence (script_text.h) on a backend.
#pragma once

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mm/page_cache.h"
#include "mm/userfaultfd.h"
#include "tests/mm/script_text.h"
#include "tests/support/mm_rig.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
class ScriptRun {
 public:
  // frames: of the machine.
  ScriptRun(unsigned cpus, std::uint64_t frames, bool keeper)
      : rig_({.machine = {.cpus = cpus}, .frames = frames}) {
    if (keeper) {
      constexpr std::uint64_t place = 500 * gib / page_size;
      rig_.run([&] {
        map<A>(rig_.mm(), place, 1);
        fill<A>(rig_.mm(), place, 1);
      });
    }
    if (cpus == 2) rig_.on(1, [&] { use_mm<A>(rig_.mm()); });
  }
  ~ScriptRun() {
    if (child_ != nullptr) child_exits();
  }

  // What the line did, in its own notation.
  struct Outcome {
    std::string events, error;
    std::optional<std::uint64_t> faults;
  };
  Outcome run(const ScriptLine& line) {
    words_ = line.words;
    in_child_ = take_prefix("child:", 1);
    cpu_ = take_prefix("thread", 2) ? 1 : 0;
    for (unsigned cpu = 0; cpu < rig_.cpus(); ++cpu) rig_.log(cpu).clear();
    const auto before = page_faults(rig_.machine(), cpu_);
    const std::int64_t result = operation();
    const auto after = page_faults(rig_.machine(), cpu_);
    return {events(), error_name(result),
            after.has_value() ? std::optional(*after - *before) : std::nullopt};
  }

 private:
  static constexpr std::int64_t killed_by_signal = -1000;
  struct Range {
    std::uint64_t page, pages;
  };

  bool take_prefix(const std::string& prefix, unsigned words) {
    if (words_[0] != prefix) return false;
    words_.erase(words_.begin(), words_.begin() + words);
    return true;
  }
  bool has(const std::string& word) const {
    return std::find(words_.begin(), words_.end(), word) != words_.end();
  }
  // What stands behind this sign in some word.
  std::string value_of(const std::string& sign) const {
    for (const std::string& word : words_)
      if (word.starts_with(sign)) return word.substr(sign.size());
    return {};
  }
  std::uint64_t number(std::size_t word) const { return std::stoull(words_.at(word)); }
  std::uint64_t place_of(const std::string& name_and_offset) const {
    const std::size_t plus = name_and_offset.find('+');
    const std::uint64_t offset =
        plus == std::string::npos ? 0 : std::stoull(name_and_offset.substr(plus + 1));
    return areas_.at(name_and_offset.substr(0, plus)) + offset;
  }
  // NAME off n of most operations; n may be missing.
  Range range() const {
    const bool counted = words_.size() > 3 && std::isdigit(words_[3][0]) != 0;
    return {areas_.at(words_[1]) + number(2), counted ? number(3) : 1};
  }

  std::int64_t operation() {
    const std::string& what = words_[0];
    if (what == "option") return 0;
    if (what == "area") return name_area(words_[1]), 0;
    if (what == "sleep1" || what == "t1exit") return rig_.on(1, [] { unuse_mm<A>(); }), 0;
    if (what == "wake1") return rig_.on(1, [&] { use_mm<A>(rig_.mm()); }), 0;
    if (what == "exit") return child_exits(), 0;
    if (what == "mmap") name_area(words_[1]);
    std::int64_t result = -1;
    rig_.on(cpu_, [&] {
      mm_struct& mm = in_child_ ? *child_ : rig_.mm();
      use_mm<A>(mm);
      result = call(mm);
    });
    return result;
  }
  void name_area(const std::string& name) {
    if (areas_.contains(name)) return;
    const std::uint64_t own = next_area_++ * (4 * gib / page_size);
    const std::string at = value_of("at="), skew = value_of("skew=");
    areas_[name] = !at.empty() ? place_of(at) : own + (skew.empty() ? 0 : std::stoull(skew));
  }
  void child_exits() {
    rig_.on(0, [&] {
      use_mm<A>(*child_);
      unuse_mm<A>();
      mmput<A>(*child_);
    });
    child_ = nullptr;
  }

  std::int64_t call(mm_struct& mm) {
    const std::string& what = words_[0];
    if (what == "mmap") return call_mmap(mm);
    if (what == "touch" || what == "read" || what == "write") return touch(mm, range());
    if (what == "dontneed") return dontneed<A>(mm, range().page, range().pages);
    if (what == "hugepage") return advise(mm, VM_HUGEPAGE, VM_NOHUGEPAGE);
    if (what == "nohugepage") return advise(mm, VM_NOHUGEPAGE, VM_HUGEPAGE);
    if (what == "munmap") return unmap<A>(mm, range().page, range().pages);
    if (what == "mprotect")
      return protect<A>(mm, range().page, range().pages, protection(words_.at(4)));
    if (what == "mremap") return call_mremap(mm);
    if (what.starts_with("uffd")) return userfault(mm);
    if (what == "mlock") return do_mlock<A>(mm, page_at(range().page), range().pages * page_size);
    if (what == "munlock")
      return do_munlock<A>(mm, page_at(range().page), range().pages * page_size);
    if (const auto advice = advices().find(what); advice != advices().end())
      return advice->second(mm, page_at(range().page), range().pages * page_size);
    if (what == "fork") return (child_ = dup_mm<A>(mm)) == nullptr ? -1 : 0;
    ADD_FAILURE() << "no operation " << what;
    return 0;
  }
  template <std::uint32_t Set, std::uint32_t Clear>
  static std::int64_t flags(mm_struct& mm, vaddr_t start, std::uint64_t length) {
    return do_madvise_flags<A>(mm, start, length, Set, Clear);
  }
  using Advice = std::int64_t (*)(mm_struct&, vaddr_t, std::uint64_t);
  static const std::map<std::string, Advice>& advices() {
    static const std::map<std::string, Advice> known{
        {"free", &do_madvise_free<A>},
        {"cold", &do_madvise_cold<A>},
        {"willneed", &do_madvise_willneed<A>},
        {"hugepage", &flags<VM_HUGEPAGE, VM_NOHUGEPAGE>},
        {"dontfork", &flags<VM_DONTCOPY, 0>},
        {"wipeonfork", &flags<VM_WIPEONFORK, 0>},
        {"sequential", &flags<VM_SEQ_READ, 0>},
        {"mergeable", &flags<VM_MERGEABLE, 0>},
        {"remove", &do_madvise_remove<A>},
        {"guard", [](mm_struct& mm, vaddr_t at,
                     std::uint64_t n) { return do_madvise_guard<A>(mm, at, n, true); }},
        {"unguard", [](mm_struct& mm, vaddr_t at,
                       std::uint64_t n) { return do_madvise_guard<A>(mm, at, n, false); }},
        {"populate_read", [](mm_struct& mm, vaddr_t at,
                             std::uint64_t n) { return do_madvise_populate<A>(mm, at, n, false); }},
        {"populate_write", [](mm_struct& mm, vaddr_t at,
                              std::uint64_t n) { return do_madvise_populate<A>(mm, at, n, true); }},
        {"dontneed_locked",
         [](mm_struct& mm, vaddr_t at, std::uint64_t n) {
           return do_madvise_dontneed<A>(mm, at, n, true);
         }},
    };
    return known;
  }
  static std::uint32_t protection(const std::string& letters) {
    static const std::map<std::string, std::uint32_t> known{
        {"none", 0U}, {"r", VM_READ}, {"rw", rw}, {"rx", VM_READ | VM_EXEC}, {"rwx", rw | VM_EXEC}};
    return known.at(letters);
  }
  std::int64_t advise(mm_struct& mm, std::uint32_t set, std::uint32_t clear) {
    return do_madvise_flags<A>(mm, page_at(range().page), range().pages * page_size, set, clear);
  }
  std::int64_t touch(mm_struct& mm, Range range) {
    const bool write = words_[0] == "write" || has("w");
    const Access access = write ? Access::write : Access::read;
    for (std::uint64_t n = 0; n < range.pages; ++n)
      if (user_touch<A>(mm, page_at(range.page + n), access) != AccessResult::done)
        return killed_by_signal;
    return 0;
  }
  std::int64_t call_mmap(mm_struct& mm) {
    const bool shared = has("shared");
    address_space* file = shared || has("memfd") || has("file") ? file_of_line() : nullptr;
    const std::int64_t result =
        do_mmap<A>(mm, {.address = page_at(areas_.at(words_[1])),
                        .length = number(2) * page_size,
                        .flags = protection(words_.at(3)) | (shared ? VM_SHARED : 0U),
                        .fixed = true,
                        .file = file,
                        .populate = has("populate")});
    if (file != nullptr) put_file(*file);
    return result;
  }
  std::int64_t userfault(mm_struct& mm) {
    const std::string& what = words_[0];
    const vaddr_t start = page_at(range().page);
    const std::uint64_t length = range().pages * page_size;
    if (what == "uffdreg")
      return do_uffd_register<A>(mm, start, length, has("wp") ? VM_UFFD_WP : VM_UFFD_MISSING);
    if (what == "uffdunreg") return do_uffd_unregister<A>(mm, start, length);
    if (what == "uffdwp") return do_uffd_writeprotect<A>(mm, start, length, has("on"));
    if (what == "uffdzero") return do_uffd_zeropage<A>(mm, start, length);
    const vaddr_t from = page_at(areas_.at(words_.at(4)) + number(5));
    return what == "uffdcopy" ? do_uffd_copy<A>(mm, start, length, from)
                              : do_uffd_move<A>(mm, start, from, length);
  }
  // A file or memfd was written before it is mapped; shared anonymous memory is a hole.
  address_space* file_of_line() {
    const bool named = has("memfd") || has("file");
    return file_create({.kind = has("file") ? FileKind::disk : FileKind::shmem,
                        .pages = number(2),
                        .contents = named ? &initial_word : nullptr});
  }
  static std::uint64_t initial_word(std::uint64_t index, std::size_t word) {
    return (index + 1) * 1000 + word;
  }
  std::int64_t call_mremap(mm_struct& mm) {
    const std::string to = value_of("to=");
    return do_mremap<A>(mm, {.old_address = page_at(range().page),
                             .old_length = range().pages * page_size,
                             .new_length = number(4) * page_size,
                             .may_move = !to.empty() || has("maymove"),
                             .fixed = !to.empty(),
                             .dont_unmap = has("dontunmap"),
                             .new_address = to.empty() ? 0 : page_at(place_of(to))});
  }

  static std::string error_name(std::int64_t result) {
    return result >= 0                  ? ""
           : result == -EINVAL          ? "EINVAL"
           : result == -ENOMEM          ? "ENOMEM"
           : result == -EFAULT          ? "EFAULT"
           : result == killed_by_signal ? "SIGSEGV"
                                        : std::to_string(result);
  }
  // The initiator's, in order; then those of the other CPU.
  std::string events() const {
    std::string text;
    for (const trace_event& e : rig_.log(cpu_).events()) {
      if (e.a == static_cast<std::uint64_t>(FlushReason::remote_send_ipi)) add(text, 'I', e.b);
      if (e.a == static_cast<std::uint64_t>(FlushReason::local_mm_shootdown)) add(text, 'L', e.b);
    }
    for (unsigned cpu = 0; cpu < rig_.cpus(); ++cpu)
      for (const std::int64_t pages : rig_.log(cpu).flushes(FlushReason::remote_shootdown))
        if (cpu != cpu_) add(text, 'R', static_cast<std::uint64_t>(pages));
    return text;
  }
  void add(std::string& text, char letter, std::uint64_t pages) const {
    if (!text.empty()) text += ' ';
    if (in_child_) text += 'c';
    text += letter;
    text += pages == static_cast<std::uint64_t>(full_flush) ? "full" : std::to_string(pages);
  }

  mutable MmRig<A> rig_;
  mm_struct* child_ = nullptr;
  std::map<std::string, std::uint64_t> areas_;  // first page, from test_base
  std::uint64_t next_area_ = 0;
  std::vector<std::string> words_;  // of the line
  bool in_child_ = false;
  unsigned cpu_ = 0;
};

}  // namespace tlblab::inline TLBLAB_WORLD
