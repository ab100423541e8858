#!/usr/bin/env python3
"""An engine that does as told: the HTTP of llama-server, without a model, for load and fault tests.

It takes llama-server's own flags (those it does not know are ignored), so that a two-line wrapper
passes it off as one; what it shall do stands in flags of its own:

    --scripted MODE[,MODE…]   normal (default), and
        slow              one word every --delay seconds (0.05)
        hang              takes the question and never says a word
        hang-mid          says one word, then nothing
        hang-ping         begins a stream and sends only comments from then on, one every --delay seconds
        die-ping          ends after such a comment
        think             says nothing for --delay seconds, but that it works (/slots), then answers
        flood             a stream that never ends, as fast as it is taken
        die               ends in the middle of an answer, by SIGKILL
        die-early         ends before the first word
        breaks-off        ends a stream without the mark that its API has for the end
        once              with hang…, die… or refuse: only until --mark FILE exists, which it makes then
        garbage           answers what no protocol knows
        error500          answers status 500
        no-system         its template leaves out what the system says
        refuses-system    its template raises an exception at what the system says
        no-forms          refuses a request that asks for a form, as one whose schema it cannot make a grammar of
        ignore-grammar    talks freely whatever form was asked for
        refuse            ends at once instead of starting
        slow-start        needs --delay seconds to become ready
        deaf              never becomes ready
        stubborn          does not heed SIGTERM
        flag              does not know the flag --cache-ram, as an older engine
        plain             has none of llama-server's own routes for templates and completions
        easy-schemas      keeps to schemas only where nothing is nested in them
        boast             says that it takes 65,536 tokens, whatever it takes
        truncate          leaves out the beginning of what is too long, and says nothing
        miscount          with truncate: counts what it left out
        goes-on           takes up a grammar behind text that was made before
        tools             makes tool calls of its own: the first tool offered, with arguments its schema allows
        several-tools     the same with two calls at once
        thinks            says a thought before its answer, as a reasoning model
        named             refuses requests that do not name its model (--model)
        blind             has a projector (--mmproj) and takes every picture for a red one
        no-pictures       has one and refuses requests with a picture
        backwards         puts the best of documents last
        save-fails        cannot write what a slot holds (--slot-save-path)
        save-half         writes half of it and says that it is all
        forgets-slots     says that it has restored a slot, and reads the prompt again
    --answers FILE        JSON list of {"match": REGEX, "text": …}: the first whose pattern is found in the
                          last user message gives the answer; with "in": "all" in any message of the conversation
    --seen FILE           keeps the last body it was sent, and all of them, one a line, in FILE.all
    --journal FILE        one line for each thing that happens: "start PID", "chat", "cancelled", "stop" …
    --dimensions N        of embeddings (768)
    --limit N             tokens (words here) of an embedded text (2048)
    --gpu TOTAL,LAYER,COMPUTE   plays a GPU with TOTAL MiB, nothing of it used: --list-devices shows it, and of a start with
                          -ngl N each layer takes LAYER MiB there (the head is one more), computing COMPUTE MiB. What has
                          room it tells as llama-server does; without room it ends, out of memory
    --gpu-used FILE       what engines that run take of it, kept there: it is not there for others
    --prompt-cost SECONDS for each word of a prompt that is not in the cache (0)

Embeddings are sums of word hashes: equal words make texts similar. Answers keep to the JSON schema.
Only the standard library is used.
"""
import argparse
import base64
import email
import hashlib
import json
import math
import os
import re
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--scripted", default="normal")
parser.add_argument("--delay", type=float, default=0.05)
parser.add_argument("--mark")
parser.add_argument("--answers")
parser.add_argument("--seen")
parser.add_argument("--journal")
parser.add_argument("--dimensions", type=int, default=768)
parser.add_argument("--limit", type=int, default=2048)
parser.add_argument("--prompt-cost", type=float, default=0)
parser.add_argument("-np", "--parallel", type=int, default=1)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8080)
parser.add_argument("-m", "--model", default="scripted")
parser.add_argument("-c", "--ctx-size", type=int, default=4096)
parser.add_argument("--slot-save-path")
parser.add_argument("--gpu")
parser.add_argument("--gpu-used")
parser.add_argument("-ngl", "--n-gpu-layers", type=int, default=0)
parser.add_argument("--list-devices", action="store_true")
options, others = parser.parse_known_args()
options.ctx_size //= options.parallel
modes = set(options.scripted.split(","))
ready_at = time.monotonic() + (options.delay if "slow-start" in modes else 0)
journal_lock = threading.Lock()
prompts = {}  # by slot: the words in its cache
words = {}  # every word seen, with its number


