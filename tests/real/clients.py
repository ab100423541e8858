"""Unmodified `openai` and `anthropic` clients, of Python and of npm, against a running lar with a small real model.

    clients.py          run with the environment of scripts/requirements-clients.txt, a node on the PATH, and
                        LAR_NPM=$(scripts/setup-npm.sh tests/real/npm)

Each check names the API and the fields that it would catch when they break (@covers); the table of
docs/api.md is made of these lines by scripts/api_table.py, so a field without a check says "no".
The model is the smallest there is: what is tested is the plumbing, never whether an answer is clever.
It makes no tool calls of its own, so what the checks of tools see is what lar makes of schemas.
"""
import base64
import contextlib
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import time

import anthropic
import openai
from running import Lar, repository, run_checks

checks = []


def covers(api, *fields):
    def register(check):
        checks.append((api, fields, check))
        return check
    return register


hello = [{"role": "user", "content": "Say hello."}]
weather = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Madrid", "Oslo"]}},
           "required": ["city"], "additionalProperties": False}


class World:
    def __init__(self, lar, key=None):
        self.lar = lar
        self.key = key or lar.key("clients")
        self.openai = openai.OpenAI(base_url=lar.url + "/v1", api_key=self.key, max_retries=0)
        self.anthropic = anthropic.Anthropic(base_url=lar.url, api_key=self.key, max_retries=0)

    def at(self, lar):
        """The same client at another door."""
        return World(lar, self.key)

    def chat(self, **more):
        return self.openai.chat.completions.create(**{"model": "lar/chat", "messages": hello, "max_tokens": 6, **more})

    def message(self, **more):
        return self.anthropic.messages.create(**{"model": "lar/chat", "messages": hello, "max_tokens": 6, **more})


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


# ---- OpenAI: models ----

@covers("OpenAI models", "list", "retrieve")
def models(w):
    assert [m.id for m in w.openai.models.list()] == ["lar/chat", "lar/fast", "lar/embed"]
    assert w.openai.models.retrieve("lar/chat").id == "lar/chat"
    refused(openai.NotFoundError, lambda: w.openai.models.retrieve("gpt-4"))


# ---- OpenAI: chat completions ----

@covers("OpenAI chat completions", "model", "messages", "max_tokens", "usage")
def chat_whole(w):
    answer = w.chat(temperature=0)
    assert answer.model == "lar/chat" and answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant" and answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length", answer
    assert answer.usage.completion_tokens == 6 and answer.usage.prompt_tokens > 5, answer


