#!/usr/bin/env bash
# Configures and builds one CMake preset, with progress; needs no network.
# Usage: build.sh PRESET [TARGET...]
. "$(dirname "$0")/lib.sh"

preset="${1:?a preset of CMakePresets.json}"
shift
cd "$repository"
mkdir -p build
log="build/$preset.log"
# A compiler process wants up to 1 GB, twice that with sanitizers.
jobs="$(nproc)"
by_memory="$(($(awk '/MemAvailable/ {print $2}' /proc/meminfo) / 1500000))"
if [ "$by_memory" -lt "$jobs" ]; then jobs=$((by_memory > 1 ? by_memory : 1)); fi
cmake --preset "$preset" >"$log" 2>&1 || {
    cat "$log" >&2
    fail "CMake could not configure '$preset' (see above); missing packages come with: make setup"
}
NINJA_STATUS='[%f/%t, %es] ' cmake --build "build/$preset" --parallel "$jobs" ${1:+--target "$@"} >&2
