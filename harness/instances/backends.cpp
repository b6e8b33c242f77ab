// SPDX-License-Identifier: GPL-2.0-or-later
// One row a backend.
#include "harness/instances/backends.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "arch/arm/tlb_2017.h"
#include "arch/arm64/arm64.h"
#include "arch/ia64/ia64.h"
#include "arch/mips/mips.h"
#include "arch/ppc64_hash/ppc64_hash.h"
#include "arch/ppc64_hash/tlbflush_2007.h"
#include "arch/ppc64_radix/ppc64_radix.h"
#include "arch/riscv/riscv.h"
#include "arch/s390/s390.h"
#include "arch/sh/tlb_2017.h"
#include "arch/sparc64/sparc64.h"
#include "arch/um/tlb_2017.h"
#include "arch/x86/invlpgb.h"
#include "arch/x86/x86.h"

namespace tlblab::inline TLBLAB_WORLD {

namespace {

template <ArchBackend A>
constexpr Backend row() noexcept {
  Backend backend{A::name, A::facts, A::features, chosen_arch::choose<A>};
  if constexpr (requires { A::set_option(""); }) backend.set_option = A::set_option;
  if constexpr (requires { A::opted_features(); })
    backend.set_option = [](std::string_view option) noexcept {
      const bool known = A::set_option(option);
      chosen_arch::features = A::opted_features();
      return known;
    };
  return backend;
}

constexpr Backend rows[] = {row<x86>(),
                            row<arm64>(),
                            row<s390>(),
                            row<ppc64_hash>(),
                            row<ppc64_hash_2007>(),
                            row<ppc64_radix>(),
                            row<x86_2018>(),
                            row<x86_612>(),
                            row<riscv>(),
                            row<x86_invlpgb>(),
                            row<sparc64>(),
                            row<sparc64_2007>(),
                            row<mips>(),
                            row<arm>(),
                            row<arm_2017_merged>(),
                            row<arm_2017_posted>(),
                            row<sh>(),
                            row<sh_2017_merged>(),
                            row<sh_2017_posted>(),
                            row<um>(),
                            row<um_2017_merged>(),
                            row<um_2017_posted>(),
                            row<ia64_2017_merged>(),
                            row<ia64_2017_posted>()};

void set_options(const Backend& backend, std::string_view options) {
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find('+'));
    options.remove_prefix(std::min(option.size() + 1, options.size()));
    if (backend.set_option == nullptr || !backend.set_option(option))
      throw std::invalid_argument(std::string(backend.name) + " has no option '" +
                                  std::string(option) + "'");
  }
}

}  // namespace

std::span<const Backend> backends() noexcept { return rows; }

void choose_backend(std::string_view name) {
  const std::size_t plus = name.find('+');
  const auto* at = std::ranges::find(rows, name.substr(0, plus), &Backend::name);
  if (at == std::end(rows))
    throw std::invalid_argument("there is no backend '" + std::string(name) + "'");
  at->choose();
  if (plus != std::string_view::npos) set_options(*at, name.substr(plus + 1));
}

}  // namespace tlblab::inline TLBLAB_WORLD
