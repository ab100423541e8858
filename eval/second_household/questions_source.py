"""The sixty questions of the second household, with accepted forms spelled out by small helpers.

A fact is a list of accepted surface forms: an answer holds the fact when it contains any of them
after normalising case and accents. Dates and amounts are accepted in the usual ways of writing
them in both languages. `contradicting` holds values that would make the answer wrong; the value a
later mail replaced is kept apart in `superseded_values`, as an honest answer may mention it as history.
"""

ES_MONTHS = ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
             "noviembre", "diciembre"]
EN_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
             "November", "December"]


def date(year, month, day):
    es, en = ES_MONTHS[month - 1], EN_MONTHS[month - 1]
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    forms = [f"{day} de {es}", f"{day} {es}", f"{day} {es[:3]}", f"{es} {day}", f"{day} {en}", f"{day}{ending} {en}",
             f"{day}{ending} of {en}", f"{day} of {en}", f"{en} {day}", f"{en} the {day}{ending}", f"{en[:3]} {day}",
             f"{day} {en[:3]}", f"{day:02d}/{month:02d}", f"{day}/{month}", f"{day:02d}-{month:02d}", f"{day}.{month}.",
             f"{year}-{month:02d}-{day:02d}"]
    if day == 1:
        forms += [f"1 de {es}", f"primero de {es}", f"1º de {es}"]
    return {"any_of": list(dict.fromkeys(forms))}


