"""lar against real calendar servers: Radicale and Xandikos, with the `caldav` package as the second device.

    dav.py [CHECK …]      run with the environment of scripts/requirements-dav.txt and
                          LAR_DAV_PROBE=build/dev/dav_probe LAR_SYNC_PROBE=build/dev/sync_probe

Everything lar does to an account is done here both ways: whole cycles, edits of one event on two devices, servers and lar
killed in the middle, answers that get lost, certificates that have expired, calendars that never end.
"""
import base64
import datetime
import http.client
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

import caldav
from running import end_serve, program, run_checks, start_serve

probe = os.environ["LAR_DAV_PROBE"]
sync_probe = os.environ["LAR_SYNC_PROBE"]
user, password = "ana@example.org", "correct horse"
checks = []
environment = dict(os.environ, LAR_NOW="2026-05-14T09:30:00+02:00", LAR_ZONE="Europe/Madrid", LC_ALL="C.UTF-8")


def check(*servers):
    """One check for each kind of server, or one."""
    def register(function):
        for server in servers or [None]:
            def run(function=function, server=server):
                with Folder() as folder:
                    try:
                        function(folder) if server is None else function(folder, server)
                    except AssertionError as error:
                        frames = traceback.extract_tb(error.__traceback__)
                        line = [f for f in frames if f.name == function.__name__][-1]
                        raise AssertionError(f"line {line.lineno}: {line.line}: {error}") from error
            run.__name__ = function.__name__
            checks.append((run, f"{function.__name__}{' ' + server.__name__ if server else ''}"))
        return function
    return register


