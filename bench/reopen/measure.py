#!/usr/bin/env python3
"""Reopening a long conversation after everything was killed, beside reading it again.

    measure.py --lar PROGRAM --model NAME --work FOLDER [--tokens 8000] [--minutes M] [--reopen 5] [--step 4000]

`lar serve` with one model; the conversation goes through its API as other programs send it, in a stream. Read: the
engine holds nothing of it and reads it, in steps of so many tokens, each a request that goes on where the one before
ended; the figure is the sum of the engine's own times for reading (`prompt_ms`), so lar's share and the seams are not
in it. Reopened: lar and its engine are killed with SIGKILL and started again, the engine is up (a short question has
seen to that), and the same conversation comes with another last question; the figure is the time until its first
token at the client, with all that lar does. By the engine's counters nothing may have been read again. The time with
the start of lar and the engine in it is given beside. Each reopening is set against the one reading.

With --minutes the run ends after about so long, exit status 75, and goes on in the same folder when it is started
again: what has been read lies on disk as lar keeps it. Of a run that is done the folder holds the figures.
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
import time

repository = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "eval"))
from households import end_serve, start_serve  # noqa: E402

more_to_do = 75  # sysexits.h: EX_TEMPFAIL
words = ("house garden letter morning river window table summer winter market bridge doctor school music paper "
         "street village mountain kitchen bottle engine station dinner brother picture animal corner island").split()
short = [{"role": "user", "content": "Say yes."}]
calibration = 200  # sentences


def text_of(sentences):
    chance = random.Random(7)
    parts = ["Notes of a long year."]
    for number in range(sentences):
        parts.append(f"On day {number} the {chance.choice(words)} stood by the {chance.choice(words)} of {chance.choice(words)}.")
    return " ".join(parts)


def conversation(sentences, question):
    return [{"role": "user", "content": text_of(sentences)}, {"role": "assistant", "content": "Noted."},
            {"role": "user", "content": question}]


class Home:
    def __init__(self, program, model, tokens, work):
        self.program, self.server = program, None
        self.folder = work / "home"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "roles.toml").write_text(f'chat = "{model}"\n')
        (self.folder / "engines.toml").write_text(f"context = {tokens + 768}\nkept_megabytes = 8192\n")
        self.environment = dict(os.environ, LAR_HOME=str(self.folder))

    def start(self):
        self.server, said = start_serve(self.program, self.environment)
        self.port, self.key = said["port"], said["address"].split("key=")[1]

    def post(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
        connection.request("POST", path, json.dumps(body),
                           {"Content-Type": "application/json", "Authorization": "Bearer " + self.key})
        return connection.getresponse()

    def ask(self, messages, progress=None):
        """Seconds until the first token, and the engine's counters."""
        body = {"model": "lar/chat", "messages": messages, "stream": True, "max_tokens": 2, "temperature": 0}
        if progress:
            body["return_progress"] = True
        started = time.perf_counter()
        answer = self.post("/v1/chat/completions", body)
        first, timings = None, {}
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            if progress and chunk.get("prompt_progress"):
                progress(chunk["prompt_progress"])
            if first is None and chunk.get("choices") and chunk["choices"][0]["delta"].get("content"):
                first = time.perf_counter() - started
            timings = chunk.get("timings") or timings
        if answer.status != 200 or first is None:
            raise RuntimeError(f"status {answer.status}")
        return first, timings

    def count(self, sentences):
        answer = self.post("/v1/messages/count_tokens", {"model": "lar/chat", "messages": conversation(sentences, "?")})
        return json.loads(answer.read())["input_tokens"]

    def kept(self):
        done = subprocess.run([self.program, "status", "--json"], env=self.environment, capture_output=True, check=True)
        return json.loads(done.stdout)["kept"]

    def wait_saved(self, before):
        end = time.time() + 60
        while self.kept()["saved"] <= before:
            if time.time() > end or self.kept().get("error"):
                raise RuntimeError(f"not saved: {self.kept()}")
            time.sleep(0.1)

    def kill(self):
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.wait()
        # Its engine ends with it; the next start would wait for that.
        while subprocess.run(["pgrep", "-f", str(self.folder)], capture_output=True).returncode == 0:
            time.sleep(0.02)

    def end(self):
        if self.server and self.server.poll() is None:
            end_serve(self.server)