ES_HOURS = ["doce", "una", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once"]
EN_HOURS = ["twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]


def spoken(hour, minute):
    """The time in words, for the minutes that people say in words."""
    es, en = ES_HOURS[hour % 12], EN_HOURS[hour % 12]
    es_next, en_next = ES_HOURS[(hour + 1) % 12], EN_HOURS[(hour + 1) % 12]
    return {
        0: [f"las {es} de la", f"{es} en punto", f"{en} o'clock", f"{en} in the", f"{en} pm" if hour > 11 else f"{en} am"],
        10: [f"{es} y diez", f"ten past {en}"], 15: [f"{es} y cuarto", f"quarter past {en}"],
        20: [f"{es} y veinte", f"twenty past {en}"],
        30: [f"{es} y media", f"half past {en}", f"{en} thirty"], 40: [f"{es} cuarenta", f"twenty to {en_next}"],
        45: [f"cuarto para las {es_next}", f"{es_next} menos cuarto", f"quarter to {en_next}"],
    }.get(minute, [])


def clock(hour, minute):
    twelve = (hour - 1) % 12 + 1
    half = "am" if hour < 12 else "pm"
    dotted = "a.m." if hour < 12 else "p.m."
    part = "de la mañana" if hour < 12 else ("de la tarde" if hour < 20 else "de la noche")
    forms = [f"{hour}:{minute:02d}", f"{hour:02d}:{minute:02d}", f"{hour}.{minute:02d}", f"{hour}h{minute:02d}"]
    short = [f"{twelve}:{minute:02d}", f"{twelve}.{minute:02d}"] + ([str(twelve)] if minute == 0 else [])
    for piece in short:
        forms += [f"{piece} {half}", f"{piece}{half}", f"{piece} {dotted}", f"{piece} {part}"]
    if minute == 0:
        forms += [f"{hour} h", f"{hour}h", f"{hour} horas", f"{twelve} o'clock", f"{twelve} in the"]
    if hour >= 12 and minute:
        forms += [f"{twelve}:{minute:02d}"]
    forms += spoken(hour, minute)
    return {"any_of": list(dict.fromkeys(forms))}


def money(value, *more):
    whole, cents = f"{value:.2f}".split(".")
    number = int(whole)
    comma, point, space = f"{number:,}", f"{number:,}".replace(",", "."), f"{number:,}".replace(",", " ")
    thin = f"{number:,}".replace(",", "\u00a0")
    bases = list(dict.fromkeys([whole, comma, point, space, thin]))
    forms = [f"{base}{mark}{cents}" for base in bases for mark in ".,"]
    if cents == "00":
        if number >= 1000:
            forms += bases
        else:
            forms += [f"€{whole}", f"€ {whole}", f"{whole} €", f"{whole}€", f"{whole} eur", f"EUR {whole}", f"{whole} a "]
            if number >= 100:
                forms.append(whole)
    return {"any_of": forms + list(more)}


def any_of(*forms):
    return {"any_of": list(forms)}


def phone(number):
    digits = number.replace(" ", "").lstrip("+")
    local = number.split(" ", 1)[1]
    tail = " ".join(local.split(" ")[-2:])
    return {"any_of": [number, "+" + digits, digits, number.replace(" ", "-"), local, local.replace(" ", ""),
                       "0" + local, "0" + local.replace(" ", ""), tail, tail.replace(" ", "-"), tail.replace(" ", "")]}


def questions(mail, contact):
    out = []

    def ask(language, question, facts, items, needs="one", contradicting=(), superseded=(), note=""):
        entry = {"id": f"h2-{len(out) + 1:02d}", "language": language, "question": question, "answerable": bool(facts),
                 "facts": facts, "contradicting": list(contradicting), "items": [{"external_id": item} for item in items],
                 "needs": needs, "note": note}
        if superseded:
            entry["superseded_values"] = list(superseded)
        out.append(entry)

    # -- Spanish, answerable
    ask("es", "¿Para cuándo quedó por fin lo del aparato de abajo de Sadhbh? Día y hora.",
        [date(2026, 10, 6), clock(16, 10)], [mail("ortho2")], "superseded",
        superseded=["24 de septiembre", "24 September", "15:20"], note="mail; the English reply confirms it")
    ask("es", "El deshumidificador que salió malo, ¿cuánto nos regresaron en total?",
        [money(203.95)], [mail("dry4")], note="mail in English")
    ask("es", "¿Cuánto nos aprobaron para la bomba de calor y qué día empiezan a instalarla?",
        [money(6500), date(2026, 10, 19)], [mail("heat1"), mail("heat3")], "two",
        superseded=["5 de octubre", "5 October"], note="PDF attachment for the amount, mail for the day")
    ask("es", "¿Cuánto va a pagar Eithne de renta desde octubre?",
        [money(545)], [mail("rent4")], "superseded",
        superseded=["520", "560"], note="the agreement in documents still says 520; 560 was a proposal")
    ask("es", "¿Cuántas plumas de adrenalina tiene que traer Fergal encima y cuándo es su próxima revisión con la alergóloga?",
        [any_of("dos", "2 plumas", "2 autoinyectores", "2 inyectores", "two"), date(2026, 11, 17)], [mail("sting4")],
        contradicting=["una sola pluma"], note="mail in English; the letter of 2025 spoke of one pen")
    ask("es", "Para el libro de Leopoldo, ¿en cuántos ejemplares quedó la tirada y de qué gramaje fue el papel?",
        [any_of("75", "setenta y cinco"), any_of("120")], [mail("poe4"), mail("poe5")], "two",
        superseded=["60 ejemplares", "sesenta ejemplares"], note="run from one mail, paper from the reply")
    ask("es", "¿Qué día volamos de regreso de Oaxaca en enero, después del cambio de la aerolínea?",
        [date(2026, 1, 8)], [mail("zap2")], "superseded", superseded=["6 de enero", "6 January"], note="HTML mail")
    ask("es", "¿Cuándo le operaron a mi mamá el ojo izquierdo?",
        [date(2026, 7, 14)], [mail("eye4")], "superseded",
        superseded=["30 de junio"], note="postponed; the next mail of 15 July says it was done the day before")
    ask("es", "¿En qué lugar quedó el bote mixto de Fergal en Carraroe?",
        [any_of("tercer", "tercero", "3er", "3.er", "3º", "third", "3rd")], [mail("row2")],
        contradicting=["segundo lugar", "cuarto lugar", "primer lugar"], note="mail in English")
    ask("es", "Si se nos mete el río a la casa, ¿cuánto es el deducible del seguro?",
        [money(1000, "mil euros")], ["casa/home-policy-schedule.pdf"],
        contradicting=["el deducible es de 500", "el deducible es de 300"], note="PDF in English; other causes have other excesses")
    ask("es", "¿Cuántos chilhuacles negros lleva el mole de mi mamá?",
        [any_of("18", "dieciocho")], ["recetas/mole-negro.md"], contradicting=["14 chilhuacle", "9 chilhuacle"], note="Markdown table")
    ask("es", "¿Cuál es la proporción de almidón y agua del engrudo para remendar con papel japonés?",
        [any_of("1:5", "1 a 5", "1 parte de almidón de trigo por 5", "5 partes", "cinco partes", "1 por 5", "una a cinco", "uno a cinco", "1 / 5", "una parte de almidón por cinco", "cinco de agua", "5 de agua")],
        ["taller/engrudo.md"], contradicting=["1 a 3", "1:3", "3 partes", "1 a 4", "1:4"], note="Markdown table")
    ask("es", "El miércoles 30 de septiembre, ¿a qué hora le toca acordeón a Sadhbh?",
        [clock(19, 45)], ["accordion-lesson@hogar"], contradicting=["18:30"],
        superseded=["17:30", "5:30"], note="override of a weekly event")
    ask("es", "Pásame el teléfono del notario que lleva lo del terreno.",
        [phone("+52 951 555 0187")], [contact("Lic. Evodio Santaella Ríos")],
        contradicting=["555 0126", "5550126", "555 0109", "5550109"], note="contact; the mail names him")
    ask("es", "¿Qué día cumple años Casilda?",
        [date(1984, 2, 28)], [contact("Casilda Ruelas Tlatelpa")], contradicting=["11 de julio"], note="contact, BDAY")
    ask("es", "El día del consulado, ¿a qué hora llega nuestro tren a Dublín y a qué hora es la cita?",
        [clock(8, 52), clock(10, 20)], [mail("emb2"), mail("emb1")], "two",
        note="ticket in English HTML, appointment in Spanish (also in the calendar)")
    ask("es", "La presentación de Salitre en Madrid, ¿a qué hora es aquí en Galway?",
        [clock(18, 30)], ["salitre-madrid@taller"], note="calendar, zone Europe/Madrid; 19:30 there, 18:30 here")
    ask("es", "¿Qué días y en qué horario viene Ilse ahora al taller?",
        [any_of("martes y viernes", "viernes y martes", "martes y los viernes", "Tuesday and Friday", "Tuesdays and Fridays", "martes, viernes"),
         any_of("9 a 13", "9:00 a 13", "09:00 a 13", "9 to 13", "nueve a una", "9 a 1", "9:00 a 1", "9:00 to 13", "9:00-13", "9:00–13", "09:00-13", "09:00–13", "09:00 – 13", "9-13", "9–13", "9:00 - 13", "9 de la mañana a 1", "9 y las 13", "9:00 y las 13", "9:00 y 13", "9:00 hasta las 13", "9 a las 13", "9:00 a las 13", "09:00 a las 13", "09:00 hasta las 13", "9 hasta las 13")],
        [mail("ils3"), mail("ils4")], "superseded", contradicting=["los sábados viene"],
        superseded=["jueves", "Thursday"], note="Thursdays until September 2026; also as two calendar series")
    ask("es", "¿Cuánto cobra Treasa por cada clase de acordeón?",
        [money(22)], [mail("fleadh2")], note="mail in English")
    ask("es", "¿De cuánto fue la factura de Ruairí por la declaración, ya con IVA?",
        [money(615)], [mail("tax3")], contradicting=["412,77", "412.77"], note="PDF attachment in English")
    ask("es", "¿Cuánto cuesta la renta de libros de Sadhbh este año, el de segundo?",
        [money(135)], ["escuela/second-year-books.html"], contradicting=["€120", "120 €", "120 euros"], note="last year's list, in a mail, says 120")
    ask("es", "¿En cuánto nos quedó la mensualidad de la hipoteca con la tasa nueva?",
        [money(968.12)], [mail("bank3")], note="mail in English")
    ask("es", "Al final, ¿cuánto costó el techo de la cocina de mamá?",
        [money(31400)], [mail("roof3")], "superseded", superseded=["38,500", "29,000"], note="two earlier estimates")

    # -- English, answerable
    ask("en", "What is the agreed price, before VAT, for conserving Bríd's 1847 ledger?",
        [money(2785)], [mail("led4")], "superseded", superseded=["2,340", "2340"], note="revised quote, accepted in the reply")
    ask("en", "Who has the spare key of the workshop these days?",
        [any_of("Wojtek")], [mail("key2")], "superseded", contradicting=["Noreen has", "Attracta"], superseded=["paste pot"], note="moved in May 2026")
    ask("en", "How many presentation boxes does Cormac want now, and what colour are the spines?",
        [any_of("55", "fifty-five", "fifty five"), any_of("oxblood", "ox-blood", "ox blood")], [mail("dis6"), mail("dis4")], "two",
        superseded=["bottle green", "40 boxes"], note="colour and number changed in different mails")
    ask("en", "When did our ferry to Bilbao actually leave, date and time?",
        [date(2026, 8, 2), clock(22, 30)], [mail("ferry2")], "superseded", contradicting=["12:45"],
        superseded=["1 August", "21:00"], note="HTML mail")
    ask("en", "How big did the plot in San Lorenzo turn out to be when it was measured?",
        [any_of("412")], [mail("land3")], superseded=["450"], note="mail in Spanish; the deed says 450, which is not the measured size")
    ask("en", "What day and at what time is the signing at the notary's in Oaxaca?",
        [date(2026, 11, 27), clock(11, 0)], [mail("land6"), mail("land5")], "two",
        superseded=["13 November", "13 de noviembre"], note="Spanish mails: the day moved, the hour is only in the first one")
    ask("en", "Who was keeping the house keys for us in Gijón?",
        [any_of("Maruja")], [mail("gijon3")], contradicting=["Covadonga"], note="mail in Spanish; of the bakery La Artesa")
    ask("en", "How much a week is Nico's room, and who is the landlady?",
        [any_of("165"), any_of("Lyddy")], [mail("nico9")], note="mail without apostrophes")
    ask("en", "What medicine is Tlayuda on at the moment and how often does she get it?",
        [any_of("gabapentin", "gabapentina"), any_of("every twelve hours", "every 12 hours", "twice a day", "twice daily", "12 hours", "twelve hours", "12 h", "two times a day")],
        [mail("vet2")], "superseded", superseded=["meloxicam"], note="meloxicam stopped in August 2026")
    ask("en", "Which stand are we at in the Dublin fair?",
        [any_of("22B", "22 B", "22-B")], [mail("fair2")], "superseded", superseded=["stand 14"], note="moved by the fire officer")
    ask("en", "What day and time is the van's test now?",
        [date(2026, 10, 12), clock(14, 30)], [mail("van2")], "superseded", superseded=["28 September", "08:50"], note="date and time")
    ask("en", "The parent-teacher evening for second years: what day is it and when does it start?",
        [date(2026, 10, 15), clock(17, 0)], [mail("sch5")], "superseded",
        superseded=["16:15"], note="same day, later start, now by video call")
    ask("en", "What time is Thursday's call with the nuns, Irish time?",
        [clock(16, 0)], ["convent-call-sep@taller"], note="calendar, zone America/Mexico_City; nine in the morning there")
    ask("en", "What date is the next beekeepers' meeting?",
        [date(2026, 10, 13)], ["bees-second-tuesday@hogar"], contradicting=["6 October", "12 October", "14 October"], note="second Tuesday, recurring")
    ask("en", "Where is the stab binding class going to be, and what time do I start?",
        [any_of("loft", "above the coffee roastery", "over the coffee roastery"), clock(10, 30)], ["stab-class@taller"], note="calendar")
    ask("en", "I need to ring the man who's fixing Sadhbh's accordion. What's his number?",
        [phone("+353 20 915 0158")], [mail("acc1"), contact("Martin Tiernan")], "two",
        contradicting=["915 0150", "9150150"], note="name in the mail, number in the contacts")
    ask("en", "What's Donncha's eircode?",
        [any_of("H91 X0B3", "H91X0B3")], [contact("Donncha Folan")], note="contact")
    ask("en", "If I want out of the workshop lease early, when can I leave and how much notice must I give?",
        [date(2027, 6, 30), any_of("four months", "four month", "4 months", "4-month", "four-month", "cuatro meses")],
        ["taller/lease-unit6.docx"], contradicting=["six weeks", "three months"], note="docx")
    ask("en", "How much honey did we take off this August, all hives together?",
        [any_of("31.4", "31,4")], ["colmenas/hive-book-2026.html"], contradicting=["14.9 kg in total"], note="HTML document")
    ask("en", "How long should the thread be for stab binding, compared with the book?",
        [any_of("four times", "4 times", "4x", "4×", "cuatro veces")], ["taller/class-stab-binding.docx"], note="docx")
    ask("en", "On what date did Nico sit his driving test?",
        [date(2026, 7, 23)], [mail("nico5")], "superseded", superseded=["11 June"], note="moved because of the state examinations; he passed that day")
    ask("en", "Until when will the surf shop hold Sadhbh's wetsuit, and what's the shop's phone number?",
        [any_of("25th", *date(2026, 9, 25)["any_of"]), phone("+353 20 915 0171")], [mail("misc7"), contact("Neasa Conroy")], "two",
        note="mail for the day, contact for the number")

    # -- not answerable: near misses
    ask("es", "¿Cuándo es el cumpleaños de Ilse?", [], [], note="contact without BDAY; no mail tells it")
    ask("en", "How much did the rowing club pay for the new oars?", [], [], note="the oars are mentioned three times, never the price")
    ask("es", "¿Cómo se llama el cirujano que operó a Eithne de la cadera?", [], [], note="'the surgeon', no name")
    ask("en", "What's Mrs Lyddy's dog called?", [], [], note="a small deaf dog without a name")
    ask("es", "¿Qué nota sacó Nico en matemáticas?", [], [], note="only the points in total")
    ask("en", "How heavy is the antiphonary?", [], [], note="four kilos are the pressing weights; the book's weight is nowhere")
    ask("es", "¿Qué placas tiene el coche que nos prestó Begoña?", [], [], note="our own van's number is known, not theirs")
    ask("en", "How much do we pay a year for Tlayuda's insurance?", [], [], note="the vet only asks whether she is insured")
    ask("es", "¿En qué número de vuelo llega Gráinne a Shannon?", [], [], note="date known, flight not")
    ask("en", "What strength is the whiskey that goes in Cormac's boxes?", [], [], note="age known, strength not")
    ask("es", "¿De qué marca es el acordeón de Sadhbh?", [], [], note="never told")
    ask("en", "What's the name of Agnes's grandson?", [], [], note="mentioned, not named")
    ask("es", "¿Cuánto cobra la doctora Geraghty por consulta?", [], [], note="fee never told")
    ask("en", "What's the alarm code for the workshop?", [], [], note="key known, no alarm anywhere")
    ask("es", "¿Con qué tipo de letra imprimió Declan los poemas de Leopoldo?", [], [], note="Bodoni belongs to another printer's offer")
    return out
