#!/usr/bin/env python3
"""Models larger than memory: stock llama.cpp, the best of its page cache, and expert-stream.

One llama-server binary for every contender, models whose routing is forced by construction
(tools/make_model.py walk), a memory limit by control group, the model's pages dropped from the page cache
before each run, bytes counted at the device. A run that does not finish in its time is reported with what it
did. Results are appended to --results as JSON lines; a second call does only what is missing there, so an
interrupted bench goes on where it was.

Contenders: a         stock, as it loads by default
            b-random, b-normal[@KB]  the page cache untold: nothing read ahead at load, page faults with random
                      or normal access, the device's read-ahead as it is or set to KB for the run
            b2        the page cache, told of each routed slice the moment the ids are known
            ours      the cache of experts; ours-lru with the plainest policy; ours-repacked with ggml's
                      faster kernels for experts that many rows of a batch share

decode   a model of so many times the limit, one token at a time: until ready, the first 32 tokens, what follows
         ("cold"), and the same again on the server that is now warm
prefill  a prompt of 2,048 tokens in one batch
memory   everything fits: prompt and decoding, stock with weight repacking against ours
kimi     decoding with the shape of Kimi-K2: two of its layers, with experts of true size, in a third of their size
start    stock's time until ready with all of the model in the page cache: what no disk could make shorter

Usage: bench.py --quick|--whole|--kimi --server S --plugin P --simulate E --models FOLDER --results FILE [--only TEXT]
       bench.py --tables|--verdict --results FILE
Needs root, for the control group. --only takes a part of a run's name, such as decode/2/local or /ours.
"""
import argparse
import contextlib
import json
import mmap
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "tests"))
from server import Server, _Connection  # noqa: E402

GROUPS = pathlib.Path("/sys/fs/cgroup")
LAYER_BYTES = 345e6
CONTENDERS = {
    "a": None,
    "b-random": {"EXPERT_STREAM_MODE": "page-faults", "EXPERT_STREAM_ADVICE": "random"},
    "b-normal": {"EXPERT_STREAM_MODE": "page-faults", "EXPERT_STREAM_ADVICE": "normal"},
    "b2": {"EXPERT_STREAM_MODE": "page-cache"},
    "ours": {},
    "ours-lru": {"EXPERT_STREAM_POLICY": "lru"},
    "ours-repacked": {"EXPERT_STREAM_KERNELS": "repacked"},
}


class MemoryLimit:
    """A control group of its own, version 1 or 2; counts page cache. No size: no limit."""

    def __init__(self, size):
        self.size = size
        v1 = GROUPS / "memory"
        if (v1 / "memory.limit_in_bytes").exists() or (v1 / "memory.use_hierarchy").exists():
            self.folder, self.file = v1 / f"expert-bench-{os.getpid()}", "memory.limit_in_bytes"
        else:
            self.folder, self.file = GROUPS / f"expert-bench-{os.getpid()}", "memory.max"

    def __enter__(self):
        self.prefix = []
        if self.size:
            self.folder.mkdir()
            (self.folder / self.file).write_text(str(self.size))
            self.prefix = ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs; exec "$@"', "sh"]
        return self

    def __exit__(self, *_):
        for _ in range(100 if self.size else 0):
            try:
                self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)


