#!/usr/bin/env python3
"""Learns the weights of src/assistant/data/judgement.json from mailboxes of our own.

    eval/train_judgement.py [--folder eval/development_mailbox] [--write] [--no-embeddings]

Run eval/development_mailbox/generate.py and eval/mailboxes/build.py before. Of the mailboxes of eval/mailboxes those kept apart
are not read.
lar itself gives the features (`lar triage --features`), so that training and use cannot differ. Multinomial logistic regression
with a strong L2 penalty; how strong, and the thresholds, are chosen by cross-validation that leaves whole topics out, in both
languages at once: a mail is judged only by weights that have seen nothing of its topic. Deterministic; needs numpy.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import numpy

repository = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(repository / "eval"), str(repository / "eval" / "mailboxes")]
import build  # noqa: E402
import mail_figures  # noqa: E402

cache = pathlib.Path(os.environ.get("LAR_CACHE", pathlib.Path.home() / ".cache" / "lar")) / "answers"
target = repository / "src" / "assistant" / "data" / "judgement.json"
# What the numbers of a vector count beside the features, which are few and were made for the mails here: so much that both
# are held back alike. With 12 instead of 3 hands that training had not seen were judged better; 20 made little difference.
VECTOR_SCALE = 12
CLASSES = {"priority": ["urgent", "reply", "fyi", "bulk"], "personal": [False, True], "suspicious": ["none", "spam", "phishing"]}


mailboxes = {path.stem for path in build.folder.glob("*.txt")}


def hand_of(group):
    """The mailbox that a group of mails stands in; none where nobody wrote them one by one."""
    name = group.split(":")[0]
    return name if name in mailboxes else ""


def writer_of(hand):
    """Who wrote a mailbox, by all that they wrote: some wrote two."""
    return next((" and ".join(pair) for pair in build.writers if hand in pair), hand)


def fit(x, y, classes, penalty, trust, steps=400):
    """Weights and bias by Nesterov's method on the averaged loss; the bias is free."""
    count, width = x.shape
    target_ = numpy.eye(classes)[y]
    frequency = target_.mean(axis=0)
    # Rare classes count somewhat more.
    weight = (1 / numpy.maximum(frequency, 1e-3)) ** 0.35
    weight = weight[y] * trust
    weight = (weight / weight.mean())[:, None]
    ones = numpy.hstack([x, numpy.ones((count, 1))])
    held = numpy.full((width + 1, 1), penalty / count)
    held[-1] = 0
    largest = numpy.linalg.norm(ones.T @ ones / count, 2)
    rate = 1 / (0.5 * largest * weight.max() + penalty / count)
    w = numpy.zeros((width + 1, classes))
    ahead = w.copy()
    for step in range(steps):
        scores = ones @ ahead
        scores -= scores.max(axis=1, keepdims=True)
        p = numpy.exp(scores)
        p /= p.sum(axis=1, keepdims=True)
        new = ahead - rate * (ones.T @ ((p - target_) * weight / count) + held * ahead)
        ahead = new + step / (step + 3) * (new - w)
        w = new
    return w[:-1], w[-1]


def predict(x, model):
    scores = x @ model[0] + model[1]
    scores -= scores.max(axis=1, keepdims=True)
    p = numpy.exp(scores)
    return p / p.sum(axis=1, keepdims=True)


def folds_of(groups, count=10):
    topics = sorted(set(groups))
    numpy.random.default_rng(7).shuffle(topics)
    place = {topic: index % count for index, topic in enumerate(topics)}
    return numpy.array([place[group] for group in groups])


def cross(x, y, classes, penalty, folds, trust):
    p = numpy.zeros((len(y), classes))
    for fold in range(folds.max() + 1):
        inside = folds != fold
        p[~inside] = predict(x[~inside], fit(x[inside], y[inside], classes, penalty, trust[inside]))
    return p


def loss(p, y, trust):
    return -(trust * numpy.log(numpy.maximum(p[numpy.arange(len(y)), y], 1e-6))).sum() / trust.sum()


