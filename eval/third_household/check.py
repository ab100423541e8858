#!/usr/bin/env python3
"""Checks the third household as written on disk and prints its counts.

It reads the outputs with the readers of the second household's check, then tests each question: its facts
stand in the named items, a question marked "two" needs both of them, a replaced value stands in something
older, no accepted form holds a wrong value, and what is said to be absent is absent everywhere. Exit
status 1 on any failure.
"""

import collections
import datetime
import json
import re
import sys

import borrowed
import generate
import questions_source

second = borrowed.load("check")
second.HERE = generate.HERE
plain = second.plain
COUNTS = {"one": 40, "superseded": 20, "two": 15}


def stands(form, text):
    """A form counts as a whole: no letter or digit touches it, and it is not a piece of a longer number."""
    return re.search(r"(?<!\w)(?<!\d[.,:])" + re.escape(plain(form)) + r"(?!\w)(?![.,:]\d)", text) is not None


def main():
    items, bodies, dates, in_maildir, mails, defects, events, cards, documents = second.load()
    failures = []

    def need(truth, text):
        if not truth:
            failures.append(text)

    distinct = {re.sub(r"[\d\W_]+", " ", plain(body)) for body in bodies}
    sources = generate.load_mails()
    by_hand = sum(mail["template"] is None for mail in sources)
    languages = collections.Counter(generate.people.IDENTITIES[mail["fields"]["from"]][3] for mail in sources)
    print(f"mails {mails} (maildir {in_maildir}, mbox {mails - in_maildir}), "
          f"{min(dates.values()):%Y-%m-%d} to {max(dates.values()):%Y-%m-%d}, distinct bodies {len(distinct)}, "
          f"by hand {by_hand}, languages {dict(languages)}, defective {defects}")
    print(f"events {dict(events)}, contacts {cards}, documents {len(documents)} "
          f"{dict(collections.Counter(path.suffix for path in documents))}")
    need(mails == len(sources) >= 130, "number of mails")
    need(by_hand >= 100 and len(distinct) >= 100, "too few distinct bodies")
    need(len(documents) >= 30, "number of documents")
    need(not defects, "the mail parser finds defects")
    household = json.loads((generate.HERE / "household.json").read_text(encoding="utf-8"))
    now = datetime.datetime.fromisoformat(household["now"])
    need(all(date < now for date in dates.values()), "a mail from the future")
    for name in [household["maildir"], household["mbox"], household["documents"], *household["calendars"], *household["contacts"]]:
        need((generate.HERE / name).exists(), f"household.json names {name}")

    by_key = {mail["key"]: mail for mail in sources}
    collected = questions_source.collect(lambda key: generate.second.message_id(by_key[key]), generate.second.contact_uid)
    questions = json.loads((generate.HERE / "questions.json").read_text(encoding="utf-8"))
    need(questions == [entry for entry, _ in collected], "questions.json is not what questions_source.py says")
    flat = {key: plain(text) for key, text in items.items()}
    answerable = [q for q in questions if q["answerable"]]
    tally = dict(collections.Counter(q["needs"] for q in answerable))
    spoken = collections.Counter(q["language"] for q in questions)
    need(len(questions) == 100 and len(answerable) == 75 and tally == COUNTS, f"number of questions {tally}")
    need(len({q["question"] for q in questions}) == 100, "a question stands twice")
    need(spoken["en"] == spoken["es"], f"questions by language {dict(spoken)}")

    for q, absent in collected:
        label, named = q["id"], [item["external_id"] for item in q["items"]]
        need(all(name in flat for name in named), f"{label}: unknown item")
        if not q["answerable"]:
            need(absent and not named and not q["facts"], f"{label}: has items or no absence test")
            for pattern in absent:
                for key, text in flat.items():
                    found = re.search(pattern, text)
                    need(not found, f"{label}: '{found and found.group(0)}' stands in {key}")
            continue
        need(named, f"{label}: no items")
        holders = []
        for forms in q.get("stated") or [fact["any_of"] for fact in q["facts"]]:
            holders.append({name for name in named if any(stands(form, flat[name]) for form in forms)})
            need(holders[-1], f"{label}: no item says {forms[:3]}")
        whole = set(named).intersection(*holders)
        need(q["needs"] != "two" or (len(named) == 2 and not whole), f"{label}: {whole} answers it alone")
        old = q.get("superseded_values", [])
        for fact in q["facts"]:
            for form in fact["any_of"]:
                for value in [*old, *q["contradicting"]]:
                    need(not stands(value, plain(form)), f"{label}: accepted '{form}' holds the wrong '{value}'")
        if q["needs"] == "superseded":
            need(old, f"{label}: no replaced value")
            newest = max((dates[name] for name in named if name in dates), default=now)
            need(any(stands(value, text) for value in old for key, text in flat.items()
                     if key not in dates or dates[key] < newest), f"{label}: nothing older holds the replaced value")
    # The computed time of the call, from what the calendar says.
    there = generate.moment("2026-11-11T14:30", "IE")
    need(f"{there.astimezone(generate.BOGOTA):%H:%M}" == "09:30", "the call with Priti: time in Bogotá")
    print(f"questions {len(questions)}, answerable {len(answerable)}, needs {tally}, languages {dict(spoken)}")
    for failure in failures:
        print("FAIL", failure)
    print("ok" if not failures else f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
