#!/usr/bin/env bash
# Fetches models of the catalogue into $LAR_MODELS (default $LAR_CACHE/models); quick and without
# network when they are there. Without names: those that `make run` needs.
# Usage: setup-models.sh [run | test | NAME...]
. "$(dirname "$0")/lib.sh"

names=()
if [ $# -eq 0 ]; then set -- run; fi
for name in "$@"; do
    case "$name" in
    run | test) names+=(--needed-for "$name") ;;
    *) names+=("$name") ;;
    esac
done
python="$("$repository/scripts/setup-python.sh")"
exec "$python" "$repository/scripts/fetch_model.py" --cache "$cache" --models "$models" "${names[@]}"
