// SPDX-License-Identifier: GPL-2.0-or-later
// Everything at once: on each CPU a program that does at random whatever a program can do to memory,
// in address spaces that all CPUs share and in children of them that are its own. Nothing is to go
// wrong, so the oracles are the primary judges; and every value says where it belongs:
//
//   root << 56 | id of the mm << 32 | place << 16 | a count
//
// A page may show only what was written at its place, in its own mm or, before the fork, in the one
// that it is a copy of. So a page in the wrong place, of another process, or of a child that was to
// have a copy of its own, shows. And each CPU has pages that nobody else touches: of those it knows
// each value (mixed_pages.h), so a store that gets lost shows too. Calls may fail for want of memory
// at any time; an access that does, does nothing.
//
// Where memory is. The first three regions are for everybody, and pages move between them; each is a
// whole page table, of which a few pages are used, so that tables are given back too:
//
//   everybody 0 1 2 | wide: more pages than a batch | shared file | private file | heap | own pages
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "harness/lab.h"
#include "harness/scenario/mixed_space.h"
#include "mm/gup.h"
#include "mm/page_cache.h"
#include "mm/userfaultfd.h"
#include "mm/vmscan.tcc"

namespace tlblab::inline TLBLAB_WORLD {

namespace mixed {

template <ArchBackend A>
class Cpu {
 public:
  Cpu(const Shared& shared, unsigned cpu) : shared_(shared), sizes_(shared.sizes), cpu_(cpu) {
    for (unsigned root = 0; root < shared.roots.size(); ++root) {
      Space space{shared.roots[root], root, {shared.roots[root]->id}, OwnPages(sizes_.own)};
      space.own.mapped(0, sizes_.own, true);
      roots_.push_back(std::move(space));
    }
    here_ = &roots_.front();
  }

  void work(Lab<A>& lab) {
    lab_ = &lab;
    for (unsigned n = 0; n < sizes_.operations; ++n) {
      use_mm<A>(mm());
      (this->*operation())();
      lab.did_one();
    }
    while (!pins_.empty()) unpin_last();
    while (!children_.empty()) end_child();
    here_ = &roots_.front();
    use_mm<A>(mm());
  }

  // On one CPU, before the others begin.
  static void map_everything(const Shared& shared, unsigned cpus, mm_struct& mm) {
    const Sizes& sizes = shared.sizes;
    for (unsigned region = everybody; region < wide; ++region)
      map_at(mm, place(sizes, region), ptrs_per_table, nullptr, 0);
    map_at(mm, place(sizes, wide), sizes.wide, nullptr, 0);
    map_at(mm, place(sizes, shared_file), sizes.common, shared.file, VM_SHARED);
    map_at(mm, place(sizes, private_file), sizes.common, shared.file, 0);
    map_at(mm, place(sizes, own), sizes.own * cpus, nullptr, 0);
    mm.start_brk = mm.brk = place(sizes, heap);
  }

 private:
  using Act = void (Cpu::*)();
  struct Operation {
    unsigned weight;
    Act act;
  };
  // What there is to do, and how often. A new operation of mm needs a line here and a function.
  static Act operation() {
    static constexpr auto all = std::to_array<Operation>({
        {16, &Cpu::write_common},
        {10, &Cpu::read_common},
        {4, &Cpu::touch_common},
        {2, &Cpu::map_common},
        {2, &Cpu::unmap_common},
        {4, &Cpu::protect_common},
        {5, &Cpu::give_back_common},
        {2, &Cpu::give_back_a_table},
        {3, &Cpu::move_common},
        {2, &Cpu::dont_fork},
        {1, &Cpu::huge_or_not},
        {6, &Cpu::advise_common},
        {1, &Cpu::use_wide},
        {5, &Cpu::use_shared_file},
        {5, &Cpu::use_private_file},
        {3, &Cpu::use_heap},
        {10, &Cpu::write_own},
        {10, &Cpu::read_own},
        {2, &Cpu::map_own},
        {2, &Cpu::unmap_own},
        {4, &Cpu::protect_own},
        {4, &Cpu::give_back_own},
        {3, &Cpu::move_own},
        {3, &Cpu::swap_out_common},
        {4, &Cpu::swap_out_own},
        {3, &Cpu::uffd_common},
        {4, &Cpu::uffd_own},
        {2, &Cpu::pin_common},
        {3, &Cpu::pin_own},
        {6, &Cpu::use_pin},
        {2, &Cpu::unpin_one},
        {2, &Cpu::fork},
        {2, &Cpu::end_child},
        {4, &Cpu::change_space},
        {2, &Cpu::sleep},
    });
    constexpr unsigned weights = [] {
      unsigned sum = 0;
      for (const Operation& operation : all) sum += operation.weight;
      return sum;
    }();
    unsigned at = choose(weights);
    for (const Operation& operation : all) {
      if (at < operation.weight) return operation.act;
      at -= operation.weight;
    }
    return all.front().act;
  }

