# SPDX-License-Identifier: GPL-2.0-or-later
# Google Benchmark 1.7.1 (libbenchmark-dev), Apache-2.0 (why the licence here is GPL-2.0 *or
# later*). The programs of bench. Its header may be included in bench only. Debian's build calls
# itself DEBUG though it is built with -O2.
find_package(benchmark 1.7 REQUIRED)
