"""`lar triage --mbox` over mails that nobody writes on purpose: huge, empty, in odd charsets, nested, cut off.

    LAR=build/lar python3 -m unittest discover -s tests/cli
"""
import json
import unittest

from test_cli import Case

HEAD = "From: Ana <ana@correo.example>\nTo: clara@casa.example\nSubject: {subject}\nDate: Wed, 13 May 2026 12:00:00 +0200\nMessage-ID: <{id}@x.example>\n"


def mail(name, subject, rest):
    """One mail of an mbox; `rest` are the bytes behind the first header fields."""
    return b"From ana@correo.example Wed May 13 12:00:00 2026\n" + HEAD.format(subject=subject, id=name).encode() + rest + b"\n\n"


ODD = {
    "huge": ("Fotos", b"\n" + b"Te mando las fotos del domingo, un beso.\n" * 130_000),
    "one-line": ("Log", b"\n" + b"x" * 5_000_000),
    "many-times": ("Horario", b"\n" + b"a las 10:00 del lunes 18, " * 40_000),
    "empty": ("", b"\n"),
    "no-subject-no-type": ("", b"Content-Type: \n\n?\n"),
    "latin": ("Ma=?iso-8859-1?Q?=F1ana?=", "Content-Type: text/plain; charset=iso-8859-1\n\n¿Vienes mañana a las 10?\n".encode("latin-1")),
    "utf-16": ("Cita", b"Content-Type: text/plain; charset=utf-16\n\n" + "La cita es el viernes a las 10".encode("utf-16")),
    "unknown": ("Cita", b"Content-Type: text/plain; charset=x-klingon\n\nThe meeting is on Friday at 10.\n\xff\xfe\x00\x01"),
    "wrong": ("Cita", b"Content-Type: text/plain; charset=us-ascii\n\nLa reuni\xf3n es el viernes\x00 a las 10.\n"),
    "cut-off": ("Plan", b"MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nNos vemos el vier"),
    "html-depth": ("Deep", b"Content-Type: text/html\n\n" + b"<div>" * 60_000 + b"Nos vemos el viernes a las 10" + b"<p style='display:none'>" * 20_000 + b"x"),
    "base64": ("Bin", b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!not base64!!!\n"),
    "dates": ("Fechas", b"\nEl 31/02/2026 a las 25:61, el 0/0/0000 y el 99999999999999999999 de mayo, de 99 a 98, 3-4-5-6, 11-1-11-1.\n"),
}


class OddMailboxes(Case):
    def test_every_mail_has_its_line_and_nothing_ends(self):
        path = self.path / "odd.mbox"
        path.write_bytes(b"".join(mail(name, subject, rest) for name, (subject, rest) in ODD.items()))
        options = ("--mbox", path, "--json", "--no-model", "--me", "clara@casa.example", "--now", "2026-05-14T09:00:00+02:00", "--zone", "Europe/Madrid")
        lines = {one["message_id"].split("@")[0]: one for one in map(json.loads, self.lar("triage", *options).stdout.splitlines())}
        self.assertEqual(set(lines), set(ODD))
        for line in lines.values():
            self.assertIn(line["priority"], ("urgent", "reply", "fyi", "bulk"))
        self.assertEqual([one["start"] for one in lines["wrong"]["appointments"]], ["2026-05-15T10:00:00+02:00"])
        self.assertIn("points", json.loads(self.lar("brief", *options).stdout))


if __name__ == "__main__":
    unittest.main()
