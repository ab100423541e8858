"""Work: the season from the opening concert to the small tour, with agents, halls, hire libraries and colleagues."""

from building import HOME, WORK, mail, sent

# ---- the opening concert: a cellist, her instrument and her hotel
mail("cello1", "2026-09-14 09:41", "priya", "Solheim / Gijón 2 October: schedule and needs", """
Dear Cova,

I hope the summer treated you well. Ingrid is very much looking forward to the opening night. Two things before I finalise her travel:

1. Could you send me the rehearsal call sheet by Friday? She lands on the 29th and would like a quiet first day.
2. She asks whether the hall has an adjustable cello podium, about 30 cm high. If not we will ask the freight people to bring hers.

I will let you have her signed rider on Monday.

All best,
Priya""", "reply", do=[("Send Priya the rehearsal call sheet", "2026-09-18", "Enviar a Priya el plan de ensayos"),
                        ("Tell Priya whether the hall has an adjustable cello podium", None, "Decir a Priya si la sala tiene una tarima de violonchelo regulable")],
     owed=[("Priya Raman", "send the signed rider", "2026-09-21")])
sent("cello1s", "2026-09-14 11:20", "priya", "Re: Solheim / Gijón 2 October: schedule and needs", """
Hi Priya,

Call sheet will be with you on Thursday at the latest. I'll ask Roque at the theatre about the podium.

Cova""", re="cello1")
mail("podium", "2026-09-15 10:05", "roque", "RE: tarima violonchelo", """
Buenas Cova:

Tenemos una tarima de 2x1 pero fija, de 20 cm. Puedo pedir a carpintería que la suba a 30, tardan una semana. ¿La quieres así? Necesito saberlo antes del jueves a mediodía, que cierran pedido.

Un saludo""", "reply", do=[("Decir a Roque si quiere la tarima subida a 30 cm", "2026-09-17T12:00", "Tell Roque whether to raise the podium to 30 cm")])
sent("podiums", "2026-09-15 10:32", "roque", "Re: RE: tarima violonchelo", "Sí, a 30 por favor. Gracias, Roque.", re="podium")
mail("podium2", "2026-09-15 10:40", "roque", "RE: RE: tarima violonchelo", """
Pedido hecho. Estará el día 24 en el almacén del teatro.""", "fyi", re="podiums", owed=[("Roque Menéndez", "tener la tarima lista", "2026-09-24")])
mail("cello2", "2026-09-21 17:12", "priya", "RE: Solheim / Gijón 2 October: schedule and needs", """
Lovely, thank you, call sheet received. Signed rider attached, nothing unusual in it.

No answer needed from your side for now.

Priya""", "fyi", re="cello1s", attach=["Solheim_rider_signed.pdf"])
mail("cello3", "2026-09-28 18:47", "ingrid", "tomorrow", """
Hello Cova, this is Ingrid. My flight tomorrow lands at Asturias at 16:35 (from Madrid, NV 418). The cello has its own seat and does not like taxis with small boots! Could somebody fetch me with a proper van? A short yes or no tonight would let me sleep.

Ingrid""", "reply", do=[("Arrange a van to fetch Ingrid at the airport and tell her tonight", "2026-09-28", "Organizar una furgoneta para recoger a Ingrid en el aeropuerto y decírselo esta noche")],
     at=[("Ingrid lands at Asturias airport", "2026-09-29 16:35", None, "Asturias airport")])
