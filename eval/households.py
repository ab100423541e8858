"""The fictional households, and a running `lar serve` that holds one of them."""
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

repository = pathlib.Path(__file__).resolve().parent.parent


class Household:
    def __init__(self, name, folder, questions):
        self.name, self.folder = name, folder
        self.facts = json.loads((folder / "household.json").read_text(encoding="utf-8"))
        self.paths = self.facts.get("paths", self.facts)
        loaded = json.loads(questions.read_text(encoding="utf-8"))
        self.questions = loaded["questions"] if isinstance(loaded, dict) else loaded

    def source_arguments(self):
        at = lambda path: str(self.folder / path)
        contacts = self.paths["contacts"]
        yield ["mail", "maildir", at(self.paths["maildir"])]
        yield ["mail", "mbox", at(self.paths["mbox"])]
        for calendar in self.paths["calendars"]:
            yield ["calendar", "ics", at(calendar)]
        for card_file in [contacts] if isinstance(contacts, str) else contacts:
            yield ["contacts", "vcf", at(card_file)]
        yield ["folder", at(self.paths["documents"])]


def households():
    """The households that are measured by default."""
    first, second = repository / "samples", repository / "eval" / "second_household"
    return [
        Household("first", first / "household", first / "questions.json"),
        Household("second", second, second / "questions.json"),
    ]


def named(name):
    """The households that a --household argument means. Those that are tuned on must be asked for."""
    if name in ("development", "third"):
        folder = repository / "eval" / f"{name}_household"
        return [Household(name, folder, folder / "questions.json")]
    return [household for household in households() if name in ("all", household.name)]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def start_serve(program, environment, *arguments):
    """A running `lar serve` on a free port, and what it said when it was ready."""
    server = subprocess.Popen([program, "serve", "--port", "0", "--json", *arguments], env=environment,
                              stdout=subprocess.PIPE, text=True)
    text = ""
    while not text.endswith("}\n"):  # the object is complete with the line that closes it
        line = server.stdout.readline()
        if not line:
            raise RuntimeError("lar serve ended before it was ready")
        text += line
    return server, json.loads(text)


def end_serve(server):
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()


class Served:
    """A home with one household, synced with all its vectors, served until the block ends."""

    def __init__(self, household, program, answer_cache=None, wait="all"):
        self.household, self.program, self.answer_cache, self.wait = household, program, answer_cache, wait

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"lar {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="lar-")
        facts = self.household.facts
        self.environment = dict(os.environ, LAR_HOME=self.folder + "/home", LAR_NOW=facts["now"], TZ=facts["zone"])
        self.run("init", "--household", str(self.household.folder / "household.json"))
        for arguments in self.household.source_arguments():
            self.run("add", *arguments)
        cache = ["--answer-cache", str(self.answer_cache)] if self.answer_cache else []
        self.server, said = start_serve(self.program, self.environment, *cache)
        self.socket = self.folder + "/home/run/lar.sock"
        self.address = said["address"]
        self.run("sync", f"--wait={self.wait}" if self.wait != "items" else "--wait")
        return self

    def call(self, method, path, body=None, timeout=600):
        connection = UnixConnection(self.socket, timeout)
        try:
            connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None,
                               {"Accept": "application/json", "Content-Type": "application/json"})
            answer = connection.getresponse()
            return json.loads(answer.read())
        finally:
            connection.close()

    def __exit__(self, *_):
        end_serve(self.server)
        shutil.rmtree(self.folder, ignore_errors=True)
