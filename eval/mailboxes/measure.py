#!/usr/bin/env python3
"""The figures of ../mail_figures.py over the mailboxes of this folder, pooled: what was learnt from (optimistic) and what is kept apart.

    eval/mailboxes/measure.py [--apart] [--use embed] [--errors] [--lar build/lar] [NAME ...]

Of those kept apart (--apart) no errors are shown: nobody tunes on them.
"""
import argparse
import datetime
import json
import pathlib
import subprocess
import sys
from zoneinfo import ZoneInfo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import build  # noqa: E402
import mail_figures  # noqa: E402

root = pathlib.Path(__file__).resolve().parents[2]


def on_the_wall(one, zone):
    """A label or an answer with its times as the owner's clock shows them, so that mailboxes of several zones can be pooled."""
    def local(text):
        if not text or len(text) <= 10:
            return text
        moment = datetime.datetime.fromisoformat(text)
        return moment.astimezone(zone).replace(tzinfo=None).isoformat() if moment.tzinfo else text

    for item in one.get("action_items") or []:
        item["due"] = local(item.get("due"))
    for item in one.get("appointments") or []:
        item["start"], item["end"] = local(item.get("start")), local(item.get("end"))
    return one


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--use", help="roles to use (embed, or embed,chat); without it by code alone")
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--lar", default=str(root / "build" / "lar"))
    parser.add_argument("--answer-cache", default=str(pathlib.Path.home() / ".cache" / "lar" / "answers"))
    options = parser.parse_args()
    out = root / "build" / "eval" / "mailboxes"
    every = sorted(path.stem for path in build.folder.glob("*.txt"))
    names = options.names or [name for name in every if (name in build.apart) == options.apart]
    labels, answers, expected, briefs = [], [], [], []
    for name in names:
        build.build(name, out)
        place = out / name
        owner = json.loads((place / "owner.json").read_text())
        command = ["--mbox", str(place / "mailbox.mbox"), "--json", "--now", owner["now"], "--zone", owner["zone"]]
        for address in owner["me"]:
            command += ["--me", address]
        for role in options.use.split(",") if options.use else []:
            command += ["--use", role]
        command += ["--answer-cache", options.answer_cache] if options.use else ["--no-model"]
        run = lambda what: subprocess.run([options.lar, what, *command], capture_output=True, text=True, check=True).stdout  # noqa: E731, B023
        zone = ZoneInfo(owner["zone"])
        labels += [on_the_wall(label, zone) for label in json.loads((place / "labels.json").read_text())]
        answers += [on_the_wall(json.loads(line), zone) for line in run("triage").splitlines()]
        expected += json.loads((place / "briefing.json").read_text())
        briefs.append(json.loads(run("brief")))
    figures, errors = mail_figures.triage_figures(labels, answers, mail_figures.Clock("Europe/Madrid"))
    more, wrong = mail_figures.briefing_figures(expected, briefs)
    mail_figures.show({**figures, **more})
    if options.errors and not options.apart and not set(names) & set(build.apart):
        for key, kind, label, given in errors + wrong:
            print(f"{kind}: {label} -> {given}  {key}")


if __name__ == "__main__":
    main()
