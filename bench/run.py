#!/usr/bin/env python3
"""`make bench`: speed and size beside the peers, in one run. Prints one table after another.

    bench/run.py [vectors] [engine] [serve] [gateway] [reopen] [assistant]      all of them by default

Machines differ and are shared: read the ratios and their spread, not the single times.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

repository = pathlib.Path(__file__).resolve().parent.parent
cache = pathlib.Path(os.environ.get("LAR_CACHE", pathlib.Path.home() / ".cache" / "lar"))
models = os.environ.get("LAR_MODELS", str(cache / "models"))
release = repository / "build" / "release"


def build(target):
    subprocess.run(["cmake", "--build", str(release), "--target", target], check=True, stdout=subprocess.DEVNULL)


def vectors():
    print("== vector search: 100,000 passages of 256 dimensions", flush=True)
    subprocess.run([str(repository / "bench/vectors/setup.sh")], check=True)
    build("bench_vectors")
    found = sorted((cache / "bench").glob("minilm-*.f32"), key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([str(release / "bench/vectors/bench_vectors"), "--vectors", str(found[-1]), "--work", work],
                       check=True)


def engine():
    print("== embedding through lar and directly, chat, time until ready, waiting beside the background, change of model",
          flush=True)
    build("bench_engine")
    # The larger embedding model is what lar binds; beside the small one lar's own share is larger.
    for what in (["embed"], ["embed", "--model", "all-minilm-l6-v2-q8_0"], ["chat"],
                 ["waiting"], ["change"]):
        with tempfile.TemporaryDirectory() as home:
            subprocess.run([str(release / "bench/engine/bench_engine"), *what, "--models", models, "--home", home],
                           check=True)


def serve():
    print("== lar serve without engines, 100,000 mails: until it answers, and resident memory", flush=True)
    subprocess.run([sys.executable, str(repository / "bench/serve/measure.py"), str(repository / "build" / "lar")],
                   check=True)


def gateway():
    print("== the API for other programs beside the engine itself and litellm's proxy", flush=True)
    said = lambda *command: subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    server = said(str(repository / "scripts/setup-engine.sh"))
    python = pathlib.Path(said(str(repository / "scripts/setup-python.sh"), "requirements-litellm.txt"))
    # With the scripted engine next to nothing is left but what lar and litellm cost themselves.
    scripted = str(repository / "tests/engines/scripted_engine.py")
    for engine, what, more in ((server, "llama-server with Qwen2.5-Coder-0.5B", []), (scripted, "the scripted engine", ["--turn", "2"])):
        print(f"-- {what}", flush=True)
        subprocess.run([str(python), str(repository / "bench/gateway/measure.py"), "--lar", str(repository / "build" / "lar"),
                        "--server", engine, "--litellm", str(python.parent / "litellm"),
                        "--model", models + "/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", *more], check=True)


def reopen():
    print("== reopening a long conversation after everything was killed, beside reading it again (the bar is 200 times)\n"
          "| model | tokens | read, s | reopened, ms | times faster | with the start of lar and its engine, s | MB on disk |\n"
          "|---|---|---|---|---|---|---|", flush=True)
    python = subprocess.run([str(repository / "scripts/setup-python.sh")], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    program = str(repository / "build" / "lar")
    # Left where a run was broken off, which goes on there.
    work = cache / "bench" / "reopen"
    own = work / "models"
    synthetic = "synthetic-64k"
    if not (own / f"{synthetic}.gguf").exists():
        own.mkdir(parents=True, exist_ok=True)
        made = work / f"{synthetic}.gguf"
        subprocess.run([python, str(repository / "bench/reopen/synthetic.py"), models + "/smollm2-135m-instruct-q4_1.gguf", str(made)],
                       check=True)
        with tempfile.TemporaryDirectory() as home:
            subprocess.run([program, "model", "add", str(made)], check=True, stdout=subprocess.DEVNULL,
                           env=dict(os.environ, LAR_HOME=home, LAR_MODELS=str(own)))
    # $LAR_REOPEN_MINUTES: ends after about so long, to go on when it is started again.
    minutes = os.environ.get("LAR_REOPEN_MINUTES", "0")
    for model, tokens, step, folder in (("qwen2.5-coder-0.5b-instruct-q4_k_m", 8000, 8000, models),
                                        ("qwen2.5-coder-1.5b-instruct-q4_k_m", 8000, 8000, models),
                                        (synthetic, 60_000, 10_000, str(own)),
                                        ("qwen2.5-coder-0.5b-instruct-q4_k_m", 32_000, 4000, models)):
        if not pathlib.Path(folder, f"{model}.gguf").exists():
            print(f"| {model} | {tokens} | not installed | | | | |", flush=True)
            continue
        status = subprocess.run([sys.executable, str(repository / "bench/reopen/measure.py"), "--lar", program, "--model", model,
                                 "--work", str(work / f"{model}-{tokens}"), "--tokens", str(tokens), "--step", str(step),
                                 "--minutes", minutes], env=dict(os.environ, LAR_MODELS=folder)).returncode
        if status:
            sys.exit(status)
    shutil.rmtree(work)


def assistant():
    print("== the assistant: 450 mails from delivery to verdict and notification; at rest with 5 accounts and 100,000 mails", flush=True)
    python = subprocess.run([str(repository / "scripts/setup-python.sh"), "requirements-dav.txt"], check=True, stdout=subprocess.PIPE,
                            text=True).stdout.strip()
    for what in ("arrival", "idle"):
        subprocess.run([python, str(repository / "bench/assistant/measure.py"), str(repository / "build" / "lar"), what], check=True)


all_of_them = {"vectors": vectors, "engine": engine, "serve": serve, "gateway": gateway, "reopen": reopen, "assistant": assistant}
for name in sys.argv[1:] or all_of_them:
    all_of_them[name]()
