// SPDX-License-Identifier: GPL-2.0-or-later
// Names for the words of an explored machine, as a kernel developer would write them:
// mm->tlb_flush_pending, pte[0x4000], page 3 refcount, ptl[0x200000], cpu1.loaded_mm. mm and arch
// know nothing of it. Looked up when an execution is recorded, so it may be slow.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include "harness/explore/recorder.h"
#include "mm/mm.h"

namespace tlblab::inline TLBLAB_WORLD {

template <ArchBackend A>
class WordNames final : public Namer {
 public:
  WordNames(std::uint64_t frames, unsigned cpus) noexcept : frames_(frames), cpus_(cpus) {}

  // The machine is up and this is the mm that the scenario is about.
  void use(mm_struct& mm) noexcept { mm_ = &mm; }
  void add(const void* begin, std::size_t bytes, WordName name) {
    ranges_.push_back({static_cast<const std::byte*>(begin), bytes, std::move(name)});
  }

  [[nodiscard]] WordName word(const void* address) override {
    for (const Range& range : ranges_)
      if (contains(range.begin, range.bytes, address)) return range.name;
    if (mm_ == nullptr) return {};
    if (contains(mem_map, sizeof(page) * frames_, address)) return page_word(address);
    if (contains(mm_, context_offset + context_type_of<A>().bytes, address))
      return {.text = "mm->" + mm_word(address), .minor = is_minor(address)};
    for (const vm_area_struct& vma : areas())
      if (contains(&vma, sizeof vma, address))
        return {.text = area_word(vma, address),
                .minor = contains(&vma.remembered, sizeof vma.remembered, address)};
    for (const vm_area_struct& vma : areas())
      if (const anon_vma* av = vma.anon_vma.load(order::relaxed);
          av != nullptr && contains(av, sizeof *av, address))
        return {.text = anon_word(vma, *av, address),
                .minor = contains(&av->refcount, sizeof av->refcount, address)};
    for (const vm_area_struct& vma : areas())
      if (const address_space* file = vma.vm_file;
          file != nullptr && contains(file, sizeof *file, address))
        return file_word(*file, address);
    // Late: what is in no table is looked for in all of them.
    if (WordName name = table_word(address); !name.text.empty()) return name;
    return {cpu_word(address)};
  }

  [[nodiscard]] std::string entry(std::uint64_t value) override {
    const pte_t pte{value};
    if (A::pte_none(pte)) return "none";
    if (!A::pte_present(pte) && !A::pmd_leaf(pte)) return "not present";
    const pfn_t pfn = A::pte_pfn(pte);
    if (pfn < frames_ && pfn_to_page(pfn)->table != nullptr) return fmt::format("table {}", pfn);
    std::string flags;
    const auto flag = [&](bool set, const char* name) {
      if (set) flags += (flags.empty() ? "" : ",") + std::string(name);
    };
    flag(A::pte_young(pte), "a");
    flag(A::pte_write(pte), "w");
    flag(A::pte_dirty(pte), "d");
    return (pfn == 0 ? "zero page" : fmt::format("page {}", pfn)) + "{" + flags + "}";
  }

  [[nodiscard]] std::string flags(std::uint64_t bits) override {
    std::string names;
    for (const auto& [flag, name] : page_flag_names)
      if ((bits & flag) != 0) names += (names.empty() ? "" : ",") + std::string(name);
    return names;
  }

  [[nodiscard]] std::string object(const void* address) override {
    if (mm_ == nullptr) return {};
    if (address == mm_) return "mm";
    if (contains(mem_map, sizeof(page) * frames_, address))
      return fmt::format("page {}", static_cast<const page*>(address)->pfn);
    if (address == &A::init_mm()) return "init_mm";
    for (const vm_area_struct& vma : areas()) {
      if (address == &vma) return area_name(vma);
      if (address == vma.anon_vma.load(order::relaxed)) return anon_name(vma);
    }
    return {};
  }

  // When the mm goes its areas go first, one by one, and cannot be looked through; then the rest.
  [[nodiscard]] bool goes_on(const trace_event& what) override {
    if (mm_ == nullptr || what.mm != mm_->id) return true;
    const bool exits = what.a == static_cast<std::uint64_t>(MmCall::exit_mmap);
    if (exits && what.kind == EventKind::call_begin) has_areas_ = false;
    return !(exits && what.kind == EventKind::call_end);
  }

