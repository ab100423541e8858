"""Genuine mails that look alarming. None of them is suspicious; each was checked to hold no trick."""

from building import HOME, WORK, mail, person

person("segbanco", "Caja Ortegal · Seguridad", "seguridad@cajaortegal.example", client="machine")
person("nube2", "Estante Security", "security@estante.example", client="machine", language="en")
person("cobros", "Cobros Luz del Norte", "cobros@luzdelnorte.example", client="machine")
person("dominio", "Namewharf Domains", "renewals@namewharf.example", client="machine", to=WORK)
person("policia", "Oficina de Objetos Perdidos", "objetosperdidos@sedegijon.example", client="outlook", auth="soft", signature="Policía Local · Objetos perdidos")
person("airline2", "Norvento Air", "service@norvento.example", client="machine", language="en")
person("scorely2", "Scorely Accounts", "accounts@scorely.example", client="machine", language="en", to=WORK)
person("imprenta", "Gráficas Somió", "administracion@graficassomio.example", client="outlook", auth="soft", to=WORK, signature="Administración, Gráficas Somió S.L.")

mail("n1", "2026-09-26 23:48", "segbanco", "Hemos bloqueado una operación con tu tarjeta", """
Hola, Covadonga:

Hoy a las 23:41 hemos rechazado un pago de 1.289,00 € en una tienda de electrónica de Riga con tu tarjeta terminada en 3307.

Si no has sido tú, bloquea la tarjeta esta noche desde la aplicación o llamando al número que figura en su reverso: hay otros dos intentos en espera que se liberarán mañana a las 8:00 si no nos dices nada.

Nunca te pediremos claves por correo. Este mensaje no lleva enlaces.""", "urgent", auto=True, near=True, do=[("Bloquear la tarjeta terminada en 3307", "2026-09-26", "Block the card ending in 3307")])
mail("n2", "2026-10-11 21:07", "nube2", "Reset your password", """
Hi Cova,

We received a request to reset the password of your Estante account. If that was you, use the button within the hour. If it wasn't, you can ignore this message: nothing changes without the link.

{{Reset password|https://estante.example/account/reset?t=81f0aa27}}

Requested from Gijón, Spain, Firefox on Linux.""", "fyi", auto=True, near=True, html=True)
mail("n3", "2026-10-12 08:01", "nube2", "New sign-in to your Estante account", """
A new device signed in: Firefox on Linux, Gijón, Spain, 11 October 2026, 21:12. If this was you, there is nothing to do.

{{Review devices|https://estante.example/account/devices}}""", "fyi", auto=True, near=True, html=True)
mail("n4", "2026-10-16 09:12", "cobros", "Segundo aviso: recibo devuelto", """
Estimada clienta:

Su banco devolvió el recibo de septiembre (71,86 €, contrato 400-2281). Puede pagarlo en cualquier cajero de Caja Ortegal, en nuestra oficina de la calle Asturias o desde su área de clientes antes del 30 de octubre. Pasada esa fecha se iniciará el procedimiento de corte.

Si ya lo ha pagado, no tenga en cuenta este aviso.""", "fyi", near=True, auto=True, do=[("Pagar el recibo devuelto de la luz, 71,86 €", "2026-10-30", "Pay the returned electricity bill")])
mail("n5", "2026-10-12 10:00", "dominio", "Final notice: ofcantabrico.example expires today", """
Hello,

The domain ofcantabrico.example expires today, 12 October 2026, at 23:59 CEST. Automatic renewal failed because the card on the account (ending in 8810) is out of date. If it is not renewed today, the website and the e-mail of the orchestra will stop working.

Please log in to your control panel the way you always do and update the payment method. Your user name: produccion-ofc.""", "urgent", near=True, auto=True, do=[("Renew the domain ofcantabrico.example and update the payment method", "2026-10-12", "Renovar el dominio ofcantabrico.example y actualizar el medio de pago")])
mail("n6", "2026-10-05 13:13", "policia", "Cartera encontrada", """
Buenos días:

Se ha entregado en esta oficina una cartera con un carné de biblioteca a su nombre. Puede recogerla con su DNI, de lunes a viernes de 9 a 14 h, en la calle San José 2. Se guarda dos años.""", "fyi", near=True, do=[("Recoger la cartera en la oficina de objetos perdidos", None, "Collect the wallet at the lost property office")])
mail("n7", "2026-10-19 06:25", "airline2", "Action required: passenger information missing, booking KQ7M2P", """
Dear Ms Llaneza,

For your flight to London on 11 November the United Kingdom requires passport details in advance. Yours are not in the booking yet. Please add them under My Bookings, on our site or in the app, before 9 November. Without them you cannot board.

Norvento Air""", "fyi", auto=True, near=True, do=[("Add the passport details to booking KQ7M2P", "2026-11-09", "Añadir los datos del pasaporte a la reserva KQ7M2P")])
mail("n8", "2026-10-22 14:50", "imprenta", "Factura vencida 2026/771 - tercer recordatorio", """
Buenas tardes, Cova:

Seguimos sin recibir el pago de la factura 2026/771 (programas de mano de la inauguración, 846,00 €), que venció el 15. Es la tercera vez que escribimos y nos sabe mal ponernos pesados. ¿Nos puedes decir cuándo la vais a pagar? La cuenta es la de siempre, la que tenéis en ficha.

Gracias, y enhorabuena por lo del Rajmáninov, se oyó desde el taller.""", "reply", near=True, attach=["Factura_2026-771.pdf"], do=[("Decir a la imprenta cuándo se paga la factura 2026/771", None, "Tell the printer when invoice 2026/771 will be paid")])
mail("n9", "2026-09-24 02:20", "scorely2", "Your account will be deleted in 30 days", """
Hello,

The old workspace "OFC test 2019" has had no activity for two years and will be deleted on 24 October together with its 3 files. Your main workspace is not affected. To keep it, sign in to it once before that date; otherwise nothing is needed.""", "fyi", auto=True, near=True)
mail("n10", "2026-10-09 19:41", "berta", "transferencia", """
Cova, ya he hablado yo con el banco: la transferencia al Hotel Vilar salió ayer, estate tranquila. Si llama alguien diciendo que es del hotel y que ha cambiado de cuenta, no le hagas caso, que a los del teatro les han intentado timar así.""", "fyi", near=True)
