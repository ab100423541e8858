"""The command line as scripts use it: exit codes, --json, piped output, help, two languages.

    LAR=build/lar python3 -m unittest discover -s tests/cli

Runs the real program with homes in a temporary folder and without any engine.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

root = pathlib.Path(__file__).resolve().parents[2]
program = pathlib.Path(os.environ.get("LAR", root / "build" / "lar")).resolve()

MAIL = """From: Ana Robles <ana@correo.example>
To: clara@correo.example
Subject: =?utf-8?Q?Reuni=C3=B3n_del_colegio?=
Date: Thu, 14 May 2026 09:30:00 +0200
Message-ID: <reunion/1@correo.example>
Content-Type: text/plain; charset=utf-8

La reunión del colegio es el lunes a las 17:30 en el aula verde.
\x1b]0;hostile title\x07 Trae el formulario.
"""
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//lar//tests//EN
BEGIN:VEVENT
UID:dentist@correo.example
DTSTAMP:20260501T080000Z
DTSTART:20260520T100000Z
DTEND:20260520T103000Z
SUMMARY:Dentist for Nora
END:VEVENT
END:VCALENDAR
"""
CONTACTS = """BEGIN:VCARD
VERSION:3.0
UID:plumber@correo.example
FN:Ernesto Vallejo
TEL:+34 600 000 001
NOTE:plumber
END:VCARD
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lar-cli-")
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        mail = self.path / "Maildir"
        for name in ("cur", "new", "tmp"):
            (mail / name).mkdir(parents=True)
        (mail / "cur" / "1:2,S").write_text(MAIL, encoding="utf-8", newline="\r\n")
        documents = self.path / "documents"
        documents.mkdir()
        (documents / "seguro.md").write_text(
            "# Seguro del coche\n\nLa póliza 7741-B vence el 3 de junio de 2026.\n", encoding="utf-8"
        )
        (self.path / "family.ics").write_text(CALENDAR, newline="\r\n")
        (self.path / "contacts.vcf").write_text(CONTACTS, newline="\r\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "LAR_HOME": str(self.path / "home"),
            "LAR_MODELS": str(self.path / "models"),
            "LAR_LLAMA_SERVER": str(self.path / "no-llama-server"),
            "LAR_NOW": "2026-05-14T09:30:00+02:00",
            "LAR_ZONE": "Europe/Madrid",
            "LAR_LANGUAGE": "en",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def lar(self, *arguments, code=0, text=None, **environment):
        done = subprocess.run(
            [program, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment | environment,
        )
        self.assertEqual(
            done.returncode, code, f"lar {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def fill(self):
        self.lar("init")
        self.lar("add", "mail", "maildir", self.path / "Maildir", "--name", "Correo")
        self.lar("add", "folder", self.path / "documents")
        self.lar("add", "calendar", "ics", self.path / "family.ics")
        self.lar("add", "contacts", "vcf", self.path / "contacts.vcf")
        return self.lar("sync", "--wait")


class Help(Case):
    def test_every_command_of_the_issue_has_help(self):
        overview = self.lar("--help").stdout
        for command in "init serve status doctor add sources sync remove search ask chat show model completions".split():
            self.assertRegex(overview, rf"(?m)^  {command}\b")
            self.assertNotIn("cli.", self.lar(command, "--help").stdout)
        self.assertNotIn("cli.", overview)
        self.assertIn("Exit codes", overview)
        for words in (["add", "mail"], ["add", "mail", "maildir"], ["add", "calendar", "ics"], ["model", "pull"]):
            self.assertNotIn("cli.", self.lar(*words, "--help").stdout)

    def test_help_and_errors_speak_spanish(self):
        self.assertIn("Códigos de salida", self.lar("--help", LAR_LANGUAGE="es").stdout)
        done = self.lar("show", "nada@correo.example", code=3, LAR_LANGUAGE="es")
        self.assertIn("No ", done.stderr)

    def test_version(self):
        self.assertRegex(self.lar("--version").stdout, r"^lar \d+\.\d+\.\d+\n$")

    def test_a_wrong_command_line_is_one_line_and_code_2(self):
        for words in (["frobnicate"], [], ["search"], ["add", "folder"], ["serve", "--port", "x"],
                      ["search", "x", "--limit", "0"], ["ask", "x", "--mode", "poem"], ["sync", "surplus"],
                      ["model", "use", "chat"]):
            done = self.lar(*words, code=2)
            self.assertEqual(done.stdout, "", words)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_completions_are_valid_scripts(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.lar("completions", shell).stdout
            self.assertIn("maildir", script)
            self.assertIn("answer-cache", script)
        bash = self.lar("completions", "bash").stdout
        check = bash + '\nCOMP_WORDS=(lar add ma); COMP_CWORD=2; _lar; printf "%s\\n" "${COMPREPLY[@]}"\n'
        done = subprocess.run(["bash", "-c", check], capture_output=True, text=True, timeout=20, cwd=self.path)
        self.assertEqual(done.stderr, "")
        self.assertIn("mail", done.stdout.split())


class Commands(Case):
    def test_the_whole_way_without_engines(self):
        done = self.fill()
        # `lar add` begins to read at once, so the sync finds the mail new or already there.
        self.assertRegex(done.stdout, r"Correo: (1 new, 0 changed, 0 removed, 0|0 new, 0 changed, 0 removed, 1) unchanged")
        self.assertNotIn("\033", done.stdout + done.stderr)
        self.assertNotIn("\r", done.stdout + done.stderr)
        again = self.lar("sync", "--wait=items", "--json")
        for source in json.loads(again.stdout)["sources"]:
            self.assertEqual((source["added"], source["changed"], source["removed"]), (0, 0, 0), source)
        sources = json.loads(self.lar("sources", "--json").stdout)
        self.assertEqual([source["kind"] for source in sources], ["maildir", "folder", "ics", "vcf"])
        self.assertEqual([source["items"] for source in sources], [1, 1, 1, 1])

        hits = json.loads(self.lar("search", "cuándo vence el seguro", "--json").stdout)
        self.assertIsInstance(hits, list)
        self.assertEqual(hits[0]["title"], "Seguro del coche")
        for field in ("item", "external_id", "locator", "snippet", "score"):
            self.assertIn(field, hits[0])
        self.assertEqual(json.loads(self.lar("search", "xylophone", "--json", code=1).stdout), [])
        by_kind = json.loads(self.lar("search", "dentist", "Nora", "--kind", "event", "--json").stdout)
        self.assertEqual(by_kind[0]["external_id"], "dentist@correo.example")
        self.assertEqual(len(json.loads(self.lar("search", "reunión", "--source", "correo", "--json").stdout)), 1)
        self.lar("search", "reunión", "--source", "nowhere", code=3)
        self.lar("search", "plumber", "--limit", "1")

        shown = json.loads(self.lar("show", "reunion/1@correo.example", "--json").stdout)
        self.assertEqual(shown["title"], "Reunión del colegio")
        plain = self.lar("show", shown["item"], "--quote", "a las 17:30").stdout
        self.assertIn("»a las 17:30«", plain)
        self.assertNotIn("\x1b", plain)
        self.lar("show", shown["item"], "--quote", "a las 18:30", code=3)
        self.assertIn("Message-ID", self.lar("show", shown["item"], "--original").stdout)

        self.lar("remove", "Correo", code=2, text="")
        self.lar("remove", "Correo", "--yes")
        self.lar("remove", "Correo", "--yes", code=3)
        self.assertEqual(json.loads(self.lar("search", "reunión", "--json", code=1).stdout), [])

    def test_init_says_that_search_is_by_words_only(self):
        self.assertIn("words only", self.lar("init").stdout)
        bound = json.loads(self.lar("init", "--json").stdout)
        self.assertEqual(bound["home"], self.environment["LAR_HOME"])
        self.assertEqual(os.stat(self.environment["LAR_HOME"]).st_mode & 0o777, 0o700)

    def test_init_takes_the_household(self):
        (self.path / "household.json").write_text(
            json.dumps({"name": "Aldana", "owner": {"name": "Clara"}, "zone": "Europe/Lisbon"})
        )
        environment = {name: value for name, value in self.environment.items() if name != "LAR_ZONE"}
        self.environment = environment
        self.lar("init", "--household", self.path / "household.json")
        status = json.loads(self.lar("status", "--json").stdout)
        self.assertEqual((status["household"], status["zone"]), ("Aldana", "Europe/Lisbon"))
        (self.path / "household.json").write_text("[")
        self.lar("init", "--household", self.path / "household.json", code=6)
        self.lar("init", "--household", self.path / "absent.json", code=3)

    def test_what_cannot_be_added_is_told_in_one_line(self):
        for words, code in (
            (["mail", "maildir", self.path / "documents"], 6),
            (["mail", "mbox", self.path / "documents" / "seguro.md"], 6),
            (["folder", self.path / "absent"], 3),
            (["calendar", "ics", self.path / "contacts.vcf"], 6),
        ):
            done = self.lar("add", *words, code=code)
            self.assertTrue(done.stderr.startswith("lar: "), done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_ask_without_a_model_is_unavailable(self):
        self.fill()
        done = self.lar("ask", "¿Cuándo vence el seguro?", "--json", code=4)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("{", self.lar("ask", "¿Cuándo vence el seguro?", "--verbose", code=4).stderr)

    def test_doctor_tells_what_is_missing(self):
        self.lar("init")
        checks = json.loads(self.lar("doctor", "--json", code=1).stdout)["checks"]
        self.assertTrue(next(check for check in checks if check["code"] == "doctor.store_sound")["ok"])
        self.lar("doctor", "--full", code=1)

    def test_models(self):
        listed = json.loads(self.lar("model", "list", "--json").stdout)
        self.assertIn("models", listed)
        self.assertTrue(listed["models"])
        self.lar("model", "show", listed["models"][0]["name"])
        self.lar("model", "show", "no-such-model", code=3)
        broken = self.path / "broken.gguf"
        broken.write_bytes(b"GGUF\x03\x00\x00\x00")
        self.assertIn("broken.gguf", self.lar("model", "show", broken, code=6).stderr)
        self.lar("model", "add", broken, code=6)

    def test_a_reader_that_closes_early_is_no_fault(self):
        self.fill()
        done = subprocess.run(
            ["bash", "-c", f"'{program}' --help | head -1; exit ${{PIPESTATUS[0]}}"],
            env=self.environment, capture_output=True, timeout=60,
        )
        self.assertIn(done.returncode, (0, 7))


class Serve(Case):
    def start(self, *arguments, code=None):
        process = subprocess.Popen(
            [program, "serve", "--json", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment,
        )
        self.addCleanup(lambda: (process.kill() if process.poll() is None else None, process.wait(),
                                 process.stdout.close(), process.stderr.close()))
        return process

    def started(self, *arguments):
        process = self.start("--port", "0", *arguments)
        text = ""
        while "}" not in text:
            line = process.stdout.readline()
            if not line:
                self.fail(process.stderr.read())
            text += line
        return process, json.loads(text)

    def stop(self, process, number=signal.SIGTERM):
        begun = time.monotonic()
        process.send_signal(number)
        self.assertEqual(process.wait(timeout=15), 0, process.stderr.read())
        self.assertLess(time.monotonic() - begun, 6)

    def test_commands_talk_to_the_server_and_sources_are_followed(self):
        self.fill()
        process, about = self.started()
        self.assertRegex(about["address"], r"^http://127\.0\.0\.1:\d+/\?key=[A-Za-z0-9_-]{43}$")
        self.assertIn("is running", self.lar("status").stdout)
        hits = json.loads(self.lar("search", "aula verde", "--json").stdout)
        self.assertEqual(hits[0]["external_id"], "reunion/1@correo.example")
        shown = json.loads(self.lar("show", "reunion/1@correo.example", "--json").stdout)
        self.assertEqual(shown["title"], "Reunión del colegio")
        self.assertIn("Message-ID", self.lar("show", shown["item"], "--original").stdout)
        self.lar("show", "absent@correo.example", code=3)
        self.lar("ask", "¿Cuándo vence el seguro?", code=4)
        (self.path / "documents" / "new.txt").write_text("The kingfisher was seen at the weir.\n")
        report = json.loads(self.lar("sync", "--wait", "--json").stdout)
        self.assertEqual(len(report["sources"]), 4)
        self.assertTrue(json.loads(self.lar("search", "kingfisher", "--json").stdout))
        self.stop(process)
        self.assertFalse((self.path / "home" / "run" / "lar.sock").exists())

    def test_a_second_server_on_one_home_is_told(self):
        process, _ = self.started()
        second = self.start("--port", "0")
        self.assertEqual(second.wait(timeout=60), 5)
        message = second.stderr.read()
        self.assertIn(str(process.pid), message)
        self.assertEqual(message.count("\n"), 1, message)
        self.stop(process, signal.SIGINT)

    def test_a_taken_port_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            process = self.start("--port", str(taken.getsockname()[1]))
            self.assertEqual(process.wait(timeout=60), 5)
            self.assertIn(str(taken.getsockname()[1]), process.stderr.read())

    def test_a_server_that_was_killed_leaves_nothing_in_the_way(self):
        process, _ = self.started()
        process.kill()
        process.wait()
        self.lar("status")
        process, _ = self.started()
        self.stop(process)

    def test_an_open_page_does_not_delay_the_end(self):
        process, about = self.started()
        port, key = about["port"], about["address"].split("key=")[1]
        with socket.create_connection(("127.0.0.1", port)) as stream:
            stream.sendall(
                f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: lar_key={key}\r\n\r\n".encode()
            )
            received = b""
            while b"event: status" not in received:
                received += stream.recv(65536)
            self.assertIn(b"event: sources", received)
            self.stop(process)


if __name__ == "__main__":
    unittest.main()
