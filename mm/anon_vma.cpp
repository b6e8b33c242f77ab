// SPDX-License-Identifier: GPL-2.0-or-later
#include "mm/anon_vma.h"

#include <new>

#include "mm/memory.h"
#include "mm/page_alloc.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

anon_vma_chain* chain_alloc() noexcept {
  void* memory = kmalloc(sizeof(anon_vma_chain), AllocSite::object);
  return memory == nullptr ? nullptr : new (memory) anon_vma_chain;
}
void chain_free(anon_vma_chain* avc) noexcept {
  if (avc == nullptr) return;
  avc->~anon_vma_chain();
  kfree(avc);
}

// A family of its own, until somebody gives it a parent.
anon_vma* anon_vma_alloc() noexcept {
  void* memory = kmalloc(sizeof(anon_vma), AllocSite::object);
  if (memory == nullptr) return nullptr;
  auto* av = new (memory) anon_vma;
  av->root = av->parent = av;
  return av;
}

void anon_vma_free_rcu(rcu_head* head) noexcept {
  anon_vma* av = reinterpret_cast<anon_vma_rcu*>(head)->anon_vma;
  av->~anon_vma();
  kfree(av);
}

void get_anon_vma(anon_vma& av) noexcept { av.refcount.fetch_add(1, order::relaxed); }
bool try_get_anon_vma(anon_vma& av) noexcept {
  int count = av.refcount.load(order::relaxed);
  do {
    if (count == 0) return false;
  } while (!av.refcount.compare_exchange(count, count + 1, order::relaxed));
  return true;
}

// The root's rwsem for writing.
void chain_link(vm_area_struct& vma, anon_vma_chain& avc, anon_vma& av) noexcept {
  avc.vma = &vma;
  avc.anon_vma = &av;
  vma.anon_vma_chain.push_front(avc);  // an area's own comes first
  av.areas.push_back(avc);
}

bool is_singular(const chains_of_area& chain) noexcept {
  return !chain.empty() && &chain.front() == &chain.back();
}

// Would the two be one area if the neighbour had been there when this one was made? Rights differ
// after mprotect, and may be the same again later. Kernel: anon_vma_compatible.
bool compatible(const vm_area_struct& low, const vm_area_struct& high) noexcept {
  return low.vm_end == high.vm_start && low.vm_file == high.vm_file &&
         ((low.vm_flags ^ high.vm_flags) & ~(vm_access_flags | VM_SOFTDIRTY)) == 0 &&
         linear_page_index(low, low.vm_end) == high.vm_pgoff;
}

// A neighbour's, so that the two may be merged one day; null: none to be had.
anon_vma* reusable(vm_area_struct* neighbour, bool fits) noexcept {
  if (neighbour == nullptr || !fits) return nullptr;
  // Pairs with the release in set_anon_vma: the neighbour's own first fault may be linking its chain
  // now. Linux links after its store and reads the list as it comes.
  anon_vma* av = neighbour->anon_vma.load(order::acquire);
  return av != nullptr && is_singular(neighbour->anon_vma_chain) ? av : nullptr;
}
anon_vma* find_mergeable_anon_vma(vm_area_struct& vma) noexcept {
  vm_area_struct* next = vma_next(*vma.vm_mm, vma);
  if (anon_vma* av = reusable(next, next != nullptr && compatible(vma, *next))) return av;
  vm_area_struct* prev = vma_prev(*vma.vm_mm, vma);
  return reusable(prev, prev != nullptr && compatible(*prev, vma));
}

// Two faults may come here at once, both with mmap_lock for reading. True: this one was first. A fresh
// anon_vma is nobody else's until its address can be read, so its lock is not taken; the kernel does.
bool set_anon_vma(vm_area_struct& vma, anon_vma& av, anon_vma_chain& avc, bool fresh) noexcept {
  if (!fresh) av.root->rwsem.down_write();
  vma.vm_mm->page_table_lock.lock();
  const bool first = vma.anon_vma.load(order::relaxed) == nullptr;
  if (first) {
    chain_link(vma, avc, av);
    ++av.num_active_vmas;
    // Release: the anon_vma before its address. A fault that reads the address puts it into a page,
    // and the release of the page's entry hands it on to who comes from there.
    vma.anon_vma.store(&av, order::release);
  }
  vma.vm_mm->page_table_lock.unlock();
  if (!fresh) av.root->rwsem.up_write();
  return first;
}

