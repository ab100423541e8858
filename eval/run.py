#!/usr/bin/env python3
"""`make eval`: how well lar answers the questions of both households, with the real models.

    eval/run.py [--household first|second|all|development|third] [--only ID ...] [--verbose] [--out FOLDER]

An answerable question is right when every listed fact stands in the answer, nothing contradicting
does, and at least one citation points to a listed item. One that cannot be answered is right when
lar declines. Every model answer is kept in the cache by the hash of (model, engine, request): a run
that was stopped goes on where it was, and one that changes nothing costs nothing. "all" means first
and second: the development and third households are tuned on, so they are measured only when asked for.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import sys
import time

import households

repository = households.repository
cache = pathlib.Path(os.environ.get("LAR_CACHE", pathlib.Path.home() / ".cache" / "lar")) / "answers"


def contains(text, form):
    """A form counts as a whole: no letter or digit touches it, and it is not a piece of a longer number."""
    pattern = r"(?<!\w)(?<!\d[.,:])" + re.escape(form.lower()) + r"(?!\w)(?![.,:]\d)"
    return re.search(pattern, text.lower()) is not None


def same_item(external_id, wanted):
    wanted = wanted.strip("<>")
    return external_id == wanted or external_id.endswith("/" + wanted)


def judge(question, answer):
    """What is wrong with an answer, as a list of words; empty when it is right."""
    if not question["answerable"]:
        return [] if answer["declined"] else ["not declined"]
    if answer["declined"]:
        return ["declined"]
    text, wrong = answer["answer"], []
    for fact in question["facts"]:
        if not any(contains(text, form) for form in fact["any_of"]):
            wrong.append("misses " + fact["any_of"][0])
    for form in question.get("contradicting", []):
        if contains(text, form):
            wrong.append("says " + form)
    if not any(same_item(c["external_id"], i["external_id"]) for c in answer["citations"] for i in question["items"]):
        wrong.append("cites another item")
    return wrong


def mark_listed(served, question, answer):
    """Marks the passages read that are of a listed item; how many of the listed items were among them."""
    ids = {}
    for passage in answer["read"]:
        if passage["item"] not in ids:
            ids[passage["item"]] = served.call("GET", "/items/" + passage["item"])["external_id"]
        passage["listed"] = any(same_item(ids[passage["item"]], i["external_id"]) for i in question["items"])
    return sum(any(same_item(e, i["external_id"]) for e in ids.values()) for i in question["items"])


def check_quotes(served, answer):
    """Every quote must stand in its item, letter for letter."""
    wrong = []
    for citation in answer["citations"]:
        item = served.call("GET", "/items/" + citation["item"])
        if not any(citation["quote"] in part["text"] for part in item["parts"]):
            wrong.append(f"quote {citation['number']} is not in its item")
    return wrong


def where_facts_stand(served, question, answer):
    """How many of the listed facts stand in the answer, in its quotes, in the passages it cites, in any listed passage read."""
    text_of = {}

    def passage_text(passage):
        item = served.call("GET", "/items/" + passage["item"])
        part = next(p for p in item["parts"] if p["id"] == passage["locator"]["part"])
        units = part["text"].encode("utf-16-le")
        return units[2 * passage["locator"]["begin"]:2 * passage["locator"]["end"]].decode("utf-16-le")

    cited = {c["item"] for c in answer["citations"]}
    for passage in answer["read"]:
        if passage["item"] in cited or passage["listed"]:
            text_of[id(passage)] = passage_text(passage)
    texts = {"answer": answer["answer"],
             "quotes": "\n".join(c["quote"] for c in answer["citations"]),
             "cited": "\n".join(text_of[id(p)] for p in answer["read"] if p["item"] in cited),
             "read": "\n".join(text_of[id(p)] for p in answer["read"] if p["listed"])}
    return {place: sum(any(contains(text, form) for form in fact["any_of"]) for fact in question["facts"])
            for place, text in texts.items()} | {"all": len(question["facts"])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--household", default="all", choices=["first", "second", "all", "development", "third"])
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--out", default=str(repository / "build" / "eval"))
    options = parser.parse_args()
    cache.mkdir(parents=True, exist_ok=True)
    pathlib.Path(options.out).mkdir(parents=True, exist_ok=True)
    program = str(repository / "build" / "lar")
    rows = []
    for household in households.named(options.household):
        started = time.time()
        print(f"household {household.name}: loading", file=sys.stderr, flush=True)
        with households.Served(household, program, cache) as served:
            print(f"household {household.name}: loaded in {time.time() - started:.0f} s", file=sys.stderr, flush=True)
            results = []
            for question in household.questions:
                if options.only and question["id"] not in options.only:
                    continue
                before = time.time()
                answer = served.call("POST", "/ask", {"question": question["question"], "mode": "data"})
                if "error" in answer:
                    raise SystemExit(f"{question['id']}: {answer['error']['message']}")
                wrong = judge(question, answer)
                quotes = check_quotes(served, answer)
                found = mark_listed(served, question, answer) if question["answerable"] else 0
                listed = len(question["items"]) if question["answerable"] else 0
                results.append({"id": question["id"], "answerable": question["answerable"], "needs": question["needs"],
                                "language": question["language"], "question": question["question"],
                                "answer": answer["answer"], "declined": answer["declined"], "wrong": wrong,
                                "quotes": quotes, "found": found, "listed": listed,
                                "facts": where_facts_stand(served, question, answer) if question["answerable"] else None,
                                "read": [{k: p.get(k) for k in ("title", "kind", "when", "score", "holds", "weight", "stated", "support", "listed")}
                                         for p in answer["read"]],
                                "citations": [(c["external_id"], c["quote"]) for c in answer["citations"]],
                                "cut": [c for c in answer["cut"] if "evid" in c["reason"] or "prueba" in c["reason"]],
                                "seconds": round(time.time() - before, 1), "tokens": answer["tokens"]})
                mark = "right" if not wrong else "WRONG " + "; ".join(wrong)
                if options.verbose or wrong:
                    print(f"{question['id']:28} {mark} | found {found}/{listed} | {answer['answer'][:160]}", flush=True)
        (pathlib.Path(options.out) / f"{household.name}.json").write_text(
            json.dumps(results, ensure_ascii=False, indent=1), encoding="utf-8")
        answerable = [r for r in results if r["answerable"]]
        others = [r for r in results if not r["answerable"]]
        right = sum(not r["wrong"] for r in answerable)
        declined = sum(not r["wrong"] for r in others)
        rows.append((household.name, right, len(answerable), declined, len(others),
                     sum(len(r["quotes"]) for r in results), sum(r["found"] > 0 for r in answerable)))
        reasons = collections.Counter(w.split(" ")[0] for r in results for w in r["wrong"])
        print(f"household {household.name}: {dict(reasons)}, {time.time() - started:.0f} s in all", flush=True)
    print(f"\n{'household':10} {'right':>14} {'declined':>14} {'wrong quotes':>13} {'item retrieved':>15}")
    for name, right, answerable, declined, others, quotes, found in rows:
        print(f"{name:10} {right:3}/{answerable:<3} {right / max(1, answerable):5.0%} "
              f"{declined:5}/{others:<3} {declined / max(1, others):4.0%} {quotes:13} {found:11}/{answerable}")
    if any(row[5] for row in rows):
        sys.exit("a quote does not stand in its item: that is a fault, not a figure")


if __name__ == "__main__":
    main()
