// SPDX-License-Identifier: GPL-2.0-or-later
// The data of the memory manager: frames, page tables, areas, address spaces. Data only; who may
// change what under which lock stands beside each field. Kernel files: mm_types.h, page-flags.h.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "mm/fixes.h"
#include "mm/types.h"
#include "mm/world.h"

namespace tlblab::inline TLBLAB_WORLD {

struct address_space;
struct mm_struct;
struct vm_area_struct;

// ---- frames -------------------------------------------------------------------------------------

enum page_flag : std::uint32_t {
  PG_anon = 1U << 0,
  PG_anon_exclusive = 1U << 1,  // mapped by one mm only, which may write without a copy
  PG_dirty = 1U << 2,
  PG_reserved = 1U << 3,  // the zero page: never counted, never freed
  PG_table = 1U << 4,
  PG_swapbacked = 1U << 5,  // anonymous and not given up by MADV_FREE: reclaim must write it out
  PG_writeback = 1U << 6,   // its contents are on their way to the file
  PG_swapcache =
      1U << 7,  // page::swap_entry names a slot that holds, or will hold, the same contents
  PG_referenced = 1U << 8,  // used since reclaim looked last
  PG_active = 1U << 9,
  PG_uptodate = 1U << 10,  // a page of a file that has been read or written
  PG_locked = 1U << 11,    // lock_page: who holds it may change what the page is to its file
  PG_isolated = 1U << 12,  // on the list of one reclaimer
  PG_ksm = 1U << 13,       // with PG_anon: one page for all places of the same contents (ksm.h)
};

inline constexpr unsigned ptrs_per_table = 512;

// A page table. Its words are what hardware walkers read; software changes them under the lock of
// the table (page::ptl) or, for levels above the PMD, under mm_struct::page_table_lock.
struct page_table {
  Atomic<std::uint64_t> entry[ptrs_per_table];
};

// How often a table's slots took something away that a TLB may hold (a frame, a right): kept by
// whoever listens to pte_change, and read by walkers to label what they fill. Written under the
// lock that protects the slot, after the slot; a walker takes a value only if the slot's stamp was
// the same before and after it, so a label is never newer than the value and at most one change
// older. Counts go on when the frame is a table again.
struct table_shadow {
  Atomic<std::uint32_t> changes{0};             // of the whole table
  Atomic<std::uint32_t> stamp[ptrs_per_table];  // `changes` at the last one of each slot
};

// One frame. struct page of Linux, with the counts of a folio; a large folio is a run of them. What every
// zap, free and allocation touches lies in its first cache line.
struct alignas(64) page {
  Atomic<int> refcount{0};
  Atomic<int> mapcount{0};  // PTEs that map it; changed under the PTL of that PTE
  // Of the head of a folio of more than one page: PMDs that map the whole of it; and all mappings
  // of it, PMDs and the PTEs of its pages.
  Atomic<int> entire_mapcount{0};
  Atomic<int> large_mapcount{0};
  Atomic<int> pincount{0};
  Atomic<std::uint32_t> flags{0};       // page_flag
  Atomic<std::uint32_t> generation{0};  // grows when the frame is freed: a stale holder can tell
  unsigned order = 0;                   // of a head: the folio has 1 << order pages
  pfn_t pfn = 0;
  void* frame = nullptr;  // its 4 KiB on the host
  page* head = nullptr;  // the first page of its folio; its own descriptor if the folio is one page
  page* next_free = nullptr;
  // The file it belongs to and where, set before the page is first mapped; null again, under the
  // page lock, when the file has dropped it.
  address_space* mapping = nullptr;
  std::uint64_t index = 0;
  // With PG_anon: through which the areas that map it are found (anon_vma.h), and index is its place
  // in them. Changed under the PTL of its only mapping; means nothing while no entry maps it.
  Atomic<struct anon_vma*> anon_vma{nullptr};
  Atomic<std::uint64_t> swap_entry{0};  // with PG_swapcache: the slot
  union {
    page* next_isolated = nullptr;  // with PG_isolated: its reclaimer's
    page* pmd_huge_pte;             // of PMDs: tables deposited for huge entries, under ptl
  };
  // If it is a table:
  page_table* table = nullptr;
  Spinlock ptl;
  unsigned level = 0;                     // 0: PTEs
  Atomic<table_shadow*> shadow{nullptr};  // the listener's; null: none, or nothing happened yet
};

// The folio that a page belongs to: who counts references and pins, and has the flags but for
// PG_anon_exclusive, is its head. Stays while the caller has a reference. Kernel: page_folio.
template <class Page>
[[nodiscard]] Page* folio_of(Page* p) noexcept {
  return read_once(p->head);
}
[[nodiscard]] inline unsigned folio_order(const page* folio) noexcept {
  return read_once(folio->order);
}

// One descriptor per frame of the machine, by pfn. Frame 0 is the zero page.
extern page* mem_map;
[[nodiscard]] inline page* pfn_to_page(pfn_t pfn) noexcept { return mem_map + pfn; }
[[nodiscard]] inline page* zero_page() noexcept { return mem_map; }

// ---- areas --------------------------------------------------------------------------------------

enum vm_flag : std::uint32_t {
  VM_READ = 1U << 0,
  VM_WRITE = 1U << 1,
  VM_EXEC = 1U << 2,
  VM_SHARED = 1U << 3,
  VM_GROWSDOWN = 1U << 4,
  VM_PFNMAP = 1U << 5,
  VM_HUGETLB = 1U << 6,
  VM_DONTCOPY = 1U << 7,
  VM_WIPEONFORK = 1U << 8,
  VM_LOCKED = 1U << 9,
  VM_HUGEPAGE = 1U << 10,  // MADV_HUGEPAGE, MADV_NOHUGEPAGE
  VM_NOHUGEPAGE = 1U << 11,
  VM_MERGEABLE = 1U << 12,
  VM_UFFD_MISSING = 1U << 13,
  VM_UFFD_WP = 1U << 14,
  VM_SEQ_READ = 1U << 15,
  VM_NORESERVE = 1U << 16,
  VM_SOFTDIRTY = 1U << 17,  // every page counts as written since clear_refs (soft_dirty.h)
};
inline constexpr std::uint32_t vm_access_flags = VM_READ | VM_WRITE | VM_EXEC;

// The areas that share anonymous pages, and an area's place among them: anon_vma.h.
struct anon_vma_rcu {
  rcu_head head;
  struct anon_vma* anon_vma = nullptr;
};
struct anon_vma_chain {
  vm_area_struct* vma = nullptr;
  struct anon_vma* anon_vma = nullptr;
  boost::intrusive::list_member_hook<> same_vma;   // under mmap_lock
  boost::intrusive::list_member_hook<> same_anon;  // under the root's rwsem
};
template <boost::intrusive::list_member_hook<> anon_vma_chain::* hook>
using anon_vma_chains = boost::intrusive::list<
    anon_vma_chain,
    boost::intrusive::member_hook<anon_vma_chain, boost::intrusive::list_member_hook<>, hook>>;
using chains_of_area = anon_vma_chains<&anon_vma_chain::same_vma>;
struct anon_vma {
  struct anon_vma* root = nullptr;    // its own address, or the first parent's
  struct anon_vma* parent = nullptr;  // likewise
  RwSem rwsem;                        // the root's is taken
  Atomic<int> refcount{1};            // areas linked count together as one; of a root, its family
  // Under the root's rwsem. The kernel has an interval tree; areas linked later stand behind.
  anon_vma_chains<&anon_vma_chain::same_anon> areas;
  unsigned num_children = 0;     // that have it as parent, itself if it is a root
  unsigned num_active_vmas = 0;  // areas that have it as their own
  anon_vma_rcu rcu;
};

// Gives the area's memory back after a grace period.
struct vma_rcu {
  rcu_head head;
  vm_area_struct* vma = nullptr;
};

// Changed under mmap_lock for writing and vma_start_write; read under mmap_lock or the area's lock.
// vm_file holds a reference on the address_space.
struct vm_area_struct : boost::intrusive::set_base_hook<> {
  vaddr_t vm_start = 0;
  vaddr_t vm_end = 0;
  std::uint32_t vm_flags = 0;
  mm_struct* vm_mm = nullptr;
  address_space* vm_file = nullptr;  // null: private anonymous memory
  std::uint64_t vm_pgoff = 0;        // of vm_start, in pages
  // In address_space::i_mmap while the area is linked; vm_start, vm_end and vm_pgoff of a linked
  // area change under i_mmap_rwsem for writing too.
  boost::intrusive::list_member_hook<> shared;
  // Not null: an anonymous page may be here, fork must look at the tables. Set under mmap_lock and
  // page_table_lock, by the first fault; null again under mmap_lock for writing.
  Atomic<struct anon_vma*> anon_vma{nullptr};
  chains_of_area anon_vma_chain;

