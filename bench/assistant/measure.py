#!/usr/bin/env python3
"""How soon lar has judged a mail that has come, and what it costs at rest.

    measure.py LAR arrival [--count 450] [--every 1.0]
    measure.py LAR idle [--count 100000] [--seconds 60] [--accounts 5]

arrival: mails are delivered into a Dovecot mailbox, one each --every seconds, every fifteenth of them urgent; a scripted
engine plays the chat model and answers at once. Told are the times from delivery until the verdict, and until the owner is
notified where that is due, as lar itself noted them (the same clock, the database read after the end). Bar: p95 2 s and the
model's own time.

idle: a home of --count mails from mailbox files (that of `bench/run.py serve`, judged to the end once and kept in the
cache) with --accounts accounts at real servers besides (one at Radicale, the others at Dovecot): processor time of `lar
serve` and its children over --seconds in which nothing happens, when it answers after a start, and memory. Bar: 1 % of a core.

Run with the environment of scripts/requirements-dav.txt.
"""
import argparse
import datetime as dt
import fcntl
import importlib.util
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

repository = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(repository / "tests/real"), str(repository / "bench/serve")]
chance = random.Random(5)
SENDERS = ["Rosa Miralles <rosa@correo.example>", "Tom Whitfield <tom@postbox.example>", "LuzClara <facturas@luzclara.example>",
           "Club de Lectura <club@lectura.example>", "Elena Duarte <elena@marjal.example>", "Banco Levante <avisos@bancolevante.example>"]
BODIES = ["¿Puedes mandarme el contrato firmado antes del viernes? Gracias.", "Here are the photos of Sunday. It was lovely.",
          "El importe total es de 61,20 €. Se cargará en tu cuenta el 28.", "Reunión el jueves a las 17:30 en la oficina, si te va bien.",
          "Last places for the webinar. Sign up today.", "Te mando el acta. Échale un vistazo cuando puedas."]
URGENT = "Está saliendo agua por debajo de tu puerta y ya baja por la escalera. Llámame ahora mismo o entran los bomberos."


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def shown(values):
    return (f"{len(values)} times: median {statistics.median(values):.2f} s, p95 {percentile(values, 0.95):.2f} s, "
            f"slowest {max(values):.2f} s")


