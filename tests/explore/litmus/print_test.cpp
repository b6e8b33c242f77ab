// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/print.h"

#include <gtest/gtest.h>

#include "tests/explore/litmus/texts.h"

namespace tlblab {
namespace {

constexpr std::string_view everything =
    "C every.thing+1\n{ x=1; [y]=-2; int z; int *p = &x; 0:r0=y; atomic_t v = ATOMIC_INIT(3); }\n"
    "P0(int *x, int **p, atomic_t *v, spinlock_t *s) {\n"
    "  int r0; int *q = rcu_dereference(*p), *t; unsigned long u = 0x10;\n"
    "  r0 = -(-1) - - -2 + !x * (3 - (4 - 5)) - (6 - 7) - 8;\n"
    "  r0 = (r0 & 1) == 1 && r0 != 2 || r0 < 3 | r0 >= 4 ^ r0 > 5 && r0 <= 6;\n"
    "  if (r0) { spin_lock(s); { *x = 1; } spin_unlock(s); } else if (!r0) **p = 2; else ;\n"
    "  if (*x == 1) ; (void)atomic_add_unless(v, 1, 0); smp_mb();\n"
    "  WRITE_ONCE(*x, READ_ONCE(*q) + 1);\n"
    "}\nP1(int *z) { }\n"
    "locations [x; 0:r0]\nfilter (0:r0=1 \\/ x=2 /\\ y=x)\n"
    "~exists ((x=1 => y=1) => (z=1 \\/ ~(z=2)) /\\ true)\n";

TEST(LitmusPrint, WhatIsPrintedSaysTheSame) {
  const LitmusTest test = parsed(everything);
  const std::string text = print_litmus(test);
  EXPECT_EQ(parsed(text), test) << text;
  EXPECT_EQ(print_litmus(parsed(text)), text);
}

TEST(LitmusPrint, OtherTestsAreNotEqual) {
  const LitmusTest test = parsed(everything);
  for (const auto& [from, to] :
       {std::pair("x=1;", "x=2;"), std::pair("(4 - 5)", "(5 - 4)"),
        std::pair("else ;", "else *x = 1;"), std::pair("/\\ y=x", "/\\ y=z"),
        std::pair("~exists", "exists"), std::pair("; 0:r0]", "]")}) {
    std::string other(everything);
    other.replace(other.find(from), std::string_view(from).size(), to);
    EXPECT_FALSE(parsed(other) == test) << to;
    EXPECT_EQ(parsed(print_litmus(parsed(other))), parsed(other));
  }
}

TEST(LitmusPrint, ParenthesesOfExpressions) {
  const auto repeated = [](const std::string& text) {
    const std::string all = print_litmus(parsed(with_body("int r = " + text + ";")));
    const std::size_t begin = all.find("= ") + 2;
    return all.substr(begin, all.find(';', begin) - begin);
  };
  EXPECT_EQ(repeated("((1 + 2) + 3)"), "1 + 2 + 3");
  EXPECT_EQ(repeated("1 - (2 - 3)"), "1 - (2 - 3)");
  EXPECT_EQ(repeated("(1 + 2) * 3 == (4 | 5)"), "(1 + 2) * 3 == (4 | 5)");
  EXPECT_EQ(repeated("!(1 + 2) && !(*x)"), "!(1 + 2) && !*x");
  EXPECT_EQ(repeated("- - -1 - -(2)"), "- - -1 - -2");
}

struct Nested {
  std::string before, open, inner, close, after;
};

const std::string body_begin = "C t\n{}\nP0(int *x) { ";
const std::string value_begin = body_begin + "int r = ";
const std::string exists_begin = "C t\n{}\nP0(int *x) { }\nexists ";

const Nested nestings[] = {{body_begin, "{", "*x = 1;", "}", "}"},
                           {body_begin, "if (*x) ", "*x = 1;", "", "}"},
                           {body_begin, "if (*x) ; else ", "*x = 1;", "", "}"},

                           {value_begin, "- ", "1", "", ";}"},
                           {value_begin, "!", "1", "", ";}"},
                           {value_begin, "*", "1", "", ";}"},
                           {value_begin, "1 + ", "1", "", ";}"},
                           {value_begin, "", "1", " - 1", ";}"},
                           {value_begin, "1 - (", "1", ")", ";}"},
                           {value_begin, "-(1 - ", "1", ")", ";}"},
                           {value_begin, "f(1, ", "1", ")", ";}"},
                           {exists_begin, "~(true /\\ ", "~x=1", ")", ""},
                           {exists_begin, "(", "~x=1", " => x=2)", ""},
                           {exists_begin, "x=2 => ", "~x=1", "", ""},
                           {exists_begin, "x=1 /\\ (x=2 \\/ ", "~x=1", ")", ""}};

// Printing asks for no more of the parser than the text before did, up to the last that it takes.
TEST(LitmusPrint, WhatIsJustSmallEnoughStaysSo) {
  for (const Nested& nested_in : nestings) {
    std::string nested = nested_in.inner;
    unsigned depth = 0;
    for (;; ++depth) {
      const std::string text = nested_in.before + nested + nested_in.after;
      LitmusTest test;
      try {
        test = parsed(text);
      } catch (const LitmusError&) {
        break;
      }
      ASSERT_LT(depth, 2 * LitmusLimits::operators) << "there is no limit";
      ASSERT_NO_THROW((void)parsed(print_litmus(test))) << print_litmus(test);
      ASSERT_EQ(parsed(print_litmus(test)), test);
      nested = nested_in.open + nested + nested_in.close;
    }
    EXPECT_GE(depth, 20U) << nested_in.open;
  }
}

TEST(LitmusPrint, AWholeTest) {
  EXPECT_EQ(print_litmus(parsed("C MP\n{ int x=1; }\nP0(int *x,int *y){*x=1;if(*y)smp_mb();}\n"
                                "P1(int *x) { int r0 = READ_ONCE(*x); }\nlocations [y;]\n"
                                "exists (1:r0=1 /\\ x=2)")),
            "C MP\n\n{\nint x = 1;\n}\n\n"
            "P0(int *x, int *y)\n{\n\t*x = 1;\n\tif (*y) {\n\t\tsmp_mb();\n\t}\n}\n\n"
            "P1(int *x)\n{\n\tint r0 = READ_ONCE(*x);\n}\n\n"
            "locations [y;]\nexists (1:r0=1 /\\ [x]=2)\n");
}

TEST(LitmusPrint, ConditionsHaveNoMoreParenthesesThanNeeded) {
  const auto repeated = [](const std::string& text) {
    return print_proposition(parsed("C c\n{}\nP0(int *x, int *y) {}\nexists " + text).condition);
  };
  EXPECT_EQ(repeated("((x=1) /\\ (y=1 /\\ x=2))"), "([x]=1 /\\ [y]=1 /\\ [x]=2)");
  EXPECT_EQ(repeated("(x=1 /\\ y=1) \\/ x=2"), "([x]=1 /\\ [y]=1 \\/ [x]=2)");
  EXPECT_EQ(repeated("(x=1 \\/ y=1) /\\ x=2"), "(([x]=1 \\/ [y]=1) /\\ [x]=2)");
  EXPECT_EQ(repeated("~(x=1) \\/ y=x"), "(not ([x]=1) \\/ [y]=x)");
  EXPECT_EQ(repeated("(x=1 => y=1) => x=2 => y=2"), "(([x]=1 => [y]=1) => [x]=2 => [y]=2)");
}

}  // namespace
}  // namespace tlblab
