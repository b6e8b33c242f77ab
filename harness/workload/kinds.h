// SPDX-License-Identifier: GPL-2.0-or-later
// What a report calls the kinds of operations. Advice has names of its own: "madvise_" and the rest
// of MADV_.
#pragma once

#include <string_view>

namespace tlblab::kind {

inline constexpr std::string_view munmap = "munmap";
inline constexpr std::string_view mmap_new = "mmap_new";
inline constexpr std::string_view mmap_fixed_over = "mmap_fixed_over";
inline constexpr std::string_view mprotect = "mprotect";
inline constexpr std::string_view mremap = "mremap";
inline constexpr std::string_view brk_grow = "brk_grow";
inline constexpr std::string_view brk_shrink = "brk_shrink";
inline constexpr std::string_view brk_query = "brk_query";
inline constexpr std::string_view madvise_dontneed = "madvise_DONTNEED";
inline constexpr std::string_view fault_write = "fault_write";
inline constexpr std::string_view fault_read = "fault_read";
inline constexpr std::string_view fault_cow = "fault_cow";
inline constexpr std::string_view fork = "fork";
inline constexpr std::string_view exec = "exec";
inline constexpr std::string_view exit = "exit";

// The order in which a report lists kinds. Others follow as they come.
inline constexpr std::string_view listed_first[] = {
    munmap,    mmap_new,         mmap_fixed_over, mprotect,   mremap,    brk_grow, brk_shrink,
    brk_query, madvise_dontneed, fault_write,     fault_read, fault_cow, fork,     exec,
    exit};

// These are counted and never judged.
inline constexpr std::string_view vfork = "vfork";
inline constexpr std::string_view thread_create = "thread_create";
inline constexpr std::string_view thread_exit = "thread_exit";
inline constexpr std::string_view execve_failed = "execve_failed";
inline constexpr std::string_view unfinished = "unfinished";  // a call whose exit is not recorded

}  // namespace tlblab::kind
