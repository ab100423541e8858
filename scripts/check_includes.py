#!/usr/bin/env python3
"""Checks that includes go only downwards: each folder of src/ may use itself and those below it.

The order is the design's: base <- domain, os <- net, readers <- store, reading, guard <- engine,
sources <- agent <- flows <- api <- cli. Linking catches most faults; header-only ones it does not.
"""
import pathlib
import re
import sys

below = {
    "base": [],
    "domain": ["base"],
    "os": ["base"],
    "net": ["base", "os"],
    "readers": ["base", "domain"],
    "reading": ["base", "domain", "os"],
    "store": ["base", "domain", "os"],
    "guard": ["base", "domain", "os", "net"],
    "engine": ["base", "os", "net"],
    "sources": ["base", "domain", "os", "net", "reading", "store", "guard"],
    "agent": ["base", "domain", "os", "store", "guard", "engine"],
    "copilot": ["base", "domain", "store", "guard", "engine", "agent"],
    "assistant": ["base", "domain", "os", "reading", "store", "guard", "engine", "sources", "agent"],
    "api": ["base", "domain", "os", "net", "reading", "store", "guard", "engine", "sources", "agent", "copilot",
            "assistant"],
    "cli": ["base", "domain", "os", "net", "api", "assistant"],
}
source = pathlib.Path(__file__).resolve().parent.parent / "src"
faults, files = [], 0
for path in sorted(list(source.rglob("*.h")) + list(source.rglob("*.cc"))):
    folder = path.relative_to(source).parts[0]
    files += 1
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = re.match(r'#include "([a-z_]+)/', line)
        if not found or found.group(1) == folder or not (source / found.group(1)).is_dir():
            continue
        if folder not in below:
            faults.append(f"{path.relative_to(source.parent)}:{number}: folder {folder} is not in the order")
        elif found.group(1) not in below[folder]:
            faults.append(f"{path.relative_to(source.parent)}:{number}: {folder} may not use {found.group(1)}")
for fault in faults:
    print(fault, file=sys.stderr)
print(f"{files} files, {len(faults)} wrong includes")
sys.exit(1 if faults else 0)
