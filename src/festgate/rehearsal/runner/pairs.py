"""Runs of two builds in interleaved pairs.

With the order ABBA BAAB, drift (a machine that heats up, another program that starts or ends) affects both sides alike
(Abedi & Brecht, ICPE 2017). Each run has a freshly started server: otherwise the random state of one server's memory
and caches would look like a property of its build (Kalibera & Jones, ISMM 2013).

Where only the processor time of each build is compared, both runs of a pair can take place at once, with both servers
on one core: then a disturbance always affects both sides (the duets of Bulej et al., "Duet Benchmarking", ICPE 2020).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from festgate.rehearsal.runner.builds import Build
from festgate.rehearsal.runner.cores import assign_cores, pinned
from festgate.rehearsal.runner.run import Second, StopRun, rehearse
from festgate.rehearsal.runner.servers import Server
from festgate.rehearsal.runs.plan import Plan
from festgate.rehearsal.runs.store import Run

Side = Literal["before", "after"]
ORDER: tuple[tuple[Side, Side], ...] = (
    ("before", "after"),
    ("after", "before"),
    ("after", "before"),
    ("before", "after"),
)
POLL_INTERVAL = 0.2
"""Seconds between two checks of runs that take place at once."""
OnSecond = Callable[[int, Side, Second], None]
"""Called once a second with the number of the run (from 0), its side and its progress."""
OnRun = Callable[[Side, Run], bool]
"""Called with each complete run; returns whether no further pair is needed. An exception ends the comparison."""


def run_pairs(
    plan: Plan,
    before: Build,
    after: Build,
    pairs: int,
    runs: Path,
    *,
    on_second: OnSecond,
    on_run: OnRun = lambda _side, _run: False,
    at_once: bool = False,
) -> tuple[list[Run], list[Run]]:
    """Run both builds in pairs; return the runs of each side, a pair at each index. Both runs of a pair share a seed.

    `pairs` is the number of pairs, or the largest number if `on_run` may end the comparison.
    `at_once`: both runs of a pair take place in the same seconds. `on_second` is then called from two threads, and this
    function has to be called from the main thread.

    An interrupted run ends the comparison; what was recorded is kept. Raises what `rehearse` and `on_run` raise, and
    KeyboardInterrupt.
    """
    builds: dict[Side, Build] = {"before": before, "after": after}
    completed: dict[Side, list[Run]] = {"before": [], "after": []}
    for pair in range(pairs):
        seeded = replace(plan, seed=plan.seed + pair)
        turns = [
            _Turn(seeded, 2 * pair + place, side, builds[side])
            for place, side in enumerate(ORDER[pair % len(ORDER)])
        ]
        pair_runs = (_run_at_once if at_once else _run_in_turn)(turns, runs, on_second)
        decided = False
        for turn, run in zip(turns, pair_runs, strict=True):
            decided = on_run(turn.side, run)
            completed[turn.side].append(run)
        if decided:
            break
    return completed["before"], completed["after"]


@dataclass(frozen=True)
class _Turn:
    """A run that is to take place."""

    plan: Plan
    number: int
    side: Side
    build: Build


def run_side(
    turn: _Turn, server: Server | None, runs: Path, on_second: OnSecond, stop: threading.Event
) -> Run:
    """Run one side of a pair until its end or until `stop` is set. Raises KeyboardInterrupt if it is cut short."""

    def report_and_check(second: Second) -> None:
        on_second(turn.number, turn.side, second)
        if stop.is_set():
            raise StopRun

    plan = replace(
        turn.plan,
        host=server.url if server is not None else turn.build.host,
        label="-".join(filter(None, (turn.plan.label, turn.side))),
    )
    run = rehearse(plan, runs, on_second=report_and_check, server=server)
    if run.state == "cut":
        raise KeyboardInterrupt
    return run


def _run_in_turn(turns: Sequence[_Turn], runs: Path, on_second: OnSecond) -> Iterator[Run]:
    for turn in turns:
        with turn.build.serve() as server:
            run = run_side(turn, server, runs, on_second, threading.Event())
        yield run


def _run_at_once(turns: Sequence[_Turn], runs: Path, on_second: OnSecond) -> list[Run]:
    cores = assign_cores()
    stop = threading.Event()
    with ExitStack() as stack:
        with pinned(cores.targets):
            servers = [stack.enter_context(turn.build.serve()) for turn in turns]
        with pinned(cores.generators), ThreadPoolExecutor(len(turns)) as threads:
            futures = [
                threads.submit(run_side, turn, server, runs, on_second, stop)
                for turn, server in zip(turns, servers, strict=True)
            ]
            try:
                pending = set(futures)
                while pending:
                    # In short waits: on Windows, Ctrl-C interrupts no others.
                    done, pending = wait(pending, POLL_INTERVAL, FIRST_EXCEPTION)
                    for future in done:
                        future.result()
                return [future.result() for future in futures]
            except BaseException:
                # The other run is cut short within a second and kept; leaving the block waits for both threads.
                stop.set()
                raise
