// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/event_text.h"

#include <array>

#include <fmt/format.h>

namespace tlblab {

namespace {

std::string page_name(pfn_t pfn) { return pfn == 0 ? "zero page" : fmt::format("page {}", pfn); }
std::string table_name(pfn_t pfn) { return fmt::format("table {}", pfn); }
std::string address(vaddr_t va) { return fmt::format("{:#x}", va); }

std::string pages(std::int64_t count) {
  if (count == full_flush) return "everything";
  return fmt::format("{} page{}", count, count == 1 ? "" : "s");
}

std::string value(std::uint64_t number) {
  constexpr std::uint64_t small = 1U << 16;
  return number < small ? std::to_string(number) : fmt::format("{:#x}", number);
}

std::string range(vaddr_t start, vaddr_t end) {
  return fmt::format("{:#x}, {}", start, pages(std::int64_t((end - start) >> page_shift)));
}

std::string call_name(std::uint64_t call) {
  static constexpr std::array names{"mmap",
                                    "munmap",
                                    "mprotect",
                                    "mremap",
                                    "brk",
                                    "madvise(DONTNEED)",
                                    "fork",
                                    "exit_mmap",
                                    "madvise(FREE)",
                                    "madvise(COLD)",
                                    "madvise(GUARD)",
                                    "madvise(REMOVE)",
                                    "clear_refs"};
  static_assert(names.size() == std::size_t(MmCall::clear_refs) + 1);
  return call < names.size() ? names[call] : "call";
}

std::string flush_words(std::uint64_t reason, std::int64_t count) {
  switch (static_cast<FlushReason>(reason)) {
    case FlushReason::task_switch: return "flush at a switch: " + pages(count);
    case FlushReason::remote_shootdown: return "flush for another CPU: " + pages(count);
    case FlushReason::local_shootdown:
    case FlushReason::local_mm_shootdown: return "flush own TLB: " + pages(count);
    case FlushReason::remote_send_ipi: return "ask for a flush: " + pages(count);
    case FlushReason::remote_wrong_cpu: return "asked to flush an mm it left";
  }
  return "flush";
}

const char* access_name(std::uint64_t access) {
  static constexpr std::array names{"read", "write", "fetch"};
  return names.at(access);
}

EventText text_of_broadcast(const trace_event& e) {
  if (e.b == tlb_flush_all)
    return {"tlb_broadcast", "", "broadcast: drop a whole address space", true};
  return {"tlb_broadcast", address(e.a), fmt::format("broadcast: drop {:#x} to {:#x}", e.a, e.b),
          true};
}

EventText text_of_hash(const trace_event& e) {
  if (e.kind == EventKind::hash_remove)
    return {"hash_remove", address(e.a), fmt::format("hash entry {} for {:#x} goes", e.b, e.a),
            true};
  return {"hash_insert", address(e.a),
          fmt::format("hash entry {} for {:#x}: {}", e.b, e.a, page_name(e.c)), true};
}

}  // namespace

EventText text_of(const trace_event& e) {
  constexpr bool key = true;
  const std::string page = page_name(e.a);
  switch (e.kind) {
    case EventKind::tlb_flush: {
      const auto count = static_cast<std::int64_t>(e.b);
      return {"tlb_flush", "", flush_words(e.a, count), count != 0};
    }
    case EventKind::ipi_send: return {"ipi_send", "", fmt::format("interrupt {} CPUs", e.a)};
    case EventKind::page_fault:
      return {"page_fault", address(e.a), fmt::format("{} fault {:#x}", access_name(e.b), e.a),
              key};
    case EventKind::call_begin:
      return {"call_begin", range(e.b, e.c), call_name(e.a) + " " + range(e.b, e.c), key};
    case EventKind::call_end:
      return {"call_end", range(e.b, e.c), call_name(e.a) + " returns", key};
    case EventKind::ptl_acquire: return {"ptl_acquire", table_name(e.a), "has " + table_name(e.a)};
    case EventKind::ptl_release:
      return {"ptl_release", table_name(e.a), "gives up " + table_name(e.a)};
    case EventKind::pte_change:
      return {"pte_change", address(e.d), fmt::format("entry of {:#x} changed", e.d)};
    case EventKind::gather_begin: return {"gather_begin", "", "tlb_gather_mmu"};
    case EventKind::gather_queue: return {"gather_queue", page, "queue " + page, key};
    case EventKind::gather_flush: return {"gather_flush", "", "all queued is flushed"};
    case EventKind::gather_put: return {"gather_put", page, "put " + page};
    case EventKind::gather_end: return {"gather_end", "", "all queued is freed"};
    case EventKind::pending_dec: return {"pending_dec", "", "one gather less"};
    case EventKind::page_free: return {"page_free", page, "free " + page, key};
    case EventKind::table_queue:
      return {"table_queue", table_name(e.a), "queue " + table_name(e.a), key};
    case EventKind::table_free:
      return {"table_free", table_name(e.a), "free " + table_name(e.a), key};
    case EventKind::tlb_fill:
      return {"tlb_fill", address(e.a), fmt::format("TLB fill {:#x}: {}", e.a, page_name(e.b)),
              key};
    case EventKind::tlb_use:
      return {"tlb_use", address(e.a), fmt::format("via TLB {:#x}: {}", e.a, page_name(e.b)), key};
    case EventKind::walk_table: return {"walk_table", table_name(e.a), "walks " + table_name(e.a)};
    case EventKind::user_read:
      return {"user_read", address(e.a), fmt::format("load {:#x}: {}", e.a, value(e.b)), key};
    case EventKind::user_write:
      return {"user_write", address(e.a), fmt::format("store {:#x}: {}", e.a, value(e.b)), key};
    case EventKind::runs_mm: return {"runs_mm", "", e.mm == 0 ? "leaves the mm" : "runs on the mm"};
    case EventKind::copy_begin: return {"copy_begin", page, "copy " + page, key};
    case EventKind::copy_end:
      return {"copy_end", page, e.b != 0 ? "the copy is shown" : "the copy is dropped", key};
    case EventKind::page_pin: return {"page_pin", page, "pin " + page, key};
    case EventKind::page_unpin: return {"page_unpin", page, "unpin " + page, key};
    case EventKind::anon_exclusive_clear:
      return {"anon_exclusive_clear", page, page + " no longer exclusive", key};
    case EventKind::page_clean_act:
      return {"page_clean_act", page,
              (static_cast<CleanAct>(e.b) == CleanAct::discard ? "discard " : "write back ") + page,
              key};
    case EventKind::tlb_broadcast: return text_of_broadcast(e);
    case EventKind::hash_insert:
    case EventKind::hash_remove: return text_of_hash(e);
  }
  return {"event", "", "event"};
}

}  // namespace tlblab
