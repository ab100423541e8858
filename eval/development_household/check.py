#!/usr/bin/env python3
"""Checks the development household as written on disk and prints its counts.

It reads the outputs with the readers of the second household's check, then tests each question: its facts
stand in the named items, a question marked "two" needs both of them, a replaced value stands in something
older, and what is said to be absent is absent everywhere. Exit status 1 on any failure.
"""

import collections
import datetime
import json
import re
import sys

import borrowed
import generate

second = borrowed.load("check")
second.HERE = generate.HERE
plain = second.plain

# Questions whose answer is worked out, or told in other words: what the items themselves must say.
DERIVED = {
    "dev-01": [["slides a fortnight: it's the 23rd now"], ["half seven"]],
    "dev-03": [["Iain Petrie"], ["Saturday and Sunday 09:30"]],
    "dev-06": [["it's the Friday train instead, same time"], ["19:12"]],
    "dev-09": [["985 con el iva"], ["1.045,00"]],
    "dev-10": [["el viernes, el 22"], ["entre 8 y 9"]],
    "dev-17": [["donde siempre, pero media hora antes"], ["calle Séquia 14. Si el concierto es por la mañana, a las 10:45"]],
    "dev-18": [["De uniforme, el de verano"], ["polo blanco, pantalón azul marino y zapato negro"]],
    "dev-20": [["Vicent waiting at the exit"], ["Sunday 7 June at 17:20"]],
    "dev-24": [["1,34 kg"], ["pesaba 1,41"]],
    "dev-25": [["240 con la hechura, y me diste 80"], ["te quito 25"]],
    "dev-26": [["velódromo a las 7:15"], ["adelantamos la salida veinte minutos"]],
    "dev-28": [["DTSTART;TZID=Europe/Madrid:20260524T201500"]],
    "dev-29": [["DTSTART;TZID=Europe/Lisbon:20260917T114500"]],
    "dev-30": [["a la tutora, como muy tarde el viernes 22"], ["14 €"]],
    "dev-34": [["a las once y media"], ["muestras de la piedra"]],
    "dev-37": [["nine hundred and sixty-eight"], ["the other half follows on the 29th"]],
    "dev-42": [["BDAY:19800625"]],
}

# Patterns that no item may match: the missing attribute, near the thing it belongs to.
ABSENT = {
    "dev-46": [r"\b(college|lyceum|gymnasium|school (is )?(called|named))\b"],
    "dev-47": [r"(fence|valla).{0,60}(metres? high|cm high|de alto|altura)"],
    "dev-48": [r"\b\d{3}/\d{2} ?r ?\d{2}\b", r"\br1[3-7]\b"],
    "dev-49": [r"fianza.{0,60}\d", r"\d+.{0,30}de fianza"],
    "dev-50": [r"(aspirin|amlodipin|bisoprolol|statin|ramipril|paracetamol)"],
    "dev-51": [r"garantia.{0,80}reloj", r"reloj.{0,200}garantia", r"watch.{0,80}guarantee"],
    "dev-52": [r"\b(seat|asiento) ?:? ?\d{1,2}[a-f]\b", r"\b\d{1,2}[a-f]\b.{0,20}(window|aisle)"],
    "dev-53": [r"train.{0,60}(£|€|euros|pounds)"],
    "dev-54": [r"\b(pasodoble|marcha|obertura|sinfonia|tocan \")", r"piezas (son|seran)"],
    "dev-55": [r"\b\d+ (habitaciones|rooms)\b", r"habitaciones"],
    "dev-56": [r"pancracio.{0,80}(years old|anos de edad|born|\bnacio\b)", r"\d+ (years old|anos).{0,40}(tortuga|tortoise)"],
    "dev-57": [r"xaloc.{0,300}\b9\d\d \d{3} ?\d{3}", r"(telefono|tel\.).{0,40}\d{3} \d{3}"],
    "dev-58": [r"hotel [A-Z]?\w+.{0,40}(lisbon|lisboa)", r"(lisbon|lisboa).{0,60}hotel (do|da|dos|de)\b"],
    "dev-59": [r"refugio (de|del|el|la) [a-z]+"],
    "dev-60": [r"\biban\b", r"sort code", r"\bgb\d{2}"],
}


def main():
    items, bodies, dates, in_maildir, mails, defects, events, cards, documents = second.load()
    failures = []

    def need(truth, text):
        if not truth:
            failures.append(text)

    distinct = {re.sub(r"[\d\W_]+", " ", plain(body)) for body in bodies}
    print(f"mails {mails} (maildir {in_maildir}, mbox {mails - in_maildir}), "
          f"{min(dates.values()):%Y-%m-%d} to {max(dates.values()):%Y-%m-%d}, distinct bodies {len(distinct)}, defective {defects}")
    print(f"events {dict(events)}, contacts {cards}, documents {len(documents)} "
          f"{dict(collections.Counter(path.suffix for path in documents))}")
    need(len(distinct) == mails, "two mails with one body")
    need(not defects, "the mail parser finds defects")
    household = json.loads((generate.HERE / "household.json").read_text(encoding="utf-8"))
    now = datetime.datetime.fromisoformat(household["now"])
    need(all(date < now for date in dates.values()), "a mail from the future")

    questions = json.loads((generate.HERE / "questions.json").read_text(encoding="utf-8"))
    flat = {key: plain(text) for key, text in items.items()}
    need(len(questions) == 60 and sum(q["answerable"] for q in questions) == 45, "number of questions")
    for q in questions:
        label, named = q["id"], [item["external_id"] for item in q["items"]]
        need(all(name in flat for name in named), f"{label}: unknown item")
        if not q["answerable"]:
            need(label in ABSENT and not named, f"{label}: has items or no absence test")
            for pattern in ABSENT.get(label, []):
                for key, text in flat.items():
                    found = re.search(pattern, text)
                    need(not found, f"{label}: '{found and found.group(0)}' stands in {key}")
            continue
        holders = []
        for forms in DERIVED.get(label) or [fact["any_of"] for fact in q["facts"]]:
            holders.append({name for name in named if any(plain(form) in flat[name] for form in forms)})
            need(holders[-1], f"{label}: no item says {forms[:3]}")
        whole = set(named).intersection(*holders)
        need(q["needs"] != "two" or (len(named) == 2 and not whole), f"{label}: {whole} answers it alone")
        accepted = {plain(form) for fact in q["facts"] for form in fact["any_of"]}
        old = q.get("superseded_values", [])
        need(not accepted & {plain(value) for value in [*old, *q["contradicting"]]}, f"{label}: a wrong value is accepted")
        if q["needs"] == "superseded":
            newest = max((dates[name] for name in named if name in dates), default=now)
            need(any(plain(value) in text for value in old for key, text in flat.items()
                     if key not in dates or dates[key] < newest), f"{label}: nothing older holds the replaced value")
    # The computed time of the talk, from what the calendar says.
    there = generate.moment("2026-09-17T11:45", "IE")
    need(f"{there.astimezone(generate.moment('2026-09-17T12:45', 'ES').tzinfo):%H:%M}" == "12:45", "dev-29: time at home")
    answerable = [q for q in questions if q["answerable"]]
    print(f"questions {len(questions)}, answerable {len(answerable)}, "
          f"needs {dict(collections.Counter(q['needs'] for q in answerable))}, "
          f"languages {dict(collections.Counter(q['language'] for q in questions))}")
    for failure in failures:
        print("FAIL", failure)
    print("ok" if not failures else f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
