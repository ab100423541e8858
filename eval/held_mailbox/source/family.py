"""Family and friends, in both languages: the grandparents' visit, a birthday, a mother's operation, small favours."""

from building import HOME, WORK, mail, sent

FRIEND = {"personal": True}

mail("ewan1", "2026-09-15 10:22", "ewan", "tonight", """
Deadline got moved up, I'm stuck with the Rotterdam manual till late. Can you pick up Finn from football at 6? The pitch by the park, not the school one. Say so by three, otherwise I'll ask Nel.

E x""", "reply", personal=True, do=[("Pick up Finn from football at 6", "2026-09-15T18:00", "Recoger a Finn del fútbol a las 6")], at=[("Pick up Finn from football", "2026-09-15 18:00", None, "the pitch by the park")])
sent("ewan1s", "2026-09-15 10:40", "ewan", "Re: tonight", "Yes, got him. x", re="ewan1", address=HOME)
mail("ewan2", "2026-09-25 08:31", "ewan", "boiler man", """
The boiler man can come Wednesday between 9 and 10, I'll be in, so you needn't do a thing. Just so you know why there'll be soot.""", "fyi", personal=True, at=[("Boiler man at home", "2026-09-30 09:00", "2026-09-30 10:00", "home")])
mail("ewan3", "2026-10-08 13:10", "ewan", "Fwd: seats", """
Mum and Dad's train is now getting in at 19:50 instead of 18:20, they missed the connection in Palencia. Could you still fetch them tomorrow? I've the kids' swimming.""", "reply", personal=True,
     do=[("Fetch Ewan's parents from the station tomorrow", "2026-10-09T19:50", "Recoger mañana a los padres de Ewan en la estación")], at=[("Moira and Hamish's train arrives", "2026-10-09 19:50", None, "station")])
mail("ewan4", "2026-10-20 22:14", "ewan", "wee thing", "Found your blue scarf under the car seat. Also Trasgu has eaten the other glove. Love you.", "fyi", personal=True)

mail("moira1", "2026-09-20 19:05", "moira", "Our visit!", """
Dear Cova,

We have booked! Arriving on Friday 9th October and leaving on the Tuesday. Hamish says he will not eat octopus but I have seen him do it.

The garden has gone over early this year and the dahlias were a disgrace, but the plums made up for it and you shall have three jars. Your neighbour's cousin, the one with the van, wrote to say that the box of Ewan's school things has turned up in Perth of all places. I have told him to keep it dry.

What would Finn like for his birthday? I thought of the microscope but Ewan was vague. Do tell me soon so I can order it here.

Love to all four of you and the dog,
Moira""", "reply", personal=True, do=[("Tell Moira what Finn would like for his birthday", None, "Decir a Moira qué le gustaría a Finn por su cumpleaños")])
sent("moira1s", "2026-09-21 21:30", "moira", "Re: Our visit!", "The microscope is perfect, he talks about nothing else. I'll book the boat trip for Sunday 11th so that Hamish has his sea. Cova", re="moira1", address=HOME)
mail("moira2", "2026-09-22 18:44", "moira", "Re: Our visit!", """
Microscope it is. And thank you for promising to book the boat for the Sunday, Hamish has already told the whole bowling club.

M.""", "fyi", re="moira1s", personal=True, do=[("Book the boat trip for Sunday 11 October", None, "Reservar el paseo en barco del domingo 11 de octubre")])
mail("moira3", "2026-10-14 17:20", "moira", "Home safe", """
Home, with two kilos of fabes that customs did not find. It was a perfect few days. Hamish's knee is better already.""", "fyi", personal=True)
mail("hamish1", "2026-10-17 11:31", "hamish", "the will", """
Cova, you are the sensible one. The solicitor needs copies of your passport and Ewan's for the papers about the cottage. A photograph will do. She'd like them by the end of the month. No drama, nobody is dying.

Hamish""", "reply", personal=True, do=[("Send Hamish copies of both passports for the solicitor", "2026-10-31", "Enviar a Hamish copias de los dos pasaportes para la abogada")])

