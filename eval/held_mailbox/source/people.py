"""Who writes to Cova Llaneza, head of production of an orchestra in Gijón: people, offices, shops. All fictional."""

from building import WORK, person

# ---- work
person("berta", "Berta Noriega", "b.noriega@ofcantabrico.example", client="outlook", to=WORK, signature="Berta Noriega\nGerencia · Orquesta Filarmónica del Cantábrico\n\nEste mensaje y sus adjuntos son confidenciales y van dirigidos solo a su destinatario. Si lo ha recibido por error, avise al remitente y bórrelo.")
person("iyan", "Iyán Pola", "i.pola@ofcantabrico.example", client="outlook", to=WORK, signature="Iyán Pola\nArchivo y biblioteca musical")
person("zulema", "Zulema Prado", "z.prado@ofcantabrico.example", client="outlook", to=WORK, signature="Zulema Prado · Administración y contabilidad")
person("roque", "Roque Menéndez", "roque.menendez@teatrodelmuelle.example", client="outlook", to=WORK, signature="Roque Menéndez Vior\nJefe técnico, Teatro del Muelle\nT. 985 55 01 42")
person("halina", "Halina Wrobel", "h.wrobel@ofcantabrico.example", client="apple", language="en", to=WORK)
person("priya", "Priya Raman", "priya@halyardartists.example", client="outlook", language="en", to=WORK, signature="Priya Raman\nArtist Manager, Halyard Artists\n14 Tanner Row, London")
person("ingrid", "Ingrid Solheim", "ingrid@solheimcello.example", client="apple", language="en", to=WORK)
person("lothar", "Lothar Brandeis", "l.brandeis@brandeis-concerts.example", client="outlook", language="en", to=WORK, signature="Lothar Brandeis\nBrandeis Concert Management, Leipzig")
person("douglas", "Douglas Imrie", "douglas.imrie@tidewaterfreight.example", client="outlook", language="en", to=WORK, signature="Douglas Imrie | Performing Arts Desk\nTidewater Freight Ltd")
person("saoirse", "Saoirse Tully", "s.tully@penhallowmutual.example", client="outlook", language="en", to=WORK, signature="Saoirse Tully\nFine Instruments & Events Underwriting\nPenhallow Mutual\n\nPenhallow Mutual is authorised and regulated. This e-mail may contain privileged information; if you are not the intended recipient please delete it at once.")
person("nacho", "Nacho Argüelles", "nacho@afinacionesarguelles.example", to=WORK, auth="none", signature="Nacho Argüelles, afinador")
person("teresa", "Teresa Quintes", "tquintes@autocarescabopenas.example", client="outlook", to=WORK, signature="Teresa Quintes\nAutocares Cabo Peñas")
person("vilar", "Hotel Vilar del Puerto", "reservas@hotelvilar.example", to=WORK, client="outlook", signature="Recepción · Hotel Vilar del Puerto, Santander")
person("marcelo", "Marcelo Iglesias", "marcelo.iglesias@percusionesdelnorte.example", to=WORK, signature="Marcelo Iglesias\nPercusiones del Norte, S.L.")
person("amina", "Amina Okafor-Reyes", "amina.okafor@northernsinfonietta.example", client="outlook", language="en", to=WORK, signature="Amina Okafor-Reyes\nOrchestra Manager, Northern Sinfonietta")
person("fabio", "Fabio Lanza", "fabio.lanza@editoralanza.example", client="outlook", language="en", to=WORK, signature="Fabio Lanza, Hire Library, Edizioni Lanza")
person("lucia", "Lucy Robledo", "lucy.robledo@thepitmagazine.example", language="en", to=WORK, signature="Lucy Robledo\nStaff writer, The Pit Magazine")
person("comite", "Comité de músicos", "comite@ofcantabrico.example", client="thunderbird", to=WORK)
person("arrieta", "Tomás Arrieta", "tomas@tomasarrieta.example", client="apple", language="en", to=WORK)
person("oksana", "Oksana Hrynko", "oksana.hrynko@postbox.example", language="en", to=WORK)
person("jurado", "Conservatorio Municipal", "secretaria@conservatoriogijon.example", client="outlook", to=WORK, signature="Secretaría")
person("prl", "Prevención Norte", "citas@prevencionnorte.example", client="machine", to=WORK)
person("rrhh", "Noelia Cabal", "n.cabal@ofcantabrico.example", client="outlook", to=WORK, signature="Noelia Cabal · Personas")
person("becario", "Adrián Solís", "a.solis@ofcantabrico.example", to=WORK, client="outlook", signature="Adrián Solís\nAyudante de producción")

