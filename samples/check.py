#!/usr/bin/env python3
"""Checks the written household: counts, distinct bodies, dates, and the evidence of every question.

It reads the generated files back with the standard library, apart from the code that wrote them.
Exit status 1 when something does not hold.

    python3 samples/check.py
"""

import collections
import datetime as dt
import email
import email.header
import email.policy
import html
import io
import json
import mailbox
import pathlib
import re
import sys
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
HOME = HERE / "household"
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "eval")]
from run import contains  # noqa: E402  what counts as an answer's fact is the evaluation's rule
from source import contacts as contact_source  # noqa: E402

DAYS = {"lunes": 0, "martes": 1, "miércoles": 2, "jueves": 3, "viernes": 4, "sábado": 5, "domingo": 6,
        "monday": 0, "tuesday": 1, "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5, "sunday": 6}
MONTHS = {name: number for names in (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "january february march april may june july august september october november december")
    for number, name in enumerate(names.split(), 1)}
problems = []


def problem(text):
    problems.append(text)


def decode_part(part):
    data = part.get_payload(decode=True) or b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return data.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return data.decode("latin-1")


def strip_html(text):
    text = re.sub(r"(?is)<(style|script)\b.*?</\1>|<!--.*?-->|<div style=\"display:none.*?</div>", " ", text)
    text = re.sub(r"(?i)<br\s*/?>|</(p|div|tr|td|h\d)>", "\n", text)
    return html.unescape(re.sub(r"<[^>]+>", "", text))


def pdf_text(data):
    out = []
    for stream in re.findall(rb"stream\n(.*?)\nendstream", data, re.S):
        if stream[:2] == b"\x78\x01":
            stream = zlib.decompress(stream)
        for literal in re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", stream):
            literal = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m.group(1), 8)]), literal)
            literal = re.sub(rb"\\(.)", rb"\1", literal)
            out.append(literal.decode("cp1252"))
    return " ".join(out)


def docx_text(path_or_file):
    with zipfile.ZipFile(path_or_file) as archive:
        if archive.testzip():
            problem("%s: bad zip" % path_or_file)
        document = archive.read("word/document.xml").decode()
    return html.unescape(re.sub(r"<[^>]+>", "", document.replace("</w:p>", "\n")))


def body_and_attachments(message):
    texts, attached = [], []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.get_filename():
            data = part.get_payload(decode=True) or b""
            if kind == "application/pdf":
                attached.append(pdf_text(data))
            elif kind.endswith("wordprocessingml.document"):
                attached.append(docx_text(io.BytesIO(data)))
            else:
                attached.append(data.decode("utf-8", "replace"))
        elif kind == "text/plain":
            texts.insert(0, decode_part(part))
        elif kind == "text/html":
            texts.append(strip_html(decode_part(part)))
    return (texts[0] if texts else ""), attached


def unfold_own_text(body):
    """The body without quotation and signature."""
    body = re.split(r"(?m)^-- ?$", body.replace("\r", ""))[0]
    body = re.split(r"(?m)^(El \w+, .*escribió:|On \w+, .*wrote:)", body)[0]
    return "\n".join(line for line in body.split("\n") if not line.startswith(">"))


NAMES = set()
for card in contact_source.cards():
    NAMES.update(word.lower() for word in card[1].split() if len(word) > 2)
NAMES.update(["clara", "aldana", "ferrer", "whitfield", "leo", "nora"])


def normalised(text):
    words = re.findall(r"[a-záéíóúüñç0-9]+", text.lower())
    return " ".join("#" if any(c.isdigit() for c in word) else "@" if word in NAMES or word in MONTHS else word
                    for word in words)


