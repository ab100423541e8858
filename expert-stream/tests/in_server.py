#!/usr/bin/env python3
"""The plug-in in a real llama-server, for ctest: `in_server.py exactness|divergence|refusals [--plugin P]`.

The server is $LAR_LLAMA_SERVER or the newest in the cache; the plug-in is the release build's unless
named. Where either is missing, or Python lacks numpy and gguf, the test is skipped (77) and says why.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))
from server import Server  # noqa: E402

SKIPPED = 77
cache = pathlib.Path(os.environ.get("LAR_CACHE", pathlib.Path.home() / ".cache" / "lar"))
options = ["-c", "1024", "-b", "512", "-ub", "512", "-np", "1", "-t", "2", "--no-repack", "-fit", "off", "-lv", "4"]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def python_with_gguf():
    """This Python if it can write models, else the one that lar's set-up made."""
    for candidate in [sys.executable, *sorted(map(str, (cache / "python").glob("*/bin/python")))]:
        if subprocess.run([candidate, "-c", "import gguf, numpy"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def ask(path):
    """The statistics, from their socket."""
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    text = b""
    while chunk := peer.recv(65536):
        text += chunk
    peer.close()
    return json.loads(text)


class Refusals:
    """What must end in a clear sentence and never in a wrong token or a crash."""

    def __init__(self, server, plugin, model):
        self.server, self.plugin, self.model = server, str(plugin), model
        self.failed = 0

    def check(self, what, good, shown=""):
        print(f"{'right ' if good else 'WRONG '} {what}{'' if good else chr(10) + shown}")
        self.failed += 0 if good else 1

    def starts_not(self, what, expected, environment, plugin=None):
        """Either the server does not start, or it starts without us; never a signal."""
        started = Server(self.server, self.model, options, {"GGML_BACKEND_PATH": plugin or self.plugin, **environment})
        try:
            started.start()
        except RuntimeError:
            pass
        started.stop()
        text = started.text()
        self.check(f"{what}: '{expected}'", expected in text and started.process.returncode >= 0, text[-1500:])

    def run(self):
        self.starts_not("a budget below one layer", "but one layer alone uses", {"EXPERT_STREAM_BUDGET": "1000"})
        self.starts_not("a setting that makes no sense", "EXPERT_STREAM_BUDGET=plenty makes no sense",
                        {"EXPERT_STREAM_BUDGET": "plenty"})
        self.other_version()
        self.truncated_file()
        self.statistics()
        self.state()
        return self.failed

    def state(self):
        """What was in memory comes back, answers stay the same, and a damaged file is said to be one."""
        with tempfile.TemporaryDirectory() as folder:
            kept, path = pathlib.Path(folder) / "state", f"{folder}/stats.sock"
            environment = {"GGML_BACKEND_PATH": self.plugin, "EXPERT_STREAM_STATE": str(kept),
                           "EXPERT_STREAM_SOCKET": path, "EXPERT_STREAM_BUDGET": str(os.path.getsize(self.model) // 3)}
            with Server(self.server, self.model, options, environment) as server:
                first = server.complete([300, 301, 302], 8)["tokens"]
                server.stop()
            self.check("what is in memory is kept", kept.exists() and
                       kept.read_text().startswith("expert-stream state 1\n"), server.tail() if server.log.exists() else "")
            with Server(self.server, self.model, options, environment) as server:
                for _ in range(100):
                    warmed = ask(path)["experts_warmed"]
                    if warmed > 0:
                        break
                    time.sleep(0.05)
                self.check("… and read in again before anybody asks", warmed > 0, server.tail())
                self.check("… with the same answers", server.complete([300, 301, 302], 8)["tokens"] == first)
            kept.write_text(kept.read_text().replace("experts ", "experts 9"))
            with Server(self.server, self.model, options, environment) as server:
                self.check("… and a damaged one is not used",
                           server.complete([300, 301, 302], 8)["tokens"] == first and
                           "begins with an empty cache" in server.text(), server.tail())

    def other_version(self):
        """The same plug-in with another commit written into it."""
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "libggml-expert-stream.so"
            content = pathlib.Path(self.plugin).read_bytes()
            version = subprocess.run([self.server, "--version"], capture_output=True, check=False)
            text = (version.stdout + version.stderr).decode(errors="replace")
            commit = text.split("commit ")[1][:7].encode()
            if content.count(commit) == 0:
                self.check("the plug-in names the commit it is for", False, f"no {commit} in it")
                return
            copy.write_bytes(content.replace(commit, b"0123456"))
            self.starts_not("a llama.cpp of another commit", "build the plug-in against the source of this program",
                            {}, plugin=str(copy))

    def truncated_file(self):
        """A model cut under the server's feet: the request fails, the server lives."""
        with tempfile.TemporaryDirectory(dir=pathlib.Path(self.model).parent) as folder:
            copy = pathlib.Path(folder) / "model.gguf"
            shutil.copy(self.model, copy)
            size = copy.stat().st_size
            environment = {"GGML_BACKEND_PATH": self.plugin, "EXPERT_STREAM_BUDGET": str(size // 3)}
            with Server(self.server, copy, options, environment) as server:
                good = server.complete([300, 301], 4)["tokens"]
                # The times of the file change, its dense weights stay: a write in place.
                with open(copy, "r+b") as file:
                    file.seek(size - 64)
                    file.write(b"\0" * 8)
                status, text = server.request("POST", "/completion",
                                              {"prompt": [310, 320, 330], "n_predict": 8, "temperature": 0})
                log = server.text()
                self.check("a model written to while in use: the request fails",
                           status != 200 and len(good) == 4, f"{status} {text}")
                self.check("… and the log says why", "was written to while it was in use" in log, server.tail())
                self.check("… and the server lives", server.request("GET", "/health")[0] == 200, server.tail())

    def statistics(self):
        with tempfile.TemporaryDirectory() as folder:
            file, path = f"{folder}/stats.json", f"{folder}/stats.sock"
            environment = {"GGML_BACKEND_PATH": self.plugin, "EXPERT_STREAM_STATS": file, "EXPERT_STREAM_SOCKET": path}
            with Server(self.server, self.model, options, environment) as server:
                server.complete([300, 301, 302], 8)
                numbers = ask(path)
                self.check("statistics on the socket", numbers["tokens"] >= 10 and numbers["bytes_read"] > 0, str(numbers))
                server.stop()
                self.check("statistics in the file", json.loads(pathlib.Path(file).read_text())["tokens"] >= 10)
                self.check("one line at exit", "hit rate" in server.text(), server.tail())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("exactness", "divergence", "refusals"))
    parser.add_argument("--plugin", default="")
    arguments = parser.parse_args()
    server = os.environ.get("LAR_LLAMA_SERVER") or str(cache / "engine" / "current" / "llama-server")
    if not os.access(server, os.X_OK):
        skip("there is no llama-server (scripts/setup-engine.sh builds one)")
    plugin = pathlib.Path(arguments.plugin or here.parent.parent / "build" / "libggml-expert-stream.so")
    if not plugin.exists():
        skip(f"there is no {plugin} (make build)")
    python = python_with_gguf()
    if python is None:
        skip("no Python with numpy and gguf (scripts/setup-python.sh makes one)")
    models = cache / "experts" / "tiny"
    models.mkdir(parents=True, exist_ok=True)
    if arguments.what == "exactness":
        sys.exit(subprocess.run([python, here / "exactness.py", "--server", server, "--plugin", plugin, "--models",
                                 models, "--quick"], check=False).returncode)
    if arguments.what == "divergence":
        sys.exit(subprocess.run([python, here / "divergence.py", "--server", server, "--plugin", plugin, "--models",
                                 models], check=False).returncode)
    model = models / "refusals.gguf"
    if not model.exists() or time.time() - model.stat().st_mtime > 86400:
        subprocess.run([python, here.parent / "tools" / "make_model.py", "tiny", "qwen3moe", model], check=True)
    sys.exit(1 if Refusals(server, plugin, model).run() else 0)


if __name__ == "__main__":
    main()
