#!/usr/bin/env python3
"""Writes the fictional household of the Aldana-Whitfield family and its questions.

Texts are written by hand under source/; this script gives them their outer form: mail headers,
charsets, threads, HTML clutter, PDF and DOCX files, calendars and contacts. Same seed, same bytes.

    python3 samples/generate.py [--out FOLDER]
"""

import argparse
import datetime as dt
import json
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

from lib import clock, docx, markup, mime, pdf  # noqa: E402
from source import calendars, contacts, household, questions  # noqa: E402

SEED = "aldana-whitfield-1"
NOW = dt.datetime.fromisoformat(household.NOW).replace(tzinfo=None)

CONTENT_TYPES = {
    "pdf": "application/pdf", "vcf": "text/vcard; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8", "zip": "application/zip", "jpg": "image/jpeg",
}
# (charset, transfer encoding), drawn per mail by its digest.
ENCODINGS = [("utf-8", "quoted-printable")] * 7 + [("utf-8", "base64")] * 2 + [("utf-8", "8bit")] * 2 + [
    ("iso-8859-1", "quoted-printable")] * 2 + [("iso-8859-1", "8bit"), ("windows-1252", "quoted-printable"),
                                               ("windows-1252", "8bit"), ("iso-8859-15", "quoted-printable")]
MAILERS = ["Apple Mail (2.3731.700.6)", "Mozilla Thunderbird", "Microsoft Outlook 16.0", "Roundcube Webmail/1.6.5",
           "iPhone Mail (21F90)", "K-9 Mail for Android"]


def records(path):
    """Records of a source file: "=== name", attributes up to an empty line, text."""
    for block in re.split(r"(?m)^=== ", path.read_text("utf-8"))[1:]:
        head, _, text = block.partition("\n\n")
        lines = head.split("\n")
        attributes = {"use": []}
        for line in lines[1:]:
            key, separator, value = line.partition(":")
            if not separator:
                raise SystemExit("%s: record %s: bad line %r" % (path.name, lines[0], line))
            if key == "use":
                attributes["use"].append(value.strip())
            else:
                attributes[key.strip()] = value.strip()
        yield lines[0].strip(), attributes, text.strip("\n")


def load_people():
    people = {}
    for line in (HERE / "source" / "people.txt").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        people[fields[0]] = (fields[1], fields[2], fields[3].replace("\\n", "\n") if len(fields) > 3 else "")
    return people


def person(people, key):
    """(name, address, signature) of an alias or of "Name <address>"."""
    if key in people:
        return people[key]
    match = re.fullmatch(r"\s*(.*?)\s*<([^>]*)>\s*", key)
    if not match:
        raise SystemExit("unknown person %r" % key)
    return match.group(1), match.group(2), ""


def language_of(text):
    words = re.findall(r"[a-záéíóúñ]+", text.lower())
    english = sum(word in ("the", "and", "you", "for", "is", "we", "to", "it", "of") for word in words)
    spanish = sum(word in ("el", "la", "que", "de", "y", "en", "los", "por", "un", "para") for word in words)
    return "en" if english > spanish else "es"


def content_type(path, data):
    ending = path.rsplit(".", 1)[-1]
    if ending == "ics":  # RFC 6047: the parameter repeats the METHOD of the calendar
        return "text/calendar; charset=utf-8; method=" + re.search(rb"METHOD:(\w+)", data).group(1).decode()
    return CONTENT_TYPES[ending]


