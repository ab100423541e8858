#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy over our C++, or over the files named. What it said about a
# file is kept in the cache until the file, a header it includes, its compile command, the checks or
# clang-tidy change: a repeat takes seconds. Exit status 1 when there are findings.
# Usage: tidy.sh [FILE...]
. "$(dirname "$0")/lib.sh"

"$repository/scripts/setup-packages.sh" build tidy
cd "$repository"
mkdir -p build
cmake --preset dev -B build/tidy -DLAR_PRECOMPILED_HEADERS=OFF >build/tidy.log 2>&1 || {
    cat build/tidy.log >&2
    fail "CMake could not configure 'dev' (see above); missing packages come with: make setup"
}
exec python3 scripts/tidy.py --commands build/tidy/compile_commands.json --kept "$cache/tidy" "$@"
