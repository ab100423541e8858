"""triage and brief over a mailbox file, without home, server or model: what scripts get from them.

    LAR=build/lar python3 -m unittest discover -s tests/cli
"""
import json
import pathlib
import unittest

from test_cli import Case, root

MAILBOX = """From a@x Thu May 07 10:00:00 2026
From: =?utf-8?Q?Cl=C3=ADnica_Bruma?= <citas@clinicabruma.example>
To: irene@valcarcel.example
Subject: Recordatorio de cita
Date: Thu, 07 May 2026 12:00:00 +0200
Message-ID: <visit@clinicabruma.example>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Le recordamos su cita de revisión el lunes 11 de mayo a las 17:30 en la Clínica Bruma.

From a@x Fri May 08 10:00:00 2026
From: Sam Whitlock <sam.whitlock@postbox.example>
To: irene@valcarcel.example
Subject: Saturday
Date: Fri, 08 May 2026 12:00:00 +0200
Message-ID: <ask@postbox.example>
Content-Type: text/plain; charset=utf-8

Hi Irene, are you coming on Saturday? Could you bring the folding table? Let me know by Thursday.

>From what I hear there will be ten of us. Love, Sam

From a@x Fri May 08 11:00:00 2026
From: Tienda Alcor <ofertas@news.alcor.example>
To: irene@valcarcel.example
Subject: Hasta -50 % en toda la tienda
Date: Fri, 08 May 2026 13:00:00 +0200
Message-ID: <sale@news.alcor.example>
List-Unsubscribe: <https://news.alcor.example/baja>
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p>¡Rebajas! Hasta un 50 % de descuento. Compra ahora.</p><p><a href="https://news.alcor.example/x">Ver ofertas</a></p>

From a@x Sun May 10 11:00:00 2026
From: Banco Sauce <seguridad@bancosauce-verifica.top>
To: irene@valcarcel.example
Subject: Su cuenta ha sido limitada
Date: Sun, 10 May 2026 13:00:00 +0200
Message-ID: <fraud@bancosauce-verifica.top>
Authentication-Results: mx.valcarcel.example; spf=fail; dkim=none; dmarc=fail
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p>Estimado cliente: verifique su identidad en 24 horas para evitar el bloqueo definitivo de su cuenta.</p>
<p><a href="https://cuenta-segura.top/s">www.bancosauce.example</a></p>

From a@x Mon May 11 07:00:00 2026
From: Irene =?utf-8?Q?Valc=C3=A1rcel?= <irene@valcarcel.example>
To: Nuria <nuria@correo.example>
Subject: Libro
Date: Mon, 11 May 2026 07:30:00 +0200
Message-ID: <mine@valcarcel.example>
Content-Type: text/plain; charset=utf-8

Hola, Nuria: muchas gracias por el libro, me ha gustado mucho. Un abrazo
"""


