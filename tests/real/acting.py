#!/usr/bin/env python3
"""What lar does to the outside, at real servers: events at Radicale, drafts and copies at Dovecot, mail through an SMTP
server; what cannot be done twice is killed in the middle.

    acting.py [CHECK …]      LAR: the program; run with the environment of scripts/requirements-dav.txt
"""
import datetime
import email.message
import email.policy
import os
import random
import re
import signal
import subprocess
import sys
import time

import icalendar

import house
import imap
from house import House, until
from running import program, run_checks

environment = {"LAR_NOW": "2026-05-14T10:00:00+02:00"}
chance = random.Random(11)
VISIT = "Le recordamos su cita de revisión el {day} de mayo a las 17:30 en la Clínica Bruma."
CLINIC = "Clínica Bruma <citas@clinicabruma.example>"
ASK = "Hi Ana, are you coming on Saturday? Could you bring the folding table? Let me know by Friday.\n\nSam"
SAM = "Sam Whitlock <sam@postbox.example>"
SENT, DRAFTS = "Salida del taller", "Borrador"


def a_house(**more):
    return House(environment=environment, **more)


def lives(home, *mail):
    home.add_mail(*(mail or home.smtp()))
    home.add_calendar()
    home.serve()
    home.call("POST", "/attention", {"send_delay": 0})


def events_in_an_account():
    with a_house() as home:
        lives(home)
        visit = home.receive("Recordatorio de cita", VISIT.format(day="viernes 15"), sender=CLINIC)
        number = home.card("event", visit)["number"]
        assert home.events() == {}, "something was done before it was approved"
        action = home.approve(number, "add_event")
        assert action["state"] == "done", action
        [(uid, event)] = home.events().items()
        assert uid == action["id"] + "@lar", uid
        assert event.icalendar_component["DTSTART"].dt.isoformat() == "2026-05-15T15:30:00+00:00", event.data
        until(lambda: not home.cards("event", visit), what="the calendar holds it, and the card is still there")
        home.lar("undo", number)
        assert home.events() == {}, "it was not taken back"
        # Another device changes it: lar leaves it alone.
        home.approve(number, "add_event")
        [(uid, event)] = home.events().items()
        event.icalendar_component["SUMMARY"] = "Otra cosa"
        event.save()
        said = home.lar("undo", number, code=6)
        assert "changed" in said, said
        assert len(home.events()) == 1


def a_plan_of_the_owners():
    with a_house() as home:
        home.calendar.save_event("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:dentist@x\r\n"
                                 "DTSTAMP:20260501T080000Z\r\nDTSTART;TZID=Europe/Madrid:20260521T170000\r\n"
                                 "DTEND;TZID=Europe/Madrid:20260521T173000\r\nSUMMARY:Dentista\r\nX-KEPT:1\r\nEND:VEVENT\r\n"
                                 "END:VCALENDAR\r\n")
        lives(home)
        visit = home.receive("Cita con el dentista", "Le recordamos su cita con el dentista el jueves 21 de mayo a las 17:00.", sender=CLINIC)
        home.lar("sync", "--wait=all")
        sentence = "mueve mi dentista del 21 de mayo al viernes 29 de mayo a las 11:00 y avísales"
        plan = home.json("do", sentence)["card"]
        assert [one["kind"] for one in plan["actions"]] == ["move_event", "send_mail"], plan["actions"]
        assert visit in [one["external_id"] for one in plan["evidence"]], plan["evidence"]
        letter = plan["actions"][1]
        assert letter["content"]["to"] == "citas@clinicabruma.example", letter
        assert "29" in letter["content"]["text"] and "11:00" in letter["content"]["text"], letter
        assert not home.sink.arrived and "T170000" in home.events()["dentist@x"].data, "done before it was approved"
        home.lar("approve", plan["number"], "--all")
        until(lambda: len(home.sink.arrived) == 1, what="nobody was told")
        moved = home.events()["dentist@x"].data
        assert re.search(r"DTSTART;TZID=\S+:20260529T110000", moved) and "X-KEPT:1" in moved, moved
        [mail] = home.sink.mails()
        assert mail["To"].endswith("<citas@clinicabruma.example>") and mail["In-Reply-To"] == f"<{visit}>", mail
        until(lambda: home.call("GET", f"/cards/{plan['number']}")["state"] == "done", what="the plan is not done")
        # What cannot be taken back says so; what can, can.
        assert "has left" in home.lar("undo", plan["number"], "--action", 2, code=6)
        home.lar("undo", plan["number"], "--action", 1)
        assert re.search(r"DTSTART;TZID=\S+:20260521T170000", home.events()["dentist@x"].data)
        asked = home.json("do", "mueve el dentista a la semana que viene", code=1)
        assert asked["card"] is None and asked["choices"], asked


