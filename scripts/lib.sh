# Shared by the set-up scripts: where things go, how they speak, how they lock. Sourced, never run.
# Everything downloaded or built lies under $LAR_CACHE (default ~/.cache/lar), keyed by content, so a
# second run finds it and needs no network. Nothing here is written into the source tree.

set -euo pipefail
export LC_ALL=C.UTF-8

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cache="${LAR_CACHE:-$HOME/.cache/lar}"
models="${LAR_MODELS:-$cache/models}"
mkdir -p "$cache/locks"

say() { printf '%s\n' "$*" >&2; }

# One clear line: what, where, what to do.
fail() {
    say "lar set-up: $*"
    exit 1
}

# with_lock NAME: holds NAME until the script ends; says so when it has to wait for another run.
with_lock() {
    exec 9>"$cache/locks/$1"
    if ! flock -n 9; then
        say "waiting for another set-up run that is busy with: $1"
        flock 9
    fi
}

# human BYTES
human() { numfmt --to=si --suffix=B --format=%.1f "$1"; }

# clock SECONDS: 75 -> 1:15
clock() { printf '%d:%02d' "$(($1 / 60))" "$(($1 % 60))"; }

# try NAME COMMAND...: runs quietly; what it said is in $cache/NAME.log. After a failure $said holds the
# line of it that explains most: a network that fails shows up in clients as many later errors.
try() {
    local log="$cache/$1.log"
    shift
    "$@" >"$log" 2>&1 && return
    said="$({
        grep -ioE 'temporary failure in name resolution|network is unreachable|connection (refused|timed out)|read timed out|getaddrinfo [A-Z_]+|no space left on device' "$log" ||
            grep -iE 'error|fail' "$log" | grep -v 'complete log' || cat "$log"
    } | tail -n 1 | cut -c1-300)"
    return 1
}

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

# origin NAME KEY: one value out of third_party/NAME/ORIGIN ("key: value" lines).
origin() {
    local value
    value="$(sed -n "s/^$2: *//p" "$repository/third_party/$1/ORIGIN")"
    [ -n "$value" ] || fail "third_party/$1/ORIGIN has no line '$2:'"
    printf '%s\n' "$value"
}

# On a terminal progress rewrites its line; in a log it appears at most every ten seconds.
progress_last=0
progress() {
    if [ -t 2 ]; then
        printf '\r\033[K%s' "$*" >&2
    elif [ $((SECONDS - progress_last)) -ge 10 ]; then
        progress_last=$SECONDS
        say "$*"
    fi
}
progress_end() { if [ -t 2 ]; then printf '\r\033[K' >&2; fi; }
