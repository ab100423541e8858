// The tables. General words of the two languages, chosen for what they mean and not from any
// mailbox.
#include "assistant/lexicon.h"

#include <algorithm>
#include <array>
#include <string>

namespace lar::assistant {
namespace {

using Phrases = std::span<const std::string_view>;

constexpr std::string_view urgency[] = {
    "urgent*",         "urgente*",       "asap",
    "as soon as possible", "lo antes posible", "cuanto antes",
    "immediately",     "inmediatamente", "de inmediato",
    "right away",      "right now",      "ahora mismo",
    "ya mismo",        "today at the latest", "hoy mismo",
    "hoy sin falta",   "last chance to", "ultimo aviso",
    "final notice",    "final reminder", "ultimo recordatorio",
    "emergency",       "emergencia",     "critical",
    "critico",         "critica",        "time sensitive",
    "within the hour", "before the end of the day", "antes de que acabe el dia",
    "call me as soon", "llamame en cuanto", "llamame ya", "en cuanto puedas", "en cuanto leas", "en cuanto veas", "as soon as you", "the moment you",
    "before midnight", "antes de medianoche", "esta misma", "this very", "ultimo dia", "last day", "no second chance",
    "stops working", "dejara de funcionar", "dejaran de funcionar", "drop everything", "i need you to act",
    "no puede esperar", "can t wait",    "cannot wait",
    "corre prisa",     "es para hoy",    "por favor llama",
    "please call",     "call me back",   "ring me",
    "a la mayor brevedad", "without delay", "sin demora"};
constexpr std::string_view harm[] = {
    "accident*",    "hospital*",    "ambulan*",     "emergency room", "urgencias",
    "fever",        "fiebre",       "fell",         "se ha caido",    "se cayo",
    "injur*",       "herid*",       "broke his",    "broke her",      "se ha roto",
    "leak*",        "fuga",         "escape de agua", "gotera*",      "flood*",
    "inund*",       "water is coming", "sale agua", "entrando agua",  "fire",
    "incendio",     "smoke",        "humo",         "gas smell",      "huele a gas",
    "smell of gas", "stolen",       "robad*",       "robaron",        "robo",
    "break in",     "broken into",  "intrusion",    "alarm*",         "alarma*",
    "police",       "policia",      "lost child",   "perdido",        "locked out",
    "sin llaves",   "encerrad*",    "allergic",     "alergi*",        "reaccion",
    "vomit*",       "sick",         "enferm*",      "unwell",         "se encuentra mal",
    "pick him up",  "pick her up",  "recoger a",    "recogerl*",      "venir a buscar*",
    "come and get", "surgery",      "operacion",    "ingresad*",      "grave",
    "serious",      "bleeding",     "sangr*",       "pain",           "dolor",
    "vet",          "veterinari*",  "evacuat*",     "desaloj*",       "recall*",
    "do not eat",   "do not use",   "no consum*",   "deje de usar",   "retirada",
    "cayendo agua", "cae agua",     "agua por el techo", "gotea",     "dripping",
    "pouring",      "burst",        "reventad*",    "se ha quemado",  "catch fire",
    "insulin*",     "oxygen",       "oxigeno",      "unconscious",    "inconsciente",
    "mareado",      "mareada",      "dizzy",        "ambulance",      "bomberos",
    "fire brigade", "crash",        "choque",       "ataque",         "infarto",
    "stroke",       "ictus",        "missing",      "desaparecid*",   "no aparece",
    "broken",       "escaparate",   "keyholder",    "alone in",       "esta solo",
    "esta sola",    "se ha hecho daño", "hurt",     "golpe",          "brecha en"};
constexpr std::string_view outage[] = {
    "down",          "outage",        "caid*",        "no funciona",   "not working",
    "stopped working", "ha dejado de funcionar", "error 500", "production", "produccion",
    "data loss",     "perdida de datos", "customers cannot", "clientes no pueden", "blocked",
    "bloquead*",     "incident",      "incidencia",   "incidente",     "breach",
    "brecha",        "unauthori*",    "no autorizad*", "sospechos*",   "suspicious",
    "fraud*",        "fraude",        "hacked",       "hackead*",      "security alert",
    "alerta de seguridad", "failed backup", "copia de seguridad ha fallado", "server*",
    "servidor*",     "disk is full",  "disco lleno",  "rollback",      "averi*",
    "sin luz",       "sin agua",      "power cut",    "no power"};
constexpr std::string_view loss[] = {
    "will be cancelled", "will be canceled", "se cancelara",   "sera cancelad*", "quedara anulad*",
    "will be cut off",   "cut off",          "corte de suministro", "se cortara", "suspension del suministro",
    "disconnect*",       "suspended",        "suspendid*",     "surcharge",      "recargo",
    "penalty",           "penaliza*",        "late fee",       "fine of",        "multa",
    "sancion",           "overdue",          "vencid*",        "impag*",         "unpaid",
    "returned",          "devuelt*",         "devolucion del recibo", "insufficient funds", "fondos insuficientes",
    "saldo insuficiente", "not enough money", "overdrawn",     "descubierto",    "rejected",
    "rechazad*",         "declined",         "denegad*",       "payment failed", "pago fallido",
    "no se ha podido cobrar", "could not charge", "we lose",   "lose the",       "lose your",
    "perderemos",        "perderas",         "perdera",        "perdemos",       "perder la plaza",
    "perder la reserva", "forfeit*",         "expires today",  "caduca hoy",     "vence hoy",
    "ends today",        "termina hoy",      "last day",       "ultimo dia",     "closes today",
    "cierra hoy",        "deadline is today", "plazo termina", "plazo acaba",    "release the",
    "liberaremos",       "we will have to give", "otherwise",  "de lo contrario", "en caso contrario",
    "si no",             "if we don t",      "if you don t",   "will bounce",    "embargo",
    "evict*",            "desahucio",        "court",          "juzgado",        "eliminad*"};
constexpr std::string_view disruption[] = {
    "cancelled",     "canceled",     "cancelad*",     "anulad*",       "delayed",
    "delay",         "retras*",      "postponed",     "aplaz*",        "rescheduled",
    "brought forward", "moved to",   "adelant*",      "changed to",    "cambio de hora",
    "cambio de puerta", "gate change", "nueva hora",  "new time",      "instead of",
    "en vez de",     "en lugar de",  "missed",        "perdido el",    "stranded",
    "strike",        "huelga",       "rebook*",       "reubica*",      "overbook*"};
constexpr std::string_view request[] = {
    "can you",        "could you",     "would you",      "will you",      "please",
    "por favor",      "puedes",        "podrias",        "puede usted",   "podria",
    "podeis",         "pueden",        "necesito que",   "necesitamos que", "i need you",
    "we need you",    "need your",     "necesito tu",    "necesitamos tu", "necesitamos su",
    "te pido",        "le ruego",      "te ruego",       "rogamos",       "te importa*",
    "would you mind", "te agradeceria", "agradeceria*",  "i d appreciate", "i would appreciate",
    "mandame",        "enviame",       "pasame",         "envianos",      "send me",
    "send us",        "don t forget",  "no te olvides",  "no olvides",    "acuerdate",
    "remember to",    "recuerda",      "tienes que",     "you need to",   "you have to",
    "you must",       "debe",          "debes",          "hay que",       "make sure",
    "asegurate",      "hace falta que", "seria posible", "i was wondering if", "me haces"};
constexpr std::string_view awaits[] = {
    "let me know",     "let us know",   "dime",           "decidme",        "diganos",
    "avisame",         "avisanos",      "me avisas",      "me dices",       "ya me diras",
    "ya me dices",     "confirma*",     "confirm*",       "rsvp",           "waiting for your",
    "espero tu",       "espero su",     "esperamos su",   "esperamos tu",   "quedo a la espera",
    "a la espera de",  "look forward to hearing", "looking forward to your", "get back to me", "reply",
    "respond*",        "contest*",      "your answer",    "tu respuesta",   "su respuesta",
    "what do you think", "que te parece", "que opinas",   "what do you say", "do you want",
    "quieres",         "te apetece",    "te viene bien",  "os viene bien",  "te va bien",
    "does that work",  "works for you", "work for you",   "are you free",   "estas libre",
    "are you coming",  "vienes",        "venis",          "te apuntas",     "are you in",
    "shall we",        "should i",      "quedamos",       "your thoughts",  "your opinion",
    "approve*",        "apruebas",      "visto bueno",    "your approval",  "sign off",
    "need to know",    "necesito saber", "cuando puedes", "when can you",   "when could",
    "do you have",     "tienes",        "any news",       "alguna novedad", "following up",
    "just checking",   "did you get",   "has podido",     "have you had",   "pudiste"};
constexpr std::string_view no_answer[] = {
    "no need to reply",    "no need to answer", "no reply needed", "no hace falta que contestes",
    "no hace falta que respondas", "no hace falta responder", "no es necesario responder",
    "no hay que hacer nada", "nothing to do",   "no action needed", "no action is required",
    "no action required",  "no tienes que hacer nada", "no need to do anything", "for your information",
    "para tu informacion", "para vuestra informacion", "fyi", "solo para que lo sepas",
    "just so you know",    "just to let you know", "solo queria decirte", "solo queria contarte",
    "do not reply to this", "no respondas a este", "no responda a este", "no conteste a este",
    "please do not reply", "este buzon no",     "no se atiende",  "sin prisa",
    "no rush",             "no hurry",          "whenever you can", "cuando puedas"};
constexpr std::string_view thanks[] = {
    "thanks for", "thank you for", "gracias por", "muchas gracias", "thanks a lot", "many thanks",
    "perfecto",   "perfect",       "great news",  "estupendo",      "genial",       "de acuerdo",
    "sounds good", "received",     "recibido",    "all good",       "todo bien",    "enhorabuena",
    "congratulations", "te cuento", "os cuento",  "as promised",    "como te dije", "adjunto",
    "attached",   "te paso",       "here is",     "here are",       "aqui tienes",  "aqui van"};
constexpr std::string_view promotion[] = {
    "offer*",        "oferta*",       "discount*",     "descuento*",   "sale",
    "rebaja*",       "promo*",        "coupon",        "cupon",        "code at checkout",
    "free shipping", "envio gratis",  "gastos de envio gratis", "shop now", "compra ahora",
    "comprar ahora", "buy now",       "deal*",         "save up to",   "ahorra*",
    "limited time",  "tiempo limitado", "exclusive*",  "exclusiv*",    "black friday",
    "new collection", "nueva coleccion", "novedades",  "new arrivals", "best seller*",
    "subscribe now", "suscribete",    "don t miss",    "no te lo pierdas", "no te pierdas",
    "members only",  "solo para socios", "points",     "puntos",       "reward*",
    "gift card",     "sorteo",        "giveaway",      "win a",        "gana un*",
    "prueba gratis", "free trial",    "upgrade now",   "descubre",     "discover",
    "catalogo",      "catalogue",     "hasta un",      "up to",        "desde solo",
    "from only",     "book now",      "reserva ya",    "order now",    "pide ya",
    "last minute",   "flash",         "2x1",           "bargain*",     "black week"};
constexpr std::string_view newsletter[] = {
    "newsletter",   "boletin",          "unsubscribe",     "darte de baja",  "darse de baja",
    "dar de baja",  "view in browser",  "view this email", "ver en el navegador", "ver en tu navegador",
    "this week s",  "esta semana en",   "issue",           "edicion",        "weekly",
    "semanal",      "monthly",          "mensual",         "digest",         "resumen semanal",
    "read more",    "leer mas",         "sigue leyendo",   "keep reading",   "in this edition",
    "en este numero", "webinar",        "podcast",         "blog",           "articulo*",
    "top stories",  "lo mas leido",     "preferences",     "preferencias",   "you are receiving",
    "recibes este correo", "recibe este correo", "has recibido este", "suscrit*", "subscrib*",
    "gestionar tus", "manage your",     "privacy policy",  "politica de privacidad", "follow us"};
constexpr std::string_view notice[] = {
    "receipt",        "recibo",         "invoice",         "factura*",       "order",
    "pedido*",        "shipped",        "enviado",         "dispatched",     "en camino",
    "on its way",     "delivered",      "entregado",       "tracking",       "seguimiento",
    "statement",      "extracto",       "movimiento*",     "your booking",   "tu reserva",
    "su reserva",     "booking reference", "localizador",  "ticket*",        "billete*",
    "entrada*",       "verification code", "codigo de verificacion", "one time code", "security code",
    "password was changed", "contraseña se ha cambiado", "new sign in", "nuevo inicio de sesion", "signed in",
    "scheduled maintenance", "mantenimiento programado", "terms of", "condiciones de uso", "privacy",
    "renewal",        "renueva*",       "renovacion",      "payment received", "pago recibido",
    "hemos recibido", "we have received", "we received",   "cargo",          "charged",
    "domicilia*",     "transferencia recibida", "nomina",  "payslip",        "available in your account",
    "disponible en",  "reminder",       "recordatorio",    "recordamos",     "notificacion",
    "notification",   "automatic*",     "automatico",      "automaticamente", "build",
    "backup",         "report is ready", "informe esta listo", "cita confirmada", "appointment confirmed",
    "le informamos",  "te informamos",  "les informamos",  "se informa",     "informa de que"};
constexpr std::string_view closeness[] = {
    "besos",    "beso",      "un beso",  "abrazo*",    "un abrazo", "love",      "xx",
    "xxx",      "hugs",      "te quiero", "os quiero", "muak",      "cariño*",   "guapa",
    "guapo",    "tia",       "mama",     "papa",       "mum",       "mom",       "dad",
    "abuel*",   "gran",      "grandma",  "grandpa",    "hijo",      "hija",      "son",
    "daughter", "hermano",   "hermana",  "brother",    "sister",    "primo",     "prima",
    "cousin",   "auntie",    "uncle",    "sobrin*",    "nephew",    "niece",     "kids",
    "niños",    "niñas",     "peques",   "cole",       "birthday",  "cumple*",   "wedding",
    "boda",     "dinner",    "cena*",    "barbecue",   "barbacoa",  "weekend",   "finde",
    "holiday*", "vacaciones", "party",   "fiesta",     "beach",     "playa",     "baby",
    "bebe",     "miss you",  "te echo de menos", "how are you", "que tal estas", "como estas", "cuidate",
    "take care", "cafe",     "coffee",   "cerveza*",   "beers",     "pub",       "partido",
    "football", "futbol",    "guitar*",  "dog",        "perro",     "perra",     "cat",
    "gato",     "gata",      "jaja*",    "haha*",      "lol",       "navidad",   "christmas",
    "amig*",    "friends",   "vecin*",   "neighbour*", "neighbor*", "dad s",     "mum s"};
constexpr std::string_view work[] = {
    "client*",     "proyecto*",  "project*",    "meeting",      "reunion",    "report",
    "informe",     "proposal",   "propuesta",   "presupuesto",  "budget",     "quote",
    "contract*",   "contrato*",  "deadline",    "entrega",      "delivery date", "draft",
    "borrador",    "slides",     "presentacion", "presentation", "team",      "equipo",
    "sprint",      "release",    "deploy*",     "despliegue",   "review",     "revision",
    "stakeholder*", "kpi*",      "roadmap",     "agenda",       "minutes",    "acta",
    "proveedor*",  "supplier*",  "purchase order", "orden de compra", "oficina", "office",
    "jefe",        "jefa",       "manager",     "director*",    "departamento", "department",
    "recursos humanos", "human resources", "hr", "candidat*",   "entrevista", "interview",
    "regards",     "saludos cordiales", "atentamente", "un cordial saludo", "kind regards", "best regards",
    "sincerely",   "estimad*",   "dear sir",    "dear mr",      "dear ms",    "colleague*",
    "compañer*",   "training",   "formacion",   "planos",       "drawings",   "obra"};
constexpr std::string_view credentials[] = {
    "password*",        "contraseña*",     "pin",             "passcode",        "clave*",
    "log in",           "login",           "sign in",         "inicia sesion",   "iniciar sesion",
    "inicie sesion",    "verify your",     "verifica tu*",    "verifique su*",   "verificar su*",
    "verificar tu*",    "confirm your identity", "confirma tu identidad", "confirme su identidad", "confirm your details",
    "confirma tus datos", "confirme sus datos", "actualiza tus datos", "actualice sus datos", "actualizar sus datos",
    "actualizar tus datos", "update your details", "update your payment", "update your account", "update your information",
    "validate your",    "validar su*",     "validar tu*",     "valide su*",      "valida tu*",
    "card number",      "numero de tarjeta", "cvv",           "datos de su tarjeta", "datos de tu tarjeta",
    "card details",     "bank details",    "datos bancarios", "datos personales", "security number",
    "unlock your",      "desbloque*",      "restore access",  "restore your",    "restablec*",
    "reactivate*",      "reactiv*",        "credenciales",    "credentials",     "codigo que",
    "the code",         "el codigo",       "mailbox is full", "buzon esta lleno", "mailbox quota",
    "seed phrase",      "recovery phrase", "confirm your account", "keep your account", "identifiquese"};
constexpr std::string_view threats[] = {
    "account will be",   "cuenta sera",      "su cuenta ha sido", "tu cuenta ha sido", "account has been",
    "has been suspended", "has been limited", "has been locked", "ha sido suspendida", "ha sido bloquead*",
    "ha sido limitad*",  "sera suspendid*",  "sera bloquead*",   "sera cerrad*",      "sera eliminad*",
    "will be closed",    "will be suspended", "will be deleted", "will be terminated", "will be locked",
    "permanently",       "permanentemente",  "definitiv*",       "within 24 hours",   "within 48 hours",
    "en 24 horas",       "en 48 horas",      "24 horas",         "48 horas",          "24 hours",
    "48 hours",          "12 hours",         "12 horas",         "legal action",      "acciones legales",
    "unusual activity",  "actividad inusual", "actividad sospechosa", "suspicious activity", "unusual sign",
    "acceso no autorizado", "unauthorised access", "unauthorized access", "failure to", "evitar el bloqueo", "evitar la devolucion", "limitada", "limited",
    "avoid suspension",  "avoid interruption", "para evitar",    "to avoid",          "returned to sender",
    "devuelto al remitente", "your recordings", "webcam",        "grabado",           "we recorded"};
constexpr std::string_view money_bait[] = {
    "gift card*",       "gift cards",     "tarjetas regalo", "tarjeta regalo",  "steam",
    "google play",      "itunes",         "bitcoin*",        "btc",             "crypto*",
    "criptomoneda*",    "wallet",         "monedero",        "wire transfer",   "western union",
    "moneygram",        "bizum",          "urgent payment",  "pago urgente",    "make a transfer",
    "hacer una transferencia", "haz una transferencia", "customs fee", "tasas de aduana", "gastos de aduana",
    "small fee",        "shipping fee",   "redelivery fee",  "refund",          "reembolso",
    "devolucion de",    "tax refund",     "you have won",    "has ganado",      "ha ganado",
    "ganador*",         "winner",         "lottery",         "loteria",         "prize",
    "premio",           "inheritance",    "herencia",        "million",         "millones",
    "beneficiary",      "beneficiario",   "unclaimed",       "guaranteed returns", "rentabilidad garantizada",
    "double your",      "invest*",        "inversion*",      "passive income",  "ingresos pasivos",
    "trading",          "loan approved",  "prestamo aprobado", "preaprobado",   "pre approved",
    "new account number", "nuevo numero de cuenta", "nueva cuenta bancaria", "new bank account", "bank account has changed",
    "changed bank",     "hemos cambiado de banco", "hemos cambiado de cuenta", "iban",  "new bank details",
    "cambio de cuenta", "release the parcel", "abone", "tasa", "tasas", "retenido", "on hold", "coordenadas", "dollars", "dolares", "liberar el paquete", "liberar su paquete", "pending payment"};
constexpr std::string_view secrecy[] = {
    "confidential*",   "confidencial*",  "keep this between", "entre nosotros", "no se lo digas",
    "don t tell",      "do not tell",    "don t call",        "no me llames",   "no puedo hablar",
    "can t talk",      "cannot talk",    "in a meeting",      "estoy reunid*",  "estoy en una reunion",
    "new number",      "numero nuevo",   "nuevo numero",      "my phone broke", "se me ha roto el movil",
    "lost my phone",   "perdi el movil", "he perdido el movil", "are you available", "estas disponible",
    "are you at your desk", "discreet*", "discrecion",        "personal favour", "personal favor",
    "a favour",        "un favor",       "whatsapp",          "send me your number", "mandame tu numero"};
constexpr std::string_view spam_words[] = {
    "seo",              "first page of google", "primera pagina de google", "rank your", "backlinks",
    "guest post",       "web design services", "diseño web", "app development", "leads",
    "viagra",           "cialis",          "pharmacy",       "farmacia online", "pills",
    "weight loss",      "adelgaza*",       "perder peso",    "lose weight",     "casino",
    "bonus",            "apuestas",        "betting",        "hot singles",     "solteras",
    "dating",           "citas cerca",     "make money",     "gana dinero",     "ganar dinero",
    "work from home",   "trabaja desde casa", "get rich",    "financial freedom", "libertad financiera",
    "miracle",          "milagro*",        "100 free",       "risk free",       "sin riesgo",
    "dear friend",      "querido amigo",   "dear beloved",   "estimado beneficiario", "dear sir madam",
    "next of kin",      "diplomat",        "funds",          "fondos",          "act now",
    "click here",       "haz clic aqui",   "haga clic aqui", "pincha aqui",     "pinche aqui",
    "buenas noticias tu credito", "no obligation", "sin compromiso", "increase your", "aumenta tu*",
    "email list", "guarantee*", "garantizad*", "doctors", "medicos", "capsule*", "capsula*", "page 1", "first page", "beloved", "winner",       "base de datos de empresas", "bulk",  "replica*",       "watches"};
constexpr std::string_view generic_greeting[] = {
    "dear customer",  "dear client",   "dear user",       "dear member",    "dear account",
    "estimado cliente", "estimada cliente", "estimado usuario", "estimada usuaria", "estimado a cliente",
    "apreciado cliente", "valued customer", "dear valued", "dear friend",   "hello user",
    "hola usuario",   "dear sir",      "dear beneficiary", "estimado contribuyente", "dear taxpayer"};
constexpr std::string_view meeting[] = {
    "meeting",   "reunion",    "appointment", "cita",       "call",       "llamada",   "videollamada",
    "dinner",    "cena",       "lunch",       "comida",     "comer",      "cenar",     "coffee",
    "cafe",      "desayuno",   "breakfast",   "visit",      "visita",     "interview", "entrevista",
    "flight",    "vuelo",      "train",       "tren",       "concert",    "concierto", "class",
    "clase",     "lesson",     "match",       "partido",    "party",      "fiesta",    "wedding",
    "boda",      "birthday",   "cumpleaños",  "cumple",     "see you",    "nos vemos", "quedamos",
    "quedar",    "te espero",  "os espero",   "te esperamos", "pick you up", "te recojo", "revision",
    "check up",  "checkup",    "consulta",    "sesion",     "session",    "workshop",  "taller",
    "tutoria",   "event",      "evento",      "invit*",     "booking",    "reserva",   "table",
    "mesa",      "barbecue",   "barbacoa",    "funeral",    "rehearsal",  "ensayo",    "tecnico",
    "junta",     "asamblea",  "delivery",    "entrega*",   "turno",     "glazier", "plumber",
    "test", "excursion", "salimos", "trip", "doors", "performance", "audition", "audicion", "charla",
    "talk", "conference", "congreso", "gala", "desfile", "torneo", "tournament", "inauguracion",
    "paella", "picnic", "merienda", "aperitivo", "vernos", "meet", "ferry", "check in",
    "fontanero", "electricista", "electrician", "inspection", "inspeccion", "examen", "exam"};

constexpr std::array<PhraseGroup, 21> groups = {{{"urgency", urgency},
                                                 {"harm", harm},
                                                 {"outage", outage},
                                                 {"loss", loss},
                                                 {"disruption", disruption},
                                                 {"request", request},
                                                 {"awaits", awaits},
                                                 {"no_answer", no_answer},
                                                 {"thanks", thanks},
                                                 {"promotion", promotion},
                                                 {"newsletter", newsletter},
                                                 {"notice", notice},
                                                 {"closeness", closeness},
                                                 {"work", work},
                                                 {"credentials", credentials},
                                                 {"threats", threats},
                                                 {"money_bait", money_bait},
                                                 {"secrecy", secrecy},
                                                 {"spam_words", spam_words},
                                                 {"generic_greeting", generic_greeting},
                                                 {"meeting", meeting}}};

bool holds(std::string_view folded, std::string_view phrase) {
  const bool open = phrase.ends_with('*');
  if (open) phrase.remove_suffix(1);
  for (size_t at = 0; (at = folded.find(phrase, at)) != std::string_view::npos; at += 1) {
    if (at == 0 || folded[at - 1] != ' ') continue;
    const size_t end = at + phrase.size();
    if (open || end >= folded.size() || folded[end] == ' ') return true;
  }
  return false;
}

}  // namespace

std::span<const PhraseGroup> phrase_groups() { return groups; }

int count_phrases(std::string_view folded, Phrases phrases) {
  return static_cast<int>(std::count_if(
      phrases.begin(), phrases.end(),
      [&](std::string_view phrase) { return holds(folded, phrase); }));
}

int count_phrases(std::string_view folded, std::string_view group) {
  for (const PhraseGroup& known : groups) {
    if (known.name == group) return count_phrases(folded, known.phrases);
  }
  return 0;
}

}  // namespace lar::assistant
