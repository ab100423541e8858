#!/usr/bin/env bash
# The slow tests: clang-tidy, frameworks and coding agents against lar, 10,000 faults between lar and its
# engine, unit tests under the thread sanitizer, and every fuzzer for FUZZ_SECONDS (60).
# Findings of a fuzzer are left in build/fuzz/findings; the run fails when there are any.
# Usage: test-deep.sh
. "$(dirname "$0")/lib.sh"

failed=0
"$repository/scripts/tidy.sh" || failed=1

# Frameworks on top of the API for other programs, with the real 1.5B model.
LAR_LLAMA_SERVER="$("$repository/scripts/setup-engine.sh")"
export LAR_LLAMA_SERVER LAR_MODELS="$models"
"$("$repository/scripts/setup-python.sh" requirements-clients-deep.txt)" "$repository/tests/real/frameworks.py" ||
    failed=1
# Every field that docs/api.md calls supported, broken on purpose: its check must fail.
"$("$repository/scripts/setup-python.sh" requirements-clients.txt)" "$repository/tests/real/fields.py" || failed=1
# Changes of model under load, and what the contract says of real models.
"$("$repository/scripts/setup-python.sh")" "$repository/tests/real/engines.py" || failed=1
"$repository/scripts/setup-models.sh" qwen2.5-coder-0.5b-instruct-q4_k_m gemma-3-270m-q4_k_m || failed=1
python3 "$repository/tests/real/contracts.py" || failed=1

# Coding agents that edit a repository, and an engine whose words are cut and corrupted on their way.
AIDER="$(dirname "$("$repository/scripts/setup-python.sh" requirements-aider.txt)")/aider"
OPENCODE="$("$repository/scripts/setup-npm.sh" tests/real/agent)/node_modules/opencode-linux-x64/bin/opencode"
export AIDER OPENCODE
python3 "$repository/tests/real/agents.py" || failed=1
python3 "$repository/tests/real/faults.py" --requests 10000 || failed=1
python3 "$repository/tests/real/streaming.py" || failed=1
python3 "$repository/tests/real/kept.py" || failed=1

"$repository/scripts/build.sh" thread
LAR_KILLS=50 ctest --test-dir "$repository/build/thread" --output-on-failure || failed=1

"$repository/scripts/build.sh" fuzz fuzzers
cd "$repository/build/fuzz"
mkdir -p findings corpus
mapfile -t fuzzers < <(find . -type f -name '*_fuzz' -perm -u+x | sort)
[ "${#fuzzers[@]}" -gt 0 ] || fail "build/fuzz holds no program named *_fuzz"
# Files of the household that a fuzzer may begin with, by its name; small ones, because whatever it
# makes grows to the size of the largest.
household_seeds() {
    local names
    case "$1" in
    mime_fuzz) names='*:2,*' ;;
    *) names="*.${1%_fuzz}" ;;
    esac
    case "$1" in
    ical_fuzz | dav_fuzz) names='*.ics' ;;
    vcard_fuzz) names='*.vcf' ;;
    text_fuzz) names='*.txt' ;;
    esac
    mkdir -p "household/$1"
    find "$repository/samples/household" -name "$names" -size -40k -exec cp -u {} "household/$1" \;
}
for fuzzer in "${fuzzers[@]}"; do
    name="$(basename "$fuzzer")"
    mkdir -p "corpus/$name"
    household_seeds "$name"
    seeds=("household/$name")
    if [ -d "$repository/tests/fuzz/$name" ]; then seeds+=("$repository/tests/fuzz/$name"); fi
    say "$name, ${FUZZ_SECONDS:-60} s"
    "$fuzzer" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="findings/$name-" "corpus/$name" "${seeds[@]}" >"findings/$name.log" 2>&1 || {
        failed=1
        tail -n 20 "findings/$name.log" >&2
    }
done
exit "$failed"
