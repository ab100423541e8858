#!/usr/bin/env bash
# Installs the Debian packages that lar needs and that are missing; does nothing when all are there.
# Lists: build (default), page (the browser tests of the page), deep (fuzzing and thread analysis),
# tidy (clang-tidy), servers (what the tests of accounts talk to).
# Usage: setup-packages.sh [build] [page] [deep] [tidy] [servers]
. "$(dirname "$0")/lib.sh"

build=(
    build-essential cmake ninja-build ccache mold pkg-config git curl ca-certificates unzip zip
    python3 python3-venv tzdata
    nlohmann-json3-dev libsqlite3-dev libexpected-dev libfmt-dev libspdlog-dev
    libhowardhinnant-date-dev libcli11-dev libtomlplusplus-dev
    libgmime-3.0-dev libpoppler-cpp-dev libical-dev libpugixml-dev libzip-dev libxml2-dev
    libmd4c-dev libuchardet-dev libstemmer-dev libutf8proc-dev
    libsodium-dev libssl-dev libzstd-dev libcurl4-openssl-dev libcpp-httplib-dev libseccomp-dev
    libvalijson-dev libreadline-dev libgtest-dev
)
page=(chromium fonts-dejavu)
deep=(clang-19 libclang-rt-19-dev)
tidy=(clang-tidy-19)
servers=(dovecot-imapd openssl procps)

wanted=()
for list in "${@:-build}"; do
    case "$list" in
    build | page | deep | tidy | servers)
        declare -n names="$list"
        wanted+=("${names[@]}")
        ;;
    *) fail "unknown package list '$list'; there are: build page deep tidy servers" ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    say "This system has no dpkg. lar is built and tested on Debian 12; install what these Debian"
    say "packages hold by your own package manager: ${wanted[*]}"
    say "Then set LAR_SKIP_PACKAGES=1 to pass this step."
    [ -n "${LAR_SKIP_PACKAGES:-}" ]
    exit
fi

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}
find_missing() {
    missing=()
    local name
    # One query for all names is quick; only when some are missing are they told apart.
    if [ "$(dpkg-query -W -f='${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null | grep -cx installed)" \
        -ge "${#wanted[@]}" ]; then
        return
    fi
    for name in "${wanted[@]}"; do
        is_installed "$name" || missing+=("$name")
    done
}

find_missing
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
        fail "these packages are missing: ${missing[*]}; install them as root: apt-get install ${missing[*]}"
    as_root=(sudo)
fi

with_lock packages
find_missing
[ "${#missing[@]}" -gt 0 ] || exit 0

log="$cache/packages.log"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600)
say "Packages missing: ${missing[*]}"
"${apt[@]}" update >"$log" 2>&1 ||
    say "  the package lists could not be refreshed (no network?); trying with those at hand"

unknown=()
for name in "${missing[@]}"; do
    apt-cache show "$name" >/dev/null 2>&1 || unknown+=("$name")
done
[ "${#unknown[@]}" -eq 0 ] ||
    fail "this system's package lists do not know: ${unknown[*]}; lar is built and tested on Debian 12"

"${apt[@]}" install --no-install-recommends --assume-no "${missing[@]}" 2>/dev/null |
    grep -E '^(Need to get|After this operation|[0-9]+ upgraded)' | sed 's/^/  /' >&2 || true

# apt reports "dlstatus:N:PERCENT:WHAT" while it loads and "pmstatus:NAME:PERCENT:WHAT" while it
# unpacks, each from 0 to 100.
started=$SECONDS
set +e
{
    "${apt[@]}" install -y --no-install-recommends -o APT::Status-Fd=3 "${missing[@]}" \
        3>&1 >>"$log" 2>&1
    printf 'status:%d\n' $?
} | {
    status=1
    while IFS=: read -r kind name percent what; do
        whole="${percent%%.*}"
        case "$kind" in
        dlstatus) progress "  loading    ${whole:-0}%  $what" ;;
        pmstatus) progress "  installing ${whole:-0}%  $what" ;;
        status) status="$name" ;;
        esac
    done
    exit "$status"
}
status=$?
set -e
progress_end
[ "$status" -eq 0 ] || fail "apt-get could not install the packages; its messages are in $log:
$(tail -n 5 "$log")"
say "  installed in $(clock $((SECONDS - started)))"