  // vma_lock.h: faults inside, and a bit of the writer.
  Atomic<unsigned> vm_refcnt{0};
  // Write-locked if it is the mm's mm_lock_seq. Changed under mmap_lock for writing.
  Atomic<unsigned> vm_lock_seq{0};
  // It is in a slot of the mm, or was. Set under mmap_lock for reading.
  Atomic<bool> remembered{false};
  vma_rcu rcu;
};

struct vma_order {
  using type = vaddr_t;
  vaddr_t operator()(const vm_area_struct& vma) const noexcept { return vma.vm_start; }
};
using vma_tree = boost::intrusive::set<vm_area_struct, boost::intrusive::key_of_value<vma_order>>;

// ---- address spaces -----------------------------------------------------------------------------

// Where flushes are due, roughly: how many in each block of addresses, and how many in ranges of too many
// blocks. Blocks share counters, so an answer may be yes for nothing. With pending-filter only.
struct pending_blocks {
  static constexpr unsigned nr = 16;
  static constexpr unsigned shift = 21;     // a block: what a table of PTEs maps
  static constexpr std::uint64_t most = 8;  // blocks that are counted one by one
  Atomic<int> everywhere{0};
  Atomic<int> of_block[nr];
};

struct mm_struct {
  std::uint64_t id = 0;  // never used again: tells an mm from a later one at the same address
  page* pgd = nullptr;
  unsigned top_level = 3;  // level of pgd: 3 with four levels of tables, 4 with five
  vaddr_t task_size = 0;   // first address that is not the program's

