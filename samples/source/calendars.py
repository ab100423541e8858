"""The two calendars: familia and trabajo. Times are local to the named zone."""

import hashlib

ZONES = {
    "Europe/Madrid": ("+0100", "+0200", "CET", "CEST", "T020000", "T030000"),
    "Europe/London": ("+0000", "+0100", "GMT", "BST", "T010000", "T020000"),
}

# Each event: key, start, end or duration, zone ("" floating, "day" all-day, "utc"), summary, and options.
FAMILIA = [
    dict(key="judo-leo", start="20250909T174500", end="20250909T184500", summary="Judo Leo",
         location="Club Judo Russafa", rrule="FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20260619T215959Z",
         exdate=["20251223T174500", "20251225T174500", "20251230T174500", "20260101T174500", "20260106T174500",
                 "20260129T174500", "20260317T174500", "20260319T174500"],
         overrides=[dict(recurrence="20260526T174500", start="20260526T190000", end="20260526T200000",
                         summary="Judo Leo (ensayo de examen, más tarde)")]),
    dict(key="violin-nora", start="20250917T173000", end="20250917T181500", summary="Violín Nora",
         location="Escuela de Música Allegro, aula 4", rrule="FREQ=WEEKLY;BYDAY=WE;UNTIL=20260624T215959Z",
         exdate=["20251224T173000", "20251231T173000", "20260318T173000", "20260408T173000"],
         overrides=[dict(recurrence="20260520T173000", start="20260521T180000", end="20260521T184500",
                         summary="Violín Nora (recuperación, jueves)")]),
    dict(key="valenciano-tom", start="20251103T190000", end="20251103T203000", summary="Valenciano Tom",
         location="Centre de Llengües Russafa, aula 2", rrule="FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260525T215959Z"),
    dict(key="llamada-abuelos", start="20241117T180000", end="20241117T183000", zone="Europe/London",
         summary="Sunday call with Granny and Grandpa", rrule="FREQ=WEEKLY;BYDAY=SU",
         exdate=["20251221T180000", "20251228T180000"]),
    dict(key="basura-organica", start="20250106T213000", end="20250106T214500", zone="", summary="Bajar el cubo marrón",
         rrule="FREQ=WEEKLY;BYDAY=MO,TH"),
    dict(key="cumple-leo", start="20160603", zone="day", summary="Cumpleaños de Leo", rrule="FREQ=YEARLY"),
    dict(key="cumple-nora", start="20191117", zone="day", summary="Cumpleaños de Nora", rrule="FREQ=YEARLY"),
    dict(key="aniversario", start="20140517", zone="day", summary="Aniversario de boda", rrule="FREQ=YEARLY",
         description="Nos casamos en Requena, 17 de mayo de 2014"),
    dict(key="fiesta-leo", start="20260606T110000", end="20260606T150000", summary="Fiesta de cumpleaños de Leo",
         location="Multiaventura La Calderona", description="Recoger la tarta antes, a partir de las 9:30."),
    dict(key="recoger-campamento", start="20260712T180000", end="20260712T183000", summary="Recoger a Leo y Hugo del autobús",
         location="Estación de Sant Isidre"),
    dict(key="boda-hannah", start="20260829T143000", end="20260830T000000", zone="Europe/London",
         summary="Hannah & Iain's wedding", location="The Old Observatory, Calton Hill, Edinburgh"),
    dict(key="edimburgo", start="20260826", end="20260901", zone="day", summary="Edimburgo"),
    dict(key="requena-agosto", start="20260802", end="20260810", zone="day", summary="Requena con los yayos"),
    dict(key="hotel-pimienta", start="20260825T100000", end="20260825T103000", summary="Llevar a Pimienta a Can Pelut",
         description="Cartilla, manta y pienso."),
    dict(key="leishmania", start="20260717T183000", end="20260717T190000", summary="Pimienta: vacuna leishmania",
         location="Clínica Veterinaria El Olmo"),
    dict(key="dentista-tom", start="20260623T090000", end="20260623T093000", summary="Tom: limpieza dental",
         location="Clínica Dental Sorní"),
    dict(key="peluqueria", start="20260515T120000", end="20260515T133000", summary="Peluquería Clara",
         location="Peluquería Tallada, C/ Sueca 18"),
    dict(key="boda-cena", start="20260516T213000", end="20260516T233000", summary="Cena aniversario", location="Saiti Nou"),
    dict(key="concierto", start="20260704T220000", end="20260704T235900", summary="Concierto de Los Fresones con Marcos y Sofía",
         location="Jardines de Viveros", description="Entradas en el móvil de Tom, fila 12."),
    dict(key="visita-abuelos", start="20261009", end="20261014", zone="day", summary="Margaret and Alan in Valencia",
         description="They sleep in the study. Alan wants to see the rice museum in Sueca."),
    dict(key="poda", start="20260223T100000", end="20260223T110000", summary="Revisión del extintor del portal", status="CANCELLED"),
]

