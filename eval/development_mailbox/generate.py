#!/usr/bin/env python3
"""Makes the development mailbox from the hand-written mails of texts_es.py and texts_en.py: mailbox.mbox, owner.json, labels.json.

    eval/development_mailbox/generate.py [--variants 2]

Deterministic. Everything in it is fictional and ours. The mailbox is for training and tuning, never for reported figures: those
come from the mailbox that is held apart. Each label carries the group of its template, so that cross-validation can leave whole
groups out.
"""
import argparse
import datetime
import email.message
import email.policy
import email.utils
import json
import mailbox
import pathlib
import random
import re
from zoneinfo import ZoneInfo

import texts_en
import texts_es

folder = pathlib.Path(__file__).resolve().parent
zone = ZoneInfo("Europe/Madrid")
me = {"first": "Irene", "last": "Valcárcel", "private": "irene@valcarcel.example", "work": "irene.valcarcel@estudiobruma.example"}
days = {"es": ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
        "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]}
months = {"es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
          "en": "January February March April May June July August September October November December".split()}
spoken = {"es": {1: "la una", 2: "las dos", 4: "las cuatro", 5: "las cinco", 6: "las seis", 7: "las siete"},
          "en": {1: "one", 2: "two", 4: "four", 5: "five", 6: "six", 7: "seven"}}

family = [("Pilar Valcárcel", "pilar@valcarcel.example"), ("Tomás Valcárcel", "tomas.valcarcel@correo.example"), ("Edith Brand", "edith.brand@postbox.example")]
friends = [("Nuria Sanchís", "nuria.sanchis@correo.example"), ("Hugo Lledó", "hugo.lledo@correo.example"), ("Maggie Doyle", "maggie.doyle@postbox.example"),
           ("Sam Whitlock", "samwhit@postbox.example"), ("Berta Olmos", "bertaolmos@gmail.com"), ("Ed Farrow", "ed.farrow@outlook.com")]
neighbours = [("Carmen Ibáñez", "carmen.ibanez@correo.example"), ("Joan Pratt", "joan.pratt@postbox.example")]
colleagues = [("Raúl Peris", "raul.peris@estudiobruma.example"), ("Marta Gil", "marta.gil@estudiobruma.example"), ("Owen Reed", "owen.reed@estudiobruma.example")]
clients = [("Lucía Bonet", "lucia.bonet@marjal-editorial.example"), ("Iris Mena", "imena@robledal.example"), ("Peter Lunn", "p.lunn@northlight.example"),
           ("Grace Adeyemi", "grace@fernhill-books.example")]
offices = [("Secretaría del Ateneo", "secretaria@ateneo.example"), ("Administración de fincas Roca", "info@fincasroca.example"), ("Town Library", "loans@townlibrary.example"),
           ("Harbour Residents Office", "office@harbourresidents.example")]
trades = [("Fontanería Soria", "fontaneria.soria@correo.example"), ("Dale Heating", "dale@daleheating.example")]
landlords = [("Vicente Roig", "vroig@correo.example"), ("Helen Marsh", "helen.marsh@postbox.example")]
schools = [("Colegio Brezo", "secretaria@colegiobrezo.example"), ("Oakfield School", "office@oakfield-school.example")]
robots = {
    "airline": [("Aeroluz", "reservas@aeroluz.example"), ("Northern Rail Tickets", "noreply@tickets.northernrail.example")],
    "utility": [("Luz Clara", "avisos@luzclara.example"), ("Brightwater", "billing@brightwater.example")],
    "bank": [("Banco Sauce", "avisos@bancosauce.example"), ("Caja Albera", "notificaciones@cajaalbera.example"), ("Harbour Bank", "noreply@harbourbank.example")],
    "clinic": [("Clínica Bruma", "citas@clinicabruma.example"), ("Harbour Dental", "appointments@harbourdental.example")],
    "shop": [("Tienda Alcor", "pedidos@alcor.example"), ("Moss & Pine", "orders@mossandpine.example")],
    "parcel": [("Mensajería Rayo", "noreply@rayo.example"), ("SwiftParcel", "tracking@swiftparcel.example")],
    "service": [("Nubelia", "no-reply@nubelia.example"), ("Papermill", "security@papermill.example")],
    "provider": [("Papelería Técnica Soler", "facturacion@papelsoler.example"), ("Inkwell Supplies", "accounts@inkwellsupplies.example")],
    "shop-news": [("Tienda Alcor", "ofertas@news.alcor.example"), ("Moss & Pine", "hello@mossandpine.example"), ("Viajes Ola", "promo@viajesola.example")],
    "news": [("Ateneo", "boletin@ateneo.example"), ("The Paper Lantern", "hello@paperlantern.example"), ("Papermill", "news@papermill.example")],
    "service-news": [("Nubelia", "hola@nubelia.example"), ("Papermill", "hello@papermill.example")],
    "bank-news": [("Banco Sauce", "ofertas@comunicacion.bancosauce.example")],
    "spam": [("Growth Team", "mike@ranklift.example"), ("Salud Natural", "info@vidaesbelta.top"), ("Lucky Star", "bonus@luckystar-play.xyz"), ("Data Pro", "ventas@datospro-2026.example"),
             ("Victor", "victor.trade88@gmail.com")],
}
fakes = {
    "fakebank": [("Banco Sauce", "seguridad@banco-sauce-verificacion.example"), ("Banco Sauce", "avisos@bancosauee.example"), ("Harbour Bank", "alert@harbourbank.secure-login.top"),
                 ("Santander", "no-reply@clientes-aviso.example"), ("Harbour Bank Security", "harbour.bank.help@gmail.com"), ("Caja Albera", "info@cajalbera.example")],
    "fakeparcel": [("Correos", "aviso@correos-envios.top"), ("SwiftParcel", "delivery@swiftparcel-redelivery.example"), ("DHL Express", "support@parcel-tracking.click"), ("Mensajería Rayo", "rayo@entregas-rayo.example")],
    "faketax": [("Agencia Tributaria", "devoluciones@hacienda-reembolso.example"), ("HMRC", "refund@gov-taxrefund.example"), ("DGT", "multas@sede-dgt-pagos.example"), ("Tax Office", "noreply@refund-service.xyz")],
    "fakeboss": [("Raúl Peris", "raul.peris.direccion@gmail.com"), ("Owen Reed", "ceo.office77@outlook.com"), ("Marta Gil", "marta.gil@estudiobrurna.example")],
    "fakeson": [("Nora", "nora.tel.nuevo@gmail.com"), ("Barrister J. Cole", "jcole.chambers@consultant.example"), ("Hijo", "mensaje4471@correo.example")],
    "fakeprovider": [("Papelería Técnica Soler", "facturacion@papelsoller.example"), ("Inkwell Supplies", "accounts@inkwell-supplies.example"), ("Administración", "pagos.proveedores@gmail.com")],
    "fakeit": [("Soporte Técnico", "soporte@webmail-cuota.example"), ("IT Helpdesk", "helpdesk@mailbox-upgrade.xyz"), ("Mail Administrator", "admin@estudiobruma-mail.example"), ("Anonymous", "x9kd22@postbox.example")],
    "fakefile": [("Contabilidad", "contabilidad@facturas-pendientes.example"), ("Accounts", "accounts@overdue-billing.example")],
    "fakebrand": [("Netflix", "info@cuenta-actualiza.example"), ("Microsoft 365", "share@docs-secure-view.example"), ("Spotify", "billing@spotlfy-payments.example"), ("Nubelia", "aviso@nubella.example")],
}
kids = ["Nora", "Leo"]


class Slots:
    """Gives slots their words as they are asked for and keeps what they mean."""

    def __init__(self, random_, language, sent, sender):
        self.random, self.language, self.sent, self.sender = random_, language, sent, sender
        self.words, self.day, self.time = {}, {}, {}
        self.plain_day = {}

    def pick_day(self, key):
        if key not in self.day:
            kind = self.random.choice(["weekday", "weekday", "weekday", "date", "date", "tomorrow", "next"])
            today = self.sent.date()
            offset = {"tomorrow": 1, "weekday": self.random.randint(2, 6), "next": 7 - today.weekday() + self.random.randint(0, 4), "date": self.random.randint(3, 25)}[kind]
            date = today + datetime.timedelta(days=offset)
            if key == "2" and "1" in self.day and date <= self.day["1"]:
                date, kind = self.day["1"] + datetime.timedelta(days=self.random.randint(1, 4)), "date"
            self.day[key], self.plain_day[key] = date, kind
        date, kind = self.day[key], self.plain_day[key]
        name = days[self.language][date.weekday()]
        if self.language == "es":
            written = f"{date.day} de {months['es'][date.month - 1]}"
            return {"tomorrow": "mañana", "weekday": f"el {name}", "next": self.random.choice([f"el {name} de la semana que viene", f"el {name} {written}"]),
                    "date": self.random.choice([f"el {written}", f"el {name} {written}", f"el {date.day}/{date.month}"])}[kind]
        written = self.random.choice([f"{date.day} {months['en'][date.month - 1]}", f"{months['en'][date.month - 1]} {date.day}"])
        return {"tomorrow": "tomorrow", "weekday": name, "next": f"next {name}", "date": self.random.choice([written, f"{name} {written}"])}[kind]

    def pick_time(self, key, round_=False):
        if key not in self.time:
            hour, minute = self.random.choice([9, 10, 11, 12, 16, 17, 18, 19]), self.random.choice([0, 0, 30, 15])
            if round_:
                hour, minute = self.random.choice([20, 21]), 0
            self.time[key] = f"{hour:02}:{minute:02}"
        hour, minute = map(int, self.time[key].split(":"))
        if self.language == "es":
            forms = [f"a las {hour}:{minute:02}", f"a las {hour}.{minute:02} h"]
            if hour % 12 in spoken["es"] and minute in (0, 30) and hour > 12:
                forms.append("a " + spoken["es"][hour % 12] + (" y media" if minute else "") + self.random.choice(["", " de la tarde"]))
            if minute == 0:
                forms.append(f"a las {hour}")
        else:
            half = "am" if hour < 12 else "pm"
            forms = [f"at {hour % 12 or 12}:{minute:02} {half}", f"at {hour:02}:{minute:02}"]
            if minute == 0:
                forms.append(f"at {hour % 12 or 12}{half}")
            if hour % 12 in spoken["en"] and minute == 30 and hour > 12:
                forms.append(f"at half past {spoken['en'][hour % 12]}")
        return self.random.choice(forms)

    def __getitem__(self, name):
        if name in self.words:
            return self.words[name]
        self.words[name] = value = self.make(name)
        return value

    def make(self, name):
        spanish = self.language == "es"
        if name == "n":
            return me["first"]
        if name == "last":
            return me["last"]
        if name == "s":
            return self.sender[0].split()[0]
        if name == "x":
            return self.random.choice(["Clara", "Andrés", "Sonia", "Ben", "Tess"])
        if name == "kid":
            return self.random.choice(kids)
        if name == "sum":
            value = self.random.choice(["56,20", "118,00", "64,35", "243,90", "1.120,00", "87,15"])
            return value if spanish else value.replace(".", "").replace(",", ".")
        if name in ("hh1", "hh1b"):
            hour = min(self.sent.hour + 3, 20) if name == "hh1" else min(self.sent.hour + 5, 22)
            self.time[name] = f"{hour:02}:30"
            return self.time[name]
        if name.startswith("on"):
            key = name[2]
            words = self.pick_day(key)
            if spanish or words.startswith(("tomorrow", "next")) or name.endswith("n"):
                return words
            return "on " + words
        if name.startswith("by"):
            words = self.pick_day(name[2])
            if spanish:
                bare = words[3:] if words.startswith("el ") else words
                return self.random.choice([f"antes del {bare}" if words != bare else f"antes de {bare}", f"para {words}", f"como muy tarde {words}"])
            return self.random.choice(["by ", "before ", "no later than "]) + words
        if name.startswith("day"):
            words = self.pick_day(name[3])
            return words[3:] if words.startswith("el ") else words
        if name.startswith("date"):
            date = self.sent.date() + datetime.timedelta(days=self.random.randint(3, 25))
            self.day["1"] = date
            return f"{date.day} de {months['es'][date.month - 1]} de {date.year}" if spanish else f"{date.day} {months['en'][date.month - 1]} {date.year}"
        if name.startswith("at"):
            words = self.pick_time(name[2], name.endswith("r"))
            # After "sobre" and "around" the preposition has been said.
            return words if not name.endswith("r") else words[2:] if spanish and words.startswith("a ") else words[3:]
        raise KeyError(name)


class Words(dict):
    def __init__(self, slots):
        super().__init__()
        self.slots = slots

    def __missing__(self, name):
        return self.slots[name]


def sender_of(kind, language, random_):
    spanish = language == "es"
    if kind in robots:
        people = robots[kind]
        if len(people) == 2:
            return people[0 if spanish else 1]
        return random_.choice(people)
    if kind in fakes:
        return random_.choice(fakes[kind])
    people = {"family": family, "friend": friends, "neighbour": neighbours, "colleague": colleagues, "client": clients, "office": offices, "trade": trades,
              "landlord": landlords, "school": schools}[kind]
    if len(people) == 2:
        return people[0 if spanish else 1]
    return random_.choice(people)


def make_mail(number, text, language, sent, random_):
    group, kind, subject, body, priority, personal, tasks, appointments = text
    suspicious = tasks if isinstance(tasks, str) else "none"
    tasks = [] if isinstance(tasks, str) else tasks
    sender = sender_of(kind, language, random_)
    slots = Slots(random_, language, sent, sender)
    words = Words(slots)
    subject, body = subject.format_map(words), body.format_map(words)
    domain = sender[1].split("@")[1]
    message = email.message.EmailMessage()
    work = kind in ("colleague", "client", "provider") or (kind == "office" and random_.random() < 0.3)
    to = me["work"] if work or group.startswith("p-boss") else me["private"]
    message["From"] = email.utils.formataddr(sender)
    many = kind == "school" and priority == "fyi" or group in ("r-volunteer", "f-policy", "f-holiday", "f-community")
    name = f"{me['first']} {me['last']}"
    message["To"] = "familias@colegiobrezo.example" if many and kind == "school" else email.utils.formataddr((name, to)) + (", " + ", ".join(p[1] for p in colleagues[:3]) if many else "")
    message["Subject"] = subject
    message["Date"] = email.utils.format_datetime(sent)
    identifier = f"dev.{number:04}@{domain}"
    message["Message-ID"] = f"<{identifier}>"
    message["Delivered-To"] = to
    bulk = kind in ("shop-news", "news", "bank-news", "service-news")
    if bulk and random_.random() < 0.25:
        pass  # not every sender keeps to the customs
    elif bulk:
        message["List-Unsubscribe"] = f"<https://{domain}/baja?u=9>"
        if random_.random() < 0.5:
            message["List-Id"] = f"<news.{domain}>"
        if random_.random() < 0.5:
            message["Precedence"] = "bulk"
        if random_.random() < 0.4:
            message["Feedback-ID"] = "31:mailing"
    elif many and kind != "school" and random_.random() < 0.5:
        message["List-Id"] = "<todas.ateneo.example>"
    elif kind in robots and kind != "spam" and random_.random() < 0.5:
        message["Auto-Submitted"] = "auto-generated"
    elif kind == "spam" and random_.random() < 0.4:
        message["List-Unsubscribe"] = f"<https://{domain}/u>"
    checks = random_.random()
    if suspicious == "phishing":
        forged = checks < 0.45
        if checks < 0.8:
            verdict = "spf=fail smtp.mailfrom=mail.bulk-host.example; dkim=none; dmarc=fail" if forged else "spf=pass; dkim=pass; dmarc=pass"
            message["Authentication-Results"] = f"mx.valcarcel.example; {verdict}"
        if random_.random() < 0.3:
            message["Reply-To"] = "cuentas.claim@" + random_.choice(["gmail.com", "mail-support.example"])
    elif checks < 0.7:
        message["Authentication-Results"] = "mx.valcarcel.example; " + ("spf=pass; dkim=pass; dmarc=pass" if random_.random() < 0.9 else "spf=softfail; dkim=pass; dmarc=pass")
        if kind in robots and random_.random() < 0.1:
            message["Reply-To"] = "ayuda@" + domain
    # Links: of the real ones some go through a counting host.
    link = f"https://www.{domain.removeprefix('news.')}/area"
    if suspicious == "phishing":
        host = random_.choice([domain, "secure-verify-account.example", "bit.ly", "cuenta-segura.top", "203.0.113.9", "login.session-check.example"])
        link = f"https://{host}/s/{number}"
    elif bulk and random_.random() < 0.5:
        link = f"https://click.mailcount.example/t/{number}"
    anchor = None
    plain = body
    if "[[" in body:
        start, end = body.index("[["), body.index("]]")
        anchor = body[start + 2:end]
        if random_.random() < 0.3:
            anchor = random_.choice(["https://www.bancosauce.example/clientes", "www.harbourbank.example", "https://swiftparcel.example"])
        plain = body[:start] + anchor + ": " + link + body[end + 2:]
    rich = bulk or (kind in robots and random_.random() < 0.6) or (anchor and random_.random() < 0.7)
    if rich:
        html = "".join(f"<p>{line}</p>" for line in body.replace("[[", f'<a href="{link}">').replace("]]", "</a>").split("\n\n"))
        if anchor:
            html = html.replace(body[body.index("[[") + 2:body.index("]]")], anchor)
        if bulk or kind in robots and random_.random() < 0.5:
            html += f'<p><a href="{link}">{"Ver más" if language == "es" else "See more"}</a></p>'
        message.set_content(plain)
        message.add_alternative(f"<html><body>{html}</body></html>", subtype="html")
    else:
        message.set_content(plain)
    if kind == "fakefile":
        message.add_attachment(b"PK", maintype="application", subtype="octet-stream", filename=random_.choice(["factura_2291.docm", "invoice.html", "INV-8831.zip", "factura.pdf.exe"]))
    if kind in ("colleague", "client") and random_.random() < 0.3:
        message["In-Reply-To"] = f"<irene.{number:04}@valcarcel.example>"

    def day_of(slot):
        return None if slot is None else sent.date() if slot == "today" else slots.day.get(slot)

    def when(day, time):
        hour, minute = map(int, time.split(":"))
        return datetime.datetime.combine(day, datetime.time(hour, minute), zone).isoformat()

    label = {"message_id": identifier, "group": language + ":" + group, "priority": priority, "personal": bool(personal), "suspicious": suspicious,
             "action_items": [{"what": what.format_map(words), "due": day_of(slot).isoformat() if slot else None} for what, slot in tasks],
             "appointments": [{"title": title, "start": when(day_of(day), slots.time.get(time, time if ":" in time else None)), "end": None, "place": None}
                              for title, day, time in appointments]}
    return message, label


def sent_mail(number, person, sent, random_):
    message = email.message.EmailMessage()
    work = "estudiobruma" in person[1] or person in clients
    message["From"] = email.utils.formataddr((f"{me['first']} {me['last']}", me["work" if work else "private"]))
    message["To"] = email.utils.formataddr(person)
    english = person[0].split()[0] in ("Edith", "Maggie", "Sam", "Ed", "Joan", "Owen", "Peter", "Grace", "Helen")
    message["Subject"] = random_.choice(["Re: tonight", "A question", "Files"] if english else ["Re: lo de ayer", "Una cosa", "Archivos"])
    message["Date"] = email.utils.format_datetime(sent)
    message["Message-ID"] = f"<irene.sent.{number:03}@valcarcel.example>"
    message.set_content(random_.choice(["Thanks, that works for me. See you soon.\n\nIrene", "Here are the files we talked about. Tell me if something is missing.\n\nIrene"] if english
                                       else ["Gracias, me parece bien. Nos vemos pronto.\n\nIrene", "Te mando los archivos de los que hablamos. Si falta algo, me dices.\n\nIrene"]))
    return message


def household(place, name):
    """The mails of a household in one mbox, with labels for those that NAME_judged.txt judges. Nothing where it is not there."""
    if not place.exists():
        print(f"{place} is not there: left out")
        return
    raw = [path.read_bytes() for path in sorted(place.glob("maildir/**/cur/*")) + sorted(place.glob("maildir/**/new/*"))]
    box = mailbox.mbox(place / "work.mbox", factory=None)
    raw += [box.get_bytes(key) for key in box.keys()]
    found = {}
    for bytes_ in raw:
        bytes_ = bytes_.replace(b"\r\n", b"\n")
        message = email.message_from_bytes(bytes_, policy=email.policy.default)
        sender = email.utils.parseaddr(str(message["From"]))[1]
        found.setdefault(str(message["Message-ID"]).strip("<> "), (sender, bytes_))
    with open(folder / f"{name}.mbox", "wb") as out:
        for _, bytes_ in found.values():
            out.write(b"From x@y Thu May 07 10:00:00 2026\n" + re.sub(rb"(?m)^(>*From )", rb">\1", bytes_).rstrip(b"\n") + b"\n\n")
    names = {"u": "urgent", "r": "reply", "f": "fyi", "b": "bulk", "S": "bulk", "P": "bulk"}
    labels = []
    for line in (folder / f"{name}_judged.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        code, identifier = line.split(" ", 1)
        if identifier not in found:
            continue
        labels.append({"message_id": identifier, "group": name + ":" + found[identifier][0].split("@")[1], "priority": names[code[0]], "personal": "p" in code,
                       "suspicious": {"S": "spam", "P": "phishing"}.get(code[0], "none")})
    (folder / f"{name}_labels.json").write_text(json.dumps(labels, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    owner = json.loads((place / "household.json").read_text(encoding="utf-8"))
    (folder / f"{name}_owner.json").write_text(json.dumps({"me": owner["owner"]["addresses"], "now": owner["now"], "zone": owner["zone"]}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", type=int, default=2)
    options = parser.parse_args()
    random_ = random.Random(20260511)
    start = datetime.datetime(2026, 4, 1, 8, 0, tzinfo=zone)
    mails, labels, number = [], [], 0
    for _ in range(options.variants):
        for language, texts in (("es", texts_es.TEXTS), ("en", texts_en.TEXTS)):
            for text in texts:
                number += 1
                sent = start + datetime.timedelta(days=random_.randint(0, 39), minutes=random_.randint(0, 13 * 60))
                message, label = make_mail(number, text, language, sent, random_)
                mails.append((sent, message))
                labels.append((sent, label))
    for number, person in enumerate([p for people in (family, friends, neighbours[:1], colleagues, clients, landlords[:1]) for p in people] * 2):
        sent = start + datetime.timedelta(days=random_.randint(0, 39), minutes=random_.randint(0, 13 * 60))
        mails.append((sent, sent_mail(number, person, sent, random_)))
    mails.sort(key=lambda entry: entry[0])
    labels.sort(key=lambda entry: entry[0])
    with open(folder / "mailbox.mbox", "w", encoding="utf-8", newline="\n") as out:
        for sent, message in mails:
            text = message.as_bytes().decode("utf-8", "replace")
            text = "\n".join(">" + line if line.lstrip(">").startswith("From ") else line for line in text.split("\n"))
            out.write(f"From mailer@valcarcel.example {sent.astimezone(datetime.timezone.utc).strftime('%a %b %d %H:%M:%S %Y')}\n{text}\n")
            if not text.endswith("\n"):
                out.write("\n")
    (folder / "labels.json").write_text(json.dumps([label for _, label in labels], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "owner.json").write_text(json.dumps({"me": [me["private"], me["work"]], "now": "2026-05-11T08:00:00+02:00", "zone": "Europe/Madrid", "language": "es"}, indent=1) + "\n")
    household(folder.parents[1] / "samples" / "household", "household")
    household(folder.parent / "development_household", "development_household")
    print(f"{len(mails)} mails, {len(labels)} labels")


if __name__ == "__main__":
    main()
