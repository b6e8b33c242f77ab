# SPDX-License-Identifier: GPL-2.0-or-later
# hwloc 2.9.0 (libhwloc-dev), BSD-3-Clause. Topology of the host, pinning of the threads that are
# CPUs, binding of memory. Its header may be included in harness/run and harness/world only.
find_package(PkgConfig REQUIRED)
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET GLOBAL hwloc>=2.9)
add_library(tlblab::hwloc ALIAS PkgConfig::HWLOC)
