// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/json.h"

#include "harness/report/json_parts.h"

namespace tlblab {
namespace {

const char* on_or_off(bool on) { return on ? "on" : "off"; }

Json allocations(const AllocReport& report) {
  Json sites = Json::array();
  for (std::size_t site = 0; site < alloc_site_names.size(); ++site)
    sites.push_back({{"site", alloc_site_names[site]},
                     {"asked", report.counts.sites[site].asked},
                     {"failed", report.counts.sites[site].failed}});
  return {{"rules", report.rules}, {"sites", std::move(sites)}};
}

// Only a run that was asked to make some fail counts them.
void add_allocations(Json& run, const AllocReport& report) {
  if (!report.rules.empty()) run["fail_alloc"] = allocations(report);
}

// ---- trace --------------------------------------------------------------------------------------

Json flush_sum(const FlushSum& sum) {
  return {{"events", sum.events}, {"pages", sum.pages}, {"full", sum.full}};
}

Json kind_row(const KindReport& kind) {
  return {{"kind", kind.name},
          {"calls", kind.calls},
          {"known",
           {{"right", kind.known.right},
            {"wrong", kind.known.wrong},
            {"exact", kind.known.exact},
            {"differ", kind.known.differ}}},
          {"unknown", {{"right", kind.unknown.right}, {"wrong", kind.unknown.wrong}}},
          {"predicted", flush_sum(kind.predicted)},
          {"recorded", flush_sum(kind.recorded)}};
}

Json by_reason(const ReplayReport::ByReason& sums) {
  Json out = Json::object();
  for (std::size_t reason = 0; reason < sums.size(); ++reason)
    out[std::string(reason_name(static_cast<FlushReason>(reason)))] = flush_sum(sums[reason]);
  return out;
}

Json examples(const std::vector<Violation>& violations) {
  Json out = Json::array();
  for (const Violation& violation : violations)
    out.push_back({{"kind", violation.kind}, {"text", violation.text}});
  return out;
}

Json checks(const std::vector<ReplayCheck>& all) {
  Json out = Json::array();
  for (const ReplayCheck& check : all)
    out.push_back({{"name", check.name},
                   {"left", check.left},
                   {"relation", check.relation},
                   {"right", check.right},
                   {"holds", check.holds()}});
  return out;
}

Json divergences(const ReplayReport& replay) {
  Json out = Json::array();
  for (const Divergence& at : replay.first_diverged)
    out.push_back({{"line", at.line}, {"recorded", at.recorded}, {"got", at.got}});
  return out;
}

void add_replay(Json& run, const ReplayReport& replay) {
  run["records"] = replay.records;
  run["operations"] = replay.operations;
  run["processes"] = replay.processes;
  run["threads"] = replay.threads;
  run["unfinished_calls"] = replay.unfinished_calls;
  run["untracked_pages"] = replay.untracked_pages;
  run["populated_pages"] = replay.populated_pages;
  run["populations_cut"] = replay.populations_cut;
  run["reconciled"] = replay.reconciled;
  run["kernel_addresses"] = replay.faults.kernel_addresses;
  run["diverged"] = replay.diverged;
  run["first_diverged"] = divergences(replay);
  run["predicted"] = by_reason(replay.predicted);
  run["recorded"] = by_reason(replay.recorded);
  run["lost_records"] = replay.lost_records;
  run["lost_events"] = replay.lost_events;
  Json unknown = Json::object();
  for (const auto& [name, count] : replay.unknown_events) unknown[name] = count;
  run["unknown_events"] = std::move(unknown);
  run["checks"] = checks(replay.checks);
}

Json trace_run(const TracePage& page, const TracePage::Run& run) {
  Json kinds = Json::array();
  for (const KindReport& kind : run.report.replay.kinds) kinds.push_back(kind_row(kind));
  Json out{{"arch", run.arch},
           {"kinds", std::move(kinds)},
           {"violations", run.report.violations},
           {"ipis", run.report.ipis},
           {"broadcasts", run.report.work.broadcasts},
           {"hash_inserts", run.report.work.hash_inserts},
           {"hash_removals", run.report.work.hash_removals},
           {"seconds", rounded(run.report.seconds)},
           {"oracles", on_or_off(page.oracles)},
           {"examples", examples(run.report.examples)},
           {"cpus", run.report.cpus},
           {"oversubscribed", run.report.oversubscribed || page.seats.oversubscribed()},
           {"interrupted", run.report.interrupted}};
  add_replay(out, run.report.replay);
  add_allocations(out, run.report.allocations);
  return out;
}

Json trace_object(const TracePage& page) {
  Json runs = Json::array();
  for (const TracePage::Run& run : page.runs) runs.push_back(trace_run(page, run));
  return {{"schema", "tlblab/trace-replay/1"},
          {"runs", std::move(runs)},
          {"file", page.file},
          {"lines", page.lines},
          {"place", page.seats.policy},
          {"units", page.seats.units},
          {"tool", object(page.tool)},
          {"host", object(page.host)}};
}

// ---- stress and explore -------------------------------------------------------------------------

Json stress_run(const StressPage& page, const StressPage::Run& run) {
  const StressReport& report = run.report;
  Json first = nullptr;
  if (report.first_violation_seconds >= 0) first = rounded(report.first_violation_seconds);
  Json out{{"scenario", run.subject.scenario},
           {"arch", run.subject.arch},
           {"without", run.subject.without},
           {"cpus", report.cpus},
           {"oversubscribed", report.oversubscribed || page.seats.oversubscribed()},
           {"seconds", rounded(report.seconds)},
           {"rounds", report.rounds},
           {"operations", report.operations},
           {"ipis", report.ipis},
           {"stalls", report.stalls},
           {"oracles", on_or_off(page.oracles)},
           {"violations", examples(report.examples)},
           {"violations_total", report.violations},
           {"first_violation_seconds", std::move(first)}};
  if (!run.subject.fingerprint.empty()) out["text"] = run.subject.fingerprint;
  if (report.asks_existence) out["witnesses"] = report.witnesses;
  add_allocations(out, report.allocations);
  return out;
}

Json stress_object(const StressPage& page) {
  Json runs = Json::array();
  for (const StressPage::Run& run : page.runs) runs.push_back(stress_run(page, run));
  return {{"schema", "tlblab/stress/1"},
          {"runs", std::move(runs)},
          {"seed", page.seed},
          {"stalls", page.stalls},
          {"interrupted", page.interrupted},
          {"place", page.seats.policy},
          {"units", page.seats.units},
          {"tool", object(page.tool)},
          {"host", object(page.host)}};
}

Json found_row(const ExploreReport::Found& found) {
  Json out{{"kind", found.violation.kind},
           {"schedule", found.schedule},
           {"steps", found.told != 0 ? found.told : found.steps},
           {"text", found.violation.text},
           {"switches", found.switches},
           {"machine_steps", found.steps}};
  if (found.found_steps != 0)
    out["as_found"] = {{"machine_steps", found.found_steps}, {"switches", found.found_switches}};
  return out;
}

Json trace_row(const TraceStep& row) {
  Json out{{"step", row.step}, {"cpu", row.cpu}, {"what", row.what}};
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  add("object", row.object);
  add("before", row.before);
  add("after", row.after);
  add("order", row.order);
  out["text"] = row.text;
  out["key"] = row.key;
  if (row.violating) out["violating"] = true;
  return out;
}

Json stale_rows(const std::vector<StaleRead>& all) {
  const auto place = [](const StaleRead::Place& at) {
    return Json{{"cpu", at.cpu}, {"step", at.step}};
  };
  const auto word = [](const std::string& fence) { return fence.empty() ? Json() : Json(fence); };
  Json rows = Json::array();
  for (const StaleRead& stale : all)
    rows.push_back({{"object", stale.object},
                    {"read", place(stale.read)},
                    {"saw", stale.saw},
                    {"from", stale.source ? place(*stale.source) : Json()},
                    {"missed", stale.missed_value},
                    {"missed_from", place(stale.missed)},
                    {"fence_after_missed", word(stale.after_missed)},
                    {"fence_before_read", word(stale.before_read)}});
  return rows;
}

Json buffering_row(const BufferingReport& buffering) {
  const auto access = [](const BufferingReport::Access& at) {
    return Json{{"object", at.object}, {"step", at.step == 0 ? Json() : Json(at.step)}};
  };
  Json pairs = Json::array();
  for (const BufferingReport::Pair& pair : buffering.pairs) {
    Json& row = pairs.emplace_back(Json{{"cpu", pair.cpu}});
    if (!pair.by.empty()) row["by"] = pair.by;
    row["read"] = access(pair.read);
    row["write"] = access(pair.write);
  }
  return {{"exact", buffering.is_exact()},
          {"of_all_executions", buffering.of_all},
          {"pairs", std::move(pairs)}};
}

Json found_rows(const std::vector<ExploreReport::Found>& all) {
  Json rows = Json::array();
  for (const ExploreReport::Found& found : all) rows.push_back(found_row(found));
  return rows;
}

Json explore_run(const ExplorePage& page, const ExplorePage::Run& run) {
  const ExploreReport& report = run.report;
  const auto steps = static_cast<double>(report.steps);
  Json out{{"scenario", run.subject.scenario},
           {"arch", run.subject.arch},
           {"model", report.model},
           {"without", run.subject.without},
           {"complete", report.complete},
           {"executions", report.executions},
           {"blocked", report.blocked},
           {"steps", report.steps},
           {"ns_per_step", report.steps == 0 ? 0 : rounded(report.seconds * 1e9 / steps, 10)},
           {"violations", found_rows(report.violations)},
           {"cpus", run.subject.cpus},
           {"oracles", "on"},
           {"seed", page.seed},
           {"strategy", page.replayed ? "replay" : page.strategy},
           {"seconds", rounded(report.seconds)}};
  if (report.peak_mib != 0) out["peak_mib"] = rounded(report.peak_mib, 10);
  if (page.strategy == "dpor" && !page.replayed) {
    out["restarts"] = report.restarts;
    out["tracked"] = report.tracked;
    out["checked"] = report.checked;
    out["lost"] = report.lost;
  }
  if (page.preemptions) {
    out["preemptions"] = *page.preemptions;
    out["bound_reached"] = report.bound_reached;
  }
  if (!run.subject.actors.empty()) out["actors"] = run.subject.actors;
  if (!run.subject.fingerprint.empty()) out["text"] = run.subject.fingerprint;
  if (report.asks_existence) out["witnesses"] = found_rows(report.witnesses);
  if (!report.weakness.stale.empty()) out["stale"] = stale_rows(report.weakness.stale);
  if (!report.weakness.litmus.empty()) out["litmus"] = report.weakness.litmus;
  if (report.load_buffering) out["load_buffering"] = buffering_row(*report.load_buffering);
  if (page.replayed) {
    out["departed_at"] = report.departed_at;
    Json& rows = out["trace"] = Json::array();
    for (const TraceStep& row : report.trace) rows.push_back(trace_row(row));
  }
  add_allocations(out, report.allocations);
  return out;
}

Json explore_object(const ExplorePage& page) {
  Json runs = Json::array();
  for (const ExplorePage::Run& run : page.runs) runs.push_back(explore_run(page, run));
  return {{"schema", "tlblab/explore/1"},
          {"runs", std::move(runs)},
          {"interrupted", page.interrupted},
          {"tool", object(page.tool)}};
}

// ---- topo and list ------------------------------------------------------------------------------

Json unit_row(const TopoPage::Unit& unit) {
  return {{"unit", unit.os_index},
          {"package", unit.package},
          {"node", unit.node},
          {"core", unit.core},
          {"smt", unit.smt}};
}

Json scenario_rows(const Tables& tables) {
  Json rows = Json::array();
  for (const ScenarioEntry& entry : tables.scenarios) {
    Json arches = Json::array();
    for (const ScenarioRun& run : entry.runs) arches.push_back(run.arch);
    rows.push_back({{"name", entry.name},
                    {"thread", entry.thread},
                    {"fixes", entry.fixes},
                    {"arches", std::move(arches)},
                    {"real_threads", entry.real_threads},
                    {"cpus", entry.cpus},
                    {"line", entry.line}});
  }
  return rows;
}

Json backend_rows(const Tables& tables) {
  Json rows = Json::array();
  for (const BackendEntry& entry : tables.backends)
    rows.push_back({{"name", entry.name},
                    {"memory", entry.memory},
                    {"tlb", entry.tlb},
                    {"filled_by", entry.filled_by},
                    {"debt_paid", entry.debt_paid},
                    {"interrupts_walkers", entry.interrupts_walkers},
                    {"options", entry.options},
                    {"features", entry.features}});
  return rows;
}

// ---- bench --------------------------------------------------------------------------------------

Json bench_part(const BenchPage::Run& run, const BenchPage::Part& part) {
  if (!part.measured()) return nullptr;
  Json repetitions = Json::array();
  for (const double value : part.repetitions) repetitions.push_back(rounded(value, 1e3));
  return {{"best", rounded(run.best(part), 1e3)}, {"repetitions", std::move(repetitions)}};
}

Json ratio(double value) { return value == 0 ? Json(nullptr) : Json(rounded(value, 1e3)); }

Json bench_run(const BenchPage::Run& run) {
  Json arches = Json::array();
  for (const auto& [arch, part] : run.arches) {
    Json row = bench_part(run, part);
    row["arch"] = arch;
    arches.push_back(std::move(row));
  }
  return {{"workload", run.workload},
          {"cpus", run.cpus},
          {"unit", run.unit},
          {"simulated", bench_part(run, run.simulated)},
          {"kernel", bench_part(run, run.kernel)},
          {"plain", bench_part(run, run.plain)},
          {"simulated_over_plain", ratio(run.over_plain())},
          {"kernel_over_simulated", ratio(run.kernel_over())},
          {"arches", std::move(arches)}};
}

// ---- lists --------------------------------------------------------------------------------------

Json fix_rows() {
  Json rows = Json::array();
  for (const FixInfo& fix : fix_table)
    rows.push_back({{"name", fix.name},
                    {"commit", fix.commit},
                    {"year", fix.year},
                    {"line", fix.line},
                    {"values", fix.values}});
  return rows;
}

}  // namespace

std::string trace_json(const TracePage& page) { return dumped(trace_object(page)); }
std::string stress_json(const StressPage& page) { return dumped(stress_object(page)); }
std::string explore_json(const ExplorePage& page) { return dumped(explore_object(page)); }

std::string topo_json(const TopoPage& page) {
  Json units = Json::array(), cpus = Json::array();
  for (const TopoPage::Unit& unit : page.units) units.push_back(unit_row(unit));
  for (std::size_t cpu = 0; cpu < page.placed.size(); ++cpu) {
    Json row = Json::object();
    row["cpu"] = cpu;
    row.update(unit_row(page.placed[cpu]));
    cpus.push_back(std::move(row));
  }
  return dumped({{"schema", "tlblab/topo/1"},
                 {"description", page.description},
                 {"made_up", page.made_up},
                 {"units", std::move(units)},
                 {"place", page.seats.policy},
                 {"cpus", std::move(cpus)},
                 {"oversubscribed", page.seats.oversubscribed()},
                 {"tool", object(page.tool)},
                 {"host", object(page.host)}});
}

std::string bench_json(const BenchPage& page) {
  Json runs = Json::array();
  for (const BenchPage::Run& run : page.runs) runs.push_back(bench_run(run));
  return dumped({{"schema", "tlblab/bench/1"},
                 {"arch", page.arch},
                 {"oracles", "off"},
                 {"repetitions", page.repetitions},
                 {"place", page.seats.policy},
                 {"units", page.units},
                 {"oversubscribed", page.seats.oversubscribed()},
                 {"warnings", page.warnings},
                 {"runs", std::move(runs)},
                 {"tool", object(page.tool)},
                 {"host", object(page.host)}});
}

std::string record_json(const RecordPage& page) {
  return dumped({{"schema", "tlblab/record/1"},
                 {"file", page.file},
                 {"command", page.command},
                 {"exit_code", page.exit_code},
                 {"events", page.events},
                 {"losses", page.losses},
                 {"tool", object(page.tool)},
                 {"host", object(page.host)}});
}

std::string list_json(const ListPage& page) {
  Json out = Json::object();
  out["schema"] = "tlblab/list/1";
  if (page.scenarios) out["scenarios"] = scenario_rows(*page.tables);
  if (page.backends) out["backends"] = backend_rows(*page.tables);
  if (page.fixes) out["fixes"] = fix_rows();
  if (page.violations) {
    Json rows = Json::array();
    for (const NamedLine& kind : page.violation_kinds)
      rows.push_back({{"name", kind.name}, {"line", kind.line}});
    out["violations"] = std::move(rows);
  }
  return dumped(out);
}

std::string demo_json(const DemoPage& page) {
  return dumped({{"schema", "tlblab/demo/1"},
                 {"as_expected", page.as_expected},
                 {"trace", trace_object(page.trace)},
                 {"explore_without_fix", explore_object(page.broken)},
                 {"explore_with_fix", explore_object(page.fixed)},
                 {"stress_without_fix", stress_object(page.broken_threads)},
                 {"stress_with_fix", stress_object(page.fixed_threads)}});
}

std::string flat_json(std::string_view schema, const NamedValues& values) {
  Json out = Json::object();
  out["schema"] = schema;
  out.update(object(values));
  return dumped(out);
}

}  // namespace tlblab
