# add_room(NAME [SOURCES ...] [LINKS ...] [PRIVATE_LINKS ...]): one folder is one idea is one library.
# add_room_test(NAME SOURCES ... [LINKS ...]): a GoogleTest program, label "unit".
function(add_room name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(pactolus_${name} STATIC ${arg_SOURCES})
  target_link_libraries(pactolus_${name} PUBLIC pactolus_settings ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS})
endfunction()

function(add_room_test name)
  if(NOT PACTOLUS_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name}_test ${arg_SOURCES})
  target_link_libraries(${name}_test PRIVATE ${arg_LINKS} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE PACTOLUS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 900
    ENVIRONMENT "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp;ASAN_OPTIONS=detect_container_overflow=0")
endfunction()
