#!/usr/bin/env python3
"""How well a triage and a briefing agree with a labelled mailbox: the figures of docs/measured.md, for any folder of this format.

    lar triage --mbox FOLDER/mailbox.mbox --json > triage.jsonl
    python3 eval/mail_figures.py FOLDER --triage triage.jsonl --brief first.json second.json ...

The folder holds labels.json, owner.json and briefing.json (see eval/held_mailbox/README.md). Briefings are given in the order
of briefing.json. A mail without a line in the triage counts as wrong; lines about mails without a label (the owner's own) are
passed over. --json prints the same for programs, --errors adds what was wrong, by message id and label only.
"""

import argparse
import collections
import datetime
import json
import pathlib
import re
import sys
import unicodedata
from zoneinfo import ZoneInfo

PRIORITIES = ("urgent", "reply", "fyi", "bulk")
ENOUGH, ENOUGH_WITH_DATE = 0.4, 0.25
# Words that say nothing about what is to be done.
EMPTY_WORDS = set("""a al and ante antes are as at be been before by can con cual cuando de del desde do does don el ella en es esta este esto for from
ha han has hasta hay have he her him his how i if in is it its la las le les lo los mas me mi my ni no nos o of on or our para pero please por que
quien se ser she si sin so sobre su sus that the them there they this to tu un una unas uno unos us was we were what whether when which who will
with y ya you your""".split())


def identity(text):
    return str(text or "").strip().strip("<>")


def words(text):
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", str(text or "").lower()) if not unicodedata.combining(letter))
    return sorted({word for word in re.findall(r"[a-z0-9]+", bare) if word not in EMPTY_WORDS})


def same_word(one, other):
    """Equal up to an ending: five letters in common, or the shorter one (of four and more) begins the longer."""
    return one == other or (min(len(one), len(other)) >= 5 and one[:5] == other[:5]) or (
        min(len(one), len(other)) >= 4 and (one.startswith(other) or other.startswith(one)))


def overlap(one, other):
    """Dice's measure over words: 1 for the same, 0 for nothing in common."""
    left, right = words(one), words(other)
    pairs = match(left, right, lambda a, b: 1.0 if same_word(a, b) else 0.0)
    return 2 * len(pairs) / (len(left) + len(right)) if left or right else 0.0


def match(left, right, score):
    """The largest one-to-one pairing of what has a score above zero, better pairs tried first (Kuhn's way)."""
    edges = [sorted((index for index in range(len(right)) if score(one, right[index]) > 0), key=lambda index: -score(one, right[index])) for one in left]
    taken = {}

    def place(at, seen):
        for index in edges[at]:
            if index in seen:
                continue
            seen.add(index)
            if index not in taken or place(taken[index], seen):
                taken[index] = at
                return True
        return False

    for at in range(len(left)):
        place(at, set())
    return [(at, index) for index, at in taken.items()]


class Clock:
    """Reads ISO times into days and minutes of the owner's zone."""

    def __init__(self, zone):
        self.zone = ZoneInfo(zone)

    def day(self, text):
        return self.read(text)[0]

    def read(self, text):
        """(day, time or None); (None, None) if it is no time."""
        text = str(text or "").strip()
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                return datetime.date.fromisoformat(text), None
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            return None, None
        if moment.tzinfo:
            moment = moment.astimezone(self.zone)
        return moment.date(), moment.time().replace(second=0, microsecond=0, tzinfo=None)


def ratio(part, whole):
    return part / whole if whole else None


def f1(found, predicted, labelled):
    return 2 * found / (predicted + labelled) if predicted + labelled else None


def listed(content, *names):
    """A list as such, or under one of these names."""
    if isinstance(content, dict):
        for name in names:
            if name in content:
                return content[name]
        return [{"message_id": key, **value} for key, value in content.items()]
    return content


