// SPDX-License-Identifier: GPL-2.0-or-later
// The reader. Each line is read by itself; who meets whom, which signals are given and which
// registers exist is looked at when all lines are known.
#include "harness/workload/scenario_text.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "harness/workload/input_error.h"
#include "harness/workload/scenario_text_cast.h"
#include "harness/workload/scenario_text_words.h"
#include "harness/workload/text_source.h"

namespace tlblab {
namespace {

using Limits = ScenarioTextLimits;

class Parser {
 public:
  explicit Parser(TextSource source) : source_(std::move(source)) { text_.file = source_.name(); }

  ScenarioText run() {
    std::string_view line;
    while (source_.next_line(line)) {
      line_ = without_comment(line);
      pieces_ = pieces_of(line_);
      next_ = 0;
      if (!pieces_.empty()) take_line();
    }
    if (text_.programs.empty())
      throw InputError(text_.file, 0, "no CPU does anything", "a line as in 'P0: load 0x4000'");
    check_cast(text_);
    return std::move(text_);
  }

 private:
  // ---- what is wrong ----------------------------------------------------------------------------

  [[noreturn]] void fail_at(std::uint64_t column,
                            const std::string& wrong,
                            std::string_view expected) const {
    throw InputError(text_.file, source_.line_number(), column, wrong, expected);
  }
  // About the piece taken last.
  [[noreturn]] void fail(const std::string& wrong, std::string_view expected) const {
    fail_at(pieces_[next_ == 0 ? 0 : next_ - 1].column, wrong, expected);
  }
  [[nodiscard]] TextPlace place() const noexcept {
    return {source_.line_number(), pieces_[next_ == 0 ? 0 : next_ - 1].column};
  }
  [[nodiscard]] std::uint64_t end_column() const noexcept {
    return pieces_.back().column + pieces_.back().text.size();
  }

  // ---- pieces -----------------------------------------------------------------------------------

  [[nodiscard]] bool more() const noexcept { return next_ < pieces_.size(); }
  std::string_view take(std::string_view what) {
    if (!more()) fail_at(end_column(), fmt::format("{} is missing", what), usage_);
    return pieces_[next_++].text;
  }
  bool take_if(std::string_view word) noexcept {
    const bool is = more() && pieces_[next_].text == word;
    next_ += is ? 1 : 0;
    return is;
  }
  void end_of_line() {
    if (!more()) return;
    const std::string_view word = take("");
    fail(fmt::format("'{}' is too much", shown(word)), usage_);
  }
  std::uint64_t take_number(std::string_view what, std::uint64_t least, std::uint64_t most) {
    const std::string_view word = take(what);
    const auto value = number_from(word);
    if (!value || *value < least || *value > most)
      fail(fmt::format("'{}' is no {}", shown(word), what.substr(what.find(' ') + 1)),
           fmt::format("{} from {} to {}", what, least, most));
    return *value;
  }
  std::int64_t take_value() {
    return static_cast<std::int64_t>(take_number("a value", 0, INT64_MAX));
  }
  vaddr_t take_address(std::uint64_t multiple_of) {
    const std::string_view word = take("an address");
    const auto value = number_from(word);
    if (!value || *value >= Limits::addresses)
      fail(fmt::format("'{}' is no address", shown(word)), "a number below 2^47, as in 0x4000");
    if (*value % multiple_of != 0)
      fail(fmt::format("'{}' is in the middle", shown(word)),
           fmt::format("a multiple of {}", multiple_of));
    return *value;
  }
  std::uint64_t take_pages() { return take_number("a number of pages", 1, Limits::pages); }

  template <class T>
  T take_one_of(std::string_view what,
                std::initializer_list<std::pair<std::string_view, T>> choices) {
    const std::string_view word = take(what);
    for (const auto& [name, value] : choices)
      if (word == name) return value;
    fail(fmt::format("'{}' is not {}", shown(word), what), usage_);
  }
  std::uint8_t take_prot() {
    return take_one_of<std::uint8_t>("a protection", {{"none", 0},
                                                      {"r", text_read},
                                                      {"rw", text_read | text_write},
                                                      {"rx", text_read | text_exec},
                                                      {"rwx", text_read | text_write | text_exec}});
  }

  // ---- names ------------------------------------------------------------------------------------

