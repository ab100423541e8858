#!/usr/bin/env python3
"""Writes the second household: mail, calendars, contacts, documents, household.json, questions.json.

The texts are written by hand in source/*.txt; this script only dresses them as files, with a fixed
seed, so the same tree comes out byte for byte each time. Standard library only. Run it in place:

    python3 generate.py

Formats: RFC 5322, 2045-2047 (mail), mboxrd (work.mbox), Maildir++ (maildir), RFC 5545 (calendars),
RFC 2426 and 6350 (contacts), ISO 32000-1 (the PDF writer), ECMA-376 (the docx writer).
"""

import base64
import datetime
import hashlib
import html
import io
import json
import pathlib
import quopri
import random
import shutil
import sys
import textwrap
import zipfile
import zlib

sys.dont_write_bytecode = True  # keeps the tree free of caches

import people
import questions_source

HERE = pathlib.Path(__file__).resolve().parent
SEED = 70213
NOW = "2026-09-21T08:40:00+01:00"
BROKEN_CHARSET = "x-galway-8"

ENCODINGS = {
    "utf8-8bit": ("utf-8", "8bit"),
    "utf8-qp": ("utf-8", "quoted-printable"),
    "utf8-b64": ("utf-8", "base64"),
    "latin1-qp": ("iso-8859-1", "quoted-printable"),
    "latin1-8bit": ("iso-8859-1", "8bit"),
    "latin1-b64": ("iso-8859-1", "base64"),
    "latin9-b64": ("iso-8859-15", "base64"),
    "cp1252-qp": ("windows-1252", "quoted-printable"),
    "cp1252-b64": ("windows-1252", "base64"),
    "ascii7": ("us-ascii", "7bit"),
}
ROTATION = ["utf8-qp", "utf8-8bit", "utf8-b64", "latin1-qp", "utf8-qp", "cp1252-qp", "latin1-8bit", "utf8-8bit"]
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


# ---------------------------------------------------------------- source reading

def read_blocks(path):
    """Yields (marker, name, fields, body) for each '@@' or '%%' block of a source file."""
    block = None
    for line in path.read_text(encoding="utf-8").split("\n") + ["@@ end"]:
        if line.startswith(("@@ ", "%% ")):
            if block:
                yield block[0], block[1], block[2], "\n".join(block[3]).strip("\n")
            block = [line[:2], line[3:].strip(), {}, [], True]
        elif block and block[4] and ": " in line and line.split(":")[0].isalpha() and line.split(":")[0].islower():
            key, value = line.split(": ", 1)
            block[2][key] = value.strip()
        elif block and block[4] and not line.strip():
            block[4] = False
        elif block and block[4] and line.rstrip() in ("subject:",):
            block[2]["subject"] = ""
        elif block:
            block[4] = False
            block[3].append(line)


def load_mails():
    """Returns the mails in order of date; each is a dict with key, fields, body and template name."""
    templates, mails = {}, []
    for name in ("mail_home.txt", "mail_work.txt", "mail_bulk.txt"):
        for marker, key, fields, body in read_blocks(HERE / "source" / name):
            if marker == "%%":
                templates[key] = (fields, body)
            else:
                mails.append({"key": key, "fields": fields, "body": body, "template": None})
    for mail in mails:
        if "use" in mail["fields"]:
            name = mail["fields"]["use"]
            values = dict(part.split("=", 1) for part in mail["fields"]["vars"].split("; "))
            base, body = templates[name]
            fields = {**base, **mail["fields"]}
            fields["subject"] = fields["subject"].format(**values)
            mail.update(fields=fields, body=body.format(**values), template=name)
        fields = mail["fields"]
        mail["when"] = moment(fields["date"], people.IDENTITIES[fields["from"]][2])
    mails.sort(key=lambda mail: (mail["when"], mail["key"]))
    return mails


def last_sunday(year, month):
    day = datetime.date(year, month + 1, 1) - datetime.timedelta(days=1)
    return day - datetime.timedelta(days=(day.weekday() + 1) % 7)


