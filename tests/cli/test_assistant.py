"""The assistant of a home as its owner uses it: brief, cards, approve, undo, replay, memory.

    LAR=build/lar python3 -m unittest discover -s tests/cli
"""
import json
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import day_of_mail
from test_cli import Case, program, root

VISIT = """From: =?utf-8?Q?Cl=C3=ADnica_Bruma?= <citas@clinicabruma.example>
To: clara@casa.example
Subject: Recordatorio de cita
Date: Wed, 13 May 2026 12:00:00 +0200
Message-ID: <visit@clinicabruma.example>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Le recordamos su cita de revisión el viernes 15 de mayo a las 17:30 en la Clínica Bruma.
"""
ASK = """From: Sam Whitlock <sam.whitlock@postbox.example>
To: clara@casa.example
Subject: Saturday
Date: Tue, 12 May 2026 12:00:00 +0200
Message-ID: <ask@postbox.example>
Content-Type: text/plain; charset=utf-8

Hi Clara, are you coming on Saturday? Could you bring the folding table? Let me know by Friday.

Love, Sam
"""


class AssistantCase(Case):
    def setUp(self):
        super().setUp()
        household = {"name": "Casa", "owner": {"name": "Clara Soler", "addresses": ["clara@casa.example"]}, "zone": "Europe/Madrid"}
        (self.path / "household.json").write_text(json.dumps(household), encoding="utf-8")
        for name, text in (("2", VISIT), ("3", ASK)):
            (self.path / "Maildir" / "cur" / f"{name}:2,S").write_text(text, encoding="utf-8", newline="\r\n")
        self.lar("init", "--household", self.path / "household.json")

    def fill_home(self):
        self.lar("add", "mail", "maildir", self.path / "Maildir")
        self.lar("add", "calendar", "ics", self.path / "family.ics")
        self.lar("add", "contacts", "vcf", self.path / "contacts.vcf")
        self.lar("sync", "--wait")

    def json(self, *words, code=0, **environment):
        return json.loads(self.lar(*words, "--json", code=code, **environment).stdout)

    def card(self, kind, message=None):
        for card in self.json("cards")["cards"]:
            if card["kind"] == kind and (message is None or any(e["external_id"] == message for e in card["evidence"])):
                return card
        self.fail(f"no card of kind {kind}")


class Taught(AssistantCase):
    def test_what_the_owner_says_of_a_mail_goes_before_what_is_judged(self):
        self.fill_home()
        self.assertEqual(self.json("triage", "ask@postbox.example")["said"], None)
        taught = self.json("triage", "ask@postbox.example", "--priority", "urgent", "--personal", "no")
        self.assertEqual((taught["priority"], taught["personal"]), ("urgent", False))
        self.assertEqual(taught["said"], {"priority": "urgent", "personal": False, "suspicious": None})
        self.assertEqual(taught["reasons"][0]["code"], "you_said")
        # Of the same mail something else: both hold.
        taught = self.json("triage", "ask@postbox.example", "--suspicious", "phishing")
        self.assertEqual((taught["suspicious"], taught["said"]["priority"]), ("phishing", "urgent"))
        self.assertNotIn("ask@postbox.example", [e["external_id"] for c in self.json("cards")["cards"] if c["kind"] == "answer"
                                                 for e in c["evidence"]])
        self.assertIn("dijiste", self.lar("triage", "ask@postbox.example", LAR_LANGUAGE="es").stdout)
        back = self.json("triage", "ask@postbox.example", "--take-back")
        self.assertEqual((back["priority"], back["suspicious"], back["said"]), ("reply", "none", None))
        self.lar("triage", "ask@postbox.example", "--priority", "soon", code=2)
        self.lar("triage", "ask@postbox.example", "--priority", "fyi", "--take-back", code=2)
        self.lar("triage", "none@x", "--priority", "fyi", code=3)


