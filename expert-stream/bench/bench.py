#!/usr/bin/env python3
"""Decoding a model larger than memory: stock llama.cpp, the best of its page cache, and expert-stream.

One llama-server binary for every contender, one model whose routing is forced by construction
(tools/make_model.py walk), a memory limit by control group, the model's pages dropped from the page cache
before each run, bytes counted at the device. Time until ready, the first 32 tokens and what follows are
told apart. A run that does not finish in its time is reported with what it did.

Contenders: a   stock, as it loads by default
            b   page cache at its best without telling it what comes: no read-ahead at load, page
                faults, the better of random and normal access
            b2  page cache, told of each routed slice the moment the ids are known
            ours  the cache of experts; and ours-lru with the plainest policy

Usage: bench.py --server S --plugin P --model WALK.gguf [--cells 4:flat,2:local] [--contenders a,b,b2,ours]
Results are appended to --results as JSON lines; --table prints what it holds.
"""
import argparse
import ctypes
import json
import os
import pathlib
import re
import sys
import time

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "tests"))
from server import Server, _Connection  # noqa: E402

GROUPS = pathlib.Path("/sys/fs/cgroup")
CONTENDERS = {
    "a": None,
    "b-random": {"EXPERT_STREAM_MODE": "page-faults", "EXPERT_STREAM_ADVICE": "random"},
    "b-normal": {"EXPERT_STREAM_MODE": "page-faults", "EXPERT_STREAM_ADVICE": "normal"},
    "b2": {"EXPERT_STREAM_MODE": "page-cache"},
    "b2-normal": {"EXPERT_STREAM_MODE": "page-cache", "EXPERT_STREAM_ADVICE": "normal"},
    "ours": {},
    "ours-lru": {"EXPERT_STREAM_POLICY": "lru"},
    "ours-huge": {"EXPERT_STREAM_HUGE": "1"},
    "ours-threads": {"EXPERT_STREAM_IO": "threads"},
}


class MemoryLimit:
    """A control group of its own, version 1 or 2; counts page cache."""

    def __init__(self, size):
        self.size = size
        v1 = GROUPS / "memory"
        if (v1 / "memory.limit_in_bytes").exists() or (v1 / "memory.use_hierarchy").exists():
            self.folder, self.file = v1 / f"expert-bench-{os.getpid()}", "memory.limit_in_bytes"
        else:
            self.folder, self.file = GROUPS / f"expert-bench-{os.getpid()}", "memory.max"

    def __enter__(self):
        self.folder.mkdir()
        (self.folder / self.file).write_text(str(self.size))
        self.prefix = ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs; exec "$@"', "sh"]
        return self

    def __exit__(self, *_):
        for _ in range(100):
            try:
                self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)


def device_of(path):
    number = os.stat(path).st_dev
    name = f"{os.major(number)}:{os.minor(number)}"
    link = os.path.realpath(f"/sys/dev/block/{name}")
    return pathlib.Path(link)


def bytes_read(device):
    return int((device / "stat").read_text().split()[2]) * 512


def read_ahead(device):
    for folder in (device, device.parent):
        file = folder / "queue" / "read_ahead_kb"
        if file.exists():
            return int(file.read_text())
    return None