  // Of a fix, in one of its forms.
  std::string take_fix() {
    std::string name = take_name("a fix");
    return take_if("=") ? name + "=" + take_name("a form") : name;
  }
  std::string take_name(std::string_view what) {
    const std::string_view name = take(what);
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto is_good = [&](char c) {
      return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    if (!is_letter(name.front()) || name.size() > Limits::name ||
        !std::ranges::all_of(name, is_good))
      fail(fmt::format("'{}' is no name", shown(name)),
           fmt::format("a letter, then letters, digits, _ and -, {} at most", Limits::name));
    return std::string(name);
  }
  // The index of the name in the list, which gets it if it is not there.
  unsigned take_new_name(std::vector<std::string>& names, std::string_view what) {
    std::string name = take_name(what);
    const auto at = std::ranges::find(names, name);
    if (at != names.end()) return static_cast<unsigned>(at - names.begin());
    if (names.size() == Limits::names)
      fail(fmt::format("'{}' is one name too many", name),
           fmt::format("at most {} of a kind", Limits::names));
    names.push_back(std::move(name));
    return static_cast<unsigned>(names.size() - 1);
  }
  unsigned take_file() {
    const std::string_view name = take("a file");
    const auto at = std::ranges::find(text_.files, name, &TextFile::name);
    if (at == text_.files.end())
      fail(fmt::format("there is no file '{}'", shown(name)), "a name that a line above declares");
    return static_cast<unsigned>(at - text_.files.begin());
  }

  // ---- lines ------------------------------------------------------------------------------------

  void take_line() {
    usage_ = "P0: OPERATION, an operation of the setup, or arch, without, actors, forbid, exists";
    const std::string_view word = pieces_.front().text;
    if (word.size() > 1 && word.ends_with(':')) return take_program_line();
    if (take_if("arch")) return take_arch();
    if (take_if("without"))
      return take_names(text_.without, "without FIX[,FIX=FORM]", [this] { return take_fix(); });
    if (take_if("actors")) return take_actors();
    if (take_if("forbid")) return take_forbid();
    if (take_if("exists")) return take_condition(true);
    take_setup_line();
  }
  void take_arch() {
    usage_ = "arch NAME";
    const std::string name = take_name("a backend");
    if (text_.arch) fail("there is an arch already", "one line with arch");
    text_.arch = TextName{name, place()};
    end_of_line();
  }
  template <class TakeOne>
  void take_names(std::vector<TextName>& names, std::string_view usage, TakeOne take_one) {
    usage_ = usage;
    do {
      std::string name = take_one();
      if (std::ranges::find(names, name, &TextName::text) != names.end())
        fail(fmt::format("'{}' was named already", name), "each once");
      names.push_back({std::move(name), place()});
    } while (more());
  }

  void take_actors() {
    usage_ = "actors walker, evict, arrive, each with =N from 1 to 8 if it is not once, or none";
    do {
      const std::string_view word = take("an actor");
      if (word == "none" && pieces_.size() == 2) return;
      const auto actor = std::ranges::find(hardware_actor_names, word, &HardwareActorName::word);
      if (actor == hardware_actor_names.end())
        fail(fmt::format("there is no actor '{}'", shown(word)), usage_);
      unsigned& times = text_.actors.*(actor->times);
      if (times != 0) fail(fmt::format("'{}' was named already", word), "each once");
      times = 1;
      if (take_if("="))
        times = static_cast<unsigned>(take_number("a number", 1, HardwareActors::most));
    } while (more());
  }

  // One word alone, or several without anything that only a condition has, are kinds.
  void take_forbid() {
    constexpr std::string_view of_conditions = "=<>!~()&|/\\:";
    if (!more() || line_.find_first_of(of_conditions, pieces_[0].column - 1) != line_.npos)
      return take_condition(false);
    const std::size_t before = text_.forbidden.size();
    take_kinds();
    const auto alone = std::ranges::find_if(text_.forbidden, [](const TextName& name) {
      return name.text == "any" || name.text == "none";
    });
    if (alone == text_.forbidden.end() || text_.forbidden.size() == 1) return;
    fail_at(text_.forbidden[before].place.column, fmt::format("'{}' stands alone", alone->text),
            "kinds of violations, or any, or none");
  }
  void take_kinds() {
    usage_ = "forbid KIND[,KIND], any or none, or a condition as in P1:r0 == 1";
    do {
      const std::string_view word = take("a kind of violation");
      const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
      };
      if (!std::ranges::all_of(word, is_good))
        fail(fmt::format("'{}' is no kind of violation", shown(word)), usage_);
      if (std::ranges::find(text_.forbidden, word, &TextName::text) != text_.forbidden.end())
        fail(fmt::format("'{}' was named already", shown(word)), "each once");
      text_.forbidden.push_back({std::string(word), place()});
    } while (more());
  }
  void take_condition(bool exists) {
    next_ = 1;
    const std::size_t from = pieces_[0].column - 1 + pieces_[0].text.size();
    if (text_.conditions.size() == Limits::conditions)
      fail("too many conditions", fmt::format("at most {}", Limits::conditions));
    try {
      TextCondition made = parse_condition(line_.substr(from), {source_.line_number(), from + 1});
      made.exists = exists;
      text_.conditions.push_back(std::move(made));
    } catch (const ConditionError& error) {
      fail_at(error.column, error.wrong, error.expected);
    }
  }

