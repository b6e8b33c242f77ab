# SPDX-License-Identifier: GPL-2.0-or-later
# fmt 9.1.0 (libfmt-dev), MIT. Text, wherever text is made; never in mm, arch or harness/world (it
# is heavy to compile and they make no text).
find_package(fmt 9.1 REQUIRED)