def drop_from_page_cache(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def device_bandwidth(path, seconds=0.5, depth_bytes=1 << 20):
    """Direct sequential reads of 1 MiB by four readers; the bound every contender shares."""
    import threading
    size = os.path.getsize(path)
    total = [0] * 4
    stop = time.monotonic() + seconds

    def read(i):
        import mmap
        buffer = mmap.mmap(-1, depth_bytes)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
        position = size // 4 * i // depth_bytes * depth_bytes
        while time.monotonic() < stop:
            got = os.preadv(descriptor, [buffer], position)
            if got <= 0:
                break
            total[i] += got
            position += depth_bytes
        os.close(descriptor)

    threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(total) / (time.monotonic() - started)


def stream(server, prompt, count, cap):
    """Arrival time and token of each step until done or out of time."""
    connection = _Connection(server.socket, cap + 5)
    body = {"prompt": prompt, "n_predict": count, "temperature": 0, "ignore_eos": True, "cache_prompt": False,
            "return_tokens": True, "stream": True, "seed": 1}
    arrivals = []
    started = time.monotonic()
    connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
    try:
        connection.sock.settimeout(cap)
        answer = connection.getresponse()
        while time.monotonic() - started < cap:
            connection.sock.settimeout(max(0.1, cap - (time.monotonic() - started)))
            line = answer.readline()
            if not line:
                break
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line[6:])
            if "error" in event:
                raise RuntimeError(str(event["error"]))
            for token in event.get("tokens", []):
                arrivals.append((time.monotonic() - started, token))
            if event.get("stop"):
                break
    except TimeoutError:
        pass
    finally:
        connection.close()
    return arrivals


def run(arguments, description, contender, multiple, routing):
    model = arguments.model
    limit = int(model.stat().st_size / multiple)
    device = device_of(model)
    first = description[routing + "_first"]
    environment = {"OMP_WAIT_POLICY": arguments.wait_policy} if arguments.wait_policy else {}
    settings = CONTENDERS[contender]
    if settings is not None:
        environment |= {"GGML_BACKEND_PATH": str(arguments.plugin.resolve()), **settings}
    drop_from_page_cache(model)
    record = {"contender": contender, "multiple": multiple, "routing": routing, "limit": limit,
              "model_bytes": model.stat().st_size, "read_ahead_kb": read_ahead(device), "limit_by": "control group",
              "device_bytes_per_second": device_bandwidth(model), "load": os.getloadavg()[0]}
    options = ["-c", "4096", "-b", "2048", "-ub", str(arguments.ubatch), "-np", "1", "-t", str(arguments.threads),
               "--no-repack", "--no-warmup", "-fit", "off", "--cache-ram", "0"]
    with MemoryLimit(limit) as group:
        before = bytes_read(device)
        server = Server(arguments.server, model, options, environment, prefix=group.prefix, timeout=arguments.cap)
        try:
            server.start()
            record["ready_seconds"] = server.ready_seconds
            record["ready_bytes"] = bytes_read(device) - before
            if arguments.prompt:
                # A prompt that walks through as many steps of the table at once.
                prompt = [first + i for i in range(arguments.prompt)]
            else:
                prompt = [first]
            started_bytes = bytes_read(device)
            arrivals = stream(server, prompt, arguments.tokens, arguments.cap)
            record["bytes"] = bytes_read(device) - started_bytes
            record["tokens"] = len(arrivals)
            record["prompt_tokens"] = len(prompt)
            expected = [prompt[-1] + 1 + i for i in range(len(arrivals))]
            record["walked"] = [token for _, token in arrivals] == expected
            times = [at for at, _ in arrivals]
            if times:
                record["first_token_seconds"] = times[0]
            if len(times) >= 32:
                record["first_32"] = 32 / times[31]
            if len(times) >= 64:
                record["steady"] = (len(times) - 32) / (times[-1] - times[31])
            record["seconds"] = times[-1] if times and len(times) == arguments.tokens else arguments.cap
            record["overall"] = len(times) / record["seconds"]
        except (RuntimeError, TimeoutError) as error:
            record["failed"] = str(error).splitlines()[0]
        finally:
            server.stop()
            match = re.search(r"expert-stream: (.*hit rate.*)", server.text() if server.log.exists() else "")
            record["summary"] = match.group(1) if match else None
            server._folder.cleanup()
    return record


def human(record):
    def number(key, form="{:.2f}", scale=1.0):
        return form.format(record[key] * scale) if key in record else "–"
    megabytes = record["bytes"] / max(1, record["tokens"] + record["prompt_tokens"] - 1) / 1e6 if "bytes" in record else 0
    return (f"| {record['multiple']:g} × | {record['routing']} | {record['contender']} | {number('ready_seconds')} | "
            f"{number('first_token_seconds')} | {number('first_32')} | {number('steady')} | {number('overall')} | "
            f"{megabytes:.0f} | {'yes' if record.get('walked') else record.get('failed', 'NO')} |")


