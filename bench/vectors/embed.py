#!/usr/bin/env python3
"""Makes the vectors that bench_vectors measures on: short English passages, embedded by all-MiniLM-L6-v2.

    embed.py --server LLAMA_SERVER --model FILE --count N --out FILE

The passages are put together with a fixed seed from the parts below, on forty subjects of a household's
and an office's papers. The file holds N rows of 384 little-endian floats, as the model gives them,
normalised. A run that was stopped goes on where it ended.
"""
import argparse
import array
import fcntl
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

DIMENSIONS = 384
BATCH = 64

SUBJECTS = [
    ("the car insurance", "premium", "the broker", "the no-claims bonus"),
    ("the boiler", "pressure", "the plumber", "the yearly service"),
    ("the school trip", "permission slip", "the teacher", "the bus"),
    ("the roof repair", "estimate", "the builder", "the scaffolding"),
    ("the dentist", "crown", "the hygienist", "the follow-up appointment"),
    ("the flight to Lisbon", "boarding pass", "the airline", "the hand luggage"),
    ("the quarterly report", "margin", "the auditor", "the appendix"),
    ("the choir", "rehearsal", "the conductor", "the second sopranos"),
    ("the tax return", "deduction", "the adviser", "the deadline"),
    ("the garden", "compost", "the neighbour", "the tomato seedlings"),
    ("the broadband contract", "router", "the provider", "the cancellation period"),
    ("the kitchen", "worktop", "the fitter", "the oven"),
    ("the website relaunch", "wireframe", "the designer", "the checkout page"),
    ("the football club", "fixture", "the coach", "the away match"),
    ("the mortgage", "interest rate", "the bank", "the fixed term"),
    ("the cat", "vaccination", "the vet", "the microchip"),
    ("the translation job", "glossary", "the client", "the third chapter"),
    ("the wedding", "seating plan", "the caterer", "the registry office"),
    ("the solar panels", "inverter", "the installer", "the feed-in meter"),
    ("the book club", "novel", "the host", "the last fifty pages"),
    ("the database migration", "rollback", "the operator", "the maintenance window"),
    ("the bicycle", "rear brake", "the workshop", "the spare tube"),
    ("the allotment", "water butt", "the committee", "the annual fee"),
    ("the language course", "placement test", "the tutor", "the evening group"),
    ("the pension", "statement", "the fund", "the contribution"),
    ("the photographs", "negative", "the archive", "the family album"),
    ("the conference", "abstract", "the chair", "the poster session"),
    ("the flat in the old town", "lease", "the landlord", "the deposit"),
    ("the blood test", "iron level", "the doctor", "the pharmacy"),
    ("the piano", "tuning", "the technician", "the left pedal"),
    ("the delivery", "parcel", "the courier", "the signature"),
    ("the budget meeting", "forecast", "the controller", "the travel costs"),
    ("the summer camp", "packing list", "the organiser", "the swimming badge"),
    ("the passport", "photograph", "the consulate", "the appointment slot"),
    ("the sourdough", "starter", "the baker", "the oven temperature"),
    ("the heating bill", "meter reading", "the supplier", "the instalment"),
    ("the museum visit", "audio guide", "the curator", "the upper gallery"),
    ("the job interview", "reference", "the recruiter", "the notice period"),
    ("the sailing course", "life jacket", "the skipper", "the tide table"),
    ("the noise complaint", "quiet hours", "the housing office", "the written reply"),
]
OPENINGS = [
    "Just a short note about {0}.", "I spoke to {2} about {0} this morning.",
    "There is news on {0}.", "Could you look at {0} before {day}?", "{2C} wrote again.",
    "Thanks for your message about {0}.", "Minutes of {day}: {0}.", "Reminder: {0}.",
    "As agreed, here is where we stand with {0}.", "Sorry for the late answer about {0}.",
]
MIDDLES = [
    "The {1} will be ready on {day} at {hour}.", "{2C} asks for {amount} euros for the {1}.",
    "We still have to decide about {3}.", "The {1} was wrong last time, so please check it.",
    "{2C} can come on {day}, but only after {hour}.", "It costs {amount} euros, {3} included.",
    "Please bring the {1} and think of {3}.", "Nobody has seen the {1} since {month}.",
    "The reference is {code}, quote it when you call.", "{3C} has been moved to {month}.",
    "We compared two offers and the cheaper one is {amount} euros.",
    "I have put the {1} into the folder in the hall.",
]
CLOSINGS = [
    "Let me know what you think.", "Nothing else for now.", "I will call {2} on {day}.",
    "Please answer before {hour} on {day}.", "See you on {day}.", "The rest can wait until {month}.",
    "If that does not suit you, say so soon.", "Anna has the details.", "Best wishes, Martin.",
    "Could you forward this to the others?",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December"]


def passage(chance):
    subject = chance.choice(SUBJECTS)
    capital = [part[0].upper() + part[1:] for part in subject]

    def fill(template):
        text = template
        for index in range(4):
            text = text.replace("{%dC}" % index, capital[index]).replace("{%d}" % index, subject[index])
        return (text.replace("{day}", chance.choice(DAYS)).replace("{month}", chance.choice(MONTHS))
                .replace("{hour}", f"{chance.randint(8, 20)}:{chance.choice(['00', '15', '30', '45'])}")
                .replace("{amount}", str(chance.randint(12, 4800)))
                .replace("{code}", f"{chance.choice('ABCDEFGHK')}{chance.randint(1000, 99999)}"))

    middles = chance.sample(MIDDLES, chance.randint(1, 3))
    return " ".join([fill(chance.choice(OPENINGS)), *map(fill, middles), fill(chance.choice(CLOSINGS))])


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=300)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(300)
        self.sock.connect(self.path)


