#!/usr/bin/env python3
"""`make demo-day`: Thursday 14 May 2026 of a fictional household, replayed in minutes against real servers.

    demo.py [--pace N] [--pause SECONDS] [--hold] [--browser COMMAND …]

Dovecot holds the mail, Radicale the calendar, an SMTP server takes what is sent. The day's forty mails are delivered at
their hour by a clock that runs N times as fast and stands at each beat: there lar has judged what came, notifies or keeps
quiet, decisions are taken (an event, a draft, a mail, a phishing mail into spam, a rule, a sentence), and what has become
of them is looked at where it lies: at the servers. The day ends with the whole state compared.

--hold waits for Enter at each beat; the address of the page is printed. --browser runs COMMAND at each beat with LAR_URL
(address with key), LAR_BEAT (name), LAR_HOME and LAR_NOW in its environment and waits for it; a failure ends the day.
The sentence of the evening (LAR_SENTENCE, beat "plan") is then COMMAND's to type and approve: see walk.mjs.
"""
import argparse
import datetime as dt
import pathlib
import subprocess
import sys
import time

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "real"), str(here.parent / "cli")]
import day_of_mail  # noqa: E402
from house import House, until  # noqa: E402

OWNER = "clara@casa.example"
ZONE = dt.timezone(dt.timedelta(hours=2))
DAY = dt.datetime(2026, 5, 14, tzinfo=ZONE)
SENT, DRAFTS, JUNK = "Salida del taller", "Borrador", "Sospechoso"
# Beside the forty: an appointment that a rule of the day lets through.
LATER = ("dentist-nora", 17, 30, "Clínica Sorní <citas@clinicasorni.example>", "Cita de Nora",
         "Le confirmamos la cita de Nora el viernes 22 de mayo a las 17:00 en la Clínica Sorní.", "", False)
# What the household wrote to each other before: who is known, and how Clara writes.
BEFORE = [
    ("sent-1", 3, f"Clara Soler <{OWNER}>", "Elena Duarte <elena.duarte@marjal.example>", "Entrega", "Hola, Elena:\n\nTe mando la entrega mañana.\n\nUn abrazo,\nClara\n"),
    ("sent-2", 5, f"Clara Soler <{OWNER}>", "Elena Duarte <elena.duarte@marjal.example>", "Horario", "Hola, Elena:\n\nEl lunes entro a las diez.\n\nUn abrazo,\nClara\n"),
    ("sent-3", 9, f"Clara Soler <{OWNER}>", "Rosa Miralles <rosa.miralles@correo.example>", "Llaves", "Hola, Rosa:\n\nTe dejo las llaves en el buzón.\n\nUn beso,\nClara\n"),
    ("got-1", 4, "Elena Duarte <elena.duarte@marjal.example>", f"Clara Soler <{OWNER}>", "Entrega", "Perfecto, gracias.\n\nElena\n"),
    ("got-2", 8, "Rosa Miralles <rosa.miralles@correo.example>", f"Clara Soler <{OWNER}>", "Llaves", "Recogidas, ¡gracias!\n\nRosa\n"),
]
CALENDAR = [("team@casa", "Reunión de equipo", "20260514T100000", "20260514T103000"),
            ("piano@casa", "Piano de Leo", "20260514T180000", "20260514T190000"),
            ("dinner@casa", "Cena con Marcos", "20260521T210000", "20260521T230000")]


class Clock:
    """The file that LAR_CLOCK names: it runs between beats and stands at them."""

    def __init__(self, folder, pace):
        self.file, self.pace, self.now = folder / "clock", pace, DAY.replace(hour=6, minute=50)
        self.write(0)

    def write(self, pace):
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.now.isoformat()} {pace} {time.time():.6f}\n")
        new.replace(self.file)

    def go(self, moment):
        if moment <= self.now:
            return
        self.write(self.pace)
        time.sleep((moment - self.now).total_seconds() / self.pace)
        self.now = moment
        self.write(0)


