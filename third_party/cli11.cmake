# SPDX-License-Identifier: GPL-2.0-or-later
# CLI11 2.1.2 (libcli11-dev), BSD-3-Clause. Options and subcommands; its exit codes are mapped to
# ours. Its header may be included in harness/cli only.
find_package(CLI11 2.1 REQUIRED)
