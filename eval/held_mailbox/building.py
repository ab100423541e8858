"""What the texts in source/ are written with, and how they become an mbox.

A text says once who wrote what and when, and beside it what the owner would want to be told about it; this file gives it
the clothes of real mail: transport headers, alternatives in HTML, quoted replies, signatures, charsets. Everything that
varies is drawn from a hash of the mail's key, so that the bytes are the same each time and one new mail changes no other.
"""

import base64
import datetime
import hashlib
import html
import quopri
import random
import re
from dataclasses import dataclass, field
from email.generator import BytesGenerator
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import compat32
from email.utils import format_datetime
from io import BytesIO
from zoneinfo import ZoneInfo

SEED = "held mailbox 1"
ZONE = ZoneInfo("Europe/Madrid")
WORK = "cova.llaneza@ofcantabrico.example"
HOME = "cova.llaneza@buzonastur.example"
OWNER_NAME = "Cova Llaneza"


@dataclass
class Person:
    name: str
    address: str
    client: str = "gmail"  # gmail, outlook, apple, thunderbird, machine
    language: str = "es"
    signature: str = ""
    auth: str = "pass"  # pass, none, soft, fail, own (passes, for its own domain only)
    to: str = HOME
    listed: dict = field(default_factory=dict)


@dataclass
class Mail:
    key: str
    when: datetime.datetime
    sender: Person
    subject: str
    body: str
    priority: str
    options: dict

    @property
    def message_id(self):
        return self.options["message_id"]


MAILS: list[Mail] = []
BY_KEY: dict[str, Mail] = {}
PEOPLE: dict[str, Person] = {}


def person(key, name, address, **options):
    PEOPLE[key] = Person(name, address, **options)


def local(text):
    """A local time or a day, as written in the sources, as ISO text with the zone's offset."""
    if text is None or len(text) == 10:
        return text
    return datetime.datetime.fromisoformat(text.replace(" ", "T")).replace(tzinfo=ZONE).isoformat()


def dice(key, purpose=""):
    return random.Random(hashlib.sha256(f"{SEED}/{key}/{purpose}".encode()).digest())


def mail(key, when, sender, subject, body, priority, **options):
    """One inbound mail. do=[(what, due, the same in the other language)], at=[(title, start, end, place)],
    owed=[(who, what, due)]; re=KEY makes it a reply; personal, suspicious, near as in the README."""
    known = {"do", "at", "owed", "re", "personal", "suspicious", "near", "to", "cc", "quote", "auth", "charset", "attach",
             "invite", "html", "listed", "auto", "reply_to", "signed", "html_only", "domain"}
    assert set(options) <= known, set(options) - known
    assert key not in BY_KEY, key
    moment = datetime.datetime.fromisoformat(when).replace(tzinfo=ZONE)
    draw = dice(key, "second")
    moment = moment.replace(second=draw.randrange(60))
    author = PEOPLE[sender] if isinstance(sender, str) else sender
    domain = author.address.split("@")[1]
    digest = hashlib.sha256(f"{SEED}/{key}".encode()).hexdigest()
    shapes = {"gmail": f"CA{digest[:28]}@mail.{domain}", "outlook": f"{digest[:8].upper()}.{digest[8:20].upper()}@{domain}",
              "apple": f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:28]}@{domain}".upper().replace(domain.upper(), domain),
              "thunderbird": f"{digest[:8]}-{digest[8:12]}-{digest[12:24]}@{domain}", "machine": f"{moment:%Y%m%d%H%M%S}.{digest[:10]}@{domain}"}
    options["message_id"] = "<" + shapes[author.client] + ">"
    made = Mail(key, moment, author, subject, body.strip("\n"), priority, options)
    MAILS.append(made)
    BY_KEY[key] = made
    return made


def sent(key, when, to, subject, body, re=None, address=WORK, **options):
    """One mail by the owner, so that there is history."""
    mail(key, when, OWNERS[address], subject, body, "sent", to=to, re=re, **options)


