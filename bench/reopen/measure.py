#!/usr/bin/env python3
"""Reopening a long conversation after everything was killed, beside reading it again.

    measure.py --lar PROGRAM --model NAME [--tokens 8000] [--reopen 5] [--recompute 2]

`lar serve` with one model; the conversation goes through its API as other programs send it, in a stream. Read: lar
is new, the engine runs and holds nothing of it; time until the first token. Reopened: lar and its engine are killed
with SIGKILL and started again, the engine is up (a short question has seen to that), and the same conversation comes
with another last question. By the engine's own counters nothing of it may have been read again. The time with the
start of lar and the engine in it is given beside. Each reopening is set against the median of the readings.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

repository = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "eval"))
from households import end_serve, start_serve  # noqa: E402

words = ("house garden letter morning river window table summer winter market bridge doctor school music paper "
         "street village mountain kitchen bottle engine station dinner brother picture animal corner island").split()


def text_of(tokens, seed):
    """About so many tokens; no two seeds share a beginning."""
    chance = random.Random(seed)
    parts = [f"Notes of day {seed}."]
    for number in range(int(tokens / 12.2)):
        parts.append(f"On day {number} the {chance.choice(words)} stood by the {chance.choice(words)} of {chance.choice(words)}.")
    return " ".join(parts)


class Home:
    def __init__(self, program, model, tokens):
        self.program = program
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-reopen-"))
        (self.folder / "roles.toml").write_text(f'chat = "{model}"\n')
        (self.folder / "engines.toml").write_text(f"context = {tokens + tokens // 6 + 512}\nkept_megabytes = 8192\n")
        self.environment = dict(os.environ, LAR_HOME=str(self.folder))

    def start(self):
        self.server, said = start_serve(self.program, self.environment)
        self.port, self.key = said["port"], said["address"].split("key=")[1]

    def ask(self, messages):
        """Seconds until the first token, and the engine's counters."""
        body = json.dumps({"model": "lar/chat", "messages": messages, "stream": True, "max_tokens": 2, "temperature": 0})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
        started = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", body,
                           {"Content-Type": "application/json", "Authorization": "Bearer " + self.key})
        answer, first, timings = connection.getresponse(), None, {}
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            if first is None and chunk.get("choices") and chunk["choices"][0]["delta"].get("content"):
                first = time.perf_counter() - started
            timings = chunk.get("timings") or timings
        if answer.status != 200 or first is None:
            raise RuntimeError(f"status {answer.status}")
        return first, timings

    def kept(self):
        done = subprocess.run([self.program, "status", "--json"], env=self.environment, capture_output=True, check=True)
        return json.loads(done.stdout)["kept"]

    def wait_saved(self, count):
        end = time.time() + 60
        while self.kept()["saved"] < count:
            if time.time() > end or self.kept().get("error"):
                raise RuntimeError(f"not saved: {self.kept()}")
            time.sleep(0.1)

    def kill(self):
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.wait()
        # Its engine ends with it; the next start would wait for that.
        while subprocess.run(["pgrep", "-f", str(self.folder)], capture_output=True).returncode == 0:
            time.sleep(0.02)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lar", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, default=8000)
    parser.add_argument("--reopen", type=int, default=5)
    parser.add_argument("--recompute", type=int, default=2)
    options = parser.parse_args()
    home = Home(options.lar, options.model, options.tokens)
    short = [{"role": "user", "content": "Say yes."}]

    def conversation(seed, question):
        return [{"role": "user", "content": text_of(options.tokens, seed)}, {"role": "assistant", "content": "Noted."},
                {"role": "user", "content": question}]

    try:
        home.start()
        readings, tokens = [], 0
        for seed in range(options.recompute):
            home.ask(short)
            first, timings = home.ask(conversation(seed, "What stands by the river?"))
            if timings["cache_n"] > 64:
                raise RuntimeError(f"not read anew: {timings}")
            tokens = timings["prompt_n"] + timings["cache_n"]
            readings.append(first)
            home.wait_saved(seed + 1)
        size = home.kept()["bytes"] / home.kept()["files"]
        again = statistics.median(readings)
        ratios, reopened, with_start = [], [], []
        for number in range(options.reopen):
            home.kill()
            begun = time.perf_counter()
            home.start()
            home.ask(short)
            first, timings = home.ask(conversation(number % options.recompute, f"What stands by the market {number}?"))
            with_start.append(time.perf_counter() - begun)
            if timings["cache_n"] < tokens - 64:
                raise RuntimeError(f"read again: {timings}")
            reopened.append(first)
            ratios.append(again / first)
        status = home.kept()
        print(f"{options.model}, {tokens} tokens: read in {again:.2f} s ({min(readings):.2f}-{max(readings):.2f}); reopened "
              f"after kill -9 in {statistics.median(reopened) * 1000:.0f} ms ({min(reopened) * 1000:.0f}-"
              f"{max(reopened) * 1000:.0f}), {statistics.median(ratios):.0f} times faster ({min(ratios):.0f}-{max(ratios):.0f}; "
              f"the bar is 200); with the start of lar and its engine {statistics.median(with_start):.2f} s; "
              f"{size / 1e6:.0f} MB on disk; restored {status['restored']}, read again {status['recomputed']}, "
              f"damaged {status['damaged']}", flush=True)
    finally:
        end_serve(home.server)
        shutil.rmtree(home.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
