"""The office: its pages and exports over 200 events and 20,000 registrations, and their effect on visitors' pages."""

import asyncio
import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bench.comparison import Lengths, Sides, compare
from bench.figures import Figure, Target, ratios
from bench.measure import ShowStep
from bench.office_fest import REGISTRATIONS, OfficeFest, prepare
from bench.organiser import DASHBOARD, SEARCH, SESSION, Organiser
from bench.site import ROOT, Served, Site
from festgate.rehearsal.stats import metrics

POLL = 0.02
"""Seconds between two looks at the memory during an export."""
RATE: Final = metrics.parse_metric("rate(/events)")
TAIL: Final = metrics.parse_metric("p99(/events)")


@dataclass(frozen=True)
class Plan:
    """The numbers of requests, and the comparison of visitors' pages."""

    pages: int
    exports: int
    beside: Lengths


# A window of the full plan holds every request of the organiser, also the export.
FULL = Plan(pages=15, exports=5, beside=Lengths(pairs=6, warm_up=2, duration=30))
QUICK = Plan(pages=5, exports=2, beside=Lengths(pairs=6, warm_up=1, duration=5))


@dataclass(frozen=True)
class Measure:
    """The measurement of the office, on one site."""

    site: Site
    plan: Plan
    show: ShowStep

    def figures(self) -> list[Figure]:
        """Return the figures in the order of the table. Raise BenchError."""
        self.show(f"Preparing a fest: 200 events, {REGISTRATIONS:,} registrations")
        fest = asyncio.run(prepare(self.site.settings))
        self.site.check()
        with self.site.portal() as portal:
            self.site.await_idle(portal)
            organiser = Organiser(portal.port, fest.organiser)
            measured = [
                self._page(portal, organiser, "the dashboard over 200 events", DASHBOARD, 150),
                *(self._page(portal, organiser, name, path, 100) for name, path in _long_lists(fest).items()),
                *self._exports(portal, organiser),
            ]
        measured += self._beside(fest)
        self.show("festgate check")
        self.site.check()
        return measured

    def _page(self, portal: Served, organiser: Organiser, name: str, path: str, limit: float) -> Figure:
        """Measure a page, requested one after the other, the first requests aside."""
        self.show(name)
        for _ in range(2):
            organiser.request(path)
        used = portal.program.cpu_seconds()
        answers = [organiser.request(path) for _ in range(self.plan.pages)]
        notes = {"bytes": float(answers[0].size)} | _processor(portal, used, len(answers))
        portal.program.assert_running()
        samples = tuple(answer.whole * 1000 for answer in answers)
        return Figure(name, "ms", samples, Target("at most", limit), notes)

    def _exports(self, portal: Served, organiser: Organiser) -> Iterator[Figure]:
        """Measure an export of all registrations as CSV, and the memory of the portal while it is sent."""
        answers, grown = [], []
        organiser.export()
        used = portal.program.cpu_seconds()
        for number in range(self.plan.exports):
            self.show(f"{REGISTRATIONS:,} rows as CSV: {number + 1} of {self.plan.exports}")
            before = portal.program.resident_megabytes()
            with _highest_memory(portal) as seen:
                answers.append(organiser.export())
            grown.append(max(0.0, max(seen, default=before) - before))
        notes = {"bytes": float(answers[0].size)} | _processor(portal, used, len(answers))
        portal.program.assert_running()
        name = f"{REGISTRATIONS:,} rows as CSV"
        first = tuple(answer.first for answer in answers)
        yield Figure(f"{name}, first byte", "s", first, Target("at most", 0.3))
        whole = tuple(answer.whole for answer in answers)
        yield Figure(f"{name}, whole", "s", whole, Target("at most", 3), notes)
        yield Figure(f"{name}, more memory", "MB", tuple(grown), Target("at most", 30))

    def _beside(self, fest: OfficeFest) -> Iterator[Figure]:
        """Compare /events while an organiser works with /events alone."""
        lengths = self.plan.beside
        self.show(
            f"/events while an organiser works, and alone: festgate ab, {lengths.pairs} pairs of {lengths.duration} s"
        )
        settings = [f"{name}={value}" for name, value in self.site.environment.items()]
        alone = ["env", *settings, sys.executable, "-m", "festgate", "serve", "--port", "{port}"]
        at_work = [*settings, f"{SESSION}={fest.organiser}", f"PYTHONPATH={ROOT}"]
        sides = Sides(alone, ["env", *at_work, sys.executable, "-m", "bench.organiser", "{port}"])
        tokens = self.site.write("visitors", fest.visitors)
        # The load generator needs more than the share of a core that one process may use.
        comparison = compare(self.site, tokens, sides, [RATE.text, TAIL.text], lengths, "--workers", "2")
        for metric, target in ((RATE, Target("at least", 0.95)), (TAIL, Target("at most", 2))):
            before, after = (
                [metrics.measure(metric, run.measured(), lengths.duration) for run in runs]
                for runs in (comparison.before, comparison.after)
            )
            notes = {"alone": statistics.median(before), "beside": statistics.median(after)}
            samples = tuple(ratios(after, before))
            yield Figure(f"/events while the office is used, {metric.text}", "ratio", samples, target, notes)


def measure(site: Site, plan: Plan, show: ShowStep) -> list[Figure]:
    """Return the figures of the office, measured on a fest of its own below the folder of `site`. Raise BenchError."""
    own = Site(site.folder / "office")
    own.folder.mkdir()
    return Measure(own, plan, show).figures()


def _long_lists(fest: OfficeFest) -> dict[str, str]:
    return {
        "a page of guests, by name": "/organise/guests?sort=name&page=7",
        "a page of guests, searched": SEARCH,
        "a page of guests of an event": f"/organise/events/{fest.slug}/guests?sort=payment",
        "a page of the audit log, searched": "/organise/audit?q=order+7gk2&page=1000",
    }


def _processor(portal: Served, before: float | None, requests: int) -> dict[str, float]:
    """Return the portal's processor time for each request since `before`, if the system reports it."""
    after = portal.program.cpu_seconds()
    if before is None or after is None:
        return {}
    return {"processor ms": (after - before) * 1000 / requests}


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
