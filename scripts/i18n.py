#!/usr/bin/env python3
"""Adds or checks the sentences of i18n/en.json and i18n/es.json.

    scripts/i18n.py add CODE ENGLISH SPANISH   adds or replaces one sentence in both files
    scripts/i18n.py check                      both files hold the same codes and places

The files are flat objects, sorted by code; places for parameters are written {name}.
"""
import fcntl
import json
import pathlib
import re
import sys

folder = pathlib.Path(__file__).resolve().parent.parent / "i18n"


def load(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def places(sentence):
    return sorted(set(re.findall(r"\{(\w+)\}", sentence)))


def add(code, english, spanish):
    if places(english) != places(spanish):
        sys.exit(f"{code}: the two sentences have different places: {places(english)} {places(spanish)}")
    folder.mkdir(exist_ok=True)
    with open(pathlib.Path(__file__)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, sentence in (("en.json", english), ("es.json", spanish)):
            table = load(folder / name)
            table[code] = sentence
            text = json.dumps(dict(sorted(table.items())), ensure_ascii=False, indent=2) + "\n"
            temporary = folder / (name + ".new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(folder / name)


def check():
    english, spanish = load(folder / "en.json"), load(folder / "es.json")
    wrong = [f"only in one language: {code}" for code in sorted(english.keys() ^ spanish.keys())]
    wrong += [
        f"different places: {code}"
        for code in sorted(english.keys() & spanish.keys())
        if places(english[code]) != places(spanish[code])
    ]
    source = folder.parent
    used = set()
    for path in list(source.glob("src/**/*.cc")) + list(source.glob("apps/**/*.cc")):
        if path.name.endswith("_test.cc"):
            continue
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'fail\(\s*(?:base::)?ErrorKind::\w+,\s*"([^"]+)"', text))
        used |= set(re.findall(r'\bmessage\(\s*"([a-z_.0-9]+)"', text))
    wrong += [f"used in the code, without a sentence: {code}" for code in sorted(used - english.keys())]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(english)} sentences in two languages, {len(wrong)} faults")
    sys.exit(1 if wrong else 0)


if len(sys.argv) == 5 and sys.argv[1] == "add":
    add(*sys.argv[2:])
elif sys.argv[1:] == ["check"]:
    check()
else:
    sys.exit(__doc__)