sent("cello3s", "2026-09-28 19:02", "ingrid", "Re: tomorrow", "Yes! Adrián will be at arrivals with the orchestra van and your name on a sign. Sleep well. Cova", re="cello3")
mail("cello4", "2026-09-29 06:55", "priya", "URGENT Ingrid's connection cancelled", """
Cova, Norvento have just cancelled the morning leg out of Oslo, so she will miss Madrid. They only offer tomorrow night, which loses you both rehearsals.

There are two seats left on the Bilbao flight at 13:10 and the airline holds them for me until 9:30 this morning. From Bilbao she would need to be driven. I need your OK for the extra cost (640 EUR incl. the cello seat) before then or they go.

Call me if easier: my mobile is in the signature of the rider.
P.""", "urgent", do=[("Give Priya the OK for the Bilbao seats and the extra cost of 640 EUR", "2026-09-29T09:30", "Dar a Priya el visto bueno para los asientos a Bilbao y el coste extra de 640 EUR")])
sent("cello4s", "2026-09-29 07:10", "priya", "Re: URGENT Ingrid's connection cancelled", "Approved, book them. Adrián drives to Bilbao. Cova", re="cello4")
mail("cello5", "2026-09-29 08:02", "priya", "RE: URGENT Ingrid's connection cancelled", """
Booked, you are a star. She now lands in Bilbao at 16:20 today instead.""", "fyi", re="cello4s", at=[("Ingrid lands in Bilbao", "2026-09-29 16:20", None, "Bilbao")])
mail("cello6", "2026-10-03 10:15", "ingrid", "thank you", """
Dear Cova, what an evening. Please thank the whole cello section, and Adrián for the longest drive of his life. I left my grey scarf in the dressing room; if someone finds it, keep it till the next time.

Warmly, Ingrid""", "fyi")

# ---- the hall and the stage
mail("plan1", "2026-09-16 12:30", "roque", "Montaje concierto inaugural", """
Hola, Cova:

Te confirmo el montaje: descarga el lunes 28 a las 8:00 por el muelle trasero, y a las 11 queda el escenario libre para el primer ensayo. Mándame cuando puedas el plano de atriles con la percusión nueva, que quiero comprobar el practicable del fondo.

Un abrazo""", "reply", do=[("Mandar a Roque el plano de atriles con la percusión nueva", None, "Send Roque the stage plan with the new percussion")],
     at=[("Descarga y montaje en el teatro", "2026-09-28 08:00", None, "muelle trasero del Teatro del Muelle")])
mail("plan2", "2026-09-24 16:51", "roque", "RE: Montaje concierto inaugural", """
Cova, cambio de última hora: el lunes tenemos inspección de la barra de incendios y no nos dejan abrir hasta las 9 y media. La descarga pasa entonces a las 9:30. El ensayo sigue a las 11.

Siento el lío.""", "fyi", re="plan1", at=[("Descarga en el teatro, pasada a las 9:30", "2026-09-28 09:30", None, "Teatro del Muelle"), ("Primer ensayo", "2026-09-28 11:00", None, "Teatro del Muelle")])
mail("plan3", "2026-10-01 19:22", "roque", "agua en el foso", """
Cova, ha reventado una tubería encima del foso y hay agua hasta el segundo peldaño. He cortado la luz de escena. Los contrabajos y los timbales siguen ahí abajo y yo no tengo llave de vuestros armarios. Alguien tiene que venir a sacarlos esta misma tarde, si la humedad sube se estropean.

Estoy aquí hasta que llegues o mandes a alguien. 985 55 01 42""", "urgent", do=[("Ir o mandar a alguien al teatro a sacar los contrabajos y los timbales del foso", "2026-10-01", "Go or send someone to the theatre to get the double basses and timpani out of the pit")])
mail("plan4", "2026-10-02 08:11", "roque", "RE: agua en el foso", """
Ya está seco y la luz vuelve a funcionar. El perito vino a las 7 y da el visto bueno para esta noche. Gracias por traer a medio viento-metal a cargar cajas :)""", "fyi", re="plan3")

# ---- boss
mail("berta1", "2026-09-14 13:02", "berta", "Presupuesto gira octubre", """
Cova:

Para el patronato necesito el presupuesto de la gira (Oviedo y Santander) con autocares, hotel y dietas desglosados. Lo quieren con diez días de antelación, así que envíamelo como muy tarde el miércoles 23.

Gracias,""", "reply", do=[("Enviar a Berta el presupuesto de la gira desglosado", "2026-09-23", "Send Berta the tour budget")])
mail("berta2", "2026-09-17 09:15", "berta", "Reunión de programación", """
Buenos días a todos:

Nos vemos el martes que viene a las diez en mi despacho para cerrar la programación de primavera. Durará hora y media. Traed cada uno vuestras tres propuestas.

B.""", "fyi", to=[WORK], cc=["iyan", "halina", "rrhh"], do=[("Llevar tres propuestas a la reunión de programación", "2026-09-22", "Bring three proposals to the programming meeting")],
     at=[("Reunión de programación", "2026-09-22 10:00", "2026-09-22 11:30", "despacho de Berta")])
