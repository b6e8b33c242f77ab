// SPDX-License-Identifier: GPL-2.0-or-later
// From what was written to what is executed: all but the code of the processes.
#include "harness/explore/litmus/compile.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "harness/explore/litmus/error.h"

namespace tlblab {
namespace {

using Expression = LitmusExpression;
using Statement = LitmusStatement;

class TestCompiler {
 public:
  explicit TestCompiler(const LitmusTest& test) : test_(test), locations_(program_.locations) {
    program_.file = test.file;
    program_.name = test.name;
    program_.quantifier = test.quantifier;
    program_.proposition = test.condition;
  }

  LitmusProgram compile() {
    name_locations();
    processes();
    observables();
    program_.check = resolved(test_.condition);
    program_.filter = test_.filter ? resolved(*test_.filter) : LitmusCheck{};
    return std::move(program_);
  }

 private:
  [[noreturn]] void fail(SourceLine line, std::string_view wrong, std::string_view expected) {
    throw LitmusError(test_.file, line.number, wrong, expected);
  }

  void name_locations() {
    for (const LitmusInitial& entry : test_.initial) {
      if (!entry.place.process)
        locations_.add(entry.place.name, entry.type.stars == 0 ? entry.type.words : "");
      // What is only pointed to is a location too.
      if (entry.value && !entry.value->name.empty()) locations_.add(entry.value->name, "");
    }
    for (const LitmusProcessText& process : test_.processes) {
      for (const LitmusParameter& parameter : process.parameters)
        locations_.add(parameter.name, parameter.type.stars == 1 ? parameter.type.words : "");
      mark_locks(process.body);
    }
    for (const LitmusInitial& entry : test_.initial)
      if (!entry.place.process && entry.value)
        locations_.at(*locations_.find(entry.place.name)).initial =
            value_of(*entry.value, entry.place.line);
  }

  // A location that is locked by its name is a lock, whatever its type says.
  void mark_locks(const std::vector<Statement>& list) {
    for (const Statement& s : list) {
      if (s.value) mark_lock(*s.value);
      mark_locks(s.body);
      mark_locks(s.otherwise);
    }
  }

  void mark_lock(const Expression& e) {
    if (e.kind == Expression::Kind::call && e.name.starts_with("spin_") && e.operands.size() == 1 &&
        e.operands[0].kind == Expression::Kind::name)
      if (const auto location = locations_.find(e.operands[0].name))
        locations_.at(*location).lock = true;
    for (const Expression& operand : e.operands) mark_lock(operand);
  }

  LitmusValue value_of(const LitmusConstant& constant, SourceLine line) {
    if (constant.name.empty()) return constant.number;
    const auto location = locations_.find(constant.name);
    if (!location)
      fail(line, fmt::format("there is no location {}", constant.name),
           "a number, or a location that the initial state or a parameter names");
    return pointer_to(*location);
  }

  void processes() {
    for (std::size_t n = 0; n < test_.processes.size(); ++n) {
      LitmusRegisters registers;
      for (const LitmusInitial& entry : test_.initial)
        if (entry.place.process == n)
          registers[entry.place.name] = entry.value ? value_of(*entry.value, entry.place.line) : 0;
      program_.processes.push_back(compile_process(test_, n, locations_, registers));
    }
    for (const LitmusInitial& entry : test_.initial)
      if (entry.place.process && *entry.place.process >= test_.processes.size())
        fail(entry.place.line, fmt::format("there is no process P{}", *entry.place.process),
             fmt::format("P0 to P{}", test_.processes.size() - 1));
  }

  LitmusObservable observable(const LitmusPlace& place) {
    if (!place.process) {
      const auto location = locations_.find(place.name);
      if (!location)
        fail(place.line, fmt::format("there is no location {}", place.name),
             "one that the initial state or a parameter names");
      return {.process = {}, .index = *location, .name = place.name};
    }
    const std::string name = fmt::format("{}:{}", *place.process, place.name);
    if (*place.process >= program_.processes.size())
      fail(place.line, fmt::format("{} is of a process that is not there", name),
           fmt::format("P0 to P{}", program_.processes.size() - 1));
    const auto& registers = program_.processes[*place.process].registers;
    const auto found = std::find(registers.begin(), registers.end(), place.name);
    if (found == registers.end())
      fail(place.line, fmt::format("P{} has no register {}", *place.process, place.name),
           "one that it declares or sets");
    return {.process = place.process,
            .index = static_cast<std::size_t>(found - registers.begin()),
            .name = name};
  }

  static bool before(const LitmusObservable& a, const LitmusObservable& b) {
    if (a.process.has_value() != b.process.has_value()) return a.process.has_value();
    return std::tie(a.process, a.name) < std::tie(b.process, b.name);
  }

  void collect(const LitmusProposition& p, std::vector<LitmusObservable>& list) {
    if (p.kind == LitmusProposition::Kind::equal) list.push_back(observable(p.place));
    for (const LitmusProposition& operand : p.operands) collect(operand, list);
  }

  // Sorted, each once, and none of those that are there already.
  void add_observables(std::vector<LitmusObservable> list) {
    std::sort(list.begin(), list.end(), before);
    for (LitmusObservable& each : list)
      if (!index_.contains(each.name)) {
        index_.emplace(each.name, program_.observables.size());
        program_.observables.push_back(std::move(each));
      }
  }

  void observables() {
    std::vector<LitmusObservable> list;
    for (const LitmusPlace& place : test_.locations) list.push_back(observable(place));
    collect(test_.condition, list);
    add_observables(std::move(list));
    program_.shown = program_.observables.size();
    std::vector<LitmusObservable> for_filter;
    if (test_.filter) collect(*test_.filter, for_filter);
    add_observables(std::move(for_filter));
  }

  LitmusCheck resolved(const LitmusProposition& p) {
    LitmusCheck check{.kind = p.kind, .observable = 0, .value = 0, .operands = {}};
    if (p.kind == LitmusProposition::Kind::equal) {
      check.observable = index_.at(observable(p.place).name);
      check.value = value_of(p.value, p.place.line);
    }
    for (const LitmusProposition& operand : p.operands) check.operands.push_back(resolved(operand));
    return check;
  }

  const LitmusTest& test_;
  LitmusProgram program_;
  LitmusLocations locations_;
  LitmusNames index_;  // of program_.observables
};

}  // namespace

LitmusProgram compile_litmus(const LitmusTest& test) { return TestCompiler(test).compile(); }

}  // namespace tlblab
