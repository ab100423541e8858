# Libraries of the system, each under one target name.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt REQUIRED)
find_package(CURL REQUIRED)
foreach(pair gmime:gmime-3.0 ical:libical poppler:poppler-cpp pugixml:pugixml zip:libzip xml2:libxml-2.0
             sodium:libsodium openssl:openssl zstd:libzstd sqlite:sqlite3 seccomp:libseccomp utf8proc:libutf8proc
             uchardet:uchardet md4c:md4c tomlplusplus:tomlplusplus
             httplib:cpp-httplib)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()
find_library(STEMMER stemmer REQUIRED)
find_library(DATE_TZ date-tz REQUIRED)
find_library(READLINE readline REQUIRED)
if(LAR_TESTS)
  enable_testing()
  find_package(GTest REQUIRED)
endif()
