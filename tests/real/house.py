"""A household with real servers: mail at Dovecot, calendars at Radicale, sending through an SMTP server (aiosmtpd) that
keeps what arrives; and a lar of its own on top. For tests of what lar does to the outside and for the demonstration.

Needs the environment of scripts/requirements-dav.txt.
"""
import asyncio
import email
import email.policy
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))
for name in ("LAR_DAV_PROBE", "LAR_SYNC_PROBE"):  # these modules ask for them; nothing here uses them
    os.environ.setdefault(name, "/nonexistent")
import dav  # noqa: E402
import imap  # noqa: E402
from running import end_serve, program, start_serve  # noqa: E402
from households import UnixConnection  # noqa: E402


def until(condition, seconds=30, what="it never came true"):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(what)
        time.sleep(0.05)


class Sink:
    """A submission server for one account. `hold`: "before" or "after" it has taken a mail it stops answering, until
    `release()`; `refuse`: addresses it does not know."""

    def __init__(self, user, password):
        self.user, self.password = user, password
        self.arrived, self.refuse, self.hold, self.reached = [], set(), None, 0
        self.controller = None
        self.port = imap.free_port()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def wait(self, when):
        while self.hold == when:
            self.reached += 1
            await asyncio.sleep(0.02)

    async def handle_DATA(self, server, session, envelope):
        await self.wait("before")
        self.arrived.append(envelope)
        await self.wait("after")
        return "250 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (self.user.encode(), self.password.encode())
        return AuthResult(success=good, handled=False)

    def mails(self):
        return [email.message_from_bytes(one.content, policy=email.policy.default) for one in self.arrived]

    def start(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port,
                                     server_kwargs=dict(authenticator=self.authenticate, auth_required=True, auth_require_tls=False,
                                                        enable_SMTPUTF8=True))
        self.controller.start()
        return self

    def drop(self):
        """Ends with its connections open, as by kill -9: whoever waits for an answer gets none."""
        loop = self.controller.loop

        def cut():
            for task in asyncio.all_tasks(loop):
                task.cancel()
        loop.call_soon_threadsafe(cut)
        self.stop()

    def stop(self):
        self.hold = None
        if self.controller:
            self.controller.stop()
            self.controller = None


