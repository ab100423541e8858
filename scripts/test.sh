#!/usr/bin/env bash
# Runs every test but the slow ones, in order of cost; all are run, then the failed ones are named.
# Usage: test.sh
. "$(dirname "$0")/lib.sh"

cd "$repository"
LAR_LLAMA_SERVER="$(scripts/setup-engine.sh)"
export LAR_LLAMA_SERVER LAR_MODELS="$models"
node="$(scripts/setup-node.sh)"
python="$(scripts/setup-python.sh)"
clients="$(scripts/setup-python.sh requirements-clients.txt)"
dav="$(scripts/setup-python.sh requirements-dav.txt)"
oauth="$(scripts/setup-python.sh requirements-oauth.txt)"
npm_clients="$(scripts/setup-npm.sh tests/real/npm)"
failed=()
doubtful=()
steps=0
# A step that hangs must not take the rest with it: after this many seconds it is ended, by the signal
# on which Python says where each of its threads stands.
step_limit=900
export PYTHONFAULTHANDLER=1
# step NAME COMMAND...: in the background and waited for, so that an interrupt ends it at once. What
# fails is run once more, and named at the end even if it passes then: most of it are real servers and
# clocks on machines that others use too.
step() {
    local name="$1" started=$SECONDS try status
    shift
    steps=$((steps + 1))
    say "== $name"
    for try in first second; do
        status=0
        timeout --signal=ABRT --kill-after=30 "$step_limit" "$@" &
        wait $! || status=$?
        [ "$status" -ne 0 ] || break
        say "   FAILED with $status after $(clock $((SECONDS - started))), at the $try try"
    done
    if [ "$status" -ne 0 ]; then
        failed+=("$name")
    else
        say "   $(clock $((SECONDS - started)))"
        if [ "$try" = second ]; then doubtful+=("$name"); fi
    fi
}
in_page=(env -C web "PATH=$node:$PATH" npm run --silent)

# lane FUNCTION: runs its steps beside other lanes, since they mostly wait for servers; `join` says
# what they said, one lane after another, and which steps failed.
work="$(mktemp -d)"
# Who stops the run stops its steps and lanes (what a shell starts in the background ignores an
# interrupt) and sees how far each lane was.
end_lanes() {
    local job name
    for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
    for name in "${lanes[@]}"; do
        say "-- lane $name was not done:"
        tail -n 40 "$work/$name.log" >&2 || true
    done
    rm -rf "$work"
}
lanes=()
trap end_lanes EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
lane() {
    lanes+=("$1")
    (
        trap - EXIT
        trap 'pkill -P "$BASHPID" || true; exit 143' TERM
        failed=()
        doubtful=()
        steps=0
        "$1"
        for name in "${failed[@]}"; do printf '%s\n' "$name" >>"$work/$1.failed"; done
        for name in "${doubtful[@]}"; do printf '%s\n' "$name" >>"$work/$1.doubtful"; done
        printf '%s\n' "$steps" >"$work/$1.steps"
    ) >"$work/$1.log" 2>&1 &
}
join() {
    say "   (${#lanes[@]} lanes beside each other)"
    wait
    local name
    for name in "${lanes[@]}"; do
        cat "$work/$name.log" >&2
        if [ ! -e "$work/$name.steps" ]; then
            failed+=("lane $name")
            continue
        fi
        steps=$((steps + $(<"$work/$name.steps")))
        if [ -e "$work/$name.failed" ]; then
            mapfile -t -O "${#failed[@]}" failed <"$work/$name.failed"
        fi
        if [ -e "$work/$name.doubtful" ]; then
            mapfile -t -O "${#doubtful[@]}" doubtful <"$work/$name.doubtful"
        fi
    done
    lanes=()
}

step "format" scripts/format.sh --check
step "direction of includes" python3 scripts/check_includes.py
step "packages of the headers" python3 scripts/check_packages.py
step "sentences in two languages" python3 scripts/i18n.py check
step "the table of docs/api.md" python3 scripts/api_table.py --check
step "the sample household" python3 samples/check.py
step "the second household" python3 eval/second_household/check.py
step "the development household" python3 eval/development_household/check.py
step "the third household" python3 eval/third_household/check.py
step "the held mailbox" python3 eval/held_mailbox/check.py
step "figures for a mailbox" python3 eval/mail_figures_test.py
step "unit tests, scenarios, kill loop" env GTEST_BRIEF=1 ctest --test-dir build/dev --output-on-failure \
    --parallel "$(nproc)"
step "model downloads" "$python" scripts/fetch_model_test.py
step "embeddings against the reference" "$python" tests/real/check_embeddings.py
step "real clients: openai, anthropic" env "PATH=$node:$PATH" "LAR_NPM=$npm_clients" "$clients" tests/real/clients.py
step "faults between lar and its engine" python3 tests/real/faults.py --requests 600
step "long prompts kept on disk" python3 tests/real/kept.py after_kill forgotten
step "a day of the household at real servers, walked by a browser" env "LAR=$repository/build/lar" "$dav" \
    tests/demo_day/demo.py --pace 2400 --browser env "PATH=$node:$PATH" node tests/demo_day/walk.mjs

probes=("LAR_DAV_PROBE=$repository/build/dev/dav_probe" "LAR_SYNC_PROBE=$repository/build/dev/sync_probe")
calendars() {
    step "calendar servers: Radicale, Xandikos" env "${probes[@]}" "$dav" tests/real/dav.py
}
mail() {
    step "mail at a real server: Dovecot" python3 tests/real/imap.py
    step "sending by a real server: aiosmtpd" "$dav" tests/real/smtp.py
}
acting() {
    step "what lar does, at real servers" env "LAR=$repository/build/lar" "$dav" tests/real/acting.py
}
series() {
    step "recurring events: the cases of recurring-ical-events" env "${probes[@]}" "$dav" tests/real/recurrence.py
    step "a service outside of this machine" python3 tests/real/outside.py
    step "consent in a browser: oauthlib, Dovecot, Radicale" env "LAR=$repository/build/lar" "LAR_DAV_PYTHON=$dav" "$oauth" \
        tests/real/oauth.py --browser env "PATH=$node:$PATH" node tests/page/consent.mjs
}
lane calendars
lane mail
lane acting
lane series
join

terminal() {
    step "terminal" env LAR="$repository/build/lar" python3 -m unittest discover -v -s tests/cli
}
pages() {
    step "page: types" "${in_page[@]}" check
    step "page: units" "${in_page[@]}" test
    step "page: the assistant, in a browser" "$python" tests/page/served.py \
        env "PATH=$node:$PATH" node --test tests/page/assistant.test.mjs
    step "page: models and engines, in a browser" "$python" tests/page/engines_served.py \
        env "PATH=$node:$PATH" node --test tests/page/engines.test.mjs
}
lane terminal
lane pages
join

step "real models: questions, then the page in a browser" "$python" tests/real/household.py \
    --page env "PATH=$node:$PATH" node --test tests/page/page.test.mjs
say
say "$((steps - ${#failed[@]})) passed, ${#failed[@]} failed"
if [ "${#doubtful[@]}" -gt 0 ]; then say "passed at the second try only: ${doubtful[*]}"; fi
if [ "${#failed[@]}" -gt 0 ]; then
    say "FAILED: ${failed[*]}"
    exit 1
fi
