#!/usr/bin/env python3
"""Writes the third household: mail, calendars, contacts, documents, household.json, questions.json.

The texts are written by hand in source/*.txt; the writers of the second household dress them as files,
with a fixed seed, so the same tree comes out byte for byte each time. Run it in place:

    python3 generate.py
"""

import csv
import datetime
import io
import pathlib
import random
import shutil

import borrowed
import people
import questions_source

HERE = pathlib.Path(__file__).resolve().parent
SEED = 38461
NOW = "2026-11-09T07:50:00-05:00"
ZONE = "America/Bogota"
BOGOTA = datetime.timezone(datetime.timedelta(hours=-5))

second = borrowed.load("generate")
second.HERE, second.SEED = HERE, SEED
second.ZONES.update({"Europe/London": ("BST", "+0100", "GMT", "+0000", "010000", "020000")})
european_moment = second.moment


def moment(text, zone):
    """Local wall time; Colombia has no summer time, so its zone needs no rule."""
    if zone == "CO":
        return datetime.datetime.fromisoformat(text).replace(tzinfo=BOGOTA)
    return european_moment(text, zone)


second.moment = moment
load_mails = second.load_mails


def calendar(name, events):
    raw = second.calendar(name, events).replace(b"Segundo hogar", b"Cuarto hogar").replace(b"DTSTAMP:20260901", b"DTSTAMP:20261101")
    zone = ["BEGIN:VTIMEZONE", f"TZID:{ZONE}", "BEGIN:STANDARD", "TZNAME:-05", "TZOFFSETFROM:-0400", "TZOFFSETTO:-0500",
            "DTSTART:19930404T000000", "END:STANDARD", "END:VTIMEZONE"]
    return raw.replace(b"BEGIN:VEVENT", "\r\n".join(zone).encode() + b"\r\nBEGIN:VEVENT", 1)


def render_document(name, text):
    """The bytes of one document; comma separated values (RFC 4180) are the one kind the second household lacks."""
    if not name.endswith(".csv"):
        return second.render_document(name, text)
    out = io.StringIO(newline="")
    for kind, *content in second.blocks_of(text):
        assert kind == "t", f"{name}: a .csv source holds table rows only"
        csv.writer(out).writerows(content[0])
    return out.getvalue().encode("utf-8")


def main():
    for name in ("maildir", "calendars", "documents"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    chance = random.Random(SEED)
    documents = {key: body for _, key, _, body in second.read_blocks(HERE / "source" / "documents.txt")}
    for name, text in documents.items():
        if not name.startswith("att/"):
            second.write(HERE / "documents" / name, render_document(name, text))

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

    second.write(HERE / "calendars" / "casa.ics", calendar("Casa", people.HOME_EVENTS))
    second.write(HERE / "calendars" / "taller.ics", calendar("Taller", people.WORK_EVENTS))
    second.write(HERE / "contacts.vcf", second.contacts())
    second.write_json("household.json", {
        "name": "Pinzón Braithwaite, La Soledad",
        "owner": {"name": "Germán Pinzón",
                  "addresses": [people.IDENTITIES["me"][1], people.IDENTITIES["mew"][1]]},
        "now": NOW, "zone": ZONE, "languages": ["es", "en"],
        "maildir": "maildir", "mbox": "work.mbox",
        "calendars": ["calendars/casa.ics", "calendars/taller.ics"],
        "contacts": ["contacts.vcf"], "documents": "documents",
    })
    second.write_json("questions.json", questions_source.questions(
        lambda key: second.message_id(by_key[key]), second.contact_uid))


if __name__ == "__main__":
    main()
