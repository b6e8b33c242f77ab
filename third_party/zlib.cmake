# SPDX-License-Identifier: GPL-2.0-or-later
# zlib 1.2.13 (zlib1g-dev), Zlib. Reads recordings that are gzipped. Its header may be included in
# harness/workload only.
find_package(ZLIB REQUIRED)
