#!/usr/bin/env python3
"""Accounts signed in to by consent in a browser: lar's side of OAuth 2 (PKCE, loopback redirect, renewal) at a real
provider (oauthlib's server over HTTP), a real Dovecot that asks that provider about each token, and a real Radicale behind a
gate that does.

    oauth.py [CHECK …] [--browser COMMAND …]      LAR: the program; run with the environment of scripts/requirements-oauth.txt
                                                  LAR_DAV_PYTHON: the one of scripts/requirements-dav.txt, for Radicale

COMMAND signs in on the page (tests/page/consent.mjs): it runs once a step with LAR_URL, LAR_STEP and LAR_ACCOUNT.
"""
import datetime
import http.client
import http.server
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

for name in ("LAR_DAV_PROBE", "LAR_SYNC_PROBE"):  # imap.py asks for them; nothing here uses them
    os.environ.setdefault(name, "/nonexistent")
import imap  # noqa: E402
from oauthlib.oauth2 import RequestValidator, WebApplicationServer  # noqa: E402
from running import end_serve, program, run_checks, start_serve  # noqa: E402

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback


class Provider(RequestValidator):
    """One public client and one user, who says yes unless `refuses`. Everything the protocol asks for is checked by
    oauthlib; here is only what it has to remember."""

    def __init__(self, lasts=3600):
        self.codes, self.access, self.refresh, self.used_up = {}, {}, {}, []
        self.asked, self.refuses, self.forgets, self.hesitates = [], False, False, False
        self.server = WebApplicationServer(self, token_expires_in=lasts)
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def reply(self, headers, body, status):
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                data = (body or "").encode()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                if self.path.startswith("/me"):
                    token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                    known = token in provider.access
                    self.reply({"Content-Type": "application/json"}, json.dumps({"email": imap.address, "active": known}), 200 if known else 401)
                    return
                if not self.path.startswith("/authorize?"):  # a browser asks for more
                    self.reply({}, "", 404)
                    return
                uri = provider.url + self.path
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(uri).query))
                provider.asked.append(query)
                if provider.hesitates:
                    self.reply({"Content-Type": "text/html"}, "<p>Allow lar to read your mail?</p>", 200)
                    return
                if provider.refuses:
                    where = query["redirect_uri"] + "?" + urllib.parse.urlencode(
                        {"error": "access_denied", "error_description": "The owner said no", "state": query["state"]})
                    self.reply({"Location": where}, "", 302)
                    return
                scopes, credentials = provider.server.validate_authorization_request(uri)
                headers, body, status = provider.server.create_authorization_response(uri, scopes=scopes, credentials=credentials)
                self.reply(headers, body, status)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.reply(*provider.server.create_token_response(provider.url + self.path, "POST", body, dict(self.headers)))

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()

    # ---- asked by oauthlib ----

    def validate_client_id(self, client_id, request, *_, **__):
        return client_id == "lar-of-ana"

    def client_authentication_required(self, request, *_, **__):
        return False

    def authenticate_client_id(self, client_id, request, *_, **__):
        request.client = type("Client", (), {"client_id": client_id})()
        return client_id == "lar-of-ana"

    def validate_redirect_uri(self, client_id, redirect_uri, request, *_, **__):
        return re.fullmatch(r"http://127\.0\.0\.1:\d+/lar", redirect_uri) is not None  # RFC 8252, 7.3: any port

    def validate_scopes(self, client_id, scopes, client, request, *_, **__):
        return scopes == ["mail"]

    def get_default_scopes(self, client_id, request, *_, **__):
        return ["mail"]

    def validate_response_type(self, client_id, response_type, client, request, *_, **__):
        return response_type == "code"

    def is_pkce_required(self, client_id, request):
        return True

    def save_authorization_code(self, client_id, code, request, *_, **__):
        self.codes[code["code"]] = {"client": client_id, "redirect": request.redirect_uri, "scopes": request.scopes,
                                    "challenge": request.code_challenge, "method": request.code_challenge_method}

    def get_code_challenge(self, code, request):
        return self.codes[code]["challenge"]

    def get_code_challenge_method(self, code, request):
        return self.codes[code]["method"]

    def validate_code(self, client_id, code, client, request, *_, **__):
        kept = self.codes.get(code)
        if kept is None:
            return False
        request.user, request.scopes = "ana", kept["scopes"]
        return kept["client"] == client_id

    def confirm_redirect_uri(self, client_id, code, redirect_uri, client, request, *_, **__):
        return self.codes[code]["redirect"] == redirect_uri

    def validate_grant_type(self, client_id, grant_type, client, request, *_, **__):
        return grant_type in ("authorization_code", "refresh_token")

    def save_bearer_token(self, token, request, *_, **__):
        self.access[token["access_token"]] = True
        if "refresh_token" in token:
            self.refresh[token["refresh_token"]] = True
            if self.forgets:
                token.pop("refresh_token")

    def invalidate_authorization_code(self, client_id, code, request, *_, **__):
        del self.codes[code]

    def validate_refresh_token(self, refresh_token, client, request, *_, **__):
        request.user = "ana"
        if not self.refresh.pop(refresh_token, False):  # each is good once
            return False
        self.used_up.append(refresh_token)
        return True

    def get_original_scopes(self, refresh_token, request, *_, **__):
        return ["mail"]

    def rotate_refresh_token(self, request):
        return True


