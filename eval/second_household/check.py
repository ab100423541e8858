#!/usr/bin/env python3
"""Checks the second household as written on disk and prints its counts.

It reads the outputs (not the sources) with the mail parser of the standard library and small readers
of its own, then tests each question: its facts stand in the named items, a question marked "two" needs
both of them, replaced values exist and are older, no value in the tree contradicts the answer where a
probe can see it, and what is said to be absent is absent everywhere. Exit status 1 on any failure.
"""

import collections
import datetime
import email
import email.policy
import html
import io
import json
import mailbox
import pathlib
import re
import sys
import unicodedata
import zipfile
import zlib

sys.dont_write_bytecode = True
import generate

HERE = pathlib.Path(__file__).resolve().parent

# Questions whose answer is computed from the item: what the item itself must say.
DERIVED = {
    "h2-17": [["DTSTART;TZID=Europe/Madrid:20261022T193000"]],
    "h2-36": [["DTSTART;TZID=America/Mexico_City:20260924T090000"]],
    "h2-37": [["RRULE:FREQ=MONTHLY;BYDAY=2TU"]],
    "h2-05": [["two adrenaline pens"], ["17 November 2026"]],
    "h2-18": [["Tuesday and Friday"], ["9 to 13"]],
    "h2-09": [["third by half a length"]],
    "h2-12": [["1 parte de almidón de trigo 5 partes"]],
    "h2-06": [["sube a 75"], ["crema de 120"]],
    "h2-39": [["915 0158"]],
}

# id: (pattern that finds every statement of the value in unquoted text, number of items allowed to match).
# A new item that talks of the same value changes the number and so fails the check.
PROBES = {
    "h2-01": (r"lower brace", 2), "h2-02": (r"refunded €|refund issued", 1),
    "h2-03": (r"air to water heat pump|start with ye on", 2), "h2-04": (r"rent (would be|went through)|€545|€520 a month", 4),
    "h2-05": (r"adrenaline pen", 2), "h2-06": (r"tirada|crema 120|crema de 120", 3), "h2-07": (r"regreso oaxaca", 2),
    "h2-08": (r"izquierdo", 2), "h2-09": (r"carraroe", 3), "h2-10": (r"flood from river", 1), "h2-11": (r"chilhuacle", 2),
    "h2-12": (r"papel japones", 1), "h2-14": (r"951 555 0187", 1), "h2-16": (r"heuston", 1), "h2-19": (r"a lesson", 1),
    "h2-20": (r"total due|income tax return 2024", 3), "h2-21": (r"rental", 2), "h2-22": (r"968.12|monthly repayment", 1),
    "h2-23": (r"31,400|38,500|29,000", 2), "h2-24": (r"2,785|2,340", 2), "h2-25": (r"spare key", 2),
    "h2-26": (r"oxblood", 5), "h2-27": (r"outward rosslare", 2), "h2-28": (r"412 m|412 metros|cuatrocientos cincuenta metros", 3),
    "h2-29": (r"de noviembre", 3), "h2-30": (r"maruja", 1), "h2-31": (r"165 a week", 1), "h2-32": (r"gabapentin|meloxicam", 2),
    "h2-33": (r"stand 14|stand 22b", 2), "h2-34": (r"oranmore", 2), "h2-35": (r"parent-teacher", 2), "h2-40": (r"h91", 1),
    "h2-41": (r"break", None), "h2-42": (r"31\.4", 1), "h2-43": (r"four times the height", 1),
    "h2-44": (r"driving test", 2), "h2-45": (r"wetsuit", 3),
}

