#!/usr/bin/env python3
"""Long prompts on disk with a real engine: kill -9, damage, a change of model, a full disk, another client.

    tests/real/kept.py [CHECK…]      with SmolLM2-135M; every check has a home of its own
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

from running import Lar, run_checks, start_serve

model = "smollm2-135m-instruct-q4_1"
other_model = "qwen2.5-coder-1.5b-instruct-q4_k_m"


def conversation(question, seed=1, sentences=200):
    chance = random.Random(seed)
    words = "house garden letter morning river window table summer winter market bridge doctor school music".split()
    text = f"Notes {seed}. " + " ".join(
        f"On day {day} the {chance.choice(words)} stood by the {chance.choice(words)}." for day in range(sentences))
    return [{"role": "user", "content": text}, {"role": "assistant", "content": "Noted."},
            {"role": "user", "content": question}]


def ask(lar, messages, key, path="/v1/chat/completions", **more):
    """The text, how many tokens the prompt has, and how many of them were not read again."""
    body = {"model": "lar/chat", "messages": messages, "max_tokens": 12, "temperature": 0, **more}
    status, _, answer = lar.ask("POST", path, body, key)
    assert status == 200, (status, answer[:300])
    answer = json.loads(answer)
    if path == "/v1/messages":
        usage = answer["usage"]
        cached = usage["cache_read_input_tokens"]
        return answer["content"][0]["text"], usage["input_tokens"] + cached, cached
    usage = answer["usage"]
    return (answer["choices"][0]["message"]["content"], usage["prompt_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"])


def kept(lar):
    return json.loads(lar.run("status", "--json"))["kept"]


def saved(lar, count):
    end = time.time() + 20
    while kept(lar)["saved"] < count:
        assert time.time() < end and "error" not in kept(lar), kept(lar)
        time.sleep(0.1)


def kill_and_start(lar):
    if lar.server.poll() is None:
        os.kill(lar.server.pid, signal.SIGKILL)
        lar.server.wait()
    lar.server, said = start_serve(os.environ.get("LAR", str(pathlib.Path(__file__).resolve().parents[2] / "build/lar")),
                                   lar.environment)
    lar.port = said["port"]


def slots(lar):
    return sorted((lar.folder / "home/kept").glob("*.slot"))


def after_kill():
    with Lar({"chat": model}) as lar:
        key = lar.key("editor")
        first, tokens, cached = ask(lar, conversation("What stood by the river?"), key)
        assert tokens > 2000 and cached < 100, (tokens, cached)
        saved(lar, 1)
        kill_and_start(lar)
        again, tokens, cached = ask(lar, conversation("What stood by the river?"), key)
        assert cached >= tokens - 8, f"{cached} of {tokens}"
        assert again == first, (first, again)
        _, tokens, cached = ask(lar, conversation("And by the bridge?"), key)
        assert cached >= tokens - 64
        state = kept(lar)
        assert state["restored"] == 1 and state["recomputed"] == 0 and state["damaged"] == 0, state
        for file in (lar.folder / "home/kept").iterdir():
            assert file.stat().st_mode & 0o777 == 0o600, file


def damage():
    def a_bit(file):
        with open(file, "r+b") as stream:
            stream.seek(file.stat().st_size * 2 // 3)
            byte = stream.read(1)
            stream.seek(-1, 1)
            stream.write(bytes([byte[0] ^ 0x40]))

    def the_end(file):
        os.truncate(file, file.stat().st_size - 4096)

    def nonsense(file):
        file.write_bytes(os.urandom(file.stat().st_size))

    for spoil in (a_bit, the_end, nonsense):
        with Lar({"chat": model}) as lar:
            key = lar.key("editor")
            first, tokens, _ = ask(lar, conversation("What stood by the river?"), key)
            saved(lar, 1)
            os.kill(lar.server.pid, signal.SIGKILL)
            lar.server.wait()
            for file in slots(lar):
                spoil(file)
            kill_and_start(lar)
            again, tokens, cached = ask(lar, conversation("What stood by the river?"), key)
            assert cached < 100, f"{spoil.__name__}: {cached} of {tokens} believed"
            assert again == first, (spoil.__name__, first, again)
            assert kept(lar)["restored"] == 0


def another_conversation():
    with Lar({"chat": model}) as lar:
        key = lar.key("editor")
        for seed in (1, 2, 3):
            ask(lar, conversation("What stood by the river?", seed), key)
            saved(lar, seed)
        for seed in (1, 2, 3):
            _, tokens, cached = ask(lar, conversation("And by the bridge?", seed), key)
            assert cached >= tokens - 64, f"{seed}: {cached} of {tokens}"


def plain_completions():
    with Lar({"chat": model}) as lar:
        key = lar.key("editor")
        text = "A long text. " + " ".join(f"Line {number} of it." for number in range(400))
        body = {"model": "lar/chat", "prompt": text, "max_tokens": 4, "temperature": 0}
        count = kept(lar)["saved"]
        assert lar.ask("POST", "/v1/completions", body, key)[0] == 200
        saved(lar, count + 1)
        kill_and_start(lar)
        answer = json.loads(lar.ask("POST", "/v1/completions", body, key)[2])
        usage = answer["usage"]
        assert usage["prompt_tokens_details"]["cached_tokens"] >= usage["prompt_tokens"] - 8, usage


def other_apis():
    """Anthropic's messages and Responses, with system texts, calls and results, whole and in a stream: the prompt lar
    takes for theirs is the one the engine makes of them."""
    notes = conversation("?")[0]["content"]
    tool = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    looked = {"place": "river"}
    anthropic = {
        "system": [{"type": "text", "text": "Answer briefly."}, {"type": "text", "text": " Use the notes."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": notes}, {"type": "text", "text": "Keep them."}]},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."},
                                              {"type": "tool_use", "id": "t1", "name": "look", "input": looked}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "a house"},
                                         {"type": "text", "text": "What is there?"}]}],
        "max_tokens": 8, "temperature": 0}
    responses = {
        "instructions": "Answer briefly.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": notes}]},
                  {"type": "function_call", "call_id": "c1", "name": "look", "arguments": json.dumps(looked)},
                  {"type": "function_call_output", "call_id": "c1", "output": "a house"},
                  {"role": "user", "content": "What is there?"}],
        "max_output_tokens": 8, "temperature": 0}
    with_tools = {**anthropic, "tools": [{"name": "look", "description": "Looks.", "input_schema": tool}]}
    for path, body in (("/v1/messages", anthropic), ("/v1/messages", with_tools), ("/v1/responses", responses)):
        with Lar({"chat": model}) as lar:
            key = lar.key("editor")
            body = {"model": "lar/chat", **body}
            status, _, answer = lar.ask("POST", path, body, key)
            assert status == 200, (status, answer[:300])
            saved(lar, 1)
            kill_and_start(lar)
            status, _, answer = lar.ask("POST", path, {**body, "stream": True}, key)
            assert status == 200, (status, answer[:300])
            state = kept(lar)
            # By the engine's own count; what is read again is noted as such.
            assert (state["restored"], state["recomputed"]) == (1, 0), (path, "tools" in body, state)
            assert state["restored_tokens"] > 2000, state


def another_model():
    with Lar({"chat": model}) as lar:
        installed = {entry["name"] for entry in json.loads(lar.run("model", "list", "--json"))["models"] if entry["installed"]}
        if other_model not in installed:
            print("passed over: the other model is not installed")
            return
        key = lar.key("editor")
        ask(lar, conversation("What stood by the river?", sentences=120), key)
        saved(lar, 1)
        lar.run("model", "use", "chat=" + other_model)
        _, tokens, cached = ask(lar, conversation("What stood by the river?", sentences=120), key)
        assert cached < 200, f"{cached} of {tokens}: another model's keys and values"
        lar.run("model", "use", "chat=" + model)
        _, tokens, cached = ask(lar, conversation("And by the bridge?", sentences=120), key)
        assert cached >= tokens - 64, f"{cached} of {tokens}"


def forgotten():
    with Lar({"chat": model}) as lar:
        key = lar.key("editor")
        ask(lar, conversation("What stood by the river?"), key)
        saved(lar, 1)
        lar.run("key", "remove", "editor")
        assert not slots(lar)


def limits():
    with Lar({"chat": model}) as lar:
        key = lar.key("editor")
        ask(lar, conversation("What stood by the river?"), key)
        saved(lar, 1)
        size = sum(file.stat().st_size for file in slots(lar))
        (lar.folder / "home/engines.toml").write_text(f"kept_megabytes = {size * 2 // 2**20 + 6}\n")
        for seed in (2, 3, 4):
            ask(lar, conversation("What stood by the river?", seed), key)
            saved(lar, seed)
        assert len(slots(lar)) == 2, slots(lar)
        (lar.folder / "home/engines.toml").write_text("kept_megabytes = 1\n")
        ask(lar, conversation("What stood by the river?", 5), key)
        end = time.time() + 10
        while "error" not in kept(lar):
            assert time.time() < end
            time.sleep(0.1)
        assert "kept_megabytes" in kept(lar)["error"]["message"], kept(lar)
        _, tokens, cached = ask(lar, conversation("And by the bridge?", 5), key)
        assert cached >= tokens - 64, "the engine itself is not disturbed"


def full_disk():
    """On a file system of 24 MB, where this may be mounted (root)."""
    with Lar({"chat": model}) as lar:
        folder = lar.folder / "home/kept"
        folder.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)], capture_output=True).returncode:
            print("passed over: nothing may be mounted here")
            return
        try:
            key = lar.key("editor")
            first, tokens, _ = ask(lar, conversation("What stood by the river?"), key)
            end = time.time() + 10
            while "error" not in kept(lar):
                assert time.time() < end, kept(lar)
                time.sleep(0.1)
            _, tokens, cached = ask(lar, conversation("What stood by the river?"), key)
            assert cached >= tokens - 8
            assert not list(folder.iterdir())
        finally:
            os.kill(lar.server.pid, signal.SIGKILL)
            lar.server.wait()
            time.sleep(0.5)
            subprocess.run(["umount", str(folder)])
            kill_and_start(lar)


def left_out():
    with Lar({"chat": model}) as lar:
        key = lar.key("editor")
        messages = [{"role": "system", "content": "Answer in one word."}]
        for turn in range(40):
            messages += conversation("?", turn, sentences=30)[:2]
        messages.append({"role": "user", "content": "Say yes."})
        status, _, answer = lar.ask("POST", "/v1/chat/completions", {"model": "lar/chat", "messages": messages}, key)
        assert status == 400 and json.loads(answer)["error"]["code"] == "context_length_exceeded", answer[:300]
        status, head, answer = lar.ask("POST", "/v1/chat/completions",
                                       {"model": "lar/chat", "messages": messages, "truncation": "auto", "max_tokens": 8}, key)
        told = json.loads(answer)
        assert status == 200 and int(head["Lar-Left-Out-Messages"]) == told["lar"]["left_out_messages"] > 10, (status, answer[:300])
        assert told["usage"]["prompt_tokens"] > 4096, "no more is left out than must be"


if __name__ == "__main__":
    run_checks([(after_kill, "a conversation of 2,000 tokens is not read again after kill -9"),
                (damage, "damaged files are read again, with the same answer"),
                (another_conversation, "conversations come back after others"),
                (plain_completions, "plain completions are kept too"),
                (other_apis, "Anthropic's messages and Responses come back too"),
                (another_model, "another model's prompts are left alone and come back with it"),
                (forgotten, "prompts go with their client's key"),
                (limits, "the oldest go at the limit, what is too large is not kept"),
                (full_disk, "a full disk breaks nothing"),
                (left_out, "a conversation beyond the context: refused, or its oldest messages left out and told")])