mail("berta3", "2026-09-21 18:20", "berta", "RE: Reunión de programación", """
Perdonad: mañana me ha convocado la consejería a primera hora. Pasamos la reunión al miércoles, misma hora y mismo sitio.""", "fyi", re="berta2", to=[WORK], cc=["iyan", "halina", "rrhh"],
     at=[("Reunión de programación (pasa al miércoles)", "2026-09-23 10:00", None, "despacho de Berta")])
mail("berta4", "2026-09-25 14:40", "berta", "Gira", """
Visto el presupuesto, muy claro. Solo me chirría el hotel de Santander. ¿Podemos bajar a 70 € por habitación? Pregúntales y me cuentas.""", "reply",
     do=[("Preguntar al hotel de Santander si bajan a 70 € por habitación y contárselo a Berta", None, "Ask the Santander hotel for 70 € a room and tell Berta")])
mail("berta5", "2026-10-06 08:50", "berta", "Firma contrato Arrieta HOY", """
Cova, el contrato de Tomás Arrieta sigue sin tu firma en el portafirmas y el seguro de cancelación solo entra en vigor si está firmado hoy antes de las 14:00. Si no, vamos sin cobertura al concierto del 16. Por favor, entra y fírmalo en cuanto leas esto.

Berta""", "urgent", do=[("Firmar el contrato de Tomás Arrieta en el portafirmas", "2026-10-06T14:00", "Sign Tomás Arrieta's contract")])
mail("berta6", "2026-10-14 11:05", "berta", "Memoria anual", """
Hola:

Antes de nada, gracias por lo de estos días; el patronato lo ha notado y a mí me consta lo que hay detrás.

He estado con la diseñadora y este año la memoria cambia de formato: menos tablas, más relato, y un código para escuchar fragmentos. A Halina le ha gustado la idea y a la consejería, sorprendentemente, también. La imprenta nos da hueco a mediados de noviembre y lo demás va hacia atrás desde ahí.

A ti te toca el capítulo de producción, cuatro páginas y fotos. Fecha tope el 30 de octubre. ¿Te ves con tiempo o le pido a Adrián que te ayude?

Lo del almacén nuevo lo dejo para cuando hable con el concejal, que me ha vuelto a dar largas.""", "reply",
     do=[("Escribir el capítulo de producción de la memoria anual", "2026-10-30", "Write the production chapter of the annual report"),
         ("Decir a Berta si necesita que Adrián le ayude", None, "Tell Berta whether she needs Adrián's help")])
mail("berta7", "2026-10-20 09:33", "berta", "Felicidades", """
El patronato ha aprobado la gira de primavera por unanimidad. Buen trabajo de todo el equipo. El acta os llegará la semana que viene.""", "fyi", to=["iyan", "becario", "zulema"], cc=[WORK])

# ---- library, hire material
mail("iyan1", "2026-09-15 13:44", "iyan", "Material de Sibelius", """
Cova, el material de alquiler del Sibelius llega con tres particellas de viola de menos. ¿Reclamo yo a la editorial o prefieres hacerlo tú, que conoces a Fabio?""", "reply",
     do=[("Decir a Iyán quién reclama a la editorial las particellas de viola", None, "Tell Iyán who claims the missing viola parts from the publisher")])