def request(path, method, target, body=None):
    connection = UnixConnection(path)
    try:
        connection.request(method, target, json.dumps(body) if body else None,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_until_ready(path, server):
    for _ in range(600):
        if server.poll() is not None:
            sys.exit("llama-server ended before it was ready")
        try:
            if request(path, "GET", "/health")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("llama-server did not become ready in a minute")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--server", required=True)
    options.add_argument("--model", required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--out", required=True)
    options = options.parse_args()
    row = DIMENSIONS * 4
    partial = options.out + ".part"
    claim = open(partial, "ab")
    fcntl.flock(claim, fcntl.LOCK_EX)  # a second run waits for the first
    if os.path.exists(options.out):
        os.remove(partial)
        return
    done = os.path.getsize(partial) // row if os.path.exists(partial) else 0
    chance = random.Random(20260514)
    texts = [passage(chance) for _ in range(options.count)]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "embed.sock")
        server = subprocess.Popen(
            [options.server, "-m", options.model, "--embedding", "--pooling", "mean", "-c", "8192",
             "-b", "4096", "-ub", "4096", "-np", "32", "--host", path, "--no-webui"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(path, server)
            started = time.monotonic()
            with open(partial, "r+b" if done else "wb") as out:
                out.seek(done * row)
                first = done
                while done < options.count:
                    status, body = request(path, "POST", "/v1/embeddings",
                                           {"input": texts[done:done + BATCH]})
                    if status != 200:
                        sys.exit(f"llama-server answered {status}")
                    found = sorted(json.loads(body)["data"], key=lambda entry: entry["index"])
                    for entry in found:
                        values = array.array("f", entry["embedding"])
                        if sys.byteorder == "big":
                            values.byteswap()
                        out.write(values.tobytes())
                    done += len(found)
                    if done // BATCH % 20 == 0 or done == options.count:
                        rate = (done - first) / max(time.monotonic() - started, 1e-9)
                        left = (options.count - done) / rate
                        print(f"embedded {done} of {options.count}, {rate:.0f}/s, {left:.0f} s left",
                              file=sys.stderr, flush=True)
        finally:
            server.terminate()
            server.wait()
    os.replace(partial, options.out)


if __name__ == "__main__":
    main()
