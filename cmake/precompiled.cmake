# lar_precompiled(TARGET [TESTS]): with LAR_PRECOMPILED_HEADERS the target's sources begin with the headers that
# most of ours include, compiled once for all; TESTS: with GoogleTest's too. The release build does without, and so
# finds a source that relies on them instead of including what it uses.
set(LAR_COMMON_HEADERS
    <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <filesystem> <fstream> <functional> <map>
    <memory> <mutex> <optional> <set> <span> <sstream> <stop_token> <string> <string_view> <thread> <unordered_map>
    <vector> <fmt/format.h> <nlohmann/json.hpp> <tl/expected.hpp>)

if(LAR_PRECOMPILED_HEADERS)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)  # ccache needs it
  endif()
  # What the packages of some libraries ask for must hold where the headers are compiled, and so everywhere.
  add_compile_options(-pthread)
  add_compile_definitions(_LARGEFILE64_SOURCE)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")
  add_library(lar_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(lar_precompiled PRIVATE fmt::fmt nlohmann_json::nlohmann_json)
  target_precompile_headers(lar_precompiled PRIVATE ${LAR_COMMON_HEADERS})
  lar_warnings(lar_precompiled)
  if(LAR_TESTS)
    add_library(lar_precompiled_tests OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
    target_link_libraries(lar_precompiled_tests PRIVATE fmt::fmt nlohmann_json::nlohmann_json GTest::gtest)
    target_precompile_headers(lar_precompiled_tests PRIVATE ${LAR_COMMON_HEADERS} <gtest/gtest.h>)
    lar_warnings(lar_precompiled_tests)
  endif()
endif()

function(lar_precompiled target)
  if(LAR_PRECOMPILED_HEADERS)
    if("TESTS" IN_LIST ARGN)
      target_precompile_headers(${target} REUSE_FROM lar_precompiled_tests)
    else()
      target_precompile_headers(${target} REUSE_FROM lar_precompiled)
    endif()
  endif()
endfunction()
