#!/usr/bin/env python3
"""Sending through a real submission server (aiosmtpd): what arrives, what is refused, what is not known.

    smtp.py [CHECK …]      LAR_PROBE: sync_probe (default: beside a dev build)
"""
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running import repository, run_checks  # noqa: E402

probe_program = os.environ.get("LAR_PROBE", str(repository / "build/dev/sync_probe"))
mail = "From: ana@example.org\nTo: bea@example.org\nSubject: =?utf-8?Q?Ma=C3=B1ana?=\n\n.\n..punto\nla línea\n"


class Inbox:
    """Keeps what arrives; does what a check asks for."""

    def __init__(self):
        self.arrived, self.refuse, self.answer, self.after = [], set(), "250 taken", None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        if self.after == "vanish":
            self.arrived.append(envelope)
            server.transport.abort()
            return "250 unheard"
        if self.answer.startswith("250"):
            self.arrived.append(envelope)
        return self.answer


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"ana", b"caballo"), handled=False)


class Server:
    def __init__(self, context=None, **options):
        self.inbox = Inbox()
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.controller = Controller(self.inbox, hostname="127.0.0.1", port=self.port, ssl_context=None,
                                     server_kwargs=dict(tls_context=context, enable_SMTPUTF8=True, **options))

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()

    def send(self, to=("bea@example.org",), text=mail, sender="ana@example.org", **more):
        account = {"host": "localhost" if "tls" in more else "127.0.0.1", "port": self.port, "from": sender, "to": list(to), **more}
        done = subprocess.run([probe_program, "/nonexistent", "send", json.dumps(account)], input=text, capture_output=True, text=True)
        assert "Sanitizer" not in done.stderr, done.stderr[:3000]
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr.split("{")[0].strip()


def arrives():
    with Server() as server:
        done = server.send(to=["bea@example.org", "luis@example.org"])
        assert done["state"] == "sent", done
        [envelope] = server.inbox.arrived
        assert envelope.rcpt_tos == ["bea@example.org", "luis@example.org"]
        assert envelope.content == mail.encode().replace(b"\n", b"\r\n"), envelope.content


def refused():
    with Server(data_size_limit=2000) as server:
        server.inbox.refuse = {"nadie@example.org"}
        done = server.send(to=["bea@example.org", "nadie@example.org"])
        assert done["state"] == "refused" and done["unfit"] == ["nadie@example.org"], done
        assert server.send(text="x\n" * 3000)["state"] == "refused"
        server.inbox.answer = "554 looks like spam"
        assert server.send()["answer"] == "looks like spam"
        assert not server.inbox.arrived


def not_known():
    with Server() as server:
        server.inbox.after = "vanish"
        assert server.send()["state"] == "uncertain"
    assert server.send() == "net.port_closed"


def signs_in():
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = f"{folder}/c.pem", f"{folder}/k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with Server(context=context, authenticator=authenticate, auth_required=True, require_starttls=True) as server:
            tls = {"tls": "starttls", "authorities": certificate}
            assert server.send(**tls, user="ana", secret="caballo")["state"] == "sent"
            assert server.send(**tls, user="ana", secret="otra") == "smtp.password_wrong"
            assert server.send(**tls)["state"] == "refused"
            assert server.send(tls="starttls", user="ana", secret="caballo") == "tls.untrusted"
            assert len(server.inbox.arrived) == 1


if __name__ == "__main__":
    run_checks([(arrives, "a mail arrives as it was"), (refused, "refusals are told"),
                (not_known, "a connection lost at the end is uncertain"), (signs_in, "STARTTLS and passwords")])
