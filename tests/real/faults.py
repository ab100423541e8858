#!/usr/bin/env python3
"""A proxy between lar and an engine that cuts, delays and corrupts what the engine says: whatever comes, every client
gets an answer or an error, nothing hangs, nothing crashes, and lar holds no more memory, threads and descriptors at
the end than after a fifth of the requests.

    faults.py [--requests 10000] [--clients 8] [--seed 1]

Each request carries the name of the fault that shall befall its answer, so what must come of it is known: the right
text where nothing was lost, an error (or a stream that ends with one) where it was cut. The engine is
tests/engines/scripted_engine.py. Only the standard library is used.
"""
import argparse
import asyncio
import http.client
import json
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time

from running import Lar, repository

harmless = ["none", "split", "delay", "stall"]
cutting = ["cut-at-once", "cut-head", "cut-body", "reset", "status", "garbage", "huge-head"]
corrupting = ["corrupt-head", "corrupt-body", "extra"]
faults = harmless + cutting + corrupting
# Nothing may take longer; a stall is half a second.
longest = 30


# ---- the proxy, a process of its own ----

def flipped(data, begin, end, dice):
    data = bytearray(data)
    for _ in range(dice.randint(1, 5)):
        data[dice.randrange(begin, end)] = dice.randrange(256)
    return bytes(data)


