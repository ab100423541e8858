#!/usr/bin/env python3
"""What lar's API for other programs costs, beside asking the same llama-server directly and through litellm's proxy.

    measure.py --lar PROGRAM --server LLAMA_SERVER --model GGUF [--litellm PROGRAM] [--rounds 200] [--turn 6]

One llama-server (or what passes for one) on loopback with the flags lar gives its own; lar and litellm are both bound
to it, so all three ask one process with one cache. Time to first token: every round asks each of them once, in a new
order, over a connection that stays; what is shown is the difference to the direct question of the same round.
Throughput: 1, 4 and 16 clients ask as fast as they can in short turns, direct and through lar by turns.
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import random
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

repository = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "eval"))
from households import end_serve, start_serve  # noqa: E402


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Contender:
    """Where to ask, and as what."""

    def __init__(self, name, port, model, key):
        self.name, self.port, self.model, self.key = name, port, model, key

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def ask(self, connection, prompt, tokens):
        """Milliseconds until the first piece of text, and the tokens that came. A connection that the server has
        closed meanwhile (llama-server does after a hundred requests) is opened anew and the question timed again."""
        try:
            return self.ask_once(connection, prompt, tokens)
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            connection.close()
            connection.connect()
            return self.ask_once(connection, prompt, tokens)

    def ask_once(self, connection, prompt, tokens):
        body = json.dumps({"model": self.model, "messages": [{"role": "user", "content": prompt}], "stream": True,
                           "max_tokens": tokens, "temperature": 0, "stream_options": {"include_usage": True}})
        started = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", body,
                           {"Content-Type": "application/json", "Authorization": "Bearer " + self.key})
        answer = connection.getresponse()
        first, came = None, 0
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            if chunk.get("choices") and chunk["choices"][0]["delta"].get("content") and first is None:
                first = time.perf_counter() - started
            if chunk.get("usage"):
                came = chunk["usage"]["completion_tokens"]
        if answer.status != 200 or first is None or came == 0:
            raise RuntimeError(f"{self.name}: status {answer.status}, {came} tokens")
        return first * 1000, came


def wait_for(port, path, process, log, limit=180):
    end = time.time() + limit
    while time.time() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}: {pathlib.Path(log).read_text()[-1500:]}")
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"does not answer: {process.args[0]}")


def interval(values, times=2000):
    """The middle and where it lies in 95 of 100 samples drawn from the values."""
    middles = sorted(statistics.median(random.choices(values, k=len(values))) for _ in range(times))
    return statistics.median(values), middles[int(times * 0.025)], middles[int(times * 0.975)]


def first_tokens(contenders, rounds):
    connections = {one.name: one.connect() for one in contenders}
    times = {one.name: [] for one in contenders}
    for number in range(rounds + 10):
        for one in random.sample(contenders, len(contenders)):
            first, _ = one.ask(connections[one.name], "Name one colour.", 2)
            if number >= 10:  # the first ones warm up
                times[one.name].append(first)
    return times


def throughput(contender, clients, seconds):
    """Tokens a second."""
    total, lock, end = 0, threading.Lock(), time.perf_counter() + seconds

    def client():
        nonlocal total
        connection = contender.connect()
        while time.perf_counter() < end:
            _, came = contender.ask(connection, "Count from one to thirty.", 32)
            with lock:
                total += came

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total / (time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lar", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--litellm")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--turn", type=float, default=6)
    parser.add_argument("--turns", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as after:
        log = open(pathlib.Path(folder) / "log", "w+")

        def run(command, environment=None):
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            after.callback(process.wait)
            after.callback(process.terminate)
            return process

        engine_port = free_port()
        engine = run([options.server, "-m", options.model, "--host", "127.0.0.1", "--port", str(engine_port), "-t",
                      str(os.cpu_count()), "-c", "2048", "-b", "512", "-np", "1", "--no-warmup", "--cache-ram", "256",
                      "--jinja"])
        wait_for(engine_port, "/health", engine, log.name)

        home = pathlib.Path(folder) / "home"
        home.mkdir()
        (home / "roles.toml").write_text(f'chat = "http://127.0.0.1:{engine_port}"\n')
        environment = dict(os.environ, LAR_HOME=str(home))
        server, said = start_serve(options.lar, environment)
        after.callback(end_serve, server)
        contenders = [Contender("direct", engine_port, "any", "none"),
                      Contender("lar", said["port"], "lar/chat", said["address"].split("key=")[1])]
        if options.litellm:
            port, secret = free_port(), "sk-" + secrets.token_hex(32)
            proxy = run([options.litellm, "--model", "openai/any", "--api_base", f"http://127.0.0.1:{engine_port}/v1",
                         "--port", str(port), "--host", "127.0.0.1", "--telemetry", "False"],
                        dict(os.environ, OPENAI_API_KEY="none", LITELLM_MASTER_KEY=secret, LITELLM_LOCAL_MODEL_COST_MAP="True"))
            wait_for(port, "/health/liveliness", proxy, log.name)
            contenders.append(Contender("litellm", port, "openai/any", secret))

        times = first_tokens(contenders, options.rounds)
        print("| asked through | first token, p50 ms | added, p50 ms (95 %) | added, p95 ms |\n|---|---|---|---|")
        added = {}
        for one in contenders:
            middle = statistics.median(times[one.name])
            extra = [own - direct for own, direct in zip(times[one.name], times["direct"])]
            added[one.name], low, high = interval(extra)
            shown = f"{added[one.name]:.2f} ({low:.2f}-{high:.2f}) | {sorted(extra)[int(len(extra) * 0.95)]:.2f}"
            print(f"| {one.name} | {middle:.2f} | {shown if one.name != 'direct' else ' | '} |", flush=True)
        if options.litellm:
            print(f"litellm adds {added['litellm'] / max(added['lar'], 0.01):.1f} times what lar adds "
                  f"({options.rounds} rounds)\n")

        direct, lar = contenders[:2]
        print("| clients | direct, tokens/s | lar, tokens/s | ratio, p50 (lowest-highest of turns) |\n|---|---|---|---|")
        for clients in (1, 4, 16):
            pairs = []
            for turn in range(options.turns):
                order = [direct, lar] if turn % 2 == 0 else [lar, direct]
                measured = {one.name: throughput(one, clients, options.turn) for one in order}
                pairs.append((measured["direct"], measured["lar"]))
            ratios = [lar_rate / direct_rate for direct_rate, lar_rate in pairs]
            rates = [statistics.median(side) for side in zip(*pairs)]
            print(f"| {clients} | {rates[0]:.1f} | {rates[1]:.1f} | {statistics.median(ratios):.3f} "
                  f"({min(ratios):.3f}-{max(ratios):.3f}) |", flush=True)


if __name__ == "__main__":
    main()