def device_of(path):
    number = os.stat(path).st_dev
    return pathlib.Path(os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"))


def bytes_read(device):
    return int((device / "stat").read_text().split()[2]) * 512


def read_ahead_file(device):
    for folder in (device, device.parent):
        file = folder / "queue" / "read_ahead_kb"
        if file.exists():
            return file
    return None


@contextlib.contextmanager
def read_ahead(device, kilobytes):
    """Sets the device's read-ahead and puts it back."""
    file = read_ahead_file(device)
    before = file.read_text() if file else ""
    if kilobytes and file:
        file.write_text(kilobytes)
    try:
        yield int(file.read_text()) if file else None
    finally:
        if kilobytes and file:
            file.write_text(before)


def drop_from_page_cache(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def device_bandwidth(path, seconds=0.5, size=1 << 20):
    """Direct sequential reads of 1 MiB by four readers; the bound every contender shares."""
    whole = os.path.getsize(path)
    total = [0] * 4
    stop = time.monotonic() + seconds

    def read(i):
        buffer = mmap.mmap(-1, size)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
        # Somewhere else each time: the host may hold what was read before.
        position = (whole // 4 * i + int(time.monotonic() * 1e6) % (whole // 8)) // size * size
        while time.monotonic() < stop:
            got = os.preadv(descriptor, [buffer], position)
            if got <= 0:
                break
            total[i] += got
            position += size
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
    try:
        connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
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


def measure(server, device, prompt, count, cap):
    before = bytes_read(device)
    arrivals = stream(server, prompt, count, cap)
    times = [at for at, _ in arrivals]
    measured = {"prompt": len(prompt), "tokens": len(times), "bytes": bytes_read(device) - before,
                "walked": [token for _, token in arrivals] == [prompt[-1] + 1 + i for i in range(len(arrivals))],
                "complete": len(times) == count}
    if times:
        measured["first"] = times[0]
    if len(times) >= 32:
        measured["first_32"] = 32 / times[31]
    if len(times) >= 64:
        measured["steady"] = (len(times) - 32) / (times[-1] - times[31])
    # What a run that was cut off did is counted by all the time it had.
    measured["seconds"] = times[-1] if measured["complete"] else cap
    measured["overall"] = len(times) / measured["seconds"]
    return measured


def resident_memory(server):
    """(bytes of its own, bytes of its own and of mapped files that are in memory)."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines())
    own, files = (int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))
    return own, own + files


class Bench:
    def __init__(self, arguments, description, model):
        self.arguments, self.description, self.model = arguments, description, model
        self.device = device_of(model)

    def options(self, ubatch, repack=False):
        return ["-c", "4096", "-b", "2048", "-ub", str(ubatch), "-np", "1", "-t", str(os.cpu_count()), "--no-warmup",
                "-fit", "off", "--cache-ram", "0", *([] if repack else ["--no-repack"])]

    def run(self, plan):
        name, _, kilobytes = plan["contender"].partition("@")
        settings = CONTENDERS[name]
        # Spinning threads take time from everybody on a machine that is shared.
        environment = {"OMP_WAIT_POLICY": "passive"}
        folder = tempfile.mkdtemp(prefix="expert-bench-")
        statistics = pathlib.Path(folder) / "statistics.json"
        if settings is not None:
            environment |= {"GGML_BACKEND_PATH": str(self.arguments.plugin.resolve()), **settings,
                            "EXPERT_STREAM_STATS": str(statistics)}
        size = self.model.stat().st_size
        limit = int(size / plan["multiple"]) if plan["multiple"] else None
        if plan["kind"] != "start":
            drop_from_page_cache(self.model)
        record = {**plan, "model": self.model.name, "model_bytes": size, "limit": limit,
                  "device_bytes_per_second": device_bandwidth(self.model), "load": os.getloadavg()[0]}
        ubatch = 512 if plan["kind"] in ("decode", "kimi", "start") else 2048
        with read_ahead(self.device, kilobytes) as record["read_ahead_kb"], MemoryLimit(limit) as group:
            before = bytes_read(self.device)
            server = Server(self.arguments.server, self.model, self.options(ubatch, plan["kind"] == "memory" and
                            not plan.get("plain")), environment, prefix=group.prefix, timeout=120)
            try:
                server.start()
                record["ready_seconds"] = server.ready_seconds
                record["ready_bytes"] = bytes_read(self.device) - before
                getattr(self, plan["kind"])(server, plan, record)
                record["anonymous_bytes"], record["resident_bytes"] = resident_memory(server)
            except (RuntimeError, TimeoutError, OSError) as error:
                record["failed"] = (str(error).splitlines() or [type(error).__name__])[0]
            finally:
                if server.process and not record.get("cold", {"complete": True})["complete"]:
                    server.process.kill()  # it would finish its token first
                server.stop()
                if statistics.exists():
                    record["statistics"] = {key: value for key, value in json.loads(statistics.read_text()).items()
                                            if key != "heat"}
                server._folder.cleanup()
                shutil.rmtree(folder)
        if plan["kind"] in ("decode", "kimi") and plan["contender"] == "ours" and "statistics" in record:
            record["simulated"] = self.simulated(plan, record)
        return record

    def decode(self, server, plan, record):
        first = self.description[plan["routing"] + "_first"]
        record["cold"] = measure(server, self.device, [first], plan["tokens"], plan["cap"])
        if record["cold"]["complete"]:
            record["warm"] = measure(server, self.device, [first + plan["tokens"]], plan["tokens"], plan["cap"])

    kimi = decode

    def prefill(self, server, plan, record):
        first = self.description["flat_first"]
        record["cold"] = measure(server, self.device, [first + i for i in range(plan["prompt"])], 1, plan["cap"])

    def memory(self, server, plan, record):
        first = self.description["flat_first"]
        prompt = [first + i for i in range(plan["prompt"])]
        measure(server, self.device, prompt, 1, plan["cap"])  # everything is in memory then
        record["warm"] = measure(server, self.device, prompt, 1, plan["cap"])
        # Its walk may need experts that the prompt did not.
        measure(server, self.device, [first], plan["tokens"], plan["cap"])
        record["decode"] = measure(server, self.device, [first], plan["tokens"], plan["cap"])

    def start(self, server, plan, record):
        """The time until ready is all there is to it; a run before has brought the pages in."""

    def simulated(self, plan, record):
        """Bytes a token that the optimum, plain LRU and our policy would read with the same slots for the
        same walk: all of the cold part, and the warm part after it."""
        start = self.description[plan["routing"] + "_first"] - self.description["flat_first"]
        tokens = record["cold"]["tokens"]
        steps = tokens + (record["warm"]["tokens"] if "warm" in record else 0)
        table = self.description["table"][start:start + steps]
        layer_of = {f"blk.{self.description.get('first_layer', 0) + layer}.exps": layer
                    for layer in range(self.description["layers"])}
        result = {}
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            for pool in record["statistics"]["pools"]:
                layers = [layer_of[group] for group in pool["groups"]]
                file.seek(0)
                file.truncate()
                file.write(f"# model n_layer={len(layers)} n_expert={self.description['experts']}\nstep,layer,expert\n")
                for step, row in enumerate(table):
                    for i, layer in enumerate(layers):
                        file.writelines(f"{step},{i},{expert}\n" for expert in row[layer])
                file.flush()
                for part, begin in (("cold", 0), ("warm", tokens)):
                    if begin >= steps:
                        continue
                    said = subprocess.run([self.arguments.simulate, "replay", file.name, str(pool["slots"]), str(begin)],
                                          check=True, capture_output=True, text=True).stdout
                    for policy, misses in json.loads(said).items():
                        key = f"{part}_{policy}"
                        count = tokens if part == "cold" else steps - tokens
                        result[key] = result.get(key, 0) + misses * pool["expert_bytes"] / count
        # The cold count went on to the end of the walk.
        for policy in ("belady", "lru", "ours"):
            if f"warm_{policy}" in result:
                result[f"cold_{policy}"] -= result[f"warm_{policy}"] * (steps - tokens) / tokens
        return result


# --- what is run ---

def key_of(plan):
    multiple = f"{plan['multiple']:g}" if plan["multiple"] else "fits"
    return f"{plan['kind']}/{multiple}/{plan['routing']}/{plan['contender']}"


def plans(arguments):
    quick = arguments.quick
    tokens, cap = (64, 12) if quick else (192, 60)
    if arguments.kimi:
        for contender, cap in (("ours", 60), ("b2", 60), ("a", 15)):
            for routing in ("local", "flat"):
                yield {"kind": "kimi", "multiple": 3, "routing": routing, "contender": contender, "tokens": 64, "cap": cap}
        return
    untold = ["b-random"] if quick else ["b-random", "b-normal@128", "b-normal@1024", "b-normal@8192"]

    def decode(multiple):
        for routing in ("local", "flat"):
            for contender in ["a", *untold, "b2", "ours", *([] if quick else ["ours-lru"])]:
                patient = cap if contender.partition("@")[0] in ("a", "b-random", "b-normal") else 5 * cap
                yield {"kind": "decode", "multiple": multiple, "routing": routing, "contender": contender,
                       "tokens": tokens, "cap": patient}

    # What says most comes first: a bench may be interrupted.
    yield from decode(2)
    for contender in ("b-random", "b2", "ours", "ours-repacked"):
        yield {"kind": "prefill", "multiple": 2, "routing": "flat", "contender": contender, "prompt": 2048,
               "cap": 60 if quick else 240}
    for contender in ("a", "ours", "ours-repacked"):
        yield {"kind": "memory", "multiple": None, "routing": "flat", "contender": contender, "prompt": 2048,
               "tokens": tokens, "cap": 60 if quick else 240}
    yield {"kind": "start", "multiple": None, "routing": "flat", "contender": "a"}
    yield from decode(4)
    yield from decode(1.5)


def layers_for(arguments):
    """As many as this machine's disk and memory make sense of: the model has to be larger than memory, so
    that is not what limits it, but 1.5 times the limit has to leave the limit some memory."""
    if arguments.layers:
        return arguments.layers
    disk = shutil.disk_usage(arguments.models).free
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    bytes_ = min(5.6e9 if arguments.quick else 25e9, 0.4 * disk, memory)
    return max(6, min(48, int(bytes_ / LAYER_BYTES)))


def model_of(arguments, layers, shape):
    path = arguments.models / f"walk-{shape}-{layers}.gguf"
    beside = path.with_name(path.name + ".json")
    if not path.exists() or not beside.exists():
        command = [sys.executable, here.parent / "tools" / "make_model.py", "walk", path, "--layers", str(layers),
                   "--shape", shape]
        # The traces are of models with fewer experts.
        if arguments.trace and shape == "qwen3":
            command += ["--trace", arguments.trace]
        subprocess.run(list(map(str, command)), check=True)
    return path, json.loads(beside.read_text())


def read_results(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def machine():
    cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{os.cpu_count()} × {cpu}, {memory / 2**30:.0f} GiB, Linux {platform.release()}"


def do(arguments):
    arguments.models.mkdir(parents=True, exist_ok=True)
    done = {key_of(record) for record in read_results(arguments.results) if "failed" not in record}
    todo = [plan for plan in plans(arguments) if key_of(plan) not in done and arguments.only in key_of(plan)]
    print(f"{machine()}; {len(todo)} runs to do, {len(done)} done", flush=True)
    benches = {}
    for plan in todo:
        # Prompts and what has to fit into memory are measured on a smaller model.
        large = layers_for(arguments)
        layers = 2 if plan["kind"] == "kimi" else large if plan["kind"] in ("decode", "start") else min(5, large)
        if layers not in benches:
            path, description = model_of(arguments, layers, "kimi" if plan["kind"] == "kimi" else "qwen3")
            benches[layers] = Bench(arguments, description, path)
        if plan["kind"] == "start":
            if benches[layers].model.stat().st_size > 0.6 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
                continue
            benches[layers].run(plan)
        record = benches[layers].run(plan) | {"machine": machine(), "layers": layers,
                                              "local": benches[layers].description["local"]}
        with open(arguments.results, "a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
        print(one_line(record), flush=True)


# --- what is said about it ---

def per_token(part):
    return part["bytes"] / max(1, part["tokens"] + part["prompt"] - 1) / 1e6


def speed(part):
    """Steady where a run got that far, else all it did."""
    return part.get("steady") or part["overall"] if part else 0


def one_line(record):
    if "failed" in record:
        return f"{key_of(record)}: FAILED: {record['failed']}"
    said = [f"ready {record['ready_seconds']:.2f} s"]
    for part in ("cold", "warm", "decode"):
        if part in record:
            measured = record[part]
            rate = f"{measured['prompt'] / measured['first']:.1f} prompt tokens/s" if measured["prompt"] > 1 and \
                "first" in measured else f"{speed(measured):.2f} tokens/s"
            said.append(f"{part} {rate}, {per_token(measured):.0f} MB/token"
                        f"{'' if measured['walked'] else ', WALKED WRONGLY'}")
    return f"{key_of(record)}: " + "; ".join(said)


def tables(records):
    def number(value, form="{:.2f}"):
        return "–" if value is None else form.format(value)
    latest = {key_of(record): record for record in records if "failed" not in record}
    cells = list(dict.fromkeys((r["multiple"], r["routing"]) for r in latest.values() if r["kind"] == "decode"))
    print("| model : limit | routing | contender | ready, s | first token, s | first 32, tokens/s | cold, then, tokens/s "
          "| MB a token | warm, tokens/s | MB a token | walked rightly |\n|---|---|---|---|---|---|---|---|---|---|---|")
    for multiple, routing in [*cells, (3, "local"), (3, "flat")]:
        for record in latest.values():
            if record["kind"] not in ("decode", "kimi") or (record["multiple"], record["routing"]) != (multiple, routing):
                continue
            cold, warm = record["cold"], record.get("warm")
            then = number(cold.get("steady")) if cold["complete"] else f"{cold['overall']:.2f} (all {cold['tokens']})"
            parts = [part for part in (cold, warm) if part]
            size = f"{multiple:g} ×{' (kimi)' if record['kind'] == 'kimi' else ''}"
            print(f"| {size} | {routing} | {record['contender']} | {number(record['ready_seconds'])} | "
                  f"{number(cold.get('first'))} | {number(cold.get('first_32'))} | {then} | {per_token(cold):.0f} | "
                  f"{number(warm['overall'] if warm else None)} | {number(per_token(warm) if warm else None, '{:.0f}')} | "
                  f"{'yes' if all(part['walked'] for part in parts) else 'NO'} |")
    print("\nMB of experts a token that would be read with our slots for the same walk (simulated), cold / warm:\n\n"
          "| model : limit | routing | Belady | ours | LRU |\n|---|---|---|---|---|")
    for record in latest.values():
        if "simulated" in record:
            s = record["simulated"]
            said = [" / ".join(f"{s[f'{part}_{policy}'] / 1e6:.0f}" for part in ("cold", "warm")
                               if f"{part}_{policy}" in s) for policy in ("belady", "ours", "lru")]
            print(f"| {record['multiple']:g} ×{' (kimi)' if record['kind'] == 'kimi' else ''} | {record['routing']} | " +
                  " | ".join(said) + " |")
    print("\n| prompt of 2,048 | prompt tokens/s | MB a token |\n|---|---|---|")
    for record in latest.values():
        if record["kind"] == "prefill":
            cold = record["cold"]
            rate = f"{cold['prompt'] / cold['first']:.1f}" if "first" in cold else f"not done in {cold['seconds']:.0f} s"
            print(f"| {record['multiple']:g} ×, {record['contender']} | {rate} | {per_token(cold):.2f} |")
    print("\n| all in memory | prompt tokens/s | decoding, tokens/s | memory of its own, GB | with files mapped, GB |\n|---|---|---|---|---|")
    for record in latest.values():
        if record["kind"] == "memory":
            warm = record["warm"]
            print(f"| {record['contender']} | {warm['prompt'] / warm['first']:.1f} | {speed(record['decode']):.2f} | "
                  f"{record['anonymous_bytes'] / 1e9:.2f} | {record['resident_bytes'] / 1e9:.2f} |")


def verdict(records):
    """Every target of the bench: the ratio reached, and whether it holds or 85 % of the cell's bound does."""
    latest = {key_of(record): record for record in records if "failed" not in record}
    missed = 0

    def get(kind, multiple, routing, contender):
        name = f"{multiple:g}" if multiple else "fits"
        return latest.get(f"{kind}/{name}/{routing}/{contender}")

    def say(what, ratio, wanted, bound=None):
        """`bound`: what of the cell's bound ours reaches."""
        nonlocal missed
        held = "holds" if ratio >= wanted else "at the bound" if bound is not None and bound >= 0.85 else "MISSED"
        missed += held == "MISSED"
        print(f"{held:13} {what}: {ratio:.2f}, wanted {wanted:g}" +
              (f"; {100 * bound:.0f} % of what the device and the cores allow" if bound is not None else ""))

    memory = get("memory", None, "flat", "ours")
    start = get("start", None, "flat", "a")
    cells = list(dict.fromkeys((r["multiple"], r["routing"]) for r in latest.values() if r["kind"] == "decode"))
    for multiple, routing in cells:
        ours = get("decode", multiple, routing, "ours")
        if ours is None:
            continue
        where = f"{multiple:g} × {routing}"
        bandwidth = max(r["device_bytes_per_second"] for r in latest.values()
                        if (r["kind"], r["multiple"], r["routing"]) == ("decode", multiple, routing))
        compute = ours["layers"] / memory["layers"] / speed(memory["decode"]) if memory else 0

        def reached(rate, part):
            return rate * max(per_token(part) * 1e6 / bandwidth, compute)
        stock = get("decode", multiple, routing, "a")
        untold = [r for r in latest.values() if r["contender"].startswith("b-") and
                  (r["kind"], r["multiple"], r["routing"]) == ("decode", multiple, routing)]
        told = get("decode", multiple, routing, "b2")
        if stock:
            own = start["ready_seconds"] if start else 0
            say(f"{where}, ready sooner than stock", stock["ready_seconds"] / ours["ready_seconds"], 20,
                max(own, ours["ready_bytes"] / bandwidth) / ours["ready_seconds"])
            say(f"{where}, ready and first token sooner than stock",
                (stock["ready_seconds"] + stock["cold"].get("first", stock["cold"]["seconds"])) /
                (ours["ready_seconds"] + ours["cold"]["first"]), 1)
            say(f"{where}, first 32 against stock",
                ours["cold"]["first_32"] / (stock["cold"].get("first_32") or stock["cold"]["overall"] or 1e-3), 8,
                reached(ours["cold"]["first_32"], ours["cold"]))
        for rivals, name, wanted in (([stock], "stock", 8), (untold, "the page cache untold", 4),
                                     ([told], "the page cache told of each slice", 1.3)):
            rivals = [r for r in rivals if r]
            for part in ("cold", "warm"):
                if not rivals or part not in ours:
                    continue
                best = max(speed(r.get(part) or (r["cold"] if not r["cold"]["complete"] else None)) for r in rivals)
                if best == 0 and part == "warm":
                    continue
                say(f"{where}, {part}, against {name}", speed(ours[part]) / max(best, 1e-3), wanted,
                    reached(speed(ours[part]), ours[part]))
        if "simulated" in ours:
            for part in ("cold", "warm"):
                s = ours["simulated"]
                if f"{part}_ours" in s:
                    say(f"{where}, {part}, LRU's bytes against ours ({s[f'{part}_ours'] / s[f'{part}_belady']:.2f} × Belady's)",
                        s[f"{part}_lru"] / s[f"{part}_ours"], 1)
    # Where a prompt was not done in its time, that time makes the ratio a lower bound.
    prompts = {r["contender"]: r["cold"]["prompt"] / r["cold"].get("first", r["cold"]["seconds"]) for r in latest.values()
               if r["kind"] == "prefill" and ("first" in r["cold"] or not r["contender"].startswith("ours"))}
    for mine in ("ours", "ours-repacked"):
        # What the same kernels do with everything in memory is what the cores allow.
        fits, here = get("memory", None, "flat", mine), get("prefill", 2, "flat", mine)
        bound = None
        if fits and here and mine in prompts:
            by_device = here["device_bytes_per_second"] / max(1.0, per_token(here["cold"]) * 1e6)
            bound = prompts[mine] / min(by_device, fits["warm"]["prompt"] / fits["warm"]["first"])
        for rival, wanted in (("b-random", 4), ("b2", 1.5)):
            if mine in prompts and rival in prompts:
                say(f"prompt of 2,048, {mine} against {rival}", prompts[mine] / prompts[rival], wanted, bound)
    stock = get("memory", None, "flat", "a")
    for mine in ("ours", "ours-repacked"):
        here = get("memory", None, "flat", mine)
        if here and stock:
            say(f"all in memory, {mine}, decoding against stock", speed(here["decode"]) / speed(stock["decode"]), 1)
            say(f"all in memory, {mine}, prompt against stock with repacking",
                stock["warm"]["first"] / here["warm"]["first"], 1.3)
            say(f"all in memory, {mine}, stock's memory of its own against that",
                stock["anonymous_bytes"] / here["anonymous_bytes"], 1)
    print(f"{missed} missed")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about a quarter of an hour")
    parser.add_argument("--whole", action="store_true", help="hours: longer runs, every contender, a larger model")
    parser.add_argument("--kimi", action="store_true", help="the shape of Kimi-K2; 7.4 GB of disk")
    parser.add_argument("--server")
    parser.add_argument("--plugin", type=pathlib.Path)
    parser.add_argument("--simulate", help="expert-simulate, for what other policies would have read")
    parser.add_argument("--models", type=pathlib.Path, help="where the models are made; up to 25 GB")
    parser.add_argument("--trace", help="recorded routing to fit the local half to; else Zipf's law")
    parser.add_argument("--layers", type=int, default=0, help="of the model; else as disk and memory allow")
    parser.add_argument("--only", default="", help="runs whose name contains this")
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--verdict", action="store_true")
    arguments = parser.parse_args()
    # An end from outside still takes the server and the control group along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.quick or arguments.whole or arguments.kimi:
        do(arguments)
    if arguments.tables:
        tables(read_results(arguments.results))
    if arguments.verdict:
        verdict(read_results(arguments.results))


if __name__ == "__main__":
    main()