# ---- family and friends
person("ewan", "Ewan Farquhar", "ewan.farquhar@buzonastur.example", client="apple", language="en")
person("marisa", "Marisa Suárez", "marisasuarez1949@correoastur.example")
person("xuan", "Xuan Llaneza", "xuan.llaneza@correoastur.example")
person("moira", "Moira Farquhar", "moira.farquhar@tayport.example", client="apple", language="en")
person("hamish", "Hamish Farquhar", "hamish.farquhar@tayport.example", client="apple", language="en")
person("rosaura", "Rosaura Cueto", "rosaura.cueto@correoastur.example")
person("flora", "Flora Bannerman", "flora.bannerman@postbox.example", language="en")
person("nel", "Nel Vigil", "nel.vigil@correoastur.example")
person("pilar", "Pippa Artingstall", "pippa.artingstall@postbox.example", language="en")
person("greta", "Greta Lindqvist", "greta.lindqvist@postbox.example", language="en")
person("covi", "Cat Barrow", "cat.barrow@postbox.example", language="en")
person("tia", "Tía Argentina", "argentina.suarez@correoastur.example", auth="soft")
person("declan", "Declan Moyes", "declan.moyes@postbox.example", language="en")

# ---- home, offices, health
person("evaristo", "Evaristo Peláez", "evaristo.pelaez@correoastur.example")
person("finca", "Administración de Fincas Llorián", "comunidades@fincasllorian.example", client="outlook", signature="Fincas Llorián, S.L.")
person("caldera", "Servicio Técnico Caldeasa", "avisos@caldeasa.example", client="machine", auth="none")
person("dentista", "Clínica Dental Bocanegra", "recepcion@dentalbocanegra.example", client="machine")
person("fisio", "Lara Mieres", "lara@fisioparrochu.example", signature="Lara Mieres, fisioterapeuta")
person("salud", "Servicio de Salud", "citas@saluddelprincipado.example", client="machine")
person("pediatra", "Centro de Salud El Parrochu", "enfermeria.parrochu@saluddelprincipado.example", client="outlook", signature="Enfermería pediátrica")
person("tributos", "Servicio de Tributos", "notificaciones@tributosprincipado.example", client="machine")
person("ayto", "Ayuntamiento de Gijón · Sede electrónica", "noreply@sedegijon.example", client="machine")
person("biblioteca", "Red de Bibliotecas", "avisos@bibliotecasgijon.example", client="machine")
person("taller", "Talleres Ceñal", "talleres.cenal@correoastur.example", auth="none", client="outlook", signature="Talleres Ceñal, C/ del Carbón 8")
person("itv", "ITV Pumarín", "cita@itvpumarin.example", client="machine")
person("vet", "Clínica Veterinaria Trisquel", "hola@vettrisquel.example")
person("seguro", "Mutua Marina", "clientes@mutuamarina.example", client="machine")
person("registro", "Consular Services", "appointments@consularservices.example", client="machine", language="en")
person("uni", "Fife & Tay College", "admissions@fifetaycollege.example", client="outlook", language="en")

# ---- school and clubs
person("cole", "CEIP Las Caldonas", "secretaria@ceiplascaldonas.example", client="outlook", signature="CEIP Las Caldonas")
person("marta", "Marta Cuesta", "marta.cuesta@ceiplascaldonas.example", client="outlook", signature="Marta Cuesta, tutora de 5.º B")
person("ampa", "AMPA Las Caldonas", "ampa@ampalascaldonas.example", listed={"id": "AMPA Las Caldonas <avisos.ampalascaldonas.example>", "unsubscribe": True, "bulk": True})
person("natacion", "Club Natación Mareona", "escuela@cnmareona.example")
person("texu", "Grupo de Montaña El Texu", "salidas@montanaeltexu.example")
person("bea", "Bea Tuñón", "bea.tunon@correoastur.example")
person("damp", "Judith Kessler", "judith.kessler@postbox.example", language="en")
person("rhona", "Rhona McKay", "rhona.mckay@postbox.example", language="en")
person("scouts", "Alba Rendueles", "alba@scoutselmolin.example")

CONTACTS = {"berta": "boss", "iyan": "colleague", "zulema": "colleague", "roque": "venue", "halina": "principal conductor", "priya": "agent",
            "ingrid": "soloist", "douglas": "freight", "nacho": "piano tuner", "becario": "assistant", "ewan": "husband", "marisa": "mother",
            "xuan": "brother", "moira": "mother-in-law", "hamish": "father-in-law", "rosaura": "friend", "flora": "friend", "evaristo": "landlord",
            "marta": "teacher of Olaya", "bea": "mountain club", "damp": "book club", "teresa": "coach company", "marcelo": "instrument hire", "nel": "friend"}
