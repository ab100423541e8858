#!/usr/bin/env python3
"""IMAP against a real Dovecot, both ways, with everything that can go wrong, and against servers that lie.

    imap.py [CHECK …]      LAR: the program; LAR_PROBE: sync_probe (default: beside a dev build)

Dovecot runs as an ordinary user in a temporary folder, on loopback. Another client (imaplib) does what a phone would.
"""
import base64
import contextlib
import email
import email.policy
import getpass
import grp
import http.server
import imaplib
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from email.message import EmailMessage

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running import Lar, program, repository, run_checks  # noqa: E402

probe_program = os.environ.get("LAR_PROBE", str(repository / "build/dev/sync_probe"))
address, password = "ana@example.org", "correcto-caballo"
chance = random.Random(7)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def make_certificate(folder, name, names, days=30):
    """Self-signed: certificate and key; the certificate is its own authority."""
    certificate, key, request = (folder / f"{name}.{end}" for end in ("pem", "key", "request"))
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", request, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", request, "-signkey", key, "-days", str(days), "-copy_extensions", "copyall",
                    "-out", certificate], check=True, capture_output=True)
    key.chmod(0o644)
    return certificate, key


def mail(subject, body="Texto.", sender="Bea <bea@example.org>", to=address, number=None, answers=None):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = "Thu, 14 May 2026 09:30:00 +0200"
    message["Message-ID"] = f"<{number or chance.randrange(1 << 48)}.{abs(hash(subject)) % 10**8}@example.org>"
    if answers:
        message["In-Reply-To"] = answers
    message.set_content(body)
    return message.as_bytes().replace(b"\n", b"\r\n")


class Dovecot:
    def __init__(self, quota="400M"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-dovecot-"))
        self.quota, self.process = quota, None
        self.port, self.tls_port = free_port(), free_port()
        self.certificate, self.key = make_certificate(self.folder, "server", "DNS:localhost,IP:127.0.0.1")
        # Dovecot refuses to be root altogether.
        self.user = "nobody" if os.getuid() == 0 else getpass.getuser()
        entry = pwd.getpwnam(self.user)
        self.group = grp.getgrgid(entry.pw_gid).gr_name
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self.set_password(password)
        f = self.folder
        (f / "dovecot.conf").write_text(f"""
base_dir = {f}/run
state_dir = {f}/state
log_path = {f}/dovecot.log
listen = 127.0.0.1
protocols = imap
default_internal_user = {self.user}
default_internal_group = {self.group}
default_login_user = {self.user}
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{self.key}
disable_plaintext_auth = no
auth_failure_delay = 0
mail_max_userip_connections = 100
mail_location = maildir:{f}/mail/%u
mail_plugins = quota
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {f}/users
}}
userdb {{
  driver = static
  args = uid={self.uid} gid={self.gid} home={f}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
  }}
}}
service anvil {{
  chroot =
}}
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = maildir:User
  quota_rule = *:storage={self.quota}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Borrador {{
    special_use = \\Drafts
    auto = create
  }}
  mailbox "Salida del taller" {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Basura {{
    special_use = \\Trash
    auto = create
  }}
  mailbox Sospechoso {{
    special_use = \\Junk
    auto = create
  }}
}}
""")
        subprocess.run(["chmod", "-R", "a+rX", f], check=True)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{self.uid}:{self.gid}", f], check=True)

    def set_password(self, word):
        """Returns when the server has taken notice: it looks at the file once a second."""
        (self.folder / "users").write_text(f"{address}:{{PLAIN}}{word}\n")
        for _ in range(50) if getattr(self, "process", None) else ():
            with imaplib.IMAP4("127.0.0.1", self.port) as client, contextlib.suppress(imaplib.IMAP4.error):
                client.login(address, word)
                return
            time.sleep(0.2)

    def start(self):
        identity = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.getuid() == 0 else {}
        program_path = shutil.which("dovecot") or "/usr/sbin/dovecot"
        for _ in range(50):  # the port stays taken for about a second after a stop
            self.process = subprocess.Popen([program_path, "-F", "-c", self.folder / "dovecot.conf"], stderr=subprocess.PIPE,
                                            stdout=subprocess.DEVNULL, **identity)
            for _ in range(100):
                if self.process.poll() is not None:
                    break
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                    return self
                time.sleep(0.05)
            time.sleep(0.2)
        raise RuntimeError("dovecot does not start: " + self.process.stderr.read().decode())

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGSTOP)  # starts nothing in the place of what ends
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(20)
        self.process = None
        if how == signal.SIGKILL:
            for line in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(line), signal.SIGKILL)
        # Nobody may take what still listens for the next start.
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except ConnectionRefusedError:
                return
            except OSError:
                pass
            time.sleep(0.05)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def phone(self):
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(address, password)
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):
                client.logout()

    def append(self, bytes_, folder="INBOX", flags=None, date=None):
        with self.phone() as client:
            kind, said = client.append(f'"{folder}"', flags, date or imaplib.Time2Internaldate(time.time()), bytes_)
            assert kind == "OK", said
            return int(re.search(rb"APPENDUID \d+ (\d+)", said[0]).group(1))

    def mails(self, folder="INBOX"):
        """UID → flags, as the phone sees them."""
        with self.phone() as client:
            client.select(f'"{folder}"', readonly=True)
            _, lines = client.uid("FETCH", "1:*", "(FLAGS)")
            found = {}
            for line in lines:
                if line:
                    uid = int(re.search(rb"UID (\d+)", line).group(1))
                    found[uid] = set(re.search(rb"FLAGS \((.*?)\)", line).group(1).decode().split()) - {"\\Recent"}
            return found


