# SPDX-License-Identifier: GPL-2.0-or-later
# JSON for Modern C++ 3.11.2 (nlohmann-json3-dev), MIT. ordered_json keeps the keys' order stable.
# Its header may be included in harness/report and harness/cli only.
find_package(nlohmann_json 3.11 REQUIRED)
