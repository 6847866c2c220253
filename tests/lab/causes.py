"""Runs that show the subject of each hint, written as the load generator writes them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from festgate.lab.hints.hint import Material
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.runs.store import Run
from tests.rehearsal.synthetic_runs import Answers, Fest

PLAN: Final = Plan("load/events.py", "http://127.0.0.1:1", Users(6, 6.0), duration=20.0, warm_up=4.0)
FINGERPRINT: Final = "0123456789ab"


class LabRuns:
    """Writes runs of a lab, by default all of the same code and the same locustfile."""

    def __init__(self, fest: Fest) -> None:
        """Start without runs."""
        self.fest = fest
        self.count = 0

    def usual(self, *, slower: float = 1.0, requests: int = 80) -> Answers:
        """Return the answers to six pausing users, different ones at each call."""
        self.count += 1
        return self.fest.usual(self.count, slower=slower, requests=requests)

    def run(
        self, answers: Answers | None = None, code: str = FINGERPRINT, load: str = "1", **more: object
    ) -> Run:
        """Write a run."""
        fields = {"plan": PLAN, **more}
        answers = answers or self.usual()
        return self.fest.run(
            f"run-{self.count}",
            answers,
            server={"build": f"code {code}"},
            generator={"journey": load},
            **fields,  # type: ignore[arg-type]
        )

    def pairs(self, count: int = 2, *, after: str = "ba9876543210") -> Material:
        """Write runs before and after a change."""
        before = [self.run() for _ in range(count)]
        return Material(before, [self.run(self.usual(slower=0.6), after) for _ in range(count)], before)


def _with(answers: Answers, places: slice, waited: float) -> Answers:
    latency = answers.latency.copy()
    latency[places] = waited
    return replace(answers, latency=latency)


def _stalled(lab: LabRuns) -> Material:
    """Write a run with a stall of two seconds at second 10, in which no request is sent."""
    usual = lab.usual()
    place = int(np.searchsorted(usual.intended, 10.0))
    intended = usual.intended.copy()
    intended[place] = 10.0
    silent = (intended > 10.0) & (intended < 12.0)
    intended[silent] = 12.0
    return Material([lab.run(_with(replace(usual, intended=intended), slice(place, place + 1), 2.0))])


def _drifting(lab: LabRuns) -> Material:
    usual = lab.usual()
    return Material([lab.run(replace(usual, latency=usual.latency * np.linspace(1, 4, len(usual.latency))))])


def _in_bursts(lab: LabRuns) -> Material:
    usual = lab.usual()
    return Material([lab.run(replace(usual, intended=np.floor(usual.intended)))])


def _open(lab: LabRuns) -> Material:
    return Material([lab.run(plan=replace(PLAN, load=Rate(4.0)), dropped=30)])


def _at_once(lab: LabRuns) -> Material:
    pairs = lab.pairs(3)
    after = [replace(run, began=other.began) for run, other in zip(pairs.after, pairs.before, strict=True)]
    return replace(pairs, after=after)


CAUSES: Final[Mapping[str, Callable[[LabRuns], Material]]] = {
    "run-cut": lambda lab: Material(
        [lab.run(), lab.run(replace(lab.usual(), intended=np.linspace(4, 9, 80)), state="cut")]
    ),
    "too-few-runs": lambda lab: lab.pairs(),
    "workload-differs": lambda lab: Material(
        [lab.run()], [lab.run(replace(lab.usual(), steps=("/events?user=a", "/events?user=b")), load="2")]
    ),
    "builds-mixed": lambda lab: lab.pairs(),
    "same-build": lambda lab: lab.pairs(after=FINGERPRINT),
    "played-at-once": _at_once,
    "many-names": lambda lab: Material(
        [lab.run(replace(lab.usual(), steps=tuple(f"/events?user={number}" for number in range(40))))]
    ),
    "too-few-samples": lambda lab: Material([lab.run(lab.usual(requests=19))]),
    "error-rates-differ": lambda lab: Material([lab.run()], [lab.run(replace(lab.usual(), failed=20))]),
    "responses-differ": lambda lab: Material(
        [lab.run()], [lab.run(replace(lab.usual(), size=9_000, bodies=(1, 2)))]
    ),
    "generator-saturated": lambda lab: Material([lab.run(cpu=0.95)]),
    "not-interleaved": lambda lab: lab.pairs(3),
    "warm-up-not-cut": lambda lab: Material([lab.run(_with(lab.usual(), slice(0, 8), 0.4))]),
    "connection-outliers": lambda lab: Material(
        [lab.run(replace(_with(lab.usual(), slice(0, 2), 2.1), connecting=(0, 1)))]
    ),
    "coordinated-omission": _stalled,
    "phase-lock": _in_bursts,
    "rate-is-given": lambda lab: lab.pairs(1),
    "mix-shifted": lambda lab: Material(
        [lab.run()], [lab.run(replace(lab.usual(), steps=("/events", "/checkout")))]
    ),
    "one-row-of-many": lambda lab: Material(
        [lab.run(replace(lab.usual(), steps=("/events",) * 30 + ("/checkout",)))]
    ),
    "drift": _drifting,
    "littles-law-off": lambda lab: Material([lab.run(_with(lab.usual(requests=400), slice(0, 400), 0.5))]),
    "arrivals-dropped": _open,
    "sent-late": lambda lab: Material([lab.run(replace(lab.usual(), late=0.01, late_every=1))]),
    "rate-cannot-move": lambda lab: lab.pairs(1),
    "percentile-is-maximum": lambda lab: Material([lab.run(lab.usual(requests=19))]),
    "not-repeated": lambda lab: lab.pairs(1),
    "columns-mixed": lambda lab: Material([lab.run(_with(lab.usual(), slice(0, 2), 2.1))]),
    "share-off": lambda lab: lab.pairs(1),
    "direction-denied": lambda lab: lab.pairs(1),
    "too-many-failures": lambda lab: Material([lab.run(replace(lab.usual(), failed=20))]),
    "responses-not-compared": lambda lab: Material(
        [lab.run(replace(lab.usual(), bodies=range(1, 81)))],
        [lab.run(replace(lab.usual(), bodies=range(101, 181)))],
    ),
}
"""A cause for each hint that has a picture, by the hint's code."""