  // ---- places and values ------------------------------------------------------------------------

  [[nodiscard]] vaddr_t at(unsigned region, std::uint64_t page) const {
    return place(sizes_, region, page);
  }
  [[nodiscard]] vaddr_t own_at(std::uint64_t page) const {
    return place(sizes_, own, cpu_ * sizes_.own + page);
  }
  std::uint64_t dice(std::uint64_t n) { return choose(static_cast<unsigned>(n)); }

  struct Pages {
    std::uint64_t first, nr;
  };
  Pages some(std::uint64_t of) {
    const std::uint64_t first = dice(of), most = of - first < 8 ? of - first : 8;
    return {first, 1 + dice(most)};
  }

  [[nodiscard]] mm_struct& mm() { return *here_->mm; }
  std::uint64_t value_for(std::uint64_t root, std::uint64_t page) {
    return value_of(*here_, root, page);
  }
  std::uint64_t value_of(const Space& space, std::uint64_t root, std::uint64_t page) {
    return root << 56 | (space.mm->id & 0xffffff) << 32 | (page & 0xffff) << 16 |
           (++count_ & 0xffff);
  }
  [[nodiscard]] bool from_here(std::uint64_t value) const {
    if (value >> 56 != here_->root + 1) return false;
    for (const std::uint64_t id : here_->lineage)
      if (id != 0 && (id & 0xffffff) == (value >> 32 & 0xffffff)) return true;
    return false;
  }
  void complain(std::string_view kind, vaddr_t va, std::string_view what, std::uint64_t value) {
    lab_->forbid(true, kind,
                 "cpu" + std::to_string(cpu_) + " in mm " + std::to_string(mm().id) + " at page " +
                     std::to_string((va - base) / page_size) + ": " + std::string(what) + " " +
                     std::to_string(value >> 56) + "/" + std::to_string(value >> 32 & 0xffffff) +
                     "/" + std::to_string(value >> 16 & 0xffff) + "/" +
                     std::to_string(value & 0xffff) + " (root, mm, page, count)");
  }

  // ---- accesses ---------------------------------------------------------------------------------

  void write(unsigned region, std::uint64_t page, std::uint64_t root) {
    static_cast<void>(user_write<A>(mm(), at(region, page), value_for(root, page)));
  }
  void write(unsigned region, std::uint64_t page) { write(region, page, here_->root + 1); }
  void read(unsigned region, std::uint64_t page, bool of_file = false) {
    std::uint64_t seen = 0;
    if (user_read<A>(mm(), at(region, page), seen) != AccessResult::done || seen == 0) return;
    const bool right =
        (seen >> 16 & 0xffff) == page &&
        (from_here(seen) ? region != shared_file : of_file && seen >> 56 == file_root);
    if (!right) complain("wrong_value", at(region, page), "reads", seen);
  }

  // ---- pages for everybody ----------------------------------------------------------------------

  unsigned any_region() { return everybody + static_cast<unsigned>(dice(wide)); }