def moment(text, zone):
    """Local wall time in one of the four zones of the cast, without needing a zone database."""
    local = datetime.datetime.fromisoformat(text)
    european_summer = last_sunday(local.year, 3) <= local.date() < last_sunday(local.year, 10)
    hours = {"IE": 0, "ES": 1, "MX": -6, "US": -5}[zone]
    if zone in ("IE", "ES") and european_summer:
        hours += 1
    if zone == "US" and 3 < local.month < 11:
        hours += 1
    return local.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=hours)))


def message_id(mail):
    """A stable Message-ID, with its angle brackets."""
    digest = hashlib.sha1(f"{SEED}/{mail['key']}".encode()).hexdigest()
    domain = people.IDENTITIES[mail["fields"]["from"]][1].split("@")[1]
    return f"<{digest[:8]}.{digest[8:18]}@{domain}>"


# ---------------------------------------------------------------- small writers for documents

def blocks_of(text):
    """The little markup of the sources as ('h', level, text), ('p', text), ('li', text), ('t', rows)."""
    result, rows = [], []
    for line in text.split("\n") + [""]:
        if line.startswith("| "):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
            continue
        if rows:
            result.append(("t", rows))
            rows = []
        if line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            result.append(("h", level, line.lstrip("# ")))
        elif line.startswith("- "):
            result.append(("li", line[2:]))
        elif line.strip():
            result.append(("p", line))
    return result


def as_markdown(text):
    out = []
    for block in blocks_of(text):
        if block[0] == "h":
            out += ["#" * block[1] + " " + block[2], ""]
        elif block[0] == "t":
            for number, row in enumerate(block[1]):
                out.append("| " + " | ".join(row) + " |")
                if number == 0:
                    out.append("|" + " --- |" * len(row))
            out.append("")
        elif block[0] == "li":
            out.append("- " + block[1])
        else:
            out += [block[1], ""]
    return "\n".join(out).rstrip() + "\n"


def as_text(text):
    out = []
    for block in blocks_of(text):
        if block[0] == "h":
            out += ["", block[2].upper() if block[1] == 1 else block[2], ("=" if block[1] == 1 else "-") * len(block[2])]
        elif block[0] == "t":
            columns = max(len(row) for row in block[1])
            widths = [max(len(row[i]) if i < len(row) else 0 for row in block[1]) for i in range(columns)]
            for row in block[1]:
                out.append("  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip())
        else:
            out += textwrap.wrap(("- " if block[0] == "li" else "") + block[1], 78)
    return "\n".join(out).strip("\n") + "\n"


def as_html(text, newsletter=False):
    out = []
    for block in blocks_of(text):
        if block[0] == "h":
            out.append(f"<h{block[1]}>{html.escape(block[2], quote=False)}</h{block[1]}>")
        elif block[0] == "t":
            rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell, quote=False)}</td>" for cell in row) + "</tr>\n"
                           for row in block[1])
            out.append(f"<table border=\"1\">\n{rows}</table>")
        elif block[0] == "li":
            out.append(f"<ul><li>{html.escape(block[1], quote=False)}</li></ul>")
        else:
            out.append(f"<p>{html.escape(block[1], quote=False)}</p>")
    body = "\n".join(out)
    if newsletter:
        body = ("<table width=\"600\" cellpadding=\"0\" align=\"center\"><tr><td class=\"box\">\n" + body +
                "\n</td></tr></table>\n<img src=\"cid:pixel\" width=\"1\" height=\"1\" alt=\"\">")
    title = next((block[2] for block in blocks_of(text) if block[0] == "h"), "")
    return ("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + html.escape(title, quote=False) +
            "</title>\n<style>.box { padding: 12px } td { border: 0 }</style></head>\n<body>\n" + body +
            "\n</body></html>\n")


