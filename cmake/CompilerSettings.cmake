# Warnings, target processor and sanitizers, as one interface target that every room links.
set(PACTOLUS_SANITIZE "" CACHE STRING "address,undefined or thread; empty for none")

add_library(pactolus_settings INTERFACE)
target_include_directories(pactolus_settings INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_options(pactolus_settings INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Wconversion -Wno-sign-conversion -fno-strict-aliasing
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # g++ 12 sees overlaps in "literal" + std::string that are not there
# x86-64-v2 is every 64-bit server since 2009; the hot loops of simdjson and xxhash choose wider units at run time.
target_compile_options(pactolus_settings INTERFACE "$<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-march=x86-64-v2;-mpclmul>")
if(PACTOLUS_SANITIZE)
  target_compile_options(pactolus_settings INTERFACE -fsanitize=${PACTOLUS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(pactolus_settings INTERFACE -fsanitize=${PACTOLUS_SANITIZE})
endif()

if(PACTOLUS_FUZZ)
  target_compile_options(pactolus_settings INTERFACE -fsanitize=fuzzer-no-link)  # coverage of the rooms guides the fuzzer
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
endif()