def journal(line):
    if options.journal:
        with journal_lock, open(options.journal, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def shall(mode):
    """Whether a mode is on; with `once` it is on only the first time."""
    if mode not in modes:
        return False
    if "once" in modes:
        try:
            os.close(os.open(options.mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
    return True


def instance(schema, root=None):
    """A small value that a JSON schema allows."""
    root = root or schema
    if "$ref" in schema:
        target = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[step]
        return instance(target, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return instance(schema[key][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        wanted = schema.get("required", list(schema.get("properties", {})))
        return {name: instance(schema.get("properties", {}).get(name, {}), root) for name in wanted}
    if kind == "array":
        return [instance(schema.get("items", {}), root)] * schema.get("minItems", 0)
    if kind == "string":
        return "scripted"[: schema.get("maxLength", 8)]
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return None


def word_hash(word):
    return hashlib.sha256(word.encode()).digest()


def embedding(text):
    vector = [0.0] * options.dimensions
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = word_hash(word)
        for index in range(0, 32, 4):
            place, sign = struct.unpack_from("<HH", digest, index)
            # Half of the weight lies in the first twelfth, so that a shortened vector still tells.
            reach = options.dimensions if sign & 2 else max(1, options.dimensions // 12)
            vector[place % reach] += 1.0 if sign & 1 else -1.0
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def text_of(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def colour_of(messages):
    """"red" or "blue", by the palette of the first picture; nothing where there is none."""
    for message in messages:
        for part in message["content"] if isinstance(message.get("content"), list) else []:
            if part.get("type") == "image_url":
                data = base64.b64decode(part["image_url"]["url"].split(",", 1)[1])
                if (palette := data.find(b"PLTE")) < 0:
                    return None
                red, _, blue = data[palette + 4:][:3]
                return "red" if red > blue or "blind" in modes else "blue"
    return None


def read_by_template(messages):
    return [message for message in messages if "no-system" not in modes or message.get("role") != "system"]


def template(messages):
    return " ".join(f"<{message.get('role', 'user')}> {text_of(message)}" for message in read_by_template(messages)) + " <assistant>"


def fresh_words(body, prompt):
    """How many words of a prompt the slot's cache does not hold; from now on it holds them. Reading them takes time."""
    slot = body.get("id_slot", 0)
    before = prompts.get(slot, [])
    same = 0
    while same < min(len(prompt), len(before)) and prompt[same] == before[same]:
        same += 1
    prompts[slot] = prompt
    time.sleep(options.prompt_cost * (len(prompt) - same))
    return len(prompt) - same


def number_of(word):
    """The same after a restart."""
    return words.setdefault(word, int.from_bytes(word_hash(word)[:4], "big") >> 1)


def answer_to(body):
    messages = body.get("messages", [])
    question = text_of(messages[-1]) if messages else ""
    whole = "\n".join(text_of(message) for message in messages)
    if "--mmproj" in others and (colour := colour_of(messages)):
        return f"It is {colour}."
    if "ignore-grammar" not in modes:
        if needle := re.search(r"What is the secret code of the (\w+) box\?", question):
            hidden = re.search(rf"code of the {needle[1]} box is (\d+)", whole)
            return hidden[1] if hidden else "00000"
        if options.answers:
            with open(options.answers, encoding="utf-8") as file:
                for known in json.load(file):
                    if re.search(known["match"], whole if known.get("in") == "all" else question):
                        return known["text"]
        form = body.get("response_format", {})
        nested = any(kind in json.dumps(form.get("json_schema", {}).get("schema", {}).get("properties", {}))
                     for kind in ('"array"', '"object"'))
        if form.get("type") == "json_schema" and not (nested and "easy-schemas" in modes):
            return json.dumps(instance(form["json_schema"]["schema"]), ensure_ascii=False)
        if body.get("grammar"):
            literals = re.fullmatch(r'root\s*::=((?:\s*"[^"]*")+)\s*', body["grammar"])
            if literals:
                return "".join(re.findall(r'"([^"]*)"', literals[1]))
            literal = re.search(r'root\s*::=\s*"([^"]*)"(\s*\[[^\]]*\]\+)?', body["grammar"])
            # Free text behind a beginning: what was said, on one line.
            rest = " ".join(question.split()) if literal and literal[2] else ""
            return literal[1] + rest if literal else ""
    return "You said: " + question


keeping = threading.Lock()


def keep(body):
    """Never seen half written: calls come side by side."""
    if not options.seen:
        return
    text = json.dumps(body)
    with keeping:
        with open(options.seen + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(options.seen + ".new", options.seen)
        with open(options.seen + ".all", "a", encoding="utf-8") as file:
            file.write(text + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the first piece waits 40 ms for the client's acknowledgement of the head; a unix socket knows no such delay.
    disable_nagle_algorithm = not options.host.endswith(".sock")

    def log_message(self, *_):
        pass

    def address_string(self):
        return "local"

    def reply(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def fail(self, status, message, kind, **more):
        self.reply(status, {"error": {"code": status, "message": message, "type": kind, **more}})

    def do_GET(self):
        if self.path == "/health":
            if "deaf" in modes or time.monotonic() < ready_at:
                self.fail(503, "Loading model", "unavailable_error")
            else:
                self.reply(200, {"status": "ok"})
        elif self.path == "/props":
            context = 65536 if "boast" in modes else options.ctx_size
            self.reply(200, {"default_generation_settings": {"n_ctx": context}, "build_info": "scripted-1", "total_slots": options.parallel,
                             "modalities": {"vision": "--mmproj" in others}})
        elif self.path == "/v1/models":
            self.reply(200, {"object": "list", "data": [{"id": options.model}]})
        elif self.path == "/slots" and "think" in modes:
            journal("slots")
            self.reply(200, [{"id": 0, "is_processing": True}])
        elif self.path == "/slots" and options.slot_save_path:
            # As llama-server: the counters of a slot that has ended its work are zero.
            self.reply(200, [{"id": slot, "is_processing": False, "n_prompt_tokens": len(prompts.get(slot, [])),
                              "n_prompt_tokens_cache": 0} for slot in range(options.parallel)])
        else:
            self.fail(404, "File Not Found", "not_found_error")

    def transcribe(self, data):
        """OpenAI's transcriptions: tells how long the recording is; the fields of the form are what was seen."""
        journal("transcribe")
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        fields = {part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
                  for part in email.message_from_bytes(head + data).get_payload()}
        sound = fields.get("file", b"")
        seen = {name: value.decode() for name, value in fields.items() if name != "file"}
        keep({**seen, "sha256": hashlib.sha256(sound).hexdigest()})
        if not sound.startswith(b"RIFF"):
            self.fail(400, "this is no recording", "invalid_request_error")
        elif seen.get("response_format") == "text":
            text = f"{len(sound)} bytes\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        else:
            self.reply(200, {"text": f"{len(sound)} bytes"})

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/v1/audio/transcriptions":
            self.transcribe(data)
            return
        body = json.loads(data)
        keep(body)
        if "named" in modes and body.get("model") != options.model:
            self.fail(404, f"The model {body.get('model')} does not exist.", "not_found_error")
        elif self.path == "/tokenize":
            self.reply(200, {"tokens": [number_of(word) for word in body["content"].split()]})
        elif options.slot_save_path and self.path.startswith("/slots/"):
            self.slot(body)
        elif self.path == "/apply-template" and "plain" not in modes:
            if not self.refuses_system(body):
                self.reply(200, {"prompt": template(body["messages"])})
        elif self.path == "/completion" and "plain" not in modes:
            self.complete(body)
        elif self.path == "/v1/embeddings":
            self.embed(body)
        elif self.path == "/v1/rerank" and "--reranking" in others:
            self.rerank(body)
        elif self.path == "/v1/images/generations":
            journal("draw")
            self.reply(200, {"created": 1, "data": [{"b64_json": base64.b64encode(body["prompt"].encode()).decode()}]})
        elif self.path == "/v1/messages/count_tokens":
            journal("count")
            self.reply(200, {"input_tokens": sum(len(text_of(m).split()) for m in body["messages"])})
        elif self.path == "/v1/chat/completions":
            self.chat(body)
        else:
            self.fail(404, "File Not Found", "not_found_error")

    def trouble(self):
        """The faults that come before any answer; True if one has been served."""
        if shall("die-early"):
            os.kill(os.getpid(), signal.SIGKILL)
        if shall("hang"):
            self.wait_until_left()
            return True
        if "error500" in modes:
            self.fail(500, "something private", "server_error")
            return True
        if "garbage" in modes:
            data = b"\x00\xff<html>not what you think"
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return True
        return False

    def wait_until_left(self):
        self.connection.settimeout(None)
        self.connection.recv(1)
        journal("cancelled")

    def embed(self, body):
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        journal(f"embed {len(texts)}")
        if self.trouble():
            return
        for text in texts:
            words = len(text.split())
            if words > options.limit:
                self.fail(500, f"input ({words} tokens) is too large to process. increase the physical batch size",
                          "server_error")
                return
        rows = []
        for index, text in enumerate(texts):
            vector = embedding(text)
            if body.get("encoding_format") == "base64":
                vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            rows.append({"object": "embedding", "index": index, "embedding": vector})
        self.reply(200, {"object": "list", "data": rows[::-1]})

    def rerank(self, body):
        """A document is worth the words it shares with the query; with `backwards` the fewer the better."""
        journal(f"rerank {len(body['documents'])}")
        wanted = set(body["query"].lower().strip("?").split())
        results = [{"index": index, "relevance_score": (-1 if "backwards" in modes else 1) * len(wanted & set(text.lower().split()))}
                   for index, text in enumerate(body["documents"])]
        self.reply(200, {"model": options.model, "object": "list", "results": sorted(results, key=lambda one: -one["relevance_score"]),
                         "usage": {"prompt_tokens": sum(len(text.split()) for text in body["documents"]), "total_tokens": 0}})

    def event(self, value):
        data = ("data: " + (value if isinstance(value, str) else json.dumps(value)) + "\n\n").encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def comment(self):
        self.wfile.write(b"3\r\n:\n\n\r\n")
        self.wfile.flush()

    def refuses_system(self, body):
        refuses = "refuses-system" in modes and any(message.get("role") == "system" for message in body.get("messages", []))
        if refuses:
            self.fail(500, "System role not supported at row 1, column 2", "server_error")
        return refuses

    def chat(self, body):
        journal("chat")
        if self.trouble():
            return
        if "no-forms" in modes and "response_format" in body:
            self.fail(400, "failed to parse grammar: Unresolved $ref #/nowhere", "invalid_request_error")
            return
        if "no-pictures" in modes and colour_of(body.get("messages", [])):
            self.fail(500, "image input is not supported", "server_error")
            return
        if self.refuses_system(body):
            return
        body["messages"] = read_by_template(body.get("messages", []))
        prompt = " ".join(text_of(message) for message in body.get("messages", [])).split()
        counted = len(prompt)
        if counted > options.ctx_size:
            if "truncate" not in modes:
                self.too_long(prompt)
                return
            prompt = prompt[-options.ctx_size:]
            counted = counted if "miscount" in modes else len(prompt)
            body["messages"] = [{"role": "user", "content": " ".join(prompt)}]
        # The slot holds what the template makes, as for /completion; told are the words of the messages only.
        templated = template(body.get("messages", [])).split()
        shared = templated[: len(templated) - fresh_words(body, templated)]
        fresh = counted - sum(1 for word in shared if not re.fullmatch(r"<[a-z]+>", word))
        pieces = re.findall(r"\s*\S+", answer_to(body))
        wanted = pieces[: body.get("max_tokens", 512)]
        if "think" in modes:
            time.sleep(options.delay)
        if modes & {"tools", "several-tools"} and body.get("tools"):
            calls = [{"id": "native" if number == 0 else f"native{number}", "type": "function",
                      "function": {"name": tool["function"]["name"],
                                   "arguments": json.dumps(instance(tool["function"].get("parameters", {})))}}
                     for number, tool in enumerate(body["tools"][: 2 if "several-tools" in modes else 1])]
            if body.get("stream"):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for delta, reason in [*(({"tool_calls": [{"index": number, **call}]}, None) for number, call in enumerate(calls)),
                                      ({}, "tool_calls")]:
                    self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
                self.event("[DONE]")
                self.wfile.write(b"0\r\n\r\n")
                return
            self.reply(200, {"object": "chat.completion", "model": options.model,
                             "choices": [{"index": 0, "finish_reason": "tool_calls",
                                          "message": {"role": "assistant", "content": None, "tool_calls": calls}}],
                             "usage": {"prompt_tokens": len(prompt), "completion_tokens": 1}})
            return
        if not body.get("stream"):
            self.reply(200, {"object": "chat.completion", "model": options.model,
                             "choices": [{"index": 0, "finish_reason": "stop",
                                          "message": {"role": "assistant", "content": "".join(wanted)}}],
                             "usage": {"prompt_tokens": counted, "completion_tokens": len(wanted)}})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pings = False
        try:
            while pings or shall("hang-ping"):
                pings = True
                self.comment()
                time.sleep(options.delay)
            if shall("die-ping"):
                self.comment()
                os.kill(os.getpid(), signal.SIGKILL)
            while "flood" in modes:
                self.event({"choices": [{"index": 0, "delta": {"content": "x" * 4000}, "finish_reason": None}]})
            for piece in ["I ", "think."] if "thinks" in modes else []:
                self.event({"choices": [{"index": 0, "delta": {"reasoning_content": piece}, "finish_reason": None}]})
            for number, piece in enumerate(wanted):
                if number == 1:
                    if shall("die"):
                        os.kill(os.getpid(), signal.SIGKILL)
                    if shall("hang-mid"):
                        self.wait_until_left()
                        return
                if "slow" in modes:
                    time.sleep(options.delay)
                chances = [{"token": piece, "logprob": -0.5, "bytes": list(piece.encode()), "top_logprobs": []}]
                self.event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None,
                                         "logprobs": {"content": chances} if body.get("logprobs") else None}]})
            if "breaks-off" in modes:
                self.wfile.write(b"0\r\n\r\n")
                return
            reason = "length" if len(wanted) < len(pieces) else "stop"
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
            self.event({"choices": [],
                        "usage": {"prompt_tokens": counted, "completion_tokens": len(wanted)},
                        "timings": {"cache_n": counted - fresh, "prompt_n": fresh,
                                    "predicted_n": len(wanted)}})
            self.event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            journal("cancelled")


    def too_long(self, prompt):
        self.fail(400, "request exceeds the available context size", "exceed_context_size_error",
                  n_prompt_tokens=len(prompt), n_ctx=options.ctx_size)

    def slot(self, body):
        """llama-server's /slots/N?action=…: what a slot holds goes to the disk and comes back."""
        slot, action = int(self.path.split("/")[2].split("?")[0]), self.path.split("action=")[1]
        path = os.path.join(options.slot_save_path, body["filename"])
        journal(f"slot {action}")
        if action == "save":
            if "save-fails" in modes:
                self.fail(500, "Unable to save slot", "server_error")
                return
            data = json.dumps(prompts.get(slot, []))
            with open(path, "w", encoding="utf-8") as file:
                file.write(data[: len(data) // 2] if "save-half" in modes else data)
            self.reply(200, {"id_slot": slot, "n_saved": len(prompts.get(slot, [])), "n_written": len(data.encode())})
            return
        with open(path, encoding="utf-8") as file:
            held = json.load(file)
        prompts[slot] = [] if "forgets-slots" in modes else held
        self.reply(200, {"id_slot": slot, "n_restored": len(held), "n_read": os.path.getsize(path)})

    def complete(self, body):
        """llama-server's /completion: `prompt` is text or the numbers of its words."""
        given = body["prompt"]
        if isinstance(given, list):
            known = {number: word for word, number in words.items()}
            given = " ".join(known.get(number, f"#{number}") for number in given)
        prompt, mark, said = given.rpartition("<assistant>")
        prompt = given.split()
        counted = len(prompt)
        if counted > options.ctx_size:
            if "truncate" not in modes:
                self.too_long(prompt)
                return
            prompt = prompt[-options.ctx_size:]
            given = " ".join(prompt)
        counted = counted if "miscount" in modes else len(prompt)
        if body.get("n_predict") == 0:
            journal(f"piece {len(prompt)} slot {body.get('id_slot')}")
            fresh = fresh_words(body, prompt)
            self.reply(200, {"content": "", "stop": True, "timings": {"prompt_n": fresh, "cache_n": len(prompt) - fresh}})
            return
        journal(f"completion {len(said.split()) if mark else 0}")
        if self.trouble():
            return
        before, _, question = given.rpartition("<assistant>")[0].rpartition("<user> ")
        form = {"messages": [{"content": before}, {"content": question.strip()}], "grammar": body.get("grammar")}
        if "json_schema" in body:
            form["response_format"] = {"type": "json_schema", "json_schema": {"schema": body["json_schema"]}}
        answer = answer_to(form)
        formed = bool(body.get("grammar") or "json_schema" in body)
        if formed and "goes-on" in modes:
            said = body.get("generation_prompt", "")
        if (not formed or "goes-on" in modes) and answer.startswith(said):
            answer = answer[len(said):]
        fresh = fresh_words(body, prompt)
        pieces = re.findall(r"\s*\S+", answer)
        wanted = pieces[: body.get("n_predict", 512)]
        last = {"content": "", "stop": True, "stop_type": "limit" if len(wanted) < len(pieces) else "eos",
                "tokens_predicted": len(wanted),
                "timings": {"cache_n": counted - fresh, "prompt_n": fresh, "predicted_n": len(wanted)}}
        if not body.get("stream"):
            self.reply(200, {**last, "content": "".join(wanted)})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number, piece in enumerate(wanted, 1):
                if "slow" in modes:
                    time.sleep(options.delay)
                self.event({"content": piece, "stop": False, "tokens_predicted": number})
                journal("word")
            self.event(last)
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            journal("cancelled")


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        if options.host.endswith(".sock"):
            self.address_family = socket.AF_UNIX
            super().__init__(options.host, Handler)
        else:
            super().__init__((options.host, options.port), Handler)

    def handle_error(self, *_):
        pass  # a client that went away in the middle


def gpu_used():
    """MiB that other engines take, those that have ended left out."""
    used = 0
    if options.gpu_used and os.path.exists(options.gpu_used):
        with open(options.gpu_used, encoding="utf-8") as file:
            for line in file:
                pid, size = line.split()
                try:
                    with open(f"/proc/{pid}/stat", encoding="utf-8") as status:
                        used += 0 if ") Z " in status.read() else int(size)
                except OSError:
                    pass
    return used


def take_gpu_memory():
    """False where it has no room."""
    total, layer, compute = (int(number) for number in options.gpu.split(","))
    layers = options.n_gpu_layers
    needed = layers * layer + (compute if layers else 0)
    fits = needed <= total - gpu_used()
    if options.gpu_used and fits:
        with open(options.gpu_used, "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {needed}\n")
    if not fits:
        print(f"ggml_backend_cuda_buffer_type_alloc_buffer: allocating {layers * layer} MiB on device 0: out of memory", file=sys.stderr)
        return False
    place = "CUDA0" if layers else "CPU"
    if layers:
        print(f"load_tensors:        CUDA0 model buffer size = {layers * layer:8.2f} MiB")
    print(f"llama_kv_cache:      {place} KV buffer size = {options.ctx_size * options.parallel / 1024:8.2f} MiB")
    print(f"sched_reserve:      {place} compute buffer size = {compute:8.2f} MiB", flush=True)
    return True


def main():
    if options.list_devices:
        print("Available devices:")
        if options.gpu:
            total = int(options.gpu.split(",")[0])
            print(f"  CUDA0: A scripted GPU ({total} MiB, {total - gpu_used()} MiB free)")
        return 0
    if options.gpu and not take_gpu_memory():
        journal(f"no room -ngl {options.n_gpu_layers}")
        return 1
    if "flag" in modes and "--cache-ram" in others:
        print("error: invalid argument: --cache-ram", file=sys.stderr)
        return 1
    if shall("refuse"):
        print("scripted engine: error: refused to start, as told", file=sys.stderr)
        return 3
    if "stubborn" in modes:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        def stop(*_):
            journal("stop")
            os._exit(0)
        signal.signal(signal.SIGTERM, stop)
    journal(f"start {os.getpid()} -ngl {options.n_gpu_layers}" if options.gpu else f"start {os.getpid()}")
    print(f"scripted engine: {options.scripted}, arguments {others}", flush=True)
    Server().serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
