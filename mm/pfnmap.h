// SPDX-License-Identifier: GPL-2.0-or-later
// Memory of a device's driver, shown to programs in areas of VM_PFNMAP. Kernel: vmf_insert_pfn and
// zapping in memory.c; drivers such as vfio-pci, whose memory_lock is device_lock here.
//
// A frame is mapped without being counted: neither references nor mapcount say who has it. The
// driver alone knows, and when it wants the frame back it unmaps it wherever the file's areas show
// it; after that it relies on no TLB having it. Here the frames have PG_reserved as long as they
// are the driver's: what the kernel tells by pte_special. So an area must not leave the file's
// i_mmap while a flush of one of its entries is due: the driver would not find it, and not wait
// (tlb_end_vma; scenario pfnmap-revoke-2022). A driver that comes before finds the entry empty, and
// its own gather flushes because another one is open (nested-flush).
#pragma once

#include "mm/page_alloc.h"
#include "mm/page_cache.h"
#include "mm/rmap.h"

namespace tlblab::inline TLBLAB_WORLD {

// The driver takes its frame back and frees it; from here on accesses to it are fatal. Nothing
// happens if it has been taken. REQUIRES: no spinlock, no gather open on this CPU.
template <ArchBackend A>
void device_revoke(address_space& device, std::uint64_t index) noexcept {
  device.device_lock.down_write();  // no fault shows it again
  page* frame = device_take_frame(device, index);
  if (frame != nullptr) unmap_mapping_range<A>(device, index, 1, true);
  device.device_lock.up_write();
  if (frame == nullptr) return;
  frame->mapping = nullptr;
  page_clear(frame, PG_reserved);
  put_page(frame);
}

}  // namespace tlblab::inline TLBLAB_WORLD