sent("iyan1s", "2026-09-15 14:05", "iyan", "Re: Material de Sibelius", "Escribo yo a Fabio esta tarde.", re="iyan1")
sent("fabio0", "2026-09-15 17:30", "fabio", "Missing viola parts, order 26-1187", "Dear Fabio, three viola parts are missing from our Sibelius set (order 26-1187). Could you send them before the 24th? Thanks, Cova")
mail("fabio1", "2026-09-16 09:20", "fabio", "RE: Missing viola parts, order 26-1187", """
Dear Cova,

My apologies. The three viola parts leave today by courier and should reach you on Friday. Please do not mark them in ink.

Kind regards""", "fyi", re="fabio0", owed=[("Fabio Lanza", "send the three missing viola parts", "2026-09-18")])
mail("fabio2", "2026-10-07 10:02", "fabio", "Return of hire material 26-1187", """
Dear Madam,

This is to remind you that the above set is due back in our library on 16 October. A late fee of 45 EUR per week applies. If you wish to keep it for the tour, just tell us before that date and we will extend at no cost.

Edizioni Lanza, Hire Library""", "reply", do=[("Return the hire material 26-1187 or ask for an extension", "2026-10-16", "Devolver el material de alquiler 26-1187 o pedir prórroga")])
mail("iyan2", "2026-10-13 09:28", "iyan", "Particellas Rajmáninov", """
Las particellas del concierto están fotocopiadas y en las carpetas, con los arcos de Halina ya pasados. Quedan en el armario 4.""", "fyi")
mail("iyan3", "2026-10-21 12:10", "iyan", "¿me cambias la guardia?", """
Hola, guapa:

Tengo a la cría con fiebre y el sábado me toca abrir el archivo a las 9. ¿Podrías cubrirme tú, o al menos hasta las once? Te debo una grande.

Dime algo antes de mañana a mediodía y si no busco a otro.""", "reply", do=[("Decir a Iyán si puede cubrirle la guardia del sábado en el archivo", "2026-10-22T12:00", "Tell Iyán whether she can cover his Saturday shift")])

# ---- conductor
mail("halina1", "2026-09-18 21:14", "halina", "seating", """
Dear Cova, I want to try antiphonal violins from the first rehearsal. Would that be a problem for the risers? Tell me what you think, no hurry but before we start.

H.""", "reply", do=[("Tell Halina whether antiphonal violins are a problem for the risers", "2026-09-28", "Decir a Halina si los violines enfrentados son un problema para los practicables")])
mail("halina2", "2026-10-05 22:48", "halina", "Coffee?", """
I am in town until Wednesday. Shall we have coffee tomorrow at half past four, the usual place by the marina? I would like your honest opinion about the second oboe.

H.""", "reply", at=[("Coffee with Halina", "2026-10-06 16:30", None, "the usual place by the marina")], do=[("Tell Halina whether coffee tomorrow suits", "2026-10-06", "Decir a Halina si le va bien el café mañana")])
sent("halina2s", "2026-10-05 23:01", "halina", "Re: Coffee?", "See you there at 16:30. C.", re="halina2")
mail("halina3", "2026-10-15 23:30", "halina", "tempo list", "Metronome marks for the tour attached so that the stage manager can time the second half. Nothing to do on your side.", "fyi", attach=["tempi_tour.xlsx"])

# ---- freight and insurance
mail("freight1", "2026-09-22 11:37", "douglas", "Harp + percussion crates, Liverpool > Gijón", """
Hi Cova,

The truck is booked for the crates coming back from the Northern Sinfonietta. Collection is on Thursday 24th, arrival at your store on Monday 28th between 13:00 and 15:00.

Customs want the ATA carnet number before collection. Can you send it over by tomorrow close of business? Without it the truck cannot load.

Cheers
Douglas""", "reply", do=[("Send Douglas the ATA carnet number", "2026-09-23", "Enviar a Douglas el número del cuaderno ATA")],
     at=[("Arrival of the crates at the store", "2026-09-28 13:00", "2026-09-28 15:00", "the store")])
mail("freight2", "2026-09-23 16:20", "douglas", "RE: Harp + percussion crates, Liverpool > Gijón", "Carnet received, all sorted. Driver is called Wojtek, he will ring you an hour ahead.", "fyi", re="freight1", quote=True, owed=[("Wojtek, the driver", "ring an hour ahead", "2026-09-28")])
mail("freight3", "2026-10-21 07:12", "douglas", "Customs hold, release form expires 12 noon", """
Morning Cova,

The spare harp is stuck at Santander port. The inspector lifted the hold last night, but the release form lapses at 12:00 noon today and after that it goes to bonded storage at 380 EUR a day and you will not have it for Friday in Oviedo.

The form is attached, only your signature is missing. Please sign, scan and send it back to me before noon.

Douglas""", "urgent", attach=["release_form_harp.pdf"], do=[("Sign the customs release form and send it back to Douglas", "2026-10-21T12:00", "Firmar el formulario de despacho de aduana y devolvérselo a Douglas")])
mail("ins1", "2026-09-25 10:44", "saoirse", "Renewal of instrument cover 2026/27", """
Dear Ms Llaneza,

Your policy for orchestra-owned instruments renews on 1 November. To prepare terms we need the updated list of instruments with values. Please return it by 9 October.

I would also be glad to have a short call. Would Tuesday 6 October at 3pm your time suit?

Kind regards""", "reply", do=[("Return the updated list of instruments with values", "2026-10-09", "Devolver la lista actualizada de instrumentos con sus valores"), ("Tell Saoirse whether the call on 6 October suits", None, "Decir a Saoirse si le va bien la llamada")],
     at=[("Call with Saoirse Tully about the renewal", "2026-10-06 15:00", None, None)])
