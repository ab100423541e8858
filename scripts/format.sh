#!/usr/bin/env bash
# Formats our C++ with the pinned clang-format; with --check only says what is not formatted.
# Usage: format.sh [--check]
. "$(dirname "$0")/lib.sh"

requirements="$repository/scripts/requirements-format.txt"
folder="$cache/python/format-$(sha256sum "$requirements" | cut -c1-16)"
if [ ! -e "$folder/complete" ]; then
    with_lock format
    "${LAR_PYTHON:-python3}" -m venv "$folder"
    try format "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --require-hashes -r "$requirements" ||
        fail "clang-format could not be installed; with a network, run it again ($said)"
    touch "$folder/complete"
fi
cd "$repository"
mode=(-i)
if [ "${1:-}" = --check ]; then mode=(--dry-run --Werror); fi
folders=()
for name in src apps tests bench expert-stream; do
    if [ -d "$name" ]; then folders+=("$name"); fi
done
find "${folders[@]}" \( -name '*.cc' -o -name '*.h' \) -not -path '*/node_modules/*' -print0 |
    xargs -0 -r "$folder/bin/clang-format" "${mode[@]}"