class Home:
    """A home that the probe works on: sources, reading and store without the rest."""

    def __init__(self, port=None, settings=None, add=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-home-"))
        self.environment = dict(os.environ, LAR_SECRET_KEY=str(self.folder / "key"), LC_ALL="C.UTF-8", LAR_ZONE="Europe/Madrid",
                                ASAN_OPTIONS="quarantine_size_mb=16")
        self.settings = {"host": "127.0.0.1", "port": port, "tls": "none", **(settings or {})}
        if add:
            self.probe("add", "imap", address, json.dumps(self.settings), password)

    def start(self, *arguments):
        return subprocess.Popen([probe_program, str(self.folder / "home"), *arguments], env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")

    def try_probe(self, *arguments):
        process = self.start(*arguments)
        out, errors = process.communicate(timeout=300)
        assert "Sanitizer" not in errors, errors[:3000]
        return process.returncode, out + errors

    def probe(self, *arguments):
        status, text = self.try_probe(*arguments)
        if status != 0:
            raise RuntimeError(f"probe {arguments[0]}: {status}: {text.strip()[:600]}")
        return text

    def sync(self, **wanted):
        """Counts of a sync; of several until there are as many as wanted, because Dovecot may answer STATUS from a cache that lags
        a moment behind."""
        totals, text = {}, ""
        for _ in range(4):
            text = self.probe("sync")
            found = re.search(r"(\d+) added, (\d+) changed, (\d+) removed, (\d+) unchanged, (\d+) failed", text)
            for name, count in zip(("added", "changed", "removed", "unchanged", "failed"), map(int, found.groups())):
                totals[name] = totals.get(name, 0) + count
            if all(totals[name] >= count for name, count in wanted.items()):
                break
            time.sleep(0.3)
        return dict(totals, text=text)

    def dump(self):
        return self.probe("dump")

    def items(self):
        """Subject → the item with its places as lists."""
        found = {}
        for line in self.dump().splitlines()[1:]:
            item = json.loads(line)
            item["places"] = [json.loads(place) for place in item["places"]]
            found[item["title"]] = item
        return found

    def place(self, title):
        folder, uid, flags, *_ = self.items()[title]["places"][0]
        return {"folder": folder, "uid": uid, "flags": flags}

    def apply(self, **change):
        file = self.folder / "change.json"
        file.write_text(json.dumps(change))
        status, text = self.try_probe("apply", address, str(file))
        return json.loads(text) if status == 0 else text.strip()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def home_of(server, **more):
    home = Home(server.port, **more)
    try:
        yield home
    finally:
        home.close()


def expect(value, wanted, what):
    assert value == wanted, f"{what}: {value!r} instead of {wanted!r}"


def fill(server, count=30):
    for number in range(count):
        server.append(mail(f"Aviso {number}", f"El aviso número {number} trata de la valla.", number=f"a{number}"))
    server.append(mail("Enviado por mí", sender=f"Ana <{address}>", to="bea@example.org"), "Salida del taller", "\\Seen")
    server.append(mail("Tirado"), "Basura")
    server.append(mail("Dudoso"), "Sospechoso")
    with server.phone() as client:
        client.create('"Obras/A&APE-o"')
    server.append(mail("Del año"), "Obras/A&APE-o")


# ---- checks -------------------------------------------------------------------------------------------------------------


def first_sync():
    with Dovecot() as server:
        fill(server)
        with home_of(server) as home:
            expect(home.sync()["added"], 32, "added")
            again = home.sync()
            expect((again["added"], again["changed"], again["unchanged"]), (0, 0, 32), "second sync")
            items = home.items()
            assert "Tirado" not in items and "Dudoso" not in items, "bin or spam was read"
            expect(items["Del año"]["places"][0][0], "Obras/Año", "name of the folder")
            expect(items["Enviado por mí"]["origin"], "owner", "label of a sent mail")
            expect(items["Aviso 1"]["origin"], "known_contact", "label of one written to")
            assert not any("\\Seen" in flags for flags in server.mails().values()), "reading has marked mails as seen"


def both_ways():
    with Dovecot() as server:
        fill(server, 6)
        with home_of(server) as home:
            home.sync()
            uids = sorted(server.mails())
            # What the phone does comes in.
            with server.phone() as client:
                client.select("INBOX")
                client.uid("STORE", str(uids[0]), "+FLAGS", "(\\Seen \\Flagged $Trabajo)")
                client.uid("MOVE", str(uids[1]), '"Obras/A&APE-o"')
                client.uid("COPY", str(uids[2]), '"Obras/A&APE-o"')
                client.uid("STORE", str(uids[3]), "+FLAGS", "(\\Deleted)")
                client.uid("EXPUNGE", str(uids[3]))
                client.uid("MOVE", str(uids[4]), "Basura")
            report = home.sync(removed=2, changed=3)
            expect((report["added"], report["removed"]), (0, 2), "a move, a copy and two that went")
            items = home.items()
            expect(home.place("Aviso 0")["flags"], "FS", "flags")
            expect(items["Aviso 1"]["places"][0][0], "Obras/Año", "moved")
            expect(sorted(place[0] for place in items["Aviso 2"]["places"]), ["INBOX", "Obras/Año"], "copied")
            assert "Aviso 3" not in items and "Aviso 4" not in items, "what went is still here"
            with server.phone() as client:
                client.rename('"Obras/A&APE-o"', "Viejo")
            report = home.sync()
            expect((report["added"], report["removed"]), (0, 0), "a renamed folder")
            expect(home.place("Del año")["folder"], "Viejo", "renamed")
            # What the owner has approved goes out.
            place = home.place("Aviso 0")
            done = home.apply(kind="set_flags", folder="INBOX", uid=place["uid"], flags="RS")
            expect(done["uid"], place["uid"], "flags set")
            expect(server.mails()[uids[0]], {"\\Seen", "\\Answered", "$Trabajo"}, "flags at the server")
            assert "source.conflict" in home.apply(kind="set_flags", folder="INBOX", uid=place["uid"], flags=""), "no conflict"
            home.sync(changed=1)
            expect(home.place("Aviso 0")["flags"], "RS", "flags come back")
            moved = home.apply(kind="move", folder="INBOX", uid=place["uid"], target="Viejo")
            expect(moved["folder"], "Viejo", "moved")
            report = home.sync(changed=1)
            expect((report["added"], report["removed"]), (0, 0), "an own move")
            expect(home.place("Aviso 0")["uid"], moved["uid"], "where the move said")
            draft = mail("Borrador mío", sender=f"Ana <{address}>", to="bea@example.org").decode()
            saved = home.apply(kind="append", flags="DS", bytes=draft)
            expect(saved["folder"], "Borrador", "draft")
            expect(server.mails("Borrador"), {1: {"\\Draft", "\\Seen"}}, "draft at the server")
            expect(home.sync(added=1)["added"], 1, "draft comes back")
            expect(home.place("Borrador mío")["uid"], saved["uid"], "where the draft lies")
            gone = home.apply(kind="remove", folder="Viejo", uid=moved["uid"])
            expect(gone["folder"], "Basura", "into the bin")
            expect(home.sync(removed=1)["removed"], 1, "what went into the bin")
            assert "source.conflict" in home.apply(kind="remove", folder="Viejo", uid=moved["uid"]), "removed twice"
            home.probe("check")


def idle_latency():
    with Dovecot() as server:
        fill(server, 5)
        with Lar({}, environment={"LAR_SECRET_KEY": str(server.folder / "key")}) as lar:
            word = server.folder / "word"
            word.write_text(password + "\n")
            lar.run("add", "mail", "imap", address, "--host", "localhost", "--port", str(server.tls_port), "--authority",
                    str(server.certificate), "--password-file", str(word))

            def count():
                _, _, body = lar.ask("GET", "/api/v1/sources", key=lar.own_key)
                return sum(source["items"] for source in json.loads(body)["sources"])

            def wait_for(number, limit=30):
                begun = time.monotonic()
                while count() != number:
                    assert time.monotonic() - begun < limit, f"{count()} items instead of {number}"
                    time.sleep(0.02)
                return time.monotonic() - begun

            wait_for(7)
            time.sleep(1.5)
            took = []
            for number in range(12):
                folder = "Obras/A&APE-o" if number % 4 == 3 else "INBOX"
                server.append(mail(f"Nuevo {number}"), folder)
                took.append(wait_for(8 + number))
                time.sleep(chance.uniform(0.1, 1.0))
            print(f"         from delivery to store: median {statistics.median(took):.2f} s, slowest {max(took):.2f} s")
            assert max(took) < 2, f"slowest {max(took):.2f} s"
            egress = json.loads(lar.run("egress", "--json"))
            expect(egress["sealed"], False, "sealed")
            shown = [entry["detail"] for entry in egress["entries"]]
            assert any(one["host"] == "localhost" and one["encrypted"] and one["received"] > 1000 for one in shown), shown[:3]
            assert not any("\\Seen" in flags for flags in server.mails().values()), "reading has marked mails as seen"
            # A restart of the server is survived.
            server.stop()
            server.start()
            server.append(mail("Tras el reinicio"))
            lar.run("sync", "--wait")
            expect(count(), 20, "after a restart")
            lar.run("egress", "--seal")
            done = subprocess.run([program, "add", "mail", "imap", "x@example.org", "--host", "192.0.2.1", "--password-file", word],
                                  env=lar.environment, capture_output=True, text=True)
            assert done.returncode != 0 and "192.0.2.1" in done.stderr, done.stderr


class Scripted:
    """A small IMAP server in threads; `lies` may answer a command in the server's stead."""

    def __init__(self, mails=6, lies=None, capabilities="IMAP4rev1 UIDPLUS", context=None):
        self.texts = {uid: mail(f"Guion {uid}", "Frase.", number=f"s{uid}") for uid in range(1, mails + 1)}
        self.lies, self.capabilities, self.context = lies, capabilities, context
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        with contextlib.suppress(OSError, ValueError), connection:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            try:
                self.serve(connection)
            finally:
                connection.shutdown(socket.SHUT_RDWR)

    def serve(self, connection):
        send = lambda text: connection.sendall(text if isinstance(text, bytes) else (text + "\r\n").encode())
        if self.lies and self.lies("greeting", "", send):
            return
        send("* OK hola")
        reader = connection.makefile("rb")
        while line := reader.readline().decode().strip():
            tag, _, rest = line.partition(" ")
            word = rest.split(" ")[0].upper()
            verb = " ".join(rest.split(" ")[:2]).upper() if word == "UID" else word
            if self.lies and (end := self.lies(verb, rest, send)):
                if end == "close":
                    return
            elif verb == "CAPABILITY":
                send("* CAPABILITY " + self.capabilities)
            elif verb == "LIST":
                send('* LIST () "/" INBOX')
            elif verb == "STATUS":
                send(f"* STATUS INBOX (MESSAGES {len(self.texts)} UIDNEXT {max(self.texts, default=9) + 1} UIDVALIDITY 7 UNSEEN 0)")
            elif verb == "EXAMINE":
                send(f"* {len(self.texts)} EXISTS")
                send("* OK [UIDVALIDITY 7] so")
                send(f"* OK [UIDNEXT {max(self.texts, default=9) + 1}] so")
            elif verb == "UID SEARCH":
                send("* SEARCH " + " ".join(map(str, self.texts)))
            elif verb == "UID FETCH":
                self.fetch(rest, send)
            send(tag + " OK hecho")

    def fetch(self, rest, send):
        wanted = set()
        for piece in rest.split(" ")[2].split(","):
            first, _, last = piece.partition(":")
            wanted |= set(range(int(first), (max(self.texts, default=0) if last == "*" else int(last or first)) + 1))
        for sequence, (uid, text) in enumerate(self.texts.items(), 1):
            if uid not in wanted:
                continue
            if piece := re.search(r"BODY.PEEK\[\]<(\d+)\.(\d+)>", rest):
                begin, length = map(int, piece.groups())
                part = text[begin:begin + length]
                send(f"* {sequence} FETCH (UID {uid} BODY[]<{begin}> {{{len(part)}}}\r\n".encode() + part + b")\r\n")
            else:
                number = re.search(rb"Message-ID: (.*)\r\n", text).group(0)
                head = f" BODY[HEADER.FIELDS (MESSAGE-ID)] {{{len(number) + 2}}}\r\n{number.decode()}\r\n" if "HEADER" in rest else ""
                send(f'* {sequence} FETCH (UID {uid} FLAGS () RFC822.SIZE {len(text)} INTERNALDATE "14-May-2026 09:30:00 +0200"{head})')


def lying_servers():
    def once(verb, make):
        return lambda said, rest, send: make(send) if said == verb else None

    def cut_literal(send):
        send(b"* 1 FETCH (UID 1 BODY[]<0> {500}\r\nFrom: somebody")
        return "close"

    def huge_literal(send):
        send("* 1 FETCH (UID 1 BODY[]<0> {4294967290}")
        with contextlib.suppress(OSError):
            for _ in range(2000):
                send(b"x" * 100_000)
        return "close"

    def endless_line(send):
        with contextlib.suppress(OSError):
            send(b"* LIST ")
            for _ in range(5000):
                send(b"(" * 100_000)
        return "close"

    def endless_answers(send):
        with contextlib.suppress(OSError):
            for _ in range(20_000):
                send(b"* 3 FETCH (FLAGS (\\Seen) X " + b"y" * 20_000 + b")\r\n")
        return "close"

    def garbage(send):
        for text in ("* 77 EXPUNGE", "* VANISHED 1:5", "* 3 RECENT", "* FLAGS ()", "* OK [ALERT] ?", '* LIST () "/" INBOX'):
            send(text)

    def empty(verb, rest, send):
        if verb == "STATUS":
            send("* STATUS INBOX (MESSAGES 0 UIDNEXT 7 UIDVALIDITY 7 UNSEEN 0)")
            return True
        if verb == "EXAMINE":
            for text in ("* 0 EXISTS", "* OK [UIDVALIDITY 7] so", "* OK [UIDNEXT 7] so"):
                send(text)
            return True
        if verb == "UID SEARCH":
            send("* SEARCH")
            return True
        return None

    def half_a_list(verb, rest, send):
        if verb == "STATUS":
            send("* STATUS INBOX (MESSAGES 6 UIDNEXT 8 UIDVALIDITY 7 UNSEEN 0)")
            return True
        if verb in ("UID SEARCH",):
            send("* SEARCH 1 2")
            return True
        if verb == "UID FETCH" and "FLAGS" in rest:
            send("* 1 FETCH (UID 1 FLAGS ())")
            return True
        return None

    def no_folders(verb, rest, send):
        return verb == "LIST" or None

    lies = {
        "a literal cut short": (once("UID FETCH", cut_literal), True),
        "a huge literal": (once("UID FETCH", huge_literal), True),
        "a line without end": (once("LIST", endless_line), True),
        "answers without end": (once("UID FETCH", endless_answers), True),
        "garbage unasked": (once("UID FETCH", lambda send: garbage(send)), False),
        "a mailbox suddenly empty": (empty, False),
        "a list that is not whole": (half_a_list, False),
        "no mailboxes": (no_folders, True),
        "goodbye": (once("STATUS", lambda send: send("* BYE now") or "close"), True),
        "no answer that fits": (once("STATUS", lambda send: send("x1 OK what") or "close"), True),
        "bytes that are none": (once("EXAMINE", lambda send: send(bytes(range(256))) or "close"), True),
    }
    for name, (lie, fails) in lies.items():
        server = Scripted()
        home = Home(server.port)
        expect(home.sync()["added"], 6, "honest sync")
        before = [line for line in home.dump().splitlines()]
        server.texts[7] = mail("Guion 7", "Frase.", number="s7")
        if name == "a list that is not whole":
            del server.texts[7]
        server.lies = lie
        begun = time.monotonic()
        status, text = home.try_probe("sync")
        assert (status != 0) == fails, f"{name}: {status} {text[:300]}"
        assert time.monotonic() - begun < 60, f"{name}: {time.monotonic() - begun:.0f} s"
        after = home.dump().splitlines()
        assert set(before[1:]) <= set(after[1:]), f"{name}: something was lost"
        home.probe("check")
        # The same server, honest again.
        server.lies = None
        server.texts.setdefault(7, mail("Guion 7", "Frase.", number="s7"))
        home.sync()
        expect(len(home.dump().splitlines()), 8, f"{name}: after it is honest again")
        home.close()


def says_what_is_wrong():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-wrong-"))
    word, wrong_word = folder / "word", folder / "wrong"
    word.write_text(password + "\n")
    wrong_word.write_text("otra\n")
    context = lambda pair: (made := ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), made.load_cert_chain(*pair))[0]
    expired = make_certificate(folder, "expired", "DNS:localhost", days=-1)
    elsewhere = make_certificate(folder, "elsewhere", "DNS:correo.example")
    echo = socket.create_server(("127.0.0.1", 0))

    def greet():
        while True:
            connection, _ = echo.accept()
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.close()

    threading.Thread(target=greet, daemon=True).start()
    with Dovecot() as server, Lar({}, environment={"LAR_SECRET_KEY": str(folder / "key")}) as lar:
        def add(*arguments, secret=word):
            done = subprocess.run([program, "add", "mail", "imap", address, "--password-file", str(secret), *map(str, arguments)],
                                  env=lar.environment, capture_output=True, text=True)
            return done.returncode, done.stderr
        local = ("--host", "127.0.0.1", "--tls", "none")
        tls = ("--host", "localhost")
        cases = [
            ("wrong password", (*local, "--port", server.port), wrong_word, "does not accept this password"),
            ("closed port", (*local, "--port", free_port()), word, "nothing listens on port"),
            ("not IMAP", (*local, "--port", echo.getsockname()[1]), word, "is no IMAP server"),
            ("expired", (*tls, "--port", Scripted(context=context(expired)).port, "--authority", expired[0]), word, "has expired"),
            ("wrong name", (*tls, "--port", Scripted(context=context(elsewhere)).port, "--authority", elsewhere[0]), word, "is not for localhost"),
            ("untrusted", (*tls, "--port", server.tls_port), word, "vouches for"),
            ("no TLS there", (*tls, "--port", server.port), word, "No encrypted connection"),
            ("no folder", (*local, "--port", server.port, "--folders", "Nada"), word, "no mailbox Nada"),
            ("no STARTTLS", (*local[:2], "--tls", "starttls", "--port", Scripted().port), word, "offers no encryption"),
        ]
        for name, arguments, secret, wanted in cases:
            status, said = add(*arguments, secret=secret)
            assert status != 0 and wanted in said, f"{name}: {status} {said}"
            assert password not in said and "otra" not in said, f"{name}: the password is shown"
        status, said = add(*tls, "--port", server.port, "--tls", "starttls", "--authority", server.certificate)
        expect(status, 0, "STARTTLS " + said)
        assert password not in (lar.folder / "home/secrets.json").read_text(), "the password lies in the clear"
        # The password is changed at the provider: said, and signed in to anew with the new one alone; nothing is read again.
        server.append(mail("Antes", "La valla está pintada."))
        lar.run("sync", "--wait")
        [before] = json.loads(lar.run("sources", "--json"))
        assert before["items"] > 0, before
        server.set_password("cambiada-ayer")
        done = subprocess.run([program, "sync", "--wait"], env=lar.environment, capture_output=True, text=True)
        assert done.returncode == 7 and "does not accept this password" in done.stderr + done.stdout, done
        new_word = folder / "new"
        new_word.write_text("cambiada-ayer\n")
        status, said = add(secret=wrong_word)
        assert status != 0, "a wrong password was kept"
        status, said = add(secret=new_word)
        expect(status, 0, "signed in anew " + said)
        lar.run("sync", "--wait")
        [after] = json.loads(lar.run("sources", "--json"))
        expect((after["id"], after["items"], after["error"]), (before["id"], before["items"], None), "after the new password")
        status, said = add("--host", "127.0.0.1", "--tls", "none", "--port", server.port, secret=new_word)
        assert status != 0 and "like that already" in said, "an account moved to another server: " + said
    shutil.rmtree(folder)


def oauth():
    """A token is renewed with the refresh token, kept, and used; a refusal is told."""
    asked, answer = [], {"status": 200}

    class Tokens(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(answer["status"])
            self.end_headers()
            self.wfile.write(json.dumps({"access_token": f"t{len(asked)}", "expires_in": 3600, "refresh_token": "r2"}).encode()
                             if answer["status"] == 200 else b'{"error": "invalid_grant"}')

        def log_message(self, *_):
            pass

    tokens = http.server.HTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    signed_in = []

    def listen(verb, rest, send):
        if verb == "AUTHENTICATE":
            _, mechanism, given = rest.split(" ")
            signed_in.append((mechanism, base64.b64decode(given).decode()))
            return True
        return None

    server = Scripted(lies=listen, capabilities="IMAP4rev1 AUTH=XOAUTH2 SASL-IR")
    home = Home(server.port, add=False)
    settings = {**home.settings, "oauth": {"token_endpoint": f"http://127.0.0.1:{tokens.server_port}/token", "client_id": "lar"}}
    home.probe("add", "imap", address, json.dumps(settings), json.dumps({"refresh_token": "r1", "client_secret": "s+1"}))
    expect(home.sync()["added"], 6, "with a token")
    home.sync()
    expect(signed_in[-1], ("XOAUTH2", f"user={address}\x01auth=Bearer t2\x01\x01"), "mechanism")
    expect(len(asked), 2, "one token to add, one that is kept")
    assert "refresh_token=r1&client_id=lar&client_secret=s%2B1" in asked[0], asked
    store = (home.folder / "home/secrets.json").read_text()
    assert "t2" not in json.loads(store) and "r2" not in store.split('"')
    answer["status"] = 400
    broken = Home(server.port, add=False)
    status, said = broken.try_probe("add", "imap", address, json.dumps(settings), "r9")
    assert status != 0 and "imap.token_refused" in said, said
    home.close()
    broken.close()


def servers_life():
    """Validity, password, quota, a large mail, a server that is down."""
    with Dovecot(quota="60M") as server:
        fill(server, 12)
        with home_of(server) as home:
            home.sync()
            before = home.items()
            server.stop()
            listing = server.folder / "mail" / address / "dovecot-uidlist"
            text = listing.read_text()
            listing.write_text(re.sub(r"^3 V\d+", "3 V1234567890", text))
            for old in (server.folder / "mail" / address).glob("dovecot.index*"):
                old.unlink()
            status, said = home.try_probe("sync")
            assert status != 0 and "net.port_closed" in said, said
            expect(len(home.items()), len(before), "with the server down")
            server.start()
            report = home.sync()
            expect((report["added"], report["removed"]), (0, 0), "UIDVALIDITY changed")
            places = [place[1] for item in home.items().values() for place in item["places"] if place[0] == "INBOX"]
            assert all(uid.startswith("1234567890.") for uid in places), places[:3]
            server.set_password("cambiada")
            status, said = home.try_probe("sync")
            assert status != 0 and "imap.password_wrong" in said, said
            expect(len(home.items()), len(before), "with a wrong password")
            server.set_password(password)
            # 50 MB, fetched in pieces; as base64, the way large mails are.
            large = email.message_from_bytes(mail("Enorme", "Las fotos de la valla."), policy=email.policy.default)
            large.add_attachment(chance.randbytes(37 * 1024 * 1024), maintype="application", subtype="octet-stream",
                                 filename="fotos.bin")
            server.append(large.as_bytes())
            process = home.start("sync")
            peak = 0
            while process.poll() is None:
                with contextlib.suppress(OSError, AttributeError):
                    peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text()).group(1)))
                time.sleep(0.05)
            said = process.communicate()
            assert process.returncode == 0, said
            print(f"         a mail of 50 MB: at most {peak // 1024} MB resident")
            assert "Enorme" in home.items(), said
            assert "\\Seen" not in server.mails()[max(server.mails())], "reading has marked a mail as seen"
            full = home.apply(kind="append", bytes=mail("Demasiado", "x " * 6_000_000).decode())
            assert "imap.quota" in full, full
            home.probe("check")