mail("ins2", "2026-10-02 09:30", "saoirse", "RE: Renewal of instrument cover 2026/27", """
Dear Cova,

Something has come up here on the 6th, I am so sorry. Could we speak on Thursday the 8th at quarter past eleven (your time) instead? Same number. I will assume yes unless I hear from you.

Saoirse""", "reply", re="ins1", at=[("Call with Saoirse Tully", "2026-10-08 11:15", None, None)])
mail("ins3", "2026-10-13 15:05", "saoirse", "Terms", "Dear Cova, terms as discussed are attached; the premium is unchanged. They stay open until the end of the month, so there is no rush. Regards, Saoirse", "fyi", attach=["Penhallow_terms_2026-27.pdf"])

# ---- piano week
mail("nacho1", "2026-10-01 20:05", "nacho", "afinación concierto Arrieta", """
Buenas tardes Cova

Para el concierto del dia 16 te propongo afinar el jueves 15 a las 8 de la mañana y repasar el viernes de 17 a 18 h. Me dices si cuadra con los ensayos y si pagais otra vez por transferencia.

saludos, Nacho""", "reply", charset="iso-8859-1", do=[("Decir a Nacho si le cuadran las horas de afinación y cómo se paga", None, "Tell Nacho whether the tuning times work and how he is paid")],
     at=[("Afinación del piano", "2026-10-15 08:00", None, None), ("Repaso de afinación", "2026-10-16 17:00", "2026-10-16 18:00", None)])
sent("nacho1s", "2026-10-02 12:40", "nacho", "Re: afinación concierto Arrieta", "Perfecto las dos horas. Y sí, por transferencia. Gracias, Nacho.", re="nacho1")
mail("arrieta1", "2026-10-08 13:25", "arrieta", "Arrival and bench", """
Hi Cova,

(English today, I am typing between two students in Boston.) I arrive in my own rental car on Wednesday 14th in the afternoon, so nobody needs to fetch me. Could you reserve a space for me in the theatre's car park from the 14th to the 17th? And if there is a hydraulic bench, even better.

Hugs,
Tomás""", "reply", do=[("Reserve a space in the theatre car park for Tomás from the 14th to the 17th", "2026-10-14", "Reservar a Tomás plaza en el aparcamiento del teatro"), ("Check whether there is a hydraulic bench", None, "Mirar si hay banqueta hidráulica")])
mail("arrieta2", "2026-10-16 11:48", "arrieta", "I can't play", """
Cova, I woke up with a fever of 39 and the hotel doctor won't even let me stand. I won't be able to play tonight. I am so, so sorry. Call Oksana Hrynko: she is in Bilbao and has the concerto in her fingers. I wrote to her this morning and she is waiting for your call until one o'clock, after that she gets on a train.

Her number: +34 600 000 417

Tomás""", "urgent", do=[("Call Oksana Hrynko to replace Tomás tonight", "2026-10-16T13:00", "Llamar a Oksana Hrynko para que sustituya a Tomás")])
mail("oksana1", "2026-10-16 12:35", "oksana", "tonight", """
Dear Mrs Llaneza, thank you for your call. The car has collected me, I am with you around 16:00. Could I have one hour alone with the piano at five? And a page turner is not needed.

Oksana""", "reply", do=[("Give Oksana an hour alone with the piano at five", "2026-10-16T17:00", "Dejar a Oksana una hora a solas con el piano a las cinco")], at=[("Oksana alone with the piano", "2026-10-16 17:00", "2026-10-16 18:00", None)])
mail("oksana2", "2026-10-18 19:40", "oksana", "invoice details", """
Dear Cova, such a pleasure on Friday, still smiling. To whom do I send my invoice, and do you need the form for foreign artists? If you tell me by Friday I can send all of it before I travel.

Oksana""", "reply", do=[("Tell Oksana where to send the invoice and whether the form for foreign artists is needed", "2026-10-23", "Decir a Oksana adónde mandar la factura y si hace falta el formulario de artistas extranjeros")])

