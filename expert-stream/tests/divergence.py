#!/usr/bin/env python3
"""How far results move where products of many rows use ggml's faster kernels: the Kullback-Leibler divergence of
the next token's distribution from that of stock without repacking, mean over prompts. Beside it the same for
stock with repacking, that is, between two of ggml's own ways of computing; what the experts' kernels add, with
everything else as it was, has to stay below it.

Usage: divergence.py --server llama-server --plugin libggml-expert-stream.so --models FOLDER [--prompts 40]
"""
import argparse
import math
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from exactness import make, quantised  # noqa: E402
from server import Server  # noqa: E402

VOCABULARY = 512
options = ["-c", "1024", "-b", "512", "-ub", "512", "-np", "1", "-t", "2", "-fit", "off"]


def distributions(server, prompts):
    """Log-probabilities of every token after each prompt; none where the server holds its answer back, which is
    then a part of a letter."""
    result = []
    for prompt in prompts:
        steps = server.complete(prompt, 1, n_probs=VOCABULARY).get("completion_probabilities")
        result.append({p["id"]: p["logprob"] for p in steps[0]["top_logprobs"]} if steps else None)
    return result


def divergence(expected, seen):
    both = [(p, q) for p, q in zip(expected, seen) if p and q]
    if 2 * len(both) < len(expected):
        raise SystemExit("most prompts had no answer that can be compared")
    return sum(math.exp(p[token]) * (p[token] - q.get(token, -50.0))
               for p, q in both for token in p if p[token] > -50) / len(both)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--prompts", type=int, default=40)
    arguments = parser.parse_args()
    arguments.models.mkdir(parents=True, exist_ok=True)
    quantizer = pathlib.Path(os.path.realpath(arguments.server)).parent / "llama-quantize"
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    source = random.Random(11)
    prompts = [[source.randrange(300, VOCABULARY) for _ in range(200)] for _ in range(arguments.prompts)]
    plugin = {"GGML_BACKEND_PATH": os.path.abspath(arguments.plugin), "EXPERT_STREAM_BUDGET": "1G"}
    failed = 0
    for kind in ("Q4_K_M", "Q6_K", "Q4_0", "Q8_0", "IQ4_XS"):
        path = quantised(arguments.models, quantizer, "qwen3moe", kind, 256, 256) if kind not in ("Q4_0", "Q8_0") \
            else make(arguments.models, "qwen3moe", kind.lower(), 256, 256)
        seen = {}
        for name, extra, environment in (
                ("plain", ["--no-repack"], {}), ("stock", [], {}), ("same", ["--no-repack"], plugin),
                ("ours", [], {**plugin, "EXPERT_STREAM_KERNELS": "auto"}),
                ("ours, dense plain", ["--no-repack"], {**plugin, "EXPERT_STREAM_KERNELS": "repacked"})):
            with Server(arguments.server, path, options + extra, environment) as server:
                seen[name] = distributions(server, prompts)
        stock, same, ours, alone = (divergence(seen["plain"], seen[name])
                                    for name in ("stock", "same", "ours", "ours, dense plain"))
        # Where the experts are all that repacking changes, ours walks stock's own kernels in other batches: as far
        # from plain as stock is, but for the last digits.
        good = same == 0 and alone <= 1.02 * stock
        failed += not good
        print(f"{'right' if good else 'WRONG'} {kind}: from stock without repacking: stock with it {stock:.2e}, ours "
              f"with it {ours:.2e}, ours with only the experts repacked {alone:.2e}, ours without {same:.1e}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
