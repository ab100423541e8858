#!/usr/bin/env bash
# Runs every test but the slow ones, in order of cost; all are run, then the failed ones are named.
# Usage: test.sh
. "$(dirname "$0")/lib.sh"

cd "$repository"
LAR_LLAMA_SERVER="$(scripts/setup-engine.sh)"
export LAR_LLAMA_SERVER LAR_MODELS="$models"
node="$(scripts/setup-node.sh)"
python="$(scripts/setup-python.sh)"
failed=()
step() {
    local name="$1" started=$SECONDS
    shift
    say "== $name"
    if "$@"; then
        say "   $(clock $((SECONDS - started)))"
    else
        failed+=("$name")
        say "   FAILED"
    fi
}
page() { (cd web && PATH="$node:$PATH" npm run --silent "$1"); }

step "format" scripts/format.sh --check
step "unit tests" ctest --test-dir build/dev --output-on-failure --parallel "$(nproc)"
step "model downloads" "$python" scripts/fetch_model_test.py
step "embeddings against the reference" "$python" tests/real/check_embeddings.py
step "page: types" page check
step "page: units" page test
step "page in a browser" page test:page
for test in tests/scenarios/run.py tests/cli/run.py; do
    if [ -f "$test" ]; then step "$test" "$python" "$test"; fi
done
if [ "${#failed[@]}" -gt 0 ]; then
    say "FAILED: ${failed[*]}"
    exit 1
fi
say "all tests passed"
