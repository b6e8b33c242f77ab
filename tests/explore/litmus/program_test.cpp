// SPDX-License-Identifier: GPL-2.0-or-later
// One process: what it asks of memory, what it computes, what each access depends on.
#include "harness/explore/litmus/program.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/explore/litmus/outcome.h"
#include "tests/explore/litmus/texts.h"

namespace tlblab {
namespace {

// One memory for one process. Writes down what it is asked: `load once x`, then `@` and the loads
// that the address depends on, `=` and those that the data depend on.
class Notebook : public LitmusMemory {
 public:
  explicit Notebook(const LitmusProgram& program) : program_(program) {
    for (const LitmusLocation& location : program.locations) values.push_back(location.initial);
  }

  LitmusLoaded load(const LitmusAccess& access) override {
    note("load", access);
    EXPECT_EQ(access.load, loads_++);
    return {values[access.location], written_[access.location]};
  }
  void store(const LitmusAccess& access, LitmusValue value) override {
    note("store", access);
    lines.back() += fmt::format(" {}", value_text(program_, value));
    write(access.location, value);
  }
  LitmusLoaded rmw(const LitmusAccess& access,
                   RmwKind kind,
                   LitmusValue operand,
                   LitmusValue expected) override {
    static constexpr std::string_view names[] = {"exchange", "add", "cmpxchg", "add_unless"};
    note(names[static_cast<std::size_t>(kind)], access);
    lines.back() += fmt::format(" {}", value_text(program_, operand));
    if (kind >= RmwKind::compare_exchange) lines.back() += fmt::format(" {}", expected);
    EXPECT_EQ(access.load, loads_++);
    const LitmusLoaded old{values[access.location], written_[access.location]};
    if (kind == RmwKind::exchange || (kind == RmwKind::compare_exchange && old.value == expected))
      write(access.location, operand);
    else if (kind == RmwKind::add || (kind == RmwKind::add_unless && old.value != expected))
      write(access.location, old.value + operand);
    return old;
  }
  void fence(FenceKind kind) override {
    static constexpr std::string_view names[] = {
        "mb", "rmb", "wmb", "before_atomic", "after_atomic", "after_spinlock", "after_unlock_lock"};
    lines.emplace_back(names[static_cast<std::size_t>(kind)]);
  }
  void spin_lock(unsigned location) override { lock("lock", location, 1); }
  void spin_unlock(unsigned location) override { lock("unlock", location, 0); }
  bool spin_trylock(unsigned location) override {
    const bool free = values[location] == 0;
    lock("trylock", location, 1);
    return free;
  }
  bool spin_is_locked(unsigned location) override {
    lock("is_locked", location, values[location]);
    return values[location] != 0;
  }
  void rcu_read_lock() override { lines.emplace_back("rcu_read_lock"); }
  void rcu_read_unlock() override { lines.emplace_back("rcu_read_unlock"); }
  void synchronize_rcu() override { lines.emplace_back("synchronize_rcu"); }

  std::vector<std::string> lines;
  std::vector<LitmusValue> values;

 private:
  static std::string set_text(char mark, LoadSet set) {
    return set == 0 ? "" : fmt::format(" {}{:b}", mark, set);
  }
  void note(std::string_view what, const LitmusAccess& access) {
    static constexpr std::string_view orders[] = {"plain",   "once", "acquire",
                                                  "release", "full", "noreturn"};
    lines.push_back(fmt::format("{} {} {}{}{}", what,
                                orders[static_cast<std::size_t>(access.order)],
                                program_.locations[access.location].name,
                                set_text('@', access.address), set_text('=', access.data)));
  }
  void write(unsigned location, LitmusValue value) {
    values[location] = value;
    written_[location] = true;
  }
  void lock(std::string_view what, unsigned location, LitmusValue value) {
    lines.push_back(fmt::format("{} {}", what, program_.locations[location].name));
    values[location] = value;
  }