OWNERS = {
    WORK: Person(OWNER_NAME, WORK, client="thunderbird", signature="Cova Llaneza\nJefa de producción · Head of Production\nOrquesta Filarmónica del Cantábrico"),
    HOME: Person(OWNER_NAME, HOME, client="thunderbird"),
}

# ---------------------------------------------------------------- text and HTML

LINK = re.compile(r"\{\{(.*?)\|(.*?)\}\}")
DAYS = {"es": ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"], "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]}
MONTHS = {"es": ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"],
          "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]}


def plain(text):
    """The text alternative: a link that shows an address shows only that, as mail programs do."""
    def one(match):
        shown, target = match.groups()
        return shown if shown.startswith(("http", "www.")) else f"{shown}: {target}"
    return LINK.sub(one, text)


def paragraphs(text):
    parts = []
    for block in re.split(r"\n\s*\n", text):
        escaped = html.escape(block, quote=False)
        escaped = LINK.sub(lambda match: f'<a href="{match.group(2)}">{match.group(1)}</a>', escaped)
        parts.append("<p>" + escaped.replace("\n", "<br>\n") + "</p>")
    return "\n".join(parts)


def page(made, text, quoted):
    style = made.options.get("html", "shop" if made.options.get("auto") is True else None)
    body = paragraphs(text)
    if style == "shop":
        host = made.sender.address.split("@")[1]
        draw = dice(made.key, "shop")
        colour = draw.choice(["#114b5f", "#7a1f3d", "#2d6a4f", "#f2a541", "#333366"])
        body = (f'<div style="display:none;max-height:0;overflow:hidden">{html.escape(made.subject)}&#847;&zwnj;&nbsp;</div>\n'
                f'<table width="600" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td bgcolor="{colour}">'
                f'<img src="https://img.{host}/logo.png" width="160" alt="{html.escape(made.sender.name)}"></td></tr>\n'
                f'<tr><td style="font-family:Arial,sans-serif;font-size:15px;padding:20px">\n{body}\n</td></tr></table>\n'
                f'<img src="https://t.{host}/o/{draw.randrange(10**9)}.gif" width="1" height="1" alt="">')
    if quoted:
        inner = paragraphs("\n".join(line[2:] if line.startswith("> ") else line.removeprefix(">") for line in quoted.split("\n")))
        body += f'\n<blockquote type="cite" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex">\n{inner}\n</blockquote>'
    return f'<html><head><meta http-equiv="Content-Type" content="text/html"></head>\n<body>\n{body}\n</body></html>\n'


def quotation(made):
    """The mail before, quoted as the writer's program quotes."""
    parent = made.options.get("re")
    if not parent or made.options.get("quote") is False:
        return ""
    before = BY_KEY[parent]
    language = made.sender.language
    day, month = DAYS[language][before.when.weekday()], MONTHS[language][before.when.month - 1]
    text = full_text(before)
    if made.sender.client == "outlook":
        stamp = f"{before.when.day} {month} {before.when.year} {before.when:%H:%M}"
        words = ("De", "Enviado el", "Para", "Asunto") if language == "es" else ("From", "Sent", "To", "Subject")
        ahead = "________________________________\n" + "\n".join(f"{word}: {value}" for word, value in zip(
            words, (f"{before.sender.name} <{before.sender.address}>", stamp, made.sender.name, before.subject)))
        return ahead + "\n\n" + text
    if language == "es":
        ahead = f"El {day}, {before.when.day} {month} {before.when.year} a las {before.when:%H:%M}, {before.sender.name} (<{before.sender.address}>) escribió:"
    else:
        ahead = f"On {day}, {before.when.day} {month} {before.when.year} at {before.when:%H:%M}, {before.sender.name} <{before.sender.address}> wrote:"
    return ahead + "\n\n" + "\n".join(("> " + line).rstrip() for line in text.split("\n"))


def full_text(made):
    text = plain(made.body)
    if made.sender.signature and made.options.get("signed", True):
        text += "\n\n" + ("-- \n" if made.sender.client in ("thunderbird", "gmail") else "") + made.sender.signature
    quoted = quotation(made)
    return text + ("\n\n" + quoted if quoted else "")


# ---------------------------------------------------------------- MIME

def text_part(subtype, text, charset, draw):
    raw = (text.rstrip("\n") + "\n").encode(charset)
    part = MIMENonMultipart("text", subtype, charset=charset)
    if raw.isascii() and max(len(line) for line in raw.split(b"\n")) < 900:
        part["Content-Transfer-Encoding"] = "7bit"
        part.set_payload(raw.decode("ascii"))
        return part
    way = draw.choice(["quoted-printable", "quoted-printable", "base64"])
    part["Content-Transfer-Encoding"] = way
    part.set_payload(base64.encodebytes(raw).decode("ascii") if way == "base64" else quopri.encodestring(raw).decode("ascii"))
    return part


def attachment(name, draw):
    kinds = {"pdf": ("application", "pdf", b"%PDF-1.4\n%%EOF\n"), "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x05\x06" + bytes(18)),
             "docx": ("application", "vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x05\x06" + bytes(18)),
             "jpg": ("image", "jpeg", b"\xff\xd8\xff\xd9"), "png": ("image", "png", b"\x89PNG\r\n\x1a\n"), "zip": ("application", "zip", b"PK\x05\x06" + bytes(18)),
             "html": ("text", "html", b"<html></html>\n"), "htm": ("text", "html", b"<html></html>\n")}
    main, sub, content = kinds[name.rsplit(".", 1)[1].lower()]
    part = MIMENonMultipart(main, sub)
    part.add_header("Content-Disposition", "attachment", filename=name if name.isascii() else ("utf-8", "", name))
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(content).decode("ascii"))
    return part