def as_pdf(text, compress):
    """One-font-family PDF: Helvetica, WinAnsiEncoding, one content stream for each A4 page."""
    def escape(piece):
        raw = piece.encode("cp1252")
        return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")

    pages, commands, y = [], [], 790

    def show(x, size, font, piece):
        commands.append(b"BT /%s %d Tf 1 0 0 1 %d %d Tm (%s) Tj ET" % (font, size, x, y, escape(piece)))

    def advance(step):
        nonlocal y, commands
        y -= step
        if y < 60:
            pages.append(commands)
            commands, y = [], 790

    for block in blocks_of(text):
        if block[0] == "h":
            show(56, 18 - 3 * block[1], b"F2", block[2])
            advance(26)
        elif block[0] == "t":
            for row in block[1]:
                for number, cell in enumerate(row):
                    show(56 + number * 250, 11, b"F1", cell)
                advance(17)
            advance(8)
        else:
            for line in textwrap.wrap(block[1], 84):
                show(56, 11, b"F1", line)
                advance(15)
            advance(6)
    pages.append(commands)

    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"",
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>"]
    kids = []
    for page in pages:
        stream = b"\n".join(page)
        extra = b""
        if compress:
            stream, extra = zlib.compress(stream, 9), b" /Filter /FlateDecode"
        objects.append(b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(stream), extra, stream))
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                       b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % len(objects))
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def as_docx(text):
    """A minimal WordprocessingML package: content types, one relation, styles, the document."""
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"

    def paragraph(piece, style=None):
        properties = f"<w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr>" if style else ""
        # Word splits runs at will, so ours does too.
        cut = len(piece) // 2
        runs = "".join(f"<w:r><w:t xml:space=\"preserve\">{html.escape(part, quote=False)}</w:t></w:r>"
                       for part in (piece[:cut], piece[cut:]) if part)
        return f"<w:p>{properties}{runs}</w:p>"

    body = ""
    for block in blocks_of(text):
        if block[0] == "h":
            body += paragraph(block[2], f"Heading{block[1]}")
        elif block[0] == "t":
            body += "<w:tbl>" + "".join(
                "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>"
                for row in block[1]) + "</w:tbl>"
        else:
            body += paragraph(block[1])
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "[Content_Types].xml": f"{head}<Types xmlns=\"{package}/content-types\">"
        "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
        f"<Override PartName=\"/word/document.xml\" ContentType=\"{office}.document.main+xml\"/>"
        f"<Override PartName=\"/word/styles.xml\" ContentType=\"{office}.styles+xml\"/></Types>",
        "_rels/.rels": f"{head}<Relationships xmlns=\"{package}/relationships\">"
        f"<Relationship Id=\"rId1\" Type=\"{relation}/officeDocument\" Target=\"word/document.xml\"/></Relationships>",
        "word/_rels/document.xml.rels": f"{head}<Relationships xmlns=\"{package}/relationships\">"
        f"<Relationship Id=\"rId1\" Type=\"{relation}/styles\" Target=\"styles.xml\"/></Relationships>",
        "word/styles.xml": f"{head}<w:styles xmlns:w=\"{namespace}\">" + "".join(
            f"<w:style w:type=\"paragraph\" w:styleId=\"Heading{level}\"><w:name w:val=\"heading {level}\"/></w:style>"
            for level in (1, 2)) + "</w:styles>",
        "word/document.xml": f"{head}<w:document xmlns:w=\"{namespace}\"><w:body>{body}</w:body></w:document>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content.encode("utf-8"))
    return buffer.getvalue()


def render_document(name, text):
    """The bytes of one document, by the ending of its name."""
    ending = name.rsplit(".", 1)[1]
    if ending == "md":
        return as_markdown(text).encode("utf-8")
    if ending == "txt":
        plain = as_text(text)
        if name == "familia/carta-papa-1999.txt":
            return plain.encode("iso-8859-1")
        if name == "van/kangoo-log.txt":
            return plain.replace("\n", "\r\n").encode("utf-8")
        return plain.encode("utf-8")
    if ending == "html":
        return as_html(text).encode("utf-8")
    if ending == "pdf":
        return as_pdf(text, compress=len(name) % 2 == 0)
    if ending == "docx":
        return as_docx(text)
    raise ValueError(name)


# ---------------------------------------------------------------- calendars and contacts