# id: patterns that no item may match (the missing attribute, near the thing it belongs to).
ABSENT = {
    "h2-46": [r"ilse.{0,60}(birthday|cumplea|born|nacio|bday)", r"(birthday|cumple).{0,60}ilse"],
    "h2-47": [r"\boars\b.{0,120}(€|euro|cost|price|paid)", r"(€|euro|cost|price|paid).{0,40}\boars\b"],
    "h2-48": [r"(surgeon|cirujan[oa])\W+(mr|ms|dr|is|was|se llama|[a-z]+ [a-z]+ operated)\b", r"(mr|ms|dr)\.? [a-z]+,? (the )?surgeon"],
    "h2-49": [r"\bdog\b.{0,40}(called|named|name is)", r"(called|named)\b.{0,40}\bdog\b"],
    "h2-50": [r"matematicas.{0,60}(nota|puntos|saco|h\d)", r"(maths|mathematics).{0,60}(points|grade|\bh[1-8]\b)"],
    "h2-51": [r"antifonario.{0,80}(pesa|kg)", r"antiphon.{0,80}(weigh|kg|kilo)"],
    "h2-52": [r"(matricula|placas)\b", r"begona.{0,120}\b\d{4} ?[bcdfghjklmnprstvwxyz]{3}\b"],
    "h2-53": [r"(tlayuda|hound|greyhound|perra|galga).{0,80}(premium|prima|policy|poliza)", r"pet insurance"],
    "h2-54": [r"(flight|vuelo).{0,60}(shannon|grainne)", r"(shannon|grainne).{0,60}(flight|vuelo)", r"\b(ei|aa|dl|ua) ?\d{2,4}\b"],
    "h2-55": [r"\d+ ?%.{0,40}(whiskey|cask|abv|vol)", r"\babv\b", r"cask strength", r"\bproof\b"],
    "h2-56": [r"(hohner|castagnari|saltarelle|paolo soprani|brand of|la marca|marca del)"],
    "h2-57": [r"grandson.{0,30}(called|named|name is)", r"furey.{0,80}grandson [a-z]+ (furey|and)"],
    "h2-58": [r"geraghty.{0,120}€", r"(consult|consulta).{0,50}(€|euros)"],
    "h2-59": [r"\balarm(a)?\b"],
    "h2-60": [r"(salitre|leopoldo).{0,200}(garamond|bodoni|caslon|tipografia|typeface|letra de plomo)"],
}


def plain(text):
    """Lower case, no accents, single spaces: how forms are compared."""
    text = unicodedata.normalize("NFKD", text)
    text = "".join(character for character in text if not unicodedata.combining(character))
    return re.sub(r"\s+", " ", text).lower()


def strip_html(text):
    text = re.sub(r"(?s)<(style|title)>.*?</\1>", " ", text)
    return html.unescape(re.sub(r"<[^>]*>", " ", text))


def pdf_text(raw):
    out = []
    for extra, stream in re.findall(rb"/Length \d+([^>]*)>>\nstream\n(.*?)\nendstream", raw, re.S):
        if b"Flate" in extra:
            stream = zlib.decompress(stream)
        for piece in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", stream):
            out.append(re.sub(rb"\\(.)", rb"\1", piece).decode("cp1252"))
    return "\n".join(out)


def docx_text(raw):
    xml = zipfile.ZipFile(io.BytesIO(raw)).read("word/document.xml").decode("utf-8")
    return html.unescape(re.sub(r"<[^>]*>", "", xml.replace("</w:p>", "\n")))