def invitation(made):
    """method, uid, sequence, title, start, end, place."""
    method, uid, sequence, title, start, end, place = made.options["invite"]
    def stamp(text):
        return datetime.datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "PRODID:-//Agenda//1.0//EN", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT", f"UID:{uid}", f"SEQUENCE:{sequence}",
             f"DTSTAMP:{made.when.astimezone(datetime.timezone.utc):%Y%m%dT%H%M%SZ}", f"DTSTART:{stamp(start)}", f"DTEND:{stamp(end)}", f"SUMMARY:{title}",
             f"LOCATION:{place}", f"ORGANIZER;CN={made.sender.name}:mailto:{made.sender.address}",
             f"ATTENDEE;CN={OWNER_NAME};PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{WORK}",
             "STATUS:CANCELLED" if method == "CANCEL" else "STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR"]
    part = MIMENonMultipart("text", "calendar", charset="utf-8", method=method)
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(("\r\n".join(lines) + "\r\n").encode()).decode("ascii"))
    return part


def header(value, charset):
    return value if value.isascii() else Header(value, charset, maxlinelen=74).encode(linesep="\n")


def mailbox_header(name, address, charset):
    if not name:
        return address
    if not name.isascii():
        return f"{Header(name, charset, maxlinelen=60).encode()} <{address}>"
    return f'"{name}" <{address}>' if re.search(r'[^A-Za-z0-9 \-]', name) else f"{name} <{address}>"


def address_of(who):
    """A key of PEOPLE, an address of the owner, or "Name <address>"."""
    if who in PEOPLE:
        return PEOPLE[who].name, PEOPLE[who].address
    if who in (WORK, HOME):
        return OWNER_NAME, who
    found = re.fullmatch(r"(.*?)\s*<(.*)>", who)
    return (found.group(1), found.group(2)) if found else ("", who)


def several(whom, charset):
    return ", ".join(mailbox_header(*address_of(who), charset) for who in ([whom] if isinstance(whom, str) else whom))


def references(made):
    chain, at = [], made.options.get("re")
    while at:
        chain.insert(0, BY_KEY[at].message_id)
        at = BY_KEY[at].options.get("re")
    return chain


