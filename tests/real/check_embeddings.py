#!/usr/bin/env python3
"""Compares llama-server's embeddings with the reference vectors in embedding_reference/.

For each converted model: the tokens of the 20 texts must be those of the model's own tokenizer, and
the cosine to the reference at least 0.9999 for F32 and 0.999 for Q8_0. Each model is served alone on
a unix socket in a temporary folder. Standard library only.

Usage: check_embeddings.py [MODEL.gguf NAME ...]; without arguments the four files of the catalogue.
Exit status: 0 all within the limits, 1 not, 2 a file or the server is missing.
"""

import http.client
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("LAR_CACHE") or os.path.expanduser("~/.cache/lar"))
MODELS = Path(os.environ.get("LAR_MODELS") or CACHE / "models")
SERVER = os.environ.get("LAR_LLAMA_SERVER") or str(CACHE / "engine/current/llama-server")

FILES = [
    ("all-minilm-l6-v2-f32.gguf", "minilm", 0.9999),
    ("all-minilm-l6-v2-q8_0.gguf", "minilm", 0.999),
    ("embeddinggemma-300m-f32.gguf", "embeddinggemma", 0.9999),
    ("embeddinggemma-300m-q8_0.gguf", "embeddinggemma", 0.999),
]
START_LIMIT_SECONDS = 120


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=120):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """llama-server with one model; stopped at the end of the with block."""

    def __init__(self, model, folder):
        self.socket = f"{folder}/e.sock"
        self.log = open(f"{folder}/log", "w+")
        self.process = subprocess.Popen(
            [SERVER, "--model", str(model), "--embedding", "--host", self.socket, "--threads",
             str(os.cpu_count()), "-c", "2048", "-b", "2048", "-ub", "2048", "--parallel", "1"],
            stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def __enter__(self):
        limit = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                self.log.seek(0)
                raise RuntimeError("llama-server ended:\n" + self.log.read()[-2000:])
            try:
                if self.call("GET", "/health").get("status") == "ok":
                    return self
            except (OSError, ValueError, http.client.HTTPException):
                pass
            time.sleep(0.1)
        raise RuntimeError(f"llama-server was not ready in {START_LIMIT_SECONDS} s")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def call(self, method, path, body=None):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = json.loads(answer.read())
            if answer.status != 200 and path != "/health":
                raise RuntimeError(f"{path} answered {answer.status}: {data}")
            return data
        finally:
            connection.close()


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def check(model, reference, limit):
    """Prints one line for the model and what is wrong; returns whether all is right."""
    rows = json.loads((HERE / f"embedding_reference/{reference}.json").read_text())["rows"]
    wrong, values = [], []
    with tempfile.TemporaryDirectory() as folder, Server(model, folder) as server:
        for number, row in enumerate(rows, 1):
            tokens = server.call("POST", "/tokenize", {
                "content": row["text"], "add_special": True, "parse_special": False})["tokens"]
            if tokens != row["tokens"]:
                wrong.append(f"text {number}: {len(tokens)} tokens differ from the reference's {len(row['tokens'])}")
            answer = server.call("POST", "/v1/embeddings", {"input": row["text"]})
            values.append(cosine(answer["data"][0]["embedding"], row["vector"]))
            if not values[-1] >= limit:
                wrong.append(f"text {number}: cosine {values[-1]:.6f} is below {limit}")
    print(f"{model.name:34} {len(values)} texts, cosine {min(values):.6f} to {max(values):.6f}, limit {limit}: "
          + ("right" if not wrong else "WRONG"))
    for line in wrong:
        print("  " + line)
    return not wrong


def main(arguments):
    if len(arguments) % 2:
        print("usage: check_embeddings.py [MODEL.gguf embeddinggemma|minilm ...]", file=sys.stderr)
        return 2
    files = [(MODELS / name, reference, limit) for name, reference, limit in FILES]
    if arguments:
        files = [(Path(path), name, 0.999 if "q8_0" in path else 0.9999)
                 for path, name in zip(arguments[::2], arguments[1::2])]
    for path in [Path(SERVER), *(file for file, _, _ in files)]:
        if not path.exists():
            print(f"{path} is missing; run: make setup-test", file=sys.stderr)
            return 2
    return 0 if all([check(*file) for file in files]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
