"""The address book: about forty cards, vCard 3.0 (RFC 2426) and 4.0 (RFC 6350)."""

import hashlib

# key | full name | organisation | title | phones (type=number, …) | mail | birthday | address (street;town;postcode;country) | note
CARDS = """
tom|Tom Whitfield|La Devesa British School|Physics teacher|cell=+34 655 010 388|tom@aldana-whitfield.example|1982-10-21|C/ de los Alisos, 14, 3.º B;Valencia;46010;España|
leo|Leo Whitfield Aldana|||||2016-06-03||Talla 150 de judogui, pie 35
nora|Nora Whitfield Aldana|||||2019-11-17||Pie 30
amparo|Amparo Ferrer|||home=+34 962 555 041, cell=+34 655 010 072|amparo.ferrer@correoturia.example|1954-02-11|C/ del Carmen, 27;Requena;46340;España|Mamá
vicente|Vicente Aldana|||cell=+34 655 010 073|vicente.aldana@correoturia.example|1950-04-06|C/ del Carmen, 27;Requena;46340;España|Papá
jorge|Jorge Aldana|Bomberos Consorcio||cell=+34 655 010 119|jorge.aldana@montecorreo.example|1988-12-01|C/ de la Fuente, 3;Utiel;46300;España|
rosa|Rosa Aldana|||cell=+34 655 010 640|rosa.aldana@montecorreo.example|1985-07-19||Prima, madre de Alba
margaret|Margaret Whitfield|||home=+44 117 496 0112|margaret.whitfield@clevedonpost.example|1951-05-23|22 Copse Road;Clevedon;BS21 7QN;United Kingdom|
alan|Alan Whitfield|||cell=+44 7700 900318||1949-09-30|22 Copse Road;Clevedon;BS21 7QN;United Kingdom|
hannah|Hannah Whitfield|Leith Community Theatre|Producer|cell=+44 7700 900441|hannah.w@leithmail.example|1986-03-14|17/3 Sandport Row;Edinburgh;EH6 6QT;United Kingdom|
iain|Iain Drummond|||cell=+44 7700 900442|iain.drummond@leithmail.example||17/3 Sandport Row;Edinburgh;EH6 6QT;United Kingdom|
remedios|Remedios Sanchis Boix|||home=+34 963 555 722|remedios.sanchis@correoturia.example||Av. del Oeste, 9, 6.ª;Valencia;46001;España|Casera. Llamar después de las 11
lucia|Lucía Montesinos|||cell=+34 655 010 255|lucia.montesinos@correoturia.example||C/ de los Alisos, 14, 3.º A;Valencia;46010;España|Tiene llaves de casa
marcos|Marcos Vidal|||cell=+34 655 010 312|marcos.vidal@montecorreo.example|1983-08-08|C/ Doctor Sumsi, 31, pta. 12;Valencia;46005;España|
sofia|Sofía Renau|||cell=+34 655 010 313|sofia.renau@correoturia.example||C/ Doctor Sumsi, 31, pta. 12;Valencia;46005;España|
bea|Bea Ortuño|||cell=+34 655 010 590|bea.ortuno@montecorreo.example|||Madre de Hugo (4.º B)
quiles|Paco Quiles|Fontanería Hermanos Quiles|Fontanero|work=+34 655 010 447|hermanosquiles@correoturia.example||C/ de la Carda, 8;Valencia;46010;España|
sergi|Sergi Ribes|Ribes Fusta|Carpintero|work=+34 655 010 866|sergi@ribesfusta.example||Camí del Pou, 12;Alboraia;46120;España|
electricista|Amadeo Chust|Electricidad Chust|Electricista|work=+34 655 010 700|||C/ del Turia, 51;Valencia;46008;España|El que arregló el cuadro; no trabaja los viernes
taller|Rubén Talleres Benimaclet|Talleres Benimaclet|Mecánico|work=+34 963 555 240|taller@talleresbenimaclet.example||C/ del Molino, 40;Valencia;46020;España|
irene|Irene Cubells|Clínica Veterinaria El Olmo|Veterinaria|work=+34 963 555 866, cell=+34 655 010 903|citas@vetelolmo.example||C/ del Olmo, 6;Valencia;46010;España|El móvil es el de urgencias
canpelut|Marga Lloret|Residencia canina Can Pelut||work=+34 961 555 308|reservas@canpelut.example||Camí de Campolivar, s/n;Godella;46110;España|
sorni|Dra. Beatriz Sorní|Clínica Dental Sorní|Ortodoncista|work=+34 963 555 177|citas@dentalsorni.example||C/ de los Naranjos, 21, bajo;Valencia;46010;España|
montagud|Dra. Pilar Montagud|Centro Médico Colón|Pediatra|work=+34 963 555 610|consulta@montagudpediatria.example||C/ Colón, 60, 2.ª;Valencia;46004;España|
encarna|Encarna Lluch|CEIP Les Moreres|Tutora de 4.º B||encarna.lluch@ceiplesmoreres.example|||
dolors|Dolors Benet|CEIP Les Moreres|Tutora de 1.º A||dolors.benet@ceiplesmoreres.example|||
cole|CEIP Les Moreres|CEIP Les Moreres||work=+34 963 555 930|secretaria@ceiplesmoreres.example||C/ de las Moreras, 2;Valencia;46010;España|
kenji|Kenji Oltra|Club Judo Russafa|Maestro|cell=+34 655 010 777|info@judorussafa.example||C/ Cuba, 44;Valencia;46006;España|
mireia|Mireia Ballester|Escuela de Música Allegro|Profesora de violín|cell=+34 655 010 808|secretaria@escuelaallegro.example|||
helen|Helen Marsh|La Devesa British School|Head of Science|work=+34 961 555 014|h.marsh@ladevesaschool.example|||
nieves|Nieves Pla|Gestoría Pla||work=+34 963 555 264|nieves@gestoriapla.example||Gran Vía, 88, 2.º;Valencia;46005;España|
marta|Marta Iranzo|Bodegas Robledal|Exportación y marketing|work=+34 962 555 400, cell=+34 655 010 431|marta.iranzo@bodegasrobledal.example|1990-01-25|Ctra. de Utiel, km 4;Requena;46340;España|
julian|Julián Peris|Bodegas Robledal|Administración|work=+34 962 555 402|administracion@bodegasrobledal.example||Ctra. de Utiel, km 4;Requena;46340;España|
priya|Priya Nair|Northlight Instruments Ltd|Product Documentation Lead|work=+44 117 496 0440|priya.nair@northlight-instruments.example||Unit 6, Temple Quay Works;Bristol;BS2 0PT;United Kingdom|
gareth|Gareth Holt|Northlight Instruments Ltd|Accounts Payable|work=+44 117 496 0441|accounts@northlight-instruments.example||Unit 6, Temple Quay Works;Bristol;BS2 0PT;United Kingdom|
enric|Enric Boluda|Fundació Marjal Viva|Director d'exposicions|work=+34 963 555 811|enric.boluda@marjalviva.example||C/ de la Sequiola, 5;Valencia;46003;España|
laia|Laia Soler|Fundació Marjal Viva|Producció|cell=+34 655 010 822|laia.soler@marjalviva.example||C/ de la Sequiola, 5;Valencia;46003;España|
manolo|Manolo Tamarit|Gráficas Tamarit|Impresor|work=+34 963 555 390|presupuestos@graficastamarit.example||Pol. Fuente del Jarro, C/ 3;Paterna;46988;España|
canguro|Alba Montesinos|||cell=+34 655 010 256||2005-06-27||Hija de Lucía, canguro, 10 € la hora
traductora|Carmen Herrero|Traducciones juradas||work=+34 963 555 145|carmen@herrerotraduce.example||C/ de la Paz, 30;Valencia;46003;España|Traductora jurada de inglés
gisbert|Fincas Gisbert|Administración de Fincas Gisbert||work=+34 963 555 018|comunidad@gisbertfincas.example||C/ del Almendro, 3, entlo.;Valencia;46010;España|
"""