 private:
  [[nodiscard]] const vma_tree& areas() const noexcept {
    static const vma_tree none;
    return has_areas_ ? mm_->vmas : none;
  }
  struct Range {
    const std::byte* begin;
    std::size_t bytes;
    WordName name;
  };
  static bool contains(const void* begin, std::size_t bytes, const void* address) noexcept {
    const auto* first = static_cast<const std::byte*>(begin);
    const auto* at = static_cast<const std::byte*>(address);
    return at >= first && at < first + bytes;
  }
  // In bytes; begin is not behind the address.
  static std::size_t offset(const void* begin, const void* address) noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(address) -
                                    static_cast<const std::byte*>(begin));
  }
  // The first member that contains the address.
  struct Member {
    const void* begin;
    std::size_t bytes;
    const char* name;
  };
  template <std::size_t N>
  static const char* member(const Member (&members)[N], const void* address) noexcept {
    for (const Member& one : members)
      if (contains(one.begin, one.bytes, address)) return one.name;
    return "?";
  }

  static std::string area_name(const vm_area_struct& vma) {
    return fmt::format("vma[{:#x}]", vma.vm_start);
  }
  static std::string area_word(const vm_area_struct& vma, const void* address) {
    const Member members[]{{&vma.anon_vma, sizeof vma.anon_vma, "anon_vma"},
                           {&vma.vm_refcnt, sizeof vma.vm_refcnt, "vm_refcnt"},
                           {&vma.vm_lock_seq, sizeof vma.vm_lock_seq, "vm_lock_seq"},
                           {&vma.vm_flags, sizeof vma.vm_flags, "vm_flags"},
                           {&vma.remembered, sizeof vma.remembered, "remembered"}};
    return area_name(vma) + "->" + member(members, address);
  }

  static WordName file_word(const address_space& file, const void* address) {
    const Member members[]{{&file.i_mmap_rwsem, sizeof file.i_mmap_rwsem, "i_mmap_rwsem"},
                           {&file.device_lock, sizeof file.device_lock, "device_lock"},
                           {&file.lock, sizeof file.lock, "lock"}};
    return {.text = std::string("file->") + member(members, address),
            .minor = contains(&file.lock, sizeof file.lock, address)};
  }

  // By the first area that has it as its own.
  static std::string anon_name(const vm_area_struct& vma) {
    return fmt::format("anon_vma[{:#x}]", vma.vm_start);
  }
  static std::string anon_word(const vm_area_struct& vma, const anon_vma& av, const void* address) {
    const Member members[]{{&av.rwsem, sizeof av.rwsem, "rwsem"},
                           {&av.refcount, sizeof av.refcount, "refcount"}};
    return anon_name(vma) + "->" + member(members, address);
  }

  std::string mm_word(const void* address) const {
    const mm_struct& mm = *mm_;
    if (contains(raw_context_of(*mm_), context_type_of<A>().bytes, address))
      return "context" + context_word(address);
    const Member members[]{
        {&mm.mmap_lock, sizeof mm.mmap_lock, "mmap_lock"},
        {&mm.mm_lock_seq, sizeof mm.mm_lock_seq, "mm_lock_seq"},
        {&mm.vma_slots, sizeof mm.vma_slots, "vma_slots"},
        {&mm.page_table_lock, sizeof mm.page_table_lock, "page_table_lock"},
        {&mm.pgtables, sizeof mm.pgtables, "pgtables"},
        {&mm.rss, sizeof mm.rss, "rss"},
        {&mm.cpu_bitmap, sizeof mm.cpu_bitmap, "cpu_bitmap"},
        {&mm.tlb_flush_pending, sizeof mm.tlb_flush_pending, "tlb_flush_pending"},
        {&mm.tlb_flush_batched, sizeof mm.tlb_flush_batched, "tlb_flush_batched"},
        {&mm.write_protect_seq, sizeof mm.write_protect_seq, "write_protect_seq"},
        {&mm.has_pinned, sizeof mm.has_pinned, "has_pinned"}};
    return member(members, address);
  }
  // Counts that nobody acts on, and where faults look first.
  bool is_minor(const void* address) const {
    return contains(&mm_->pgtables, sizeof mm_->pgtables, address) ||
           contains(&mm_->rss, sizeof mm_->rss, address) ||
           contains(&mm_->vma_slots, sizeof mm_->vma_slots, address);
  }
  std::string context_word(const void* address) const {
    if (const char* name = arch_context_word<A>(*mm_, address)) return std::string(".") + name;
    return "";
  }

  WordName page_word(const void* address) {
    const page& p = mem_map[offset(mem_map, address) / sizeof(page)];
    if (contains(&p.ptl, sizeof p.ptl, address)) return {lock_name(p)};
    const void* head = static_cast<const void*>(&p.head);
    const Member members[]{{&p.refcount, sizeof p.refcount, "refcount"},
                           {&p.mapcount, sizeof p.mapcount, "mapcount"},
                           {&p.entire_mapcount, sizeof p.entire_mapcount, "entire_mapcount"},
                           {&p.large_mapcount, sizeof p.large_mapcount, "large_mapcount"},
                           {&p.pincount, sizeof p.pincount, "pincount"},
                           {&p.flags, sizeof p.flags, "flags"},
                           {&p.generation, sizeof p.generation, "generation"},
                           {&p.swap_entry, sizeof p.swap_entry, "swap_entry"},
                           {&p.anon_vma, sizeof p.anon_vma, "anon_vma"},
                           {&p.shadow, sizeof p.shadow, "shadow"},
                           {head, sizeof(page*), "head"},
                           {&p.index, sizeof p.index, "index"}};
    return {.text = fmt::format("page {} {}", p.pfn, member(members, address)),
            .minor = address == head || address == &p.index,
            .account = true,
            .flags = contains(&p.flags, sizeof p.flags, address)};
  }

  // By the addresses that the table serves, as long as it serves any.
  std::string lock_name(const page& table) {
    vaddr_t base = 0;
    if (!find_base(table, base)) return fmt::format("ptl of table {}", table.pfn);
    return fmt::format("{}ptl[{:#x}]", table.level == 0 ? "" : "pmd_", base);
  }

  WordName table_word(const void* address) {
    if (in_data(last_data_, address)) return {};
    const auto search = [&](pfn_t& last, bool (*in)(pfn_t, const void*)) {
      if (!in(last, address)) last = 0;
      while (last < frames_ && !in(last, address)) ++last;
      if (last == frames_) last = 0;
      return last != 0;
    };
    if (!search(last_table_, in_table)) {
      static_cast<void>(search(last_data_, in_data));
      return {};
    }
    const page& p = *pfn_to_page(last_table_);
    const std::uint64_t index = offset(p.table, address) / sizeof p.table->entry[0];
    vaddr_t base = 0;
    if (!find_base(p, base)) return {fmt::format("table {}[{}]", last_table_, index), true};
    static constexpr const char* levels[]{"pte", "pmd", "pud", "p4d", "pgd"};
    const char* level = p.level == mm_->top_level ? "pgd" : levels[p.level];
    return {fmt::format("{}[{:#x}]", level, base + index * level_size(p.level)), true};
  }
  static bool in_table(pfn_t pfn, const void* address) {
    const page_table* table = pfn_to_page(pfn)->table;
    return table != nullptr && contains(table, sizeof *table, address);
  }
  static bool is_live(const page& folio) { return folio.refcount.load(order::relaxed) != 0; }
  static bool in_data(pfn_t pfn, const void* address) {
    const page& p = *pfn_to_page(pfn);
    return p.table == nullptr && p.frame != nullptr && is_live(*folio_of(&p)) &&
           contains(p.frame, page_size, address);
  }

  // The first address that a table of the mm serves.
  bool find_base(const page& table, vaddr_t& base) const {
    return mm_->pgd != nullptr && find_below(*mm_->pgd, table, base);
  }
  bool find_below(const page& upper, const page& table, vaddr_t& base) const {
    if (&upper == &table) return true;
    if (upper.level <= table.level || upper.table == nullptr) return false;
    const vaddr_t start = base;
    for (unsigned index = 0; index < ptrs_per_table; ++index) {
      const page* lower = table_below<A>({upper.table->entry[index].load(order::relaxed)});
      if (lower == nullptr) continue;
      base = start + index * level_size(upper.level);
      if (find_below(*lower, table, base)) return true;
    }
    base = start;
    return false;
  }

  std::string cpu_word(const void* address) const {
    for (unsigned id = 0; id < cpus_; ++id)
      if (const char* name = arch_cpu_word<A>(id, address))
        return fmt::format("cpu{}.{}", id, name);
    return {};
  }

  static constexpr std::pair<std::uint32_t, const char*> page_flag_names[]{
      {PG_anon, "anon"},
      {PG_anon_exclusive, "anon_exclusive"},
      {PG_dirty, "dirty"},
      {PG_reserved, "reserved"},
      {PG_table, "table"},
      {PG_swapbacked, "swapbacked"},
      {PG_writeback, "writeback"},
      {PG_swapcache, "swapcache"},
      {PG_referenced, "referenced"},
      {PG_active, "active"},
      {PG_uptodate, "uptodate"},
      {PG_locked, "locked"},
      {PG_isolated, "isolated"},
      {PG_ksm, "ksm"},
  };

  std::uint64_t frames_;
  pfn_t last_table_ = 0;  // that was named; 0 is none
  pfn_t last_data_ = 0;   // that is not to be looked for among tables
  unsigned cpus_;
  mm_struct* mm_ = nullptr;
  bool has_areas_ = true;
  std::vector<Range> ranges_;
};

}  // namespace tlblab::inline TLBLAB_WORLD
