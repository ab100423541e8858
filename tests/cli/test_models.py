"""Models through the terminal: the plan of their memory, a rehearsal before a change.

    LAR=build/lar python3 -m unittest discover -s tests/cli
"""
import json
import sys
import unittest

from test_bad_input import gguf
from test_cli import Case, root


class Models(Case):
    def with_models(self):
        models = self.path / "models"
        models.mkdir(exist_ok=True)
        listed = ""
        for name in ("toy", "toy2"):
            (models / f"{name}.gguf").write_bytes(gguf())
            listed += f'[[model]]\nname = "{name}"\nroles = ["chat"]\nfile = "{name}.gguf"\n'
        (models / "models.toml").write_text(listed)
        engine = self.path / "llama-server"
        engine.write_text(f"#!/bin/sh\nexec {sys.executable} '{root}/tests/engines/scripted_engine.py' --scripted normal \"$@\"\n")
        engine.chmod(0o755)
        self.environment["LAR_LLAMA_SERVER"] = str(engine)

    def bound(self):
        roles = json.loads(self.lar("model", "list", "--json").stdout)["roles"]
        return next(role["model"] for role in roles if role["role"] == "chat")

    def test_a_rehearsal_shows_what_differs_and_changes_only_when_told(self):
        self.with_models()
        self.fill()
        self.lar("model", "use", "chat=toy")
        done = self.lar("model", "use", "chat=toy2", "--compare", code=3)
        self.assertIn("question", done.stdout + done.stderr)
        self.lar("ask", "¿Cuándo vence el seguro del coche?")
        self.lar("ask", "When does the car insurance expire?", code=1)
        done = self.lar("model", "use", "chat=toy2", "--compare", "--json", code=1)
        compared = json.loads(done.stdout)
        self.assertEqual((compared["current"], compared["other"]), ("toy", "toy2"))
        self.assertEqual([entry["question"] for entry in compared["questions"]],
                         ["When does the car insurance expire?", "¿Cuándo vence el seguro del coche?"])
        first = compared["questions"][1]
        self.assertEqual(first["current"]["answer"], first["other"]["answer"], "the same engine in both")
        self.assertTrue(first["same_answer"] and first["same_citations"])
        self.assertIs(first["other"]["cites_as_kept"], True)
        self.assertEqual(compared["summary"]["same_answers"], 2)
        self.assertGreater(compared["summary"]["other"]["tokens"], 0)
        self.assertEqual(self.bound(), "toy", "nothing is changed unasked")
        self.assertFalse((self.path / "home" / "rehearsal").exists())
        done = self.lar("model", "use", "chat=toy2", "--compare", "--questions", "1", "--yes")
        self.assertIn("toy2", done.stdout)
        self.assertEqual(self.bound(), "toy2")
        self.lar("model", "use", "embed=toy2", "--compare", code=2)

    def test_what_the_owner_called_right_is_what_a_rehearsal_asks_first(self):
        self.with_models()
        self.fill()
        self.lar("model", "use", "chat=toy")
        self.assertIn("asked", self.lar("correct", code=3).stderr)
        answered = json.loads(self.lar("ask", "¿Cuándo vence el seguro del coche?", "--json").stdout)
        self.assertEqual(answered["owner_said"], "")
        self.lar("ask", "When does the car insurance expire?", code=1)
        done = self.lar("correct", "Vence el 30 de febrero de 2031", "--turn", answered["turn"])
        self.assertIn("--compare", done.stdout)
        again = json.loads(self.lar("ask", "¿cuándo vence el SEGURO del coche?", "--json").stdout)
        self.assertEqual(again["owner_said"], "Vence el 30 de febrero de 2031")
        self.assertEqual(again["answer"], answered["answer"], "the owner's word is shown beside it, and is evidence of nothing")
        self.assertIn("2031", self.lar("ask", "¿Cuándo vence el seguro del coche?").stdout)
        # The last one is right as it is.
        self.assertIn("seguro", self.lar("correct", "--right").stdout)
        compared = json.loads(self.lar("model", "use", "chat=toy2", "--compare", "--json", code=1).stdout)
        corrected = {entry["question"]: entry for entry in compared["questions"] if entry["correction"]}
        self.assertEqual(compared["questions"][-1]["question"], "When does the car insurance expire?", "the corrected come first")
        self.assertIs(corrected["¿Cuándo vence el seguro del coche?"]["other"]["as_corrected"], True)
        self.assertGreaterEqual(compared["summary"]["other"]["corrected"], 1)
        shown = self.lar("model", "use", "chat=toy2", "--compare", code=1).stdout
        self.assertIn("corrected", shown)
        self.lar("correct", "--take-back")
        self.lar("correct", "--turn", "00000000-0000-0000-0000-000000000000", code=3)
        self.lar("correct", "--right", "--take-back", code=2)

    def test_an_answer_says_what_of_the_conversation_no_longer_fitted(self):
        self.with_models()
        self.lar("init")
        self.lar("model", "use", "chat=toy")
        much = "a " * 1950
        first = self.lar("ask", much, "--mode", "model", "--json")
        self.assertEqual(json.loads(first.stdout)["left_out_messages"], 0)
        second = self.lar("ask", much, "--mode", "model", "--conversation", json.loads(first.stdout)["conversation"])
        self.assertRegex(second.stdout, r"first 2\s+messages")

    def test_a_model_is_taken_away_again(self):
        self.with_models()
        self.lar("init")
        self.lar("model", "use", "chat=toy")
        self.lar("model", "use", "chat=")
        self.assertIsNone(self.bound())
        self.assertNotIn("toy", (self.path / "home" / "roles.toml").read_text())
        self.lar("model", "use", "chat=", "--compare", code=2)
        # lar has no engine of its own for it, only servers by their address.
        self.lar("model", "use", "speech=toy", code=4)
        self.lar("model", "use", "speech=")

    def test_a_check_tells_among_how_many_tools_the_right_one_is_picked(self):
        self.with_models()
        self.lar("init")
        self.lar("model", "use", "chat=toy")
        among = json.loads(self.lar("model", "check", "--json").stdout)["tools_among"]
        self.assertEqual(among, {"native": None, "schema": {"verified": 0, "failed": 1}}, "it calls tools whatever is said")
        self.assertIn("does not pick the right one of 1 offered", self.lar("model", "show", "toy").stdout)

    def test_the_plan_of_memory_tells_what_goes_where_and_why(self):
        self.with_models()
        self.lar("init")
        self.lar("model", "use", "chat=toy")
        plan = json.loads(self.lar("model", "plan", "--json").stdout)
        self.assertEqual(plan["devices"][0]["name"], "RAM")
        chat = plan["engines"][0]
        self.assertEqual((chat["role"], chat["model"], chat["context"], chat["fits"]), ("chat", "toy", 4096, True))
        self.assertTrue(chat["reasons"] and all(reason["message"] for reason in chat["reasons"]))
        self.assertIn("RAM", self.lar("model", "plan").stdout)
        (self.path / "home" / "engines.toml").write_text("memory_megabytes = 1\n")
        self.assertFalse(json.loads(self.lar("model", "plan", "--json").stdout)["engines"][0]["fits"])
        (self.path / "home" / "engines.toml").write_text("contxt = 1\n")
        done = self.lar("model", "plan", code=6)
        self.assertIn("contxt", done.stderr)
        self.assertIn("line 1", done.stderr)


if __name__ == "__main__":
    unittest.main()
