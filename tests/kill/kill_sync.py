#!/usr/bin/env python3
"""Kills a first synchronisation at random moments and shows that nothing is lost.

    kill_sync.py --probe PROGRAM --household FOLDER [--kills N] [--seed N]    (N: $LAR_KILLS, or 5)

One run is left undisturbed; its content is the measure. In the other, `sync` is killed (SIGKILL) N
times, each at a random moment of its expected length, and started again; after each kill the store
must be sound. At the end one sync goes through, and the content must equal the undisturbed run's. To
spread the kills over the whole work, a new home is begun whenever one has become complete.
"""
import argparse
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--probe", required=True)
parser.add_argument("--household", required=True)
parser.add_argument("--kills", type=int, default=int(os.environ.get("LAR_KILLS", "5")))
parser.add_argument("--seed", type=int, default=None)
options = parser.parse_args()
seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
chance = random.Random(seed)
print(f"seed {seed}", flush=True)

environment = dict(os.environ, LAR_NOW="2026-05-14T09:30:00+02:00", LAR_ZONE="Europe/Madrid")


def probe(home, *arguments):
    done = subprocess.run([options.probe, home, *arguments], env=environment, capture_output=True,
                          text=True, errors="replace", timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def new_home(folder, household):
    home = tempfile.mkdtemp(dir=folder)
    probe(home, "add", "maildir", f"{household}/maildir")
    probe(home, "add", "mbox", f"{household}/work.mbox")
    probe(home, "add", "folder", f"{household}/documents")
    for calendar in sorted(pathlib.Path(household, "calendars").glob("*.ics")):
        probe(home, "add", "ics", str(calendar))
    probe(home, "add", "vcf", f"{household}/contacts.vcf")
    return home


def same(text, other, what):
    if text == other:
        return
    lines, others = text.splitlines(), other.splitlines()
    print(f"{what}: {lines[0]} instead of {others[0]}", file=sys.stderr)
    for mark, only in (("-", set(others) - set(lines)), ("+", set(lines) - set(others))):
        for line in sorted(only)[:3]:
            print(f"{mark} {line[:600]}", file=sys.stderr)
    sys.exit(1)


def main():
    with tempfile.TemporaryDirectory(prefix="lar-kill-") as folder:
        household = shutil.copytree(options.household, f"{folder}/household")
        calm = new_home(folder, household)
        begin = time.monotonic()
        print(probe(calm, "sync"), end="")
        length = time.monotonic() - begin
        probe(calm, "check")
        measure = probe(calm, "dump")
        print(f"undisturbed: {length:.2f} s, {measure.splitlines()[0]}, content "
              f"{hashlib.sha256(measure.encode()).hexdigest()[:16]}", flush=True)

        home = new_home(folder, household)
        kills = homes = 0
        while kills < options.kills:
            sync = subprocess.Popen([options.probe, home, "sync"], env=environment,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                _, complaint = sync.communicate(timeout=chance.uniform(0, length * 0.8))
                if sync.returncode != 0:
                    sys.exit(f"sync ended with {sync.returncode}: {complaint.decode(errors='replace')}")
                same(probe(home, "dump"), measure, "after all kills of this home")
                homes += 1
                shutil.rmtree(home)
                home = new_home(folder, household)
                continue
            except subprocess.TimeoutExpired:
                sync.send_signal(signal.SIGKILL)
                sync.communicate()
            kills += 1
            probe(home, "check")
            print(f"kill {kills}: sound, {probe(home, 'dump').splitlines()[0]}", flush=True)
        print(probe(home, "sync"), end="")
        probe(home, "check")
        same(probe(home, "dump"), measure, "after the last kill")
        again = probe(home, "sync")
        if re.search(r"\b[1-9]\d* (added|changed|removed)", again):
            sys.exit(f"a further sync changed something:\n{again}")
        same(probe(home, "dump"), measure, "after one more sync")
        print(f"{kills} kills in {homes + 1} homes: store sound each time, content as undisturbed")


main()