def file_text(name, raw):
    ending = name.rsplit(".", 1)[-1]
    if ending == "pdf":
        return pdf_text(raw)
    if ending == "docx":
        return docx_text(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("iso-8859-1")
    if ending == "html":
        return strip_html(text)
    return re.sub(r"[|]", " ", text) if ending == "md" else text


def part_text(part):
    raw = part.get_payload(decode=True) or b""
    try:
        return raw.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return raw.decode("iso-8859-1")


def mail_texts(message):
    """(own text without quotes and with attachments, body alone) of a mail."""
    body, attached = "", ""
    for part in message.walk():
        if part.is_multipart():
            continue
        if part.get_filename():
            try:
                attached += "\n" + file_text(part.get_filename(), part.get_payload(decode=True) or b"")
            except (zlib.error, zipfile.BadZipFile):
                pass
        elif part.get_content_type() == "text/html":
            body += "\n" + strip_html(part_text(part))
        else:
            body += "\n" + part_text(part)
    own = "\n".join(line for line in body.split("\n") if not line.startswith(">"))
    return own + attached, own


def unfold(raw):
    return raw.decode("utf-8").replace("\r\n ", "").replace("\r\n", "\n")


def load():
    items, bodies, dates, defects = {}, [], {}, 0
    raws = []
    for path in sorted((HERE / "maildir").rglob("*")):
        if path.is_file() and path.name not in (".gitkeep", "maildirfolder"):
            raws.append(path.read_bytes())
    maildir_count = len(raws)
    for message in mailbox.mbox(HERE / "work.mbox", factory=None):
        raws.append(re.sub(rb"(?m)^>(>*From )", rb"\1", message.as_bytes()))
    seen = set()
    for raw in raws:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        identifier = message["Message-ID"]
        assert identifier and identifier not in seen, f"Message-ID missing or twice: {identifier}"
        seen.add(identifier)
        text, body = mail_texts(message)
        if message.defects or any(part.defects for part in message.walk()):
            defects += 1
        subject = str(email.header.make_header(email.header.decode_header(message["Subject"] or ""))) \
            if str(message["Subject"]).isascii() else ""
        items[identifier] = subject + "\n" + text
        bodies.append(body)
        if message["Date"]:
            dates[identifier] = email.utils.parsedate_to_datetime(message["Date"])
    events = collections.Counter()
    for path in sorted((HERE / "calendars").glob("*.ics")):
        for block in re.findall(r"BEGIN:VEVENT\n(.*?)END:VEVENT", unfold(path.read_bytes()), re.S):
            uid = re.search(r"UID:(.*)", block).group(1)
            stamps = re.sub(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)00Z?", r"\1-\2-\3 \4:\5", block)
            items[uid] = items.get(uid, "") + block + "\n" + stamps
            events[path.name] += 1
    cards = re.findall(r"BEGIN:VCARD\n(.*?)END:VCARD", unfold((HERE / "contacts.vcf").read_bytes()), re.S)
    for card in cards:
        items[re.search(r"UID:(.*)", card).group(1)] = card + re.sub(r"(\d)-(?=\d)", r"\1 ", card)
    documents = [path for path in sorted((HERE / "documents").rglob("*")) if path.is_file()]
    for path in documents:
        items[str(path.relative_to(HERE / "documents"))] = file_text(path.name, path.read_bytes())
    return items, bodies, dates, maildir_count, len(raws), defects, events, len(cards), documents


def main():
    items, bodies, dates, in_maildir, mails, defects, events, cards, documents = load()
    failures = []

    def need(truth, text):
        if not truth:
            failures.append(text)

    templates = collections.Counter(mail["template"] for mail in generate.load_mails() if mail["template"])
    normal = {re.sub(r"[\d\W_]+", " ", plain(body)) for body in bodies}
    by_hand = {re.sub(r"[\d\W_]+", " ", plain(mail["body"])) for mail in generate.load_mails() if not mail["template"]}
    print(f"mails {mails} (maildir {in_maildir}, mbox {mails - in_maildir}), {min(dates.values()):%Y-%m-%d} to {max(dates.values()):%Y-%m-%d}")
    print(f"distinct normalised bodies {len(normal)}, of them written by hand {len(by_hand)}")
    print(f"templates {len(templates)}, largest use {max(templates.values())}; mails the parser finds defective {defects}")
    print(f"events {dict(events)}, contacts {cards}, documents {len(documents)} "
          f"{dict(collections.Counter(path.suffix for path in documents))}")
    need(250 <= mails <= 320, "number of mails")
    need(len(by_hand) >= 120, "too few bodies by hand")
    need(max(templates.values()) <= 5, "a template is used more than five times")

    household = json.loads((HERE / "household.json").read_text(encoding="utf-8"))
    now = datetime.datetime.fromisoformat(household["now"])
    need(all(date < now for date in dates.values()), "a mail from the future")
    for name in [household["maildir"], household["mbox"], household["documents"], *household["calendars"], *household["contacts"]]:
        need((HERE / name).exists(), f"household.json names {name}")

    questions = json.loads((HERE / "questions.json").read_text(encoding="utf-8"))
    flat = {key: plain(text) for key, text in items.items()}
    need(len(questions) == 60 and sum(q["answerable"] for q in questions) == 45, "number of questions")
    for q in questions:
        label = q["id"]
        named = [item["external_id"] for item in q["items"]]
        need(all(name in flat for name in named), f"{label}: unknown item")
        if not q["answerable"]:
            need(not q["facts"] and not named and label in ABSENT, f"{label}: not answerable, yet has facts or no absence test")
            for pattern in ABSENT.get(label, []):
                for key, text in flat.items():
                    found = re.search(pattern, text)
                    need(not found, f"{label}: '{found and found.group(0)}' stands in {key}")
            continue
        need(named, f"{label}: no items")
        together = " ".join(flat[name] for name in named)
        evidence = DERIVED.get(label) or [fact["any_of"] for fact in q["facts"]]
        holders = []
        for forms in evidence:
            holding = {name for name in named if any(plain(form) in flat[name] for form in forms)}
            need(holding, f"{label}: no item says {forms[:3]}")
            holders.append(holding)
        if q["needs"] == "two":
            need(len(named) == 2, f"{label}: two items expected")
            whole = [name for name in named if all(name in holding for holding in holders)]
            need(label == "h2-39" or not whole, f"{label}: {whole} answers it alone")
        accepted = [plain(form) for fact in q["facts"] for form in fact["any_of"]]
        for wrong in q["contradicting"]:
            need(not any(plain(wrong) in form for form in accepted), f"{label}: '{wrong}' lies in an accepted form")
        for old in q.get("superseded_values", []):
            need(not any(plain(old) == form for form in accepted), f"{label}: old value '{old}' is accepted")
        if q["needs"] == "superseded":
            newest = max((dates[name] for name in named if name in dates), default=now)
            older = [key for key, text in flat.items() if (key not in dates or dates[key] < newest)
                     and any(plain(old) in text for old in q.get("superseded_values", []))]
            need(older, f"{label}: no older item holds the replaced value")
        if label in PROBES and PROBES[label][1] is not None:
            pattern, expected = PROBES[label]
            matching = [key for key, text in flat.items() if re.search(pattern, text)]
            need(len(matching) == expected, f"{label}: {len(matching)} items match /{pattern}/, {expected} expected: {matching}")
        for wrong in q["contradicting"]:
            if q["needs"] == "one" and len(wrong) > 4:
                need(plain(wrong) not in together or label == "h2-12", f"{label}: the item itself says '{wrong}'")
    print(f"questions {len(questions)}, answerable {sum(q['answerable'] for q in questions)}, "
          f"needs {dict(collections.Counter(q['needs'] for q in questions if q['answerable']))}, "
          f"languages {dict(collections.Counter(q['language'] for q in questions))}")
    # The computed answers, worked out from what the calendars say.
    tuesdays = [day for day in range(now.day, now.day + 30)
                if (now + datetime.timedelta(days=day - now.day)).weekday() == 1]
    dates_of = [(now + datetime.timedelta(days=day - now.day)).date() for day in tuesdays]
    need([day for day in dates_of if 8 <= day.day <= 14] == [datetime.date(2026, 10, 13)], "h2-37: next second Tuesday")
    for uid, zone, wanted in (("convent-call-sep@taller", "MX", "16:00"), ("salitre-madrid@taller", "ES", "18:30")):
        there = re.search(r"DTSTART;TZID=\S+:(\d{8}T\d{6})", items[uid]).group(1)
        instant = generate.moment(datetime.datetime.strptime(there, "%Y%m%dT%H%M%S").isoformat(), zone)
        here = generate.moment(instant.replace(tzinfo=None).isoformat(), "IE")
        local = instant.astimezone(here.tzinfo)
        need(f"{local:%H:%M}" == wanted, f"{uid}: {local:%H:%M} here, {wanted} expected")
    for failure in failures:
        print("FAIL", failure)
    print("ok" if not failures else f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