async def answer_of(engine, request):
    """All the engine says, with its head; it closes when it has said it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", engine)
    writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    data = await reader.read(-1)
    writer.close()
    return data


async def serve_one(engine, reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    body = await reader.readexactly(int(length[1])) if length else b""
    wanted = re.search(rb"fault=([a-z-]+) seed=(\d+)", body)
    fault, dice = (wanted[1].decode(), random.Random(int(wanted[2]))) if wanted else ("none", random.Random(1))
    data = await answer_of(engine, head + body)
    begin = data.index(b"\r\n\r\n") + 4
    middle = dice.randrange(begin, len(data))

    def send(piece):
        writer.write(piece)
        return writer.drain()

    if fault == "split":
        while data:
            size = dice.randint(1, 40)
            await send(data[:size])
            data = data[size:]
            await asyncio.sleep(0)
        return
    if fault in ("delay", "stall"):
        await send(data[:middle])
        await asyncio.sleep(0.5 if fault == "stall" else dice.uniform(0.005, 0.05))
        await send(data[middle:])
        return
    if fault == "reset":
        await send(data[:middle])
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    await send({"none": lambda: data,
                "cut-at-once": lambda: b"",
                "cut-head": lambda: data[:dice.randrange(1, begin - 2)],
                "cut-body": lambda: data[:middle],
                "status": lambda: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
                "garbage": lambda: dice.randbytes(dice.randint(1, 5000)),
                "huge-head": lambda: b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 400_000 + b"\r\n" + data[17:],
                "corrupt-head": lambda: flipped(data, 0, begin, dice),
                "corrupt-body": lambda: flipped(data, begin, len(data), dice),
                "extra": lambda: data + dice.randbytes(50)}[fault]())


async def proxy(port, engine):
    async def serve(reader, writer):
        try:
            await serve_one(engine, reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # who asked has gone
        finally:
            writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


# ---- the clients ----

tools = [{"type": "function", "function": {"name": "look", "parameters": {
    "type": "object", "properties": {"where": {"type": "string"}}, "required": ["where"]}}}]
anthropic_tools = [{"name": "look", "input_schema": tools[0]["function"]["parameters"]}]


def request_for(number, fault, seed):
    """Route, body, whether it is streamed, and what a whole answer must hold."""
    text = f"fault={fault} seed={seed}"
    streamed, kind = number % 2 == 1, number // 2 % 3
    body = {"model": "lar/chat", "stream": streamed, "messages": [{"role": "user", "content": text}]}
    if kind == 0:
        return "/v1/chat/completions", body, streamed, "said:"
    if kind == 1:
        return "/v1/chat/completions", {**body, "tools": tools, "tool_choice": "required"}, streamed, "scripted"
    return "/v1/messages", {**body, "max_tokens": 99, "tools": anthropic_tools, "tool_choice": {"type": "any"}}, streamed, "scripted"


def judge(fault, streamed, status, body, wanted):
    """What is wrong with an answer; nothing if it is as it must be."""
    text = body.decode("utf-8", "replace")
    failed = status >= 400 and '"error"' in text
    if streamed and status == 200:
        last = [line for line in text.splitlines() if line.startswith("data: ")][-1:]
        failed = bool(last) and '"error"' in last[0]
        complete = bool(last) and (last[0] == "data: [DONE]" or '"message_stop"' in last[0])
        if not failed and not complete and fault not in corrupting:
            return f"a stream that neither ends nor says why: {text[-200:]!r}"
    if fault in harmless:
        return None if status == 200 and not failed and wanted in text else f"status {status}: {text[:200]!r}"
    # Of a stream all may have come before it was cut.
    if fault in cutting:
        return None if failed or (streamed and status == 200) else f"status {status} for a cut answer: {text[:200]!r}"
    return None if status == 200 or failed else f"status {status} without an error: {text[:200]!r}"


class Held:
    """What a process holds: resident MB, threads, open descriptors."""

    def __init__(self, process):
        folder = pathlib.Path(f"/proc/{process}")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        self.memory = int(status["VmRSS"].split()[0]) / 1024
        self.threads = int(status["Threads"])
        self.descriptors = len(list((folder / "fd").iterdir()))

    def __str__(self):
        return f"{self.memory:.0f} MB, {self.threads} threads, {self.descriptors} descriptors"


def at_rest(process, limit=10):
    """What it holds once the connections of clients that have gone are closed."""
    held, end = Held(process), time.time() + limit
    while time.time() < end:
        time.sleep(0.3)
        before, held = held, Held(process)
        if (before.threads, before.descriptors) == (held.threads, held.descriptors):
            break
    return held


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--proxy", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.proxy:
        asyncio.run(proxy(*options.proxy))
        return
    ports = []
    for _ in range(2):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            ports.append(one.getsockname()[1])
    engine = subprocess.Popen([sys.executable, str(repository / "tests/engines/scripted_engine.py"), "--port", str(ports[1])],
                              stdout=subprocess.DEVNULL)
    between = subprocess.Popen([sys.executable, __file__, "--proxy", *map(str, ports)], stdout=subprocess.PIPE, text=True)
    between.stdout.readline()
    wrong, outcomes, held = [], {}, []
    lock = threading.Lock()
    try:
        with Lar({"chat": f"http://127.0.0.1:{ports[0]}"}) as lar:
            key = lar.key("faults")

            def ask_about(number):
                # Stalls are dear: one in a hundred.
                dice = random.Random(options.seed * 1_000_003 + number)
                fault = "stall" if dice.random() < 0.01 else dice.choice([f for f in faults if f != "stall"])
                path, body, streamed, wanted = request_for(number, fault, number)
                started = time.time()
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", lar.port, timeout=longest)
                    connection.request("POST", path, json.dumps(body), {
                        "Authorization": "Bearer " + key, "Content-Type": "application/json"})
                    answer = connection.getresponse()
                    status, said = answer.status, answer.read()
                    connection.close()
                    problem = judge(fault, streamed, status, said, wanted)
                except (OSError, http.client.HTTPException) as error:
                    status, problem = 0, f"{type(error).__name__} after {time.time() - started:.1f} s"
                with lock:
                    outcomes[(fault, status)] = outcomes.get((fault, status), 0) + 1
                    if problem:
                        wrong.append(f"{number} {path} {fault}{' streamed' if streamed else ''}: {problem}")

            def client(numbers):
                while True:
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    ask_about(number)

            started = time.time()
            # In five portions, so that what is held after the first fifth can be compared with the end.
            for portion in range(5):
                numbers = iter(range(options.requests * portion // 5, options.requests * (portion + 1) // 5))
                threads = [threading.Thread(target=client, args=(numbers,)) for _ in range(options.clients)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                held.append(at_rest(lar.server.pid))
            alive = lar.server.poll() is None and lar.ask("GET", "/v1/models", key=key)[0] == 200
    finally:
        for process in (engine, between):
            process.terminate()
            process.wait()
    print(f"{options.requests} requests in {time.time() - started:.0f} s; held by lar after each fifth: "
          + "; ".join(map(str, held)))
    for fault in faults:
        shown = ", ".join(f"{count} x {status}" for (name, status), count in sorted(outcomes.items()) if name == fault)
        print(f"  {fault}: {shown}")
    for problem in wrong[:20]:
        print("WRONG", problem)
    # What was needed is needed after the first fifth; nothing more comes with the number of requests.
    first, last = held[0], held[-1]
    grown = [f"{what} grew: {before} -> {after}" for what, before, after, slack in (
        ("memory (MB)", round(first.memory), round(last.memory), 4), ("threads", first.threads, last.threads, options.clients),
        ("descriptors", first.descriptors, last.descriptors, 4)) if after - before > slack]
    for problem in grown:
        print("WRONG", problem)
    if wrong or not alive or grown:
        print(f"{len(wrong)} wrong, {'alive' if alive else 'DEAD'}")
        sys.exit(1)
    print("every client had an answer or an error")


if __name__ == "__main__":
    main()