def check(schema, value, where="$"):
    """The part of JSON Schema that the two schemas use."""
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    assert not wanted or any(isinstance(value, kinds[kind]) for kind in wanted), f"{where}: {value!r} is no {wanted}"
    if isinstance(value, dict) and "properties" in schema:
        for name in schema.get("required", []):
            assert name in value, f"{where}.{name} is missing"
        for name, inner in value.items():
            assert name in schema["properties"] or schema.get("additionalProperties", True), f"{where}.{name} is not in the schema"
            check(schema["properties"].get(name, {}), inner, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for index, inner in enumerate(value):
            check(schema["items"], inner, f"{where}[{index}]")


def schema_of(name):
    return json.loads((root / "src/assistant/schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))


class MailOfAFile(Case):
    def setUp(self):
        super().setUp()
        self.mbox = str(self.path / "mailbox.mbox")
        pathlib.Path(self.mbox).write_text(MAILBOX, encoding="utf-8")
        # Neither is there: the commands must not need them.
        self.environment["LAR_HOME"] = "/nonexistent/home"

    def triage(self, *more):
        done = self.lar("triage", "--mbox", self.mbox, "--json", "--no-model", "--now", "2026-05-11T08:00:00+02:00", *more)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_one_object_a_line_in_the_order_of_the_file_as_the_schema_says(self):
        lines = self.triage()
        for line in lines:
            check(schema_of("triage"), line)
        self.assertEqual([line["message_id"].split("@")[0] for line in lines], ["visit", "ask", "sale", "fraud", "mine"])

    def test_what_each_mail_is(self):
        lines = {line["message_id"].split("@")[0]: line for line in self.triage("--me", "irene@valcarcel.example")}
        self.assertEqual({name: line["priority"] for name, line in lines.items() if name != "mine"},
                         {"visit": "fyi", "ask": "reply", "sale": "bulk", "fraud": "bulk"})
        self.assertEqual(lines["visit"]["appointments"][0]["start"], "2026-05-11T17:30:00+02:00")
        self.assertEqual(lines["visit"]["appointments"][0]["place"], "Clínica Bruma")
        self.assertIn({"what": "bring the folding table", "due": None}, [{**item, "due": None} for item in lines["ask"]["action_items"]])
        self.assertIn("tell Sam whether you are coming on Saturday", [item["what"] for item in lines["ask"]["action_items"]])
        self.assertIn("asks_you", [reason["code"] for reason in lines["ask"]["reasons"]])
        self.assertEqual(lines["visit"]["reasons"], [])
        self.assertTrue(lines["ask"]["personal"])
        self.assertEqual(lines["fraud"]["suspicious"], "phishing")
        self.assertIn("link_unlike_text", [reason["code"] for reason in lines["fraud"]["reasons"]])
        self.assertEqual(lines["fraud"]["action_items"], [])

    def test_the_owner_and_the_zone_are_inferred(self):
        lines = {line["message_id"].split("@")[0]: line for line in self.triage()}
        self.assertEqual(lines["visit"]["appointments"][0]["start"], "2026-05-11T17:30:00+02:00")
        self.assertEqual(lines["mine"]["suspicious"], "none")

    def test_a_briefing_holds_what_matters_and_nothing_from_later(self):
        done = self.lar("brief", "--mbox", self.mbox, "--json", "--no-model", "--now", "2026-05-11T08:00:00+02:00")
        answer = json.loads(done.stdout)
        check(schema_of("brief"), answer)
        said = [one for point in answer["points"] for one in point["message_ids"]]
        self.assertIn("visit@clinicabruma.example", said)
        self.assertIn("ask@postbox.example", said)
        self.assertIn("fraud@bancosauce-verifica.top", said)
        self.assertNotIn("sale@news.alcor.example", said)
        earlier = json.loads(self.lar("brief", "--mbox", self.mbox, "--json", "--no-model", "--now", "2026-05-08T12:30:00+02:00").stdout)
        self.assertNotIn("fraud@bancosauce-verifica.top", [one for point in earlier["points"] for one in point["message_ids"]])

    def test_plain_output_is_lines_for_people_in_either_language(self):
        english = self.lar("triage", "--mbox", self.mbox, "--no-model").stdout
        self.assertIn("To answer · personal", english)
        self.assertIn("SUSPICIOUS", english)
        spanish = self.lar("triage", "--mbox", self.mbox, "--no-model", LAR_LANGUAGE="es").stdout
        self.assertIn("SOSPECHOSO", spanish)
        points = self.lar("brief", "--mbox", self.mbox, "--no-model", "--language", "en", "--now", "2026-05-11T08:00:00+02:00").stdout
        self.assertTrue(all(line.startswith(("• ", "  ")) for line in points.splitlines()), points)
        self.assertIn("17:30", points)

    def test_without_a_model_it_says_so_and_goes_on(self):
        done = self.lar("triage", "--mbox", self.mbox, "--json")
        self.assertEqual(len(done.stdout.splitlines()), 5)
        self.assertIn("by code alone", done.stderr)

    def test_faults_are_told_in_one_line(self):
        self.assertIn("lar: ", self.lar("triage", "--mbox", str(self.path / "none.mbox"), code=3).stderr)
        self.assertIn("no time like", self.lar("brief", "--mbox", self.mbox, "--now", "soon", code=6).stderr)
        self.assertIn("time zone", self.lar("triage", "--mbox", self.mbox, "--zone", "Mars/Base", code=6).stderr)


if __name__ == "__main__":
    unittest.main()