class House:
    """`own`: the owner's address at the mail server. Everything ends with the block."""

    def __init__(self, own="ana@example.org", name="Ana", zone="Europe/Madrid", environment=None, calendar="Home", between=False):
        self.own, self.name, self.zone, self.calendar_name, self.with_between = own, name, zone, calendar, between
        self.more = environment or {}

    def __enter__(self):
        imap.address, dav.user = self.own, self.own
        dav.Radicale.user = self.own
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-house-"))
        self.dav_folder = dav.Folder().__enter__()
        self.server = None
        self.dovecot = imap.Dovecot().start()
        self.sink = Sink(self.own, imap.password).start()
        self.radicale = dav.Radicale(self.dav_folder)
        self.calendar = self.radicale.calendar(self.calendar_name)
        self.between = dav.Between(self.dav_folder, self.radicale) if self.with_between else None
        (self.folder / "mail.password").write_text(imap.password + "\n")
        (self.folder / "dav.password").write_text(dav.password + "\n")
        household = {"name": "Casa", "owner": {"name": self.name, "addresses": [self.own]}, "zone": self.zone}
        (self.folder / "household.json").write_text(json.dumps(household))
        self.environment = dict(os.environ, LAR_HOME=str(self.folder / "home"), LAR_SECRET_KEY=str(self.folder / "key"), TZ=self.zone,
                                LC_ALL="C.UTF-8", LAR_LANGUAGE="en", LAR_MODELS=str(self.folder / "no-models"),
                                ASAN_OPTIONS="quarantine_size_mb=16", **self.more)
        self.lar("init", "--household", self.folder / "household.json")
        return self

    def __exit__(self, *_):
        self.stop()
        self.sink.stop()
        self.dovecot.__exit__()
        self.dav_folder.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- lar ----

    def lar(self, *words, code=0):
        done = subprocess.run([program, *map(str, words)], env=self.environment, capture_output=True, text=True, timeout=120)
        assert "Sanitizer" not in done.stderr, done.stderr[:4000]
        if done.returncode != code:
            raise AssertionError(f"lar {' '.join(map(str, words))}: exit {done.returncode}, not {code}: {done.stdout[:500]}{done.stderr[:800]}")
        return done.stdout if code == 0 else done.stderr + done.stdout

    def json(self, *words, code=0):
        return json.loads(self.lar(*words, "--json", code=code))

    def add_mail(self, *more, code=0):
        return self.lar("add", "mail", "imap", self.own, "--host", "127.0.0.1", "--port", self.dovecot.port, "--tls", "none",
                        "--password-file", self.folder / "mail.password", *more, code=code)

    def smtp(self):
        return ("--smtp", f"127.0.0.1:{self.sink.port}", "--smtp-tls", "none")

    def add_calendar(self):
        url = self.between.url if self.between else self.radicale.url
        return self.lar("add", "calendar", "caldav", url, "--user", self.own, "--password-file", self.folder / "dav.password",
                        "--interval", "1")

    def add_contacts(self):
        """An address book at Radicale; gives its path there."""
        path = self.radicale.contacts()
        url = self.between.url if self.between else self.radicale.url
        self.lar("add", "contacts", "carddav", url, "--user", self.own, "--password-file", self.folder / "dav.password", "--interval", "1")
        return path

    def serve(self):
        self.server, said = start_serve(program, self.environment)
        self.address = said["address"]
        return self

    def stop(self, how=signal.SIGTERM):
        if self.server is None:
            return
        if how == signal.SIGKILL:
            self.server.kill()
            self.server.wait(20)
        else:
            end_serve(self.server)
        self.server.stdout.close()
        self.server = None

    # ---- what lar shows ----

    def cards(self, kind=None, message=None):
        return [card for card in self.json("cards")["cards"]
                if kind in (None, card["kind"]) and (message is None or any(e["external_id"] == message for e in card["evidence"]))]

    def card(self, kind, message=None, seconds=40):
        return until(lambda: self.cards(kind, message), seconds, f"no card {kind} {message or ''}")[0]

    def action(self, number, kind, state=None):
        found = [one for one in self.json("cards", number)["actions"] if one["kind"] == kind and state in (None, one["state"])]
        return found[-1] if found else None

    def approve(self, number, kind, *more, code=0):
        action = until(lambda: self.action(number, kind, "proposed"), 20, f"card {number} proposes no {kind}")
        words = ("approve", number, "--action", action["position"], *more)
        return self.json(*words) if code == 0 else self.lar(*words, code=code)

    def call(self, method, path, body=None):
        """A request to the running `lar serve`."""
        connection = UnixConnection(str(self.folder / "home/run/lar.sock"), 120)
        try:
            connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None,
                               {"Accept": "application/json", "Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())
            assert answer.status < 400, value
            return value
        finally:
            connection.close()

    def state(self, action):
        return [one for one in self.call("GET", "/actions")["actions"] if one["id"] == action["id"]][0]["state"]

    # ---- what lies at the servers ----

    def events(self):
        """UID → object, as another device sees them."""
        found = {}
        for one in self.calendar.events():
            found[str(one.icalendar_component["UID"])] = one
        return found

    def folder_mails(self, folder):
        with self.dovecot.phone() as client:
            client.select(f'"{folder}"', readonly=True)
            _, lines = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
            return [email.message_from_bytes(line[1], policy=email.policy.default) for line in lines if isinstance(line, tuple)]

    def receive(self, *arguments, **more):
        text = imap.mail(*arguments, to=self.own, **more)
        self.dovecot.append(text)
        return email.message_from_bytes(text)["Message-ID"].strip("<>")
