// SPDX-License-Identifier: GPL-2.0-or-later
// Writes down what an execution does, with names: operations at visible steps, and trace events.
// Says which of it a reader needs: what another CPU could see or did see.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "harness/trace.h"
#include "harness/world/explore/chooser.h"
#include "harness/world/explore/recorder.h"

namespace tlblab {

struct WordName {
  std::string text;     // empty: nobody knows it
  bool entry = false;   // of a page table: its values are encoded
  bool of_lab = false;  // the laboratory's own: nothing of it is written down
  bool minor = false;   // a counter or hint that decides nothing: no reader needs it
  // Kept about a page: a change is news only if another CPU loads that very value.
  bool account = false;
  bool flags = false;  // its values are sets of bits, by Namer::flags
};

// Names what lies at an address, and what a value stands for. Words are plain while it is asked.
class Namer {
 public:
  virtual ~Namer() = default;
  [[nodiscard]] virtual WordName word(const void* address) = 0;
  [[nodiscard]] virtual std::string entry(std::uint64_t value) = 0;
  // The names of the bits, with commas.
  [[nodiscard]] virtual std::string flags(std::uint64_t bits) { return std::to_string(bits); }
  // Of the object at an address of this program; empty: nobody knows it.
  [[nodiscard]] virtual std::string object(const void* address) = 0;
  // Told of every event. False: what had names is gone, so nothing more is written down.
  [[nodiscard]] virtual bool goes_on(const trace_event&) { return true; }
};

// One at a time. `so_far` is the schedule of the running execution. Of a very long one the last part
// is kept: how a livelock goes round is seen there.
class Recorder final : public OperationListener, public TraceSink {
 public:
  static constexpr std::size_t least_kept = 20'000;  // rows, once there are twice as many
  Recorder(Namer& namer, const std::vector<ScheduleStep>& so_far);
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void operation(const OperationNote& note) noexcept override;
  void event(const trace_event& what) noexcept override;
  // Nothing is written down before the first call.
  void listen(bool on) noexcept { listening_ = on; }
  // What came before set the scene: only what is used from here on tells who shares what.
  void scene_is_set() noexcept { scene_ = rows_.size(); }
  // action() is called once, at step `number` or at the first after it that does something which
  // can be written down.
  void call_at(std::uint64_t number, std::function<void()> action);

  // An oracle has seen a violation: what was written down last shows it, and nothing follows.
  void violation_seen() noexcept;

  // Of a word that an operation used, and a value of it; while the machine stands. Empty: nobody knows it.
  struct WordText {
    std::string name, value;
  };
  [[nodiscard]] WordText word_text(const void* word, std::uint64_t value);
  // After the execution. violated: in its last row, if nobody has said where.
  [[nodiscard]] std::vector<TraceStep> take(bool violated);
  // Visible steps so far.
  [[nodiscard]] std::uint64_t steps() noexcept;

 private:
  // load to shared: of a word or lock that others may use; the others decide by themselves.
  enum class Role : std::uint8_t { load, change, exclusive, shared, plain, hidden };
  struct Row {
    TraceStep step;
    Role role = Role::plain;
    bool entry = false;
    bool account = false;
  };
  struct Use;

  [[nodiscard]] std::string named(const void* word, const WordName& name);
  [[nodiscard]] std::string value(const OperationNote& note,
                                  std::uint64_t bits,
                                  const WordName& name);
  [[nodiscard]] std::string flags_text(const OperationNote& note, const std::string& object);
  [[nodiscard]] bool answers_a_flush(const TraceStep& step) const;
  void word_row(const OperationNote& note, const WordName& name);
  void add(Row row);
  void fold_use(Row& access);
  void judge();

  Namer& namer_;
  const std::vector<ScheduleStep>& so_far_;
  std::size_t seen_ = 0;  // of the schedule
  std::uint64_t steps_ = 0;
  std::uint64_t call_at_ = 0;  // 0: never, or done
  std::function<void()> action_;
  bool listening_ = false;
  std::vector<Row> rows_;
  std::size_t scene_ = 0;
  std::map<const void*, unsigned> unknown_;  // numbers, by first appearance
  std::map<const void*, bool> pointers_;     // words used, and whether they hold addresses
};

}  // namespace tlblab
