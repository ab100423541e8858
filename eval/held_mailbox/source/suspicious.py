"""Phishing of many kinds, in both languages and of every quality, and plain spam. Every sender and address is invented."""

from building import HOME, WORK, Person, mail


def bad(key, when, name, address, subject, body, kind="phishing", client="machine", language="es", auth="pass", to=HOME, hidden=False, **options):
    if hidden:
        options["to"] = ["undisclosed-recipients:;"]
    mail(key, when, Person(name, address, client=client, language=language, auth=auth, to=to), subject, body, "bulk", suspicious=kind, **options)


bad("p1", "2026-09-17 08:14", "Caja Ortegal", "avisos@cajaortega1.example", "Tu acceso ha sido limitado", """
Estimado cliente:

Por la nueva normativa europea debes verificar tus datos para seguir usando la banca a distancia. Tu cuenta quedará suspendida en 24 horas.

{{https://www.cajaortegal.example/verificar|https://cajaortega1.example/acceso/}}

Departamento de Seguridad""", html=True)
bad("p2", "2026-09-22 10:47", "PostaNorte Envíos", "info@postanorte-entregas.example", "Su paquete está retenido: abone 1,99 €", """
Hola,

Su paquete PN00918 no se puede entregar porque faltan 1,99 € de gastos de aduana. Pague en las próximas 12 horas o será devuelto.

{{Pagar y programar la entrega|https://postanorte-entregas.example/pago?id=00918}}""", html=True)
bad("p3", "2026-09-24 17:26", "Berta Noriega", "gerencia.direccion.ofc@postbox.example", "Disponible?", """
Cova,

Estoy en una reunión del patronato y no puedo hablar por teléfono. Necesito que me resuelvas una cosa con discreción: hay que comprar seis tarjetas regalo de 100 € para los miembros salientes, antes de las siete. Rasca los códigos y mándamelos en una foto a este correo, luego te firmo el gasto.

Berta
Enviado desde mi teléfono""", client="gmail", to=WORK)
bad("p4", "2026-09-28 13:36", "Marcelo Iglesias", "marcelo.iglesias@percusionesde1norte.example", "RE: Cambio de cuenta bancaria", """
Hola Cova, espero que estés bien.

Te informo de que por una auditoría nuestra cuenta habitual está bloqueada. A partir de hoy todos los pagos, incluida la factura pendiente, deben hacerse a la nueva cuenta: ES00 9999 0000 1234 5678 9012. Confírmame cuando esté hecha la transferencia, a poder ser hoy, y te envío el justificante.

Un saludo
Marcelo Iglesias
Percusiones del Norte, S.L.""", client="gmail", to=WORK, attach=["Certificado_titularidad.pdf"])
bad("p5", "2026-09-30 06:51", "Servicio de Tributos", "devoluciones@tributos-principado.example", "Tiene una devolución pendiente de 318,64 €", """
Estimado contribuyente:

Tras el último cálculo de su declaración le corresponde una devolución de 318,64 €. Para recibirla debe indicar los datos de su tarjeta en el siguiente formulario antes del 2 de octubre.

{{Acceder al formulario de devolución|https://tributos-principado.example/formulario}}

Servicio de Tributos del Principado""", html=True, auth="none")
bad("p6", "2026-10-01 15:20", "Estante Storage", "billing@estante-account.example", "Payment failed - your files will be removed", """
Dear user,

We could not process your last payment. All of your photos will be permanently deleted within 48 hours unless you update your billing details.

{{Update billing|http://login.estante.example.account-verify.example/session}}

Estante Billing Team""", language="en", html=True, html_only=True)
bad("p7", "2026-10-03 11:02", "IT Service Desk", "helpdesk@ofcantabrico-mail.example", "Mailbox quota exceeded", """
Your mailbox cova.llaneza@ofcantabrico.example has used 99% of its quota. Incoming messages are being held.

Sign in with your current password to add 5 GB for free:

{{https://mail.ofcantabrico.example/quota|https://ofcantabrico-mail.example/owa/signin.php}}

Regards, IT Service Desk""", language="en", to=WORK, html=True, auth="soft")
bad("p8", "2026-10-05 09:58", "Mutua Marina", "clientes@mutuamarina.example", "Escanee el código para no perder su cobertura", """
Estimada clienta:

Su póliza requiere una revalidación obligatoria. Abra la imagen adjunta, escanee el código QR con su móvil e introduzca su DNI y los 16 dígitos de su tarjeta. De lo contrario la cobertura terminará mañana.

Mutua Marina""", auth="fail", domain="vps-88213.hostnode.example", attach=["codigo_qr.png"], html=True)
bad("p9", "2026-10-06 21:15", "Mamá", "marisasuarez1949@postbox.example", "numero nuevo", """
Hola hija, se me cayó el teléfono al agua y no puedo llamarte. Este es mi correo nuevo. Tengo que pagar una factura hoy y no me funciona el banco, ¿me haces tú una transferencia de 1.480 € y mañana te la devuelvo? Te paso la cuenta en cuanto me digas que sí. No llames al otro número que no va. Besos""", client="gmail")
bad("p10", "2026-10-08 07:33", "Norvento Air Customer Care", "refunds@norvento-care.example", "Your compensation of 250 EUR is approved", """
Dear passenger,

Your flight NV 418 on 29 September was cancelled and you are entitled to 250 EUR. The claim closes tonight. Enter the card on which you want to receive it:

{{www.norvento.example/claims|https://norvento-care.example/c/claim}}

Norvento Air Customer Care""", language="en", html=True)
bad("p11", "2026-10-09 10:41", "Priya Raman", "priya@halyardartist.example", "Updated remittance details - Solheim fee", """
Dear Cova,

I hope you are recovering from the opening. Before your accounts team releases Ingrid's second instalment, please note that Halyard has moved banks. The new details are in the attached letter; the previous account will reject payments from Monday.

Could you forward this to Zulema today and let me know once she has amended it? Kindly reply to this thread rather than calling, I am travelling.

All best,
Priya Raman
Artist Manager, Halyard Artists
14 Tanner Row, London""", client="outlook", language="en", to=WORK, attach=["Halyard_bank_letter.pdf"])
bad("p12", "2026-10-12 13:22", "Scorely", "share@scorely-docs.example", "Halina Wrobel shared \"Season 27-28 CONFIDENTIAL\" with you", """
Halina Wrobel has shared a document with you.

Season 27-28 CONFIDENTIAL.pdf
This link expires in 2 hours. Sign in with your work mail account to view.

{{Open document|https://scorely-docs.example/v/signin?u=cova.llaneza}}""", language="en", to=WORK, html=True)
bad("p13", "2026-10-13 17:05", "Policía Nacional Brigada Cibernética", "citacion.judicial@gabinete-legal.example", "CITACION JUDICIAL URGENTE", """
A la atencion de usted:

Le contactamos a raiz de una investigacion por delitos en internet en la que aparece su direccion. Tiene 72 horas para justificarse por escrito a este correo y abonar la fianza. Pasado este plazo transmitiremos el expediente al fiscal para su detencion inmediata y a los medios de comunicacion.

Comisario General""", attach=["CITACION.pdf"], charset="iso-8859-1", auth="soft", hidden=True, reply_to="fiscalia.expediente@postbox.example")
bad("p14", "2026-10-14 08:29", "Luz del Norte", "facturas@luzdelnorte.example", "Factura impagada: corte programado hoy", """
Estimado/a cliente/a, su suministro será cortado hoy a las 18:00 por impago de 71,86 €. Para evitarlo abra el documento adjunto con su navegador y complete el pago con tarjeta.""", auth="fail", domain="mail.promo-send77.example", attach=["Factura_impagada.html"])
bad("p15", "2026-10-15 12:57", "Tidewater Freight", "accounts@tidewater-freight.example", "Overdue: storage charges for consignment TW-20931", """
Hello,

Please find our overdue statement attached. Consignment TW-20931 is on hold until the balance of EUR 1,140.00 is settled. To view the statement, enable editing and sign in with your e-mail password.

Kindly treat as urgent.
Tidewater Accounts""", language="en", to=WORK, client="outlook", attach=["Statement_TW-20931.htm"], reply_to="tw.accounts.desk@postbox.example")
bad("p16", "2026-10-18 20:44", "Reelhouse Support", "support@reelhouse-billing.example", "We could not renew your subscription", """
Hi,

Your last payment was declined. Update your payment method within 24 hours and enjoy 3 months free. Otherwise you will lose your profiles and lists.

{{Update my payment method|http://203.0.113.77/reelhouse/login}}""", language="en", html=True, html_only=True)
bad("p17", "2026-10-20 08:16", "Noelia Cabal", "n.cabal.rrhh@postbox.example", "Actualización de nómina", """
Hola, Cova:

Estamos actualizando los datos de las nóminas antes del cierre de mañana. ¿Puedes rellenar tus datos bancarios y tu DNI en este formulario? Son dos minutos.

{{Formulario interno de Personas|https://forms-empleados.example/ofc/nomina}}

Gracias,
Noelia Cabal · Personas""", client="gmail", to=WORK, html=True)
bad("p18", "2026-10-22 19:31", "Payrook", "service@payrook.example", "Receipt: you sent 899.00 EUR to Nordic Gadget AB", """
You sent 899.00 EUR to Nordic Gadget AB.

If you did not authorise this payment, call our fraud team immediately on +44 20 7946 0911 and have your card and the code we will text you at hand. Do not contact your bank, it delays the refund.

Transaction 9X-44120""", language="en", auth="other", domain="bulkmail-relay.example", html=True)

