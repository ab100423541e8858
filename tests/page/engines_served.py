#!/usr/bin/env python3
"""The page's walk through models and engines, in a real browser, on a real `lar serve` with two scripted models: they
answer at once or slowly, alike or not, as is written here, so that what the page says of them can be told beforehand.

    engines_served.py COMMAND …    COMMAND runs with LAR_URL set to the page's address, LAR_HOME to the home
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

repository = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "eval"))
sys.path.insert(0, str(repository / "tests" / "cli"))
import households  # noqa: E402
from test_bad_input import gguf  # noqa: E402

program = str(repository / "build" / "lar")
questions = ["¿Cuándo vence el seguro del coche?", "When does the gardener come?"]
# What everybody knows, so that the first model is found to speak both languages; and two things it refuses.
first = [
    ("which animal barks", "The animal that barks is the dog."),
    ("animal ladra", "El animal que ladra es el perro."),
    ("what colour is snow", "The snow is white."),
    ("color es la nieve", "El color de la nieve es blanco."),
    ("opposite of hot", "The opposite of hot is cold."),
    ("contrario de caliente", "Lo contrario de caliente es frío."),
    ("joke about priests", "I'm sorry, but I can’t tell such jokes."),
    ("chiste verde", "Lo siento, pero no puedo contar eso."),
]
# The other one does not know when the insurance ends.
second = [("vence|seguro", "No lo sé.")]


def lay_out(folder):
    (folder / "documents").mkdir()
    (folder / "documents" / "seguro.md").write_text(
        "# Seguro del coche\n\nLa póliza 7741-B vence el 3 de junio de 2026.\n", encoding="utf-8")
    (folder / "documents" / "garden.txt").write_text(
        "The gardener comes on Thursdays and prunes the old lemon tree.\n", encoding="utf-8")
    models = folder / "models"
    models.mkdir()
    listed = ""
    for name, title in (("toy", "Toy 1B"), ("toy2", "Other Toy 2B")):
        (models / f"{name}.gguf").write_bytes(gguf())
        listed += f'[[model]]\nname = "{name}"\ntitle = "{title}"\nroles = ["chat"]\nfile = "{name}.gguf"\n'
    (models / "models.toml").write_text(listed, encoding="utf-8")
    for name, answers in (("toy", first), ("toy2", second)):
        (folder / f"{name}.json").write_text(
            json.dumps([{"match": match, "text": text} for match, text in answers]), encoding="utf-8")
    engine = folder / "llama-server"
    engine.write_text(
        f"#!/bin/sh\ncase \"$*\" in *toy2.gguf*) name=toy2 ;; *) name=toy ;; esac\n"
        f"exec {sys.executable} '{repository}/tests/engines/scripted_engine.py' --scripted slow --delay 0.02 "
        f"--answers '{folder}'/$name.json \"$@\"\n", encoding="utf-8")
    engine.chmod(0o755)
    return {"LAR_MODELS": str(models), "LAR_LLAMA_SERVER": str(engine)}


def main():
    with tempfile.TemporaryDirectory(prefix="lar-engines-") as folder:
        folder = pathlib.Path(folder)
        environment = dict(os.environ, LAR_HOME=str(folder / "home"), LAR_NOW="2026-05-14T09:30:00+02:00",
                           TZ="Europe/Madrid", **lay_out(folder))

        def lar(*arguments, codes=(0,)):
            done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=120)
            if done.returncode not in codes:
                raise RuntimeError(f"lar {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")

        lar("init")
        lar("add", "folder", str(folder / "documents"))
        lar("model", "use", "chat=toy")
        server, said = households.start_serve(program, environment)
        try:
            lar("sync", "--wait")
            for question in questions:
                lar("ask", question, codes=(0, 1))
            return subprocess.run(sys.argv[1:], env=dict(environment, LAR_URL=said["address"]), cwd=repository,
                                  check=False).returncode
        finally:
            households.end_serve(server)


if __name__ == "__main__":
    sys.exit(main())
