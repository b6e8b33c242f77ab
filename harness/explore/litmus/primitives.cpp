// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/litmus/primitives.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tlblab {
namespace {

using Order = AccessOrder;
using Result = PrimitiveResult;

constexpr Primitive load(std::string_view name, std::string_view arguments, Order order) {
  return {.name = name,
          .arguments = arguments,
          .op = CodeOp::load,
          .order = order,
          .result = Result::loaded};
}

constexpr Primitive store(std::string_view name,
                          std::string_view arguments,
                          Order order,
                          bool mb_after = false) {
  return {.name = name,
          .arguments = arguments,
          .op = CodeOp::store,
          .order = order,
          .mb_after = mb_after};
}

constexpr Primitive fence(std::string_view name, FenceKind kind) {
  return {.name = name, .op = CodeOp::fence, .fence = kind};
}

constexpr Primitive lock(std::string_view name, CodeOp op, Result result = Result::nothing) {
  return {.name = name, .arguments = "p", .op = op, .result = result};
}

constexpr Primitive rcu(std::string_view name, CodeOp op) { return {.name = name, .op = op}; }

constexpr auto plain_calls = std::to_array<Primitive>({
    load("READ_ONCE", "l", Order::once),
    load("rcu_dereference", "l", Order::once),
    load("smp_load_acquire", "p", Order::acquire),
    load("atomic_read", "p", Order::once),
    load("atomic_read_acquire", "p", Order::acquire),
    store("WRITE_ONCE", "lv", Order::once),
    store("smp_store_release", "pv", Order::release),
    store("rcu_assign_pointer", "lv", Order::release),
    store("smp_store_mb", "lv", Order::once, true),
    store("atomic_set", "pv", Order::once),
    store("atomic_set_release", "pv", Order::release),
    fence("smp_mb", FenceKind::mb),
    fence("smp_rmb", FenceKind::rmb),
    fence("smp_wmb", FenceKind::wmb),
    fence("smp_mb__before_atomic", FenceKind::before_atomic),
    fence("smp_mb__after_atomic", FenceKind::after_atomic),
    fence("smp_mb__after_spinlock", FenceKind::after_spinlock),
    fence("smp_mb__after_unlock_lock", FenceKind::after_unlock_lock),
    {.name = "barrier"},
    lock("spin_lock", CodeOp::spin_lock),
    lock("spin_unlock", CodeOp::spin_unlock),
    lock("spin_trylock", CodeOp::spin_trylock, Result::loaded),
    lock("spin_is_locked", CodeOp::spin_is_locked, Result::loaded),
    rcu("rcu_read_lock", CodeOp::rcu_read_lock),
    rcu("rcu_read_unlock", CodeOp::rcu_read_unlock),
    rcu("synchronize_rcu", CodeOp::synchronize_rcu),
    rcu("synchronize_rcu_expedited", CodeOp::synchronize_rcu),
});

constexpr Primitive rmw(std::string_view name,
                        std::string_view arguments,
                        RmwKind kind,
                        Result result,
                        int operand = 0) {
  return {.name = name,
          .arguments = arguments,
          .op = CodeOp::rmw,
          .order = result == Result::nothing ? Order::noreturn : Order::full,
          .rmw = kind,
          .result = result,
          .operand = operand};
}

// These also exist as _relaxed, _acquire and _release.
constexpr auto with_orders = std::to_array<Primitive>({
    rmw("xchg", "pv", RmwKind::exchange, Result::loaded),
    rmw("atomic_xchg", "pv", RmwKind::exchange, Result::loaded),
    rmw("cmpxchg", "pev", RmwKind::compare_exchange, Result::loaded),
    rmw("atomic_cmpxchg", "pev", RmwKind::compare_exchange, Result::loaded),
    rmw("atomic_add_return", "vp", RmwKind::add, Result::updated),
    rmw("atomic_sub_return", "vp", RmwKind::add, Result::updated, -1),
    rmw("atomic_inc_return", "p", RmwKind::add, Result::updated, 1),
    rmw("atomic_dec_return", "p", RmwKind::add, Result::updated, -1),
    rmw("atomic_fetch_add", "vp", RmwKind::add, Result::loaded),
    rmw("atomic_fetch_sub", "vp", RmwKind::add, Result::loaded, -1),
    rmw("atomic_fetch_inc", "p", RmwKind::add, Result::loaded, 1),
    rmw("atomic_fetch_dec", "p", RmwKind::add, Result::loaded, -1),
});

constexpr auto without_orders = std::to_array<Primitive>({
    rmw("atomic_add", "vp", RmwKind::add, Result::nothing),
    rmw("atomic_sub", "vp", RmwKind::add, Result::nothing, -1),
    rmw("atomic_inc", "p", RmwKind::add, Result::nothing, 1),
    rmw("atomic_dec", "p", RmwKind::add, Result::nothing, -1),
    rmw("atomic_sub_and_test", "vp", RmwKind::add, Result::is_zero, -1),
    rmw("atomic_dec_and_test", "p", RmwKind::add, Result::is_zero, -1),
    rmw("atomic_inc_and_test", "p", RmwKind::add, Result::is_zero, 1),
    rmw("atomic_add_negative", "vp", RmwKind::add, Result::is_negative),
    rmw("atomic_add_unless", "pve", RmwKind::add_unless, Result::changed),
});

constexpr std::array<std::pair<std::string_view, Order>, 3> suffixes{
    {{"_relaxed", Order::once}, {"_acquire", Order::acquire}, {"_release", Order::release}}};

template <class Table>
std::optional<Primitive> find_in(const Table& table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Primitive& entry) { return entry.name == name; });
  if (found == table.end()) return std::nullopt;
  return *found;
}

}  // namespace

std::optional<Primitive> find_primitive(std::string_view name) {
  if (auto found = find_in(plain_calls, name)) return found;
  if (auto found = find_in(without_orders, name)) return found;
  if (auto found = find_in(with_orders, name)) return found;
  for (const auto& [suffix, order] : suffixes) {
    if (!name.ends_with(suffix)) continue;
    auto found = find_in(with_orders, name.substr(0, name.size() - suffix.size()));
    if (found) found->order = order;
    return found;
  }
  return std::nullopt;
}

}  // namespace tlblab