# ---- the tour
mail("bus1", "2026-09-18 12:15", "teresa", "Presupuesto autocares 23-24 octubre", """
Buenos días, Cova:

Adjunto presupuesto de dos autocares de 55 plazas para los días 23 y 24 de octubre. El precio se mantiene hasta el 2 de octubre; para reservar basta que me lo devuelvas firmado.

Saludos cordiales""", "reply", attach=["Presupuesto_2026-0914.pdf"], do=[("Devolver firmado el presupuesto de autocares", "2026-10-02", "Return the signed coach quote")])
sent("bus1s", "2026-09-30 09:05", "teresa", "Re: Presupuesto autocares 23-24 octubre", "Firmado y adjunto. Gracias, Teresa.", re="bus1", attach=["Presupuesto_2026-0914_firmado.pdf"])
mail("bus2", "2026-09-30 09:50", "teresa", "RE: Presupuesto autocares 23-24 octubre", "Recibido, quedan reservados. La semana antes te paso los nombres de los conductores.", "fyi", re="bus1s", owed=[("Teresa Quintes", "pasar los nombres de los conductores", None)])
mail("bus3", "2026-10-19 10:33", "teresa", "Hora de salida viernes", """
Hola Cova:

El viernes 23 los conductores (Benito y Saúl) estarán en la puerta del teatro a las 14:45 para cargar y salimos a las tres y cuarto. Si prefieres otra hora dímelo hoy o mañana.""", "fyi", at=[("Carga de los autocares", "2026-10-23 14:45", None, "puerta del teatro"), ("Salida de los autocares", "2026-10-23 15:15", None, None)])
mail("hotel1", "2026-09-29 12:00", "vilar", "Su solicitud de grupo 24 de octubre", """
Estimada Sra. Llaneza:

Le agradecemos su interés. Podemos ofrecerle 72 € por habitación con desayuno para 38 habitaciones. Mantenemos el bloqueo hasta el próximo lunes 5 de octubre. ¿Nos confirma si le interesa?

Atentamente,""", "reply", reply_to="grupos@hotelvilar.example", do=[("Confirmar al Hotel Vilar si acepta la oferta de 72 € por habitación", "2026-10-05", "Confirm to Hotel Vilar whether she takes the offer")])
mail("hotel2", "2026-10-19 16:45", "vilar", "Lista de ocupación (rooming list)", """
Buenas tardes:

Para tener las llaves listas a su llegada necesitamos la rooming list antes del miércoles a las 18 h. Las habitaciones sin nombre a esa hora quedarán liberadas según contrato.

Gracias por su colaboración.""", "reply", do=[("Enviar la rooming list al Hotel Vilar", "2026-10-21T18:00", "Send the rooming list to Hotel Vilar")])
mail("perc1", "2026-10-08 17:01", "marcelo", "timbales para la gira", """
Hola Cova, ¿qué tal? Te guardo los timbales de repuesto para la gira, 180 € los dos días. ¿Los quieres con transporte o los venís a buscar? Abrazo""", "reply", do=[("Decir a Marcelo si quiere los timbales con transporte o van a buscarlos", None, "Tell Marcelo whether the timpani come with transport or are collected")])
mail("perc2", "2026-10-20 13:15", "marcelo", "Factura F-26/318", """
Hola, Zulema y Cova: adjunto la factura de los timbales. Vencimiento a 30 días, como siempre (19 de noviembre). Gracias por contar con nosotros.""", "fyi", attach=["F-26-318.pdf"], to=["zulema"], cc=[WORK], do=[("Pagar la factura F-26/318 de los timbales", "2026-11-19", "Pay the timpani invoice F-26/318")])