def until(condition, seconds=20, what="it never came true"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(what)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Folder:
    """A temporary folder and what was started in it."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="lar-dav-"))
        self.running = []
        return self

    def __exit__(self, *_):
        for one in reversed(self.running):
            one.stop()
        shutil.rmtree(self.path, ignore_errors=True)


# ---- the servers ----

class Server:
    def __init__(self, folder, certificate=None):
        self.folder, self.certificate, self.port = folder, certificate, free_port()
        self.data = folder.path / f"data-{self.port}"
        self.data.mkdir()
        self.process = None
        folder.running.append(self)
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: can_connect(self.port) or self.process.poll() is not None, what="the server did not start")
        assert self.process.poll() is None, "the server ended at its start"

    def stop(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        if self.process:
            self.process.wait(20)

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}/"

    def raw(self, method, path, body=None, port=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.user:
            head["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        connection.request(method, path, body.encode() if body else None, head)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def device(self):
        """Another device of the same person."""
        return caldav.DAVClient(self.url, username=self.user or None, password=password if self.user else None)

    def calendar(self, name="Home"):
        with_name = [c for c in self.device().principal().calendars() if c.get_display_name() == name]
        return with_name[0] if with_name else self.device().principal().make_calendar(name=name)

    def put(self, calendar, name, text):
        status, _, said = self.raw("PUT", calendar.url.path + name, text, Content_Type="text/calendar; charset=utf-8")
        assert status in (201, 204), f"{status} {said}"

    def get(self, folder, name):
        status, head, text = self.raw("GET", folder + name)
        return (head.get("ETag"), text) if status == 200 else (None, None)


class Radicale(Server):
    user = user

    def command(self):
        (self.folder.path / "users").write_text(f"{user}:{password}\n")
        settings = f"""
[server]
hosts = 127.0.0.1:{self.port}
max_connections = 40
{'ssl = True' if self.certificate else ''}
{f'certificate = {self.certificate[0]}' if self.certificate else ''}
{f'key = {self.certificate[1]}' if self.certificate else ''}
[auth]
type = htpasswd
htpasswd_filename = {self.folder.path}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {self.data}
[logging]
level = error
"""
        file = self.folder.path / f"radicale-{self.port}.conf"
        file.write_text(settings)
        return [sys.executable, "-m", "radicale", "--config", str(file)]

    def forget_tokens(self):
        for kept in self.data.rglob("sync-token"):
            shutil.rmtree(kept)

    def contacts(self):
        path = f"/{user}/contacts/"
        status, _, said = self.raw("MKCOL", path, '<?xml version="1.0"?><mkcol xmlns="DAV:" '
                                   'xmlns:C="urn:ietf:params:xml:ns:carddav"><set><prop><resourcetype><collection/>'
                                   '<C:addressbook/></resourcetype><displayname>People</displayname></prop></set></mkcol>')
        assert status == 201, f"{status} {said}"
        return path


class Xandikos(Server):
    user = ""

    def command(self):
        return [sys.executable, "-m", "xandikos", "serve", "--directory", str(self.data), "--listen-address", "127.0.0.1",
                "--port", str(self.port), "--current-user-principal", "/ana/", "--defaults", "--no-detect-systemd",
                "--state-dir", str(self.folder.path / "state")]

    def forget_tokens(self):
        """Its tokens are names of trees in git and never expire."""

    def contacts(self):
        return "/ana/contacts/addressbook/"


class Between(http.server.ThreadingHTTPServer):
    """Stands between lar and a server: notes what goes by, and loses or refuses what it is told to."""
    daemon_threads = True

    def __init__(self, folder, server):
        self.server, self.seen, self.lose, self.refuse, self.after = server, [], set(), {}, None
        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        folder.running.append(self)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def stop(self):
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, *_):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        between = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        between.seen.append((self.command, self.path, body))
        for mark, status in between.refuse.items():
            if mark in body:
                self.answer(status, {}, b'<?xml version="1.0"?><error xmlns="DAV:"><valid-sync-token/></error>')
                return
        if between.after:
            between.after(len(between.seen))
        connection = http.client.HTTPConnection("127.0.0.1", between.server.port, timeout=30)
        try:
            connection.request(self.command, self.path, body, {k: v for k, v in self.headers.items()
                                                               if k.lower() not in ("connection", "content-length")})
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        finally:
            connection.close()
        if self.command in between.lose:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.answer(answer.status, dict(answer.getheaders()), said)

    def answer(self, status, head, said):
        self.send_response_only(status)
        for name, value in head.items():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_PUT = do_DELETE = do_PROPFIND = do_REPORT = do_OPTIONS = pass_on

    def log_message(self, *_):
        pass


# ---- lar ----

class Home:
    """A home of lar's, worked on by the probe."""

    def __init__(self, folder):
        self.path = folder.path / f"home-{free_port()}"

    def run(self, *arguments, fails=False, timeout=300, **more):
        done = subprocess.run([probe, str(self.path), *arguments], env=dict(environment, **more), capture_output=True,
                              text=True, timeout=timeout)
        assert done.stdout, f"{arguments[0]}: exit {done.returncode} {done.stderr[-1500:]}"
        answer = json.loads(done.stdout)
        if fails:
            assert done.returncode == 1, answer
            return (answer[0] if isinstance(answer, list) else answer)["error"]
        assert done.returncode == 0, answer
        return answer

    def add(self, server, kind="caldav", url=None, fails=False, secret=password, **settings):
        named = {"user": server.user} if server.user else {}
        return self.run("add", kind, url or server.url, json.dumps({**named, **settings}), secret if server.user else "",
                        fails=fails)

    def sync(self, **more):
        answer = self.run("sync", **more)
        return answer if more.get("fails") else answer[0]

    def items(self):
        return {item["uid"]: item for item in self.run("items")}

    def apply(self, what, fails=False, **more):
        return self.run("apply", json.dumps({"do": what, **more}), fails=fails)

    def dump(self):
        return self.outside("dump")

    def outside(self, what):
        done = subprocess.run([sync_probe, str(self.path), what], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def event(uid, title, start="20260520T093000", more="", hours=1):
    begin = datetime.datetime.strptime(start, "%Y%m%dT%H%M%S")
    end = (begin + datetime.timedelta(hours=hours)).strftime("%Y%m%dT%H%M%S")
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Madrid\r\n"
            "BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\n"
            "TZOFFSETTO:+0100\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\n"
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\n"
            f"END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n"
            f"DTSTART;TZID=Europe/Madrid:{start}\r\nDTEND;TZID=Europe/Madrid:{end}\r\nSUMMARY:{title}\r\n{more}"
            "END:VEVENT\r\nEND:VCALENDAR\r\n")


def starts(item):
    return [one["start"] for one in item["occurrences"]]


# ---- the checks ----

@check(Radicale, Xandikos)
def whole_cycle(folder, kind):
    server, home = kind(folder), Home(folder)
    calendar = server.calendar()
    server.put(calendar, "one.ics", event("one", "Dentist", more="X-UNKNOWN;X-P=1:kept\r\nLOCATION:Here\r\n"))
    server.put(calendar, "weekly.ics", event("weekly", "Team", more="RRULE:FREQ=WEEKLY;COUNT=4\r\n"
                                             "EXDATE;TZID=Europe/Madrid:20260603T093000\r\nATTENDEE;PARTSTAT=ACCEPTED:"
                                             "mailto:carl@example.org\r\n"))
    home.add(server)
    assert home.sync()["added"] == 2
    items = home.items()
    assert items["one"]["title"] == "Dentist" and starts(items["one"]) == ["2026-05-20T09:30:00+02:00"], items["one"]
    assert len(starts(items["weekly"])) == 3, items["weekly"]
    again = home.sync()
    assert again["unchanged"] == 2 and not again["added"] + again["changed"] + again["removed"], again

    # The other device.
    server.put(calendar, "one.ics", event("one", "Dentist, later", "20260521T100000", more="X-UNKNOWN;X-P=1:kept\r\n"))
    server.put(calendar, "two.ics", event("two", "New"))
    server.raw("DELETE", calendar.url.path + "weekly.ics")
    report = home.sync()
    assert (report["added"], report["changed"], report["removed"]) == (1, 1, 1), report
    assert set(home.items()) == {"one", "two"}
    assert starts(home.items()["one"]) == ["2026-05-21T10:00:00+02:00"]

    # lar.
    made = home.apply("create", title="Lunch, with Bea", start="2026-05-22T14:00:00+02:00", end="2026-05-22T15:00:00+02:00",
                      zone="Europe/Madrid", place="Corner", rule="FREQ=DAILY;COUNT=3", folder="Home")
    home.apply("change", uid="one", title="Dentist, moved", start="2026-05-25T08:00:00Z")
    home.apply("remove", uid="two")
    _, text = server.get(calendar.url.path, "one.ics")
    assert "SUMMARY:Dentist\\, moved" in text and "20260525T100000" in text and "kept" in text, text
    assert server.get(calendar.url.path, "two.ics")[1] is None
    seen = [e for e in calendar.events() if e.icalendar_component["SUMMARY"] == "Lunch, with Bea"]
    assert len(seen) == 1 and seen[0].icalendar_component["DTSTART"].dt.utcoffset() == datetime.timedelta(hours=2)
    assert server.raw("HEAD", made["folder"] + made["name"])[0] == 200
    report = home.sync()
    assert set(i["title"] for i in home.items().values()) == {"Dentist, moved", "Lunch, with Bea"}, report
    again = home.sync()
    assert not again["added"] + again["changed"] + again["removed"], again

    # One occurrence of a series, and back at the other device.
    lunch = next(i for i in home.items().values() if i["title"].startswith("Lunch"))
    second = lunch["occurrences"][1]
    home.apply("change", uid=lunch["uid"], occurrence=second["id"], title="Lunch alone", start="2026-05-23T13:00:00Z")
    home.sync()
    lunch = home.items()[lunch["uid"]]
    assert [(o["title"], o["start"]) for o in lunch["occurrences"]] == [
        ("Lunch, with Bea", "2026-05-22T14:00:00+02:00"), ("Lunch alone", "2026-05-23T15:00:00+02:00"),
        ("Lunch, with Bea", "2026-05-24T14:00:00+02:00")], lunch
    expanded = calendar.search(start=datetime.datetime(2026, 5, 22), end=datetime.datetime(2026, 5, 26), event=True,
                               expand=True)
    assert sorted(str(e.icalendar_component["SUMMARY"]) for e in expanded if "Lunch" in e.icalendar_component["SUMMARY"]) == [
        "Lunch alone", "Lunch, with Bea", "Lunch, with Bea"]
    home.apply("change", uid=lunch["uid"], occurrence=lunch["occurrences"][2]["id"], leave_out=True)
    home.sync()
    assert len(home.items()[lunch["uid"]]["occurrences"]) == 2
    home.outside("check")


@check(Radicale, Xandikos)
def address_book(folder, kind):
    server, home = kind(folder), Home(folder)
    path = server.contacts()
    for name in ("bea", "carl"):
        card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{name}\r\nFN:{name.title()} Soto\r\nN:Soto;{name.title()};;;\r\n" \
               f"EMAIL:{name}@example.org\r\nEND:VCARD\r\n"
        assert server.raw("PUT", f"{path}{name}.vcf", card, Content_Type="text/vcard")[0] in (201, 204)
    home.add(server, "carddav")
    assert home.sync()["added"] == 2
    assert home.items()["bea"]["title"] == "Bea Soto"
    server.raw("DELETE", path + "carl.vcf")
    home.sync()
    assert set(home.items()) == {"bea"}


@check(Radicale, Xandikos)
def two_devices_edit_one_event(folder, kind):
    server, home = kind(folder), Home(folder)
    calendar = server.calendar()
    server.put(calendar, "one.ics", event("one", "Dentist"))
    home.add(server)
    home.sync()
    server.put(calendar, "one.ics", event("one", "Dentist of the other device"))
    for wanted in ({"what": "change", "title": "lar's"}, {"what": "remove"}):
        assert home.apply(**wanted, uid="one", fails=True) == "source.conflict"
    assert "of the other device" in server.get(calendar.url.path, "one.ics")[1]
    # The newer version is there to be shown beside lar's own; changed again, it goes through.
    home.sync()
    assert home.items()["one"]["title"] == "Dentist of the other device"
    home.apply("change", uid="one", title="Agreed")
    assert "SUMMARY:Agreed" in server.get(calendar.url.path, "one.ics")[1]
    home.sync()
    server.raw("DELETE", calendar.url.path + "one.ics")
    assert home.apply("change", uid="one", title="Too late", fails=True) == "source.conflict"
    # A new one does not take the place of another.
    home.apply("create", uid="new", title="First", start="2026-06-01")
    assert home.apply("create", uid="new", title="Second", start="2026-06-01", fails=True) == "source.conflict"


def listed(between, calendar):
    """Whether the calendar's objects were listed."""
    where = urllib.parse.unquote(calendar.url.path)
    return any(method == "PROPFIND" and urllib.parse.unquote(path) == where for method, path, _ in between.seen)


@check(Radicale, Xandikos)
def a_refused_token_costs_a_listing_and_nothing_else(folder, kind):
    server, home = kind(folder), Home(folder)
    between = Between(folder, server)
    calendar = server.calendar()
    for number in range(7):
        server.put(calendar, f"{number}.ics", event(f"e{number}", f"Event {number}"))
    home.add(server, url=between.url)
    home.sync()
    server.raw("DELETE", calendar.url.path + "3.ics")
    server.put(calendar, "5.ics", event("e5", "Changed"))
    server.forget_tokens()
    if kind is Xandikos:
        between.refuse[b"sync-collection"] = 403
    between.seen.clear()
    report = home.sync()
    assert (report["changed"], report["removed"]) == (1, 1), report
    assert any(b"sync-collection" in body for _, _, body in between.seen), between.seen
    assert listed(between, calendar)
    between.refuse.clear()
    between.seen.clear()
    server.put(calendar, "6.ics", event("e6", "Changed too"))
    assert home.sync()["changed"] == 1
    assert not listed(between, calendar), "a listing again"


@check(Radicale, Xandikos)
def an_idle_account_costs_one_request(folder, kind):
    server, home = kind(folder), Home(folder)
    between = Between(folder, server)
    calendar = server.calendar()
    server.put(calendar, "one.ics", event("one", "Dentist"))
    home.add(server, url=between.url, interval=1)
    home.sync()
    between.seen.clear()
    changed = threading.Timer(3.4, lambda: server.put(calendar, "two.ics", event("two", "New")))
    changed.start()
    waited = home.run("wait")["seconds"]
    assert 3 < waited < 7, waited
    assert {method for method, _, _ in between.seen} == {"PROPFIND"} and len(between.seen) <= round(waited) + 1, between.seen
    between.seen.clear()
    home.sync()
    assert len(between.seen) == 3, [seen[:2] for seen in between.seen]  # collections, changes, the object


def fill(server, count):
    calendar = server.calendar()
    dice = random.Random(1)
    for number in range(count):
        more = "RRULE:FREQ=WEEKLY;COUNT=20\r\n" if number % 3 == 0 else ""
        server.put(calendar, f"{number}.ics", event(f"e{number}", f"Event {number} {'x' * dice.randrange(200)}", more=more))
    return calendar


@check(Radicale)
def lar_killed_in_the_middle(folder, kind):
    server = kind(folder)
    fill(server, 160)
    calm = Home(folder)
    calm.add(server)
    started = time.monotonic()
    calm.sync()
    length = time.monotonic() - started
    home, dice = Home(folder), random.Random()
    home.add(server)
    for _ in range(4):
        process = subprocess.Popen([probe, str(home.path), "sync"], env=environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0.1, length))
        process.kill()
        process.wait()
        home.outside("check")
    home.sync()
    assert home.dump() == calm.dump(), "not the content of an undisturbed run"
    assert home.sync()["unchanged"] == 160
    home.outside("check")