  static void map_at(
      mm_struct& mm, vaddr_t va, std::uint64_t pages, address_space* file, std::uint32_t flags) {
    static_cast<void>(do_mmap<A>(mm, {.address = va,
                                      .length = pages * page_size,
                                      .flags = VM_READ | VM_WRITE | flags,
                                      .fixed = true,
                                      .file = file}));
  }
  void write_common() { write(any_region(), dice(sizes_.common)); }
  void read_common() { read(any_region(), dice(sizes_.common)); }
  void touch_common() {
    static_cast<void>(user_touch<A>(mm(), at(any_region(), dice(sizes_.common)), Access::read));
  }
  void map_common() {
    const Pages which = some(sizes_.common);
    if (dice(2) == 0)
      map_at(mm(), at(any_region(), 0), ptrs_per_table, nullptr, 0);
    else
      map_at(mm(), at(any_region(), which.first), which.nr, nullptr, 0);
  }
  void unmap_common() {
    const Pages which = some(sizes_.common);
    static_cast<void>(do_munmap<A>(mm(), at(any_region(), which.first), which.nr * page_size));
  }
  std::uint32_t any_rights() {
    constexpr std::uint32_t rights[] = {0, VM_READ, VM_READ | VM_WRITE, VM_READ | VM_WRITE};
    return rights[dice(std::size(rights))];
  }
  void protect_common() {
    const Pages which = some(sizes_.common);
    static_cast<void>(
        do_mprotect<A>(mm(), at(any_region(), which.first), which.nr * page_size, any_rights()));
  }
  void give_back_common() {
    const Pages which = some(sizes_.common);
    static_cast<void>(
        do_madvise_dontneed<A>(mm(), at(any_region(), which.first), which.nr * page_size));
  }
  void give_back_a_table() {
    static_cast<void>(do_madvise_dontneed<A>(mm(), at(any_region(), 0), pmd_size));
  }
  // To the same place in the next region.
  void move_common() {
    const Pages which = some(sizes_.common);
    const unsigned from = any_region(), to = (from + 1) % wide;
    move(at(from, which.first), which.nr, at(to, which.first));
  }
  std::int64_t move(vaddr_t from, std::uint64_t pages, vaddr_t to) {
    return do_mremap<A>(mm(), {.old_address = from,
                               .old_length = pages * page_size,
                               .new_length = pages * page_size,
                               .may_move = true,
                               .fixed = true,
                               .new_address = to});
  }
  void dont_fork() {
    const Pages which = some(sizes_.common);
    const std::uint32_t flag = dice(2) == 0 ? VM_DONTCOPY : VM_WIPEONFORK;
    const bool on = dice(2) == 0;
    static_cast<void>(do_madvise_flags<A>(mm(), at(any_region(), which.first), which.nr * page_size,
                                          on ? flag : 0, on ? 0 : flag));
  }

  // Advice that keeps what is there or takes it away whole, guards, locked memory.
  void advise_common() {
    const Pages which = some(sizes_.common);
    const vaddr_t start = at(any_region(), which.first);
    const std::uint64_t length = which.nr * page_size;
    switch (dice(8)) {
      case 0: static_cast<void>(do_madvise_free<A>(mm(), start, length)); break;
      case 1: static_cast<void>(do_madvise_cold<A>(mm(), start, length)); break;
      case 2: static_cast<void>(do_madvise_populate<A>(mm(), start, length, dice(2) == 0)); break;
      case 3: static_cast<void>(do_madvise_guard<A>(mm(), start, length, true)); break;
      case 4: static_cast<void>(do_madvise_guard<A>(mm(), start, length, false)); break;
      case 5: static_cast<void>(do_mlock<A>(mm(), start, length)); break;
      case 6: static_cast<void>(do_munlock<A>(mm(), start, length)); break;
      default:
        static_cast<void>(do_madvise_remove<A>(mm(), at(shared_file, which.first), length));
        break;
    }
  }
  // From the next fault on, if the machine has a run of frames that long.
  void huge_or_not() {
    const bool on = dice(3) != 0;
    static_cast<void>(do_madvise_flags<A>(mm(), at(any_region(), 0), pmd_size,
                                          on ? VM_HUGEPAGE : VM_NOHUGEPAGE,
                                          on ? VM_NOHUGEPAGE : VM_HUGEPAGE));
  }

  // ---- wide, files, heap ------------------------------------------------------------------------