mail("mama1", "2026-09-16 22:10", "marisa", "operación", """
Hija, ya me llamaron del hospital. La operación de cataratas es el jueves 1 de octubre, tengo que estar allí a las nueve menos cuarto en ayunas. ¿Puedes llevarme tú o se lo pido a Xuan? No quiero molestar con lo del concierto.

Besos, mamá""", "reply", personal=True, do=[("Decir a mamá si puede llevarla al hospital", None, "Tell mum whether she can drive her to the hospital")], at=[("Operación de cataratas de mamá", "2026-10-01 08:45", None, "hospital")])
sent("mama1s", "2026-09-17 07:50", "marisa", "Re: operación", "Mamá, te llevo yo, faltaría más. Salimos de tu casa a las ocho. Besos", re="mama1", address=HOME)
mail("mama2", "2026-09-29 20:18", "marisa", "Re: operación", """
Cambiaron la hora, ahora tengo que estar a las diez y media, así duermes un poco más. El día es el mismo, el jueves. No te olvides de traerme el volante, que lo tienes tú en la carpeta azul.""", "fyi", re="mama1s", personal=True,
     at=[("Operación de cataratas de mamá (nueva hora)", "2026-10-01 10:30", None, "hospital")], do=[("Llevar el volante de mamá al hospital", "2026-10-01", "Bring mum's referral to the hospital")])
mail("mama3", "2026-10-04 12:02", "marisa", "ya leo sin gafas", "Hija, ya leo el periódico sin gafas, veo hasta el polvo de los muebles. Rosaura me trajo caldo. Un beso a los nenos.", "fyi", personal=True)
mail("mama4", "2026-10-23 09:15", "marisa", "el domingo", """
¿Venís a comer el domingo? Hago fabada. A las dos, como siempre. Dime cuántos sois para poner les fabes a remojo el sábado por la mañana.""", "reply", personal=True, do=[("Decir a mamá cuántos van a comer el domingo", "2026-10-24", "Tell mum how many come to lunch on Sunday")], at=[("Comida en casa de mamá", "2026-10-25 14:00", None, "casa de mamá")])

mail("xuan1", "2026-09-19 23:40", "xuan", "el piso de güela", """
Hermana: el notario me da dos fechas para firmar lo del piso, el 6 o el 13 de octubre, las dos por la tarde. Elige tú que eres la ocupada. Si no le digo nada antes del viernes 25 nos manda a noviembre.""", "reply", personal=True, do=[("Elegir fecha para la firma en el notario y decírsela a Xuan", "2026-09-25", "Choose the date at the notary and tell Xuan")])
sent("xuan1s", "2026-09-20 10:05", "xuan", "Re: el piso de güela", "El 13. Y tranquilo que llevo yo las escrituras.", re="xuan1", address=HOME)
mail("xuan2", "2026-09-21 13:31", "xuan", "Re: el piso de güela", """
Cerrado: martes 13 de octubre a las seis menos cuarto, notaría de la calle Corrida. Llevas tú las escrituras, que lo has dicho por escrito ;)""", "fyi", re="xuan1s", personal=True, at=[("Firma en el notario", "2026-10-13 17:45", None, "notaría de la calle Corrida")], do=[("Llevar las escrituras al notario", "2026-10-13", "Bring the deeds to the notary")])
mail("xuan3", "2026-10-15 20:50", "xuan", "transferencia", "Ya te devolví los 300 de la señal del notario. Gracias por adelantarlos, fiera.", "fyi", personal=True)
mail("xuan4", "2026-10-18 08:03", "xuan", "llámame en cuanto leas esto", """
Cova, no coges el teléfono. Mamá se ha caído en la escalera y la ambulancia la lleva a Cabueñes ahora mismo. Está consciente. Yo estoy en León y tardo dos horas, vete tú para urgencias, por favor, que no tiene las gafas ni sabe qué pastillas toma.""", "urgent", personal=True, do=[("Ir a urgencias de Cabueñes con mamá", "2026-10-18", "Go to the emergency department with mum")])
mail("xuan5", "2026-10-18 15:44", "xuan", "Re: llámame en cuanto leas esto", "Menos mal, solo una muñeca. Esta noche duermo yo con ella en casa, descansa.", "fyi", re="xuan4", personal=True, owed=[("Xuan", "dormir con mamá esta noche", "2026-10-18")])

