"""Runs that have what each hint is about: written as a player would have written them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from festgate.lab.hints.hint import Material
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.runs.store import Run
from tests.rehearsal.synthetic_runs import Answers, Fest

PLAN: Final = Plan("load/events.py", "http://127.0.0.1:1", Users(6, 6.0), duration=20.0, warm_up=4.0)
MARK: Final = "0123456789ab"


class Desk:
    """Runs of a lab; each of them of one code and one locustfile where nothing else is said."""

    def __init__(self, fest: Fest) -> None:
        """Holds none yet."""
        self.fest = fest
        self.count = 0

    def usual(self, *, slower: float = 1.0, requests: int = 80) -> Answers:
        """Of six people who pause: other ones each time."""
        self.count += 1
        return self.fest.usual(self.count, slower=slower, requests=requests)

    def run(self, answers: Answers | None = None, code: str = MARK, load: str = "1", **more: object) -> Run:
        """Keep one."""
        fields = {"plan": PLAN, **more}
        found = answers or self.usual()
        return self.fest.run(
            f"run-{self.count}",
            found,
            server={"build": f"code {code}"},
            generator={"journey": load},
            **fields,  # type: ignore[arg-type]
        )

    def pairs(self, count: int = 2, *, after: str = "ba9876543210") -> Material:
        """Runs before and after."""
        before = [self.run() for _ in range(count)]
        return Material(before, [self.run(self.usual(slower=0.6), after) for _ in range(count)], before)


def _with(answers: Answers, places: slice, waited: float) -> Answers:
    latency = answers.latency.copy()
    latency[places] = waited
    return replace(answers, latency=latency)


def _stalled(desk: Desk) -> Material:
    """A stall of two seconds at ten, in which nobody asks."""
    usual = desk.usual()
    place = int(np.searchsorted(usual.intended, 10.0))
    intended = usual.intended.copy()
    intended[place] = 10.0
    silent = (intended > 10.0) & (intended < 12.0)
    intended[silent] = 12.0
    return Material([desk.run(_with(replace(usual, intended=intended), slice(place, place + 1), 2.0))])


def _drifting(desk: Desk) -> Material:
    usual = desk.usual()
    return Material([desk.run(replace(usual, latency=usual.latency * np.linspace(1, 4, len(usual.latency))))])


def _in_volleys(desk: Desk) -> Material:
    usual = desk.usual()
    return Material([desk.run(replace(usual, intended=np.floor(usual.intended)))])


def _open(desk: Desk) -> Material:
    return Material([desk.run(plan=replace(PLAN, load=Rate(4.0)), dropped=30)])


def _at_once(desk: Desk) -> Material:
    pairs = desk.pairs(3)
    after = [replace(run, began=other.began) for run, other in zip(pairs.after, pairs.before, strict=True)]
    return replace(pairs, after=after)


CAUSES: Final[Mapping[str, Callable[[Desk], Material]]] = {
    "run-cut": lambda desk: Material(
        [desk.run(), desk.run(replace(desk.usual(), intended=np.linspace(4, 9, 80)), state="cut")]
    ),
    "too-few-runs": lambda desk: desk.pairs(),
    "workload-differs": lambda desk: Material(
        [desk.run()], [desk.run(replace(desk.usual(), steps=("/events?user=a", "/events?user=b")), load="2")]
    ),
    "builds-mixed": lambda desk: desk.pairs(),
    "same-build": lambda desk: desk.pairs(after=MARK),
    "played-at-once": _at_once,
    "many-names": lambda desk: Material(
        [desk.run(replace(desk.usual(), steps=tuple(f"/events?user={number}" for number in range(40))))]
    ),
    "too-few-samples": lambda desk: Material([desk.run(desk.usual(requests=19))]),
    "error-rates-differ": lambda desk: Material([desk.run()], [desk.run(replace(desk.usual(), failed=20))]),
    "responses-differ": lambda desk: Material(
        [desk.run()], [desk.run(replace(desk.usual(), size=9_000, bodies=(1, 2)))]
    ),
    "generator-saturated": lambda desk: Material([desk.run(cpu=0.95)]),
    "not-interleaved": lambda desk: desk.pairs(3),
    "warm-up-not-cut": lambda desk: Material([desk.run(_with(desk.usual(), slice(0, 8), 0.4))]),
    "connection-outliers": lambda desk: Material(
        [desk.run(replace(_with(desk.usual(), slice(0, 2), 2.1), connecting=(0, 1)))]
    ),
    "coordinated-omission": _stalled,
    "phase-lock": _in_volleys,
    "rate-is-given": lambda desk: desk.pairs(1),
    "mix-shifted": lambda desk: Material(
        [desk.run()], [desk.run(replace(desk.usual(), steps=("/events", "/checkout")))]
    ),
    "one-row-of-many": lambda desk: Material(
        [desk.run(replace(desk.usual(), steps=("/events",) * 30 + ("/checkout",)))]
    ),
    "drift": _drifting,
    "littles-law-off": lambda desk: Material([desk.run(_with(desk.usual(requests=400), slice(0, 400), 0.5))]),
    "arrivals-dropped": _open,
    "sent-late": lambda desk: Material([desk.run(replace(desk.usual(), late=0.01, late_every=1))]),
    "rate-cannot-move": lambda desk: desk.pairs(1),
    "percentile-is-maximum": lambda desk: Material([desk.run(desk.usual(requests=19))]),
    "not-repeated": lambda desk: desk.pairs(1),
    "columns-mixed": lambda desk: Material([desk.run(_with(desk.usual(), slice(0, 2), 2.1))]),
    "share-off": lambda desk: desk.pairs(1),
}
"""By the hints' codes; all that have a picture."""