class Run:
    def __init__(self, options):
        self.options = options
        self.begun = time.time()
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.file = self.work / "state.json"
        wanted = {"model": options.model, "tokens": options.tokens, "step": options.step}
        self.state = json.loads(self.file.read_text()) if self.file.exists() else {"wanted": wanted}
        if self.state["wanted"] != wanted:
            sys.exit(f"{self.file} is of another run ({self.state['wanted']}); take another folder")

    def keep(self, **news):
        self.state.update(news)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(self.state, indent=1))
        fresh.rename(self.file)

    def time_is_up(self):
        return self.options.minutes and time.time() - self.begun > self.options.minutes * 60

    def read(self, home):
        if "sentences" not in self.state:
            tokens = home.count(calibration)
            each = (home.count(2 * calibration) - tokens) / calibration
            sentences = int((self.options.tokens - tokens) / each) + calibration
            while home.count(sentences) > self.options.tokens:
                sentences -= 1
            self.keep(sentences=sentences, each=each, read=[])
        sentences, read = self.state["sentences"], self.state["read"]
        while not read or read[-1]["sentences"] < sentences:
            if self.time_is_up():
                return False
            before = read[-1]["tokens"] if read else 0
            upto = min(sentences, int((before + self.options.step) / self.state["each"]))
            if sentences - upto < self.options.step / self.state["each"] / 10:
                upto = sentences
            saved = home.kept()["saved"]
            shown = [time.time()]

            def progress(told):
                if time.time() - shown[0] > 15:
                    shown[0] = time.time()
                    print(f"    {told['processed']} of {told['total']} tokens", file=sys.stderr, flush=True)

            _, timings = home.ask(conversation(upto, "What stands by the river?"), progress)
            held = timings["cache_n"]
            if held > before + 64 or held < before - 64:
                raise RuntimeError(f"{before} tokens should have been there: {timings}")
            home.wait_saved(saved)
            read.append({"sentences": upto, "tokens": held + timings["prompt_n"], "fresh": timings["prompt_n"],
                         "ms": timings["prompt_ms"]})
            self.keep(read=read)
            print(f"  read {read[-1]['tokens']} of {self.options.tokens} tokens; {timings['prompt_n']} in "
                  f"{timings['prompt_ms'] / 1000:.1f} s", file=sys.stderr, flush=True)
        return True

    def reopen(self, home):
        tokens, reopened = self.state["read"][-1]["tokens"], self.state.setdefault("reopened", [])
        while len(reopened) < self.options.reopen:
            if self.time_is_up():
                return False
            if home.server.poll() is None:
                home.kill()
            begun = time.perf_counter()
            home.start()
            home.ask(short)
            first, timings = home.ask(conversation(self.state["sentences"], f"What stands by the market {len(reopened)}?"))
            if timings["cache_n"] < tokens - 64:
                raise RuntimeError(f"read again: {timings}")
            reopened.append({"first": first, "with_start": time.perf_counter() - begun})
            status = home.kept()
            self.keep(reopened=reopened, bytes=status["bytes"] / status["files"])
            print(f"  reopened in {first * 1000:.0f} ms", file=sys.stderr, flush=True)
        return True

    def told(self):
        read, reopened = self.state["read"], self.state["reopened"]
        again = sum(step["ms"] for step in read) / 1000
        first = [one["first"] for one in reopened]
        ratios = [again / one for one in first]
        print(f"| {self.options.model} | {read[-1]['tokens']} | {again:.1f} | {statistics.median(first) * 1000:.0f} "
              f"({min(first) * 1000:.0f}-{max(first) * 1000:.0f}) | {statistics.median(ratios):.0f} ({min(ratios):.0f}-"
              f"{max(ratios):.0f}) | {statistics.median(one['with_start'] for one in reopened):.2f} | "
              f"{self.state['bytes'] / 1e6:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lar", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True, help="a folder of the run's own")
    parser.add_argument("--tokens", type=int, default=8000)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--reopen", type=int, default=5)
    parser.add_argument("--step", type=int, default=4000)
    options = parser.parse_args()
    run = Run(options)
    if run.state.get("done"):
        run.told()
        return
    home = Home(options.lar, options.model, options.tokens, run.work)
    try:
        home.start()
        if not run.read(home) or not run.reopen(home):
            print("  more to do: start it again", file=sys.stderr)
            sys.exit(more_to_do)
    finally:
        home.end()
    run.keep(done=True)
    run.told()
    shutil.rmtree(run.work / "home")


if __name__ == "__main__":
    main()
