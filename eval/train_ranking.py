#!/usr/bin/env python3
"""Learns the weights that order the passages of a question: src/copilot/data/ranking.json.

    eval/train_ranking.py [--households first development third] [--write]

lar itself prints what it sees of every passage (`POST /ask` with mode "judged"), so that learning and
answering never differ. Two models are learnt, each with and without embeddings: "rank" orders all
passages before a language model reads any, "decide" weighs that and the model's judgement of the first
ones against nothing being there. Model answers are cached as in run.py. Before anything is written, each
household is judged by what was learnt from the others, and the figures are printed. The second household
is never learnt from.
"""
import argparse
import json
import pathlib
import sys

import numpy

import households
from run import cache, same_item

repository = households.repository
target = repository / "src" / "copilot" / "data" / "ranking.json"
# What is not known without an embedding model.
by_meaning = ("similarity", "similarity_lead", "sentence", "sentence_lead", "sentence_alone", "fits_in_sentence")
only_judged = ("rank", "held", "held_lead", "replaces_judged", "replaced_judged")
# Few, so that a hundred questions are enough to learn their weights.
decisive = only_judged + ("sentence", "fits", "fits_in_sentence", "changes_earlier", "later_in_thread", "replaced", "names")


def fold(text):
    return " ".join(text.lower().split())


def collect(name):
    """What lar sees of each question's passages, and which of them are right."""
    (household,) = households.named(name)
    rows = []
    with households.Served(household, str(repository / "build" / "lar"), cache) as served:
        ids = {}
        for question in household.questions:
            answer = served.call("POST", "/ask", {"question": question["question"], "mode": "judged"})
            if "error" in answer:
                raise SystemExit(f"{question['id']}: {answer['error']['message']}")
            passages = []
            for passage in answer["read"]:
                if passage["item"] not in ids:
                    ids[passage["item"]] = served.call("GET", "/items/" + passage["item"])
                item = ids[passage["item"]]
                part = next(p for p in item["parts"] if p["id"] == passage["locator"]["part"])
                units = part["text"].encode("utf-16-le")
                text = units[2 * passage["locator"]["begin"]:2 * passage["locator"]["end"]].decode("utf-16-le")
                listed = question["answerable"] and any(same_item(item["external_id"], i["external_id"]) for i in question["items"])
                known = fold(f"{text} {passage['title']} {passage['when'] or ''}")
                # What is worked out, or told in other words, stands in no item as the answer says it.
                wanted = [[fact["any_of"] for fact in question.get("facts", [])], question.get("stated", [])]
                held = max(sum(any(fold(form) in known for form in forms) for forms in listed_forms) / max(1, len(listed_forms))
                           for listed_forms in wanted)
                passages.append({"features": passage["features"], "judged": "held" in passage["features"],
                                 "gain": float(listed) * max(held, 0.1)})
            rows.append({"id": question["id"], "answerable": question["answerable"], "passages": passages})
            print(f"  {name}: {len(rows)}/{len(household.questions)}", end="\r", file=sys.stderr, flush=True)
    return rows


class Model:
    """A softmax over the passages of a question; with `none`, over those and none of them."""

    def __init__(self, names, none):
        self.names, self.none = names, none

    def matrix(self, passages):
        return numpy.array([[p["features"].get(n, 0.0) for n in self.names] for p in passages])

    def learn(self, questions, penalty, steps=1500, rate=0.25):
        data = []
        for question in questions:
            passages = [p for p in question["passages"] if p["judged"] or not self.none]
            gains = numpy.array([p["gain"] for p in passages])
            if not passages or (not self.none and gains.sum() == 0):
                continue
            wanted = numpy.append(gains, 0.0 if gains.sum() > 0 else 1.0) if self.none else gains
            data.append((self.matrix(passages), wanted / wanted.sum()))
        everything = numpy.vstack([x for x, _ in data])
        middle, spread = everything.mean(0), everything.std(0) + 1e-6
        weights, bias = numpy.zeros(len(self.names)), 0.0
        for _ in range(steps):
            slope, tilt = penalty * weights, 0.0
            for matrix, wanted in data:
                x = (matrix - middle) / spread
                scores = x @ weights + bias
                if self.none:
                    scores = numpy.append(scores, 0.0)
                chance = numpy.exp(scores - scores.max())
                chance /= chance.sum()
                error = (chance - wanted)[:len(matrix)]
                slope = slope + x.T @ error / len(data)
                tilt += error.sum() / len(data)
            weights = weights - rate * slope
            if self.none:
                bias -= rate * tilt
        self.weights = weights / spread
        self.bias = float(bias - self.weights @ middle) if self.none else 0.0
        return self

    def scores(self, passages):
        return self.matrix(passages) @ self.weights + self.bias

    def to_json(self):
        return {"bias": round(self.bias, 5), "weights": {n: round(float(w), 5) for n, w in zip(self.names, self.weights)}}


