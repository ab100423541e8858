"""An unmodified llama-server on a unix socket, with or without the plug-in; shared by tests and bench."""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    """`with Server(binary, model, arguments, environment) as server:`"""

    def __init__(self, binary, model, arguments=(), environment=None, prefix=(), timeout=120):
        self._folder = tempfile.TemporaryDirectory(prefix="expert-")
        self.socket = os.path.join(self._folder.name, "server.sock")
        self.log = pathlib.Path(self._folder.name) / "server.log"
        self.timeout = timeout
        self.command = [*prefix, str(binary), "-m", str(model), "--host", self.socket, *map(str, arguments)]
        self.environment = {**os.environ, **(environment or {})}
        if "GGML_BACKEND_PATH" in self.environment:
            # A llama-server with the CPU backend compiled in looks at GGML_BACKEND_PATH only when an option
            # needs the list of devices; this one matches no tensor.
            self.environment.setdefault("LLAMA_ARG_OVERRIDE_TENSOR", "^$=CPU")
        self.process = None
        self.ready_seconds = None

    def start(self):
        started = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"llama-server ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() - started > self.timeout:
                self.stop()
                raise TimeoutError(f"llama-server was not ready in {self.timeout} s")
            try:
                if self.request("GET", "/health", timeout=2)[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.02)
        self.ready_seconds = time.monotonic() - started
        return self

    def request(self, method, path, body=None, timeout=None):
        connection = _Connection(self.socket, timeout or self.timeout)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def complete(self, prompt, count, **options):
        """Greedy completion of a list of tokens; returns the server's answer."""
        body = {"prompt": list(prompt), "n_predict": count, "temperature": 0, "ignore_eos": True,
                "cache_prompt": False, "return_tokens": True, "seed": 1, **options}
        status, text = self.request("POST", "/completion", body)
        if status != 200:
            raise RuntimeError(f"{status}: {text}")
        return json.loads(text)

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def text(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self._folder.cleanup()
