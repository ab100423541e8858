"""Notices by machines: orders, deliveries, receipts, login codes, nightly reports, tickets, flights, accounts."""

from building import HOME, WORK, mail, person

AUTO = {"auto": True}
person("banco", "Caja Ortegal", "avisos@cajaortegal.example", client="machine")
person("posta", "PostaNorte", "seguimiento@postanorte.example", client="machine")
person("raudo", "Raudo Paquetería", "no-responder@raudo.example", client="machine")
person("lib", "Librería La Corredoria", "pedidos@libreriacorredoria.example", client="machine")
person("norvento", "Norvento Air", "reservas@norvento.example", client="machine")
person("luz", "Luz del Norte", "facturas@luzdelnorte.example", client="machine")
person("codigo", "Caja Ortegal", "claves@cajaortegal.example", client="machine")
person("taquilla", "Taquilla (nightly report)", "taquilla@ofcantabrico.example", client="machine", to=WORK)
person("copias", "backup@nas2", "root@nas2.ofcantabrico.example", client="machine", language="en", to=WORK, auth="none")
person("sensor", "Store sensors", "sensores@ofcantabrico.example", client="machine", to=WORK)
person("scorely", "Scorely", "notifications@scorely.example", client="machine", language="en", to=WORK)
person("portafirmas", "Signfold", "notify@signfold.example", client="machine", to=WORK)
person("tren", "Trenes del Norte", "billetes@trenesdelnorte.example", client="machine")
person("barco", "Paseos en barco La Mareona", "reservas@barcolamareona.example", client="machine")
person("bolera", "Bolera Strike", "reservas@bolerastrike.example", client="machine")
person("tickets", "Boxoffice", "tickets@boxoffice.example", client="machine", language="en")
person("shopen", "Thistle & Reed", "orders@thistleandreed.example", client="machine", language="en")
person("pay", "Payrook", "service@payrook.example", client="machine", language="en")
person("cargo", "Mail Delivery Subsystem", "mailer-daemon@ofcantabrico.example", client="machine", language="en", to=WORK)
person("photos", "Daguerro", "hello@daguerro.example", client="machine", language="en")
person("fiber2", "Estado del servicio", "estado@fibrastur.example", client="machine")

mail("a1", "2026-09-14 06:00", "taquilla", "Sales report 13/09/2026", """
Opening concert 2/10: 612 of 1,180 seats (51.9 %)
Family series 11/10: 140 of 300 (46.7 %)
Arrieta 16/10: 288 of 1,180 (24.4 %)
Incidents: 0. Finished in 41 s.""", "fyi", auto=True)
mail("a3", "2026-10-12 06:01", "taquilla", "Sales report 11/10/2026 - 1 WARNING", """
Arrieta 16/10: 911 of 1,180 (77.2 %)
Oviedo 23/10: 640 of 900 (71.1 %)
WARNING: one duplicate sale was reversed automatically (seat 14-22). No action needed.""", "fyi", auto=True)
mail("a4", "2026-09-15 03:12", "copias", "[nas2] backup OK (scores, contracts)", "2 jobs, 0 failed, 0 warnings. 41.2 GiB verified. Next run: tomorrow 03:00.", "fyi", auto=True)
mail("a5", "2026-10-06 03:40", "copias", "[nas2] backup FAILED (scores), retry succeeded", "Job scores: failed at 03:02 (target busy), retried at 03:30, OK. No action needed.", "fyi", auto=True)
mail("a6", "2026-09-30 02:15", "sensor", "Humidity, instrument store: 46 %", "Mean of the week: 46 % (right range 40-55 %). Temperature: 20.4 ºC. All in order.", "fyi", auto=True)
mail("a7", "2026-09-17 11:00", "scorely", "Iyán Pola shared \"Sibelius 5 bowings\" with you", "Iyán Pola shared a folder with you.\n\n{{Open in Scorely|https://scorely.example/f/88213}}", "fyi", auto=True)
mail("a9", "2026-10-05 17:10", "portafirmas", "1 document is waiting for your signature", "Document: Contrato T. Arrieta (16/10). Sent by: Berta Noriega. Log in to Signfold to review and sign it.", "fyi", auto=True, do=[("Sign the document Contrato T. Arrieta in Signfold", None, "Firmar el contrato de T. Arrieta en Signfold")])
mail("a10", "2026-10-06 12:22", "portafirmas", "Signed by everyone: Contrato T. Arrieta (16/10)", "All parties have signed. Your copy is attached.", "fyi", auto=True, attach=["Contrato_Arrieta_firmado.pdf"])
mail("a12", "2026-10-21 12:04", "cargo", "Undelivered Mail Returned to Sender", """
This is the mail system at host mx.ofcantabrico.example.

<prensa@semanarioelgaiteru.example>: host not found

The original message is attached.""", "fyi", auto="auto-replied")
mail("a13", "2026-10-07 09:31", "lucia", "Automatic reply: interview photos", "I am on holiday until Monday 12 October and do not read mail. For the desk: desk@thepitmagazine.example.", "fyi", auto="auto-replied")

