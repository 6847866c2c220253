"""The rehearsal's own interleaved pairs: the starter, mended, and the submission, both by one interpreter."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.lab.student.folder import ROUTES
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.sandbox import Ended
from festgate.rehearsal.runner.pairs import Side, play_pairs
from festgate.rehearsal.runner.run import Second
from festgate.rehearsal.runner.servers import CannotServe, Server, new_seed
from festgate.rehearsal.runs.plan import Plan, Users
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare

JOURNEY: Final = Path(__file__).parent / "journey.py"
WARM_UP: Final = 1.0
SPARE: Final = 2.0
"""Times what the fewest requests of a median took when the apps were asked one by one: with the load beside it, and on
a machine that does more, each takes longer. With 1.25 times a run had 46 of 60."""
MIN_SECONDS, MAX_SECONDS = 4.0, 22.0
"""Seconds that a run is measured."""
STARTING: Final = 3.0
"""Seconds that starting and ending an app and the load takes, of each run, on two cores that do much else. With the
longest runs six pairs then take 5 min 12 s."""
ANSWERED_FOR: Final = ("responses-differ",)
"""That both answer alike was looked at page by page, where this refusal only sees sizes."""
ROUTES_TO_PLAY: Final = "FESTGATE_REHEARSAL_ROUTES"


def seconds_for(milliseconds: Sequence[tuple[float, float]]) -> float:
    """How long a run has to be, given what a usual answer of each timed route takes, of both apps."""
    round_trip = sum(max(pair) for pair in milliseconds if all(map(math.isfinite, pair))) / 1000
    return round(min(MAX_SECONDS, max(MIN_SECONDS, SPARE * min_requests(0.5) * round_trip)), 1)


def time_it_takes(pairs: int, seconds: float) -> float:
    """Of all pairs, in seconds."""
    return 2 * pairs * (seconds + WARM_UP + STARTING)


@dataclass(frozen=True)
class _Served:
    """One side."""

    program: Program
    build: str
    routes: str
    """That are played."""
    host: str = ""

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """It, for one run. Raises CannotServe."""
        try:
            with self.program.served() as (app, _):
                yield Server(app.url, app.pid, {"build": self.build}, {ROUTES_TO_PLAY: self.routes})
        except Ended as error:
            raise CannotServe(str(error)) from None


Tell = Callable[[int, Side, Second], None]
"""Which run of all (from 0), whose, and how it stands."""


def time_routes(
    before: Program,
    after: Program,
    builds: Mapping[str, tuple[str, str]],
    runs: Path,
    *,
    pairs: int,
    seconds: float,
    tell: Tell,
) -> dict[str, Comparison]:
    """Both played in turn (ABBA BAAB), and compared route by route by the median; `builds` are of each route's code.

    Each route is a comparison of its own, declared before anything was played. Raises what `play_pairs` does, and
    KeyboardInterrupt where it is cut off.
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
    routes = " ".join(builds)
    marks = [" ".join(pair) for pair in zip(*builds.values(), strict=True)]
    first, second = play_pairs(
        plan,
        _Served(before, marks[0], routes),
        _Served(after, marks[1], routes),
        pairs,
        runs,
        tell=tell,
    )
    return {
        name: compare(
            first,
            second,
            [parse_metric(f"p50({ROUTES[name]})")],
            interleaved=True,
            accepted=ANSWERED_FOR,
        )
        for name in builds
    }
