"""The questions about the household, with the facts an answer must hold.

Every accepted form of a fact stands in any_of; the functions below write the usual forms of dates, times and
amounts in both languages. "items" are references that the generator turns into external ids:
mail:NAME, event:KEY, contact:KEY, or the path of a document.
"""

_MONTHS = [("enero", "January"), ("febrero", "February"), ("marzo", "March"), ("abril", "April"), ("mayo", "May"),
           ("junio", "June"), ("julio", "July"), ("agosto", "August"), ("septiembre", "September"),
           ("octubre", "October"), ("noviembre", "November"), ("diciembre", "December")]


def date(iso, *more):
    year, month, day = (int(piece) for piece in iso.split("-"))
    spanish, english = _MONTHS[month - 1]
    suffix = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    forms = ["%d de %s" % (day, spanish), "%d %s" % (day, spanish), "%d %s" % (day, english), "%s %d" % (english, day),
             "%d%s %s" % (day, suffix, english), "%d%s of %s" % (day, suffix, english), "%s %d%s" % (english, day, suffix),
             "%d %s" % (day, english[:3]), "%s %d" % (english[:3], day), "%02d %s" % (day, english), iso,
             "%02d/%02d" % (day, month), "%d/%d" % (day, month), "%02d-%02d-%d" % (day, month, year)]
    if day == 1:
        forms.append("1.º de " + spanish)
    return {"any_of": list(dict.fromkeys(forms + list(more)))}


def time(value, *more):
    hour, minute = value.split(":")
    hour = int(hour)
    forms = ["%02d:%s" % (hour, minute), "%d:%s" % (hour, minute), "%d.%s" % (hour, minute), "%dh%s" % (hour, minute)]
    twelve, half = (hour - 12, "pm") if hour > 12 else (hour, "pm" if hour == 12 else "am")
    forms += ["%d:%s" % (twelve, minute), "%d.%s" % (twelve, minute)]
    if minute == "00":
        forms += ["%d h" % hour, "%d %s" % (twelve, half), "%d%s" % (twelve, half), "%d %s.m." % (twelve, half[0]), "las %d" % twelve, "las %d" % hour]
    return {"any_of": list(dict.fromkeys(forms + list(more)))}


def amount(value, *more):
    """value: "1.185,46" or "135" in Spanish style."""
    whole, _, cents = value.partition(",")
    digits = whole.replace(".", "")
    wholes = [digits]
    if len(digits) > 3:
        wholes += [digits[:-3] + "." + digits[-3:], digits[:-3] + "," + digits[-3:]]
    forms = []
    for one in wholes:
        if cents:
            forms += [one + "," + cents, one + "." + cents, one + "'" + cents]
            if cents.endswith("0"):
                forms += [one + "," + cents[0], one + "." + cents[0]]
        else:
            forms += [one, one + ",00", one + ".00"]
    return {"any_of": list(dict.fromkeys(forms + list(more)))}


def words(*forms):
    return {"any_of": list(forms)}


QUESTIONS = []


def ask(name, language, question, facts=(), items=(), needs="one", contradicting=(), note=""):
    QUESTIONS.append((name, language, question, list(facts), list(items), needs, list(contradicting), note))


# --- answerable

ask("car-insurance-end", "es", "¿Cuándo vence el seguro del coche?", [date("2026-06-17")],
    ["mail:coche-aviso-2026", "mail:coche-poliza-2025"])
ask("car-insurance-price", "en", "How much will we pay for the car insurance from June on?", [amount("401,90")],
    ["mail:coche-respuesta", "mail:coche-tom"], "superseded", note="438,15 was the first offer")
ask("plumber-charge", "es", "¿Cuánto nos cobró el fontanero por arreglar la caldera?", [amount("187,55")],
    ["mail:fontanero-factura"], contradicting=["64 €", "64 euros"])
ask("leo-dentist-time", "en", "What time is Leo's dentist appointment now, and on which day?",
    [time("16:15"), date("2026-06-04")], ["mail:dentista-leo-2", "mail:dentista-leo-3"], "superseded")
ask("knee-operation", "es", "¿Qué día operan a mi madre de la rodilla?", [date("2026-06-15")],
    ["mail:yaya-rodilla-3", "mail:yaya-rodilla-4"], "superseded", note="first 10 June")
ask("hannah-wedding", "en", "When is Hannah getting married?", [date("2026-08-29")],
    ["mail:hannah-moved", "mail:hannah-invite", "event:boda-hannah", "mail:hannah-moved-2", "viajes/edimburgo-plan.md"], "superseded")
ask("edinburgh-flight", "en", "What time does our flight to Edinburgh leave in August?", [time("14:35")],
    ["mail:vuelo-edimburgo-cambio", "mail:vuelo-edimburgo-tom"], "superseded")
ask("edinburgh-hotel", "es", "¿Cuánto cuesta cada noche en el hotel de Edimburgo?", [amount("178")],
    ["mail:hotel-edimburgo"])
ask("itv-when", "es", "¿Qué día y a qué hora tengo la cita de la ITV?", [date("2026-07-09"), time("8:20")],
    ["mail:itv-cambio"], "superseded")