  // Walks and flushes on any CPU read the words above: who takes the lock would wait for that line.
  std::byte apart_from_walks[64];
  RwSem mmap_lock;  // released by mmap_write_unlock, if it was taken for writing
  // Grows with each section of mmap_lock for writing: the areas locked in it are unlocked.
  Atomic<unsigned> mm_lock_seq{1};
  // Areas where faults were handled last, by address (vma_lock.h).
  static constexpr unsigned nr_vma_slots = 16;
  Atomic<vm_area_struct*> vma_slots[nr_vma_slots];
  vma_tree vmas;  // under mmap_lock
  vaddr_t start_brk = 0, brk = 0;
  vaddr_t mmap_base = 0;

  // Protects tables above the PMD level, and the PGD's own words.
  Spinlock page_table_lock;
  // Of the mm's backend, for plain code that cuts areas: a cut at va goes through a huge entry.
  void (*split_huge_pmd)(mm_struct& mm, vaddr_t va) noexcept = nullptr;
  Atomic<long> pgtables{0};  // tables in use, the PGD not counted
  Atomic<long> rss{0};       // present data pages

  // CPUs that may have translations of this mm. What a set bit means is the backend's business.
  Atomic<std::uint64_t> cpu_bitmap[cpumask::words];

  // Gathers (and others that change PTEs before they flush) that are open on this mm. The
  // protocol and why no barrier goes with it: tlb_flush_pending.h.
  Atomic<int> tlb_flush_pending{0};
  struct pending_blocks pending_blocks;  // written and read as the count above
  // Entries that reclaim has cleared, and how many of them are flushed; another protocol:
  // tlb_flush_batched.h.
  Atomic<std::uint32_t> tlb_flush_batched{0};

  // Odd while fork write-protects the parent's pages: GUP-fast with pins gives up then.
  SeqCount write_protect_seq;

