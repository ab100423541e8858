#!/usr/bin/env python3
"""A mixture-of-experts model larger than the memory that engines may take: lar loads expert-stream by itself.

    tests/real/streaming.py      makes a synthetic model of 3 layers (1 GB); needs build/libggml-expert-stream.so
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from running import Lar, end_serve, repository, start_serve

failures = []


def expect(what, holds, seen=""):
    print(("ok      " if holds else "FAILED  ") + what + ("" if holds else f": {seen}"), flush=True)
    if not holds:
        failures.append(what)


def plan_of(lar):
    return next(one for one in json.loads(lar.run("model", "plan", "--json"))["engines"] if one["role"] == "chat")


def answer_of(lar, key):
    status, _, answer = lar.ask("POST", "/v1/completions",
                                {"model": "lar/chat", "prompt": "w1 w2 w3", "max_tokens": 16, "temperature": 0}, key)
    return json.loads(answer)["choices"][0]["text"] if status == 200 else f"status {status}: {answer[:300]}"


def begin_with(lar, settings):
    """lar starts anew with these settings of its engines."""
    end_serve(lar.server)
    (lar.folder / "home/engines.toml").write_text(settings)
    lar.server, said = start_serve(os.environ.get("LAR", str(repository / "build/lar")), lar.environment)
    lar.port = said["port"]


def main():
    if not (repository / "build/release/libggml-expert-stream.so").exists():
        print("passed over: expert-stream is not built")
        return 0
    python = subprocess.run([str(repository / "scripts/setup-python.sh")], check=True, stdout=subprocess.PIPE,
                            text=True).stdout.strip()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        model = pathlib.Path(folder) / "walk.gguf"
        subprocess.run([python, str(repository / "expert-stream/tools/make_model.py"), "walk", str(model), "--layers", "3"],
                       check=True, stdout=subprocess.DEVNULL)
        models = pathlib.Path(folder) / "models"
        models.mkdir()
        more = {"LAR_MODELS": str(models)}
        with Lar({}, environment=more) as lar:
            name = json.loads(lar.run("model", "add", str(model), "--json"))["name"]
        # Bound before the start: the trial of a change asks for a form, and these invented words can spell none.
        with Lar({"chat": name}, environment=more) as lar:
            key = lar.key("test")
            begin_with(lar, "context = 1024\n")
            whole = plan_of(lar)
            expect("with memory for all of it nothing is streamed", not whole["streams"] and whole["fits"], whole)
            in_memory = answer_of(lar, key)
            begin_with(lar, "context = 1024\nmemory_megabytes = 1100\n")
            small = plan_of(lar)
            expect("with less the plan says that experts are streamed", small["streams"] and small["fits"], small)
            on_disk = sum(part["bytes"] for part in small["parts"] if part["place"] == "disk")
            in_ram = sum(part["bytes"] for part in small["parts"] if part["what"] == "experts" and part["place"] == "RAM")
            expect("all experts on the disk, fewer in memory", 0 < in_ram < on_disk, small["parts"])
            expect("and why", any(reason["code"] == "plan.streams" for reason in small["reasons"]), small["reasons"])
            streamed = answer_of(lar, key)
            expect("the answer is the same", streamed == in_memory, (in_memory, streamed))
            log = (lar.folder / "home/log/chat.log").read_text(errors="replace")
            expect("the engine has loaded the plug-in", "expert-stream" in log.split("EXPERT_STREAM_BUDGET")[-1].lower(),
                   log[-1500:])
            begin_with(lar, "context = 1024\nmemory_megabytes = 1100\nexpert_stream = false\n")
            refused = plan_of(lar)
            expect("where the owner forbids it the plan says that it does not fit", not refused["fits"], refused)
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