// The areas' chains before they are linked; all or none. Takes one off.
class spare_chains {
 public:
  explicit spare_chains(std::size_t wanted) noexcept {
    for (; wanted > 0; --wanted) {
      anon_vma_chain* avc = chain_alloc();
      complete_ = avc != nullptr;
      if (!complete_) return;
      chains_.push_back(*avc);
    }
  }
  ~spare_chains() { chains_.clear_and_dispose(chain_free); }
  spare_chains(const spare_chains&) = delete;
  spare_chains& operator=(const spare_chains&) = delete;

  [[nodiscard]] bool complete() const noexcept { return complete_; }
  anon_vma_chain& take() noexcept {
    anon_vma_chain& avc = chains_.front();
    chains_.pop_front();
    return avc;
  }

 private:
  chains_of_area chains_;
  bool complete_ = true;
};

// Nobody's own any more, and at most one child: the child's child may as well have it. Keeps a
// process that forks and dies for ever from making the family longer each time.
bool reusable_by_child(const anon_vma& av) noexcept {
  return av.num_children < 2 && av.num_active_vmas == 0;
}

}  // namespace

// Whoever comes from a page and found it before its last mapping went may be looking at it.
void put_anon_vma(anon_vma& av) noexcept {
  anon_vma* root = av.root;
  if (av.refcount.fetch_sub(1, order::full) != 1) return;
  av.rcu.anon_vma = &av;
  call_rcu(&av.rcu.head, anon_vma_free_rcu);
  if (root != &av) put_anon_vma(*root);
}

bool anon_vma_prepare(vm_area_struct& vma) noexcept {
  if (vma.anon_vma.load(order::relaxed) != nullptr) return true;
  anon_vma_chain* avc = chain_alloc();
  if (avc == nullptr) return false;
  anon_vma* av = find_mergeable_anon_vma(vma);
  anon_vma* fresh = av != nullptr ? nullptr : anon_vma_alloc();
  if (fresh != nullptr) fresh->num_children = 1;  // itself
  if (av == nullptr) av = fresh;
  const bool used = av != nullptr && set_anon_vma(vma, *av, *avc, fresh != nullptr);
  if (!used) chain_free(avc);
  if (!used && fresh != nullptr) put_anon_vma(*fresh);
  return av != nullptr;
}

// The neighbours are looked at under mmap_lock. Who holds an area's lock may not wait for it: its
// writer waits for the areas' readers.
FaultResult vmf_anon_prepare(vm_area_struct& vma, FaultFlags flags) noexcept {
  if (vma.anon_vma.load(order::relaxed) != nullptr) [[likely]]
    return FaultResult::done;
  const bool has_vma_lock = (flags & FAULT_FLAG_VMA_LOCK) != 0;
  RwSem& mmap_lock = vma.vm_mm->mmap_lock;
  if (has_vma_lock && !mmap_lock.down_read_trylock()) return FaultResult::retry;
  const bool prepared = anon_vma_prepare(vma);
  if (has_vma_lock) mmap_lock.up_read();
  return prepared ? FaultResult::done : FaultResult::oom;
}

bool anon_vma_clone(vm_area_struct& dst, const vm_area_struct& src) noexcept {
  spare_chains spare(src.anon_vma_chain.size());
  if (!spare.complete()) return false;
  const bool has_own = src.anon_vma.load(order::relaxed) != nullptr;
  // From the oldest to the area's own, pushed to the front: the same order.
  for (auto at = src.anon_vma_chain.rbegin(); at != src.anon_vma_chain.rend(); ++at) {
    anon_vma& av = *at->anon_vma;
    av.root->rwsem.down_write();
    chain_link(dst, spare.take(), av);
    if (dst.anon_vma.load(order::relaxed) == nullptr && has_own && reusable_by_child(av))
      dst.anon_vma.store(&av, order::release);
    av.root->rwsem.up_write();
  }
  if (anon_vma* own = dst.anon_vma.load(order::relaxed); own != nullptr) ++own->num_active_vmas;
  return true;
}