AGENTS = {"outlook": ("X-Mailer", "Microsoft Outlook 16.0"), "apple": ("X-Mailer", "Apple Mail (2.3774.500.171)"),
          "thunderbird": ("User-Agent", "Mozilla Thunderbird")}


def transport(made, message, draw):
    sender, host = made.sender, made.sender.address.split("@")[1]
    receiver = address_of(made.options.get("to") or sender.to if isinstance(made.options.get("to") or sender.to, str) else made.options["to"][0])[1]
    mine = receiver if receiver in (WORK, HOME) else sender.to
    here = "mx." + mine.split("@")[1]
    utc = made.when.astimezone(datetime.timezone.utc)
    later = made.when + datetime.timedelta(seconds=draw.randrange(1, 9))
    envelope = made.options.get("domain", host)
    bulk = made.options.get("listed", sender.listed)
    message["Return-Path"] = f"<bounce-{draw.randrange(10**7)}@{envelope}>" if bulk else f"<{sender.address.split('@')[0]}@{envelope}>"
    message["Delivered-To"] = mine
    relay = f"mail-{draw.choice('abcdef')}{draw.randrange(10, 99)}.{envelope}"
    numbers = f"{draw.choice([192, 198, 203])}.0.{draw.choice([2, 113, 100])}.{draw.randrange(1, 255)}"
    token = "".join(draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(11))
    message["Received"] = (f"from {relay} ({relay} [{numbers}])\n\tby {here} with ESMTPS id {token}\n\tfor <{mine}>; {format_datetime(later)}")
    message["Received"] = f"from [10.{draw.randrange(255)}.{draw.randrange(255)}.{draw.randrange(255)}] by {relay} with ESMTPSA; {format_datetime(utc)}"
    auth = made.options.get("auth", sender.auth)
    user = sender.address
    says = {"pass": f"spf=pass smtp.mailfrom={user};\n\tdkim=pass header.d={host};\n\tdmarc=pass header.from={host}",
            "none": f"spf=none smtp.mailfrom={user};\n\tdkim=none;\n\tdmarc=none header.from={host}",
            "soft": f"spf=softfail smtp.mailfrom={user};\n\tdkim=none;\n\tdmarc=none header.from={host}",
            "list": f"spf=pass smtp.mailfrom={envelope};\n\tdkim=fail (body hash did not verify) header.d={host};\n\tdmarc=none header.from={host}",
            "fail": f"spf=fail smtp.mailfrom={user.split('@')[0]}@{envelope};\n\tdkim=none;\n\tdmarc=fail (p=NONE) header.from={host}",
            "other": f"spf=pass smtp.mailfrom={envelope};\n\tdkim=pass header.d={envelope};\n\tdmarc=fail (p=NONE) header.from={host}"}[auth]
    message["Authentication-Results"] = f"{here};\n\t{says}"
    if auth in ("pass", "list"):
        signed = base64.b64encode(hashlib.sha256(made.key.encode()).digest()).decode()
        message["DKIM-Signature"] = f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={host}; s=s{draw.randrange(1, 4)};\n\th=from:to:subject:date:message-id;\n\tb={signed}"