def check_weekdays(name, text, sent):
    """"martes 26 de mayo" must be a Tuesday, in the year told or the one nearest to the mail."""
    spanish = r"(?i)\b(lunes|martes|miércoles|jueves|viernes|sábado|domingo),? (?:día )?(\d{1,2})(?: de (\w+))(?: de (\d{4}))?"
    english = r"(?i)\b(monday|tuesday|wednesday|thursday|friday|saturday|sunday),? (?:the )?(\d{1,2})(?:st|nd|rd|th)?(?: of)? (\w+)(?: (\d{4}))?"
    for pattern in (spanish, english):
        for day_name, day, month, year in re.findall(pattern, text):
            if month.lower() not in MONTHS:
                continue
            candidates = [int(year)] if year else [sent.year - 1, sent.year, sent.year + 1]
            try:
                dates = [dt.date(one, MONTHS[month.lower()], int(day)) for one in candidates]
            except ValueError:
                problem("%s: no such date %s %s %s" % (name, day, month, year))
                continue
            nearest = min(dates, key=lambda date: abs((date - sent).days))
            near = [date for date in dates if year or date == nearest or 0 <= (date - sent).days < 330]
            if all(date.weekday() != DAYS[day_name.lower()] for date in near):
                problem("%s: %s %s %s is not in %d" % (name, day_name, day, month, nearest.year))


def spoken_dates(text):
    """Dates and times of calendars and cards, written out the way facts are."""
    out = []
    for year, month, day, hour, minute in re.findall(r"(?m)^(?:DTSTART|DTEND|BDAY)[^:\n]*:(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d)(\d\d))?", text):
        names = [name for name, number in MONTHS.items() if number == int(month)]
        out.append("%d de %s, %d %s %s, %s" % (int(day), names[0], int(day), names[1], year, hour + ":" + minute if hour else ""))
    return "\n".join(out)


