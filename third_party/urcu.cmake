# SPDX-License-Identifier: GPL-2.0-or-later
# liburcu 0.13.2 (liburcu-dev), LGPL-2.1-or-later. RCU of the real world, memb flavour: read sides
# without a fence. Its headers may be included in harness/world only. It is not TSan-aware before
# 0.15: the world's wrappers annotate.
find_package(PkgConfig REQUIRED)
pkg_check_modules(URCU REQUIRED IMPORTED_TARGET GLOBAL liburcu-memb>=0.13)
add_library(tlblab::urcu ALIAS PkgConfig::URCU)