def drafts_in_the_account():
    with a_house() as home:
        lives(home)
        ask = home.receive("Saturday", ASK, sender=SAM)
        number = home.card("answer", ask)["number"]
        action = home.approve(number, "save_draft", "--text", "Hi Sam,\n\nYes, with the table.\n\nAna\n")
        assert action["result"]["folder"] == DRAFTS, action
        [draft] = home.folder_mails(DRAFTS)
        assert draft["In-Reply-To"] == f"<{ask}>" and "with the table" in draft.get_content(), draft
        assert draft["From"].endswith(f"<{home.own}>"), draft["From"]
        home.lar("undo", number)
        assert home.folder_mails(DRAFTS) == []
        assert not home.sink.arrived


def mail_leaves_when_it_was_approved():
    with a_house() as home:
        lives(home)
        ask = home.receive("Saturday", ASK, sender=SAM)
        number = home.card("answer", ask)["number"]
        preview = "\n".join(until(lambda: home.action(number, "send_mail"))["preview"])
        assert "sam@postbox.example" in preview and "Re: Saturday" in preview, preview
        assert "[…]" in preview
        assert "missing" in home.approve(number, "send_mail", code=6), "an unfinished mail may leave"
        home.call("POST", "/attention", {"send_delay": 60})
        text = ("--text", "Hi Sam,\n\nYes.\n\nAna\n")
        action = home.approve(number, "send_mail", *text)
        assert action["state"] == "approved" and action["can_undo"] and action["leaves_in"] > 30, action
        home.lar("undo", number)
        assert home.state(action) == "undone" and not home.sink.arrived
        home.call("POST", "/attention", {"send_delay": 1})
        action = home.approve(number, "send_mail", *text)
        until(lambda: home.state(action) == "done", what="it never left")
        [mail] = home.sink.mails()
        assert mail["Message-ID"] == f"<{action['id']}@example.org>" and mail.get_content().replace("\r\n", "\n").startswith("Hi Sam,\n\nYes."), mail
        assert home.sink.arrived[0].rcpt_tos == ["sam@postbox.example"]
        [copy] = home.folder_mails(SENT)
        assert copy["Message-ID"] == mail["Message-ID"]
        assert "has left" in home.lar("undo", number, code=6)
        until(lambda: not home.cards("answer", ask), what="answered, and the card is still there")
        egress = home.json("egress")["entries"]
        assert any("smtp" in entry["summary"] for entry in egress), egress
        # Sealed, nothing but this machine is spoken to; it still is.
        home.sink.refuse = {"nadie@postbox.example"}
        other = home.receive("Friday", ASK, sender="Nadie <nadie@postbox.example>")
        number = home.card("answer", other)["number"]
        action = home.approve(number, "send_mail", *text)
        until(lambda: home.state(action) == "failed", what="a refused mail did not fail")
        assert len(home.sink.arrived) == 1
        assert home.action(number, "send_mail", "proposed"), "it cannot be tried again"


def killed_while_handing_over(home, when, number, kind, *options, meanwhile=lambda: None):
    """Approves an action, and kills lar with -9 before or after its server has taken the mail: nobody knows what became
    of the action then, and it arrives once at most. The action."""
    home.sink.hold, home.sink.reached = when, 0
    had = len(home.sink.arrived)
    action = home.approve(number, kind, *options)
    until(lambda: home.sink.reached, what="the server never got that far")
    meanwhile()
    home.stop(signal.SIGKILL)
    home.sink.hold = None
    time.sleep(0.3)
    home.serve()
    assert home.state(action) == "unknown", home.state(action)
    time.sleep(1)
    arrived = len(home.sink.arrived) - had
    assert arrived <= 1, f"sent {arrived} times"
    assert home.action(number, kind, "proposed") is None, "it is offered again although it may have left"
    return action