def main():
    items, bodies, mails, broken = {}, [], 0, 0
    folders = {"maildir": HOME / "maildir", ".Archivo": HOME / "maildir/.Archivo", ".Enviados": HOME / "maildir/.Enviados"}
    messages = []
    for label, folder in folders.items():
        for part in ("cur", "new"):
            for path in sorted((folder / part).iterdir()):
                messages.append((label, email.message_from_bytes(path.read_bytes())))
    box = mailbox.mbox(str(HOME / "work.mbox"), create=False)
    for key in box.keys():
        data = re.sub(rb"(?m)^>(>*From )", rb"\1", box.get_bytes(key))
        messages.append(("work.mbox", email.message_from_bytes(data)))
    per_folder = collections.Counter(label for label, _ in messages)
    subjects = {}
    for label, message in messages:
        mails += 1
        body, attached = body_and_attachments(message)
        identifier = (message.get("Message-ID") or "").strip().strip("<>")
        try:
            when = email.utils.parsedate_to_datetime(message["Date"]).date()
        except (TypeError, ValueError):
            when, broken = None, broken + 1
        subject = str(email.header.make_header(email.header.decode_header(str(message.get("Subject", "")))))
        sender = str(email.header.make_header(email.header.decode_header(str(message.get("From", "")))))
        own = unfold_own_text(body)
        bodies.append((normalised(own), subject))
        if when:
            check_weekdays("mail %r" % subject, " ".join((subject + " " + own).split()), when)
        if identifier:
            if identifier in items:
                problem("Message-ID twice: " + identifier)
            items[identifier] = " ".join((sender + "\n" + subject + "\n" + body + "\n" + "\n".join(attached)).split())
            subjects[identifier] = subject
        else:
            broken += 1

    for name in sorted((HOME / "calendars").glob("*.ics")):
        text = name.read_text("utf-8").replace("\r\n ", "").replace("\r\n", "\n")
        for event in re.findall(r"BEGIN:VEVENT\n(.*?)END:VEVENT", text, re.S):
            identifier = re.search(r"UID:(.*)", event).group(1)
            items[identifier] = items.get(identifier, "") + "\n" + event.replace("\\,", ",") + spoken_dates(event)
    cards = (HOME / "contacts.vcf").read_bytes().decode("utf-8").replace("\r\n ", "").replace("\r\n", "\n")
    card_count = 0
    for card in re.findall(r"BEGIN:VCARD\n(.*?)END:VCARD", cards, re.S):
        card_count += 1
        items[re.search(r"UID:(.*)", card).group(1)] = card.replace("\\,", ",") + spoken_dates(card)
    documents = collections.Counter()
    for path in sorted((HOME / "documents").rglob("*")):
        if not path.is_file():
            continue
        documents[path.suffix] += 1
        data = path.read_bytes()
        if path.suffix == ".pdf":
            text = pdf_text(data)
        elif path.suffix == ".docx":
            text = docx_text(path)
        else:
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                text = data.decode("cp1252")
            if path.suffix == ".html":
                text = strip_html(text)
        name = str(path.relative_to(HOME / "documents"))
        items[name] = " ".join(text.split())
        check_weekdays(name, items[name], dt.date(2026, 5, 1))

    counted = collections.Counter(body for body, _ in bodies)
    # Texts that differ in a word or two count as one template: compare five-word shingles.
    groups = []
    for body, subject in bodies:
        words = body.split()
        shingles = {tuple(words[i:i + 5]) for i in range(max(1, len(words) - 4))}
        for group in groups:
            union = len(shingles | group[0])
            if union and len(shingles & group[0]) / union >= 0.5:
                group[1].append(subject)
                break
        else:
            groups.append((shingles, [subject]))
    largest = max(groups, key=lambda group: len(group[1]))

    print("mails: %d %s" % (mails, dict(per_folder)))
    print("mails without usable Message-ID or date: %d" % broken)
    print("distinct normalised bodies: %d; distinct after joining near-equal ones: %d" % (len(counted), len(groups)))
    print("largest template: %d uses (%s)" % (len(largest[1]), largest[1][0]))
    print("contacts: %d, documents: %d %s" % (card_count, sum(documents.values()), dict(documents)))
    if len(groups) < 150:
        problem("fewer than 150 distinct bodies")
    if len(largest[1]) > 5:
        problem("a template is used more than 5 times: %s" % largest[1][:3])

    questions = json.loads((HERE / "questions.json").read_text("utf-8"))
    identifiers = [question["id"] for question in questions]
    if len(set(identifiers)) != len(identifiers):
        problem("a question id is used twice")
    kinds = collections.Counter()
    found = 0
    for question in questions:
        name = question["id"]
        evidence = [one["external_id"] for one in question["items"]]
        if question["answerable"] != bool(question["facts"]) or question["answerable"] != bool(evidence):
            problem("%s: facts and items do not fit answerable" % name)
        kinds["answerable" if question["answerable"] else "not answerable", question["language"]] += 1
        if question["answerable"]:
            kinds[question["needs"]] += 1
        missing = [one for one in evidence if one not in items]
        for one in missing:
            problem("%s: no item %s" % (name, one))
        texts = [items[one] for one in evidence if one not in missing]
        complete = 0
        together = "\n".join(texts)
        for fact in question["facts"]:
            forms = fact["any_of"] + fact.get("evidence", [])
            if not any(contains(together, form) for form in forms):
                problem("%s: fact %s is in none of the items" % (name, fact["any_of"][:2]))
            else:
                complete += 1
            if any(contains(question["question"], form) for form in fact["any_of"]):
                problem("%s: the question gives the fact %s away" % (name, fact["any_of"][0]))
        if complete == len(question["facts"]) and question["answerable"] and not missing:
            found += 1
        if question["needs"] != "two":
            for one in evidence:
                if one in items and not all(any(contains(items[one], form) for form in fact["any_of"] + fact.get("evidence", []))
                                            for fact in question["facts"]):
                    print("  note: %s: item %s alone lacks a fact" % (name, subjects.get(one, one)))
    answerable = sum(question["answerable"] for question in questions)
    print("questions: %d, answerable %d, evidence found for %d" % (len(questions), answerable, found))
    print("  " + ", ".join("%s: %d" % (" ".join(kind) if isinstance(kind, tuple) else kind, count)
                           for kind, count in sorted(kinds.items(), key=str)))
    size = sum(path.stat().st_size for path in HOME.rglob("*") if path.is_file())
    print("size: %.1f kB" % (size / 1000))
    for line in problems:
        print("PROBLEM " + line)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
