#!/usr/bin/env python3
"""Checks that every header the sources include comes with a package that setup-packages.sh names.

A machine on which a package happens to be installed hides that the list lacks it; a bare one then
fails in the middle of a build. Headers of the compiler and of libc need no naming.
"""
import pathlib
import re
import subprocess
import sys

repository = pathlib.Path(__file__).resolve().parent.parent
compiler = re.compile(r"libc6-dev|linux-libc-dev|lib(stdc\+\+|gcc)-\d+-dev|libc\+\+.*|libclang.*|clang-.*|gcc-.*")
lists = (repository / "scripts" / "setup-packages.sh").read_text(encoding="utf-8")
named = set(re.search(r"^build=\((.*?)^\)", lists, re.S | re.M).group(1).split())

includes = {}
for folder in ("src", "apps", "tests"):
    for path in sorted((repository / folder).rglob("*")):
        if path.suffix not in (".cc", ".h"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = re.match(r"\s*#\s*include <([^>]+\.(?:h|hpp)|[^>]+/[^>]+)>", line)
            if found:
                includes.setdefault(found.group(1), f"{path.relative_to(repository)}:{number}")
listed = subprocess.run(["dpkg-query", "-S", *("*/" + header for header in includes)],
                        capture_output=True, text=True, check=False).stdout
owners = {header: set() for header in includes}
for line in listed.splitlines():
    packages, _, path = line.partition(": ")
    for header in includes:
        if path.endswith("/" + header):
            owners[header].update(package.strip().split(":")[0] for package in packages.split(","))
faults = []
for header, place in includes.items():
    if not any(package in named or compiler.fullmatch(package) for package in owners[header]):
        come_from = " or ".join(sorted(owners[header])) or "no installed package"
        faults.append(f"{place}: <{header}> comes with {come_from}, which scripts/setup-packages.sh does not name")
for fault in faults:
    print(fault, file=sys.stderr)
print(f"{len(includes)} headers of packages, {len(faults)} not named")
sys.exit(1 if faults else 0)
