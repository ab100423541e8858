#!/usr/bin/env python3
"""Writes the development household: mail, calendars, contacts, documents, household.json, questions.json.

The texts are written by hand in source/*.txt; the writers of the second household dress them as files,
with a fixed seed, so the same tree comes out byte for byte each time. Run it in place:

    python3 generate.py
"""

import datetime
import pathlib
import random
import shutil

import borrowed
import people
import questions_source

HERE = pathlib.Path(__file__).resolve().parent
SEED = 51826
NOW = "2026-05-18T09:15:00+02:00"
ZONE = "Europe/Madrid"

second = borrowed.load("generate")
second.HERE, second.SEED = HERE, SEED
second.ZONES.update({
    "Europe/London": ("BST", "+0100", "GMT", "+0000", "010000", "020000"),
    "Europe/Lisbon": ("WEST", "+0100", "WET", "+0000", "010000", "020000"),
})
load_mails, moment = second.load_mails, second.moment


def calendar(name, events):
    raw = second.calendar(name, events)
    return raw.replace(b"Segundo hogar", b"Tercer hogar").replace(b"DTSTAMP:20260901", b"DTSTAMP:20260510")


def main():
    for name in ("maildir", "calendars", "documents"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    chance = random.Random(SEED)
    documents = {key: body for _, key, _, body in second.read_blocks(HERE / "source" / "documents.txt")}
    for name, text in documents.items():
        if not name.startswith("att/"):
            second.write(HERE / "documents" / name, second.render_document(name, text))

    mails = load_mails()
    by_key = {mail["key"]: mail for mail in mails}
    assert len(by_key) == len(mails), "two mails with one key"
    for folder in ("cur", "new", "tmp"):
        # git keeps no empty folders; Maildir readers skip names that start with a dot.
        second.write(HERE / "maildir" / folder / ".gitkeep", b"")
    mbox, answered = b"", {mail["fields"].get("re") for mail in mails}
    fresh = datetime.datetime.fromisoformat(NOW) - datetime.timedelta(days=3)
    for number, mail in enumerate(mails):
        raw = second.build(mail, by_key, documents, chance)
        sender, when = mail["fields"]["from"], mail["when"]
        if second.is_work(mail):
            stamp = when.astimezone(datetime.timezone.utc)
            mbox += (f"From {people.IDENTITIES[sender][1]} {second.WEEKDAYS[stamp.weekday()]} "
                     f"{second.MONTHS[stamp.month - 1]} {stamp.day:2d} {stamp:%H:%M:%S} {stamp.year}\n"
                     ).encode() + second.quote_mbox(raw).rstrip(b"\n") + b"\n\n"
            continue
        name = f"{int(when.timestamp())}.M{number:06d}P{SEED}.hogar"
        if when >= fresh and sender != "me":
            second.write(HERE / "maildir" / "new" / name, raw)
        else:
            flags = ("R" if mail["key"] in answered else "") + ("S" if sender == "me" or chance.random() < 0.85 else "")
            second.write(HERE / "maildir" / "cur" / f"{name}:2,{flags}", raw)
    second.write(HERE / "work.mbox", mbox)

    second.write(HERE / "calendars" / "familia.ics", calendar("Familia", people.FAMILY_EVENTS))
    second.write(HERE / "calendars" / "estudio.ics", calendar("Estudio", people.WORK_EVENTS))
    second.write(HERE / "contacts.vcf", second.contacts())
    second.write_json("household.json", {
        "name": "Haldane Climent, Carrer del Timó",
        "owner": {"name": "Rowena Haldane",
                  "addresses": [people.IDENTITIES["me"][1], people.IDENTITIES["mew"][1]]},
        "now": NOW, "zone": ZONE, "languages": ["en", "es"],
        "maildir": "maildir", "mbox": "work.mbox",
        "calendars": ["calendars/familia.ics", "calendars/estudio.ics"],
        "contacts": ["contacts.vcf"], "documents": "documents",
    })
    second.write_json("questions.json", questions_source.questions(
        lambda key: second.message_id(by_key[key]), second.contact_uid))


if __name__ == "__main__":
    main()
