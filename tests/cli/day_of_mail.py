"""A fictional day of forty mails (Thursday 14 May 2026) for one owner, and which of them are worth an
interruption. Written for the attention gate: most of what looks loud here can wait.

DAY: (id, hour, minute, from, subject, body, headers, interrupt). `interrupt` says what the owner
would say afterwards: it had to be seen at once.
"""

LIST = "List-Unsubscribe: <https://news.example/stop>\n"
AUTO = "Auto-Submitted: auto-generated\n"

DAY = [
    ("bank-fraud", 7, 2, "Banco Levante <avisos@bancolevante.example>", "Aviso: cargo no habitual en su tarjeta", "Hemos bloqueado de forma preventiva un cargo de 2,10 EUR. Si lo reconoce no tiene que hacer nada; puede consultarlo en la aplicación.", AUTO, False),
    ("offers-1", 7, 10, "Tienda Alcor <ofertas@news.alcor.example>", "¡ÚLTIMAS HORAS! -60 % solo hoy", "No lo dejes para mañana: hoy termina la rebaja. Compra ahora.", LIST, False),
    ("paper", 7, 15, "El Diario de la Vega <boletin@diariovega.example>", "Las noticias de la mañana", "Buenos días. Estas son las noticias de hoy: obras en la avenida, lluvia por la tarde.", LIST, False),
    ("school-menu", 7, 30, "CEIP Las Eras <secretaria@ceiplaseras.example>", "Menú de la semana", "Adjuntamos el menú del comedor de la próxima semana.", "", False),
    ("leak", 8, 20, "Rosa Miralles <rosa.miralles@correo.example>", "URGENTE: fuga de agua en tu piso", "Clara, está saliendo agua por debajo de tu puerta y ya baja por la escalera. Llámame ahora mismo o cerramos la llave general; si no, entran los bomberos.", "", True),
    ("parcel", 8, 40, "Envíos Rápidos <seguimiento@enviosrapidos.example>", "Su pedido está en reparto", "Su paquete llegará hoy entre las 12:00 y las 14:00.", AUTO, False),
    ("calendar", 8, 45, "Agenda <no-reply@agenda.example>", "Recordatorio: reunión de equipo", "La reunión de equipo empieza hoy a las 10:00.", AUTO, False),
    ("marcos", 8, 50, "Marcos Peña <marcos.pena@correo.example>", "¿Padel el sábado?", "¡Hola! ¿Te apuntas al pádel el sábado a las 11? Somos tres.", "", False),
    ("invoice-light", 9, 0, "LuzClara <facturas@luzclara.example>", "Tu factura de mayo", "El importe total es de 61,20 €. Se cargará en tu cuenta el 28 de mayo de 2026.", AUTO, False),
    ("boss-1", 9, 5, "Elena Duarte <elena.duarte@marjal.example>", "Acta de la reunión", "Hola, Clara: te paso el acta de ayer. Échale un vistazo cuando puedas.", "", False),
    ("seminar", 9, 12, "Formación Continua <info@formacion.example>", "Webinar gratuito: plazas limitadas", "Últimas plazas para el webinar de hoy. Inscríbete ya.", LIST, False),
    ("github", 9, 20, "Repo <notifications@code.example>", "[web] Build failed on main", "The build of main failed in step lint. See the log for details.", AUTO + "List-Id: <web.code.example>\n", False),
    ("tom", 9, 31, "Tom Whitfield <tom.whitfield@postbox.example>", "Shopping", "Could you get milk and bread on your way home? Thanks, love.", "", False),
    ("dentist", 9, 40, "Clínica Sorní <citas@clinicasorni.example>", "Recordatorio de cita", "Le recordamos su cita el martes 19 de mayo a las 18:00.", "", False),
    ("lottery", 9, 41, "Lotería Internacional <premios@win-loteria.top>", "Ha ganado 850.000 EUR", "Para cobrar su premio responda hoy con su número de cuenta y una copia de su documento.", "", False),
    ("hannah", 9, 55, "Hannah Whitfield <hannah.whitfield@postbox.example>", "Photos from Sunday", "Hi Clara, here are the photos. It was such a lovely day, thank you both! Hannah", "", False),
    ("insurance", 10, 5, "Seguros Prado <clientes@segurosprado.example>", "Renovación de su póliza", "Su póliza de hogar se renueva el 1 de julio de 2026. No tiene que hacer nada.", AUTO, False),
    ("client", 10, 15, "Javier Robledal <javier.robledal@robledal.example>", "Pruebas de color", "Buenos días: ¿nos puedes mandar las pruebas de color antes del lunes? Gracias.", "", False),
    ("newsletter-2", 10, 20, "Design Weekly <hello@designweekly.example>", "Ten typefaces you need now", "This week's picks, tools and jobs.", LIST, False),
    ("nora-school", 11, 5, "CEIP Las Eras <direccion@ceiplaseras.example>", "Nora se ha hecho daño: por favor, venga a recogerla", "Nora se ha caído en el patio y le duele mucho la muñeca. Hemos llamado y no contesta. Por favor, venga a recogerla ahora o llámenos cuanto antes.", "", True),
    ("survey", 11, 10, "Aerolínea Alba <opinion@alba.example>", "¿Qué tal tu vuelo?", "Cuéntanos qué te pareció. Solo te llevará dos minutos.", LIST, False),
    ("phish-post", 11, 20, "Correos <aviso@correos-entrega.top>", "Su paquete está retenido: actúe hoy", "Debe pagar 1,99 EUR en 24 horas o el paquete será devuelto. Pague aquí: https://correos-entrega.top/p", "", False),
    ("minutes", 11, 30, "Comunidad Sueca 18 <administracion@fincas.example>", "Convocatoria de junta", "Se convoca junta ordinaria el jueves 28 de mayo de 2026 a las 19:00 en el portal.", "", False),
    ("backup", 11, 40, "NAS <nas@casa.example>", "Copia de seguridad terminada", "La copia de esta noche terminó sin errores.", AUTO, False),
    ("ines", 12, 0, "Inés Duarte <ines.duarte@correo.example>", "Receta", "Te mando la receta de la fideuá que me pediste. ¡Un beso!", "", False),
    ("sale-2", 12, 10, "Moda Lis <promo@modalis.example>", "Se agota: tu talla a mitad de precio", "Date prisa, quedan pocas unidades.", LIST, False),
    ("translation", 12, 20, "Fiona Marsh <fiona.marsh@northlight.example>", "HT60 booklet", "Hi Clara, no rush at all, but could you let me know by the end of next week whether June works for you?", "", False),
    ("bank-note", 12, 30, "Banco Levante <avisos@bancolevante.example>", "Extracto disponible", "Ya puede consultar su extracto de abril.", AUTO, False),
    ("plumber", 13, 0, "Ernesto Vallejo <ernesto.vallejo@fontaneria.example>", "Presupuesto caldera", "Buenas tardes, le adjunto el presupuesto de la revisión: 95 €. Dígame si le va bien.", "", False),
    ("meetup", 13, 15, "Club de Lectura <club@lectura.example>", "Próximo libro", "El 4 de junio comentamos la novela de mayo. ¡Os esperamos!", LIST, False),
    ("cloud", 13, 30, "Nube <no-reply@nube.example>", "Your storage is 82 % full", "You may want to free some space soon.", AUTO, False),
    ("grandma", 14, 0, "Pilar Ferrer <pilar.ferrer@correo.example>", "Hola hija", "Hola, hija: ayer fui al médico y todo bien. Ya me cuentas qué tal la semana. Besos", "", False),
    ("recruit", 14, 20, "Talent Bridge <jobs@talentbridge.example>", "URGENT hiring: art director", "We are urgently hiring. Apply today.", LIST, False),
    ("tax", 14, 40, "Asesoría Turia <asesoria@turia.example>", "Renta 2025", "Hola, Clara: el plazo termina el 30 de junio. Cuando tengas los certificados, mándamelos.", "", False),
    ("strike", 15, 0, "Metro <avisos@metro.example>", "Huelga el viernes 22 de mayo", "Servicios mínimos del 60 % de 7:00 a 9:00.", AUTO, False),
    ("petition", 15, 30, "Acción Verde <firma@accionverde.example>", "Firma antes de medianoche", "Tu firma es decisiva hoy.", LIST, False),
    ("team", 16, 0, "Elena Duarte <elena.duarte@marjal.example>", "Vacaciones de agosto", "¿Puedes decirme esta semana qué días te coges? Gracias.", "", False),
    ("invite", 16, 30, "Sofía Lambert <sofia.lambert@correo.example>", "Cena", "¿Os venís a cenar el viernes 22? Decidme algo y reservo.", "", False),
    ("gym", 17, 0, "Gimnasio Olmo <info@gimnasioolmo.example>", "Cambio de horario", "A partir del lunes la clase de yoga pasa a las 19:30.", LIST, False),
    ("digest", 18, 0, "Foro Tipografía <digest@foro.example>", "Resumen diario", "12 mensajes nuevos en 4 hilos.", LIST, False),
]


def mbox(day=DAY, owner="clara@casa.example"):
    """The day as the text of an mbox file, addressed to the owner."""
    text = ""
    for name, hour, minute, sender, subject, body, headers, _ in day:
        text += (
            f"From x@x Thu May 14 {hour:02}:{minute:02}:00 2026\nFrom: {sender}\nTo: Clara Soler <{owner}>\n"
            f"Subject: {subject}\nDate: Thu, 14 May 2026 {hour:02}:{minute:02}:00 +0200\n"
            f"Message-ID: <{name}@day.example>\n{headers}MIME-Version: 1.0\n"
            f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n\n"
        )
    return text