  // A page was pinned through this mm once: only then fork looks for pins.
  Atomic<bool> has_pinned{false};

  struct fixes fixes;
};

// The parts of mm_struct::tlb_flush_batched.
inline constexpr unsigned TLB_FLUSH_BATCH_FLUSHED_SHIFT = 16;
inline constexpr std::uint32_t TLB_FLUSH_BATCH_PENDING_MASK =
    (1U << (TLB_FLUSH_BATCH_FLUSHED_SHIFT - 1)) - 1;
inline constexpr std::uint32_t TLB_FLUSH_BATCH_PENDING_LARGE = TLB_FLUSH_BATCH_PENDING_MASK / 2;

// The last id given to an mm; reset with the machine's memory.
extern Atomic<std::uint64_t> last_mm_ctx_id;

// What an architecture keeps of an mm lies right behind it.
struct context_type {
  std::size_t bytes = 0;
  void (*construct)(void* memory) noexcept = nullptr;
  void (*destroy)(void* context) noexcept = nullptr;
};

template <class A>
struct context_type context_type_of() noexcept {
  if constexpr (requires { A::context_type; }) {
    return A::context_type;
  } else {
    using Context = typename A::mm_context;
    return {sizeof(Context), [](void* memory) noexcept { new (memory) Context; },
            [](void* context) noexcept { static_cast<Context*>(context)->~Context(); }};
  }
}

inline constexpr std::size_t context_offset = (sizeof(mm_struct) + 63) / 64 * 64;

inline void* raw_context_of(mm_struct& mm) noexcept {
  return reinterpret_cast<std::byte*>(&mm) + context_offset;
}
template <class A>
typename A::mm_context& context_of(mm_struct& mm) noexcept {
  static_assert(alignof(typename A::mm_context) <= 64);
  return *std::launder(static_cast<typename A::mm_context*>(raw_context_of(mm)));
}

// Null: no memory.
template <class A>
mm_struct* create_mm() noexcept {
  const struct context_type type = context_type_of<A>();
  void* memory = kmalloc(context_offset + type.bytes, AllocSite::object);
  if (memory == nullptr) return nullptr;
  auto* mm = new (memory) mm_struct;
  type.construct(raw_context_of(*mm));
  return mm;
}
template <class A>
void destroy_mm(mm_struct& mm) noexcept {
  context_type_of<A>().destroy(raw_context_of(mm));
  mm.~mm_struct();
  kfree(&mm);
}

// ---- the set of CPUs ----------------------------------------------------------------------------

// Full order: on x86 and others the set must be visible before the CPU looks at the mm's
// generation (fidelity trap T31).
inline void mm_cpumask_set(mm_struct& mm, unsigned cpu) noexcept {
  mm.cpu_bitmap[cpu / cpumask::word_bits].fetch_or(1ULL << (cpu % cpumask::word_bits), order::full);
}
// Release: what this CPU did through the mm comes before the bit is gone; pairs with the acquire in
// mm_cpumask. Without it a flusher that skips the CPU could give a frame to its next owner while
// the last write to it is still on its way (tests/mm, everything at once).
inline void mm_cpumask_clear(mm_struct& mm, unsigned cpu) noexcept {
  mm.cpu_bitmap[cpu / cpumask::word_bits].fetch_and(~(1ULL << (cpu % cpumask::word_bits)),
                                                    order::release);
}
inline bool mm_cpumask_test(const mm_struct& mm, unsigned cpu) noexcept {
  return (mm.cpu_bitmap[cpu / cpumask::word_bits].load(order::relaxed) >>
              (cpu % cpumask::word_bits) &
          1) != 0;
}
inline cpumask mm_cpumask(const mm_struct& mm) noexcept {
  cpumask mask;
  const unsigned used = (nr_cpu_ids() + cpumask::word_bits - 1) / cpumask::word_bits;
  for (unsigned w = 0; w < used; ++w) mask.set_word(w, mm.cpu_bitmap[w].load(order::acquire));
  return mask;
}

}  // namespace tlblab::inline TLBLAB_WORLD
