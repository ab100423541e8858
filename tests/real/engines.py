#!/usr/bin/env python3
"""Real engines through `lar serve`: changes of model while other programs ask, and what the contract says of real models.

    tests/real/engines.py            with the 1.5B model and the 0.5B or the 135M one, whichever is installed
"""
import json
import sys
import threading
import time

from running import Lar

large = "qwen2.5-coder-1.5b-instruct-q4_k_m"
smaller = ("qwen2.5-coder-0.5b-instruct-q4_k_m", "smollm2-135m-instruct-q4_1")
failures = []


def expect(what, holds, seen=""):
    print(("ok      " if holds else "FAILED  ") + what + ("" if holds else f": {seen}"), flush=True)
    if not holds:
        failures.append(what)


def changes_under_load(lar, small):
    """Clients that never pause, and three changes back and forth: every one of their requests is answered."""
    key = lar.key("load")
    done, statuses, models = threading.Event(), [], set()

    def client(number):
        body = {"model": "lar/chat", "max_tokens": 2, "messages": [{"role": "user", "content": f"Say {number}."}]}
        while not done.is_set():
            status, _, answer = lar.ask("POST", "/v1/chat/completions", body, key)
            statuses.append((status, answer[:200] if status != 200 else b""))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for model in (small, large, small):
        lar.run("model", "use", f"chat={model}")
        status = json.loads(lar.run("status", "--json"))
        models.update(engine["model"] for engine in status["engines"] if engine["role"] == "chat")
    # A change holds calls up for a moment: on a quick machine few come to an end in between.
    begun = time.monotonic()
    while len(statuses) <= 8 and time.monotonic() - begun < 60:
        time.sleep(0.1)
    done.set()
    for thread in threads:
        thread.join()
    wrong = [entry for entry in statuses if entry[0] != 200]
    expect(f"no call of {len(statuses)} failed during three changes of model", len(statuses) > 8 and not wrong, wrong[:3])
    expect("both models served", models == {small, large}, models)


def contract_of(lar, what):
    contract = json.loads(lar.run("model", "check", what, "--json"))
    expect(f"{what}: keeps to forms", contract["form"] == "kept", contract)
    expect(f"{what}: figures of speed", contract["prompt_speed"] > 0 and contract["generation_speed"] > 0, contract)
    print("        " + json.dumps({name: contract[name] for name in
                                   ("tools_native", "tools_by_schema", "english", "spanish", "stops", "chat_template",
                                    "prompt_speed", "generation_speed")}), flush=True)
    return contract


def main():
    with Lar({"chat": large}) as lar:
        installed = {model["name"] for model in json.loads(lar.run("model", "list", "--json"))["models"]
                     if model["installed"]}
        small = next((name for name in smaller if name in installed), None)
        if small is None or large not in installed:
            print("passed over: the models are not installed")
            return 0
        changes_under_load(lar, small)
        contracts = {what: contract_of(lar, what) for what in ("chat", large)}
        shown = json.loads(lar.run("model", "show", small, "--json"))["catalogue"]["contract"]
        expect("what was measured is shown with the model", shown == contracts["chat"], shown)
        expect("the larger model speaks Spanish", contracts[large]["spanish"] is True, contracts[large])
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