def compose(made):
    draw = dice(made.key, "mime")
    charset = made.options.get("charset", "utf-8")
    text, quoted = made.body, quotation(made)
    if made.sender.signature and made.options.get("signed", True):
        text += "\n\n" + ("-- \n" if made.sender.client in ("thunderbird", "gmail") else "") + made.sender.signature
    shown = plain(text) + ("\n\n" + quoted if quoted else "")
    machine = made.options.get("auto") is True and dice(made.key, "page").random() < 0.6
    wants_html = made.options.get("html", machine or (made.sender.client in ("gmail", "outlook") and made.priority != "sent"))
    listed = made.options.get("listed", made.sender.listed)
    if listed.get("footer"):
        shown += "\n\n" + listed["footer"]
    first = text_part("plain", shown, charset, draw)
    page_text = text + ("\n\n" + listed["footer"] if listed.get("footer") else "")
    only_page = listed.get("bulk") and made.options.get("html") == "shop" and dice(made.key, "only").random() < 0.3
    if made.options.get("html_only") or only_page:
        first = text_part("html", page(made, page_text, quoted), charset, draw)
    elif wants_html or "invite" in made.options:
        both = MIMEMultipart("alternative")
        both.attach(first)
        if wants_html:
            both.attach(text_part("html", page(made, page_text, quoted), charset, draw))
        if "invite" in made.options:
            both.attach(invitation(made))
        first = both
    if made.options.get("attach"):
        mixed = MIMEMultipart("mixed")
        del mixed["MIME-Version"]
        mixed.attach(first)
        for name in made.options["attach"]:
            mixed.attach(attachment(name, draw))
        first = mixed
    for count, part in enumerate(first.walk()):
        del part["MIME-Version"]
        if part.is_multipart():
            part.set_boundary(f"=_{hashlib.sha256((SEED + made.key).encode()).hexdigest()[:20]}_{count}")
    own = list(first.items())
    for name in [name for name, _ in own]:
        del first[name]
    if made.priority != "sent":
        transport(made, first, draw)
    first["From"] = mailbox_header(made.sender.name, made.sender.address, charset)
    first["To"] = several(made.options.get("to") or made.sender.to, charset)
    if made.options.get("cc"):
        first["Cc"] = several(made.options["cc"], charset)
    if made.options.get("reply_to"):
        first["Reply-To"] = made.options["reply_to"]
    first["Subject"] = header(made.subject, charset)
    first["Date"] = format_datetime(made.when)
    first["Message-ID"] = made.message_id
    chain = references(made)
    if chain:
        first["In-Reply-To"] = chain[-1]
        first["References"] = "\n ".join(chain)
    host = made.sender.address.split("@")[1]
    if listed.get("id"):
        first["List-Id"] = listed["id"]
    if listed.get("post"):
        first["List-Post"] = f"<mailto:{listed['post']}>"
        first["Precedence"] = "list"
    if listed.get("unsubscribe"):
        first["List-Unsubscribe"] = f"<https://{host}/baja/{draw.randrange(10**8)}>, <mailto:unsubscribe@{host}>"
        first["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if listed.get("bulk"):
        first["Precedence"] = "bulk"
    if made.options.get("auto"):
        first["Auto-Submitted"] = "auto-generated" if made.options["auto"] is True else made.options["auto"]
    if made.sender.client in AGENTS:
        first[AGENTS[made.sender.client][0]] = AGENTS[made.sender.client][1]
    first["MIME-Version"] = "1.0"
    for name, value in own:
        first[name] = value
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, maxheaderlen=0, policy=compat32).flatten(first)
    return out.getvalue()


def mbox():
    out = []
    for made in sorted(MAILS, key=lambda one: one.when):
        raw = compose(made)
        raw = re.sub(rb"(?m)^(>*From )", rb">\1", raw)
        stamp = made.when.astimezone(datetime.timezone.utc).strftime("%a %b %e %H:%M:%S %Y")
        out.append(f"From {made.sender.address} {stamp}\n".encode() + raw.rstrip(b"\n") + b"\n\n")
    return b"".join(out)


def labels():
    """One object for each inbound mail, in the order of the mailbox."""
    out = []
    for made in sorted(MAILS, key=lambda one: one.when):
        if made.priority == "sent":
            continue
        options = made.options
        one = {"message_id": made.message_id, "priority": made.priority, "personal": bool(options.get("personal")),
               "suspicious": options.get("suspicious", "none"),
               "action_items": [{"what": item[0], "due": local(item[1]), "also": list(item[2:])} for item in options.get("do", [])],
               "appointments": [{"title": item[0], "start": local(item[1]), "end": local(item[2]), "place": item[3]} for item in options.get("at", [])],
               "commitments": [{"who": item[0], "what": item[1], "due": local(item[2])} for item in options.get("owed", [])]}
        if options.get("near"):
            one["near_miss"] = True
        out.append(one)
    return out