TRABAJO = [
    dict(key="gestoria-trimestre", start="20250107T100000", end="20250107T110000", summary="Enviar facturas a Nieves",
         rrule="FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=7"),
    dict(key="call-priya", start="20260113T100000", end="20260113T103000", zone="Europe/London", summary="HT range call with Priya",
         rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20260714T225959Z", exdate=["20260407T100000"],
         overrides=[dict(recurrence="20260519T100000", start="20260520T140000", end="20260520T143000",
                         summary="HT range call with Priya (moved to Wednesday afternoon)")]),
    dict(key="backup", start="20250103T170000", end="20250103T173000", zone="", summary="Copia de seguridad del estudio",
         rrule="FREQ=MONTHLY;BYDAY=1FR"),
    dict(key="marjal-prueba", start="20260522T103000", end="20260522T123000", summary="Marjal: prueba de paneles",
         location="Museografia Peris, polígono Vara de Quart, nave 17", description="Llevar la carta de color."),
    dict(key="marjal-montaje", start="20260601", end="20260611", zone="day", summary="Marjal: montaje en el Carme"),
    dict(key="marjal-inauguracion", start="20260611T193000", end="20260611T213000", summary="Inauguración «Aigua i arròs»",
         location="Centre del Carme"),
    dict(key="robledal-maqueta", start="20260521T110000", end="20260521T123000", summary="Robledal: segunda maqueta por videollamada",
         description="Con Marta y el enólogo, Íñigo Carcelén."),
    dict(key="robledal-ferros", start="20260619T090000", end="20260619T100000", summary="Aprobar ferros en Gráficas Tamarit"),
    dict(key="renta", start="20260528T123000", end="20260528T130000", summary="Firmar la renta con Nieves", location="Gran Vía 88, 2.º"),
    dict(key="taller-serigrafia", start="20260926T100000", end="20260926T140000", summary="Taller de serigrafía (lo doy yo)",
         location="Espai Tres", description="Ocho plazas, 45 € por persona. Comprar tintas al agua."),
    dict(key="feria-libro", start="20261014T090000", end="20261016T180000", summary="Book fair, Frankfurt (maybe)", status="TENTATIVE"),
    dict(key="podcast", start="20260617T160000", end="20260617T170000", zone="Europe/London", summary="Recording: Labels & Letters podcast",
         description="Guest with host Dee Okafor. Link comes the day before."),
]

CALENDARS = {"familia": FAMILIA, "trabajo": TRABAJO}


def uid(key):
    return hashlib.sha256(("event" + key).encode()).hexdigest()[:20] + "@calendario.aldana-whitfield.example"


def _escape(text):
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _fold(line):
    """RFC 5545 3.1: at most 75 octets a line, never inside a character."""
    out, current = [], b""
    for char in line:
        data = char.encode("utf-8")
        if len(current) + len(data) > 74:
            out.append(current)
            current = b" "
        current += data
    return b"\r\n".join(out + [current])


def _stamp(name, value, zone):
    if zone == "day":
        return "%s;VALUE=DATE:%s" % (name, value)
    if zone == "utc":
        return "%s:%sZ" % (name, value)
    return "%s:%s" % (name, value) if zone == "" else "%s;TZID=%s:%s" % (name, zone, value)


def _event(event, base=None):
    zone = event.get("zone", "Europe/Madrid")
    lines = ["BEGIN:VEVENT", "UID:" + uid(event["key"]), "DTSTAMP:20260510T080000Z"]
    if base:
        lines.append(_stamp("RECURRENCE-ID", base, zone))
        lines.append("SEQUENCE:1")
    lines.append(_stamp("DTSTART", event["start"], zone))
    if "end" in event:
        lines.append(_stamp("DTEND", event["end"], zone))
    lines.append("SUMMARY:" + _escape(event["summary"]))
    for key in ("location", "description"):
        if key in event:
            lines.append(key.upper() + ":" + _escape(event[key]))
    if "status" in event:
        lines.append("STATUS:" + event["status"])
    if not base:
        if "rrule" in event:
            lines.append("RRULE:" + event["rrule"])
        if event.get("exdate"):
            lines.append(_stamp("EXDATE", ",".join(event["exdate"]), zone))
        if "rrule" not in event and zone not in ("day", ""):
            lines += ["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:" + _escape(event["summary"]), "TRIGGER:-PT30M", "END:VALARM"]
    lines.append("END:VEVENT")
    if not base:
        for override in event.get("overrides", []):
            merged = {key: value for key, value in event.items() if key in ("key", "zone", "location")}
            merged.update(override)
            lines += _event(merged, base=override["recurrence"])
    return lines


def write(name):
    events = CALENDARS[name]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Aldana-Whitfield//Calendario//ES", "X-WR-CALNAME:" + name.capitalize()]
    used = {event.get("zone", "Europe/Madrid") for event in events}
    for zone, (winter, summer, winter_name, summer_name, spring, autumn) in ZONES.items():
        if zone in used:
            lines += ["BEGIN:VTIMEZONE", "TZID:" + zone,
                      "BEGIN:DAYLIGHT", "TZOFFSETFROM:" + winter, "TZOFFSETTO:" + summer, "TZNAME:" + summer_name,
                      "DTSTART:19700329" + spring, "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "END:DAYLIGHT",
                      "BEGIN:STANDARD", "TZOFFSETFROM:" + summer, "TZOFFSETTO:" + winter, "TZNAME:" + winter_name,
                      "DTSTART:19701025" + autumn, "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD", "END:VTIMEZONE"]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return b"\r\n".join(_fold(line) for line in lines) + b"\r\n"
