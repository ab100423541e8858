#!/usr/bin/env bash
# Builds the page (web/ to web/dist) when something in web/ has changed since the last build.
# Usage: build-page.sh
. "$(dirname "$0")/lib.sh"

cd "$repository/web"
node="$("$repository/scripts/setup-node.sh")"
export PATH="$node:$PATH"
mkdir -p "$repository/build"
stamp="$repository/build/page.built-from"
key="$({
    node --version
    find . -type f -not -path './node_modules/*' -not -path './dist/*' -print0 | sort -z | xargs -0 sha256sum
    sha256sum "$repository"/i18n/*.json
} | sha256sum | cut -c1-16)"
if [ -f dist/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then exit 0; fi

with_lock page
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    say "Packages of the page (about 100 MB on disk)"
    try page npm ci --prefer-offline --no-audit --no-fund ||
        fail "the packages of the page could not be installed; with a network, run it again ($said)"
    touch node_modules/.package-lock.json
fi
say "Building the page"
try page npm run build --silent || {
    cat "$cache/page.log" >&2
    fail "the page did not build (see above)"
}
printf '%s\n' "$key" >"$stamp"