  void take_setup_line() {
    next_ = 1;
    const std::string_view word = pieces_.front().text;
    const TextVerbInfo* info = text_verb(word);
    if (info == nullptr) fail(fmt::format("there is no operation '{}'", shown(word)), usage_);
    if (info->stage == TextStage::program)
      fail(fmt::format("{} is for programs", info->word), fmt::format("P0: {}", info->word));
    if (!text_.programs.empty())
      fail(fmt::format("the setup is over where the first program begins"),
           "this line above, or P0: before it");
    next_ = 0;
    TextOp op;
    take_operation(op);
    if (info->form != TextForm::declare && info->form != TextForm::number) keep(text_.setup, op);
  }
  void take_program_line() {
    const std::string_view head = take("a CPU");
    const auto cpu = index_from(head.substr(0, head.size() - 1), 'P');
    if (!cpu || *cpu >= Limits::cpus)
      fail(fmt::format("'{}' is no CPU", shown(head)),
           fmt::format("P0: to P{}:", Limits::cpus - 1));
    usage_ = "P0: OPERATION, or P0: r0 = OPERATION";
    TextOp op;
    if (next_ + 1 < pieces_.size() && pieces_[next_ + 1].text == "=") op.result = take_register();
    take_operation(op);
    if (*cpu >= text_.programs.size()) text_.programs.resize(*cpu + 1);
    keep(text_.programs[*cpu], op);
  }
  unsigned take_register() {
    const std::string_view word = take("a register");
    const auto index = index_from(word, 'r');
    if (!index || *index >= text_registers)
      fail(fmt::format("'{}' is no register", shown(word)),
           fmt::format("r0 to r{}", text_registers - 1));
    ++next_;  // the =
    return *index;
  }
  void keep(std::vector<TextOp>& program, const TextOp& op) {
    if (program.size() == Limits::operations)
      fail("too many operations", fmt::format("at most {} in one program", Limits::operations));
    program.push_back(op);
  }

  // ---- operations -------------------------------------------------------------------------------

