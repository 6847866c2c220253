"""The office: its pages and exports over 200 events and 20,000 registrations, and their effect on visitors' pages."""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from bench import wrk
from bench.figures import Figure, Target, ratios, turns
from bench.measure import ShowStep, share_of
from bench.office_fest import REGISTRATIONS, OfficeFest, prepare
from bench.processes import TIMEOUT, BenchError
from bench.site import Served, Site

COLUMNS = (
    "registration",
    "event",
    "name",
    "email",
    "ticket",
    "state",
    "amount",
    "currency",
    "method",
    "order",
)
TIMES = ("registered", "checked-in")
POLL = 0.02
"""Seconds between two looks at the memory during an export."""
PAUSES: dict[Literal["dashboard", "search", "export"], float] = {
    "dashboard": 5.0,
    "search": 5.0,
    "export": 30.0,
}
"""Seconds from one request to the next of an organiser at work: the dashboard refreshes by itself, a name is looked up,
and now and then a list of all guests is exported."""


@dataclass(frozen=True)
class Plan:
    """The numbers of requests and windows, and their lengths in seconds."""

    pages: int
    exports: int
    pairs: int
    window: int
    warm_up: int


FULL = Plan(pages=15, exports=5, pairs=5, window=30, warm_up=2)
QUICK = Plan(pages=5, exports=2, pairs=1, window=10, warm_up=1)


@dataclass(frozen=True)
class Answer:
    """The times of a response, in seconds from the request, and its size."""

    first: float
    whole: float
    size: int


@dataclass
class Work:
    """The requests of an organiser during a window, and the first problem."""

    answers: list[Answer] = field(default_factory=list)
    problem: BenchError | None = None


@dataclass(frozen=True)
class Measure:
    """The measurement of the office, on one site."""

    site: Site
    plan: Plan
    show: ShowStep

    def figures(self) -> list[Figure]:
        """Return the figures in the order of the table. Raise BenchError."""
        wrk.find()
        self.show(f"Preparing a fest: 200 events, {REGISTRATIONS:,} registrations")
        fest = asyncio.run(prepare(self.site.settings))
        self.site.check()
        with self.site.portal() as portal:
            self.site.await_idle(portal)
            measured = [
                self._page(portal, fest, "the dashboard over 200 events", "/organise", 150),
                *(self._page(portal, fest, name, path, 100) for name, path in _guest_pages(fest).items()),
                *self._exports(portal, fest),
                *self._side_by_side(portal, fest),
            ]
        self.show("festgate check")
        self.site.check()
        return measured

    def _page(self, portal: Served, fest: OfficeFest, name: str, path: str, limit: float) -> Figure:
        """Measure a page, requested one after the other, the first requests aside."""
        self.show(name)
        for _ in range(2):
            _request(portal, fest, path)
        used = portal.program.cpu_seconds()
        answers = [_request(portal, fest, path) for _ in range(self.plan.pages)]
        notes = {"bytes": float(answers[0].size)} | _processor(portal, used, len(answers))
        portal.program.assert_running()
        samples = tuple(answer.whole * 1000 for answer in answers)
        return Figure(name, "ms", samples, Target("at most", limit), notes)

    def _exports(self, portal: Served, fest: OfficeFest) -> Iterator[Figure]:
        """Measure an export of all registrations as CSV, and the memory of the portal while it is sent."""
        answers, grown = [], []
        _export(portal, fest)
        used = portal.program.cpu_seconds()
        for number in range(self.plan.exports):
            self.show(f"{REGISTRATIONS:,} rows as CSV: {number + 1} of {self.plan.exports}")
            before = portal.program.resident_megabytes()
            with _highest_memory(portal) as seen:
                answers.append(_export(portal, fest))
            grown.append(max(0.0, max(seen, default=before) - before))
        notes = {"bytes": float(answers[0].size)} | _processor(portal, used, len(answers))
        portal.program.assert_running()
        name = f"{REGISTRATIONS:,} rows as CSV"
        first = tuple(answer.first for answer in answers)
        yield Figure(f"{name}, first byte", "s", first, Target("at most", 0.3))
        whole = tuple(answer.whole for answer in answers)
        yield Figure(f"{name}, whole", "s", whole, Target("at most", 3), notes)
        yield Figure(f"{name}, more memory", "MB", tuple(grown), Target("at most", 30))

    def _side_by_side(self, portal: Served, fest: OfficeFest) -> Iterator[Figure]:
        """Compare /events while an organiser works with /events alone, in pairs of adjacent windows."""
        tokens = self.site.write("visitors", fest.visitors)
        url = f"{portal.url}/events"
        alone: list[wrk.Counts] = []
        beside: list[wrk.Counts] = []
        requests: list[int] = []
        shares: dict[bool, list[float]] = {True: [], False: []}
        wrk.visit(url, self.plan.warm_up, tokens)
        for number, pair in enumerate(turns(self.plan.pairs), 1):
            for side in pair:
                is_alone = side == "bare"
                what = "alone" if is_alone else "while an organiser works"
                self.show(f"/events {what}: pair {number} of {self.plan.pairs}")
                if is_alone:
                    with share_of(portal.program, shares[True]):
                        alone.append(_visit(url, self.plan.window, tokens))
                    continue
                with _organiser_at_work(portal, fest) as work, share_of(portal.program, shares[False]):
                    beside.append(_visit(url, self.plan.window, tokens))
                if work.problem is not None:
                    raise work.problem
                requests.append(len(work.answers))
                portal.program.assert_running()
        notes = {
            "alone /s": statistics.median(window.rate for window in alone),
            "beside /s": statistics.median(window.rate for window in beside),
            "requests of the organiser in a window": statistics.median(requests),
        }
        if shares[True]:
            # The ratio as it would be if the portal had a core to itself in both windows.
            costs = [
                (one.rate / share) / (other.rate / other_share)
                for one, share, other, other_share in zip(
                    beside, shares[False], alone, shares[True], strict=True
                )
            ]
            notes["ratio by processor time"] = statistics.median(costs)
        rates = ratios([window.rate for window in beside], [window.rate for window in alone])
        yield Figure(
            "/events while the office is used, rate", "ratio", tuple(rates), Target("at least", 0.95), notes
        )
        tails = ratios([window.p99 for window in beside], [window.p99 for window in alone])
        latencies = {
            "alone p99 ms": statistics.median(window.p99 for window in alone),
            "beside p99 ms": statistics.median(window.p99 for window in beside),
        }
        yield Figure(
            "/events while the office is used, p99", "ratio", tuple(tails), Target("at most", 2), latencies
        )


