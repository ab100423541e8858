"""The sixty questions of the development household, with the accepted forms of each fact.

A fact is a list of accepted surface forms, in the usual ways of writing them in both languages: tolerant
in form, strict in content. `contradicting` holds values that make an answer wrong; the value a later
mail replaced is in `superseded_values`, as an honest answer may mention it as history.
"""

import borrowed

forms = borrowed.load("questions_source")
date, clock, any_of, phone = forms.date, forms.clock, forms.any_of, forms.phone


def day(month, number, *more):
    accepted = forms.date(2026, month, number)["any_of"]
    ordinal = next(form.split(" ")[0] for form in accepted if form.startswith(str(number)) and form[-1].isalpha()
                   and form.split(" ")[0] != str(number))
    month_name = forms.EN_MONTHS[month - 1]
    more = [f"{month_name} {ordinal}", f"{month_name[:3]} {ordinal}", f"{ordinal} {month_name[:3]}", f"the {ordinal}",
            f"el {number}", f"día {number}", *more]
    return {"any_of": list(dict.fromkeys(accepted + more))}


def hour(hours, minutes, *more):
    return {"any_of": forms.clock(hours, minutes)["any_of"] + list(more)}


def euros(value, *more):
    whole = f"{value:g}"
    extra = [f"{whole} euros", f"{whole} euro", f"{whole} EUR", f"{whole} €", f"€{whole}"]
    return {"any_of": list(dict.fromkeys(forms.money(value)["any_of"] + extra + list(more)))}


