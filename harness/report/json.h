// SPDX-License-Identifier: GPL-2.0-or-later
// Pages as JSON: one object, `schema` first, keys in a stable order, ids and no addresses. The
// shapes are a promise to other programs: keys may be added, those there stay.
#pragma once

#include <string>

#include "harness/report/pages.h"

namespace tlblab {

// Each ends with a line break.
[[nodiscard]] std::string trace_json(const TracePage& page);          // tlblab/trace-replay/1
[[nodiscard]] std::string script_json(const ScriptPage& page);        // tlblab/script/1
[[nodiscard]] std::string stress_json(const StressPage& page);        // tlblab/stress/1
[[nodiscard]] std::string explore_json(const ExplorePage& page);      // tlblab/explore/1
[[nodiscard]] std::string check_json(const CheckPage& page);          // tlblab/check/1
[[nodiscard]] std::string questions_json(const QuestionsPage& page);  // tlblab/questions/1
[[nodiscard]] std::string fences_json(const FencesPage& page);        // tlblab/fences/1
[[nodiscard]] std::string topo_json(const TopoPage& page);            // tlblab/topo/1
[[nodiscard]] std::string bench_json(const BenchPage& page);          // tlblab/bench/1
[[nodiscard]] std::string record_json(const RecordPage& page);        // tlblab/record/1
[[nodiscard]] std::string list_json(const ListPage& page);            // tlblab/list/1
[[nodiscard]] std::string demo_json(const DemoPage& page);            // tlblab/demo/1
// tlblab/version/1 and other flat objects.
[[nodiscard]] std::string flat_json(std::string_view schema, const NamedValues& values);

}  // namespace tlblab
