# SPDX-License-Identifier: GPL-2.0-or-later
# GoogleTest and GoogleMock 1.12.1 (libgtest-dev, libgmock-dev), BSD-3-Clause. Tests. Its headers
# may be included in tests only.
find_package(GTest 1.12 REQUIRED)
