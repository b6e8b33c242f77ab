// SPDX-License-Identifier: GPL-2.0-or-later
// What one CPU of the mixed workload may expect of the pages that only it works on. Each page is
// mapped or not, and has rights and a value; where a call failed half way it is not known which, and
// then nothing is expected until a later call settles it.
#pragma once

#include <vector>

#include "mm/mm.h"

namespace tlblab::inline TLBLAB_WORLD {

class OwnPages {
 public:
  enum class State : std::uint8_t { hole, mapped, unknown };
  struct Page {
    State state = State::hole;
    std::uint32_t rights = 0;  // VM_READ, VM_WRITE
    std::uint64_t value = 0;
    bool rights_known = true, value_known = true;
    std::uint32_t life = 0;  // grows when another frame may be here
  };

  explicit OwnPages(std::size_t pages) : pages_(pages) {}

  [[nodiscard]] std::size_t size() const noexcept { return pages_.size(); }
  [[nodiscard]] const Page& at(std::size_t page) const noexcept { return pages_[page]; }

  void mapped(std::size_t first, std::size_t nr, bool done) noexcept {
    set(first, nr, done ? Page{State::mapped, VM_READ | VM_WRITE} : nothing_known());
  }
  // A munmap that fails has not begun.
  void unmapped(std::size_t first, std::size_t nr, bool done) noexcept {
    if (done) set(first, nr, {});
  }
  // One that fails may have changed the first areas.
  void protected_as(std::size_t first, std::size_t nr, std::uint32_t rights, bool done) noexcept {
    for (std::size_t page = first; page < first + nr; ++page) {
      pages_[page].rights_known = done;
      pages_[page].rights = rights;
    }
  }
  // Does so on both sides of a hole too, and then says that there was one.
  void given_back(std::size_t first, std::size_t nr) noexcept {
    for (std::size_t page = first; page < first + nr; ++page) {
      pages_[page].value = 0;
      pages_[page].value_known = true;
      ++pages_[page].life;
    }
  }
  // The place is cleared first, so one that fails may have cleared it; the source stays. If there is
  // no memory to cut the source off it stays too, with nothing in it.
  void moved(std::size_t first, std::size_t nr, std::size_t to, bool done) noexcept {
    for (std::size_t n = 0; n < nr; ++n) set(to + n, 1, done ? pages_[first + n] : nothing_known());
    if (done) set(first, nr, {State::unknown, 0, 0, false, true, 0});
  }
  // One page into an empty place, which has had no value then; the source keeps its own, or loses it.
  void filled(std::size_t page, std::size_t from, bool keeps) noexcept {
    const Page source = pages_[from];
    pages_[page].value = source.value;
    pages_[page].value_known = source.value_known;
    ++pages_[page].life;
    if (!keeps) given_back(from, 1);
  }
  void wrote(std::size_t page, std::uint64_t value) noexcept {
    pages_[page].value = value;
    pages_[page].value_known = true;
  }

  // May an access end like this? A read that was done is to be looked at by is_value() too.
  [[nodiscard]] bool allows(std::size_t page, bool write, AccessResult result) const noexcept {
    const Page& here = pages_[page];
    if (result == AccessResult::oom || here.state == State::unknown) return true;
    if (here.state == State::hole) return result == AccessResult::sigsegv;
    const bool right = (here.rights & (write ? VM_WRITE : VM_READ)) != 0;
    return !here.rights_known || right == (result == AccessResult::done);
  }
  [[nodiscard]] bool is_value(std::size_t page, std::uint64_t value) const noexcept {
    return !pages_[page].value_known || pages_[page].value == value;
  }

 private:
  static Page nothing_known() noexcept { return {State::unknown, 0, 0, false, false, 0}; }
  void set(std::size_t first, std::size_t nr, const Page& page) noexcept {
    for (std::size_t n = first; n < first + nr; ++n) {
      const std::uint32_t life = pages_[n].life + 1;
      pages_[n] = page;
      pages_[n].life = life;
    }
  }
  std::vector<Page> pages_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