def dovecot_asking(provider):
    """A Dovecot that takes tokens, and believes the provider about them."""
    server = imap.Dovecot()
    (server.folder / "oauth2.conf").write_text(
        f"introspection_url = {provider.url}/me\nintrospection_mode = auth\nusername_attribute = email\nactive_attribute = active\nactive_value = true\n")
    config = server.folder / "dovecot.conf"
    config.write_text(config.read_text() + f"""
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {server.folder}/oauth2.conf
}}
""")
    subprocess.run(["chmod", "-R", "a+rX", server.folder], check=True)
    return server


class Calendars:
    """A Radicale that believes whoever stands before it about who asks, and before it a gate that believes the provider's
    tokens and nothing else."""

    def __init__(self, provider):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-oauth-dav-"))
        self.port = imap.free_port()
        settings = self.folder / "config"
        settings.write_text(f"[server]\nhosts = 127.0.0.1:{self.port}\n[auth]\ntype = http_x_remote_user\n"
                            f"[storage]\nfilesystem_folder = {self.folder}/data\n[logging]\nlevel = error\n")
        self.radicale = subprocess.Popen([os.environ["LAR_DAV_PYTHON"], "-m", "radicale", "--config", str(settings)])
        for _ in range(200):
            try:
                self.ask("PROPFIND", "/", "<propfind xmlns='DAV:'><prop/></propfind>")
                break
            except OSError:
                time.sleep(0.05)
        calendars = self
        self.refused = 0

        class Gate(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if token in provider.access:
                    status, head, said = calendars.ask(self.command, self.path, body, {
                        name: value for name, value in self.headers.items() if name.lower() in ("depth", "content-type", "if-match", "if-none-match")})
                else:
                    calendars.refused += 1
                    status, head, said = 401, [("WWW-Authenticate", "Bearer")], b""
                self.send_response(status)
                for name, value in head:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_PUT = do_DELETE = do_PROPFIND = do_REPORT = do_OPTIONS = do

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def ask(self, method, path, body="", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {"X-Remote-User": "ana", **(headers or {})})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), said

    def stop(self):
        self.http.shutdown()
        self.radicale.terminate()
        self.radicale.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Home:
    def __init__(self, server, provider):
        self.server, self.provider = server, provider
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lar-oauth-"))
        self.environment = dict(os.environ, LAR_HOME=str(self.folder / "home"), LAR_SECRET_KEY=str(self.folder / "key"), LC_ALL="C.UTF-8",
                                LAR_LANGUAGE="en", LAR_MODELS=str(self.folder / "no-models"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def lar(self, *words, code=0):
        done = subprocess.run([program, *map(str, words)], env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"lar {words}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def words(self, client="lar-of-ana", tokens=""):
        return ["add", "mail", "imap", imap.address, "--host", "127.0.0.1", "--port", str(self.server.port), "--tls", "none",
                "--oauth-authorize", self.provider.url + "/authorize", "--oauth-endpoint", tokens or self.provider.url + "/token",
                "--oauth-client", client, "--oauth-scope", "mail", "--smtp", "none"]

    def begin(self, *more, client="lar-of-ana", words=None):
        """`lar add` as it waits, and the address that it shows."""
        process = subprocess.Popen([program, *(words or self.words(client)), *more], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        shown = ""
        for line in process.stderr:
            shown += line
            if line.strip().startswith("http"):
                return process, line.strip()
        raise AssertionError(f"no address was shown: {shown}{process.stdout.read()}")

    def browse(self, url):
        """What the owner's browser does; gives the page it ends on."""
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.geturl(), answer.read().decode()

    def secrets(self):
        return (self.folder / "home/secrets.json").read_text()


def end_of(process, code=0):
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, f"exit {process.returncode}: {out}{err}"
    return out + err


def consent_and_renewal():
    provider = Provider(lasts=3600)
    with dovecot_asking(provider) as server, Home(server, provider) as home:
        imap.fill(server, 3)
        process, url = home.begin()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert query["code_challenge_method"] == "S256" and len(query["code_challenge"]) == 43 and len(query["state"]) == 43, query
        assert query["login_hint"] == imap.address, query
        # Somebody else's answer, without the state, changes nothing.
        for stray in ("?code=stolen&state=guessed", "?code=stolen", "", "?error=access_denied&state=x"):
            try:
                home.browse(query["redirect_uri"] + stray)
                raise AssertionError(f"“{stray}” was taken for the answer")
            except urllib.error.HTTPError as error:
                assert error.code == 404
        where, page = home.browse(url)
        assert where.startswith("http://127.0.0.1:") and "can be closed" in page, page
        end_of(process)
        assert provider.asked[0]["code_challenge"] and not provider.codes, "the code was not used up"
        home.lar("sync", "--wait")
        sources = json.loads(home.lar("sources", "--json"))
        assert sources[0]["items"] >= 3, sources
        kept = home.secrets()
        for token in [*provider.access, *provider.refresh]:
            assert token not in kept, "a token lies in the clear"
        assert "sign-in" in home.lar("egress"), "the exchange is not in the journal"
        # The access token is believed no longer, and the clock says so to lar as well: it is renewed, and the new
        # refresh token takes the place of the one that was good once.
        old = list(provider.access)
        provider.access.clear()
        for days in (1, 2):
            home.environment["LAR_NOW"] = (datetime.datetime.now().astimezone() + datetime.timedelta(days=days)).isoformat()
            home.lar("sync", "--wait")
            assert len(provider.used_up) == days and len(set(provider.used_up)) == days, provider.used_up
        assert provider.access and not set(old) & set(provider.access)
        # Consent taken back at the provider: said in plain words.
        provider.refresh.clear()
        home.environment["LAR_NOW"] = (datetime.datetime.now().astimezone() + datetime.timedelta(days=9)).isoformat()
        said = home.lar("sync", "--wait", code=7)
        assert "sign" in said.lower(), said
    provider.stop()


def refusals():
    provider = Provider()
    with dovecot_asking(provider) as server, Home(server, provider) as home:
        imap.fill(server, 1)
        provider.refuses = True
        process, url = home.begin()
        home.browse(url)
        assert "The owner said no" in end_of(process, 7)
        provider.refuses, provider.forgets = False, True
        process, url = home.begin()
        home.browse(url)
        assert "offline" in end_of(process, 7)
        provider.forgets = False
        # Whoever sees the redirect cannot use the code: it is bound to the verifier that never left lar.
        process, url = home.begin()
        try:
            opener = urllib.request.build_opener(type("Stay", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None}))
            opener.open(url)
        except urllib.error.HTTPError as error:
            back = error.headers["Location"]
        code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))["code"]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        stolen = urllib.parse.urlencode({"grant_type": "authorization_code", "code": code, "client_id": "lar-of-ana",
                                         "redirect_uri": query["redirect_uri"], "code_verifier": secrets.token_urlsafe(32)})
        try:
            urllib.request.urlopen(provider.url + "/token", stolen.encode())
            raise AssertionError("a stolen code was good")
        except urllib.error.HTTPError as error:
            assert error.code == 400, error
        home.browse(back)
        end_of(process)
        said = home.lar(*home.words(tokens="http://example.org/token"), code=6)
        assert "https" in said, said
        assert json.loads(home.lar("sources", "--json"))[0]["kind"] == "imap"
    provider.stop()


def calendars_and_contacts():
    """The same for CalDAV and CardDAV."""
    provider = Provider(lasts=3600)
    calendars = Calendars(provider)
    try:
        for path, kind, object_, type_ in (
                ("/ana/casa/", "C:calendar xmlns:C='urn:ietf:params:xml:ns:caldav'", "one.ics", "text/calendar"),
                ("/ana/gente/", "C:addressbook xmlns:C='urn:ietf:params:xml:ns:carddav'", "bea.vcf", "text/vcard")):
            assert calendars.ask("MKCOL", path, f"<mkcol xmlns='DAV:'><set><prop><resourcetype><collection/><{kind}/></resourcetype>"
                                 "</prop></set></mkcol>")[0] == 201
            text = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:one@x\r\nDTSTAMP:20260501T080000Z\r\n"
                    "DTSTART:20260520T100000Z\r\nSUMMARY:Dentista\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n" if type_ == "text/calendar" else
                    "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:bea\r\nFN:Bea Ruiz\r\nN:Ruiz;Bea;;;\r\nEMAIL:bea@postbox.example\r\nEND:VCARD\r\n")
            assert calendars.ask("PUT", path + object_, text, {"Content-Type": type_})[0] == 201
        with Home(None, provider) as home:
            for what, kind, found in (("calendar", "caldav", "Dentista"), ("contacts", "carddav", "Bea Ruiz")):
                words = ["add", what, kind, calendars.url, "--oauth-authorize", provider.url + "/authorize", "--oauth-endpoint",
                         provider.url + "/token", "--oauth-client", "lar-of-ana", "--oauth-scope", "mail", "--interval", "1"]
                process, url = home.begin(words=words)
                home.browse(url)
                end_of(process)
                home.lar("sync", "--wait")
                assert found in home.lar("search", found), f"{kind} brought nothing"
            assert calendars.refused == 0, "asked without a token"
            for token in [*provider.access, *provider.refresh]:
                assert token not in home.secrets(), "a token lies in the clear"
            # Not believed any longer, and the clock says so: renewed, once for each account.
            provider.access.clear()
            home.environment["LAR_NOW"] = (datetime.datetime.now().astimezone() + datetime.timedelta(days=1)).isoformat()
            home.lar("sync", "--wait")
            assert len(set(provider.used_up)) == 2, provider.used_up
            # Consent taken back: said in plain words, and with a new one the account goes on.
            provider.refresh.clear()
            home.environment["LAR_NOW"] = (datetime.datetime.now().astimezone() + datetime.timedelta(days=9)).isoformat()
            said = home.lar("sync", "--wait", code=7)
            assert "sign in again" in " ".join(said.split()).lower(), said
            for what, kind in (("calendar", "caldav"), ("contacts", "carddav")):
                process, url = home.begin(words=["add", what, kind, *words[3:]])
                home.browse(url)
                end_of(process)
            home.lar("sync", "--wait")
            assert len(json.loads(home.lar("sources", "--json"))) == 2, "signed in anew, the account stands there twice"
            said = home.lar("add", "calendar", "caldav", "ana@example.org", "--oauth", "microsoft", "--oauth-client", "x", code=2)
            assert "--oauth" in said, said
    finally:
        calendars.stop()
        provider.stop()