# ---- others at work
mail("amina1", "2026-09-30 15:18", "amina", "Exchange of stage managers", """
Hi Cova,

Lovely to meet you at the conference in June; I still tell people about your risers that fold like a deck chair. We survived the festival, lost one marquee and a contrabassoon case to the wind, and found the case in a pond.

You may remember that over that terrible coffee we talked about swapping stage managers for a week. I had filed it under nice ideas, but my chief executive has found a pot of money that must be spent by March, so my side could do it in February. Are you still interested, and which week would be best?

Happy to do a video call next week if that is easier. And do send the name of that cheese.

Amina""", "reply", do=[("Tell Amina whether the exchange still interests and which week in February suits", None, "Decir a Amina si sigue interesada en el intercambio y qué semana de febrero le va mejor")])
mail("amina2", "2026-10-12 09:09", "amina", "RE: Exchange of stage managers", """
Great, the week of 8 February it is. I'll draw up a one-page agreement and send it before the end of October.""", "fyi", re="amina1", owed=[("Amina Okafor-Reyes", "send the one-page agreement", "2026-10-31")])
mail("press1", "2026-09-22 19:03", "lucia", "Interview for The Pit", """
Hello Cova,

I am writing a piece for our November issue about the people nobody sees in a concert. Would you be up for half an hour's chat? I could come by the theatre on Wednesday 30th at half past twelve, after your rehearsal. Let me know if that works.

Thanks,
Lucy""", "reply", do=[("Let Lucy know whether the interview works", None, "Decir a Lucy si le encaja la entrevista")], at=[("Interview with Lucy Robledo", "2026-09-30 12:30", "2026-09-30 13:00", "the theatre")])
mail("press2", "2026-10-11 09:00", "lucia", "It's out early", "You are on pages 4 and 5, and the online version went up this morning. A thousand thanks for your time! I am keeping two copies for you.", "fyi")
mail("zul1", "2026-09-28 09:12", "zulema", "Dietas septiembre", """
Buenos días:

Me faltan tus justificantes de dietas de septiembre (taxi y comida del día 11). Si no los tengo el viernes no entran en la nómina de octubre.

Zulema""", "reply", do=[("Entregar a Zulema los justificantes de dietas de septiembre", "2026-10-02", "Give Zulema the expense receipts for September")])
mail("zul2", "2026-10-22 08:40", "zulema", "Nómina", "Ya está cargada la nómina de octubre, la podéis descargar en el portal. Las dietas van aparte el día 5.", "fyi", to=[WORK], cc=["becario", "iyan"], owed=[("Zulema Prado", "pagar las dietas", "2026-11-05")])
mail("com1", "2026-09-23 20:33", "comite", "Escrito del comité sobre descansos", """
Estimada Cova:

El comité solicita que en la gira se respeten los quince minutos de descanso cada hora y media. Agradeceríamos una respuesta por escrito antes de la asamblea del 7 de octubre.

Por el comité, Efrén Castaño""", "reply", do=[("Responder por escrito al comité sobre los descansos", "2026-10-07", "Answer the musicians' committee in writing about the breaks")])
mail("cons1", "2026-10-02 11:11", "jurado", "Tribunal de prácticas", """
Estimada Sra. Llaneza:

Le recordamos que forma parte del tribunal de las prácticas de producción, que se reunirá el próximo lunes 19 de octubre de 16:00 a 18:30 en el aula magna del conservatorio.

Atentamente,""", "fyi", at=[("Tribunal de prácticas", "2026-10-19 16:00", "2026-10-19 18:30", "aula magna del conservatorio")])
mail("prl1", "2026-09-21 07:00", "prl", "Cita reconocimiento médico laboral", """
Estimado/a trabajador/a:

Le informamos de su cita para el reconocimiento médico anual:
Fecha: 05/10/2026
Hora: 08:20
Lugar: Prevención Norte, Avda. de la Costa 112, 1.º

Debe acudir en ayunas. Este es un mensaje automático, no responda.""", "fyi", auto=True, at=[("Reconocimiento médico laboral", "2026-10-05 08:20", None, "Prevención Norte, Avda. de la Costa 112")], do=[("Acudir en ayunas al reconocimiento médico", "2026-10-05", "Fast before the medical check")])
mail("rh1", "2026-10-09 12:44", "rrhh", "Vacaciones pendientes", """
Hola:

Te quedan seis días de vacaciones de 2026. Acuérdate de pedirlos en el portal antes del 15 de noviembre o se pierden.""", "fyi", do=[("Pedir en el portal los seis días de vacaciones pendientes", "2026-11-15", "Book the six remaining days of holiday in the portal")])
mail("adr1", "2026-09-17 16:39", "becario", "camerino 3", "Cova, ya he encontrado la llave del camerino 3, la tenía el de limpieza. Queda colgada en tu panel.", "fyi")
mail("adr2", "2026-10-12 18:27", "becario", "dudas gira", """
Hola jefa, estoy con las hojas de ruta y me faltan dos cosas: ¿en Oviedo cenamos antes o después del concierto? ¿Y quién lleva las partituras de Halina? En cuanto me digas lo cierro y lo mando a todos.""", "reply", do=[("Contestar a Adrián cuándo se cena en Oviedo y quién lleva las partituras de Halina", None, "Answer Adrián about dinner in Oviedo and who carries Halina's scores")], owed=[("Adrián Solís", "cerrar y mandar las hojas de ruta", None)])
mail("adr3", "2026-10-22 21:55", "becario", "Hoja de ruta definitiva", "Hoja de ruta de mañana adjunta, con todos los cambios. La he mandado también al grupo.", "fyi", attach=["Hoja_de_ruta_Oviedo_v4.pdf"])
mail("brand1", "2026-10-05 11:56", "lothar", "Proposal: Quartet Ahlborn, season 27/28", """
Dear Ms Llaneza,

I represent the Quartet Ahlborn, who will tour northern Spain in November 2027 and still have the 12th and 13th free. May I send you a programme proposal? I would appreciate a word on whether chamber evenings are of interest to you at all.

With kind regards""", "reply", do=[("Tell Lothar whether chamber evenings are of interest", None, "Decir a Lothar si le interesan las veladas de cámara")])