def kills():
    with Dovecot() as server:
        with server.phone() as client:
            client.create("Obras")
        for number in range(150):
            server.append(mail(f"Aviso {number}", f"El aviso {number} trata de la valla. " * 40, number=f"k{number}"),
                          "INBOX" if number % 3 else "Obras")
        calm = Home(server.port)
        begun = time.monotonic()
        calm.sync()
        length = time.monotonic() - begun
        measure = calm.dump()
        home = Home(server.port)
        for _ in range(int(os.environ.get("LAR_KILLS", "6"))):
            process = home.start("sync")
            time.sleep(chance.uniform(0.05, length * 0.8))
            process.kill()
            process.communicate()
            home.probe("check")
        for _ in range(3):
            process = home.start("sync")
            time.sleep(chance.uniform(0.05, length * 0.5))
            server.stop(signal.SIGKILL)
            process.communicate(timeout=120)
            home.probe("check")
            server.start()
        home.sync()
        home.sync()
        expect(sorted(home.dump().splitlines()), sorted(measure.splitlines()), "content after the kills")
        calm.close()
        home.close()


if __name__ == "__main__":
    if not (shutil.which("dovecot") or os.path.exists("/usr/sbin/dovecot")):
        sys.exit("dovecot is missing: scripts/setup-packages.sh servers")
    run_checks([
        (first_sync, "first sync: folders, labels, nothing marked as read"),
        (both_ways, "flags, moves, copies, deletions, drafts, both ways"),
        (says_what_is_wrong, "adding an account says what is wrong"),
        (oauth, "OAuth 2: a token is renewed, kept and used"),
        (servers_life, "UIDVALIDITY, password, quota, 50 MB, server down"),
        (idle_latency, "new mail within 2 s, egress, sealed"),
        (kills, "kill -9 of lar and of the server in the middle of a sync"),
        (lying_servers, "servers that lie"),
    ])
