#!/usr/bin/env python3
"""Writes a mailbox of fictional mails, for measurements on a store of a size that years make.

    mails.py --count N --out FOLDER [--seed S]     FOLDER/0.mbox, 1.mbox … of 20,000 mails each

Everything follows from the seed: the same arguments give the same bytes. Threads of one to nine
mails with quotation and References, Spanish and English, plain text, HTML beside text, and
newsletters, in the encodings that mail programs use, over ten years. Names, addresses and firms are
made up; the domains end in .example.
"""
import argparse
import base64
import datetime as dt
import email.utils
import pathlib
import quopri
import random

PER_FILE = 20_000
BEGIN = dt.datetime(2016, 5, 1, 8, 0, tzinfo=dt.timezone.utc)
DAYS = 3650
OWNER = ("Clara Ferrer", "clara@ferrer.example")

FIRST = ("Ana Bruno Carla Diego Elena Fermín Gloria Hugo Inés Jaime Kenneth Laura Mateo Nuria Óscar Paula Quique "
         "Rosa Sergio Teresa Unai Violeta Walter Ximena Yolanda Zoe Alice Brian Cora Declan Edith Fiona Gareth "
         "Hazel Ian Joyce Keira Leonard Maeve Niall").split()
LAST = ("Abad Bermejo Castaño Dueñas Escribano Figueroa Garrido Huertas Iglesias Jurado Lozano Mansilla Navarrete "
        "Olmedo Pizarro Quiroga Redondo Salvatierra Tejedor Urrutia Valverde Yagüe Zamora Ashworth Bramley Calloway "
        "Dunmore Ellery Fairfax Greenhalgh Holloway Inchbald Jessop Kirkwood Lockhart Merriweather Northcott "
        "Osgood Pemberton Rutherford").split()
FIRMS = ("Aguas del Tormes", "Seguros Miraflor", "Talleres Bizcarra", "Banca Ondarreta", "Clínica Velintonia",
         "Colegio Fuentebella", "Mudanzas Trébol", "Librería Argumosa", "Harrow & Finch", "Northgate Energy",
         "Brightwater Dental", "Saltmarsh Railways", "Pinecrest Schools", "Larkfield Insurance", "Quayside Books",
         "Millbrook Garage")