class Mail:
    def __init__(self, people, name, attributes, text, origin):
        self.name, self.attributes, self.text, self.origin = name, attributes, text, origin
        self.local = dt.datetime.strptime(attributes["date"], "%Y-%m-%d %H:%M")
        self.key = mime.digest(SEED, name)
        self.local += dt.timedelta(seconds=int(self.key[:4], 16) % 60)
        self.sender = person(people, attributes["from"])
        self.to = [person(people, one) for one in attributes.get("to", "clara").split(";")]
        self.cc = [person(people, one) for one in attributes["cc"].split(";")] if "cc" in attributes else []
        self.parent = None
        self.subject = attributes.get("subject", "")
        self.box = attributes.get("box", "")
        domain = self.sender[1].split("@")[-1] if "@" in self.sender[1] else "localhost"
        self.message_id = "%s.%s@%s" % (self.local.strftime("%Y%m%d%H%M"), self.key[4:16], domain)
        self.broken = attributes.get("broken", "")

    def language(self):
        return self.attributes.get("lang") or language_of(self.text)

    def draw(self, purpose, choices):
        return choices[int(mime.digest(self.key, purpose)[:8], 16) % len(choices)]

    def quote_of_parent(self):
        parent = self.parent
        when = parent.local
        if self.language() == "en":
            line = "On %s, %d %s %d at %02d:%02d, %s wrote:" % (
                clock.DAYS_EN[when.weekday()], when.day, clock.MONTHS_EN[when.month - 1], when.year,
                when.hour, when.minute, parent.sender[0])
        else:
            line = "El %s, %d %s %d a las %02d:%02d, %s escribió:" % (
                clock.DAYS_ES[when.weekday()], when.day, clock.MONTHS_ES[when.month - 1], when.year,
                when.hour, when.minute, parent.sender[0])
        quoted = parent.full_text(depth=1)
        return line + "\n\n" + "\n".join((">" + one if one.startswith(">") else ("> " + one).rstrip())
                                         for one in quoted.split("\n"))

    def full_text(self, depth=0):
        text = self.text
        if self.attributes.get("sig", "yes") != "no" and self.sender[2]:
            text += "\n\n-- \n" + self.sender[2]
        if self.parent is not None and self.attributes.get("quote", "yes") != "no" and depth < 2:
            text += "\n\n" + self.quote_of_parent()
        return text

    def thread(self):
        chain, mail = [], self.parent
        while mail is not None:
            if mail.broken != "no-message-id":
                chain.insert(0, mail.message_id)
            mail = mail.parent
        return chain

    def build(self, documents, by_name):
        attributes = self.attributes
        if "enc" in attributes:
            charset, _, transfer = attributes["enc"].partition("/")
        else:
            charset, transfer = self.draw("encoding", ENCODINGS)
        text = self.full_text()
        if self.draw("wrap", [True, True, False]):
            text = mime.wrap(text)
        text = markup.plain(text)
        style = attributes.get("html", "")
        bulk = "clutter" in attributes
        if "flowed" in attributes:
            body = mime.flowed_part(markup.plain(self.full_text()), charset, transfer)
        elif style or bulk:
            page = (markup.newsletter_html(self.text, self.key, self.sender[1], self.language()) if bulk
                    else markup.simple_html(self.full_text()))
            if "inline" in attributes:
                page = page.replace("</body>", '<img src="cid:logo@%s" width="1" height="1"></body>' % self.key[:8])
            page_part = mime.text_part(page, "html", charset, "quoted-printable" if transfer == "8bit" and bulk else transfer)
            if "inline" in attributes:
                page_part = mime.multipart("related", self.key, [page_part, mime.inline_image("logo@" + self.key[:8])])
            if style == "only" or (bulk and style != "alt"):
                body = page_part
            else:
                body = mime.multipart("alternative", self.key, [mime.text_part(text, "plain", charset, transfer), page_part])
        else:
            body = mime.text_part(text, "plain", charset, transfer)
        if "forward" in attributes:
            body = mime.multipart("mixed", self.key, [body, mime.enclosed(by_name[attributes["forward"]].build(documents, by_name))])
        if "attach" in attributes:
            parts = [body]
            for path in attributes["attach"].split(","):
                path = path.strip()
                if path not in documents:
                    raise SystemExit("%s: no document %s" % (self.name, path))
                parts.append(mime.attachment(path.split("/")[-1], content_type(path, documents[path]), documents[path]))
            body = mime.multipart("mixed", self.key, parts,
                                  "=_wrong" + self.key[:10] if self.broken == "wrong-boundary" else None)
        body = self.damage(body)
        return self.headers(charset) + body

    def damage(self, body):
        if self.broken == "charset-label":
            return re.sub(rb"charset=[\w-]+", b"charset=us-ascii", body, count=1)
        if self.broken == "unknown-charset":
            return re.sub(rb"charset=[\w-]+", b"charset=x-user-defined-99", body, count=1)
        if self.broken == "cut":
            return body[:len(body) * 3 // 5]
        return body

    def headers(self, charset):
        style = self.draw("words", ["B", "Q", "B"])
        words = charset if charset in ("utf-8", "iso-8859-1") else "utf-8"

        def encodable(value):
            try:
                value.encode(words)
                return words
            except UnicodeEncodeError:
                return "utf-8"

        def people(several):
            return ",\n ".join(mime.address(name, mail, encodable(name), style) for name, mail, _ in several)

        out = []
        sent = self.sender[1] in household.OWN_ADDRESSES
        if not sent:
            host = self.sender[1].split("@")[-1]
            out += ["Return-Path: <%s>" % self.sender[1], "Delivered-To: %s" % (self.account_address()),
                    "Received: from mx.%s (mx.%s [192.0.2.%d])\n\tby in.correo.example with ESMTPS id %s\n\tfor <%s>; %s" % (
                        host, host, int(self.key[:2], 16) % 250 + 1, self.key[20:32].upper(), self.account_address(),
                        clock.rfc5322(self.local + dt.timedelta(seconds=9)))]
        if "clutter" in self.attributes:
            out += ["DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=k1;\n\tbh=%s;\n\tb=%s\n\t %s" % (
                self.sender[1].split("@")[-1], mime.digest("bh", self.key)[:43] + "=", mime.digest("b1", self.key), mime.digest("b2", self.key)),
                "List-Unsubscribe: <https://click.%s/u/%s>" % (self.sender[1].split("@")[-1], self.key[:12])]
        if self.broken == "raw-header":
            out.append("From: " + self.sender[0] + " <" + self.sender[1] + ">")
        else:
            out.append("From: " + people([self.sender]))
        out.append("To: " + people(self.to))
        if self.cc:
            out.append("Cc: " + people(self.cc))
        subject = self.subject
        out.append("Subject: " + (subject if self.broken == "raw-header" else mime.encoded_words(subject, encodable(subject), style)))
        if self.broken != "no-date":
            zone = self.attributes.get("zone", "madrid")
            local = self.local if zone == "madrid" else self.local - dt.timedelta(hours=1)
            out.append("Date: " + clock.rfc5322(local, zone))
        else:
            out.append("Date: ayer por la tarde")
        if self.broken != "no-message-id":
            out.append("Message-ID: <%s>" % self.message_id)
        chain = self.thread()
        if chain:
            out.append("In-Reply-To: <%s>" % chain[-1])
            out.append("References: " + "\n ".join("<%s>" % one for one in chain))
        if "list" in self.attributes:
            out.append("List-Id: <%s>" % self.attributes["list"])
        if "clutter" not in self.attributes:
            out.append("User-Agent: " + MAILERS[int(mime.digest(self.sender[1])[:4], 16) % len(MAILERS)])
        out.append("MIME-Version: 1.0")
        data = "\n".join(out) + "\n"
        return data.encode("latin-1" if self.broken == "raw-header" else "ascii")

    def account_address(self):
        return household.WORK_ADDRESS if self.box == "work" else household.PERSONAL_ADDRESS


def load_mails(people):
    mails, by_name = [], {}
    for path in sorted((HERE / "source" / "mail").glob("*.txt")):
        for name, attributes, text in records(path):
            variants = []
            if attributes["use"]:
                for number, use in enumerate(attributes["use"], 1):
                    fields = [field.strip() for field in use.split("|")]
                    values = dict(field.split("=", 1) for field in fields[1:])
                    merged = {key: value for key, value in attributes.items() if key != "use"}
                    merged["date"] = fields[0]
                    body = text
                    for key, value in values.items():
                        body = body.replace("{%s}" % key, value)
                        merged = {k: v.replace("{%s}" % key, value) for k, v in merged.items()}
                    variants.append(("%s.%d" % (name, number), merged, body))
            else:
                variants.append((name, attributes, text))
            for variant, merged, body in variants:
                leftover = re.search(r"\{[a-z_]+\}", body + merged.get("subject", ""))
                if leftover:
                    raise SystemExit("%s: %s left in the text" % (variant, leftover.group(0)))
                if variant in by_name:
                    raise SystemExit("mail %s is there twice" % variant)
                try:
                    mail = Mail(people, variant, merged, body, "%s:%s" % (path.name, name))
                except (KeyError, ValueError) as problem:
                    raise SystemExit("%s: %s: %r" % (path.name, variant, problem))
                mails.append(mail)
                by_name[variant] = mail
    for mail in mails:
        parent = mail.attributes.get("reply")
        if parent:
            mail.parent = by_name[parent]
            if mail.parent.local >= mail.local:
                raise SystemExit("%s answers a later mail" % mail.name)
            if not mail.subject:
                subject = mail.parent.subject
                while subject == "":
                    subject = mail.parent.parent.subject
                mail.subject = subject if subject.startswith("Re:") else "Re: " + subject
    mails.sort(key=lambda mail: (mail.local, mail.name))
    for mail in mails:  # parents come first, so replies to replies get their subject
        if mail.parent is not None and "subject" not in mail.attributes:
            subject = mail.parent.subject
            mail.subject = subject if subject.startswith("Re:") else "Re: " + subject
    for mail in mails:
        if mail.local > NOW or mail.local < NOW - dt.timedelta(days=550):
            raise SystemExit("%s: date out of range" % mail.name)
        if not mail.box:
            work = household.WORK_ADDRESS in [mail.sender[1]] + [one[1] for one in mail.to + mail.cc]
            mail.box = "work" if work else "personal"
    return mails


def load_documents():
    """Path → bytes of every document, and of files that exist only as attachments ("adjuntos/…")."""
    result = {}
    for path in sorted((HERE / "source" / "documents").glob("*.txt")):
        for name, attributes, text in records(path):
            title = attributes.get("title", name)
            ending = name.rsplit(".", 1)[-1]
            if ending == "pdf":
                data = pdf.write(text, title, flate="flate" in attributes, scanned="scan" in attributes)
            elif ending == "docx":
                data = docx.write(text, title, attributes.get("author", "Clara Aldana"))
            elif ending == "html":
                data = markup.page_html(text, title, attributes.get("lang", "es")).encode("utf-8")
            elif ending in ("ics", "vcf"):
                data = "\r\n".join(text.split("\n") + [""]).encode("utf-8")
            else:
                data = (text + "\n").encode(attributes.get("charset", "utf-8"))
            result[name] = data
    return result


def write_maildir(root, mails, documents, by_name):
    folders = {"personal": root, "archive": root / ".Archivo", "sent": root / ".Enviados"}
    for folder in folders.values():
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
        if folder != root:
            (folder / "maildirfolder").write_bytes(b"")
    for mail in mails:
        if mail.box == "work":
            continue
        data = mail.build(documents, by_name)
        box = mail.box
        if mail.sender[1] == household.PERSONAL_ADDRESS:
            box = "sent"
        elif box == "personal" and mail.local < NOW - dt.timedelta(days=270):
            box = "archive"
        seconds = clock.unix_seconds(mail.local)
        stem = "%d.M%06dP%d.hogar,S=%d" % (seconds, int(mail.key[16:22], 16) % 1000000, 1000 + int(mail.key[22:26], 16) % 9000, len(data))
        unread = box == "personal" and mail.local > NOW - dt.timedelta(hours=30)
        if unread or mail.attributes.get("flags") == "new":
            target = folders[box] / "new" / stem
        else:
            flags = "S" if box == "sent" else mail.draw("flags", ["S", "S", "S", "RS", "S", "FS", ""])
            target = folders[box] / "cur" / (stem + ":2," + flags)
        target.write_bytes(data)
    # A delivery in progress: programs must not read tmp. It also keeps the folders in the tree.
    for number, folder in enumerate(folders.values()):
        (folder / "tmp" / ("%d.M1P%d.hogar" % (clock.unix_seconds(NOW) - 20, 4000 + number))).write_bytes(
            b"From: Entrega a medias <nadie@correo.example>\nSubject: a medio escr")
        if not any((folder / "new").iterdir()):
            (folder / "new" / ("%d.M1P%d.hogar" % (clock.unix_seconds(NOW) - 40, 5000 + number))).write_bytes(
                ("From: Buzon <no-responder@correo.example>\nTo: %s\nSubject: Resumen semanal del filtro\n"
                 "Date: %s\nMessage-ID: <filtro.%d@correo.example>\n\nNo hay mensajes retenidos en la carpeta %s.\n" % (
                     household.PERSONAL_ADDRESS, clock.rfc5322(NOW - dt.timedelta(seconds=40)), number, folder.name)).encode())


def write_mbox(path, mails, documents, by_name):
    out = bytearray()
    for mail in mails:
        if mail.box == "work":
            data = mail.build(documents, by_name)
            data = re.sub(rb"(?m)^(>*From )", rb">\1", data)
            out += ("From %s %s\n" % (mail.sender[1], clock.asctime(mail.local))).encode() + data
            out += b"" if data.endswith(b"\n\n") else (b"\n" if data.endswith(b"\n") else b"\n\n")
    path.write_bytes(bytes(out))


def resolve_items(mails, root):
    names = {mail.name: mail.message_id for mail in mails}

    def resolve(reference):
        kind, _, value = reference.partition(":")
        if kind == "mail":
            return names[value]
        if kind == "event":
            return calendars.uid(value)
        if kind == "contact":
            return contacts.uid(value)
        if not (root / "documents" / reference).is_file():
            raise SystemExit("no document " + reference)
        return reference
    return resolve


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder that gets household/ and questions.json")
    out = parser.parse_args().out
    final, root = out / "household", out / "household.new"  # swapped at the end: a failure leaves the old one
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)

    people = load_people()
    mails = load_mails(people)
    documents = load_documents()
    by_name = {mail.name: mail for mail in mails}
    write_maildir(root / "maildir", mails, documents, by_name)
    write_mbox(root / "work.mbox", mails, documents, by_name)
    for path, data in documents.items():
        if path.startswith("adjuntos/"):
            continue
        target = root / "documents" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (root / "calendars").mkdir()
    for name in calendars.CALENDARS:
        (root / "calendars" / (name + ".ics")).write_bytes(calendars.write(name))
    (root / "contacts.vcf").write_bytes(contacts.write())
    (root / "household.json").write_text(json.dumps(household.DESCRIPTION, ensure_ascii=False, indent=2) + "\n", "utf-8")

    resolve = resolve_items(mails, root)
    answers = json.dumps(questions.build(resolve), ensure_ascii=False, indent=1) + "\n"
    if final.exists():
        shutil.rmtree(final)
    root.rename(final)
    (out / "questions.json").write_text(answers, "utf-8")
    count = sum(not path.startswith("adjuntos/") for path in documents)
    print("%d mails (%d work), %d documents, %d questions" % (
        len(mails), sum(mail.box == "work" for mail in mails), count, len(questions.QUESTIONS)))


if __name__ == "__main__":
    main()