def never_twice():
    """kill -9 while a mail is handed over: at any moment it is sent at most once, and lar knows or says that it does not."""
    with a_house() as home:
        lives(home)
        for when in ("before", "after"):
            ask = home.receive(f"Saturday {when}", ASK, sender=SAM)
            number = home.card("answer", ask)["number"]
            action = killed_while_handing_over(home, when, number, "send_mail", "--text", "Hi Sam,\n\nYes.\n\nAna\n")
            # The provider shows it among the sent mails: now it is known.
            home.dovecot.append(imap.mail("Re: Saturday", "Yes.", sender=f"Ana <{home.own}>", to="sam@postbox.example").replace(
                b"Message-ID: <", f"Message-ID: <{action['id']}@example.org>\r\nX-Old: <".encode()), SENT, "\\Seen")
            until(lambda: home.state(action) == "done", 40, "what lies among the sent mails is not taken for sent")
        # At any moment.
        moments = int(os.environ.get("LAR_KILLS", "6"))
        for count in range(moments):
            ask = home.receive(f"Sunday {count}", ASK, sender=SAM)
            number = home.card("answer", ask)["number"]
            action = home.action(number, "send_mail")
            process = subprocess.Popen([program, "approve", str(number), "--action", str(action["position"]), "--text", "Hi Sam,\n\nYes.\n"],
                                       env=home.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 1.5))
            home.stop(signal.SIGKILL)
            process.wait(30)
            home.serve()
            until(lambda: home.state(action) in ("proposed", "done", "unknown", "failed"), 40, f"left as {home.state(action)}")
            time.sleep(0.5)
            times = sum(mail["Message-ID"] == f"<{action['id']}@example.org>" for mail in home.sink.mails())
            state = home.state(action)
            assert times == 1 if state == "done" else times <= 1, (state, times)
            assert not (times and state in ("proposed", "failed")), f"sent, and said to be {state}"
            print(f"         killed: {state}, arrived {times} times")
        home.stop()
        # There are no models in this home, which is all that may be wrong.
        assert "✓ The store" in home.lar("doctor", "--full", code=1)