@check(Radicale, Xandikos)
def server_killed_in_the_middle(folder, kind):
    server = kind(folder)
    between = Between(folder, server)
    calendar = fill(server, 160)
    calm = Home(folder)
    calm.add(server, url=between.url)
    calm.sync()
    home = Home(folder)
    home.add(server, url=between.url)
    between.seen.clear()
    between.after = lambda count: server.stop() if count == 4 else None
    assert home.sync(fails=True) in ("net.broken", "net.unreachable")
    between.after = None
    # While it is down nothing is lost, and it is named as the reason.
    held = len(home.items())
    assert home.sync(fails=True) in ("net.broken", "net.unreachable") and len(home.items()) == held
    server.start()
    home.sync()
    assert home.dump() == calm.dump(), "not the content of an undisturbed run"
    server.raw("DELETE", calendar.url.path + "7.ics")
    assert home.sync()["removed"] == 1


@check(Radicale)
def an_answer_that_is_lost(folder, kind):
    server, home = kind(folder), Home(folder)
    between = Between(folder, server)
    calendar = server.calendar()
    server.put(calendar, "one.ics", event("one", "Dentist"))
    home.add(server, url=between.url)
    home.sync()
    # Lost once, but the server can be asked: it was done.
    between.lose = {"PUT"}
    made = home.apply("create", uid="new", title="Lunch", start="2026-06-01T12:00:00Z", end="2026-06-01T13:00:00Z")
    assert made["name"] == "new.ics" and made["etag"]
    # The server cannot be asked either: nobody knows.
    between.lose = {"PUT", "GET", "DELETE"}
    assert home.apply("create", uid="next", title="Dinner", start="2026-06-02", fails=True) == "source.uncertain"
    assert home.apply("remove", uid="one", fails=True) == "source.uncertain"
    between.lose = set()
    home.sync()
    titles = sorted(i["title"] for i in home.items().values())
    assert titles == ["Dinner", "Lunch"], titles
    server.stop()
    assert home.apply("remove", uid="new", fails=True) in ("source.uncertain", "net.unreachable")