def uid(key):
    return "urn:uuid:" + "-".join((lambda h: (h[:8], h[8:12], "4" + h[13:16], "8" + h[17:20], h[20:32]))(
        hashlib.sha256(("contact" + key).encode()).hexdigest()))


def _escape(text):
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _fold(line):
    out, current = [], b""
    for char in line:
        data = char.encode("utf-8")
        if len(current) + len(data) > 74:
            out.append(current)
            current = b" "
        current += data
    return b"\r\n".join(out + [current])


def _card(number, fields):
    key, name, organisation, title, phones, mail, birthday, address, note = fields
    version = 4 if number % 3 == 1 else 3
    words = name.split(" ")
    given, family = (words[0], " ".join(words[1:])) if len(words) > 1 else (name, "")
    if words[0] in ("Dra.", "Dr."):
        given, family = words[1], " ".join(words[2:])
    lines = ["BEGIN:VCARD", "VERSION:%d.0" % version, "UID:" + uid(key), "FN:" + _escape(name),
             "N:%s;%s;;%s;" % (_escape(family), _escape(given), words[0] if words[0].endswith(".") else "")]
    if organisation:
        lines.append("ORG:" + _escape(organisation))
    if title:
        lines.append("TITLE:" + _escape(title))
    for phone in filter(None, phones.split(", ")):
        kind, value = phone.split("=")
        if version == 4:
            lines.append("TEL;VALUE=uri;TYPE=%s:tel:%s" % (kind, value.replace(" ", "-")))
        else:
            lines.append("TEL;TYPE=%s:%s" % (kind.upper(), value))
    if mail:
        lines.append(("EMAIL:%s" if version == 4 else "EMAIL;TYPE=INTERNET:%s") % mail)
    if birthday:
        lines.append("BDAY:" + (birthday.replace("-", "") if version == 4 else birthday))
    if address:
        street, town, postcode, country = address.split(";")
        lines.append("ADR;TYPE=%s:;;%s;%s;;%s;%s" % ("work" if organisation else "home", _escape(street), town, postcode, country))
    if note:
        lines.append("NOTE:" + _escape(note))
    lines.append("REV:20260501T100000Z")
    lines.append("END:VCARD")
    return lines


def cards():
    return [line.split("|") for line in CARDS.strip().split("\n")]


def write():
    lines = []
    for number, fields in enumerate(cards()):
        lines += _card(number, fields)
    return b"\r\n".join(_fold(line) for line in lines) + b"\r\n"
