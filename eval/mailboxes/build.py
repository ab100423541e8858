#!/usr/bin/env python3
"""Makes mailboxes with labels from the hand-written files beside it: NAME/mailbox.mbox, labels.json, owner.json, briefing.json in build/eval/mailboxes.

    eval/mailboxes/build.py [--out build/eval/mailboxes] [NAME ...]

A file begins with #owner, #now, #zone, #language and #brief (what a briefing at #now must hold); each mail with a line "@@ name | time | sender | subject | label". The label
has the letter of the priority (u, r, f, b), p where it is personal, S or P for spam and phishing, m for the owner's own mail.
Lines that begin with > are about the mail (to, cc, re, auth, reply-to, link, attach, auto, list, html, htmlonly: without a plain
text, table: lines with " | " are rows of a table in the HTML, hidden: text that only the HTML has and does not show, ics: METHOD |
START/UNTIL | title | place, an invitation that is attached, zone: where the sender's clock is, if not the owner's), those with "+ do:" and
"+ at:" label it: what the owner has to do, after // the same in the other language, after @ by when; and what takes place when
(START or START/UNTIL), after @ where. Those that measure only are named below as apart: nobody learns from them or tunes on them.
Everything is fictional and ours.
"""
import argparse
import datetime
import email.message
import email.utils
import json
import pathlib
import re
import sys
from zoneinfo import ZoneInfo

folder = pathlib.Path(__file__).resolve().parent
PRIORITY = {"u": "urgent", "r": "reply", "f": "fyi", "b": "bulk", "S": "bulk", "P": "bulk"}
apart = ("teresa", "colin", "julian", "moira", "ferran", "ximena", "andreu", "tamsin")
# Pairs by one hand that wrote none of the others and had seen neither rules nor weights.
writers = (("rosario", "dermot"), ("fabian", "priya"), ("camila", "imogen"), ("hilario", "joanna"),
           ("begona", "walter"), ("paloma", "marcus"), ("salome", "brendan"), ("itziar", "odell"))


def read(path):
    """(owner, mails): each mail a dict with its marks, body lines and labels."""
    owner, mails = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@@ "):
            name, time, sender, subject, label = (part.strip() for part in line[3:].split(" | "))
            mails.append({"name": name, "time": time, "from": sender, "subject": subject, "label": label, "marks": [], "body": [], "do": [], "at": []})
        elif line.startswith("#") and not mails:
            found = re.match(r"#(owner|now|zone|language|brief) (.*)", line)
            if found:
                owner[found[1]] = found[2]
        elif mails and line.startswith("> "):
            key, _, value = line[2:].partition(":")
            mails[-1]["marks"].append((key.strip(), value.strip()))
        elif mails and line.startswith("+ do: "):
            text, at, due = line[6:].rpartition(" @ ")
            if not at or not re.fullmatch(r"\d{4}-\d\d-\d\d", due.strip()):
                text, due = line[6:], None
            what, _, other = text.partition(" // ")
            mails[-1]["do"].append({"what": what.strip(), **({"also": [other.strip()]} if other else {}), "due": due.strip() if due else None})
        elif mails and line.startswith("+ at: "):
            start, _, title = line[6:].partition(" ")
            title, _, place = title.partition(" @ ")
            start, _, until = start.partition("/")
            mails[-1]["at"].append((start, until, title.strip(), place.strip()))
        elif mails:
            mails[-1]["body"].append(line)
    return owner, mails


def block(part, tables):
    """A paragraph as HTML: its lines, or the rows of a table."""
    lines = part.split("\n")
    if tables and all(" | " in line for line in lines):
        rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line.split(" | ")) + "</tr>" for line in lines)
        return f'<table cellpadding="4">{rows}</table>'
    return f"<p>{'<br>'.join(lines)}</p>"


def add_invitation(message, value, identifier, sender, zone):
    """A text/calendar part (RFC 6047) with times in UTC."""
    method, times, title, place = (one.strip() for one in value.split(" | "))
    start, _, until = times.partition("/")

    def stamp(text):
        return datetime.datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")

    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//lar//eval//EN", f"METHOD:{method}", "BEGIN:VEVENT", f"UID:{identifier}",
             f"DTSTAMP:{stamp(start)}", f"DTSTART:{stamp(start)}", f"DTEND:{stamp(start[:11] + until)}", f"SUMMARY:{title}", f"LOCATION:{place}",
             f"ORGANIZER;CN={sender[0]}:mailto:{sender[1]}", "END:VEVENT", "END:VCALENDAR"]
    message.add_attachment("\r\n".join(lines) + "\r\n", subtype="calendar", filename="invite.ics", params={"method": method})