def read(options, mailbox, owner):
    command = [options.lar, "triage", "--mbox", str(mailbox), "--json", "--features",
               "--now", owner["now"], "--zone", owner["zone"]]
    for address in owner["me"]:
        command += ["--me", address]
    command += ["--no-model"] if options.no_embeddings or options.sentences else ["--use", "embed", "--answer-cache", str(cache)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return {line["message_id"]: line for line in map(json.loads, done.stdout.splitlines())}


def alike(label, candidate):
    """How well what a candidate says fits a labelled item, as the figures see it; 0 where they would not pair."""
    score = max(mail_figures.overlap(text, candidate["what"]) for text in [label["what"], *label.get("also", [])])
    same = label.get("due") and candidate["due"] and label["due"][:10] == candidate["due"][:10]
    return score if score >= 0.4 or (score >= 0.25 and same) else 0.0


def task_rows(label, line):
    """(features, is something to do) of each candidate of a mail: of each labelled item the candidate that fits best, and any as good."""
    candidates = line.get("candidates") or []
    wanted = set()
    for item in label.get("action_items", []):
        scores = [alike(item, candidate) for candidate in candidates]
        for index, score in enumerate(scores):
            if score > 0 and (score == max(scores) or score >= 0.6):
                wanted.add(index)
    return [(candidate["features"], index in wanted) for index, candidate in enumerate(candidates)]


def appointment_rows(label, line):
    rows = []
    candidates = line.get("appointment_candidates") or []
    starts = [item["start"] for item in label.get("appointments", [])]
    given = {candidate["start"][:16] for candidate in candidates}
    for candidate in candidates:
        start = candidate["start"]
        # A day named before its hour is neither: the hour takes its place.
        if len(start) == 10 and any(one[:10] == start and len(one) > 10 and one[:16] in given for one in starts):
            continue
        right = any(start[:16] == one[:16] for one in starts)
        # A day without its hour is better than nothing where the hour was not found.
        right = right or len(start) == 10 and any(one[:10] == start and one[:16] not in given for one in starts)
        rows.append((candidate["features"], right))
    return rows


def show_thresholds(p, y):
    for threshold in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6):
        given = p >= threshold
        right = (given & (y == 1)).sum()
        print(f"    from {threshold}: recall {right / max(1, y.sum()):.3f} precision {right / max(1, given.sum()):.3f} F1 {2 * right / max(1, given.sum() + y.sum()):.3f}")


def show_unseen_hands(x, y, classes, penalty, hands, trust):
    """How well the mailboxes of each writer are judged by weights that saw nothing by that writer."""
    # Most of the first mailboxes are by one writer.
    pairs = {" and ".join(pair) for pair in build.writers}
    writers = numpy.array([writer if writer in pairs or not writer else "the others" for writer in map(writer_of, hands)])
    p = numpy.zeros((len(y), classes))
    for writer in sorted(set(writers) - {""}):
        inside = writers != writer
        p[~inside] = predict(x[~inside], fit(x[inside], y[inside], classes, penalty, trust[inside]))
    for writer in sorted(set(writers) - {""}):
        mine = writers == writer
        print(f"    {writer:22} unseen: right {(p[mine].argmax(axis=1) == y[mine]).mean():.3f}  loss {loss(p[mine], y[mine], trust[mine]):.3f}  of {mine.sum()}")


