#!/usr/bin/env python3
"""The plug-in computes what stock llama.cpp computes: same tokens at temperature 0 and same
probabilities to the last digit the server prints, for every architecture of make_model.py, decoding one
token at a time, small batches, and prompts that go through the cache in waves. Stock runs without
weight repacking, which is what makes the kernels the same.

Usage: exactness.py --server llama-server --plugin libggml-expert-stream.so --models FOLDER [--quick]
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import Server

here = pathlib.Path(__file__).resolve().parent
generator = here.parent / "tools" / "make_model.py"
common = ["-c", "4096", "-b", "1024", "-ub", "1024", "-np", "1", "-t", "2", "--no-repack", "-fit", "off", "-lv", "4"]


def make(folder, name, kind, width=128, expert_width=96):
    path = folder / f"{name}-{kind}-{width}-{expert_width}.gguf"
    newest = generator.stat().st_mtime
    if not path.exists() or path.stat().st_mtime < newest:
        subprocess.run([sys.executable, generator, "tiny", name, path, "--type", kind, "--width", str(width),
                        "--expert-width", str(expert_width)], check=True, stderr=subprocess.DEVNULL)
    return path


def split(folder, name):
    """The same model in several files; returns the first."""
    found = sorted(folder.glob(f"{name}-split-00001-of-*.gguf"))
    if not found or found[0].stat().st_mtime < generator.stat().st_mtime:
        subprocess.run([sys.executable, generator, "tiny", name, folder / f"{name}-split.gguf", "--split", "12"],
                       check=True, stderr=subprocess.DEVNULL)
        found = sorted(folder.glob(f"{name}-split-00001-of-*.gguf"))
    return found[0]


def quantised(folder, quantizer, name, kind, width, expert_width):
    """A model in a type that only llama-quantize makes."""
    source = make(folder, name, "f16", width, expert_width)
    path = folder / f"{name}-{kind}-{width}-{expert_width}.gguf"
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        subprocess.run([quantizer, source, path, kind], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    return path


def prompts(long):
    source = random.Random(5)
    return [[source.randrange(300, 512) for _ in range(length)] for length in (1, 2, 5, 17, long)]


def answers(server, long, tokens):
    """Tokens and probabilities for each prompt. One after the other: two at once meet in batches as time has
    it, and stock itself rounds dense products of one row and of two differently."""
    result = []
    for prompt in prompts(long):
        answer = server.complete(prompt, tokens, n_probs=5)
        result.append((answer["tokens"], [[(p["id"], p["logprob"]) for p in step["top_logprobs"]]
                                          for step in answer["completion_probabilities"]]))
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    arguments = parser.parse_args()
    arguments.models.mkdir(parents=True, exist_ok=True)
    quantizer = pathlib.Path(os.path.realpath(arguments.server)).parent / "llama-quantize"

    cases = []  # path, what it is, long prompt, budgets
    for name in ("qwen3moe", "deepseek2", "deepseek2-merged", "glm4moe", "gpt-oss", "minimax-m2", "llama4",
                 "granitemoe"):
        cases.append((make(arguments.models, name, "q8_0"), f"{name} q8_0", 300))
    cases.append((split(arguments.models, "qwen3moe"), "qwen3moe in several files", 300))
    if not arguments.quick:
        for kind in ("f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1"):
            cases.append((make(arguments.models, "qwen3moe", kind), f"qwen3moe {kind}", 300))
        cases.append((make(arguments.models, "gpt-oss", "q8_0", 128, 160), "gpt-oss q8_0, odd width", 300))
        if quantizer.exists():
            # All that llama-quantize makes of random weights; the others want to know what matters in them.
            for kind in ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ3_S", "IQ4_XS", "IQ4_NL", "TQ1_0", "TQ2_0",
                         "MXFP4_MOE"):
                cases.append((quantised(arguments.models, quantizer, "qwen3moe", kind, 256, 256),
                              f"qwen3moe {kind}", 900))
    settings = [("all in memory", {"EXPERT_STREAM_BUDGET": "1G"}),
                ("a third", {"EXPERT_STREAM_BUDGET": "third"})]
    if not arguments.quick:
        settings += [("the least", {"EXPERT_STREAM_BUDGET": "least"}),
                     ("threads, buffered", {"EXPERT_STREAM_BUDGET": "third", "EXPERT_STREAM_IO": "threads",
                                            "EXPERT_STREAM_DIRECT": "0"}),
                     ("page cache", {"EXPERT_STREAM_MODE": "page-cache"})]
    failed = 0
    # Two threads that spin while they wait for each other take a shared machine's time for nothing.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for path, what, long in cases:
        if not what.startswith(arguments.only):
            continue
        tokens = 12 if arguments.quick else 24
        with Server(arguments.server, path, common) as server:
            expected = answers(server, long, tokens)
        distinct = {token for answer, _ in expected for token in answer}
        if len(distinct) < 6:
            print(f"FAILED {what}: the model says too little to tell right from wrong ({len(distinct)} tokens)")
            failed += 1
        for name, environment in settings:
            environment = {"GGML_BACKEND_PATH": os.path.abspath(arguments.plugin), **environment}
            budget = environment.get("EXPERT_STREAM_BUDGET")
            if budget == "third":
                environment["EXPERT_STREAM_BUDGET"] = str(sum(part.stat().st_size for part in parts(path)) // 3)
            elif budget == "least":
                environment["EXPERT_STREAM_BUDGET"] = str(least(arguments, path))
            with Server(arguments.server, path, common, environment) as server:
                seen = answers(server, long, tokens)
                server.stop()
                log = server.text()
            summary = next((line for line in log.splitlines() if line.startswith("expert-stream:") and "hit rate" in line), None)
            if summary is None:
                print(f"FAILED {what}, {name}: the plug-in did nothing\n{log[-2000:]}")
                failed += 1
            elif seen != expected:
                print(f"FAILED {what}, {name}: {difference(expected, seen)}")
                failed += 1
            else:
                print(f"same   {what}, {name}: {summary[15:]}")
    print(f"{failed} failed")
    return 1 if failed else 0


def parts(path):
    return sorted(path.parent.glob(path.name.replace("00001-of", "*-of"))) if "-of-" in path.name else [path]


def least(arguments, path):
    """The smallest budget that is not refused: asked for with none, the refusal names it."""
    environment = {"GGML_BACKEND_PATH": os.path.abspath(arguments.plugin), "EXPERT_STREAM_BUDGET": "1"}
    server = Server(arguments.server, path, common, environment)
    try:
        server.start()
        server.stop()
    except RuntimeError:
        pass
    text = server.text()
    marker = "alone uses "
    if marker not in text:
        raise SystemExit(f"a budget of one byte was not refused:\n{text[-2000:]}")
    return int(text.split(marker)[1].split()[0]) * 1024 * 1024 + 1024 * 1024


def difference(expected, seen):
    for prompt, ((tokens, chances), (other, others)) in enumerate(zip(expected, seen)):
        for step, (a, b) in enumerate(zip(tokens, other)):
            if a != b:
                return f"prompt {prompt}, token {step}: {a} became {b}"
        for step, (a, b) in enumerate(zip(chances, others)):
            if a != b:
                return f"prompt {prompt}, probabilities at {step}: {json.dumps(a)} became {json.dumps(b)}"
    return "nothing to see"


if __name__ == "__main__":
    sys.exit(main())