ZONES = {
    "Europe/Dublin": ("IST", "+0100", "GMT", "+0000", "010000", "020000"),
    "Europe/Madrid": ("CEST", "+0200", "CET", "+0100", "020000", "030000"),
}


def fold(line):
    """RFC 5545 / RFC 2426 folding at 75 octets, never inside a character."""
    out, piece = [], b""
    for character in line:
        raw = character.encode("utf-8")
        if len(piece) + len(raw) > (75 if not out else 74):
            out.append(piece)
            piece = b""
        piece += raw
    out.append(piece)
    return b"\r\n ".join(out)


def calendar(name, events, method=None):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Segundo hogar//ES"]
    lines += [f"METHOD:{method}"] if method else [f"X-WR-CALNAME:{name}"]
    text = "\n".join(line for _, properties in events for line in properties)
    for zone, (summer, summer_offset, winter, winter_offset, to_summer, to_winter) in ZONES.items():
        if zone in text:
            lines += ["BEGIN:VTIMEZONE", f"TZID:{zone}",
                      "BEGIN:DAYLIGHT", f"TZNAME:{summer}", f"TZOFFSETFROM:{winter_offset}", f"TZOFFSETTO:{summer_offset}",
                      f"DTSTART:19810329T{to_summer}", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "END:DAYLIGHT",
                      "BEGIN:STANDARD", f"TZNAME:{winter}", f"TZOFFSETFROM:{summer_offset}", f"TZOFFSETTO:{winter_offset}",
                      f"DTSTART:19961027T{to_winter}", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD",
                      "END:VTIMEZONE"]
    if "America/Mexico_City" in text:
        lines += ["BEGIN:VTIMEZONE", "TZID:America/Mexico_City", "BEGIN:STANDARD", "TZNAME:CST", "TZOFFSETFROM:-0500",
                  "TZOFFSETTO:-0600", "DTSTART:20221030T020000", "END:STANDARD", "END:VTIMEZONE"]
    for uid, properties in events:
        lines += ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260901T070000Z", *properties, "END:VEVENT"]
    lines.append("END:VCALENDAR")
    return b"\r\n".join(fold(line) for line in lines) + b"\r\n"


def contact_uid(name):
    return "contact-" + hashlib.sha1(f"{SEED}/{name}".encode()).hexdigest()[:12]


def contacts():
    out = []
    for name, company, phones, mails, address, birthday, note, version in people.CONTACTS:
        words = name.split(" ")
        given, family = (words[0], " ".join(words[1:])) if len(words) > 1 else (name, "")
        lines = ["BEGIN:VCARD", f"VERSION:{version}", f"UID:{contact_uid(name)}"]
        if version == "2.1":
            quoted = quopri.encodestring(name.encode("utf-8")).decode()
            lines += [f"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{quoted}", f"N:{family};{given};;;"]
        else:
            lines += [f"FN:{name}", f"N:{family};{given};;;"]
        if company:
            lines.append(f"ORG:{company}")
        for kind, number in phones:
            if version == "4.0":
                lines.append(f"TEL;TYPE={kind.lower()};VALUE=uri:tel:{number.replace(' ', '-')}")
            else:
                lines.append(f"TEL;TYPE={kind}:{number}" if version == "3.0" else f"TEL;{kind}:{number}")
        for address_line in mails:
            lines.append(f"EMAIL;TYPE=INTERNET:{address_line}" if version == "3.0" else f"EMAIL:{address_line}")
        if address:
            street, city, code, country = (part.replace(",", "\\,") for part in address.split(";"))
            lines.append(f"ADR;TYPE=home:;;{street};{city};;{code};{country}" if version != "2.1" else "")
        if birthday:
            lines.append("BDAY:" + (birthday.replace("-", "") if version == "4.0" else birthday))
        if note:
            escaped = note.replace(",", "\\,")
            lines.append(f"NOTE;CHARSET=UTF-8:{escaped}" if version == "2.1" else f"NOTE:{escaped}")
        lines.append("END:VCARD")
        out += [fold(line) for line in lines if line]
    return b"\r\n".join(out) + b"\r\n"


