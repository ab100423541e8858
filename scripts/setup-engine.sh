#!/usr/bin/env bash
# Builds the pinned llama.cpp for this very machine, once, into the cache, and prints the path of
# llama-server. The folder's name is a hash of everything that decides the result: source, options,
# compiler, and the CPU features that -march=native turns on; a cache shared by two machines is
# therefore safe. $LAR_CACHE/engine/current points to the newest build that was asked for.
# LAR_LLAMA_SERVER=PATH names the owner's own llama-server and skips all of this.
# LAR_ENGINE_BACKENDS="cpu" (or "cuda", "vulkan", "cuda vulkan") overrides what is detected.
# Usage: setup-engine.sh [source]      source: only unpacks llama.cpp's source and prints where
. "$(dirname "$0")/lib.sh"

only="${1:-all}"
if [ "$only" != source ] && [ -n "${LAR_LLAMA_SERVER:-}" ]; then
    [ -x "$LAR_LLAMA_SERVER" ] || fail "LAR_LLAMA_SERVER=$LAR_LLAMA_SERVER is not a program"
    printf '%s\n' "$LAR_LLAMA_SERVER"
    exit 0
fi

# Static, so that the folder is just the programs; symbols are exported so that a backend loaded
# through GGML_BACKEND_PATH finds ggml in the program itself.
options=(
    -DCMAKE_BUILD_TYPE=Release
    -DBUILD_SHARED_LIBS=OFF
    -DCMAKE_ENABLE_EXPORTS=ON
    -DGGML_NATIVE=ON
    -DGGML_OPENMP=ON
    -DLLAMA_OPENSSL=OFF
    -DLLAMA_BUILD_UI=OFF
    -DLLAMA_USE_PREBUILT_UI=OFF
    -DLLAMA_BUILD_APP=OFF
    -DLLAMA_BUILD_TESTS=OFF
    -DLLAMA_BUILD_EXAMPLES=OFF
)
# llama-bench and llama-quantize share nearly all objects with the server: 15 s more.
programs=(llama-server llama-bench llama-quantize)

if [ -z "${LAR_ENGINE_BACKENDS:-}" ]; then
    LAR_ENGINE_BACKENDS=cpu
    if command -v nvcc >/dev/null; then LAR_ENGINE_BACKENDS+=" cuda"; fi
    if command -v glslc >/dev/null && pkg-config --exists vulkan 2>/dev/null; then
        LAR_ENGINE_BACKENDS+=" vulkan"
    fi
fi
for backend in $LAR_ENGINE_BACKENDS; do
    case "$backend" in
    cpu) ;;
    cuda) options+=(-DGGML_CUDA=ON) ;;
    vulkan) options+=(-DGGML_VULKAN=ON) ;;
    *) fail "LAR_ENGINE_BACKENDS names '$backend'; there are: cpu cuda vulkan" ;;
    esac
done

compiler="${CXX:-c++}"
command -v "$compiler" >/dev/null || fail "no C++ compiler ($compiler); run: make setup"
# Some gcc miscompile AMX code (the header says how); asked of the compiler's own header, because
# only processors with AMX meet it.
patch=""
if printf '#include <immintrin.h>\n' | "$compiler" -march=native -E -x c++ - 2>/dev/null |
    grep 'ldtilecfg.*const void \*\*' >/dev/null; then
    if "$compiler" -march=native -dM -E -x c++ /dev/null | grep __AMX_TILE__ >/dev/null; then
        patch="$repository/scripts/amx_tile_config.h"
    fi
fi
bundle_hash="$(origin llama.cpp member-sha256)"
commit="$(origin llama.cpp commit)"
key="$({
    printf '%s\n' "$bundle_hash" "${options[@]}" "${programs[@]}"
    "$compiler" --version | head -n 1
    # What -march=native means here, as the compiler itself says it.
    "$compiler" -march=native -dM -E -x c++ /dev/null | grep -E ' 1$' | LC_ALL=C sort
    if command -v nvcc >/dev/null; then nvcc --version | tail -n 2; fi
    if [ -n "$patch" ]; then cat "$patch"; fi
} | sha256sum | cut -c1-16)"
engines="$cache/engine"
folder="$engines/$key"
source="$engines/source-${commit:0:7}"
if [ "$only" = source ] && [ -e "$source/.complete" ]; then
    printf '%s\n' "$source"
    exit 0
fi

point_to_it() {
    [ "$(readlink "$engines/current" 2>/dev/null)" = "$key" ] && return
    ln -sfn "$key" "$engines/current.new.$$"
    mv -T "$engines/current.new.$$" "$engines/current"
}
finish() {
    point_to_it
    printf '%s\n' "$folder/llama-server"
    exit 0
}
[ "$only" = all ] && [ -x "$folder/llama-server" ] && finish

mkdir -p "$engines"
with_lock engine
[ "$only" = all ] && [ -x "$folder/llama-server" ] && finish

