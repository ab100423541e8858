#!/usr/bin/env python3
"""`make bench`: speed and size beside the peers, in one run. Prints one table after another.

    bench/run.py [vectors] [engine] [serve]      all of them by default

Machines differ and are shared: read the ratios and their spread, not the single times.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

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
    print("== embedding through lar and directly, chat, time until ready", flush=True)
    build("bench_engine")
    for what in ("embed", "chat"):
        with tempfile.TemporaryDirectory() as home:
            subprocess.run([str(release / "bench/engine/bench_engine"), what, "--models", models, "--home", home],
                           check=True)


def serve(rounds=10):
    print("== lar serve without engines: until it answers, and resident memory", flush=True)
    program = str(repository / "build" / "lar")
    household = repository / "samples" / "household"
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, LAR_HOME=folder + "/home", LAR_MODELS=folder + "/none")
        quiet = {"env": environment, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([program, "init"], **quiet)
        subprocess.run([program, "add", "mail", "maildir", str(household / "maildir")], **quiet)
        subprocess.run([program, "add", "mail", "mbox", str(household / "work.mbox")], **quiet)
        subprocess.run([program, "sync", "--wait"], **quiet)
        ready, resident = [], []
        for _ in range(rounds):
            started = time.perf_counter()
            server = subprocess.Popen([program, "serve", "--port", "0", "--json"], env=environment,
                                      stdout=subprocess.PIPE, text=True)
            while server.stdout.readline() not in ("}\n", ""):
                pass
            ready.append((time.perf_counter() - started) * 1000)
            time.sleep(0.5)
            for line in open(f"/proc/{server.pid}/status", encoding="ascii"):
                if line.startswith("VmRSS"):
                    resident.append(int(line.split()[1]) / 1024)
            server.terminate()
            server.wait()
        items = json.loads(subprocess.run([program, "status", "--json"], env=environment, check=True,
                                          capture_output=True, text=True).stdout)["counts"]["items"]
    spread = lambda values: f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"
    print(f"{items} items: ready after {spread(ready)} ms, {spread(resident)} MB resident; {rounds} starts", flush=True)


chosen = sys.argv[1:] or ["vectors", "engine", "serve"]
for name in chosen:
    {"vectors": vectors, "engine": engine, "serve": serve}[name]()
