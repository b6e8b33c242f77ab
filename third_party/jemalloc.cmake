# SPDX-License-Identifier: GPL-2.0-or-later
# jemalloc 5.3.0 (libjemalloc-dev), BSD-2-Clause. Page frames: one arena per NUMA node, through
# mallocx and dallocx. Its header may be included in harness/world only. Linking it replaces malloc,
# except under a sanitizer: a pointer of malloc never goes to dallocx or sallocx.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET GLOBAL jemalloc>=5.3)
add_library(tlblab::jemalloc ALIAS PkgConfig::JEMALLOC)