# 1. The source, as a git bundle inside the package.
bundle="$engines/llama.cpp-${commit:0:7}.bundle"
if [ ! -f "$bundle" ] || [ "$(sha256_of "$bundle")" != "$bundle_hash" ]; then
    package="$(origin llama.cpp source)"
    package="${package#npm:}"
    say "llama.cpp $(origin llama.cpp version): loading 36 MB"
    node="$("$repository/scripts/setup-node.sh")"
    temporary="$(mktemp -d "$engines/load-XXXXXX")"
    trap 'rm -rf "$temporary"' EXIT
    PATH="$node:$PATH" try engine-load npm pack --pack-destination "$temporary" "$package" ||
        fail "llama.cpp could not be loaded; with a network, run it again, or name your own llama-server with LAR_LLAMA_SERVER ($said)"
    tarball="$(echo "$temporary"/*.tgz)"
    integrity="sha512-$("$node/node" -e '
        const hash = require("crypto").createHash("sha512");
        hash.update(require("fs").readFileSync(process.argv[1]));
        console.log(hash.digest("base64"));' "$tarball")"
    [ "$integrity" = "$(origin llama.cpp integrity)" ] ||
        fail "the package $package is not the pinned one (its hash is $integrity); nothing was built from it"
    member="$(origin llama.cpp member)"
    tar -xzf "$tarball" -C "$temporary" "$member"
    [ "$(sha256_of "$temporary/$member")" = "$bundle_hash" ] || fail "the bundle in $package is not the pinned one"
    mv "$temporary/$member" "$bundle"
    rm -rf "$temporary"
    trap - EXIT
fi
if [ ! -e "$source/.complete" ]; then
    rm -rf "$source"
    git clone --quiet -c advice.detachedHead=false "$bundle" "$source" 2>/dev/null ||
        fail "the source could not be unpacked from $bundle"
    [ "$(git -C "$source" rev-parse HEAD)" = "$commit" ] || fail "$bundle does not hold the commit $commit"
    touch "$source/.complete"
fi
if [ "$only" = source ]; then
    printf '%s\n' "$source"
    exit 0
fi

# 2. The build, in one folder that survives an interruption; its result appears by a rename.
build="$engines/build-$key"
log="$engines/build-$key.log"
# Each compiler process wants up to 1.5 GB.
jobs="$(nproc)"
by_memory="$(($(awk '/MemAvailable/ {print $2}' /proc/meminfo) / 1500000))"
if [ "$by_memory" -lt "$jobs" ]; then jobs=$((by_memory > 1 ? by_memory : 1)); fi
say "llama.cpp: building for this machine ($LAR_ENGINE_BACKENDS; $jobs at a time, about 13 CPU minutes$(
    case "$LAR_ENGINE_BACKENDS" in *cuda* | *vulkan*) echo "; GPU kernels take longer" ;; esac))"
started=$SECONDS
if [ -n "$patch" ]; then
    # A copy, so that the same build does not depend on where the tree lies.
    cp "$patch" "$engines/amx_tile_config.h"
    options+=("-DCMAKE_CXX_FLAGS=-include $engines/amx_tile_config.h")
fi
cmake -S "$source" -B "$build" -G Ninja "${options[@]}" >"$log" 2>&1 ||
    fail "llama.cpp could not be configured; $log says why:
$(grep -A3 'CMake Error' "$log" | head -n 8)"
set +e
{
    NINJA_STATUS='[%f/%t] ' cmake --build "$build" --parallel "$jobs" --target "${programs[@]}" 2>&1
    printf 'status:%d\n' $?
} | {
    status=1
    while IFS= read -r line; do
        case "$line" in
        status:*) status="${line#status:}" ;;
        \[*/*\]*)
            printf '%s\n' "$line" >>"$log"
            done_count="${line#[}"
            all_count="${done_count#*/}"
            done_count="${done_count%%/*}"
            all_count="${all_count%%]*}"
            elapsed=$((SECONDS - started))
            left="$(((all_count - done_count) * elapsed / (done_count > 0 ? done_count : 1)))"
            progress "  building $done_count/$all_count, $(clock "$elapsed") so far, about $(clock "$left") left"
            ;;
        *) printf '%s\n' "$line" >>"$log" ;;
        esac
    done
    exit "$status"
}
status=$?
set -e
progress_end
[ "$status" -eq 0 ] || fail "llama.cpp did not build; $log says why:
$(grep -m3 -A2 -E 'error:|FAILED' "$log")"

result="$(mktemp -d "$engines/result-XXXXXX")"
for program in "${programs[@]}"; do
    cp "$build/bin/$program" "$result/"
    strip --strip-debug "$result/$program"
done
"$result/llama-server" --version >"$result/version.txt" 2>&1 || fail "the built llama-server does not start: $(cat "$result/version.txt")"
{
    printf 'commit %s\nbackends %s\n' "$commit" "$LAR_ENGINE_BACKENDS"
    "$compiler" --version | head -n 1
    printf '%s\n' "${options[@]}"
} >"$result/build.txt"
chmod 755 "$result"
mv -T "$result" "$folder"
rm -rf "$build"
say "  built in $(clock $((SECONDS - started))): $folder"
finish