def build(name, out):
    owner, mails = read(folder / f"{name}.txt")
    zone = ZoneInfo(owner["zone"])
    people = email.utils.getaddresses([owner["owner"]])
    me = [address for _, address in people]
    ids, box, labels = {}, [], []
    known = {address: name for name, address in (re.fullmatch(r"(.*) <(.*)>", mail["from"]).groups() for mail in mails)}

    def named(addresses):
        """Recipients by the names that they write under, as mail programs put them."""
        return ", ".join(email.utils.formataddr((known.get(one, ""), one)) for _, one in email.utils.getaddresses([addresses]))

    for mail in mails:
        marks = {key: value for key, value in mail["marks"]}
        sender = re.fullmatch(r"(.*) <(.*)>", mail["from"]).groups()
        domain = sender[1].split("@")[1]
        ids[mail["name"]] = identifier = f"{mail['name']}.{mail['time'][:10].replace('-', '')}@{domain}"
        sent = datetime.datetime.strptime(mail["time"], "%Y-%m-%d %H:%M").replace(tzinfo=zone)
        message = email.message.EmailMessage()
        message["From"] = email.utils.formataddr(sender)
        to = marks.get("to", me[0])
        message["To"] = email.utils.formataddr((people[0][0], to)) if to in me else named(to)
        if "cc" in marks:
            message["Cc"] = named(marks["cc"])
        message["Subject"] = mail["subject"]
        message["Date"] = email.utils.format_datetime(sent.astimezone(ZoneInfo(marks["zone"])) if "zone" in marks else sent)
        message["Message-ID"] = f"<{identifier}>"
        if "re" in marks:
            message["In-Reply-To"] = f"<{ids[marks['re']]}>"
            message["References"] = f"<{ids[marks['re']]}>"
        if "reply-to" in marks:
            message["Reply-To"] = marks["reply-to"]
        if "auto" in marks:
            message["Auto-Submitted"] = "auto-generated"
        if "list" in marks:
            message["List-Id"] = f"<list.{domain}>"
            message["List-Unsubscribe"] = f"<mailto:leave@{domain}>"
        # Some servers write what they checked and some do not.
        checks = marks.get("auth", "pass" if hash_of(identifier) % 3 and "m" not in mail["label"] else "none")
        if checks != "none":
            message["Authentication-Results"] = f"mx.{me[0].split('@')[1]}; spf={checks}; dkim={checks}; dmarc={checks}"
        body = "\n".join(mail["body"]).strip() + "\n"
        links = [value.split(" -> ") for key, value in mail["marks"] if key == "link"]
        message.set_content(body + "".join(f"\n{text}: {target}\n" for text, target in links))
        if links or {"html", "htmlonly", "hidden"} & marks.keys():
            html = "".join(block(part, "table" in marks) for part in body.strip().split("\n\n"))
            html += "".join(f'<p><a href="{target}">{text}</a></p>' for text, target in links)
            html += "".join(f'<div style="display:none;font-size:0">{value}</div>' for key, value in mail["marks"] if key == "hidden")
            page = f"<html><body>{html}</body></html>"
            if "htmlonly" in marks:
                message.set_content(page, subtype="html")
            else:
                message.add_alternative(page, subtype="html")
        for key, value in mail["marks"]:
            if key == "attach":
                message.add_attachment(b"%PDF-1.4 sample\n", maintype="application", subtype="octet-stream", filename=value)
            elif key == "ics":
                add_invitation(message, value, identifier, sender, zone)
        box.append((sent, message))
        label = mail["label"]
        if any(one in "SP" for one in label) and (mail["do"] or mail["at"]):
            sys.exit(f"{name} {mail['name']}: a fraud asks nothing of its owner")
        times = []
        for start, until, title, place in mail["at"]:
            end = datetime.datetime.fromisoformat(f"{start[:10]}T{until}").replace(tzinfo=zone).isoformat() if until else None
            if len(start) > 10:
                start = datetime.datetime.fromisoformat(start).replace(tzinfo=zone).isoformat()
            times.append({"title": title, "start": start, "end": end, "place": place or None})
        labels.append({"message_id": identifier, "group": f"{name}:{mail['name']}", "own": "m" in label,
                       "priority": "fyi" if "m" in label else PRIORITY[next(one for one in label if one in PRIORITY)], "personal": "p" in label,
                       "suspicious": "spam" if "S" in label else "phishing" if "P" in label else "none", "action_items": mail["do"], "appointments": times})
    place = out / name
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "mailbox.mbox", "w", encoding="utf-8", newline="\n") as file:
        for sent, message in box:
            text = message.as_bytes().decode("utf-8", "replace")
            text = "\n".join(">" + line if line.lstrip(">").startswith("From ") else line for line in text.split("\n"))
            file.write(f"From mailer@mail.example {sent.astimezone(datetime.timezone.utc).strftime('%a %b %d %H:%M:%S %Y')}\n{text}\n")

    def write(what, content):
        (place / what).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    write("labels.json", labels)
    write("owner.json", {"me": me, "now": owner["now"], "zone": owner["zone"], "language": owner["language"]})
    points = [{"text": one, "message_ids": [ids[one]], "must": True} for one in owner.get("brief", "").split()]
    write("briefing.json", [{"now": owner["now"], "points": points}])
    return len(labels)


def hash_of(text):
    value = 7
    for letter in text:
        value = (value * 31 + ord(letter)) % 1_000_003
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=pathlib.Path, default=folder.parents[1] / "build" / "eval" / "mailboxes")
    options = parser.parse_args()
    for name in options.names or sorted(path.stem for path in folder.glob("*.txt")):
        print(f"{name}: {build(name, options.out)} mails")


if __name__ == "__main__":
    main()