def triage_figures(labels, answers, clock):
    """labels and answers: lists of objects with message_id. Returns the figures and a list of errors."""
    by_id = {identity(one.get("message_id")): one for one in answers}
    confusion = {label: collections.Counter() for label in PRIORITIES}
    count, errors = collections.Counter(), []
    def judge_items(label, answer, key):
        wanted, found = label.get("action_items", []), answer.get("action_items") or []

        def alike(item, other):
            score = max(overlap(text, other.get("what")) for text in [item["what"], *item.get("also", [])])
            day = clock.day(item.get("due"))
            return score if score >= ENOUGH or (score >= ENOUGH_WITH_DATE and day and day == clock.day(other.get("due"))) else 0.0

        pairs = match(wanted, found, alike)
        count["action items"] += len(wanted)
        count["action items given"] += len(found)
        count["action items right"] += len(pairs)
        for mine, theirs in pairs:
            if clock.day(wanted[mine].get("due")):
                count["dues"] += 1
                count["dues right"] += clock.day(wanted[mine]["due"]) == clock.day(found[theirs].get("due"))
        if len(pairs) < max(len(wanted), len(found)):
            errors.append((key, "action items", f"{len(wanted)} labelled", f"{len(found)} given, {len(pairs)} match"))

    def judge_appointments(label, answer, key):
        wanted, found = label.get("appointments", []), answer.get("appointments") or []

        def same_day(item, other):
            day, time = clock.read(item["start"])
            other_day, other_time = clock.read(other.get("start"))
            return 0.0 if day is None or day != other_day else 1.0 if time == other_time else 0.5

        pairs = match(wanted, found, same_day)
        # Two on one day may be paired either way round; the same size of pairing with most right times is wanted.
        exact = match(wanted, found, lambda item, other: 1.0 if same_day(item, other) == 1.0 else 0.0)
        timed = [at for at, _ in pairs if clock.read(wanted[at]["start"])[1] is not None]
        timed_right = sum(clock.read(wanted[at]["start"])[1] is not None for at, _ in exact)
        for mine, theirs in pairs:
            item, other = wanted[mine], found[theirs]
            count["titles"] += bool(item.get("title"))
            count["titles right"] += bool(item.get("title")) and overlap(item["title"], other.get("title")) >= ENOUGH_WITH_DATE
            count["places"] += bool(item.get("place"))
            count["places right"] += bool(item.get("place")) and overlap(item["place"], other.get("place")) >= ENOUGH
            count["ends"] += bool(item.get("end"))
            count["ends right"] += bool(item.get("end")) and clock.read(item["end"]) == clock.read(other.get("end"))
        count["appointments"] += len(wanted)
        count["appointments given"] += len(found)
        count["appointments right"] += len(pairs)
        count["appointments with a time"] += len(timed)
        count["times right"] += min(timed_right, len(timed))
        if len(pairs) < max(len(wanted), len(found)) or timed_right < len(timed):
            errors.append((key, "appointments", f"{len(wanted)} labelled", f"{len(found)} given, {len(pairs)} on the day, {timed_right} at the time"))

    for label in labels:
        key = identity(label["message_id"])
        answer = by_id.get(key)
        if answer is None:
            count["without a line"] += 1
            answer = {}
        given = answer.get("priority") or "missing"
        if label.get("own"):
            # Of the owner's own mails only what they promise is judged.
            judge_items(label, answer, key)
            judge_appointments(label, answer, key)
            continue
        confusion[label["priority"]][given] += 1
        honest = label["suspicious"] == "none"
        count["honest"] += honest
        count["honest right"] += honest and given == label["priority"]
        if given != label["priority"]:
            errors.append((key, "priority", label["priority"], given))
        personal = answer.get("personal") is True
        count["personal"] += label["personal"]
        count["personal given"] += personal
        count["personal right"] += personal and label["personal"]
        if personal != label["personal"]:
            errors.append((key, "personal", label["personal"], answer.get("personal", "missing")))
        suspicious = answer.get("suspicious") or "none"
        for kind in ("phishing", "spam"):
            count[kind] += label["suspicious"] == kind
            count[kind + " given"] += suspicious == kind
            count[kind + " right"] += suspicious == kind == label["suspicious"]
        count["suspicious found"] += not honest and suspicious != "none"
        count["honest suspected"] += honest and suspicious != "none"
        count["near misses"] += label.get("near_miss", False)
        count["near misses suspected"] += label.get("near_miss", False) and suspicious != "none"
        if suspicious != label["suspicious"]:
            errors.append((key, "suspicious", label["suspicious"], answer.get("suspicious", "missing")))

        judge_items(label, answer, key)
        judge_appointments(label, answer, key)

    right = sum(confusion[label][label] for label in PRIORITIES)
    given_urgent = sum(confusion[label]["urgent"] for label in PRIORITIES)
    figures = {
        "mails": len(labels), "without a line": count["without a line"],
        "urgent recall": ratio(confusion["urgent"]["urgent"], sum(confusion["urgent"].values())),
        "urgent precision": ratio(confusion["urgent"]["urgent"], given_urgent),
        "priority accuracy": ratio(right, len(labels)),
        "priority accuracy without suspicious mails": ratio(count["honest right"], count["honest"]),
        "personal recall": ratio(count["personal right"], count["personal"]),
        "personal precision": ratio(count["personal right"], count["personal given"]),
        "phishing recall": ratio(count["phishing right"], count["phishing"]),
        "phishing precision": ratio(count["phishing right"], count["phishing given"]),
        "spam recall": ratio(count["spam right"], count["spam"]),
        "spam precision": ratio(count["spam right"], count["spam given"]),
        "suspicious mails held suspicious": ratio(count["suspicious found"], count["phishing"] + count["spam"]),
        "honest mails held suspicious": count["honest suspected"],
        "near misses held suspicious": f"{count['near misses suspected']} of {count['near misses']}",
        "action items F1": f1(count["action items right"], count["action items given"], count["action items"]),
        "action items recall": ratio(count["action items right"], count["action items"]),
        "action items precision": ratio(count["action items right"], count["action items given"]),
        "action items found with the right due day": ratio(count["dues right"], count["dues"]),
        "appointments F1": f1(count["appointments right"], count["appointments given"], count["appointments"]),
        "appointments recall": ratio(count["appointments right"], count["appointments"]),
        "appointments precision": ratio(count["appointments right"], count["appointments given"]),
        "appointments found with the right start": ratio(count["times right"], count["appointments with a time"]),
        "appointments found with a title alike": ratio(count["titles right"], count["titles"]),
        "appointments found with the right place": ratio(count["places right"], count["places"]),
        "appointments found with the right end": ratio(count["ends right"], count["ends"]),
        "confusion": {label: dict(confusion[label]) for label in PRIORITIES},
    }
    return figures, errors


