#!/usr/bin/env python3
"""A proxy between lar and an engine that cuts, delays and corrupts what the engine says: whatever comes, every client
gets an answer or an error, nothing hangs, nothing crashes, and memory stays flat.

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


def memory_of(process):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024


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
    wrong, outcomes, memory = [], {}, []
    next_number, lock = iter(range(options.requests)), threading.Lock()
    try:
        with Lar({"chat": f"http://127.0.0.1:{ports[0]}"}) as lar:
            key = lar.key("faults")

            def client():
                while True:
                    with lock:
                        number = next(next_number, None)
                    if number is None:
                        return
                    if number % max(1, options.requests // 10) == 0:
                        memory.append(memory_of(lar.server.pid))
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

            started = time.time()
            threads = [threading.Thread(target=client) for _ in range(options.clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            memory.append(memory_of(lar.server.pid))
            alive = lar.server.poll() is None and lar.ask("GET", "/v1/models", key=key)[0] == 200
    finally:
        for process in (engine, between):
            process.terminate()
            process.wait()
    print(f"{options.requests} requests in {time.time() - started:.0f} s; resident MB: "
          + " ".join(f"{value:.0f}" for value in memory))
    for fault in faults:
        shown = ", ".join(f"{count} x {status}" for (name, status), count in sorted(outcomes.items()) if name == fault)
        print(f"  {fault}: {shown}")
    for problem in wrong[:20]:
        print("WRONG", problem)
    # Buffers and threads settle during the first tenth.
    grown = max(memory[2:]) - memory[1] if len(memory) > 2 else 0
    if grown > 8:
        print(f"WRONG memory grew by {grown:.0f} MB")
    if wrong or not alive or grown > 8:
        print(f"{len(wrong)} wrong, {'alive' if alive else 'DEAD'}")
        sys.exit(1)
    print("every client had an answer or an error")


if __name__ == "__main__":
    main()