def names_of(questions, meanings, decide):
    names = sorted({n for q in questions for p in q["passages"] for n in p["features"]})
    wanted = lambda n: n in decisive if decide else n not in only_judged
    return [n for n in names if wanted(n) and (meanings or n not in by_meaning)]


def measure_rank(model, questions):
    """How often one of the first one, two, four passages is a right one."""
    asked = [q for q in questions if any(p["gain"] > 0 for p in q["passages"])]
    hits = []
    for most in (1, 2, 4):
        hits.append(sum(max(q["passages"][i]["gain"] for i in numpy.argsort(-model.scores(q["passages"]))[:most]) > 0
                        for q in asked))
    return f"right passage first {hits[0]}, among two {hits[1]}, among four {hits[2]} of {len(asked)}"


def measure_decide(model, questions):
    right = picked = declined = 0
    answerable = [q for q in questions if q["answerable"]]
    others = [q for q in questions if not q["answerable"]]
    for question in questions:
        passages = [p for p in question["passages"] if p["judged"]]
        scores = numpy.append(model.scores(passages), 0.0) if passages else numpy.array([0.0])
        chance = numpy.exp(scores - scores.max())
        chance /= chance.sum()
        best = int(numpy.argmax(chance[:-1])) if passages else -1
        said = passages and chance[best] >= 0.25
        if not question["answerable"]:
            declined += not said
        else:
            picked += bool(passages) and passages[best]["gain"] > 0
            right += bool(said) and passages[best]["gain"] > 0
    return f"right passage {picked}, above the threshold {right} of {len(answerable)}; declined {declined} of {len(others)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", nargs="+", default=["first", "development"], choices=["first", "development", "third"])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--kept", default=str(repository / "build" / "ranking.data.json"), help="where what lar printed is kept")
    parser.add_argument("--again", action="store_true", help="learn from what is kept")
    options = parser.parse_args()
    kept = pathlib.Path(options.kept)
    if options.again:
        data = json.loads(kept.read_text(encoding="utf-8"))
    else:
        data = {name: collect(name) for name in options.households}
        kept.write_text(json.dumps(data), encoding="utf-8")
    models = {}
    for name, meanings, decide in (("rank+meanings", True, False), ("rank", False, False),
                                   ("decide+meanings", True, True), ("decide", False, True)):
        penalty = 0.3 if not decide else 0.05
        measure = measure_decide if decide else measure_rank
        for held in data:
            others = [q for other in data if other != held for q in data[other]]
            if others:
                model = Model(names_of(others, meanings, decide), decide).learn(others, penalty)
                print(f"{name:16} {held:12} by the others: {measure(model, data[held])}")
        everything = [q for questions in data.values() for q in questions]
        model = Model(names_of(everything, meanings, decide), decide).learn(everything, penalty)
        print(f"{name:16} all, by all: {measure(model, everything)}")
        models[name] = model.to_json()
    if options.write:
        target.write_text(json.dumps({"models": models}, indent=1) + "\n", encoding="utf-8")
        print(f"written: {target.relative_to(repository)}")


if __name__ == "__main__":
    main()
