# SPDX-License-Identifier: GPL-2.0-or-later
# Boost 1.74 (libboost-dev, libboost-context-dev), BSL-1.0. Four parts and no more:
#   Boost.Container  short lists without an allocation; harness/explore
#   Boost.Context    the fibers that are CPUs in the explore world, on hosts that are not x86-64;
#                    harness/world only
#   Boost.Intrusive  lists and trees through members, as in the kernel; mm
#   Boost.ICL        interval sets for replay's bookkeeping; harness/workload
find_package(Boost 1.74 REQUIRED COMPONENTS context)
add_library(tlblab::boost_context ALIAS Boost::context)
add_library(tlblab::boost_headers ALIAS Boost::headers)