ask("building-meeting", "es", "¿Cuándo es la junta de la comunidad de vecinos?", [date("2026-06-02")],
    ["mail:comunidad-aplazada"], "superseded")
ask("rent-now", "en", "How much rent do we pay every month at the moment?", [amount("1.174")],
    ["mail:alquiler-renta-2025", "mail:alquiler-toldo", "mail:gest-renta-2"], "superseded", note="the lease still says 1.080")
ask("lease-end", "es", "¿Hasta qué fecha dura el contrato de alquiler del piso?", [date("2027-08-31")],
    ["casa/contrato-alquiler.pdf"])
ask("dishwasher-warranty", "en", "When does the dishwasher's warranty run out?",
    [words("11/2026", "November 2026", "noviembre de 2026", "noviembre 2026", "2026-11", "Nov 2026")], ["garantias/garantias.md"])
ask("boiler-pressure", "es", "¿Qué presión tiene que marcar la caldera en frío?",
    [words("1,2", "1.2"), words("1,5", "1.5")], ["casa/manual-caldera-eco24.pdf"])
ask("sagunto-trip", "en", "Which day is Leo's school trip to Sagunto?", [date("2026-05-27")],
    ["mail:cole-excursion-2"], "superseded")
ask("bookshelf", "es", "¿En qué acabado encargué la estantería del estudio y cuánto cuesta sin IVA?",
    [words("pino"), words("blanco", "blanca"), amount("890")], ["mail:carpintero", "mail:carpintero-2"], "two",
    note="the price is in the offer, the choice in the reply")
ask("leo-party-rest", "es", "¿Cuánto queda por pagar el día de la fiesta de Leo en La Calderona?", [amount("193,50")],
    ["mail:cumple-leo-sitio-3"], "superseded")
ask("catalogue-deadline", "en", "What is the deadline now for the final artwork of the Robledal catalogue?",
    [date("2026-06-17")], ["mail:rob-cat-5", "mail:rob-cat-6"], "superseded")
ask("catalogue-price", "es", "¿Cuánto se acordó sin IVA por el catálogo de Robledal y cuánto suman las páginas añadidas?",
    [amount("4.200"), amount("320")], ["mail:rob-cat-4", "mail:rob-cat-6", "mail:rob-cat-3", "trabajo/contrato-robledal-catalogo.docx"], "two")
ask("ht60-dates", "en", "When is the HT-60 text freeze now, and when does Northlight need the files for print?",
    [date("2026-06-15"), date("2026-07-10")], ["mail:nl-13"], "superseded")
ask("ht60-po", "en", "Which PO number do I have to quote for the HT-60 quick start guide?", [words("NL-61007", "61007")],
    ["mail:nl-11"], contradicting=["NL-58812"])
ask("vat-first-quarter", "es", "¿Cuánto salió a ingresar el 303 del primer trimestre de este año?", [amount("1.185,46")],
    ["mail:gest-3", "mail:banco-recibo.5"], "superseded")
ask("panel-proof-place", "es", "¿Dónde es la prueba de los paneles de Marjal del 22 de mayo?",
    [words("nave 17"), words("Vara de Quart")], ["mail:mv-10", "event:marjal-prueba"])
ask("exhibition-opening", "en", "When does the Marjal Viva exhibition open?", [date("2026-06-11")],
    ["mail:mv-9", "event:marjal-inauguracion"], "superseded")
ask("electrician-phone", "es", "¿Cuál es el teléfono del electricista?", [words("655 010 700", "655010700", "655-010-700")],
    ["contact:electricista"])
ask("margaret-birthday", "en", "When is Margaret's birthday?", [date("1951-05-23")], ["contact:margaret"])
ask("dog-food", "en", "How many grams of food should Pimienta get a day?", [amount("210")], ["mascota/cartilla-pimienta.pdf"])
ask("dog-antibiotic", "es", "¿A qué antibiótico es alérgica Pimienta?", [words("amoxicilina", "amoxicillin")],
    ["mascota/cartilla-pimienta.pdf"])
ask("violin-next-week", "es", "¿Qué día tiene Nora violín la semana que viene?",
    [words("jueves", "21 de mayo", "21/05", "21/5", "2026-05-21", "Thursday", "May 21", "21 May")],
    ["event:violin-nora"], "superseded", note="the usual Wednesday is moved by a RECURRENCE-ID override")
ask("guest-wifi", "en", "What is the password of the guest wifi?", [words("paellasinchorizo2")], ["casa/router-y-wifi.md"])
ask("anniversary-dinner", "es", "¿Dónde y a qué hora es la cena de aniversario del sábado?",
    [words("Saiti"), time("21:30")], ["mail:restaurante-aniversario", "event:boda-cena"])
ask("cat-sitting", "en", "Who feeds Lucía's cat from 3 to 9 August, and what is the pill for?",
    [words("Jorge"), words("thyroid", "tiroides")], ["mail:vecina-llaves-2", "mail:vecina-llaves", "mail:jorge-sofa"], "two")