def learn_sentences(result, task, rows, groups, hands, trust, penalties):
    names = sorted({name for features, _ in rows for name in features})
    x = numpy.array([[features.get(name, 0.0) for name in names] for features, _ in rows])
    y = numpy.array([int(right) for _, right in rows])
    folds = folds_of(groups)
    found = {}
    for penalty in penalties:
        p = cross(x, y, 2, penalty, folds, trust)
        found[penalty] = (loss(p, y, trust), p)
    penalty = min(found, key=lambda one: found[one][0])
    p = found[penalty][1][:, 1]
    print(f"{task:22} penalty {penalty:4g}  loss {found[penalty][0]:.3f}  {y.sum()} of {len(y)} candidates")
    show_thresholds(p, y)
    # Whoever writes to somebody else's mailbox is another hand: what holds there is judged by weights that saw nothing of it.
    writers = [writer_of(hand) for hand in hands]
    names_of_writers = sorted(set(writers) - {""})
    folds = numpy.array([1 + names_of_writers.index(writer) if writer else 0 for writer in writers])
    p = numpy.zeros(len(y))
    for fold in range(1, len(names_of_writers) + 1):
        inside = folds != fold
        p[~inside] = predict(x[~inside], fit(x[inside], y[inside], 2, penalty, trust[inside]))[:, 1]
    print(f"    hands that training had not seen ({', '.join(names_of_writers)}):")
    show_thresholds(p[folds > 0], y[folds > 0])
    w, b = fit(x, y, 2, penalty, trust, steps=1500)
    result["models"][task] = {"bias": [round(float(value), 4) for value in b],
                              "weights": {name: [round(float(value), 4) for value in w[index]] for index, name in enumerate(names) if numpy.abs(w[index]).max() > 0.004}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, default=repository / "eval" / "development_mailbox")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--no-embeddings", action="store_true", help="learn what needs none; keep the weights over embeddings")
    parser.add_argument("--sentences", action="store_true", help="learn only what single sentences mean; keep the weights of whole mails")
    parser.add_argument("--lar", default=str(repository / "build" / "lar"))
    parser.add_argument("--penalties", type=float, nargs="+", default=[3, 10, 30])
    options = parser.parse_args()
    labels, lines = [], {}
    for prefix in ("", "household_", "development_household_"):
        if (options.folder / (prefix + "labels.json")).exists():
            labels += json.loads((options.folder / (prefix + "labels.json")).read_text())
            owner = json.loads((options.folder / (prefix + "owner.json")).read_text())
            lines |= read(options, options.folder / ((prefix.removesuffix("_") or "mailbox") + ".mbox"), owner)
    for path in sorted(build.folder.glob("*.txt")):
        place = repository / "build" / "eval" / "mailboxes" / path.stem
        if path.stem in build.apart:
            continue
        build.build(path.stem, place.parent)
        labels += json.loads((place / "labels.json").read_text())
        lines |= read(options, place / "mailbox.mbox", json.loads((place / "owner.json").read_text()))
    labels = [label for label in labels if label["message_id"] in lines]
    # Of the owner's own mails and of those that nobody labelled sentence by sentence only one or the other is learnt.
    sentences = {"task": [], "appointment": []}
    sentence_groups = {"task": [], "appointment": []}
    for label in labels:
        if "action_items" not in label or label["suspicious"] != "none":
            continue
        for task, rows_of in (("task", task_rows), ("appointment", appointment_rows)):
            more = rows_of(label, lines[label["message_id"]])
            sentences[task] += more
            sentence_groups[task] += [label["group"]] * len(more)
    labels = [label for label in labels if not label.get("own")]
    rows = [lines[label["message_id"]] for label in labels]
    names = sorted({name for row in rows for name in row["features"] if not name.startswith("m_")})
    x = numpy.array([[row["features"].get(name, 0.0) for name in names] for row in rows])
    vectors = numpy.array([row.get("embedding") or [] for row in rows], dtype=float)
    groups = [label["group"].split(":")[-1] for label in labels]
    folds = folds_of(groups)
    # What people's hands wrote as mail counts most; mails of the households were written to tell of lives; what was made from
    # templates to be sorted counts least: with more weight it is learnt at the cost of everybody else's mail.
    def is_natural(group):
        return "household" in group or bool(hand_of(group))

    natural = numpy.array([is_natural(label["group"]) for label in labels])
    hands = [hand_of(label["group"]) for label in labels]
    by_hand = numpy.array([bool(hand) for hand in hands])
    trust = numpy.where(by_hand, 2.0, numpy.where(natural, 1.0, 0.3))
    honest = numpy.array([label["suspicious"] == "none" for label in labels])
    suspicion = numpy.array([name.startswith("s_") for name in names])
    result = {"space": next((row["space"] for row in rows if row.get("space")), ""), "thresholds": {}, "models": {}}
    if options.sentences or options.no_embeddings:
        result = json.loads(target.read_text())
    for task, classes in ({} if options.sentences else CLASSES).items():
        y = numpy.array([classes.index(label[task]) for label in labels])
        rows_used = numpy.ones(len(y), bool) if task == "suspicious" else honest
        # Who a mail pretends to be says nothing of its priority once it is known to be honest.
        columns = numpy.ones(len(names), bool) if task == "suspicious" else ~suspicion
        variants = [("", x[:, columns])]
        if vectors.shape[1:] and vectors.shape[1] > 0:
            variants.append(("+embedding", numpy.hstack([x[:, columns], VECTOR_SCALE * vectors])))
        for suffix, inputs in variants:
            inputs, target_ = inputs[rows_used], y[rows_used]
            trusted, found = trust[rows_used], {}
            for penalty in options.penalties:
                p = cross(inputs, target_, len(classes), penalty, folds[rows_used], trusted)
                found[penalty] = (loss(p, target_, trusted), p)
            penalty = min(found, key=lambda one: found[one][0])
            scored = [(found[penalty][0], penalty)]
            p = found[penalty][1]
            right = (p.argmax(axis=1) == target_).mean()
            life = natural[rows_used]
            print(f"{task + suffix:22} of the households right {(p.argmax(axis=1) == target_)[life].mean():.3f} loss {loss(p[life], target_[life], trusted[life]):.3f}")
            print(f"{task + suffix:22} penalty {penalty:4g}  loss {min(scored)[0]:.3f}  right {right:.3f}")
            show_unseen_hands(inputs, target_, len(classes), penalty, [hand for hand, used in zip(hands, rows_used, strict=True) if used], trusted)
            if task == "priority":
                for threshold in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
                    given = numpy.where(p[:, 0] >= threshold, 0, 1 + p[:, 1:].argmax(axis=1))
                    urgent = target_ == 0
                    print(f"    urgent from {threshold}: recall {(given[urgent] == 0).mean():.3f} precision {(urgent[given == 0]).mean():.3f} accuracy {(given == target_).mean():.3f}")
                given = numpy.where(p[:, 0] >= 0.3, 0, 1 + p[:, 1:].argmax(axis=1))
                wrong = {}
                for index, at in enumerate(numpy.flatnonzero(rows_used)):
                    if given[index] != target_[index]:
                        key = f"{groups[at]}: {classes[target_[index]]} -> {classes[given[index]]}"
                        wrong[key] = wrong.get(key, 0) + 1
                print("    " + "; ".join(f"{key} ({count})" for key, count in sorted(wrong.items(), key=lambda pair: -pair[1])[:40]))
            if task == "suspicious":
                for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
                    given, real = p[:, 2] >= threshold, target_ == 2
                    print(f"    phishing from {threshold}: recall {given[real].mean():.3f} precision {real[given].mean():.3f}")
                bad = {}
                for index in range(len(target_)):
                    if p[index].argmax() != target_[index]:
                        key = f"{groups[index]}: {classes[target_[index]]} -> {classes[p[index].argmax()]}"
                        bad[key] = bad.get(key, 0) + 1
                print("    " + "; ".join(f"{key} ({count})" for key, count in sorted(bad.items(), key=lambda pair: -pair[1])[:25]))
            if task == "personal":
                for threshold in (0.3, 0.4, 0.5, 0.6):
                    given, real = p[:, 1] >= threshold, target_ == 1
                    print(f"    personal from {threshold}: recall {given[real].mean():.3f} precision {real[given].mean():.3f}")
            w, b = fit(inputs, target_, len(classes), penalty, trusted, steps=1500)
            used = [name for name, keep in zip(names, columns, strict=True) if keep]
            model = {"bias": [round(float(value), 4) for value in b],
                     "weights": {name: [round(float(value), 4) for value in w[index]] for index, name in enumerate(used) if numpy.abs(w[index]).max() > 0.004}}
            if suffix:
                model["embedding"] = [[round(float(VECTOR_SCALE * value), 3) for value in w[len(used):, index]] for index in range(len(classes))]
            result["models"][task + suffix] = model
    for task, rows_ in sentences.items():
        # Templates come in several copies, what was written by hand once.
        weights = numpy.array([4.0 if is_natural(group) else 0.4 for group in sentence_groups[task]])
        learn_sentences(result, task, rows_, [group.split(":")[-1] for group in sentence_groups[task]],
                        [hand_of(group) for group in sentence_groups[task]], weights, options.penalties)
    result["thresholds"] = json.loads(target.read_text())["thresholds"]
    if options.write:
        text = json.dumps(result, ensure_ascii=False)
        # One feature a line: a change of weights can be read.
        text = text.replace('], "', '],\n"').replace('{"bias"', '\n{"bias"').replace("], [", "],\n[")
        target.write_text(text + "\n", encoding="utf-8")
        print(f"wrote {target.relative_to(repository)}")


if __name__ == "__main__":
    main()