  void use_wide() {
    switch (dice(4)) {
      case 0: map_at(mm(), at(wide, 0), sizes_.wide, nullptr, 0); break;
      case 1:
        static_cast<void>(do_madvise_dontneed<A>(mm(), at(wide, 0), sizes_.wide * page_size));
        break;
      default:
        for (std::uint64_t page = 0; page < sizes_.wide; ++page)
          page % 8 == 0 ? read(wide, page) : write(wide, page);
        break;
    }
  }
  void use_file(unsigned region, std::uint32_t flags, std::uint64_t root) {
    const std::uint64_t page = dice(sizes_.common);
    switch (dice(8)) {
      case 0: map_at(mm(), at(region, 0), sizes_.common, shared_.file, flags); break;
      case 1: static_cast<void>(do_munmap<A>(mm(), at(region, page), page_size)); break;
      case 2: static_cast<void>(do_madvise_dontneed<A>(mm(), at(region, page), page_size)); break;
      case 3:
        static_cast<void>(do_mprotect<A>(mm(), at(region, page), page_size, any_rights()));
        break;
      case 4:
      case 5: write(region, page, root); break;
      default: read(region, page, true); break;
    }
  }
  void use_shared_file() { use_file(shared_file, VM_SHARED, file_root); }
  void use_private_file() { use_file(private_file, 0, here_->root + 1); }
  void use_heap() {
    const std::uint64_t page = dice(sizes_.common);
    if (dice(2) == 0) static_cast<void>(do_brk<A>(mm(), at(heap, dice(sizes_.common + 1))));
    dice(2) == 0 ? write(heap, page) : read(heap, page);
  }

  // ---- pages of this CPU ------------------------------------------------------------------------

  [[nodiscard]] OwnPages& mine() { return here_->own; }
  void judge(std::uint64_t page, bool write, AccessResult result) {
    if (!mine().allows(page, write, result))
      complain("wrong_fault", own_at(page),
               result == AccessResult::done ? "allowed, last written" : "denied, last written",
               mine().at(page).value);
  }
  void write_own() {
    const std::uint64_t page = dice(sizes_.own), value = value_for(here_->root + 1, page);
    const AccessResult result = user_write<A>(mm(), own_at(page), value);
    judge(page, true, result);
    if (result == AccessResult::done) mine().wrote(page, value);
  }
  void read_own() {
    const std::uint64_t page = dice(sizes_.own);
    std::uint64_t seen = 0;
    const AccessResult result = user_read<A>(mm(), own_at(page), seen);
    judge(page, false, result);
    if (result == AccessResult::done && !mine().is_value(page, seen))
      complain("wrong_value", own_at(page), "reads of its own", seen);
  }
  void map_own() {
    const Pages which = some(sizes_.own);
    const auto va = static_cast<std::int64_t>(own_at(which.first));
    const std::int64_t result = do_mmap<A>(mm(), {.address = own_at(which.first),
                                                  .length = which.nr * page_size,
                                                  .flags = VM_READ | VM_WRITE,
                                                  .fixed = true});
    mine().mapped(which.first, which.nr, result == va);
  }
  void unmap_own() {
    const Pages which = some(sizes_.own);
    const auto result = do_munmap<A>(mm(), own_at(which.first), which.nr * page_size);
    mine().unmapped(which.first, which.nr, result == 0);
  }
  void protect_own() {
    const Pages which = some(sizes_.own);
    const std::uint32_t rights = any_rights();
    const auto result = do_mprotect<A>(mm(), own_at(which.first), which.nr * page_size, rights);
    mine().protected_as(which.first, which.nr, rights, result == 0);
  }
  void give_back_own() {
    const Pages which = some(sizes_.own);
    static_cast<void>(do_madvise_dontneed<A>(mm(), own_at(which.first), which.nr * page_size));
    mine().given_back(which.first, which.nr);
  }
  void move_own() {
    const std::uint64_t half = sizes_.own / 2;
    Pages which = some(half);
    std::uint64_t to = half + which.first;
    if (dice(2) == 0) std::swap(which.first, to);
    const std::int64_t result = move(own_at(which.first), which.nr, own_at(to));
    mine().moved(which.first, which.nr, to, result > 0);
  }

  // ---- swap, userfaultfd ------------------------------------------------------------------------

  // What goes out comes back as it was.
  void swap_out(vaddr_t va) { static_cast<void>(swap_out_page<A>(mm(), va)); }
  void swap_out_common() { swap_out(at(any_region(), dice(sizes_.common))); }
  void swap_out_own() { swap_out(own_at(dice(sizes_.own))); }