def questions(mail, contact):
    out = []

    def ask(language, question, facts, items=(), needs="one", old=(), wrong=(), note=""):
        entry = {"id": f"dev-{len(out) + 1:02d}", "language": language, "question": question,
                 "answerable": bool(facts), "facts": facts, "contradicting": list(wrong),
                 "items": [{"external_id": one} for one in items], "needs": needs, "note": note}
        if old:
            entry["superseded_values"] = list(old)
        out.append(entry)

    # ---- the mother in Scotland
    ask("es", "¿Qué día operan a mi madre del ojo y a qué hora tiene que estar en la clínica?",
        [day(6, 23), hour(7, 30, "half seven")], [mail("cat3")], "superseded",
        old=["9 de junio", "9 June", "9th of June", "the 9th", "el 9"],
        note="the calendar still holds the old day, to be confirmed")
    ask("en", "What opens the key safe at Mum's these days?", [any_of("7719")], [mail("cat3")], "superseded", old=["1951"])
    ask("en", "What time does Iain get to Mum's on a Saturday?", [hour(9, 30)], [mail("care2"), mail("care1")], "two",
        note="the name in one mail (times unchanged), the time in the attachment of another; a document repeats the time with the old name")
    ask("es", "¿cuánto rato hay que cocer el dumpling de la abuela?",
        [any_of("three hours and a half", "three and a half hours", "three and a half", "3.5 hours", "3.5 h", "3½", "3 ½",
                "3 1/2", "3h30", "3 h 30", "210 minutos", "210 minutes", "tres horas y media", "3 horas y media",
                "3,5 horas", "3.5 horas", "3,5 h", "3:30")], ["recetas/clootie-dumpling.md"])
    ask("en", "When does my plane to Edinburgh take off?", [hour(9, 40, "diez menos veinte")], [mail("fly2")], "superseded", old=["06:55", "6:55"])
    # ---- visits, home
    ask("es", "¿Al final Hilary qué día viene y a qué hora llega su tren?",
        [day(5, 29, "viernes", "Friday"), hour(19, 12)], [mail("hil3"), mail("hil1")],
        "superseded", old=["28 de mayo", "28 May", "jueves", "Thursday", "the 28th", "el 28"])
    ask("en", "Anything I should keep out of Hilary's dinner?",
        [any_of("vegan", "vegana", "animal", "animals", "animal products", "eggs", "egg", "cheese", "meat", "dairy", "queso", "huevo", "huevos")],
        [mail("hil3"), mail("sole2"), mail("hil4")], "superseded", old=["eating everything", "eats everything"])
    ask("es", "¿En cuánto se queda el alquiler a partir de julio?", [euros(891)], [mail("rent3")], "superseded", old=["905"])
    ask("en", "Which of the two air con quotes is cheaper, and by how much?",
        [any_of("Frío Nevada", "Frio Nevada", "Nevada", "Desi", "Desi's"), euros(60, "sixty")],
        [mail("aire1"), mail("aire2")], "two", note="1.045 less 985")
    ask("es", "¿Cuándo viene Salva a mirar lo del agua?",
        [day(5, 22, "viernes", "Friday"),
         any_of("8 y 9", "8 y las 9", "8 and 9", "8 a 9", "8 a las 9", "8 to 9", "8 and 9am", "8 to 9am", "8-9am", "8-9", "8–9", "8:00", "08:00", "ocho y nueve", "ocho y las nueve",
                "ocho a nueve", "ocho y las 9", "8 am", "8am", "8 h", "8 de la mañana", "eight and nine", "ocho de la mañana")],
        [mail("leak4"), mail("leak3")], "superseded", old=["jueves 21", "Thursday 21", "21 de mayo"])
    ask("en", "What did the plumber charge for the water heater job, VAT included?", [euros(148.83)], [mail("leak5")],
        wrong=["123.00", "123,00"], note="in the attached invoice")
    ask("es", "Si el seguro acepta lo del baño, ¿hasta qué importe cubre y cuánto ponemos nosotros?",
        [euros(6000, "seis mil", "6 000", "6K"), euros(150, "ciento cincuenta")], ["casa/poliza-hogar.pdf"])
    ask("es", "¿dónde para nuestra escalera de aluminio?", [any_of("caseta", "cobertizo", "shed", "hut")],
        [mail("hue1")], "superseded", old=["Toñi"], note="lent on twice, then hung in our own hut")
    # ---- children
    ask("es", "¿Qué nos dijo Remei de Aitana?",
        [any_of("vista", "ojos", "eyesight", "eyes", "pizarra", "ver bien")], [mail("remei1")])
    ask("en", "Which eye is Aitana's weak one and how many dioptres?",
        [any_of("left", "izquierdo"), any_of("0.75", "0,75", "three quarters")], [mail("optica1")])
    ask("es", "¿Qué tiene que llevar la nena a la granja-escuela?",
        [any_of("gorra", "cap", "hat"), any_of("botas de agua", "botas", "wellies", "wellington boots", "boots"),
         any_of("bocadillo", "sandwich", "bocata"), any_of("muda", "ropa de recambio", "change of clothes", "recambio")],
        [mail("cole1")])
    ask("es", "¿A qué hora y en qué sitio hay que dejar a Aitana el domingo del concierto?",
        [hour(10, 15), any_of("Séquia 14", "Sequia 14", "calle Séquia, 14", "Séquia, 14", "Séquia nº 14", "Séquia n.º 14", "Séquia número 14")],
        [mail("banda1"), "banda/normas-banda.md"], "two", old=["10:45"],
        note="'where always, half an hour earlier': the usual place and time are in the rules")
    ask("en", "What does Aitana have to wear on the 31st?",
        [any_of("white polo", "white polo shirt", "polo blanco"),
         any_of("navy trousers", "navy blue trousers", "dark blue trousers", "navy-blue trousers", "navy pants", "navy blue pants", "pantalón azul marino"),
         any_of("black shoes", "black shoe", "zapato negro", "zapatos negros")],
        [mail("banda1"), "banda/normas-banda.md"], "two", wrong=["tie", "jacket", "corbata", "chaqueta"],
        note="the mail says summer uniform, the rules say what that is")
    ask("es", "¿Qué no puede comer el chico holandés?",
        [any_of("nueces", "nuez", "walnuts", "walnut"), any_of("avellanas", "avellana", "hazelnuts", "hazelnut")], [mail("gui1")])
    ask("en", "Who is meeting Sem at the airport and when does he land?",
        [any_of("Vicent"), day(6, 7), hour(17, 20)], [mail("gui1"), mail("gui2")], "two")
    ask("es", "¿Cuándo le toca a Guillem el examen oral del B2?", [day(6, 11), hour(18, 10)],
        [mail("camb2")], "superseded", old=["10 de junio", "10 June", "miércoles 10", "16:50"])
    ask("en", "Will a photo of Guillem's ID on his phone do for the exam, or not?", 
        [any_of("no", "original", "originals", "not accepted", "won't do", "will not do")], [mail("camb1")], wrong=["yes", "sí"])
    # ---- tortoise, costume, climbing, allotment
    ask("en", "How many times a week does the tortoise get his calcium now?",
        [any_of("once a week", "once per week", "once weekly", "one time a week", "one time per week", "1 time a week", "once", "una vez por semana",
                "una vez a la semana", "weekly", "una vez")],
        [mail("vet2")], "superseded", old=["three times", "tres veces", "3 times"])
    ask("es", "¿Cuánto ha ganado de peso Pancracio desde que despertó?",
        [any_of("70 g", "70 gramos", "70 grams", "70g", "0,07", "0.07", "0,07 kg", "0.07 kg", "setenta gramos", "seventy grams")],
        [mail("vet1"), mail("vet2")], "two", note="1,34 kg in March, 1,41 in May")
    ask("en", "How much do I still have to give Finita for the costume?", [euros(135)], [mail("fin1"), mail("fin2")], "two",
        old=["160"], note="240 less 80 paid less 25 for the cuffs")
    ask("es", "¿A qué hora quedamos al final para ir a Albarracín, y dónde?",
        [hour(6, 55, "siete menos cinco", "five to seven"), any_of("velódromo", "velodromo", "velodrome")],
        [mail("clim1"), mail("clim2")], "superseded", old=["7:15"], note="twenty minutes earlier, same place")
    ask("en", "what do I need to pack for the climbing weekend",
        [any_of("helmet", "casco"), any_of("mat", "thin mat", "sleeping mat", "roll mat", "esterilla", "sleeping pad", "pad"),
         any_of("head torch", "headtorch", "head-torch", "headlamp", "head lamp", "headlight", "frontal", "torch")],
        [mail("clim1")], wrong=["rope"], note="the club brings the crash pads")
    ask("es", "¿Cuándo me toca el agua en la huerta esta semana?",
        [day(5, 24, "domingo", "Sunday"), hour(20, 15)], ["tanda-riego@huerta"], old=["sábado 23", "6:00"],
        note="an exception to a weekly event")
    # ---- work
    ask("en", "My Lisbon talk: what time will it be at home when I start?", [hour(12, 45)], ["lisbon-talk@estudio"],
        note="11:45 in Lisbon")
    ask("en", "By when does the teacher need the money for the farm trip, and how much?",
        [day(5, 22, "Friday", "viernes"), euros(14, "fourteen")], [mail("cole1")])
    ask("es", "código de la verja de los Osterhaus", [any_of("6093")], [mail("ost6")], "superseded", old=["4482"])
    ask("en", "Am I getting anything back from my tax return? How much?", [euros(312.80, "312.8", "312,8")], [mail("ges2")])
    ask("es", "¿Hasta qué día puedo mandarle a Concha las facturas del segundo trimestre?", [day(7, 6)],
        [mail("ges2"), "papeles-2t@estudio"])
    ask("en", "Borja this week: what time is it, and what am I supposed to take him?",
        [hour(11, 30), any_of("stone samples", "samples", "sample", "stone", "stones", "muestras")],
        [mail("hot5"), mail("hot6")], "superseded", old=["8:30", "08:30"], note="the calendar holds the usual weekly time")
    ask("es", "¿Qué me descuenta el hotel si no acabo de plantar a tiempo?", [euros(150, "ciento cincuenta")],
        ["trabajo/contrato-mar-de-fondo.docx"])
    ask("en", "Which lavender is Ximo bringing in the end, and how many pots?",
        [any_of("Grosso"), any_of("50", "fifty")], [mail("saf4")], "superseded", old=["Hidcote", "60"])
    ask("es", "¿Cuánto me tiene que pagar aún la señora Pettifer y qué día dice que lo hará?",
        [euros(968), day(5, 29)], [mail("pet3")], note="told in words")
    ask("es", "¿Cuándo es el último día de Priya y cuándo empieza Lluc?", [day(6, 26), day(7, 6)],
        [mail("pri1"), mail("llu1")], "two")
    # ---- travel, errands, lookups
    ask("en", "Where do we get the keys for the Menorca house this year?", [any_of("bakery", "baker", "baker's", "panadería", "horno", "Biel")],
        [mail("men3")], "superseded", old=["bar"], note="other years it was the bar")
    ask("en", "What does the watchmaker want for Dad's pocket watch?", [euros(72, "seventy-two")], [mail("watch2")],
        "superseded", old=["85", "90"])
    ask("es", "wifi invitados contraseña", [any_of("caragol-lent-88")], ["casa/para-invitados.html"])
    ask("es", "¿Qué día cumple años Sole?", [day(6, 25)], [contact("Sole Vidal")])
    ask("en", "Salva's mobile?", [phone("+34 600 555 902")], [contact("Salva Mocholí")])
    ask("es", "¿Qué me encargó Vicent que comprara para la paella?",
        [any_of("arroz", "rice"), any_of("dos pollos", "2 pollos", "two chickens", "pollos", "pollo"), any_of("conejo", "rabbit")],
        [mail("vic1")], note="beans come from Bernat; no lemons")
    ask("en", "I've a parcel to pick up - which shop, and what PIN?",
        [any_of("Ultramarinos Pepica", "Pepica"), any_of("4065")], [mail("par1")])

    # ---- near misses: the person or thing is known, what is asked stands nowhere
    ask("en", "What school in Utrecht does Sem go to?", [], note="the school books the flight, no name")
    ask("es", "¿Qué altura tiene la valla de la piscina de los Osterhaus?", [], note="an ugly fence without measures")
    ask("en", "What tyre size does the Dokker take?", [], note="worn tyres, no size")
    ask("es", "¿De cuánto es la fianza que le dejamos a Amparo?", [], note="the deposit stays as it is; the 300 are for another house")
    ask("en", "What is the white pill that Mum takes?", [], note="pill without a name")
    ask("es", "¿Qué garantía me da Casanova por el arreglo del reloj?", [], note="price known, no guarantee told")
    ask("en", "Which seat have I got on the flight to Edinburgh?", [], note="given at check-in")
    ask("en", "How much did Hilary pay for her train ticket?", [], note="time and carriage known")
    ask("es", "¿Qué piezas toca Aitana en el concierto?", [], note="the first two and the last, without titles")
    ask("es", "¿Cuántas habitaciones tiene el Hotel Mar de Fondo?", [], note="never told")
    ask("en", "How old is Pancracio?", [], note="weight known, age not")
    ask("es", "¿A qué teléfono hay que llamar a Mútua Xaloc?", [], note="claim number and adjuster known, no telephone")
    ask("en", "What's the name of the hotel in Lisbon they've booked for me?", [], note="two nights, no name")
    ask("es", "¿Cómo se llama el refugio donde dormimos en Albarracín?", [], note="places and price known, name not")
    ask("en", "What's Callum's bank account, so I can send him my half?", [], note="the sum is known, the account not")
    return out
