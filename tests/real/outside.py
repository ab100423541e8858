#!/usr/bin/env python3
"""A service outside of this machine behind a role: only with consent, only to its address, and no longer than it is used.

    tests/real/outside.py       the service is a strict OpenAI-style server over TLS on this machine; needs openssl
"""
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import threading

from running import Lar, end_serve, repository, run_checks, start_serve

secret = "sk-not-for-everybody"
known = {"model", "messages", "stream", "stream_options", "max_tokens", "temperature", "seed", "response_format", "logprobs",
         "top_logprobs", "top_p", "stop"}


class Service(http.server.BaseHTTPRequestHandler):
    """Refuses wrong keys, models it does not have and fields that OpenAI does not know."""
    protocol_version = "HTTP/1.1"
    seen = []

    def log_message(self, *_):
        pass

    def reply(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def allowed(self):
        if self.headers.get("Authorization") == "Bearer " + secret:
            return True
        self.reply(401, {"error": {"message": "wrong key", "type": "invalid_request_error"}})
        return False

    def do_GET(self):
        self.seen.append(("GET", self.path, None))
        if self.allowed():
            self.reply(200 if self.path == "/v1/models" else 404, {"object": "list", "data": [{"id": "another"}, {"id": "large"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(("POST", self.path, body))
        if not self.allowed():
            return
        unknown = set(body) - known
        if self.path != "/v1/chat/completions" or body.get("model") != "large" or unknown:
            self.reply(400, {"error": {"message": f"refused: {self.path} {body.get('model')} {unknown}"}})
            return
        text = '{"q": "zx"}' if "response_format" in body else "Good day."
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        if not body.get("stream"):
            self.reply(200, {"object": "chat.completion", "model": "large", "usage": usage, "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in ({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
                      {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}):
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


class World:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        certificate, key = self.folder / "service.pem", self.folder / "service.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"https://localhost:{self.server.server_port}"
        (self.folder / "key").write_text(secret + "\n")
        self.environment = {"SSL_CERT_FILE": str(certificate), "LAR_SECRET_KEY": str(self.folder / "secret.key")}

    def lar(self):
        return Lar({}, environment=self.environment)

    def use(self, lar, *more):
        done = subprocess.run([os.environ.get("LAR", str(repository / "build/lar")), "model", "use", f"chat={self.address}/v1#large", *more],
                              env=lar.environment, capture_output=True, text=True)
        return done.returncode, done.stderr + done.stdout


def ask(lar, key):
    status, _, answer = lar.ask("POST", "/v1/chat/completions",
                                {"model": "lar/chat", "messages": [{"role": "user", "content": "Hello."}]}, key)
    return status, json.loads(answer)


def without_consent(world):
    Service.seen.clear()
    with world.lar() as lar:
        code, said = world.use(lar)
        assert code != 0 and "--consent" in said and "localhost" in said, (code, said)
        (lar.folder / "home/roles.toml").write_text(f'chat = "{world.address}#large"\n')
        end_serve(lar.server)
        lar.server, said = start_serve(os.environ.get("LAR", str(repository / "build/lar")), lar.environment)
        lar.port = said["port"]
        status, answer = ask(lar, lar.key("test"))
        assert status == 403 and "--consent" in answer["error"]["message"], (status, answer)
    assert not Service.seen, Service.seen


def with_consent(world):
    with world.lar() as lar:
        key = lar.key("test")
        code, said = world.use(lar, "--consent", "--key-file", str(world.folder / "key"))
        assert code == 0, said
        status, answer = ask(lar, key)
        assert status == 200 and answer["choices"][0]["message"]["content"] == "Good day.", (status, answer)
        assert answer["model"] == "lar/chat", answer
        assert {path for _, path, _ in Service.seen} <= {"/v1/models", "/v1/chat/completions"}, Service.seen
        egress = json.loads(lar.run("egress", "--json"))
        assert any("localhost" in json.dumps(entry) for entry in egress["entries"]), egress
        for file in (lar.folder / "home").rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file
        # A restart keeps it; a change of model ends it.
        end_serve(lar.server)
        lar.server, said = start_serve(os.environ.get("LAR", str(repository / "build/lar")), lar.environment)
        lar.port = said["port"]
        assert ask(lar, key)[0] == 200
        engine = subprocess.Popen(["python3", str(repository / "tests/engines/scripted_engine.py"), "--host", str(lar.folder / "own.sock")],
                                  stdout=subprocess.PIPE, text=True)
        try:
            engine.stdout.readline()
            lar.run("model", "use", f"chat=unix:{lar.folder}/own.sock")
            Service.seen.clear()
            code, said = world.use(lar)
            assert code != 0 and "--consent" in said, (code, said)
            assert not Service.seen, Service.seen
            assert "engine https" not in (lar.folder / "home/secrets.json").read_text()
            # What is taken away is as if it had never been.
            code, said = world.use(lar, "--consent", "--key-file", str(world.folder / "key"))
            assert code == 0, said
            embed = subprocess.run([os.environ.get("LAR", str(repository / "build/lar")), "model", "use", f"embed={world.address}/v1#large"],
                                   env=lar.environment, capture_output=True, text=True)
            assert embed.returncode != 0 and "--consent" in embed.stderr, "consent for chat is none for embed"
            lar.run("model", "use", "chat=")
            Service.seen.clear()
            assert ask(lar, key)[0] == 404 and not Service.seen, Service.seen
            assert "engine https" not in (lar.folder / "home/secrets.json").read_text()
            assert "https" not in (lar.folder / "home/roles.toml").read_text().split("\n", 2)[2]
        finally:
            engine.kill()
            engine.wait()


def wrong_key_and_address(world):
    with world.lar() as lar:
        (world.folder / "wrong").write_text("sk-wrong\n")
        code, said = world.use(lar, "--consent", "--key-file", str(world.folder / "wrong"))
        assert code != 0 and "sk-wrong" not in said, (code, said)
        assert not json.loads(lar.run("status", "--json"))["engines"][0]["model"], "the change has not been made"
        for address in ("https://", "https://user:word@localhost#m", "https://localhost:0#m", "https://localhost:port#m"):
            done = subprocess.run([os.environ.get("LAR", str(repository / "build/lar")), "model", "use", "chat=" + address, "--consent"],
                                  env=lar.environment, capture_output=True, text=True)
            assert done.returncode not in (0, 7) and "https://api.example.org" in done.stderr, (address, done.returncode, done.stderr)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run_checks([(without_consent, "nothing goes to a service without consent, whatever roles.toml says"),
                    (with_consent, "with consent it answers, is journalled, and is forgotten when another model takes its place"),
                    (wrong_key_and_address, "a wrong key and what is no address change nothing")], World(folder))
