// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/explore/litmus/texts.h"

namespace tlblab {
namespace {

using Kind = LitmusExpression::Kind;
using testing::HasSubstr;
using testing::StartsWith;

TEST(LitmusParser, MessagePassing) {
  const LitmusTest test = parsed(
      "C MP+a+b\n\n(*\n * Result: Never (* nested *)\n *)\n\n{}\n\n"
      "P0(int *x, int *y) // Producer\n{\n\tWRITE_ONCE(*x, 1);\n\tsmp_store_release(y, 1);\n}\n\n"
      "P1(int *x, int *y) /* Consumer */\n{\n\tint r0;\n\tint r1;\n\n"
      "\tr0 = smp_load_acquire(y);\n\tr1 = READ_ONCE(*x);\n}\n\n"
      "exists (1:r0=1 /\\ 1:r1=0) (* Bad. *)\n");
  EXPECT_EQ(test.name, "MP+a+b");
  EXPECT_TRUE(test.initial.empty());
  ASSERT_EQ(test.processes.size(), 2U);
  EXPECT_EQ(test.processes[0].parameters[1].name, "y");
  EXPECT_EQ(test.processes[0].parameters[1].type, (LitmusType{"int", 1}));
  ASSERT_EQ(test.processes[1].body.size(), 4U);
  EXPECT_EQ(test.processes[1].body[0].kind, LitmusStatement::Kind::declare);
  const LitmusStatement& load = test.processes[1].body[3];
  EXPECT_EQ(load.kind, LitmusStatement::Kind::assign);
  EXPECT_EQ(load.value.kind, Kind::call);
  EXPECT_EQ(load.value.name, "READ_ONCE");
  EXPECT_EQ(load.value.operands[0].kind, Kind::dereference);
  EXPECT_EQ(load.line.number, 21U);
  EXPECT_EQ(test.quantifier, LitmusQuantifier::exists);
  ASSERT_EQ(test.condition.operands.size(), 2U);
  EXPECT_EQ(test.condition.operands[1].place.process, 1U);
  EXPECT_EQ(test.condition.operands[1].place.name, "r1");
}

TEST(LitmusParser, InitialState) {
  const LitmusTest test = parsed(
      "C init\n{ x=1; [y]=-2; int z = 0x10; int *p = &x; q=x; 0:r0=y; int u;\n"
      "atomic_t v = ATOMIC_INIT(3); spinlock_t s; unsigned long **w = p }\n"
      "P0(int *x) { int r0; }\nexists (x=1)\n");
  ASSERT_EQ(test.initial.size(), 10U);
  EXPECT_EQ(test.initial[0].value, (LitmusConstant{1, ""}));
  EXPECT_EQ(test.initial[1].place.name, "y");
  EXPECT_EQ(test.initial[1].value, (LitmusConstant{-2, ""}));
  EXPECT_EQ(test.initial[2].value, (LitmusConstant{16, ""}));
  EXPECT_EQ(test.initial[3].type, (LitmusType{"int", 1}));
  EXPECT_EQ(test.initial[3].value, (LitmusConstant{0, "x"}));
  EXPECT_EQ(test.initial[4].value, (LitmusConstant{0, "x"}));
  EXPECT_EQ(test.initial[5].place.process, 0U);
  EXPECT_EQ(test.initial[6].value, std::nullopt);
  EXPECT_EQ(test.initial[7].value, (LitmusConstant{3, ""}));
  EXPECT_EQ(test.initial[8].type.words, "spinlock_t");
  EXPECT_EQ(test.initial[9].type, (LitmusType{"unsigned long", 2}));
}

TEST(LitmusParser, BetweenNameAndInitialState) {
  EXPECT_EQ(parsed("C made\n\"Rfe PodRR Fre { \\\" }\"\nCycle=Rfe PodRR {\nHash=0a\n{}\n"
                   "P0(int *x) {}\nexists (x=0)")
                .name,
            "made");
}

TEST(LitmusParser, PrecedenceOfOperators) {
  const LitmusTest test = parsed(with_body("int r = 1 | 2 ^ 3 & 4 == 5 + 6 * -7 - 8;"));
  const LitmusExpression& e = test.processes[0].body[0].value;
  ASSERT_EQ(e.kind, Kind::bit_or);
  ASSERT_EQ(e.operands[1].kind, Kind::bit_xor);
  const LitmusExpression& conjunction = e.operands[1].operands[1];
  ASSERT_EQ(conjunction.kind, Kind::bit_and);
  const LitmusExpression& equality = conjunction.operands[1];
  ASSERT_EQ(equality.kind, Kind::equal);
  const LitmusExpression& difference = equality.operands[1];
  ASSERT_EQ(difference.kind, Kind::subtract);
  ASSERT_EQ(difference.operands[0].kind, Kind::add);
  ASSERT_EQ(difference.operands[0].operands[1].kind, Kind::multiply);
  EXPECT_EQ(difference.operands[0].operands[1].operands[1].number, -7);
}

TEST(LitmusParser, StarInParenthesesIsNoComment) {
  const LitmusTest test = parsed(with_body("int r = READ_ONCE((*x)); (*y) = 1;"));
  EXPECT_EQ(test.processes[0].body[0].value.operands[0].kind, Kind::dereference);
  EXPECT_EQ(test.processes[0].body[1].kind, LitmusStatement::Kind::store);
}

TEST(LitmusParser, CastsChangeNothing) {
  EXPECT_EQ(parsed(with_body("(void)xchg(x, 1); int r = *(int *)y; r = (unsigned long)r;")),
            parsed(with_body("xchg(x, 1); int r = *y; r = r;")));
}

TEST(LitmusParser, SeveralNamesInADeclaration) {
  EXPECT_EQ(parsed(with_body("int a = 1, *b, c;")), parsed(with_body("int a = 1; int *b; int c;")));
}

TEST(LitmusParser, BracesAroundOneStatementChangeNothing) {
  EXPECT_EQ(parsed(with_body("if (*x) *y = 1; else if (*y) *y = 2; else ;")),
            parsed(with_body("if (*x) { *y = 1; } else { if (*y) { *y = 2; } else { } }")));
}

TEST(LitmusParser, AnElseBelongsToTheNearestIf) {
  const LitmusTest test = parsed(with_body("if (*x) if (*y) *x = 1; else *x = 2;"));
  const LitmusStatement& outer = test.processes[0].body[0];
  EXPECT_TRUE(outer.otherwise.empty());
  EXPECT_EQ(outer.body[0].otherwise.size(), 1U);
}

TEST(LitmusParser, Conditions) {
  const auto condition = [](std::string_view text) {
    return parsed("C c\n{}\nP0(int *x, int *y) { int r0; }\n" + std::string(text));
  };
  using P = LitmusProposition::Kind;
  EXPECT_EQ(condition("~exists (x=1)").quantifier, LitmusQuantifier::not_exists);
  EXPECT_EQ(condition("forall (x=1)").quantifier, LitmusQuantifier::forall);
  EXPECT_EQ(condition("exists\n([x]=1)"), condition("exists x=1"));
  EXPECT_EQ(condition("exists (x=1 /\\ (y=1 /\\ 0:r0=1))"),
            condition("exists (x=1 /\\ y=1 && 0:r0==1)"));
  EXPECT_EQ(condition("exists (x<>1)"), condition("exists (~(x=1))"));
  EXPECT_EQ(condition("exists (not x=1)"), condition("exists (x!=1)"));
  EXPECT_EQ(condition("exists (not ~x=1)"), condition("exists (x=1)"));
  const LitmusProposition mixed =
      condition("exists (x=1 /\\ y=1 \\/ x=2 /\\ y=&x => true => false)").condition;
  ASSERT_EQ(mixed.kind, P::implication);
  EXPECT_EQ(mixed.operands[0].kind, P::disjunction);
  EXPECT_EQ(mixed.operands[0].operands[1].kind, P::conjunction);
  EXPECT_EQ(mixed.operands[1].kind, P::implication);
  EXPECT_EQ(mixed.operands[1].operands[1].kind, P::never);
  // Without a condition: whatever the states.
  EXPECT_EQ(condition(""), condition("forall (true)"));
}

TEST(LitmusParser, LocationsAndFilter) {
  const LitmusTest test = parsed(
      "C c\n{}\nP0(int *x) { int r0; }\nlocations [0:r0; x]\nfilter (0:r0=1)\nexists (x=1)\n");
  ASSERT_EQ(test.locations.size(), 2U);
  EXPECT_EQ(test.locations[0].process, 0U);
  ASSERT_TRUE(test.filter);
  EXPECT_EQ(test.filter->value.number, 1);
  EXPECT_EQ(parsed("C c\n{}\nP0(int *x) {}\nlocations[x;]exists(x=1)").locations.size(), 1U);
}

struct Wrong {
  std::string text, line, what;
};

const std::string begin = "C t\n{}\nP0(int *x, spinlock_t *s) { int r0; ";

const Wrong refusals[] = {
    {"", "1", "begins with ''"},
    {"AArch64 MP\n{}\n", "1", "'AArch64'"},
    {"\n\nC\n{}\n", "3", "no name"},
    {"C two words\n{}\n", "1", "'two words'"},
    {"C t\nwhat is this\n{}", "2", "'what is this'"},
    {"C t\n(* endless\n{}", "2", "comment that does not end"},
    {"C t\n\"endless\n{}", "2", "string that does not end"},
    {"C t\n\n", "3", "end of the file"},
    {"C t\n{ int a[2]; }\n", "2", "arrays"},
    {"C t\n{ struct foo f; }\n", "2", "'struct'"},
    {"C t\n{ [if]=1; }\n", "2", "unexpected 'if'; expected a location"},
    {"C t\n{ x }\n", "2", "'}'; expected '=' and a value"},
    {"C t\n{}\nP0(int *x) { }\nexists (x=y)", "4", "no location y"},
    {"C t\n{ 1:r0=1; }\nP0(int *x) { }\nexists (x=1)", "2", "no process P1"},
    {"C t\n{}\nexists (x=1)", "3", "the first process"},
    {"C t\n{}\nP1(int *x) {}\n", "3", "P1 comes here; expected P0"},
    {"C t\n{}\nP0(int x) {}\n", "3", "x is not a pointer; expected 'int *x'"},
    {"C t\n{}\nP0(int *x) {\n x->next = 1; }\n", "4", "structures"},
    {"C t\n{}\nP0(int *x) {\n *x = 1 }\n", "4", "unexpected '}'; expected ';'"},
    {begin + "while (1) ; }", "3", "'while' is not supported"},
    {begin + "goto out; }", "3", "'goto' is not supported"},
    {begin + "else r0 = 1; }", "3", "unexpected 'else'; expected 'if' before it"},
    {begin + "(int)if (r0) ; }", "3", "unexpected 'if'; expected a number"},
    {begin + "r0 = int; }", "3", "unexpected 'int'"},
    {begin + "int a, spinlock_t; }", "3", "unexpected 'spinlock_t'; expected a name"},
    {begin + "int else; }", "3", "'else' where a name should be"},
    {begin + "r0 += 1; }", "3", "'+=' is not supported"},
    {begin + "r0 = r0 / 2; }", "3", "'/' is not supported"},
    {begin + "r0 = r0 ? 1 : 2; }", "3", "'?' is not supported"},
    {begin + "r0 = ~r0; }", "3", "'~' is not supported"},
    {begin + "r0 = (r0 << 1); }", "3", "'<<' is not supported"},
    {begin + "r0 = READ_ONCE(x[0]); }", "3", "arrays"},
    {begin + "WRITE_ONCE(&x, 1); }", "3", "'&' before a name"},
    {begin + "r0; }", "3", "does nothing"},
    {begin + "1 = r0; }", "3", "no variable"},
    {begin + "r0 = \"a\"; }", "3", "0x22"},
    {begin + "r0 = 9223372036854775808; }", "3", "no number"},
    {begin + "r0 = 12ab; }", "3", "'12ab' is no number"},
    {begin + "r0 = srcu_read_lock(x); } exists (x=1)", "3", "srcu_read_lock is not supported"},
    {begin + "r0 = READ_ONCE(x); } exists (x=1)", "3", "no place in memory"},
    {begin + "r0 = cmpxchg(x, 1); } exists (x=1)", "3", "2 arguments; expected 3"},
    {begin + "r0 = smp_mb(); } exists (x=1)", "3", "smp_mb has no value"},
    {begin + "r0 = r7; } exists (x=1)", "3", "P0 knows no r7"},
    {begin + "} exists (x=1", "3", "unexpected the end of the file; expected ')'"},
    {begin + "}\nexists (z=1)", "4", "no location z"},
    {begin + "}\nexists (0:r9=1)", "4", "P0 has no register r9"},
    {begin + "}\nexists (1:r0=1)", "4", "1:r0 is of a process that is not there"},
    {begin + "}\nexists (x=1) x", "4", "expected the end of the file"},
    {begin + "}\nsometimes (x=1)", "4", "'sometimes'"}};

TEST(LitmusParser, RefusesInOneLineThatNamesTheConstruct) {
  for (const Wrong& wrong : refusals) {
    const std::string said = refusal(wrong.text);
    EXPECT_THAT(said, StartsWith("t.litmus:" + wrong.line + ": "));
    EXPECT_THAT(said, HasSubstr(wrong.what));
    EXPECT_THAT(said, HasSubstr("; expected "));
    EXPECT_EQ(said.find('\n'), std::string::npos);
  }
}

std::string repeated(std::string_view what, std::size_t times) {
  std::string text;
  for (std::size_t n = 0; n < times; ++n) text += what;
  return text;
}

// However deep or long, the answer is one line and the stack holds.
TEST(LitmusParser, Limits) {
  constexpr std::size_t many = 100000;
  const std::string end = "}\nexists (x=1)";
  EXPECT_THAT(refusal(begin + repeated("{", many)), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(begin + "r0 = " + repeated("(", many)), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(begin + "r0 = " + repeated("!", many)), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(begin + repeated("if (r0) ; else ", many / 2)),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(begin + "r0 = 1" + repeated(" + 1", many)), HasSubstr("too long"));
  EXPECT_THAT(refusal(begin + "xchg(1" + repeated(",1", many)), HasSubstr("too long"));
  EXPECT_THAT(refusal(begin + repeated("r0=1;", many)), HasSubstr("too long"));
  EXPECT_THAT(refusal(begin + "int a" + repeated(",a", many)), HasSubstr("too long"));
  EXPECT_THAT(refusal(begin + "}\nexists " + repeated("(", many)), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(begin + "}\nexists " + repeated("~", many)), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(begin + "}\nexists x=1" + repeated("=>x=1", many)),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(begin + "}\nexists true" + repeated("/\\true", many)), HasSubstr("too long"));
  EXPECT_THAT(refusal("C t\n{" + repeated("x=1;", many)), HasSubstr("too many"));
  EXPECT_THAT(refusal(begin + repeated("r0 = READ_ONCE(*x); ", 65) + end),
              HasSubstr("at most 64 loads"));
  EXPECT_EQ(refusal(begin + repeated("r0 = READ_ONCE(*x); ", 64) + end), "");
  EXPECT_THAT(refusal(std::string(LitmusLimits::bytes + 1, ' ')), HasSubstr("1048577 bytes"));
}

}  // namespace
}  // namespace tlblab
