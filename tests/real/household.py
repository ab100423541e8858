#!/usr/bin/env python3
"""The sample household on a real `lar serve` with the real small models: a handful of questions, then
the page in a browser against the same server.

    household.py [--page COMMAND …]    COMMAND runs with LAR_URL set to the page's address

It needs the Python of scripts/setup-python.sh.

The questions are easy ones, so that a failure means a broken path and not a weak model; how well lar
answers in general is measured by `make eval`. Also checked: every quote stands in its item, the JSON
of `lar ask --json` obeys its schema, a stopped engine comes back, nothing runs on after the end.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import fastjsonschema

repository = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "eval"))
import households  # noqa: E402
import run as evaluation  # noqa: E402

easy = ["electrician-phone", "dog-antibiotic", "iain-birthday"]
program = str(repository / "build" / "lar")


# As the schema files say, draft 7, but checked by another library than lar's own.
schema = json.loads((repository / "src/api/schemas/ask.json").read_text(encoding="utf-8"))["response"]
check_schema = fastjsonschema.compile({"$schema": "http://json-schema.org/draft-07/schema#", **schema})


triage_schema = json.loads((repository / "src/assistant/schemas/triage.schema.json").read_text(encoding="utf-8"))
check_verdict = fastjsonschema.compile(triage_schema)
# Most words of it are alike in both languages: a line of the model's is shown where they stand in the mail.
MAILBOX = """From a@x Mon May 11 07:00:00 2026
From: Gadea Lozano <gadea.lozano@correo.example>
To: clara@correo.example
Subject: Hotel Miramar
Date: Mon, 11 May 2026 09:00:00 +0200
Message-ID: <ask@correo.example>

Hi Clara, could you confirm the reservation of the Hotel Miramar in Valencia by Friday? The office needs an answer. Gadea
"""


def judge_a_mail():
    """`lar triage` starts the model by itself, without a home, and leaves no engine behind."""
    with tempfile.TemporaryDirectory(prefix="lar-triage-") as folder:
        mbox = pathlib.Path(folder) / "mail.mbox"
        mbox.write_text(MAILBOX, encoding="utf-8")
        environment = dict(os.environ, LAR_HOME="/nonexistent")
        done = subprocess.run([program, "triage", "--mbox", str(mbox), "--json", "--language", "es"], env=environment,
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and not done.stderr, f"lar triage: exit {done.returncode}: {done.stderr}"
        verdict = json.loads(done.stdout)
        check_verdict(verdict)
        assert verdict["priority"] == "reply", verdict
        assert not verdict["summary"].startswith("Gadea Lozano: Hotel Miramar"), f"the model said nothing: {verdict['summary']}"
        print(f"ok      a mail judged by the model: {verdict['summary']}", flush=True)


def main():
    page = sys.argv[2:] if sys.argv[1:2] == ["--page"] else None
    household = households.households()[0]
    failures = 0
    # With all models that are there: without one that embeds no line in another language than the mail's is shown.
    judge_a_mail()
    # The browser asks one question again and again: the model answers it once.
    answers = tempfile.mkdtemp(prefix="lar-answers-")
    # By text alone: vectors come while the questions are asked, and which passages are found must not
    # depend on how far they are. `make eval` waits for all of them.
    installed = pathlib.Path(os.environ.get("LAR_MODELS", pathlib.Path.home() / ".cache/lar/models"))
    for file in installed.glob("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf*"):
        os.symlink(file, os.path.join(answers, file.name))
    os.environ["LAR_MODELS"] = answers
    with households.Served(household, program, answers, wait="items") as served:
        for question in household.questions:
            if question["id"] not in easy:
                continue
            started = time.time()
            done = subprocess.run([program, "ask", "--json", question["question"]], env=served.environment,
                                  capture_output=True, text=True, timeout=300)
            assert done.returncode in (0, 1), f"lar ask: exit {done.returncode}: {done.stderr}"
            answer = json.loads(done.stdout)
            check_schema(answer)
            assert (done.returncode == 1) == answer["declined"], "exit status 1 means declined"
            wrong = evaluation.judge(question, answer) + evaluation.check_quotes(served, answer)
            failures += bool(wrong)
            print(f"{'FAILED' if wrong else 'ok':7} {time.time() - started:5.1f} s  {question['question']}  "
                  f"{answer['answer'][:90]}  {'; '.join(wrong)}", flush=True)
        engines = {e["role"]: e for e in served.call("GET", "/status")["engines"]}
        os.kill(engines["chat"]["pid"], 9)
        again = served.call("POST", "/ask", {"question": household.questions[0]["question"], "mode": "data"})
        assert "error" not in again, f"after its engine was killed: {again}"
        print("ok      an engine that was killed comes back", flush=True)
        if page:
            environment = dict(served.environment, LAR_URL=served.address)
            failures += subprocess.run(page, env=environment, cwd=repository).returncode != 0
        engines = [e["pid"] for e in served.call("GET", "/status")["engines"] if e.get("pid")]
    shutil.rmtree(answers, ignore_errors=True)
    left = [pid for pid in engines if os.path.exists(f"/proc/{pid}")]
    assert not left, f"engines run on after lar ended: {left}"
    print(f"{len(easy)} questions, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