mail("b1", "2026-09-16 14:10", "lib", "Pedido 20418 confirmado", "Gracias por tu compra.\n\n1 x El atlas de las ballenas: 18,90 €\n1 x Cuaderno de pentagramas: 4,50 €\nTotal: 23,40 €. Te avisaremos cuando salga.", "fyi", auto=True)
mail("b2", "2026-09-18 08:44", "raudo", "Out for delivery: your parcel from Librería La Corredoria", "Your parcel RD-7781-204 arrives today. Nobody in? We leave it at the collection point in Calle Uría.", "fyi", auto=True)
mail("b4", "2026-10-01 09:05", "shopen", "Your order TR-55810 has shipped", "Good news: the junior microscope is on its way. Expected Tuesday 6 October.\n\n{{Track it|https://thistleandreed.example/t/55810}}", "fyi", auto=True)
mail("b5", "2026-10-06 17:20", "posta", "Aviso: paquete disponible en oficina", "El envío PN0044182GB no se pudo entregar. Está en la oficina de la plaza del Parchís, de 8:30 a 20:30. Se devolverá al remitente si no se recoge como muy tarde el 21 de octubre. Lleve su DNI y este código: 7704.", "fyi", auto=True, do=[("Recoger el paquete PN0044182GB en la oficina con el DNI", "2026-10-21", "Collect the parcel at the post office with ID")])
mail("b6", "2026-10-09 11:00", "shopen", "Refund on its way", "We have received your return from order TR-55790. 64.95 GBP will be back on your card in 3 to 5 days.", "fyi", auto=True)
mail("b8", "2026-09-25 10:00", "norvento", "Confirmación de reserva KQ7M2P", """
Reserva: KQ7M2P
Pasajera: LLANEZA SUAREZ / COVADONGA
Vuelo NV 2203, Asturias (OVD) - Londres (LGW)
Miércoles 11 de noviembre de 2026, salida 07:05, llegada 08:00 (hora local)
Equipaje de mano incluido. La facturación se abre 48 horas antes.""", "fyi", auto=True, at=[("Vuelo NV 2203 Asturias - Londres", "2026-11-11 07:05", "2026-11-11 09:00", "Aeropuerto de Asturias")])
mail("b9", "2026-10-16 18:00", "norvento", "Cambio de horario en su vuelo NV 2203", """
Reserva KQ7M2P. Su vuelo del miércoles 11 de noviembre sale ahora a las 09:25 (antes 07:05) y llega a las 10:20, hora local. Si acepta el cambio no tiene que hacer nada.""", "fyi", auto=True, at=[("Vuelo NV 2203 Asturias - Londres (nuevo horario)", "2026-11-11 09:25", "2026-11-11 11:20", "Aeropuerto de Asturias")])
mail("b10", "2026-10-17 10:12", "tren", "Sus billetes Gijón - Madrid", """
Localizador 8HQ2LL. Ida: viernes 30 de octubre de 2026, 07:25 - 11:49, coche 4, plaza 7C. Lleve el billete en el móvil.""", "fyi", auto=True, attach=["billete_8HQ2LL.pdf"], at=[("Tren Gijón - Madrid", "2026-10-30 07:25", "2026-10-30 11:49", "Gijón")])
mail("b11", "2026-09-29 21:03", "barco", "Reserva confirmada", "Reserva BM-311 a nombre de Cova: 6 personas, domingo 11 de octubre, 11:30, muelle de Oriente. Se paga a bordo. Estén diez minutos antes.", "fyi", auto=True, at=[("Paseo en barco", "2026-10-11 11:30", None, "muelle de Oriente")])
mail("b12", "2026-09-29 21:15", "bolera", "Tu reserva: cumpleaños", "Hola, Cova: tienes reservadas dos pistas el sábado 10 de octubre de 17:00 a 19:00 para 12 niños. Recuerda abonar la señal de 40 € antes del 5 de octubre para no perder la reserva.", "fyi", at=[("Cumpleaños de Finn en la bolera", "2026-10-10 17:00", "2026-10-10 19:00", "Bolera Strike")], do=[("Abonar la señal de 40 € de la bolera", "2026-10-05", "Pay the 40 € deposit to the bowling alley")])
mail("b13", "2026-10-20 15:00", "tickets", "Your tickets: The Wool Merchant's Daughter", "2 tickets, Saturday 14 November 2026, doors 19:30, stalls F12-F13. Show the code at the entrance.", "fyi", auto=True, attach=["tickets.pdf"], at=[("The Wool Merchant's Daughter", "2026-11-14 19:30", None, None)])

mail("c1", "2026-09-21 09:40", "codigo", "Tu clave de un solo uso", "482019 es tu clave para entrar en la banca a distancia. Caduca en 5 minutos. No la compartas con nadie: nosotros nunca te la pediremos.", "fyi", auto=True)
mail("c2", "2026-10-14 21:55", "codigo", "Tu clave de un solo uso", "730466 es tu clave para confirmar la transferencia de 45,00 € a AMPA Las Caldonas. Caduca en 5 minutos.", "fyi", auto=True)
mail("c5", "2026-10-15 08:00", "banco", "Has recibido una transferencia", "Has recibido 300,00 € de XUAN LLANEZA SUAREZ. Concepto: señal notario.", "fyi", auto=True)
mail("c6", "2026-10-05 07:20", "luz", "Su factura de septiembre", "Importe: 71,86 €. Se cargará en su cuenta el 9 de octubre. Consumo: 204 kWh, un 6 % menos que en agosto.", "fyi", auto=True, attach=["Factura_202609.pdf"])
mail("c8", "2026-10-21 18:00", "fiber2", "Trabajos de mejora en tu zona", "La madrugada del martes 27 de octubre, entre la 1:00 y las 5:00, puede haber cortes breves de conexión en tu zona.", "fyi", auto=True)
mail("c9", "2026-09-19 16:40", "pay", "Receipt for your payment to Strings Direct", "You paid 38.50 GBP to Strings Direct. Transaction 6H-2207. It may take a moment for this to appear in your account.", "fyi", auto=True)
mail("c13", "2026-10-16 16:16", "ayto", "Justificante de pago 98,41 €", "Se ha registrado el pago del impuesto sobre vehículos. Número de operación 2026-118-402. Conserve este justificante.", "fyi", auto=True)