def speed(record):
    """Steady where a run got that far, else all it did."""
    return record.get("steady") or record.get("overall") or 0


def verdict(records):
    """The targets of the project, each met at that ratio or at 85 % of what the device allows for the
    bytes that were read."""
    cells = {}
    for record in records:
        cells.setdefault((record["multiple"], record["routing"]), {})[record["contender"]] = record
    for (multiple, routing), cell in sorted(cells.items(), reverse=True):
        ours = cell.get("ours")
        if ours is None or "bytes" not in ours:
            continue
        steps = max(1, ours["tokens"] + ours["prompt_tokens"] - 1)
        bound = ours["device_bytes_per_second"] / max(1, ours["bytes"] / steps)
        parts = []
        for name, wanted, of in (("a", 20, "ready"), ("a", 8, "first 32"), ("a", 8, "steady"), ("b", 4, "steady"),
                                 ("b2", 1.3, "steady")):
            rivals = [r for key, r in cell.items() if (key == name or key.startswith(name + "-")) and "failed" not in r]
            if not rivals:
                continue
            if of == "ready":
                ratio = min(r["ready_seconds"] for r in rivals) / ours["ready_seconds"]
                bounded = False
            else:
                value = (lambda r: r.get("first_32") or r.get("overall") or 0) if of == "first 32" else speed
                ratio = value(ours) / max(1e-9, max(value(r) for r in rivals))
                bounded = value(ours) >= 0.85 * bound
            held = "holds" if ratio >= wanted else "at the device's bound" if bounded else "MISSED"
            parts.append(f"{of} {ratio:.2f} × {name} (wanted {wanted}: {held})")
        if "ours-lru" in cell and "bytes" in cell["ours-lru"]:
            lru = cell["ours-lru"]
            lru_steps = max(1, lru["tokens"] + lru["prompt_tokens"] - 1)
            parts.append(f"bytes {ours['bytes'] / steps / (lru['bytes'] / lru_steps):.2f} of LRU's")
        print(f"{multiple:g} × the limit, {routing}: " + "; ".join(parts) +
              f"; the device alone would allow {bound:.1f} tokens/s for what was read")


HEAD = ("| model : limit | routing | contender | ready, s | first token, s | first 32, tokens/s | steady, tokens/s | "
        "overall, tokens/s | MB read a token | walked rightly |\n|---|---|---|---|---|---|---|---|---|---|")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--plugin", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--cells", default="2:local,2:flat", help="multiple of the limit : routing")
    parser.add_argument("--contenders", default="a,b-random,b-normal,b2,ours")
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--prompt", type=int, default=0, help="measure a prompt of so many tokens instead")
    parser.add_argument("--ubatch", type=int, default=512)
    parser.add_argument("--cap", type=float, default=60, help="seconds for one run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wait-policy", default="", help="OMP_WAIT_POLICY for every contender")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--verdict", action="store_true", help="which targets the results reach")
    arguments = parser.parse_args()
    if arguments.table:
        print(HEAD)
        for line in arguments.results.read_text().splitlines():
            print(human(json.loads(line)))
        return
    if arguments.verdict:
        verdict([json.loads(line) for line in arguments.results.read_text().splitlines()])
        return
    description = json.loads(arguments.model.with_name(arguments.model.name + ".json").read_text())
    print(HEAD, flush=True)
    for cell in arguments.cells.split(","):
        multiple, routing = cell.split(":")
        for contender in arguments.contenders.split(","):
            record = run(arguments, description, contender, float(multiple), routing)
            print(human(record), flush=True)
            if record.get("summary"):
                print(f"    {record['summary']}", flush=True)
            if arguments.results:
                with open(arguments.results, "a", encoding="utf-8") as out:
                    out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