def on_the_page():
    """The same by the form of the page, in a real browser; also left half-way and refused."""
    provider = Provider()
    with dovecot_asking(provider) as server, Home(server, provider) as home:
        imap.fill(server, 3)
        serve, said = start_serve(program, home.environment)
        account = {"address": imap.address, "port": server.port, "authorize": provider.url + "/authorize",
                   "token": provider.url + "/token", "client": "lar-of-ana", "scope": "mail"}

        def step(name):
            environment = dict(os.environ, LAR_URL=said["address"], LAR_STEP=name, LAR_ACCOUNT=json.dumps(account))
            subprocess.run(browser, env=environment, check=True, timeout=120)
        try:
            provider.hesitates = True
            step("left")
            # Nobody waits for that answer any more.
            redirect = urllib.parse.urlsplit(provider.asked[-1]["redirect_uri"])
            for _ in range(100):
                try:
                    socket.create_connection((redirect.hostname, redirect.port), 1).close()
                except OSError:
                    break
                time.sleep(0.1)
            else:
                raise AssertionError("lar still waits after the form was closed")
            provider.hesitates, provider.refuses = False, True
            step("refused")
            assert json.loads(home.lar("sources", "--json")) == []
            provider.refuses = False
            step("allowed")
            home.lar("sync", "--wait")
            [source] = json.loads(home.lar("sources", "--json"))
            assert source["items"] >= 3 and source["error"] is None, source
        finally:
            end_serve(serve)
    provider.stop()


if __name__ == "__main__":
    browser = []
    if "--browser" in sys.argv:
        at = sys.argv.index("--browser")
        sys.argv, browser = sys.argv[:at], sys.argv[at + 1:]
    checks = [
        (consent_and_renewal, "consent in a browser, renewal, consent taken back"),
        (refusals, "what is refused, stolen or insecure"),
        (calendars_and_contacts, "calendars and contacts by consent"),
    ]
    run_checks(checks + ([(on_the_page, "consent by the form of the page")] if browser else []))
