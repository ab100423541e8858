"""A clock that is wrong for a while, and a time zone that changes under way: nothing is lost, doubled or moved.

    LAR=build/lar python3 -m unittest discover -s tests/cli
"""
import json
import subprocess

from test_assistant import AssistantCase
from test_cli import program

HOLIDAY = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//lar//tests//EN
BEGIN:VEVENT
UID:holiday@correo.example
DTSTAMP:20260501T000000Z
DTSTART;VALUE=DATE:20260515
DTEND;VALUE=DATE:20260516
SUMMARY:San Isidro
END:VEVENT
BEGIN:VEVENT
UID:call@correo.example
DTSTAMP:20260501T000000Z
DTSTART;TZID=Europe/Madrid:20260515T180000
DTEND;TZID=Europe/Madrid:20260515T183000
SUMMARY:Llamada con Iris
END:VEVENT
BEGIN:VEVENT
UID:yoga@correo.example
DTSTAMP:20260501T000000Z
DTSTART:20260515T070000
DTEND:20260515T080000
SUMMARY:Yoga
END:VEVENT
END:VCALENDAR
"""


class ClockAndZone(AssistantCase):
    def setUp(self):
        super().setUp()
        (self.path / "family.ics").write_text(HOLIDAY, encoding="utf-8", newline="\r\n")

    def open_cards(self, **environment):
        return {card["number"]: (card["kind"], card["text"]) for card in self.json("cards", **environment)["cards"]}

    def test_a_clock_that_was_years_wrong_for_a_while_costs_nothing(self):
        self.fill_home()
        before = self.open_cards()
        self.assertTrue(before)
        items = sum(source["items"] for source in self.json("sources"))
        for wrong in ("2035-01-01T00:00:00+01:00", "1971-03-01T00:00:00+01:00"):
            self.lar("sync", "--wait", LAR_NOW=wrong)
            self.lar("brief", LAR_NOW=wrong)
            self.lar("cards", LAR_NOW=wrong)
            self.assertEqual(sum(source["items"] for source in self.json("sources", LAR_NOW=wrong)), items)
        self.lar("sync", "--wait")
        self.assertEqual(self.open_cards(), before)
        # No model is installed here, which is all that may be wrong.
        done = subprocess.run([program, "doctor", "--full", "--json"], capture_output=True, text=True, timeout=120, env=self.environment)
        sound = [check["ok"] for check in json.loads(done.stdout)["checks"] if check["code"] == "doctor.store_sound"]
        self.assertEqual(sound, [True])

    def test_a_zone_that_changes_under_way_moves_what_is_shown_and_nothing_else(self):
        self.fill_home()
        home = self.open_cards()
        away = {"LAR_ZONE": "America/New_York", "TZ": "America/New_York"}
        self.lar("sync", "--wait", **away)
        self.assertEqual(set(self.open_cards(**away)), set(home), "other cards")

        def when(uid, **environment):
            return self.json("show", uid, **environment)["when"]
        self.assertEqual(when("call@correo.example"), "2026-05-15T18:00:00+02:00")
        self.assertEqual(when("call@correo.example", **away), "2026-05-15T12:00:00-04:00")
        for uid, day in (("holiday@correo.example", "2026-05-15"), ("yoga@correo.example", "2026-05-15T07:00:00")):
            self.assertEqual(when(uid), day)
            self.assertEqual(when(uid, **away), day, "a whole day, or an hour without a zone, goes along with its owner")
        event = self.card("event", "visit@clinicabruma.example")
        action = self.json("cards", str(event["number"]), **away)["actions"][0]
        self.assertEqual(action["content"]["start"], "2026-05-15T17:30:00+02:00", "what the mail said is a time at home")
        self.assertEqual(self.open_cards(), home)
