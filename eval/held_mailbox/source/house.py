"""Home, landlord, garage, doctors, offices: private errands."""

from building import HOME, mail, sent

mail("casero1", "2026-09-18 09:30", "evaristo", "Ventana de la cocina", """
Buenos días Covadonga:

El carpintero puede cambiarles la ventana de la cocina el martes 29 de septiembre o el viernes 2. Dígame cuál de los dos días les viene mejor y si habrá alguien en casa.

Un saludo, Evaristo""", "reply", personal=True, do=[("Decir a Evaristo qué día viene mejor para cambiar la ventana", None, "Tell Evaristo which day suits for the kitchen window")])
sent("casero1s", "2026-09-18 14:20", "evaristo", "Re: Ventana de la cocina", "Buenas tardes, Evaristo: mejor el martes 29. Ewan estará en casa. Un saludo", re="casero1", address=HOME)
mail("casero2", "2026-09-18 19:05", "evaristo", "Re: Ventana de la cocina", "Perfecto. Pues el martes 29 va el carpintero a las 8 y media. Cuenten con una hora de ruido.", "fyi", re="casero1s", personal=True, at=[("Carpintero: ventana de la cocina", "2026-09-29 08:30", "2026-09-29 09:30", "casa")])
mail("casero3", "2026-10-14 10:10", "evaristo", "Actualización de la renta", """
Buenos días:

Según el contrato toca actualizar la renta en noviembre. Con el índice publicado pasaría de 890 a 908 euros. Le mando el cálculo adjunto. Si están conformes basta con que me lo confirme por aquí antes de fin de mes.

Evaristo""", "reply", personal=True, attach=["calculo_renta_2026.pdf"], do=[("Confirmar a Evaristo la actualización de la renta", "2026-10-31", "Confirm the new rent to Evaristo")])
mail("finca1", "2026-09-28 11:20", "finca", "Convocatoria junta de propietarios e inquilinos", """
Se convoca a los vecinos a la junta ordinaria que se celebrará el jueves 22 de octubre a las 19:30 en primera convocatoria y a las 20:00 en segunda, en el portal. Orden del día: ascensor, humedades, ruegos y preguntas.""", "fyi", at=[("Junta de vecinos", "2026-10-22 19:30", None, "el portal")], attach=["Orden_del_día.pdf"])
mail("finca2", "2026-10-07 08:55", "finca", "Corte de agua mañana", """
Estimados vecinos:

Mañana jueves se cortará el agua en todo el edificio de 9:00 a 13:00 por la reparación de la bajante. Rogamos disculpen las molestias.""", "fyi")
mail("finca3", "2026-10-14 18:02", "finca", "Portal 8 - aviso", """
Estimada vecina:

El perito nos acaba de comunicar que la grieta de su galería afecta a la barandilla. Hasta que se apuntale, que será mañana a primera hora, no deben salir a la galería ni dejar que salgan los niños. Cierren hoy la puerta con llave, por favor.""", "urgent", do=[("Cerrar con llave la puerta de la galería y no dejar salir a los niños", "2026-10-14", "Lock the gallery door and keep the children inside")], near=True)
mail("caldera1", "2026-09-28 16:05", "caldera", "Confirmación de visita técnica", """
Caldeasa le confirma la visita de revisión de su caldera.
Fecha: miércoles 30 de septiembre
Franja: de 09:00 a 10:00
Técnico: 0417
Para anular llame al 900 00 00 42.""", "fyi", auto=True, at=[("Revisión de la caldera", "2026-09-30 09:00", "2026-09-30 10:00", "casa")])
mail("taller1", "2026-09-21 12:12", "taller", "su coche", """
Buenas, ya tenemos el presupuesto del embrague: 612 euros con mano de obra. Sin su ok no empezamos y el hueco que tengo es para esta semana. Digame algo. Un saludo""", "reply", charset="windows-1252", do=[("Dar el ok al taller para el presupuesto del embrague", None, "Give the garage the ok for the clutch")])
mail("taller2", "2026-09-24 18:35", "taller", "su coche", "Buenas, el coche ya esta. Puede venir a por el cuando quiera, abrimos de 8 a 13 y de 15 a 19. Son 612 euros como quedamos.", "fyi", do=[("Recoger el coche en el taller y pagar 612 euros", None, "Collect the car from the garage and pay")])
mail("itv1", "2026-10-05 06:30", "itv", "Recordatorio: su ITV caduca pronto", """
La inspección técnica del vehículo 4471-LKJ caduca el 28/10/2026.
Tiene cita reservada: lunes 26 de octubre, 18:10, línea 2.
Recuerde traer el permiso de circulación.""", "fyi", auto=True, at=[("ITV del coche", "2026-10-26 18:10", None, "ITV Pumarín")], do=[("Llevar el permiso de circulación a la ITV", "2026-10-26", "Bring the registration document to the ITV")])
mail("dent1", "2026-10-01 08:00", "dentista", "Recordatorio de cita", """
Hola, Covadonga:

Le recordamos su cita con la Dra. Bocanegra el próximo lunes 5 de octubre a las 17:15.
Si no puede acudir, avísenos con 24 horas de antelación. Conteste SÍ para confirmar.""", "fyi", auto=True, at=[("Dentista, Dra. Bocanegra", "2026-10-05 17:15", None, "Clínica Dental Bocanegra")], do=[("Confirmar la cita del dentista contestando SÍ", None, "Confirm the dentist appointment")])
mail("dent2", "2026-10-02 12:31", "dentista", "Cambio de cita", """
Hola, Covadonga:

Por enfermedad de la doctora tenemos que mover su cita del lunes. La nueva hora es el jueves 15 de octubre a las 9:40. Si no le viene bien, llámenos al 985 55 01 77.""", "fyi", at=[("Dentista, Dra. Bocanegra (nueva fecha)", "2026-10-15 09:40", None, "Clínica Dental Bocanegra")])
mail("fisio1", "2026-10-09 13:50", "fisio", "hueco", """
¡Hola Cova! Me ha fallado un paciente y tengo libre el miércoles a las 7 de la tarde. ¿Lo quieres para ese hombro? Si no me dices nada hoy se lo doy al siguiente de la lista. Lara""", "reply", personal=True, at=[("Fisioterapia con Lara", "2026-10-14 19:00", None, None)], do=[("Decir hoy a Lara si quiere el hueco del miércoles", "2026-10-09", "Tell Lara today whether she takes the Wednesday slot")])
mail("ped1", "2026-09-30 10:40", "pediatra", "Vacuna de Finn", """
Buenos días:

A Finn le corresponde la vacuna de los seis años. Pueden traerlo cualquier martes por la tarde; si les parece lo apunto para el 20 de octubre a las 16:20. ¿Me lo confirma respondiendo a este correo?

Gracias""", "reply", at=[("Vacuna de Finn", "2026-10-20 16:20", None, "Centro de Salud El Parrochu")], do=[("Confirmar a la enfermería la vacuna de Finn", None, "Confirm Finn's vaccination with the nurse")])
mail("salud1", "2026-10-19 07:05", "salud", "Resultados disponibles", "Tiene nuevos resultados de analítica disponibles en su carpeta de salud. Todos los valores están dentro de la normalidad. Mensaje automático.", "fyi", auto=True)
mail("vet1", "2026-10-07 17:33", "vet", "Trasgu: blood test", """
Hi Cova, sorry for the English, my Spanish is for speaking.

The blood test came back: the new tablet is damaging his liver. Please do not give him tonight's dose nor any other, and bring him tomorrow at 9 with an empty stomach, he needs a drip.

Jana (vet)""", "urgent", do=[("Do not give Trasgu tonight's dose", "2026-10-07", "No dar a Trasgu la dosis de esta noche"), ("Bring Trasgu to the vet with an empty stomach", "2026-10-08T09:00", "Llevar a Trasgu en ayunas a la veterinaria")], at=[("Drip for Trasgu at the vet", "2026-10-08 09:00", None, "Clínica Veterinaria Trisquel")])
mail("vet2", "2026-10-10 12:10", "vet", "Trasgu", "Today's values are nearly normal. Soft diet for one more week. Excellent patient, he has eaten a latex glove. Jana", "fyi")
mail("seg1", "2026-09-22 05:40", "seguro", "Renovación de su póliza de hogar", """
Su póliza de hogar n.º 88-204417 se renovará automáticamente el 25 de noviembre de 2026. Prima anual: 214,30 €. No tiene que hacer nada. Si desea darla de baja debe comunicarlo por escrito con un mes de antelación.""", "fyi", auto=True)
mail("ayto1", "2026-09-24 09:00", "ayto", "Recibo del impuesto de circulación", """
Está disponible el recibo del impuesto sobre vehículos. Importe: 98,41 €. Periodo voluntario de pago: hasta el 20 de octubre de 2026. Pasado ese plazo se aplicará un recargo del 5 %. Puede pagarlo en la sede electrónica con su certificado.""", "fyi", auto=True, do=[("Pagar el impuesto de circulación, 98,41 €", "2026-10-20", "Pay the vehicle tax, 98.41 €")])
mail("ayto2", "2026-10-13 09:00", "ayto", "Inscripción campamento de Navidad", "El plazo de inscripción en los campamentos urbanos de Navidad se abre el lunes 9 de noviembre a las 10:00 y las plazas se asignan por orden de llegada.", "fyi", auto=True)
mail("tri1", "2026-10-07 06:20", "tributos", "Aviso de puesta a disposición de notificación", """
Tiene una notificación electrónica pendiente en su buzón del Servicio de Tributos. Referencia: 2026/NR/55120. Dispone de diez días naturales para acceder a ella; pasado ese plazo se tendrá por notificada. Acceda como siempre, tecleando usted la dirección de la sede en su navegador. Este aviso no contiene enlaces.""", "fyi", auto=True, near=True, do=[("Abrir la notificación 2026/NR/55120 del Servicio de Tributos", "2026-10-17", "Open the tax office notification")])
mail("bib1", "2026-10-06 05:10", "biblioteca", "Préstamos a punto de vencer", """
Los siguientes préstamos vencen el 09/10/2026:
 - El mapa de las mareas (cómic)
 - La casa de las siete chimeneas
Puede renovarlos en la web o devolverlos en cualquier biblioteca de la red.""", "fyi", auto=True, do=[("Devolver o renovar los dos libros de la biblioteca", "2026-10-09", "Return or renew the library books")])
mail("cons2", "2026-10-15 11:00", "registro", "Passport renewal appointment confirmed", """
Your appointment to renew the passports of FINN FARQUHAR LLANEZA and OLAYA FARQUHAR LLANEZA is confirmed.

Date: Monday 2 November 2026
Time: 09:50
Place: Consular Services, Bilbao, 2nd floor

Please bring both expired passports and two photographs each. Do not reply to this message.""", "fyi", auto=True, at=[("Passport renewal of the children", "2026-11-02 09:50", None, "Consular Services, Bilbao")], do=[("Bring the expired passports and two photographs each to the consular appointment", "2026-11-02", "Llevar los pasaportes caducados y dos fotos de cada uno")])
mail("uni1", "2026-09-29 14:31", "uni", "Your application: Certificate in Arts Management", """
Dear Ms Llaneza,

We are delighted to offer you a place on the distance-learning certificate starting in January. To keep the place, please return the acceptance form with a copy of your degree by Monday 19 October; after that date it will be offered to the waiting list.

Admissions""", "reply", attach=["acceptance_form.docx"], do=[("Return the acceptance form with a copy of the degree", "2026-10-19", "Devolver el formulario de aceptación con copia del título")])
