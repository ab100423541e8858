#!/usr/bin/env bash
# A Python environment in the cache with the packages of one requirements file of scripts/: by default
# requirements.txt, for the model downloads and the converter. Prints the path of its python. Keyed by
# requirements and Python version.
# Usage: setup-python.sh [requirements-NAME.txt]
. "$(dirname "$0")/lib.sh"

python="${LAR_PYTHON:-python3}"
command -v "$python" >/dev/null || fail "python3 is missing; run: make setup"
version="$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.base_prefix)')"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed, $python is ${version%% *}; name another one with LAR_PYTHON"

requirements="$repository/scripts/${1:-requirements.txt}"
key="$({ cat "$requirements"; printf '%s' "$version"; } | sha256sum | cut -c1-16)"
folder="$cache/python/$key"
if [ ! -e "$folder/complete" ]; then
    with_lock python
    if [ ! -e "$folder/complete" ]; then
        say "Python packages of ${requirements##*/}: $(grep -oE '^[a-z0-9-]+==[0-9.]+' "$requirements" | tr '\n' ' ')"
        rm -rf "$folder"
        try python "$python" -m venv "$folder" || fail "python3 -m venv failed; the package python3-venv is needed"
        try python "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
            --only-binary :all: --require-hashes -r "$requirements" ||
            fail "the Python packages could not be installed; with a network, run it again ($said)"
        touch "$folder/complete"
    fi
fi
printf '%s\n' "$folder/bin/python"