def attachment_bytes(name, documents):
    if name == "tiernan.vcf":
        return ("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Martin Tiernan\r\nN:Tiernan;Martin;;;\r\nORG:Tiernan Boxes\r\n"
                "EMAIL:martin@tiernanboxes.example\r\nADR;TYPE=work:;;Forge Lane;Athenry;;;Ireland\r\nEND:VCARD\r\n").encode()
    if name == "samhain.ics":
        event = [pair for pair in people.FAMILY_EVENTS if pair[0].startswith("samhain")]
        return calendar("", event, method="REQUEST")
    return render_document("att/" + name, documents["att/" + name])


# ---------------------------------------------------------------- mail

def header_text(text):
    """RFC 2047 encoded words, split so that no word passes 75 octets; plain ASCII stays as it is."""
    if text.isascii():
        return text
    words, piece = [], ""
    for character in text:
        if len((piece + character).encode("utf-8")) > 42:
            words.append(piece)
            piece = ""
        piece += character
    words.append(piece)
    return "\n ".join("=?utf-8?B?" + base64.b64encode(word.encode("utf-8")).decode() + "?=" for word in words)


def address_text(alias):
    name, address = people.IDENTITIES[alias][:2]
    if name.isascii():
        quoted = f'"{name}"' if any(character in ",.&'()" for character in name) else name
        return f"{quoted} <{address}>"
    return f"{header_text(name)} <{address}>"


def encode_part(text, encoding):
    """(content type parameter, transfer encoding, encoded text lines as bytes)."""
    charset, transfer = ENCODINGS[encoding]
    try:
        raw = text.encode(charset)
    except UnicodeEncodeError:
        charset, transfer = "utf-8", "quoted-printable"
        raw = text.encode("utf-8")
    if transfer == "base64":
        raw = base64.encodebytes(raw).rstrip(b"\n")
    elif transfer == "quoted-printable":
        raw = quopri.encodestring(raw).rstrip(b"\n")
    elif max((len(line) for line in raw.split(b"\n")), default=0) > 990:
        raise ValueError("line too long for 8bit")
    return charset, transfer, raw


def wrapped(text, width=74):
    """Hard-wrapped paragraphs, as most mail programs send plain text."""
    out = []
    for line in text.split("\n"):
        out += textwrap.wrap(line, width, break_long_words=False) if len(line) > width and not line.startswith("|") else [line]
    return "\n".join(out)


def attribution(mail, parent):
    name = people.IDENTITIES[parent["fields"]["from"]][0]
    when = parent["when"]
    if people.IDENTITIES[mail["fields"]["from"]][3] == "es":
        return f"El {when.day}/{when.month}/{when.year} a las {when:%H:%M}, {name} escribió:"
    return f"On {WEEKDAYS[when.weekday()]}, {when.day} {MONTHS[when.month - 1]} {when.year} at {when:%H:%M}, {name} wrote:"


def full_text(mail, by_key):
    """Body, signature and quoted parent of one mail."""
    fields = mail["fields"]
    text = wrapped(mail["body"])
    signature = people.IDENTITIES[fields["from"]][4]
    if signature and mail["body"] and not mail["body"].rstrip().endswith(signature.split("\n")[0]):
        text += ("\n\n-- \n" if "\n" in signature else "\n\n") + signature
    if "re" in fields and fields.get("quote") != "no":
        parent = by_key[fields["re"]]
        lines = full_text(parent, by_key).split("\n")[:24]
        text += "\n\n" + attribution(mail, parent) + "\n" + "\n".join(("> " + line).rstrip() if not line.startswith(">") else ">" + line for line in lines)
    return text


def references(mail, by_key):
    chain = []
    while "re" in mail["fields"]:
        mail = by_key[mail["fields"]["re"]]
        chain.insert(0, message_id(mail))
    return chain


def is_work(mail):
    fields = mail["fields"]
    if "box" in fields:
        return fields["box"] == "mbox"
    return fields["from"] in people.WORK or fields.get("to") in people.WORK


