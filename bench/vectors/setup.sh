#!/usr/bin/env bash
# Puts what bench_vectors compares with into $LAR_CACHE/bench: the sources of sqlite-vec and usearch,
# checked against third_party/NAME/ORIGIN; faiss as a Debian package; and real MiniLM vectors. What
# cannot be had here is named and left out of the comparison.
# Usage: setup.sh [COUNT]    number of real vectors (default 20000)
. "$(dirname "$0")/../../scripts/lib.sh"

count="${1:-20000}"
folder="$cache/bench"
mkdir -p "$folder"
with_lock bench-vectors
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

version="$(origin usearch version)"
if [ ! -e "$folder/usearch/complete" ]; then
    say "usearch $version (source, 1 MB)"
    if python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary usearch \
        --dest "$work" "usearch==$version" >&2; then
        [ "$(sha256_of "$work/usearch-$version.tar.gz")" = "$(origin usearch sha256)" ] ||
            fail "usearch $version does not have the hash of third_party/usearch/ORIGIN"
        rm -rf "$folder/usearch"
        mkdir -p "$folder/usearch"
        tar -xzf "$work/usearch-$version.tar.gz" -C "$folder/usearch" --strip-components=1
        touch "$folder/usearch/complete"
    else
        say "  usearch cannot be had here; it is left out"
    fi
fi

version="$(origin sqlite-vec version)"
if [ ! -e "$folder/sqlite-vec/complete" ]; then
    say "sqlite-vec $version (source, 0.4 MB)"
    if command -v cargo >/dev/null; then
        mkdir -p "$work/crate/src"
        touch "$work/crate/src/lib.rs"
        printf '[package]\nname = "bench"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nsqlite-vec = "=%s"\n' \
            "$version" >"$work/crate/Cargo.toml"
        (cd "$work/crate" && cargo vendor --quiet --versioned-dirs >/dev/null)
        source="$work/crate/vendor/sqlite-vec-$version"
        [ "$(sha256_of "$source/sqlite-vec.c")" = "$(origin sqlite-vec sha256)" ] ||
            fail "sqlite-vec $version does not have the hash of third_party/sqlite-vec/ORIGIN"
        rm -rf "$folder/sqlite-vec"
        mkdir -p "$folder/sqlite-vec"
        cp "$source/sqlite-vec.c" "$source/sqlite-vec.h" "$folder/sqlite-vec/"
        touch "$folder/sqlite-vec/complete"
    else
        say "  cargo, the client of its registry, is missing; sqlite-vec is left out"
    fi
fi

if [ "$(dpkg-query -W -f='${db:Status-Status}' libfaiss-dev 2>/dev/null)" != installed ]; then
    say "faiss (Debian package libfaiss-dev)"
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends libfaiss-dev >/dev/null 2>&1 ||
        say "  libfaiss-dev cannot be installed here; faiss is left out"
fi

vectors="$folder/minilm-$count.f32"
if [ ! -e "$vectors" ]; then
    say "$count passages through all-MiniLM-L6-v2 (some minutes, once)"
    "$repository/scripts/setup-models.sh" all-minilm-l6-v2-q8_0 >&2
    server="$("$repository/scripts/setup-engine.sh")"
    python3 "$repository/bench/vectors/embed.py" --server "$server" \
        --model "$models/all-minilm-l6-v2-q8_0.gguf" --count "$count" --out "$vectors"
fi
printf '%s\n' "$vectors"