def mail_text(name, moment, sender, to, subject, body, headers=""):
    return (f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: {moment.strftime('%a, %d %b %Y %H:%M:%S %z')}\n"
            f"Message-ID: <{name}@day.example>\n{headers}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            f"Content-Transfer-Encoding: 8bit\n\n{body}\n").encode().replace(b"\n", b"\r\n")


class Demo:
    def __init__(self, home, clock, given):
        self.home, self.clock, self.given = home, clock, given
        self.notices = home.folder / "notices"
        self.beats = 0

    def say(self, text, mark=" "):
        print(f"{self.clock.now:%H:%M} {mark} {text}", flush=True)

    def at(self, hour, minute=0):
        self.clock.go(DAY.replace(hour=hour, minute=minute))

    def deliver(self, mail):
        name, hour, minute, sender, subject, body, headers, _ = mail
        self.at(hour, minute)
        self.home.dovecot.append(mail_text(name, self.clock.now, sender, f"Clara Soler <{OWNER}>", subject, body, headers))
        self.say(f"{sender.split(' <')[0]}: {subject}")

    def judged(self, name):
        def known():
            try:
                return self.home.call("GET", f"/items/{name}@day.example/verdict")
            except AssertionError:
                return None
        verdict = until(known, 60, f"{name} was not judged")
        until(lambda: self.home.call("GET", "/status")["counts"]["mails_to_judge"] == 0, 60, "the backlog does not end")
        return verdict

    def told(self):
        """Interruptions; the morning's briefing is announced to whoever wants it and is none."""
        lines = self.notices.read_text().splitlines() if self.notices.exists() else []
        return [line for line in lines if not line.startswith("Resumen del día:")]

    def beat(self, name, **more):
        """Everything that came is judged, and whoever looks on sees it."""
        self.beats += 1
        self.home.call("GET", "/cards")
        if self.given.browser:
            environment = dict(self.home.environment, LAR_URL=self.home.address, LAR_BEAT=name, LAR_NOW=self.clock.now.isoformat(), **more)
            subprocess.run(self.given.browser, env=environment, check=True)
        if self.given.hold:
            input(f"      {name}: {self.home.address} · Enter goes on ")
        elif self.given.pause:
            time.sleep(self.given.pause)

    def brief(self, **query):
        points = self.home.call("GET", "/brief" + ("?since=" + query["since"] if query else ""))["points"]
        for point in points:
            self.say(point["text"], "·")
        return points

    # ---- the day ----

    def run(self):
        mails = {mail[0]: mail for mail in day_of_mail.DAY + [LATER]}
        decisions = {"leak": self.interrupts, "dentist": self.event, "client": self.draft, "phish-post": self.phishing,
                     "nora-school": self.interrupts, "team": self.answer, "dentist-nora": self.by_rule}
        briefed = False
        for mail in sorted(mails.values(), key=lambda one: one[1:3]):
            if not briefed and mail[1] >= 8:
                briefed = True
                self.at(8)
                self.morning()
            self.deliver(mail)
            if mail[0] in decisions:
                self.judged(mail[0])
                decisions[mail[0]](mail)
                self.beat(mail[0])
        self.at(18, 40)
        self.sentence()
        self.beat("sentence")
        self.at(21)
        self.say("the day in one look:", "=")
        self.brief(since="2026-05-14")
        self.beat("evening")
        self.check()

    def morning(self):
        self.judged("school-menu")
        self.say("the morning's briefing:", "=")
        points = self.brief()
        assert any("Reunión de equipo" in point["text"] for point in points), "the briefing does not know the day's calendar"
        assert not self.told(), f"interrupted before anything was urgent: {self.told()}"
        self.beat("morning")

    def interrupts(self, mail):
        def told():
            cards = self.home.cards("urgent", f"{mail[0]}@day.example")
            return cards and cards[0]["notified"] and cards[0]
        card = until(told, 30, f"{mail[0]} did not interrupt")
        assert card["route"] == "now" and card["because"], card
        line = until(lambda: self.told()[-1:], 10, "the notification was not shown")[0]
        self.say("interrupts: " + line, "!")
        self.beat("told")
        self.home.lar("done", card["number"])

    def event(self, mail):
        card = self.home.card("event", "dentist@day.example")
        self.say(card["text"], "?")
        action = self.home.approve(card["number"], "add_event", "--always")
        assert action["state"] == "done", action
        events = self.home.events()
        assert action["id"] + "@lar" in events, "the event is not at Radicale"
        self.dentist = action["id"] + "@lar"
        self.say("approved, and from now on without asking: it stands at Radicale", ">")

    def card_with(self, action, message):
        """The card about a mail that proposes such an action."""
        def found():
            return [card for card in self.home.cards(message=message) if any(one["kind"] == action for one in card["actions"])]
        return until(found, 30, f"no card proposes {action} for {message}")[0]

    def draft(self, mail):
        card = self.card_with("save_draft", "client@day.example")
        self.say(card["text"], "?")
        action = self.home.approve(card["number"], "save_draft", "--text", "Buenos días, Javier:\n\nTe las mando el viernes.\n\nUn saludo,\nClara\n")
        assert action["result"]["folder"] == DRAFTS, action
        assert [one["In-Reply-To"] for one in self.home.folder_mails(DRAFTS)] == ["<client@day.example>"]
        self.say("a draft lies at Dovecot, in " + DRAFTS, ">")

    def phishing(self, mail):
        card = self.home.card("suspicious", "phish-post@day.example")
        self.say(card["text"], "?")
        action = self.home.approve(card["number"], "move_mail")
        assert action["state"] == "done", action
        assert [one["Message-ID"] for one in self.home.folder_mails(JUNK)] == ["<phish-post@day.example>"]
        self.say("it lies in " + JUNK, ">")

    def answer(self, mail):
        card = self.card_with("send_mail", "team@day.example")
        self.say(card["text"], "?")
        preview = self.home.action(card["number"], "send_mail")["preview"]
        assert any("elena.duarte@marjal.example" in line for line in preview), preview
        text = ("--text", "Hola, Elena:\n\nDel 3 al 14, si os va bien.\n\nUn abrazo,\nClara\n")
        self.home.call("POST", "/attention", {"send_delay": 60})
        action = self.home.approve(card["number"], "send_mail", *text)
        assert action["state"] == "approved", action
        self.home.lar("undo", card["number"])
        assert not self.home.sink.arrived, "sent although it was stopped"
        self.say("approved, and stopped before it left", ">")
        self.home.call("POST", "/attention", {"send_delay": 1})
        action = self.home.approve(card["number"], "send_mail", *text)
        until(lambda: self.home.state(action) == "done", what="it did not leave")
        self.say("approved again: the mail has left, its copy lies in " + SENT, ">")

    def by_rule(self, mail):
        until(lambda: len(self.home.events()) == len(CALENDAR) + 2, 60, "the rule was not followed")
        self.say("Nora's appointment stands in the calendar, by the rule of this morning", ">")

    def sentence(self):
        words = "mueve la cita del martes 19 de mayo al miércoles 20 de mayo a las 18:00 y avísales"
        self.say(f"lar do “{words}”", "?")
        self.home.lar("sync", "--wait")
        if self.given.browser:
            # Typed and approved on the page.
            self.beat("plan", LAR_SENTENCE=words)
            until(lambda: len(self.home.sink.arrived) == 2, what="the clinic was not told")
            self.say("planned and approved on the page: it has moved at Radicale, and the clinic was told", ">")
            return
        card = self.home.json("do", words)["card"]
        assert card, words
        for action in card["actions"]:
            for line in action["preview"]:
                self.say(line, "|")
        assert [one["kind"] for one in card["actions"]] == ["move_event", "send_mail"], card["actions"]
        self.home.lar("approve", card["number"], "--all")
        until(lambda: len(self.home.sink.arrived) == 2, what="the clinic was not told")
        self.say("the appointment has moved at Radicale, and the clinic was told", ">")

    def check(self):
        """What lies at the servers at the end of the day, and nothing else."""
        home = self.home
        events = home.events()
        assert len(events) == len(CALENDAR) + 2, list(events)
        moved = events[self.dentist].icalendar_component["DTSTART"].dt.astimezone(ZONE)
        assert moved == dt.datetime(2026, 5, 20, 18, 0, tzinfo=ZONE), moved
        told = self.told()
        worth = sum(mail[7] for mail in day_of_mail.DAY)
        assert len(told) == worth, f"{len(told)} interruptions, {worth} were worth one: {told}"
        sent = [(mail["To"], mail["Subject"]) for mail in home.sink.mails()]
        assert [address.split("<")[-1].rstrip(">") for address, _ in sent] == ["elena.duarte@marjal.example", "citas@clinicasorni.example"], sent
        ids = {mail["Message-ID"] for mail in home.sink.mails()}
        until(lambda: ids <= {mail["Message-ID"] for mail in home.folder_mails(SENT)}, 20, "a mail that was sent is not among the sent ones")
        assert len(home.folder_mails(DRAFTS)) == 1 and len(home.folder_mails(JUNK)) == 1
        inbox = home.dovecot.mails()
        assert not any("\\Seen" in flags for flags in inbox.values()), "looking has marked mails as read"
        # There are no models in this home, which is all that may be wrong.
        assert home.json("doctor", "--full", code=1) is not None
        self.say(f"{len(day_of_mail.DAY) + 1} mails, {self.beats} beats, {len(told)} interruptions (both worth it), {len(sent)} mails sent, "
                 f"{len(events)} events: all of it stands at the servers as it should", "=")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pace", type=float, default=360, help="how many times as fast the day goes by")
    options.add_argument("--pause", type=float, default=0, help="seconds to stand at each beat")
    options.add_argument("--hold", action="store_true", help="wait for Enter at each beat")
    options.add_argument("--browser", nargs=argparse.REMAINDER, help="a command to run at each beat")
    given = options.parse_args()
    started = time.monotonic()
    with House(own=OWNER, name="Clara Soler", calendar="Casa") as home:
        clock = Clock(home.folder, given.pace)
        notify = home.folder / "notify"
        notify.write_text(f"#!/bin/sh\nprintf '%s: %s\\n' \"$1\" \"$(printf '%s' \"$2\" | head -n 1)\" >> {home.folder}/notices\n")
        notify.chmod(0o755)
        home.environment.update(LAR_CLOCK=str(clock.file), LAR_NOTIFY=str(notify), LAR_LANGUAGE="es")
        for uid, title, start, end in CALENDAR:
            home.calendar.save_event(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//casa//casa//ES\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n"
                                     f"DTSTAMP:20260501T080000Z\r\nDTSTART;TZID=Europe/Madrid:{start}\r\n"
                                     f"DTEND;TZID=Europe/Madrid:{end}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
        for name, days, sender, to, subject, body in BEFORE:
            moment = DAY.replace(hour=12) - dt.timedelta(days=days)
            own = name.startswith("sent")
            home.dovecot.append(mail_text(name, moment, sender, to, subject, body), SENT if own else "INBOX", "\\Seen" if own else None,
                                f'"{moment.strftime("%d-%b-%Y %H:%M:%S %z")}"')
        home.add_mail(*home.smtp())
        home.add_calendar()
        home.serve()
        print(f"the page: {home.address}", flush=True)
        home.lar("sync", "--wait=all")
        home.lar("attention", "--live")
        Demo(home, clock, given).run()
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