SPAM = {"kind": "spam"}
bad("s1", "2026-09-15 04:03", "SEO Team", "contact@rank-rocket.example", "Your website is losing visitors", "Hi,\n\nI was looking at your website and found 37 errors that stop it from ranking on page one. Can I send you a free audit? Only $99/month.\n\nBest regards,\nKevin", language="en", to=WORK, **SPAM)
bad("s2", "2026-09-19 03:31", "Dr. Slim", "offer@slim-gummies.example", "Lose 12 kilos before Christmas, doctors are speechless", "The one fruit they don't want you to eat. Order 3, pay 1. {{Click here NOW|https://slim-gummies.example/now}}", language="en", html=True, **SPAM)
bad("s3", "2026-09-23 05:12", "CasinoEstrella", "bonos@casinoestrella-vip.example", "💰 500 giros GRATIS te esperan", "¡Felicidades! Has sido seleccionado para 500 giros gratis sin depósito. Solo hoy. {{Jugar|https://casinoestrella-vip.example/j}}", html=True, **SPAM)
bad("s4", "2026-09-27 02:44", "Mrs. Adele Kone", "adele.kone77@postbox.example", "Greetings in good faith", "Dear Beloved,\n\nI am a widow with the sum of 8.5 million dollars which I wish to donate through you to orphans. Reply with your full name to hear more. God bless you.", language="en", client="gmail", hidden=True, **SPAM)
bad("s5", "2026-10-02 04:20", "CryptoLobo", "hola@cryptolobo.example", "De camarero a millonario en 3 semanas", "Descubre el robot que invierte por ti mientras duermes. Plazas limitadas: quedan 7. {{Quiero entrar|https://cryptolobo.example/vip}}", html=True, **SPAM)
bad("s6", "2026-10-04 03:09", "Shenzhen Brightstage", "sales8@brightstage-led.example", "LED par light factory price for your stage", "Dear sir/madam,\n\nWe are professional manufacturer of LED par light, moving head, truss. MOQ 10 pcs. Sample free. Please kindly send me your WhatsApp for catalogue.\n\nLily", language="en", to=WORK, client="gmail", **SPAM)
bad("s7", "2026-10-07 01:58", "Préstamo Rápido", "creditos@prestamo-sin-preguntas.example", "Hasta 30.000 € aprobados sin nómina", "Su préstamo está preaprobado. Sin nómina, sin aval, sin preguntas. Responda SI y un asesor le llamará.", auth="soft", **SPAM)
bad("s8", "2026-10-10 05:35", "Rolex Outlet", "shop@lux-replica-time.example", "Replica watches -85% same quality", "Same steel, same weight, nobody will notice. Free shipping this weekend. {{Shop|https://lux-replica-time.example}}", language="en", html=True, auth="none", **SPAM)
bad("s9", "2026-10-11 06:06", "Irina", "irina.sweet24@lonelyhearts-chat.example", "I saw your photo", "Hello my dear, I saw your photo and my heart is jump. I am simple girl who look for serious man. Write me here and I send private pictures.", language="en", **SPAM)
bad("s10", "2026-10-15 02:27", "Bases de Datos Pro", "ventas@basesdedatospro.example", "2 millones de emails de empresas por 89 €", "Multiplica tus clientes. Base de datos 2026 actualizada de empresas españolas, segmentada por sector. Oferta hasta agotar existencias.", to=WORK, **SPAM)
bad("s11", "2026-10-17 04:48", "Journal of Advanced Everything", "editor@jae-openscience.example", "Call for your esteemed paper, 5 days left", "Dear Esteemed Professor Cova Llaneza,\n\nWe were impressed by your work in the area of your research. Submit your manuscript within 5 days for fast publication. Fee: 199 USD.", language="en", to=WORK, **SPAM)
bad("s12", "2026-10-21 03:15", "Tarot Vidente Luz", "luz@videntereal.example", "Cova, he visto algo en tu futuro", "Anoche las cartas me hablaron de ti. Una persona de tu entorno te oculta algo. Primera consulta gratis, después 1,21 €/min. {{Llamar|https://videntereal.example}}", html=True, **SPAM)
