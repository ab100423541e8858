#!/usr/bin/env bash
# `make run`: a home with the fictional household of samples/, served and asked one question. The home
# is LAR_HOME when it is set, else a temporary one that is removed at the end. ONESHOT=1 ends after
# the answered question; otherwise lar serves until Ctrl-C.
# Usage: run.sh
. "$(dirname "$0")/lib.sh"

lar="$repository/build/lar"
household="$repository/samples/household"
LAR_LLAMA_SERVER="$("$repository/scripts/setup-engine.sh")"
export LAR_LLAMA_SERVER LAR_MODELS="$models"
value() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$household/household.json" "$1"; }
# The household lives at its own date, so that "next week" means what its mails mean.
LAR_NOW="$(value now)"
TZ="$(value zone)"
export LAR_NOW TZ

temporary=
server=
address=
# shellcheck disable=SC2317
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -f "$address"
    if [ -n "$temporary" ]; then rm -rf "$temporary"; fi
}
trap stop EXIT
trap 'exit 130' INT TERM
if [ -z "${LAR_HOME:-}" ]; then
    temporary="$(mktemp -d)"
    LAR_HOME="$temporary/home"
fi
export LAR_HOME

if [ ! -e "$LAR_HOME/lar.db" ]; then
    say "A home in $LAR_HOME with the household of samples/"
    "$lar" init --household "$household/household.json"
    "$lar" add mail maildir "$household/maildir"
    "$lar" add mail mbox "$household/work.mbox"
    for calendar in "$household"/calendars/*.ics; do "$lar" add calendar ics "$calendar"; done
    "$lar" add contacts vcf "$household/contacts.vcf"
    "$lar" add folder "$household/documents"
fi
address="$(mktemp)"
"$lar" serve --port "${PORT:-0}" >"$address" &
server=$!
for ((i = 0; i < 600; i++)); do
    if [ -s "$address" ]; then break; fi
    kill -0 "$server" 2>/dev/null || fail "lar serve ended before it was ready (see above)"
    sleep 0.1
done
cat "$address"
"$lar" sync --wait
question="${QUESTION:-¿Cuándo vence el seguro del coche?}"
say
say "> $question"
"$lar" ask "$question"
if [ -n "${ONESHOT:-}" ]; then exit 0; fi
say
cat "$address"
say "That is the page's address. Ctrl-C ends lar."
wait "$server"
