// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/script_words.h"

#include <algorithm>
#include <array>

namespace tlblab {
namespace {

using enum ScriptVerb;
using Form = ScriptForm;

constexpr auto words = std::to_array<ScriptWord>({
    {"mmap", mmap, Form::map},
    {"munmap", munmap, Form::range},
    {"mprotect", mprotect, Form::range_prot},
    {"mremap", mremap, Form::remap},
    {"mlock", mlock, Form::range},
    {"munlock", munlock, Form::range},
    {"touch", touch, Form::touch},
    {"write", write, Form::access},
    {"read", read, Form::access},
    {"dontneed", dontneed, Form::range},
    {"dontneed_locked", dontneed_locked, Form::range},
    {"free", free, Form::range},
    {"cold", cold, Form::range},
    {"pageout", pageout, Form::range},
    {"hugepage", hugepage, Form::range},
    {"nohugepage", nohugepage, Form::range},
    {"collapse", collapse, Form::range},
    {"populate_read", populate_read, Form::range},
    {"populate_write", populate_write, Form::range},
    {"willneed", willneed, Form::range},
    {"mergeable", mergeable, Form::range},
    {"unmergeable", unmergeable, Form::range},
    {"remove", remove, Form::range},
    {"guard", guard, Form::range},
    {"unguard", unguard, Form::range},
    {"dontfork", dontfork, Form::range},
    {"wipeonfork", wipeonfork, Form::range},
    {"sequential", sequential, Form::range},
    {"fork", fork, Form::nothing},
    {"exit", exit, Form::nothing},
    {"uffdreg", uffdreg, Form::uffd_mode},
    {"uffdunreg", uffdunreg, Form::range},
    {"uffdwp", uffdwp, Form::on_off},
    {"uffdzero", uffdzero, Form::range},
    {"uffdcopy", uffdcopy, Form::source},
    {"uffdmove", uffdmove, Form::source},
    {"ksmscan", ksmscan, Form::number},
    {"sleep1", sleep1, Form::nothing},
    {"wake1", wake1, Form::nothing},
    {"t1exit", t1exit, Form::nothing},
    {"msleep", msleep, Form::number},
    {"nop", nop, Form::nothing},
});

}  // namespace

const ScriptWord* script_word(std::string_view word) noexcept {
  const auto* at = std::ranges::find(words, word, &ScriptWord::word);
  return at == words.end() ? nullptr : at;
}

std::string_view usage_of(ScriptForm form) noexcept {
  switch (form) {
    case Form::map: return "A n rw|r|none [FLAGS]";
    case Form::range: return "A off n";
    case Form::range_prot: return "A off n r|rw|none|rx|rwx";
    case Form::remap: return "A off n newn [to=B+off] [dontunmap]";
    case Form::access: return "A off [n]";
    case Form::touch: return "A off n r|w";
    case Form::uffd_mode: return "A off n wp|missing";
    case Form::on_off: return "A off n on|off";
    case Form::source: return "A off n S soff";
    case Form::number: return "a number";
    case Form::nothing: return "nothing";
  }
  return "nothing";
}

std::string_view name_of(ScriptVerb verb) noexcept {
  const auto* at = std::ranges::find(words, verb, &ScriptWord::verb);
  return at == words.end() ? "" : at->word;
}

std::string_view name_of(ScriptActor actor) noexcept {
  switch (actor) {
    case ScriptActor::t0: return "t0";
    case ScriptActor::t1: return "t1";
    case ScriptActor::child: return "child";
  }
  return "t0";
}

}  // namespace tlblab