# (subject, the thing, whom it concerns), by language
TOPICS = {
    "es": [("Presupuesto de la reforma", "el presupuesto", "el albañil"), ("Seguro del coche", "la póliza", "la correduría"),
           ("Excursión del colegio", "la autorización", "la tutora"), ("Cita con el dentista", "la cita", "la higienista"),
           ("Factura de la luz", "la factura", "la comercializadora"), ("Cena del sábado", "la mesa", "Marisa"),
           ("Junta de vecinos", "el acta", "el administrador"), ("Revisión de la caldera", "la revisión", "el técnico"),
           ("Billetes a Oporto", "la reserva", "la compañía"), ("Declaración de la renta", "el borrador", "la gestora"),
           ("Clases de piano", "el horario", "el profesor"), ("Vacuna del perro", "la cartilla", "la veterinaria"),
           ("Informe trimestral", "el informe", "la auditora"), ("Contrato de alquiler", "la fianza", "la casera"),
           ("Paquete sin entregar", "el paquete", "el repartidor"), ("Cumpleaños de la abuela", "la tarta", "tu hermano"),
           ("Traducción del folleto", "el glosario", "la clienta"), ("Matrícula del curso", "la matrícula", "la secretaría"),
           ("Taller de la bicicleta", "el freno", "el mecánico"), ("Huerto compartido", "el riego", "la asociación")],
    "en": [("Estimate for the roof", "the estimate", "the roofer"), ("Car insurance renewal", "the policy", "the broker"),
           ("School trip", "the consent form", "the form tutor"), ("Dentist appointment", "the appointment", "the hygienist"),
           ("Electricity bill", "the bill", "the supplier"), ("Dinner on Saturday", "the table", "Maureen"),
           ("Residents' meeting", "the minutes", "the managing agent"), ("Boiler service", "the service", "the engineer"),
           ("Tickets to Porto", "the booking", "the airline"), ("Tax return", "the draft", "the accountant"),
           ("Piano lessons", "the timetable", "the teacher"), ("Dog's vaccination", "the booklet", "the vet"),
           ("Quarterly report", "the report", "the auditor"), ("Tenancy agreement", "the deposit", "the landlady"),
           ("Parcel not delivered", "the parcel", "the courier"), ("Grandma's birthday", "the cake", "your brother"),
           ("Brochure translation", "the glossary", "the client"), ("Course enrolment", "the enrolment", "the office"),
           ("Bicycle repair", "the brake", "the mechanic"), ("Community garden", "the watering", "the committee")],
}
SENTENCES = {
    "es": ["Te escribo por {thing}: {who} dice que estará para el {day} a las {hour}.",
           "Al final son {amount} euros, con el IVA incluido, y hay que pagarlos antes del {day}.",
           "He hablado con {who} y prefiere que lo dejemos para {month}.",
           "¿Puedes mirar {thing} cuando tengas un rato? Creo que falta una firma.",
           "El número de referencia es {code}; te lo pedirán si llamas.",
           "{Who} me ha mandado otra versión y la anterior ya no vale.",
           "Si el {day} te viene mal, dímelo pronto y lo cambiamos.",
           "Acuérdate de llevar el carné y una copia de {thing}.",
           "La última vez nos cobraron {amount} euros de más, así que conviene revisarlo.",
           "Quedamos en la puerta a las {hour}, como siempre.",
           "No encuentro {thing} por ninguna parte; ¿lo tienes tú?",
           "Por lo demás, todo bien por aquí: mucho calor y poco tiempo.",
           "Te llamo el {day} por la tarde y lo cerramos.",
           "De momento no hace falta que hagas nada, solo quería que lo supieras.",
           "Hay dos opciones: esperar a {month} o pagar ahora los {amount} euros.",
           "{Who} pasará por casa entre las {hour} y las ocho."],
    "en": ["I'm writing about {thing}: {who} says it will be ready on {day} at {hour}.",
           "It comes to {amount} euros with everything included, to be paid before {day}.",
           "I spoke to {who}, who would rather leave it until {month}.",
           "Could you look at {thing} when you have a moment? I think a signature is missing.",
           "The reference is {code}; they will ask for it if you ring.",
           "{Who} sent another version, so the earlier one no longer counts.",
           "If {day} does not suit you, tell me soon and we will move it.",
           "Remember to bring your card and a copy of {thing}.",
           "Last time they charged us {amount} euros too much, so it is worth checking.",
           "We meet at the door at {hour}, as usual.",
           "I can't find {thing} anywhere; do you have it?",
           "Otherwise all is well here: plenty of rain and little time.",
           "I'll call you on {day} in the afternoon and we can settle it.",
           "Nothing for you to do yet, I only wanted you to know.",
           "There are two ways: wait until {month}, or pay the {amount} euros now.",
           "{Who} will come by between {hour} and eight."],
}
WORDS = {"es": {"days": "lunes martes miércoles jueves viernes sábado domingo".split(),
                "months": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
                "hello": ["Hola {name}:", "Buenos días, {name}:", "Querida {name}:", "{name},"],
                "bye": ["Un abrazo,", "Saludos,", "Gracias y un saludo,", "Besos,"],
                "wrote": "El {date}, {name} escribió:"},
         "en": {"days": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
                "months": "January February March April May June July August September October November December".split(),
                "hello": ["Hi {name},", "Dear {name},", "Good morning {name},", "{name},"],
                "bye": ["Best wishes,", "Kind regards,", "Thanks,", "Love,"],
                "wrote": "On {date}, {name} wrote:"}}


def plain(word):
    return word.lower().translate(str.maketrans("áéíóúüñ", "aeiouun")).replace(" ", "").replace("&", "")


