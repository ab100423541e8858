#!/usr/bin/env bash
# The npm packages of one folder's lock file, in the cache. Prints the folder that holds node_modules.
# Keyed by the lock file; no script of a package is run.
# Usage: setup-npm.sh FOLDER
. "$(dirname "$0")/lib.sh"

source="$repository/${1:?a folder with package.json and package-lock.json}"
node="$("$repository/scripts/setup-node.sh")"
export PATH="$node:$PATH"
name="$(basename "$source")"
key="$({ cat "$source/package.json" "$source/package-lock.json"; node --version; } | sha256sum | cut -c1-16)"
folder="$cache/npm/$name-$key"
if [ ! -e "$folder/complete" ]; then
    with_lock "npm-$name"
    if [ ! -e "$folder/complete" ]; then
        say "npm packages of ${1%/}"
        rm -rf "$folder"
        mkdir -p "$folder"
        cp "$source/package.json" "$source/package-lock.json" "$folder"
        cd "$folder"
        try npm npm ci --ignore-scripts --prefer-offline --no-audit --no-fund ||
            fail "the npm packages of ${1%/} could not be installed; with a network, run it again ($said)"
        touch "$folder/complete"
    fi
fi
printf '%s\n' "$folder"
