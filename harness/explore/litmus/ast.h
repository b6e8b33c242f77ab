// SPDX-License-Identifier: GPL-2.0-or-later
// An LKMM litmus test in C as it was written: data only. parser.h reads it, print.h writes it,
// program.h makes it executable. Two tests are equal if they say the same, wherever on the page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tlblab {

// Where something stands in the file, from 1. Takes no part in comparisons.
struct SourceLine {
  unsigned number = 0;
  friend constexpr bool operator==(SourceLine, SourceLine) noexcept { return true; }
};

// A number, or the name of a location, which stands for a pointer to it.
struct LitmusConstant {
  std::int64_t number = 0;
  std::string name{};  // empty: the number
  friend bool operator==(const LitmusConstant&, const LitmusConstant&) = default;
};

// A register `0:r0`, or a location `x`.
struct LitmusPlace {
  std::optional<unsigned> process{};
  std::string name{};
  SourceLine line{};
  friend bool operator==(const LitmusPlace&, const LitmusPlace&) = default;
};

// A type is not interpreted, but for spinlock_t.
struct LitmusType {
  std::string words{};  // "int", "unsigned long"; empty: none was given
  unsigned stars = 0;
  friend bool operator==(const LitmusType&, const LitmusType&) = default;
};

// `x=1;`  `int x;`  `int *p = &x;`  `0:r0=1;`  `atomic_t v = ATOMIC_INIT(1);`
struct LitmusInitial {
  LitmusType type{};
  LitmusPlace place{};
  std::optional<LitmusConstant> value{};
  friend bool operator==(const LitmusInitial&, const LitmusInitial&) = default;
};

struct LitmusExpression {
  enum class Kind : std::uint8_t {
    number,
    name,         // a register or a parameter
    dereference,  // a plain load, or the place that an access macro is given
    negate,
    logical_not,
    add,
    subtract,
    multiply,
    bit_and,
    bit_or,
    bit_xor,
    equal,
    not_equal,
    less,
    greater,
    less_equal,
    greater_equal,
    logical_and,
    logical_or,
    call,  // of the primitive `name`
  };
  Kind kind = Kind::number;
  std::int64_t number = 0;
  std::string name{};
  std::vector<LitmusExpression> operands{};
  SourceLine line{};
  friend bool operator==(const LitmusExpression&, const LitmusExpression&) = default;
};

struct LitmusStatement {
  enum class Kind : std::uint8_t {
    declare,   // type name [= value]
    assign,    // name = value
    store,     // *target = value
    evaluate,  // value, a call
    branch,    // if (value) body else otherwise
    block,     // body
  };
  Kind kind = Kind::block;
  LitmusType type{};
  std::string name{};
  std::optional<LitmusExpression> target{}, value{};
  std::vector<LitmusStatement> body{}, otherwise{};
  SourceLine line{};
  friend bool operator==(const LitmusStatement&, const LitmusStatement&) = default;
};

struct LitmusParameter {
  LitmusType type{};
  std::string name{};  // of the location that it points to, too
  friend bool operator==(const LitmusParameter&, const LitmusParameter&) = default;
};

struct LitmusProcessText {
  std::vector<LitmusParameter> parameters{};
  std::vector<LitmusStatement> body{};
  friend bool operator==(const LitmusProcessText&, const LitmusProcessText&) = default;
};

struct LitmusProposition {
  enum class Kind : std::uint8_t {
    always,  // true; never: false
    never,
    equal,  // place = value
    negation,
    conjunction,  // of any number
    disjunction,
    implication,  // of two
  };
  Kind kind = Kind::always;
  LitmusPlace place{};
  LitmusConstant value{};
  std::vector<LitmusProposition> operands{};
  friend bool operator==(const LitmusProposition&, const LitmusProposition&) = default;
};

enum class LitmusQuantifier : std::uint8_t { exists, not_exists, forall };

struct LitmusTest {
  std::string file{};  // for messages; no part of what the test says
  std::string name{};
  std::vector<LitmusInitial> initial{};
  std::vector<LitmusProcessText> processes{};  // P0, P1, ...
  std::vector<LitmusPlace> locations{};        // shown beside those of the condition
  std::optional<LitmusProposition> filter{};
  LitmusQuantifier quantifier = LitmusQuantifier::exists;
  LitmusProposition condition{};
  friend bool operator==(const LitmusTest& a, const LitmusTest& b) {
    return a.name == b.name && a.initial == b.initial && a.processes == b.processes &&
           a.locations == b.locations && a.filter == b.filter && a.quantifier == b.quantifier &&
           a.condition == b.condition;
  }
};

}  // namespace tlblab
