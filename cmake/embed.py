"""Writes a C++ file that holds the bytes of files: embed.py NAME BASE OUTPUT FILES…

Each file is listed under its path relative to BASE; see src/base/embedded.h for the reader's side.
"""
import os
import sys

name, base, output, files = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
lines = ['#include "base/embedded.h"', "namespace lar::embedded {", "namespace {"]
entries = []
for number, path in enumerate(sorted(files)):
    with open(path, "rb") as handle:
        data = handle.read()
    rows = []
    for start in range(0, len(data), 4000):
        piece = data[start : start + 4000]
        rows.append('"' + "".join(f"\\{byte:03o}" for byte in piece) + '"')
    lines.append(f"constexpr char bytes_{number}[] =\n" + "\n".join(rows or ['""']) + ";")
    entries.append(f'{{"{os.path.relpath(path, base)}", {{bytes_{number}, {len(data)}}}}}')
lines += [f"constexpr File files[] = {{{', '.join(entries)}}};", "}  // namespace"]
lines += [f"std::span<const File> {name}() {{ return files; }}", "}  // namespace lar::embedded"]
text = "\n".join(lines) + "\n"
with open(output, "w", encoding="ascii") as handle:
    handle.write(text)