ask("awning", "en", "How much was the new awning, and up to what amount had Reme said she would pay it all?",
    [amount("343"), amount("400")], ["mail:toldo-presupuesto", "mail:toldo-ok", "mail:alquiler-toldo-2"], "two")
ask("vinyl-width", "es", "¿Qué ancho tiene que tener el vinilo de entrada del Carme?", [words("5,80", "5.80", "5,8", "5.8")],
    ["mail:mv-vinilo", "mail:mv-vinilo-2"], "superseded", note="the notes of October say 6,20")
ask("marjal-penalty", "en", "What penalty applies if I deliver the Marjal Viva panels late?",
    [words("2 %", "2%", "2 per cent", "two percent", "2 percent", "dos por ciento")],
    ["mail:mv-contrato", "trabajo/contrato-marjal-resumen.txt"])
ask("school-end", "en", "When do the children finish school for the summer?", [date("2026-06-19")],
    ["ninos/calendario-escolar-2025-26.pdf"])
ask("pen-expiry", "es", "¿Cuándo caduca el autoinyector de Leo que está en el colegio?",
    [words("junio de 2026", "junio", "June 2026", "June", "06/2026", "2026-06")], ["mail:pluma-caducidad"])
ask("towing", "en", "Within how many kilometres can we choose the garage if the car has to be towed?", [words("75", "75 km", "75km")],
    ["seguros/poliza-coche-condiciones.pdf"])
ask("violin-teacher-phone", "en", "What's the phone number of Nora's violin teacher?",
    [words("655 010 808", "655010808", "655-010-808")], ["contact:mireia"])
ask("late-invoice", "es", "¿De cuánto era la factura 2026-002 que Northlight pagó tarde y qué día ordenaron el pago?",
    [amount("3.024"), date("2026-04-02")], ["mail:nl-paid-2026", "mail:nl-late-2", "mail:nl-late"], "two",
    note="the day stands in the promise, the amount in the remittance advice")
ask("christmas-cake", "es", "¿A qué temperatura y cuánto tiempo se hornea el pastel de Navidad de Margaret?",
    [words("140", "140 °C", "140 ºC", "140°C", "140°", "140º"), words("cuatro horas", "4 horas", "four hours", "4 hours", "4 h", "4h")],
    ["recetas/margaret-christmas-cake.docx"])
ask("tom-cleaning", "es", "¿Cuándo tiene Tom la limpieza dental?", [date("2026-06-23")], ["event:dentista-tom"])
ask("podcast-time", "en", "What time does the Labels & Letters recording start, Spanish time?", [time("17:00")],
    ["mail:encargo-podcast-2", "event:podcast"], note="the event says 16:00 in London")
ask("stolen-herons", "en", "What did I agree with Tot de Tela: how much for the bags already sold, and what share of the rest?",
    [amount("400"), words("15 %", "15%", "15 percent", "15 per cent", "15")],
    ["mail:robo-ilustracion-4", "mail:robo-ilustracion-5"], "superseded", note="they had offered 12 %")
ask("babysitter", "es", "¿Quién se queda con los niños este sábado por la noche y cuánto cobra por hora?",
    [words("Alba"), amount("10", "10€")], ["mail:canguro", "contact:canguro", "mail:canguro-2"], "two")

# --- not answerable: a known person or thing, an attribute that stands nowhere

ask("dog-insurance-price", "es", "¿Cuánto pagamos al año por el seguro veterinario de Pimienta?")
ask("iain-birthday", "en", "When is Iain's birthday?")
ask("landlady-iban", "es", "¿Cuál es el IBAN de Remedios para pagar el alquiler?")
ask("leo-passport-number", "en", "What is Leo's passport number?")
ask("tom-licence-expiry", "es", "¿Cuándo le caduca a Tom el carné de conducir?")
ask("priya-mobile", "en", "What is Priya Nair's mobile number?", contradicting=["117 496 0440"], note="only her work number is known")
ask("grandparents-flight-time", "es", "¿A qué hora aterrizan Margaret y Alan cuando vienen en octubre?")
ask("music-mark", "es", "¿Qué nota sacó Leo en música?")
ask("kilt-colour", "en", "What colour is the kilt Leo will wear at the wedding?")
ask("marcos-door-code", "en", "What is the entry code of Marcos and Sofía's building?", note="the bell is broken; no code is told")
ask("best-man", "en", "Who is going to be Iain's best man?")
ask("main-wifi", "en", "What is the password of our main wifi network?", contradicting=["paellasinchorizo2"],
    note="only the guests' one is written down")
ask("leo-height", "en", "How tall is Leo?", contradicting=["118"], note="Nora's height and Leo's judo size are known")
ask("sofa-guarantee", "es", "¿Cuánto dura la garantía del sofá Mascarat?")
ask("jorge-rent", "es", "¿Cuánto paga Jorge de alquiler por la casa de Utiel?")


def build(resolve):
    result = []
    for name, language, question, facts, items, needs, contradicting, note in QUESTIONS:
        result.append({
            "id": name, "language": language, "question": question, "answerable": bool(facts), "facts": facts,
            "contradicting": contradicting, "items": [{"external_id": resolve(item)} for item in items],
            "needs": needs, "note": note,
        })
    return result