@check(Radicale)
def what_is_wrong_is_said(folder, kind):
    server, home = kind(folder), Home(folder)
    assert home.add(server, fails=True) == "dav.no_calendars"
    server.calendar()
    assert home.add(server, fails=True, secret="wrong") == "dav.password"
    assert home.add(server, fails=True, url="http://127.0.0.1:1/") == "net.unreachable"
    assert home.add(server, fails=True, url="https://nowhere.invalid/") == "net.unknown_host"
    assert home.add(server, fails=True, url=server.url.replace("http:", "https:")) == "net.no_encryption"
    assert home.add(server, fails=True, calendars=["Nobody's"]) == "dav.no_such_collection"
    assert home.add(server, fails=True, kind="carddav") == "dav.no_contacts"
    added = home.add(server, calendars=["Home"])
    assert added["settings"]["user"] == user and password not in json.dumps(added)
    # The password is changed at the server later.
    (folder.path / "users").write_text(f"{user}:other\n")
    server.stop()
    server.command = lambda plain=server.command: (plain(), (folder.path / "users").write_text(f"{user}:other\n"))[0]
    server.start()
    assert home.sync(fails=True) == "dav.password"


def certificate(folder, name, days, authority=None):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder.path)
    if authority is None:
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj",
                "/CN=Test authority", "-days", "3650")
    else:
        (folder.path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=server")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", str(days), "-extfile", "names")
    return folder.path / f"{name}.pem", folder.path / f"{name}.key"


