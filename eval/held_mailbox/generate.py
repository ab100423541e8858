"""Writes mailbox.mbox, owner.json, labels.json and briefing.json from the texts in source/, the same bytes each time."""

import importlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import building  # noqa: E402

for name in ("people", "work", "family", "house", "clubs", "automatic", "near_misses", "suspicious", "bulk"):
    importlib.import_module("source." + name)
from source.briefings import BRIEFINGS  # noqa: E402


def outputs():
    def text(value):
        return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()

    contacts = [{"name": building.PEOPLE[key].name, "address": building.PEOPLE[key].address, "relation": relation}
                for key, relation in importlib.import_module("source.people").CONTACTS.items()]
    owner = {"name": "Covadonga Llaneza Suárez", "me": [building.WORK, building.HOME], "now": building.local("2026-10-26 08:00"),
             "zone": "Europe/Madrid", "language": "es", "contacts": contacts}
    briefings = [{"now": building.local(one["now"]),
                  "points": [{"text": words, "message_ids": [building.BY_KEY[key].message_id for key in keys], "must": must}
                             for words, keys, must in one["points"]]} for one in BRIEFINGS]
    return {"mailbox.mbox": building.mbox(), "owner.json": text(owner), "labels.json": text(building.labels()), "briefing.json": text(briefings)}


if __name__ == "__main__":
    for name, content in outputs().items():
        (HERE / name).write_bytes(content)