mail("ros1", "2026-09-24 18:00", "rosaura", "Cena", """
¿Te apetece cenar el sábado 3, cuando ya hayas soltado el concierto? He pensado a las nueve y media en el chigre de Cimavilla. Confírmame y reservo.""", "reply", personal=True, at=[("Cena con Rosaura", "2026-10-03 21:30", None, "chigre de Cimavilla")], do=[("Confirmar a Rosaura la cena del sábado 3", None, "Confirm dinner on Saturday 3 with Rosaura")])
sent("ros1s", "2026-09-24 22:05", "rosaura", "Re: Cena", "¡Sí! Reserva.", re="ros1", address=HOME)
mail("ros2", "2026-10-02 13:37", "rosaura", "Re: Cena", "Reservado, pero solo tenían mesa a las diez. ¡Mucha mierda esta noche!", "fyi", re="ros1s", personal=True, at=[("Cena con Rosaura", "2026-10-03 22:00", None, "chigre de Cimavilla")])
mail("flora1", "2026-09-27 16:16", "flora", "a long overdue letter", """
Dear Cova,

Three months without a line from me, and you will have thought I had been swallowed by the loch. The truth is duller: the roof, then the insurance about the roof, then the man about the insurance. The bees survived. Angus has taken up the accordion, which the bees may not survive.

From the kitchen window I can count eleven of them on the sill.

I read your interview with Halina in the magazine and was absurdly proud. Do you still get that knot in the stomach before an opening? I used to envy you it.

No need to reply before your concert, I only wanted to say hello.

Flora""", "fyi", personal=True)
mail("flora2", "2026-10-19 12:20", "flora", "could I stay?", """
I shall be in Bilbao for a conference and could come over on the weekend of 14th-15th November. Would you have a bed for me, or is it a bad time? Be honest, I can find a hotel. The cheap fares go on Friday so if you could let me know by then I'd be grateful.

F.""", "reply", personal=True, do=[("Let Flora know whether she can stay the weekend of 14-15 November", "2026-10-23", "Decir a Flora si puede quedarse el fin de semana del 14 y 15 de noviembre")])
mail("nel1", "2026-10-01 09:48", "nel", "la bici", """
Oye, ¿todavía tenéis la bici pequeña de Olaya? La mía ya llega a los pedales. Si la vendéis os la compro.""", "reply", personal=True, do=[("Decir a Nel si todavía tienen la bici de Olaya", None, "Tell Nel whether they still have Olaya's bike")])
sent("nel1s", "2026-10-02 08:15", "nel", "Re: la bici", "¡Te la regalamos! Te la bajo el domingo al parque.", re="nel1", address=HOME)
mail("nel2", "2026-10-02 08:40", "nel", "Re: la bici", "¡Eres la mejor! Pues el domingo a las doce en el parque de los patos, yo llevo sidra.", "fyi", re="nel1s", personal=True, do=[("Bajar la bici a Nel al parque", "2026-10-04T12:00", "Bring Nel the bike to the park")], at=[("Con Nel en el parque", "2026-10-04 12:00", None, "parque de los patos")], owed=[("Nel", "llevar sidra", "2026-10-04")])
mail("pilar1", "2026-10-05 15:02", "pilar", "Finn's party", """
Hi Cova, Leo's mum here. Leo is thrilled about Saturday! Is it still at 5 at the bowling alley? And shall I send his own snack along, since he's coeliac? Just say, it's no bother.""", "reply", personal=True, do=[("Answer Leo's mum about the time of the party and Leo's snack", "2026-10-10", "Contestar a la madre de Leo la hora del cumple y la merienda")], at=[("Finn's birthday party", "2026-10-10 17:00", None, "the bowling alley")])
mail("greta1", "2026-10-06 20:26", "greta", "your old flute", """
Hi Cova,

Signe starts lessons in November. You once said your old flute was gathering dust. Would you lend it to us for a term? I'd pay for the overhaul of course.

hugs, Greta""", "reply", personal=True, do=[("Tell Greta whether she lends the flute", None, "Decir a Greta si le presta la flauta")])
mail("covi1", "2026-10-11 23:12", "covi", "photos", "Party photos attached, the cake ones are priceless. Finn blowing out eight candles at the age of six is my favourite. xx", "fyi", personal=True, attach=["party_01.jpg", "party_02.jpg", "party_03.jpg"])
mail("tia1", "2026-10-12 10:30", "tia", "FELIZ PILAR", "FELICIDADES A TODAS LAS PILARES Y A LAS QUE NO. OS QUIERE VUESTRA TIA ARGENTINA. MIRA QUE BONITO EL ARCO IRIS DESDE LA GALERIA", "fyi", personal=True, attach=["arcoiris.jpg"], charset="iso-8859-1")
mail("declan1", "2026-10-13 19:00", "declan", "Squash?", """
Court free on Thursday at half seven in the evening, fancy a game? If you're knackered from the pianist say so and I'll ask Bob.""", "reply", personal=True, at=[("Squash with Declan", "2026-10-15 19:30", None, None)], do=[("Tell Declan whether she plays on Thursday", "2026-10-15", "Decir a Declan si juega el jueves")])
