"""Playing two builds in interleaved pairs.

ABBA BAAB: whatever drifts (a machine that grows warm, a neighbour that comes and goes) falls on both sides alike
(Abedi & Brecht, ICPE 2017). Each run has a server of its own, freshly started, as one server's luck with memory and
caches would otherwise be taken for its build's (Kalibera & Jones, ISMM 2013).

Where what each build uses of the processor is all that is asked, both runs of a pair can be played at once, both
servers on one core: then not even a second of the machine's mood is one side's alone (the duets of Bulej et al.,
"Duet Benchmarking", ICPE 2020).
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from festgate.rehearsal.runner.builds import Candidate
from festgate.rehearsal.runner.cores import Cores, confined, share_out
from festgate.rehearsal.runner.run import Enough, Second, rehearse
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
LOOK = 0.2
"""Seconds between two looks at runs that are played at once."""
Tell = Callable[[int, Side, Second], None]
"""Which run of all (from 0), whose, and how it stands."""
Look = Callable[[Run], None]
"""At a run that was played to its end; what it raises ends the comparison."""


def play_pairs(
    plan: Plan,
    before: Candidate,
    after: Candidate,
    pairs: int,
    runs: Path,
    *,
    tell: Tell,
    look: Look = lambda _: None,
    at_once: bool = False,
) -> tuple[list[Run], list[Run]]:
    """The runs of both sides, in pairs by their place. The seed is a pair's own, the same for both.

    `at_once`: both runs of a pair in the same seconds. `tell` is then called from two threads, and this is to be called
    from the main one.

    A run that is cut off ends the comparison; what was played is kept. Raises what `rehearse` and `look` do.
    """
    sides: dict[Side, Candidate] = {"before": before, "after": after}
    played: dict[Side, list[Run]] = {"before": [], "after": []}
    cores = share_out() if at_once else Cores()
    for pair in range(pairs):
        seeded = replace(plan, seed=plan.seed + pair)
        order = ORDER[pair % len(ORDER)]
        turns = [_Turn(seeded, 2 * pair + place, side, sides[side]) for place, side in enumerate(order)]
        if at_once:
            found = _play_at_once(turns, runs, tell, cores)
            for run in found:
                look(run)
        else:
            found = _play_in_turn(turns, runs, tell, look)
        for side, run in zip(order, found, strict=True):
            played[side].append(run)
    return played["before"], played["after"]


@dataclass(frozen=True)
class _Turn:
    """One run that is to be played."""

    plan: Plan
    number: int
    side: Side
    candidate: Candidate

    def play(self, server: Server | None, runs: Path, tell: Tell, enough: threading.Event) -> Run:
        """The run, cut off as soon as it is `enough`. Raises KeyboardInterrupt where it is cut off by anything else."""

        def tell_and_listen(second: Second) -> None:
            tell(self.number, self.side, second)
            if enough.is_set():
                raise Enough

        plan = replace(
            self.plan,
            host=server.url if server is not None else self.candidate.host,
            label="-".join(filter(None, (self.plan.label, self.side))),
        )
        run = rehearse(plan, runs, tell=tell_and_listen, server=server)
        if run.state == "cut":
            raise KeyboardInterrupt
        return run


def _play_in_turn(turns: Sequence[_Turn], runs: Path, tell: Tell, look: Look) -> list[Run]:
    played = []
    for turn in turns:
        with turn.candidate.serve() as server:
            played.append(turn.play(server, runs, tell, threading.Event()))
        look(played[-1])
    return played


def _play_at_once(turns: Sequence[_Turn], runs: Path, tell: Tell, cores: Cores) -> list[Run]:
    enough = threading.Event()
    with ExitStack() as stack:
        with confined(cores.targets):
            servers = [stack.enter_context(turn.candidate.serve()) for turn in turns]
        with confined(cores.generators), ThreadPoolExecutor(len(turns)) as threads:
            playing = [
                threads.submit(turn.play, server, runs, tell, enough)
                for turn, server in zip(turns, servers, strict=True)
            ]
            try:
                left = set(playing)
                while left:
                    # In short waits: on Windows, Ctrl-C ends no other.
                    done, left = wait(left, LOOK, FIRST_EXCEPTION)
                    for run in done:
                        run.result()
                return [run.result() for run in playing]
            except BaseException:
                # The other is cut off within its second, and kept: the threads are waited for.
                enough.set()
                raise