class Writer:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.serial = 0
        self.people = [(f"{first} {last}", f"{plain(first)}.{plain(last)}@{self.chance.choice(['correo', 'post', 'mail'])}"
                        f"{self.chance.randint(1, 9)}.example") for first in FIRST for last in self.chance.sample(LAST, 12)]
        self.firms = [(firm, f"info@{plain(firm)}.example") for firm in FIRMS]

    def paragraphs(self, language, topic, count):
        """`count` sentences on a topic, in paragraphs, wrapped as mail programs do."""
        chance, words = self.chance, WORDS[language]
        said = []
        for _ in range(count):
            said.append(chance.choice(SENTENCES[language]).format(
                thing=topic[1], who=topic[2], Who=topic[2][0].upper() + topic[2][1:], day=chance.choice(words["days"]),
                month=chance.choice(words["months"]), hour=f"{chance.randint(8, 20)}:{chance.choice(['00', '15', '30', '45'])}",
                amount=f"{chance.randint(9, 4800)}{chance.choice(['', ',50', ',95'])}",
                code=f"{chance.choice('ABCDEFGHKLMNPRST')}{chance.randint(1000, 999999)}"))
        lines, line = [], ""
        for index, sentence in enumerate(said):
            for word in sentence.split():
                if len(line) + len(word) > 75:
                    lines.append(line)
                    line = ""
                line = f"{line} {word}" if line else word
            if index % 3 == 2 or index == len(said) - 1:
                lines += [line, ""]
                line = ""
        return "\n".join(lines)

    def mail(self, sender, receiver, date, subject, text, earlier, language, html):
        chance = self.chance
        self.serial += 1
        identity = f"<{self.serial:06d}.{chance.getrandbits(48):012x}@{sender[1].split('@')[1]}>"
        header = [f"Return-Path: <{sender[1]}>",
                  f"Received: from mx{chance.randint(1, 9)}.{sender[1].split('@')[1]} by mx.ferrer.example with ESMTPS;",
                  f"\t{email.utils.format_datetime(date)}",
                  f"Message-ID: {identity}", f"Date: {email.utils.format_datetime(date)}",
                  f"From: {encoded(sender[0])} <{sender[1]}>", f"To: {encoded(receiver[0])} <{receiver[1]}>",
                  f"Subject: {encoded(subject)}"]
        if earlier:
            header += [f"In-Reply-To: {earlier[-1]}", "References: " + "\n ".join(earlier)]
        header.append("MIME-Version: 1.0")
        if html:
            boundary = f"=_{chance.getrandbits(64):016x}"
            markup = "".join(f"<p>{part}</p>\n" for part in text.split("\n\n") if part.strip())
            markup = f"<html lang=\"{language}\"><body><style>p {{ margin: 8px }}</style>\n{markup}</body></html>\n"
            body = (f"--{boundary}\n{part_of('plain', text, chance)}\n--{boundary}\n{part_of('html', markup, chance)}\n"
                    f"--{boundary}--\n")
            header.append(f'Content-Type: multipart/alternative; boundary="{boundary}"\n')
            content = "\n".join(header) + "\n" + body
        else:
            content = "\n".join(header) + "\n" + part_of("plain", text, chance)
        from_line = date.strftime("From %%s %a %b %e %H:%M:%S %Y\n") % sender[1]
        lines = [">" + line if line.lstrip(">").startswith("From ") else line for line in content.split("\n")]
        return identity, from_line + "\n".join(lines).rstrip("\n") + "\n\n"

    def thread(self, begun):
        """The mails of one thread, as (date, text)."""
        chance = self.chance
        language = "es" if chance.random() < 0.6 else "en"
        topic, words = chance.choice(TOPICS[language]), WORDS[language]
        subject = topic[0] if chance.random() < 0.4 else f"{topic[0]} ({chance.choice(words['months'])} {begun.year})"
        if chance.random() < 0.2:  # a firm writes, nobody answers
            firm = chance.choice(self.firms)
            text = self.paragraphs(language, topic, chance.randint(6, 40)) + f"\n{firm[0]}\nwww.{firm[1].split('@')[1]}\n"
            yield begun, self.mail(firm, OWNER, begun, subject, text, [], language, html=True)[1]
            return
        other = chance.choice(self.people)
        identities, quoted, date = [], "", begun
        writer, reader = (other, OWNER) if chance.random() < 0.6 else (OWNER, other)
        for position in range(1 + min(8, int(chance.expovariate(0.55)))):
            own = (chance.choice(words["hello"]).format(name=reader[0].split()[0]) + "\n\n" +
                   self.paragraphs(language, topic, chance.randint(2, 9)) + "\n" + chance.choice(words["bye"]) +
                   f"\n{writer[0].split()[0]}\n")
            text = own + quoted + (f"\n-- \n{writer[0]}\n{writer[1]}\n" if chance.random() < 0.3 else "")
            named = subject if position == 0 else "Re: " + subject
            identity, content = self.mail(writer, reader, date, named, text, identities[-10:], language, chance.random() < 0.15)
            yield date, content
            identities.append(identity)
            quoted = ("\n" + words["wrote"].format(date=date.strftime("%d/%m/%Y %H:%M"), name=writer[0]) + "\n" +
                      "\n".join("> " + line for line in (own + quoted).split("\n")[:40]) + "\n")
            date += dt.timedelta(minutes=chance.randint(5, 4000))
            writer, reader = reader, writer


def encoded(words):
    if words.isascii():
        return words
    return "=?utf-8?B?" + base64.b64encode(words.encode()).decode() + "?="


def part_of(kind, text, chance):
    how = chance.random()
    if text.isascii():
        return f"Content-Type: text/{kind}; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\n{text}"
    if how < 0.5:
        return (f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
                quopri.encodestring(text.encode()).decode())
    if how < 0.6:
        return (f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
                base64.encodebytes(text.encode()).decode())
    return f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}"


def write(count, folder, seed=11):
    """Writes the mails into folder and returns the files, oldest mails first."""
    writer, mails = Writer(seed), []
    while len(mails) < count:
        begun = BEGIN + dt.timedelta(minutes=writer.chance.randint(0, DAYS * 24 * 60))
        mails += writer.thread(begun)
    mails = sorted(mails[:count])
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for first in range(0, count, PER_FILE):
        files.append(folder / f"{first // PER_FILE}.mbox")
        files[-1].write_bytes("".join(text for _, text in mails[first:first + PER_FILE]).encode())
    return files


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--out", type=pathlib.Path, required=True)
    options.add_argument("--seed", type=int, default=11)
    given = options.parse_args()
    for path in write(given.count, given.out, given.seed):
        print(path, path.stat().st_size)