  void register_some(vaddr_t start, std::uint64_t pages) {
    const std::uint32_t modes = dice(2) == 0 ? VM_UFFD_WP : VM_UFFD_WP | VM_UFFD_MISSING;
    if (dice(3) != 0)
      static_cast<void>(do_uffd_register<A>(mm(), start, pages * page_size, modes));
    else
      static_cast<void>(do_uffd_unregister<A>(mm(), start, pages * page_size));
  }
  void write_protect_some(vaddr_t start, std::uint64_t pages) {
    static_cast<void>(do_uffd_writeprotect<A>(mm(), start, pages * page_size, dice(2) == 0));
  }
  void uffd_common() {
    const Pages which = some(sizes_.common);
    const unsigned region = any_region();
    const vaddr_t start = at(region, which.first);
    switch (dice(5)) {
      case 0: register_some(start, which.nr); break;
      case 1: write_protect_some(start, which.nr); break;
      case 2: static_cast<void>(do_uffd_zeropage<A>(mm(), start, which.nr * page_size)); break;
      case 3:  // its own place in another region, so the value is at home there too
        static_cast<void>(
            do_uffd_copy<A>(mm(), at((region + 1) % wide, which.first), page_size, start));
        break;
      default:
        static_cast<void>(
            do_uffd_move<A>(mm(), at((region + 1) % wide, which.first), start, page_size));
        break;
    }
  }
  // Marks and fills change no value that is there; copy and move bring one to an empty place.
  void uffd_own() {
    const Pages which = some(sizes_.own);
    const std::uint64_t from = dice(sizes_.own);
    const vaddr_t start = own_at(which.first);
    switch (dice(5)) {
      case 0: register_some(start, which.nr); break;
      case 1: write_protect_some(start, which.nr); break;
      case 2: static_cast<void>(do_uffd_zeropage<A>(mm(), start, which.nr * page_size)); break;
      case 3:
        if (do_uffd_copy<A>(mm(), start, page_size, own_at(from)) == 0)
          mine().filled(which.first, from, true);
        break;
      default:
        if (do_uffd_move<A>(mm(), start, own_at(from), page_size) == 0)
          mine().filled(which.first, from, false);
        break;
    }
  }

  // ---- pins -------------------------------------------------------------------------------------

  // A device reads or writes what the program sees, as long as the program has not given the page
  // up: through forks too, of which only the parent keeps the page.
  struct Pin {
    Space* space;
    std::uint64_t page;
    std::uint32_t life;
    bool for_write;
    struct page* frame;
  };
  static constexpr std::size_t most_pins = 4;

  static std::uint64_t& first_word(struct page* frame) {
    return *static_cast<std::uint64_t*>(frame->frame);
  }
  void pin_common() {
    const std::uint64_t page = dice(sizes_.common);
    const unsigned region = any_region();
    const GupFlags flags = dice(2) == 0 ? FOLL_PIN : FOLL_PIN | FOLL_WRITE;
    struct page* frame = nullptr;
    if (get_user_pages_fast<A>(mm(), at(region, page), 1, flags, &frame) != 1) return;
    const std::uint64_t seen = read_once(first_word(frame));
    if (seen != 0 && ((seen >> 16 & 0xffff) != page || !from_here(seen)))
      complain("wrong_value", at(region, page), "has pinned", seen);
    unpin_user_page(frame);
  }
  void pin_own() {
    if (pins_.size() == most_pins) return;
    const std::uint64_t page = dice(sizes_.own);
    const bool for_write = dice(2) == 0;
    const GupFlags flags = for_write ? FOLL_PIN | FOLL_WRITE : FOLL_PIN;
    struct page* frame = nullptr;
    if (get_user_pages_fast<A>(mm(), own_at(page), 1, flags, &frame) != 1) return;
    // The zero page is not kept: the first write replaces it.
    if (page_test(frame, PG_reserved)) return unpin_user_page(frame);
    pins_.push_back({here_, page, mine().at(page).life, for_write, frame});
  }
  void use_pin() {
    if (pins_.empty()) return;
    const Pin& pin = pins_[dice(pins_.size())];
    OwnPages& own = pin.space->own;
    if (own.at(pin.page).life != pin.life) return;
    const std::uint64_t seen = read_once(first_word(pin.frame));
    if (!own.is_value(pin.page, seen))
      complain("wrong_value", own_at(pin.page), "the device reads", seen);
    if (!pin.for_write) return;
    const std::uint64_t value = value_of(*pin.space, pin.space->root + 1, pin.page);
    write_once(first_word(pin.frame), value);
    own.wrote(pin.page, value);
  }
  void unpin_last() {
    unpin_user_page(pins_.back().frame);
    pins_.pop_back();
  }
  void unpin_one() {
    if (pins_.empty()) return;
    std::swap(pins_[dice(pins_.size())], pins_.back());
    unpin_last();
  }
  void unpin_all_of(const Space& space) {
    for (const Pin& pin : pins_)
      if (pin.space == &space) unpin_user_page(pin.frame);
    std::erase_if(pins_, [&](const Pin& pin) { return pin.space == &space; });
  }

