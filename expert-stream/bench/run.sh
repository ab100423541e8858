#!/usr/bin/env bash
# `make bench-experts`: makes the model with forced routing once, then runs every contender in every cell,
# one after the other, and says which targets hold. EXPERT_LAYERS (16: 6 GB on disk), EXPERT_CELLS,
# EXPERT_CONTENDERS, EXPERT_TOKENS and EXPERT_CAP (seconds for one run) make it smaller or larger.
# EXPERT_TRACE names recorded routing to fit the local half to; without one it follows Zipf's law.
# Needs root, for the control group that limits memory. Usage: run.sh
. "$(dirname "$0")/../../scripts/lib.sh"

cd "$repository"
python="$(scripts/setup-python.sh)"
server="$(scripts/setup-engine.sh)"
layers="${EXPERT_LAYERS:-16}"
model="$cache/experts/walk-qwen3-$layers.gguf"
if [ ! -e "$model" ] || [ ! -e "$model.json" ]; then
    trace=()
    if [ -n "${EXPERT_TRACE:-}" ]; then trace=(--trace "$EXPERT_TRACE"); fi
    "$python" expert-stream/tools/make_model.py walk "$model" --layers "$layers" "${trace[@]}"
fi
results="$repository/build/bench-experts.jsonl"
common=(--server "$server" --plugin build/libggml-expert-stream.so --model "$model" --results "$results")
if [ "${EXPERT_APPEND:-0}" = 0 ]; then rm -f "$results"; fi
"$python" expert-stream/bench/bench.py "${common[@]}" --cells "${EXPERT_CELLS:-4:local,4:flat,2:local,2:flat,1.5:local,1.5:flat}" \
    --contenders "${EXPERT_CONTENDERS:-a,b-random,b-normal,b2,ours,ours-lru}" \
    --tokens "${EXPERT_TOKENS:-160}" --cap "${EXPERT_CAP:-60}"
"$python" expert-stream/bench/bench.py "${common[@]}" --verdict
