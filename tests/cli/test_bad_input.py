"""What may go wrong around lar, through the terminal: one clear line, nothing lost, and on it goes.

    LAR=build/lar python3 -m unittest discover -s tests/cli

Some cases need a file system of their own, no network or another user. As root they make them; as
anybody else they run themselves again in a namespace of their own, or are skipped.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest
import zipfile

from test_cli import Case, program, root

MAILS = 300


def mail(number):
    return (
        f"From: Ana Robles <ana@correo.example>\r\nTo: clara@correo.example\r\nSubject: Aviso {number}\r\n"
        f"Date: Thu, 14 May 2026 09:30:00 +0200\r\nMessage-ID: <aviso.{number}@correo.example>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        + "".join(f"Aviso {number}, párrafo {line}: palabra{number * 40 + line} y otras.\r\n" for line in range(40))
    )


def gguf():
    """The least that lar takes for a model."""

    def text(value):
        return struct.pack("<Q", len(value)) + value

    parts = [b"GGUF", struct.pack("<IQQ", 3, 1, 2), text(b"general.architecture"), struct.pack("<I", 8), text(b"toy")]
    parts += [text(b"toy.context_length"), struct.pack("<II", 4, 4096), text(b"t"), struct.pack("<IQIQ", 1, 8, 0, 0)]
    head = b"".join(parts)
    return head + b"\0" * (-len(head) % 32) + b"\0" * 32


def in_namespaces(test, *flags):
    """True where the test may go on: as root, or inside the namespaces it was started again in."""
    if os.geteuid() == 0:
        return True
    unshare = ["unshare", "--user", "--map-root-user", *flags]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        test.skipTest("neither root nor user namespaces")
    done = subprocess.run(
        [*unshare, sys.executable, "-m", "unittest", test.id()],
        cwd=root / "tests" / "cli", capture_output=True, text=True, timeout=300,
    )
    test.assertEqual(done.returncode, 0, done.stderr)
    return False


class BadInput(Case):
    def one_line(self, done, *words):
        self.assertTrue(done.stderr.startswith("lar: "), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def note_about(self, done, name):
        lines = [line for line in done.stdout.splitlines() if line.startswith("    ") and name in line]
        self.assertEqual(len(lines), 1, done.stdout)
        return lines[0]

    def sound(self):
        checks = json.loads(self.doctor().stdout)["checks"]
        self.assertTrue(next(check for check in checks if check["code"] == "doctor.store_sound")["ok"], checks)

    def doctor(self):
        return subprocess.run([program, "doctor", "--full", "--json"], capture_output=True, text=True,
                              timeout=120, env=self.environment)

    def many_mails(self):
        for number in range(MAILS):
            (self.path / "Maildir" / "cur" / f"{1700000000 + number}.a:2,S").write_bytes(mail(number).encode())

    def found(self, words, **environment):
        done = subprocess.run([program, "search", words, "--json"], capture_output=True, text=True,
                              timeout=60, env=self.environment | environment)
        return [hit["external_id"] for hit in json.loads(done.stdout)]

    def items(self):
        return {source["name"]: source["items"] for source in json.loads(self.lar("sources", "--json").stdout)}

    # ---- files ----

    def test_a_malformed_mail_is_named_and_the_others_are_read(self):
        (self.path / "Maildir" / "cur" / "2.rubbish:2,S").write_bytes(bytes(range(256)) * 20)
        done = self.fill()
        self.note_about(done, "2.rubbish")
        self.assertEqual(self.found("aula verde"), ["reunion/1@correo.example"])

    def test_an_mbox_with_a_truncated_tail_keeps_every_whole_mail(self):
        box = self.path / "old.mbox"
        whole = "".join(f"From ana Thu May 14 09:30:0{n} 2026\n{mail(n)}\n".replace("\r\n", "\n") for n in range(3))
        broken = f"From ana Thu May 14 09:31:00 2026\n{mail(3)}"[:120]
        box.write_text(whole + broken)
        self.lar("add", "mail", "mbox", box)
        done = self.lar("sync", "--wait")
        self.note_about(done, "old.mbox")
        self.assertEqual(self.items()["old.mbox"], 3)
        box.write_text(whole + f"From ana Thu May 14 09:31:00 2026\n{mail(3)}".replace("\r\n", "\n"))
        self.lar("sync", "--wait")
        self.assertEqual(self.items()["old.mbox"], 4)

    def test_encrypted_and_corrupt_documents_are_named_and_the_others_are_read(self):
        documents = self.path / "documents"
        secret = "Z" * 32
        (documents / "secreto.pdf").write_text(
            "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Count 1 /Kids "
            "[3 0 R] >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>\nendobj\n4 0 obj\n<< "
            f"/Filter /Standard /V 1 /R 2 /P -44 /O ({secret}) /U ({secret}) >>\nendobj\ntrailer\n<< /Root 1 0 R /Size "
            "5 /Encrypt 4 0 R /ID [(0123456789abcdef) (0123456789abcdef)] >>\nstartxref\n0\n%%EOF\n"
        )
        (documents / "roto.docx").write_bytes(b"PK\x03\x04 and then nothing of a package")
        with zipfile.ZipFile(documents / "hueco.docx", "w") as package:
            package.writestr("word/other.xml", "<x/>")
        done = self.fill()
        self.assertIn("password", self.note_about(done, "secreto.pdf"))
        self.assertIn("damaged", self.note_about(done, "roto.docx"))
        self.note_about(done, "hueco.docx")
        self.assertEqual(self.found("póliza")[0], "seguro.md")
        self.assertIn("contraseña", self.lar("sync", "--wait", LAR_LANGUAGE="es").stdout)

    def test_loops_of_links_are_named(self):
        (self.path / "documents" / "bucle").symlink_to(self.path / "documents")
        (self.path / "documents" / "a").symlink_to("b")
        (self.path / "documents" / "b").symlink_to("a")
        done = self.fill()
        self.note_about(done, "bucle")
        self.assertEqual(self.items()["documents"], 1)

    def test_a_folder_without_permission_is_named_and_what_was_stored_stays(self):
        closed = self.path / "documents" / "privado"
        closed.mkdir()
        (closed / "dentista.txt").write_text("The dentist is called Ibarra.\n")
        somebody = {}
        if os.geteuid() == 0:
            nobody = 65534
            for folder, _, files in os.walk(self.path):
                for name in ["", *files]:
                    os.chown(os.path.join(folder, name), nobody, nobody)
            somebody = {"user": nobody, "group": nobody, "extra_groups": []}

        def lar(*arguments):
            try:
                return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120,
                                      env=self.environment, **somebody)
            except PermissionError:
                self.skipTest("the program lies where another user cannot reach it")

        lar("add", "folder", self.path / "documents")
        self.assertEqual(lar("sync", "--wait").returncode, 0)
        closed.chmod(0)
        self.addCleanup(closed.chmod, 0o700)
        done = lar("sync", "--wait")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("privado", self.note_about(done, "privado"))
        self.assertIn("dentista", lar("search", "Ibarra").stdout)
        closed.chmod(0o700)
        self.assertNotIn("privado", lar("sync", "--wait").stdout)

    # ---- disk ----

    @contextlib.contextmanager
    def small_disk(self, megabytes):
        disk = self.path / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("no file system can be mounted here")
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_a_disk_that_fills_during_a_sync_is_told_and_the_sync_goes_on_when_there_is_room(self):
        if not in_namespaces(self, "--mount"):
            return
        self.many_mails()
        with self.small_disk(8) as disk:
            self.environment["LAR_HOME"] = str(disk / "home")
            self.lar("init")
            ballast = disk / "ballast"
            ballast.write_bytes(b"x" * 6_200_000)
            self.lar("add", "mail", "maildir", self.path / "Maildir", "--name", "Correo")
            done = self.lar("sync", "--wait", code=7)
            self.one_line(done, "full", str(disk / "home"), "Free some space")
            spanish = self.lar("sync", "--wait", code=7, LAR_LANGUAGE="es")
            self.one_line(spanish, "lleno", "Libera espacio")
            # What was stored is there, can be searched and is whole.
            self.sound()
            stored = self.items()["Correo"]
            self.assertGreater(stored, 0)
            self.assertLess(stored, MAILS)
            self.assertIn("full", self.lar("sources").stdout)
            self.assertEqual(len(self.found("aviso")), 10)
            ballast.unlink()
            report = self.lar("sync", "--wait")
            self.assertIn(f"Correo: {MAILS + 1 - stored} new, 0 changed, 0 removed, {stored} unchanged", report.stdout)
            self.assertNotIn("full", self.lar("sources").stdout)
            self.sound()

    # ---- processes ----

    def test_kill_nine_during_a_sync_loses_nothing(self):
        self.many_mails()
        self.lar("add", "mail", "maildir", self.path / "Maildir", "--name", "Correo")
        for seconds in (0.4, 0.8, 1.2):
            sync = subprocess.Popen([program, "sync", "--wait"], env=self.environment, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            sync.send_signal(signal.SIGKILL)
            sync.wait()
            self.sound()
        self.lar("sync", "--wait")
        self.assertEqual(self.items()["Correo"], MAILS + 1)
        self.assertIn(f"0 new, 0 changed, 0 removed, {MAILS + 1} unchanged", self.lar("sync", "--wait").stdout)
        self.sound()

    def test_two_commands_on_one_home_and_the_second_is_told(self):
        self.fill()
        with open(self.path / "home" / "lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.one_line(self.lar("sync", "--wait", code=5), str(self.path / "home"))
        self.lar("sync", "--wait")

    # ---- engines and models ----

    def with_engine(self, behaviour):
        models = pathlib.Path(self.environment["LAR_MODELS"])
        models.mkdir(exist_ok=True)
        (models / "toy.gguf").write_bytes(gguf())
        (models / "models.toml").write_text('[[model]]\nname = "toy"\nroles = ["chat"]\nfile = "toy.gguf"\n')
        engine = self.path / "llama-server"
        engine.write_text(
            f"#!/bin/sh\nexec {sys.executable} '{root}/tests/engines/scripted_engine.py' "
            f"--mark '{self.path}/mark' --scripted {behaviour} \"$@\"\n"
        )
        engine.chmod(0o755)
        self.environment["LAR_LLAMA_SERVER"] = str(engine)

    def test_an_engine_killed_in_the_middle_of_an_answer_is_told_and_started_again(self):
        self.with_engine("die")
        self.fill()
        question = "¿Cuándo vence el seguro del coche?"
        done = self.lar("ask", question, code=4)
        self.one_line(done, "chat", str(self.path / "home" / "log"))
        self.with_engine("normal")
        # The scripted engine says the passage back, which is evidence enough.
        answer = json.loads(self.lar("ask", question, "--json").stdout)
        self.assertEqual(answer["citations"][0]["external_id"], "seguro.md")
        self.sound()

    def test_a_model_file_cut_short_is_told_when_it_is_added_and_when_it_is_used(self):
        whole = gguf()
        short = self.path / "short.gguf"
        short.write_bytes(whole[:-40])
        self.one_line(self.lar("model", "add", short, code=6), "short.gguf")
        self.one_line(self.lar("model", "show", short, code=6), "short.gguf")
        self.with_engine("normal")
        self.fill()
        (self.path / "models" / "toy.gguf").write_bytes(whole[:60])
        self.one_line(self.lar("ask", "¿Cuándo vence el seguro del coche?", code=6), "toy.gguf", "cut short")

    # ---- network ----

    def test_without_a_network_only_what_needs_one_fails(self):
        if not in_namespaces(self, "--net"):
            return
        alone = ["unshare", "--net"]
        if subprocess.run([*alone, "true"], capture_output=True).returncode != 0:
            self.skipTest("no network namespaces")
        self.fill()

        def lar(*arguments):
            return subprocess.run([*alone, program, *arguments], capture_output=True, text=True, timeout=120,
                                  env=self.environment)

        self.assertEqual(lar("sync", "--wait").returncode, 0)
        self.assertEqual(json.loads(lar("search", "aula verde", "--json").stdout)[0]["external_id"],
                         "reunion/1@correo.example")
        pulled = lar("model", "pull", "kimi-k2.6-ud-q2_k_xl")
        self.assertNotEqual(pulled.returncode, 0)
        self.one_line(pulled, "lar model add", "kimi-k2.6-ud-q2_k_xl")


if __name__ == "__main__":
    unittest.main()
