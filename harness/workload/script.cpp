// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/script.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "harness/workload/input_error.h"
#include "harness/workload/script_words.h"
#include "harness/workload/text_source.h"

namespace tlblab {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// What of a word may be repeated to a user: it came from a file that may hold anything.
std::string shown(std::string_view word) {
  constexpr std::size_t most = 40;
  std::string out;
  for (const char c : word.substr(0, most)) out += c >= ' ' && c <= '~' ? c : '?';
  return word.size() > most ? out + "..." : out;
}

std::vector<std::string_view> words_of(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < line.size();) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < line.size() && !is_blank(line[end])) ++end;
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string joined_words(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

class Parser {
 public:
  explicit Parser(TextSource source) : source_(std::move(source)) { script_.file = source_.name(); }

  Script run() {
    std::string_view line;
    while (source_.next_line(line)) {
      words_ = words_of(line);
      if (!words_.empty()) take_line();
    }
    return std::move(script_);
  }

 private:
  [[noreturn]] void fail(const std::string& wrong, std::string_view expected) const {
    throw InputError(script_.file, source_.line_number(), wrong, expected);
  }

  // ---- words ------------------------------------------------------------------------------------

  [[nodiscard]] bool more() const noexcept { return next_ < words_.size(); }
  [[nodiscard]] std::string_view peek() const noexcept {
    return more() ? words_[next_] : std::string_view();
  }
  std::string_view take(std::string_view what) {
    if (!more()) fail(fmt::format("'{}' lacks {}", shown(joined_words(words_)), what), usage_);
    return words_[next_++];
  }
  bool take_if(std::string_view word) noexcept {
    const bool is = more() && words_[next_] == word;
    next_ += is ? 1 : 0;
    return is;
  }
  void end_of_line() const {
    if (more()) fail(fmt::format("'{}' is too much", shown(words_[next_])), usage_);
  }
  std::uint64_t number_in(std::string_view word) const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || error == std::errc::invalid_argument || end != word.data() + word.size())
      fail(fmt::format("'{}' is no number", shown(word)), usage_);
    if (error != std::errc() || value > ScriptLimits::pages)
      fail(fmt::format("{} is too large", shown(word)),
           fmt::format("at most {}", ScriptLimits::pages));
    return value;
  }
  std::uint64_t take_number(std::string_view what) { return number_in(take(what)); }

  // One of a few words, with what each stands for.
  template <class T>
  T take_one_of(std::string_view what,
                std::initializer_list<std::pair<std::string_view, T>> choices) {
    const std::string_view word = take(what);
    for (const auto& [name, value] : choices)
      if (word == name) return value;
    fail(fmt::format("'{}' is not {}", shown(word), what), usage_);
  }

  // ---- areas ------------------------------------------------------------------------------------

  [[nodiscard]] ScriptArea* find_area(std::string_view name) {
    const auto at = std::ranges::find(script_.areas, name, &ScriptArea::name);
    return at == script_.areas.end() ? nullptr : &*at;
  }
  ScriptArea& area_named(std::string_view name) {
    ScriptArea* area = find_area(name);
    if (area == nullptr)
      fail(fmt::format("there is no area {}", shown(name)), "a name that a line above gave");
    return *area;
  }
  void check_name(std::string_view name) const {
    const bool good = !name.empty() && name.size() <= ScriptLimits::name && is_letter(name[0]) &&
                      std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c); });
    if (!good)
      fail(fmt::format("'{}' is no name of an area", shown(name)),
           "a letter, then letters and digits");
  }
  // B or B+off.
  vaddr_t place_in(std::string_view text) {
    const std::size_t plus = text.find('+');
    const vaddr_t base = area_named(text.substr(0, plus)).base;
    if (plus == std::string_view::npos) return base;
    return base + number_in(text.substr(plus + 1)) * page_size;
  }
  ScriptArea& new_area(std::string_view name) {
    check_name(name);
    if (script_.areas.size() == ScriptLimits::areas)
      fail("too many areas", fmt::format("at most {}", ScriptLimits::areas));
    const vaddr_t base = script_base + script_.areas.size() * script_area_size;
    return script_.areas.emplace_back(ScriptArea{std::string(name), base, 0});
  }
  void grow(ScriptArea& area, std::uint64_t pages) {
    if (pages <= area.pages) return;
    area_pages_ += pages - area.pages;
    area.pages = pages;
    if (area_pages_ > ScriptLimits::area_pages)
      fail("the areas are too large",
           fmt::format("at most {} pages in all", ScriptLimits::area_pages));
  }

  // ---- lines ------------------------------------------------------------------------------------

  void take_line() {
    next_ = 0;
    usage_ = "an operation, or 'area NAME n', or 'option no-rt|no-keeper|child-cpu 1'";
    if (take_if("area")) return take_area();
    if (take_if("option")) return take_option();
    take_operation();
  }
  void take_area() {
    usage_ = "area NAME n";
    const std::string_view name = take("a name");
    if (find_area(name) != nullptr)
      fail(fmt::format("area {} is there already", shown(name)), "a new name");
    const std::uint64_t pages = take_number("a number of pages");
    end_of_line();
    grow(new_area(name), pages);
    script_.directives.push_back(joined_words(words_));
  }
  void take_option() {
    usage_ = "option no-rt|no-keeper|child-cpu 1";
    const std::string_view which = take("its name");
    if (which == "no-rt")
      script_.real_time = false;
    else if (which == "no-keeper")
      script_.keeper = false;
    else if (which == "child-cpu")
      take_child_cpu();
    else
      fail(fmt::format("there is no option '{}'", shown(which)), usage_);
    end_of_line();
    script_.directives.push_back(joined_words(words_));
  }
  void take_child_cpu() {
    const std::uint64_t cpu = take_number("a CPU");
    if (cpu > 1) fail(fmt::format("there is no CPU {}", cpu), "0 or 1");
    script_.child_cpu = static_cast<unsigned>(cpu);
  }

  void take_operation() {
    if (script_.ops.size() == ScriptLimits::operations)
      fail("too many operations", fmt::format("at most {}", ScriptLimits::operations));
    ScriptOp op;
    op.line = source_.line_number();
    op.text = joined_words(words_);
    op.actor = take_actor();
    const std::string_view word = take("an operation");
    const ScriptWord* known = script_word(word);
    if (known == nullptr)
      fail(fmt::format("there is no operation '{}'", shown(word)),
           "one of mmap munmap mprotect mremap touch write read fork exit, an advice, ...");
    op.verb = known->verb;
    const std::string usage = fmt::format("{} {}", word, usage_of(known->form));
    usage_ = usage;
    take_operands(op, known->form);
    end_of_line();
    check_cast(op);
    script_.ops.push_back(std::move(op));
  }
  ScriptActor take_actor() {
    if (take_if("child:")) return ScriptActor::child;
    if (!take_if("thread")) return ScriptActor::t0;
    if (!take_if("1:")) fail("'thread' without '1:'", "thread 1: OPERATION");
    return ScriptActor::t1;
  }

  void take_operands(ScriptOp& op, ScriptForm form) {
    switch (form) {
      case ScriptForm::map: return take_map(op);
      case ScriptForm::range: return take_range(op);
      case ScriptForm::range_prot: take_range(op), op.prot = take_prot(); return;
      case ScriptForm::remap: return take_remap(op);
      case ScriptForm::access: return take_access(op);
      case ScriptForm::touch:
        take_range(op);
        op.prot = take_one_of<std::uint8_t>("r or w", {{"r", script_read}, {"w", script_write}});
        return;
      case ScriptForm::uffd_mode:
        take_range(op);
        op.on = take_one_of<bool>("wp or missing", {{"wp", true}, {"missing", false}});
        return;
      case ScriptForm::on_off:
        take_range(op);
        op.on = take_one_of<bool>("on or off", {{"on", true}, {"off", false}});
        return;
      case ScriptForm::source: return take_source(op);
      case ScriptForm::number: op.number = take_number("a number"); return;
      case ScriptForm::nothing: return;
    }
  }
  std::uint8_t take_prot() {
    return take_one_of<std::uint8_t>("a protection",
                                     {{"none", 0},
                                      {"r", script_read},
                                      {"rw", script_read | script_write},
                                      {"rx", script_read | script_exec},
                                      {"rwx", script_read | script_write | script_exec}});
  }
  vaddr_t take_place() {
    const vaddr_t base = area_named(take("an area")).base;
    return base + take_number("a first page") * page_size;
  }
  void take_range(ScriptOp& op) {
    op.start = take_place();
    op.pages = take_number("a number of pages");
  }
  void take_access(ScriptOp& op) {
    op.start = take_place();
    op.pages = more() ? take_number("a number of pages") : 1;
    op.prot = op.verb == ScriptVerb::write ? script_write : script_read;
  }
  void take_source(ScriptOp& op) {
    take_range(op);
    op.other = take_place();
  }
  void take_remap(ScriptOp& op) {
    take_range(op);
    op.new_pages = take_number("a new number of pages");
    while (more()) {
      const std::string_view word = take("");
      if (word.starts_with("to="))
        op.other = place_in(word.substr(3));
      else if (word == "dontunmap")
        op.dontunmap = true;
      else if (word != "maymove")
        fail(fmt::format("there is no flag '{}' of mremap", shown(word)), usage_);
    }
  }

  void take_map(ScriptOp& op) {
    const std::string_view name = take("an area");
    op.pages = take_number("a number of pages");
    op.prot = take_prot();
    std::optional<vaddr_t> at;
    std::uint64_t skew = 0;
    while (more()) take_flag(op, at, skew);
    ScriptArea* known = find_area(name);
    ScriptArea& area = known != nullptr ? *known : new_area(name);
    if (known == nullptr) area.base = at ? *at : area.base + skew * page_size;
    op.start = at ? *at : area.base;
    grow(area, op.pages);
  }
  void take_flag(ScriptOp& op, std::optional<vaddr_t>& at, std::uint64_t& skew) {
    const std::string_view word = take("");
    if (word.starts_with("at="))
      at = place_in(word.substr(3));
    else if (word.starts_with("skew="))
      skew = number_in(word.substr(5));
    else if (word == "shared")
      op.shared = true;
    else if (word == "memfd")
      op.file = ScriptFile::memfd;
    else if (word == "file")
      op.file = ScriptFile::file;
    else if (word == "populate")
      op.populate = true;
    else if (word == "noreserve")
      op.noreserve = true;
    else if (word == "fixed")
      op.fixed = true;
    else
      fail(fmt::format("there is no flag '{}' of mmap", shown(word)),
           "shared memfd file populate noreserve fixed at=B+off skew=n");
  }

  // ---- who is there -----------------------------------------------------------------------------

  void check_cast(const ScriptOp& op) {
    check_child(op);
    check_thread(op);
  }
  void check_child(const ScriptOp& op) {
    const bool ends = op.verb == ScriptVerb::exit;
    if (ends && op.actor == ScriptActor::t1) fail("exit ends the child", "exit, or child: exit");
    if ((ends || op.actor == ScriptActor::child) && !child_)
      fail("there is no child", "a line with fork above");
    if (op.verb == ScriptVerb::fork && child_)
      fail("there is a child already", "exit before the next fork");
    if (op.verb == ScriptVerb::fork) child_ = true;
    if (ends) child_ = false;
  }
  void check_thread(const ScriptOp& op) {
    using enum ScriptVerb;
    const bool about = op.verb == sleep1 || op.verb == wake1 || op.verb == t1exit;
    if (!about && op.actor != ScriptActor::t1) return;
    if (script_.second_thread == 0) script_.second_thread = op.line;
    if (thread_ == Thread::gone) fail("thread 1 has exited", "no more of it after t1exit");
    if (thread_ == Thread::asleep && op.actor == ScriptActor::t1)
      fail("thread 1 sleeps", "a line with wake1 above");
    if (op.verb == sleep1) thread_ = Thread::asleep;
    if (op.verb == wake1) thread_ = Thread::awake;
    if (op.verb == t1exit) thread_ = Thread::gone;
  }

  enum class Thread : std::uint8_t { awake, asleep, gone };

  TextSource source_;
  Script script_;
  std::vector<std::string_view> words_;  // of the line
  std::size_t next_ = 0;
  std::string usage_;
  std::uint64_t area_pages_ = 0;
  bool child_ = false;
  Thread thread_ = Thread::awake;
};

}  // namespace

Script read_script(const std::string& path) {
  return Parser(TextSource::from_file(path, TextSource::a_script)).run();
}
Script parse_script(std::string_view text, std::string name) {
  return Parser(TextSource::from_memory(text, std::move(name), TextSource::a_script)).run();
}

}  // namespace tlblab
