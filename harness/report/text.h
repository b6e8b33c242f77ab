// SPDX-License-Identifier: GPL-2.0-or-later
// Pages as text for people. Without colour it is plain ASCII; what explore and stress print keeps
// within 72 columns and can be pasted into a mail.
#pragma once

#include <string>

#include "harness/report/pages.h"
#include "harness/report/paint.h"

namespace tlblab {

[[nodiscard]] std::string trace_text(const TracePage& page, const Paint& paint);
// A recording against several backends, in one narrow table.
[[nodiscard]] std::string trace_summary(const TracePage& page, const Paint& paint);
[[nodiscard]] std::string script_text(const ScriptPage& page, const Paint& paint);
[[nodiscard]] std::string stress_text(const StressPage& page, const Paint& paint);
[[nodiscard]] std::string explore_text(const ExplorePage& page, const Paint& paint);
// KTAP in parts, each as soon as it is known: the plan, each scenario (from 1), the sum.
[[nodiscard]] std::string check_plan_text(const CheckPage& page);
[[nodiscard]] std::string check_scenario_text(const CheckPage::Scenario& scenario,
                                              std::size_t number,
                                              const Paint& paint);
[[nodiscard]] std::string check_sum_text(const CheckPage& page);
[[nodiscard]] std::string questions_text(const QuestionsPage& page, const Paint& paint);
[[nodiscard]] std::string fences_text(const FencesPage& page, const Paint& paint);
[[nodiscard]] std::string topo_text(const TopoPage& page, const Paint& paint);
[[nodiscard]] std::string bench_text(const BenchPage& page, const Paint& paint);
// The table of README.md, in Markdown: what has a target, and whether it is met.
[[nodiscard]] std::string bench_table(const BenchPage& page);
[[nodiscard]] std::string list_text(const ListPage& page, const Paint& paint);

// "madvise-parallel-2017+x86-nested-flush": the name of a subject in one word, for herd7's line.
[[nodiscard]] std::string observed_name(const Subject& subject);
// "8 CPUs on 2 PUs: timings mean nothing", or nothing.
[[nodiscard]] std::string oversubscription(const Seats& seats);

}  // namespace tlblab
