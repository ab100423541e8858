#!/usr/bin/env python3
"""Whether the checks of clients.py would notice: each "yes" in the table of docs/api.md is broken on purpose.

    fields.py [API: FIELD…]     with the environment of scripts/requirements-clients.txt

Between the clients and lar stands a proxy that loses one field of a request, or spoils one of an answer. Through the
proxy as such every check passes; with its field broken it must fail.
"""
import copy
import http.client
import http.server
import json
import re
import sys
import threading

import clients
from running import Lar

# What is not seen on the wire between a client and lar.
elsewhere = {("lar", "keys: add, list, remove"), ("lar", "journal without content")}
counts = re.compile(rb'"(prompt_tokens|completion_tokens|input_tokens|output_tokens|total_tokens)": ?\d+')


def without(name):
    def lose(_, body):
        return {key: value for key, value in body.items() if key != name}
    return lose


def without_results(_, body):
    """Messages without the results of tools, in the form of any API."""
    messages = []
    for message in body.get("messages", []):
        content = message.get("content")
        if isinstance(content, list):
            content = [block for block in content if block.get("type") != "tool_result"]
            if not content:
                continue
        if message.get("role") != "tool":
            messages.append({**message, "content": content})
    return {**body, "messages": messages}


def other_picture(_, body):
    """The same with a few bytes of its pictures changed."""
    return json.loads(json.dumps(body).replace("AAECAwQF", "AAECAwQG"))


def spoiled(matches, status, change):
    return lambda path, got, data: (status or got, change(data)) if matches(path, got) else (got, data)


class Broken:
    """What happens to requests and answers: functions, or nothing. `holds_on`: a client that leaves is not noticed.
    `longest`: seconds without a byte after which the answer is given up."""

    def __init__(self, field):
        self.request = self.answer = None
        self.holds_on = field == "cancellation"
        # Without its limit an answer may take minutes: that it takes long is what its check sees.
        self.longest = 20 if "tokens" in field else 120
        answers = {
            "usage": spoiled(lambda *_: True, 0, lambda data: counts.sub(rb'"\1":0', data)),
            "errors": spoiled(lambda _, got: got >= 400, 500, lambda _: b"{}"),
            "list": spoiled(lambda path, _: path.split("?")[0] == "/v1/models", 0,
                            lambda data: json.dumps({**json.loads(data), "data": []}).encode()),
            "retrieve": spoiled(lambda path, _: path.startswith("/v1/models/"), 404, lambda _: b"{}"),
            "count_tokens": spoiled(lambda path, _: path.endswith("/count_tokens"), 0, lambda _: b'{"input_tokens": 0}'),
            "transcriptions": spoiled(lambda path, _: path == "/v1/audio/transcriptions", 0, lambda _: b'{"text": ""}'),
            "images: generations": spoiled(lambda path, _: path == "/v1/images/generations", 0, lambda _: b'{"created": 1, "data": []}'),
            "answer: thinking": spoiled(lambda *_: True, 0, lambda data: data.replace(b"think", b"drink")),
            "answer: reasoning": spoiled(lambda *_: True, 0, lambda data: data.replace(b"I think", b"I drink")),
            "input: many": spoiled(lambda *_: True, 0, lambda data: data.replace(b'"index":69', b'"index":70')),
            "GET /metrics": spoiled(lambda path, _: path == "/metrics", 0, lambda _: b""),
            "GET /openapi.json": spoiled(lambda path, _: path == "/openapi.json", 0, lambda _: b'{"paths": {}}'),
        }
        if field in answers:
            self.answer = answers[field]
        elif field == "messages: tool results":
            self.request = without_results
        elif field.endswith(": images"):
            self.request = other_picture
        elif not self.holds_on:
            self.request = without(re.split(r"[:,.]", field)[0])


def handler(lar_port, broken):
    class Between(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.pass_on(b"")

        def do_POST(self):
            self.pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def pass_on(self, body):
            if broken and broken.request and body:
                try:
                    body = json.dumps(broken.request(self.path, json.loads(body))).encode()
                except ValueError:
                    pass  # what is no JSON shall arrive so
            connection = http.client.HTTPConnection("127.0.0.1", lar_port, timeout=broken.longest if broken else 120)
            headers = {name: value for name, value in self.headers.items()
                       if name.lower() not in ("host", "content-length", "connection", "transfer-encoding", "accept-encoding")}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            status, data = answer.status, None
            if broken and broken.answer:
                status, data = broken.answer(self.path, answer.status, answer.read())
            self.send_response(status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Connection", "close")
            self.end_headers()
            left = False
            for piece in [data] if data is not None else iter(lambda: answer.read1(65536), b""):
                try:
                    if not left:
                        self.wfile.write(piece)
                except OSError:
                    left = True
                    if not broken or not broken.holds_on:
                        break
            connection.close()
            self.close_connection = True
    return Between


def outcome(lar, world, check, broken=None):
    """What a check has to say against it; nothing where it passes."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(lar.port, broken))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    through = copy.copy(lar)
    through.port = server.server_port
    through.url = f"http://127.0.0.1:{server.server_port}"
    try:
        check(world.at(through))
        return None
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:120]}"
    finally:
        server.shutdown()
        server.server_close()


def main():
    wrong = passed = 0
    with Lar({"chat": "smollm2-135m-instruct-q4_1", "embed": "all-minilm-l6-v2-q8_0"}) as lar:
        world = clients.World(lar)
        for api, fields, check in clients.checks:
            named = [field for field in fields if (api, field) not in elsewhere and
                     (not sys.argv[1:] or f"{api}: {field}" in sys.argv[1:])]
            if not named:
                continue
            if against := outcome(lar, world, check):
                print(f"WRONG  {api}: {check.__name__} fails with nothing broken: {against}", flush=True)
                wrong += 1
                continue
            for field in named:
                noticed = outcome(lar, world, check, Broken(field))
                print(f"{'ok    ' if noticed else 'WRONG '} {api}: {field}  {noticed or 'passes though it is broken'}", flush=True)
                wrong += not noticed
                passed += bool(noticed)
    print(f"{passed} fields noticed when broken, {wrong} wrong")
    sys.exit(1 if wrong or not passed else 0)


if __name__ == "__main__":
    main()
