// SPDX-License-Identifier: GPL-2.0-or-later
// The fixed form: declarations, setup, programs CPU by CPU, what is asked.
#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "harness/workload/scenario_text.h"
#include "harness/workload/scenario_text_words.h"

namespace tlblab {
namespace {

std::string_view prot_name(std::uint8_t prot) noexcept {
  switch (prot) {
    case text_read: return "r";
    case text_read | text_write: return "rw";
    case text_read | text_exec: return "rx";
    case text_read | text_write | text_exec: return "rwx";
    default: return "none";
  }
}

class Printer {
 public:
  explicit Printer(const ScenarioText& text) : text_(text) {}

  std::string run() {
    if (text_.arch) line("arch {}", text_.arch->text);
    names("without", text_.without);
    if (text_.actors.kinds() != 0) line("actors {}", print_hardware_actors(text_.actors));
    for (const TextFile& file : text_.files)
      line("{} {} {}", file.disk ? "file" : "shmem", file.name, file.pages);
    if (text_.swap_slots != 0) line("swap {}", text_.swap_slots);
    for (const TextOp& op : text_.setup) line("{}", operation(op));
    for (std::size_t cpu = 0; cpu < text_.programs.size(); ++cpu)
      for (const TextOp& op : text_.programs[cpu]) line("P{}: {}", cpu, operation(op));
    names("forbid", text_.forbidden);
    for (const TextCondition& condition : text_.conditions)
      line("{} {}", condition.exists ? "exists" : "forbid", condition.text);
    return std::move(out_);
  }

 private:
  template <class... Values>
  void line(fmt::format_string<Values...> form, Values&&... values) {
    fmt::format_to(std::back_inserter(out_), form, std::forward<Values>(values)...);
    out_ += '\n';
  }
  void names(std::string_view word, const std::vector<TextName>& all) {
    if (all.empty()) return;
    std::string list;
    for (const TextName& name : all) list += (list.empty() ? "" : ",") + name.text;
    line("{} {}", word, list);
  }

  [[nodiscard]] std::string operation(const TextOp& op) const {
    const TextVerbInfo& info = info_of(op.verb);
    std::string text =
        op.result ? fmt::format("r{} = {}", *op.result, info.word) : std::string(info.word);
    return text + operands(op, info.form);
  }
  [[nodiscard]] std::string operands(const TextOp& op, TextForm form) const {
    std::string range = fmt::format(" {:#x} {}", op.address, op.pages);
    switch (form) {
      case TextForm::map: return range + " " + std::string(prot_name(op.prot)) + mapping(op);
      case TextForm::range: return range;
      case TextForm::range_prot: return range + " " + std::string(prot_name(op.prot));
      case TextForm::remap: return range + remapping(op);
      case TextForm::uffd_mode: return range + (op.on ? " wp" : " missing");
      case TextForm::on_off: return range + (op.on ? " on" : " off");
      case TextForm::source: return fmt::format("{} from {:#x}", range, op.from());
      case TextForm::word:
      case TextForm::page: return fmt::format(" {:#x}", op.address);
      case TextForm::word_value: return fmt::format(" {:#x} {}", op.address, op.value);
      case TextForm::page_access:
        return fmt::format(" {:#x} {}", op.address, op.prot == text_write ? "w" : "r");
      case TextForm::value: return fmt::format(" {}", op.value);
      case TextForm::file_name: return " " + text_.files[op.of_file()].name;
      case TextForm::child_name:
      case TextForm::space_name: return op.name ? " " + text_.children[op.named()] : " parent";
      case TextForm::signal_name: return " " + text_.signals[op.named()];
      case TextForm::declare:
      case TextForm::number:
      case TextForm::nothing: break;
    }
    return {};
  }
  [[nodiscard]] std::string mapping(const TextOp& op) const {
    std::string text;
    if (op.file) {
      text =
          fmt::format(" {} {}", op.shared ? "shared" : "private", text_.files[op.of_file()].name);
      if (op.first_page != 0) text += fmt::format(" {}", op.first_page);
    }
    return text + (op.populate ? " populate" : "");
  }
  [[nodiscard]] static std::string remapping(const TextOp& op) {
    std::string text = fmt::format(" {}", op.new_pages);
    if (op.other) text += fmt::format(" to {:#x}", op.from());
    return text + (op.dont_unmap ? " dontunmap" : "");
  }

  const ScenarioText& text_;
  std::string out_;
};

}  // namespace

std::string print_scenario_text(const ScenarioText& text) { return Printer(text).run(); }

// Every page that is touched, once for each address space and once more for a copy of it; a file's
// pages; where huge pages may be, a few of them.
std::uint64_t frames_of(const ScenarioText& text) noexcept {
  constexpr std::uint64_t huge_pages = 4 * 512;
  std::uint64_t frames = 0;
  bool huge = false;
  const auto count = [&](const TextOp& op) {
    frames +=
        op.populate || op.verb != TextVerb::mmap ? 2 * std::max<std::uint64_t>(op.pages, 1) : 0;
    if (op.verb == TextVerb::fork) frames += 16;
    huge |= op.verb == TextVerb::madvise_hugepage;
  };
  for (const TextFile& file : text.files) frames += file.disk ? 2 * file.pages : file.pages;
  for (const TextOp& op : text.setup) count(op);
  for (const std::vector<TextOp>& program : text.programs)
    for (const TextOp& op : program) count(op);
  frames += text.swap_slots;
  return huge ? frames + huge_pages : frames;
}

// FNV-1a.
std::string fingerprint(const ScenarioText& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : print_scenario_text(text))
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return fmt::format("{:016x}", hash);
}

}  // namespace tlblab