@check(Radicale)
def certificates(folder, kind):
    trusted, _ = certificate(folder, "authority", 3650)
    good = kind(folder, certificate(folder, "good", 30, "authority"))
    # Expired yesterday. openssl takes negative days.
    expired = kind(folder, certificate(folder, "expired", -1, "authority"))
    # A calendar to be found, made without TLS on the same data.
    good.stop()
    good.certificate, kept = None, good.certificate
    good.start()
    good.calendar()
    good.stop()
    good.certificate = kept
    good.start()
    home = Home(folder)
    assert home.add(good, fails=True) == "net.certificate", "signed by nobody known"

    def added(server, fails):
        return home.run("add", "caldav", server.url, json.dumps({"user": user}), password, fails=fails,
                        SSL_CERT_FILE=str(trusted))
    assert added(expired, True) == "net.certificate"
    assert added(good, False)["location"].startswith("https://127.0.0.1")


@check(Radicale)
def calendars_that_never_end(folder, kind):
    server, home = kind(folder), Home(folder)
    calendar = server.calendar()
    server.put(calendar, "endless.ics", event("endless", "Every second", more="RRULE:FREQ=SECONDLY\r\n"))
    server.put(calendar, "daily.ics", event("daily", "Every day", more="RRULE:FREQ=DAILY\r\n"))
    server.put(calendar, "open.ics", event("open", "No end").replace("DTEND;TZID=Europe/Madrid:20260520T103000\r\n", ""))
    storm = "".join(f"BEGIN:VEVENT\r\nUID:storm{n}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260601T{n % 24:02}0000Z\r\n"
                    f"SUMMARY:Win a prize {n}\r\nEND:VEVENT\r\n" for n in range(2000))
    whole = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + storm + "END:VCALENDAR\r\n"
    status, _, said = server.raw("PUT", f"/{user}/storm/", whole, Content_Type="text/calendar; charset=utf-8")
    assert status == 201, f"{status} {said}"
    home.add(server)
    started = time.monotonic()
    report = home.sync()
    took = time.monotonic() - started
    items = home.items()
    assert len(items) == 2003 and report["failed"] == 0, report
    assert len(items["endless"]["occurrences"]) <= 2000 and len(items["daily"]["occurrences"]) > 600
    assert starts(items["open"]) == ["2026-05-20T09:30:00+02:00"]
    print(f"         a storm of 2,000 events took {took:.1f} s", flush=True)
    assert took < 120, took