# ---- invitations
mail("inv1", "2026-09-30 10:00", "priya", "Invitation: Season debrief @ Wed 7 Oct 2026 13:00 - 13:45 (CEST)", """
Season debrief
Wednesday 7 October 2026, 13:00 - 13:45 Central European Summer Time
Video call

Priya Raman has invited you. Please accept or decline.""", "reply", invite=("REQUEST", "debrief-77@halyardartists.example", 0, "Season debrief", "2026-10-07 13:00", "2026-10-07 13:45", "Video call"),
     at=[("Season debrief with Priya", "2026-10-07 13:00", "2026-10-07 13:45", "Video call")], do=[("Accept or decline the invitation to the season debrief", "2026-10-07", "Aceptar o rechazar la invitación")])
mail("inv2", "2026-10-06 12:00", "priya", "Updated invitation: Season debrief @ Wed 7 Oct 2026 16:00 - 16:45 (CEST)", """
This event has been changed.

Season debrief
When: Wednesday 7 October 2026, 16:00 - 16:45 (changed)
Where: Video call""", "fyi", invite=("REQUEST", "debrief-77@halyardartists.example", 1, "Season debrief", "2026-10-07 16:00", "2026-10-07 16:45", "Video call"),
     at=[("Season debrief with Priya, moved to four", "2026-10-07 16:00", "2026-10-07 16:45", "Video call")])
mail("inv3", "2026-10-13 08:30", "berta", "Convocatoria: Cierre de gira", """
Cierre de gira
martes, 27 de octubre de 2026, 9:30 a 10:30
Sala de juntas""", "fyi", invite=("REQUEST", "cierre-gira@ofcantabrico.example", 0, "Cierre de gira", "2026-10-27 09:30", "2026-10-27 10:30", "Sala de juntas"),
     at=[("Cierre de gira", "2026-10-27 09:30", "2026-10-27 10:30", "Sala de juntas")])
mail("inv4", "2026-10-14 09:10", "priya", "Cancelled: Touring visas Q&A @ Thu 15 Oct 2026 17:00 - 18:30 (CEST)", """
This event has been cancelled and removed from your calendar.

Touring visas Q&A
Thursday 15 October 2026, 17:00""", "fyi", invite=("CANCEL", "visas-81@halyardartists.example", 2, "Touring visas Q&A", "2026-10-15 17:00", "2026-10-15 18:30", "Video call"))
