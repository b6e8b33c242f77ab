// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/explore/recorder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include <fmt/format.h>

#include "harness/explore/event_text.h"

namespace tlblab {

namespace {

struct OperationWords {
  const char* what;
  const char* text;  // before the object's name, or the value
};

OperationWords words_of(Operation operation) {
  switch (operation) {
    case Operation::load: return {"load", "load "};
    case Operation::store: return {"store", "store "};
    case Operation::modify: return {"rmw", ""};
    case Operation::failed_cmpxchg: return {"cmpxchg_failed", "cmpxchg fails, "};
    case Operation::lock: return {"lock", "lock "};
    case Operation::unlock: return {"unlock", "unlock "};
    case Operation::down_read: return {"down_read", "read-lock "};
    case Operation::up_read: return {"up_read", "read-unlock "};
    case Operation::down_write: return {"down_write", "write-lock "};
    case Operation::up_write: return {"up_write", "write-unlock "};
    case Operation::downgrade_write: return {"downgrade_write", "write to read lock "};
    case Operation::irq_save: return {"irq_save", "interrupts off"};
    case Operation::irq_restore: return {"irq_restore", "interrupts on"};
    case Operation::ipi_post: return {"ipi_post", "IPI to CPU"};
    case Operation::ipi_wait: return {"ipi_wait", "all IPIs are answered"};
    case Operation::ipi_handler: return {"ipi_handler", "interrupted"};
    case Operation::ipi_done: return {"ipi_done", "answers CPU"};
    case Operation::rcu_read_lock: return {"rcu_read_lock", "rcu_read_lock"};
    case Operation::rcu_read_unlock: return {"rcu_read_unlock", "rcu_read_unlock"};
    case Operation::call_rcu: return {"call_rcu", "call_rcu"};
    case Operation::synchronize_rcu: return {"synchronize_rcu", "synchronize_rcu returns"};
    case Operation::rcu_callbacks: return {"rcu_callbacks", "RCU callbacks"};
    case Operation::walk_ahead: return {"walk_ahead", "walks ahead for "};
    case Operation::evict: return {"evict", "TLB evicts "};
    case Operation::arrive: return {"arrive", "an invalidate arrives for "};
  }
  return {"operation", "operation "};
}

bool has_value(Operation operation) {
  return operation == Operation::ipi_post || operation == Operation::ipi_done;
}
bool has_address(Operation operation) {
  return operation == Operation::walk_ahead || operation == Operation::evict ||
         operation == Operation::arrive;
}
// What an interrupt does tells that there was one.
bool is_minor(Operation operation) {
  return operation == Operation::ipi_handler || operation == Operation::irq_save ||
         operation == Operation::irq_restore || operation == Operation::rcu_read_lock ||
         operation == Operation::rcu_read_unlock;
}
bool is_word_operation(Operation operation) { return operation <= Operation::failed_cmpxchg; }
bool is_shared_lock(Operation operation) {
  return operation == Operation::down_read || operation == Operation::up_read;
}

// What the operation on the word, or lock, says already.
bool is_said(EventKind kind) {
  return kind == EventKind::pte_change || kind == EventKind::ptl_acquire ||
         kind == EventKind::ptl_release || kind == EventKind::pending_dec;
}

const char* order_name(order o) {
  static constexpr std::array names{"relaxed", "acquire", "release", "full", "consume"};
  return names.at(static_cast<std::size_t>(o));
}

// A new value, or what became of an old one.
std::string change_text(const TraceStep& step, bool entry, bool store) {
  if (entry && step.after == "none")
    return fmt::format("clear {}, was {}", step.object, step.before);
  if (entry && step.before == "none") return fmt::format("set {}: {}", step.object, step.after);
  if (step.before == step.after) return fmt::format("{} stays {}", step.object, step.after);
  if (store && !entry) return fmt::format("store {}: {}", step.object, step.after);
  return fmt::format("{}: {} -> {}", step.object, step.before, step.after);
}

// Of an entry.
bool makes_table(const TraceStep& step) {
  return step.before == "none" && step.after.starts_with("table ");
}

}  // namespace

Recorder::Recorder(Namer& namer, const std::vector<ScheduleStep>& so_far)
    : namer_(namer), so_far_(so_far) {
  operation_listener = this;
}

Recorder::~Recorder() { operation_listener = nullptr; }

void Recorder::call_at(std::uint64_t number, std::function<void()> action) {
  call_at_ = number;
  action_ = std::move(action);
}

std::uint64_t Recorder::steps() noexcept {
  for (; seen_ < so_far_.size(); ++seen_)
    if (!so_far_[seen_].hardware) ++steps_;
  return steps_;
}

// ---- writing down -------------------------------------------------------------------------------

void Recorder::operation(const OperationNote& note) noexcept {
  if (call_at_ != 0 && steps() >= call_at_) {
    call_at_ = 0;
    action_();
  }
  if (!listening_) return;
  const WordName name = note.word == nullptr ? WordName{} : namer_.word(note.word);
  if (name.of_lab) return;
  if (note.word != nullptr) pointers_[note.word] = note.pointer;
  if (is_word_operation(note.what)) return word_row(note, name);
  const OperationWords words = words_of(note.what);
  Row row{.step = {.what = words.what, .object = {}, .text = words.text}};
  row.step.cpu = note.cpu;
  if (note.word != nullptr) row.step.object = named(note.word, name);
  if (has_address(note.what)) row.step.object = fmt::format("{:#x}", note.value);
  row.step.text += has_value(note.what) ? std::to_string(note.value) : row.step.object;
  if (note.word != nullptr) row.role = is_shared_lock(note.what) ? Role::shared : Role::exclusive;
  if (is_minor(note.what) || name.minor || answers_a_flush(row.step)) row.role = Role::hidden;
  add(std::move(row));
}

// The answer to a request for a flush right behind that flush says nothing more; before it, much.
bool Recorder::answers_a_flush(const TraceStep& step) const {
  if (step.what != words_of(Operation::ipi_done).what) return false;
  const auto last = std::ranges::find_if(rows_.rbegin(), rows_.rend(), [&step](const Row& row) {
    return row.step.cpu == step.cpu && row.role != Role::hidden;
  });
  return last != rows_.rend() && last->step.what == "tlb_flush";
}

// Inside a window only what hardware does to an entry is of use; events tell the rest.
void Recorder::word_row(const OperationNote& note, const WordName& name) {
  if (note.in_window && (!name.entry || note.before == note.value)) return;
  const OperationWords words = words_of(note.what);
  const bool reads = note.what == Operation::load || note.what == Operation::failed_cmpxchg;
  Row row{.step = {.what = words.what, .object = named(note.word, name)},
          .role = name.minor ? Role::hidden
                  : reads    ? Role::load
                             : Role::change,
          .entry = name.entry,
          .account = name.account};
  TraceStep& step = row.step;
  step.cpu = note.cpu;
  step.before = value(note, note.before, name);
  step.after = value(note, note.value, name);
  step.order = order_name(note.o);
  if (reads)
    step.text = fmt::format("{}{}: {}", words.text, step.object, step.after);
  else if (name.flags && note.before != note.value)
    step.text = flags_text(note, step.object);
  else
    step.text = change_text(step, name.entry, note.what == Operation::store);
  add(std::move(row));
}

void Recorder::event(const trace_event& what) noexcept {
  if (!listening_) return;
  listening_ = namer_.goes_on(what);
  if (is_said(what.kind)) return;
  EventText words = text_of(what);
  Row row{.step = {.what = std::move(words.what),
                   .object = std::move(words.object),
                   .text = std::move(words.text)},
          .role = words.key ? Role::plain : Role::hidden};
  row.step.cpu = what.cpu;
  if (what.kind == EventKind::user_read || what.kind == EventKind::user_write) fold_use(row);
  add(std::move(row));
}

// An access and the translation that it went through are one row.
void Recorder::fold_use(Row& access) {
  if (rows_.empty()) return;
  Row& use = rows_.back();
  if (use.step.what != "tlb_use" || use.step.cpu != access.step.cpu) return;
  use.role = Role::hidden;
  if (rows_.size() >= 2 && rows_[rows_.size() - 2].step.what == "tlb_fill") return;
  access.step.text += " " + use.step.text.substr(0, use.step.text.find(' ')) + " TLB, " +
                      use.step.text.substr(use.step.text.rfind(": ") + 2);
}

void Recorder::add(Row row) {
  row.step.step = steps();
  rows_.push_back(std::move(row));
  if (rows_.size() < 2 * least_kept) return;
  rows_.erase(rows_.begin(), rows_.end() - std::ptrdiff_t(least_kept));
  scene_ -= std::min(scene_, least_kept);
}

std::string Recorder::named(const void* word, const WordName& name) {
  if (!name.text.empty()) return name.text;
  const unsigned next = static_cast<unsigned>(unknown_.size()) + 1;
  return fmt::format("word {}", unknown_.try_emplace(word, next).first->second);
}

Recorder::WordText Recorder::word_text(const void* word, std::uint64_t bits) {
  const auto used = pointers_.find(word);
  const WordName name = namer_.word(word);
  OperationNote note;
  note.pointer = used != pointers_.end() && used->second;
  return {name.text, value(note, bits, name)};
}

std::string Recorder::value(const OperationNote& note, std::uint64_t bits, const WordName& name) {
  constexpr std::uint64_t small = 1U << 16;
  if (name.entry) return namer_.entry(bits);
  if (name.flags) return "{" + namer_.flags(bits) + "}";
  if (note.pointer) {
    if (bits == 0) return "null";
    // Small values are marks and no addresses.
    if (bits < small) return std::to_string(bits);
    const std::string object = namer_.object(std::bit_cast<const void*>(bits));
    return object.empty() ? "an object" : object;
  }
  if (bits < small || -bits < small) return std::to_string(static_cast<std::int64_t>(bits));
  return fmt::format("{:#x}", bits);
}

// What came and what went.
std::string Recorder::flags_text(const OperationNote& note, const std::string& object) {
  const std::string came = namer_.flags(note.value & ~note.before);
  const std::string went = namer_.flags(note.before & ~note.value);
  std::string text = object + ":";
  if (!came.empty()) text += " set " + came;
  if (!came.empty() && !went.empty()) text += ",";
  if (!went.empty()) text += " clear " + went;
  return text;
}

// ---- what a reader needs ------------------------------------------------------------------------

// Who uses a word or lock once the scene is set.
struct Recorder::Use {
  std::uint64_t users = 0, changers = 0;  // CPUs, a bit each
  bool exclusive = false;
  bool only_grows = true;      // an entry: all that happens to it is that it gets its table
  Row* last_change = nullptr;  // so far
  Row* last_load = nullptr;    // with nothing behind it
  std::uint64_t changes = 0;   // so far
  std::array<std::uint64_t, max_explored_cpus> seen{};  // changes that a CPU has read, and 1
};

// Loads are needed when another CPU changes the word, the first time that a value is seen; changes
// when another CPU uses the word, or hardware reads it; locks when they can keep somebody out. That
// tables are made, and found on the way to a PTE, is not told where they just stay.
void Recorder::judge() {
  std::map<std::string, Use> uses;
  for (std::size_t at = scene_; at < rows_.size(); ++at) {
    const Row& row = rows_[at];
    Use& use = uses[row.step.object];
    if (row.role == Role::plain || row.role == Role::hidden) continue;
    use.users |= 1ULL << row.step.cpu;
    if (row.role == Role::change && row.step.before != row.step.after && !makes_table(row.step))
      use.only_grows = false;
    if (row.role == Role::change && row.step.before != row.step.after)
      use.changers |= 1ULL << row.step.cpu;
    if (row.role == Role::exclusive) use.exclusive = true;
  }
  for (std::size_t at = scene_; at < rows_.size(); ++at) {
    Row& row = rows_[at];
    Use& use = uses[row.step.object];
    const std::uint64_t self = 1ULL << row.step.cpu;
    std::uint64_t& seen = use.seen[row.step.cpu];
    const bool shared = (use.users & ~self) != 0;
    if (row.entry && use.only_grows && use.changers != 0) continue;
    switch (row.role) {
      case Role::load:
        row.step.key = (use.changers & ~self) != 0 && seen != use.changes + 1;
        seen = use.changes + 1;
        use.last_load = &row;
        if (row.account && use.last_change != nullptr && use.last_change->step.cpu != row.step.cpu)
          use.last_change->step.key = true;
        break;
      case Role::change:
        if (row.step.before != row.step.after) {
          row.step.key = (shared && !row.account) || row.entry;
          ++use.changes;
          use.last_change = &row;
          // The change says what was there.
          if (row.step.key && use.last_load != nullptr && use.last_load->step.cpu == row.step.cpu &&
              use.last_load->step.after == row.step.before)
            use.last_load->step.key = false;
          use.last_load = nullptr;
        }
        seen = use.changes + 1;
        break;
      case Role::exclusive:
      case Role::shared: row.step.key = shared && use.exclusive; break;
      case Role::plain: row.step.key = true; break;
      case Role::hidden: break;
    }
  }
}

void Recorder::violation_seen() noexcept {
  if (!listening_) return;
  listening_ = false;
  if (!rows_.empty()) rows_.back().step.violating = true;
}

std::vector<TraceStep> Recorder::take(bool violated) {
  judge();
  if (violated && !rows_.empty()) rows_.back().step.key = rows_.back().step.violating = true;
  std::vector<TraceStep> steps;
  steps.reserve(rows_.size());
  for (Row& row : rows_) steps.push_back(std::move(row.step));
  rows_.clear();
  scene_ = 0;
  return steps;
}

}  // namespace tlblab