def briefing_figures(expected, answers):
    """Both in the same order: points wanted, and what the program said at that moment."""
    wanted, covered, optional, optional_covered, given, known, errors, each = 0, 0, 0, 0, 0, 0, [], []
    for briefing, answer in zip(expected, answers, strict=True):
        points = answer.get("points") or []
        said = {identity(one) for point in points for one in point.get("message_ids") or []}
        named = {identity(one) for point in briefing["points"] for one in point["message_ids"]}
        here = [0, 0]
        for point in briefing["points"]:
            whole = {identity(one) for one in point["message_ids"]} <= said
            if point["must"]:
                here[0] += 1
                here[1] += whole
                if not whole:
                    errors.append((", ".join(sorted(identity(one) for one in point["message_ids"])), "briefing " + briefing["now"], "must", "missing"))
            else:
                optional += 1
                optional_covered += whole
        wanted, covered = wanted + here[0], covered + here[1]
        given += len(points)
        known += sum(any(identity(one) in named for one in point.get("message_ids") or []) for point in points)
        each.append(f"{briefing['now']}: {here[1]} of {here[0]} in {len(points)} points")
    return {"briefing holds of what it must": ratio(covered, wanted), "briefing holds of what it may": ratio(optional_covered, optional),
            "briefing points": given, "briefing points that are on the list": ratio(known, given), "briefings": each}, errors


def read_lines(path):
    """One object a line, or one list."""
    text = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text()
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def show(figures):
    for name, value in figures.items():
        if name == "confusion":
            columns = [*PRIORITIES, *sorted({given for row in value.values() for given in row} - set(PRIORITIES))]
            print("  label \\ given " + "".join(f"{column:>9}" for column in columns))
            for label, row in value.items():
                print(f"  {label:13}" + " " + "".join(f"{row.get(column, 0):9}" for column in columns))
        elif name == "briefings":
            print("\n".join("  " + line for line in value))
        else:
            print(f"{name}: " + (f"{value:.3f}" if isinstance(value, float) else "none to judge" if value is None else str(value)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--triage", help="what lar triage --json printed; - is standard input")
    parser.add_argument("--brief", nargs="+", default=[], help="what lar brief --json printed, one file for each moment of briefing.json")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    if not options.triage and not options.brief:
        parser.error("neither --triage nor --brief: nothing to measure")
    owner = json.loads((options.folder / "owner.json").read_text())
    figures, errors = {}, []
    if options.triage:
        labels = listed(json.loads((options.folder / "labels.json").read_text()), "messages", "labels")
        figures, errors = triage_figures(labels, read_lines(options.triage), Clock(owner["zone"]))
    if options.brief:
        expected = listed(json.loads((options.folder / "briefing.json").read_text()), "briefings", "moments")
        if len(expected) != len(options.brief):
            parser.error(f"briefing.json has {len(expected)} moments, but {len(options.brief)} files were given")
        more, wrong = briefing_figures(expected, [json.loads(pathlib.Path(path).read_text()) for path in options.brief])
        figures, errors = {**figures, **more}, errors + wrong
    if options.json:
        print(json.dumps({**figures, **({"errors": errors} if options.errors else {})}, ensure_ascii=False, indent=1))
        return
    show(figures)
    if options.errors:
        for key, kind, label, given in errors:
            print(f"{kind}: {label} -> {given}  {key}")


if __name__ == "__main__":
    main()