  const LitmusProgram& program_;
  std::map<unsigned, bool> written_;
  unsigned loads_ = 0;
};

// What P0 does in memory, and in the end its registers.
struct Ran {
  std::vector<std::string> lines;
  std::map<std::string, std::string> registers;
  std::optional<LitmusFault> fault;
};

Ran ran(const std::string& body, const std::string& initial = "") {
  const LitmusProgram program = compiled(
      "C one\n{" + initial + "}\nP0(int *x, int *y, int **p, spinlock_t *s)\n{ " + body + " }\n");
  Notebook memory(program);
  LitmusProcess process(program, 0);
  process.run(memory);
  Ran result{memory.lines, {}, process.fault()};
  const auto& names = program.processes[0].registers;
  for (std::size_t n = 0; n < names.size(); ++n)
    result.registers[names[n]] = value_text(program, process.value(n));
  return result;
}

using Lines = std::vector<std::string>;

TEST(LitmusProcess, Loads) {
  EXPECT_EQ(ran("int r; r = *x; r = READ_ONCE(*x); r = rcu_dereference(*p);"
                "r = smp_load_acquire(y); r = atomic_read(x); r = atomic_read_acquire(x);")
                .lines,
            (Lines{"load plain x", "load once x", "load once p", "load acquire y", "load once x",
                   "load acquire x"}));
}

TEST(LitmusProcess, Stores) {
  EXPECT_EQ(ran("*x = 1; WRITE_ONCE(*x, 2); smp_store_release(y, 3); rcu_assign_pointer(*p, x);"
                "smp_store_mb(*x, 4); atomic_set(x, 5); atomic_set_release(x, 6);")
                .lines,
            (Lines{"store plain x 1", "store once x 2", "store release y 3", "store release p x",
                   "store once x 4", "mb", "store once x 5", "store release x 6"}));
}

TEST(LitmusProcess, FencesAndRcu) {
  EXPECT_EQ(
      ran("smp_mb(); smp_rmb(); smp_wmb(); smp_mb__before_atomic(); smp_mb__after_atomic();"
          "smp_mb__after_spinlock(); smp_mb__after_unlock_lock(); barrier();"
          "rcu_read_lock(); rcu_read_unlock(); synchronize_rcu(); synchronize_rcu_expedited();")
          .lines,
      (Lines{"mb", "rmb", "wmb", "before_atomic", "after_atomic", "after_spinlock",
             "after_unlock_lock", "rcu_read_lock", "rcu_read_unlock", "synchronize_rcu",
             "synchronize_rcu"}));
}

TEST(LitmusProcess, Locks) {
  const Ran all =
      ran("spin_lock(s); int a = spin_is_locked(s); int b = spin_trylock(s); spin_unlock(s);"
          "int c = spin_trylock(s);");
  EXPECT_EQ(all.lines, (Lines{"lock s", "is_locked s", "trylock s", "unlock s", "trylock s"}));
  EXPECT_EQ(all.registers.at("a"), "1");
  EXPECT_EQ(all.registers.at("b"), "0");
  EXPECT_EQ(all.registers.at("c"), "1");
}

struct Rmw {
  std::string call, line, result, left;  // *x is 5 before and `left` afterwards
};

const Rmw rmws[] = {{"xchg(x, 7)", "exchange full x 7", "5", "7"},
                    {"xchg_relaxed(x, 7)", "exchange once x 7", "5", "7"},
                    {"xchg_acquire(x, 7)", "exchange acquire x 7", "5", "7"},
                    {"atomic_xchg_release(x, 7)", "exchange release x 7", "5", "7"},
                    {"cmpxchg(x, 5, 7)", "cmpxchg full x 7 5", "5", "7"},
                    {"cmpxchg_release(x, 4, 7)", "cmpxchg release x 7 4", "5", "5"},
                    {"atomic_cmpxchg_relaxed(x, 5, 7)", "cmpxchg once x 7 5", "5", "7"},
                    {"atomic_fetch_add(2, x)", "add full x 2", "5", "7"},
                    {"atomic_fetch_sub_acquire(2, x)", "add acquire x -2", "5", "3"},
                    {"atomic_fetch_inc(x)", "add full x 1", "5", "6"},
                    {"atomic_fetch_dec_relaxed(x)", "add once x -1", "5", "4"},
                    {"atomic_add_return(2, x)", "add full x 2", "7", "7"},
                    {"atomic_sub_return_release(2, x)", "add release x -2", "3", "3"},
                    {"atomic_inc_return(x)", "add full x 1", "6", "6"},
                    {"atomic_dec_return(x)", "add full x -1", "4", "4"},
                    {"atomic_sub_and_test(5, x)", "add full x -5", "1", "0"},
                    {"atomic_dec_and_test(x)", "add full x -1", "0", "4"},
                    {"atomic_inc_and_test(x)", "add full x 1", "0", "6"},
                    {"atomic_add_negative(-6, x)", "add full x -6", "1", "-1"},
                    {"atomic_add_unless(x, 2, 5)", "add_unless full x 2 5", "0", "5"},
                    {"atomic_add_unless(x, 2, 4)", "add_unless full x 2 4", "1", "7"}};

TEST(LitmusProcess, AtomicsDoWhatTheKernelSays) {
  for (const Rmw& rmw : rmws) {
    const Ran one = ran("int r = " + rmw.call + "; int left = *x;", "x=5;");
    ASSERT_FALSE(one.lines.empty()) << rmw.call;
    EXPECT_EQ(one.lines[0], rmw.line);
    EXPECT_EQ(one.registers.at("r"), rmw.result);
    EXPECT_EQ(one.registers.at("left"), rmw.left);
  }
}

TEST(LitmusProcess, AtomicsWithoutAValue) {
  EXPECT_EQ(
      ran("atomic_add(2, x); atomic_sub(2, x); atomic_inc(x); atomic_dec(x);").lines,
      (Lines{"add noreturn x 2", "add noreturn x -2", "add noreturn x 1", "add noreturn x -1"}));
}

std::string computed(const std::string& expression) {
  return ran("int a = 6; int b = 3; int r = " + expression + ";").registers.at("r");
}

TEST(LitmusProcess, Arithmetic) {
  EXPECT_EQ(computed("a + b * 2"), "12");
  EXPECT_EQ(computed("a - b - 1"), "2");
  EXPECT_EQ(computed("-a"), "-6");
  EXPECT_EQ(computed("a & b"), "2");
  EXPECT_EQ(computed("a | b"), "7");
  EXPECT_EQ(computed("a ^ b"), "5");
  EXPECT_EQ(computed("(a == 6) + (a != 6) * 10 + (a < b) * 100 + (a > b) * 1000"), "1001");
  EXPECT_EQ(computed("(a <= 6) + (a >= 7) * 10 + !a * 100 + !0 * 1000"), "1001");
  EXPECT_EQ(computed("a && b"), "1");
  EXPECT_EQ(computed("a && 0"), "0");
  EXPECT_EQ(computed("0 || b"), "1");
  EXPECT_EQ(computed("0 || 0"), "0");
  EXPECT_EQ(computed("9223372036854775807 + 1"), "-9223372036854775808");
  EXPECT_EQ(computed("-9223372036854775807 * 3 - 5"), "9223372036854775806");
}

TEST(LitmusProcess, TheRightSideOfAShortcutIsNotEvaluated) {
  EXPECT_EQ(ran("int r = *x && *y; r = !*x || *y;").lines, (Lines{"load plain x", "load plain x"}));
  EXPECT_EQ(ran("int r = *x && *y;", "x=1;").lines, (Lines{"load plain x", "load plain y"}));
}

TEST(LitmusProcess, Branches) {
  const std::string body =
      "int r; if (*x == 1) { r = 1; } else if (*x == 2) r = 2; else { r = 3; { r = r + 1; } }";
  EXPECT_EQ(ran(body, "x=1;").registers.at("r"), "1");
  EXPECT_EQ(ran(body, "x=2;").registers.at("r"), "2");
  EXPECT_EQ(ran(body, "x=7;").registers.at("r"), "4");
  EXPECT_EQ(ran("int r; if (*x) r = 1;").registers.at("r"), "0");
}

TEST(LitmusProcess, PointersAreValues) {
  const Ran one =
      ran("int *r = *p; int v = *r; *r = 8; int *q = y; WRITE_ONCE(*p, q); **p = 9;", "p=x; x=4;");
  EXPECT_EQ(one.lines, (Lines{"load plain p", "load plain x @1", "store plain x @1 8",
                              "store once p y", "load plain p", "store plain y @100 9"}));
  EXPECT_EQ(one.registers.at("r"), "x");
  EXPECT_EQ(one.registers.at("v"), "4");
  EXPECT_EQ(ran("int r = x == y; int q = x == x;").registers.at("q"), "1");
  EXPECT_EQ(ran("int r = 1;", "0:q=y; 0:n=3;").registers.at("q"), "y");
}

TEST(LitmusProcess, DependenciesGoThroughRegistersAndArithmetic) {
  EXPECT_EQ(ran("int a = READ_ONCE(*x); int b = READ_ONCE(*y); int c = a + 1;"
                "WRITE_ONCE(*x, a + b); WRITE_ONCE(*y, c); a = 5; WRITE_ONCE(*x, a);"
                "int d = READ_ONCE(*(y + (b & 0))); xchg(x, b);")
                .lines,
            (Lines{"load once x", "load once y", "store once x =11 0", "store once y =1 1",
                   "store once x 5", "load once y @10", "exchange full x =10 0"}));
}

TEST(LitmusProcess, DependenciesGoThroughOwnStores) {
  // r1 comes from the first load by way of *y; what others might have stored there would not.
  EXPECT_EQ(ran("int a = READ_ONCE(*x); *y = a; int b = *y; WRITE_ONCE(*x, b);"
                "*y = 1; b = *y; WRITE_ONCE(*x, b);")
                .lines,
            (Lines{"load once x", "store plain y =1 0", "load plain y", "store once x =11 0",
                   "store plain y 1", "load plain y", "store once x =100 1"}));
}

TEST(LitmusProcess, AnAtomicSumDependsOnWhatWasThere) {
  EXPECT_EQ(ran("atomic_inc(x); int r = *x; *y = r;").lines.back(), "store plain y =11 1");
  EXPECT_EQ(ran("xchg(x, 1); int r = *x; *y = r;").lines.back(), "store plain y =10 1");
  // One that failed stored nothing: the value is still from the first store.
  EXPECT_EQ(ran("int a = *y; *x = a; cmpxchg(x, 1, 2); int r = *x; *y = r;").lines.back(),
            "store plain y =101 0");
}

TEST(LitmusProcess, FollowingNoPointerIsAFault) {
  const Ran one = ran("int *r = READ_ONCE(*p);\nint v = READ_ONCE(*r); *x = 1;");
  ASSERT_TRUE(one.fault);
  EXPECT_EQ(one.fault->line, 5U);
  EXPECT_EQ(one.fault->wrong, "P0 follows 0, which is no pointer");
  EXPECT_EQ(one.fault->expected, "a pointer to a location that is no spinlock_t");
  EXPECT_EQ(one.lines, Lines{"load once p"});
}

TEST(LitmusProcess, LocksAndDataAreKeptApart) {
  EXPECT_EQ(ran("int r = READ_ONCE(*s);").fault->wrong, "an access on s, which is a spinlock_t");
  EXPECT_EQ(ran("int *q = x; spin_lock(q);").fault->wrong,
            "a lock operation on x, which is no spinlock_t");
  // Locked by its name, it is a lock whatever its type.
  EXPECT_EQ(ran("spin_lock(y);").lines, Lines{"lock y"});
}

TEST(LitmusProcess, NextMayBeAskedAgain) {
  const LitmusProgram program = compiled(with_body("int r = *x; *y = r + 1;"));
  LitmusProcess process(program, 0);
  ASSERT_TRUE(process.next());
  ASSERT_TRUE(process.next());
  EXPECT_EQ(process.next()->access.location, 0U);
  const LitmusProcess copy = process;
  process.complete({.value = 4, .own = false});
  ASSERT_TRUE(process.next());
  EXPECT_EQ(process.next()->operand, 5);
  process.complete({});
  EXPECT_FALSE(process.next());
  EXPECT_FALSE(process.fault());
  LitmusProcess other = copy;
  EXPECT_EQ(other.next()->access.load, 0U);
}

}  // namespace
}  // namespace tlblab