def measure(site: Site, plan: Plan, show: ShowStep) -> list[Figure]:
    """Return the figures of the office, measured on a fest of its own below the folder of `site`. Raise BenchError."""
    own = Site(site.folder / "office")
    own.folder.mkdir()
    return Measure(own, plan, show).figures()


def _guest_pages(fest: OfficeFest) -> dict[str, str]:
    return {
        "a page of guests, by name": "/organise/guests?sort=name&page=7",
        "a page of guests, searched": "/organise/guests?q=asha+sharma&sort=name",
        "a page of guests of an event": f"/organise/events/{fest.slug}/guests?sort=payment",
    }


def _processor(portal: Served, before: float | None, requests: int) -> dict[str, float]:
    """Return the portal's processor time for each request since `before`, if the system reports it."""
    after = portal.program.cpu_seconds()
    if before is None or after is None:
        return {}
    return {"processor ms": (after - before) * 1000 / requests}


def _visit(url: str, seconds: float, tokens: Path) -> wrk.Counts:
    counted = wrk.visit(url, seconds, tokens)
    if counted.wrong:
        msg = f"{url}: {counted.wrong} of {counted.responses} responses were wrong"
        raise BenchError(msg)
    return counted


def _request(portal: Served, fest: OfficeFest, path: str, form: str | None = None) -> Answer:
    """Send a request of the organiser. Raise BenchError for another response than 200."""
    connection = HTTPConnection("127.0.0.1", portal.port, timeout=TIMEOUT)
    headers = {"cookie": f"festgate_session={fest.organiser}"}
    if form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    began = time.perf_counter()
    try:
        connection.request("GET" if form is None else "POST", path, form, headers)
        response = connection.getresponse()
        size = len(response.read(1))
        first = time.perf_counter() - began
        while piece := response.read1(1 << 16):
            size += len(piece)
        whole = time.perf_counter() - began
    except (OSError, HTTPException) as error:
        msg = f"{path}: {error!r}"
        raise BenchError(msg) from error
    finally:
        connection.close()
    if response.status != 200:
        msg = f"{path} returned {response.status}"
        raise BenchError(msg)
    return Answer(first, whole, size)


def _export(portal: Served, fest: OfficeFest) -> Answer:
    fields = {"format": "csv", "state": "all"} | {f"column_{name}": "1" for name in (*COLUMNS, *TIMES)}
    answer = _request(portal, fest, "/organise/guests/export", urlencode(fields))
    if answer.size < REGISTRATIONS * 80:
        msg = f"the export has only {answer.size} bytes"
        raise BenchError(msg)
    return answer


@contextmanager
def _highest_memory(portal: Served) -> Iterator[Sequence[float]]:
    """Look at the memory of the portal until the end of the block."""
    seen: list[float] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(POLL):
            seen.append(portal.program.resident_megabytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


@contextmanager
def _organiser_at_work(portal: Served, fest: OfficeFest) -> Iterator[Work]:
    """Look at the dashboard, search and export again and again until the end of the block."""
    work, ended = Work(), threading.Event()

    def run() -> None:
        due = dict.fromkeys(PAUSES, time.monotonic())
        while not ended.is_set():
            name = min(due, key=lambda one: due[one])
            if ended.wait(max(0.0, due[name] - time.monotonic())):
                return
            due[name] = time.monotonic() + PAUSES[name]
            try:
                work.answers.append(_step(portal, fest, name))
            except BenchError as error:
                work.problem = error
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield work
    finally:
        ended.set()
        thread.join()


def _step(portal: Served, fest: OfficeFest, name: str) -> Answer:
    if name == "export":
        return _export(portal, fest)
    path = "/organise" if name == "dashboard" else _guest_pages(fest)["a page of guests, searched"]
    return _request(portal, fest, path)
