#!/usr/bin/env bash
# `make bench-experts`: makes models with forced routing, runs every contender in every cell and says which
# targets hold. A second call goes on where the first was interrupted.
#   EXPERT_QUICK=1     a quarter of an hour and 8 GB of disk instead of hours and up to 25 GB
#   EXPERT_KIMI=1      instead, decoding with the shape of Kimi-K2 (7.4 GB of disk)
#   EXPERT_ONLY=TEXT   only runs whose name contains TEXT, such as decode/2/local or /ours
#   EXPERT_TRACE=FILE  recorded routing to fit the local half to; without one it follows Zipf's law
#   EXPERT_MODELS=DIR  where the models are made; they stay there
#   EXPERT_LAYERS=N    the size of the model, instead of what disk and memory allow
#   EXPERT_AGAIN=1     forgets earlier results
# Needs root, for the control group that limits memory. Usage: run.sh
. "$(dirname "$0")/../../scripts/lib.sh"

cd "$repository"
python="$(scripts/setup-python.sh)"
server="$(scripts/setup-engine.sh)"
mode=--whole
if [ "${EXPERT_QUICK:-0}" != 0 ]; then mode=--quick; fi
if [ "${EXPERT_KIMI:-0}" != 0 ]; then mode=--kimi; fi
results="$repository/build/bench-experts${mode#-}.jsonl"
if [ "${EXPERT_AGAIN:-0}" != 0 ]; then rm -f "$results"; fi
arguments=(--models "${EXPERT_MODELS:-$cache/experts}" --layers "${EXPERT_LAYERS:-0}" --only "${EXPERT_ONLY:-}")
if [ -n "${EXPERT_TRACE:-}" ]; then arguments+=(--trace "$EXPERT_TRACE"); fi
"$python" expert-stream/bench/bench.py "$mode" --server "$server" --plugin build/libggml-expert-stream.so \
    --simulate build/release/expert-stream/expert-simulate --results "$results" "${arguments[@]}"
"$python" expert-stream/bench/bench.py --tables --verdict --results "$results"
