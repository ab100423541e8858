#!/usr/bin/env python3
"""How well `lar triage` and `lar brief` judge a labelled mailbox, with the real models: prints the figures of mail_figures.py.

    eval/mail.py [--folder eval/held_mailbox] [--no-model] [--errors] [--out FOLDER]

The folder holds mailbox.mbox, labels.json, owner.json and briefing.json. Every model answer is kept in the cache by the hash of
(model, engine, request): a run that was stopped goes on where it was, and one that changes nothing costs nothing.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

repository = pathlib.Path(__file__).resolve().parent.parent
cache = pathlib.Path(os.environ.get("LAR_CACHE", pathlib.Path.home() / ".cache" / "lar")) / "answers"


def lar(command, folder, owner, more, out):
    words = [str(repository / "build" / "lar"), command, "--mbox", str(folder / "mailbox.mbox"), "--json", *more]
    for address in owner["me"]:
        words += ["--me", address]
    with open(out, "w", encoding="utf-8") as file:
        done = subprocess.run(words, stdout=file)
    if done.returncode != 0:
        sys.exit(f"lar {command}: exit status {done.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, default=repository / "eval" / "held_mailbox")
    parser.add_argument("--no-model", action="store_true")
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, default=repository / "build" / "eval")
    parser.add_argument("--figures", type=pathlib.Path, default=repository / "eval" / "mail_figures.py")
    options = parser.parse_args()
    for needed in (options.folder / "owner.json", options.figures):
        if not needed.exists():
            sys.exit(f"{needed} is not there: nothing to measure")
    owner = json.loads((options.folder / "owner.json").read_text(encoding="utf-8"))
    how = ["--no-model"] if options.no_model else ["--answer-cache", str(cache)]
    if "now" not in owner:
        sys.exit("owner.json has no now")
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.time()
    triage = options.out / f"{options.folder.name}.triage.jsonl"
    lar("triage", options.folder, owner, [*how, "--now", owner["now"]], triage)
    mails = sum(1 for _ in open(triage, encoding="utf-8"))
    print(f"{mails} mails triaged in {time.time() - started:.0f} s ({(time.time() - started) / max(1, mails):.2f} s a mail)", flush=True)
    briefs = []
    expected = options.folder / "briefing.json"
    if expected.exists():
        moments = json.loads(expected.read_text(encoding="utf-8"))
        moments = moments.get("briefings", moments.get("moments", [])) if isinstance(moments, dict) else moments
        for number, moment in enumerate(moments):
            briefs.append(options.out / f"{options.folder.name}.brief.{number}.json")
            lar("brief", options.folder, owner, [*how, "--now", moment["now"]], briefs[-1])
    words = [sys.executable, str(options.figures), str(options.folder), "--triage", str(triage)]
    if briefs:
        words += ["--brief", *map(str, briefs)]
    if options.errors:
        words.append("--errors")
    sys.exit(subprocess.run(words).returncode)


if __name__ == "__main__":
    main()
