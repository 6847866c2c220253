"""Time the fixed starter and the submission in the rehearsal's interleaved pairs, with one interpreter."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.sandbox import AppFailed
from festgate.rehearsal.runner.pairs import Side, run_pairs
from festgate.rehearsal.runner.run import Second
from festgate.rehearsal.runner.servers import CannotServe, Server, new_seed
from festgate.rehearsal.runs.plan import Plan, Users
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare

JOURNEY: Final = Path(__file__).parent / "journey.py"
WARM_UP: Final = 1.0
TIME_MARGIN: Final = 2.0
"""Factor on the time that the requests of a median took without load: under load, and on a busy machine, each takes
longer. With a factor of 1.25 a run had 46 of 60 requests."""
MIN_SECONDS, MAX_SECONDS = 4.0, 20.0
"""Bounds of a run's measured seconds."""
START_SECONDS: Final = 3.0
"""Seconds of each run to start and stop the app and the load, on two busy cores. Six pairs of the longest runs take
4 min 48 s."""
ACCEPTED: Final = ("responses-differ",)
"""Responses are compared page by page before the timing; this refusal compares only their sizes."""
ROUTES_VARIABLE: Final = "FESTGATE_REHEARSAL_ROUTES"


def seconds_for(milliseconds: Sequence[tuple[float, ...]]) -> float:
    """Return the seconds of a run, given the typical response times of each timed route in both apps."""
    round_trip = sum(max(pair) for pair in milliseconds if all(map(math.isfinite, pair))) / 1000
    return round(min(MAX_SECONDS, max(MIN_SECONDS, TIME_MARGIN * min_requests(0.5) * round_trip)), 1)


def total_seconds(pairs: int, seconds: float) -> float:
    """Estimate the seconds of all pairs."""
    return 2 * pairs * (seconds + WARM_UP + START_SECONDS)


@dataclass(frozen=True)
class _Candidate:
    """One side of the pairs."""

    program: Program
    build: str
    routes: str
    """The routes that are requested, with their addresses, as JSON."""
    host: str = ""

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """Serve the program for one run. Raises CannotServe."""
        try:
            with self.program.served() as (app, _):
                yield Server(app.url, app.pid, {"build": self.build}, {ROUTES_VARIABLE: self.routes})
        except AppFailed as error:
            raise CannotServe(str(error)) from None


ReportSecond = Callable[[int, Side, Second], None]
"""Called with the number of the run (from 0), its side, and the figures of its latest second."""


def time_routes(
    before: Program,
    after: Program,
    builds: Mapping[str, tuple[str, str]],
    runs: Path,
    *,
    pairs: int,
    seconds: float,
    report: ReportSecond,
) -> dict[str, Comparison]:
    """Run both in turn (ABBA BAAB) and compare the medians; `builds` holds the two fingerprints of each route.

    Each route is a comparison of its own, declared before the first run. Raises the exceptions of `run_pairs`, and
    KeyboardInterrupt when it is interrupted.
    """
    plan = Plan(
        journey=str(JOURNEY),
        host="",
        load=Users(1, 1.0),
        duration=seconds,
        warm_up=WARM_UP,
        seed=new_seed(),
        label="verify",
    )
    starter = before.starter
    routes = json.dumps(
        {
            starter.paths[name]: starter.paths[name] if name == "checkout" else starter.page(name, "")
            for name in builds
        }
    )
    fingerprints = [" ".join(pair) for pair in zip(*builds.values(), strict=True)]
    first, second = run_pairs(
        plan,
        _Candidate(before, fingerprints[0], routes),
        _Candidate(after, fingerprints[1], routes),
        pairs,
        runs,
        on_second=report,
    )
    return {
        name: compare(
            first,
            second,
            [parse_metric(f"p50({before.starter.paths[name]})")],
            interleaved=True,
            accepted=ACCEPTED,
        )
        for name in builds
    }
