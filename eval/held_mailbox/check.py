"""Checks that the labels are complete and agree with the mailbox, and that weekdays named in the texts are right.

Run after generate.py; says what is wrong and ends with 1, or prints counts and ends with 0.
"""

import collections
import datetime
import email
import json
import mailbox
import pathlib
import re
import sys
from email.policy import default
from email.utils import parseaddr
from zoneinfo import ZoneInfo

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import generate  # noqa: E402

problems = []


def expect(true, what):
    if not true:
        problems.append(what)


for name, content in generate.outputs().items():
    expect((HERE / name).read_bytes() == content, f"{name} is not what generate.py writes")

owner = json.loads((HERE / "owner.json").read_text())
labels = json.loads((HERE / "labels.json").read_text())
briefings = json.loads((HERE / "briefing.json").read_text())
zone = ZoneInfo(owner["zone"])

# ---- the mailbox
raw = (HERE / "mailbox.mbox").read_bytes()
separators = len(re.findall(rb"(?m)^From ", raw))
box = list(mailbox.mbox(HERE / "mailbox.mbox", factory=lambda file: email.message_from_binary_file(file, policy=default)))
expect(separators == len(box), "separator lines and messages differ: mboxrd quoting")
dates, inbound, outbound, bodies = {}, [], [], {}
for message in box:
    identity = message["Message-ID"]
    expect(identity not in dates, f"{identity} occurs twice")
    dates[identity] = message["Date"].datetime
    mine = parseaddr(message["From"])[1] in owner["me"]
    (outbound if mine else inbound).append(identity)
    defects = [defect for part in message.walk() for defect in part.defects]
    expect(not defects, f"{identity}: {defects}")
    for before in (message["References"] or "").split():
        expect(before in dates, f"{identity} refers to {before}, which does not come before it")
    expect(mine or (message["Authentication-Results"] and message["Received"]), f"{identity}: no transport headers")
    body = message.get_body(("plain", "html"))
    bodies[identity] = body.get_content()
expect(dates == dict(sorted(dates.items(), key=lambda item: item[1])), "not in order of time")

# ---- labels
expect([one["message_id"] for one in labels] == inbound, "labels are not exactly the inbound mails, in order")


def moment(text, where):
    """A day or a local time whose offset is that of the zone."""
    if len(text) == 10:
        return datetime.date.fromisoformat(text)
    parsed = datetime.datetime.fromisoformat(text)
    expect(parsed.utcoffset() == parsed.replace(tzinfo=zone).utcoffset(), f"{where}: offset of {text}")
    return parsed.date()


for one in labels:
    where, day = one["message_id"], dates[one["message_id"]].astimezone(zone).date()
    expect(one["priority"] in ("urgent", "reply", "fyi", "bulk"), f"{where}: priority")
    expect(one["suspicious"] in ("none", "spam", "phishing"), f"{where}: suspicious")
    expect(isinstance(one["personal"], bool), f"{where}: personal")
    if one["suspicious"] != "none":
        expect(one["priority"] == "bulk" and not one["personal"] and not one["action_items"] and not one["appointments"], f"{where}: a suspicious mail asks for nothing")
    if one["priority"] == "bulk":
        expect(not one["action_items"], f"{where}: bulk with something to do")
    if one["priority"] == "urgent":
        expect(one["action_items"], f"{where}: urgent without anything to do")
    for item in one["action_items"]:
        expect(item["what"] and isinstance(item["also"], list), f"{where}: action item")
        if item["due"]:
            expect(day <= moment(item["due"], where) <= day + datetime.timedelta(days=60), f"{where}: due {item['due']}")
    for item in one["appointments"]:
        start = moment(item["start"], where)
        expect(day <= start <= day + datetime.timedelta(days=60), f"{where}: start {item['start']}")
        if item["end"]:
            expect(item["end"] > item["start"] and moment(item["end"], where) - start <= datetime.timedelta(days=3), f"{where}: end {item['end']}")
    for item in one["commitments"]:
        expect(item["who"] and item["what"], f"{where}: commitment")
        if item["due"]:
            moment(item["due"], where)

# ---- briefings
expect(len(briefings) == 4, "four briefings")
by_id = {one["message_id"]: one for one in labels}
for briefing in briefings:
    now = datetime.datetime.fromisoformat(briefing["now"])
    expect(any(point["must"] for point in briefing["points"]), f"{now}: nothing that must be")
    for point in briefing["points"]:
        expect(point["message_ids"], f"{now}: {point['text']}: no message")
        for identity in point["message_ids"]:
            expect(identity in by_id and dates[identity] <= now, f"{now}: {point['text']}: {identity} is unknown or later")
            expect(not point["must"] or by_id.get(identity, {}).get("suspicious") == "none", f"{now}: {point['text']}: a suspicious mail")

# ---- "martes 29 de septiembre", "Thursday 8 October": the weekday must be that of the next such day
WEEKDAYS = {"lunes": 0, "martes": 1, "miércoles": 2, "jueves": 3, "viernes": 4, "sábado": 5, "domingo": 6, "monday": 0, "tuesday": 1,
            "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5, "sunday": 6}
NAMED = re.compile(r"\b(" + "|".join(WEEKDAYS) + r")(?: the|,)? (\d{1,2})(?:st|nd|rd|th)?\b(?!:|\s*(?:%|€|h\b|pm|am))", re.I)
weekdays = 0
for identity, body in bodies.items():
    own = re.split(r"(?m)^(?:El \w{3}, \d|On \w{3}, \d|________)", body)[0]
    for word, number in NAMED.findall(own):
        first = dates[identity].astimezone(zone).date()
        near = [day for day in (first + datetime.timedelta(days=ahead) for ahead in range(-3, 29)) if day.day == int(number)]
        near += [day for day in (first + datetime.timedelta(days=ahead) for ahead in range(29, 60)) if day.day == int(number)]
        weekdays += 1
        expect(any(day.weekday() == WEEKDAYS[word.lower()] for day in near), f"{identity}: {word} {number}")

if problems:
    print("\n".join(problems))
    sys.exit(1)
print(f"{len(inbound)} inbound, {len(outbound)} outbound;", dict(collections.Counter(one["priority"] for one in labels)),
      dict(collections.Counter(one["suspicious"] for one in labels)), f"{sum(one['personal'] for one in labels)} personal,",
      f"{sum(len(one['action_items']) for one in labels)} action items, {sum(len(one['appointments']) for one in labels)} appointments,",
      f"{sum(len(one['commitments']) for one in labels)} commitments of others, {sum(one.get('near_miss', False) for one in labels)} near misses,",
      f"{sum(point['must'] for one in briefings for point in one['points'])} briefing points that must be; {weekdays} named weekdays right")
