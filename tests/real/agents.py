"""Coding agents, unmodified, editing a small repository through lar.

    agents.py           run with any python; AIDER names the program of scripts/requirements-aider.txt, OPENCODE that of
                        tests/real/agent

aider works with the real 1.5B model. opencode's own instructions and tools are longer than what lar's engine for that
model holds and heavier than it can follow, so there a scripted engine plays the model's part: what is shown is that
the agent's protocol works through lar, calls of tools and their results included.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from running import Lar, repository, run_checks

broken = '''def celsius(fahrenheit):
    """Turns degrees Fahrenheit into Celsius."""
    return (fahrenheit + 32) * 5 / 9
'''
test = '''from temperature import celsius

assert celsius(212) == 100
assert celsius(32) == 0
print("fine")
'''


class Project:
    """A repository of git with one wrong function and a test that says so."""

    def __enter__(self):
        self.place = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.place.name) / "project"
        self.folder.mkdir()
        (self.folder / "temperature.py").write_text(broken)
        (self.folder / "check.py").write_text(test)
        for command in (["init", "-q"], ["add", "."],
                        ["-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "-qm", "Start"]):
            subprocess.run(["git", *command], cwd=self.folder, check=True)
        assert not self.works()
        return self

    def __exit__(self, *_):
        self.place.cleanup()

    def works(self):
        return subprocess.run([sys.executable, "check.py"], cwd=self.folder, capture_output=True).returncode == 0

    def run(self, command, **environment):
        home = pathlib.Path(self.place.name) / "home"  # an agent writes no settings of the person's who runs this
        home.mkdir(exist_ok=True)
        done = subprocess.run(command, cwd=self.folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=420,
                              env=dict(os.environ, PWD=str(self.folder), HOME=str(home), XDG_CONFIG_HOME=str(home / "config"),
                                       XDG_DATA_HOME=str(home / "data"), XDG_CACHE_HOME=str(home / "cache"),
                                       XDG_STATE_HOME=str(home / "state"), **environment))
        return done.returncode, done.stdout


def aider():
    with Lar({"chat": "qwen2.5-coder-1.5b-instruct-q4_k_m"}) as lar, Project() as project:
        ask = "celsius() adds 32 where it must subtract 32. Correct it."
        status, said = project.run(
            [os.environ["AIDER"], "--model", "openai/lar/chat", "--openai-api-base", lar.url + "/v1",
             "--openai-api-key", lar.key("aider"), "--edit-format", "whole", "--message", ask, "--yes-always",
             "--no-auto-commits", "--no-check-update", "--analytics-disable", "--no-show-model-warnings",
             "--no-gitignore", "--no-detect-urls", "--map-tokens", "0", "--no-pretty", "temperature.py"],
            LITELLM_LOCAL_MODEL_COST_MAP="True")
        assert status == 0 and project.works(), f"exit {status}: " + said[-1500:] + (
            project.folder / "temperature.py").read_text()


def opencode():
    with Project() as project:
        fixed = broken.replace("+ 32", "- 32")
        path = str(project.folder / "temperature.py")
        call = lambda name, **arguments: json.dumps({"tool_calls": [{"name": name, "arguments": arguments}]})
        answers = [
            {"match": "Result of (edit|write)", "text": json.dumps({"text": "It subtracts now."})},
            {"match": "Result of read", "text": call("edit", filePath=path, oldString="(fahrenheit + 32)",
                                                     newString="(fahrenheit - 32)")},
            {"match": "Correct celsius", "text": call("read", filePath=path)}]
        folder = pathlib.Path(project.place.name)
        (folder / "answers.json").write_text(json.dumps(answers))
        engine = folder / "llama-server"
        engine.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{repository}/tests/engines/scripted_engine.py' "
                          f"--answers '{folder}/answers.json' --seen '{folder}/seen' \"$@\" -c 100000\n")
        engine.chmod(0o755)
        with Lar({"chat": "qwen2.5-coder-1.5b-instruct-q4_k_m"}, environment={"LAR_LLAMA_SERVER": str(engine)}) as lar:
            settings = {"$schema": "https://opencode.ai/config.json", "autoupdate": False, "share": "disabled",
                        "model": "lar/lar/chat", "small_model": "lar/lar/chat",
                        "provider": {"lar": {"npm": "@ai-sdk/openai-compatible", "name": "lar",
                                             "options": {"baseURL": lar.url + "/v1", "apiKey": lar.key("opencode")},
                                             "models": {"lar/chat": {"name": "lar/chat"}}}}}
            (project.folder / "opencode.json").write_text(json.dumps(settings))
            status, said = project.run([os.environ["OPENCODE"], "run", "--model", "lar/lar/chat",
                                        "Correct celsius() in temperature.py."],
                                       OPENCODE_DISABLE_AUTOUPDATE="1", OPENCODE_DISABLE_MODELS_FETCH="1",
                                       OPENCODE_DISABLE_LSP_DOWNLOAD="1", OPENCODE_DISABLE_DEFAULT_PLUGINS="1")
            assert status == 0 and project.works(), f"exit {status}: " + said[-1500:]
            assert (project.folder / "temperature.py").read_text() == fixed
            assert "subtracts now" in said, said[-500:]


if __name__ == "__main__":
    run_checks([(aider, "aider edits a repository, real 1.5B model"),
                (opencode, "opencode edits a repository, scripted engine")])
