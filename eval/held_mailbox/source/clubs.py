"""School, parents' association, swimming, mountain club, the English book club, scouts; two mailing lists."""

from building import HOME, WORK, mail, person, sent

person("opslist", "Frauke Detering", "frauke.detering@hansaphil.example", client="thunderbird", language="en", to=WORK)
person("opslist2", "Gwen Pritchard", "g.pritchard@cambrianphil.example", client="outlook", language="en", to=WORK)
OPS = {"id": "Orchestra operations <orch-ops.lists.stagepeople.example>", "post": "orch-ops@lists.stagepeople.example", "unsubscribe": True,
       "footer": "_______________________________________________\norch-ops mailing list\nhttps://lists.stagepeople.example/orch-ops"}
OPS_OPTIONS = {"listed": OPS, "to": ["orch-ops@lists.stagepeople.example"], "auth": "list", "domain": "lists.stagepeople.example"}

mail("cole1", "2026-09-15 12:00", "cole", "Calendario escolar y reunión de inicio", """
Estimadas familias:

Adjuntamos el calendario del curso. La reunión de inicio de 5.º será el martes 22 de septiembre a las 17:00 en el aula de 5.º B.

Un saludo, la dirección""", "fyi", attach=["Calendario_2026-27.pdf"], at=[("Reunión de inicio de 5.º", "2026-09-22 17:00", None, "aula de 5.º B")])
mail("marta1", "2026-10-02 14:22", "marta", "Tutoría Olaya", """
Buenas tardes, Cova:

Me gustaría hablar contigo sobre Olaya, nada grave, está más callada que el curso pasado. ¿Podrías venir el jueves que viene a las cinco y media? Si no puedes, propón tú otro rato.

Marta""", "reply", personal=True, at=[("Tutoría con Marta sobre Olaya", "2026-10-08 17:30", None, "colegio")], do=[("Decir a Marta si puede ir a la tutoría", None, "Tell Marta whether she can come to the meeting")])
sent("marta1s", "2026-10-02 20:11", "marta", "Re: Tutoría Olaya", "Allí estaré, Marta. Gracias por avisar. También nosotros la notamos callada.", re="marta1", address=HOME)
mail("marta2", "2026-10-07 13:58", "marta", "RE: Tutoría Olaya", """
Cova, mañana me toca claustro a esa hora. ¿Te importa que lo pasemos al viernes 9, a las 9 menos cuarto de la mañana, antes de clase?""", "reply", re="marta1s", personal=True, at=[("Tutoría con Marta (cambiada)", "2026-10-09 08:45", None, "colegio")], do=[("Decir a Marta si le va bien el viernes 9", "2026-10-08", "Tell Marta whether Friday 9 suits")])
mail("cole2", "2026-10-05 09:44", "cole", "Autorización excursión al acuario", """
Estimadas familias:

El 21 de octubre 5.º visita el acuario. Necesitamos la autorización adjunta firmada y 6 € antes del viernes 16. Sin autorización el alumno se queda en el centro.""", "fyi", attach=["Autorización.pdf"], do=[("Entregar la autorización firmada y 6 € para la excursión al acuario", "2026-10-16", "Hand in the signed permission and 6 € for the aquarium trip")])
mail("cole3", "2026-10-13 12:36", "cole", "Finn - comedor", """
Buenos días:

Finn ha sufrido una reacción en el comedor, parece alérgica, con la cara hinchada. Respira bien y está con la enfermera. Hemos llamado a los dos teléfonos sin respuesta. Necesitamos que alguien venga a recogerlo lo antes posible para llevarlo al centro de salud y saber si es alérgico a algún medicamento.

Secretaría""", "urgent", do=[("Recoger a Finn en el colegio y llevarlo al centro de salud", "2026-10-13", "Collect Finn from school and take him to the health centre")])
mail("cole4", "2026-10-20 10:00", "cole", "Piojos", "Estimadas familias: se han detectado casos de pediculosis en primero. Recomendamos revisar las cabezas en casa este fin de semana. Gracias por su colaboración.", "fyi")
mail("ampa1", "2026-09-17 20:20", "ampa", "Boletín de septiembre de la AMPA", """
¡Hola, familias!

Empezamos curso con novedades: nueva extraescolar de ajedrez, banco de libros y mercadillo de uniformes. Toda la información en {{nuestra página|https://ampalascaldonas.example/septiembre}}.

¡Feliz curso!""", "bulk")
mail("ampa2", "2026-10-16 20:20", "ampa", "Boletín de octubre: magosto y disfraces", """
¡Hola, familias!

El magosto será como cada año en el patio. Se buscan castañas, voluntarios y un tambor gigante. Lee el boletín completo en {{la web|https://ampalascaldonas.example/octubre}}.""", "bulk")
mail("ampa3", "2026-10-19 18:18", "pilar", "chestnut shift", """
Cova, on the rota we've put you and Ewan on roasting chestnuts on Friday 30th from 6 to 7 pm in the school yard. Is that all right? If not I'll swap you with the year three lot.""", "reply", personal=True, at=[("Chestnut shift at the school", "2026-10-30 18:00", "2026-10-30 19:00", "school yard")], do=[("Tell Pippa whether the chestnut shift is all right", None, "Decir a Pippa si les va bien el turno de castañas")])
mail("nat1", "2026-09-23 13:00", "natacion", "Competición escolar", """
Hola:

Olaya está inscrita en 50 espalda. La competición es el sábado 17 de octubre; calentamiento a las 9:15, pruebas a las 10:00, piscina municipal de El Llano. Gorro del club obligatorio.""", "fyi", reply_to="secretaria@cnmareona.example", at=[("Competición de natación de Olaya", "2026-10-17 09:15", None, "piscina municipal de El Llano")])
mail("nat2", "2026-10-02 09:00", "natacion", "Cuota trimestral", "Pasaremos la cuota del trimestre (84 €) a su cuenta el día 10. No hace falta que haga nada.", "fyi")
mail("texu1", "2026-09-21 21:00", "texu", "Salida 4 de octubre: Peña Mea", """
Hola, montañeros:

El domingo 4 subimos a Peña Mea. Salida a las 7:30 del aparcamiento del Molinón. Apuntarse respondiendo a este correo antes del jueves 1. Llevad bastones, hay barro.""", "fyi", listed={"id": "Salidas El Texu <salidas.montanaeltexu.example>", "post": "salidas@montanaeltexu.example", "unsubscribe": True}, to=["salidas@montanaeltexu.example"], do=[("Apuntarse a la salida a Peña Mea si quiere ir", "2026-10-01", "Sign up for the Peña Mea hike")], at=[("Salida a Peña Mea", "2026-10-04 07:30", None, "aparcamiento del Molinón")])
mail("bea1", "2026-10-05 21:26", "bea", "el 18, tú y yo", """
Cova, no viniste a Peña Mea, traidora. El domingo 18 subo al Fariu con poca gente, salimos a las 8 de mi casa y estamos de vuelta a comer. ¿Te apuntas? Si vienes, ¿traes tú el termo grande?""", "reply", personal=True, at=[("Subida al Fariu con Bea", "2026-10-18 08:00", None, "casa de Bea")], do=[("Decir a Bea si va al Fariu", None, "Tell Bea whether she comes to the Fariu")])
sent("bea1s", "2026-10-06 21:40", "bea", "Re: el 18, tú y yo", "Voy, y llevo el termo. Prometido.", re="bea1", address=HOME)
mail("bea2", "2026-10-17 19:19", "bea", "Re: el 18, tú y yo", "Dan tormenta hasta el mediodía, lo dejamos para otro finde. El termo me lo debes igual :P", "fyi", re="bea1s", personal=True)
mail("damp1", "2026-09-19 10:10", "damp", "The Damp Pages: October", """
Dear all,

We meet on Thursday 8 October at 8 pm at Rhona's (Calle Capua 11). The book is "The Salt Path Keeper". Cova, thank you for offering to bring the tortilla. Everyone else: wine.

Judith""", "fyi", personal=True, cc=["rhona", "flora"], at=[("Book club at Rhona's", "2026-10-08 20:00", None, "Calle Capua 11")], do=[("Bring the tortilla to the book club", "2026-10-08", "Llevar la tortilla al club de lectura")])
mail("damp2", "2026-10-06 22:45", "rhona", "Re: The Damp Pages: October", """
Hello damp people, my ceiling has come down (not a joke), so we'll be at Judith's on Thursday instead, Plaza del Carmen 2, and half an hour later. Cova, are you all right to bring chairs as well? Two would do.

Rhona""", "reply", re="damp1", personal=True, cc=["damp"], at=[("Book club, moved to Judith's", "2026-10-08 20:30", None, "Plaza del Carmen 2")], do=[("Tell Rhona whether she can bring two chairs to the book club", "2026-10-08", "Decir a Rhona si puede llevar dos sillas")])
mail("damp3", "2026-10-10 11:30", "damp", "November book", "Votes counted: it's \"A House of Wet Wool\", 300 pages, you have been warned. Date to follow.", "fyi", personal=True, cc=["rhona"])
mail("scout1", "2026-10-08 19:50", "scouts", "Acampada de otoño", """
¡Hola, familias de la manada!

Acampada del 6 al 8 de noviembre en Pola de Laviana. Para comprar comida necesitamos saber si Olaya viene antes del día 20, y si come carne. Besos, Alba (Akela)""", "reply", do=[("Decir a Alba si Olaya va a la acampada y si come carne", "2026-10-20", "Tell Alba whether Olaya joins the camp and eats meat")], at=[("Acampada de otoño de Olaya", "2026-11-06", "2026-11-08", "Pola de Laviana")])
mail("ops1", "2026-09-24 14:14", "opslist", "[orch-ops] Timpani covers that survive rain?", """
Hello all,

we lost two heads on an open-air in August. Which covers do you use? Ours are from 1998 and look it.

Frauke, Hansa Philharmonie""", "fyi", **OPS_OPTIONS)
mail("ops2", "2026-09-25 10:31", "opslist2", "Re: [orch-ops] Timpani covers that survive rain?", """
We had sailmakers in Cardiff sew ours, about 120 pounds each, five years and still dry. I can post the drawings.

Gwen""", "fyi", re="ops1", **OPS_OPTIONS)
mail("ops3", "2026-10-14 16:00", "opslist2", "[orch-ops] Digest: carnets after the new customs portal", """
Summary of the thread, as promised: (1) register each serial number, (2) print the voucher in colour, (3) allow two days for the stamp. Long version in the archive.

Gwen""", "fyi", **OPS_OPTIONS)
mail("ops4", "2026-10-20 09:41", "opslist", "[orch-ops] Cova, your riser drawings?", """
Dear Cova,

at the June meeting you showed drawings of the folding risers. Would you be willing to share them with the list? Three of us want to build them over Christmas.

Frauke""", "reply", do=[("Tell Frauke whether she shares the riser drawings with the list", None, "Decir a Frauke si comparte los planos de los practicables")], **OPS_OPTIONS)