def killed_in_the_calendar():
    with a_house(between=True) as home:
        lives(home)
        for lose in (True, False):
            visit = home.receive(f"Cita {lose}", VISIT.format(day="viernes 15" if lose else "martes 19"), sender=CLINIC)
            number = home.card("event", visit)["number"]
            action = home.action(number, "add_event")
            before = set(home.events())
            reached = []

            def stop_there(count):
                if home.between.seen[count - 1][0] == "PUT":
                    reached.append(count)
                    until(lambda: home.server is None, 30, "not killed")
                    if lose:  # it never reaches the server
                        raise OSError("lost")
            home.between.after = stop_there
            process = subprocess.Popen([program, "approve", str(number), "--action", str(action["position"])], env=home.environment,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until(lambda: reached, what="no PUT came")
            home.stop(signal.SIGKILL)
            process.wait(30)
            home.between.after = None
            time.sleep(0.5)
            home.serve()
            made = set(home.events()) - before
            assert made == (set() if lose else {action["id"] + "@lar"}), made
            if lose:
                assert home.state(action) == "unknown", home.state(action)
            else:
                until(lambda: home.state(action) == "done", 40, "an event that is there is not known to be")
                home.lar("undo", number)
                assert set(home.events()) == before


def invitation(home, uid, method="REQUEST", sequence=0, day=20, organizer="nora@postbox.example", minutes="30"):
    """A mail as calendar programs send it (RFC 6047); gives its Message-ID."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//x//EN", f"METHOD:{method}", "BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260513T080000Z",
             f"SEQUENCE:{sequence}", f"DTSTART:202605{day}T100000Z", f"DTEND:202605{day}T110000Z", "SUMMARY:Budget", "LOCATION:Room 2",
             f"ORGANIZER;CN=Nora:mailto:{organizer}", f"ATTENDEE;CN=Ana;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{home.own}",
             "ATTENDEE;PARTSTAT=ACCEPTED:mailto:pau@postbox.example", *(["STATUS:CANCELLED"] if method == "CANCEL" else []),
             "END:VEVENT", "END:VCALENDAR", ""]
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Nora <{organizer}>", home.own, "Budget"
    message["Date"] = f"Thu, 14 May 2026 09:{minutes}:00 +0200"
    message["Message-ID"] = f"<{method.lower()}.{sequence}.{chance.randrange(1 << 40)}@postbox.example>"
    message.set_content("Shall we go through the budget?")
    message.add_alternative("\r\n".join(lines), subtype="calendar", params={"method": method})
    home.dovecot.append(message.as_bytes(policy=email.policy.SMTP))
    return message["Message-ID"].strip("<>")


def own_answer(event):
    """The PARTSTAT of the owner in an object of the calendar."""
    attendees = event.icalendar_component["ATTENDEE"]
    return {str(one).lower(): one.params["PARTSTAT"] for one in (attendees if isinstance(attendees, list) else [attendees])}


def reply_in(mail):
    """The calendar part of a mail, parsed, and the text as it was sent."""
    [part] = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert part.get_param("method") == "REPLY", part["Content-Type"]
    text = part.get_payload(decode=True).decode()
    calendar = icalendar.Calendar.from_ical(text)
    assert str(calendar["METHOD"]) == "REPLY", text
    [event] = [one for one in calendar.walk("VEVENT")]
    return event, text


def invitations_are_answered():
    with a_house() as home:
        lives(home)
        asked = invitation(home, "budget@postbox.example")
        card = home.card("invitation", asked)
        number = card["number"]
        assert [one["kind"] for one in card["actions"]] == ["accept_invitation", "tentative_invitation", "decline_invitation"], card
        assert home.events() == {} and not home.sink.arrived
        preview = "\n".join(home.action(number, "accept_invitation")["preview"])
        assert "Budget" in preview and "nora@postbox.example" in preview and "as accepted" in preview, preview
        # While it has not left, it can be taken back, and nothing has happened.
        home.call("POST", "/attention", {"send_delay": 60})
        action = home.approve(number, "accept_invitation")
        assert action["state"] == "approved" and home.events() == {}, action
        home.lar("undo", number)
        assert home.state(action) == "undone" and home.events() == {} and not home.sink.arrived
        home.call("POST", "/attention", {"send_delay": 0})
        action = home.approve(number, "accept_invitation")
        until(lambda: home.state(action) == "done", what="never answered")
        event = home.events()["budget@postbox.example"]
        assert own_answer(event)[f"mailto:{home.own}"] == "ACCEPTED", event.data
        assert event.icalendar_component["ORGANIZER"].params["SCHEDULE-AGENT"] == "CLIENT", event.data
        assert "METHOD" not in event.data, event.data
        [mail] = home.sink.mails()
        assert home.sink.arrived[0].rcpt_tos == ["nora@postbox.example"], home.sink.arrived[0].rcpt_tos
        reply, text = reply_in(mail)
        assert str(reply["UID"]) == "budget@postbox.example" and int(reply["SEQUENCE"]) == 0, text
        assert str(reply["ATTENDEE"]).lower() == f"mailto:{home.own}" and reply["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED", text
        assert "pau@" not in text, "the answer of others is told"
        [copy] = home.folder_mails(SENT)
        assert copy["Message-ID"] == mail["Message-ID"]
        until(lambda: not home.cards("invitation", asked), what="answered, and the card is still there")
        # Moved: another card; the event is changed, not doubled, and keeps what the owner added.
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", "Budget")
        alarm.add("trigger", datetime.timedelta(minutes=-15))
        event.icalendar_component.add_component(alarm)
        event.save()
        moved = invitation(home, "budget@postbox.example", sequence=1, day=21, minutes="40")
        number = home.card("invitation", moved)["number"]
        until(lambda: any("VALARM" in one.data for one in home.events().values()))
        time.sleep(2)  # the calendar is looked at every second
        action = home.approve(number, "tentative_invitation")
        until(lambda: home.state(action) == "done", what="the changed invitation was never answered")
        [(uid, event)] = home.events().items()
        assert event.icalendar_component["DTSTART"].dt.day == 21 and own_answer(event)[f"mailto:{home.own}"] == "TENTATIVE", event.data
        assert "TRIGGER:-PT15M" in event.data, event.data
        assert int(reply_in(home.sink.mails()[-1])[0]["SEQUENCE"]) == 1
        # Called off by the organizer.
        off = invitation(home, "budget@postbox.example", method="CANCEL", sequence=2, day=21, minutes="50")
        number = home.card("invitation", off)["number"]
        home.approve(number, "cancel_event")
        assert home.events() == {} and len(home.sink.arrived) == 2
        home.lar("undo", number)
        assert list(home.events()) == ["budget@postbox.example"]
        # The server does not take the answer: nothing has changed.
        home.sink.refuse = {"otto@postbox.example"}
        refused = invitation(home, "other@postbox.example", day=22, organizer="otto@postbox.example")
        number = home.card("invitation", refused)["number"]
        action = home.approve(number, "accept_invitation")
        until(lambda: home.state(action) == "failed", what="a refused answer did not fail")
        assert "other@postbox.example" not in home.events()
        assert home.action(number, "accept_invitation", "proposed"), "it cannot be tried again"


def an_answer_is_never_given_twice():
    """kill -9 while the answer is handed over, and at any moment of an approval."""
    with a_house() as home:
        lives(home)
        for when in ("before", "after"):
            uid = f"{when}@postbox.example"
            number = home.card("invitation", invitation(home, uid))["number"]

            def calendar_comes_first():
                assert uid in home.events(), "the mail leaves before the calendar has it"
            killed_while_handing_over(home, when, number, "accept_invitation", meanwhile=calendar_comes_first)
        for count in range(int(os.environ.get("LAR_KILLS", "4"))):
            uid = f"any{count}@postbox.example"
            number = home.card("invitation", invitation(home, uid, day=22))["number"]
            action = home.action(number, "accept_invitation")
            process = subprocess.Popen([program, "approve", str(number), "--action", str(action["position"])], env=home.environment,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 1.2))
            home.stop(signal.SIGKILL)
            process.wait(30)
            home.serve()
            until(lambda: home.state(action) in ("proposed", "done", "unknown", "failed"), 40, f"left as {home.state(action)}")
            time.sleep(0.5)
            state = home.state(action)
            times = sum(mail["Message-ID"] == f"<{action['id']}@example.org>" for mail in home.sink.mails())
            assert times == 1 if state == "done" else times <= 1, (state, times)
            assert not (times and state in ("proposed", "failed")), f"sent, and said to be {state}"
            assert state != "done" or uid in home.events(), "told that one comes, and not in the calendar"
            print(f"         killed: {state}, arrived {times} times")


def rules_that_stand():
    with a_house() as home:
        lives(home)
        visit = home.receive("Cita uno", VISIT.format(day="viernes 15"), sender=CLINIC)
        number = home.card("event", visit)["number"]
        home.approve(number, "add_event", "--always")
        assert len(home.events()) == 1
        home.receive("Cita dos", VISIT.format(day="martes 19"), sender=CLINIC)
        until(lambda: len(home.events()) == 2, 60, "what needs no approval was not done")
        text = home.lar("attention")
        assert "citas@clinicabruma.example" in text, text
        [rule] = home.json("attention")["standing"]
        home.lar("attention", "--revoke", rule["number"])
        third = home.receive("Cita tres", VISIT.format(day="jueves 21"), sender=CLINIC)
        home.card("event", third)
        time.sleep(1)
        assert len(home.events()) == 2, "done after the rule was revoked"


def says_what_is_wrong():
    with a_house() as home:
        said = home.add_mail("--smtp", f"127.0.0.1:{home.dovecot.port}", "--smtp-tls", "none", code=6)
        assert "127.0.0.1" in said, said  # what answers there speaks IMAP
        nobody = imap.free_port()
        said = home.add_mail("--smtp", f"127.0.0.1:{nobody}", "--smtp-tls", "none", code=4)
        assert str(nobody) in said or "127.0.0.1" in said, said
        home.sink.password = "other"
        said = home.add_mail(*home.smtp(), code=7)
        assert "password" in said, said
        home.sink.password = imap.password
        home.add_mail("--smtp", "none")
        home.add_calendar()
        home.serve()
        ask = home.receive("Saturday", ASK, sender=SAM)
        number = home.card("answer", ask)["number"]
        assert home.action(number, "send_mail") is None, "it offers to send and cannot"
        assert home.action(number, "save_draft")


def told_by_mail():
    """Mail to self: nothing before the owner says so, each thing once, and what comes back is left alone."""
    with a_house() as home:
        lives(home)
        said = home.lar("attention", "--mail", "nadie@postbox.example", code=3)
        assert "nadie@postbox.example" in said, said
        assert home.json("attention")["held"]["accounts"], "a new account may interrupt at once"
        home.lar("attention", "--mail", home.own, "--briefing", "off")
        home.call("POST", "/attention", {"rule": {"kind": "answer", "effect": "always"}})
        first = home.receive("Saturday", ASK, sender=SAM)
        number = home.card("answer", first)["number"]
        until(lambda: home.json("cards", number)["route"] == "wait", what="held back, and does not say so")
        assert not home.sink.arrived, "told before the owner has looked"
        assert "--live" in home.lar("attention")
        home.lar("attention", "--live")
        assert home.json("attention")["held"] is None
        second = home.receive("Sunday", ASK, sender="Lena <lena@postbox.example>")
        until(lambda: home.sink.arrived, what="nobody was told")
        [mail] = home.sink.mails()
        assert home.sink.arrived[0].rcpt_tos == [home.own] and home.sink.arrived[0].mail_from == home.own
        assert mail["Auto-Submitted"] == "auto-generated" and "Lena" in mail.get_content(), mail
        # It comes back as its server would give it: no card, no verdict, nothing told of it.
        home.dovecot.append(home.sink.arrived[0].content)
        home.lar("sync", "--wait=all")
        item = mail["Message-ID"].strip("<>")
        until(lambda: subprocess.run([program, "show", item], env=home.environment, capture_output=True).returncode == 0, what="not there")
        assert not any(e["external_id"] == item for card in home.json("cards", "--all")["cards"] for e in card["evidence"])
        time.sleep(2)
        assert len(home.sink.arrived) == 1, "told again"
        assert any("smtp" in entry["summary"] for entry in home.json("egress")["entries"])
        # A kill while it is handed over: once at most.
        home.sink.hold, home.sink.reached = "after", 0
        home.receive("Monday", ASK, sender="Otto <otto@postbox.example>")
        until(lambda: home.sink.reached, 60, "the server never got that far")
        home.stop(signal.SIGKILL)
        home.sink.hold = None
        home.serve()
        time.sleep(4)
        assert len(home.sink.arrived) == 2, len(home.sink.arrived)
        home.lar("attention", "--mail", "off")
        third = home.receive("Tuesday", ASK, sender="Pau <pau@postbox.example>")
        home.card("answer", third)
        time.sleep(2)
        assert len(home.sink.arrived) == 2, "told after it was switched off"


DENTIST = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:dentist@x\r\nDTSTAMP:20260501T080000Z\r\n"
           "DTSTART;TZID=Europe/Madrid:20260521T170000\r\nDTEND;TZID=Europe/Madrid:20260521T173000\r\nSUMMARY:Dentista\r\nEND:VEVENT\r\n"
           "END:VCALENDAR\r\n")
FRAUD = "Your account is suspended. Verify your password within 24 hours or lose access: http://secure-login.bad.example/verify"


def settled(home, action, seconds=60):
    return until(lambda: (state := home.state(action)) in ("proposed", "done", "unknown", "failed") and state, seconds, "left half-way")


def an_event_that_the_phone_changed_meanwhile():
    """Two devices edit one event: what the other wrote stays, and lar says so instead of writing over it."""
    with a_house() as home:
        home.calendar.save_event(DENTIST)
        lives(home)
        home.lar("sync", "--wait=all")
        plan = home.json("do", "mueve mi dentista del 21 de mayo al viernes 29 de mayo a las 11:00")["card"]
        event = home.events()["dentist@x"]
        event.icalendar_component["SUMMARY"] = "Dentista con Nora"
        event.save()
        said = home.lar("approve", plan["number"], code=7)
        assert "changed" in said or "newest" in said, said
        data = home.events()["dentist@x"].data
        assert "Dentista con Nora" in data and "20260521T170000" in data, data
        # With the newest version in sight it goes through, and keeps what the phone wrote.
        home.lar("sync", "--wait=all")
        until(lambda: home.lar("search", "Nora"), what="the phone's version did not come")
        again = home.json("do", "mueve mi dentista del 21 de mayo al viernes 29 de mayo a las 11:00")["card"]
        home.lar("approve", again["number"])
        data = home.events()["dentist@x"].data
        assert "Dentista con Nora" in data and "20260529T110000" in data, data


def contacts_in_an_account():
    """A contact is made and changed at Radicale after approval; what another device changed meanwhile stays."""
    with a_house() as home:
        path = home.add_contacts()
        home.serve()
        home.lar("contact", "--email", "not an address", code=6)
        made = home.json("contact", "Bea Ruiz", "--email", "bea@postbox.example")
        [action] = made["actions"]
        assert action["kind"] == "write_contact" and "bea@postbox.example" in "\n".join(action["preview"]), action
        cards = lambda: [name for name in home.radicale.raw("GET", path)[2].split("BEGIN:VCARD")[1:]]
        assert cards() == [], "written before it was approved"
        home.lar("approve", made["number"])
        [card] = cards()
        assert "FN:Bea Ruiz" in card and "bea@postbox.example" in card and action["id"] in card, card
        home.lar("sync", "--wait")
        item = home.json("search", "Bea Ruiz", "--kind", "contact")
        item = item[0]["item"]
        assert "already" in home.lar("contact", "--change", item, "--email", "BEA@postbox.example", code=6)
        changing = home.json("contact", "--change", item, "--phone", "600 11 22 33")
        # The phone is sooner.
        href = path + action["id"] + "-lar.vcf"
        status, head, text = home.radicale.raw("GET", href)
        assert status == 200, (status, href, text)
        theirs = text.replace("END:VCARD", "NOTE:de la tienda\r\nEND:VCARD")
        assert home.radicale.raw("PUT", href, theirs, Content_Type="text/vcard")[0] in (201, 204)
        said = home.lar("approve", changing["number"], code=7)
        assert "changed" in said or "newest" in said, said
        [card] = cards()
        assert "de la tienda" in card and "600" not in card, card
        home.lar("sync", "--wait")
        home.lar("approve", changing["number"])
        [card] = cards()
        assert "de la tienda" in card and "600 11 22 33" in card and "bea@postbox.example" in card, card
        home.lar("sync", "--wait")
        home.lar("undo", changing["number"])
        [card] = cards()
        assert "de la tienda" in card and "600" not in card, card
        home.lar("sync", "--wait")
        home.lar("undo", made["number"], code=6)  # the phone has written into it since
        assert len(cards()) == 1


def moves_followed_both_ways():
    with a_house() as home:
        lives(home)
        fraud = home.receive("Account suspended", FRAUD, sender="PayPal Service <service@paypa1-secure.example>")
        number = home.card("suspicious", fraud)["number"]
        with home.dovecot.phone() as phone:
            phone.select("INBOX")
            [uid] = home.dovecot.mails()
            phone.uid("STORE", str(uid), "+FLAGS", "(\\Flagged $Mine)")
        until(lambda: home.json("show", fraud)["item"], what="not there")
        home.lar("sync", "--wait")
        home.approve(number, "move_mail")
        assert [one["Message-ID"] for one in home.folder_mails("Sospechoso")] == [f"<{fraud}>"] and not home.dovecot.mails()
        # Its card has gone with it, as the spam is not read; its number still takes back what was done.
        home.lar("cards", number, code=3)
        home.lar("undo", number)
        [flags] = home.dovecot.mails().values()
        assert {"\\Flagged", "$Mine"} <= flags and "\\Seen" not in flags, flags
        assert home.folder_mails("Sospechoso") == []
        # The phone is sooner: said, and nothing is moved twice.
        second = home.receive("Account suspended again", FRAUD, sender="PayPal Service <service@paypa1-secure.example>")
        number = home.card("suspicious", second)["number"]
        action = until(lambda: home.action(number, "move_mail", "proposed"), what="nothing is proposed")
        home.stop()
        with home.dovecot.phone() as phone:
            phone.select("INBOX")
            phone.uid("MOVE", str(max(home.dovecot.mails())), "Basura")
        done = subprocess.run([program, "approve", str(number), "--action", str(action["position"])], env=home.environment,
                              capture_output=True, text=True)
        assert done.returncode != 0 and (done.stderr + done.stdout).strip(), done
        assert [one["Message-ID"] for one in home.folder_mails("Basura")] == [f"<{second}>"]
        assert home.folder_mails("Sospechoso") == [] and len(home.dovecot.mails()) == 1


def servers_that_die_in_the_middle():
    """kill -9 of Radicale, Dovecot and the SMTP server while lar writes to them: what is said of it afterwards is true, and
    done once more it stands there once."""
    with a_house(between=True) as home:
        lives(home)
        visit = home.receive("Cita", VISIT.format(day="viernes 15"), sender=CLINIC)
        number = home.card("event", visit)["number"]
        action = home.action(number, "add_event")

        def radicale_goes(count):
            if home.between.seen[count - 1][0] == "PUT":
                home.radicale.stop(signal.SIGKILL)
        home.between.after = radicale_goes
        done = subprocess.run([program, "approve", str(number)], env=home.environment, capture_output=True, text=True)
        assert (done.stderr + done.stdout).strip(), done
        home.between.after = None
        home.radicale.start()
        state = settled(home, action)
        assert state in ("failed", "unknown"), state
        assert home.events() == {}
        home.lar("sync", "--wait")
        if state == "failed":
            home.approve(number, "add_event")
            assert len(home.events()) == 1
        # Dovecot, at any moment of a draft being saved.
        for count in range(int(os.environ.get("LAR_KILLS", "4"))):
            ask = home.receive(f"Monday {count}", ASK, sender=SAM)
            home.lar("sync", "--wait")  # after a failure it is looked for more and more seldom
            number = home.card("answer", ask)["number"]
            action = home.action(number, "save_draft")
            before = len(home.folder_mails(DRAFTS))
            process = subprocess.Popen([program, "approve", str(number), "--action", str(action["position"]), "--text", "Hi Sam,\n\nYes.\n"],
                                       env=home.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.3))
            home.dovecot.stop(signal.SIGKILL)
            process.wait(120)
            home.dovecot.start()
            home.lar("sync", "--wait")
            state = settled(home, action)
            drafts = len(home.folder_mails(DRAFTS)) - before
            assert drafts == 1 if state == "done" else drafts <= 1, (state, drafts)
            assert not (drafts and state in ("proposed", "failed")), f"saved, and said to be {state}"
            print(f"         Dovecot killed: {state}, {drafts} drafts")
        # The SMTP server, after it has taken the mail and before it says so: nobody knows, and it is not sent again.
        ask = home.receive("Tuesday", ASK, sender=SAM)
        home.lar("sync", "--wait")
        number = home.card("answer", ask)["number"]
        action = home.action(number, "send_mail")
        home.sink.hold = "after"
        process = subprocess.Popen([program, "approve", str(number), "--action", str(action["position"]), "--text", "Hi Sam,\n\nYes.\n"],
                                   env=home.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: home.sink.reached, what="no mail came")
        home.sink.drop()
        process.wait(60)
        until(lambda: home.state(action) == "unknown", 60, f"left as {home.state(action)}")
        home.sink.start()
        home.lar("sync", "--wait")
        time.sleep(3)
        assert home.state(action) == "unknown" and len(home.sink.arrived) == 1, (home.state(action), len(home.sink.arrived))


def a_server_that_was_away():
    """Down for as long as lar waits between its tries: nothing is lost, it says so, and goes on by itself."""
    with a_house() as home:
        lives(home)
        first = home.receive("Before", "Nos vemos el jueves.", sender=SAM)
        until(lambda: subprocess.run([program, "show", first], env=home.environment, capture_output=True).returncode == 0)
        home.dovecot.stop(signal.SIGKILL)

        def told():
            [mail] = [one for one in home.call("GET", "/sources")["sources"] if one["kind"] == "imap"]
            return mail["error"]
        subprocess.run([program, "sync", "--wait"], env=home.environment, capture_output=True, timeout=120)
        assert told(), "the server is down, and nothing says so"
        home.lar("show", first)
        home.dovecot.start()
        began = time.monotonic()
        second = home.receive("After", "Ya está.", sender=SAM)
        until(lambda: subprocess.run([program, "show", second], env=home.environment, capture_output=True).returncode == 0, 90,
              "it does not come back by itself")
        print(f"         back {time.monotonic() - began:.0f} s after the server")
        until(lambda: not told(), 30, "an error that is over is still shown")


if __name__ == "__main__":
    run_checks([
        (events_in_an_account, "events into a calendar account and out again"),
        (a_plan_of_the_owners, "a sentence of the owner's: an event moves, the clinic is told"),
        (drafts_in_the_account, "drafts among the drafts of the account"),
        (mail_leaves_when_it_was_approved, "mail leaves when it was approved, not before and not twice"),
        (never_twice, "kill -9 while mail is handed over"),
        (killed_in_the_calendar, "kill -9 while an event is written"),
        (an_event_that_the_phone_changed_meanwhile, "two devices edit one event"),
        (contacts_in_an_account, "contacts: made, changed, and what the phone wrote meanwhile"),
        (moves_followed_both_ways, "moves and flags, by lar and by the phone"),
        (servers_that_die_in_the_middle, "kill -9 of the servers while lar writes to them"),
        (a_server_that_was_away, "a mail server that was away"),
        (invitations_are_answered, "invitations: accepted, changed, called off, refused"),
        (an_answer_is_never_given_twice, "kill -9 while an invitation is answered"),
        (rules_that_stand, "standing rules"),
        (told_by_mail, "mail to self: held back, once, and no loop"),
        (says_what_is_wrong, "what is wrong with sending is said"),
    ])