def build(mail, by_key, documents, chance):
    """The bytes of one message, with LF line ends (what maildir and mbox store)."""
    fields, broken = mail["fields"], mail["fields"].get("broken")
    to = fields.get("to") or ("mew" if is_work(mail) else "me")
    when = mail["when"]
    headers = []
    delivered = when + datetime.timedelta(seconds=chance.randint(2, 40))
    headers.append(("Received", f"from mx{chance.randint(1, 3)}.correo.example by hogar.example with ESMTPS;\n"
                    f"\t{rfc_date(delivered)}"))
    headers.append(("From", address_text(fields["from"])))
    headers.append(("To", address_text(to)))
    if "cc" in fields:
        headers.append(("Cc", ", ".join(address_text(alias) for alias in fields["cc"].split(", "))))
    headers.append(("Subject", header_text(fields["subject"])))
    if broken != "no-date":
        headers.append(("Date", rfc_date(when)))
    headers.append(("Message-ID", message_id(mail)))
    chain = references(mail, by_key)
    if chain:
        headers += [("In-Reply-To", chain[-1]), ("References", "\n ".join(chain))]
    newsletter = fields.get("html") == "only" and mail["key"].startswith("nl")
    if newsletter:
        domain = people.IDENTITIES[fields["from"]][1].split("@")[1]
        headers += [("List-Id", f"<list.{domain}>"), ("List-Unsubscribe", f"<mailto:leave@{domain}>"), ("Precedence", "bulk")]
    if mail["key"].startswith("spam"):
        headers.append(("X-Spam-Flag", "YES" if chance.random() < 0.6 else "NO"))
    headers.append(("MIME-Version", "1.0"))

    encoding = fields.get("enc") or ROTATION[chance.randrange(len(ROTATION))]
    text = full_text(mail, by_key)
    rich = as_html(mail["body"], newsletter) if fields.get("html") in ("only", "alt") else None
    mark = hashlib.sha1(mail["key"].encode()).hexdigest()[:16]

    def leaf(kind, content, how):
        charset, transfer, raw = encode_part(content, how)
        if broken == "bad-charset":
            charset, raw, transfer = BROKEN_CHARSET, content.encode("iso-8859-1"), "8bit"
        return [("Content-Type", f"{kind}; charset={charset}"), ("Content-Transfer-Encoding", transfer)], raw

    def bundle(kind, boundary, parts, closed=True):
        raw = b""
        for part_headers, part_raw in parts:
            raw += b"--" + boundary.encode() + b"\n" + write_headers(part_headers) + b"\n" + part_raw + b"\n"
        if closed:
            raw += b"--" + boundary.encode() + b"--"
        return [("Content-Type", f"{kind}; boundary=\"{boundary}\"")], raw

    if broken == "no-body":
        content = ([("Content-Type", "text/plain")], b"")
    elif fields.get("html") == "only":
        content = leaf("text/html", rich, encoding)
    elif fields.get("html") == "alt":
        content = bundle("multipart/alternative", "alt-" + mark,
                         [leaf("text/plain", text, encoding), leaf("text/html", rich, encoding)],
                         closed=broken != "no-boundary-end")
    else:
        content = leaf("text/plain", text, encoding)
    if "attach" in fields:
        parts = [content]
        for name in fields["attach"].split(" | "):
            raw = base64.encodebytes(attachment_bytes(name, documents)).rstrip(b"\n")
            if broken == "cut-base64":
                raw = raw[:len(raw) // 3]
            kind = {"pdf": "application/pdf", "ics": "text/calendar; method=REQUEST; charset=utf-8", "vcf": "text/vcard",
                    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                    "txt": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8"}[name.rsplit(".", 1)[1]]
            label = f"filename=\"{name}\""
            if name == "poliza-taller-2026.pdf":  # one name in RFC 2231 form
                label = "filename*=utf-8''p%C3%B3liza%20taller%202026.pdf"
            parts.append(([("Content-Type", kind), ("Content-Transfer-Encoding", "base64"),
                           ("Content-Disposition", f"attachment; {label}")], raw))
        content = bundle("multipart/mixed", "mix-" + mark, parts)
    raw = write_headers(headers + content[0])
    if broken == "raw-header":
        raw = raw.replace(b"Subject: " + header_text(fields["subject"]).encode(),
                          b"Subject: " + fields["subject"].encode("iso-8859-1"))
    return raw + b"\n" + content[1] + b"\n"


def write_headers(headers):
    return b"".join(f"{name}: {value}\n".encode("utf-8") for name, value in headers)


def rfc_date(when):
    return (f"{WEEKDAYS[when.weekday()]}, {when.day:02d} {MONTHS[when.month - 1]} {when.year} "
            f"{when:%H:%M:%S} {when:%z}")


def quote_mbox(raw):
    """mboxrd: a line that starts with any number of '>' and then 'From ' gets one more '>'."""
    return b"\n".join(b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in raw.split(b"\n"))


# ---------------------------------------------------------------- all of it

def write(path, raw):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


def main():
    for name in ("maildir", "calendars", "documents"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    chance = random.Random(SEED)
    documents = {key: body for _, key, _, body in read_blocks(HERE / "source" / "documents.txt")}
    for name, text in documents.items():
        if not name.startswith("att/"):
            write(HERE / "documents" / name, render_document(name, text))

    mails = load_mails()
    by_key = {mail["key"]: mail for mail in mails}
    assert len(by_key) == len(mails), "two mails with one key"
    for folder in ("cur", "new", "tmp", ".Oaxaca/cur", ".Oaxaca/new", ".Oaxaca/tmp"):
        # git keeps no empty folders; Maildir readers skip names that start with a dot.
        write(HERE / "maildir" / folder / ".gitkeep", b"")
    write(HERE / "maildir" / ".Oaxaca" / "maildirfolder", b"")
    mbox = b""
    fresh = datetime.datetime.fromisoformat("2026-09-18T00:00:00+01:00")
    for number, mail in enumerate(mails):
        raw = build(mail, by_key, documents, chance)
        fields, when = mail["fields"], mail["when"]
        if is_work(mail):
            sender = people.IDENTITIES[fields["from"]][1]
            stamp = when.astimezone(datetime.timezone.utc)
            mbox += (f"From {sender} {WEEKDAYS[stamp.weekday()]} {MONTHS[stamp.month - 1]} {stamp.day:2d} "
                     f"{stamp:%H:%M:%S} {stamp.year}\n").encode() + quote_mbox(raw).rstrip(b"\n") + b"\n\n"
            continue
        oaxaca = fields.get("box") == "sub" or (fields["from"] in ("abundio", "casilda") and when.year == 2025)
        base = HERE / "maildir" / (".Oaxaca" if oaxaca else ".")
        name = f"{int(when.timestamp())}.M{number:06d}P{SEED}.hogar"
        if when >= fresh and fields["from"] != "me":
            write(base / "new" / name, raw)
        else:
            flags = "S" if fields["from"] == "me" or chance.random() < 0.85 else ""
            flags = ("R" if any(other["fields"].get("re") == mail["key"] for other in mails) else "") + flags
            write(base / "cur" / f"{name}:2,{flags}", raw)
    write(HERE / "work.mbox", mbox)

    write(HERE / "calendars" / "familia.ics", calendar("Familia", people.FAMILY_EVENTS))
    write(HERE / "calendars" / "taller.ics", calendar("Taller", people.WORK_EVENTS))
    write(HERE / "contacts.vcf", contacts())
    household = {
        "name": "Ruelas Ó Dálaigh, Nun's Island",
        "owner": {"name": "Ximena Ruelas Tlatelpa",
                  "addresses": [people.IDENTITIES["me"][1], people.IDENTITIES["mew"][1]]},
        "now": NOW, "zone": "Europe/Dublin", "languages": ["es", "en"],
        "maildir": "maildir", "mbox": "work.mbox",
        "calendars": ["calendars/familia.ics", "calendars/taller.ics"],
        "contacts": ["contacts.vcf"], "documents": "documents",
    }
    write_json("household.json", household)
    write_json("questions.json", questions_source.questions(
        lambda key: message_id(by_key[key]), contact_uid))


def write_json(name, value):
    write(HERE / name, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))


if __name__ == "__main__":
    main()
