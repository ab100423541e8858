"""Occurrences as lar's reader expands them against the `recurring-ical-events` package's own test cases.

    recurrence.py [--show]      run with the environment of scripts/requirements-dav.txt and
                                LAR_DAV_PROBE=build/dev/dav_probe

The package (its release is pinned in scripts/requirements-dav.txt) carries its tests. They are run with a hook that notes every question they ask of a
calendar (which calendar, which span of time) where the test passed; each question is then asked of lar. What must agree
are start, end and title of every occurrence that begins inside the span or a day around it. Cases lar answers
differently on purpose are listed in src/sources/dav/quality.md.
"""
import collections
import datetime
import json
import os
import pathlib
import subprocess
import sys

floor = 0.99
utc = datetime.timezone.utc
day = datetime.timedelta(days=1)
longest = datetime.timedelta(days=3 * 365)  # of a span: some tests ask for all of time


# ---- inside pytest: noting what is asked ----

class Notes:
    """A plugin: remembers the text of every calendar that is read, and what is asked of it."""

    def __init__(self):
        import icalendar
        import recurring_ical_events
        from recurring_ical_events import query
        self.asked, self.passed, self.test = [], set(), None
        read = icalendar.Calendar.from_ical.__func__

        def from_ical(kind, text, *more, **others):
            made = read(kind, text, *more, **others)
            try:
                made.lar_text = text if isinstance(text, str) else text.decode("utf-8", "replace")
            except AttributeError:
                pass
            return made

        icalendar.Calendar.from_ical = classmethod(from_ical)
        plain_of = recurring_ical_events.of

        def of(calendar, *more, **others):
            made = plain_of(calendar, *more, **others)
            made.lar_calendar = calendar
            made.lar_components = others.get("components", ["VEVENT"])
            return made

        recurring_ical_events.of = of
        plain = query.CalendarQuery._between

        def between(this, start, end):
            answer = plain(this, start, end)
            if hasattr(this, "lar_calendar"):
                self.note(this, start, end, plain)
            return answer

        query.CalendarQuery._between = between

    def note(self, query, start, end, plain):
        text = getattr(query.lar_calendar, "lar_text", None)
        components = list(query.lar_components)
        if text is None or not set(map(str, components)) <= {"VEVENT", "VTODO"}:
            return
        begin, stop = moment(start), moment(end)
        if stop < begin:
            return
        stop = min(stop, begin + longest)
        try:
            found = plain(query, begin - 40 * day, stop + 40 * day)
        except Exception:  # noqa: BLE001  the span itself may be what the package refuses
            return
        kept = [entry_of(one) for one in found if str(one.get("STATUS", "")).upper() != "CANCELLED"]
        self.asked.append((self.test, text, components, begin - day, stop + day, kept))

    def pytest_runtest_setup(self, item):
        self.test = item.nodeid

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


def moment(value):
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=utc) if value.tzinfo is None else value.astimezone(utc)
    return datetime.datetime(value.year, value.month, value.day, tzinfo=utc)


def seconds(value):
    return round(moment(value).timestamp())


def entry_of(component):
    start = component["DTSTART"].dt if "DTSTART" in component else component["DUE"].dt
    last = component.get("DTEND", component.get("DUE"))
    whole = not isinstance(start, datetime.datetime)
    return (whole, seconds(start), seconds(last.dt) if last is not None else None,
            " ".join(str(component.get("SUMMARY", "")).split()))


# ---- asking lar ----

def ask(queries):
    lines = "".join(json.dumps({
        "ical": text, "zone": "UTC", "begin": int((begin - 40 * day).timestamp() * 1e6),
        "end": int((end + 40 * day).timestamp() * 1e6)}) + "\n" for _, text, _, begin, end, _ in queries)
    done = subprocess.run([os.environ["LAR_DAV_PROBE"], "-", "occurrences"], input=lines, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"the probe ended with {done.returncode}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def same_ends(entry):
    """An event without an end lasts no time, or its day (RFC 5545, 3.6.1)."""
    whole, start, end, title = entry
    if end is None or end < start:
        end = start + (86_400 if whole else 0)
    if whole and end == start:
        end = start + 86_400
    return whole, start, end, title


def compare(query, answer):
    _, _, components, begin, end, found = query
    low, high = begin.timestamp(), end.timestamp()
    wanted = collections.Counter(same_ends(e) for e in found if low <= e[1] < high)
    kinds = {"VEVENT": "event", "VTODO": "task"}
    had = collections.Counter()
    for one in answer:
        if "error" in one:
            continue
        start = one["begin"] // 1_000_000
        if one["kind"] in [kinds[str(c)] for c in components] and low <= start < high:
            last = one["end"] // 1_000_000 if one["end"] is not None else None
            had[same_ends((one["day"], start, last, one["title"]))] += 1
    return wanted - had, had - wanted


def readable(entry):
    whole, start, end, title = entry
    form = "%Y-%m-%d" if whole else "%Y-%m-%dT%H:%M"
    return f"{datetime.datetime.fromtimestamp(start, utc):{form}} … {datetime.datetime.fromtimestamp(end, utc):{form}} {title}"


def main():
    import pytest
    import recurring_ical_events
    notes = Notes()
    sys.stdout.flush()
    with open(os.devnull, "w") as nowhere:
        said, sys.stdout = sys.stdout, nowhere
        try:
            # Some tests are about the package's own files; that they fail here does no harm.
            pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", "--continue-on-collection-errors",
                         str(pathlib.Path(recurring_ical_events.__file__).parent / "test")], plugins=[notes])
        finally:
            sys.stdout = said
    unique = {}
    for query in notes.asked:
        if query[0] in notes.passed:
            unique.setdefault((query[1], tuple(map(str, query[2])), query[3], query[4]), query)
    queries = list(unique.values())
    answers = ask(queries)
    agree, differing = 0, []
    for query, answer in zip(queries, answers):
        missing, extra = compare(query, answer)
        if missing or extra:
            differing.append((query, missing, extra))
        else:
            agree += 1
    share = agree / len(queries) if queries else 0
    print(f"{len(notes.passed)} tests of the package passed; {agree} of {len(queries)} of their questions ({share:.2%}) "
          f"are answered alike")
    for query, missing, extra in differing:
        print(f"  {query[0]}  {query[3]:%Y-%m-%d} … {query[4]:%Y-%m-%d}")
        for mark, entries in (("lacks", missing), ("has besides", extra)):
            for entry, count in list(entries.items())[:4]:
                print(f"    {mark} {count} × {readable(entry)}")
        if "--show" in sys.argv:
            print(query[1])
    if share < floor or len(queries) < 250:
        sys.exit(1)


if __name__ == "__main__":
    main()
