"""A `lar serve` for the tests with real clients: a home of its own, real engines, a key; and how such tests are run."""
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

repository = pathlib.Path(__file__).resolve().parents[2]
program = os.environ.get("LAR", str(repository / "build" / "lar"))
sys.path.insert(0, str(repository / "eval"))
from households import end_serve, start_serve  # noqa: E402


class Lar:
    """`roles` as for `lar model use`; `documents` become a folder source, so that there is something to ask about."""

    def __init__(self, roles, documents=None, environment=None):
        self.roles, self.documents, self.more = roles, documents, environment or {}

    def run(self, *arguments):
        done = subprocess.run([program, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"lar {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def key(self, name, *flags):
        return json.loads(self.run("key", "add", name, *flags, "--json"))["key"]

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-"))
        self.environment = dict(os.environ, LAR_HOME=str(self.folder / "home"), LC_ALL="C.UTF-8", **self.more)
        (self.folder / "home").mkdir()
        (self.folder / "home/roles.toml").write_text("".join(f'{r} = "{m}"\n' for r, m in self.roles.items()))
        if self.documents:
            (self.folder / "documents").mkdir()
            for name, text in self.documents.items():
                (self.folder / "documents" / name).write_text(text, encoding="utf-8")
            self.run("add", "folder", str(self.folder / "documents"))
            self.run("sync", "--wait")
        self.server, said = start_serve(program, self.environment)
        self.port = said["port"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.own_key = said["address"].split("key=")[1]
        return self

    def ask(self, method, path, body=None, key=None, headers=None):
        """Status, headers and body, without any client's help."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            head = dict(headers or {})
            if key:
                head["Authorization"] = "Bearer " + key
            data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
            connection.request(method, path, data, head)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def __exit__(self, *_):
        end_serve(self.server)
        shutil.rmtree(self.folder, ignore_errors=True)


def run_checks(checks, *world):
    """Runs functions by name and label, all or those named on the command line, and ends the program with how it went:
    every check is run, then the failed ones count."""
    failed, ran = 0, 0
    for check, label in checks:
        if sys.argv[1:] and check.__name__ not in sys.argv[1:]:
            continue
        started, ran = time.time(), ran + 1
        try:
            check(*world)
            outcome = "ok"
        except Exception as error:
            failed += 1
            outcome = f"FAILED  {type(error).__name__}: {str(error)[:600]}"
        print(f"{time.time() - started:6.1f} s  {label}  {outcome}", flush=True)
    print(f"{ran} checks, {failed} failed")
    if failed or not ran:
        sys.exit(1)
