# What the product links. Arrow, DuckDB and simdjson come from third_party/ (tools/fetch-deps), the rest from Debian.
set(THIRD_PARTY "${PROJECT_SOURCE_DIR}/third_party" CACHE PATH "where tools/fetch-deps has put the locked archives")

find_package(Threads REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
if(PACTOLUS_TESTS)
  find_package(GTest REQUIRED)
endif()
if(PACTOLUS_BENCH)
  find_package(benchmark REQUIRED)
endif()

# Static libraries of Debian that go into the program; their names are shown to nothing else.
function(_link_archives target)
  foreach(name IN LISTS ARGN)
    find_library(LIB${name}_ARCHIVE NAMES lib${name}.a REQUIRED)
    target_link_libraries(${target} INTERFACE "${LIB${name}_ARCHIVE}")
    list(APPEND archives lib${name}.a)
  endforeach()
  list(JOIN archives ":" archives)
  target_link_options(${target} INTERFACE "LINKER:--exclude-libs,${archives}")
endfunction()

find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
add_library(xxhash INTERFACE)
_link_archives(xxhash xxhash)
target_include_directories(xxhash SYSTEM INTERFACE "${XXHASH_INCLUDE_DIR}")

# A prompt's line editor, with what it needs.
find_path(EDIT_INCLUDE_DIR histedit.h REQUIRED)
add_library(edit INTERFACE)
target_include_directories(edit SYSTEM INTERFACE "${EDIT_INCLUDE_DIR}")
_link_archives(edit edit bsd md tinfo)

# PostgreSQL's client library is loaded when a shop has PostgreSQL (src/sinks/postgres/pg_connection.cc).
find_path(LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
add_library(libpq_header INTERFACE)
target_include_directories(libpq_header SYSTEM INTERFACE "${LIBPQ_INCLUDE_DIR}")

# Requests to webhooks. Headers alone; what they need of TLS is OpenSSL's.
find_path(BOOST_INCLUDE_DIR boost/beast/core.hpp REQUIRED)
add_library(boost_headers INTERFACE)
target_include_directories(boost_headers SYSTEM INTERFACE "${BOOST_INCLUDE_DIR}")

find_path(OPENSSL_INCLUDE_DIR openssl/ssl.h REQUIRED)
add_library(openssl INTERFACE)
target_include_directories(openssl SYSTEM INTERFACE "${OPENSSL_INCLUDE_DIR}")
_link_archives(openssl ssl crypto)
target_link_libraries(openssl INTERFACE ${CMAKE_DL_LIBS} Threads::Threads)

# simdjson is compiled here, so that no shared library of a distribution's version is needed. libparquet carries another
# version of it and shows its symbols: ours gets a namespace of its own, or calls would end in the wrong one.
add_library(simdjson STATIC "${THIRD_PARTY}/simdjson/src/simdjson.cpp")
target_include_directories(simdjson SYSTEM PUBLIC "${THIRD_PARTY}/simdjson/src")
target_compile_definitions(simdjson PUBLIC $<$<NOT:$<CONFIG:Debug>>:NDEBUG> SIMDJSON_EXCEPTIONS=0 simdjson=pactolus_simdjson)
target_compile_options(simdjson PRIVATE -w -O3 PUBLIC "$<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-march=x86-64-v2;-mpclmul>")

# librdkafka is built once, in its folder, by its own scripts, and serves every preset. OpenSSL, zstd and zlib go into the
# program with it: the two shared libraries above carry some of them too, so none of these names is shown to them.
set(RDKAFKA "${THIRD_PARTY}/librdkafka/deps/librdkafka")
add_custom_command(OUTPUT "${RDKAFKA}/src/librdkafka.a"
  COMMAND "${PROJECT_SOURCE_DIR}/tools/build-librdkafka" "${RDKAFKA}"
  DEPENDS "${PROJECT_SOURCE_DIR}/tools/build-librdkafka" COMMENT "Building librdkafka" VERBATIM)
add_custom_target(librdkafka_archive DEPENDS "${RDKAFKA}/src/librdkafka.a")
add_library(rdkafka INTERFACE)
add_dependencies(rdkafka librdkafka_archive)
target_include_directories(rdkafka SYSTEM INTERFACE "${RDKAFKA}/src")
target_link_libraries(rdkafka INTERFACE "${RDKAFKA}/src/librdkafka.a")
target_link_libraries(rdkafka INTERFACE openssl)
_link_archives(rdkafka zstd z)
target_link_libraries(rdkafka INTERFACE m dl Threads::Threads)
target_link_options(rdkafka INTERFACE "LINKER:--exclude-libs,librdkafka.a")

function(_locked_library target file soname)
  if(NOT EXISTS "${file}")
    message(FATAL_ERROR "${file} is missing: run tools/fetch-deps first")
  endif()
  add_library(${target} SHARED IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${file}" IMPORTED_SONAME "${soname}")
endfunction()

# The wheel carries only the versioned file names; naming the files themselves needs no symbolic links and no Python.
_locked_library(arrow "${THIRD_PARTY}/arrow/libarrow.so.2600" libarrow.so.2600)
_locked_library(parquet "${THIRD_PARTY}/arrow/libparquet.so.2600" libparquet.so.2600)
set_target_properties(arrow PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${THIRD_PARTY}/arrow/include")
set_target_properties(parquet PROPERTIES INTERFACE_LINK_LIBRARIES arrow)
_locked_library(duckdb "${THIRD_PARTY}/duckdb/libduckdb.so" libduckdb.so)
set_target_properties(duckdb PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${THIRD_PARTY}/duckdb-header/src/duckdb/src/include")