def mail(number, urgent, to):
    now = dt.datetime.now().astimezone()
    sender = f"Vecina {number} <vecina{number}@correo.example>" if urgent else chance.choice(SENDERS)
    subject = f"URGENTE: fuga de agua en tu piso ({number})" if urgent else f"Asunto {number}"
    body = URGENT if urgent else chance.choice(BODIES)
    return (f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: {now.strftime('%a, %d %b %Y %H:%M:%S %z')}\n"
            f"Message-ID: <arrival-{number}@bench.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            f"Content-Transfer-Encoding: 8bit\n\nHola, Ana:\n\n{body}\n").encode().replace(b"\n", b"\r\n")


def arrival(given):
    from house import House, until
    import imap
    port = imap.free_port()
    engine = subprocess.Popen([sys.executable, str(repository / "tests/engines/scripted_engine.py"), "--port", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with House() as home:
            notify = home.folder / "notify"
            notify.write_text("#!/bin/sh\nexit 0\n")
            notify.chmod(0o755)
            home.environment["LAR_NOTIFY"] = str(notify)
            (home.folder / "home/roles.toml").write_text(f'chat = "http://127.0.0.1:{port}"\n')
            home.add_mail("--smtp", "none")
            home.serve()
            home.call("POST", "/attention", {"per_day": 100, "quiet_from": "00:00", "quiet_to": "00:00", "live": True})
            delivered = {}
            with home.dovecot.phone() as phone:
                began = time.monotonic()
                for number in range(given.count):
                    time.sleep(max(0, began + number * given.every - time.monotonic()))
                    text = mail(number, number % 15 == 14, home.own)
                    phone.append("INBOX", None, imap.imaplib.Time2Internaldate(time.time()), text)
                    delivered[f"arrival-{number}@bench.example"] = time.time()

            def judged():
                with sqlite3.connect(f"file:{home.folder}/home/lar.db?mode=ro", uri=True) as database:
                    return database.execute("SELECT i.external_id, v.made / 1e6, v.model, v.priority FROM verdict v JOIN item i "
                                            "ON i.key = v.item").fetchall()
            until(lambda: len(judged()) >= given.count, 120, "not all of the mails were judged")
            home.call("GET", "/cards")
            rows = judged()
            with sqlite3.connect(f"file:{home.folder}/home/lar.db?mode=ro", uri=True) as database:
                told = database.execute("SELECT i.external_id, c.notified / 1e6 FROM card c JOIN card_item e ON e.card = c.number JOIN item i "
                                        "ON i.key = e.item WHERE c.notified IS NOT NULL").fetchall()
            times = [made - delivered[name] for name, made, _, _ in rows]
            print(f"from delivery to verdict ({sum(bool(model) for _, _, model, _ in rows)} of {len(rows)} with the engine): {shown(times)}; "
                  "the bar is 2 s at p95")
            if told:
                print(f"from delivery to notification: {shown([when - delivered[name] for name, when in told])}; the bar is 2 s at p95")
            else:
                print("nobody was notified")
    finally:
        engine.terminate()
        engine.wait(20)


def processor(pid):
    """Seconds that a process and its children have used, also those that have ended."""
    ticks = 0
    pids, seen = [pid], set()
    while pids:
        one = pids.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12]) + (int(fields[13]) + int(fields[14]) if one == pid else 0)
            for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def idle(given):
    # bench/serve/measure.py, whose name is this file's own.
    found = importlib.util.spec_from_file_location("serving", repository / "bench/serve/measure.py")
    serving = importlib.util.module_from_spec(found)
    found.loader.exec_module(serving)
    from house import House, until
    import imap
    cache = pathlib.Path(os.environ.get("LAR_CACHE", pathlib.Path.home() / ".cache" / "lar"))
    (cache / "bench").mkdir(parents=True, exist_ok=True)
    with open(cache / "bench" / "serve.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = serving.prepare(given.program, cache, given.count)
        judged = made.parent / "judged"
        if not (judged / "complete").exists():
            # What was broken off is gone on with.
            if not (judged / "copied").exists():
                shutil.rmtree(judged, ignore_errors=True)
                shutil.copytree(made, judged, ignore=shutil.ignore_patterns("run"))
                (judged / "copied").write_text("")
            began = time.monotonic()
            serving.run(given.program, judged, "sync", "--wait=all")
            (judged / "complete").write_text("")
            print(f"judging {given.count:,} mails by code: {time.monotonic() - began:.0f} s", flush=True)
        with House() as home:
            shutil.rmtree(home.folder / "home")
            shutil.copytree(judged, home.folder / "home", ignore=shutil.ignore_patterns("run"))
            # More people at the same server.
            people = [home.own] + [f"otra{number}@example.org" for number in range(given.accounts - 2)]
            (home.dovecot.folder / "users").write_text("".join(f"{one}:{{PLAIN}}{imap.password}\n" for one in people))
            time.sleep(1.5)
            home.add_calendar()
            for one in people:
                home.own = one
                home.add_mail("--smtp", "none")
            home.lar("sync", "--wait")
            began = time.perf_counter()
            home.serve()
            ready = time.perf_counter() - began
            until(lambda: home.call("GET", "/status")["counts"]["mails_to_judge"] == 0, 600, "the backlog does not end")
            until(lambda: all(one["state"] == "idle" for one in home.call("GET", "/sources")["sources"]), 120, "it does not come to rest")
            time.sleep(given.settle)
            before = processor(home.server.pid)
            time.sleep(given.seconds)
            used = processor(home.server.pid) - before
            resident = serving.memory(home.server.pid)[0]
            sources = len(home.call("GET", "/sources")["sources"])
            print(f"{sources} sources, {given.accounts} of them accounts, {given.count:,} mails: {used:.2f} s of processor time in "
                  f"{given.seconds} s, {used / given.seconds:.2%} of a core; the bar is 1 %")
            print(f"served {ready * 1000:.0f} ms after its start, {resident:.0f} MB resident")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program")
    options.add_argument("what", choices=["arrival", "idle"])
    options.add_argument("--count", type=int)
    options.add_argument("--every", type=float, default=1.0)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--settle", type=int, default=20)
    options.add_argument("--accounts", type=int, default=5)
    given = options.parse_args()
    os.environ["LAR"] = given.program
    given.count = given.count or (450 if given.what == "arrival" else 100_000)
    {"arrival": arrival, "idle": idle}[given.what](given)


if __name__ == "__main__":
    main()
