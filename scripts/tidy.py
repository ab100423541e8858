#!/usr/bin/env python3
"""clang-tidy over a compile_commands.json, a file at a time on every core, with its results kept.

    tidy.py --commands COMPILE_COMMANDS --kept FOLDER [FILE...]

A result is kept with the names and hashes of the file and of every header that the compiler read for
it. While all of these are as they were, so is the result: nothing else can change what is included,
but for a new header that hides another of the same name, and a changed command catches most of that.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

PROGRAM = "clang-tidy-19"
# The analyzer follows the macros of a test for minutes; tests run with the sanitizers anyway.
TESTS_ONLY = ["--checks=-clang-analyzer-*"]
repository = pathlib.Path(__file__).resolve().parent.parent


@functools.lru_cache(maxsize=None)
def hash_of(path):
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError:
        return "none"


def dependencies(entry):
    """Every file the compiler reads for this one, itself included."""
    words, command = shlex.split(entry["command"]), []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        elif word not in ("-c", "-MD", "-MMD"):
            command.append(word)
    done = subprocess.run([*command, "-M"], cwd=entry["directory"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    names = shlex.split(done.stdout.replace("\\\n", " ").split(":", 1)[1])
    return sorted({os.path.realpath(os.path.join(entry["directory"], name)) for name in names})


def check(entry, kept, commands, common):
    """(findings as text, seconds, whether they were kept) for one file."""
    name = os.path.relpath(entry["file"], repository)
    more = TESTS_ONLY if name.endswith("_test.cc") else []
    key = hashlib.sha256("\0".join([common, entry["file"], entry["command"], *more]).encode()).hexdigest()
    record = kept / key
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        if all(hash_of(path) == was for path, was in known["inputs"].items()):
            return name, known["findings"], 0.0, True
    except (OSError, ValueError, KeyError):
        pass
    started = time.monotonic()
    try:
        inputs = {path: hash_of(path) for path in dependencies(entry)}
    except RuntimeError as error:
        return name, f"{name}: does not compile: {error}", 0.0, False
    done = subprocess.run([PROGRAM, "-p", str(commands.parent), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                           *more, entry["file"]], capture_output=True, text=True, cwd=repository)
    findings = re.sub(r"(?m)^" + re.escape(str(repository)) + "/", "", done.stdout).strip()
    if done.returncode != 0 and not findings:
        return name, f"{name}: {PROGRAM} failed: {done.stderr.strip()}", 0.0, False
    written = record.with_suffix(f".{os.getpid()}.new")
    written.write_text(json.dumps({"inputs": inputs, "findings": findings}), encoding="utf-8")
    written.replace(record)
    return name, findings, time.monotonic() - started, False


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--commands", type=pathlib.Path, required=True)
    options.add_argument("--kept", type=pathlib.Path, required=True)
    options.add_argument("files", nargs="*")
    given = options.parse_args()
    commands = given.commands.resolve()
    given.kept.mkdir(parents=True, exist_ok=True)
    build = str(commands.parent.parent) + "/"
    wanted = {str(pathlib.Path(file).resolve()) for file in given.files}
    entries = {}
    for entry in json.loads(commands.read_text(encoding="utf-8")):
        ours = entry["file"].startswith(str(repository) + "/") and not entry["file"].startswith(build)
        if ours and (not wanted or entry["file"] in wanted):
            entries.setdefault(entry["file"], entry)
    for missing in wanted - set(entries):
        sys.exit(f"tidy: {missing} is not compiled by {given.commands}")
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    common = version + (repository / ".clang-tidy").read_text(encoding="utf-8")
    bad = fresh = 0
    # The longest first, so that the last of them does not run alone.
    order = sorted(entries.values(), key=lambda entry: -os.path.getsize(entry["file"]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(check, entry, given.kept, commands, common) for entry in order]
        for number, task in enumerate(concurrent.futures.as_completed(tasks), 1):
            name, findings, seconds, was_kept = task.result()
            fresh += not was_kept
            bad += bool(findings)
            if findings:
                print(findings, flush=True)
            if not was_kept:
                print(f"[{number}/{len(tasks)}] {name} {seconds:.0f} s", file=sys.stderr, flush=True)
    print(f"clang-tidy: {len(entries)} files, {fresh} read anew, {bad} with findings", file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
