// SPDX-License-Identifier: GPL-2.0-or-later
// Fields come in the order in which the kernel declares them, but they are looked up by name: a
// kernel may add some. Process and program names stand in the text unquoted and may hold anything,
// `pid=1` included; so events that carry one are read from the end, where only numbers follow.
#include "harness/workload/perf_fields.h"

#include <array>
#include <span>
#include <unordered_map>

#include <fmt/format.h>

#include "harness/workload/numbers.h"
#include "mm/types.h"

namespace tlblab {
namespace {

// ---- system calls: `name: 0x.., name: 0x..` -----------------------------------------------------

constexpr int to_flags = 4;    // goes to Record::flags
constexpr int to_nothing = 5;  // has to be there, is not kept

struct Argument {
  std::string_view name;
  int slot;  // index into Record::arg, or one of the above
};

constexpr std::array mmap_arguments{Argument{"addr", 0}, Argument{"len", 1},
                                    Argument{"prot", 2}, Argument{"flags", to_flags},
                                    Argument{"fd", 3},   Argument{"off", to_nothing}};
constexpr std::array munmap_arguments{Argument{"addr", 0}, Argument{"len", 1}};
constexpr std::array mprotect_arguments{Argument{"start", 0}, Argument{"len", 1},
                                        Argument{"prot", 2}};
constexpr std::array madvise_arguments{Argument{"start", 0}, Argument{"len_in", 1},
                                       Argument{"behavior", 2}};
constexpr std::array mremap_arguments{Argument{"addr", 0}, Argument{"old_len", 1},
                                      Argument{"new_len", 2}, Argument{"flags", to_flags},
                                      Argument{"new_addr", 3}};
constexpr std::array brk_arguments{Argument{"brk", 0}};
constexpr std::array mlock_arguments{Argument{"start", 0}, Argument{"len", 1}};

std::string list_of(std::span<const Argument> arguments) {
  std::string list;
  for (const Argument& argument : arguments)
    list += fmt::format("{}{}: 0x..", list.empty() ? "" : ", ", argument.name);
  return list;
}

void store(Record& record, int slot, std::uint64_t value) {
  if (slot == to_flags)
    record.flags = static_cast<std::uint32_t>(value);
  else if (slot != to_nothing)
    record.arg[slot] = value;
}

// The value of the field `name`, which usually is the first of `rest`. Drops what it read from
// `rest`.
std::string_view take_field(std::string_view& rest, std::string_view name) {
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(", "), rest.size());
    const std::string_view field = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 2, rest.size()));
    if (field.size() > name.size() + 2 && field.starts_with(name) &&
        field.substr(name.size(), 2) == ": ")
      return field.substr(name.size() + 2);
  }
  return {};
}

void read_arguments(std::string_view event,
                    std::string_view rest,
                    std::span<const Argument> arguments,
                    Record& record) {
  for (const Argument& argument : arguments) {
    const std::string_view text = take_field(rest, argument.name);
    std::uint64_t value = 0;
    if (!read_hex(text, value))
      throw FieldError{fmt::format("{} has no field '{}' with a number of at most 64 bits", event,
                                   argument.name),
                       "its fields in this order: " + list_of(arguments)};
    store(record, argument.slot, value);
  }
}

// ---- the other events ---------------------------------------------------------------------------

// Takes `label` and the text behind it, up to the end, off the end of `rest`.
bool take_last(std::string_view& rest, std::string_view label, std::string_view& value) {
  const std::size_t at = rest.rfind(label);
  if (at == std::string_view::npos) return false;
  value = rest.substr(at + label.size());
  rest = rest.substr(0, at);
  return true;
}

void read_exit_value(std::string_view event, std::string_view rest, Record& record) {
  if (!read_hex(rest, record.arg[0]))
    throw FieldError{fmt::format("{} has no return value", event), "0x and hexadecimal digits"};
}

bool read_flush(std::string_view rest, Record& record) {
  std::int64_t pages = 0;
  std::string_view reason;
  if (!take_last(rest, " (", reason) || !reason.ends_with(')')) return false;
  reason.remove_suffix(1);
  std::string_view text;
  if (!take_last(rest, " reason:", text) || !rest.starts_with("pages:")) return false;
  record.arg[0] = 0;
  if (!read_decimal(rest.substr(6), pages) || pages < full_flush) return false;
  record.arg[0] = static_cast<std::uint64_t>(pages);
  return read_decimal(reason, record.arg[1]);
}

// Addresses that fall into the kernel's symbols are printed as a name.
bool read_fault(std::string_view rest, Record& record) {
  std::string_view code, ip;
  if (!take_last(rest, " error_code=", code) || !read_hex(code, record.flags)) return false;
  if (!take_last(rest, " ip=", ip) || ip.empty()) return false;
  if (!rest.starts_with("address=") || rest.size() == 8) return false;
  const std::string_view address = rest.substr(8);
  if (!read_hex(ip, record.arg[1])) record.arg[1] = 0;
  if (address.starts_with("0x")) return read_hex(address, record.arg[0]);
  record.arg[2] = 1;
  return true;
}

bool read_fork(std::string_view rest, Record& record) {
  std::string_view child, name, parent;
  std::uint32_t child_tid = 0, parent_tid = 0;
  if (!take_last(rest, " child_pid=", child) || !take_last(rest, " child_comm=", name) ||
      !take_last(rest, " pid=", parent))
    return false;
  record.arg[0] = 0;
  if (!read_decimal(child, child_tid) || !read_decimal(parent, parent_tid)) return false;
  record.arg[0] = child_tid;
  return true;
}