  // ---- processes --------------------------------------------------------------------------------

  // What the child has of the CPU's own pages is what the parent had: nobody else changed them.
  void fork() {
    if (here_->lineage.back() != 0 || children_.size() >= 2) return;
    mm_struct* child = dup_mm<A>(mm());
    if (child == nullptr) return;
    Space space = *here_;
    space.mm = child;
    space.lineage = {child->id, here_->lineage[0], here_->lineage[1]};
    children_.push_back(std::make_unique<Space>(std::move(space)));
    here_ = children_.back().get();
  }
  void end_child() {
    if (children_.empty()) return;
    // It stays in the list until it is over: what only the stack owned would be lost where an
    // execution is abandoned.
    const Space& last = *children_.back();
    unpin_all_of(last);
    here_ = children_.size() == 1 ? &roots_[last.root] : children_[children_.size() - 2].get();
    use_mm<A>(mm());
    mmput<A>(*last.mm);
    children_.pop_back();
  }
  void change_space() {
    const std::uint64_t to = dice(roots_.size() + children_.size());
    here_ = to < roots_.size() ? &roots_[to] : children_[to - roots_.size()].get();
  }
  void sleep() {
    unuse_mm<A>();
    cpu_event(CpuEvent::tick);
    lab_->stall();
  }

  const Shared& shared_;
  const Sizes& sizes_;
  unsigned cpu_;
  Lab<A>* lab_ = nullptr;
  std::vector<Space> roots_;
  std::vector<std::unique_ptr<Space>> children_;
  std::vector<Pin> pins_;
  Space* here_ = nullptr;
  std::uint64_t count_ = 0;
};

}  // namespace mixed

struct mixed_workload {
  static constexpr ScenarioInfo info{
      .name = "mixed",
      .thread = "-",
      .line = "nothing goes wrong while every CPU does at random whatever a program can do",
      .real_threads = "yes",
      .cpus = 4,
      .least_cpus = 1,
      .explored_cpus = 2,
      .fail_alloc = "rate=0.01",
  };

  template <ArchBackend A>
  class Body {
   public:
    void setup(Lab<A>& lab) {
      if (lab.round() != 0) return;
      shared_.sizes = lab.explored() ? mixed::explored : mixed::on_threads;
      shared_.file = file_create();
      static_cast<void>(swapon(shared_.sizes.swap_slots));
      shared_.roots = {&lab.mm()};
      while (shared_.roots.size() < shared_.sizes.roots) shared_.roots.push_back(another(lab.mm()));
      vm_bug_on(shared_.file == nullptr, "no_memory_for_the_machine");
      for (mm_struct* mm : shared_.roots) mixed::Cpu<A>::map_everything(shared_, nr_cpu_ids(), *mm);
      for (unsigned cpu = 0; cpu < nr_cpu_ids(); ++cpu) cpus_.emplace_back(shared_, cpu);
    }
    [[nodiscard]] std::vector<vaddr_t> addresses() const {
      return mixed::used_pages(shared_.sizes, nr_cpu_ids());
    }
    void act(Lab<A>& lab, unsigned) { cpus_[smp_processor_id()].work(lab); }
    void teardown(Lab<A>&) {
      for (std::size_t root = 1; root < shared_.roots.size(); ++root)
        mmput<A>(*shared_.roots[root]);
      put_file(*shared_.file);
    }

   private:
    static mm_struct* another(const mm_struct& like) {
      mm_struct* mm = mm_alloc<A>(like.top_level);
      vm_bug_on(mm == nullptr, "no_memory_for_the_machine");
      mm->fixes = like.fixes;
      return mm;
    }

    mixed::Shared shared_;
    std::vector<mixed::Cpu<A>> cpus_;
  };
};

}  // namespace tlblab::inline TLBLAB_WORLD