@covers("OpenAI chat completions", "stream", "stream_options")
def chat_stream(w):
    chunks = list(w.chat(stream=True, temperature=0, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == w.chat(temperature=0).choices[0].message.content, text
    assert all(c.model == "lar/chat" for c in chunks) and len(chunks) > 4
    assert chunks[-1].usage.completion_tokens == 6
    assert all(c.usage is None for c in w.chat(stream=True, max_tokens=2))


@covers("OpenAI chat completions", "temperature", "seed")
def chat_seed(w):
    said = [w.chat(seed=seed, temperature=1.5).choices[0].message.content for seed in (7, 7, 8)]
    assert said[0] == said[1] != said[2], said
    # Without any warmth the dice decide nothing.
    cold = {w.chat(seed=seed, temperature=0, max_tokens=12).choices[0].message.content for seed in (7, 8, 9)}
    assert len(cold) == 1, cold


@covers("OpenAI chat completions", "top_p")
def chat_top_p(w):
    # So small a share holds only the likeliest token, whatever the dice say.
    said = {w.chat(seed=seed, temperature=1.5, top_p=1e-6).choices[0].message.content for seed in (7, 8, 9)}
    assert len(said) == 1, said


@covers("OpenAI chat completions", "n")
def chat_several(w):
    choices = w.chat(n=2, temperature=1.5, max_tokens=8).choices
    assert sorted(c.index for c in choices) == [0, 1] and all(c.message.content for c in choices), choices


@covers("OpenAI chat completions", "max_completion_tokens")
def chat_most_tokens(w):
    answer = w.openai.chat.completions.create(model="lar/chat", messages=hello, max_completion_tokens=3)
    assert answer.usage.completion_tokens == 3 and answer.choices[0].finish_reason == "length", answer


@covers("OpenAI chat completions", "frequency_penalty", "presence_penalty")
def chat_penalties(w):
    ask = {"messages": [{"role": "user", "content": "Write the word yes twenty times."}], "max_tokens": 40, "temperature": 0}
    texts = [w.chat(**ask, **more).choices[0].message.content
             for more in ({}, {"frequency_penalty": 2.0}, {"presence_penalty": 2.0})]
    assert texts[0] != texts[1] and texts[0] != texts[2], texts


@covers("OpenAI chat completions", "stop")
def chat_stop(w):
    text = w.chat(temperature=0, max_tokens=12).choices[0].message.content
    stop = text[4:6]
    cut = w.chat(temperature=0, max_tokens=12, stop=[stop]).choices[0]
    assert cut.message.content == text[:text.index(stop)] and cut.finish_reason == "stop"


@covers("OpenAI chat completions", "response_format: json_schema")
def chat_schema(w):
    form = {"type": "json_schema", "json_schema": {"name": "w", "strict": True, "schema": weather}}
    text = w.chat(max_tokens=40, response_format=form).choices[0].message.content
    assert json.loads(text)["city"] in ("Madrid", "Oslo"), text


@covers("OpenAI chat completions", "response_format: json_schema")
def chat_odd_schema(w):
    # Keywords that no grammar keeps to cost nothing of the rest.
    odd = {**weather, "$comment": "of a generator", "not": {"required": ["country"]}, "dependentRequired": {"city": []},
           "if": {"required": ["country"]}, "then": {"required": ["zip"]}, "unevaluatedProperties": False,
           "properties": {"city": weather["properties"]["city"], "note": {"type": "string", "pattern": "^(?=x)x$", "format": "idn-email"}}}
    form = {"type": "json_schema", "json_schema": {"name": "w", "schema": odd}}
    # No grammar keeps to such a pattern either, so a note may go on beyond the limit.
    text = w.chat(max_tokens=40, response_format=form).choices[0].message.content
    assert re.match(r'\s*\{\s*"city"\s*:\s*"(Madrid|Oslo)"', text), text


@covers("OpenAI chat completions", "response_format: json_object")
def chat_json(w):
    answer = w.chat(max_tokens=3, temperature=0, response_format={"type": "json_object"})
    assert answer.choices[0].message.content.lstrip().startswith("{"), answer


@covers("OpenAI chat completions", "logprobs", "top_logprobs")
def chat_logprobs(w):
    tokens = w.chat(max_tokens=2, temperature=0, logprobs=True, top_logprobs=3).choices[0].logprobs.content
    assert len(tokens) == 2 and len(tokens[0].top_logprobs) == 3 and tokens[0].logprob <= 0
    assert w.chat(max_tokens=1, temperature=0).choices[0].logprobs is None


@covers("OpenAI chat completions", "logit_bias")
def chat_bias(w):
    token = w.chat(max_tokens=1, temperature=0).choices[0].message.content
    ids = json.loads(engine(w, "/tokenize", {"content": token}))["tokens"]
    other = w.chat(max_tokens=1, temperature=0, logit_bias={str(i): -100 for i in ids})
    assert other.choices[0].message.content != token


def against(w, *texts):
    """A bias against those of them that are one token: they come only where nothing else is allowed."""
    tokens = [json.loads(engine(w, "/tokenize", {"content": text}))["tokens"] for text in texts]
    return {str(ids[0]): -100 for ids in tokens if len(ids) == 1}


def engine(w, path, body):
    """The engine itself, past lar."""
    w.chat(max_tokens=1)  # it runs once it has been asked
    import http.client
    connection = http.client.HTTPConnection("engine", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(w.lar.folder / "home/run/chat.sock"))
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    return connection.getresponse().read()


@covers("OpenAI chat completions", "errors")
def chat_errors(w):
    error = refused(openai.NotFoundError, lambda: w.chat(model="gpt-4"))
    assert error.code == "model_not_found" and error.param == "model", error.body
    assert error.type == "invalid_request_error"
    error = refused(openai.BadRequestError, lambda: w.chat(messages=[{"role": "user", "content": "word " * 9000}]))
    assert error.code == "context_length_exceeded", error.body
    wrong = openai.OpenAI(base_url=w.lar.url + "/v1", api_key="wrong", max_retries=0)
    assert refused(openai.AuthenticationError, lambda: wrong.models.list()).code == "invalid_api_key"
    refused(openai.PermissionDeniedError, lambda: w.chat(model="lar/assistant"))
    refused(openai.BadRequestError, lambda: w.chat(response_format={
        "type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}}))
    assert w.chat(max_tokens=1).choices, "after the errors it answers"


@covers("OpenAI chat completions", "cancellation")
def chat_cancel(w):
    # For much longer than is waited below, whatever the model would rather do.
    stream = w.chat(stream=True, max_tokens=2000, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    started = time.time()
    w.chat(max_tokens=1)
    assert time.time() - started < 5, "the engine went on for a client that had left"


# ---- OpenAI: tools ----

look = {"name": "look_up", "description": "Tells the weather of a city.", "parameters": weather}
note = {"name": "note", "description": "Notes a number.",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer", "minimum": 1, "maximum": 9}},
                       "required": ["number"], "additionalProperties": False}}
both = [{"type": "function", "function": tool} for tool in (look, note)]


def obeys(name, arguments):
    """Whether arguments are what the tool of that name takes."""
    value = json.loads(arguments) if isinstance(arguments, str) else arguments
    if name == "look_up":
        return value in ({"city": "Madrid"}, {"city": "Oslo"})
    return name == "note" and list(value) == ["number"] and 1 <= value["number"] <= 9


@covers("OpenAI chat completions", "tools", "tool_choice: required", "parallel_tool_calls")
def chat_tools(w):
    # Whatever the model would do: against a call where a text is allowed, against an end where another call is.
    begins = [mark + word for mark in ("", '"', '{"') for word in ("t", "to", "too", "tool", "tools")]
    ends = [before + after for before in ("", " ", '"', "}", "}}", '"}', '"}}') for after in ("]", "]}")]
    choice = w.chat(max_tokens=99, temperature=0, tools=both, tool_choice="required", parallel_tool_calls=False,
                    logit_bias=against(w, *begins, *ends)).choices[0]
    assert choice.finish_reason == "tool_calls" and len(choice.message.tool_calls) == 1, choice
    assert all(c.id and obeys(c.function.name, c.function.arguments) for c in choice.message.tool_calls), choice
    # Two fit into these tokens; the last may be cut. Against an end where another call is allowed, one does not come alone.
    several = w.chat(max_tokens=80, temperature=0, tools=both[1:], tool_choice="required", logit_bias=against(w, *ends)).choices[0]
    assert len(several.message.tool_calls) > 1, several
    assert all(obeys("note", c.function.arguments) for c in several.message.tool_calls[:-1]), several
    # Left to itself it answers one way or the other, never with a call in the text.
    free = w.chat(max_tokens=40, tools=both).choices[0]
    assert free.message.tool_calls or "tool_calls" not in (free.message.content or ""), free


@covers("OpenAI chat completions", "tool_choice: named", "tool_choice: none")
def chat_tool_named(w):
    named = {"type": "function", "function": {"name": "note"}}
    calls = w.chat(max_tokens=99, tools=both, tool_choice=named, parallel_tool_calls=False).choices[0].message.tool_calls
    assert calls and all(c.function.name == "note" and obeys("note", c.function.arguments) for c in calls), calls
    # A text that goes on: with chance in it a small model may end at once.
    message = w.chat(messages=[{"role": "user", "content": counting["input"]}], temperature=0, max_tokens=12, tools=both,
                     tool_choice="none").choices[0].message
    assert message.content and not message.tool_calls, message
    refused(openai.BadRequestError, lambda: w.chat(tools=both, tool_choice={
        "type": "function", "function": {"name": "nobody"}}))


@covers("OpenAI chat completions", "tools, streamed")
def chat_tools_streamed(w):
    made, reason = {}, None
    for chunk in w.chat(max_tokens=99, tools=both, tool_choice="required", parallel_tool_calls=False, stream=True):
        for call in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
            name, arguments = made.get(call.index, ("", ""))
            made[call.index] = (name + (call.function.name or ""), arguments + (call.function.arguments or ""))
        reason = chunk.choices[0].finish_reason or reason if chunk.choices else reason
    assert made and all(obeys(*call) for call in made.values()) and reason == "tool_calls", (made, reason)


def words(w, messages):
    return w.chat(messages=messages, max_tokens=1, tools=both).usage.prompt_tokens


@covers("OpenAI chat completions", "messages: tool results")
def chat_tool_results(w):
    asked = [{"role": "user", "content": "Is it warm in Oslo?"}]
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Oslo"}'}}
    told = [*asked, {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "It has four degrees below zero there, with snow."}]
    assert words(w, told) > words(w, asked) + 15, "the result did not reach the model"
    answer = w.chat(messages=told, max_tokens=12, tools=both, tool_choice="none").choices[0].message
    assert answer.content, answer


# ---- OpenAI: the others ----

@covers("OpenAI completions", "model", "prompt", "max_tokens", "stream", "usage")
def completions(w):
    answer = w.openai.completions.create(model="lar/chat", prompt="Once upon a", max_tokens=4, temperature=0)
    assert answer.model == "lar/chat" and answer.choices[0].text and answer.usage.completion_tokens == 4
    pieces = w.openai.completions.create(model="lar/chat", prompt="Once upon a", max_tokens=4, temperature=0, stream=True)
    assert "".join(p.choices[0].text for p in pieces if p.choices) == answer.choices[0].text


@covers("OpenAI completions", "temperature", "stop", "logprobs")
def completions_more(w):
    ask = {"model": "lar/chat", "prompt": "Once upon a", "max_tokens": 12}
    text = w.openai.completions.create(**ask, temperature=0).choices[0].text
    assert text == w.openai.completions.create(**ask, temperature=0).choices[0].text
    warm = {w.openai.completions.create(**ask, temperature=1.5, seed=seed).choices[0].text for seed in (1, 2, 3)}
    assert len(warm) > 1, warm
    cut = w.openai.completions.create(**ask, temperature=0, stop=[text[4:6]]).choices[0]
    assert cut.text == text[:text.index(text[4:6])] and cut.finish_reason == "stop", cut
    assert w.openai.completions.create(**{**ask, "max_tokens": 2}, logprobs=2).choices[0].logprobs, "no logprobs"


# Long enough that no model ends by itself before a small limit.
counting = {"model": "lar/chat", "input": "Count from 1 to 60: 1, 2, 3, 4,", "temperature": 0}


@covers("OpenAI responses", "model", "input", "instructions", "max_output_tokens", "usage")
def responses(w):
    answer = w.openai.responses.create(**counting, instructions="Be short.", max_output_tokens=5)
    assert answer.model == "lar/chat" and answer.output_text, answer
    assert answer.usage.output_tokens == 5, answer.usage
    plain = w.openai.responses.create(**counting, max_output_tokens=5)
    assert plain.usage.input_tokens != answer.usage.input_tokens, "the instructions made no difference"


@covers("OpenAI responses", "stream", "errors")
def responses_stream(w):
    text, last = "", None
    for event in w.openai.responses.create(**counting, max_output_tokens=5, stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
        last = event
    assert last.type == "response.completed" and last.response.output_text == text and text
    assert last.response.model == "lar/chat"
    refused(openai.NotFoundError, lambda: w.openai.responses.create(model="gpt-4", input="x"))


flat = [{"type": "function", **tool} for tool in (look, note)]


@covers("OpenAI responses", "tools", "tool_choice")
def responses_tools(w):
    ask = {"model": "lar/chat", "input": "Say hello.", "tools": flat, "tool_choice": "required",
           "parallel_tool_calls": False, "max_output_tokens": 99}
    answer = w.openai.responses.create(**ask)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert calls and all(c.call_id and obeys(c.name, c.arguments) for c in calls), answer
    with w.openai.responses.stream(**ask) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.delta" in kinds, kinds
    assert all(obeys(c.name, c.arguments) for c in final.output if c.type == "function_call"), final
    told = w.openai.responses.create(model="lar/chat", tools=flat, tool_choice="none", max_output_tokens=12, input=[
        {"role": "user", "content": "Is it warm in Oslo?"}, calls[0].to_dict(),
        {"type": "function_call_output", "call_id": calls[0].call_id, "output": "Four degrees."}])
    assert told.output_text, told


@covers("OpenAI responses", "text.format")
def responses_form(w):
    form = {"format": {"type": "json_schema", "name": "w", "schema": weather, "strict": True}}
    answer = w.openai.responses.create(model="lar/chat", input="Say hello.", text=form, max_output_tokens=40)
    assert obeys("look_up", answer.output_text), answer.output_text


@covers("OpenAI embeddings", "model", "input: text", "input: list", "encoding_format", "usage", "errors")
def embeddings(w):
    texts = ["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose again."]
    plain = w.openai.embeddings.create(model="lar/embed", input=texts, encoding_format="float")
    packed = w.openai.embeddings.create(model="lar/embed", input=texts, encoding_format="base64")
    one = w.openai.embeddings.create(model="lar/embed", input=texts[0])
    a, b, c = (row.embedding for row in plain.data)
    dot = lambda x, y: sum(p * q for p, q in zip(x, y))
    assert dot(a, b) > dot(a, c) + 0.2, "meaning is not told"
    assert abs(dot(a, one.data[0].embedding) - 1) < 1e-3 and plain.usage.prompt_tokens > 10
    # This client unpacks only what it has asked for by itself.
    unpacked = struct.unpack(f"<{len(a)}f", base64.b64decode(packed.data[0].embedding))
    assert abs(dot(a, unpacked) - 1) < 1e-3 and plain.model == "lar/embed"
    refused(openai.BadRequestError, lambda: w.openai.embeddings.create(model="lar/chat", input="x"))


@covers("OpenAI embeddings", "dimensions", "input: many")
def embeddings_many(w):
    texts = [f"Note {number} of an editor that reads a code base." for number in range(70)]
    many = w.openai.embeddings.create(model="lar/embed", input=texts, dimensions=64)
    assert [row.index for row in many.data] == list(range(70)) and many.usage.prompt_tokens > 700, many.usage
    whole = w.openai.embeddings.create(model="lar/embed", input=texts[69]).data[0].embedding
    norm = sum(x * x for x in whole[:64]) ** 0.5
    assert len(many.data[69].embedding) == 64
    assert all(abs(x / norm - y) < 1e-3 for x, y in zip(whole, many.data[69].embedding))


# ---- Anthropic ----

@covers("Anthropic messages", "model", "messages", "max_tokens", "usage", "system")
def message_whole(w):
    answer = w.message(extra_body={"temperature": 0})
    assert answer.model == "lar/chat" and answer.role == "assistant" and answer.content[0].text
    assert answer.stop_reason == "max_tokens" and answer.usage.output_tokens == 6
    count = w.anthropic.messages.count_tokens(model="lar/chat", messages=hello).input_tokens
    longer = w.anthropic.messages.count_tokens(model="lar/chat", messages=hello, system="Be very brief and polite, please do.")
    assert longer.input_tokens != count


@covers("Anthropic messages", "stream")
def message_stream(w):
    with w.anthropic.messages.stream(model="lar/chat", messages=hello, max_tokens=6,
                                     extra_body={"temperature": 0}) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text and final.content[0].text == text and final.model == "lar/chat", final
    assert final.usage.output_tokens == 6, final


@covers("Anthropic messages", "stop_sequences", "temperature")
def message_stop(w):
    # This client no longer names the temperature; the API has it.
    coldly = {"max_tokens": 12, "extra_body": {"temperature": 0}}
    text = w.message(**coldly).content[0].text
    assert text == w.message(**coldly).content[0].text
    cut = w.message(**coldly, stop_sequences=[text[4:6]])
    assert "".join(block.text for block in cut.content) == text[:text.index(text[4:6])]


@covers("Anthropic messages", "count_tokens")
def message_count(w):
    count = w.anthropic.messages.count_tokens(model="lar/chat", messages=hello).input_tokens
    used = w.message().usage
    assert count == used.input_tokens + (used.cache_read_input_tokens or 0), (count, used)


@covers("Anthropic messages", "errors")
def message_errors(w):
    error = refused(anthropic.NotFoundError, lambda: w.message(model="claude"))
    assert error.body["error"]["type"] == "not_found_error" and error.body["type"] == "error", error.body
    wrong = anthropic.Anthropic(base_url=w.lar.url, api_key="wrong", max_retries=0)
    error = refused(anthropic.AuthenticationError, lambda: wrong.models.list())
    assert error.body["error"]["type"] == "authentication_error", error.body
    error = refused(anthropic.BadRequestError, lambda: w.message(messages=[{"role": "user", "content": "word " * 9000}]))
    assert error.body["error"]["type"] == "invalid_request_error", error.body


@covers("Anthropic messages", "tools", "tool_choice: any")
def message_tools(w):
    tools = [{"name": t["name"], "description": t["description"], "input_schema": t["parameters"]} for t in (look, note)]
    ask = {"max_tokens": 99, "tools": tools, "tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
    answer = w.message(**ask)
    used = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use" and used and all(obeys(b.name, b.input) for b in used), answer
    one = w.message(**{**ask, "tool_choice": {**ask["tool_choice"], "type": "tool", "name": "note"}}).content
    assert [block.name for block in one if block.type == "tool_use"][0] == "note", one
    with w.anthropic.messages.stream(model="lar/chat", messages=hello, **ask) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use" and final.usage.output_tokens > 0, final
    assert all(obeys(b.name, b.input) for b in final.content if b.type == "tool_use"), final


@covers("Anthropic messages", "messages: tool results")
def message_tool_results(w):
    tools = [{"name": "look_up", "input_schema": weather}]

    def told(result):
        return [{"role": "user", "content": "Is it warm in Oslo?"}, {"role": "assistant", "content": [
            {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"city": "Oslo"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": result}]}]
    count = lambda messages: w.message(messages=messages, tools=tools, max_tokens=1).usage
    total = lambda usage: usage.input_tokens + (usage.cache_read_input_tokens or 0)
    longer, shorter = told("It has four degrees below zero there, with snow."), told("No.")
    assert total(count(longer)) > total(count(shorter)) + 6, "the result did not reach the model"
    counted = w.anthropic.messages.count_tokens(model="lar/chat", messages=longer, tools=tools).input_tokens
    assert counted == total(count(longer)), "what is counted is not what is sent"


@covers("Anthropic models", "list", "retrieve")
def anthropic_models(w):
    assert [m.id for m in w.anthropic.models.list()] == ["lar/chat", "lar/fast", "lar/embed"]
    assert w.anthropic.models.retrieve("lar/chat").display_name == "lar/chat"


# ---- what no small model does: pictures, thoughts, sound; by a server that plays one ----

@contextlib.contextmanager
def served(w, role, modes="normal"):
    """The role is bound to a server of the owner's; gives what it was sent last by a client and not by lar, which tries it out."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen = w.lar.folder / f"seen-{role}"
    server = subprocess.Popen([sys.executable, str(repository / "tests/engines/scripted_engine.py"), "--port", str(port), "--mmproj", "x",
                               "--scripted", modes, "--seen", str(seen)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        w.lar.run("model", "use", f"{role}=http://127.0.0.1:{port}")
        def sent():
            bodies = [json.loads(line) for line in pathlib.Path(f"{seen}.all").read_text().splitlines()]
            return [body for body in bodies if "sha256" in body or ("messages" in body and "What is this?" in json.dumps(body["messages"]))][-1]

        yield sent
    finally:
        w.lar.run("model", "use", f"{role}=")
        server.kill()
        server.wait()


# Not small, so that it is told from words by more than its form.
photo = base64.b64encode(bytes(range(256)) * 12_000).decode()
shown = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + photo}}]


@covers("OpenAI chat completions", "messages: images", "reasoning_effort")
def chat_image(w):
    with served(w, "vision") as seen:
        answer = w.chat(model="lar/vision", messages=[{"role": "user", "content": shown}], reasoning_effort="low", max_tokens=50)
        assert answer.choices[0].message.content.startswith("You said: What is this?"), answer
        assert seen()["messages"][0]["content"] == shown, "the picture has changed"
        assert seen()["reasoning_effort"] == "low"


@covers("OpenAI responses", "input: images", "answer: reasoning")
def responses_image(w):
    with served(w, "vision", "thinks") as seen:
        asked = [{"role": "user", "content": [{"type": "input_text", "text": "What is this?"},
                                              {"type": "input_image", "detail": "auto", "image_url": shown[1]["image_url"]["url"]}]}]
        answer = w.openai.responses.create(model="lar/vision", input=asked)
        assert seen()["messages"][0]["content"] == shown, "the picture has changed"
        assert [item.type for item in answer.output] == ["reasoning", "message"], answer
        assert answer.output[0].content[0].text == "I think." and answer.output_text.startswith("You said"), answer
        assert answer.usage.output_tokens_details.reasoning_tokens == 2, answer.usage
        with w.openai.responses.stream(model="lar/vision", input=asked) as stream:
            kinds = [event.type for event in stream]
            assert "response.reasoning_text.delta" in kinds and stream.get_final_response().output[0].type == "reasoning", kinds


@covers("Anthropic messages", "messages: images", "answer: thinking")
def message_image(w):
    with served(w, "vision", "thinks") as seen:
        asked = [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": photo}}]}]
        answer = w.message(model="lar/vision", messages=asked, max_tokens=50)
        assert seen()["messages"][0]["content"] == shown, "the picture has changed"
        assert [block.type for block in answer.content] == ["thinking", "text"], answer
        assert answer.content[0].thinking == "I think." and answer.content[1].text.startswith("You said"), answer
        with w.anthropic.messages.stream(model="lar/vision", messages=asked, max_tokens=50) as stream:
            streamed = stream.get_final_message().content
            # The library's own types differ between streamed and whole.
            said = [[(block.type, getattr(block, block.type)) for block in content] for content in (streamed, answer.content)]
            assert said[0] == said[1], said


@covers("OpenAI audio, images, files", "transcriptions")
def transcriptions(w):
    with served(w, "speech") as seen:
        ask = {"model": "lar/speech", "file": ("talk.wav", b"RIFF" + bytes(500_000))}
        assert w.openai.audio.transcriptions.create(**ask).text == "500004 bytes"
        assert seen()["model"] == "scripted", "the server knows its own model only"
        assert w.openai.audio.transcriptions.create(**ask, response_format="text") == "500004 bytes\n"
    error = refused(openai.NotFoundError, lambda: w.openai.audio.transcriptions.create(**ask))
    assert "lar model use speech=" in error.message, error


@covers("OpenAI audio, images, files", "images: generations")
def generations(w):
    with served(w, "image"):
        answer = w.openai.images.generate(model="lar/image", prompt="a cat", response_format="b64_json")
        assert base64.b64decode(answer.data[0].b64_json) == b"a cat", answer


# ---- rerank ----

@covers("Rerank (/v1/rerank)", "query, documents", "top_n")
def rerank(w):
    ask = {"model": "lar/embed", "query": "Where does the cat sleep?", "top_n": 2, "documents": [
        "Interest rates rose again.", "The cat sleeps on the sofa.", "The kitten likes to nap on a pillow."]}
    status, _, body = w.lar.ask("POST", "/v1/rerank", ask, key=w.key)
    results = json.loads(body)["results"]
    assert status == 200 and sorted(r["index"] for r in results) == [1, 2], body
    assert results[0]["relevance_score"] > results[1]["relevance_score"], body
    status, _, body = w.lar.ask("POST", "/v1/rerank", {**ask, "model": "lar/rerank"}, key=w.key)
    assert status == 404 and b"lar/embed" in body, body


# ---- lar ----

@covers("lar", "GET /metrics", "GET /openapi.json")
def lar_figures(w):
    status, headers, body = w.lar.ask("GET", "/metrics", key=w.key)
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert b'lar_engine_state{role="chat",state="ready"} 1' in body
    status, _, body = w.lar.ask("GET", "/openapi.json")
    assert status == 200 and "/v1/messages" in json.loads(body)["paths"]


@covers("lar", "keys: add, list, remove", "journal without content")
def lar_keys(w):
    w.chat(messages=[{"role": "user", "content": "zanzibar secret"}], max_tokens=1)
    time.sleep(0.2)
    key = w.lar.key("passing")
    assert w.lar.ask("GET", "/v1/models", key=key)[0] == 200
    assert "passing" in w.lar.run("key", "list")
    w.lar.run("key", "remove", "passing")
    assert w.lar.ask("GET", "/v1/models", key=key)[0] == 401
    _, _, journal = w.lar.ask("GET", "/api/v1/journal?limit=200", key=w.lar.own_key)
    assert b"/v1/chat/completions" in journal and b"zanzibar" not in journal
    assert w.lar.ask("GET", "/api/v1/status", key=w.key)[0] == 401, "a client's key opens the owner's own API"


# ---- the same two of npm ----

def npm_clients(w):
    done = subprocess.run(["node", str(repository / "tests/real/npm/clients.mjs")], capture_output=True, text=True,
                          env=dict(os.environ, LAR_URL=w.lar.url, LAR_KEY=w.key))
    assert done.returncode == 0, done.stdout + done.stderr


def main():
    with Lar({"chat": "smollm2-135m-instruct-q4_1", "embed": "all-minilm-l6-v2-q8_0"}) as lar:
        named = [(check, f"{api}: {', '.join(fields)}") for api, fields, check in checks]
        run_checks([*named, (npm_clients, "npm: openai, @anthropic-ai/sdk")], World(lar))


if __name__ == "__main__":
    main()