  void take_operation(TextOp& op) {
    const std::string_view word = take("an operation");
    const TextVerbInfo* info = text_verb(word);
    if (info == nullptr)
      fail(fmt::format("there is no operation '{}'", shown(word)),
           "load, store, mmap, munmap, madvise_dontneed, ...: tlblab help explore has them all");
    op.place = place();
    if (next_ > 1 && info->stage == TextStage::setup)
      fail(fmt::format("{} is for the setup", info->word), "it above the programs, without a CPU");
    if (op.result && !info->gives)
      fail(fmt::format("{} gives nothing", info->word), "it without a register");
    op.verb = info->verb;
    const std::string usage = fmt::format("{} {}", info->word, usage_of(info->form));
    usage_ = info->form == TextForm::nothing ? info->word : std::string_view(usage);
    take_operands(op, info->form);
    end_of_line();
  }
  void take_operands(TextOp& op, TextForm form) {
    switch (form) {
      case TextForm::declare: return take_declaration(op.verb == TextVerb::file);
      case TextForm::number: return take_swap();
      case TextForm::map: return take_map(op);
      case TextForm::range: return take_range(op);
      case TextForm::range_prot: take_range(op), op.prot = take_prot(); return;
      case TextForm::remap: return take_remap(op);
      case TextForm::uffd_mode:
        take_range(op);
        op.on = take_one_of<bool>("wp or missing", {{"wp", true}, {"missing", false}});
        return;
      case TextForm::on_off:
        take_range(op);
        op.on = take_one_of<bool>("on or off", {{"on", true}, {"off", false}});
        return;
      case TextForm::source: return take_source(op);
      case TextForm::word: op.address = take_address(sizeof(std::uint64_t)); return;
      case TextForm::word_value:
        op.address = take_address(sizeof(std::uint64_t));
        op.value = take_value();
        return;
      case TextForm::page: op.address = take_address(page_size); return;
      case TextForm::page_access:
        op.address = take_address(page_size);
        op.prot = take_one_of<std::uint8_t>("r or w", {{"r", text_read}, {"w", text_write}});
        return;
      case TextForm::value: op.value = take_value(); return;
      case TextForm::file_name: op.file = take_file(); return;
      case TextForm::child_name:
      case TextForm::space_name: return take_space(op, form == TextForm::space_name);
      case TextForm::signal_name: op.name = take_new_name(text_.signals, "a signal"); return;
      case TextForm::nothing: return;
    }
  }
  void take_declaration(bool disk) {
    std::string name = take_name("a name");
    if (std::ranges::find(text_.files, name, &TextFile::name) != text_.files.end())
      fail(fmt::format("there is a file '{}' already", name), "a new name");
    if (text_.files.size() == Limits::names)
      fail("too many files", fmt::format("at most {}", Limits::names));
    const std::uint64_t pages = take_pages();
    text_.files.push_back({std::move(name), pages, disk});
  }
  void take_swap() {
    if (text_.swap_slots != 0) fail("there is a swap device already", "one line with swap");
    text_.swap_slots = take_number("a number of slots", 1, Limits::swap_slots);
  }
  void take_range(TextOp& op) {
    op.address = take_address(page_size);
    op.pages = take_pages();
  }
  void take_source(TextOp& op) {
    take_range(op);
    if (!take_if("from")) fail_at(here(), "'from' is missing", usage_);
    op.other = take_address(page_size);
  }
  void take_remap(TextOp& op) {
    take_range(op);
    op.new_pages = take_pages();
    if (take_if("to")) op.other = take_address(page_size);
    op.dont_unmap = take_if("dontunmap");
  }
  void take_map(TextOp& op) {
    take_range(op);
    op.prot = take_prot();
    op.shared = take_if("shared");
    if (op.shared || take_if("private")) {
      op.file = take_file();
      const std::uint64_t last = text_.files[*op.file].pages - 1;
      if (more() && pieces_[next_].text != "populate")
        op.first_page = take_number("a page", 0, last);
    }
    op.populate = take_if("populate");
  }
  void take_space(TextOp& op, bool parent_too) {
    if (parent_too && take_if("parent")) return;
    op.name = take_new_name(text_.children, "a child");
    if (text_.children[*op.name] == "parent")
      fail("'parent' is no name of a child", "another name");
  }
  // Where the next piece begins, or would.
  [[nodiscard]] std::uint64_t here() const noexcept {
    return more() ? pieces_[next_].column : end_column();
  }

  TextSource source_;
  ScenarioText text_;
  std::string_view line_;  // without its comment
  std::vector<TextPiece> pieces_;
  std::size_t next_ = 0;
  std::string_view usage_;
};

}  // namespace

bool ScenarioText::forbids_all() const noexcept {
  return forbidden.empty() || forbidden.front().text == "any";
}

bool ScenarioText::forbids(std::string_view kind) const noexcept {
  if (forbids_all()) return true;
  return std::ranges::find(forbidden, kind, &TextName::text) != forbidden.end();
}

bool ScenarioText::asks_existence() const noexcept {
  return std::ranges::any_of(conditions, &TextCondition::exists);
}

std::vector<vaddr_t> ScenarioText::used_pages() const {
  std::set<vaddr_t> pages;
  for (const std::vector<TextOp>& program : programs)
    for (const TextOp& op : program)
      if (op.verb == TextVerb::load || op.verb == TextVerb::store)
        pages.insert(op.address & page_mask);
  return {pages.begin(), pages.end()};
}

ScenarioText read_scenario_text(const std::string& path) {
  return Parser(TextSource::from_file(path, TextSource::a_scenario)).run();
}
ScenarioText parse_scenario_text(std::string_view text, std::string name) {
  return Parser(TextSource::from_memory(text, std::move(name), TextSource::a_scenario)).run();
}

}  // namespace tlblab
