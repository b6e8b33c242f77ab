// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "harness/report/json.h"
#include "harness/report/json_parts.h"

namespace tlblab {
namespace {

Json flush_rows(const std::vector<ScriptFlush>& flushes) {
  Json rows = Json::array();
  for (const ScriptFlush& flush : flushes) {
    Json row{{"who", name_of(flush.who)}, {"reason", reason_name(flush.what.reason)}};
    if (flush.what.pages == full_flush)
      row["pages"] = "full";
    else
      row["pages"] = flush.what.pages;
    rows.push_back(std::move(row));
  }
  return rows;
}

Json page_rows(const PagesByArea& pages) {
  Json out = Json::object();
  for (const auto& [area, runs] : pages) {
    Json rows = Json::array();
    for (const PageRun& run : runs) rows.push_back({run.offset, run.count, run.state});
    out[area] = std::move(rows);
  }
  return out;
}

Json op_row(const ScriptOpReport& op) {
  Json row{
      {"op", op.op},
      {"ret", op.ret},
      {"err", text_or_null(op.error)},
      {"flush", flush_rows(op.flushes)},
      {"faults", {{"w", op.write_faults}, {"r", op.read_faults}, {"kernel", op.kernel_faults}}}};
  if (!op.signal.empty()) row["signal"] = op.signal;
  row["pages"] = page_rows(op.space.pages);
  row["vmas"] = op.space.vmas;
  if (op.has_child) {
    row["child_pages"] = page_rows(op.child.pages);
    row["child_vmas"] = op.child.vmas;
  }
  return row;
}

Json area_rows(const Script& script) {
  Json out = Json::object();
  for (const ScriptArea& area : script.areas)
    out[area.name] = {{"base", fmt::format("{:#x}", area.base)}, {"pages", area.pages}};
  return out;
}

Json script_lines(const Script& script) {
  Json lines = Json::array();
  for (const ScriptOp& op : script.ops) lines.push_back(op.text);
  return lines;
}

Json named(const NamedValues& values) {
  Json out = Json::object();
  for (const auto& [name, value] : values) out[name] = value;
  return out;
}

}  // namespace

std::string script_json(const ScriptPage& page) {
  Json ops = Json::array();
  for (const ScriptOpReport& op : page.report.script.ops) ops.push_back(op_row(op));
  Json examples = Json::array();
  for (const Violation& violation : page.report.examples)
    examples.push_back({{"kind", violation.kind}, {"text", violation.text}});
  const Json out{{"schema", "tlblab/script/1"},
                 {"arch", page.arch},
                 {"cpus", page.report.cpus},
                 {"ops", std::move(ops)},
                 {"final_read", page_rows(page.report.script.final_read)},
                 {"file", page.file},
                 {"directives", page.script.directives},
                 {"areas", area_rows(page.script)},
                 {"script", script_lines(page.script)},
                 {"interrupted", page.report.script.interrupted},
                 {"oracles", page.oracles ? "on" : "off"},
                 {"violations", page.report.violations},
                 {"examples", std::move(examples)},
                 {"oversubscribed", page.report.oversubscribed || page.seats.oversubscribed()},
                 {"place", page.seats.policy},
                 {"units", page.seats.units},
                 {"tool", named(page.tool)},
                 {"host", named(page.host)}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tlblab