class Walk(AssistantCase):
    def test_from_the_briefing_to_an_event_and_back(self):
        self.fill_home()
        calendar = self.path / "family.ics"
        before = calendar.read_bytes()
        points = self.json("brief")["points"]
        said = [message for point in points for message in point["message_ids"]]
        self.assertIn("visit@clinicabruma.example", said)
        self.assertIn("ask@postbox.example", said)
        for point in points:
            self.assertTrue(point["items"], point)

        card = self.card("event", "visit@clinicabruma.example")
        number = str(card["number"])
        self.assertEqual(card["origin"], "stranger")
        self.assertIn("17:30", card["evidence"][0]["quote"])
        shown = self.json("cards", number)
        self.assertEqual(shown["actions"][0]["content"]["start"], "2026-05-15T17:30:00+02:00")
        self.assertTrue(shown["actions"][0]["preview"])
        self.assertEqual(calendar.read_bytes(), before)

        done = self.json("approve", number)
        self.assertEqual(done["state"], "done")
        added = calendar.read_bytes()
        self.assertIn(b"DTSTART:20260515T153000Z", added)
        self.lar("approve", number, code=3)  # there is nothing left to approve
        self.assertEqual(calendar.read_bytes(), added)
        self.lar("sync", "--wait")
        self.assertNotIn(card["number"], [one["number"] for one in self.json("cards")["cards"]])

        self.assertEqual(self.json("undo", number)["state"], "undone")
        self.assertEqual(calendar.read_bytes(), before)
        self.lar("undo", number, code=3)

    def test_cards_are_put_off_done_and_never_wanted_again(self):
        self.fill_home()
        card = self.card("answer", "ask@postbox.example")
        number = str(card["number"])
        self.lar("snooze", number, "2h")
        self.assertNotIn(card["number"], [one["number"] for one in self.json("cards")["cards"]])
        later = self.json("cards", LAR_NOW="2026-05-14T12:00:00+02:00")["cards"]
        self.assertIn(card["number"], [one["number"] for one in later])
        self.lar("snooze", number, "2026-01-01", code=6)
        self.lar("snooze", number, code=2)
        self.lar("snooze", number, "--after", "no such event", code=3)
        event = self.json("cards")["next_event"]
        if event:
            put_off = self.json("snooze", number, "--after", event["title"])
            self.assertEqual(put_off["until"], event["ends"])
        self.lar("cards", "--never", number)
        self.assertEqual(self.json("attention")["rules"], [{"effect": "never", "kind": "answer", "person": None}])
        self.lar("done", "999", code=3)
        self.lar("cards", "999", code=3)

    def test_a_draft_is_saved_and_nothing_sent(self):
        self.fill_home()
        number = str(self.card("answer", "ask@postbox.example")["number"])
        preview = self.json("draft", number)
        self.assertEqual(preview["state"], "proposed")
        self.assertIn("Hi Sam,", preview["content"]["text"])
        done = self.json("approve", number, "--text", "Hi Sam,\n\nYes!\n\nClara")
        draft = pathlib.Path(done["result"]["path"])
        self.assertEqual(draft.parent, self.path / "home" / "drafts")
        text = draft.read_text()
        self.assertIn("In-Reply-To: <ask@postbox.example>", text)
        self.assertIn("To: \"Sam Whitlock\" <sam.whitlock@postbox.example>", text)
        self.lar("undo", number)
        self.assertFalse(draft.exists())

    def test_a_sentence_becomes_a_plan(self):
        self.fill_home()
        calendar = self.path / "family.ics"
        before = calendar.read_bytes()
        asked = self.json("do", "move the dentist to next week", code=1)
        self.assertIsNone(asked["card"])
        self.assertTrue(asked["choices"])
        self.assertIn("--at " + asked["choices"][0]["start"], self.lar("do", "move the dentist to next week", code=1).stdout)
        card = self.json("do", "move the dentist", "to next week", "--at", "2026-05-22T10:00:00+02:00")["card"]
        self.assertEqual([action["kind"] for action in card["actions"]], ["move_event"])
        self.assertIn("Friday 22 May", " ".join(card["actions"][0]["preview"]))
        self.assertEqual(calendar.read_bytes(), before)
        self.lar("approve", str(card["number"]), "--all")
        self.assertIn(b"DTSTART:20260522T080000Z", calendar.read_bytes())
        self.lar("undo", str(card["number"]))
        self.assertEqual(calendar.read_bytes(), before)
        text = self.lar("do", "remind me tomorrow at 10:00 to call Sam", LAR_LANGUAGE="es").stdout
        self.assertIn("lar approve", text)
        self.assertNotRegex(text, r"\b(cli|card|plan|action)\.[a-z_]+")
        self.lar("do", "what is on tomorrow?", code=1)
        self.lar("do", code=2)

    def test_what_needs_no_approval_any_more_is_listed_and_revoked(self):
        self.fill_home()
        number = str(self.card("event", "visit@clinicabruma.example")["number"])
        self.lar("approve", number, "--anybody", code=2)
        self.json("approve", number, "--always")
        [rule] = self.json("attention")["standing"]
        self.assertEqual((rule["action"], rule["card"], rule["person"]), ("add_event", "event", "citas@clinicabruma.example"))
        self.assertIn("citas@clinicabruma.example", self.lar("attention").stdout)
        self.assertEqual(self.json("attention", "--revoke", str(rule["number"]))["standing"], [])
        self.lar("attention", "--revoke", str(rule["number"]), code=3)
        self.assertEqual(self.json("attention", "--send-delay", "30")["send_delay"], 30)

    def test_memory_is_told_superseded_and_forgotten(self):
        self.lar("memory", "add", "Los jueves no puedo", "--topic", "jueves")
        known = self.json("memory", "add", "Los jueves ya puedo", "--topic", "jueves")["memories"]
        self.assertEqual([memory["statement"] for memory in known], ["Los jueves ya puedo"])
        self.assertEqual(len(self.json("memory", "list", "--all")["memories"]), 2)
        self.lar("memory", "forget", str(known[0]["number"]))
        self.assertEqual(self.json("memory", "list", "--all")["memories"], [])
        self.lar("memory", "forget", "1", code=3)

    def test_the_verdict_on_a_mail_of_the_home(self):
        self.fill_home()
        verdict = self.json("triage", "ask@postbox.example")
        self.assertEqual(verdict["priority"], "reply")
        self.assertIn("request", [fact["kind"] for fact in verdict["facts"]])
        for fact in verdict["facts"]:
            self.assertTrue(fact["quote"], fact)
        self.lar("triage", "none@x", code=3)
        self.lar("triage", code=2)

    def test_a_conversation_is_summarised_with_its_words(self):
        self.fill_home()
        summary = self.json("summary", "ask@postbox.example")
        claims = {claim["kind"]: claim for claim in summary["claims"]}
        self.assertIn("folding table", claims["request"]["text"])
        for claim in summary["claims"]:
            item = self.json("show", claim["citation"]["item"])
            text = "".join(part["text"] for part in item["parts"])
            self.assertIn(claim["citation"]["quote"], text)
            self.assertEqual(claim["by"], "code")
        self.assertIsNone(summary["model"])
        plain = self.lar("summary", "--since", "2026-05-12", "--until", "2026-05-13").stdout
        self.assertIn("[1]", plain)
        self.assertIn("Without a language model", plain)
        self.assertIn("Sam Whitlock", plain)
        self.assertNotIn("Sam Whitlock", self.lar("summary", "--since", "2026-05-13").stdout)
        spanish = self.lar("summary", "ask@postbox.example", LAR_LANGUAGE="es").stdout
        self.assertIn("te pide", spanish)
        self.assertIn("Bea", self.lar("summary", "--chat", "Bea", code=3).stderr)
        self.lar("summary", code=6)
        self.lar("summary", "--since", "someday", code=6)

    def test_plain_output_in_either_language(self):
        self.fill_home()
        for language, word in (("en", "Appointment"), ("es", "Cita")):
            text = self.lar("cards", LAR_LANGUAGE=language).stdout
            self.assertIn(word, text)
            for words in (["cards"], ["brief"], ["replay"], ["attention"], ["memory", "list"], ["triage", "ask@postbox.example"]):
                text = self.lar(*words, LAR_LANGUAGE=language).stdout
                self.assertNotRegex(text, r"\b(cli|card|gate|action|facts)\.[a-z_]+")
                self.assertNotIn("{", text)
        width = [line for line in self.lar("brief").stdout.splitlines()]
        self.assertLessEqual(len(width), 40)

    def test_help_of_every_command(self):
        for command in "do summary cards approve draft reject undo snooze done replay attention memory".split():
            self.assertNotIn("cli.", self.lar(command, "--help").stdout)