bool anon_vma_fork(vm_area_struct& child, const vm_area_struct& parent) noexcept {
  anon_vma* of_parent = parent.anon_vma.load(order::relaxed);
  if (of_parent == nullptr) return true;
  if (!anon_vma_clone(child, parent)) return false;
  if (child.anon_vma.load(order::relaxed) != nullptr) return true;  // a used one
  anon_vma* av = anon_vma_alloc();
  anon_vma_chain* avc = av != nullptr ? chain_alloc() : nullptr;
  if (avc == nullptr) {
    if (av != nullptr) put_anon_vma(*av);
    unlink_anon_vmas(child);
    return false;
  }
  av->root = of_parent->root;
  av->parent = of_parent;
  av->num_active_vmas = 1;
  get_anon_vma(*av->root);
  av->root->rwsem.down_write();
  child.anon_vma.store(av, order::release);
  chain_link(child, *avc, *av);
  ++of_parent->num_children;
  av->root->rwsem.up_write();
  return true;
}

void unlink_anon_vmas(vm_area_struct& vma) noexcept {
  chains_of_area empty;  // that nobody is linked to any more: put without the lock
  while (!vma.anon_vma_chain.empty()) {
    anon_vma_chain& avc = vma.anon_vma_chain.front();
    anon_vma& av = *avc.anon_vma;
    vma.anon_vma_chain.pop_front();
    av.root->rwsem.down_write();
    av.areas.erase(av.areas.iterator_to(avc));
    if (&av == vma.anon_vma.load(order::relaxed)) {
      --av.num_active_vmas;
      vma.anon_vma.store(nullptr, order::relaxed);
    }
    const bool last = av.areas.empty();
    if (last) --av.parent->num_children;
    av.root->rwsem.up_write();
    if (last)
      empty.push_back(avc);
    else
      chain_free(&avc);
  }
  empty.clear_and_dispose([](anon_vma_chain* avc) {
    put_anon_vma(*avc->anon_vma);
    chain_free(avc);
  });
}

bool anon_vmas_mergeable(const vm_area_struct& low, const vm_area_struct& high) noexcept {
  const anon_vma* of_low = low.anon_vma.load(order::relaxed);
  const anon_vma* of_high = high.anon_vma.load(order::relaxed);
  if (of_low == of_high) return true;
  if (of_low != nullptr && of_high != nullptr) return false;
  return is_singular((of_low != nullptr ? low : high).anon_vma_chain);
}

// The family stays while the page is mapped: an area is unlinked only after its entries are gone.
// So a mapcount that is still not zero with the lock held says that it is the right one. Should it
// be somebody else's by then (the area was unlinked, another's memory is there), the walk finds
// nothing: RCU keeps it an anon_vma.
anon_vma* folio_get_anon_vma(page* p) noexcept {
  rcu_read_lock();
  page* folio = folio_of(p);
  anon_vma* av = nullptr;
  if (folio_mapped(folio)) av = rcu_dereference(folio->anon_vma);
  if (av != nullptr && !try_get_anon_vma(*av)) av = nullptr;
  rcu_read_unlock();
  return av;
}

anon_vma* folio_lock_anon_vma_read(page* p) noexcept {
  const page* folio = folio_of(p);
  anon_vma* av = folio_get_anon_vma(p);
  if (av == nullptr) return nullptr;
  av->root->rwsem.down_read();  // may wait: the reference keeps it
  if (folio_mapped(folio)) return av;
  anon_vma_unlock_read(*av);
  return nullptr;
}

void anon_vma_unlock_read(anon_vma& av) noexcept {
  av.root->rwsem.up_read();
  put_anon_vma(av);
}

anon_vma_write_lock::anon_vma_write_lock(const vm_area_struct& vma, bool wanted) noexcept
    : root_(nullptr) {
  const anon_vma* av = wanted ? vma.anon_vma.load(order::relaxed) : nullptr;
  if (av != nullptr) root_ = av->root;
  if (root_ != nullptr) root_->rwsem.down_write();
}
anon_vma_write_lock::~anon_vma_write_lock() {
  if (root_ != nullptr) root_->rwsem.up_write();
}

}  // namespace tlblab::inline TLBLAB_WORLD