@check()
def a_published_calendar(folder):
    class Published:
        port = user = None
    text = {"etag": '"1"', "body": event("one", "Match").replace("VERSION:2.0", "VERSION:2.0\r\nX-WR-CALNAME:Matches"),
            "status": 200, "asked": []}

    class Publisher(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            text["asked"].append(self.headers.get("If-None-Match"))
            if text["status"] == 200 and self.headers.get("If-None-Match") == text["etag"]:
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(text["status"])
            self.send_header("ETag", text["etag"])
            self.end_headers()
            self.wfile.write(text["body"].encode())

        def log_message(self, *_):
            pass

    publisher = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    thread = threading.Thread(target=publisher.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    publisher.stop = lambda: (publisher.shutdown(), publisher.server_close(), thread.join())
    folder.running.append(publisher)
    server, home = Published(), Home(folder)
    server.url, server.user = f"http://127.0.0.1:{publisher.server_address[1]}/a.ics?key=1", ""
    assert home.add(server, "ics_url")["name"] == "Matches"
    assert home.sync()["added"] == 1
    assert home.items()["one"]["origin"] == "web"
    home.sync()
    assert text["asked"][-1] == '"1"', text["asked"]
    text.update(etag='"2"', body=event("two", "Another"))
    report = home.sync()
    assert (report["added"], report["removed"]) == (1, 1), report
    text.update(etag='"3"', body="<html>Sign in</html>")
    assert home.sync(fails=True) == "source.not_a_calendar" and set(home.items()) == {"two"}
    text.update(status=404)
    assert home.sync(fails=True) == "dav.missing" and set(home.items()) == {"two"}
    text.update(status=200, etag='"4"', body=event("two", "Cut short")[:-20])
    assert home.sync(fails=True) == "ics.truncated" and set(home.items()) == {"two"}
    assert home.apply("remove", uid="two", fails=True) == "source.read_only"
    text.update(etag='"5"', body="BEGIN:VCALENDAR\r\n" + "X" * (17 << 20))
    assert home.sync(fails=True) == "net.too_large" and set(home.items()) == {"two"}


@check(Radicale)
def the_program_itself(folder, kind):
    server = kind(folder)
    calendar = server.calendar()
    server.put(calendar, "one.ics", event("one", "Dentist"))
    (folder.path / "password").write_text(password + "\n")
    more = dict(environment, LAR_HOME=str(folder.path / "home"), LAR_SECRET_KEY=str(folder.path / "key"))
    more.pop("LAR_NOW")

    def lar(*arguments, code=0):
        done = subprocess.run([program, *arguments], env=more, capture_output=True, text=True)
        assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout + done.stderr
    wrong = subprocess.run([program, "add", "calendar", "caldav", server.url, "--user", user, "--password-file", "-"],
                           env=more, input="wrong\n", capture_output=True, text=True)
    assert wrong.returncode != 0 and "does not accept" in wrong.stderr and "wrong" not in wrong.stderr, wrong.stderr
    serving, _ = start_serve(program, more)
    try:
        lar("add", "calendar", "caldav", server.url, "--user", user, "--password-file", str(folder.path / "password"),
            "--interval", "1", "--name", "Account")
        def found(word):
            return subprocess.run([program, "search", word], env=more, capture_output=True).returncode == 0
        until(lambda: found("Dentist"), what="the event was not found")
        server.put(calendar, "two.ics", event("two", "Hairdresser"))
        started = time.monotonic()
        until(lambda: found("Hairdresser"), what="the change was not noticed")
        print(f"         a change at the server was found {time.monotonic() - started:.1f} s later (looked every second)",
              flush=True)
        entries = json.loads(lar("egress", "--json"))["entries"]
        assert entries and all(e["detail"]["host"] == "127.0.0.1" for e in entries), entries
        assert any(e["detail"]["purpose"] == "caldav Account" and e["detail"]["sent"] > 0 for e in entries), entries
        assert password not in json.dumps(entries) and password not in (folder.path / "home/secrets.json").read_text()
        lar("egress", "--seal")
        assert json.loads(lar("egress", "--json"))["sealed"]
        refused = subprocess.run([program, "add", "calendar", "url", "https://dav.example.org/a.ics"], env=more,
                                 capture_output=True, text=True)
        assert refused.returncode != 0 and "may not connect" in refused.stderr, refused.stderr
    finally:
        end_serve(serving)


if __name__ == "__main__":
    os.environ.setdefault("no_proxy", "*")
    run_checks(checks)
