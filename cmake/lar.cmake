# lar_library(NAME [LINKS …]): the library lar_NAME from every .cc below src/NAME but tests, fuzzers and
# mains; with LAR_TESTS also NAME_test from its *_test.cc. Sources are globbed, so that a new reader or
# source is one new file.
function(lar_library name)
  cmake_parse_arguments(argument "" "" "LINKS" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(lar_${name} STATIC ${sources})
    target_include_directories(lar_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(lar_${name} PUBLIC ${argument_LINKS})
    lar_warnings(lar_${name})
    lar_precompiled(lar_${name})
  else()
    add_library(lar_${name} INTERFACE)
    target_include_directories(lar_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(lar_${name} INTERFACE ${argument_LINKS})
  endif()
  if(LAR_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE lar_${name} GTest::gtest GTest::gtest_main)
    lar_warnings(${name}_test)
    lar_precompiled(${name}_test TESTS)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300
                         ENVIRONMENT "LAR_SOURCE_FOLDER=${CMAKE_SOURCE_DIR}")
  endif()
  if(LAR_FUZZ)
    file(GLOB_RECURSE fuzzers CONFIGURE_DEPENDS ${folder}/*_fuzz.cc)
    foreach(fuzzer ${fuzzers})
      get_filename_component(program ${fuzzer} NAME_WE)
      add_executable(${program} ${fuzzer})
      target_link_libraries(${program} PRIVATE lar_${name})
      target_link_options(${program} PRIVATE -fsanitize=fuzzer)
      lar_warnings(${program})
      add_dependencies(fuzzers ${program})
    endforeach()
    # The code under test reports which ways it took.
    if(sources)
      target_compile_options(lar_${name} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
  endif()
endfunction()

# gcc 12 takes moved-from std::optional and std::variant for uninitialised when it optimises; the sanitizers
# look for the real thing. clang finds what std::stable_sort of that gcc's library uses deprecated.
function(lar_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                         -Woverloaded-virtual -Wno-missing-field-initializers
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
                         $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations> -Wcast-align -Wformat=2 -Werror)
endfunction()

# lar_embed(TARGET NAME FILES …): makes lar::embedded::NAME(), the bytes of files, part of TARGET.
function(lar_embed target name base)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND python3 ${CMAKE_SOURCE_DIR}/cmake/embed.py ${name} ${base} ${output} ${ARGN}
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed.py
    COMMENT "embedding ${name}" VERBATIM)
  # Files are longer than the strings that a compiler has to take; ours take them.
  set_source_files_properties(${output} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings
                              SKIP_PRECOMPILE_HEADERS ON)
  target_sources(${target} PRIVATE ${output})
endfunction()