class Served(AssistantCase):
    def test_lar_serve_judges_what_arrives_by_itself(self):
        self.fill_home()
        served = subprocess.Popen([program, "serve", "--port", "0", "--json"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            served.stdout.read(1)  # it listens
            new = self.path / "Maildir" / "new"
            (self.path / "Maildir" / "tmp" / "9").write_text(ASK.replace("<ask@", "<late@").replace("Saturday", "Sunday"), encoding="utf-8", newline="\r\n")
            (self.path / "Maildir" / "tmp" / "9").rename(new / "9")
            began = time.monotonic()
            while True:
                found = subprocess.run([program, "triage", "late@postbox.example", "--json"], env=self.environment, capture_output=True, text=True)
                if found.returncode == 0:
                    break
                self.assertLess(time.monotonic() - began, 60, found.stderr)
                time.sleep(0.2)
            self.assertEqual(json.loads(found.stdout)["priority"], "reply")
            self.assertIsNone(json.loads(found.stdout)["model"])
            said = [item["external_id"] for card in self.json("cards")["cards"] for item in card["evidence"]]
            self.assertIn("late@postbox.example", said)
            taught = self.json("triage", "late@postbox.example", "--priority", "fyi")
            self.assertEqual(taught["priority"], "fyi", "at once, beside the background")
        finally:
            served.send_signal(signal.SIGTERM)
            served.wait(20)
            served.stdout.close()


class Day(AssistantCase):
    """Replay over a day of forty mails: what is worth it interrupts, and hardly anything else."""

    def test_false_interruptions_of_a_day(self):
        (self.path / "day.mbox").write_text(day_of_mail.mbox(), encoding="utf-8")
        self.lar("add", "mail", "mbox", self.path / "day.mbox")
        self.lar("sync", "--wait")
        replay = self.json("replay", "--since", "2026-05-14T00:00:00+02:00", LAR_NOW="2026-05-14T23:30:00+02:00")
        self.assertEqual(replay["mails"], len(day_of_mail.DAY))
        worth = {f"{mail[0]}@day.example" for mail in day_of_mail.DAY if mail[7]}
        told = [one["evidence"][0]["external_id"] for one in replay["interruptions"]]
        false = [message for message in told if message not in worth]
        self.assertLessEqual(len(false), 1, replay["interruptions"])
        self.assertEqual(worth - set(told), set(), "not told at once")
        self.assertEqual(replay["missed"], 0)
        for one in replay["interruptions"]:
            self.assertTrue(one["because"])


class Household(AssistantCase):
    """The fictional household at its fixed moment."""

    def test_the_cards_of_the_sample_household(self):
        samples = self.path / "samples"
        shutil.copytree(root / "samples" / "household", samples)
        self.environment["LAR_HOME"] = str(self.path / "other-home")
        self.lar("init", "--household", samples / "household.json")
        self.lar("add", "mail", "maildir", samples / "maildir")
        self.lar("add", "mail", "mbox", samples / "work.mbox")
        self.lar("add", "calendar", "ics", samples / "calendars" / "familia.ics")
        self.lar("add", "calendar", "ics", samples / "calendars" / "trabajo.ics")
        self.lar("add", "contacts", "vcf", samples / "contacts.vcf")
        self.lar("sync", "--wait")
        cards = self.json("cards")["cards"]
        for card in cards:
            self.assertTrue(card["text"] and card["evidence"], card)
            self.assertTrue(card["because"], card)
        again = self.json("cards")["cards"]
        self.assertEqual([card["number"] for card in cards], [card["number"] for card in again])
        replay = self.json("replay", "--since", "30d")
        self.assertLessEqual(len(replay["interruptions"]), 10)
        # What stands in its mails: who waits, what was moved, and only where it was moved to.
        texts = {card["number"]: (card["kind"], card["text"], [item["title"] for item in card["evidence"]]) for card in cards}
        kinds = {kind for kind, _, _ in texts.values()}
        self.assertLessEqual({"answer", "event", "meeting"}, kinds)
        moved = [text for kind, text, titles in texts.values() if kind == "event" and any("ITV" in title for title in titles)]
        self.assertEqual(len(moved), 1, moved)
        self.assertIn("9 July", moved[0])
        self.assertEqual(replay["missed"], 0)


if __name__ == "__main__":
    unittest.main()