bool read_exec(std::string_view rest, Record& record) {
  std::string_view old_tid, pid;
  std::uint32_t numbers[2] = {};
  if (!take_last(rest, " old_pid=", old_tid) || !take_last(rest, " pid=", pid)) return false;
  if (!read_decimal(pid, numbers[0]) || !read_decimal(old_tid, numbers[1])) return false;
  record.arg[0] = numbers[0];
  record.arg[1] = numbers[1];
  return true;
}

bool read_exit(std::string_view rest, Record& record) {
  std::string_view group_dead, prio, pid;
  std::uint32_t tid = 0;
  record.arg[0] = exit_unspecified;
  if (take_last(rest, " group_dead=", group_dead)) {
    if (group_dead != "true" && group_dead != "false") return false;
    record.arg[0] = group_dead == "true" ? exit_of_group : exit_of_thread;
  }
  return take_last(rest, " prio=", prio) && take_last(rest, " pid=", pid) && read_decimal(pid, tid);
}

// ---- the table ----------------------------------------------------------------------------------

struct Shape {
  Event event;
  Call call = Call::none;
  std::span<const Argument> arguments{};
  bool (*read)(std::string_view, Record&) = nullptr;
  std::string_view expected{};
};

using Shapes = std::unordered_map<std::string_view, Shape>;

void add_calls(Shapes& shapes) {
  const auto enter = [](Call call, std::span<const Argument> arguments) {
    return Shape{.event = Event::sys_enter, .call = call, .arguments = arguments};
  };
  shapes.emplace("syscalls:sys_enter_mmap", enter(Call::mmap, mmap_arguments));
  shapes.emplace("syscalls:sys_enter_munmap", enter(Call::munmap, munmap_arguments));
  shapes.emplace("syscalls:sys_enter_mprotect", enter(Call::mprotect, mprotect_arguments));
  shapes.emplace("syscalls:sys_enter_madvise", enter(Call::madvise, madvise_arguments));
  shapes.emplace("syscalls:sys_enter_mremap", enter(Call::mremap, mremap_arguments));
  shapes.emplace("syscalls:sys_enter_brk", enter(Call::brk, brk_arguments));
  shapes.emplace("syscalls:sys_enter_execve", enter(Call::execve, {}));
  shapes.emplace("syscalls:sys_enter_pkey_mprotect",
                 enter(Call::pkey_mprotect, mprotect_arguments));
  shapes.emplace("syscalls:sys_enter_process_madvise", enter(Call::process_madvise, {}));
  shapes.emplace("syscalls:sys_enter_mlock", enter(Call::mlock, mlock_arguments));
  shapes.emplace("syscalls:sys_enter_munlock", enter(Call::munlock, mlock_arguments));
  shapes.emplace("syscalls:sys_enter_mincore", enter(Call::mincore, {}));
  shapes.emplace("syscalls:sys_enter_membarrier", enter(Call::membarrier, {}));
  const auto exit = [](Call call) { return Shape{.event = Event::sys_exit, .call = call}; };
  shapes.emplace("syscalls:sys_exit_mmap", exit(Call::mmap));
  shapes.emplace("syscalls:sys_exit_munmap", exit(Call::munmap));
  shapes.emplace("syscalls:sys_exit_mprotect", exit(Call::mprotect));
  shapes.emplace("syscalls:sys_exit_madvise", exit(Call::madvise));
  shapes.emplace("syscalls:sys_exit_mremap", exit(Call::mremap));
  shapes.emplace("syscalls:sys_exit_brk", exit(Call::brk));
}

void add_others(Shapes& shapes) {
  const auto other = [](Event event, bool (*read)(std::string_view, Record&),
                        std::string_view expected) {
    return Shape{.event = event, .read = read, .expected = expected};
  };
  constexpr std::string_view fault = "address=0x.. ip=0x.. error_code=0x..";
  shapes.emplace("tlb:tlb_flush",
                 other(Event::tlb_flush, read_flush, "pages:NUMBER reason:TEXT (NUMBER)"));
  shapes.emplace("exceptions:page_fault_user", other(Event::page_fault_user, read_fault, fault));
  shapes.emplace("exceptions:page_fault_kernel",
                 other(Event::page_fault_kernel, read_fault, fault));
  shapes.emplace("sched:sched_process_fork",
                 other(Event::process_fork, read_fork,
                       "comm=NAME pid=NUMBER child_comm=NAME child_pid=NUMBER"));
  shapes.emplace("sched:sched_process_exec",
                 other(Event::process_exec, read_exec, "filename=NAME pid=NUMBER old_pid=NUMBER"));
  shapes.emplace("sched:sched_process_exit",
                 other(Event::process_exit, read_exit,
                       "comm=NAME pid=NUMBER prio=NUMBER group_dead=true|false"));
}

const Shapes& known_shapes() {
  static const Shapes shapes = [] {
    Shapes filled;
    add_calls(filled);
    add_others(filled);
    return filled;
  }();
  return shapes;
}

}  // namespace

bool read_fields(std::string_view event, std::string_view fields, Record& record) {
  const auto found = known_shapes().find(event);
  if (found == known_shapes().end()) return false;
  const Shape& shape = found->second;
  record.event = shape.event;
  record.call = shape.call;
  if (shape.event == Event::sys_enter)
    read_arguments(event, fields, shape.arguments, record);
  else if (shape.event == Event::sys_exit)
    read_exit_value(event, fields, record);
  else if (!shape.read(fields, record))
    throw FieldError{fmt::format("the fields of {} cannot be read", event),
                     std::string(shape.expected)};
  return true;
}

}  // namespace tlblab
