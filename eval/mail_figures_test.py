"""Tests of mail_figures.py: what is perfect, empty or half right must be told apart, in any mailbox of the format."""

import copy
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import mail_figures as figures  # noqa: E402

FOLDER = HERE / "held_mailbox"
LABELS = json.loads((FOLDER / "labels.json").read_text())
BRIEFINGS = json.loads((FOLDER / "briefing.json").read_text())
CLOCK = figures.Clock("Europe/Madrid")
RATIOS = ("urgent recall", "urgent precision", "priority accuracy", "priority accuracy without suspicious mails", "personal recall", "personal precision",
          "phishing recall", "phishing precision", "spam recall", "spam precision", "suspicious mails held suspicious", "action items F1",
          "action items found with the right due day", "appointments F1", "appointments found with the right start")


def label(**changes):
    return {"message_id": "<one@x.example>", "priority": "fyi", "personal": False, "suspicious": "none", "action_items": [], "appointments": [], **changes}


def measured(wanted, given):
    return figures.triage_figures([wanted], [given], CLOCK)[0]


class MailFigures(unittest.TestCase):
    def test_a_perfect_answer_gets_one_everywhere_and_has_no_errors(self):
        got, errors = figures.triage_figures(LABELS, copy.deepcopy(LABELS), CLOCK)
        self.assertEqual({name: got[name] for name in RATIOS}, {name: 1.0 for name in RATIOS})
        self.assertEqual((errors, got["honest mails held suspicious"], got["without a line"]), ([], 0, 0))

    def test_an_empty_answer_gets_nothing(self):
        got, errors = figures.triage_figures(LABELS, [], CLOCK)
        for name in ("urgent recall", "priority accuracy", "personal recall", "phishing recall", "action items F1", "appointments F1"):
            self.assertEqual(got[name], 0.0, name)
        for name in ("personal precision", "phishing precision", "appointments found with the right start"):
            self.assertIsNone(got[name], name)
        self.assertEqual(got["without a line"], len(LABELS))

    def test_brackets_order_zone_notation_and_own_mails_make_no_difference(self):
        answers = []
        for one in reversed(copy.deepcopy(LABELS)):
            one["message_id"] = one["message_id"].strip("<>")
            for item in one["appointments"]:
                if len(item["start"]) > 10:
                    item["start"] = datetime.datetime.fromisoformat(item["start"]).astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
            answers.append(one)
        answers.append(label(message_id="<own@x.example>", action_items=[{"what": "nothing", "due": None}]))
        got, errors = figures.triage_figures(LABELS, answers, CLOCK)
        self.assertEqual([got[name] for name in RATIOS], [1.0] * len(RATIOS))

    def test_calling_everything_phishing_has_full_recall_and_poor_precision(self):
        got, _ = figures.triage_figures(LABELS, [label(message_id=one["message_id"], suspicious="phishing") for one in LABELS], CLOCK)
        self.assertEqual(got["phishing recall"], 1.0)
        self.assertAlmostEqual(got["phishing precision"], sum(one["suspicious"] == "phishing" for one in LABELS) / len(LABELS))

    def test_an_action_item_matches_by_its_words_in_either_language(self):
        wanted = label(action_items=[{"what": "Enviar a Berta el presupuesto de la gira", "due": "2026-09-23", "also": ["Send Berta the tour budget"]}])
        for what in ("Envíale el presupuesto de la gira a Berta", "send the budget for the tour to Berta"):
            self.assertEqual(measured(wanted, label(action_items=[{"what": what, "due": None}]))["action items F1"], 1.0, what)
        self.assertEqual(measured(wanted, label(action_items=[{"what": "Llamar al fontanero", "due": "2026-09-23"}]))["action items F1"], 0.0)

    def test_fewer_common_words_are_enough_only_with_the_same_day(self):
        wanted = label(action_items=[{"what": "Send the rehearsal call sheet", "due": "2026-09-18T12:00:00+02:00"}])
        loose = "rehearsal plan wanted by Priya before Ingrid travels"
        self.assertTrue(figures.ENOUGH_WITH_DATE > figures.overlap("Send the rehearsal call sheet", loose))
        loose = "rehearsal sheet wanted by Priya, Ingrid travels early soon"
        self.assertTrue(figures.ENOUGH_WITH_DATE <= figures.overlap("Send the rehearsal call sheet", loose) < figures.ENOUGH)
        for due, score in (("2026-09-18", 1.0), ("2026-09-19", 0.0), (None, 0.0)):
            self.assertEqual(measured(wanted, label(action_items=[{"what": loose, "due": due}]))["action items F1"], score, due)

    def test_one_answer_cannot_serve_two_labels(self):
        wanted = label(action_items=[{"what": "Sign the contract", "due": None}, {"what": "Sign the contract again", "due": None}])
        self.assertAlmostEqual(measured(wanted, label(action_items=[{"what": "Sign the contract", "due": None}]))["action items F1"], 2 / 3)

    def test_an_appointment_counts_by_its_day_and_its_start_apart(self):
        wanted = label(appointments=[{"title": "Dentist", "start": "2026-10-15T09:40:00+02:00", "end": None, "place": None}])
        late = measured(wanted, label(appointments=[{"title": "x", "start": "2026-10-15T21:40:00+02:00"}]))
        self.assertEqual((late["appointments F1"], late["appointments found with the right start"]), (1.0, 0.0))
        other = measured(wanted, label(appointments=[{"title": "x", "start": "2026-10-16T09:40:00+02:00"}]))
        self.assertEqual((other["appointments F1"], other["appointments found with the right start"]), (0.0, None))
        nonsense = measured(wanted, label(appointments=[{"title": "x", "start": "next Thursday"}]))
        self.assertEqual(nonsense["appointments F1"], 0.0)

    def test_two_on_one_day_are_paired_by_their_times(self):
        times = ["2026-10-23T14:45:00+02:00", "2026-10-23T15:15:00+02:00"]
        wanted = label(appointments=[{"title": "a", "start": time} for time in times])
        got = measured(wanted, label(appointments=[{"title": "b", "start": time} for time in reversed(times)]))
        self.assertEqual(got["appointments found with the right start"], 1.0)

    def test_of_the_owners_own_mail_only_what_it_promises_is_judged(self):
        item = {"what": "send Ana the price", "due": "2026-05-15"}
        got = measured(label(own=True, action_items=[item]), label(priority="reply", personal=True, suspicious="phishing", action_items=[item]))
        self.assertEqual((got["action items F1"], got["priority accuracy"], got["personal precision"], got["phishing precision"]), (1.0, 0.0, None, None))

    def test_an_instant_is_judged_on_the_owners_local_day(self):
        wanted = label(appointments=[{"title": "a", "start": "2026-10-27T00:30:00+01:00"}])
        self.assertEqual(measured(wanted, label(appointments=[{"title": "a", "start": "2026-10-26T23:30:00Z"}]))["appointments found with the right start"], 1.0)

    def test_a_briefing_point_is_held_only_with_all_its_mails(self):
        wanted = [{"now": "x", "points": [{"text": "a", "message_ids": ["<1>", "<2>"], "must": True}, {"text": "b", "message_ids": ["<3>"], "must": True}]}]
        got, errors = figures.briefing_figures(wanted, [{"points": [{"text": "", "message_ids": ["<1>"]}, {"text": "", "message_ids": ["3"]}]}])
        self.assertEqual((got["briefing holds of what it must"], len(errors)), (0.5, 1))

    def test_the_program_measures_a_perfect_and_an_empty_answer_in_a_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, lines, points in (("perfect", LABELS, BRIEFINGS), ("empty", [], [{"points": []}] * len(BRIEFINGS))):
                base = pathlib.Path(folder) / name
                base.with_suffix(".jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
                files = []
                for index, one in enumerate(points):
                    files.append(pathlib.Path(folder) / f"{name}{index}.json")
                    files[-1].write_text(json.dumps({"points": one["points"]}))
                ran = subprocess.run([sys.executable, HERE / "mail_figures.py", FOLDER, "--triage", base.with_suffix(".jsonl"), "--brief", *files, "--json", "--errors"],
                                     capture_output=True, text=True, check=True)
                got = json.loads(ran.stdout)
                self.assertEqual(got["briefing holds of what it must"], 1.0 if name == "perfect" else 0.0)
                self.assertEqual(got["priority accuracy"], 1.0 if name == "perfect" else 0.0)
                self.assertEqual(not got["errors"], name == "perfect")


if __name__ == "__main__":
    unittest.main()
