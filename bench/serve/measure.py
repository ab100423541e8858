#!/usr/bin/env python3
"""`lar serve` without engines on a home with 100,000 mails: how long until the first request is
answered, and how much memory it holds, freshly started and after searches.

    measure.py LAR [--count N] [--starts N]

The home is made once by `lar` itself from generated mailboxes (mails.py) and kept in the cache, under
a name made of the generator, the count and the version of the schema; a repeat only syncs it again.
Each start is timed from exec to the answer to GET /status over the unix socket, asked anew every
millisecond until somebody listens. Memory is VmRSS of `lar serve` without its readers.
"""
import argparse
import fcntl
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import mails  # noqa: E402

QUERIES = ["seguro del coche", "invoice roof", "vacuna del perro", "Gareth Jessop", "billetes oporto reserva",
           "quarterly report", "caldera técnico lunes", "deposit landlady", "A1234", "abuela tarta"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def get(path, target):
    connection = UnixConnection(path)
    try:
        connection.request("GET", "/api/v1" + target, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"GET {target}: {answer.status} {content[:200]!r}")
        return json.loads(content)
    finally:
        connection.close()


def run(program, home, *arguments):
    """Runs a command of lar; gives back its output, seconds, and processor seconds with its children's."""
    environment = dict(os.environ, LAR_HOME=str(home), LAR_MODELS=str(home / "no-models"))
    started = time.perf_counter()
    process = subprocess.Popen([program, *arguments], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"lar {' '.join(arguments)}: exit {process.returncode}")
    return output, time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def schema_version(program):
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder) / "home"
        run(program, home, "init")
        return sqlite3.connect(home / "lar.db").execute("PRAGMA user_version").fetchone()[0]


def prepare(program, cache, count):
    """The folder with the mailboxes and the synced home, made if it is not there; says how long syncs take."""
    generator = hashlib.sha256(pathlib.Path(mails.__file__).read_bytes()).hexdigest()[:12]
    folder = cache / "bench" / f"serve-{count}-{generator}-schema{schema_version(program)}"
    facts = folder / "first_sync.json"
    if not facts.exists():
        for old in (cache / "bench").glob(f"serve-{count}-*"):
            shutil.rmtree(old)
        print(f"generating {count:,} mails", flush=True)
        files = mails.write(count, folder / "mails")
        run(program, folder / "home", "init")
        for file in files:
            run(program, folder / "home", "add", "mail", "mbox", str(file))
        _, seconds, processor = run(program, folder / "home", "sync", "--wait")
        facts.write_text(json.dumps({"seconds": seconds, "processor": processor}), encoding="utf-8")
    first = json.loads(facts.read_text(encoding="utf-8"))
    _, seconds, processor = run(program, folder / "home", "sync", "--wait")
    size = sum(file.stat().st_size for file in (folder / "mails").iterdir()) / 1e6
    print(f"{count:,} mails, {size:.0f} MB, database {(folder / 'home' / 'lar.db').stat().st_size / 1e6:.0f} MB: "
          f"first sync {first['seconds']:.1f} s ({first['processor']:.1f} s of processor time, "
          f"{count / first['seconds']:.0f} mails a second), now again {seconds:.2f} s ({processor:.2f})", flush=True)
    return folder / "home"


def memory(pid):
    """MB resident: (all, of it anonymous, of it mapped files)."""
    lines = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status", encoding="ascii"))
    return tuple(int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "RssFile"))


def one_start(program, home):
    environment = dict(os.environ, LAR_HOME=str(home), LAR_MODELS=str(home / "no-models"))
    path = str(home / "run" / "lar.sock")
    started = time.perf_counter()
    server = subprocess.Popen([program, "serve", "--port", "0", "--quiet"], env=environment)
    try:
        while True:
            try:
                status = get(path, "/status")
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if server.poll() is not None:
                    sys.exit(f"lar serve ended with {server.returncode}")
                time.sleep(0.001)
        ready = (time.perf_counter() - started) * 1000
        time.sleep(1)
        fresh = memory(server.pid)
        searches = []
        for query in QUERIES:
            begun = time.perf_counter()
            get(path, "/search?q=" + query.replace(" ", "%20").replace("é", "%C3%A9"))
            searches.append((time.perf_counter() - begun) * 1000)
        return {"items": status["counts"]["items"], "ready": ready, "fresh": fresh, "used": memory(server.pid),
                "search": statistics.median(searches), "slowest": max(searches)}
    finally:
        server.terminate()
        server.wait()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--starts", type=int, default=10)
    given = options.parse_args()
    cache = pathlib.Path(os.environ.get("LAR_CACHE", pathlib.Path.home() / ".cache" / "lar"))
    (cache / "bench").mkdir(parents=True, exist_ok=True)
    with open(cache / "bench" / "serve.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        home = prepare(given.program, cache, given.count)
        starts = [one_start(given.program, home) for _ in range(given.starts)]

    def spread(values):
        return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"

    print(f"{starts[0]['items']:,} items, {given.starts} starts, medians (lowest-highest):")
    print(f"  first answer after {spread([s['ready'] for s in starts])} ms; the bar is 300")
    for name, when in (("fresh", "one second after it"), ("used", f"after {len(QUERIES)} searches")):
        print(f"  {spread([s[name][0] for s in starts])} MB resident {when}; the bar is 80 "
              f"(anonymous {spread([s[name][1] for s in starts])}, mapped files {spread([s[name][2] for s in starts])})")
    print(f"  searches by words: median {spread([s['search'] for s in starts])} ms, slowest {spread([s['slowest'] for s in starts])} ms",
          flush=True)


if __name__ == "__main__":
    main()
