#!/usr/bin/env python3
"""The page's walk through the assistant, in a real browser, on a real `lar serve` with the sample household and a few
mails of this morning. No model: the mails are judged by code.

    served.py COMMAND …    COMMAND runs with LAR_URL set to the page's address, LAR_FIXTURES to a folder with a maildir,
                           a calendar file and a broken one, LAR_SERVICE to the address of an OpenAI-style service
                           over TLS (that of tests/real/outside.py), LAR_SERVICE_KEY to its key
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

repository = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "eval"))
sys.path.insert(0, str(repository / "tests" / "real"))
import households  # noqa: E402
import outside  # noqa: E402

program = str(repository / "build" / "lar")
me = "clara@aldana-whitfield.example"
MAILS = [
    # A mail that names an appointment which the calendar does not hold.
    ("Lola Benavides <lola.benavides@correo.example>", "Cena del viernes", "Thu, 14 May 2026 08:05:00 +0200",
     "Hola, Clara:\n\n¿Te viene bien cenar en nuestra casa el viernes 22 de mayo a las 21:00? Contéstame hoy, por favor, "
     "que tengo que comprar.\n\nUn beso,\nLola\n"),
    # Somebody waits for an answer.
    ("Gadea Lozano <gadea.lozano@correo.example>", "El contrato", "Thu, 14 May 2026 08:40:00 +0200",
     "Hola, Clara:\n\n¿Puedes mandarme el contrato firmado antes de mañana? El cliente está esperando.\n\nGracias,\nGadea\n"),
    ("Clínica Dental Sonrisa <citas@clinica-sonrisa.example>", "Confirmación de su cita", "Wed, 13 May 2026 17:10:00 +0200",
     "Estimada Clara:\n\nLe confirmamos su cita de revisión el jueves 21 de mayo a las 10:30 en la calle Mayor, 12.\n\n"
     "Clínica Dental Sonrisa\n"),
]
# Of the days before: what the owner wrote, so that lar knows who they are in touch with, and something worth a word.
EARLIER = [
    ("Gadea Lozano <gadea.lozano@correo.example>", "URGENTE: corte de agua hoy", "Mon, 4 May 2026 10:00:00 +0200",
     "Clara, es urgente: hoy a las 12:00 cortan el agua y hay una fuga en tu piso. Llámame ya, por favor.\n\nGadea\n"),
]


def mail(number, sender, subject, date, text):
    return (f"From: {sender}\r\nTo: Clara <{me}>\r\nSubject: {subject}\r\nDate: {date}\r\n"
            f"Message-ID: <page-{number}@correo.example>\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}")


def main():
    with tempfile.TemporaryDirectory(prefix="lar-page-") as folder:
        folder = pathlib.Path(folder)
        # A copy: the walk adds an event to one of its calendars.
        shutil.copytree(repository / "samples", folder / "samples")
        household = households.Household("first", folder / "samples" / "household", folder / "samples" / "questions.json")
        inbox = folder / "samples" / "household" / household.paths["maildir"] / "cur"
        fixtures = folder / "fixtures"
        for name in ("cur", "new", "tmp"):
            (fixtures / "otro-correo" / name).mkdir(parents=True)
        for number, one in enumerate(MAILS + EARLIER):
            (inbox / f"17000000{number}.page:2,").write_text(mail(number, *one), encoding="utf-8", newline="")
        (fixtures / "otro-correo" / "cur" / "1700001.extra:2,").write_text(
            mail(100, "Iris <iris@correo.example>", "Fotos", "Tue, 12 May 2026 10:00:00 +0200", "Aquí van las fotos.\n"),
            encoding="utf-8", newline="")
        (fixtures / "extra.ics").write_text(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//page//EN\r\nBEGIN:VEVENT\r\nUID:page-extra\r\n"
            "DTSTAMP:20260501T000000Z\r\nDTSTART:20260514T160000Z\r\nDTEND:20260514T170000Z\r\nSUMMARY:Ensayo del coro\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n", encoding="utf-8", newline="")
        # An export of a chat, and the same one some days later; lar gets both by the page.
        chat = ("10/05/26, 10:00 - Iris: Quedamos el viernes 15 a las 19:00 en la estación\n"
                "11/05/26, 10:05 - Clara Whitfield: Hemos decidido comprar el regalo entre las dos\n")
        for name, text in (("antes", chat), ("luego", chat + "13/05/26, 20:00 - Iris: El regalo ya está envuelto y pesa mucho\n")):
            (fixtures / name).mkdir()
            (fixtures / name / "WhatsApp Chat with Iris.txt").write_text(text, encoding="utf-8")
        (fixtures / "broken.ics").write_text("esto no es un calendario\n", encoding="utf-8")
        with tempfile.TemporaryDirectory(prefix="lar-models-") as models, tempfile.TemporaryDirectory() as service:
            elsewhere = outside.World(service)
            os.environ.update(elsewhere.environment, LAR_MODELS=models)
            with households.Served(household, program, wait="items") as served:
                environment = dict(served.environment, LAR_URL=served.address, LAR_FIXTURES=str(fixtures),
                                   LAR_SERVICE=elsewhere.address, LAR_SERVICE_KEY=outside.secret)
                return subprocess.run(sys.argv[1:], env=environment, cwd=repository, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
