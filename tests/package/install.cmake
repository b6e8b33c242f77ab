# SPDX-License-Identifier: GPL-2.0-or-later
# Installs the build into a new folder and asks the program there for its version.
#   cmake -DBUILD=DIR -DPREFIX=DIR -DVERSION=X -P install.cmake       PREFIX is made anew
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PREFIX}/bin/tlblab --version
  WORKING_DIRECTORY / OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
if(NOT said MATCHES "^tlblab ${VERSION}")
  message(FATAL_ERROR "wanted 'tlblab ${VERSION} ...', got '${said}'")
endif()
file(GLOB_RECURSE licence ${PREFIX}/share/doc/*/LICENSE)
if(NOT licence)
  message(FATAL_ERROR "no LICENSE below ${PREFIX}/share/doc")
endif()
